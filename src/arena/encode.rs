//! Encoding many entities at once.
//!
//! A commit looks at every cell of every new row. Here the model is known to the compiler, so that
//! a cell costs little more than the copying of its bytes.

use bytes::{BufMut, BytesMut};

use crate::assignments::AssignedColumn;
use crate::error::{Error, ErrorKind};
use crate::model::{Encoder, Model, Source};
use crate::write_back::ABSENT;

/// Fills a cell that the entity has no value for.
///
/// It gets the position among the entities, the column, and what the cell's field says. That is `None`
/// where several fields share the column, or where the value cannot be encoded. It appends the value
/// and returns `true`, or returns `false` for NULL.
pub(crate) type FillCell<'a> =
    dyn FnMut(usize, usize, Option<Source>, &mut BytesMut) -> Result<bool, Error> + 'a;

/// What is written around the cells of each row, and where rows end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// These bytes come before the cells of each row.
    pub(crate) before_row: &'a [u8],
    /// No row begins beyond this length.
    pub(crate) limit: usize,
    /// How long a row can be.
    pub(crate) max_row: usize,
    /// A cell whose value the entity knows becomes [`ABSENT`].
    pub(crate) omits_known: bool,
}

impl Frame<'_> {
    /// Adds nothing to the cells, and limits nothing.
    pub(crate) const NONE: Frame<'static> =
        Frame { before_row: &[], limit: usize::MAX, max_row: usize::MAX, omits_known: false };
}

/// How much was encoded: rows, and NULLs among their cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) rows: usize,
    pub(crate) nulls: usize,
}

/// Where the cells of a column come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CellSource<'a> {
    /// The entities, of which this is the column's position.
    Entities(usize),
    /// The database, which has assigned a value in every row.
    Assigned(&'a AssignedColumn),
}

const NULL: i32 = -1;
const LENGTH: usize = size_of::<i32>();

/// Appends the cells of rows and their entities, row by row, each after its length as the server wants
/// it in arrays and in the data of `COPY`.
pub(super) fn encode_cells<'e, T: Model>(
    entities: impl Iterator<Item = (u32, Option<&'e T>)>,
    sources: &[CellSource<'_>],
    frame: Frame<'_>,
    out: &mut BytesMut,
    fill: &mut FillCell<'_>,
) -> Result<Encoded, Error> {
    let mut encoded = Encoded::default();
    let mut encoder = Encoder::new(out);
    for (row, entity) in entities {
        let row_start = encoder.buffer().len();
        if row_start >= frame.limit {
            break;
        }
        encoder.buffer().put_slice(frame.before_row);
        for source in sources {
            let column = match source {
                CellSource::Entities(column) => *column,
                CellSource::Assigned(values) => {
                    encoder.buffer().extend_from_slice(values.cell(row));
                    continue;
                }
            };
            let start = encoder.buffer().len();
            encoder.buffer().put_i32(NULL);
            encoder.begin_cell();
            if let Some(entity) = entity {
                entity.encode(column, &mut encoder);
            }
            let single = single_of::<T>(&mut encoder, column)?;
            let out = encoder.buffer();
            let is_value = match single {
                Some(Source::Value { .. } | Source::Null) if frame.omits_known => {
                    out.truncate(start);
                    out.put_i32(ABSENT);
                    continue;
                }
                Some(Source::Value { .. }) => true,
                Some(Source::Null) => false,
                source => {
                    out.truncate(start + LENGTH);
                    fill(encoded.rows, column, source, out)?
                }
            };
            if is_value {
                let len = i32::try_from(out.len() - start - LENGTH).map_err(|_| {
                    let column = T::table().columns()[column].name();
                    Error::new(ErrorKind::Encode, "the value is longer than 2 GiB")
                        .with_table(T::table().name())
                        .with_column(column)
                })?;
                out[start..start + LENGTH].copy_from_slice(&len.to_be_bytes());
            } else {
                out.truncate(start + LENGTH);
                encoded.nulls += 1;
            }
            if out.len() - row_start > frame.max_row {
                return Err(Error::new(ErrorKind::Encode, "the row is larger than 1 GiB")
                    .with_table(T::table().name()));
            }
        }
        encoded.rows += 1;
    }
    Ok(encoded)
}

/// Returns the source of the cell that was encoded last, or `None` if it has not exactly one.
///
/// # Errors
///
/// When the value cannot be encoded.
fn single_of<T: Model>(encoder: &mut Encoder<'_>, column: usize) -> Result<Option<Source>, Error> {
    let single = encoder.single();
    if single.is_none() {
        encoder.check(T::table(), column)?;
    }
    Ok(single)
}

/// Returns the size to assume for a cell that the entity has no value for. It gets what [`FillCell`]
/// gets.
pub(crate) type SizeCell<'a> = dyn FnMut(usize, usize, Option<Source>) -> Result<usize, Error> + 'a;

/// Appends the size of each entity's values in some columns.
pub(super) fn measure<'e, T: Model>(
    entities: impl Iterator<Item = Option<&'e T>>,
    columns: &[usize],
    sizes: &mut Vec<u32>,
    size_cell: &mut SizeCell<'_>,
) -> Result<(), Error> {
    let mut scratch = BytesMut::new();
    let mut encoder = Encoder::new(&mut scratch);
    for (row, entity) in entities.enumerate() {
        encoder.buffer().clear();
        let mut size = 0;
        for &column in columns {
            encoder.begin_cell();
            if let Some(entity) = entity {
                entity.encode(column, &mut encoder);
            }
            size += match single_of::<T>(&mut encoder, column)? {
                Some(Source::Value { start, end }) => end - start,
                Some(Source::Null) => 0,
                source => size_cell(row, column, source)?,
            };
        }
        sizes.push(u32::try_from(size).unwrap_or(u32::MAX));
    }
    Ok(())
}
