//! `Resolution`: how a new entity becomes a row that may be there already.

use crate::error::{Error, ErrorKind};
use crate::model::{NaturalKey, Table};

/// The columns that [`upsert_with`](crate::UnitOfWork::upsert_with) writes into a row that is there.
///
/// ```
/// # use onetrip::{Model, UnitOfWork, Upsert};
/// #[derive(Model, Clone)]
/// #[model(table = "tags")]
/// struct Tag {
///     #[model(key)]
///     id: Option<i32>,
///     #[model(unique)]
///     name: String,
///     uses: i32,
/// }
///
/// fn count(uow: &mut UnitOfWork<'_>, name: &str) -> Result<(), onetrip::Error> {
///     let tag = Tag { id: None, name: name.into(), uses: 1 };
///     // One use more than there were; the first, if the tag is new.
///     uow.upsert_with(tag, Upsert::new().set([]).increment(["uses"]))?;
///     Ok(())
/// }
/// # let _ = count;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upsert {
    natural_key: Option<&'static str>,
    set: Option<Vec<&'static str>>,
    increment: Vec<&'static str>,
}

impl Upsert {
    /// Returns an upsert that sets every column but those of the key and of the natural key.
    #[must_use]
    pub fn new() -> Upsert {
        Upsert::default()
    }

    /// Finds the row by the natural key of this name, for a model that has several natural keys.
    #[must_use]
    pub fn by(mut self, natural_key: &'static str) -> Upsert {
        self.natural_key = Some(natural_key);
        self
    }

    /// Sets these columns only, by their names in the database.
    #[must_use]
    pub fn set(mut self, columns: impl IntoIterator<Item = &'static str>) -> Upsert {
        self.set = Some(columns.into_iter().collect());
        self
    }

    /// Adds the entity's value to the row's value, in these columns, by their names in the database. A
    /// new row gets the entity's value as it is.
    #[must_use]
    pub fn increment(mut self, columns: impl IntoIterator<Item = &'static str>) -> Upsert {
        self.increment.extend(columns);
        self
    }
}

/// How a new entity becomes a row that may be there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// What the row is found by.
    pub(crate) natural_key: NaturalKey,
    pub(crate) found: Found,
}

/// What becomes of a row that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// It stays, and the entity takes over what it has.
    Kept,
    /// It is updated.
    Updated {
        /// The columns that get the entity's value, in the table's order.
        set: Vec<usize>,
        /// The columns to which the entity's value is added, in the table's order.
        increment: Vec<usize>,
    },
}

impl Resolution {
    /// Returns the resolution of `find_or_add` by the natural key of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the model has no such natural key.
    pub(crate) fn find_or_add(table: &Table, name: Option<&str>) -> Result<Resolution, Error> {
        Ok(Resolution { natural_key: natural_key(table, name)?, found: Found::Kept })
    }

    /// Returns the resolution of an upsert.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when the model has no such natural key, or no such column, and when a column
    /// is one that an upsert cannot write.
    pub(crate) fn upsert(table: &Table, upsert: &Upsert) -> Result<Resolution, Error> {
        let natural_key = natural_key(table, upsert.natural_key)?;
        let is_fixed = |column: usize| {
            let description = &table.columns()[column];
            table.key().contains(&column)
                || natural_key.columns().contains(&column)
                || description.is_version()
                || description.is_generated()
        };
        let position = |name: &&'static str| {
            let position = table.columns().iter().position(|column| column.name() == *name);
            match position {
                Some(column) if !is_fixed(column) => Ok(column),
                Some(_) => {
                    let message = "an upsert cannot write this column: it is part of the key or of \
                                   the natural key, or the database writes it";
                    let error = Error::new(ErrorKind::Model, message);
                    Err(error.with_table(table.name()).with_column(*name))
                }
                None => {
                    let message = format!("the model has no column {name:?}");
                    Err(Error::new(ErrorKind::Model, message).with_table(table.name()))
                }
            }
        };
        let mut increment =
            upsert.increment.iter().map(position).collect::<Result<Vec<_>, Error>>()?;
        let mut set = match &upsert.set {
            Some(names) => names.iter().map(position).collect::<Result<Vec<_>, Error>>()?,
            None => (0..table.columns().len()).filter(|&column| !is_fixed(column)).collect(),
        };
        set.retain(|column| !increment.contains(column));
        for columns in [&mut set, &mut increment] {
            columns.sort_unstable();
            columns.dedup();
        }
        Ok(Resolution { natural_key, found: Found::Updated { set, increment } })
    }

    /// Returns what is done, for people: `find or add` or `upsert`.
    pub(crate) fn verb(&self) -> &'static str {
        match self.found {
            Found::Kept => "find or add",
            Found::Updated { .. } => "upsert",
        }
    }
}

/// Returns the natural key of this name, or the only one.
fn natural_key(table: &Table, name: Option<&str>) -> Result<NaturalKey, Error> {
    table.natural_key(name).copied().ok_or_else(|| {
        let message = match (name, table.all_natural_keys()) {
            (Some(name), _) => format!("the model has no natural key {name:?}"),
            (None, []) => "the model has no natural key".to_owned(),
            (None, _) => "the model has several natural keys, and none without a name".to_owned(),
        };
        let hint = match table.all_natural_keys() {
            [] => "mark the fields by which a row is found with `#[model(unique)]`",
            _ => "name one of those that the model declares",
        };
        Error::new(ErrorKind::Model, message).with_table(table.name()).with_hint(hint)
    })
}
