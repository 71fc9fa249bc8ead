//! `Node`: a model whose table is made at run time.

use std::cell::Cell;

use onetrip::{Encoder, Error, ForeignKey, Handle, Key, Model, Reference, Row, Table, UnitOfWork};

use crate::fields::{AnyField, Id, Link, LinkRole, OwnKey, Parts, Role, Said};
use crate::values::PlainType;

/// The most tables that a schema has.
pub(crate) const MAX_TABLES: usize = 5;

/// The models: those with keys of one column, then as many with keys of two.
pub(crate) static MODELS: [AnyModel; 2 * MAX_TABLES] = [
    AnyModel::of::<0>(),
    AnyModel::of::<1>(),
    AnyModel::of::<2>(),
    AnyModel::of::<3>(),
    AnyModel::of::<4>(),
    AnyModel::of::<5>(),
    AnyModel::of::<6>(),
    AnyModel::of::<7>(),
    AnyModel::of::<8>(),
    AnyModel::of::<9>(),
];

/// The type of a model's key, which unlike everything else of it cannot wait until run time.
pub(crate) trait Keyed {
    type Key: Key + Parts;
}

pub(crate) struct Numbered<const N: usize>;

macro_rules! keyed {
    ($($n:literal)*: $key:ty) => {
        $(impl Keyed for Numbered<$n> { type Key = $key; })*
    };
}

keyed!(0 1 2 3 4: Id);
keyed!(5 6 7 8 9: (Id, Id));

/// A table, and the fields of its entities.
pub(crate) struct Described {
    pub(crate) table: Table,
    pub(crate) fields: Vec<FieldShape>,
}

/// A field, and the positions of its columns.
#[derive(Debug, Clone)]
pub(crate) struct FieldShape {
    pub(crate) columns: Vec<usize>,
    pub(crate) kind: FieldKind,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldKind {
    OwnKey { is_assigned: bool },
    Link { model: usize, role: LinkRole },
    Plain { ty: PlainType, role: Role },
}

impl FieldShape {
    fn read(&self, row: &Row<'_>) -> Result<BoxedField, Error> {
        match self.kind {
            FieldKind::OwnKey { is_assigned: false } => {
                Ok(Box::new(OwnKey::Given(row.get(&self.columns)?)))
            }
            FieldKind::OwnKey { is_assigned: true } => {
                Ok(Box::new(OwnKey::Assigned(row.get(&self.columns)?)))
            }
            FieldKind::Link { model, role } => (MODELS[model].read_link)(role, row, &self.columns),
            FieldKind::Plain { ty, role } => ty.read(role, row, &self.columns),
        }
    }
}

thread_local! {
    /// The tables of the schema that this thread is at.
    static DESCRIBED: Cell<[Option<&'static Described>; 2 * MAX_TABLES]> =
        const { Cell::new([None; 2 * MAX_TABLES]) };
}

/// Gives the models of this thread their tables.
pub(crate) fn describe(models: impl IntoIterator<Item = (usize, &'static Described)>) {
    let mut described = [None; 2 * MAX_TABLES];
    for (model, table) in models {
        described[model] = Some(table);
    }
    DESCRIBED.set(described);
}

fn described(model: usize) -> &'static Described {
    DESCRIBED.get()[model].expect("only the models of the schema are used")
}

/// An entity of the model with this number.
pub(crate) struct Node<const N: usize> {
    /// In the order of the description, or none yet.
    fields: Vec<BoxedField>,
}

impl<const N: usize> Node<N> {
    /// The fields with their columns.
    fn fields(&self) -> impl Iterator<Item = (&'static FieldShape, &dyn AnyField)> {
        described(N).fields.iter().zip(&self.fields).map(|(shape, field)| (shape, &**field))
    }
}

impl<const N: usize> Node<N> {
    /// What the entity holds in a column; none where that is NULL, or not known yet.
    pub(crate) fn value(&self, column: usize) -> Option<Id> {
        self.fields().find_map(|(shape, field)| {
            let part = shape.columns.iter().position(|&other| other == column)?;
            match field.said(part) {
                Said::Value(raw) => Some(Id(raw)),
                _ => None,
            }
        })
    }
}

impl<const N: usize> Clone for Node<N> {
    fn clone(&self) -> Node<N> {
        Node { fields: self.fields.iter().map(|field| field.boxed_clone()).collect() }
    }
}

impl<const N: usize> Model for Node<N>
where
    Numbered<N>: Keyed,
{
    type Key = <Numbered<N> as Keyed>::Key;

    fn table() -> &'static Table {
        &described(N).table
    }

    fn key(&self) -> Option<Self::Key> {
        let part = |&column: &usize| self.value(column);
        let parts: Option<Vec<Id>> = Self::table().key().iter().map(part).collect();
        parts.map(|parts| Self::Key::from_parts(&parts))
    }

    fn encode(&self, column: usize, out: &mut Encoder<'_>) {
        for (shape, field) in self.fields() {
            if let Some(part) = shape.columns.iter().position(|&other| other == column) {
                field.encode(part, out);
            }
        }
    }

    fn decode(row: &Row<'_>) -> Result<Node<N>, Error> {
        let fields = described(N).fields.iter().map(|shape| shape.read(row));
        Ok(Node { fields: fields.collect::<Result<_, _>>()? })
    }

    fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
        for (shape, field) in described(N).fields.iter().zip(&mut self.fields) {
            field.update(row, &shape.columns)?;
        }
        Ok(())
    }
}

/// A field, and a handle, of any type.
pub(crate) type BoxedField = Box<dyn AnyField>;
pub(crate) type BoxedEntity = Box<dyn AnyEntity>;

/// A model by its number.
pub(crate) struct AnyModel {
    /// [`Reference::to`] the model.
    pub(crate) reference: fn(&'static [usize]) -> Reference,
    /// Adds an entity; without fields, it has to get them before it is written.
    pub(crate) add: fn(&mut UnitOfWork<'_>, Vec<BoxedField>) -> BoxedEntity,
    pub(crate) find: fn(&mut UnitOfWork<'_>, &[Id]) -> Result<Option<BoxedEntity>, Error>,
    /// A reference by key, or to nothing.
    pub(crate) link: fn(LinkRole, Option<&[Id]>) -> BoxedField,
    read_link: fn(LinkRole, &Row<'_>, &[usize]) -> Result<BoxedField, Error>,
}

impl AnyModel {
    const fn of<const N: usize>() -> AnyModel
    where
        Numbered<N>: Keyed,
    {
        AnyModel {
            reference: Reference::to::<Node<N>>,
            add: |uow, fields| Box::new(uow.add(Node::<N> { fields })),
            find: |uow, key| {
                let key = <Node<N> as Model>::Key::from_parts(key);
                let found = uow.find::<Node<N>>(key)?;
                Ok(found.map(|handle| Box::new(handle) as BoxedEntity))
            },
            link: |role, key| {
                let key = key.map(|key| ForeignKey::Key(Parts::from_parts(key)));
                Box::new(Link::<Node<N>>::new(role, key))
            },
            read_link: |role, row, columns| {
                Ok(Box::new(Link::<Node<N>>::read(role, row, columns)?))
            },
        }
    }
}

/// A handle of any model.
pub(crate) trait AnyEntity {
    fn set(&self, uow: &mut UnitOfWork<'_>, fields: Vec<BoxedField>);

    fn set_field(&self, uow: &mut UnitOfWork<'_>, at: usize, field: BoxedField);

    fn delete(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Error>;

    /// What the fields say of their columns, and the key.
    fn said(&self, uow: &UnitOfWork<'_>) -> (Vec<Vec<Said>>, Option<Vec<Id>>);

    /// A reference to the entity.
    fn link(&self, role: LinkRole) -> BoxedField;

    /// Whether the unit of work finds this entity by the key.
    fn is_at(&self, uow: &mut UnitOfWork<'_>, key: &[Id]) -> Result<bool, Error>;
}

impl<const N: usize> AnyEntity for Handle<Node<N>>
where
    Numbered<N>: Keyed,
{
    fn set(&self, uow: &mut UnitOfWork<'_>, fields: Vec<BoxedField>) {
        uow[*self].fields = fields;
    }

    fn set_field(&self, uow: &mut UnitOfWork<'_>, at: usize, field: BoxedField) {
        uow[*self].fields[at] = field;
    }

    fn delete(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Error> {
        uow.delete(*self)
    }

    fn said(&self, uow: &UnitOfWork<'_>) -> (Vec<Vec<Said>>, Option<Vec<Id>>) {
        let entity = &uow[*self];
        let said = |(shape, field): (&FieldShape, &dyn AnyField)| {
            (0..shape.columns.len()).map(|part| field.said(part)).collect()
        };
        (entity.fields().map(said).collect(), entity.key().map(|key| key.parts()))
    }

    fn link(&self, role: LinkRole) -> BoxedField {
        Box::new(Link::new(role, Some(ForeignKey::Pending(*self))))
    }

    fn is_at(&self, uow: &mut UnitOfWork<'_>, key: &[Id]) -> Result<bool, Error> {
        let key = <Node<N> as Model>::Key::from_parts(key);
        Ok(uow.find::<Node<N>>(key)? == Some(*self))
    }
}
