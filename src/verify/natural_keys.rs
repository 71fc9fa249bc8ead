//! Natural keys: whether a unique index finds rows by them, and unique indexes that could be some.

use super::Comparison;
use super::catalog::{CatalogTable, CatalogUniqueIndex, Relation};
use super::problem::{ProblemKind, UndeclaredUniqueIndex};

impl Comparison<'_> {
    /// Natural keys of the model that `ON CONFLICT` has no index for.
    pub(super) fn natural_keys(&mut self, relation: &Relation, found: &CatalogTable) {
        for natural_key in self.table.all_natural_keys() {
            let names = self.names(natural_key.columns());
            // A column that is not there has been reported already.
            if names.iter().any(|column| found.column(column).is_none()) {
                continue;
            }
            let Some((why, advice)) = mistake(&names, relation, found) else { continue };
            let what = match natural_key.name() {
                Some(name) => format!("the natural key {name:?} of the model"),
                None => "a natural key of the model".to_owned(),
            };
            let message =
                format!("this is {what}, and {why}, so `find_or_add` and `upsert` fail: {advice}");
            let problem = self.problem(ProblemKind::NoUniqueIndex, message);
            self.report(problem.of_columns(names));
        }
    }

    /// Unique indexes whose columns could be a natural key, and are none.
    pub(super) fn undeclared_natural_keys(&mut self, found: &CatalogTable) {
        let key = self.names(self.table.key());
        let declared = self.table.all_natural_keys().iter();
        let declared: Vec<_> = declared.map(|key| self.names(key.columns())).collect();
        let could_be_part = |name: &String| {
            let column = self.table.columns().iter().find(|column| column.name() == name);
            column.is_some_and(|column| !column.is_optional() && !column.is_version())
                && found.column(name).is_some_and(|column| column.is_not_null)
        };
        let mut undeclared: Vec<&CatalogUniqueIndex> = Vec::new();
        for index in &found.unique {
            // With the columns of the key, any others are unique as well.
            let has_key = key.iter().all(|name| index.columns.iter().any(|other| other == name));
            let is_known = declared.iter().any(|names| index.is_of(names))
                || undeclared.iter().any(|other| {
                    index.is_of(&other.columns.iter().map(String::as_str).collect::<Vec<_>>())
                });
            let is_such = index.finds_rows() && index.columns.iter().all(could_be_part);
            if is_such && !index.is_primary && !has_key && !is_known {
                undeclared.push(index);
            }
        }
        let is_only = declared.is_empty() && undeclared.len() == 1;
        let table = self.table;
        let undeclared =
            undeclared.into_iter().map(|CatalogUniqueIndex { name, columns, .. }| {
                UndeclaredUniqueIndex::new(table, name.clone(), columns.clone(), is_only)
            });
        self.report.undeclared_unique_indexes.extend(undeclared);
    }
}

/// Why no row is found by these columns, and what to do.
fn mistake(
    names: &[&str],
    relation: &Relation,
    found: &CatalogTable,
) -> Option<(String, &'static str)> {
    let one = |is_such: &dyn Fn(&CatalogUniqueIndex) -> bool| {
        found.unique.iter().find(|index| is_such(index))
    };
    // The server takes all indexes of these columns, so that the first is in the way of the others.
    if let Some(index) = one(&|i| i.is_of(names) && i.is_whole() && !i.is_immediate) {
        let why = format!("the unique index {} of it is deferrable", index.name);
        return Some((why, "have one that is not deferrable in its place"));
    }
    if one(&|i| i.is_of(names) && i.finds_rows()).is_some() {
        return None;
    }
    if let Some(index) = one(&|i| i.is_of(names) && !i.is_partial && !i.is_valid) {
        let advice = match relation.kind.as_str() {
            "p" => "attach an index of each partition to it",
            _ => "rebuild it with `REINDEX`",
        };
        return Some((format!("the unique index {} of it is not valid", index.name), advice));
    }
    if let Some(index) = one(&|i| i.is_of(names)) {
        let why = format!("the unique index {} of it is partial", index.name);
        return Some((why, "create one without a condition"));
    }
    if let Some(index) = one(&|i| i.is_made_of(names)) {
        let why = format!("the unique index {} of it is on expressions", index.name);
        return Some((why, "create one on the columns themselves"));
    }
    let why = "no unique index has exactly its columns".to_owned();
    Some((why, "create one, or correct `unique` in the model"))
}

impl CatalogUniqueIndex {
    /// Whether no two rows of the table have the same values in its columns.
    pub(super) fn is_whole(&self) -> bool {
        self.is_valid && !self.is_partial && !self.has_expressions
    }

    /// Whether `ON CONFLICT` takes it.
    fn finds_rows(&self) -> bool {
        self.is_whole() && self.is_immediate
    }

    /// Whether it is of exactly these columns, in any order.
    fn is_of(&self, names: &[&str]) -> bool {
        !self.has_expressions
            && names.iter().all(|name| self.columns.iter().any(|column| column == name))
            && self.columns.iter().all(|column| names.contains(&column.as_str()))
    }

    /// Whether it has expressions, and these columns are what they are made of.
    fn is_made_of(&self, names: &[&str]) -> bool {
        let is_used = |&name: &&str| {
            self.columns.iter().chain(&self.of_expressions).any(|column| column == name)
        };
        // The condition of a partial one may have others.
        let is_named = |column: &String| names.contains(&column.as_str());
        self.has_expressions
            && names.iter().all(is_used)
            && self.columns.iter().all(is_named)
            && (self.is_partial || self.of_expressions.iter().all(is_named))
    }
}
