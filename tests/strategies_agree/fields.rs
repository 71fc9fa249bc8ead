//! The fields of an entity whose model is known at run time only. They hold the very types that a
//! field of a struct would have.

use onetrip::{BoxError, BytesMut, Encoder, Error, ForeignKey, KeyValue, Model, Row};
use onetrip::{SqlType, Value};

/// What a field says of one of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It refers to an entity without a key.
    Pending,
    /// It leaves the column to the database.
    Left,
    Null,
    Value(Vec<u8>),
}

/// A field of any type.
pub(crate) trait AnyField: Send {
    fn encode(&self, part: usize, out: &mut Encoder<'_>);
    fn update(&mut self, row: &Row<'_>, columns: &[usize]) -> Result<(), Error>;
    fn said(&self, part: usize) -> Said;
    fn boxed_clone(&self) -> Box<dyn AnyField>;
}

fn value<V: Value>(value: &V) -> Said {
    let mut out = BytesMut::new();
    value.encode(&mut out).expect("it has been encoded before");
    Said::Value(out.to_vec())
}

/// How an ordinary field leads its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    NotNull,
    Nullable,
    /// `None` takes the default.
    Default,
    /// `None` takes the default, `Some(None)` is NULL.
    NullableDefault,
}

/// An ordinary field.
#[derive(Clone)]
pub(crate) enum Slot<V> {
    Plain(V),
    Nullable(Option<V>),
    Default(Option<V>),
    NullableDefault(Option<Option<V>>),
}

impl<V: Value> Slot<V> {
    /// `None` is "left to the database", `Some(None)` is NULL.
    pub(crate) fn new(role: Role, value: Option<Option<V>>) -> Slot<V> {
        match role {
            Role::NotNull => Slot::Plain(value.flatten().expect("the column is NOT NULL")),
            Role::Nullable => Slot::Nullable(value.flatten()),
            Role::Default => Slot::Default(value.flatten()),
            Role::NullableDefault => Slot::NullableDefault(value),
        }
    }

    pub(crate) fn read(role: Role, row: &Row<'_>, columns: &[usize]) -> Result<Slot<V>, Error> {
        Ok(match role {
            Role::NotNull => Slot::Plain(row.get(columns)?),
            Role::Nullable => Slot::Nullable(row.get(columns)?),
            Role::Default => Slot::Default(row.get(columns)?),
            Role::NullableDefault => Slot::NullableDefault(row.get(columns)?),
        })
    }
}

impl<V: Value + Clone + Send + 'static> AnyField for Slot<V> {
    fn encode(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            Slot::Plain(value) => out.put(value, part),
            Slot::Nullable(value) => out.put(value, part),
            Slot::Default(value) => out.put_or_default(value, part),
            Slot::NullableDefault(value) => out.put_or_default(value, part),
        }
    }

    fn update(&mut self, row: &Row<'_>, columns: &[usize]) -> Result<(), Error> {
        match self {
            Slot::Plain(value) => row.update(columns, value),
            Slot::Nullable(value) => row.update(columns, value),
            Slot::Default(value) => row.update(columns, value),
            Slot::NullableDefault(value) => row.update(columns, value),
        }
    }

    fn said(&self, _part: usize) -> Said {
        match self {
            Slot::Plain(known)
            | Slot::Nullable(Some(known))
            | Slot::Default(Some(known))
            | Slot::NullableDefault(Some(Some(known))) => value(known),
            Slot::Nullable(None) | Slot::NullableDefault(Some(None)) => Said::Null,
            Slot::Default(None) | Slot::NullableDefault(None) => Said::Left,
        }
    }

    fn boxed_clone(&self) -> Box<dyn AnyField> {
        Box::new(self.clone())
    }
}

/// A part of a key, of any type: its binary form. What type it is, only the table says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(crate) Vec<u8>);

impl Value for Id {
    const TYPE: SqlType = SqlType::BYTEA;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Id, BoxError> {
        Ok(Id(raw.to_vec()))
    }
}

impl KeyValue for Id {}

/// A part of the key that is no reference.
#[derive(Clone)]
pub(crate) enum OwnKey {
    Given(Id),
    /// `None` leaves it to the database.
    Assigned(Option<Id>),
}

impl AnyField for OwnKey {
    fn encode(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            OwnKey::Given(id) => out.key(id, part),
            OwnKey::Assigned(id) => out.key(id, part),
        }
    }

    fn update(&mut self, row: &Row<'_>, columns: &[usize]) -> Result<(), Error> {
        match self {
            OwnKey::Given(id) => row.update(columns, id),
            OwnKey::Assigned(id) => row.update(columns, id),
        }
    }

    fn said(&self, _part: usize) -> Said {
        match self {
            OwnKey::Given(id) | OwnKey::Assigned(Some(id)) => value(id),
            OwnKey::Assigned(None) => Said::Left,
        }
    }

    fn boxed_clone(&self) -> Box<dyn AnyField> {
        Box::new(self.clone())
    }
}

/// A key as the values of its columns.
pub(crate) trait Parts: Sized {
    fn parts(&self) -> Vec<Id>;
    fn from_parts(parts: &[Id]) -> Self;
}

impl Parts for Id {
    fn parts(&self) -> Vec<Id> {
        vec![self.clone()]
    }

    fn from_parts(parts: &[Id]) -> Id {
        parts[0].clone()
    }
}

impl Parts for (Id, Id) {
    fn parts(&self) -> Vec<Id> {
        vec![self.0.clone(), self.1.clone()]
    }

    fn from_parts(parts: &[Id]) -> (Id, Id) {
        (parts[0].clone(), parts[1].clone())
    }
}

/// What a reference is to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkRole {
    /// A part of the key, or all of it.
    Key,
    NotNull,
    Nullable,
    /// Nullable, and `None` takes the default, which is NULL here.
    Default,
}

/// A reference.
pub(crate) enum Link<T: Model> {
    Key(ForeignKey<T>),
    Plain(ForeignKey<T>),
    Nullable(Option<ForeignKey<T>>),
    Default(Option<ForeignKey<T>>),
}

impl<T: Model> Link<T> {
    pub(crate) fn new(role: LinkRole, to: Option<ForeignKey<T>>) -> Link<T> {
        let needed = |to: Option<ForeignKey<T>>| to.expect("the column is NOT NULL");
        match role {
            LinkRole::Key => Link::Key(needed(to)),
            LinkRole::NotNull => Link::Plain(needed(to)),
            LinkRole::Nullable => Link::Nullable(to),
            LinkRole::Default => Link::Default(to),
        }
    }

    pub(crate) fn read(role: LinkRole, row: &Row<'_>, columns: &[usize]) -> Result<Link<T>, Error> {
        Ok(match role {
            LinkRole::Key => Link::Key(row.get(columns)?),
            LinkRole::NotNull => Link::Plain(row.get(columns)?),
            LinkRole::Nullable => Link::Nullable(row.get(columns)?),
            LinkRole::Default => Link::Default(row.get(columns)?),
        })
    }
}

impl<T: Model> AnyField for Link<T>
where
    T::Key: Parts,
{
    fn encode(&self, part: usize, out: &mut Encoder<'_>) {
        match self {
            Link::Key(to) => out.key(to, part),
            Link::Plain(to) => out.put(to, part),
            Link::Nullable(to) => out.put(to, part),
            Link::Default(to) => out.put_or_default(to, part),
        }
    }

    fn update(&mut self, row: &Row<'_>, columns: &[usize]) -> Result<(), Error> {
        match self {
            Link::Key(to) | Link::Plain(to) => row.update(columns, to),
            Link::Nullable(to) | Link::Default(to) => row.update(columns, to),
        }
    }

    fn said(&self, part: usize) -> Said {
        match self {
            Link::Key(to)
            | Link::Plain(to)
            | Link::Nullable(Some(to))
            | Link::Default(Some(to)) => {
                to.key().map_or(Said::Pending, |key| value(&key.parts()[part]))
            }
            Link::Nullable(None) | Link::Default(None) => Said::Null,
        }
    }

    fn boxed_clone(&self) -> Box<dyn AnyField> {
        Box::new(match self {
            Link::Key(to) => Link::Key(to.clone()),
            Link::Plain(to) => Link::Plain(to.clone()),
            Link::Nullable(to) => Link::Nullable(to.clone()),
            Link::Default(to) => Link::Default(to.clone()),
        })
    }
}
