// Tags that many posts share.

include!("server.rs");

#[allow(dead_code)]
const TAGS: &str = "
    CREATE TABLE tags (
        id serial PRIMARY KEY,
        name text NOT NULL UNIQUE,
        uses integer NOT NULL
    );
    CREATE TABLE posts (id serial PRIMARY KEY, title text NOT NULL);
    CREATE TABLE post_tags (
        post_id integer REFERENCES posts,
        tag_id integer REFERENCES tags,
        PRIMARY KEY (post_id, tag_id)
    );
    INSERT INTO tags (name, uses) VALUES ('rust', 10), ('sql', 20)";

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
}

impl Tag {
    #[allow(dead_code)]
    fn new(name: &str) -> Tag {
        Tag { id: None, name: name.to_owned(), uses: 1 }
    }
}
