//! `Flush::copy`: rows of a table as the data of a `COPY`.

use super::blame::{CopiedRow, copied_row};
use super::{Flush, Progress, not_written_yet, returned};
use crate::arena::CellSource;
use crate::assignments::RowsOf;
use crate::change_set::{CellRange, EntityAt};
use crate::error::Error;
use crate::sql::CopyData;

impl Flush<'_, '_> {
    /// Copies rows, whose keys are all known, into a table by `COPY … FROM STDIN BINARY`.
    ///
    /// # Errors
    ///
    /// Besides those of the server, [`ErrorKind::RowMismatch`](crate::ErrorKind::RowMismatch) when
    /// another number of rows was stored.
    pub(crate) fn copy(
        &mut self,
        sql: &str,
        table: usize,
        rows: &[u32],
        columns: &[usize],
    ) -> Result<(), Error> {
        let Flush { plan, changes, connection, assigned, on_progress, stored_rows, .. } = self;
        let planned = &plan.tables()[table];
        let description = planned.table();
        // Keys that were assigned in every row need not be looked for row by row.
        let left = planned.left_by_all();
        let source = |&column: &usize| {
            let values = match left.contains(&column) {
                true => assigned.whole_column(RowsOf::New(table), column, planned.rows()),
                false => None,
            };
            values.map_or(CellSource::Entities(column), |values| CellSource::Assigned(values))
        };
        let columns: &[CellSource<'_>] = &columns.iter().map(source).collect::<Vec<_>>();
        let (mut rest, mut is_begun, mut is_ended) = (rows, false, false);
        let mut piece = FIRST_COPY_PIECE;
        let mut fill = |data: &mut CopyData| {
            if !std::mem::replace(&mut is_begun, true) {
                data.push_header();
            }
            let range = CellRange { of: RowsOf::New(table), rows: rest, columns };
            let encoded = data.push_rows(columns.len(), piece, |frame, out| {
                changes.encode_cells(range, frame, assigned, out, &mut |_, column, _| {
                    Err(not_written_yet().with_column(description.columns()[column].name()))
                })
            })?;
            rest = &rest[encoded..];
            piece = COPY_PIECE.min(2 * piece);
            if rest.is_empty() && !std::mem::replace(&mut is_ended, true) {
                data.push_trailer();
            }
            if let (Some(on_progress), false) = (on_progress.as_mut(), is_ended) {
                let sent = *stored_rows + rows.len() - rest.len();
                let name = description.name();
                on_progress(Progress { table: name, rows: sent, total: plan.rows() });
            }
            Ok(())
        };
        let name_table = |error: Error| error.with_table(description.name());
        let copied = connection.copy_in(sql, &mut fill);
        let stored = copied.map_err(|error| {
            let context = error.context().filter(|_| error.is_about_rows());
            let named = context.and_then(|context| copied_row(context, description));
            let Some(CopiedRow { at, column }) = named.filter(|row| row.at < rows.len()) else {
                return name_table(error);
            };
            let column = column.map(str::to_owned);
            let new = &changes.tables()[table];
            let slot = new.slots()[rows[at] as usize];
            let entity = changes.handle(EntityAt { model: new.model(), slot });
            let error = name_table(error.with_entity(entity));
            column.into_iter().fold(error, Error::with_column)
        })?;
        if stored != rows.len() as u64 {
            return Err(name_table(returned::not_all_stored(rows.len(), stored)));
        }
        self.note_stored(table, rows);
        Ok(())
    }
}

/// The data of a `COPY` goes out in pieces of about this size: each is a call of the driver.
const COPY_PIECE: usize = 64 << 10;

/// The first piece is smaller, and each after it twice as large, so that the server has something to do
/// while the next is encoded.
const FIRST_COPY_PIECE: usize = 4 << 10;
