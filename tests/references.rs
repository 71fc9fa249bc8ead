//! `ForeignKey` as a value: what becomes one, how it is ordered, how it is serialized, and what becomes of
//! one that is not set.

mod common;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use common::Schema;
use onetrip::{
    Batch, Copy, ErrorKind, ForeignKey, Model, OneTrip, RowByRow, Strategy, UnitOfWork, Unnest,
    Upsert, Value,
};
use serde::{Deserialize, Serialize};

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL UNIQUE,
        user_id int NOT NULL REFERENCES users, backup_of int REFERENCES users)";

#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

/// `Default` needs nothing of the keys.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    email: String,
    user_id: ForeignKey<User>,
    backup_of: Option<ForeignKey<User>>,
}

#[derive(Value, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[value(key)]
struct AccountId(i64);

macro_rules! models {
    ($($name:ident: $key:ty;)*) => {
        $(
            #[derive(Model, Clone)]
            #[model(table = "t")]
            struct $name {
                #[model(key)]
                key: $key,
            }
        )*
    };
}

models! {
    Small: i16;
    Large: Option<i64>;
    Country: String;
    Boxed: Box<str>;
    Shared: Arc<str>;
    Session: uuid::Uuid;
    Account: Option<AccountId>;
}

#[derive(Model, Clone)]
#[model(table = "lines")]
struct Line {
    #[model(key)]
    order_id: i64,
    #[model(key)]
    number: i16,
}

fn user(name: &str) -> User {
    User { id: None, name: name.to_owned() }
}

fn address(email: &str) -> Address {
    Address { email: email.to_owned(), ..Address::default() }
}

fn strategies() -> [Strategy; 6] {
    [Strategy::default(), OneTrip.into(), Copy.into(), Unnest.into(), Batch.into(), RowByRow.into()]
}

#[test]
fn keys_of_every_type_become_references() {
    // The literal gets the type of the key.
    assert_eq!(ForeignKey::<User>::from(7), ForeignKey::Key(7_i32));
    assert_eq!(ForeignKey::<Small>::from(7), ForeignKey::Key(7_i16));
    assert_eq!(ForeignKey::<Large>::from(7), ForeignKey::Key(7_i64));
    let by: Option<ForeignKey<Large>> = Some(7.into());
    assert_eq!(by, Some(ForeignKey::Key(7)));
    let known: Option<i32> = Some(3);
    assert_eq!(known.map(ForeignKey::<User>::from), Some(ForeignKey::Key(3)));

    assert_eq!(ForeignKey::<Country>::from("NZ"), ForeignKey::Key("NZ".to_owned()));
    assert_eq!(ForeignKey::<Country>::from("NZ".to_owned()), ForeignKey::Key("NZ".to_owned()));
    assert_eq!(ForeignKey::<Boxed>::from("NZ"), ForeignKey::Key("NZ".into()));
    assert_eq!(ForeignKey::<Shared>::from("NZ"), ForeignKey::Key("NZ".into()));
    let id = uuid::Uuid::from_u128(5);
    assert_eq!(ForeignKey::<Session>::from(id), ForeignKey::Key(id));
    assert_eq!(ForeignKey::<Account>::from(AccountId(5)), ForeignKey::Key(AccountId(5)));
    assert_eq!(ForeignKey::<Line>::from((5, 1)), ForeignKey::Key((5, 1)));
}

#[test]
fn a_reference_is_copied_with_its_key() {
    let by_key: ForeignKey<User> = 7.into();
    let (one, other) = (by_key, by_key);
    assert_eq!(one, other);
}

#[test]
fn references_are_ordered_as_keys_then_handles_then_what_is_not_set() {
    let schema = Schema::new("references_order", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let (ada, eve) = (uow.add(user("Ada")), uow.add(user("Eve")));
    assert!(ada < eve);
    let sorted: Vec<ForeignKey<User>> =
        vec![(-1).into(), 3.into(), 7.into(), ada.into(), eve.into(), ForeignKey::Unset];
    let mut references = sorted.clone();
    references.reverse();
    references.swap(0, 3);
    references.sort();
    assert_eq!(references, sorted);
    assert_eq!(references.iter().copied().collect::<BTreeSet<_>>().len(), 6);
    assert_eq!(references.iter().copied().collect::<HashSet<_>>().len(), 6);
    assert_eq!(ForeignKey::<User>::default(), ForeignKey::Unset);
}

#[test]
fn a_reference_is_serialized_as_its_key() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Form {
        user: ForeignKey<User>,
        #[serde(default)]
        country: ForeignKey<Country>,
        line: Option<ForeignKey<Line>>,
    }

    let form = Form { user: 7.into(), country: "NZ".into(), line: Some((5, 1).into()) };
    let json = r#"{"user":7,"country":"NZ","line":[5,1]}"#;
    assert_eq!(serde_json::to_string(&form).unwrap(), json);
    assert_eq!(serde_json::from_str::<Form>(json).unwrap(), form);
    let partly: Form = serde_json::from_str(r#"{"user":7,"line":null}"#).unwrap();
    assert_eq!(partly, Form { user: 7.into(), country: ForeignKey::Unset, line: None });

    let schema = Schema::new("references_serialize", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    let pending = serde_json::to_string(&ForeignKey::<User>::from(ada)).unwrap_err();
    assert_eq!(
        pending.to_string(),
        "the reference to users has no key yet: commit or flush before it is serialized"
    );
    let unset = serde_json::to_string(&ForeignKey::<User>::Unset).unwrap_err();
    assert_eq!(
        unset.to_string(),
        "the reference to users is not set, so there is no key to serialize"
    );
}

const NOT_SET: &str = "table addresses, column user_id: the reference of Handle<Address>(1) is not set; \
                       hint: give it a key or a handle before the entity is written";

#[test]
fn a_reference_can_be_set_later() {
    for strategy in strategies() {
        let schema = Schema::new("references_later", TABLES);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let ada = uow.add(user("Ada"));
        let before = uow.add(Address { user_id: ada.into(), ..address("before") });
        let home = uow.add(address("home"));
        for error in [uow.plan().unwrap_err(), uow.commit().unwrap_err(), uow.flush().unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert_eq!(error.to_string(), NOT_SET);
            assert_eq!(error.entity::<Address>(), Some(home));
            assert_eq!(error.entity::<User>(), None);
        }
        assert_eq!(uow[home].user_id, ForeignKey::Unset);
        assert_eq!(uow[before].user_id, ForeignKey::Pending(ada));
        // Nothing was sent: not even a key was taken.
        assert_eq!(schema.rows("SELECT nextval('users_id_seq')"), ["1"]);
        assert_eq!(schema.count("users"), 0);

        uow[home].user_id = ada.into();
        uow.commit().unwrap();
        assert_eq!(uow[home].user_id.key(), uow[ada].id.as_ref());
        assert_eq!(schema.count("addresses"), 2);
    }
}

#[test]
fn one_that_was_written_cannot_be_unset() {
    let schema = Schema::new("references_unset", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    let _ = uow.add(Address { user_id: ada.into(), ..address("other") });
    let home = uow.add(Address { user_id: ada.into(), ..address("home") });
    uow.commit().unwrap();

    uow[home].user_id = ForeignKey::Unset;
    uow[home].email = "work".to_owned();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.to_string(), NOT_SET);
    assert_eq!(error.entity::<Address>(), Some(home));
    assert_eq!(schema.rows("SELECT email FROM addresses ORDER BY id"), ["other", "home"]);
    // What is not set is no NULL.
    uow[home].user_id = ada.into();
    uow[home].backup_of = Some(ForeignKey::Unset);
    assert_eq!(uow.commit().unwrap_err().column(), Some("backup_of"));
    uow[home].backup_of = None;
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT email FROM addresses ORDER BY id"), ["other", "work"]);

    uow[home].user_id = ForeignKey::Unset;
    uow.rollback();
    assert_eq!(uow[home].user_id.key(), uow[ada].id.as_ref());
}

#[test]
fn what_is_found_or_added_needs_its_reference_too() {
    let schema = Schema::new("references_upsert", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    let home = uow.find_or_add(address("home")).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!((error.column(), error.entity()), (Some("user_id"), Some(home)));
    // The later one brings what the earlier has not.
    let again = uow.upsert_with(
        Address { user_id: ada.into(), ..address("home") },
        Upsert::new().set(["backup_of"]),
    );
    assert_eq!(again.unwrap(), home);
    uow.commit().unwrap();
    assert_eq!(uow[home].user_id.key(), uow[ada].id.as_ref());
}

#[test]
fn fields_that_share_a_column_cannot_stand_in_for_one_that_is_not_set() {
    #[derive(Model, Clone)]
    #[model(table = "tenants")]
    struct Tenant {
        #[model(key)]
        id: i32,
    }
    #[derive(Model, Clone, Default)]
    #[model(table = "notes")]
    struct Note {
        #[model(key)]
        id: Option<i32>,
        tenant_id: i32,
        #[model(column = "tenant_id")]
        tenant: ForeignKey<Tenant>,
    }

    let schema = Schema::new(
        "references_shared",
        "CREATE TABLE tenants (id int PRIMARY KEY);
         CREATE TABLE notes (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants)",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(Tenant { id: 5 });
    let note = uow.add(Note { tenant_id: 5, ..Note::default() });
    let error = uow.commit().unwrap_err();
    assert_eq!((error.kind(), error.entity()), (ErrorKind::Encode, Some(note)));
    uow[note].tenant = 5.into();
    uow.commit().unwrap();
}

#[test]
fn errors_that_are_about_an_entity_name_it() {
    let schema = Schema::new("references_entity", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    let home = uow.add(Address { user_id: ada.into(), ..address("home") });
    uow.expunge(ada).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!((error.kind(), error.entity()), (ErrorKind::Handle, Some(home)));
}
