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
            let mut before = self.steps[..index].iter().filter_map(Step::as_insert);
            let is_written = before.any(|step| step.table == position);
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

/// Such as `1 row` or `2 rows`.
pub(crate) fn counted(rows: usize) -> String {
    plural(rows, "row")
}

/// Such as `1 byte` or `2 bytes`.
pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
