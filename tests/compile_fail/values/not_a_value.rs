use onetrip::Value;

struct Other;

#[derive(Value)]
struct OfAnother(Other);

#[derive(Value)]
struct OfOption(Option<i32>);

fn main() {}
