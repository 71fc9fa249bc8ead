//! `CopyData`: rows in the binary format of `COPY`.

use bytes::{BufMut, BytesMut};

use crate::arena::{Encoded, Frame};
use crate::error::{Error, ErrorKind};

/// Rows, encoded one after the other.
///
/// The format is described under "Binary Format" in PostgreSQL's documentation of `COPY`.
#[derive(Debug, Default)]
pub(crate) struct CopyData {
    /// What has not been sent yet.
    bytes: BytesMut,
}

impl CopyData {
    /// Appends what the data begins with.
    pub(crate) fn push_header(&mut self) {
        self.bytes.put_slice(HEADER);
    }

    /// Appends rows of so many columns, as `encode` does, and returns their number. No row begins beyond
    /// `limit`.
    ///
    /// # Errors
    ///
    /// Those of `encode`, and when a row is too large. No row is appended then.
    pub(crate) fn push_rows(
        &mut self,
        columns: usize,
        limit: usize,
        encode: impl FnOnce(Frame<'_>, &mut BytesMut) -> Result<Encoded, Error>,
    ) -> Result<usize, Error> {
        let start = self.bytes.len();
        let count = i16::try_from(columns)
            .map_err(|_| Error::new(ErrorKind::Model, "the table has too many columns"))?;
        let frame =
            Frame { before_row: &count.to_be_bytes(), limit, max_row: MAX_ROW, ..Frame::NONE };
        let encoded = encode(frame, &mut self.bytes);
        if encoded.is_err() {
            self.bytes.truncate(start);
        }
        Ok(encoded?.rows)
    }

    /// Appends what ends the data.
    pub(crate) fn push_trailer(&mut self) {
        self.bytes.put_i16(-1);
    }

    /// Returns what has not been sent yet.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of bytes that have not been sent yet.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what is there as sent.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// What the data begins with: the signature, no flags, and no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The largest row. The server takes no message of 1 GiB, and a row is in one.
const MAX_ROW: usize = (1 << 30) - (1 << 20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_counted_and_its_values_have_lengths() {
        let mut data = CopyData::default();
        data.push_header();
        assert_eq!(data.len(), 19);
        data.clear();
        let written = data.push_rows(3, 64, |frame, out| {
            out.put_slice(frame.before_row);
            out.put_slice(b"\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0");
            Ok(Encoded { rows: 1, nulls: 1 })
        });
        assert_eq!(written.unwrap(), 1);
        let row = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(data.as_bytes(), row);
        let failed = data.push_rows(2, 64, |_, out| {
            out.put_slice(b"half");
            Err(Error::new(ErrorKind::Encode, "no"))
        });
        assert!(failed.is_err());
        assert_eq!(data.as_bytes(), row, "nothing of a row that cannot be encoded is left");
        data.push_trailer();
        assert_eq!(&data.as_bytes()[row.len()..], b"\xff\xff");
    }
}
