//! `Table` and `Column`: the static description of a model.

mod validate;

use std::fmt::{self, Write};

use super::{Field, Model, SqlType};

/// The static description of a model: its table, columns, key and foreign keys.
///
/// ```
/// use onetrip::{Assigned, Column, SqlType, Table};
///
/// static USERS: Table = Table::new(
///     "users",
///     &[
///         Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence),
///         Column::new("name", SqlType::TEXT),
///     ],
///     &[0], // the key is column 0
/// );
/// assert_eq!(USERS.columns()[1].name(), "name");
/// ```
#[derive(Debug)]
pub struct Table {
    name: QualifiedName,
    /// The columns. Positions everywhere else are those in this list.
    columns: &'static [Column],
    /// The positions of the columns of the key.
    key: &'static [usize],
    /// What the fields refer to, also those that refer to nothing.
    references: &'static [Reference],
    /// What rows are found by beside the key.
    natural_keys: &'static [NaturalKey],
}

impl Table {
    /// Returns a table with these columns. `key` holds the positions of the columns of the key.
    #[must_use]
    pub const fn new(
        name: &'static str,
        columns: &'static [Column],
        key: &'static [usize],
    ) -> Table {
        Table { name: QualifiedName::new(name), columns, key, references: &[], natural_keys: &[] }
    }

    /// Puts the table in a schema, instead of the search path.
    #[must_use]
    pub const fn schema(mut self, schema: &'static str) -> Table {
        self.name.schema = Some(schema);
        self
    }

    /// Declares the foreign keys.
    #[must_use]
    pub const fn references(mut self, references: &'static [Reference]) -> Table {
        self.references = references;
        self
    }

    /// Declares the natural keys.
    #[must_use]
    pub const fn natural_keys(mut self, natural_keys: &'static [NaturalKey]) -> Table {
        self.natural_keys = natural_keys;
        self
    }

    /// Returns the natural key of this name. Without a name, returns the natural key that has no name,
    /// or the only natural key.
    #[must_use]
    pub fn natural_key(&self, name: Option<&str>) -> Option<&'static NaturalKey> {
        let named = self.natural_keys.iter().find(|key| key.name == name);
        match (named, name, self.natural_keys) {
            (None, None, [only]) => Some(only),
            _ => named,
        }
    }

    /// Returns all natural keys.
    #[must_use]
    pub const fn all_natural_keys(&self) -> &'static [NaturalKey] {
        self.natural_keys
    }

    /// Returns the table's name, unquoted and without its schema.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name.name
    }

    /// Returns the table's name with its schema, if it declares one.
    #[must_use]
    pub const fn qualified_name(&self) -> QualifiedName {
        self.name
    }

    /// Returns `true` if `other` describes the same table. Two models can do so, and then the names
    /// are equal.
    pub(crate) fn is(&self, other: &Table) -> bool {
        self.name == other.name
    }

    /// Returns the columns. Positions everywhere else are those in this list.
    #[must_use]
    pub const fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// Returns the positions of the key's columns.
    #[must_use]
    pub const fn key(&self) -> &'static [usize] {
        self.key
    }

    /// Returns the position of the column that holds the version, if the table has one.
    pub(crate) fn version(&self) -> Option<usize> {
        self.columns.iter().position(Column::is_version)
    }

    /// Returns the foreign keys.
    pub fn foreign_keys(&self) -> impl Iterator<Item = ForeignKeyColumns> + use<> {
        self.references.iter().filter_map(|reference| {
            let target = reference.target?;
            Some(ForeignKeyColumns { columns: reference.columns, target: target() })
        })
    }

    /// Returns the type to cast a column to, if its type is not a built-in one. This is the type of
    /// the column itself, or that of the key that the column refers to.
    #[must_use]
    pub fn cast(&self, column: usize) -> Option<QualifiedName> {
        let refers = |reference: &Reference| reference.columns.contains(&column);
        if self.columns[column].sql_type.is_none() && !self.references.iter().any(refers) {
            return None;
        }
        // Keys can refer to keys, and several foreign keys can share a column: all are followed,
        // each once, for they can lead back to where they came from.
        let mut places = vec![(self.columns, self.references, column)];
        let mut next = 0;
        while let Some(&(columns, references, column)) = places.get(next) {
            if let Some(cast) = columns[column].sql_type {
                return Some(cast);
            }
            for reference in references {
                let part = reference.columns.iter().position(|&other| other == column);
                let (Some(part), Some(target)) = (part, reference.target) else { continue };
                let target = target();
                let Some(&column) = target.key.get(part) else { continue };
                let is_known = places
                    .iter()
                    .any(|place| std::ptr::eq(place.0, target.columns) && place.2 == column);
                if !is_known {
                    places.push((target.columns, target.references, column));
                }
            }
            next += 1;
        }
        None
    }
}

/// One column of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub struct Column {
    name: &'static str,
    /// The type that values are sent and read as.
    ty: SqlType,
    /// The column's own type, where it is not a built-in one.
    sql_type: Option<QualifiedName>,
    /// How the database assigns the column to entities that leave it out.
    assigned: Option<Assigned>,
    /// Entities can leave the column to its default. This is also set for a generated column.
    server_default: bool,
    /// The database alone writes the column.
    generated: bool,
    /// The column holds the version of the row.
    version: bool,
    /// An entity can write NULL into the column. `None` is a model that does not say.
    nullable: Option<bool>,
}

impl Column {
    /// Returns a column whose values are sent as `ty`.
    #[must_use]
    pub const fn new(name: &'static str, ty: SqlType) -> Column {
        Column {
            name,
            ty,
            sql_type: None,
            assigned: None,
            server_default: false,
            generated: false,
            version: false,
            nullable: None,
        }
    }

    /// Sets the column's own type, if the type is not built in: an enum, a domain, `citext`. Values are
    /// sent as the column's [`ty`](Column::ty) and cast in the statement, without a type modifier. They
    /// are read back the same way.
    #[must_use]
    pub const fn sql_type(mut self, name: QualifiedName) -> Column {
        self.sql_type = Some(name);
        self
    }

    /// Lets the database assign this part of the key to entities that leave it out.
    #[must_use]
    pub const fn assigned(mut self, by: Assigned) -> Column {
        self.assigned = Some(by);
        self
    }

    /// Lets entities leave the column to its default. The default is then read back.
    #[must_use]
    pub const fn server_default(mut self) -> Column {
        self.server_default = true;
        self
    }

    /// Leaves the column to the database alone, because the column is generated, or because a trigger
    /// sets it. The column is read back and never written. A model writes it by
    /// [`Encoder::generated`](super::Encoder::generated).
    ///
    /// ```
    /// use onetrip::{Column, SqlType};
    ///
    /// const TOTAL: Column = Column::new("total", SqlType::INT8).generated();
    /// assert!(TOTAL.is_generated());
    /// assert!(TOTAL.has_server_default());
    /// ```
    #[must_use]
    pub const fn generated(mut self) -> Column {
        self.server_default = true;
        self.generated = true;
        self
    }

    /// Makes the column the version of the row, for optimistic concurrency. The column is an `int2`,
    /// `int4` or `int8`, is not part of a key, and is never NULL. A table has at most one version.
    ///
    /// ```
    /// use onetrip::{Column, SqlType};
    ///
    /// const VERSION: Column = Column::new("version", SqlType::INT4).version();
    /// assert!(VERSION.is_version());
    /// ```
    #[must_use]
    pub const fn version(mut self) -> Column {
        self.version = true;
        self
    }

    /// Declares whether an entity can write NULL into the column, as a field that is an `Option` does.
    /// Only [`Verify`](crate::Verify) uses this declaration, and reports no NULL problems for columns
    /// without it.
    ///
    /// ```
    /// use onetrip::{Column, Field, SqlType};
    ///
    /// const NICKNAME: Column =
    ///     Column::new("nickname", SqlType::TEXT).nullable(<Option<String>>::NULLABLE);
    /// assert_eq!(NICKNAME.is_nullable(), Some(true));
    /// assert_eq!(Column::new("name", SqlType::TEXT).is_nullable(), None);
    /// ```
    #[must_use]
    pub const fn nullable(mut self, nullable: bool) -> Column {
        self.nullable = Some(nullable);
        self
    }

    /// Returns the column's name, unquoted.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the type that values are sent and read as.
    #[must_use]
    pub const fn ty(&self) -> SqlType {
        self.ty
    }

    /// Returns how the database assigns the column, or `None` if it does not.
    #[must_use]
    pub const fn assigned_by(&self) -> Option<Assigned> {
        self.assigned
    }

    /// Returns `Some(true)` if an entity can write NULL into the column, and `None` if the model
    /// does not say.
    #[must_use]
    pub const fn is_nullable(&self) -> Option<bool> {
        self.nullable
    }

    /// Returns `true` if entities can leave the column to its default.
    #[must_use]
    pub const fn has_server_default(&self) -> bool {
        self.server_default
    }

    /// Returns `true` if the database alone writes the column.
    #[must_use]
    pub const fn is_generated(&self) -> bool {
        self.generated
    }

    /// Returns `true` if the column holds the version of the row.
    #[must_use]
    pub const fn is_version(&self) -> bool {
        self.version
    }

    /// Returns `true` if the database can supply the value of the column, as an assigned key or by
    /// a server default.
    #[must_use]
    pub const fn is_optional(&self) -> bool {
        self.assigned.is_some() || self.server_default
    }
}

/// The way in which the database assigns a part of a key that an entity leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assigned {
    /// By the sequence that the column owns: `serial`, `bigserial` and identity columns.
    OwnedSequence,
    /// By a sequence of this name. A name without a schema means the schema of the table.
    Sequence(QualifiedName),
    /// By an SQL expression, such as `gen_random_uuid()`. The expression is trusted text.
    Expression(&'static str),
}

/// The columns of one field, and the table that the field refers to.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// Positions in [`Table::columns`], in the order of the target's key.
    columns: &'static [usize],
    /// The table that the field refers to, if it is a foreign key.
    target: Option<fn() -> &'static Table>,
}

impl Reference {
    /// Returns a foreign key from these columns, given by position, to the key of `T`.
    #[must_use]
    pub const fn to<T: Model>(columns: &'static [usize]) -> Reference {
        Reference { columns, target: Some(T::table) }
    }

    /// Returns the reference of a field of type `F`. Most types refer to nothing.
    #[must_use]
    pub const fn of<F: Field>(columns: &'static [usize]) -> Reference {
        Reference { columns, target: F::TARGET }
    }
}

/// A natural key: columns, beside the key, in which no two rows have the same values, and by which
/// people know a row. [`find_or_add`](crate::UnitOfWork::find_or_add) and
/// [`upsert`](crate::UnitOfWork::upsert) find rows by their natural key. The table needs a unique index
/// of exactly these columns; [`Verify`](crate::Verify) checks this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NaturalKey {
    name: Option<&'static str>,
    columns: &'static [usize],
}

impl NaturalKey {
    /// Returns a natural key of these columns, by position.
    ///
    /// ```
    /// use onetrip::{Assigned, Column, NaturalKey, SqlType, Table};
    ///
    /// static TAGS: Table = Table::new(
    ///     "tags",
    ///     &[
    ///         Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence),
    ///         Column::new("name", SqlType::TEXT),
    ///     ],
    ///     &[0],
    /// )
    /// .natural_keys(&[NaturalKey::new(&[1])]);
    /// assert_eq!(TAGS.natural_key(None).map(NaturalKey::columns), Some(&[1][..]));
    /// ```
    #[must_use]
    pub const fn new(columns: &'static [usize]) -> NaturalKey {
        NaturalKey { name: None, columns }
    }

    /// Returns a natural key with a name, for a table that has several.
    #[must_use]
    pub const fn named(name: &'static str, columns: &'static [usize]) -> NaturalKey {
        NaturalKey { name: Some(name), columns }
    }

    /// Returns the name, if the natural key has one.
    #[must_use]
    pub const fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// Returns the positions of the columns.
    #[must_use]
    pub const fn columns(&self) -> &'static [usize] {
        self.columns
    }
}

/// A foreign key: columns of one table that hold the key of another table, or of the same table.
#[derive(Debug, Clone, Copy)]
pub struct ForeignKeyColumns {
    /// Positions in [`Table::columns`], in the order of the target's key.
    pub columns: &'static [usize],
    /// The table that is referred to.
    pub target: &'static Table,
}

/// A name in a schema, or in the search path if no schema is given. The name is quoted in SQL, so
/// capitals, keywords and quotes are taken literally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    pub(crate) schema: Option<&'static str>,
    pub(crate) name: &'static str,
}

impl QualifiedName {
    /// Returns a name that the search path resolves.
    #[must_use]
    pub const fn new(name: &'static str) -> QualifiedName {
        QualifiedName { schema: None, name }
    }

    /// Returns a name in the given schema.
    #[must_use]
    pub const fn in_schema(schema: &'static str, name: &'static str) -> QualifiedName {
        QualifiedName { schema: Some(schema), name }
    }

    /// Returns the schema, unquoted, if there is one.
    #[must_use]
    pub const fn schema(self) -> Option<&'static str> {
        self.schema
    }

    /// Returns the name within the schema, unquoted.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the name in the schema of `other`, unless the name has a schema of its own.
    pub(crate) fn beside(self, other: QualifiedName) -> QualifiedName {
        QualifiedName { schema: self.schema.or(other.schema), ..self }
    }
}

/// Quoted, as SQL wants it.
///
/// ```
/// use onetrip::QualifiedName;
///
/// let name = QualifiedName::in_schema("sales", "Order");
/// assert_eq!(name.to_string(), r#""sales"."Order""#);
/// ```
impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = self.schema {
            write!(f, "{}.", Quoted(schema))?;
        }
        write!(f, "{}", Quoted(self.name))
    }
}

/// A name as SQL wants it: in quotes, and each of its own twice.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for (index, part) in self.0.split('"').enumerate() {
            f.write_str(if index > 0 { "\"\"" } else { "" })?;
            f.write_str(part)?;
        }
        f.write_char('"')
    }
}
