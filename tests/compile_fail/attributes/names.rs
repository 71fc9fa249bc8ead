use onetrip::Model;

#[derive(Model, Clone)]
#[model(table = "", schema = "a\0b")]
struct User {
    #[model(key, sequence("app", ""))]
    id: Option<i32>,
    #[model(column = "a_name_of_sixty_four_bytes_is_one_byte_longer_than_the_server_has")]
    name: String,
    a_name_of_sixty_four_bytes_is_one_byte_longer_than_the_server_h_: String,
    #[model(sql_type = "")]
    mood: String,
}

fn main() {}
