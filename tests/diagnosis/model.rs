//! `Node`: a model whose table is made at run time. Its key is a number, and what is no reference is a
//! text that the server casts.

use std::cell::Cell;

use onetrip::{
    Assigned, Column, Culprit, Encoder, Error, ForeignKey, Handle, Model, NaturalKey, OtherEntity,
    QualifiedName, Reference, Row, SqlType, Table, UnitOfWork,
};

/// The most tables of a schema.
pub(crate) const MAX_TABLES: usize = 4;

/// A table, and what its references lead to.
pub(crate) struct Shape {
    pub(crate) table: Table,
    pub(crate) targets: Vec<usize>,
    pub(crate) plain: usize,
}

thread_local! {
    static SHAPES: Cell<[Option<&'static Shape>; MAX_TABLES]> = const { Cell::new([None; MAX_TABLES]) };
}

/// The name of a table, what its references lead to, and the types that its other columns are cast to.
/// The last is which of these is a natural key.
pub(crate) type Description = (String, Vec<usize>, Vec<Option<&'static str>>, Option<usize>);

/// Gives the models of this thread their tables. What is made is never freed: a schema is small.
pub(crate) fn describe(tables: &[Description]) {
    let mut shapes = [None; MAX_TABLES];
    for (at, (name, targets, types, natural)) in tables.iter().enumerate() {
        let mut columns = vec![Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence)];
        let mut references = Vec::new();
        for (n, &target) in targets.iter().enumerate() {
            let name: &'static str = format!("r{n}").leak();
            let column: &'static [usize] = vec![columns.len()].leak();
            columns.push(Column::new(name, SqlType::INT4));
            references.push(match target {
                0 => Reference::to::<Node<0>>(column),
                1 => Reference::to::<Node<1>>(column),
                2 => Reference::to::<Node<2>>(column),
                _ => Reference::to::<Node<3>>(column),
            });
        }
        for (n, ty) in types.iter().enumerate() {
            let column = Column::new(format!("c{n}").leak(), SqlType::TEXT);
            columns.push(match ty {
                Some(ty) => column.sql_type(QualifiedName::new(ty)),
                None => column,
            });
        }
        let table =
            Table::new(name.clone().leak(), columns.leak(), &[0]).references(references.leak());
        let table = match natural {
            Some(at) => {
                let column: &'static [usize] = vec![1 + targets.len() + at].leak();
                table.natural_keys(vec![NaturalKey::new(column)].leak())
            }
            None => table,
        };
        let shape = Shape { table, targets: targets.clone(), plain: types.len() };
        shapes[at] = Some(&*Box::leak(Box::new(shape)));
    }
    SHAPES.set(shapes);
}

fn shape(n: usize) -> &'static Shape {
    SHAPES.get()[n].expect("only the models of the schema are used")
}

/// A handle of any model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Any {
    N0(Handle<Node<0>>),
    N1(Handle<Node<1>>),
    N2(Handle<Node<2>>),
    N3(Handle<Node<3>>),
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ref {
    Null,
    Key(i32),
    To(Any),
}

/// An entity of the model with this number.
#[derive(Clone)]
pub(crate) struct Node<const N: usize> {
    pub(crate) id: Option<i32>,
    pub(crate) refs: Vec<Ref>,
    pub(crate) plain: Vec<Option<String>>,
}

macro_rules! for_each_model {
    ($n:expr, $m:ident => $body:expr) => {
        match $n {
            0 => {
                const $m: usize = 0;
                $body
            }
            1 => {
                const $m: usize = 1;
                $body
            }
            2 => {
                const $m: usize = 2;
                $body
            }
            _ => {
                const $m: usize = 3;
                $body
            }
        }
    };
}

impl Ref {
    fn encode(self, target: usize, out: &mut Encoder<'_>) {
        match self {
            Ref::To(Any::N0(h)) => out.put(&Some(ForeignKey::Pending(h)), 0),
            Ref::To(Any::N1(h)) => out.put(&Some(ForeignKey::Pending(h)), 0),
            Ref::To(Any::N2(h)) => out.put(&Some(ForeignKey::Pending(h)), 0),
            Ref::To(Any::N3(h)) => out.put(&Some(ForeignKey::Pending(h)), 0),
            Ref::Key(key) => for_each_model!(target, M => {
                out.put(&Some(ForeignKey::<Node<M>>::Key(key)), 0)
            }),
            Ref::Null => for_each_model!(target, M => {
                out.put(&None::<ForeignKey<Node<M>>>, 0)
            }),
        }
    }

    fn decode(target: usize, row: &Row<'_>, column: usize) -> Result<Ref, Error> {
        let key = for_each_model!(target, M => {
            row.get::<Option<ForeignKey<Node<M>>>>(&[column])?.and_then(|fk| fk.key().copied())
        });
        Ok(key.map_or(Ref::Null, Ref::Key))
    }
}

impl<const N: usize> Model for Node<N> {
    type Key = i32;

    fn table() -> &'static Table {
        &shape(N).table
    }

    fn key(&self) -> Option<i32> {
        self.id
    }

    fn encode(&self, column: usize, out: &mut Encoder<'_>) {
        let targets = &shape(N).targets;
        match column.checked_sub(1) {
            None => out.key(&self.id, 0),
            Some(at) if at < targets.len() => self.refs[at].encode(targets[at], out),
            Some(at) => out.put(&self.plain[at - targets.len()], 0),
        }
    }

    fn decode(row: &Row<'_>) -> Result<Node<N>, Error> {
        let shape = shape(N);
        let refs = shape.targets.iter().enumerate();
        let plain = 1 + shape.targets.len()..1 + shape.targets.len() + shape.plain;
        Ok(Node {
            id: row.get(&[0])?,
            refs: refs
                .map(|(at, &target)| Ref::decode(target, row, 1 + at))
                .collect::<Result<_, _>>()?,
            plain: plain.map(|column| row.get(&[column])).collect::<Result<_, _>>()?,
        })
    }

    fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
        row.update(&[0], &mut self.id)?;
        for (at, &target) in shape(N).targets.iter().enumerate() {
            // A column that is not there stays as it is.
            if let Ok(found) = Ref::decode(target, row, 1 + at) {
                self.refs[at] = found;
            }
        }
        Ok(())
    }
}

/// Adds an entity.
pub(crate) fn add(
    uow: &mut UnitOfWork<'_>,
    model: usize,
    refs: Vec<Ref>,
    plain: Vec<Option<String>>,
) -> Any {
    fn put<const N: usize>(uow: &mut UnitOfWork<'_>, node: Node<N>) -> Handle<Node<N>> {
        // Where there is a natural key, its row is looked for first.
        match Node::<N>::table().natural_key(None) {
            Some(_) => uow.find_or_add(node).unwrap(),
            None => uow.add(node),
        }
    }
    match model {
        0 => Any::N0(put(uow, Node { id: None, refs, plain })),
        1 => Any::N1(put(uow, Node { id: None, refs, plain })),
        2 => Any::N2(put(uow, Node { id: None, refs, plain })),
        _ => Any::N3(put(uow, Node { id: None, refs, plain })),
    }
}

/// Loads all rows of a model, in the order of their keys.
pub(crate) fn load(uow: &mut UnitOfWork<'_>, model: usize) -> Vec<Any> {
    macro_rules! load {
        ($n:literal, $any:path) => {
            uow.query::<Node<$n>>("true")
                .order_by("id")
                .load()
                .unwrap()
                .into_iter()
                .map($any)
                .collect()
        };
    }
    match model {
        0 => load!(0, Any::N0),
        1 => load!(1, Any::N1),
        2 => load!(2, Any::N2),
        _ => load!(3, Any::N3),
    }
}

macro_rules! with_handle {
    ($any:expr, $h:ident => $body:expr) => {
        match $any {
            Any::N0($h) => $body,
            Any::N1($h) => $body,
            Any::N2($h) => $body,
            Any::N3($h) => $body,
        }
    };
}

impl Any {
    pub(crate) fn set_plain(self, uow: &mut UnitOfWork<'_>, at: usize, value: Option<String>) {
        with_handle!(self, h => uow[h].plain[at] = value);
    }

    pub(crate) fn set_ref(self, uow: &mut UnitOfWork<'_>, at: usize, value: Ref) {
        with_handle!(self, h => uow[h].refs[at] = value);
    }

    pub(crate) fn plain(self, uow: &UnitOfWork<'_>, at: usize) -> Option<String> {
        with_handle!(self, h => uow[h].plain[at].clone())
    }

    pub(crate) fn refs(self, uow: &UnitOfWork<'_>) -> Vec<Ref> {
        with_handle!(self, h => uow[h].refs.clone())
    }

    pub(crate) fn delete(self, uow: &mut UnitOfWork<'_>) {
        with_handle!(self, h => uow.delete(h).unwrap());
    }

    /// The entity whose handle this gives for its type.
    pub(crate) fn of(entity: &impl Entity) -> Any {
        let handle = None
            .or_else(|| entity.handle().map(Any::N0))
            .or_else(|| entity.handle().map(Any::N1))
            .or_else(|| entity.handle().map(Any::N2))
            .or_else(|| entity.handle().map(Any::N3));
        handle.expect("it is of one of these models")
    }
}

/// What names an entity of some model.
pub(crate) trait Entity {
    fn handle<T: 'static>(&self) -> Option<Handle<T>>;
}

impl Entity for Culprit {
    fn handle<T: 'static>(&self) -> Option<Handle<T>> {
        self.entity()
    }
}

impl Entity for OtherEntity {
    fn handle<T: 'static>(&self) -> Option<Handle<T>> {
        self.entity()
    }
}
