// Two models that most samples of the book use, and their tables.

include!("server.rs");

#[allow(dead_code)]
const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (
        id serial PRIMARY KEY,
        email text NOT NULL UNIQUE,
        user_id integer NOT NULL REFERENCES users
    )";

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: String,
    user_id: onetrip::ForeignKey<User>,
}

#[allow(dead_code)]
fn user(name: &str) -> User {
    User { id: None, name: name.to_owned() }
}

#[allow(dead_code)]
fn address(email: &str, user_id: impl Into<onetrip::ForeignKey<User>>) -> Address {
    Address { id: None, email: email.to_owned(), user_id: user_id.into() }
}
