//! Models by hand that are wrong in every way: an error says so, and nothing panics.
//!
//! 2,000 models in the ordinary run. `ONETRIP_FUZZ=100000` is the long one, of some minutes with
//! `--release`; `ONETRIP_SEED` begins elsewhere.

mod common;
#[path = "strategies_agree/random.rs"]
#[allow(dead_code, reason = "shared with the random graphs")]
mod random;
#[path = "../examples/support/strategies.rs"]
mod strategies;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::Schema;
use onetrip::{
    Assigned, Column, Encoder, Error, ForeignKey, Model, QualifiedName, Reference, Row, SqlType,
    Table, UnitOfWork,
};
use random::Random;
use strategies::STRATEGIES;

/// What the model does in one case.
#[derive(Debug, Clone, Copy)]
struct Behaviour {
    table: &'static Table,
    /// For each column, what is encoded into it.
    encodes: [usize; 5],
    /// The positions that are read and updated.
    reads: [&'static [usize]; 3],
    /// Whether the entity says that it has a key, and which.
    key: Option<i32>,
}

thread_local! {
    static BEHAVIOUR: Cell<Option<Behaviour>> = const { Cell::new(None) };
}

fn behaviour() -> Behaviour {
    BEHAVIOUR.get().expect("a case has begun")
}

#[derive(Clone, Debug)]
struct Odd {
    id: Option<i32>,
    parent: Option<ForeignKey<Odd>>,
    text: String,
}

impl Model for Odd {
    type Key = i32;

    fn table() -> &'static Table {
        behaviour().table
    }

    fn key(&self) -> Option<i32> {
        behaviour().key.or(self.id)
    }

    fn encode(&self, column: usize, out: &mut Encoder<'_>) {
        match behaviour().encodes.get(column) {
            Some(0) => out.key(&self.id, 0),
            Some(1) => out.put(&self.text, 0),
            Some(2) => out.put(&self.parent, 0),
            Some(3) => out.put(&7_i32, 0),
            Some(4) => out.put_or_default(&None::<i32>, 0),
            Some(5) => out.generated(),
            Some(6) => {
                out.put(&7_i32, 0);
                out.put(&8_i32, 0);
            }
            Some(7) => out.put(&self.parent, 3),
            Some(8) => out.key(&self.id, 2),
            Some(9) => out.put(&i64::MAX, 0),
            _ => {}
        }
    }

    fn decode(row: &Row<'_>) -> Result<Odd, Error> {
        let [id, text, parent] = behaviour().reads;
        Ok(Odd { id: row.get(id)?, text: row.get(text)?, parent: row.get(parent)? })
    }

    fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
        let [id, text, parent] = behaviour().reads;
        row.update(id, &mut self.id)?;
        row.update(text, &mut self.text)?;
        row.update(parent, &mut self.parent)
    }
}

fn positions(random: &mut Random, usual: usize) -> &'static [usize] {
    let len = if random.chance(85) { 1 } else { random.below(3) };
    let any = |random: &mut Random| match random.below(10) {
        0 => random.below(7),
        1 => usize::MAX,
        _ => usual,
    };
    (0..len).map(|_| any(random)).collect::<Vec<_>>().leak()
}

fn column(random: &mut Random, at: usize) -> Column {
    let names =
        ["id", "text", "parent", "number", "id", "", "no such", "quo\"te", "nul\0", "Umlaut ü"];
    let name = if random.chance(90) { names[at % 4] } else { random.pick(&names) };
    let types = [SqlType::INT4, SqlType::TEXT, SqlType::INT4, SqlType::INT4];
    let others = [SqlType::INT8, SqlType::UUID, SqlType::TEXT.array(), SqlType::new("odd", 0, 0)];
    let ty = if random.chance(92) { types[at % 4] } else { random.pick(&others) };
    let mut column = Column::new(name, ty);
    if at == 0 && random.chance(80) {
        column = column.assigned(Assigned::OwnedSequence);
    }
    match random.below(40) {
        0 => column = column.assigned(Assigned::Sequence(QualifiedName::new("odd_id_seq"))),
        1 => column = column.assigned(Assigned::Expression("1 / 0")),
        2 => column = column.server_default(),
        3 => column = column.generated(),
        4 => column = column.version(),
        5 => column = column.nullable(random.chance(50)),
        6 => column = column.sql_type(QualifiedName::new("no_such_type")),
        7 => column = column.sql_type(QualifiedName::in_schema("pg_catalog", "int4")),
        _ => {}
    }
    column
}

fn random_behaviour(random: &mut Random) -> Behaviour {
    let count = if random.chance(85) { 4 } else { random.below(6) };
    let columns: &'static [Column] =
        (0..count).map(|at| column(random, at)).collect::<Vec<_>>().leak();
    let key = positions(random, 0);
    let references: &'static [Reference] = if random.chance(70) {
        vec![Reference::to::<Odd>(positions(random, 2))].leak()
    } else {
        &[]
    };
    let name = if random.chance(95) { "odd" } else { random.pick(&["", "no such", "nul\0"]) };
    let table = Box::leak(Box::new(Table::new(name, columns, key).references(references)));
    let encodes = std::array::from_fn(|at| match random.below(12) {
        0 => random.below(11),
        _ => [0, 1, 2, 3, 3][at],
    });
    let reads = [positions(random, 0), positions(random, 1), positions(random, 2)];
    let key = random.chance(10).then(|| random.below(3) as i32);
    Behaviour { table, encodes, reads, key }
}

/// Everything that a unit of work can do with a model. What comes of it is not looked at.
fn use_model(client: &mut postgres::Client, random: &mut Random) {
    let strategy = STRATEGIES[random.below(STRATEGIES.len())].strategy;
    let mut uow = UnitOfWork::new(client).with_strategy(strategy());
    let mut odds = Vec::new();
    for n in 0..1 + random.below(3) {
        let id = random.chance(30).then_some(100 + n as i32);
        let parent = odds.last().copied().map(ForeignKey::from).filter(|_| random.chance(50));
        odds.push(uow.add(Odd { id, parent, text: format!("{n}") }));
    }
    for _ in 0..1 + random.below(6) {
        let odd = random.pick(&odds);
        match random.below(10) {
            0 => drop(uow.find::<Odd>(random.below(5) as i32)),
            1 => drop(uow.find_all::<Odd>([1, 2, 100])),
            2 => drop(uow.query::<Odd>("true").limit(3).load().map(|found| odds.extend(found))),
            3 => drop(uow.children::<Odd, Odd>(&[odd])),
            4 => drop(uow.get_mut(odd).map(|odd| odd.text.push('!'))),
            5 => drop(uow.get_mut(odd).map(|odd| odd.id = Some(300))),
            6 => drop(uow.delete(odd)),
            7 => drop(uow.refresh(odd)),
            8 => uow.rollback(),
            _ => drop(uow.plan().map(|plan| format!("{plan}{}", plan.flush_plan()))),
        }
        if random.chance(40) {
            drop(uow.flush());
        }
    }
    drop(uow.commit());
    drop(uow.take(random.pick(&odds)));
}

#[test]
fn nothing_panics_whatever_a_model_says() {
    let schema = Schema::new(
        "fuzz",
        "CREATE TABLE odd (id serial PRIMARY KEY, text text, parent int REFERENCES odd,
            number int DEFAULT 5)",
    );
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, cases) =
        (number("ONETRIP_SEED").unwrap_or(1), number("ONETRIP_FUZZ").unwrap_or(2_000));
    let mut client = schema.client();
    client.batch_execute("SET synchronous_commit = off; SET statement_timeout = '20s'").unwrap();
    for seed in first..first + cases {
        let mut random = Random::new(seed);
        let behaviour = random_behaviour(&mut random);
        BEHAVIOUR.set(Some(behaviour));
        let result = catch_unwind(AssertUnwindSafe(|| use_model(&mut client, &mut random)));
        assert!(
            result.is_ok(),
            "it panics: {behaviour:#?}\n\nTo run it again: ONETRIP_SEED={seed} ONETRIP_FUZZ=1"
        );
        if client.is_closed() {
            client = schema.client();
        }
        client.batch_execute("ROLLBACK; TRUNCATE odd").unwrap();
    }
}
