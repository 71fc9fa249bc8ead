//! Asks the database's catalog for the constraints of tables.

use crate::connection::{Connection, OwnTexts};
use crate::error::Error;
use crate::flush_plan::{Action, Constraints, ForeignKeyConstraint, SetAside, UniqueConstraint};
use crate::model::Table;
use crate::sql::{Params, Rows};

/// One fact a row; which one is the first column. What a fact does not have is NULL.
const QUERY: &str = include_str!("constraints.sql");

/// Texts that are shorter leave too little room for one that nobody has.
const SHORTEST_TEXT: usize = 8;

/// Returns what the catalog says of these tables, in one round trip.
///
/// # Errors
///
/// Those of the server.
pub(super) fn ask(
    connection: &mut Connection<'_>,
    tables: &[&'static Table],
) -> Result<Constraints, Error> {
    let names: Vec<String> =
        tables.iter().map(|table| table.qualified_name().to_string()).collect();
    let mut params = Params::new();
    params.push_names(&names)?;
    let rows = connection.reading(OwnTexts::NONE, |connection| connection.query(QUERY, &params))?;
    let mut constraints = Constraints::default();
    for row in 0..rows.len() {
        Fact { rows: &rows, row }.add_to(&mut constraints)?;
    }
    Ok(constraints)
}

/// One row of the answer.
struct Fact<'a> {
    /// The answer.
    rows: &'a Rows,
    /// The position of the row in it.
    row: usize,
}

impl Fact<'_> {
    /// Adds what the row says to what is known.
    fn add_to(&self, constraints: &mut Constraints) -> Result<(), Error> {
        let (oid, name) = (self.oid(1)?, self.text(3)?);
        match self.text(0)?.as_str() {
            "relation" => {
                if self.flag(6)? {
                    constraints.plain.push(oid);
                }
                constraints.relations.insert(name, oid);
            }
            "generated" => {
                constraints.generated.insert((oid, name));
            }
            "foreign key" => constraints.foreign_keys.push(ForeignKeyConstraint {
                name,
                child: oid,
                child_columns: self.texts(9)?,
                parent: self.oid(2)?,
                parent_columns: self.texts(10)?,
                on_delete: action(&self.text(4)?),
                on_update: action(&self.text(5)?),
                is_deferred: self.flag(6)?,
                is_exact: self.flag(7)?,
            }),
            "unique" => constraints.unique.push(UniqueConstraint {
                table: oid,
                plain_name: self.text(4)?,
                name,
                columns: self.texts(9)?,
                is_exact: self.flag(6)?,
                is_deferrable: self.flag(7)?,
                is_deferred: self.flag(8)?,
            }),
            "citus" => constraints.is_citus = true,
            "deferred" => constraints.deferred.push((self.text(4)?, name)),
            "room" => {
                let len = self.text(5)?.parse().unwrap_or(usize::MAX);
                let room = match self.text(4)?.as_str() {
                    "null" => SetAside::Null,
                    "beyond" => SetAside::Beyond,
                    "uuid" => SetAside::Uuid,
                    "text" if len >= SHORTEST_TEXT => SetAside::Text(len.min(32)),
                    _ => return Ok(()),
                };
                constraints.room.insert((oid, name), room);
            }
            "early trigger" => constraints.early_triggers.push(oid),
            "late trigger" => constraints.late_triggers.push(oid),
            _ => constraints.actions.push(oid),
        }
        Ok(())
    }

    /// Returns the text in a column, which is empty for NULL.
    fn text(&self, column: usize) -> Result<String, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the OID in a column, which is 0 for NULL.
    fn oid(&self, column: usize) -> Result<u32, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the boolean in a column, which is `false` for NULL.
    fn flag(&self, column: usize) -> Result<bool, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the texts in a column, of which there are none for NULL.
    fn texts(&self, column: usize) -> Result<Vec<String>, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }
}

/// Returns the action that `pg_constraint` names by this letter.
fn action(code: &str) -> Action {
    match code {
        "c" => Action::Cascade,
        "n" | "d" => Action::Set,
        "r" => Action::Restrict,
        _ => Action::NoAction,
    }
}
