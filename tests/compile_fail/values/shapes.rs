use onetrip::Value;

#[derive(Value)]
struct Two(i32, i32);

#[derive(Value)]
struct None;

#[derive(Value)]
union Either {
    a: i32,
    b: f32,
}

#[derive(Value)]
struct Generic<T>(T);

#[derive(Value)]
struct Where(i32)
where
    i32: Copy;

fn main() {}
