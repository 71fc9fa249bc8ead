//! Rows that are found by a natural key, or added.

use onetrip::{ErrorKind, ForeignKey, Model, UnitOfWork, Upsert};

use crate::{Setup, suite};

suite! {
    what_is_there_is_found_and_the_rest_is_added: super::TAGS,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
    #[model(default)]
    note: Option<String>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "posts")]
struct Post {
    #[model(key)]
    id: Option<i32>,
    title: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "post_tags")]
struct PostTag {
    #[model(key)]
    post_id: ForeignKey<Post>,
    #[model(key)]
    tag_id: ForeignKey<Tag>,
}

const TAGS: &str = "
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL,
        note text DEFAULT 'new');
    CREATE TABLE posts (id serial PRIMARY KEY, title text NOT NULL);
    CREATE TABLE post_tags (post_id int REFERENCES posts, tag_id int REFERENCES tags,
        PRIMARY KEY (post_id, tag_id));
    INSERT INTO tags (name, uses, note) VALUES ('rust', 10, NULL), ('sql', 20, 'old');";

fn tag(name: &str, uses: i32) -> Tag {
    Tag { id: None, name: name.to_owned(), uses, note: None }
}

const LINKS: &str = "SELECT title, name FROM post_tags JOIN posts ON posts.id = post_id
    JOIN tags ON tags.id = tag_id ORDER BY 1, 2";

fn what_is_there_is_found_and_the_rest_is_added(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let posts = ["p1", "p2"].map(|title| uow.add(Post { id: None, title: title.to_owned() }));
    let names = ["zig", "sql", "go", "rust"];
    let tags = names.map(|name| uow.find_or_add(tag(name, 1)).unwrap());
    for tag in tags {
        uow.add(PostTag { post_id: posts[0].into(), tag_id: tag.into() });
    }
    uow.add(PostTag { post_id: posts[1].into(), tag_id: tags[2].into() });
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.found_rows()), (9, 2), "{report}");
    assert_eq!(tags.map(|tag| uow.was_found(tag).unwrap()), [false, true, false, true]);
    assert_eq!(tags.map(|tag| uow[tag].uses), [1, 20, 1, 10]);
    let notes = tags.map(|tag| uow[tag].note.clone());
    assert_eq!(notes, [Some("new".into()), Some("old".into()), Some("new".into()), None]);
    assert_eq!(uow[tags[3]].id, Some(1));
    assert_eq!(setup.schema.rows(LINKS), ["p1|go", "p1|rust", "p1|sql", "p1|zig", "p2|go"]);
    // No number was taken for those that were there.
    assert_eq!(setup.schema.rows("SELECT last_value FROM tags_id_seq"), ["4"]);
    // Nothing has changed by that.
    assert_eq!(uow.commit().unwrap().round_trips(), 0);
    // Asked for again, it is the same.
    assert_eq!(uow.find_or_add(tag("go", 7)).unwrap(), tags[2]);
    assert_eq!(uow.commit().unwrap().round_trips(), 0);
}
