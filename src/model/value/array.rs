//! `Vec<T>`: one-dimensional arrays.

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::{Value, append};
use crate::error::BoxError;
use crate::model::SqlType;

/// An array column. PostgreSQL has no arrays of arrays; elements are never NULL.
impl<V: Value> Value for Vec<V> {
    const TYPE: SqlType = {
        assert!(!V::TYPE.is_array(), "PostgreSQL has no arrays of arrays");
        V::TYPE.array()
    };

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        // Binary form: dimensions, whether there are NULLs, the elements' OID, then for each
        // dimension its length and lower bound, then the elements, each after its length.
        let dimensions = i32::from(!self.is_empty());
        out.put_i32(dimensions);
        out.put_i32(0);
        out.put_u32(V::TYPE.oid());
        if self.is_empty() {
            return Ok(());
        }
        out.put_i32(i32::try_from(self.len())?);
        out.put_i32(1);
        for element in self {
            let start = out.len();
            out.put_i32(0);
            append(element, out)?;
            let len = i32::try_from(out.len() - start - 4)?;
            out[start..start + 4].copy_from_slice(&len.to_be_bytes());
        }
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Vec<V>, BoxError> {
        let array = array_from_sql(raw)?;
        if array.dimensions().count()? > 1 {
            return Err("the array has more than one dimension".into());
        }
        array
            .values()
            .map(|element| match element {
                Some(raw) => V::decode(raw),
                None => Err("the array has a NULL element".into()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        for strings in [vec![], vec!["one".to_owned(), String::new(), "three".to_owned()]] {
            let mut out = BytesMut::new();
            strings.encode(&mut out).unwrap();
            assert_eq!(<Vec<String>>::decode(&out).unwrap(), strings);
        }
    }
}
