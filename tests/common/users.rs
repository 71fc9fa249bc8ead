//! Users and their addresses: two tables, for tests that are about something else.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use onetrip::{ForeignKey, Model};

#[derive(Model, Clone)]
#[model(table = "users")]
pub(crate) struct User {
    #[model(key)]
    pub(crate) id: Option<i32>,
    pub(crate) name: String,
}

#[derive(Model, Clone)]
#[model(table = "addresses")]
pub(crate) struct Address {
    #[model(key)]
    pub(crate) id: Option<i32>,
    pub(crate) email: String,
    pub(crate) user_id: ForeignKey<User>,
}

pub(crate) const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL,
        user_id int NOT NULL REFERENCES users ON DELETE CASCADE)";

pub(crate) fn user(name: impl Into<String>) -> User {
    User { id: None, name: name.into() }
}

pub(crate) fn address(email: impl Into<String>, user: impl Into<ForeignKey<User>>) -> Address {
    Address { id: None, email: email.into(), user_id: user.into() }
}
