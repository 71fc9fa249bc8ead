//! Sequences, after rows were written with keys that were given.

use super::UnitOfWork;
use super::load::in_table;
use crate::connection::OwnTexts;
use crate::error::{Error, ErrorKind};
use crate::flush::keys::explain_keys;
use crate::flush::sequences::render_catch_up;
use crate::model::{Assigned, Column, Model};
use crate::sql::Params;

impl UnitOfWork<'_> {
    /// Moves the sequence of a model's key past all keys of the table, in one round trip. Call it after
    /// rows were written with their keys, as an import or a restored backup does: the sequence has not
    /// learned of these keys, and a later insert would fail with a duplicate key (SQLSTATE 23505).
    ///
    /// The rows that this connection sees count: committed rows, and rows of its own transaction.
    /// Entities that are not written yet do not count.
    ///
    /// Other sessions can insert meanwhile. They wait for no lock, and the sequence never goes back:
    /// keys are drawn from the sequence until it is past the greatest key, and thrown away. Each call
    /// draws at least one key, unless the table is empty. A sequence that is more than a million keys
    /// behind is set instead, in the statement that reads it. The role needs `UPDATE` on the sequence
    /// then. This is safe as long as other sessions do not draw a million keys during the statement.
    ///
    /// A rollback does not undo the call. If a sequence has a `CACHE`, sessions that hold keys of the
    /// sequence still give these keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when no part of the key comes from a sequence, or the column owns none;
    /// [`ErrorKind::Database`] when the role must not use the sequence, or its keys run out.
    ///
    /// ```
    /// # use onetrip::{Model, UnitOfWork};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "users")]
    /// # struct User { #[model(key)] id: Option<i32>, name: String }
    /// fn import(uow: &mut UnitOfWork<'_>, users: &[(i32, &str)]) -> Result<(), onetrip::Error> {
    ///     for &(id, name) in users {
    ///         uow.add(User { id: Some(id), name: name.to_owned() });
    ///     }
    ///     uow.commit()?;
    ///     uow.catch_up_sequences::<User>()
    /// }
    /// # let _ = import;
    /// ```
    pub fn catch_up_sequences<T: Model>(&mut self) -> Result<(), Error> {
        let table = T::table();
        table.validate()?;
        let is_from_sequence = |column: &Column| {
            matches!(column.assigned_by(), Some(Assigned::OwnedSequence | Assigned::Sequence(_)))
        };
        let mut columns: Vec<usize> = table.key().to_vec();
        columns.retain(|&column| is_from_sequence(&table.columns()[column]));
        if columns.is_empty() {
            let message = "no part of the model's key comes from a sequence";
            return Err(in_table(table)(Error::new(ErrorKind::Model, message)));
        }
        let sql = render_catch_up(table, &columns);
        let named: Vec<_> = columns.into_iter().map(|column| (table, column)).collect();
        let explain = |error| in_table(table)(explain_keys(error, &named));
        let sent = self.connection.read(sql.as_str(), &Params::new(), OwnTexts::FUNCTIONS);
        sent.map(drop).map_err(explain)
    }
}
