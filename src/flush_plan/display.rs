//! How a plan prints itself.

use std::fmt;

use super::{FlushPlan, InsertStep, Step};

impl fmt::Display for FlushPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let (table, rows) = (step.table().name(), counted(step.len()));
            write!(f, "{}. {table}: ", index + 1)?;
            match step {
                Step::Delete(_) => write!(f, "delete {rows}")?,
                Step::Update(update) => write!(f, "{}", update.description())?,
                Step::Insert(insert) => {
                    f.write_str(&rows)?;
                    self.write_parents(f, index, insert)?;
                }
                Step::FindOrAdd(step) => {
                    write!(f, "{}", step.description())?;
                    self.write_parents(f, index, &step.insert)?;
                }
            }
            if let Some(circle) = self.circle(index).filter(|circle| circle.len() > 1) {
                let last = circle.end;
                write!(f, ", at once with the others of {} to {last}", circle.start + 1)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl FlushPlan {
    /// Prints the tables that a step's table refers to and that have new rows before it.
    fn write_parents(
        &self,
        f: &mut fmt::Formatter<'_>,
        index: usize,
        insert: &InsertStep,
    ) -> fmt::Result {
        let mut separator = ", after ";
        for (position, parent) in self.tables.iter().enumerate() {
            let is_written = self.steps[..index].iter().any(|step| match step {
                Step::Insert(step) => step.table == position,
                Step::FindOrAdd(step) => step.table() == position,
                Step::Update(_) | Step::Delete(_) => false,
            });
            let mut foreign_keys = insert.description.foreign_keys();
            let refers = foreign_keys.any(|foreign_key| foreign_key.target.is(parent.table()));
            if is_written && refers && position != insert.table {
                write!(f, "{separator}{}", parent.table().name())?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

impl super::UpdateStep {
    /// For people, such as `update name, age of 2 rows`.
    pub(crate) fn description(&self) -> String {
        let name = |column: usize| self.table.columns()[column].name();
        let names: Vec<_> = self.columns().map(name).collect();
        let (names, rows) = (names.join(", "), counted(self.len()));
        if self.is_detour() {
            format!("set {names} of {rows} aside")
        } else if self.is_sparse() {
            format!("update some of {names} of {rows}")
        } else {
            format!("update {names} of {rows}")
        }
    }
}

impl super::FindOrAddStep {
    /// For people, such as `find or add 2 rows by name`.
    pub(crate) fn description(&self) -> String {
        let name = |&column: &usize| self.insert.description.columns()[column].name();
        let names: Vec<_> = self.resolution.natural_key.columns().iter().map(name).collect();
        let rows = counted(self.insert.rows.len());
        format!("{} {rows} by {}", self.resolution.verb(), names.join(", "))
    }
}

/// Such as `1 row` or `2 rows`.
pub(crate) fn counted(rows: usize) -> String {
    plural(rows, "row")
}

/// Such as `1 byte` or `2 bytes`.
pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
