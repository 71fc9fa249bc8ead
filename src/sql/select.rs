//! Reading rows.

use bytes::BytesMut;

use super::{ArrayParam, Params, Sql};
use crate::change_set::{CellValue, key_bytes};
use crate::error::{Error, ErrorKind};
use crate::model::{Encoder, Key, Model, Source, Table};

/// Returns a query of every column of a table.
///
/// ```text
/// SELECT COALESCE(NULL::int4, id) AS id, name::text AS "?"
/// FROM users
/// ```
///
/// `find_reads_every_column` pins the text.
pub(crate) fn select_all(table: &Table) -> Sql {
    let mut sql = Sql::new();
    let all: Vec<usize> = (0..table.columns().len()).collect();
    sql.push("SELECT ").read_columns(table, &all, "");
    sql.push(" FROM ").qualified(table.qualified_name());
    sql
}

/// Returns a query of every column of the row with this key.
///
/// ```text
/// SELECT COALESCE(NULL::int4, id) AS id, name::text AS "?"
/// FROM users
/// WHERE id = $1
/// ```
///
/// `find_reads_every_column` pins the text.
///
/// # Errors
///
/// When the key cannot be encoded.
pub(crate) fn select_by_key<T: Model>(key: &T::Key) -> Result<(Sql, Params), Error> {
    let table = T::table();
    let (mut sql, mut params) = (select_all(table), Params::new());
    sql.push(" WHERE ");
    for (part, &column) in table.key().iter().enumerate() {
        let description = &table.columns()[column];
        let number = params.push_encoded(description.ty(), |out: &mut BytesMut| {
            encode_part(key, part, table, column, out).map(|()| true)
        })?;
        sql.push(if part > 0 { " AND " } else { "" });
        sql.name(description.name()).push(" = ").param(number).write_cast(table, column);
    }
    Ok((sql, params))
}

/// Returns keys in the order in which a commit locks their rows: by their bytes.
///
/// # Errors
///
/// When a key cannot be encoded.
pub(crate) fn in_order_of_locks<K: Key>(
    table: &'static Table,
    keys: Vec<K>,
) -> Result<Vec<K>, Error> {
    let mut keyed = Vec::with_capacity(keys.len());
    for key in keys {
        let bytes = key_bytes(table, table.key(), |column, out| {
            let part = table.key().iter().position(|&other| other == column).unwrap_or(0);
            encode_part(&key, part, table, column, out).map(|()| CellValue::Value)
        })?;
        keyed.push((bytes, key));
    }
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(keyed.into_iter().map(|(_, key)| key).collect())
}

/// Returns the query that [`select_by_keys`] returns, by the keys of the rows themselves, but it locks the
/// rows, one after the other, in the order of `keys`.
///
/// ```text
/// SELECT COALESCE(NULL::int4, t.id) AS id, k.n
/// FROM unnest($1) WITH ORDINALITY AS k(k0, n),
///      LATERAL (SELECT * FROM users AS t WHERE t.id = k.k0 FOR UPDATE) AS t
/// ```
///
/// `rows_are_locked_as_they_are_read` pins the text. A subquery that locks cannot be merged into the query
/// around it, so it runs once for each key, in their order.
///
/// # Errors
///
/// When a key cannot be encoded.
pub(crate) fn lock_by_keys<K: Key>(
    table: &'static Table,
    keys: &[K],
    push_lock: impl FnOnce(&mut Sql),
) -> Result<(Sql, Params), Error> {
    let (mut sql, params) = select_from_keys(table, table.key(), keys)?;
    sql.push(", LATERAL (SELECT * FROM ").qualified(table.qualified_name()).push(" AS t WHERE ");
    push_match(&mut sql, table, table.key());
    push_lock(&mut sql);
    sql.push(") AS t");
    Ok((sql, params))
}

/// Returns a query of every column of the rows whose `columns`, such as those of a foreign key, hold
/// one of these keys. Its last column is the position of that key, counted from 1.
///
/// ```text
/// SELECT COALESCE(NULL::int4, t.id) AS id, t.street::text AS "?", k.n
/// FROM unnest($1) WITH ORDINALITY AS k(k0, n)
/// JOIN addresses AS t ON t.user_id = k.k0
/// ORDER BY k.n, t.id
/// ```
///
/// The keys arrive as arrays, one for each part: the text does not depend on their number.
///
/// # Errors
///
/// When a key cannot be encoded.
pub(crate) fn select_by_keys<K: Key>(
    table: &'static Table,
    columns: &[usize],
    keys: &[K],
) -> Result<(Sql, Params), Error> {
    let (mut sql, params) = select_from_keys(table, columns, keys)?;
    sql.push(" JOIN ").qualified(table.qualified_name()).push(" AS t ON ");
    push_match(&mut sql, table, columns);
    sql.push(" ORDER BY k.n");
    for &column in table.key() {
        sql.push(", t.").name(table.columns()[column].name());
    }
    Ok((sql, params))
}

/// Appends the condition that a row has a key.
fn push_match(sql: &mut Sql, table: &'static Table, columns: &[usize]) {
    sql.conditions(columns.iter().enumerate(), |sql, (part, &column)| {
        sql.push("t.").name(table.columns()[column].name()).push(" = k.k").number(part);
        sql.write_cast(table, column);
    });
}

/// Returns the part of [`select_by_keys`] up to the keys.
fn select_from_keys<K: Key>(
    table: &'static Table,
    columns: &[usize],
    keys: &[K],
) -> Result<(Sql, Params), Error> {
    let (mut sql, mut params) = (Sql::new(), Params::new());
    sql.push("SELECT ");
    for column in 0..table.columns().len() {
        sql.read_columns(table, &[column], "t.").push(", ");
    }
    sql.push("k.n FROM unnest(");
    for (part, array) in arrays_in(table, columns, keys)?.into_iter().enumerate() {
        let number = params.push_array(array);
        sql.push(if part > 0 { ", " } else { "" }).param(number);
    }
    let names: Vec<_> = (0..columns.len()).map(|part| format!("k{part}")).collect();
    sql.push(&format!(") WITH ORDINALITY AS k({}, n)", names.join(", ")));
    Ok((sql, params))
}

/// Returns keys of a table as arrays, one for each part.
///
/// # Errors
///
/// When a key cannot be encoded.
pub(crate) fn key_arrays<K: Key>(
    table: &'static Table,
    keys: &[K],
) -> Result<Vec<ArrayParam>, Error> {
    table.validate()?;
    arrays_in(table, table.key(), keys)
}

/// Returns the values that keys have in some columns as arrays, one for each part.
fn arrays_in<K: Key>(
    table: &'static Table,
    columns: &[usize],
    keys: &[K],
) -> Result<Vec<ArrayParam>, Error> {
    let array = |(part, &column): (usize, &usize)| {
        let mut array = ArrayParam::new(table.columns()[column].ty(), keys.len());
        for key in keys {
            array.push_value(|out| encode_part(key, part, table, column, out))?;
        }
        Ok(array)
    };
    columns.iter().enumerate().map(array).collect()
}

/// Appends the value that a part of a key has in a column.
fn encode_part<K: Key>(
    key: &K,
    part: usize,
    table: &'static Table,
    column: usize,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let mut encoder = Encoder::new(out);
    key.encode(part, &mut encoder);
    match encoder.sources(table, column)?[..] {
        [Source::Value { .. }] => Ok(()),
        _ => Err(Error::new(ErrorKind::Encode, "the key has no value")),
    }
}
