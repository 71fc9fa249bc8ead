//! `Edge`: which rows of two levels belong together.

use std::collections::HashMap;
use std::hash::Hash;

use super::{LevelRows, Levels, Relation};
use crate::error::Error;
use crate::model::{SqlType, Table};

/// The rows of some levels, and the rows that refer to them.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The levels whose rows are referred to. Their rows are counted one after the other.
    pub(crate) one: Vec<usize>,
    /// The levels whose rows refer to them.
    pub(crate) many: Vec<usize>,
    /// The table that is referred to, and the columns of its key.
    one_table: &'static Table,
    pub(crate) key: &'static [usize],
    /// The table that refers, and the columns of its foreign key.
    many_table: &'static Table,
    pub(crate) foreign_key: &'static [usize],
}

/// For each row that refers, the position of the row that it refers to, or [`NOBODY`].
pub(crate) type Matches = Vec<u32>;

/// Stands for a row that is not there.
pub(crate) const NOBODY: u32 = u32::MAX;

impl Edge {
    /// Returns what ties this level to the one above. It must not be the first level.
    pub(crate) fn of(levels: &Levels, level: usize) -> Edge {
        let relation = &levels.at(level).relation;
        let above = relation.above().unwrap_or(level);
        let (one, many) = match relation {
            Relation::Root(_) => (vec![], vec![]),
            Relation::Children { .. } => (vec![above], vec![level]),
            Relation::Parent { .. } => (vec![level], vec![above]),
            Relation::Descendants { .. } => (vec![above, level], vec![level]),
            Relation::Ancestors { .. } => (vec![level], vec![above, level]),
        };
        let (own, other) = (levels.at(level).table, levels.at(above).table);
        let (one_table, many_table) =
            if relation.leads_to_parents() { (own, other) } else { (other, own) };
        let (key, foreign_key) = (one_table.key(), relation.columns());
        Edge { one, many, one_table, key, many_table, foreign_key }
    }

    /// Returns `true` if two values that belong together have the same bytes, or are the same integer.
    /// Others, such as those of `citext` or `numeric`, only the server can compare: how strings are
    /// compared depends on their collation.
    pub(crate) fn is_exact(&self) -> bool {
        self.key.iter().zip(self.foreign_key).all(|(&key, &foreign_key)| {
            let tables = [(self.one_table, key), (self.many_table, foreign_key)];
            let [one, many] = tables.map(|(table, column)| table.columns()[column].ty());
            let are_built_in =
                tables.into_iter().all(|(table, column)| table.cast(column).is_none());
            let are_integers = one.is_integer() && many.is_integer();
            let are_same = one == many && one.is_equal_by_bytes() && !one.is_string();
            are_built_in && (are_integers || are_same)
        })
    }

    /// Returns the types of the parts of the key, and those of the foreign key.
    pub(crate) fn types(&self) -> (Vec<SqlType>, Vec<SqlType>) {
        let types = |table: &'static Table, columns: &[usize]| {
            columns.iter().map(|&column| table.columns()[column].ty()).collect()
        };
        (types(self.one_table, self.key), types(self.many_table, self.foreign_key))
    }

    /// Returns which rows belong together, by their bytes. The edge is [exact](Edge::is_exact).
    ///
    /// # Errors
    ///
    /// When the rows are not what was asked for.
    pub(crate) fn match_by_bytes(&self, rows: &[Option<LevelRows<'_>>]) -> Result<Matches, Error> {
        let (one, many) = self.types();
        match (&one[..], &many[..]) {
            (&[one], &[many]) if one.is_integer() => self.matches(
                rows,
                |parts| parts[0].and_then(|raw| one.as_integer(raw)),
                |parts| parts[0].and_then(|raw| many.as_integer(raw)),
            ),
            _ => self.matches(rows, |parts| bytes(&one, parts), |parts| bytes(&many, parts)),
        }
    }

    fn matches<K: Eq + Hash>(
        &self,
        rows: &[Option<LevelRows<'_>>],
        key_of: impl Fn(&[Option<&[u8]>]) -> Option<K>,
        reference_of: impl Fn(&[Option<&[u8]>]) -> Option<K>,
    ) -> Result<Matches, Error> {
        let (mut places, mut at) = (HashMap::new(), 0_u32);
        for rows in self.one.iter().filter_map(|&level| rows[level].as_ref()) {
            rows.each_row(self.key, |parts| {
                if let Some(key) = key_of(parts) {
                    places.entry(key).or_insert(at);
                }
                at += 1;
                Ok(())
            })?;
        }
        let mut matches = Matches::new();
        for rows in self.many.iter().filter_map(|&level| rows[level].as_ref()) {
            matches.reserve(rows.len());
            rows.each_row(self.foreign_key, |parts| {
                let place = reference_of(parts).and_then(|key| places.get(&key));
                matches.push(place.copied().unwrap_or(NOBODY));
                Ok(())
            })?;
        }
        Ok(matches)
    }
}

/// Returns the bytes of a key, of whose parts none is NULL. Equal integers have equal bytes.
fn bytes(types: &[SqlType], parts: &[Option<&[u8]>]) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    for (ty, part) in types.iter().zip(parts) {
        ty.push_key_part((*part)?, &mut key);
    }
    Some(key)
}
