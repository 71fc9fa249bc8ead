//! A column of values as one array: `ArrayParam`, which is sent, and what comes back.

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::array_from_sql;

use crate::arena::{Encoded, Frame};
use crate::error::{BoxError, Error, ErrorKind};
use crate::model::SqlType;

/// An array in PostgreSQL's binary form, built element by element.
#[derive(Debug, Clone)]
pub(crate) struct ArrayParam {
    /// The type of the elements.
    ty: SqlType,
    /// Room for the header, and then the elements, each after its length.
    bytes: BytesMut,
    /// The number of elements.
    len: usize,
    /// An element is NULL.
    has_null: bool,
    /// An element is not NULL.
    has_value: bool,
}

impl ArrayParam {
    /// Returns an empty array of elements of this type, with room for `len` of them.
    pub(crate) fn new(ty: SqlType, len: usize) -> ArrayParam {
        let mut bytes = BytesMut::with_capacity(HEADER + len * 8);
        bytes.put_bytes(0, HEADER);
        ArrayParam { ty, bytes, len: 0, has_null: false, has_value: false }
    }

    /// Appends NULL.
    pub(crate) fn push_null(&mut self) {
        self.bytes.put_i32(-1);
        self.len += 1;
        self.has_null = true;
    }

    /// Returns the number of elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends NULLs up to this length.
    pub(crate) fn pad(&mut self, len: usize) {
        (self.len..len).for_each(|_| self.push_null());
    }

    /// Appends a number; the array's type is `int8`.
    pub(crate) fn push_i64(&mut self, value: i64) {
        self.bytes.put_i32(8);
        self.bytes.put_i64(value);
        self.len += 1;
        self.has_value = true;
    }

    /// Appends a number; the array's type is `int4`.
    pub(crate) fn push_i32(&mut self, value: i32) {
        self.bytes.put_i32(4);
        self.bytes.put_i32(value);
        self.len += 1;
        self.has_value = true;
    }

    /// Returns `true` if an element other than NULL has been appended.
    pub(crate) fn has_value(&self) -> bool {
        self.has_value
    }

    /// Appends an element in its binary form.
    pub(crate) fn push_raw(&mut self, raw: &[u8]) -> Result<(), Error> {
        self.push_value(|out| {
            out.put_slice(raw);
            Ok(())
        })
    }

    /// Appends the value that `encode` writes.
    ///
    /// # Errors
    ///
    /// Those of `encode`, and when the value is longer than 2 GiB.
    pub(crate) fn push_value(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.push_encoded(|out| encode(out).map(|()| (true, ())))
    }

    /// Appends what `encode` writes, or NULL when it says that it wrote no value; what it says is
    /// handed on.
    pub(crate) fn push_encoded<R>(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(bool, R), Error>,
    ) -> Result<R, Error> {
        let start = self.bytes.len();
        self.bytes.put_i32(-1);
        let (is_value, result) = encode(&mut self.bytes)?;
        if is_value {
            let len = i32::try_from(self.bytes.len() - start - 4)
                .map_err(|_| Error::new(ErrorKind::Encode, "the value is longer than 2 GiB"))?;
            self.bytes[start..start + 4].copy_from_slice(&len.to_be_bytes());
            self.has_value = true;
        } else {
            self.bytes.truncate(start + 4);
            self.has_null = true;
        }
        self.len += 1;
        Ok(result)
    }

    /// Appends the elements that `encode` writes, each after its length.
    ///
    /// # Errors
    ///
    /// Those of `encode`.
    pub(crate) fn push_cells(
        &mut self,
        encode: impl FnOnce(Frame<'_>, &mut BytesMut) -> Result<Encoded, Error>,
    ) -> Result<(), Error> {
        let Encoded { rows, nulls } = encode(Frame::NONE, &mut self.bytes)?;
        self.len += rows;
        self.has_null |= nulls > 0;
        self.has_value |= nulls < rows;
        Ok(())
    }

    /// Returns the type of the array and its bytes.
    pub(super) fn finish(mut self) -> (SqlType, BytesMut) {
        let header = if self.len == 0 {
            self.bytes.truncate(START);
            [0, 0, self.ty.oid(), 0, 0]
        } else {
            [1, u32::from(self.has_null), self.ty.oid(), self.len as u32, 1]
        };
        let header: Vec<u8> = header.iter().flat_map(|part| part.to_be_bytes()).collect();
        let header_len = self.bytes.len().min(HEADER);
        self.bytes[..header_len].copy_from_slice(&header[..header_len]);
        (self.ty.array(), self.bytes)
    }
}

/// The size of what an array begins with: the number of dimensions, whether there are NULLs, and the
/// OID of the elements.
const START: usize = 12;

/// The size of a dimension: its length and its lower bound.
const DIMENSION: usize = 8;

/// The size of what stands before the elements of an array of one dimension.
const HEADER: usize = START + DIMENSION;

/// Returns the elements of an array in its binary form, each after its length.
///
/// # Errors
///
/// When it is no array.
pub(crate) fn array_elements(raw: &[u8]) -> Result<&[u8], BoxError> {
    let dimensions = array_from_sql(raw)?.dimensions().count()?;
    Ok(raw.get(START + DIMENSION * dimensions..).unwrap_or_default())
}
