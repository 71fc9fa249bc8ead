//! From an entity to those that it refers to, and changing one while others are read.

mod common;
#[path = "common/relayed.rs"]
mod relayed;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::Schema;
use onetrip::{ErrorKind, ForeignKey, Handle, Model, UnitOfWork};
use relayed::{client_through, relay_to};

const TABLES: &str = "
    CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age int NOT NULL DEFAULT 0);
    CREATE TABLE rooms (building int, number int, name text NOT NULL, PRIMARY KEY (building, number));
    CREATE TABLE visits (id serial PRIMARY KEY, host_id int NOT NULL REFERENCES people,
        guest_id int REFERENCES people, building int, room int,
        FOREIGN KEY (building, room) REFERENCES rooms);
    INSERT INTO people (name) SELECT 'p' || n FROM generate_series(1, 5) AS n;
    INSERT INTO rooms VALUES (1, 1, 'hall'), (1, 2, 'attic');
    INSERT INTO visits (host_id, guest_id, building, room)
        VALUES (1, 2, 1, 1), (1, NULL, 1, 2), (3, 1, NULL, 2), (4, 5, NULL, NULL);";

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "people")]
struct Person {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    age: i32,
}

#[derive(Model, Clone)]
#[model(table = "rooms")]
struct Room {
    #[model(key)]
    building: i32,
    #[model(key)]
    number: i32,
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "visits")]
struct Visit {
    #[model(key)]
    id: Option<i32>,
    host_id: ForeignKey<Person>,
    guest_id: Option<ForeignKey<Person>>,
    #[model(column("building", "room"))]
    room: Option<ForeignKey<Room>>,
}

fn person(name: &str) -> Person {
    Person { id: None, name: name.into(), age: 0 }
}

fn names(uow: &UnitOfWork<'_>, people: &[Option<Handle<Person>>]) -> Vec<Option<String>> {
    people.iter().map(|person| person.map(|person| uow[person].name.clone())).collect()
}

fn some(names: &[&str]) -> Vec<Option<String>> {
    names.iter().map(|name| (!name.is_empty()).then(|| (*name).to_owned())).collect()
}

#[test]
fn parents_are_one_query_and_come_in_the_order_of_the_children() {
    let schema = Schema::new("to_one_parents", TABLES);
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let mut uow = UnitOfWork::new(&mut client);
    let visits = uow.query::<Visit>("true").order_by("id").load().unwrap();
    let before = relay.round_trips().unwrap();
    let trips = || relay.round_trips().unwrap() - before;

    let hosts = uow.parents_by::<Visit, Person>("host_id", &visits).unwrap();
    assert_eq!(names(&uow, &hosts), some(&["p1", "p1", "p3", "p4"]));
    assert_eq!(hosts[0], hosts[1]);
    assert_eq!(trips(), 1);
    let guests = uow.parents_by::<Visit, Person>("guest_id", &visits).unwrap();
    assert_eq!(names(&uow, &guests), some(&["p2", "", "p1", "p5"]));
    assert_eq!((trips(), uow.len()), (2, 4 + 5));
    uow.parents_by::<Visit, Person>("guest_id", &visits).unwrap();
    assert_eq!(trips(), 2, "what is there is not asked for");

    let rooms = uow.parents::<Visit, Room>(&visits).unwrap();
    let rooms: Vec<_> = rooms.iter().map(|room| room.map(|room| &*uow[room].name)).collect();
    assert_eq!(rooms, [Some("hall"), Some("attic"), None, None]);
    assert_eq!(trips(), 3);
    assert!(uow.parents::<Visit, Room>(&[]).unwrap().is_empty());
    assert_eq!(trips(), 3);
}

#[test]
fn parents_that_are_not_written_are_those_that_the_reference_names() {
    let schema = Schema::new("to_one_pending", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let new = uow.add(person("new"));
    let visit =
        |host: ForeignKey<Person>| Visit { id: None, host_id: host, guest_id: None, room: None };
    let by_handle = uow.add(visit(new.into()));
    let by_key = uow.add(visit(ForeignKey::Key(2)));
    let gone = uow.add(visit(ForeignKey::Key(77)));
    let hosts = uow.parents_by::<Visit, Person>("host_id", &[by_handle, gone, by_key]).unwrap();
    assert_eq!(names(&uow, &hosts), some(&["new", "", "p2"]));
    assert_eq!(hosts[0], Some(new));

    // A reference that was changed is looked at as it is now.
    uow[by_key].host_id = ForeignKey::Key(3);
    let hosts = uow.parents_by::<Visit, Person>("host_id", &[by_key]).unwrap();
    assert_eq!(names(&uow, &hosts), some(&["p3"]));
    uow.delete(hosts[0].unwrap()).unwrap();
    assert_eq!(uow.parents_by::<Visit, Person>("host_id", &[by_key]).unwrap(), [None]);

    uow.expunge(new).unwrap();
    let error = uow.parents_by::<Visit, Person>("host_id", &[by_handle]).unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Handle, Some("people")));
    uow.expunge(by_key).unwrap();
    let error = uow.parents::<Visit, Room>(&[by_key]).unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Handle, Some("visits")));
}

#[test]
fn the_foreign_key_has_to_be_one() {
    let schema = Schema::new("to_one_errors", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    for (error, message) in [
        (
            uow.parents::<Visit, Person>(&[]),
            "the model has several foreign keys that refer to people",
        ),
        (
            uow.parents::<Person, Room>(&[]).map(|_| Vec::new()),
            "the model has no foreign key that refers to rooms",
        ),
        (
            uow.parents_by::<Visit, Person>("room", &[]),
            "the model has no such foreign key that refers to people",
        ),
    ]
    .map(|(result, message): (Result<Vec<Option<Handle<Person>>>, _>, _)| {
        (result.unwrap_err(), message)
    }) {
        assert_eq!(error.kind(), ErrorKind::Model, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_reference_leads_to_its_entity() {
    let schema = Schema::new("to_one_target", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let visits = uow.query::<Visit>("true").order_by("id").load().unwrap();
    let host = &uow[visits[0]].host_id;
    assert_eq!(uow.target(host), None);
    let panic = catch_unwind(AssertUnwindSafe(|| uow[host].name.clone())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("table people: ") && message.contains("`parents`"), "{message}");

    let hosts = uow.parents_by::<Visit, Person>("host_id", &visits).unwrap();
    assert_eq!(uow.target(&uow[visits[2]].host_id), hosts[2]);
    assert_eq!(uow[&uow[visits[2]].host_id].name, "p3");
    assert_eq!(uow.target(uow[visits[2]].guest_id.as_ref().unwrap()), hosts[0]);
    // A key that was changed counts once it is written, and so does the reference.
    uow[hosts[2].unwrap()].id = Some(33);
    assert_eq!(uow.target(&ForeignKey::<Person>::Key(3)), hosts[2]);
    assert_eq!(uow.target(&ForeignKey::<Person>::Key(33)), None);
    uow.delete(hosts[3].unwrap()).unwrap();
    assert_eq!(uow[&uow[visits[3]].host_id].name, "p4", "until then it can be read");

    let new = uow.add(person("new"));
    assert_eq!(uow[&ForeignKey::from(new)].name, "new");
    uow.expunge(new).unwrap();
    assert_eq!(uow.target(&ForeignKey::from(new)), None);
    uow.clear();
    assert_eq!(uow.target(&ForeignKey::<Person>::Key(1)), None);
}

#[test]
fn an_entity_is_changed_while_others_are_read() {
    let schema = Schema::new("to_one_update", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let [one, two] = uow.query::<Person>("id < 3").order_by("id").load().unwrap()[..] else {
        panic!()
    };
    uow[two].age = 40;
    let before = uow
        .update(one, |person, uow| {
            person.age += uow[two].age + 2;
            person.name = format!("{} and {}", person.name, uow[two].name);
            uow[one].age
        })
        .unwrap();
    assert_eq!((before, uow[one].age), (0, 42));
    assert_eq!(uow.find_by::<Person, _>("p1 and p2".to_owned()).unwrap(), Some(one));
    uow.update(one, |person, _| person.name = "renamed".into()).unwrap();
    assert_eq!(uow.find_by::<Person, _>("renamed".to_owned()).unwrap(), Some(one));

    let panic = catch_unwind(AssertUnwindSafe(|| {
        uow.update(two, |person, _| {
            person.age = 99;
            panic!("on purpose");
        })
    }));
    assert!(panic.is_err());
    assert_eq!(uow[two].age, 40);
    // What changes nothing is no change.
    uow.commit().unwrap();
    uow.update(two, |_, _| ()).unwrap();
    assert_eq!(uow.commit().unwrap().updated_rows(), 0);
    assert_eq!(
        schema.rows("SELECT name, age FROM people WHERE id < 3 ORDER BY id"),
        ["renamed|42", "p2|40"]
    );

    uow.delete(two).unwrap();
    let error = uow.update(two, |_, _| panic!("it is not called")).unwrap_err();
    let same = uow.get_mut(two).unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (same.kind(), same.to_string()));
    uow.expunge(one).unwrap();
    let error = uow.update(one, |_, _| panic!("it is not called")).unwrap_err();
    assert_eq!(error.to_string(), uow.get_mut(one).unwrap_err().to_string());
}
