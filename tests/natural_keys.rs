//! Random programs that find, add and upsert rows by natural keys, held against maps.
//!
//! `ONETRIP_SEED=…` begins with the program of this seed, `ONETRIP_SEED=random` makes each run another, and
//! `ONETRIP_PROGRAMS=…` runs so many.

#[path = "../examples/support/strategies.rs"]
mod strategies;

mod common;

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::Schema;
use onetrip::{Error, ErrorKind, ForeignKey, Handle, Model, UnitOfWork, Upsert};
use postgres::Client;
use strategies::{Named, STRATEGIES};

#[derive(Model, Clone, Debug)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
    #[model(default)]
    note: Option<String>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "countries")]
struct Country {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    code: String,
    uses: i32,
    name: Option<String>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "cities")]
struct City {
    #[model(key)]
    id: Option<i64>,
    #[model(unique)]
    country_id: ForeignKey<Country>,
    #[model(unique)]
    name: String,
    uses: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "links")]
struct Link {
    #[model(key)]
    id: Option<i32>,
    label: i32,
    tag_id: ForeignKey<Tag>,
    city_id: Option<ForeignKey<City>>,
}

const TABLES: &str = "
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL,
        note text DEFAULT 'new');
    CREATE TABLE countries (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        code varchar(9) NOT NULL UNIQUE, uses int NOT NULL, name text);
    CREATE TABLE cities (id bigserial PRIMARY KEY, country_id int NOT NULL REFERENCES countries,
        name text NOT NULL, uses int NOT NULL, UNIQUE (name, country_id));
    CREATE TABLE links (id serial PRIMARY KEY, label int NOT NULL,
        tag_id int NOT NULL REFERENCES tags, city_id bigint REFERENCES cities);";

/// An xorshift.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Country,
    Tag,
    City,
}

/// What an entity or a row holds. `parent` is the entity or the row of a city's country.
#[derive(Clone, Debug, PartialEq)]
struct Values {
    kind: Kind,
    parent: Option<usize>,
    key: String,
    uses: i32,
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Add,
    Find,
    /// Which of `uses` and `text` are set, and whether `uses` is incremented.
    Upsert(bool, bool, bool),
}

/// What is there of an entity.
#[derive(Clone, Debug)]
enum Stage {
    Pending(Vec<(How, Values)>),
    /// The entity has a row.
    Stored(usize),
    Gone,
}

#[derive(Clone, Copy, Debug)]
enum Handles {
    Country(Handle<Country>),
    Tag(Handle<Tag>),
    City(Handle<City>),
}

#[derive(Clone, Debug)]
struct Entity {
    handle: Handles,
    /// What it holds, as far as it is known. A pending one has its natural key only.
    values: Values,
    stage: Stage,
    was_found: bool,
    deleted: bool,
}

#[derive(Clone, Debug, Default)]
struct Oracle {
    /// The rows; none where one was deleted.
    rows: Vec<Option<Values>>,
    /// Labels, and the rows of tags and of cities.
    links: Vec<(i32, usize, Option<usize>)>,
    entities: Vec<Entity>,
    /// Labels, and the entities of tags and of cities.
    pending_links: Vec<(i32, usize, Option<usize>)>,
}

fn apply(row: &mut Values, how: How, values: &Values) {
    let How::Upsert(sets_uses, sets_text, increments) = how else { return };
    if increments {
        row.uses += values.uses;
    } else if sets_uses {
        row.uses = values.uses;
    }
    // A tag's note is left to its default where there is none.
    if sets_text && (row.kind == Kind::Country || row.kind == Kind::Tag && values.text.is_some()) {
        row.text.clone_from(&values.text);
    }
}

impl Oracle {
    /// The entity of this natural key. A city's parent is an entity.
    fn find(&self, kind: Kind, parent: Option<usize>, key: &str) -> Option<usize> {
        self.entities.iter().position(|entity| {
            let values = &entity.values;
            !matches!(entity.stage, Stage::Gone)
                && !entity.deleted
                && (values.kind, values.parent, &*values.key) == (kind, parent, key)
        })
    }

    fn row_of(&self, entity: usize) -> Option<usize> {
        match self.entities[entity].stage {
            Stage::Stored(row) => Some(row),
            _ => None,
        }
    }

    /// The row of this natural key. A city's parent is a row.
    fn find_row(&self, kind: Kind, parent: Option<usize>, key: &str) -> Option<usize> {
        self.rows.iter().position(|row| {
            row.as_ref().is_some_and(|row| (row.kind, row.parent, &*row.key) == (kind, parent, key))
        })
    }

    /// The row that has this natural key and keeps it in the next flush.
    fn is_taken(&self, kind: Kind, parent: Option<usize>, key: &str) -> bool {
        self.find_row(kind, parent, key).is_some_and(|row| {
            !self.entities.iter().any(|entity| {
                let is_its = matches!(entity.stage, Stage::Stored(its) if its == row);
                is_its && (entity.deleted || entity.values.key != key)
            })
        })
    }

    fn is_referred_to(&self, entity: usize) -> bool {
        let is_parent = self.entities.iter().any(|other| {
            other.values.parent == Some(entity) && !matches!(other.stage, Stage::Gone)
        });
        let row = self.row_of(entity);
        is_parent
            || self
                .pending_links
                .iter()
                .any(|&(_, tag, city)| tag == entity || city == Some(entity))
            || row.is_some_and(|row| {
                self.links.iter().any(|&(_, tag, city)| tag == row || city == Some(row))
                    || self.rows.iter().flatten().any(|other| other.parent == Some(row))
            })
    }

    /// Returns how many rows were found.
    fn flush(&mut self) -> usize {
        for at in 0..self.entities.len() {
            if let (true, Some(row)) = (self.entities[at].deleted, self.row_of(at)) {
                self.rows[row] = None;
                self.entities[at].stage = Stage::Gone;
            }
        }
        for at in 0..self.entities.len() {
            if let Some(row) = self.row_of(at) {
                let values = &self.entities[at].values;
                let row = self.rows[row].as_mut().expect("it is there");
                (row.key, row.uses, row.text) =
                    (values.key.clone(), values.uses, values.text.clone());
            }
        }
        let mut found = 0;
        for kind in [Kind::Country, Kind::Tag, Kind::City] {
            for at in 0..self.entities.len() {
                let entity = &self.entities[at];
                let Stage::Pending(hows) = entity.stage.clone() else { continue };
                if entity.values.kind != kind {
                    continue;
                }
                let parent = entity.values.parent.map(|parent| self.row_of(parent).unwrap());
                let key = entity.values.key.clone();
                let there = self.find_row(kind, parent, &key);
                let row = there.unwrap_or_else(|| {
                    let mut row = Values { parent, key: key.clone(), ..hows[0].1.clone() };
                    if kind == Kind::Tag && row.text.is_none() {
                        row.text = Some("new".to_owned());
                    }
                    self.rows.push(Some(row));
                    self.rows.len() - 1
                });
                let values = self.rows[row].as_mut().expect("it is there");
                for (how, given) in &hows[usize::from(there.is_none())..] {
                    apply(values, *how, given);
                }
                found += usize::from(there.is_some());
                let parent = self.entities[at].values.parent;
                let values = Values { parent, ..values.clone() };
                let entity = &mut self.entities[at];
                entity.was_found = there.is_some();
                (entity.stage, entity.values) = (Stage::Stored(row), values);
            }
        }
        for (label, tag, city) in std::mem::take(&mut self.pending_links) {
            let city = city.map(|city| self.row_of(city).unwrap());
            self.links.push((label, self.row_of(tag).unwrap(), city));
        }
        found
    }

    /// What the tables hold, in no order.
    fn shown(&self) -> Vec<String> {
        let row = |at: usize| self.rows[at].as_ref().expect("it is there");
        let text = |text: &Option<String>| text.clone().unwrap_or("NULL".to_owned());
        let mut all: Vec<String> = self
            .rows
            .iter()
            .flatten()
            .map(|values| {
                let parent = values.parent.map_or("-".to_owned(), |at| row(at).key.clone());
                let Values { kind, key, uses, .. } = values;
                format!("{kind:?}|{parent}|{key}|{uses}|{}", text(&values.text))
            })
            .collect();
        all.extend(self.links.iter().map(|&(label, tag, city)| {
            let city = city.map_or("NULL".to_owned(), |city| {
                format!("{}/{}", row(row(city).parent.unwrap()).key, row(city).key)
            });
            format!("Link|{label}|{}|{city}", row(tag).key)
        }));
        all.sort();
        all
    }
}

const SHOWN: &str = "
    SELECT 'Tag' AS a, '-' AS b, name AS c, uses::text AS d, note AS e FROM tags
    UNION ALL SELECT 'Country', '-', code, uses::text, name FROM countries
    UNION ALL SELECT 'City', o.code, c.name, c.uses::text, NULL FROM cities c JOIN countries o
        ON o.id = country_id";

const SHOWN_LINKS: &str = "
    SELECT 'Link', label, t.name, o.code || '/' || c.name FROM links l JOIN tags t ON t.id = tag_id
    LEFT JOIN cities c ON c.id = city_id LEFT JOIN countries o ON o.id = country_id";

fn shown(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    for sql in [SHOWN, SHOWN_LINKS] {
        for message in client.simple_query(sql).unwrap() {
            if let postgres::SimpleQueryMessage::Row(row) = message {
                let columns = (0..row.len()).map(|column| row.get(column).unwrap_or("NULL"));
                all.push(columns.collect::<Vec<_>>().join("|"));
            }
        }
    }
    all.sort();
    all
}

/// A program that runs: the library and the oracle do the same.
struct Run<'r> {
    random: &'r mut Random,
    oracle: Oracle,
    /// What was done so far, for people.
    log: &'r mut Vec<String>,
    label: i32,
}

impl Run<'_> {
    fn pick(&mut self, is_it: impl Fn(&Oracle, usize) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.oracle.entities.len())
            .filter(|&at| {
                let entity = &self.oracle.entities[at];
                !entity.deleted && !matches!(entity.stage, Stage::Gone) && is_it(&self.oracle, at)
            })
            .collect();
        (!all.is_empty()).then(|| all[self.random.below(all.len())])
    }

    fn values(&mut self) -> Option<Values> {
        let kind = [Kind::Country, Kind::Tag, Kind::Tag, Kind::City][self.random.below(4)];
        let parent = match kind {
            Kind::City => {
                Some(self.pick(|oracle, at| oracle.entities[at].values.kind == Kind::Country)?)
            }
            _ => None,
        };
        let text = match self.random.below(3) {
            0 => None,
            n => Some(format!("text {n}")),
        };
        Some(Values {
            kind,
            parent,
            key: ["a", "b", "c", "d", "e", "f"][self.random.below(6)].to_owned(),
            uses: self.random.below(4) as i32,
            text: text.filter(|_| kind != Kind::City),
        })
    }

    /// Hands an entity over to the library.
    fn hand_over(&self, uow: &mut UnitOfWork<'_>, how: How, v: &Values) -> Result<Handles, Error> {
        fn give<T: Model>(
            uow: &mut UnitOfWork<'_>,
            how: How,
            entity: T,
            text: Option<&'static str>,
        ) -> Result<Handle<T>, Error> {
            match how {
                How::Add => Ok(uow.add(entity)),
                How::Find => uow.find_or_add(entity),
                How::Upsert(true, true, false) => uow.upsert(entity),
                How::Upsert(sets_uses, sets_text, increments) => {
                    let uses = sets_uses.then_some("uses");
                    let set = uses.into_iter().chain(text.filter(|_| sets_text));
                    let upsert = Upsert::new().set(set);
                    let more = increments.then_some("uses");
                    uow.upsert_with(entity, upsert.increment(more))
                }
            }
        }
        let Values { key, uses, text, .. } = v.clone();
        Ok(match v.kind {
            Kind::Country => {
                let country = Country { id: None, code: key, uses, name: text };
                Handles::Country(give(uow, how, country, Some("name"))?)
            }
            Kind::Tag => {
                let tag = Tag { id: None, name: key, uses, note: text };
                Handles::Tag(give(uow, how, tag, Some("note"))?)
            }
            Kind::City => {
                let Handles::Country(country) =
                    self.oracle.entities[v.parent.expect("a country")].handle
                else {
                    unreachable!("it is a country")
                };
                let city = City { id: None, country_id: country.into(), name: key, uses };
                Handles::City(give(uow, how, city, None)?)
            }
        })
    }

    fn store(&mut self, uow: &mut UnitOfWork<'_>) {
        let Some(values) = self.values() else { return };
        let how = match self.random.below(8) {
            0 => How::Add,
            1..4 => How::Find,
            4 | 5 => How::Upsert(true, true, false),
            6 => How::Upsert(false, false, true),
            _ => {
                let increments = self.random.below(2) == 0;
                How::Upsert(!increments && self.random.below(2) == 0, true, increments)
            }
        };
        let Values { kind, parent, ref key, .. } = values;
        let known = self.oracle.find(kind, parent, key);
        if how == How::Add {
            let of_row = parent.and_then(|parent| self.oracle.row_of(parent));
            // A country that is looked for may have the city.
            let is_open = parent.is_some() && of_row.is_none();
            if known.is_some() || is_open || self.oracle.is_taken(kind, of_row, key) {
                return;
            }
        }
        self.log.push(format!("{how:?} {values:?}, known: {known:?}"));
        let handle = match self.hand_over(uow, how, &values) {
            Ok(handle) => handle,
            Err(error) => {
                let is_open = known.is_some_and(|at| match &self.oracle.entities[at].stage {
                    Stage::Pending(hows) => hows[0].0 != How::Add,
                    _ => false,
                });
                let adds = matches!(how, How::Upsert(_, _, true));
                assert!(is_open && adds && error.kind() == ErrorKind::Unsupported, "{error}");
                self.log.push("  unsupported".to_owned());
                return;
            }
        };
        match known {
            Some(at) => {
                let entity = &mut self.oracle.entities[at];
                let shown = (format!("{:?}", entity.handle), format!("{handle:?}"));
                assert_eq!(shown.0, shown.1, "the same entity");
                match &mut entity.stage {
                    Stage::Pending(hows) => hows.push((how, values)),
                    _ => apply(&mut entity.values, how, &values),
                }
            }
            None => self.oracle.entities.push(Entity {
                handle,
                values: values.clone(),
                stage: Stage::Pending(vec![(how, values)]),
                was_found: false,
                deleted: false,
            }),
        }
    }

    fn link(&mut self, uow: &mut UnitOfWork<'_>) {
        let of =
            |kind: Kind| move |oracle: &Oracle, at: usize| oracle.entities[at].values.kind == kind;
        let Some(tag) = self.pick(of(Kind::Tag)) else { return };
        let city = self.pick(of(Kind::City));
        self.label += 1;
        let Handles::Tag(tag_handle) = self.oracle.entities[tag].handle else { return };
        let city_id = city.map(|city| match self.oracle.entities[city].handle {
            Handles::City(city) => ForeignKey::from(city),
            _ => unreachable!("it is a city"),
        });
        self.log.push(format!("link {} to {tag} and {city:?}", self.label));
        uow.add(Link { id: None, label: self.label, tag_id: tag_handle.into(), city_id });
        self.oracle.pending_links.push((self.label, tag, city));
    }

    fn rename(&mut self, uow: &mut UnitOfWork<'_>) {
        // Of what is added, it is known what it is.
        let Some(at) = self.pick(|oracle, at| match &oracle.entities[at].stage {
            Stage::Pending(hows) => hows[0].0 != How::Add,
            _ => true,
        }) else {
            return;
        };
        let key = ["a", "b", "c", "d", "e", "f"][self.random.below(6)];
        let Values { kind, parent, .. } = self.oracle.entities[at].values;
        let row = parent.and_then(|parent| self.oracle.row_of(parent));
        let is_stored = self.oracle.row_of(at).is_some();
        if self.oracle.find(kind, parent, key).is_some()
            || is_stored && self.oracle.is_taken(kind, row, key)
        {
            return;
        }
        self.log.push(format!("rename {at} to {key}"));
        let entity = &mut self.oracle.entities[at];
        match entity.handle {
            Handles::Country(country) => uow[country].code = key.to_owned(),
            Handles::Tag(tag) => uow[tag].name = key.to_owned(),
            Handles::City(city) => uow[city].name = key.to_owned(),
        }
        entity.values.key = key.to_owned();
        if is_stored {
            entity.values.uses += 1;
            match entity.handle {
                Handles::Country(country) => uow[country].uses += 1,
                Handles::Tag(tag) => uow[tag].uses += 1,
                Handles::City(city) => uow[city].uses += 1,
            }
        }
    }

    fn delete(&mut self, uow: &mut UnitOfWork<'_>) {
        let Some(at) = self.pick(|oracle, at| !oracle.is_referred_to(at)) else { return };
        self.log.push(format!("delete {at}"));
        match self.oracle.entities[at].handle {
            Handles::Country(country) => uow.delete(country).unwrap(),
            Handles::Tag(tag) => uow.delete(tag).unwrap(),
            Handles::City(city) => uow.delete(city).unwrap(),
        }
        let is_stored = self.oracle.row_of(at).is_some();
        let entity = &mut self.oracle.entities[at];
        if is_stored {
            entity.deleted = true;
        } else {
            entity.stage = Stage::Gone;
        }
    }

    /// Looks for a row that nobody in the unit of work has.
    fn load(&mut self, uow: &mut UnitOfWork<'_>) {
        let Some(Values { kind, parent, key, .. }) = self.values() else { return };
        let of_row = parent.and_then(|parent| self.oracle.row_of(parent));
        if parent.is_some() && of_row.is_none() {
            return;
        }
        let known = self.oracle.find(kind, parent, &key);
        let row = self.oracle.find_row(kind, of_row, &key);
        // One whose entity has another natural key by now.
        let is_stale = self
            .oracle
            .entities
            .iter()
            .any(|entity| matches!(entity.stage, Stage::Stored(its) if Some(its) == row));
        if known.is_none() && is_stale {
            return;
        }
        self.log.push(format!("load {kind:?} {parent:?} {key}: {known:?}"));
        let found = match kind {
            Kind::Country => {
                let found = uow.find_by::<Country, _>(key);
                found.unwrap().map(Handles::Country)
            }
            Kind::Tag => uow.find_by::<Tag, _>(key).unwrap().map(Handles::Tag),
            Kind::City => {
                let id = match self.oracle.entities[parent.unwrap()].handle {
                    Handles::Country(country) => uow[country].id.unwrap(),
                    _ => unreachable!("it is a country"),
                };
                uow.find_by::<City, _>((id, key)).unwrap().map(Handles::City)
            }
        };
        match (known, row) {
            (Some(at), _) => {
                let shown = format!("{:?}", Some(self.oracle.entities[at].handle));
                assert_eq!(format!("{found:?}"), shown);
            }
            (None, Some(row)) => {
                let values = self.oracle.rows[row].clone().unwrap();
                self.oracle.entities.push(Entity {
                    handle: found.expect("the row is there"),
                    values: Values { parent, ..values },
                    stage: Stage::Stored(row),
                    was_found: false,
                    deleted: false,
                });
            }
            (None, None) => assert!(found.is_none(), "nothing is there"),
        }
    }

    fn step(&mut self, uow: &mut UnitOfWork<'_>, is_inside: bool) {
        match self.random.below(16) {
            0..7 => self.store(uow),
            7 | 8 => self.link(uow),
            9 | 10 => self.rename(uow),
            11 if !is_inside => self.delete(uow),
            12 | 13 if !is_inside => self.load(uow),
            14 => {
                self.log.push("flush".to_owned());
                let report = uow.flush().unwrap();
                assert_eq!(report.found_rows(), self.oracle.flush());
                self.compare(uow);
            }
            15 if !is_inside => self.savepoint(uow),
            _ => {}
        }
    }

    fn savepoint(&mut self, uow: &mut UnitOfWork<'_>) {
        let fails = self.random.below(2) == 0;
        self.log.push(format!("savepoint, fails: {fails}"));
        self.oracle.flush();
        let before = self.oracle.clone();
        let result: Result<(), Option<Error>> = uow.savepoint(|uow| {
            for _ in 0..4 {
                self.step(uow, true);
            }
            if fails { Err(None) } else { Ok(()) }
        });
        self.log.push("end of the savepoint".to_owned());
        if fails {
            assert!(matches!(result, Err(None)), "{result:?}");
            self.oracle = before;
        } else {
            result.unwrap();
            self.oracle.flush();
        }
        self.compare(uow);
    }

    /// Compares the entities that have rows.
    fn compare(&self, uow: &UnitOfWork<'_>) {
        for (at, entity) in self.oracle.entities.iter().enumerate() {
            if !matches!(entity.stage, Stage::Stored(_)) || entity.deleted {
                continue;
            }
            let (key, uses, text, was_found) = match entity.handle {
                Handles::Country(country) => {
                    let Country { id, code, uses, name } = uow[country].clone();
                    assert!(id.is_some(), "{at} has a key");
                    (code, uses, name, uow.was_found(country).unwrap())
                }
                Handles::Tag(tag) => {
                    let Tag { id, name, uses, note } = uow[tag].clone();
                    assert!(id.is_some(), "{at} has a key");
                    (name, uses, note, uow.was_found(tag).unwrap())
                }
                Handles::City(city) => {
                    let City { id, name, uses, country_id } = uow[city].clone();
                    assert!(id.is_some(), "{at} has a key");
                    let Handles::Country(country) =
                        self.oracle.entities[entity.values.parent.unwrap()].handle
                    else {
                        unreachable!("it is a country")
                    };
                    if let ForeignKey::Key(id) = country_id {
                        assert_eq!(Some(id), uow[country].id, "{at}");
                    }
                    (name, uses, None, uow.was_found(city).unwrap())
                }
            };
            let Values { kind, parent, .. } = entity.values;
            assert_eq!(Values { kind, parent, key, uses, text }, entity.values, "entity {at}");
            assert_eq!(was_found, entity.was_found, "entity {at}");
        }
    }
}

fn run(seed: u64, named: &Named, client: &mut Client, log: &mut Vec<String>) {
    client
        .batch_execute(
            "DELETE FROM links; DELETE FROM cities; DELETE FROM countries; DELETE FROM tags",
        )
        .unwrap();
    let random = &mut Random::new(seed);
    let mut run = Run { random, oracle: Oracle::default(), log, label: 0 };
    for _ in 0..3 {
        let before = (run.oracle.rows.clone(), run.oracle.links.clone());
        run.log.push("a unit of work".to_owned());
        let mut uow = UnitOfWork::new(&mut *client).with_strategy((named.strategy)());
        for _ in 0..2 + run.random.below(14) {
            run.step(&mut uow, false);
        }
        if run.random.below(6) == 0 {
            run.log.push("rollback".to_owned());
            uow.rollback();
            (run.oracle.rows, run.oracle.links) = before;
        } else {
            run.log.push("commit".to_owned());
            let report = uow.commit().unwrap();
            assert_eq!(report.found_rows(), run.oracle.flush());
            run.compare(&uow);
            assert_eq!(uow.commit().unwrap().round_trips(), 0, "nothing has changed since");
        }
        drop(uow);
        run.oracle.entities.clear();
        run.oracle.pending_links.clear();
        assert_eq!(shown(client), run.oracle.shown());
    }
}

#[test]
fn every_strategy_leaves_what_maps_leave() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let is_random = std::env::var("ONETRIP_SEED").is_ok_and(|seed| seed == "random");
    let first = match is_random {
        true => RandomState::new().hash_one(0) >> 16,
        false => number("ONETRIP_SEED").unwrap_or(1),
    };
    let programs = number("ONETRIP_PROGRAMS").unwrap_or(120);
    std::thread::scope(|scope| {
        for named in STRATEGIES {
            scope.spawn(move || {
                let schema = Schema::new(&format!("natural_keys_{}", named.name), TABLES);
                let mut client = schema.client();
                for seed in first..first + programs {
                    let mut log = Vec::new();
                    let run = AssertUnwindSafe(|| run(seed, named, &mut client, &mut log));
                    if catch_unwind(run).is_err() {
                        let name = named.name;
                        panic!("{name}:\n{}\n\nONETRIP_SEED={seed}", log.join("\n"));
                    }
                }
            });
        }
    });
}
