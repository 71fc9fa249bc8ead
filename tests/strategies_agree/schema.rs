//! Random schemas.

use onetrip::SqlType;

use crate::fields::{LinkRole, Role};
use crate::model::MAX_TABLES;
use crate::random::Random;
use crate::values::PlainType;

/// Tables that refer to each other.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) tables: Vec<TableSpec>,
    /// Whether rows may refer to each other in circles. If not, NOT NULL references lead to tables
    /// further up only, so that there is a first row.
    pub(crate) has_circles: bool,
}

#[derive(Debug)]
pub(crate) struct TableSpec {
    pub(crate) name: String,
    /// One or two.
    pub(crate) key: Vec<KeyPart>,
    /// What holds of the foreign keys that are parts of the key.
    pub(crate) key_rules: Vec<Rules>,
    /// A column that triggers count in: the rows that refer to a row by this table's reference. The
    /// model knows nothing of it.
    pub(crate) counter: Option<Counter>,
    pub(crate) references: Vec<ReferenceSpec>,
    pub(crate) plain: Vec<PlainSpec>,
    /// In the model's order.
    pub(crate) columns: Vec<ColumnOf>,
    /// Whether the fields of references stand before those of the key, with which they can share a
    /// column.
    pub(crate) has_key_last: bool,
}

/// What a column belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnOf {
    /// The text by which rows are told apart.
    Label,
    /// A part of the key.
    Key(usize),
    /// A reference, and the part of the other key.
    Reference(usize, usize),
    Plain(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyPart {
    Own {
        ty: KeyType,
        assigned: Option<AssignedBy>,
    },
    /// The key of a row of a table further up, whose key is one column.
    To(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    Int2,
    Int4,
    Int8,
    Text,
    /// A domain over text.
    Code,
    Uuid,
}

impl KeyType {
    pub(crate) fn is_integer(self) -> bool {
        matches!(self, KeyType::Int2 | KeyType::Int4 | KeyType::Int8)
    }

    pub(crate) fn sql(self) -> &'static str {
        match self {
            KeyType::Int2 => "smallint",
            KeyType::Int4 => "int",
            KeyType::Int8 => "bigint",
            KeyType::Text => "text",
            KeyType::Code => "code",
            KeyType::Uuid => "uuid",
        }
    }

    pub(crate) fn sent_as(self) -> SqlType {
        match self {
            KeyType::Int2 => SqlType::INT2,
            KeyType::Int4 => SqlType::INT4,
            KeyType::Int8 => SqlType::INT8,
            KeyType::Text | KeyType::Code => SqlType::TEXT,
            KeyType::Uuid => SqlType::UUID,
        }
    }
}

/// How the database assigns a part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssignedBy {
    Serial,
    Identity,
    /// An identity column that refuses values without OVERRIDING SYSTEM VALUE.
    IdentityAlways,
    /// A sequence that no column owns, and that counts down.
    Sequence,
    Expression,
}

/// What a foreign key does when a row that is referred to goes, or gets another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "the names are those of SQL")]
pub(crate) enum Action {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// What a foreign key says besides what it refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) on_delete: Action,
    pub(crate) on_update: Action,
    pub(crate) deferrable: Deferrable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deferrable {
    Never,
    Immediate,
    Deferred,
}

/// Triggers on one table that count in another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter {
    /// The table that refers to this one, and its reference.
    pub(crate) of: (usize, usize),
    /// The triggers run before each row, and otherwise after it.
    pub(crate) is_before: bool,
}

impl Rules {
    fn random(has_circles: bool, random: &mut Random) -> Rules {
        use Action::*;
        let actions = [
            NoAction, NoAction, NoAction, NoAction, Restrict, Cascade, Cascade, Cascade, SetNull,
            SetDefault,
        ];
        let deferrable = match random.below(10) {
            0 => Deferrable::Immediate,
            1 => Deferrable::Deferred,
            _ => Deferrable::Never,
        };
        let mut action = || match random.pick(&actions) {
            // In a circle, a value can only pass on within one statement, and it forbids that.
            Restrict if has_circles => NoAction,
            action => action,
        };
        Rules { on_delete: action(), on_update: action(), deferrable }
    }

    /// As SQL has it, after the table that is referred to.
    pub(crate) fn sql(self) -> String {
        let action = |action: Action| match action {
            Action::NoAction => "NO ACTION",
            Action::Restrict => "RESTRICT",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        };
        let deferrable = match self.deferrable {
            Deferrable::Never => "",
            Deferrable::Immediate => " DEFERRABLE",
            Deferrable::Deferred => " DEFERRABLE INITIALLY DEFERRED",
        };
        let (on_delete, on_update) = (action(self.on_delete), action(self.on_update));
        format!("ON DELETE {on_delete} ON UPDATE {on_update}{deferrable}")
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ReferenceSpec {
    pub(crate) rules: Rules,
    pub(crate) table: usize,
    pub(crate) role: LinkRole,
    /// Its first column is the first of the key, which refers to the same table as the first column
    /// of the other key: both belong to one tenant.
    pub(crate) is_shared: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum PlainSpec {
    /// The database has a default where the role says so.
    Column(PlainType, Role),
    /// A column that the database makes of the label, so that it differs from row to row.
    Generated,
    /// A column whose default is the next number of a sequence.
    Counted,
    /// A number that no other row of the table has.
    Unique,
    /// A foreign key to such a number, of which the model knows nothing: a table, and the position
    /// among its plain columns.
    ToUnique { table: usize, plain: usize, rules: Rules },
}

impl PlainSpec {
    pub(crate) fn ty(self) -> PlainType {
        match self {
            PlainSpec::Column(ty, _) => ty,
            PlainSpec::Generated => PlainType::Text,
            PlainSpec::Counted | PlainSpec::Unique | PlainSpec::ToUnique { .. } => PlainType::Int8,
        }
    }

    pub(crate) fn role(self) -> Role {
        match self {
            PlainSpec::Column(_, role) => role,
            PlainSpec::Generated | PlainSpec::Counted => Role::Default,
            PlainSpec::Unique => Role::NotNull,
            PlainSpec::ToUnique { .. } => Role::Nullable,
        }
    }
}

impl Schema {
    pub(crate) fn random(random: &mut Random, has_circles: bool) -> Schema {
        let mut schema = Schema { tables: Vec::new(), has_circles };
        let count = 1 + random.below(MAX_TABLES);
        for table in 0..count {
            let key = schema.random_key(random);
            let mut plain: Vec<PlainSpec> =
                (0..random.below(5)).map(|_| random_plain(random)).collect();
            let unique = |(table, spec): (usize, &TableSpec)| {
                spec.unique().map(move |plain| (table, plain)).collect::<Vec<_>>()
            };
            let targets: Vec<_> = schema.tables.iter().enumerate().flat_map(unique).collect();
            if !targets.is_empty() && random.chance(40) {
                let (table, at) = random.pick(&targets);
                // What such a number passes on to can be in a circle as well.
                let rules = Rules::random(true, random);
                plain.push(PlainSpec::ToUnique { table, plain: at, rules });
            }
            let key_rules = key.iter().map(|_| Rules::random(has_circles, random)).collect();
            schema.tables.push(TableSpec {
                name: format!("t{table}"),
                key,
                key_rules,
                counter: None,
                references: Vec::new(),
                plain,
                columns: Vec::new(),
                has_key_last: false,
            });
        }
        for table in 0..count {
            for _ in 0..random.below(4) {
                let reference = schema.random_reference(table, random);
                schema.tables[table].references.push(reference);
            }
            schema.tables[table].columns = schema.random_columns(table, random);
            schema.tables[table].has_key_last = random.chance(30);
        }
        for table in 0..count {
            for (index, reference) in schema.tables[table].references.clone().iter().enumerate() {
                // Only by keys that never change does it count right in any order.
                let to = &schema.tables[reference.table];
                let is_fixed = matches!(to.key[..], [KeyPart::Own { .. }])
                    && to.counter.is_none()
                    // What is looked at in the end need not be there before.
                    && reference.rules.deferrable != Deferrable::Deferred;
                if is_fixed && reference.table != table && random.chance(30) {
                    // In a circle, something always comes before what it refers to. Numbers that pass
                    // on can close one.
                    let has_unique = schema.tables.iter().any(|spec| spec.unique().count() > 0);
                    let is_before = !has_circles && !has_unique && random.chance(50);
                    let counter = Counter { of: (table, index), is_before };
                    schema.tables[reference.table].counter = Some(counter);
                }
            }
        }
        schema
    }

    /// The key of the next table.
    fn random_key(&self, random: &mut Random) -> Vec<KeyPart> {
        let above: Vec<usize> =
            (0..self.tables.len()).filter(|&table| self.tables[table].key.len() == 1).collect();
        let (parts, to) = if random.chance(30) { (2, 60) } else { (1, 15) };
        let mut part = || {
            if !above.is_empty() && random.chance(to) {
                return KeyPart::To(random.pick(&above));
            }
            random_own_key(random)
        };
        (0..parts).map(|_| part()).collect()
    }

    fn random_reference(&self, from: usize, random: &mut Random) -> ReferenceSpec {
        let table = random.below(self.tables.len());
        let tenant = |table: usize| match self.tables[table].key[0] {
            KeyPart::To(tenant) if self.tables[table].key.len() == 2 => Some(tenant),
            _ => None,
        };
        if tenant(table).is_some() && tenant(table) == tenant(from) && random.chance(70) {
            let rules = Rules::random(self.has_circles, random);
            return ReferenceSpec { rules, table, role: LinkRole::Nullable, is_shared: true };
        }
        // A row of its own table that it can refer to first of all is itself, if it knows its key.
        let is_own = matches!(self.tables[from].key[..], [KeyPart::Own { .. }]);
        let can_need = self.has_circles || table < from || (table == from && is_own);
        let role = match random.below(if can_need { 10 } else { 5 }) {
            0 => LinkRole::Default,
            1..5 => LinkRole::Nullable,
            _ => LinkRole::NotNull,
        };
        let rules = Rules::random(self.has_circles, random);
        ReferenceSpec { rules, table, role, is_shared: false }
    }

    /// Whether a foreign key or a trigger does something by itself.
    pub(crate) fn acts(&self) -> bool {
        let acts = |rules: &Rules| {
            let acts = |action| !matches!(action, Action::NoAction | Action::Restrict);
            acts(rules.on_delete) || acts(rules.on_update)
        };
        self.tables.iter().any(|spec| {
            let of_plain =
                spec.plain.iter().any(|plain| matches!(plain, PlainSpec::ToUnique { .. }));
            let of_references = spec.references.iter().any(|reference| acts(&reference.rules));
            of_plain || of_references || spec.key_rules.iter().any(acts) || spec.counter.is_some()
        })
    }

    /// The columns of a table, in an order of no meaning.
    fn random_columns(&self, table: usize, random: &mut Random) -> Vec<ColumnOf> {
        let spec = &self.tables[table];
        let mut columns = vec![ColumnOf::Label];
        columns.extend((0..spec.key.len()).map(ColumnOf::Key));
        columns.extend((0..spec.plain.len()).map(ColumnOf::Plain));
        for (index, reference) in spec.references.iter().enumerate() {
            let parts = usize::from(reference.is_shared)..self.tables[reference.table].key.len();
            columns.extend(parts.map(|part| ColumnOf::Reference(index, part)));
        }
        if random.chance(70) {
            random.shuffle(&mut columns);
        }
        columns
    }

    /// The type of a part of a key, which may be that of another key.
    pub(crate) fn key_type(&self, table: usize, part: usize) -> KeyType {
        match self.tables[table].key[part] {
            KeyPart::Own { ty, .. } => ty,
            KeyPart::To(to) => self.key_type(to, 0),
        }
    }

    /// The positions of the columns of a reference.
    pub(crate) fn columns_of(&self, table: usize, reference: usize) -> Vec<usize> {
        let spec = &self.tables[table];
        let to = spec.references[reference];
        let column = |part: usize| match part {
            0 if to.is_shared => spec.position(ColumnOf::Key(0)),
            _ => spec.position(ColumnOf::Reference(reference, part)),
        };
        (0..self.tables[to.table].key.len()).map(column).collect()
    }
}

impl TableSpec {
    /// The position of the field that is this part of the key, in [`Schema::fields`].
    pub(crate) fn key_field(&self, part: usize) -> usize {
        let before = if self.has_key_last { self.plain.len() + self.references.len() } else { 0 };
        1 + before + part
    }

    /// The position of the field of a reference.
    pub(crate) fn reference_field(&self, reference: usize) -> usize {
        let before = if self.has_key_last { self.plain.len() } else { self.key.len() };
        1 + before + reference
    }

    /// The position of the field of a column that is neither.
    pub(crate) fn plain_field(&self, plain: usize) -> usize {
        let before = if self.has_key_last { 0 } else { self.key.len() + self.references.len() };
        1 + before + plain
    }

    /// The columns in which no two rows have the same number.
    pub(crate) fn unique(&self) -> impl Iterator<Item = usize> {
        let is_unique = |&at: &usize| matches!(self.plain[at], PlainSpec::Unique);
        (0..self.plain.len()).filter(is_unique)
    }

    pub(crate) fn position(&self, of: ColumnOf) -> usize {
        let position = self.columns.iter().position(|&column| column == of);
        position.expect("every column has a place")
    }
}

fn random_own_key(random: &mut Random) -> KeyPart {
    use {AssignedBy::*, KeyType::*};
    let (ty, assigned): (KeyType, &[AssignedBy]) = match random.below(10) {
        0 => (Int2, &[Serial]),
        1..4 => (Int4, &[Serial, Identity, IdentityAlways, Sequence]),
        4..7 => (Int8, &[Serial, Identity, IdentityAlways, Sequence]),
        7 => (Text, &[Expression]),
        8 => (Code, &[Expression]),
        _ => (Uuid, &[Expression]),
    };
    let is_assigned = random.chance(if ty.is_integer() { 80 } else { 40 });
    KeyPart::Own { ty, assigned: is_assigned.then(|| random.pick(assigned)) }
}

fn random_plain(random: &mut Random) -> PlainSpec {
    match random.below(10) {
        0 => PlainSpec::Generated,
        1 => PlainSpec::Counted,
        2 => PlainSpec::Unique,
        _ => {
            let ty = random.pick(PlainType::ALL);
            let roles = &[Role::NotNull, Role::Nullable, Role::Default, Role::NullableDefault];
            PlainSpec::Column(ty, random.pick(roles))
        }
    }
}
