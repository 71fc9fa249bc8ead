//! A schema as SQL and as the tables of models.

use std::fmt::Write;

use onetrip::{Assigned, Column, QualifiedName, SqlType, Table};

use crate::fields::{LinkRole, Role};
use crate::model::{Described, FieldKind, FieldShape, MAX_TABLES, MODELS};
use crate::schema::{AssignedBy, ColumnOf, Counter, KeyPart, KeyType, PlainSpec, Rules, Schema};
use crate::values::PlainType;

impl Schema {
    /// The statements that create the schema.
    pub(crate) fn sql(&self) -> String {
        let mut sql = "CREATE TYPE mood AS ENUM ('happy', 'sad');\n\
                       CREATE DOMAIN code AS text CHECK (VALUE <> 'forbidden');\n"
            .to_owned();
        for (table, spec) in self.tables.iter().enumerate() {
            for (index, &column) in spec.columns.iter().enumerate() {
                if let Some(options) = self.sequence_of(table, column) {
                    let _ = writeln!(sql, "CREATE SEQUENCE t{table}_{index}{options};");
                }
            }
            let _ = writeln!(sql, "CREATE TABLE {} (", spec.name);
            for (index, &column) in spec.columns.iter().enumerate() {
                let column_sql = self.column_sql(table, index, column);
                let _ = writeln!(sql, "    {} {column_sql},", self.column_name(table, index));
            }
            if spec.counter.is_some() {
                let _ = writeln!(sql, "    n int NOT NULL DEFAULT 0,");
            }
            let key = (0..spec.key.len()).map(|part| spec.position(ColumnOf::Key(part)));
            let _ = writeln!(sql, "    PRIMARY KEY ({})\n);", self.names(table, key));
        }
        for (table, spec) in self.tables.iter().enumerate() {
            let mut constrain = |columns: Vec<usize>, to: String, rules: Rules| {
                let columns = self.names(table, columns.into_iter());
                let (name, rules) = (&spec.name, rules.sql());
                let _ = writeln!(
                    sql,
                    "ALTER TABLE {name} ADD FOREIGN KEY ({columns}) REFERENCES {to} {rules};"
                );
            };
            for (index, plain) in spec.plain.iter().enumerate() {
                if let PlainSpec::ToUnique { table: to, plain, rules } = *plain {
                    let at = self.tables[to].position(ColumnOf::Plain(plain));
                    let target = format!("{} ({})", self.tables[to].name, self.column_name(to, at));
                    constrain(vec![spec.position(ColumnOf::Plain(index))], target, rules);
                }
            }
            for (part, key) in spec.key.iter().enumerate() {
                if let KeyPart::To(to) = *key {
                    let name = self.tables[to].name.clone();
                    constrain(vec![spec.position(ColumnOf::Key(part))], name, spec.key_rules[part]);
                }
            }
            for (index, reference) in spec.references.iter().enumerate() {
                let name = self.tables[reference.table].name.clone();
                constrain(self.columns_of(table, index), name, reference.rules);
            }
        }
        for (table, spec) in self.tables.iter().enumerate() {
            for index in (0..spec.references.len()).filter(|index| (table + index) % 2 == 0) {
                let columns = self.names(table, self.columns_of(table, index).into_iter());
                let _ = writeln!(sql, "CREATE INDEX ON {} ({columns});", spec.name);
            }
            if let Some(counter) = spec.counter {
                sql.push_str(&self.counter_sql(table, counter));
            }
        }
        sql
    }

    /// Triggers that count, in the rows of a table, those that refer to them.
    fn counter_sql(
        &self,
        table: usize,
        Counter { of: (child, reference), is_before }: Counter,
    ) -> String {
        let parent = &self.tables[table];
        let key = self.column_name(table, parent.position(ColumnOf::Key(0)));
        let column = self.column_name(child, self.columns_of(child, reference)[0]);
        let (parent, child) = (&parent.name, &self.tables[child].name);
        let when = if is_before { "BEFORE" } else { "AFTER" };
        format!(
            "CREATE FUNCTION count_{parent}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP <> 'INSERT' THEN UPDATE {parent} SET n = n - 1 WHERE {key} = OLD.{column}; END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    UPDATE {parent} SET n = n + 1 WHERE {key} = NEW.{column};
    RETURN NEW; END $$;
CREATE TRIGGER count_{parent} {when} INSERT OR DELETE OR UPDATE OF {column} ON {child}
    FOR EACH ROW EXECUTE FUNCTION count_{parent}();\n"
        )
    }

    pub(crate) fn column_name(&self, table: usize, index: usize) -> String {
        match self.tables[table].columns[index] {
            ColumnOf::Label => "label".to_owned(),
            ColumnOf::Key(part) => format!("k{part}"),
            ColumnOf::Reference(reference, part) => format!("r{reference}_{part}"),
            ColumnOf::Plain(plain) => format!("p{plain}"),
        }
    }

    fn names(&self, table: usize, columns: impl Iterator<Item = usize>) -> String {
        let names: Vec<_> = columns.map(|column| self.column_name(table, column)).collect();
        names.join(", ")
    }

    /// The options of the sequence that a column takes its values from, and does not own.
    fn sequence_of(&self, table: usize, column: ColumnOf) -> Option<&'static str> {
        let spec = &self.tables[table];
        match column {
            ColumnOf::Key(part) => match spec.key[part] {
                KeyPart::Own { assigned: Some(AssignedBy::Sequence), .. } => {
                    Some(" INCREMENT -3 START -7 CACHE 5")
                }
                KeyPart::Own { ty, assigned: Some(AssignedBy::Expression) }
                    if ty.sent_as() == SqlType::TEXT =>
                {
                    Some("")
                }
                _ => None,
            },
            ColumnOf::Plain(plain) => {
                matches!(spec.plain[plain], PlainSpec::Counted).then_some(" INCREMENT 10")
            }
            _ => None,
        }
    }

    /// The expression by which the database assigns a part of the key.
    fn key_expression(&self, table: usize, index: usize, ty: SqlType) -> String {
        if ty == SqlType::UUID {
            "gen_random_uuid()".to_owned()
        } else {
            format!("'k' || nextval('t{table}_{index}')")
        }
    }

    fn column_sql(&self, table: usize, index: usize, column: ColumnOf) -> String {
        let spec = &self.tables[table];
        match column {
            ColumnOf::Label => "text NOT NULL UNIQUE".to_owned(),
            ColumnOf::Key(part) => {
                let ty = self.key_type(table, part);
                let KeyPart::Own { assigned: Some(by), .. } = spec.key[part] else {
                    return ty.sql().to_owned();
                };
                let name = ty.sql();
                match by {
                    AssignedBy::Serial => name.replace("int", "serial"),
                    AssignedBy::Identity => format!("{name} GENERATED BY DEFAULT AS IDENTITY"),
                    AssignedBy::IdentityAlways => format!("{name} GENERATED ALWAYS AS IDENTITY"),
                    AssignedBy::Sequence => format!("{name} DEFAULT nextval('t{table}_{index}')"),
                    AssignedBy::Expression => {
                        format!(
                            "{name} DEFAULT {}",
                            self.key_expression(table, index, ty.sent_as())
                        )
                    }
                }
            }
            ColumnOf::Reference(reference, part) => {
                let to = spec.references[reference];
                let not_null = if to.role == LinkRole::NotNull { " NOT NULL" } else { "" };
                format!("{}{not_null}", self.key_type(to.table, part).sql())
            }
            ColumnOf::Plain(plain) => match spec.plain[plain] {
                PlainSpec::Generated => {
                    "text NOT NULL GENERATED ALWAYS AS ('<' || label || '>') STORED".to_owned()
                }
                PlainSpec::Counted => {
                    format!("bigint NOT NULL DEFAULT nextval('t{table}_{index}')")
                }
                PlainSpec::Unique => "bigint NOT NULL UNIQUE".to_owned(),
                PlainSpec::ToUnique { .. } => "bigint".to_owned(),
                PlainSpec::Column(ty, role) => {
                    let (expression, _) = ty.default();
                    match role {
                        Role::NotNull => format!("{} NOT NULL", ty.sql()),
                        Role::Nullable => ty.sql().to_owned(),
                        Role::Default => format!("{} NOT NULL DEFAULT {expression}", ty.sql()),
                        Role::NullableDefault => format!("{} DEFAULT {expression}", ty.sql()),
                    }
                }
            },
        }
    }

    /// The number of the model of a table.
    pub(crate) fn model(&self, table: usize) -> usize {
        if self.tables[table].key.len() == 1 { table } else { MAX_TABLES + table }
    }

    /// The tables of the models. They are leaked: a model's table is static.
    pub(crate) fn describe(&self) -> Vec<&'static Described> {
        let describe = |table| &*Box::leak(Box::new(self.described(table)));
        (0..self.tables.len()).map(describe).collect()
    }

    fn described(&self, table: usize) -> Described {
        let spec = &self.tables[table];
        let columns: Vec<Column> =
            (0..spec.columns.len()).map(|index| self.column(table, index)).collect();
        let key: Vec<usize> =
            (0..spec.key.len()).map(|part| spec.position(ColumnOf::Key(part))).collect();
        let fields = self.fields(table);
        let references: Vec<_> = fields
            .iter()
            .filter_map(|field| match field.kind {
                FieldKind::Link { model, .. } => {
                    Some((MODELS[model].reference)(leak(field.columns.clone())))
                }
                _ => None,
            })
            .collect();
        let table = Table::new(leak_str(spec.name.clone()), leak(columns), leak(key))
            .references(leak(references));
        Described { table, fields }
    }

    /// The type that the values of a column are sent as.
    pub(crate) fn sent_as(&self, table: usize, index: usize) -> SqlType {
        let spec = &self.tables[table];
        match spec.columns[index] {
            ColumnOf::Label => SqlType::TEXT,
            ColumnOf::Key(part) => self.key_type(table, part).sent_as(),
            ColumnOf::Reference(reference, part) => {
                self.key_type(spec.references[reference].table, part).sent_as()
            }
            ColumnOf::Plain(plain) => spec.plain[plain].ty().sent_as(),
        }
    }

    fn column(&self, table: usize, index: usize) -> Column {
        let spec = &self.tables[table];
        let ty = self.sent_as(table, index);
        let mut column = Column::new(leak_str(self.column_name(table, index)), ty);
        match spec.columns[index] {
            ColumnOf::Label => {}
            ColumnOf::Key(part) => {
                // What a reference is cast to, the library finds out.
                let KeyPart::Own { ty: key, assigned } = spec.key[part] else { return column };
                if key == KeyType::Code {
                    column = column.sql_type(QualifiedName::new("code"));
                }
                let Some(by) = assigned else { return column };
                let sequence = || QualifiedName::new(leak_str(format!("t{table}_{index}")));
                column = column.assigned(match by {
                    AssignedBy::Sequence => Assigned::Sequence(sequence()),
                    AssignedBy::Expression => {
                        Assigned::Expression(leak_str(self.key_expression(table, index, ty)))
                    }
                    _ => Assigned::OwnedSequence,
                });
            }
            ColumnOf::Reference(reference, _) => {
                if spec.references[reference].role == LinkRole::Default {
                    column = column.server_default();
                }
            }
            ColumnOf::Plain(plain) => {
                if spec.plain[plain].ty() == PlainType::Mood {
                    column = column.sql_type(QualifiedName::new("mood"));
                }
                if matches!(spec.plain[plain].role(), Role::Default | Role::NullableDefault) {
                    column = column.server_default();
                }
            }
        }
        column
    }

    /// The fields of a table: the label, then the key, references and the others, or these three
    /// the other way round.
    pub(crate) fn fields(&self, table: usize) -> Vec<FieldShape> {
        let spec = &self.tables[table];
        let label = FieldKind::Plain { ty: PlainType::Text, role: Role::NotNull };
        let label = FieldShape { columns: vec![spec.position(ColumnOf::Label)], kind: label };
        let (mut keys, mut references, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        for (part, key) in spec.key.iter().enumerate() {
            let columns = vec![spec.position(ColumnOf::Key(part))];
            let kind = match *key {
                KeyPart::Own { assigned, .. } => {
                    FieldKind::OwnKey { is_assigned: assigned.is_some() }
                }
                KeyPart::To(to) => FieldKind::Link { model: self.model(to), role: LinkRole::Key },
            };
            keys.push(FieldShape { columns, kind });
        }
        for (index, reference) in spec.references.iter().enumerate() {
            let (model, role) = (self.model(reference.table), reference.role);
            let columns = self.columns_of(table, index);
            references.push(FieldShape { columns, kind: FieldKind::Link { model, role } });
        }
        for (index, column) in spec.plain.iter().enumerate() {
            plain.push(FieldShape {
                columns: vec![spec.position(ColumnOf::Plain(index))],
                kind: FieldKind::Plain { ty: column.ty(), role: column.role() },
            });
        }
        let mut parts = [keys, references, plain];
        if spec.has_key_last {
            parts.reverse();
        }
        std::iter::once(label).chain(parts.into_iter().flatten()).collect()
    }
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    Vec::leak(items)
}

fn leak_str(text: String) -> &'static str {
    String::leak(text)
}
