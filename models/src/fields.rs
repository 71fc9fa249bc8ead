//! `ModelText`: the fields of one model, their types and their attributes.

use crate::catalog::{Identity, Table, UniqueIndex};
use crate::names::{self, Names};
use crate::plan::{Plan, Reference};
use crate::types::FieldType;

/// What is printed for one table.
pub(crate) struct ModelText {
    /// The fields, in their order.
    pub(crate) fields: Vec<FieldText>,
    /// What the model does not say.
    pub(crate) notes: Vec<String>,
    /// The problems that `Verify` has to accept, by what they are about.
    pub(crate) accepted: Vec<String>,
    /// It has a key. Otherwise it is printed as a comment.
    pub(crate) is_model: bool,
    pub(crate) has_references: bool,
}

/// A field.
pub(crate) struct FieldText {
    pub(crate) comment: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) name: String,
    pub(crate) rust: String,
}

/// The columns of a table, and what was decided of each.
struct Fields<'p, 'a> {
    plan: &'p mut Plan<'a>,
    index: usize,
    table: &'a Table,
    key: Vec<usize>,
    /// The foreign keys that the model declares, without those that are part of the key.
    references: Vec<Reference>,
    /// What the values of each column are sent as.
    types: Vec<FieldType>,
    /// The columns of the natural key.
    natural_key: Vec<usize>,
    names: Names,
    text: ModelText,
}

impl ModelText {
    /// Returns what is printed for the table at this position.
    pub(crate) fn new(plan: &mut Plan<'_>, index: usize) -> ModelText {
        let table = plan.tables[index].table;
        let text = ModelText {
            fields: Vec::new(),
            notes: Vec::new(),
            accepted: Vec::new(),
            is_model: plan.has_model(index),
            has_references: false,
        };
        let key = plan.key_columns(index);
        let mut fields = Fields {
            plan,
            index,
            table,
            key,
            references: Vec::new(),
            types: Vec::new(),
            natural_key: Vec::new(),
            names: Names::default(),
            text,
        };
        fields.find_types();
        fields.find_references();
        fields.find_natural_key();
        fields.key_fields();
        fields.other_fields();
        fields.text
    }
}

impl Fields<'_, '_> {
    /// Finds the type of each column by itself, and whether its field has to name it. A reference in
    /// the key may have it from the key that it refers to.
    fn find_types(&mut self) {
        for (position, column) in self.table.columns.iter().enumerate() {
            let ty = match self.key.contains(&position) {
                true => {
                    let ty = self.plan.key_type(self.index, position);
                    let is_cast = self.key_reference(position).map_or(ty.is_cast, |reference| {
                        reference.columns.len() == 1 && self.cast(&reference, position)
                    });
                    FieldType { is_cast, ..ty }
                }
                false => {
                    let Plan { types, names, .. } = &mut *self.plan;
                    types.field(column.ty, column.dimensions, names)
                }
            };
            self.types.push(ty);
        }
    }

    /// Finds the foreign keys that are declared, those of one column first: where several share a
    /// column, they have to agree on its type.
    fn find_references(&mut self) {
        let mut positions: Vec<usize> = (0..self.table.foreign_keys.len()).collect();
        positions.sort_by_key(|&position| self.table.foreign_keys[position].columns.len());
        let in_key = self.plan.key_parts(self.index).iter().filter_map(|part| part.reference);
        let in_key: Vec<usize> = in_key.collect();
        let declared = in_key.iter().filter_map(|&position| self.declared(position));
        let mut known: Vec<(usize, Vec<usize>)> = declared.collect();
        let mut is_fixed: Vec<bool> =
            (0..self.table.columns.len()).map(|column| self.key.contains(&column)).collect();
        for position in positions.into_iter().filter(|position| !in_key.contains(position)) {
            match self.plan.reference(self.index, position) {
                Ok(reference) => {
                    let this = (reference.target, reference.columns.clone());
                    if known.contains(&this) {
                        continue;
                    }
                    match self.share(&reference, &mut is_fixed) {
                        true => {
                            known.push(this);
                            self.references.push(reference);
                        }
                        false => self.undeclared(position, "fields cannot share its columns"),
                    }
                }
                Err(why) => self.undeclared(position, why),
            }
        }
    }

    fn declared(&self, position: usize) -> Option<(usize, Vec<usize>)> {
        let reference = self.plan.reference(self.index, position).ok()?;
        Some((reference.target, reference.columns))
    }

    /// Gives the columns of a foreign key the types of the key that it refers to, where no other
    /// foreign key has given them others.
    fn share(&mut self, reference: &Reference, is_fixed: &mut [bool]) -> bool {
        let targets: Vec<FieldType> = reference
            .target_columns
            .iter()
            .map(|&column| self.plan.key_type(reference.target, column))
            .collect();
        let is_shared = |&column: &usize| is_fixed[column] || reference.columns.len() > 1;
        for (&column, target) in reference.columns.iter().zip(&targets) {
            let is_written = !self.table.columns[column].is_written_by_database();
            let fits = !is_fixed[column] || self.types[column].wire == target.wire;
            // A field of several columns cannot name their types.
            let can_name =
                self.key_reference(column).is_none_or(|of_key| of_key.columns.len() == 1);
            let is_nameless = !can_name && self.cast(reference, column);
            if !fits || is_nameless || !is_written && is_shared(&column) {
                return false;
            }
        }
        for (&column, target) in reference.columns.iter().zip(targets) {
            let is_cast = self.cast(reference, column);
            if is_fixed[column] {
                self.types[column].is_cast |= is_cast;
            } else {
                self.types[column] = FieldType { is_cast, note: None, ..target };
                is_fixed[column] = true;
            }
        }
        true
    }

    /// Returns the reference in the key that has this column.
    fn key_reference(&self, column: usize) -> Option<Reference> {
        let mut parts = self.plan.key_parts(self.index).iter();
        let position = parts.find(|part| part.columns.contains(&column))?.reference?;
        self.plan.reference(self.index, position).ok()
    }

    /// Returns `true` if the column of a foreign key has to name its type.
    fn cast(&mut self, reference: &Reference, column: usize) -> bool {
        let part = reference.columns.iter().position(|&other| other == column);
        let target_column = reference.target_columns[part.expect("it is one of them")];
        self.plan.reference_cast(self.index, column, reference.target, target_column).is_some()
    }

    /// Says of a foreign key that the model has nothing of it.
    fn undeclared(&mut self, position: usize, why: &str) {
        let foreign_key = &self.table.foreign_keys[position];
        let columns = self.table.names(&foreign_key.columns);
        let target = &foreign_key.target_name;
        self.text.notes.push(format!(
            "The foreign key {} of ({columns}) to {target} is left out: {why}.",
            foreign_key.name
        ));
        let plan = &self.plan;
        let is_printed = (0..plan.tables.len())
            .any(|t| plan.tables[t].table.oid == foreign_key.target && plan.has_model(t));
        if is_printed && !foreign_key.is_deferred && self.text.is_model {
            let Table { schema, name, is_visible, .. } = self.table;
            let schema = if *is_visible { String::new() } else { format!("{schema}.") };
            let columns = match foreign_key.columns.len() {
                1 => format!(".{columns}"),
                _ => format!(" ({columns})"),
            };
            self.text.accepted.push(format!("{schema}{name}{columns}"));
        }
    }

    /// Finds the natural key, if there is exactly one unique index that can be it.
    fn find_natural_key(&mut self) {
        let mut candidates: Vec<&UniqueIndex> = Vec::new();
        for index in self.table.unique.iter().filter(|index| !index.is_primary) {
            let is_same = |other: &UniqueIndex| {
                other.columns.len() == index.columns.len()
                    && other.columns.iter().all(|column| index.columns.contains(column))
            };
            let has_key =
                self.text.is_model && self.key.iter().all(|column| index.columns.contains(column));
            if has_key || candidates.iter().any(|other| is_same(other)) {
                continue;
            }
            if !index.is_whole {
                let what = "is partial, on expressions, or not valid";
                self.text.notes.push(format!("The unique index {} {what}.", index.name));
                continue;
            }
            let is_late = |other: &&UniqueIndex| other.is_whole && !other.is_immediate;
            let is_in_the_way = self.table.unique.iter().filter(is_late).any(is_same);
            let is_given = |&column: &usize| {
                let found = &self.table.columns[column];
                found.is_not_null
                    && !found.is_written_by_database()
                    && !found.has_expression()
                    // Of a reference in the key, all columns are.
                    && self.plan.key_parts(self.index).iter().all(|part| {
                        !part.columns.contains(&column)
                            || part.columns.iter().all(|column| index.columns.contains(column))
                    })
            };
            if !is_in_the_way && index.columns.iter().all(is_given) {
                candidates.push(index);
            } else {
                self.unique_note(index);
            }
        }
        match candidates[..] {
            [only] if self.text.is_model => self.natural_key.clone_from(&only.columns),
            _ => candidates.into_iter().for_each(|index| self.unique_note(index)),
        }
    }

    fn unique_note(&mut self, index: &UniqueIndex) {
        let columns = self.table.names(&index.columns);
        self.text.notes.push(format!("Unique, too: ({columns}), by {}.", index.name));
    }

    /// Adds the fields of the key.
    fn key_fields(&mut self) {
        for part in self.plan.key_parts(self.index).to_vec() {
            let mut attributes = vec!["key".to_owned()];
            let mut notes = Vec::new();
            let &[column] = &part.columns[..] else {
                let position = part.reference.expect("only a reference is several columns");
                let reference = self.plan.reference(self.index, position).expect("it was one");
                self.reference_of_several(&reference, attributes);
                continue;
            };
            let found = &self.table.columns[column];
            let rust = match part.reference {
                Some(position) => {
                    let reference = self.plan.reference(self.index, position);
                    let target = reference.expect("it was one").target;
                    self.text.has_references = true;
                    if found.has_expression() {
                        notes.push(default_note(found.default.as_deref(), ""));
                    }
                    format!("ForeignKey<{}>", self.plan.tables[target].struct_name)
                }
                None => self.key_rust(column, &mut attributes, &mut notes),
            };
            self.of_one(column, rust, attributes, notes);
        }
    }

    /// Returns the type of a field of the key that is no reference.
    fn key_rust(
        &self,
        column: usize,
        attributes: &mut Vec<String>,
        notes: &mut Vec<String>,
    ) -> String {
        let found = &self.table.columns[column];
        let rust = &self.types[column].rust;
        let is_integer = self.types[column].is_integer();
        let is_own = found.identity != Identity::No
            || found.sequence.as_ref().is_some_and(|sequence| sequence.is_own);
        if is_own && is_integer {
            return format!("Option<{rust}>");
        }
        if let Some(sequence) = found.sequence.as_ref().filter(|_| is_integer) {
            // Without a schema, it is looked for beside the table.
            let is_beside = if self.table.is_visible {
                sequence.is_visible
            } else {
                sequence.schema == self.table.schema
            };
            attributes.push(match is_beside {
                true => format!("sequence = {:?}", sequence.name),
                false => format!("sequence({:?}, {:?})", sequence.schema, sequence.name),
            });
            return format!("Option<{rust}>");
        }
        match &found.default {
            Some(default) if found.has_expression() => {
                attributes.push(format!("default = {default:?}"));
                format!("Option<{rust}>")
            }
            _ => {
                if let Some(constant) = found.constant() {
                    notes.push(default_note(Some(constant), ""));
                }
                rust.clone()
            }
        }
    }

    /// Adds the fields of the other columns, and of other foreign keys.
    fn other_fields(&mut self) {
        let references = std::mem::take(&mut self.references);
        let (of_one, of_several): (Vec<_>, Vec<_>) =
            references.into_iter().partition(|reference| reference.columns.len() == 1);
        let mut is_done: Vec<bool> = self.key_and_nothing_else();
        let mut later = Vec::new();
        let mut of_one_now = vec![None; self.table.columns.len()];
        for reference in of_one {
            let column = reference.columns[0];
            match is_done[column] || of_one_now[column].is_some() {
                true => later.push(reference),
                false => of_one_now[column] = Some(reference),
            }
        }
        for column in 0..self.table.columns.len() {
            if is_done[column] {
                continue;
            }
            let carrier = of_several.iter().find(|reference| self.carries(reference, column));
            if let (None, Some(_)) = (&of_one_now[column], carrier) {
                is_done[column] = true;
                continue;
            }
            let is_shared =
                of_several.iter().chain(&later).any(|other| other.columns.contains(&column));
            let target = of_one_now[column].take().map(|reference| reference.target);
            self.other_field(column, target, is_shared);
        }
        for reference in &later {
            self.another_reference(reference);
        }
        for reference in &of_several {
            self.reference_of_several(reference, Vec::new());
        }
    }

    fn key_and_nothing_else(&self) -> Vec<bool> {
        (0..self.table.columns.len()).map(|column| self.key.contains(&column)).collect()
    }

    /// Returns `true` if the field of this foreign key has all that is to be said of the column.
    fn carries(&self, reference: &Reference, column: usize) -> bool {
        let is_not_null = |column: &usize| self.table.columns[*column].is_not_null;
        let has = |columns: &[usize], part: &usize| columns.contains(part);
        let is_of_natural_key = self.natural_key.contains(&column)
            && !reference.columns.iter().all(|part| has(&self.natural_key, part));
        reference.columns.contains(&column)
            && !self.types[column].is_cast
            && (!is_not_null(&column) || reference.columns.iter().all(is_not_null))
            && !is_of_natural_key
    }

    /// Adds the field of a column that is not part of the key.
    fn other_field(&mut self, column: usize, target: Option<usize>, is_shared: bool) {
        let found = &self.table.columns[column];
        let mut attributes = Vec::new();
        let mut notes = Vec::new();
        let rust = match target {
            Some(target) => {
                self.text.has_references = true;
                format!("ForeignKey<{}>", self.plan.tables[target].struct_name)
            }
            None => self.types[column].rust.clone(),
        };
        let is_default = found.has_expression() && !is_shared;
        let rust = if found.is_written_by_database() {
            attributes.push("generated".to_owned());
            format!("Option<{rust}>")
        } else if is_default {
            attributes.push("default".to_owned());
            match found.is_not_null || target.is_some() {
                true => format!("Option<{rust}>"),
                false => format!("Option<Option<{rust}>>"),
            }
        } else if found.is_not_null {
            rust
        } else {
            format!("Option<{rust}>")
        };
        let unused = match &found.default {
            Some(default) if found.has_expression() && !is_default => Some(default.as_str()),
            _ => found.constant(),
        };
        if let Some(default) = unused {
            let what = if found.is_not_null { "" } else { ", and `None` is NULL" };
            notes.push(default_note(Some(default), what));
        }
        self.of_one(column, rust, attributes, notes);
    }

    /// Adds the field that has a column first.
    fn of_one(
        &mut self,
        column: usize,
        rust: String,
        mut attributes: Vec<String>,
        mut notes: Vec<String>,
    ) {
        let found = &self.table.columns[column];
        if self.natural_key.contains(&column) {
            attributes.push("unique".to_owned());
        }
        let name = self.names.unique(names::of_field(&found.name), "_");
        if name != found.name {
            attributes.push(format!("column = {:?}", found.name));
        }
        if self.types[column].is_cast {
            attributes.push(self.plan.sql_type(found.ty));
        }
        notes.extend(self.types[column].note.clone());
        let comment = found.comment.clone();
        self.text.fields.push(FieldText { comment, notes, attributes, name, rust });
    }

    /// Adds a field for a foreign key whose column has one already.
    fn another_reference(&mut self, reference: &Reference) {
        let column = &self.table.columns[reference.columns[0]];
        let target = &self.plan.tables[reference.target];
        let rust = format!("ForeignKey<{}>", target.struct_name);
        let rust = if column.is_not_null { rust } else { format!("Option<{rust}>") };
        let name = format!("{}_of_{}", column.name, target.table.name);
        let name = self.names.unique(names::of_field(&name), "_");
        let attributes = vec![format!("column = {:?}", column.name)];
        let notes = vec!["The same column again, as it refers to another table.".to_owned()];
        self.text.has_references = true;
        self.text.fields.push(FieldText { comment: None, notes, attributes, name, rust });
    }

    /// Adds the field of a reference of several columns.
    fn reference_of_several(&mut self, reference: &Reference, mut attributes: Vec<String>) {
        let names = reference.columns.iter().map(|&column| &*self.table.columns[column].name);
        let names: Vec<&str> = names.collect();
        let is_unique = reference.columns.iter().all(|column| self.natural_key.contains(column));
        let has_own = |column| self.text.fields.iter().any(|field| field.is_of(column));
        if is_unique && !names.iter().any(|name| has_own(name)) {
            attributes.push("unique".to_owned());
        }
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        attributes.push(format!("column({})", quoted.join(", ")));
        let is_not_null = |&column: &usize| self.table.columns[column].is_not_null;
        let target = &self.plan.tables[reference.target];
        let rust = format!("ForeignKey<{}>", target.struct_name);
        let is_required = reference.columns.iter().all(is_not_null);
        let rust = if is_required { rust } else { format!("Option<{rust}>") };
        // The one column that is new here has the better name.
        let new: Vec<&str> = names.iter().copied().filter(|name| !has_own(name)).collect();
        let name = match new[..] {
            [column] => {
                column.strip_suffix("_id").filter(|name| !name.is_empty()).unwrap_or(column)
            }
            _ => &target.table.name,
        };
        let name = self.names.unique(names::of_field(name), "_");
        let of_columns = reference.columns.iter().filter_map(|&column| {
            let column = &self.table.columns[column];
            let comment = column.comment.as_ref()?;
            (!has_own(&column.name)).then(|| format!("{}: {comment}", column.name))
        });
        let comment = of_columns.collect::<Vec<_>>().join("\n");
        let comment = Some(comment).filter(|comment| !comment.is_empty());
        self.text.has_references = true;
        self.text.fields.push(FieldText { comment, notes: Vec::new(), attributes, name, rust });
    }
}

impl FieldText {
    /// Returns `true` if this is the field of the column alone.
    fn is_of(&self, column: &str) -> bool {
        let given = self.attributes.iter().find(|attribute| attribute.starts_with("column"));
        match given {
            Some(given) => *given == format!("column = {column:?}"),
            None => self.name == column,
        }
    }
}

fn default_note(default: Option<&str>, what: &str) -> String {
    let default = default.unwrap_or("the next number of its sequence");
    format!("The default {default} is not used{what}.")
}
