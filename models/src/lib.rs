#![doc = include_str!("../README.md")]

mod catalog;
pub mod cli;
mod defaults;
mod fields;
mod names;
mod plan;
mod print;
mod types;

use std::collections::BTreeSet;
use std::fmt;

use postgres::GenericClient;

pub use types::Library;

use catalog::{Catalog, Table};
use plan::Plan;

/// Prints models for the tables of a database.
///
/// ```no_run
/// use onetrip_models::{Library, Models};
/// use postgres::{Client, NoTls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Client::connect("host=localhost user=postgres", NoTls)?;
/// let source = Models::new().schema("shop").with(Library::Jiff).print(&mut client)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Models {
    schemas: Vec<String>,
    tables: Vec<String>,
    excluded: Vec<String>,
    libraries: BTreeSet<Library>,
}

impl Models {
    /// Returns a printer for all tables of the search path, with types of `rust_decimal`, `serde_json`,
    /// `time` and `uuid`.
    #[must_use]
    pub fn new() -> Models {
        let libraries =
            [Library::RustDecimal, Library::SerdeJson, Library::Time, Library::Uuid].into();
        Models { schemas: Vec::new(), tables: Vec::new(), excluded: Vec::new(), libraries }
    }

    /// Adds a schema. The schemas of the search path are then left out, unless they are added, too.
    #[must_use]
    pub fn schema(mut self, name: impl Into<String>) -> Models {
        self.schemas.push(name.into());
        self
    }

    /// Adds a table, as `name` or `schema.name`. Other tables are then not printed, unless they are
    /// added, too.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Models {
        self.tables.push(name.into());
        self
    }

    /// Leaves a table out, as `name` or `schema.name`.
    #[must_use]
    pub fn exclude(mut self, name: impl Into<String>) -> Models {
        self.excluded.push(name.into());
        self
    }

    /// Prints types of this library. For dates and times, it replaces the library that was set before.
    #[must_use]
    pub fn with(mut self, library: Library) -> Models {
        let of_time = [Library::Chrono, Library::Jiff, Library::Time];
        if of_time.contains(&library) {
            self.libraries.retain(|other| !of_time.contains(other));
        }
        self.libraries.insert(library);
        self
    }

    /// Prints no types of this library. Columns for which no other library has a type are strings.
    #[must_use]
    pub fn without(mut self, library: Library) -> Models {
        self.libraries.remove(&library);
        self
    }

    /// Reads the catalog of the database, and returns the source of the models.
    ///
    /// Names are printed without their schema if the search path of the connection finds them.
    ///
    /// # Errors
    ///
    /// When a query fails, and when an added schema or table does not exist.
    pub fn print(&self, client: &mut impl GenericClient) -> Result<String, Error> {
        self.source(client).map(|(source, _)| source)
    }

    /// Returns the source of the models, and the number of the tables.
    fn source(&self, client: &mut impl GenericClient) -> Result<(String, usize), Error> {
        let schemas = (!self.schemas.is_empty()).then_some(&self.schemas[..]);
        self.check_schemas(client)?;
        let catalog = Catalog::read(client, schemas).map_err(Error::Database)?;
        for name in self.tables.iter().chain(&self.excluded) {
            if !catalog.tables.iter().any(|table| is_named(table, name)) {
                return Err(Error::NoSuchTable(name.clone()));
            }
        }
        let is_wanted = |table: &Table| {
            let is_one_of = |names: &[String]| names.iter().any(|name| is_named(table, name));
            let is_added = match &self.tables[..] {
                [] => !table.is_partition,
                tables => is_one_of(tables),
            };
            is_added && !is_one_of(&self.excluded)
        };
        let plan = Plan::new(&catalog, &self.libraries, is_wanted);
        let tables = plan.tables.len();
        Ok((print::source(plan), tables))
    }

    fn check_schemas(&self, client: &mut impl GenericClient) -> Result<(), Error> {
        let sql = "SELECT name FROM pg_catalog.unnest($1::text[]) AS asked(name)
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = name)";
        match client.query_opt(sql, &[&self.schemas]).map_err(Error::Database)? {
            Some(row) => Err(Error::NoSuchSchema(row.get(0))),
            None => Ok(()),
        }
    }
}

impl Default for Models {
    fn default() -> Models {
        Models::new()
    }
}

fn is_named(table: &Table, name: &str) -> bool {
    let with_schema = name.strip_prefix(&*table.schema).and_then(|rest| rest.strip_prefix('.'));
    table.name == name || with_schema == Some(&*table.name)
}

/// The error of [`Models::print`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A query failed.
    Database(postgres::Error),
    /// There is no schema of this name.
    NoSuchSchema(String),
    /// There is no table of this name in the schemas.
    NoSuchTable(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Database(_) => f.write_str("cannot read the catalog"),
            Error::NoSuchSchema(name) => write!(f, "there is no schema {name:?}"),
            Error::NoSuchTable(name) => {
                write!(f, "there is no table {name:?} in the schemas that are looked at")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Database(error) => Some(error),
            Error::NoSuchSchema(_) | Error::NoSuchTable(_) => None,
        }
    }
}
