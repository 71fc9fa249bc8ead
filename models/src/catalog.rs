//! `Catalog`: what the database knows of its tables, as plain data.

use std::collections::HashMap;

use postgres::{Error, GenericClient};

/// The tables of some schemas, and the types of their columns.
pub(crate) struct Catalog {
    /// The tables, by schema and name.
    pub(crate) tables: Vec<Table>,
    /// The types that the columns have, and those that these are made of.
    pub(crate) types: HashMap<u32, Type>,
}

/// A table, a partitioned or a foreign one, or a view.
pub(crate) struct Table {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// That of `pg_class`: r, p, f, v or m.
    pub(crate) kind: String,
    /// Its rows are also those of another table.
    pub(crate) is_partition: bool,
    /// The search path finds it by its name alone.
    pub(crate) is_visible: bool,
    pub(crate) comment: Option<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) unique: Vec<UniqueIndex>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
}

/// A column. Others name it by its position among the columns of the table.
pub(crate) struct Column {
    pub(crate) name: String,
    /// The number that other parts of the catalog know it by.
    number: i16,
    pub(crate) ty: u32,
    /// How many dimensions the array was declared with.
    pub(crate) dimensions: i32,
    pub(crate) is_not_null: bool,
    pub(crate) default: Option<String>,
    /// The sequence whose next number is the default.
    pub(crate) sequence: Option<Sequence>,
    pub(crate) is_generated: bool,
    pub(crate) identity: Identity,
    pub(crate) comment: Option<String>,
}

/// Whether a column is `GENERATED … AS IDENTITY`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    No,
    ByDefault,
    Always,
}

/// A sequence that a default draws from.
pub(crate) struct Sequence {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) is_visible: bool,
    /// The column owns it.
    pub(crate) is_own: bool,
}

/// A unique index, be it that of a constraint or not.
pub(crate) struct UniqueIndex {
    pub(crate) name: String,
    /// The columns. An index on expressions has fewer than it has parts.
    pub(crate) columns: Vec<usize>,
    pub(crate) is_primary: bool,
    /// It holds for all rows, and is on nothing but columns.
    pub(crate) is_whole: bool,
    /// It holds at every row, and not only when the transaction ends.
    pub(crate) is_immediate: bool,
}

/// A foreign key constraint.
pub(crate) struct ForeignKey {
    pub(crate) name: String,
    pub(crate) columns: Vec<usize>,
    pub(crate) target: u32,
    /// The name of that table, as SQL has it.
    pub(crate) target_name: String,
    /// The columns that it refers to, by their numbers.
    target_numbers: Vec<i16>,
    /// It is checked when the transaction ends.
    pub(crate) is_deferred: bool,
}

/// A type.
pub(crate) struct Type {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The search path finds it by its name alone.
    pub(crate) is_visible: bool,
    pub(crate) comment: Option<String>,
    /// It is made of strings, such as `citext`.
    pub(crate) is_string: bool,
    /// What a domain is made of.
    pub(crate) base: Option<u32>,
    /// What an array has.
    pub(crate) element: Option<u32>,
    is_not_null: bool,
    default: Option<String>,
    /// Those of an enum.
    pub(crate) labels: Vec<String>,
}

impl Catalog {
    /// Returns what there is in these schemas, or in those of the search path.
    pub(crate) fn read(
        client: &mut impl GenericClient,
        schemas: Option<&[String]>,
    ) -> Result<Catalog, Error> {
        let mut tables = Vec::new();
        for row in client.query(include_str!("sql/tables.sql"), &[&schemas])? {
            tables.push(Table {
                oid: row.get(0),
                schema: row.get(1),
                name: row.get(2),
                kind: row.get(3),
                is_partition: row.get(4),
                is_visible: row.get(5),
                comment: row.get(6),
                columns: Vec::new(),
                unique: Vec::new(),
                foreign_keys: Vec::new(),
            });
        }
        let mut catalog = Catalog { tables, types: HashMap::new() };
        let oids: Vec<u32> = catalog.tables.iter().map(|table| table.oid).collect();
        catalog.read_types(client, &oids)?;
        catalog.read_columns(client, &oids)?;
        catalog.read_unique_indexes(client, &oids)?;
        catalog.read_foreign_keys(client, &oids)?;
        Ok(catalog)
    }

    fn read_types(&mut self, client: &mut impl GenericClient, oids: &[u32]) -> Result<(), Error> {
        for row in client.query(include_str!("sql/types.sql"), &[&oids])? {
            let ty = Type {
                schema: row.get(1),
                name: row.get(2),
                is_visible: row.get(3),
                comment: row.get(4),
                is_string: row.get(5),
                base: row.get(6),
                element: row.get(7),
                is_not_null: row.get(8),
                default: row.get(9),
                labels: row.get(10),
            };
            self.types.insert(row.get(0), ty);
        }
        Ok(())
    }

    fn read_columns(&mut self, client: &mut impl GenericClient, oids: &[u32]) -> Result<(), Error> {
        for row in client.query(include_str!("sql/columns.sql"), &[&oids])? {
            let sequence = row.get::<_, Option<String>>(10).map(|name| Sequence {
                schema: row.get(9),
                name,
                is_visible: row.get(11),
                is_own: row.get(12),
            });
            let identity = match row.get::<_, &str>(7) {
                "a" => Identity::Always,
                "d" => Identity::ByDefault,
                _ => Identity::No,
            };
            let mut column = Column {
                number: row.get(1),
                name: row.get(2),
                ty: row.get(3),
                dimensions: row.get(4),
                is_not_null: row.get(5),
                is_generated: row.get(6),
                identity,
                default: row.get(8),
                sequence,
                comment: row.get(13),
            };
            let mut next = Some(column.ty);
            while let Some(ty) = next.and_then(|oid| self.types.get(&oid)) {
                column.is_not_null |= ty.is_not_null;
                if column.default.is_none() && !column.is_generated {
                    column.default.clone_from(&ty.default);
                }
                next = ty.base;
            }
            self.table_mut(row.get(0), |table| table.columns.push(column));
        }
        Ok(())
    }

    fn read_unique_indexes(
        &mut self,
        client: &mut impl GenericClient,
        oids: &[u32],
    ) -> Result<(), Error> {
        for row in client.query(include_str!("sql/unique.sql"), &[&oids])? {
            self.table_mut(row.get(0), |table| {
                table.unique.push(UniqueIndex {
                    name: row.get(1),
                    columns: table.positions(&row.get::<_, Vec<i16>>(2)),
                    is_primary: row.get(3),
                    is_whole: row.get(4),
                    is_immediate: row.get(5),
                });
            });
        }
        Ok(())
    }

    fn read_foreign_keys(
        &mut self,
        client: &mut impl GenericClient,
        oids: &[u32],
    ) -> Result<(), Error> {
        for row in client.query(include_str!("sql/foreign_keys.sql"), &[&oids])? {
            self.table_mut(row.get(0), |table| {
                table.foreign_keys.push(ForeignKey {
                    name: row.get(1),
                    columns: table.positions(&row.get::<_, Vec<i16>>(2)),
                    target: row.get(3),
                    target_name: row.get(4),
                    target_numbers: row.get(5),
                    is_deferred: row.get(6),
                });
            });
        }
        Ok(())
    }

    fn table_mut(&mut self, oid: u32, change: impl FnOnce(&mut Table)) {
        if let Some(table) = self.tables.iter_mut().find(|table| table.oid == oid) {
            change(table);
        }
    }
}

impl Table {
    /// Returns the positions of columns that have these numbers.
    fn positions(&self, numbers: &[i16]) -> Vec<usize> {
        let position =
            |number: &i16| self.columns.iter().position(|column| column.number == *number);
        numbers.iter().filter_map(position).collect()
    }

    /// Returns the columns of this table that a foreign key refers to, in the order of its own.
    pub(crate) fn referred_to(&self, foreign_key: &ForeignKey) -> Vec<usize> {
        self.positions(&foreign_key.target_numbers)
    }

    /// Returns the name with that of the schema, for people.
    pub(crate) fn full_name(&self) -> String {
        if self.is_visible { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// Returns the names of columns, one after the other.
    pub(crate) fn names(&self, columns: &[usize]) -> String {
        let names: Vec<_> = columns.iter().map(|&column| &*self.columns[column].name).collect();
        names.join(", ")
    }
}
