//! `Vec<T>` and `Vec<Option<T>>`: one-dimensional arrays.

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use super::{Value, append};
use crate::error::BoxError;
use crate::model::SqlType;

/// An array column. PostgreSQL has no arrays of arrays; elements are never NULL.
impl<V: Value> Value for Vec<V> {
    const TYPE: SqlType = array_of(V::TYPE);

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        encode_array(V::TYPE, self, out, |element, out| append(element, out).map(|()| true))
    }

    fn decode(raw: &[u8]) -> Result<Vec<V>, BoxError> {
        decode_array(raw, |element| match element {
            Some(raw) => V::decode(raw),
            None => {
                Err("the array has a NULL element, and the field is not a `Vec<Option<…>>`".into())
            }
        })
    }
}

/// An array column whose elements can be NULL.
impl<V: Value> Value for Vec<Option<V>> {
    const TYPE: SqlType = array_of(V::TYPE);

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        encode_array(V::TYPE, self, out, |element, out| match element {
            Some(element) => append(element, out).map(|()| true),
            None => Ok(false),
        })
    }

    fn decode(raw: &[u8]) -> Result<Vec<Option<V>>, BoxError> {
        decode_array(raw, |element| element.map(V::decode).transpose())
    }
}

/// Returns the type of arrays of this type.
pub(in crate::model) const fn array_of(element: SqlType) -> SqlType {
    assert!(!element.is_array(), "PostgreSQL has no arrays of arrays");
    element.array()
}

/// Appends the binary form of an array: dimensions, whether there are NULLs, the elements' OID, then the
/// length and the lower bound of its dimension, then the elements, each after its length. `encode`
/// appends an element, or gives `false` for NULL.
pub(in crate::model) fn encode_array<E>(
    ty: SqlType,
    elements: &[E],
    out: &mut BytesMut,
    encode: impl Fn(&E, &mut BytesMut) -> Result<bool, BoxError>,
) -> Result<(), BoxError> {
    let has_nulls = out.len() + 4;
    out.put_i32(i32::from(!elements.is_empty()));
    out.put_i32(0);
    out.put_u32(ty.oid());
    if elements.is_empty() {
        return Ok(());
    }
    out.put_i32(i32::try_from(elements.len())?);
    out.put_i32(1);
    for element in elements {
        let start = out.len();
        out.put_i32(-1);
        if encode(element, out)? {
            let len = i32::try_from(out.len() - start - 4)?;
            out[start..start + 4].copy_from_slice(&len.to_be_bytes());
        } else {
            out[has_nulls..has_nulls + 4].copy_from_slice(&1_i32.to_be_bytes());
        }
    }
    Ok(())
}

fn decode_array<E>(
    raw: &[u8],
    decode: impl Fn(Option<&[u8]>) -> Result<E, BoxError>,
) -> Result<Vec<E>, BoxError> {
    let array = array_from_sql(raw)?;
    if array.dimensions().count()? > 1 {
        return Err("the array has more than one dimension".into());
    }
    array.values().map(decode).collect()
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
            let nullable: Vec<_> = strings.into_iter().map(Some).collect();
            assert_eq!(<Vec<Option<String>>>::decode(&out).unwrap(), nullable);
        }
    }

    #[test]
    fn elements_can_be_null() {
        for numbers in [vec![None], vec![Some(1), None, Some(3), None], vec![Some(7)]] {
            // What is in the buffer already stays as it is.
            let mut out = BytesMut::from(&[9; 11][..]);
            numbers.encode(&mut out).unwrap();
            assert_eq!(out[..11], [9; 11]);
            assert_eq!(<Vec<Option<i32>>>::decode(&out[11..]).unwrap(), numbers);
            let without = <Vec<i32>>::decode(&out[11..]);
            assert_eq!(without.is_ok(), !numbers.contains(&None));
        }
    }
}
