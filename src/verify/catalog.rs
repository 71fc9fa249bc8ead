//! `Catalog`: what the database knows of the tables that models describe, asked in one query.

use std::collections::HashMap;

use crate::connection::Connection;
use crate::error::Error;
use crate::model::{Assigned, QualifiedName, SqlType, Table};
use crate::sql::{Params, Rows};

/// The answer.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// The relations, by the name that was asked for.
    relations: HashMap<String, Relation>,
    /// The tables, by the `oid` of the relation.
    tables: HashMap<u32, CatalogTable>,
    /// The types that models name, by the name that was asked for.
    types: HashMap<String, Type>,
    /// The names of built-in types.
    built_in: HashMap<u32, String>,
}

/// What is to be looked up, each thing once.
#[derive(Default)]
pub(super) struct Question {
    /// The tables whose columns and constraints are asked for.
    tables: Vec<QualifiedName>,
    /// Other relations: targets of foreign keys, and sequences.
    others: Vec<QualifiedName>,
    /// Types that models name.
    types: Vec<QualifiedName>,
    /// The built-in types of models.
    built_in: Vec<u32>,
}

/// What a name of a relation leads to.
#[derive(Debug)]
pub(super) struct Relation {
    /// The relation's `pg_class.oid`.
    pub(super) oid: u32,
    /// The relation's `pg_class.relkind`.
    pub(super) kind: String,
    /// A trigger runs before each row that is inserted, and can fill in columns.
    pub(super) has_trigger: bool,
}

/// A type, of a column or as a model names it.
#[derive(Debug)]
pub(super) struct Type {
    /// The name as SQL has it, such as `integer` or `mood[]`.
    pub(super) name: String,
    /// The type under a domain, or the type itself.
    pub(super) base: u32,
    /// The base type's name in `pg_type`, after that of its schema where the search path does not
    /// find it.
    pub(super) path: Vec<String>,
}

/// A column of a table.
#[derive(Debug)]
pub(super) struct CatalogColumn {
    /// The name, not quoted.
    pub(super) name: String,
    /// The type of the column.
    pub(super) ty: Type,
    /// The column is `NOT NULL`.
    pub(super) is_not_null: bool,
    /// The column has a default.
    pub(super) has_default: bool,
    /// The column is `GENERATED ALWAYS AS (…)`.
    pub(super) is_generated: bool,
    /// The column is `GENERATED … AS IDENTITY`.
    pub(super) is_identity: bool,
    /// The column owns a sequence.
    pub(super) owns_sequence: bool,
    /// The sequence that it owns, and the default that does not draw from it.
    pub(super) other_default: Option<(String, String)>,
}

/// A unique index, be it that of a constraint or not.
#[derive(Debug)]
pub(super) struct CatalogUniqueIndex {
    pub(super) name: String,
    /// The columns that it has themselves, without those that are only included.
    pub(super) columns: Vec<String>,
    /// The columns that its expressions are made of, and its condition, if it has expressions.
    pub(super) of_expressions: Vec<String>,
    /// It holds for all rows: none was left out when it was built.
    pub(super) is_valid: bool,
    /// It holds at every row, and not only when the transaction ends.
    pub(super) is_immediate: bool,
    pub(super) is_partial: bool,
    pub(super) has_expressions: bool,
    pub(super) is_primary: bool,
}

/// A foreign key constraint.
#[derive(Debug)]
pub(super) struct CatalogForeignKey {
    /// The name of the constraint.
    pub(super) name: String,
    /// The columns, each with the one that it refers to.
    pub(super) columns: Vec<(String, String)>,
    /// The table that the constraint refers to.
    pub(super) target: u32,
    /// The name of that table.
    pub(super) target_name: String,
    /// The constraint is checked when the transaction ends.
    pub(super) is_deferred: bool,
}

/// The columns and constraints of a table.
#[derive(Debug, Default)]
pub(super) struct CatalogTable {
    /// The columns.
    pub(super) columns: Vec<CatalogColumn>,
    /// The unique indexes.
    pub(super) unique: Vec<CatalogUniqueIndex>,
    /// The foreign keys.
    pub(super) foreign_keys: Vec<CatalogForeignKey>,
}

impl Question {
    /// Adds all that has to be known to say whether the database has this table.
    pub(super) fn add(&mut self, table: &Table) {
        add(&mut self.tables, table.qualified_name());
        for foreign_key in table.foreign_keys() {
            add(&mut self.others, foreign_key.target.qualified_name());
        }
        for (index, column) in table.columns().iter().enumerate() {
            add(&mut self.built_in, column.ty().oid());
            if let Some(name) = table.cast(index) {
                add(&mut self.types, name);
            }
            if let Some(Assigned::Sequence(name)) = column.assigned_by() {
                add(&mut self.others, name.beside(table.qualified_name()));
            }
        }
    }

    /// Asks the server, in one round trip, and returns the answer.
    pub(super) fn ask(&self, connection: &mut Connection<'_>) -> Result<Catalog, Error> {
        let quoted = |names: &[QualifiedName]| -> Vec<String> {
            names.iter().map(ToString::to_string).collect()
        };
        let tables = quoted(&self.tables);
        let relations = [tables.clone(), quoted(&self.others)].concat();
        let types = quoted(&self.types);
        let mut params = Params::new();
        for names in [&relations, &tables, &types] {
            params.push_names(names)?;
        }
        params.push_names(&self.built_in)?;
        Catalog::read(&connection.query(QUERY, &params)?)
    }
}

/// Adds an item, if it is not there yet.
fn add<T: PartialEq>(items: &mut Vec<T>, item: T) {
    if !items.contains(&item) {
        items.push(item);
    }
}

/// One fact a row; which one is the first column. What a fact does not have is NULL.
const QUERY: &str = include_str!("catalog.sql");

impl Catalog {
    /// Returns the relation that a name leads to.
    pub(super) fn relation(&self, name: QualifiedName) -> Option<&Relation> {
        self.relations.get(&name.to_string())
    }

    /// Returns a table that was asked for.
    pub(super) fn table(&self, oid: u32) -> Option<&CatalogTable> {
        self.tables.get(&oid)
    }

    /// Returns the type that a model names.
    pub(super) fn named_type(&self, name: QualifiedName) -> Option<&Type> {
        self.types.get(&name.to_string())
    }

    /// Returns the name of a built-in type as SQL has it.
    pub(super) fn built_in(&self, ty: SqlType) -> String {
        self.built_in.get(&ty.oid()).cloned().unwrap_or_else(|| ty.name().to_owned())
    }

    /// Reads the answer.
    fn read(rows: &Rows) -> Result<Catalog, Error> {
        let mut catalog = Catalog::default();
        for row in 0..rows.len() {
            catalog.add(&Fact { rows, row })?;
        }
        Ok(catalog)
    }

    /// Adds what a row of the answer says.
    fn add(&mut self, fact: &Fact<'_>) -> Result<(), Error> {
        let table = fact.oid(1)?;
        let name = fact.text(2)?;
        match fact.text(0)?.as_str() {
            "relation" => {
                let has_trigger = fact.flag(5)?;
                let relation = Relation { oid: table, kind: fact.text(3)?, has_trigger };
                self.relations.insert(name, relation);
            }
            "type" => {
                self.types.insert(name, fact.ty()?);
            }
            "built in" => {
                self.built_in.insert(table, name);
            }
            "column" => {
                let column = CatalogColumn {
                    name,
                    ty: fact.ty()?,
                    is_not_null: fact.flag(5)?,
                    has_default: fact.flag(6)?,
                    is_generated: fact.flag(7)?,
                    is_identity: fact.flag(8)?,
                    owns_sequence: fact.flag(9)?,
                    other_default: match &fact.texts(11)?[..] {
                        [sequence, default] if !default.is_empty() => {
                            Some((sequence.clone(), default.clone()))
                        }
                        _ => None,
                    },
                };
                self.tables.entry(table).or_default().columns.push(column);
            }
            "unique" => {
                let index = CatalogUniqueIndex {
                    name,
                    columns: fact.texts(10)?,
                    of_expressions: fact.texts(11)?,
                    is_valid: fact.flag(5)?,
                    is_immediate: fact.flag(6)?,
                    is_partial: fact.flag(7)?,
                    has_expressions: fact.flag(8)?,
                    is_primary: fact.flag(9)?,
                };
                self.tables.entry(table).or_default().unique.push(index);
            }
            _ => {
                let foreign_key = CatalogForeignKey {
                    name,
                    columns: fact.texts(10)?.into_iter().zip(fact.texts(11)?).collect(),
                    target: fact.oid(4)?,
                    target_name: fact.text(3)?,
                    is_deferred: fact.flag(5)?,
                };
                self.tables.entry(table).or_default().foreign_keys.push(foreign_key);
            }
        }
        Ok(())
    }
}

/// One row of the answer.
struct Fact<'a> {
    /// The answer.
    rows: &'a Rows,
    /// The position of the row in it.
    row: usize,
}

impl Fact<'_> {
    /// Returns the text in a column, which is empty for NULL.
    fn text(&self, column: usize) -> Result<String, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the OID in a column, which is 0 for NULL.
    fn oid(&self, column: usize) -> Result<u32, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the boolean in a column, which is `false` for NULL.
    fn flag(&self, column: usize) -> Result<bool, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the texts in a column, of which there are none for NULL.
    fn texts(&self, column: usize) -> Result<Vec<String>, Error> {
        Ok(self.rows.get(self.row, column)?.unwrap_or_default())
    }

    /// Returns the type that the row describes.
    fn ty(&self) -> Result<Type, Error> {
        Ok(Type { name: self.text(3)?, base: self.oid(4)?, path: self.texts(10)? })
    }
}
