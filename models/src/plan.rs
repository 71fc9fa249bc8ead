//! `Plan`: which models there are, their keys, and how they refer to each other.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Column, Identity, Table};
use crate::defaults::Default;
use crate::names::{self, Names};
use crate::types::{FieldType, Library, Types, is_alike};

/// The most columns that a key of a model can have.
const MAX_KEY_COLUMNS: usize = 8;

/// What is known of all tables before a field is printed.
pub(crate) struct Plan<'a> {
    pub(crate) tables: Vec<PlannedTable<'a>>,
    pub(crate) types: Types<'a>,
    pub(crate) names: Names,
}

/// A table, and what its model is.
pub(crate) struct PlannedTable<'a> {
    pub(crate) table: &'a Table,
    pub(crate) struct_name: String,
    /// The columns of the key, as the database has them.
    key: Option<Vec<usize>>,
    /// The fields of the key, once they are known.
    layout: Layout,
}

enum Layout {
    Unknown,
    /// It is being found out.
    Open,
    Known(Vec<KeyPart>),
}

/// A field of a key.
#[derive(Clone)]
pub(crate) struct KeyPart {
    pub(crate) columns: Vec<usize>,
    /// The foreign key that it is, by its position.
    pub(crate) reference: Option<usize>,
}

/// A foreign key that a model can declare.
#[derive(Clone)]
pub(crate) struct Reference {
    /// The position of the target among the tables.
    pub(crate) target: usize,
    /// The columns, in the order of the target's key.
    pub(crate) columns: Vec<usize>,
    /// The columns of the target's key.
    pub(crate) target_columns: Vec<usize>,
}

impl<'a> Plan<'a> {
    /// Finds out all keys. `is_wanted` says which tables are printed.
    pub(crate) fn new(
        catalog: &'a Catalog,
        libraries: &'a BTreeSet<Library>,
        is_wanted: impl Fn(&Table) -> bool,
    ) -> Plan<'a> {
        let mut names = Names::default();
        let tables = catalog.tables.iter().filter(|table| is_wanted(table));
        let tables: Vec<_> = tables
            .map(|table| {
                let mut struct_name = names::of_struct(&table.name);
                if names.has(&struct_name) && !table.is_visible {
                    struct_name = names::of_struct(&format!("{}_{}", table.schema, table.name));
                }
                let struct_name = names.unique(struct_name, "");
                PlannedTable { table, struct_name, key: key(table), layout: Layout::Unknown }
            })
            .collect();
        let mut plan = Plan { tables, types: Types::new(catalog, libraries), names };
        for table in 0..plan.tables.len() {
            plan.lay_out(table);
        }
        plan
    }

    /// Returns `true` if the table has a key, and so a model.
    pub(crate) fn has_model(&self, table: usize) -> bool {
        self.tables[table].key.is_some()
    }

    /// Returns the fields of a key. A table without a model has none.
    pub(crate) fn key_parts(&self, table: usize) -> &[KeyPart] {
        match &self.tables[table].layout {
            Layout::Known(parts) => parts,
            Layout::Unknown | Layout::Open => &[],
        }
    }

    /// Returns the columns of a key, in the order of the model's.
    pub(crate) fn key_columns(&self, table: usize) -> Vec<usize> {
        self.key_parts(table).iter().flat_map(|part| part.columns.iter().copied()).collect()
    }

    /// Finds out the fields of a key: a column that refers to another table is a reference, unless
    /// that table's key is made of this one.
    fn lay_out(&mut self, table: usize) {
        let Some(key) = self.tables[table].key.clone() else { return };
        if !matches!(self.tables[table].layout, Layout::Unknown) {
            return;
        }
        self.tables[table].layout = Layout::Open;
        let found = self.tables[table].table;
        let mut parts: Vec<KeyPart> = Vec::new();
        // Those of most columns first, for they tell more.
        let mut candidates: Vec<usize> = (0..found.foreign_keys.len()).collect();
        candidates
            .sort_by_key(|&position| std::cmp::Reverse(found.foreign_keys[position].columns.len()));
        for &column in &key {
            let is_covered =
                |parts: &[KeyPart], column| parts.iter().any(|part| part.columns.contains(&column));
            if is_covered(&parts, column) {
                continue;
            }
            let mut part = KeyPart { columns: vec![column], reference: None };
            for &position in &candidates {
                let foreign_key = &found.foreign_keys[position];
                let fits = |column: &usize| key.contains(column) && !is_covered(&parts, *column);
                if !foreign_key.columns.contains(&column) || !foreign_key.columns.iter().all(fits) {
                    continue;
                }
                let target = self.tables.iter().position(|t| t.table.oid == foreign_key.target);
                let Some(target) = target else { continue };
                self.lay_out(target);
                let Ok(reference) = self.reference(table, position) else { continue };
                // A field of several columns cannot name their types.
                let is_plain = reference.columns.len() == 1
                    || reference.columns.iter().zip(&reference.target_columns).all(
                        |(&column, &key)| self.reference_cast(table, column, target, key).is_none(),
                    );
                if is_plain {
                    part = KeyPart { columns: reference.columns, reference: Some(position) };
                    break;
                }
            }
            parts.push(part);
        }
        self.tables[table].layout = Layout::Known(parts);
    }

    /// Returns how a model declares a foreign key.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub(crate) fn reference(
        &self,
        table: usize,
        position: usize,
    ) -> Result<Reference, &'static str> {
        let foreign_key = &self.tables[table].table.foreign_keys[position];
        let target = self.tables.iter().position(|t| t.table.oid == foreign_key.target);
        let Some(target) = target.filter(|&target| self.has_model(target)) else {
            return Err("there is no model of that table here");
        };
        let referred_to = self.tables[target].table.referred_to(foreign_key);
        let target_columns = self.key_columns(target);
        let pair = |key: &usize| {
            let position = referred_to.iter().position(|other| other == key)?;
            foreign_key.columns.get(position).copied()
        };
        let columns: Option<Vec<usize>> = target_columns.iter().map(pair).collect();
        match columns {
            Some(columns) if columns.len() == foreign_key.columns.len() && !columns.is_empty() => {
                Ok(Reference { target, columns, target_columns })
            }
            _ => Err("it refers to other columns than the key"),
        }
    }

    /// Returns what the field for a column of a key is, and whether its type is named somewhere.
    pub(crate) fn key_type(&mut self, table: usize, column: usize) -> FieldType {
        let found = self.tables[table].table;
        let reference = self.key_parts(table).iter().find_map(|part| {
            let position = part.reference.filter(|_| part.columns.contains(&column))?;
            self.reference(table, position).ok()
        });
        let Some(reference) = reference else {
            let Column { ty, dimensions, .. } = found.columns[column];
            return self.types.key(ty, dimensions, &mut self.names);
        };
        let part = reference.columns.iter().position(|&other| other == column);
        let target_column = reference.target_columns[part.expect("it is one of them")];
        let target_type = self.key_type(reference.target, target_column);
        let cast = self.reference_cast(table, column, reference.target, target_column);
        FieldType { is_cast: cast.is_some() || target_type.is_cast, ..target_type }
    }

    /// Returns the type that a column has to name when it holds that column of another table's key.
    pub(crate) fn reference_cast(
        &mut self,
        table: usize,
        column: usize,
        target: usize,
        target_column: usize,
    ) -> Option<u32> {
        let ours = self.tables[table].table.columns[column].ty;
        if ours == self.tables[target].table.columns[target_column].ty {
            // As named there, if it is.
            return None;
        }
        let theirs = self.key_type(target, target_column);
        (theirs.is_cast || !is_alike(ours, theirs.wire)).then_some(ours)
    }

    /// Returns the name of a type as an attribute gives it.
    pub(crate) fn sql_type(&self, oid: u32) -> String {
        let ty = self.types.ty(oid);
        // What looks like another spelling of a type is taken for one, unless its schema is named.
        let is_clear = ty.is_visible && !ty.name.contains([' ', '(', '[']);
        match is_clear {
            true => format!("sql_type = {:?}", ty.name),
            false => format!("sql_type({:?}, {:?})", ty.schema, ty.name),
        }
    }
}

impl Column {
    /// Returns `true` if the database alone writes the column.
    pub(crate) fn is_written_by_database(&self) -> bool {
        self.is_generated || self.identity == Identity::Always
    }

    /// Returns `true` if the default is another one for each row, as far as one can tell.
    pub(crate) fn has_expression(&self) -> bool {
        let default = self.default.as_deref().map(Default::of);
        self.identity == Identity::ByDefault || default == Some(Default::Expression)
    }

    /// Returns a default that is the same for every row.
    pub(crate) fn constant(&self) -> Option<&str> {
        self.default.as_deref().filter(|text| Default::of(text) == Default::Constant)
    }
}

/// Returns the columns of the key: the primary key, or else the smallest unique index that can be
/// one.
fn key(table: &Table) -> Option<Vec<usize>> {
    let can_be = |&column: &usize| {
        let column = &table.columns[column];
        column.is_not_null && !column.is_generated
    };
    let indexes = table.unique.iter().filter(|index| {
        index.is_whole
            && (1..=MAX_KEY_COLUMNS).contains(&index.columns.len())
            && index.columns.iter().all(can_be)
    });
    let best = indexes.min_by_key(|index| {
        (!index.is_primary, !index.is_immediate, index.columns.len(), &index.name)
    });
    best.map(|index| index.columns.clone())
}
