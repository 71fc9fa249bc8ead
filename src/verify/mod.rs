//! `Verify`: finds out whether models describe the database that there is.

mod advice;
mod catalog;
mod columns;
mod constraints;
mod natural_keys;
mod problem;

use std::fmt;

pub use problem::{Problem, ProblemKind, UndeclaredUniqueIndex, VerifyReport};

use crate::connection::IntoConnection;
use crate::error::Error;
use crate::model::{Model, Table};
use catalog::{Catalog, CatalogTable, Question, Relation};

/// Compares models with the database's catalog, all of them in one round trip: for a check when a
/// program starts, or for a test that runs after the migrations.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/samples/users.rs"));
/// use onetrip::Verify;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut client = connect(TABLES);
/// let report = Verify::new().model::<User>().model::<Address>().run(&mut client)?;
/// assert!(report.is_ok(), "{report}");
/// # Ok(())
/// # }
/// ```
///
/// It compares tables and columns, their types, whether they can be NULL, what assigns keys and
/// defaults, and unique, natural and foreign keys. [`ProblemKind`] lists the differences. It finds
/// names as the statements of a commit find them, through the search path if the model names no schema.
/// For views and foreign tables, it compares no more than the catalog knows.
///
/// `Verify` knows which fields of a derived model can be NULL. A model that is written by hand declares
/// this with [`Column::nullable`](crate::Column::nullable). Without the declaration, NULLs are not
/// compared.
#[derive(Default, Clone)]
pub struct Verify {
    /// The tables of the models.
    tables: Vec<&'static Table>,
    /// The problems that are known, by their kind and name.
    accepted: Vec<(ProblemKind, String)>,
}

impl Verify {
    /// Returns a comparison without models.
    #[must_use]
    pub const fn new() -> Verify {
        Verify { tables: Vec::new(), accepted: Vec::new() }
    }

    /// Adds a model.
    #[must_use]
    pub fn model<T: Model>(mut self) -> Verify {
        let table = T::table();
        if !self.tables.iter().any(|other| std::ptr::eq(*other, table)) {
            self.tables.push(table);
        }
        self
    }

    /// Accepts a known problem, by its kind and its [name](Problem::name). Such a problem is reported
    /// as a [note](Problem::is_note).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/samples/users.rs"));
    /// use onetrip::{ProblemKind, Verify};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut client = connect(&format!("{TABLES}; ALTER TABLE users ALTER name DROP NOT NULL"));
    /// let verify = Verify::new().model::<User>().model::<Address>();
    /// assert!(!verify.run(&mut client)?.is_ok());
    /// // Nobody writes NULL there.
    /// let verify = verify.accept(ProblemKind::ReadsNull, "users.name");
    /// assert!(verify.run(&mut client)?.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn accept(mut self, kind: ProblemKind, name: impl Into<String>) -> Verify {
        self.accepted.push((kind, name.into()));
        self
    }

    /// Compares the models with the database, and returns the differences.
    ///
    /// This takes one round trip, and none without models. In a transaction of the caller, the query is
    /// a statement like any other.
    ///
    /// # Errors
    ///
    /// When the query fails, as where a schema may not be looked into, and
    /// [`ErrorKind::Model`](crate::ErrorKind::Model) when a model's description is wrong in itself. A
    /// difference from the database is not an error, but is in the report.
    pub fn run<'c>(&self, connection: impl IntoConnection<'c>) -> Result<VerifyReport, Error> {
        let mut question = Question::default();
        for table in &self.tables {
            table.validate()?;
            question.add(table);
        }
        let mut report = VerifyReport::new(self.tables.len());
        if !self.tables.is_empty() {
            let catalog = question.ask(&mut connection.into_connection())?;
            for table in &self.tables {
                Comparison::new(table, &catalog, &self.tables, &mut report).compare();
            }
        }
        let is_accepted = |problem: &Problem| {
            let accepted = |(kind, name): &(ProblemKind, String)| {
                *kind == problem.kind() && *name == problem.name()
            };
            self.accepted.iter().any(accepted)
        };
        let accept = |problem: Problem| match is_accepted(&problem) {
            true => problem.note(),
            false => problem,
        };
        report.problems = report.problems.into_iter().map(accept).collect();
        Ok(report)
    }
}

impl fmt::Debug for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tables.iter().map(|table| table.name());
        f.debug_struct("Verify").field("tables", &names.collect::<Vec<_>>()).finish()
    }
}

/// One model, and what the database has for it.
struct Comparison<'a> {
    /// The table of the model.
    table: &'static Table,
    /// What the database has.
    catalog: &'a Catalog,
    /// The tables of all models.
    models: &'a [&'static Table],
    /// What was found in all models so far.
    report: &'a mut VerifyReport,
}

impl<'a> Comparison<'a> {
    /// Returns the comparison of a model, whose problems are added to those of the others.
    fn new(
        table: &'static Table,
        catalog: &'a Catalog,
        models: &'a [&'static Table],
        report: &'a mut VerifyReport,
    ) -> Comparison<'a> {
        Comparison { table, catalog, models, report }
    }

    /// Compares the model, and reports the problems.
    fn compare(&mut self) {
        let catalog = self.catalog;
        let name = self.table.qualified_name();
        let Some(relation) = catalog.relation(name) else {
            let place = match name.schema() {
                Some(schema) => format!("the schema {schema}"),
                None => "the search path".to_owned(),
            };
            let advice = "create it, or correct the model's `table` or `schema`";
            let message = format!("there is no such table in {place}: {advice}");
            return self.report(self.problem(ProblemKind::MissingTable, message));
        };
        if !relation.has_rows() {
            let message = "this is no table, but something else: correct the model's `table`";
            return self.report(self.problem(ProblemKind::NotATable, message.to_owned()));
        }
        let nothing = CatalogTable::default();
        let found = catalog.table(relation.oid).unwrap_or(&nothing);
        self.columns(relation, found);
        self.constraints(relation, found);
    }

    /// Returns a problem of the model.
    fn problem(&self, kind: ProblemKind, message: String) -> Problem {
        Problem::new(kind, self.table, message)
    }

    /// Adds a problem to those that were found.
    fn report(&mut self, problem: Problem) {
        self.report.problems.push(problem);
    }
}

impl Relation {
    /// Returns `true` if the relation has rows: a table, partitioned or foreign too, or a view,
    /// materialized too.
    fn has_rows(&self) -> bool {
        ["r", "p", "f", "v", "m"].contains(&self.kind.as_str())
    }

    /// Returns `true` if the catalog knows what the relation's rows need. The columns of a view
    /// have neither `NOT NULL` nor the defaults of the table behind it.
    fn is_stored(&self) -> bool {
        ["r", "p", "f"].contains(&self.kind.as_str())
    }

    /// Returns `true` if the relation can have unique and foreign keys.
    fn has_constraints(&self) -> bool {
        ["r", "p"].contains(&self.kind.as_str())
    }
}

impl CatalogTable {
    /// Returns the column of this name.
    fn column(&self, name: &str) -> Option<&catalog::CatalogColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}
