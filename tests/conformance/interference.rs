//! Triggers and the like that store something else than was sent.

use onetrip::{ErrorKind, ForeignKey, Model};

use crate::{Setup, suite};

#[derive(Model, Clone, Debug)]
#[model(table = "items")]
struct Item {
    #[model(key)]
    id: Option<i32>,
    label: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "parts")]
struct Part {
    #[model(key)]
    id: i32,
    item: ForeignKey<Item>,
}

fn a_trigger_swallows_a_row(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let items: Vec<_> = (0..3).map(|label| uow.add(Item { id: None, label })).collect();
    let error = uow.commit().unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::RowMismatch, Some("items")), "{error}");
    assert_eq!(setup.schema.count("items"), 0);
    assert_eq!(uow[items[0]].id, None);
    uow[items[1]].label = 10;
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("items"), 3);
}

fn a_trigger_changes_a_key(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let item = uow.add(Item { id: Some(5), label: 1 });
    uow.add(Part { id: 1, item: item.into() });
    let error = uow.commit().unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::RowMismatch, Some("items")), "{error}");
    assert_eq!(setup.schema.count("items"), 0);
    assert_eq!(uow[item].id, Some(5));
}

fn rows_find_their_partition(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let items: Vec<_> = (0..6).map(|label| uow.add(Item { id: None, label })).collect();
    uow.commit().unwrap();
    assert!(items.iter().all(|&item| uow[item].id.is_some()));
    assert_eq!((setup.schema.count("low"), setup.schema.count("high")), (3, 3));
    uow.add(Item { id: None, label: 100 });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23514", "{error}");
    assert_eq!(setup.schema.count("items"), 6);
    // The server names the partition.
    uow.rollback();
    setup.client().batch_execute("ALTER TABLE low ADD CHECK (label <> 1) NOT VALID").unwrap();
    uow.add(Item { id: None, label: 1 });
    let error = uow.commit().unwrap_err();
    assert_eq!((error.table(), error.constraint()), (Some("items"), Some("low_label_check")));
}

fn a_key_that_is_there_already(setup: &Setup) {
    let mut client = setup.client();
    client
        .batch_execute("INSERT INTO items VALUES (1, 1), (2, 2); INSERT INTO parts VALUES (1, 1)")
        .unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Item { id: None, label: 1 });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.constraint(), Some("items_pkey"));
    assert!(error.hint().is_some_and(|hint| hint.contains("sequence")), "{error}");
    uow.rollback();
    // Nobody assigns this one.
    uow.add(Part { id: 1, item: ForeignKey::Key(1) });
    let error = uow.commit().unwrap_err();
    assert_eq!((error.constraint(), error.hint()), (Some("parts_pkey"), None), "{error}");
}

suite! {
    a_key_that_is_there_already: "CREATE TABLE items (id serial PRIMARY KEY, label int NOT NULL);
        CREATE TABLE parts (id int PRIMARY KEY, item int NOT NULL)",
    a_trigger_swallows_a_row: "CREATE TABLE items (id serial PRIMARY KEY, label int NOT NULL);
        CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.label = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
        CREATE TRIGGER swallow BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION swallow()",
    a_trigger_changes_a_key: "CREATE TABLE items (id serial PRIMARY KEY, label int NOT NULL);
        CREATE TABLE parts (id int PRIMARY KEY, item int NOT NULL);
        CREATE FUNCTION renumber() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.id := NEW.id + 1000; RETURN NEW; END $$;
        CREATE TRIGGER renumber BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION renumber()",
    rows_find_their_partition: "CREATE TABLE items (id serial, label int NOT NULL, PRIMARY KEY (id, label))
            PARTITION BY RANGE (label);
        CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (3);
        CREATE TABLE high PARTITION OF items FOR VALUES FROM (3) TO (6)",
}
