//! `Problem`: one difference between a model and the database, and the report of all of them.
//! `UndeclaredUniqueIndex`: what the report has beside them.

use std::error::Error as StdError;
use std::fmt;

use crate::model::Table;

/// A difference between a model and the database. It prints itself as one line, which says what the
/// model has, what the database has, and what to do:
///
/// ```text
/// addresses.user_id: bigint in the database, integer in the model: make the field an `i64`, or the column integer
/// ```
///
/// Some are [notes](Problem::is_note), and are marked as such.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The class of the problem.
    kind: ProblemKind,
    /// The model's table.
    table: &'static Table,
    /// The columns that the problem is about.
    columns: Vec<String>,
    /// Everything can work nevertheless.
    is_note: bool,
    /// What each of the two has, and what to do about it.
    message: String,
}

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The search path, or the schema that the model names, does not have the table.
    MissingTable,
    /// The name leads to something that has no rows of its own, such as an index.
    NotATable,
    /// The table lacks a column of the model.
    MissingColumn,
    /// The column has another type than the model sends and reads.
    Type,
    /// The type that `sql_type` names does not exist.
    MissingType,
    /// The column can be NULL, and the field cannot: reads can fail.
    ReadsNull,
    /// The field can be `None`, and the column is `NOT NULL`: writes of `None` fail.
    WritesNull,
    /// The database assigns the key from the column's own sequence, and the column owns no sequence.
    NoOwnedSequence,
    /// The database assigns the key from the column's own sequence, and the column's default draws keys
    /// from elsewhere: the two may give the same key twice.
    OtherSequence,
    /// The sequence that the model names does not exist.
    MissingSequence,
    /// The model leaves the column to a default, and the column has no default.
    NoDefault,
    /// The columns of the model's key have no unique constraint or index.
    KeyNotUnique,
    /// A natural key of the model lacks a unique index of exactly its columns that finds rows at
    /// once and among all rows: `find_or_add` and `upsert` fail.
    NoUniqueIndex,
    /// The model lacks a column that every row needs: inserts fail.
    RequiredColumn,
    /// The column is generated, and the model writes it: inserts fail.
    Generated,
    /// The database has a foreign key that the model does not declare: a row may be written before the
    /// row that it refers to.
    UndeclaredForeignKey,
    /// The model has a foreign key that the database does not have.
    MissingForeignKey,
}

impl Problem {
    /// Returns a problem of the table as a whole.
    pub(super) fn new(kind: ProblemKind, table: &'static Table, message: String) -> Problem {
        Problem { kind, table, columns: Vec::new(), is_note: false, message }
    }

    /// Names the columns that the problem is about.
    pub(super) fn of_columns(
        mut self,
        columns: impl IntoIterator<Item = impl ToString>,
    ) -> Problem {
        self.columns = columns.into_iter().map(|column| column.to_string()).collect();
        self
    }

    /// Makes the problem a note.
    pub(super) fn note(self) -> Problem {
        self.note_if(true)
    }

    /// Says whether the problem is a note.
    pub(super) fn note_if(mut self, is_note: bool) -> Problem {
        self.is_note = is_note;
        self
    }

    /// Returns the kind of the problem.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Returns the model's table, without its schema.
    #[must_use]
    pub fn table(&self) -> &str {
        self.table.name()
    }

    /// Returns the column, if the problem is about a column.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match &self.columns[..] {
            [column] => Some(column),
            _ => None,
        }
    }

    /// Returns the columns that the problem is about: several for a composite key, and none for the
    /// table as a whole.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Returns `true` if programs can work in spite of the problem. For example, the database may lack
    /// a foreign key, and a trigger may fill in a column that the model leaves out.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.is_note
    }

    /// Returns the name of the table and columns, as in the printed problem: `addresses.user_id`,
    /// `lines (order_id, number)`.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(self.table, &self.columns)
    }
}

/// Returns columns with their table, as a report prints them.
fn name_of(table: &Table, columns: &[String]) -> String {
    let name = table.qualified_name();
    let schema = name.schema().map(|schema| format!("{schema}.")).unwrap_or_default();
    let columns = match columns {
        [] => String::new(),
        [column] => format!(".{column}"),
        columns => format!(" ({})", columns.join(", ")),
    };
    format!("{schema}{}{columns}", name.name())
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = if self.is_note { "note: " } else { "" };
        write!(f, "{note}{}: {}", self.name(), self.message)
    }
}

/// A unique index of the database that its model could declare as a [natural key](crate::NaturalKey),
/// and does not. It prints itself as one line, which says which field to mark:
///
/// ```text
/// tags.name: the unique index tags_name_key makes it a natural key: mark the field with `#[model(unique)]` for `find_or_add`, `upsert` and `find_by`
/// ```
#[derive(Debug, Clone)]
pub struct UndeclaredUniqueIndex {
    table: &'static Table,
    index: String,
    columns: Vec<String>,
    /// The model has no other natural key, nor could it have one.
    is_only: bool,
}

impl UndeclaredUniqueIndex {
    pub(super) fn new(
        table: &'static Table,
        index: String,
        columns: Vec<String>,
        is_only: bool,
    ) -> UndeclaredUniqueIndex {
        UndeclaredUniqueIndex { table, index, columns, is_only }
    }

    /// Returns the model's table, without its schema.
    #[must_use]
    pub fn table(&self) -> &str {
        self.table.name()
    }

    /// Returns the name of the index.
    #[must_use]
    pub fn index(&self) -> &str {
        &self.index
    }

    /// Returns the columns of the index, in its order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }
}

impl fmt::Display for UndeclaredUniqueIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (it, fields) = match self.columns.len() {
            1 => ("it a natural key", "field"),
            _ => ("them a natural key", "fields"),
        };
        let unique = if self.is_only { "unique" } else { "unique = \"…\"" };
        write!(
            f,
            "{}: the unique index {} makes {it}: mark the {fields} with `#[model({unique})]` for \
             `find_or_add`, `upsert` and `find_by`",
            name_of(self.table, &self.columns),
            self.index,
        )
    }
}

/// The result of [`Verify::run`](crate::Verify::run). It prints itself with a line for each problem.
#[derive(Clone)]
pub struct VerifyReport {
    /// The number of models that were compared.
    pub(super) models: usize,
    /// The problems and notes, by model.
    pub(super) problems: Vec<Problem>,
    pub(super) undeclared_unique_indexes: Vec<UndeclaredUniqueIndex>,
}

impl VerifyReport {
    pub(super) fn new(models: usize) -> VerifyReport {
        VerifyReport { models, problems: Vec::new(), undeclared_unique_indexes: Vec::new() }
    }

    /// Returns `true` if the models fit the database: there is no problem, or there are only
    /// [notes](Problem::is_note).
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.iter().all(Problem::is_note)
    }

    /// Returns the problems and notes, by model in the order in which the models were given.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the unique indexes that models could declare as natural keys, by model in the order in
    /// which the models were given. Such an index is no problem, and the report does not print it: a
    /// program that finds rows by their keys needs no natural key.
    ///
    /// An index is in the list if all its columns are in the model, `NOT NULL`, and written by the
    /// application. The primary key, and an index that is unique by the model's key, are not in the
    /// list.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/samples/users.rs"));
    /// use onetrip::Verify;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut client = connect(&format!("{TABLES}; ALTER TABLE users ADD UNIQUE (name)"));
    /// let report = Verify::new().model::<User>().run(&mut client)?;
    /// assert!(report.is_ok());
    /// let [index] = report.undeclared_unique_indexes() else { panic!("there is one") };
    /// assert_eq!(
    ///     index.to_string(),
    ///     "users.name: the unique index users_name_key makes it a natural key: mark the field with \
    ///      `#[model(unique)]` for `find_or_add`, `upsert` and `find_by`"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn undeclared_unique_indexes(&self) -> &[UndeclaredUniqueIndex] {
        &self.undeclared_unique_indexes
    }

    /// Returns the report, as an error unless it [is ok](VerifyReport::is_ok), for `?`.
    ///
    /// # Errors
    ///
    /// The report itself.
    pub fn into_result(self) -> Result<VerifyReport, VerifyReport> {
        if self.is_ok() { Ok(self) } else { Err(self) }
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problems.is_empty() {
            let plural = if self.models == 1 { " fits" } else { "s fit" };
            return write!(f, "{} model{plural} the database", self.models);
        }
        for (index, problem) in self.problems.iter().enumerate() {
            let line = if index > 0 { "\n" } else { "" };
            write!(f, "{line}{problem}")?;
        }
        Ok(())
    }
}

/// Prints the same as `Display`, so that `main` can return the report.
impl fmt::Debug for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for VerifyReport {}
