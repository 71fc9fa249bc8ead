//! Constraints: whether the model's key is unique, and foreign keys on either side.

use super::Comparison;
use super::catalog::{CatalogForeignKey, CatalogTable, Relation};
use super::problem::ProblemKind;
use crate::model::{ForeignKeyColumns, Table};

impl Comparison<'_> {
    /// Compares the model's keys with the constraints of the table.
    pub(super) fn constraints(&mut self, relation: &Relation, found: &CatalogTable) {
        if relation.has_constraints() {
            self.key(found);
            self.natural_keys(relation, found);
            self.undeclared_natural_keys(found);
            self.undeclared(found);
            self.declared(found);
        }
    }

    /// Returns the names of columns of the model.
    pub(super) fn names(&self, columns: &[usize]) -> Vec<&'static str> {
        columns.iter().map(|&column| self.table.columns()[column].name()).collect()
    }

    /// Reports a key that nothing in the database makes unique. Rows that are unique by some of the
    /// key's columns are unique by all of them.
    fn key(&mut self, found: &CatalogTable) {
        let key = self.names(self.table.key());
        let is_unique = found.unique.iter().any(|index| {
            index.is_whole() && index.columns.iter().all(|column| key.contains(&column.as_str()))
        });
        // A column that is not there has been reported already.
        let is_there = key.iter().all(|column| found.column(column).is_some());
        if !is_unique && is_there {
            let message = "this is the model's key, and no primary key or unique index makes it \
                           one: add that, or mark the fields that are the key";
            let problem = self.problem(ProblemKind::KeyNotUnique, message.to_owned());
            self.report(problem.of_columns(key));
        }
    }

    /// Reports foreign keys of the database whose columns the model writes, without knowing what
    /// they refer to.
    fn undeclared(&mut self, found: &CatalogTable) {
        for foreign_key in &found.foreign_keys {
            let is_written = foreign_key
                .columns
                .iter()
                .all(|(column, _)| self.table.columns().iter().any(|known| known.name() == column));
            let is_declared =
                self.table.foreign_keys().any(|declared| self.covers(declared, foreign_key));
            if is_declared || !is_written {
                continue;
            }
            let CatalogForeignKey { name, target_name, columns, .. } = foreign_key;
            let target = self.model_of(foreign_key.target);
            let refers_to_key = |table: &&Table| {
                table.key().len() == columns.len()
                    && table.key().iter().all(|&key| {
                        let key = table.columns()[key].name();
                        columns.iter().any(|(_, target)| target == key)
                    })
            };
            let advice = match target {
                Some(table) if !refers_to_key(&table) => {
                    "it refers to other columns than the key, so flush the one before the other"
                }
                _ => "make the field a `ForeignKey`",
            };
            let message = format!(
                "the foreign key {name} to {target_name} is unknown to the model, so a row may be \
                 written before the one that it refers to: {advice}"
            );
            let columns = columns.iter().map(|(column, _)| column);
            let problem = self.problem(ProblemKind::UndeclaredForeignKey, message);
            // Rows of a table without a model are not written, so they are there already.
            let is_note = target.is_none() || foreign_key.is_deferred;
            self.report(problem.of_columns(columns).note_if(is_note));
        }
    }

    /// Returns the table of a model, if one of those that are compared describes it.
    fn model_of(&self, oid: u32) -> Option<&'static Table> {
        self.models.iter().copied().find(|table| {
            let relation = self.catalog.relation(table.qualified_name());
            relation.is_some_and(|relation| relation.oid == oid)
        })
    }

    /// Reports foreign keys of the model that the database does not hold it to.
    fn declared(&mut self, found: &CatalogTable) {
        for declared in self.table.foreign_keys() {
            let names = self.names(declared.columns);
            let is_there = names.iter().all(|column| found.column(column).is_some());
            let is_kept = found.foreign_keys.iter().any(|known| self.covers(declared, known));
            let target = self.catalog.relation(declared.target.qualified_name());
            if is_kept || !is_there || target.is_some_and(|target| !target.has_constraints()) {
                continue;
            }
            let message = format!(
                "the database has no foreign key to {}: add one, or the rows that it refers to can \
                 be missing",
                declared.target.name()
            );
            let problem = self.problem(ProblemKind::MissingForeignKey, message);
            self.report(problem.of_columns(names).note());
        }
    }

    /// Returns `true` if rows that are written in the order of the model's foreign key satisfy the
    /// database's: that has the same target, and all of its columns or some of them.
    fn covers(&self, declared: ForeignKeyColumns, known: &CatalogForeignKey) -> bool {
        let target = self.catalog.relation(declared.target.qualified_name());
        let columns = self.names(declared.columns);
        let pair = |(index, column)| -> Option<(&str, &str)> {
            let key: usize = *declared.target.key().get(index)?;
            Some((column, declared.target.columns()[key].name()))
        };
        let pairs: Vec<_> = columns.into_iter().enumerate().filter_map(pair).collect();
        target.is_some_and(|target| target.oid == known.target)
            && known
                .columns
                .iter()
                .all(|(column, target)| pairs.contains(&(column.as_str(), target.as_str())))
    }
}
