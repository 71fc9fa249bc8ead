//! What holds of the plan of any graph of rows.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::UnitOfWork;
use crate::connection::recording::Recording;
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush_plan::{Cycles, Inserts, PlannedStatement};
use crate::handle::Handle;
use crate::insert_strategy::{Batch, InsertStrategy, RowByRow};
use crate::model::{Assigned, Column, Encoder, ForeignKey, Model, Reference, Row, SqlType, Table};

/// Three models that can each refer to some of the three. Of a reference: the model, the field, the
/// position of its column, and that of the table that it leads to.
macro_rules! models {
    ($handles:ident { $($model:ident $field:ident $table:literal => [$($target:ident $key:ident $column:literal $to:literal),*]),* }) => {
        $(
            #[derive(Clone, Debug)]
            struct $model {
                id: Option<i32>,
                $($key: Option<ForeignKey<$target>>,)*
            }

            impl Model for $model {
                type Key = i32;

                fn table() -> &'static Table {
                    static TABLE: Table = Table::new(
                        $table,
                        &[
                            Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence),
                            $(Column::new(stringify!($key), SqlType::INT4),)*
                        ],
                        &[0],
                    )
                    .references(&[$(Reference::to::<$target>(&[$column])),*]);
                    &TABLE
                }

                fn key(&self) -> Option<i32> {
                    self.id
                }

                fn encode(&self, column: usize, out: &mut Encoder<'_>) {
                    match column {
                        0 => out.key(&self.id, 0),
                        $($column => out.put(&self.$key, 0),)*
                        _ => {}
                    }
                }

                fn decode(row: &Row<'_>) -> Result<$model, Error> {
                    Ok($model { id: row.get(&[0])?, $($key: row.get(&[$column])?),* })
                }

                fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
                    $(row.update(&[$column], &mut self.$key)?;)*
                    row.update(&[0], &mut self.id)
                }
            }
        )*

        /// The entities of a unit of work, by model and in the order of `add`.
        #[derive(Default)]
        struct $handles {
            $($field: Vec<Handle<$model>>,)*
        }

        impl Family for $handles {
            fn add(&mut self, uow: &mut UnitOfWork<'_>, table: usize, id: Option<i32>) {
                let mut position = 0..;
                $(
                    if position.next() == Some(table) {
                        self.$field.push(uow.add($model { id, $($key: None),* }));
                    }
                )*
            }

            fn refer(&self, uow: &mut UnitOfWork<'_>, row: Place, to: To) {
                let mut position = 0..;
                $(
                    if position.next() == Some(row.0) {
                        let entity = &mut uow[self.$field[row.1]];
                        $(
                            match to {
                                To::Entity(place) if place.0 == $to => {
                                    entity.$key = self.$key[place.1].into();
                                }
                                To::Key(table, key) if table == $to => {
                                    entity.$key = Some(ForeignKey::Key(key));
                                }
                                _ => {}
                            }
                        )*
                    }
                )*
            }

            fn id(&self, uow: &UnitOfWork<'_>, row: Place) -> Option<i32> {
                let mut position = 0..;
                $(
                    if position.next() == Some(row.0) {
                        return uow[self.$field[row.1]].id;
                    }
                )*
                None
            }

            fn reference(&self, uow: &UnitOfWork<'_>, row: Place, table: usize) -> Option<i32> {
                let mut position = 0..;
                $(
                    if position.next() == Some(row.0) {
                        let entity = &uow[self.$field[row.1]];
                        $(
                            if table == $to {
                                return entity.$key.as_ref()?.key().copied();
                            }
                        )*
                    }
                )*
                None
            }

            fn refers(table: usize, other: usize) -> bool {
                let mut position = 0..;
                $(
                    if position.next() == Some(table) {
                        return [$($to),*].contains(&other);
                    }
                )*
                false
            }

            fn table_names() -> [&'static str; 3] {
                [$($table),*]
            }
        }
    };
}

/// A row by its table and its position among the rows of the table.
type Place = (usize, usize);

/// What a reference leads to: an entity, or a key in a table.
#[derive(Clone, Copy)]
enum To {
    Entity(Place),
    Key(usize, i32),
}

trait Family: Default {
    fn add(&mut self, uow: &mut UnitOfWork<'_>, table: usize, id: Option<i32>);
    fn refer(&self, uow: &mut UnitOfWork<'_>, row: Place, to: To);
    fn id(&self, uow: &UnitOfWork<'_>, row: Place) -> Option<i32>;
    fn reference(&self, uow: &UnitOfWork<'_>, row: Place, table: usize) -> Option<i32>;
    /// Returns `true` if the model of the table has a reference to the other.
    fn refers(table: usize, other: usize) -> bool;
    fn table_names() -> [&'static str; 3];
}

mod tangled {
    use super::*;

    // Everyone can refer to everyone.
    models! {
        Tangled {
            A a "as" => [A a 1 0, B b 2 1, C c 3 2],
            B b "bs" => [A a 1 0, B b 2 1, C c 3 2],
            C c "cs" => [A a 1 0, B b 2 1, C c 3 2]
        }
    }

    proptest! {
        #[test]
        fn rows_come_after_what_they_refer_to((graph, kind) in (graph(), 0..3_usize)) {
            check::<Tangled>(&graph, kind)?;
        }
    }
}

mod layered {
    use super::*;

    // The first refers to the second, both to the third, and the last two to themselves.
    models! {
        Layered {
            A a "as" => [B b 1 1, C c 2 2],
            B b "bs" => [B b 1 1, C c 2 2],
            C c "cs" => [C c 1 2]
        }
    }

    proptest! {
        #[test]
        fn a_table_without_mutual_references_is_one_step((graph, kind) in (graph(), 0..3_usize)) {
            check::<Layered>(&graph, kind)?;
            let (uow, _) = build::<Layered>(&graph, kind);
            if let Ok(plan) = uow.plan() {
                let tables: Vec<_> = plan.flush_plan().inserts().map(|step| step.table()).collect();
                let mut sorted = tables.clone();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..plan.flush_plan().tables().len()).collect::<Vec<_>>());
            }
        }
    }
}

/// Rows as plain data.
#[derive(Debug, Clone)]
struct NewRow {
    table: usize,
    has_key: bool,
    /// For each table: which of its rows, by key where it has one, or a row that is there already.
    references: [Option<Target>; 3],
}

#[derive(Debug, Clone)]
enum Target {
    Row(Index, bool),
    Outside,
}

fn graph() -> impl Strategy<Value = Vec<NewRow>> {
    let target = prop_oneof![
        4 => (any::<Index>(), any::<bool>()).prop_map(|(index, by_key)| Target::Row(index, by_key)),
        1 => Just(Target::Outside),
    ];
    let reference = prop::option::weighted(0.25, target);
    let row = (0..3_usize, prop::bool::weighted(0.3), prop::array::uniform3(reference));
    let row = row.prop_map(|(table, has_key, references)| NewRow { table, has_key, references });
    vec(row, 0..14)
}

/// Writes circles of every kind.
struct AnyCircle;

impl InsertStrategy for AnyCircle {
    fn name(&self) -> &str {
        "any_circle"
    }

    fn cycles(&self) -> Cycles {
        Cycles::Any
    }

    fn plan(&self, _: &Inserts<'_>) -> Vec<PlannedStatement> {
        Vec::new()
    }

    fn insert(&self, _: &mut Flush<'_, '_>) -> Result<(), Error> {
        unreachable!("these tests ask it for plans only")
    }
}

const ANY_CIRCLE: usize = 2;

/// The rows of a graph, and which of them refers to which new one.
struct Built<F> {
    family: F,
    places: Vec<Place>,
    /// Whether the key of a row is given.
    has_key: HashMap<Place, bool>,
    edges: Vec<(Place, Place)>,
}

fn build<F: Family>(graph: &[NewRow], kind: usize) -> (UnitOfWork<'static>, Built<F>) {
    let uow = UnitOfWork::new(Recording::default());
    let mut uow = match kind {
        0 => uow.with_strategy(RowByRow),
        1 => uow.with_strategy(Batch),
        _ => uow.with_strategy(AnyCircle),
    };
    let mut built = Built {
        family: F::default(),
        places: Vec::new(),
        has_key: HashMap::new(),
        edges: Vec::new(),
    };
    let mut lens = [0; 3];
    let given = |(table, position): Place| (1_000 * (table + 1) + position) as i32;
    for row in graph {
        let place = (row.table, lens[row.table]);
        lens[row.table] += 1;
        built.family.add(&mut uow, row.table, row.has_key.then(|| given(place)));
        built.places.push(place);
        built.has_key.insert(place, row.has_key);
    }
    for (row, &place) in graph.iter().zip(&built.places) {
        for (table, target) in row.references.iter().enumerate() {
            if !F::refers(row.table, table) {
                continue;
            }
            let to = match target {
                Some(Target::Row(index, by_key)) if lens[table] > 0 => {
                    let parent = (table, index.index(lens[table]));
                    built.edges.push((place, parent));
                    if *by_key && built.has_key[&parent] {
                        To::Key(table, given(parent))
                    } else {
                        To::Entity(parent)
                    }
                }
                Some(Target::Outside) => To::Key(table, 77),
                _ => continue,
            };
            built.family.refer(&mut uow, place, to);
        }
    }
    (uow, built)
}

/// Returns `true` if references lead from one row to the other.
fn reaches<F>(built: &Built<F>, from: Place, to: Place) -> bool {
    let (mut seen, mut open) = (Vec::new(), vec![from]);
    while let Some(place) = open.pop() {
        for &(_, parent) in built.edges.iter().filter(|edge| edge.0 == place) {
            if parent == to {
                return true;
            }
            if !seen.contains(&parent) {
                seen.push(parent);
                open.push(parent);
            }
        }
    }
    false
}

/// Returns `true` if some row refers to itself through others, by following references as far as
/// they lead. A row that refers to itself directly counts if `direct` says so.
fn has_circle<F>(built: &Built<F>, direct: impl Fn(Place) -> bool) -> bool {
    let reaches_itself = |&start: &Place| {
        let parents = built.edges.iter().filter(|edge| edge.0 == start).map(|edge| edge.1);
        let mut parents: Vec<Place> = parents.collect();
        if parents.contains(&start) && direct(start) {
            return true;
        }
        parents.retain(|&parent| parent != start);
        parents.into_iter().any(|parent| reaches(built, parent, start))
    };
    built.places.iter().any(reaches_itself)
}

fn check<F: Family>(graph: &[NewRow], kind: usize) -> Result<(), TestCaseError> {
    let (mut uow, built) = build::<F>(graph, kind);
    let shown = |uow: &UnitOfWork<'_>| match uow.plan() {
        Ok(plan) => format!("{plan}{}{:?}", plan.flush_plan(), plan.flush_plan().steps()),
        Err(error) => error.to_string(),
    };
    let (twin, _) = build::<F>(graph, kind);
    prop_assert_eq!(shown(&uow), shown(&twin), "the same work has the same plan");

    let circle = match kind {
        // A row learns its key when it is written, unless it has one already.
        0 => has_circle(&built, |row| !built.has_key[&row]),
        1 => has_circle(&built, |_| false),
        _ => false,
    };
    let plan = match uow.plan() {
        Ok(plan) => plan,
        Err(error) => {
            prop_assert_eq!(error.kind(), ErrorKind::Cycle);
            prop_assert!(circle, "there is no circle: {}", error);
            return Ok(());
        }
    };
    prop_assert!(!circle, "there is a circle");

    let flush = plan.flush_plan();
    prop_assert_eq!(flush.rows(), graph.len());
    let table_of = |index: usize| {
        let name = flush.tables()[index].table().name();
        F::table_names().iter().position(|other| *other == name).unwrap()
    };
    let mut order = HashMap::new();
    for step in flush.inserts() {
        prop_assert!(!step.rows().is_empty());
        for &row in step.rows() {
            let earlier = order.insert((table_of(step.table()), row as usize), order.len());
            prop_assert!(earlier.is_none(), "a row is in two steps");
        }
    }
    prop_assert!(built.places.iter().all(|place| order.contains_key(place)), "a row is in no step");
    // Rows of tables with a circle, or that would take many turns, are one step a table.
    let is_merged = has_circle(&built, |_| false) || flush.steps().len() == flush.tables().len();
    if kind != ANY_CIRCLE || !is_merged {
        for (row, parent) in &built.edges {
            let is_after = row == parent || order[parent] < order[row];
            prop_assert!(is_after, "{:?} before {:?}", row, parent);
        }
    }
    if kind == ANY_CIRCLE {
        return Ok(());
    }

    // A commit in this order gives each reference the id that its parent got.
    let report = uow.commit().unwrap();
    prop_assert_eq!(report.round_trips(), plan.round_trips() as u64);
    for &(row, parent) in &built.edges {
        let id = built.family.id(&uow, parent);
        prop_assert!(id.is_some());
        prop_assert_eq!(built.family.reference(&uow, row, parent.0), id);
    }
    Ok(())
}
