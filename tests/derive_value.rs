//! What `#[derive(Value)]` makes of enums and newtypes.

mod common;

use common::Schema;
use onetrip::{
    Batch, Copy, ErrorKind, ForeignKey, KeyValue, Model, OneTrip, RowByRow, SqlType, Strategy,
    UnitOfWork, Unnest, Value,
};

/// Returns the label that a value is sent as.
fn label<V: Value>(value: &V) -> String {
    let mut out = onetrip::BytesMut::new();
    value.encode(&mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

#[derive(Value, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[value(rename_all = "snake_case")]
enum Mood {
    Happy,
    #[value(rename = "so-so")]
    SoSo,
    VerySad,
}

#[derive(Value, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[value(key)]
struct UserId(i64);

#[derive(Value, Debug, Clone, PartialEq)]
struct Email {
    text: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "people")]
struct Person {
    #[model(key)]
    id: Option<UserId>,
    email: Email,
    #[model(sql_type = "mood")]
    mood: Mood,
    #[model(sql_type = "mood", default)]
    usual_mood: Option<Mood>,
    #[model(sql_type = "_mood")]
    past_moods: Vec<Option<Mood>>,
    note: Option<Mood>,
    invited_by: Option<ForeignKey<Person>>,
}

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'so-so', 'very_sad', 'unheard-of');
    CREATE TABLE people (id bigserial PRIMARY KEY, email text NOT NULL, mood mood NOT NULL,
        usual_mood mood NOT NULL DEFAULT 'so-so', past_moods mood[] NOT NULL, note text,
        invited_by bigint REFERENCES people)";

fn person(email: &str, mood: Mood) -> Person {
    Person {
        id: None,
        email: Email { text: email.to_owned() },
        mood,
        usual_mood: None,
        past_moods: vec![],
        note: None,
        invited_by: None,
    }
}

#[test]
fn the_label_is_the_name_unless_it_is_renamed() {
    #[derive(Value, Debug, PartialEq)]
    enum Plain {
        Open,
        OnHold,
        #[value(rename = "")]
        Nothing,
        r#Self_,
    }

    assert_eq!(Plain::TYPE, SqlType::TEXT);
    let labels = [Plain::Open, Plain::OnHold, Plain::Nothing, Plain::Self_].map(|p| label(&p));
    assert_eq!(labels, ["Open", "OnHold", "", "Self_"]);
    assert_eq!(Plain::decode(b"OnHold").unwrap(), Plain::OnHold);
    let labels = [Mood::Happy, Mood::SoSo, Mood::VerySad].map(|mood| label(&mood));
    assert_eq!(labels, ["happy", "so-so", "very_sad"]);
}

#[test]
fn every_rule_makes_its_own_name() {
    macro_rules! check {
        ($($rule:literal: $label:literal;)*) => {
            $({
                #[derive(Value, Debug, PartialEq)]
                #[value(rename_all = $rule)]
                enum Status {
                    OnHoldÜber,
                }
                assert_eq!(label(&Status::OnHoldÜber), $label);
                assert_eq!(Status::decode($label.as_bytes()).unwrap(), Status::OnHoldÜber);
            })*
        };
    }
    check! {
        "lowercase": "onholdüber";
        "UPPERCASE": "ONHOLDÜBER";
        "PascalCase": "OnHoldÜber";
        "camelCase": "onHoldÜber";
        "snake_case": "on_hold_über";
        "SCREAMING_SNAKE_CASE": "ON_HOLD_ÜBER";
        "kebab-case": "on-hold-über";
        "SCREAMING-KEBAB-CASE": "ON-HOLD-ÜBER";
    }
}

#[test]
fn enums_and_newtypes_are_columns_with_every_strategy() {
    let strategies: [Strategy; 5] =
        [OneTrip.into(), Copy.into(), Unnest.into(), Batch.into(), RowByRow.into()];
    for strategy in strategies {
        let schema = Schema::new("derive_value", TABLES);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let ada = uow.add(Person {
            past_moods: vec![Some(Mood::VerySad), None],
            note: Some(Mood::SoSo),
            ..person("ada@example.org", Mood::Happy)
        });
        let eve = uow.add(Person {
            invited_by: ada.into(),
            usual_mood: Some(Mood::VerySad),
            ..person("eve@example.org", Mood::VerySad)
        });
        uow.commit().unwrap();
        let (id, eves) = (uow[ada].id.unwrap(), uow[eve].id.unwrap());
        assert_eq!((id, eves), (UserId(1), UserId(2)));
        assert_eq!(uow[eve].invited_by, Some(id.into()));
        assert_eq!(uow[ada].usual_mood, Some(Mood::SoSo));
        assert_eq!(
            schema.rows("SELECT mood, usual_mood, past_moods, note FROM people ORDER BY id"),
            ["happy|so-so|{very_sad,NULL}|so-so", "very_sad|very_sad|{}|NULL"]
        );

        let written = uow[ada].clone();
        uow.clear();
        let found = uow.find::<Person>(UserId(1)).unwrap().unwrap();
        assert_eq!(uow[found], written);
        uow[found].mood = Mood::SoSo;
        uow.commit().unwrap();
        let moods = [Mood::SoSo, Mood::Happy];
        let email = Email { text: "ada@example.org".to_owned() };
        let found = uow
            .query::<Person>("mood = $1 AND id = $2 AND email = $3 AND mood::text = ANY($4)")
            .bind(Mood::SoSo)
            .bind(Some(&id))
            .bind(&email)
            .bind(moods)
            .load()
            .unwrap();
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn a_label_that_the_enum_does_not_have_is_an_error_that_names_the_type() {
    let schema = Schema::new(
        "derive_value_label",
        &format!(
            "{TABLES}; INSERT INTO people (email, mood, past_moods)
             VALUES ('a', 'unheard-of', '{{}}'), ('b', 'happy', '{{unheard-of}}')"
        ),
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    for (id, column) in [(1, "mood"), (2, "past_moods")] {
        let error = uow.find::<Person>(UserId(id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(
            error.to_string(),
            format!(
                "table people, column {column}: cannot read the value: its label is none that the \
                 enum `Mood` has"
            )
        );
    }
}

#[test]
fn a_newtype_has_the_type_of_its_field() {
    assert_eq!((UserId::TYPE, Email::TYPE), (SqlType::INT8, SqlType::TEXT));
    fn is_key<K: KeyValue>() {}
    is_key::<UserId>();
    assert!(Person::table().columns()[0].assigned_by().is_some(), "a sequence gives it");
}

/// The expansion means the same wherever it stands, and gives no reason for a warning.
#[deny(warnings, missing_docs, unused_qualifications, unused_results)]
#[no_implicit_prelude]
#[allow(dead_code, non_camel_case_types)]
pub mod hygiene {
    struct Result;
    struct Ok;
    struct From;
    struct bool;
    struct u8;
    struct BytesMut;
    struct ForeignKey;
    mod core {}
    mod onetrip {}

    /// A value that is named like its trait.
    #[derive(
        ::onetrip::Value,
        ::core::fmt::Debug,
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::cmp::PartialEq,
        ::core::cmp::Eq,
        ::core::hash::Hash,
    )]
    #[value(key)]
    pub struct Value(pub i64);

    /// Methods that could be taken for those of the trait.
    impl Value {
        fn encode(&self) {}
        fn decode() {}
        fn encode_parameter(&self) {}
    }

    /// An enum in a hostile place.
    #[derive(::onetrip::Value, ::core::fmt::Debug)]
    pub enum Parameter {
        /// The first.
        r#match,
        #[deprecated]
        /// The second.
        Err,
    }
}

#[test]
fn the_expansion_is_hygienic() {
    assert_eq!(label(&hygiene::Parameter::r#match), "match");
    let mut out = onetrip::BytesMut::new();
    Value::encode(&hygiene::Value(7), &mut out).unwrap();
    assert_eq!(<hygiene::Value as Value>::decode(&out).unwrap(), hygiene::Value(7));
}
