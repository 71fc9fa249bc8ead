//! `Memory`: what a strategy has learned of tables.

use std::sync::Arc;

use crate::flush_plan::Constraints;
use crate::graph::Indexes;
use crate::model::{QualifiedName, Table};

/// What was learned from the server's answers.
#[derive(Default)]
pub(super) struct Memory {
    /// Sets of tables that could not be written in one statement, with the SQLSTATE.
    refused: Vec<(Vec<QualifiedName>, String)>,
    /// Sets of tables whose rows could not be locked ahead.
    unlockable: Vec<Vec<QualifiedName>>,
    /// Tables that were written when rows lay on several servers.
    distributed: Vec<QualifiedName>,
    /// Sets of tables that could not be written while Citus wrote to shards at once.
    sequential: Vec<Vec<QualifiedName>>,
    /// Tables of which changes return nothing.
    without_returning: Vec<&'static str>,
    /// Tables whose keys come from where the DEFAULTs of their columns say.
    default_keys: Vec<QualifiedName>,
    /// What the catalog says of sets of tables.
    constraints: Vec<(Vec<QualifiedName>, Arc<Constraints>)>,
    /// Which foreign keys have an index.
    pub(super) indexes: Indexes,
}

/// So many sets of tables are remembered; the oldest makes room.
const MAX_SETS: usize = 64;

impl Memory {
    /// Returns the SQLSTATE with which one statement for these tables was refused, if it was.
    pub(super) fn refusal(&self, tables: &[&'static Table]) -> Option<&str> {
        let refused = self.refused.iter().find(|(set, _)| is_among(set, tables));
        refused.map(|(_, code)| &**code)
    }

    /// Remembers that one statement for these tables was refused, and by which SQLSTATE.
    pub(super) fn refused(&mut self, tables: &[&'static Table], code: String) {
        remember(&mut self.refused, (names(tables), code));
    }

    /// Returns `true` if rows of these tables can be locked ahead, as far as is known.
    pub(super) fn can_lock(&self, tables: &[&'static Table]) -> bool {
        !self.are_distributed(tables) && !self.unlockable.iter().any(|set| is_among(set, tables))
    }

    /// Remembers that rows of these tables cannot be locked ahead.
    pub(super) fn cannot_lock(&mut self, tables: &[&'static Table]) {
        remember(&mut self.unlockable, names(tables));
    }

    /// Returns `true` if rows of these tables may lie on several servers, as far as is known. The form of
    /// statements for these is right for others, too.
    pub(super) fn are_distributed(&self, tables: &[&'static Table]) -> bool {
        tables.iter().any(|table| self.distributed.contains(&table.qualified_name()))
    }

    /// Remembers that rows of some of these tables lie on several servers.
    pub(super) fn distributed(&mut self, tables: &[&'static Table]) {
        let mut new = names(tables);
        new.retain(|name| !self.distributed.contains(name));
        self.distributed.extend(new);
    }

    /// Returns `true` if Citus is to write these tables over one connection to each server, as far as is known.
    pub(super) fn are_sequential(&self, tables: &[&'static Table]) -> bool {
        self.sequential.iter().any(|set| is_among(set, tables))
    }

    /// Remembers that Citus is to write these tables over one connection to each server.
    pub(super) fn sequential(&mut self, tables: &[&'static Table]) {
        remember(&mut self.sequential, names(tables));
    }

    /// Returns the tables of which changes return nothing.
    pub(super) fn without_returning(&self) -> &[&'static str] {
        &self.without_returning
    }

    /// Remembers that changes of this table return nothing.
    pub(super) fn returns_nothing(&mut self, table: &'static str) {
        remember(&mut self.without_returning, table);
    }

    /// Returns `true` if keys of this table are known to come from where the DEFAULTs of its
    /// columns say.
    pub(super) fn has_default_keys(&self, table: &Table) -> bool {
        self.default_keys.contains(&table.qualified_name())
    }

    /// Remembers that keys of this table come from where the DEFAULTs of its columns say.
    pub(super) fn keys_are_default(&mut self, table: &Table) {
        if !self.has_default_keys(table) {
            self.default_keys.push(table.qualified_name());
        }
    }

    /// Returns what the catalog says of these tables, if it was asked.
    pub(super) fn constraints(&self, tables: &[&'static Table]) -> Option<&Arc<Constraints>> {
        let is_known = |set: &[QualifiedName]| {
            tables.iter().all(|table| set.contains(&table.qualified_name()))
        };
        self.constraints.iter().find(|(set, _)| is_known(set)).map(|(_, known)| known)
    }

    /// Remembers what the catalog says of these tables.
    pub(super) fn learned(&mut self, tables: &[&'static Table], constraints: Arc<Constraints>) {
        self.constraints.retain(|(set, _)| *set != names(tables));
        remember(&mut self.constraints, (names(tables), constraints));
    }
}

/// Returns the names of tables.
fn names(tables: &[&'static Table]) -> Vec<QualifiedName> {
    tables.iter().map(|table| table.qualified_name()).collect()
}

/// Returns `true` if all tables of `set` are among `tables`.
fn is_among(set: &[QualifiedName], tables: &[&'static Table]) -> bool {
    set.iter().all(|name| tables.iter().any(|table| table.qualified_name() == *name))
}

/// Adds a set, in the place of the oldest one where there are too many.
fn remember<T>(sets: &mut Vec<T>, set: T) {
    if sets.len() == MAX_SETS {
        sets.remove(0);
    }
    sets.push(set);
}
