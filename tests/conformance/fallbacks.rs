//! Tables that not every way of writing can write: each strategy finds one that works, or says why
//! there is none.

use onetrip::{ErrorKind, ForeignKey, Model, Reason, Way};

use crate::{Setup, suite};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "parents")]
struct Parent {
    #[model(key)]
    id: Option<i32>,
    label: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "children")]
struct Child {
    #[model(key)]
    id: Option<i64>,
    parent: ForeignKey<Parent>,
    tags: Vec<String>,
    scores: Option<Vec<i32>>,
}

const TABLES: &str = "CREATE TABLE parents (id serial PRIMARY KEY, label text NOT NULL);
    CREATE TABLE children (id bigserial PRIMARY KEY, parent int NOT NULL REFERENCES parents,
        tags text[] NOT NULL, scores int[])";

/// One parent with so many children.
fn family(uow: &mut onetrip::UnitOfWork<'_>, children: usize) {
    let parent = uow.add(Parent { id: None, label: "parent".to_owned() });
    for n in 0..children {
        let tags = (0..n % 4).map(|tag| format!("{n} {tag}")).collect();
        let scores = (n % 3 != 0).then(|| vec![n as i32; n % 3 - 1]);
        uow.add(Child { id: None, parent: parent.into(), tags, scores });
    }
}

fn arrays_in_many_rows(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    family(&mut uow, 1_200);
    let plan = uow.plan().unwrap();
    let report = uow.commit().unwrap();
    assert_eq!(report.round_trips(), plan.round_trips() as u64, "{plan}");
    let wrong =
        "SELECT count(*) FROM (SELECT *, row_number() OVER (ORDER BY id) - 1 AS n FROM children) c
        WHERE cardinality(tags) <> n % 4 OR (tags[1] <> n || ' 0')
        OR (scores IS NULL) <> (n % 3 = 0) OR cardinality(scores) <> n % 3 - 1";
    assert_eq!(setup.schema.rows(wrong), ["0"]);
    assert_eq!(setup.schema.count("children"), 1_200);
}

fn a_rule_that_does_more(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    for expected in 1..=2 {
        let parent = uow.add(Parent { id: None, label: "parent".to_owned() });
        let report = uow.commit().unwrap();
        assert_eq!(report.way(), Some(Way::StepByStep));
        assert!(uow[parent].id.is_some());
        assert_eq!(setup.schema.count("parents"), expected);
        assert_eq!(setup.schema.count("log"), expected, "the rule has run");
        if ["auto", "one_trip"].contains(&setup.name) {
            assert_eq!(report.reason(), Some(&Reason::Refused("0A000".to_owned())));
            // The second time it is known.
            assert_eq!(report.round_trips(), if expected == 1 { 5 } else { 4 });
        }
    }
    uow.add(Parent { id: None, label: "parent".to_owned() });
    assert_eq!(uow.plan().unwrap().way(), Some(Way::StepByStep));
}

fn a_trigger_that_looks_at_another_table(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    family(&mut uow, 3);
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("children"), 3);
}

fn columns_that_are_wider_than_the_fields(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    family(&mut uow, 3);
    uow.commit().unwrap();
    let rows =
        setup.schema.rows("SELECT c.parent = p.id, p.label, c.tags FROM children c, parents p");
    assert_eq!(rows, ["t|parent|{}", "t|parent|{\"1 0\"}", "t|parent|{\"2 0\",\"2 1\"}"]);
}

fn privileges_that_are_missing(setup: &Setup) {
    let mut client = setup.session();
    client.batch_execute(&format!("SET ROLE r_{}", setup.schema.name())).unwrap();
    let mut uow = setup.uow(&mut client);
    let parent = uow.add(Parent { id: None, label: "parent".to_owned() });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42501", "{error}");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert_eq!(uow[parent].id, None);
    drop(uow);
    client.batch_execute("RESET ROLE").expect("the connection is as it was");
    let mut uow = setup.uow(&mut client);
    uow.add(Parent { id: None, label: "parent".to_owned() });
    uow.commit().unwrap();
    drop(uow);
    let name = format!("r_{}", setup.schema.name());
    client.batch_execute(&format!("DROP OWNED BY {name}; DROP ROLE {name}")).unwrap();
}

fn a_transaction_that_is_read_only(setup: &Setup) {
    let mut client = setup.session();
    client.batch_execute("SET default_transaction_read_only = on").unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Parent { id: Some(1), label: "parent".to_owned() });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "25006", "{error}");
    drop(uow);
    client.batch_execute("SET default_transaction_read_only = off").unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Parent { id: Some(1), label: "parent".to_owned() });
    uow.commit().unwrap();
}

fn statement_triggers_that_refuse(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    uow.add(Parent { id: Some(1), label: "parent".to_owned() });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "P0001", "{error}");
    drop(uow);
    client.batch_execute("DROP TRIGGER refuse ON parents").unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Parent { id: Some(1), label: "parent".to_owned() });
    uow.commit().unwrap();
}

suite! {
    arrays_in_many_rows: super::TABLES,
    a_rule_that_does_more: &format!("{}; CREATE TABLE log (label text);
        CREATE RULE log AS ON INSERT TO parents DO ALSO INSERT INTO log VALUES ('inserted')", super::TABLES),
    a_trigger_that_looks_at_another_table: &format!("{};
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NOT EXISTS (SELECT FROM parents WHERE id = NEW.parent) THEN
                RAISE EXCEPTION 'no such parent'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER look BEFORE INSERT ON children FOR EACH ROW EXECUTE FUNCTION look()", super::TABLES),
    columns_that_are_wider_than_the_fields: "
        CREATE TABLE parents (id serial PRIMARY KEY, label varchar(20) NOT NULL);
        CREATE TABLE children (id bigserial PRIMARY KEY, parent bigint NOT NULL REFERENCES parents,
            tags varchar(10)[] NOT NULL, scores bigint[])",
    privileges_that_are_missing: &format!("{};
        DO $$ BEGIN EXECUTE 'CREATE ROLE r_' || current_schema();
            EXECUTE 'GRANT USAGE ON SCHEMA ' || current_schema() || ' TO r_' || current_schema();
            EXECUTE 'GRANT USAGE ON SEQUENCE parents_id_seq TO r_' || current_schema(); END $$", super::TABLES),
    a_transaction_that_is_read_only: super::TABLES,
    statement_triggers_that_refuse: &format!("{};
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON parents EXECUTE FUNCTION refuse()", super::TABLES),
}
