//! Columns that are neither keys nor references: their types, values and defaults.

use onetrip::{BoxError, BytesMut, Error, Row, SqlType, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::fields::{AnyField, Role, Slot};
use crate::random::Random;

/// A value of the enum type `mood`, which is sent as text and cast.
#[derive(Debug, Clone)]
pub(crate) struct Mood(String);

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        String::decode(raw).map(Mood)
    }
}

/// What an entity says of a column when it is added.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// It leaves the column to its default.
    Absent,
    Null,
    Value(Datum),
}

/// The types: in Rust, in SQL, and the expression of a default with what it gives.
macro_rules! plain_types {
    ($($name:ident($rust:ty): $sql:literal, $expression:literal = $default:expr;)*) => {
        /// The type of a column.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum PlainType {
            $($name,)*
        }

        /// A value of one of the types.
        #[derive(Debug, Clone)]
        pub(crate) enum Datum {
            $($name($rust),)*
        }

        impl PlainType {
            pub(crate) const ALL: &[PlainType] = &[$(PlainType::$name),*];

            /// The type that values are sent as.
            pub(crate) fn sent_as(self) -> SqlType {
                match self {
                    $(PlainType::$name => <$rust as Value>::TYPE,)*
                }
            }

            /// The column's type.
            pub(crate) fn sql(self) -> &'static str {
                match self {
                    $(PlainType::$name => $sql,)*
                }
            }

            /// The expression of a default, and what it gives.
            pub(crate) fn default(self) -> (&'static str, Datum) {
                match self {
                    $(PlainType::$name => ($expression, Datum::$name($default)),)*
                }
            }

            /// The field of an entity.
            pub(crate) fn field(self, role: Role, given: &Given) -> Box<dyn AnyField> {
                match (self, given) {
                    $(
                        (PlainType::$name, Given::Absent) => Box::new(Slot::<$rust>::new(role, None)),
                        (PlainType::$name, Given::Null) => {
                            Box::new(Slot::<$rust>::new(role, Some(None)))
                        }
                        (PlainType::$name, Given::Value(Datum::$name(value))) => {
                            Box::new(Slot::new(role, Some(Some(value.clone()))))
                        }
                    )*
                    _ => panic!("the value is not of the column's type"),
                }
            }

            /// The field of an entity that is read.
            pub(crate) fn read(
                self,
                role: Role,
                row: &Row<'_>,
                columns: &[usize],
            ) -> Result<Box<dyn AnyField>, Error> {
                Ok(match self {
                    $(PlainType::$name => Box::new(Slot::<$rust>::read(role, row, columns)?),)*
                })
            }
        }

        impl Datum {
            /// The value's binary form.
            pub(crate) fn bytes(&self) -> Vec<u8> {
                let mut out = BytesMut::new();
                let result = match self {
                    $(Datum::$name(value) => value.encode(&mut out),)*
                };
                result.expect("the values are such that their types can hold them");
                out.to_vec()
            }
        }
    };
}

plain_types! {
    Bool(bool): "boolean", "true" = true;
    Int2(i16): "smallint", "-1" = -1;
    Int4(i32): "int", "40 + 2" = 42;
    Int8(i64): "bigint", "5000000000" = 5_000_000_000;
    Float8(f64): "double precision", "0.5" = 0.5;
    Text(String): "text", "'it''s, ' || 'so'" = "it's, so".to_owned();
    Bytea(Vec<u8>): "bytea", r"'\x00ff'" = vec![0, 255];
    Uuid(Uuid): "uuid", "'00000000-0000-0000-0000-000000000007'" = Uuid::from_u128(7);
    Moment(OffsetDateTime): "timestamptz", "'epoch'" = OffsetDateTime::UNIX_EPOCH;
    Mood(Mood): "mood", "'sad'" = Mood("sad".to_owned());
    Ints(Vec<i32>): "int[]", "'{1,2,3}'" = vec![1, 2, 3];
    Texts(Vec<String>): "text[]", "'{}'" = Vec::new();
}

/// Texts that mean something to one text format or another.
const TEXTS: &[&str] = &[
    "",
    " ",
    "plain",
    "NULL",
    "null",
    "\\N",
    "\\.",
    "it's",
    "\"quoted\"",
    "a,b",
    "{}",
    "{a,b}",
    "tab\there",
    "line\nbreak",
    "\r\n",
    "back\\slash",
    "$1",
    "ümläut",
    "日本語",
    "🦀",
    "%s",
    "--",
];

/// A random text, one of those that could be taken for something else.
pub(crate) fn text(random: &mut Random) -> String {
    random.pick(TEXTS).to_owned()
}

impl Datum {
    pub(crate) fn random(ty: PlainType, random: &mut Random) -> Datum {
        match ty {
            PlainType::Bool => Datum::Bool(random.chance(50)),
            PlainType::Int2 => Datum::Int2(random.pick(&[0, 1, -1, 77, i16::MIN, i16::MAX])),
            PlainType::Int4 => Datum::Int4(random.pick(&[0, 1, -1, 77, i32::MIN, i32::MAX])),
            PlainType::Int8 => Datum::Int8(random.pick(&[0, 1, -1, 77, i64::MIN, i64::MAX])),
            PlainType::Float8 => {
                Datum::Float8(random.pick(&[0.0, -0.0, 0.1, 1e300, f64::INFINITY, f64::NAN]))
            }
            PlainType::Text => Datum::Text(text(random)),
            PlainType::Bytea => {
                Datum::Bytea((0..random.below(5)).map(|_| random.next() as u8).collect())
            }
            PlainType::Uuid => Datum::Uuid(Uuid::from_u64_pair(random.next(), random.next())),
            PlainType::Moment => {
                let seconds = random.below(4_000_000_000) as i64 - 2_000_000_000;
                let moment = OffsetDateTime::from_unix_timestamp(seconds);
                Datum::Moment(moment.expect("the years 1906 to 2033"))
            }
            PlainType::Mood => Datum::Mood(Mood(random.pick(&["happy", "sad"]).to_owned())),
            PlainType::Ints => {
                Datum::Ints((0..random.below(5)).map(|_| random.next() as i32).collect())
            }
            PlainType::Texts => Datum::Texts((0..random.below(4)).map(|_| text(random)).collect()),
        }
    }
}
