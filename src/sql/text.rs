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
        let description = &table.columns()[column];
        if is_guarded(table, column) && keeps_type(description.ty()) {
            self.push("CASE WHEN NULL").cast(description.ty()).push(" = ").push(of);
            self.name(description.name()).push(" THEN NULL ELSE ").push(of);
            return self.name(description.name()).push(" END");
        }
        if is_guarded(table, column) {
            self.push("COALESCE(NULL").cast(description.ty()).push(", ").push(of);
            return self.name(description.name()).push(")");
        }
        self.push(of).name(description.name());
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
