//! Which row the server's error is about, where it says so by itself.

use super::Flush;
use crate::assignments::RowsOf;
use crate::change_set::EntityAt;
use crate::error::Error;
use crate::model::Table;

impl Flush<'_, '_> {
    /// Names the entity of the one row of a statement in the error that the row was refused with.
    pub(crate) fn blame_only_row(&self, error: Error, rows: RowsOf, slots: &[u32]) -> Error {
        match slots {
            [slot] if error.is_about_rows() => {
                let entity = EntityAt { model: self.changes.model_of(rows), slot: *slot };
                error.with_entity(self.changes.handle(entity))
            }
            _ => error,
        }
    }

    /// The same for new rows, by their positions.
    pub(crate) fn blame_only_new_row(&self, error: Error, table: usize, rows: &[u32]) -> Error {
        let slots = self.changes.tables()[table].slots();
        let slots: Vec<u32> = rows.iter().take(2).map(|&row| slots[row as usize]).collect();
        self.blame_only_row(error, RowsOf::New(table), &slots)
    }
}

/// A row that was copied, as the server's error names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CopiedRow<'a> {
    /// The position in the data.
    pub(super) at: usize,
    pub(super) column: Option<&'a str>,
}

/// Returns which row of a `COPY` into a table an error is about, if it says so. The text around the
/// number depends on the language of the server's messages:
///
/// ```text
/// COPY addresses, line 17, column email
/// ```
pub(super) fn copied_row<'a>(context: &'a str, table: &Table) -> Option<CopiedRow<'a>> {
    // What ran within the COPY, such as a function, comes first.
    let line = context.lines().last()?;
    let name = line.find("COPY")?;
    let at = line[name..].find(table.name()).map(|at| name + at).or_else(|| {
        // In some languages the table comes before.
        line.find(table.name())
    })?;
    let before = &line[..at];
    let rest = &line[at + table.name().len()..];
    if before.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = rest.find(|c: char| c.is_ascii_digit())?;
    let number: String = rest[digits..].chars().take_while(char::is_ascii_digit).collect();
    let after = &rest[digits + number.len()..];
    let is_column = |column: &&str| table.columns().iter().any(|other| other.name() == *column);
    let column = after.rsplit([' ', ',']).next().filter(is_column);
    Some(CopiedRow { at: number.parse::<usize>().ok()?.checked_sub(1)?, column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, SqlType};

    static TABLE: Table = Table::new(
        "lines2",
        &[Column::new("id", SqlType::INT4), Column::new("e mail", SqlType::TEXT)],
        &[0],
    );

    fn row(context: &str) -> Option<(usize, Option<&str>)> {
        copied_row(context, &TABLE).map(|row| (row.at, row.column))
    }

    #[test]
    fn the_number_after_the_name_counts_in_any_language() {
        assert_eq!(row("COPY lines2, line 17"), Some((16, None)));
        assert_eq!(row("COPY lines2, Zeile 3, Spalte id"), Some((2, Some("id"))));
        assert_eq!(
            row("PL/pgSQL function f(integer) line 4 at RAISE\nCOPY lines2, line 1"),
            Some((0, None))
        );
        assert_eq!(row("lines2 의 COPY, 5 번째 줄"), Some((4, None)));
        assert_eq!(row("COPY lines2, line 0"), None);
        assert_eq!(row("COPY other, line 3"), None);
        assert_eq!(row("SQL statement \"SELECT 1 FROM lines2\""), None);
        assert_eq!(row(""), None);
    }
}
