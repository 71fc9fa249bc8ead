//! Strings, and the one character that PostgreSQL's cannot hold.

use std::sync::Arc;

use bytes::BytesMut;
use postgres::types::{FromSql, Type};

use super::Value;
use crate::error::BoxError;
use crate::model::SqlType;

/// Refused here rather than by the server (SQLSTATE 22021), which could not name the column.
#[inline]
pub(in crate::model) fn encode(text: &str, out: &mut BytesMut) -> Result<(), BoxError> {
    if text.as_bytes().contains(&0) {
        return Err("the text holds a NUL character (U+0000), which PostgreSQL cannot store".into());
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

macro_rules! text_value {
    ($($rust:ty),*) => {
        $(
            impl Value for $rust {
                const TYPE: SqlType = SqlType::TEXT;

                #[inline]
                fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
                    encode(self, out)
                }

                #[inline]
                fn decode(raw: &[u8]) -> Result<$rust, BoxError> {
                    <&str>::from_sql(&Type::TEXT, raw).map(Into::into)
                }
            }
        )*
    };
}

text_value!(String, Box<str>, Arc<str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_refused_and_nothing_is_written() {
        let mut out = BytesMut::new();
        let error = Value::encode(&"a\0b".to_owned(), &mut out).unwrap_err();
        assert!(error.to_string().contains("NUL"), "{error}");
        assert!(out.is_empty());
    }
}
