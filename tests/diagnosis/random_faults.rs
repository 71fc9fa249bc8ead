//! Random schemas, random commits, and faults of all classes in them. The test knows which entity it has
//! spoiled, for it has spoiled it: no other may be named.
//!
//! The ordinary run has some 200 commits. `ONETRIP_FAULTS=10000` makes it so many, and `ONETRIP_SEED=…`
//! begins with another seed. It prints, for each class, how many were named, and the round trips.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;

use onetrip::{
    Auto, Batch, Copy, OneTrip, Operation, OtherParty, RowByRow, Strategy, UnitOfWork, Unnest,
};
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::common::Schema;
use crate::model::{Any, MAX_TABLES, Ref, add, describe, load};

struct Random(TestRng);

impl Random {
    fn new(seed: u64) -> Random {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Random(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u64() % limit as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// What a column holds, and what it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    NotNull,
    Short,
    Check,
    Domain,
    Unique,
    UniqueLower,
    UniquePartial,
    UniqueDeferred,
    Excluded,
    Numeric,
    Integer,
    Enum,
    Date,
    AfterTrigger,
    BeforeTrigger,
    DeferredTrigger,
    Mended,
    UndeclaredReference,
    UndeclaredDeferred,
    Natural,
}

const KINDS: &[Kind] = &[
    Kind::NotNull,
    Kind::Short,
    Kind::Check,
    Kind::Domain,
    Kind::Unique,
    Kind::UniqueLower,
    Kind::UniquePartial,
    Kind::UniqueDeferred,
    Kind::Excluded,
    Kind::Numeric,
    Kind::Integer,
    Kind::Enum,
    Kind::Date,
    Kind::AfterTrigger,
    Kind::BeforeTrigger,
    Kind::DeferredTrigger,
    Kind::Mended,
    Kind::UndeclaredReference,
    Kind::UndeclaredDeferred,
    Kind::Natural,
];

impl Kind {
    fn cast(self) -> Option<&'static str> {
        Some(match self {
            Kind::NotNull | Kind::Short | Kind::UniqueLower | Kind::Mended | Kind::Natural => {
                return None;
            }
            Kind::Domain => "small",
            Kind::Numeric => "numeric",
            Kind::Enum => "mood",
            Kind::Date => "date",
            _ => "int4",
        })
    }

    /// A value that nothing is wrong with, and no other row has.
    fn sound(self, n: usize) -> Option<String> {
        Some(match self {
            Kind::NotNull | Kind::UniqueLower | Kind::Mended | Kind::Natural => {
                format!("text {n}")
            }
            Kind::Short => format!("s{n}"),
            Kind::Check | Kind::Unique | Kind::UniqueDeferred | Kind::Excluded => {
                (2 * n).to_string()
            }
            Kind::UniquePartial => (n + 1).to_string(),
            Kind::Domain => (n % 100).to_string(),
            Kind::Numeric => format!("{}.5", n % 900),
            Kind::Integer => n.to_string(),
            Kind::AfterTrigger | Kind::BeforeTrigger | Kind::DeferredTrigger => {
                (100 + n).to_string()
            }
            Kind::Enum => ["sad", "happy"][n % 2].to_owned(),
            Kind::Date => format!("20{:02}-01-02", n % 100),
            Kind::UndeclaredReference | Kind::UndeclaredDeferred => return None,
        })
    }

    fn is_unique(self) -> bool {
        matches!(
            self,
            Kind::Unique
                | Kind::UniqueLower
                | Kind::UniquePartial
                | Kind::UniqueDeferred
                | Kind::Excluded
        )
    }

    /// A value that is refused for itself, if there is one.
    fn wrong(self) -> Option<Option<String>> {
        let text = |text: &str| Some(Some(text.to_owned()));
        match self {
            Kind::NotNull => Some(None),
            Kind::Short => text("much too long for it"),
            Kind::Check => text("-1"),
            Kind::Domain => text("1000"),
            Kind::Numeric => text("99999.5"),
            Kind::Integer => text("99999999999"),
            Kind::Enum => text("angry"),
            Kind::Date => text("yesteryear"),
            Kind::AfterTrigger | Kind::BeforeTrigger | Kind::DeferredTrigger => text("13"),
            Kind::Mended => text("poison"),
            Kind::UndeclaredReference | Kind::UndeclaredDeferred => text("987654321"),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct TableSpec {
    /// The target, whether it is NOT NULL, and whether it is deferred.
    refs: Vec<(usize, bool, bool)>,
    kinds: Vec<Kind>,
    is_partitioned: bool,
}

fn random_tables(random: &mut Random) -> Vec<TableSpec> {
    let count = 1 + random.below(MAX_TABLES);
    let mut tables: Vec<TableSpec> = Vec::new();
    for at in 0..count {
        let is_partitioned = random.chance(12);
        let mut refs = Vec::new();
        for _ in 0..random.below(3) {
            // A row may refer to an earlier one of its own table.
            let target = random.below(at + 1);
            let is_not_null = target != at && random.chance(50);
            refs.push((target, is_not_null, random.chance(20)));
        }
        let has_unique =
            |tables: &[TableSpec]| tables.iter().any(|t| t.kinds.contains(&Kind::Unique));
        let mut kinds = Vec::new();
        for _ in 0..1 + random.below(5) {
            let kind = random.pick(KINDS);
            let is_undeclared =
                matches!(kind, Kind::UndeclaredReference | Kind::UndeclaredDeferred);
            let is_possible = !(is_partitioned
                && (kind.is_unique() || [Kind::DeferredTrigger, Kind::Natural].contains(&kind)))
                && !(kind == Kind::Natural && kinds.contains(&kind))
                && (!is_undeclared || has_unique(&tables));
            if is_possible {
                kinds.push(kind);
            }
        }
        tables.push(TableSpec { refs, kinds, is_partitioned });
    }
    tables
}

fn ddl(tables: &[TableSpec]) -> String {
    let mut sql = "
        CREATE DOMAIN small AS int CHECK (VALUE < 1000);
        CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE FUNCTION unlucky() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF to_jsonb(NEW) ->> TG_ARGV[0] = '13' THEN RAISE 'no luck with %', NEW.id; END IF;
            RETURN NEW; END $$;
        CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF to_jsonb(NEW) ->> TG_ARGV[0] IS NULL THEN
                NEW := jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], 'mended'));
            ELSIF to_jsonb(NEW) ->> TG_ARGV[0] = 'poison' THEN
                NEW := jsonb_populate_record(NEW, jsonb_build_object(TG_ARGV[0], NULL));
            END IF; RETURN NEW; END $$;"
        .to_owned();
    for (at, table) in tables.iter().enumerate() {
        let mut columns = vec!["id serial PRIMARY KEY".to_owned()];
        let mut after = String::new();
        for (n, &(target, is_not_null, is_deferred)) in table.refs.iter().enumerate() {
            let not_null = if is_not_null { "NOT NULL" } else { "" };
            let deferred = if is_deferred { "DEFERRABLE INITIALLY DEFERRED" } else { "" };
            columns.push(format!("r{n} int {not_null} REFERENCES t{target} {deferred}"));
        }
        for (n, &kind) in table.kinds.iter().enumerate() {
            let unique = tables.iter().take(at).enumerate().find_map(|(other, spec)| {
                Some((other, spec.kinds.iter().position(|&kind| kind == Kind::Unique)?))
            });
            columns.push(match kind {
                Kind::NotNull | Kind::Mended => format!("c{n} text NOT NULL"),
                Kind::Natural => format!("c{n} text NOT NULL UNIQUE"),
                Kind::Short => format!("c{n} varchar(12)"),
                Kind::Check => format!("c{n} int CHECK (c{n} >= 0)"),
                Kind::Domain => format!("c{n} small"),
                Kind::Unique => format!("c{n} int UNIQUE"),
                Kind::UniqueLower => format!("c{n} text"),
                Kind::UniquePartial | Kind::Integer => format!("c{n} int"),
                Kind::UniqueDeferred => format!("c{n} int UNIQUE DEFERRABLE INITIALLY DEFERRED"),
                Kind::Excluded => {
                    format!("c{n} int, EXCLUDE USING gist (int4range(c{n}, c{n} + 1) WITH &&)")
                }
                Kind::Numeric => format!("c{n} numeric(4, 1)"),
                Kind::Enum => format!("c{n} mood"),
                Kind::Date => format!("c{n} date"),
                Kind::AfterTrigger | Kind::BeforeTrigger | Kind::DeferredTrigger => {
                    format!("c{n} int")
                }
                Kind::UndeclaredReference | Kind::UndeclaredDeferred => {
                    let (other, column) = unique.expect("an earlier table has one");
                    let deferred = match kind {
                        Kind::UndeclaredDeferred => "DEFERRABLE INITIALLY DEFERRED",
                        _ => "",
                    };
                    format!("c{n} int REFERENCES t{other} (c{column}) {deferred}")
                }
            });
            let trigger = |when: &str, function: &str| {
                format!(
                    "CREATE {when} ON t{at} {} FOR EACH ROW EXECUTE FUNCTION {function}('c{n}');",
                    if when.starts_with("CONSTRAINT") {
                        "DEFERRABLE INITIALLY DEFERRED"
                    } else {
                        ""
                    }
                )
            };
            after += &match kind {
                Kind::UniqueLower => format!("CREATE UNIQUE INDEX ON t{at} (lower(c{n}));"),
                Kind::UniquePartial => {
                    format!("CREATE UNIQUE INDEX ON t{at} (c{n}) WHERE c{n} > 0;")
                }
                Kind::AfterTrigger => {
                    trigger(&format!("TRIGGER a{n} AFTER INSERT OR UPDATE"), "unlucky")
                }
                Kind::BeforeTrigger => {
                    trigger(&format!("TRIGGER b{n} BEFORE INSERT OR UPDATE"), "unlucky")
                }
                Kind::DeferredTrigger => {
                    trigger(&format!("CONSTRAINT TRIGGER d{n} AFTER INSERT OR UPDATE"), "unlucky")
                }
                Kind::Mended => trigger(&format!("TRIGGER m{n} BEFORE INSERT OR UPDATE"), "mend"),
                _ => String::new(),
            };
        }
        let partition = match table.is_partitioned {
            true => {
                let mut parts = String::new();
                for part in 0..3 {
                    let _ = write!(
                        parts,
                        "CREATE TABLE t{at}_p{part} PARTITION OF t{at} FOR VALUES WITH (MODULUS 3, REMAINDER {part});"
                    );
                }
                after = parts + &after;
                "PARTITION BY HASH (id)"
            }
            false => "",
        };
        let _ = write!(
            sql,
            "CREATE TABLE t{at} ({}) {partition}; {after}
             CREATE TABLE holder{at} (id serial PRIMARY KEY, t int REFERENCES t{at});",
            columns.join(", ")
        );
    }
    sql
}

/// The class of a fault, for the table of results.
type Class = String;

/// A fault, and who may be named for it.
#[derive(Debug)]
struct Spoiled {
    class: Class,
    entity: Any,
    operation: Operation,
    /// The entity that has the same value, which is as guilty.
    partner: Option<Any>,
    /// The value is in the database.
    is_in_database: bool,
}

/// A commit under way.
struct Work {
    /// By model: those that are new, and those that are in the database.
    new: Vec<Vec<Any>>,
    stored: Vec<Vec<Any>>,
    changed: Vec<Any>,
    deleted: Vec<Any>,
    serial: usize,
}

/// Adds rows that nothing is wrong with.
fn build(uow: &mut UnitOfWork<'_>, tables: &[TableSpec], rows: usize, random: &mut Random) -> Work {
    let mut work = Work {
        new: vec![Vec::new(); tables.len()],
        stored: (0..tables.len()).map(|model| load(uow, model)).collect(),
        changed: Vec::new(),
        deleted: Vec::new(),
        serial: 10_000,
    };
    for _ in 0..rows {
        let model = random.below(tables.len());
        add_row(uow, tables, &mut work, model, random);
    }
    // Some rows of the database change, and some go. Those that others refer to stay.
    let changes_any = random.chance(70);
    for model in (0..tables.len()).filter(|_| changes_any) {
        for at in 0..work.stored[model].len() {
            let entity = work.stored[model][at];
            if at % 8 >= 6 {
                if random.chance(40) {
                    entity.delete(uow);
                    work.deleted.push(entity);
                }
            } else if random.chance(30) {
                let mut is_changed = false;
                for (column, &kind) in tables[model].kinds.iter().enumerate() {
                    if random.chance(60) && kind != Kind::Unique {
                        work.serial += 1;
                        if let Some(value) = kind.sound(work.serial) {
                            entity.set_plain(uow, column, Some(value));
                            is_changed = true;
                        }
                    }
                }
                if is_changed {
                    work.changed.push(entity);
                }
            }
        }
    }
    work
}

fn add_row(
    uow: &mut UnitOfWork<'_>,
    tables: &[TableSpec],
    work: &mut Work,
    model: usize,
    random: &mut Random,
) {
    let mut refs = Vec::new();
    for &(target, is_not_null, _) in &tables[model].refs {
        let new = &work.new[target];
        let kept: Vec<Any> = work.stored[target]
            .iter()
            .enumerate()
            .filter(|(at, _)| at % 8 < 6)
            .map(|(_, &h)| h)
            .collect();
        refs.push(match random.below(10) {
            0..=5 if !new.is_empty() => Ref::To(random.pick(new)),
            0..=7 if !kept.is_empty() => Ref::To(random.pick(&kept)),
            _ if is_not_null => Ref::To(random.pick(&kept)),
            _ => Ref::Null,
        });
    }
    work.serial += 1;
    let serial = work.serial;
    let mut plain = Vec::new();
    for &kind in &tables[model].kinds {
        let value = match kind {
            Kind::Mended if random.chance(30) => None,
            Kind::UndeclaredReference | Kind::UndeclaredDeferred => {
                // By the value of a row that is new, or stays as it is.
                let target = tables.iter().enumerate().find_map(|(other, spec)| {
                    Some((other, spec.kinds.iter().position(|&kind| kind == Kind::Unique)?))
                });
                let (target, column) = target.expect("it is an earlier table");
                let of_new: Vec<Any> = work.new[target].clone();
                match random.below(3) {
                    0 if !of_new.is_empty() => random.pick(&of_new).plain(uow, column),
                    1 => work.stored[target].first().and_then(|h| h.plain(uow, column)),
                    _ => None,
                }
            }
            kind => kind.sound(serial),
        };
        plain.push(value);
    }
    let entity = add(uow, model, refs, plain);
    work.new[model].push(entity);
}

/// Spoils an entity, if the schema has room for it.
fn spoil(
    uow: &mut UnitOfWork<'_>,
    client: &mut postgres::Client,
    tables: &[TableSpec],
    work: &Work,
    taken: &[Spoiled],
    random: &mut Random,
) -> Option<Spoiled> {
    let is_free = |entity: &Any| {
        taken.iter().all(|other| other.entity != *entity && other.partner != Some(*entity))
    };
    let deleted: Vec<Any> = work.deleted.iter().copied().filter(is_free).collect();
    if random.chance(10) && !deleted.is_empty() {
        let entity = random.pick(&deleted);
        let (model, at) = (0..tables.len())
            .find_map(|model| Some((model, work.stored[model].iter().position(|&h| h == entity)?)))
            .expect("it was loaded");
        let sql = format!(
            "INSERT INTO holder{model} (t) SELECT id FROM t{model} ORDER BY id OFFSET {at} LIMIT 1"
        );
        client.batch_execute(&sql).unwrap();
        return Some(Spoiled {
            class: "23503 on delete".into(),
            entity,
            operation: Operation::Delete,
            partner: None,
            is_in_database: true,
        });
    }
    let is_change = random.chance(25) && !work.changed.is_empty();
    let candidates: Vec<(usize, Any)> = (0..tables.len())
        .flat_map(|model| {
            let stored = work.stored[model].iter().filter(|h| work.changed.contains(h));
            let new = work.new[model].iter();
            let all: Vec<Any> =
                if is_change { stored.copied().collect() } else { new.copied().collect() };
            all.into_iter().map(move |entity| (model, entity))
        })
        .filter(|(_, entity)| is_free(entity))
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let (model, entity) = random.pick(&candidates);
    let operation = if is_change { Operation::Update } else { Operation::Insert };
    let spec = &tables[model];
    if spec.refs.is_empty() && spec.kinds.is_empty() {
        return None;
    }
    let at = random.below(spec.refs.len() + spec.kinds.len());
    let class = |text: &str| format!("{text}{}", if is_change { ", changed" } else { "" });
    if at < spec.refs.len() {
        entity.set_ref(uow, at, Ref::Key(987_654_321));
        let deferred = if spec.refs[at].2 { " deferred" } else { "" };
        let class = class(&format!("23503{deferred}"));
        return Some(Spoiled { class, entity, operation, partner: None, is_in_database: false });
    }
    let column = at - spec.refs.len();
    let kind = spec.kinds[column];
    if let Some(value) = kind.wrong() {
        entity.set_plain(uow, column, value);
        let class = class(&format!("{kind:?}"));
        return Some(Spoiled { class, entity, operation, partner: None, is_in_database: false });
    }
    if kind == Kind::Natural {
        return None;
    }
    // A unique value: of a row of the database that stays, or of another entity.
    let others: Vec<Any> = work.new[model]
        .iter()
        .copied()
        .filter(|other| *other != entity && is_free(other))
        .collect();
    let is_unchanged = |h: &Any| {
        !work.changed.contains(h) && !work.deleted.contains(h) && *h != entity && is_free(h)
    };
    let stored: Vec<Any> = work.stored[model].iter().copied().filter(is_unchanged).collect();
    // What others refer to must not be another's.
    let is_referred_to = kind == Kind::Unique
        && tables.iter().any(|t| {
            t.kinds.contains(&Kind::UndeclaredReference)
                || t.kinds.contains(&Kind::UndeclaredDeferred)
        });
    if is_referred_to {
        return None;
    }
    let (other, is_in_database) = match random.chance(50) {
        true if !others.is_empty() => (random.pick(&others), false),
        _ if !stored.is_empty() => (random.pick(&stored), true),
        _ => return None,
    };
    let mut value = other.plain(uow, column)?;
    if kind == Kind::UniqueLower {
        value = value.to_uppercase();
    }
    entity.set_plain(uow, column, Some(value));
    let whose = if is_in_database { "in the table" } else { "in the batch" };
    let class = class(&format!("{kind:?} {whose}"));
    let partner = (!is_in_database).then_some(other);
    Some(Spoiled { class, entity, operation, partner, is_in_database })
}

/// What came out, by class.
#[derive(Debug, Default)]
struct Tally {
    named: usize,
    none: usize,
    round_trips: Vec<u64>,
}

/// Rows of the database for the commit to change, and to run into.
fn fill(client: &mut postgres::Client, tables: &[TableSpec], random: &mut Random) {
    let mut sql = String::new();
    for (at, table) in tables.iter().enumerate() {
        for n in 0..8 + random.below(9) {
            let mut columns = Vec::new();
            let mut values = Vec::new();
            for (r, &(target, is_not_null, _)) in table.refs.iter().enumerate() {
                if is_not_null {
                    columns.push(format!("r{r}"));
                    values.push(format!("(SELECT min(id) FROM t{target})"));
                }
            }
            for (c, kind) in table.kinds.iter().enumerate() {
                if let Some(value) = kind.sound(n) {
                    columns.push(format!("c{c}"));
                    values.push(format!("'{value}'"));
                }
            }
            let _ = match columns.is_empty() {
                true => write!(sql, "INSERT INTO t{at} DEFAULT VALUES;"),
                false => write!(
                    sql,
                    "INSERT INTO t{at} ({}) VALUES ({});",
                    columns.join(", "),
                    values.join(", ")
                ),
            };
        }
    }
    client.batch_execute(&sql).unwrap();
}

/// What is in the tables.
fn contents(client: &mut postgres::Client, tables: &[TableSpec]) -> Vec<String> {
    let hash = |at: usize| {
        format!(
            "SELECT count(*) || ' ' || COALESCE(sum(hashtext(t::text)::bigint), 0) FROM t{at} AS t"
        )
    };
    let sql: Vec<String> = (0..tables.len()).map(hash).collect();
    sql.iter().map(|sql| client.query_one(sql, &[]).unwrap().get(0)).collect()
}

fn strategies(rows: usize, random: &mut Random) -> Strategy {
    match random.below(if rows > 400 { 5 } else { 6 }) {
        0 | 1 => Auto::new().into(),
        2 => OneTrip.into(),
        3 => Copy.into(),
        4 if random.chance(50) => Batch.into(),
        4 => Unnest.into(),
        _ => RowByRow.into(),
    }
}

/// How much there is to write.
fn todo(uow: &UnitOfWork<'_>) -> (usize, usize, usize) {
    let plan = uow.plan().unwrap();
    (plan.rows(), plan.updated_rows(), plan.deleted_rows())
}

/// One commit with faults: it is refused, and diagnosed.
fn one_commit(
    schema: &Schema,
    tables: &[TableSpec],
    rows: usize,
    tally: &mut BTreeMap<Class, Tally>,
    random: &mut Random,
) -> usize {
    let (mut client, mut other) = (schema.client(), schema.client());
    // No foreign key is in the way then, and no trigger.
    let mut empty =
        "SET synchronous_commit = off; SET session_replication_role = replica;".to_owned();
    for at in 0..tables.len() {
        let _ = write!(empty, "DELETE FROM t{at}; DELETE FROM holder{at};");
    }
    other.batch_execute(&(empty + "RESET session_replication_role")).unwrap();
    fill(&mut other, tables, random);
    let is_nested = random.chance(15);
    let mut transaction = None;
    let strategy = strategies(rows, random);
    let name = strategy.name().to_owned();
    let uow = if is_nested {
        UnitOfWork::new(transaction.insert(client.transaction().unwrap()))
    } else {
        UnitOfWork::new(&mut client)
    };
    let mut uow = uow.with_strategy(strategy);
    let mut work = build(&mut uow, tables, rows, random);
    // Locks of the test's own must not be waited for.
    let is_flushed = random.chance(10);
    if is_flushed && !is_nested {
        for model in 0..tables.len() {
            add_row(&mut uow, tables, &mut work, model, random);
        }
    }
    let mut spoiled: Vec<Spoiled> = Vec::new();
    let wanted = if random.chance(75) { 1 } else { 2 + random.below(3) };
    for _ in 0..20 {
        if spoiled.len() < wanted {
            spoiled.extend(spoil(&mut uow, &mut other, tables, &work, &spoiled, random));
        }
    }
    if spoiled.is_empty() {
        return 0;
    }
    let before = contents(&mut other, tables);
    let plan = todo(&uow);
    let error = match uow.commit() {
        Err(error) => error,
        // What is deferred, the end of a savepoint does not look at.
        Ok(_) if is_nested => return 0,
        Ok(_) => panic!("{spoiled:?} was committed"),
    };
    let diagnosis =
        uow.diagnose(&error).unwrap_or_else(|failed| panic!("{spoiled:?}: {error}: {failed}"));
    for culprit in &diagnosis {
        let entity = Any::of(culprit);
        let found = spoiled.iter().find(|s| s.entity == entity || s.partner == Some(entity));
        let Some(found) = found else {
            panic!("WRONG: {culprit}\n{error}\n{spoiled:?}\n{name} {tables:?}\n{diagnosis}");
        };
        if found.entity == entity {
            assert_eq!(
                culprit.operation(),
                found.operation,
                "{culprit} {spoiled:?} {tables:?} {error}"
            );
        }
        match culprit.other() {
            None => {}
            Some(OtherParty::RowOfDatabase) => {
                assert!(found.is_in_database, "{culprit} {spoiled:?}");
            }
            Some(OtherParty::Same(other)) => {
                let other = Any::of(other);
                assert!(
                    other == found.entity || Some(other) == found.partner,
                    "{culprit} {spoiled:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(contents(&mut other, tables), before, "something was left behind");
    assert_eq!(todo(&uow), plan, "the unit of work is another");
    let is_single = spoiled.len() == 1;
    if is_single {
        let of_class = tally.entry(spoiled[0].class.clone()).or_default();
        match diagnosis.culprits().len() {
            0 => {
                of_class.none += 1;
                if env::var("ONETRIP_SHOW").is_ok() {
                    println!(
                        "none: {name} {} of {rows}: {error}\n   {diagnosis}",
                        spoiled[0].class
                    );
                }
            }
            _ => of_class.named += 1,
        }
        of_class.round_trips.push(diagnosis.round_trips());
    } else {
        let of_class = tally.entry("several faults".into()).or_default();
        match diagnosis.culprits().len() {
            0 => of_class.none += 1,
            _ => of_class.named += 1,
        }
    }
    // In a transaction of the caller, nobody else sees the rows.
    if random.chance(60) && !is_nested {
        commit_valid(&mut uow, &mut other, tables, &work, &spoiled, tally);
    }
    1
}

/// Commits what is valid: what is left out was spoiled, or refers to what was.
fn commit_valid(
    uow: &mut UnitOfWork<'_>,
    other: &mut postgres::Client,
    tables: &[TableSpec],
    work: &Work,
    spoiled: &[Spoiled],
    tally: &mut BTreeMap<Class, Tally>,
) {
    let mut guilty: Vec<Any> =
        spoiled.iter().flat_map(|s| [Some(s.entity), s.partner]).flatten().collect();
    let unique = tables.iter().enumerate().find_map(|(other, spec)| {
        Some((other, spec.kinds.iter().position(|&kind| kind == Kind::Unique)?))
    });
    loop {
        let mut more = Vec::new();
        let values: Vec<String> = guilty
            .iter()
            .filter(|h| unique.is_some_and(|(model, _)| work.new[model].contains(h)))
            .filter_map(|h| h.plain(uow, unique?.1))
            .collect();
        for (model, entities) in work.new.iter().enumerate() {
            for &entity in entities.iter().filter(|h| !guilty.contains(h)) {
                let refers = entity
                    .refs(uow)
                    .iter()
                    .any(|to| matches!(to, Ref::To(to) if guilty.contains(to)));
                let refers_by_value =
                    tables[model].kinds.iter().enumerate().any(|(column, kind)| {
                        matches!(kind, Kind::UndeclaredReference | Kind::UndeclaredDeferred)
                            && entity
                                .plain(uow, column)
                                .is_some_and(|value| values.contains(&value))
                    });
                if refers || refers_by_value {
                    more.push(entity);
                }
            }
        }
        if more.is_empty() {
            break;
        }
        guilty.extend(more);
    }
    let count = |other: &mut postgres::Client| -> i64 {
        let count = |at: usize| format!("(SELECT count(*) FROM t{at})");
        let sql: Vec<String> = (0..tables.len()).map(count).collect();
        other.query_one(&format!("SELECT {}", sql.join(" + ")), &[]).unwrap().get(0)
    };
    let before = count(other);
    let of_class = tally.entry("commit_valid".into()).or_default();
    let committed = match uow.commit_valid() {
        Ok(committed) => committed,
        Err(_) => {
            of_class.none += 1;
            assert_eq!(count(other), before, "something was left behind");
            return;
        }
    };
    of_class.named += 1;
    of_class.round_trips.push(committed.round_trips());
    let (mut new, mut deleted) = (0, 0);
    for culprit in committed.refused() {
        let entity = Any::of(culprit);
        assert!(guilty.contains(&entity), "WRONG: {culprit}\n{spoiled:?}\n{tables:?}");
        new += i64::from(culprit.operation() == Operation::Insert);
        deleted += i64::from(culprit.operation() == Operation::Delete);
    }
    assert!(!committed.refused().is_empty());
    let all: usize = work.new.iter().map(Vec::len).sum();
    let report = committed.report();
    assert_eq!(report.rows() as i64, all as i64 - new);
    assert_eq!(report.deleted_rows() as i64, work.deleted.len() as i64 - deleted);
}

#[test]
fn no_other_entity_is_named_than_the_one_that_was_spoiled() {
    let number = |name: &str, default: usize| {
        env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
    };
    let (faults, seed) = (number("ONETRIP_FAULTS", 200), number("ONETRIP_SEED", 1));
    let most = number("ONETRIP_ROWS", 300);
    let mut tally = BTreeMap::new();
    let (mut commits, mut schema_seed) = (0, seed as u64);
    while commits < faults {
        let mut random = Random::new(schema_seed);
        let tables = random_tables(&mut random);
        let sql = ddl(&tables);
        let schema = Schema::new("diagnosis_random", &sql);
        let described: Vec<_> = tables
            .iter()
            .enumerate()
            .map(|(at, table)| {
                let targets = table.refs.iter().map(|&(target, ..)| target).collect();
                let types = table.kinds.iter().map(|kind| kind.cast()).collect();
                let natural = table.kinds.iter().position(|&kind| kind == Kind::Natural);
                (format!("t{at}"), targets, types, natural)
            })
            .collect();
        describe(&described);
        for _ in 0..20 {
            let rows = match random.below(200) {
                0 => 3 + random.below(most),
                1..=20 => 3 + random.below(most.min(300)),
                _ => 3 + random.below(40),
            };
            if env::var("ONETRIP_SHOW").is_ok() {
                println!("schema {schema_seed}");
            }
            commits += one_commit(&schema, &tables, rows, &mut tally, &mut random);
        }
        schema_seed += 1;
    }
    println!("{commits} commits, no wrong entity");
    for (class, Tally { named, none, round_trips }) in &mut tally {
        round_trips.sort_unstable();
        let (least, most) = (round_trips.first().unwrap_or(&0), round_trips.last().unwrap_or(&0));
        let share = 100.0 * *none as f64 / (*named + *none) as f64;
        println!(
            "{class:40} named {named:5}, none {none:4} ({share:.1} %), round trips {least} to {most}"
        );
    }
}
