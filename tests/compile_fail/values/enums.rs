use onetrip::Value;

#[derive(Value)]
enum Nothing {}

#[derive(Value)]
enum WithFields {
    Unit,
    Tuple(i32),
    Struct { number: i32 },
    Empty(),
}

#[derive(Value)]
#[value(rename_all = "lowercase")]
enum SameLabel {
    First,
    FIRST,
    #[value(rename = "first")]
    Third,
}

#[derive(Value)]
#[value(rename_all = "snakecase")]
enum UnknownRule {
    First,
}

fn main() {}
