//! `Sql`: builds the text of a statement. Every name goes through a quoting function.

use std::fmt::{self, Write};

use postgres_protocol::escape::escape_literal;

use crate::model::{QualifiedName, Quoted, SqlType, Table};

/// The text of a statement under construction.
#[derive(Debug, Default)]
pub(crate) struct Sql(String);

impl Sql {
    /// Returns an empty text.
    pub(crate) fn new() -> Sql {
        Sql::default()
    }

    /// Returns an empty text with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Sql {
        Sql(String::with_capacity(bytes))
    }

    /// Appends text that the caller wrote.
    pub(crate) fn push(&mut self, text: &str) -> &mut Sql {
        self.0.push_str(text);
        self
    }

    /// Appends a quoted name.
    pub(crate) fn name(&mut self, name: &str) -> &mut Sql {
        self.display(Quoted(name))
    }

    /// Appends a quoted name, with its schema if it has one.
    pub(crate) fn qualified(&mut self, name: QualifiedName) -> &mut Sql {
        self.display(name)
    }

    /// Appends a string constant. For names that are passed to functions; values are parameters.
    pub(crate) fn literal(&mut self, text: &str) -> &mut Sql {
        // The driver's function puts a space before a constant with backslashes.
        self.0.push_str(escape_literal(text).trim_start());
        self
    }

    /// Appends a number.
    pub(crate) fn number(&mut self, number: usize) -> &mut Sql {
        self.display(number)
    }

    /// Appends what is displayed.
    fn display(&mut self, text: impl fmt::Display) -> &mut Sql {
        // A string takes whatever is written to it.
        let _ = write!(self.0, "{text}");
        self
    }

    /// Appends `$number`.
    pub(crate) fn param(&mut self, number: usize) -> &mut Sql {
        self.push("$").number(number)
    }

    /// Appends a list, with `, ` between its items.
    pub(crate) fn list<I: IntoIterator>(
        &mut self,
        items: I,
        each: impl FnMut(&mut Sql, I::Item),
    ) -> &mut Sql {
        self.separated(", ", items, each)
    }

    /// Appends conditions, with ` AND ` between them.
    pub(crate) fn conditions<I: IntoIterator>(
        &mut self,
        items: I,
        each: impl FnMut(&mut Sql, I::Item),
    ) -> &mut Sql {
        self.separated(" AND ", items, each)
    }

    fn separated<I: IntoIterator>(
        &mut self,
        separator: &str,
        items: I,
        mut each: impl FnMut(&mut Sql, I::Item),
    ) -> &mut Sql {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            each(self, item);
        }
        self
    }

    /// Appends the names of columns.
    ///
    /// ```text
    /// id, name
    /// ```
    pub(crate) fn columns(&mut self, table: &Table, columns: &[usize]) -> &mut Sql {
        self.list(columns, |sql, &column| {
            sql.name(table.columns()[column].name());
        })
    }

    /// Appends columns for a `SELECT` list; see [`read_column`](Sql::read_column).
    ///
    /// ```text
    /// COALESCE(NULL::int4, id) AS id, name::text AS "?"
    /// ```
    ///
    /// `find_reads_every_column` pins the text.
    ///
    /// `ORDER BY name` means the result's column of this name, where there is one, and not that of the
    /// table: so a text that was made of another type has no name that can be meant.
    pub(crate) fn read_columns(&mut self, table: &Table, columns: &[usize], of: &str) -> &mut Sql {
        self.list(columns, |sql, &column| {
            sql.read_column(table, column, of).push(" AS ");
            match is_guarded(table, column) {
                true => sql.name(table.columns()[column].name()),
                false => sql.name("?"),
            };
        })
    }

    /// Appends columns for a `RETURNING` list.
    ///
    /// ```text
    /// COALESCE(NULL::int4, id) AS id, name::text
    /// ```
    ///
    /// `users_and_addresses_in_a_batch` pins the text.
    pub(crate) fn returned_columns(&mut self, table: &Table, columns: &[usize]) -> &mut Sql {
        self.list(columns, |sql, &column| {
            sql.read_column(table, column, "");
            if is_guarded(table, column) {
                sql.push(" AS ").name(table.columns()[column].name());
            }
        })
    }

    /// Appends ` RETURNING` and columns; see [`returned_columns`](Sql::returned_columns).
    ///
    /// `is_apart` says that a query of its own is to read what the statement returns, where a column has a type
    /// of one's own. Citus takes no cast in `RETURNING` that depends on the session, such as one of an enum.
    ///
    /// ```text
    /// WITH w AS (INSERT INTO … RETURNING id, mood) SELECT COALESCE(NULL::int4, id) AS id, mood::text FROM w
    /// ```
    pub(crate) fn returning(
        &mut self,
        table: &Table,
        columns: &[usize],
        is_apart: bool,
    ) -> &mut Sql {
        if !is_apart || !casts_any(table, columns) {
            return self.push(" RETURNING ").returned_columns(table, columns);
        }
        self.begin_apart().columns(table, columns).push(") SELECT ");
        self.returned_columns(table, columns).push(" FROM w")
    }

    /// Makes the statement so far a part `w` of another, and appends ` RETURNING `.
    pub(crate) fn begin_apart(&mut self) -> &mut Sql {
        self.0.insert_str(0, "WITH w AS (");
        self.push(" RETURNING ")
    }

    /// Appends a column, so that its value comes as a type that is built in.
    ///
    /// ```text
    /// COALESCE(NULL::int4, t.id)
    /// CASE WHEN NULL::numeric = t.price THEN NULL ELSE t.price END
    /// t.name::text
    /// t.number::text::int4
    /// ```
    ///
    /// `what_is_read_back_is_cast_to_what_it_is_read_as` pins the text. The driver asks the
    /// server what any other type is, while the rows wait to be read; from some thousand on, neither
    /// the answer nor the rows get through. `of` is empty, or the table's alias with a point.
    ///
    /// Texts are cast: every type has a text, and of text itself that is nothing. Of what is no text,
    /// the server finds out the type before it runs the statement: with a NULL of a type that does not
    /// go with it, it is an error. `COALESCE` takes a narrower integer for a wider one; `CASE` keeps
    /// the column's own type, where another one of its kind would be rounded or depend on the session.
    /// The planner makes the column itself of either.
    pub(crate) fn read_column(&mut self, table: &Table, column: usize, of: &str) -> &mut Sql {
        let name = format!("{of}{}", Quoted(table.columns()[column].name()));
        self.read_value(table, column, &name)
    }

    /// Appends an expression that has the value of a column, in the same way.
    pub(crate) fn read_value(&mut self, table: &Table, column: usize, value: &str) -> &mut Sql {
        let description = &table.columns()[column];
        if is_guarded(table, column) && keeps_type(description.ty()) {
            self.push("CASE WHEN NULL").cast(description.ty()).push(" = ").push(value);
            return self.push(" THEN NULL ELSE ").push(value).push(" END");
        }
        if is_guarded(table, column) {
            self.push("COALESCE(NULL").cast(description.ty()).push(", ");
            return self.push(value).push(")");
        }
        self.push(value);
        if is_integer(description.ty()) {
            // Of what is no integer, `numeric` for instance, a cast would round.
            self.cast(if description.ty().is_array() {
                SqlType::TEXT.array()
            } else {
                SqlType::TEXT
            });
        }
        self.cast(match description.ty() {
            ty if ty.is_string() && ty.is_array() => SqlType::TEXT.array(),
            ty if ty.is_string() => SqlType::TEXT,
            ty => ty,
        })
    }

    /// Appends a numbered column of a query, of this type, as an element of an array. Arrays could be put
    /// into an array if all of them had one length, and it would be flattened: each goes as bytes.
    ///
    /// ```text
    /// r0
    /// array_send(c1)
    /// ```
    pub(crate) fn element(&mut self, ty: SqlType, letter: char, number: usize) -> &mut Sql {
        match ty.is_array() {
            true => self.display(format_args!("array_send({letter}{number})")),
            false => self.display(format_args!("{letter}{number}")),
        }
    }

    /// Appends a cast to the column's own type, where that is not a built-in one.
    pub(crate) fn write_cast(&mut self, table: &Table, column: usize) -> &mut Sql {
        if let Some(name) = table.cast(column) {
            self.push("::").qualified(name);
        }
        self
    }

    /// Appends a cast to a built-in type.
    pub(crate) fn cast(&mut self, ty: SqlType) -> &mut Sql {
        self.push("::").name(ty.name());
        if ty.is_array() {
            self.push("[]");
        }
        self
    }

    /// Returns the text so far.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns `true` if one of these columns has a type of one's own.
pub(crate) fn casts_any(table: &Table, columns: &[usize]) -> bool {
    columns.iter().any(|&column| table.cast(column).is_some())
}

/// Returns `true` if a column is read as it is, once it is known to have the type that the model says.
fn is_guarded(table: &Table, column: usize) -> bool {
    table.cast(column).is_none() && !table.columns()[column].ty().is_string()
}

/// Returns `true` if this is an integer, or an array of integers.
fn is_integer(ty: SqlType) -> bool {
    if ty.is_array() { ty.element().is_integer() } else { ty.is_integer() }
}

/// Returns `true` if other types of its kind would become this one, with a loss.
pub(super) fn keeps_type(ty: SqlType) -> bool {
    const KEPT: [SqlType; 6] = [
        SqlType::FLOAT4,
        SqlType::FLOAT8,
        SqlType::NUMERIC,
        SqlType::DATE,
        SqlType::TIMESTAMP,
        SqlType::TIMESTAMPTZ,
    ];
    KEPT.contains(&ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        let mut sql = Sql::new();
        sql.qualified(QualifiedName::in_schema("a.B", "or\"der")).push(" ").literal("it's \\");
        assert_eq!(sql.as_str(), r#""a.B"."or""der" E'it''s \\'"#);
    }
}
