//! Where entities stand, and the entities of a model.

mod common;

use common::Schema;
use onetrip::{EntityState, ForeignKey, Handle, Model, UnitOfWork};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
    #[model(version)]
    version: i32,
    boss: Option<ForeignKey<User>>,
}

#[derive(Model, Clone)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: Option<i32>,
}

const USERS: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL,
    version int NOT NULL, boss int REFERENCES users)";

fn user(name: &str) -> User {
    User { id: None, name: name.to_owned(), version: 1, boss: None }
}

fn changed(uow: &UnitOfWork<'_>) -> Vec<Handle<User>> {
    uow.changed::<User>().collect()
}

fn entities(uow: &UnitOfWork<'_>) -> Vec<Handle<User>> {
    uow.entities::<User>().collect()
}

#[test]
fn an_entity_goes_through_its_states() {
    let schema = Schema::new("entity_states", USERS);
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    assert_eq!(uow.state(ada), EntityState::Pending);
    uow[ada].name.push('!');
    assert_eq!(uow.state(ada), EntityState::Pending, "a new one is written as it is");
    uow.flush().unwrap();
    assert_eq!(uow.state(ada), EntityState::Persistent);
    uow.commit().unwrap();
    assert_eq!(uow.state(ada), EntityState::Persistent);

    let _ = uow.get_mut(ada).unwrap();
    assert_eq!(uow.state(ada), EntityState::Persistent, "nothing has changed");
    uow[ada].version = 77;
    assert_eq!(uow.state(ada), EntityState::Persistent, "the unit of work writes the version");
    uow[ada].name = "Eve".to_owned();
    assert_eq!(uow.state(ada), EntityState::Changed);
    uow[ada].name = "Ada!".to_owned();
    assert_eq!(uow.state(ada), EntityState::Persistent, "it is what it was");
    uow[ada].name = "Ada".to_owned();
    uow.flush().unwrap();
    assert_eq!(uow.state(ada), EntityState::Persistent);
    uow.commit().unwrap();

    uow.delete(ada).unwrap();
    assert_eq!(uow.state(ada), EntityState::MarkedForDeletion);
    uow.undelete(ada).unwrap();
    assert_eq!(uow.state(ada), EntityState::Persistent);
    uow.delete(ada).unwrap();
    uow.flush().unwrap();
    assert_eq!(uow.state(ada), EntityState::Deleted);
    uow.rollback();
    assert_eq!(uow.state(ada), EntityState::Persistent);
    uow.delete(ada).unwrap();
    uow.commit().unwrap();
    assert_eq!(uow.state(ada), EntityState::Detached);

    let theirs = UnitOfWork::new(&mut other).add(user("Eve"));
    assert_eq!(uow.state(theirs), EntityState::Detached);
    uow.add(user("Bob"));
    uow.clear();
    assert_eq!(uow.state(ada), EntityState::Detached);
}

#[test]
fn what_cannot_be_written_counts_as_changed() {
    let schema = Schema::new("entity_states_nul", USERS);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    uow.commit().unwrap();
    uow[ada].name = "a\0".to_owned();
    assert_eq!(uow.state(ada), EntityState::Changed);
    uow[ada].name = "Ada".to_owned();
    uow[ada].boss = Some(ForeignKey::Unset);
    assert_eq!(uow.state(ada), EntityState::Changed);
}

#[test]
fn the_entities_of_a_model_are_listed() {
    let schema = Schema::new("entity_states_list", USERS);
    let mut client = schema.client();
    client
        .batch_execute(
            "INSERT INTO users (name, version) VALUES ('Ada', 1), ('Bob', 1), ('Eve', 1)",
        )
        .unwrap();
    let mut uow = UnitOfWork::new(&mut client);
    assert!(entities(&uow).is_empty() && changed(&uow).is_empty());
    let loaded = uow.query::<User>("true").order_by("id DESC").load().unwrap();
    let [eve, bob, ada] = loaded[..] else { panic!("{loaded:?}") };
    let (new, taken) = (uow.add(user("New")), uow.add(user("Taken")));
    assert_eq!(entities(&uow), [eve, bob, ada, new, taken]);
    assert!(changed(&uow).is_empty());
    assert_eq!(uow.entities::<Note>().count(), 0);

    uow[ada].name.push('!');
    uow[eve].boss = new.into();
    let _ = uow.get_mut(bob).unwrap();
    uow.take(taken).unwrap();
    assert_eq!(changed(&uow), [eve, ada]);
    uow.delete(ada).unwrap();
    assert_eq!(changed(&uow), [eve], "what is deleted need not be updated");
    assert_eq!(entities(&uow), [eve, bob, ada, new]);
    assert_eq!(entities(&uow).len(), uow.len());
    uow.commit().unwrap();
    assert!(changed(&uow).is_empty());
    assert_eq!(entities(&uow), [eve, bob, new]);
}
