//! Finds mistakes in the description of a model.

use super::{Assigned, Column, QualifiedName, Table};
use crate::error::{Error, ErrorKind};
use crate::model::SqlType;

/// The longest name that PostgreSQL keeps whole, in bytes. It silently truncates longer ones, which
/// could then hit another table.
const MAX_NAME: usize = 63;

impl Table {
    /// Finds the mistakes that would otherwise reach the wrong table or panic later.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let fail =
            |message: String| Err(Error::new(ErrorKind::Model, message).with_table(self.name()));
        let names = self.columns.iter().map(|column| ("column", column.name));
        let others = self.columns.iter().flat_map(|column| {
            let sequence = match column.assigned {
                Some(Assigned::Sequence(name)) => Some(name),
                _ => None,
            };
            sequence
                .map(|name| ("sequence", name))
                .into_iter()
                .chain(column.sql_type.map(|name| ("type", name)))
        });
        let qualified = others.chain([("table", self.name)]);
        let qualified = qualified.flat_map(|(what, QualifiedName { schema, name })| {
            schema.map(|schema| ("schema", schema)).into_iter().chain([(what, name)])
        });
        for (what, name) in names.chain(qualified) {
            if name.is_empty() || name.len() > MAX_NAME || name.contains('\0') {
                return fail(format!(
                    "the {what} name {name:?} is not between 1 and {MAX_NAME} bytes without NUL"
                ));
            }
        }
        for (index, column) in self.columns.iter().enumerate() {
            if self.columns[..index].iter().any(|other| other.name == column.name) {
                return fail(format!("the column {:?} is listed twice", column.name));
            }
        }
        if self.key.is_empty() {
            return fail("the model has no key".to_owned());
        }
        let positions = self.references.iter().flat_map(|reference| reference.columns);
        if let Some(position) = self.key.iter().chain(positions).find(|&&p| p >= self.columns.len())
        {
            return fail(format!("there is no column at position {position}"));
        }
        let is_unknown = |column: &&Column| {
            column.generated || column.server_default && column.assigned.is_none()
        };
        let mut of_key = self.key.iter().map(|&position| &self.columns[position]);
        if let Some(column) = of_key.find(is_unknown) {
            return fail(format!(
                "{:?} is part of the key and left to the database, so that no row could be found by \
                 it: say what assigns it",
                column.name
            ));
        }
        for natural_key in self.natural_keys {
            let columns = natural_key.columns;
            let is_such = |&&column: &&usize| {
                let column = self.columns.get(column);
                column.is_none_or(|c| c.generated || c.version || c.server_default)
            };
            if columns.is_empty() {
                return fail("a natural key has no columns".to_owned());
            }
            if let Some(position) = columns.iter().find(is_such) {
                return fail(match self.columns.get(*position) {
                    None => format!("there is no column at position {position}"),
                    Some(column) => format!(
                        "{:?} is part of a natural key, and the database writes it",
                        column.name
                    ),
                });
            }
        }
        for foreign_key in self.foreign_keys() {
            if foreign_key.columns.len() != foreign_key.target.key.len() {
                return fail(format!(
                    "a foreign key of {} columns refers to {}, whose key has {}",
                    foreign_key.columns.len(),
                    foreign_key.target.name(),
                    foreign_key.target.key.len()
                ));
            }
        }
        self.version_mistake().map_or(Ok(()), fail)
    }

    fn version_mistake(&self) -> Option<String> {
        let position = self.version()?;
        let column = &self.columns[position];
        let rest = &self.columns[position + 1..];
        if let Some(other) = rest.iter().find(|column| column.is_version()) {
            return Some(format!(
                "{:?} and {:?} are both the version, and a model has one",
                column.name, other.name
            ));
        }
        let is_integer = [SqlType::INT2, SqlType::INT4, SqlType::INT8].contains(&column.ty);
        let mistake = if !is_integer {
            "is not an int2, int4 or int8"
        } else if self.key.contains(&position) {
            "is part of the key"
        } else if self.foreign_keys().any(|key| key.columns.contains(&position)) {
            "is part of a foreign key"
        } else if column.is_optional() {
            "is left to the database, and the unit of work counts it up"
        } else if column.nullable == Some(true) {
            "can be NULL"
        } else {
            return None;
        };
        Some(format!("the version {:?} {mistake}", column.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::{Column, NaturalKey, Reference};

    /// Seventy bytes, of which the server would keep 63 and find something else.
    const LONG: &str = "a_name_of_seventy_bytes_that_the_server_would_silently_truncate_to_63_";

    fn refused(table: &Table) -> String {
        table.validate().expect_err("the table is wrong").to_string()
    }

    #[test]
    fn names_that_the_server_would_truncate_are_refused() {
        let name = QualifiedName::new(LONG);
        let sequence = Box::leak(Box::new([
            Column::new("id", SqlType::INT4).assigned(Assigned::Sequence(name))
        ]));
        let ty = Box::leak(Box::new([Column::new("id", SqlType::TEXT).sql_type(name)]));
        let column = Box::leak(Box::new([Column::new(LONG, SqlType::INT4)]));
        static ID: [Column; 1] = [Column::new("id", SqlType::INT4)];
        for (what, table) in [
            ("sequence", Table::new("t", sequence, &[0])),
            ("type", Table::new("t", ty, &[0])),
            ("column", Table::new("t", column, &[0])),
            ("table", Table::new(LONG, &ID, &[0])),
            ("schema", Table::new("t", &ID, &[0]).schema(LONG)),
        ] {
            let error = refused(&table);
            assert!(error.contains(&format!("the {what} name")), "{error}");
        }
        assert!(Table::new("t", &ID, &[0]).validate().is_ok());
    }

    #[test]
    fn a_key_has_to_be_there() {
        static ID: [Column; 1] = [Column::new("id", SqlType::INT4)];
        assert!(refused(&Table::new("t", &ID, &[])).contains("no key"));
        assert!(refused(&Table::new("t", &ID, &[1])).contains("position 1"));
    }

    #[test]
    fn a_natural_key_has_columns_that_the_entity_gives() {
        const ID: Column = Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence);
        const NAME: Column = Column::new("name", SqlType::TEXT);
        const BY_NAME: &[NaturalKey] = &[NaturalKey::new(&[1])];
        let table = |name: Column, natural_keys: &'static [NaturalKey]| {
            Table::new("t", Box::leak(Box::new([ID, name])), &[0]).natural_keys(natural_keys)
        };
        const NOTHING: &[NaturalKey] = &[NaturalKey::new(&[])];
        const MORE_OR_NOTHING: &[NaturalKey] = &[BY_NAME[0], NaturalKey::named("a", &[])];
        const UNKNOWN: &[NaturalKey] = &[NaturalKey::new(&[1, 2])];
        const FAR_OFF: &[NaturalKey] = &[NaturalKey::new(&[usize::MAX])];
        const BY_ID: &[NaturalKey] = &[NaturalKey::new(&[0])];
        const SEVERAL: &[NaturalKey] =
            &[NaturalKey::named("a", &[1, 0]), NaturalKey::named("b", &[1])];
        for natural_keys in [BY_NAME, &[], BY_ID, SEVERAL] {
            table(NAME, natural_keys).validate().expect("the table is right");
        }
        let written = r#""name" is part of a natural key, and the database writes it"#;
        let version = Column::new("name", SqlType::INT4).version();
        for (name, natural_keys, expected) in [
            (NAME, NOTHING, "a natural key has no columns"),
            (NAME, MORE_OR_NOTHING, "a natural key has no columns"),
            (NAME, UNKNOWN, "there is no column at position 2"),
            (NAME, FAR_OFF, "there is no column at position"),
            (NAME.generated(), BY_NAME, written),
            (NAME.server_default(), BY_NAME, written),
            (version, BY_NAME, written),
        ] {
            let error = refused(&table(name, natural_keys));
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_version_is_one_integer_that_the_entity_gives() {
        const ID: Column = Column::new("id", SqlType::INT4);
        const VERSION: Column = Column::new("version", SqlType::INT4).version();
        let table = |columns: [Column; 2], key: &'static [usize]| {
            Table::new("t", Box::leak(Box::new(columns)), key)
        };
        for ty in [SqlType::INT2, SqlType::INT4, SqlType::INT8] {
            let table = table([ID, Column::new("version", ty).version().nullable(false)], &[0]);
            assert!(table.validate().is_ok());
            assert_eq!(table.version(), Some(1));
        }
        for ty in [SqlType::TEXT, SqlType::OID, SqlType::INT4.array()] {
            let error = refused(&table([ID, Column::new("version", ty).version()], &[0]));
            assert!(
                error.contains(r#"the version "version" is not an int2, int4 or int8"#),
                "{error}"
            );
        }
        static REFERENCES: [Reference; 1] = [Reference {
            columns: &[1],
            target: Some(|| {
                static TARGET: Table = Table::new("u", &[ID], &[0]);
                &TARGET
            }),
        }];
        let error = refused(&table([ID, VERSION], &[0]).references(&REFERENCES));
        assert!(error.contains(r#"the version "version" is part of a foreign key"#), "{error}");
        for (columns, key, expected) in [
            ([ID.version(), VERSION], &[0][..], r#""id" and "version" are both the version"#),
            ([ID, VERSION], &[0, 1], r#"the version "version" is part of the key"#),
            ([ID, VERSION.server_default()], &[0], "left to the database"),
            ([ID, VERSION.generated()], &[0], "left to the database"),
            ([ID, VERSION.nullable(true)], &[0], "can be NULL"),
        ] {
            let error = refused(&table(columns, key));
            assert!(error.contains(expected), "{error}");
        }
    }
}
