use onetrip::Value;

#[derive(Value)]
#[value(rename_all, key = "yes")]
enum WrongForms {
    #[value(rename)]
    First,
    #[value(rename("a", "b"))]
    Second,
    #[value(rename = "a\0b")]
    Third,
    #[value(rename = 5)]
    Fourth,
    #[value(rename = "e", rename = "f")]
    Fifth,
}

#[derive(Value)]
#[value(sql_type = "mood")]
enum Unknown {
    #[value(key)]
    First,
}

#[derive(Value)]
#[value(rename_all = "lowercase")]
struct Newtype(i32);

#[derive(Value)]
struct OnField {
    #[value(key)]
    id: i32,
}

#[derive(Value)]
#[value]
struct NotAList(i32);

fn main() {}
