//! One fault of each class in commits of two tables.

use onetrip::{
    Copy, Culprit, ForeignKey, Handle, Model, Operation, OtherParty, Strategy, UnitOfWork,
};

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
    #[model(sql_type = "small")]
    small: Option<i32>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "visits")]
struct Visit {
    #[model(key)]
    id: Option<i32>,
    address_id: ForeignKey<Address>,
    pos: i32,
}

const TABLES: &str = "
    CREATE DOMAIN small AS int CHECK (VALUE < 100);
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE, boss int);
    CREATE TABLE addresses (id serial PRIMARY KEY, email varchar(40) NOT NULL,
        user_id int NOT NULL REFERENCES users, small small);
    CREATE TABLE visits (id serial PRIMARY KEY, address_id int NOT NULL REFERENCES addresses,
        pos int CHECK (pos >= 0) CONSTRAINT pos_key UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE UNIQUE INDEX addresses_email ON addresses (lower(email));
    CREATE FUNCTION no_spam() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.email LIKE '%spam%' THEN RAISE 'spam'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER no_spam AFTER INSERT OR UPDATE ON addresses FOR EACH ROW EXECUTE FUNCTION no_spam();
    CREATE TABLE notes (address_id int NOT NULL REFERENCES addresses);
    INSERT INTO users (name) VALUES ('Eve');
    INSERT INTO addresses (email, user_id) VALUES ('Taken@x', 1);";

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
    visits: Vec<Handle<Visit>>,
}

fn add(uow: &mut UnitOfWork<'_>, users: usize) -> Batch {
    let mut batch = Batch { users: Vec::new(), addresses: Vec::new(), visits: Vec::new() };
    for n in 0..users {
        let user = uow.add(User { id: None, name: format!("user {n}") });
        let (email, user_id) = (Some(format!("{n}@x")), user.into());
        let address = uow.add(Address { id: None, email, user_id, small: None });
        let visit = uow.add(Visit { id: None, address_id: address.into(), pos: n as i32 });
        batch.users.push(user);
        batch.addresses.push(address);
        batch.visits.push(visit);
    }
    batch
}

fn spoil(uow: &mut UnitOfWork<'_>, batch: &Batch, fault: Fault, at: usize) {
    let address = batch.addresses[at];
    match fault {
        Fault::Null => uow[address].email = None,
        Fault::TooLong => uow[address].email = Some("x".repeat(41)),
        Fault::Check => uow[batch.visits[at]].pos = -1,
        Fault::Domain => uow[address].small = Some(100),
        Fault::ForeignKey => uow[address].user_id = ForeignKey::Key(987_654_321),
        Fault::InTheTable => uow[address].email = Some("TAKEN@x".into()),
        Fault::InTheBatch => uow[address].email = Some("0@X".into()),
        Fault::Deferred => uow[batch.visits[at]].pos = 0,
        Fault::Trigger => uow[address].email = Some("spam@x".into()),
        Fault::UserInTheTable => uow[batch.users[at]].name = "Eve".into(),
        Fault::UserInTheBatch => uow[batch.users[at]].name = "user 0".into(),
    }
}

fn is_right(culprit: &Culprit, batch: &Batch, fault: Fault, at: usize) -> bool {
    let is_address = |n: usize| culprit.entity::<Address>() == Some(batch.addresses[n]);
    let is_visit = |n: usize| culprit.entity::<Visit>() == Some(batch.visits[n]);
    let is_user = |n: usize| culprit.entity::<User>() == Some(batch.users[n]);
    match fault {
        Fault::InTheBatch => is_address(at) || is_address(0),
        Fault::Deferred => is_visit(at) || is_visit(0),
        Fault::Check => is_visit(at),
        Fault::UserInTheTable => is_user(at),
        Fault::UserInTheBatch => is_user(at) || is_user(0),
        _ => is_address(at),
    }
}

/// What the book says of round trips. With `ONETRIP_FULL` set, it is measured for 15,000 rows, too:
///
/// ```text
/// ONETRIP_FULL=1 scripts/with-postgres cargo test --release --test diagnosis round_trips -- --nocapture
/// ```
#[test]
fn the_table_of_round_trips_in_the_book() {
    let book = include_str!("../../docs/src/failures.md");
    let is_full = std::env::var("ONETRIP_FULL").is_ok();
    let schema = Schema::new("diagnosis_round_trips", TABLES);
    let mut rows = Vec::new();
    let copied = [(Fault::TooLong, (|| Copy.into()) as fn() -> Strategy)];
    let plain = FAULTS.iter().map(|&fault| (fault, Strategy::default as fn() -> Strategy));
    for (fault, strategy) in plain.chain(copied) {
        let (code, what) = describe(fault);
        let copied = if strategy().name() == "copy" { ", in a `COPY`" } else { "" };
        let mut row = format!("| {code} | {what}{copied} |");
        for users in if is_full { vec![100, 5_000] } else { vec![100] } {
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
            let batch = add(&mut uow, users);
            // Not at the end, and not at the beginning.
            let at = users * 2 / 3;
            spoil(&mut uow, &batch, fault, at);
            let error = uow.commit().unwrap_err();
            let diagnosis = uow.diagnose(&error).unwrap();
            let [culprit] = diagnosis.culprits() else { panic!("{fault:?}: {diagnosis}") };
            assert!(is_right(culprit, &batch, fault, at) && diagnosis.is_complete(), "{culprit}");
            row += &format!(" {} |", diagnosis.round_trips());
        }
        println!("{row}");
        rows.push(row);
    }
    for row in rows {
        assert!(book.contains(&row), "the book does not have the row {row}");
    }
}

/// The SQLSTATE of a class, and what it is, as the book has it.
fn describe(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Null => ("23502", "NULL in a column that takes none"),
        Fault::TooLong => ("22001", "a text that is too long"),
        Fault::Check => ("23514", "a check of the table"),
        Fault::Domain => ("23514", "a check of a domain"),
        Fault::ForeignKey => ("23503", "a foreign key that leads nowhere"),
        Fault::InTheTable => ("23505", "a unique index of an expression, a row of the database"),
        Fault::InTheBatch => ("23505", "a unique index of an expression, another new row"),
        Fault::Deferred => ("23505", "a deferred unique constraint, beside triggers"),
        Fault::Trigger => ("P0001", "an error that a trigger raises"),
        Fault::UserInTheTable => ("23505", "a unique constraint, a row of the database"),
        Fault::UserInTheBatch => ("23505", "a unique constraint, another new row"),
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
            let at = users - 1;
            let needs_two =
                matches!(fault, Fault::UserInTheBatch | Fault::InTheBatch | Fault::Deferred);
            if users == 1 && needs_two {
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
            uow[batch.visits[at]].pos = 900_000;
            uow[address].small = None;
            uow[batch.users[at]].name = "mended".into();
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
    spoil(&mut uow, &batch, Fault::UserInTheBatch, 4);
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
