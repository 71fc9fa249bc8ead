//! Columns: whether they are there, their types, NULL, and what fills them in.

use super::catalog::{CatalogColumn, CatalogTable, Relation};
use super::problem::ProblemKind;
use super::{Comparison, advice};
use crate::model::{Assigned, Column, SqlType};

impl Comparison<'_> {
    /// Compares the columns of the model with those of the table.
    pub(super) fn columns(&mut self, relation: &Relation, found: &CatalogTable) {
        for (index, column) in self.table.columns().iter().enumerate() {
            let Some(found_column) = found.column(column.name()) else {
                self.missing(column, found);
                continue;
            };
            self.ty(index, column, found_column);
            if relation.is_stored() {
                self.assigned(index, column, relation, found_column);
                self.nulls(index, column, found_column);
            }
        }
        if relation.is_stored() {
            self.required(relation, found);
        }
    }

    /// Reports a problem of a column.
    fn column_problem(&mut self, kind: ProblemKind, column: &str, message: String) {
        let problem = self.problem(kind, message).of_columns([column]);
        self.report(problem);
    }

    /// Reports a column that the table does not have.
    fn missing(&mut self, column: &Column, found: &CatalogTable) {
        let alike = |other: &&CatalogColumn| {
            other.name.to_lowercase() == column.name().to_lowercase()
                && !self.table.columns().iter().any(|column| column.name() == other.name)
        };
        let message = match found.columns.iter().find(alike) {
            Some(other) => format!(
                "the table has no such column, but {:?}: write it with `column = {:?}`",
                other.name, other.name
            ),
            None => "the table has no such column: add it, or correct the field's `column`, or \
                     `skip` the field"
                .to_owned(),
        };
        self.column_problem(ProblemKind::MissingColumn, column.name(), message);
    }

    /// Compares the type of a column.
    fn ty(&mut self, index: usize, column: &Column, found: &CatalogColumn) {
        let theirs = &found.ty;
        let Some(name) = self.table.cast(index) else {
            if !column.ty().reads(theirs.base) && !is_wider(column.ty(), theirs.base) {
                let ours = self.catalog.built_in(column.ty());
                let advice = match self.target_of(index) {
                    Some(target) => format!(
                        "it holds the key of {target}: give that key the same type, in its model and \
                         in the database, or name this column's with `{}`",
                        advice::sql_type(theirs)
                    ),
                    None => advice::for_type(column.ty(), &ours, theirs),
                };
                let message =
                    format!("{} in the database, {ours} in the model: {advice}", theirs.name);
                self.column_problem(ProblemKind::Type, column.name(), message);
            }
            return;
        };
        let Some(named) = self.catalog.named_type(name) else {
            let message = format!(
                "the type {name} does not exist: create it, or correct `sql_type`; the column's is \
                 {}",
                theirs.name
            );
            return self.column_problem(ProblemKind::MissingType, column.name(), message);
        };
        let strings = [SqlType::TEXT, SqlType::TEXT.array()];
        let are_strings = strings.iter().any(|ty| ty.reads(named.base) && ty.reads(theirs.base));
        if named.base != theirs.base && !are_strings {
            let message = format!(
                "{} in the database, {} in the model: correct `sql_type`",
                theirs.name, named.name
            );
            self.column_problem(ProblemKind::Type, column.name(), message);
        }
    }

    /// Returns the table whose key the column holds.
    fn target_of(&self, column: usize) -> Option<&'static str> {
        let mut foreign_keys = self.table.foreign_keys();
        let of_column = foreign_keys.find(|foreign_key| foreign_key.columns.contains(&column));
        of_column.map(|foreign_key| foreign_key.target.name())
    }

    /// Returns `true` if the column is part of the key.
    fn is_key(&self, column: usize) -> bool {
        self.table.key().contains(&column)
    }

    /// Compares what fills a column in: an assigned key, a default, or a generation expression.
    fn assigned(
        &mut self,
        index: usize,
        column: &Column,
        relation: &Relation,
        found: &CatalogColumn,
    ) {
        let name = column.name();
        if found.is_generated && !column.has_server_default() {
            let message = "the column is generated, and cannot be written: make the field an \
                           `Option` with `#[model(generated)]`";
            self.column_problem(ProblemKind::Generated, name, message.to_owned());
        }
        match column.assigned_by() {
            Some(Assigned::OwnedSequence) if !found.owns_sequence => {
                let message = "the database is to assign the key, and the column owns no sequence: \
                               make it `GENERATED BY DEFAULT AS IDENTITY`, or name the sequence with \
                               `sequence = \"…\"`, or have a field that is no `Option`";
                self.column_problem(ProblemKind::NoOwnedSequence, name, message.to_owned());
            }
            Some(Assigned::OwnedSequence) => {
                if let Some((sequence, default)) = &found.other_default {
                    let message = format!(
                        "the column owns the sequence {sequence}, from which the model has the keys \
                         taken, and its default is {default}: name what the default draws from with \
                         `sequence = \"…\"`, or write it with `default = \"…\"`"
                    );
                    self.column_problem(ProblemKind::OtherSequence, name, message);
                }
            }
            Some(Assigned::Sequence(sequence_name)) => {
                let sequence_name = sequence_name.beside(self.table.qualified_name());
                let is_there = self.catalog.relation(sequence_name).is_some_and(|r| r.kind == "S");
                if !is_there {
                    let message = format!(
                        "there is no sequence {sequence_name}: create it, or correct `sequence`"
                    );
                    self.column_problem(ProblemKind::MissingSequence, name, message);
                }
                self.key_default(name, relation, found);
            }
            Some(Assigned::Expression(_)) => self.key_default(name, relation, found),
            _ => {}
        }
        let is_filled = found.has_default || found.is_identity || found.is_generated;
        if column.has_server_default() && !self.is_key(index) && !is_filled && found.is_not_null {
            let message = "the model leaves the column to its default, but it has none and is NOT \
                           NULL: give it a default, or take `default` from the field";
            let problem = self.problem(ProblemKind::NoDefault, message.to_owned());
            self.report(problem.of_columns([name]).note_if(relation.has_trigger));
        }
    }

    /// Reports a key that has an expression of its own in the model, and no default in the
    /// database. Most strategies evaluate the expression.
    fn key_default(&mut self, name: &str, relation: &Relation, found: &CatalogColumn) {
        if !found.has_default && !found.is_identity && !relation.has_trigger {
            let message = "the model says what assigns the key, but the column has no default: give \
                           it the same one, for `RowByRow` and for who else inserts rows";
            let problem = self.problem(ProblemKind::NoDefault, message.to_owned());
            self.report(problem.of_columns([name]).note());
        }
    }

    /// Compares whether a column can be NULL.
    fn nulls(&mut self, index: usize, column: &Column, found: &CatalogColumn) {
        let Some(is_nullable) = column.is_nullable() else { return };
        if found.is_generated {
            return;
        }
        if is_nullable && found.is_not_null {
            let advice = if column.has_server_default() {
                "make the field an `Option` of one level, whose `None` is the default"
            } else if found.has_default || found.is_identity {
                "mark it `#[model(default)]`, so that `None` takes the column's default"
            } else {
                "take the `Option` from the field, or NOT NULL from the column"
            };
            let message = format!(
                "NOT NULL in the database, an `Option` in the model: writing NULL fails; {advice}"
            );
            self.column_problem(ProblemKind::WritesNull, column.name(), message);
        }
        // A field with a server default is an `Option`, and takes NULL when it is read.
        if !is_nullable && !found.is_not_null && !column.has_server_default() {
            let advice = if self.is_key(index) {
                "make the column NOT NULL, as a key is"
            } else {
                "make the field an `Option`, or the column NOT NULL"
            };
            let message = format!(
                "it can be NULL in the database, and cannot in the model: reading such a row \
                 fails; {advice}"
            );
            self.column_problem(ProblemKind::ReadsNull, column.name(), message);
        }
    }

    /// Reports columns that the model lacks and no insert can do without.
    fn required(&mut self, relation: &Relation, found: &CatalogTable) {
        for column in &found.columns {
            let is_known = self.table.columns().iter().any(|known| known.name() == column.name);
            let is_filled = column.has_default || column.is_identity || column.is_generated;
            if is_known || is_filled || !column.is_not_null {
                continue;
            }
            let message = format!(
                "the model lacks this column, which is {} NOT NULL without a default: inserts fail; \
                 add a field, or a default",
                column.ty.name
            );
            let problem = self.problem(ProblemKind::RequiredColumn, message);
            self.report(problem.of_columns([&column.name]).note_if(relation.has_trigger));
        }
    }
}

/// Returns `true` if every integer of the database's type is one of the model's. A value is read as
/// the wider type, and written if it fits.
fn is_wider(ours: SqlType, theirs: u32) -> bool {
    let [int2, int4] = [SqlType::INT2, SqlType::INT4].map(SqlType::oid);
    match ours {
        SqlType::INT4 => theirs == int2,
        SqlType::INT8 => theirs == int2 || theirs == int4,
        _ => false,
    }
}
