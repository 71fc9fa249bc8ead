//! Reading rows by their key.

use bytes::BytesMut;

use super::{Params, Sql};
use crate::error::{Error, ErrorKind};
use crate::model::{Encoder, Key, Model, Source};

/// `SELECT` of every column of the row with this key.
///
/// # Errors
///
/// When the key cannot be encoded, or refers to an entity without a key.
pub(crate) fn select_by_key<T: Model>(key: &T::Key) -> Result<(Sql, Params), Error> {
    let table = T::table();
    let (mut sql, mut params) = (Sql::new(), Params::new());
    let all: Vec<usize> = (0..table.columns().len()).collect();
    sql.push("SELECT ").read_columns(table, &all);
    sql.push(" FROM ").qualified(table.qualified_name()).push(" WHERE ");
    for (part, &column) in table.key().iter().enumerate() {
        let description = &table.columns()[column];
        let number = params.push_encoded(description.ty(), |out: &mut BytesMut| {
            let mut encoder = Encoder::new(out);
            key.encode(part, &mut encoder);
            match encoder.sources(table, column)?[..] {
                [Source::Value { .. }] => Ok(true),
                _ => Err(Error::new(ErrorKind::Encode, "the key has no value")),
            }
        })?;
        sql.push(if part > 0 { " AND " } else { "" });
        sql.name(description.name()).push(" = ").param(number).write_cast(table, column);
    }
    Ok((sql, params))
}
