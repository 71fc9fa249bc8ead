//! `GraphQuery`: loading a graph.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use super::relations::{Draft, Relations};
use super::result::{Graph, Tie};
use crate::connection::{OwnTexts, SNAPSHOT_ROUND_TRIPS};
use crate::error::{Error, ErrorKind};
use crate::graph::{
    Answer, Edge, Found, INDEX_COLUMNS, Level, LevelRows, LoadPlan, Matches, NOBODY, Relation,
    Root, Selection, Statement, match_apart, one_level, whole_graph,
};
use crate::handle::Handle;
use crate::model::Model;
use crate::sql::{Rows, key_arrays};
use crate::unit_of_work::UnitOfWork;
use crate::unit_of_work::load::in_table;

/// A query of a graph, as [`Query::with`](crate::Query::with) and [`UnitOfWork::graph`] begin it.
#[must_use = "a query does nothing until it is loaded"]
pub struct GraphQuery<'q, 'c, T> {
    /// The unit of work that takes the entities.
    uow: &'q mut UnitOfWork<'c>,
    draft: Draft,
    /// The slots of the roots, if they are loaded already.
    roots: Option<Vec<u32>>,
    /// The caller wants a statement for each level.
    must_split: bool,
    model: PhantomData<T>,
}

impl<'c> UnitOfWork<'c> {
    /// Begins a query of the entities that belong to loaded entities. `below` names the relations to
    /// load, as for [`Query::with`](crate::Query::with).
    ///
    /// ```
    /// # use onetrip::{ForeignKey, Handle, Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "addresses")]
    /// # struct Address { #[model(key)] id: Option<i32>, email: String, user_id: ForeignKey<User> }
    /// fn first_address(uow: &mut UnitOfWork<'_>, users: &[Handle<User>]) -> Result<(), onetrip::Error> {
    ///     let users = uow
    ///         .graph(users, |user| {
    ///             user.children::<Address>().order_by("email").limit(1);
    ///         })
    ///         .load()?;
    ///     for user in users.roots() {
    ///         for address in users.children::<Address>(user)? {
    ///             println!("{}: {}", uow[user].name, uow[address].email);
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = first_address;
    /// ```
    pub fn graph<T: Model>(
        &mut self,
        roots: &[Handle<T>],
        below: impl FnOnce(&mut Relations<'_, T>),
    ) -> GraphQuery<'_, 'c, T> {
        let arrays = self.keys_of(roots).and_then(|keys| key_arrays(T::table(), &keys));
        let (arrays, mistake) = match arrays.map_err(in_table(T::table())) {
            Ok(arrays) => (arrays, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let root = Level {
            table: T::table(),
            relation: Relation::Root(Root::Keys { arrays, len: roots.len() }),
            selection: Selection::all(),
        };
        let mut query = GraphQuery::new(self, root, below);
        query.roots = Some(roots.iter().map(|root| root.slot()).collect());
        query.draft.mistake = mistake.or(query.draft.mistake.take());
        query
    }
}

impl<'q, 'c, T: Model> GraphQuery<'q, 'c, T> {
    pub(in crate::unit_of_work) fn new(
        uow: &'q mut UnitOfWork<'c>,
        root: Level,
        below: impl FnOnce(&mut Relations<'_, T>),
    ) -> GraphQuery<'q, 'c, T> {
        let mut draft = Draft::new::<T>(root);
        below(&mut Relations::new(&mut draft, 0));
        GraphQuery { uow, draft, roots: None, must_split: false, model: PhantomData }
    }

    /// Makes each level a statement of its own. All levels are read in one transaction, from one
    /// snapshot. A transaction that is open already is used as it is, and may see several snapshots.
    ///
    /// One statement returns at most 1,664 columns and 1 GiB. A graph with more columns is split
    /// without a call of `split`, and so is a graph of more than 1 GiB outside of a transaction. Inside
    /// a transaction, the error of a graph of more than 1 GiB aborts the transaction, so call `split`
    /// for such a graph.
    pub fn split(mut self) -> Self {
        self.must_split = true;
        self
    }

    /// Returns the plan of [`load`](GraphQuery::load). Nothing is sent.
    ///
    /// # Errors
    ///
    /// Those that `load` returns before it sends anything: mistakes in a model or in a relation, and
    /// parameters that do not fit the conditions.
    pub fn plan(&self) -> Result<LoadPlan, Error> {
        if let Some(mistake) = &self.draft.mistake {
            return Err(mistake.without_source());
        }
        self.draft.levels.check()?;
        let connection = &self.uow.connection;
        Ok(LoadPlan::new(&self.draft.levels, self.must_split, |statements| {
            match statements {
                2.. if connection.reads_alone() => SNAPSHOT_ROUND_TRIPS + 1,
                // It is ended with the commit.
                1.. if connection.begins_with_reads() => 1,
                _ => 0,
            }
        }))
    }

    /// Loads the graph, in one round trip, and in one snapshot.
    ///
    /// The [`Strategy`](crate::Strategy) learns which foreign keys have an index, and a graph that is loaded
    /// again with it is faster. A second statement is sent where such an index is not there any more, and
    /// where the server refuses what the statement says of indexes. The plan does not foresee that statement.
    /// An index that is created later is learned of after 1,000 loads, or by another strategy.
    ///
    /// All entities go through the identity map: an entity that the unit of work has already stays as
    /// it is, with its unsaved changes. The database decides which entities belong together. Entities
    /// that were added and not written yet are not found, and neither are entities that are marked for
    /// deletion.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when a model has no such foreign key, or several; [`ErrorKind::Handle`] when a
    /// root that is given has no key yet; otherwise as [`Query::load`](crate::Query::load). After an error
    /// nothing of the graph has come into the unit of work.
    pub fn load(mut self) -> Result<Graph<T>, Error> {
        if let Some(mistake) = self.draft.take_mistake() {
            return Err(mistake);
        }
        let plan = self.plan()?;
        let GraphQuery { uow, draft, roots, .. } = self;
        let mut loader = Loader { uow, draft: &draft };
        if plan.statements() == 0 {
            return Ok(loader.graph(roots, None));
        }
        let read = match plan.is_split() {
            true => loader.read_split()?,
            false => match loader.read_whole(&plan) {
                Err(error) if loader.can_split(&error) => loader.read_split()?,
                Err(error) if error.is_too_large() => {
                    let hint = "the graph is too large for one statement: ask for it with `split`";
                    return Err(error.hinting(hint));
                }
                result => result?,
            },
        };
        Ok(loader.graph(roots, Some(read)))
    }
}

/// What was read: the entities of each level, and which rows of it belong to which.
#[derive(Default)]
struct Read {
    entities: Vec<Option<Box<dyn Any>>>,
    matches: Vec<Matches>,
    /// The keys of the rows of levels that are to be sorted by them.
    keys: Vec<Option<Vec<i64>>>,
}

struct Loader<'l, 'c> {
    uow: &'l mut UnitOfWork<'c>,
    draft: &'l Draft,
}

impl Loader<'_, '_> {
    /// Reads all levels in one statement.
    ///
    /// The statement builds on what the strategy knows of indexes. Where this is not true any more, another
    /// statement builds on nothing.
    fn read_whole(&mut self, plan: &LoadPlan) -> Result<Read, Error> {
        let levels = &self.draft.levels;
        let can_ask = self.uow.connection.reads_alone();
        let found = match plan.has_room(INDEX_COLUMNS) {
            true => self.uow.strategy.indexes(|indexes| indexes.for_load(levels, can_ask)),
            false => Found::default(),
        };
        let statement = whole_graph(levels, &found)?;
        let mut refused = false;
        match self.send(&statement) {
            Ok(rows) => {
                if self.look_at(&rows, &statement, &found)? {
                    return self.read_arrays(&statement, &rows);
                }
            }
            // A server that is no PostgreSQL may have another catalog, or keep it from this role.
            Err(error) if found.is_something() && is_refusal(&error) => {
                if !self.uow.connection.is_autocommit() {
                    return Err(error);
                }
                refused = true;
            }
            Err(error) => return Err(error),
        }
        let statement = whole_graph(levels, &Found::default())?;
        let rows = self.send(&statement)?;
        if refused {
            self.uow.strategy.indexes(|indexes| indexes.forget(&found));
        }
        self.read_arrays(&statement, &rows)
    }

    /// Returns `false` if an index on which the statement builds is not there any more. Remembers what the
    /// statement has asked for.
    fn look_at(&self, rows: &Rows, statement: &Statement, found: &Found) -> Result<bool, Error> {
        let strategy = &self.uow.strategy;
        if rows.len() != 1 {
            return Ok(true);
        }
        if let Some(column) = statement.guard {
            if rows.get::<bool>(0, column)? != Some(true) {
                strategy.indexes(|indexes| indexes.forget(found));
                return Ok(false);
            }
        }
        if let Some(column) = statement.answer {
            let answer = Answer {
                tables: rows.get(0, column)?.unwrap_or_default(),
                indexes: rows.get(0, column + 1)?.unwrap_or_default(),
                work_mem: rows.get(0, column + 2)?.unwrap_or_default(),
                most_bytes: rows.get(0, column + 3)?.unwrap_or_default(),
            };
            strategy.indexes(|indexes| indexes.learn(&found.asks, &answer));
        }
        Ok(true)
    }

    /// Reads the rows of all levels from arrays.
    fn read_arrays(&self, statement: &Statement, rows: &Rows) -> Result<Read, Error> {
        let levels = &self.draft.levels;
        let mut of_levels: Vec<Option<LevelRows<'_>>> = Vec::new();
        for &(level, first) in &statement.outputs {
            let (table, columns) = (levels.at(level).table, levels.read_columns(level));
            of_levels.push(Some(LevelRows::in_arrays(table, rows, columns, first)?));
        }
        self.read(&of_levels, |level| {
            let told = statement.matches.iter().find(|(other, _)| *other == level);
            told.map(|&(_, column)| told_matches(rows, column)).transpose()
        })
    }

    /// Reads each level in a statement of its own.
    fn read_split(&mut self) -> Result<Read, Error> {
        let is_alone = self.uow.connection.reads_alone();
        if is_alone {
            self.uow.connection.begin_snapshot()?;
        }
        let read = self.read_levels();
        if is_alone {
            self.uow.connection.rollback();
        }
        read
    }

    fn read_levels(&mut self) -> Result<Read, Error> {
        let levels = &self.draft.levels;
        let mut results: Vec<Option<Rows>> = Vec::new();
        for level in 0..levels.len() {
            let above = match levels.at(level).relation.above() {
                Some(above) => in_rows(self.draft, above, &results)?,
                None => None,
            };
            if level > 0 && above.as_ref().is_none_or(|above| above.len() == 0) {
                results.push(None);
                continue;
            }
            let statement = one_level(levels, level, above.as_ref())?;
            let rows = self.send(&statement)?;
            results.push(Some(rows));
        }
        let of_levels = (0..levels.len()).map(|level| in_rows(self.draft, level, &results));
        let of_levels = of_levels.collect::<Result<Vec<_>, _>>()?;
        let mut told = Vec::new();
        for level in 1..levels.len() {
            let edge = Edge::of(levels, level);
            let has_rows = |levels: &[usize]| {
                levels.iter().any(|&level| of_levels[level].as_ref().is_some_and(|r| r.len() > 0))
            };
            if edge.is_exact() || !has_rows(&edge.one) || !has_rows(&edge.many) {
                continue;
            }
            let statement = match_apart(levels, level, &of_levels)?;
            let rows = self.send(&statement)?;
            told.push((level, told_matches(&rows, 0)?));
        }
        self.read(&of_levels, |level| {
            Ok(told.iter().find(|(other, _)| *other == level).map(|(_, told)| told.clone()))
        })
    }

    /// Sends a statement. An error names the level's table.
    fn send(&mut self, statement: &Statement) -> Result<Rows, Error> {
        let levels = &self.draft.levels;
        let texts = OwnTexts::of(levels.texts());
        let result = self.uow.connection.read(statement.sql.as_str(), &statement.params, texts);
        result.map_err(|error| {
            match error.position().and_then(|position| statement.level_at(position)) {
                Some(level) => error.with_table(levels.at(level).table.name()),
                None => error,
            }
        })
    }

    /// Returns `true` if the error says that the result was too large for one row, and nothing else is
    /// lost by it.
    fn can_split(&self, error: &Error) -> bool {
        error.is_too_large() && self.draft.levels.len() > 1 && self.uow.connection.is_autocommit()
    }

    /// Reads the rows as entities, and finds out which belong together.
    fn read(
        &self,
        rows: &[Option<LevelRows<'_>>],
        told: impl Fn(usize) -> Result<Option<Matches>, Error>,
    ) -> Result<Read, Error> {
        let (levels, mut entities) = (&self.draft.levels, Vec::new());
        for (level, rows) in rows.iter().enumerate() {
            let is_loaded = level == 0 && levels.begins_with_keys();
            entities.push(match rows {
                Some(rows) if !is_loaded => Some(self.draft.models[level].decode(rows)?),
                _ => None,
            });
        }
        let mut matches = vec![Matches::new()];
        for level in 1..levels.len() {
            matches.push(match told(level)? {
                Some(told) => told,
                None => Edge::of(levels, level).match_by_bytes(rows)?,
            });
        }
        let keys = rows.iter().enumerate().map(|(level, rows)| {
            let is_sorted_here = levels.is_sorted_here(level);
            rows.as_ref().filter(|_| is_sorted_here).map(LevelRows::integer_keys).transpose()
        });
        let keys = keys.collect::<Result<_, Error>>()?;
        Ok(Read { entities, matches, keys })
    }

    /// Takes in what was read. `roots` are the slots of those that were loaded before.
    fn graph<T: Model>(&mut self, roots: Option<Vec<u32>>, read: Option<Read>) -> Graph<T> {
        let (levels, models) = (&self.draft.levels, &self.draft.models);
        let Read { entities, matches, keys } = read.unwrap_or_default();
        let mut slots: Vec<Vec<u32>> = Vec::with_capacity(levels.len());
        for (level, read) in entities.into_iter().enumerate() {
            slots.push(match read {
                Some(read) => models[level].insert(&mut self.uow.arenas, read),
                None => Vec::new(),
            });
        }
        slots.resize(levels.len(), Vec::new());
        if let Some(roots) = roots {
            slots[0] = roots;
        }
        let mut ties = Vec::new();
        // An entity can be in several levels: the first of these counts.
        let mut order: Vec<usize> = (1..levels.len()).collect();
        order.sort_by_key(|&level| levels.at(level).relation.above());
        for level in order {
            let edge = Edge::of(levels, level);
            let (above, own) = (levels.at(level).relation.above().unwrap_or(0), level);
            let leads_to_parents = levels.at(level).relation.leads_to_parents();
            let (parent, child) = match leads_to_parents {
                true => (own, above),
                false => (above, own),
            };
            let links_to = match levels.at(level).relation {
                Relation::Children { through: Some(target), .. } => {
                    Some((models[target].model(), levels.at(target).relation.columns()))
                }
                _ => None,
            };
            let all = |levels: &[usize]| -> Vec<u32> {
                levels.iter().flat_map(|&level| slots[level].iter().copied()).collect()
            };
            ties.push(Tie::new(
                (models[parent].model(), models[child].model()),
                (edge.foreign_key, leads_to_parents),
                links_to,
                &all(&edge.one),
                &all(&edge.many),
                matches.get(level).map_or(&[], |matches| &matches[..]),
                keys.get(level).and_then(|keys| keys.as_deref()),
            ));
        }
        let roots = slots.swap_remove(0).into_iter().filter(|&slot| slot != NOBODY);
        Graph::new(self.uow.stamp, roots.collect(), ties)
    }
}

/// Returns `true` if the server has not understood the statement, or cannot run it.
fn is_refusal(error: &Error) -> bool {
    let code = error.sqlstate().map_or("", |code| code.code());
    ["0A", "42", "XX"].iter().any(|class| code.starts_with(class)) && !error.is_too_large()
}

/// Returns the rows of a level, if they were read.
fn in_rows<'r>(
    draft: &Draft,
    level: usize,
    results: &'r [Option<Rows>],
) -> Result<Option<LevelRows<'r>>, Error> {
    let (table, columns) = (draft.levels.at(level).table, draft.levels.read_columns(level));
    results[level].as_ref().map(|rows| LevelRows::in_rows(table, rows, columns)).transpose()
}

/// Returns the matches that the server has told, in a column of one row.
fn told_matches(rows: &Rows, column: usize) -> Result<Matches, Error> {
    let wrong =
        || Error::new(ErrorKind::Decode, "the server has not told which rows belong together");
    if rows.len() != 1 {
        return Err(wrong());
    }
    let told: Vec<i64> = rows.get(0, column)?.ok_or_else(wrong)?;
    // They are counted from 1, and 0 is nobody.
    let place = |told: i64| u32::try_from(told - 1).unwrap_or(NOBODY);
    Ok(told.into_iter().map(place).collect())
}

impl<T> fmt::Debug for GraphQuery<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphQuery")
            .field("levels", &self.draft.levels.len())
            .finish_non_exhaustive()
    }
}
