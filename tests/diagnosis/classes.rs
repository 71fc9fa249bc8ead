//! One fault of each class in commits of two tables.

use onetrip::{Culprit, ForeignKey, Handle, Model, Operation, OtherParty, UnitOfWork};

use crate::common::Schema;

#[derive(Model, Clone, Debug)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: Option<String>,
    user_id: ForeignKey<User>,
    pos: Option<i32>,
    #[model(sql_type = "small")]
    small: Option<i32>,
}

const TABLES: &str = "
    CREATE DOMAIN small AS int CHECK (VALUE < 100);
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE, boss int);
    CREATE TABLE addresses (id serial PRIMARY KEY, email varchar(40) NOT NULL,
        user_id int NOT NULL REFERENCES users, pos int CHECK (pos >= 0), small small);
    CREATE UNIQUE INDEX addresses_email ON addresses (lower(email));
    ALTER TABLE addresses ADD CONSTRAINT pos_key UNIQUE (pos) DEFERRABLE INITIALLY DEFERRED;
    CREATE FUNCTION no_spam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.email LIKE '%spam%' THEN RAISE 'spam'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER no_spam AFTER INSERT OR UPDATE ON addresses FOR EACH ROW EXECUTE FUNCTION no_spam();
    CREATE TABLE notes (address_id int NOT NULL REFERENCES addresses);
    INSERT INTO users (name) VALUES ('Eve');
    INSERT INTO addresses (email, user_id, pos) VALUES ('Taken@x', 1, 1000000);";

/// The classes of faults in new addresses, by what they do to the one that is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Null,
    TooLong,
    Check,
    Domain,
    ForeignKey,
    InTheTable,
    InTheBatch,
    Deferred,
    Trigger,
    UserInTheTable,
    UserInTheBatch,
}

const FAULTS: &[Fault] = &[
    Fault::Null,
    Fault::TooLong,
    Fault::Check,
    Fault::Domain,
    Fault::ForeignKey,
    Fault::InTheTable,
    Fault::InTheBatch,
    Fault::Deferred,
    Fault::Trigger,
    Fault::UserInTheTable,
    Fault::UserInTheBatch,
];

struct Batch {
    users: Vec<Handle<User>>,
    addresses: Vec<Handle<Address>>,
}

fn add(uow: &mut UnitOfWork<'_>, users: usize) -> Batch {
    let mut batch = Batch { users: Vec::new(), addresses: Vec::new() };
    for n in 0..users {
        batch.users.push(uow.add(User { id: None, name: format!("user {n}") }));
    }
    for n in 0..2 * users {
        batch.addresses.push(uow.add(Address {
            id: None,
            email: Some(format!("{n}@x")),
            user_id: batch.users[n / 2].into(),
            pos: Some(n as i32),
            small: None,
        }));
    }
    batch
}

fn spoil(uow: &mut UnitOfWork<'_>, batch: &Batch, fault: Fault, at: usize) {
    let address = batch.addresses[at];
    match fault {
        Fault::Null => uow[address].email = None,
        Fault::TooLong => uow[address].email = Some("x".repeat(41)),
        Fault::Check => uow[address].pos = Some(-1),
        Fault::Domain => uow[address].small = Some(100),
        Fault::ForeignKey => uow[address].user_id = ForeignKey::Key(987_654_321),
        Fault::InTheTable => uow[address].email = Some("TAKEN@x".into()),
        Fault::InTheBatch => uow[address].email = Some("0@X".into()),
        Fault::Deferred => uow[address].pos = Some(0),
        Fault::Trigger => uow[address].email = Some("spam@x".into()),
        Fault::UserInTheTable => uow[batch.users[at / 2]].name = "Eve".into(),
        Fault::UserInTheBatch => uow[batch.users[at / 2]].name = "user 0".into(),
    }
}

fn is_right(culprit: &Culprit, batch: &Batch, fault: Fault, at: usize) -> bool {
    let is_address = |n: usize| culprit.entity::<Address>() == Some(batch.addresses[n]);
    let is_user = |n: usize| culprit.entity::<User>() == Some(batch.users[n]);
    match fault {
        Fault::InTheBatch | Fault::Deferred => is_address(at) || is_address(0),
        Fault::UserInTheTable => is_user(at / 2),
        Fault::UserInTheBatch => is_user(at / 2) || is_user(0),
        _ => is_address(at),
    }
}

#[test]
fn each_class_is_named_and_nothing_is_left_behind() {
    for users in [1, 4, 100] {
        for &fault in FAULTS {
            let schema = Schema::new("diagnosis_classes", TABLES);
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client);
            let batch = add(&mut uow, users);
            let at = 2 * users - 1;
            if users == 1 && matches!(fault, Fault::UserInTheBatch) {
                continue;
            }
            spoil(&mut uow, &batch, fault, at);
            let error = uow.commit().unwrap_err();
            let diagnosis = uow.diagnose(&error).unwrap();
            assert!(diagnosis.is_complete(), "{fault:?} of {users}: {diagnosis}");
            let [culprit] = diagnosis.culprits() else { panic!("{fault:?}: {diagnosis}") };
            assert!(is_right(culprit, &batch, fault, at), "{fault:?}: {culprit}");
            assert_eq!(culprit.operation(), Operation::Insert);
            assert!(diagnosis.round_trips() <= 40, "{fault:?}: {diagnosis}");
            assert_eq!((schema.count("users"), schema.count("addresses")), (1, 1));
            // It is as it was: mended, it can be committed.
            let address = batch.addresses[at];
            uow[address].email = Some("mended@x".into());
            uow[address].user_id = batch.users[0].into();
            uow[address].pos = Some(900_000);
            uow[address].small = None;
            uow[batch.users[at / 2]].name = "mended".into();
            assert_eq!(uow.commit().unwrap().rows(), 3 * users, "{fault:?}");
        }
    }
}

#[test]
fn the_other_party_is_an_entity_or_a_row_of_the_database() {
    let schema = Schema::new("diagnosis_other", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let batch = add(&mut uow, 10);
    spoil(&mut uow, &batch, Fault::UserInTheBatch, 8);
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    let [culprit] = diagnosis.culprits() else { panic!("{diagnosis}") };
    let Some(OtherParty::Same(other)) = culprit.other() else { panic!("{culprit:?}") };
    assert_eq!((other.entity(), other.row()), (Some(batch.users[0]), 1));
    assert_eq!(culprit.column(), Some("name"));
    assert_eq!(
        culprit.to_string(),
        "users: row 5 of 10 (new), column name: users_name_key, the same as row 1"
    );
    uow[batch.users[4]].name = "Eve".into();
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    let [culprit] = diagnosis.culprits() else { panic!("{diagnosis}") };
    assert!(matches!(culprit.other(), Some(OtherParty::RowOfDatabase)), "{culprit:?}");
}
