use onetrip::Value;

#[derive(Value, Debug, Clone)]
#[value(key)]
struct Price(f64);

fn main() {}
