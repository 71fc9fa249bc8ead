//! Writing a graph with a strategy, as a program would.

use std::collections::BTreeMap;

use onetrip::{Cycles, Error, ErrorKind, Reason, Strategy, UnitOfWork};
use postgres::{Client, Transaction};

use crate::change::Change;
use crate::fields::{AnyField, Id, LinkRole, OwnKey, Said};
use crate::graph::{Graph, KeyCell, NewRow, Split, Target};
use crate::model::{AnyEntity, FieldKind, MODELS};
use crate::schema::{KeyPart, ReferenceSpec, Schema};
use crate::values::{Datum, Given};

/// What the entities hold when all is done.
#[derive(Default)]
pub(crate) struct Written {
    /// The rank of a row, and for each field and each of its columns what it says. Rows that were
    /// also read by a second unit of work come twice.
    pub(crate) entities: Vec<(usize, Vec<Vec<Said>>)>,
    /// The number of parts that are in the database. The others had circles that the strategy
    /// cannot write, and said so.
    pub(crate) parts: usize,
    /// Rows waited for each other, so that they could only be written at once.
    pub(crate) is_at_once: bool,
}

/// What a unit of work works on.
enum Wire<'a, 't> {
    Client(&'a mut Client),
    Transaction(&'a mut Transaction<'t>),
}

impl Wire<'_, '_> {
    fn unit_of_work(&mut self, strategy: Strategy) -> UnitOfWork<'_> {
        let uow = match self {
            Wire::Client(client) => UnitOfWork::new(&mut **client),
            Wire::Transaction(transaction) => UnitOfWork::new(&mut **transaction),
        };
        uow.with_strategy(strategy)
    }
}

/// Writes the graph; the strategy may be asked for twice.
///
/// # Errors
///
/// A text that says what was not as it should be.
pub(crate) fn write(
    client: &mut Client,
    strategy: fn() -> Strategy,
    schema: &Schema,
    graph: &Graph,
) -> Result<Written, String> {
    if !graph.in_transaction {
        return write_on(Wire::Client(client), strategy, schema, graph);
    }
    let mut transaction = client.transaction().map_err(|error| error.to_string())?;
    let mut written = write_on(Wire::Transaction(&mut transaction), strategy, schema, graph)?;
    if written.parts == parts(graph) {
        transaction.commit().map_err(|error| error.to_string())?;
    } else {
        // Dropped, it takes everything back.
        written = Written::default();
    }
    Ok(written)
}

pub(crate) fn parts(graph: &Graph) -> usize {
    if graph.split == Split::None { 1 } else { 2 }
}

fn write_on(
    mut wire: Wire<'_, '_>,
    strategy: fn() -> Strategy,
    schema: &Schema,
    graph: &Graph,
) -> Result<Written, String> {
    let later = graph.changed(schema).unwrap_or_else(|| graph.as_asked_for());
    let mut writer = Writer {
        schema,
        before: graph,
        graph,
        changes: &graph.changes,
        keys: BTreeMap::new(),
        stored: BTreeMap::new(),
        written: Written::default(),
    };
    let mut uow = wire.unit_of_work(strategy());
    let mut entities = Entities::new();
    if graph.split != Split::None {
        writer.add(&mut uow, &mut entities, 0)?;
        let commits = graph.split != Split::Flush;
        if !writer.save(&mut uow, &entities, 0, &strategy(), commits)? {
            return Ok(writer.written);
        }
        writer.written.parts = usize::from(commits);
        writer.stored = writer.keys.clone();
        if graph.split == Split::Fresh {
            if graph.changes.is_empty() {
                writer.read(&uow, &entities);
            }
            entities.clear();
            drop(uow);
            uow = wire.unit_of_work(strategy());
        }
        writer.graph = &later;
        writer.load(&mut uow, &mut entities)?;
        writer.change_keys(&mut uow, &entities);
    }
    let last = parts(graph) - 1;
    writer.add(&mut uow, &mut entities, last)?;
    if last > 0 {
        writer.change(&mut uow, &mut entities)?;
    }
    if writer.save(&mut uow, &entities, last, &strategy(), true)? {
        writer.written.parts = parts(graph);
        writer.read(&uow, &entities);
    }
    Ok(writer.written)
}

/// The entities of one unit of work, by rank.
type Entities = BTreeMap<usize, Box<dyn AnyEntity>>;

struct Writer<'a> {
    schema: &'a Schema,
    /// As it is without the changes of the second part.
    before: &'a Graph,
    /// As it is at the time.
    graph: &'a Graph,
    changes: &'a [(usize, Change)],
    /// The keys of the rows that have been written.
    keys: BTreeMap<usize, Vec<Id>>,
    /// The same as they were when the first part was written.
    stored: BTreeMap<usize, Vec<Id>>,
    written: Written,
}

impl Writer<'_> {
    /// Adds the rows of a part.
    fn add(
        &self,
        uow: &mut UnitOfWork<'_>,
        entities: &mut Entities,
        part: usize,
    ) -> Result<(), String> {
        let mut incomplete = Vec::new();
        for rank in self.graph.order_of_add(part) {
            let row = &self.graph.rows[&rank];
            let fields = self.fields(row, uow, entities)?;
            // What refers to rows that come later gets its fields when they are there.
            if fields.is_none() {
                incomplete.push((rank, row));
            }
            let model = &MODELS[self.schema.model(row.table)];
            entities.insert(rank, (model.add)(uow, fields.unwrap_or_default()));
        }
        for (rank, row) in incomplete {
            let fields = self.fields(row, uow, entities)?.expect("everything has been added");
            entities[&rank].set(uow, fields);
        }
        Ok(())
    }

    /// The fields of a row; none if it refers to entities that are not there yet.
    fn fields(
        &self,
        row: &NewRow,
        uow: &mut UnitOfWork<'_>,
        entities: &mut Entities,
    ) -> Result<Option<Vec<Box<dyn AnyField>>>, String> {
        let label = Given::Value(Datum::Text(row.label.clone()));
        let (mut keys, mut references) = (row.key.iter(), row.references.iter());
        let mut plain = std::iter::once(&label).chain(&row.plain);
        let mut fields: Vec<Box<dyn AnyField>> = Vec::new();
        for shape in self.schema.fields(row.table) {
            fields.push(match shape.kind {
                FieldKind::Plain { ty, role } => {
                    ty.field(role, plain.next().expect("a value for each column"))
                }
                FieldKind::OwnKey { is_assigned } => {
                    match (keys.next().expect("all parts of the key"), is_assigned) {
                        (KeyCell::Given(id), false) => Box::new(OwnKey::Given(id.clone())),
                        (KeyCell::Given(id), true) => Box::new(OwnKey::Assigned(Some(id.clone()))),
                        _ => Box::new(OwnKey::Assigned(None)),
                    }
                }
                FieldKind::Link { model, role } => {
                    let target = match role {
                        LinkRole::Key => match keys.next() {
                            Some(KeyCell::To(target)) => Some(target),
                            _ => unreachable!("a part of the key that is a reference"),
                        },
                        _ => references.next().expect("all references").as_ref(),
                    };
                    match self.link_field((model, role), target, uow, entities)? {
                        Some(field) => field,
                        None => return Ok(None),
                    }
                }
            });
        }
        Ok(Some(fields))
    }

    /// A reference; none if it leads to an entity that is not there yet.
    fn link_field(
        &self,
        (model, role): (usize, LinkRole),
        target: Option<&Target>,
        uow: &mut UnitOfWork<'_>,
        entities: &mut Entities,
    ) -> Result<Option<Box<dyn AnyField>>, String> {
        Ok(match target.map(|target| self.link(target, uow, entities)).transpose()? {
            None => Some((MODELS[model].link)(role, None)),
            Some(To::Key(key)) => Some((MODELS[model].link)(role, Some(&key))),
            Some(To::Entity(rank)) => Some(entities[&rank].link(role)),
            Some(To::Later) => None,
        })
    }

    /// Loads what is to be changed, where it is not at hand.
    fn load(&self, uow: &mut UnitOfWork<'_>, entities: &mut Entities) -> Result<(), String> {
        for (rank, _) in self.changes {
            if !entities.contains_key(rank) {
                let row = &self.before.rows[rank];
                let model = &MODELS[self.schema.model(row.table)];
                let found = (model.find)(uow, &self.stored[rank]);
                let found = found.map_err(|error| format!("find: {error}"))?;
                let found =
                    found.ok_or_else(|| format!("{} was not found by its key", row.label))?;
                entities.insert(*rank, found);
            }
        }
        Ok(())
    }

    /// Changes keys of rows of the first part.
    fn change_keys(&mut self, uow: &mut UnitOfWork<'_>, entities: &Entities) {
        for (rank, change) in self.changes {
            let Change::Key { part, id } = change else { continue };
            let spec = &self.schema.tables[self.before.rows[rank].table];
            let is_assigned = matches!(spec.key[*part], KeyPart::Own { assigned: Some(_), .. });
            let id = id.clone();
            let field = if is_assigned { OwnKey::Assigned(Some(id)) } else { OwnKey::Given(id) };
            entities[rank].set_field(uow, spec.key_field(*part), Box::new(field));
        }
        self.keys.retain(|&rank, _| !self.before.changes_key(rank));
    }

    /// Makes the other changes, when all new rows are there.
    fn change(&self, uow: &mut UnitOfWork<'_>, entities: &mut Entities) -> Result<(), String> {
        for (rank, change) in self.changes {
            let Change::Point { reference, to } = change else { continue };
            let spec = &self.schema.tables[self.before.rows[rank].table];
            let ReferenceSpec { table, role, .. } = spec.references[*reference];
            let kind = (self.schema.model(table), role);
            let field = self.link_field(kind, to.as_ref(), uow, entities)?;
            let field = field.expect("everything has been added");
            entities[rank].set_field(uow, spec.reference_field(*reference), field);
        }
        for (rank, change) in self.changes {
            let Change::Plain { plain, value } = change else { continue };
            let spec = &self.schema.tables[self.before.rows[rank].table];
            let (ty, role) = (spec.plain[*plain].ty(), spec.plain[*plain].role());
            entities[rank].set_field(uow, spec.plain_field(*plain), ty.field(role, value));
        }
        for (rank, change) in self.changes {
            if matches!(change, Change::Delete) {
                let entity = entities.remove(rank).expect("it is there until now");
                entity.delete(uow).map_err(|error| format!("delete: {error}"))?;
            }
        }
        Ok(())
    }

    fn link(
        &self,
        target: &Target,
        uow: &mut UnitOfWork<'_>,
        entities: &mut Entities,
    ) -> Result<To, String> {
        let rank = target.row;
        let key = self.keys.get(&rank).cloned();
        if target.by_key {
            let given = || match self.graph.rows.contains_key(&rank) {
                true => self.graph.given_key(rank),
                false => self.stored.get(&rank).cloned(),
            };
            if let Some(key) = key.clone().or_else(given) {
                return Ok(To::Key(key));
            }
        }
        if entities.contains_key(&rank) {
            return Ok(To::Entity(rank));
        }
        let Some(key) = self.stored.get(&rank) else { return Ok(To::Later) };
        // It was written by another unit of work.
        let row = &self.before.rows[&rank];
        let model = &MODELS[self.schema.model(row.table)];
        let found = (model.find)(uow, key).map_err(|error| format!("find: {error}"))?;
        let label = &row.label;
        entities.insert(rank, found.ok_or_else(|| format!("{label} was not found by its key"))?);
        Ok(To::Entity(rank))
    }

    /// Flushes or commits; false if there is a circle that the strategy cannot write.
    fn save(
        &mut self,
        uow: &mut UnitOfWork<'_>,
        entities: &Entities,
        part: usize,
        strategy: &Strategy,
        commits: bool,
    ) -> Result<bool, String> {
        let is_possible = match self.graph.circle(part) {
            Cycles::None => true,
            Cycles::OneRow => strategy.name() != "row_by_row",
            _ => ["one_trip", "auto"].contains(&strategy.name()),
        };
        let plan = uow.plan();
        if !is_possible {
            return refused(uow, entities, plan.map(drop)).map(|()| false);
        }
        let plan = plan.map_err(|error| format!("plan: {error}"))?;
        self.written.is_at_once |= format!("{plan:#}").contains("at once with the others");
        let result = if commits { uow.commit() } else { uow.flush() };
        let report = result.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            format!("commit: {error}; {}\n{plan:#}", source.unwrap_or_default())
        })?;

        let is_plain = matches!(report.reason(), Some(Reason::Strategy | Reason::Size));
        self.written.is_at_once |= !is_plain;
        let rows = self.graph.order_of_add(part).len();
        expect("plan().rows()", plan.rows(), rows)?;
        expect("report.rows()", report.rows(), rows)?;
        for (table, rows) in report.rows_by_table() {
            let of_table = self
                .graph
                .rows
                .values()
                .filter(|row| row.part == part && self.schema.tables[row.table].name == table);
            expect(table, rows, of_table.count())?;
        }
        // The plan is that of a commit, which a flush leaves open.
        // What the database says of its constraints can change it.
        let is_foreseen = !self.schema.acts()
            && plan.way() == report.way()
            && plan.reason() == report.reason()
            && !plan
                .statements()
                .iter()
                .any(|statement| statement.description().contains("look at the tables' c"));
        if commits && is_foreseen {
            expect("round trips", report.round_trips(), plan.round_trips() as u64)?;
        }
        expect("rows left", uow.plan().map_err(|error| error.to_string())?.rows(), 0)?;
        for (&rank, entity) in entities {
            let label = &self.before.rows[&rank].label;
            let key = entity.said(uow).1.ok_or_else(|| format!("{label} has no key"))?;
            if !entity.is_at(uow, &key).map_err(|error| error.to_string())? {
                return Err(format!("{label} is not found by its key"));
            }
            self.keys.insert(rank, key);
        }
        Ok(true)
    }

    /// Takes down what the entities hold.
    fn read(&mut self, uow: &UnitOfWork<'_>, entities: &Entities) {
        let said = entities.iter().map(|(&rank, entity)| (rank, entity.said(uow).0));
        self.written.entities.extend(said);
    }
}

/// Where a reference leads.
enum To {
    Key(Vec<Id>),
    Entity(usize),
    /// To an entity that is still to be added.
    Later,
}

/// A circle that the strategy cannot write is refused, and nothing has changed.
fn refused(
    uow: &mut UnitOfWork<'_>,
    entities: &Entities,
    plan: Result<(), Error>,
) -> Result<(), String> {
    let before: Vec<_> = entities.values().map(|entity| entity.said(uow)).collect();
    for result in [plan, uow.commit().map(drop)] {
        match result {
            Err(error) if error.kind() == ErrorKind::Cycle => {}
            other => return Err(format!("there is a circle, but the result is {other:?}")),
        }
    }
    let after: Vec<_> = entities.values().map(|entity| entity.said(uow)).collect();
    if before != after {
        return Err("the entities are not as they were before the error".to_owned());
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: {got:?} instead of {expected:?}"))
}
