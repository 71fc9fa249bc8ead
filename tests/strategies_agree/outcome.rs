//! What is in the tables afterwards, and what should be.

use std::collections::BTreeMap;
use std::fmt;

use crate::fields::Said;
use crate::graph::{Graph, KeyCell, NewRow, Target};
use crate::model::{FieldKind, FieldShape};
use crate::schema::{ColumnOf, PlainSpec, Schema};
use crate::tables::Cells;
use crate::values::{Datum, Given};

/// What a field of a row holds, in terms that do not depend on what numbers sequences give.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Null,
    Value(Vec<u8>),
    /// Whatever the database has assigned.
    Assigned,
    /// The row with this label.
    Row(String),
    /// A reference to a row that is not there.
    Nowhere,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Null => f.write_str("NULL"),
            Content::Value(raw) => write!(f, "{:?}", raw.escape_ascii().to_string()),
            Content::Assigned => f.write_str("assigned"),
            Content::Row(label) => write!(f, "→ {label}"),
            Content::Nowhere => f.write_str("→ nowhere"),
        }
    }
}

/// The fields of all rows, by label.
pub(crate) type Contents = BTreeMap<String, Vec<Content>>;

/// What is left of a graph.
pub(crate) struct Outcome<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) graph: &'a Graph,
    pub(crate) cells: &'a Cells,
}

impl Outcome<'_> {
    /// Every field of every entity holds what its row has.
    pub(crate) fn compare_entities(
        &self,
        entities: &[(usize, Vec<Vec<Said>>)],
    ) -> Result<(), String> {
        for (rank, said) in entities {
            let row = &self.graph.rows[rank];
            let Some(cells) = self.cells[row.table].get(&row.label) else {
                return Err(format!("{} is in the unit of work, and not in its table", row.label));
            };
            for (shape, said) in self.schema.fields(row.table).iter().zip(said) {
                let stored: Vec<_> = shape.columns.iter().map(|&at| cells[at].clone()).collect();
                if !is_row(said, &stored, matches!(shape.kind, FieldKind::Link { .. })) {
                    let names =
                        shape.columns.iter().map(|&at| self.schema.column_name(row.table, at));
                    return Err(format!(
                        "{} {:?}: the entity has {said:?}, the row has {stored:?}",
                        row.label,
                        names.collect::<Vec<_>>()
                    ));
                }
            }
        }
        Ok(())
    }

    /// What the tables hold, with references as labels.
    pub(crate) fn contents(&self) -> Contents {
        let labels: Vec<_> = (0..self.cells.len()).map(|table| self.labels(table)).collect();
        let by_label: BTreeMap<&str, &NewRow> =
            self.graph.rows.values().map(|row| (&*row.label, row)).collect();
        let mut contents = Contents::new();
        for (table, rows) in self.cells.iter().enumerate() {
            let shapes = self.schema.fields(table);
            for (label, row) in rows {
                let content = |shape: &FieldShape| self.content(table, shape, row, &labels);
                let mut fields: Vec<_> = shapes.iter().map(content).collect();
                if let Some(meant) = by_label.get(&**label) {
                    for (field, meant) in fields.iter_mut().zip(self.meant(meant)) {
                        if meant == Content::Assigned && *field != Content::Null {
                            *field = Content::Assigned;
                        }
                    }
                }
                contents.insert(label.clone(), fields);
            }
        }
        contents
    }

    /// The rows of a table by their keys.
    fn labels(&self, table: usize) -> BTreeMap<Vec<Option<Vec<u8>>>, &str> {
        let spec = &self.schema.tables[table];
        let key: Vec<_> =
            (0..spec.key.len()).map(|part| spec.position(ColumnOf::Key(part))).collect();
        let rows = self.cells[table].iter();
        rows.map(|(label, row)| (key.iter().map(|&at| row[at].clone()).collect(), &**label))
            .collect()
    }

    fn content(
        &self,
        table: usize,
        shape: &FieldShape,
        row: &[Option<Vec<u8>>],
        labels: &[BTreeMap<Vec<Option<Vec<u8>>>, &str>],
    ) -> Content {
        let values: Vec<_> = shape.columns.iter().map(|&at| row[at].clone()).collect();
        let FieldKind::Link { model, .. } = shape.kind else {
            return values.into_iter().flatten().next().map_or(Content::Null, Content::Value);
        };
        // A column that belongs to the key as well has a value even if the reference is NULL.
        let columns = &self.schema.tables[table].columns;
        let mut own =
            shape.columns.iter().filter(|&&at| matches!(columns[at], ColumnOf::Reference(..)));
        if own.clone().count() > 0 && own.all(|&at| row[at].is_none()) {
            return Content::Null;
        }
        let to = (0..labels.len()).find(|&to| self.schema.model(to) == model);
        match to.and_then(|to| labels[to].get(&values)) {
            Some(&label) => Content::Row(label.to_owned()),
            None => Content::Nowhere,
        }
    }

    /// What the tables are to hold after so many parts.
    pub(crate) fn expected(&self, parts: usize) -> Contents {
        let rows = self.graph.rows.values().filter(|row| row.part < parts);
        rows.map(|row| (row.label.clone(), self.meant(row))).collect()
    }

    /// What a row is to hold.
    fn meant(&self, row: &NewRow) -> Vec<Content> {
        let label = |target: &Target| Content::Row(self.graph.rows[&target.row].label.clone());
        let (spec, own) = (&self.schema.tables[row.table], row.label.clone().into_bytes());
        let key = row.key.iter().map(|cell| match cell {
            KeyCell::Left => Content::Assigned,
            KeyCell::Given(id) => Content::Value(id.0.clone()),
            KeyCell::To(target) => label(target),
        });
        let references = row.references.iter().map(|to| to.as_ref().map_or(Content::Null, label));
        let plain = spec.plain.iter().zip(&row.plain).map(|(spec, given)| match (given, spec) {
            (Given::Value(datum), _) => Content::Value(datum.bytes()),
            (Given::Null, _) => Content::Null,
            (
                Given::Absent,
                PlainSpec::Counted | PlainSpec::Unique | PlainSpec::ToUnique { .. },
            ) => Content::Assigned,
            (Given::Absent, PlainSpec::Generated) => {
                Content::Value(Datum::Text(format!("<{}>", row.label)).bytes())
            }
            (Given::Absent, PlainSpec::Column(ty, _)) => Content::Value(ty.default().1.bytes()),
        });
        let mut parts = [key.collect::<Vec<_>>(), references.collect(), plain.collect()];
        if spec.has_key_last {
            parts.reverse();
        }
        std::iter::once(Content::Value(own)).chain(parts.into_iter().flatten()).collect()
    }
}

/// Finds the first row that differs.
pub(crate) fn compare(what: &str, expected: &Contents, got: &Contents) -> Result<(), String> {
    for label in expected.keys().chain(got.keys()) {
        if expected.get(label) != got.get(label) {
            return Err(format!(
                "{label} is not as in {what}:\n  expected {:?}\n  found    {:?}",
                expected.get(label),
                got.get(label)
            ));
        }
    }
    Ok(())
}

/// Whether what the field says after a commit is what the row has.
fn is_row(said: &[Said], row: &[Option<Vec<u8>>], is_link: bool) -> bool {
    // A reference of which a column is NULL leads nowhere, whatever its other columns hold.
    if is_link && row.contains(&None) {
        return said.iter().all(|said| *said == Said::Null);
    }
    said.iter().zip(row).all(|(said, cell)| match cell {
        None => *said == Said::Null,
        Some(raw) => matches!(said, Said::Value(value) if value == raw),
    })
}
