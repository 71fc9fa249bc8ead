//! Random graphs.

use std::collections::{BTreeSet, HashSet};

use crate::fields::{Id, LinkRole, Role};
use crate::graph::{Graph, KeyCell, NewRow, Split, Target};
use crate::random::Random;
use crate::schema::{AssignedBy, KeyPart, KeyType, PlainSpec, ReferenceSpec, Schema};
use crate::values::{Datum, Given, text};

/// What the choices of one graph have in common, so that extremes come up.
struct Habits {
    /// How many of a hundred keys that could be left to the database are, and so on.
    left: usize,
    by_key: usize,
    null: usize,
    absent: usize,
    nearest: usize,
}

impl Graph {
    pub(crate) fn random(schema: &Schema, random: &mut Random) -> Graph {
        let often = [0, 20, 50, 80, 100];
        let habits = Habits {
            left: random.pick(&often),
            by_key: random.pick(&often),
            null: random.pick(if schema.has_circles { &often[..2] } else { &often[..4] }),
            absent: random.pick(&often),
            nearest: random.pick(&often),
        };
        let mut tables = Vec::new();
        for table in 0..schema.tables.len() {
            let rows = match random.below(20) {
                0..3 => 0,
                3..6 => 1,
                6..19 => 2 + random.below(7),
                _ => 9 + random.below(22),
            };
            tables.extend(std::iter::repeat_n(table, rows));
        }
        if random.chance(70) {
            random.shuffle(&mut tables);
        }
        let split = match random.below(10) {
            0..5 => Split::None,
            5..7 => Split::Flush,
            7..9 => Split::Commit,
            _ => Split::Fresh,
        };
        let cut = if split == Split::None { usize::MAX } else { random.below(tables.len() + 1) };
        // Added as they are ranked, the other way round, or in any order.
        let turns = random.below(3);
        let rows = tables.into_iter().enumerate().map(|(rank, table)| {
            let turn = match turns {
                0 => rank as u64,
                1 => u64::MAX - rank as u64,
                _ => random.next(),
            };
            let row = NewRow {
                table,
                part: usize::from(rank >= cut),
                turn,
                label: format!("{}/{rank}", schema.tables[table].name),
                key: Vec::new(),
                references: Vec::new(),
                plain: Vec::new(),
            };
            (rank, row)
        });
        let rows = rows.collect();
        let mut graph = Graph { rows, split, changes: Vec::new(), in_transaction: false };
        graph.in_transaction = random.chance(20);
        graph.choose_keys(schema, &habits, random);
        graph.drop_impossible(schema);
        for (rank, references) in graph.choose_references(schema, &habits, random) {
            let row = graph.rows.get_mut(&rank).expect("ranks are those of rows");
            row.references = references;
            row.plain = schema.tables[row.table]
                .plain
                .iter()
                .map(|&plain| random_value(plain, rank, &habits, random))
                .collect();
        }
        graph.choose_unique_references(schema, random);
        graph.choose_changes(schema, random.pick(&often[..4]), random);
        graph
    }

    /// The rows that this one could refer to in that table.
    fn candidates(&self, schema: &Schema, rank: usize, table: usize) -> Vec<usize> {
        let part = self.rows[&rank].part;
        let is_before = |other: usize| {
            schema.has_circles || other < rank || (other == rank && self.knows_its_key(other))
        };
        let can = |&(&other, row): &(&usize, &NewRow)| {
            row.table == table && row.part <= part && is_before(other)
        };
        self.rows.iter().filter(can).map(|(&other, _)| other).collect()
    }

    /// Table by table, for a key can be that of a row of a table further up. Rows for which there
    /// is no key are dropped.
    fn choose_keys(&mut self, schema: &Schema, habits: &Habits, random: &mut Random) {
        for (table, spec) in schema.tables.iter().enumerate() {
            let mut taken = HashSet::new();
            let ranks: Vec<usize> =
                self.rows.iter().filter(|(_, row)| row.table == table).map(|(&r, _)| r).collect();
            for rank in ranks {
                let key = (0..10).find_map(|_| {
                    let part = |part: &KeyPart| {
                        self.choose_part(schema, rank, *part, spec.key.len(), habits, random)
                    };
                    let key: Vec<KeyCell> = spec.key.iter().map(part).collect::<Option<_>>()?;
                    let is_new = key.contains(&KeyCell::Left)
                        || taken.insert(key.iter().map(identity).collect::<Vec<_>>());
                    is_new.then_some(key)
                });
                match key {
                    Some(key) => self.rows.get_mut(&rank).expect("it is there").key = key,
                    None => drop(self.rows.remove(&rank)),
                }
            }
        }
    }

    fn choose_part(
        &self,
        schema: &Schema,
        rank: usize,
        part: KeyPart,
        parts: usize,
        habits: &Habits,
        random: &mut Random,
    ) -> Option<KeyCell> {
        match part {
            KeyPart::Own { assigned: Some(_), .. } if random.chance(habits.left) => {
                Some(KeyCell::Left)
            }
            KeyPart::Own { ty, assigned } => {
                // Next to another part, numbers need not differ.
                let few = parts == 2 && assigned.is_none();
                let number = if few { random.below(4) } else { rank };
                Some(KeyCell::Given(given_key(ty, assigned, number, random)))
            }
            KeyPart::To(table) => {
                let candidates = self.candidates(schema, rank, table);
                (!candidates.is_empty()).then(|| {
                    let row = random.pick(&candidates);
                    KeyCell::To(Target { row, by_key: random.chance(habits.by_key) })
                })
            }
        }
    }

    /// Drops rows that have to refer to some row, where there is none, until all others can.
    fn drop_impossible(&mut self, schema: &Schema) {
        loop {
            let is_possible = |(&rank, row): (&usize, &NewRow)| {
                let has_key = row.key.iter().all(|cell| match cell {
                    KeyCell::To(target) => self.rows.contains_key(&target.row),
                    _ => true,
                });
                has_key
                    && schema.tables[row.table].references.iter().all(|reference| {
                        reference.role != LinkRole::NotNull
                            || !self.candidates(schema, rank, reference.table).is_empty()
                    })
            };
            let possible: BTreeSet<usize> =
                self.rows.iter().filter(|&row| is_possible(row)).map(|(&rank, _)| rank).collect();
            if possible.len() == self.rows.len() {
                return;
            }
            // Those that are left may have referred to these, so their keys are looked at again.
            self.rows.retain(|rank, _| possible.contains(rank));
        }
    }

    fn choose_references(
        &self,
        schema: &Schema,
        habits: &Habits,
        random: &mut Random,
    ) -> Vec<(usize, Vec<Option<Target>>)> {
        let mut chosen = Vec::new();
        for (&rank, row) in &self.rows {
            let mut choose = |reference: &ReferenceSpec| {
                let mut candidates = self.candidates(schema, rank, reference.table);
                if reference.is_shared {
                    candidates.retain(|&other| self.tenant(other) == self.tenant(rank));
                }
                let is_needed = reference.role == LinkRole::NotNull;
                if candidates.is_empty() || (!is_needed && random.chance(habits.null)) {
                    return None;
                }
                // Most rows that could refer to themselves have something better to refer to.
                if candidates.len() > 1 && random.chance(80) {
                    candidates.retain(|&other| other != rank);
                }
                // Long chains of the nearest, or trees.
                let row = match candidates.last() {
                    Some(&last) if random.chance(habits.nearest) => last,
                    _ => random.pick(&candidates),
                };
                Some(Target { row, by_key: random.chance(habits.by_key) })
            };
            chosen.push((
                rank,
                schema.tables[row.table].references.iter().map(&mut choose).collect(),
            ));
        }
        chosen
    }

    /// Has columns refer to the unique numbers of rows that are there by then, or to none.
    fn choose_unique_references(&mut self, schema: &Schema, random: &mut Random) {
        let ranks: Vec<usize> = self.rows.keys().copied().collect();
        for rank in ranks {
            let (table, part) = (self.rows[&rank].table, self.rows[&rank].part);
            for (index, plain) in schema.tables[table].plain.iter().enumerate() {
                let PlainSpec::ToUnique { table: to, plain, .. } = *plain else { continue };
                let is_there = |(other, row): &(&usize, &NewRow)| {
                    row.table == to && row.part <= part && **other < rank
                };
                let there: Vec<Given> = self
                    .rows
                    .iter()
                    .filter(is_there)
                    .map(|(_, row)| row.plain[plain].clone())
                    .collect();
                let value = match there.is_empty() || random.chance(40) {
                    true => Given::Null,
                    false => there[random.below(there.len())].clone(),
                };
                self.rows.get_mut(&rank).expect("it is there").plain[index] = value;
            }
        }
    }

    /// The row that the first part of the key leads to.
    fn tenant(&self, rank: usize) -> Option<usize> {
        match self.rows[&rank].key[0] {
            KeyCell::To(target) => Some(target.row),
            _ => None,
        }
    }
}

/// What makes two keys the same, whichever way they refer.
fn identity(cell: &KeyCell) -> KeyCell {
    match cell {
        KeyCell::To(target) => KeyCell::To(Target { by_key: false, ..*target }),
        other => other.clone(),
    }
}

/// A key that no sequence comes near.
pub(crate) fn given_key(
    ty: KeyType,
    assigned: Option<AssignedBy>,
    number: usize,
    random: &mut Random,
) -> Id {
    let far = if assigned.is_some() { 1 } else { 0 };
    Id(match ty {
        KeyType::Int2 => (number as i16 + far * 30_000).to_be_bytes().to_vec(),
        KeyType::Int4 => (number as i32 + i32::from(far) * 1_000_000).to_be_bytes().to_vec(),
        KeyType::Int8 => (number as i64 + i64::from(far) * (1 << 40)).to_be_bytes().to_vec(),
        KeyType::Text | KeyType::Code => format!("{}#{number}", text(random)).into_bytes(),
        KeyType::Uuid => ((number as u128) << 64 | 1).to_be_bytes().to_vec(),
    })
}

fn random_value(plain: PlainSpec, rank: usize, habits: &Habits, random: &mut Random) -> Given {
    let PlainSpec::Column(ty, role) = plain else {
        if matches!(plain, PlainSpec::Unique) {
            return Given::Value(Datum::Int8(rank as i64));
        }
        if matches!(plain, PlainSpec::ToUnique { .. }) {
            return Given::Null;
        }
        let is_counted = matches!(plain, PlainSpec::Counted);
        if is_counted && !random.chance(habits.absent) {
            return Given::Value(Datum::Int8(-(random.below(100) as i64)));
        }
        return Given::Absent;
    };
    let has_default = matches!(role, Role::Default | Role::NullableDefault);
    if has_default && random.chance(habits.absent) {
        return Given::Absent;
    }
    if matches!(role, Role::Nullable | Role::NullableDefault) && random.chance(30) {
        return Given::Null;
    }
    Given::Value(Datum::random(ty, random))
}
