//! `CopyData`: rows in the binary format of `COPY`.

use bytes::{BufMut, BytesMut};

use crate::error::{Error, ErrorKind};

/// Rows, encoded one after the other.
///
/// The format is described under "Binary Format" in PostgreSQL's documentation of `COPY`.
#[derive(Debug, Default)]
pub(crate) struct CopyData {
    bytes: BytesMut,
}

/// The signature, no flags, and no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The server takes no message of 1 GiB, and a row is in one.
const MAX_ROW: usize = (1 << 30) - (1 << 20);

impl CopyData {
    pub(crate) fn push_header(&mut self) {
        self.bytes.put_slice(HEADER);
    }

    /// Appends a row of so many columns; `encode` appends the value of each, or says that it is
    /// NULL.
    ///
    /// # Errors
    ///
    /// Those of `encode`, and when the row is too large. The row is not appended then.
    pub(crate) fn push_row(
        &mut self,
        columns: usize,
        mut encode: impl FnMut(usize, &mut BytesMut) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let start = self.bytes.len();
        let count = i16::try_from(columns)
            .map_err(|_| Error::new(ErrorKind::Model, "the table has too many columns"))?;
        self.bytes.put_i16(count);
        for column in 0..columns {
            let at = self.bytes.len();
            self.bytes.put_i32(-1);
            let result = encode(column, &mut self.bytes).and_then(|is_value| {
                let len = self.bytes.len() - at - 4;
                match i32::try_from(len) {
                    Ok(len) if self.bytes.len() - start <= MAX_ROW => Ok(is_value.then_some(len)),
                    _ => Err(Error::new(ErrorKind::Encode, "the row is larger than 1 GiB")),
                }
            });
            match result {
                Ok(Some(len)) => self.bytes[at..at + 4].copy_from_slice(&len.to_be_bytes()),
                Ok(None) => self.bytes.truncate(at + 4),
                Err(error) => {
                    self.bytes.truncate(start);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn push_trailer(&mut self) {
        self.bytes.put_i16(-1);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_counted_and_its_values_have_lengths() {
        let mut data = CopyData::default();
        data.push_header();
        assert_eq!(data.len(), 19);
        data.clear();
        let values = [Some(&b"ab"[..]), None, Some(b"")];
        data.push_row(3, |column, out| {
            out.put_slice(values[column].unwrap_or(b"left over"));
            Ok(values[column].is_some())
        })
        .unwrap();
        let row = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(data.as_bytes(), row);
        let failed = data.push_row(2, |column, out| {
            out.put_slice(b"half");
            if column == 1 { Err(Error::new(ErrorKind::Encode, "no")) } else { Ok(true) }
        });
        assert!(failed.is_err());
        assert_eq!(data.as_bytes(), row, "nothing of a row that cannot be encoded is left");
        data.push_trailer();
        assert_eq!(&data.as_bytes()[row.len()..], b"\xff\xff");
    }
}
