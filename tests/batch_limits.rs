//! Commits that do not fit into one statement of 65,535 parameters, and large ones in general.

mod common;

use std::sync::OnceLock;

use common::Schema;
use onetrip::{
    Batch, Column, CommitReport, Encoder, Error, ForeignKey, Model, Row, SqlType, Table, UnitOfWork,
};

/// The most parameters that a statement can have.
const LIMIT: usize = 65_535;

/// Commits, and finds out whether the plan foresaw the round trips.
fn commit(uow: &mut UnitOfWork<'_>) -> CommitReport {
    let plan = uow.plan().unwrap();
    let report = uow.commit().unwrap();
    assert_eq!(report.round_trips(), plan.round_trips() as u64, "{plan}");
    assert_eq!(report.rows(), plan.rows());
    assert_eq!(report.statements(), report.round_trips() - 2, "all but BEGIN and COMMIT");
    report
}

#[derive(Model, Clone)]
#[model(table = "triples")]
struct Triple {
    #[model(key)]
    id: Option<i32>,
    number: i32,
    text: String,
}

#[test]
fn three_columns_at_the_limit() {
    let schema = Schema::new(
        "limit_three",
        "CREATE TABLE triples (id serial PRIMARY KEY, number int NOT NULL, text text NOT NULL)",
    );
    let most = LIMIT / 3;
    assert_eq!(most * 3, LIMIT, "a full statement has every parameter that it can have");
    for (rows, inserts) in [(most - 1, 1), (most, 1), (most + 1, 2)] {
        let mut client = schema.client();
        client.batch_execute("TRUNCATE triples").unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
        let triples: Vec<_> = (0..rows)
            .map(|n| uow.add(Triple { id: None, number: n as i32, text: n.to_string() }))
            .collect();
        let report = commit(&mut uow);
        assert_eq!(report.statements(), 1 + inserts, "{rows} rows, and the reservation of ids");
        let (first, last) = (uow[triples[0]].id.unwrap(), uow[triples[rows - 1]].id.unwrap());
        assert_eq!((last - first) as usize, rows - 1, "nobody else takes ids from this sequence");
        // Every id is where it belongs, also around the split.
        let wrong = format!(
            "SELECT count(*), count(*) FILTER (WHERE id - {first} <> number OR text <> number::text)
             FROM triples"
        );
        assert_eq!(schema.rows(&wrong), [format!("{rows}|0")]);
        assert!(triples.iter().all(|&t| uow[t].id == Some(first + uow[t].number)));
    }
}

const WIDTH: usize = 120;

/// A row of many columns, by hand: column 0 is the key, column `n` holds `n` times the key.
#[derive(Clone)]
struct Wide {
    id: i32,
    values: Vec<i32>,
}

impl Wide {
    fn new(id: i32) -> Wide {
        Wide { id, values: (1..WIDTH as i32).map(|n| n * id).collect() }
    }
}

impl Model for Wide {
    type Key = i32;

    fn table() -> &'static Table {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| {
            let name = |column| -> &'static str { format!("c{column:03}").leak() };
            let columns = (0..WIDTH).map(|column| Column::new(name(column), SqlType::INT4));
            Table::new("wide", columns.collect::<Vec<_>>().leak(), &[0])
        })
    }

    fn key(&self) -> Option<i32> {
        Some(self.id)
    }

    fn encode(&self, column: usize, out: &mut Encoder<'_>) {
        match column {
            0 => out.key(&self.id, 0),
            _ => out.put(&self.values[column - 1], 0),
        }
    }

    fn decode(row: &Row<'_>) -> Result<Wide, Error> {
        let values: Result<_, _> = (1..WIDTH).map(|column| row.get(&[column])).collect();
        Ok(Wide { id: row.get(&[0])?, values: values? })
    }

    fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
        row.update(&[0], &mut self.id)?;
        self.values.iter_mut().zip(1..).try_for_each(|(value, column)| row.update(&[column], value))
    }
}

#[test]
fn a_wide_table_at_the_limit() {
    let columns: Vec<_> = (0..WIDTH).map(|n| format!("c{n:03} int NOT NULL")).collect();
    let sql = format!("CREATE TABLE wide ({}, PRIMARY KEY (c000))", columns.join(", "));
    let schema = Schema::new("limit_wide", &sql);
    let most = LIMIT / WIDTH;
    for (rows, inserts) in [(most - 1, 1), (most, 1), (most + 1, 2)] {
        let mut client = schema.client();
        client.batch_execute("TRUNCATE wide").unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
        for id in 0..rows as i32 {
            uow.add(Wide::new(id));
        }
        assert_eq!(commit(&mut uow).statements(), inserts, "{rows} rows, whose ids are given");
        let last = WIDTH - 1;
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE c001 <> c000 OR c{last:03} <> {last} * c000) FROM wide"
        );
        assert_eq!(schema.rows(&sql), [format!("{rows}|0")]);
        drop(uow);
        let mut uow = UnitOfWork::new(&mut client);
        let found = uow.find::<Wide>(rows as i32 - 1).unwrap().unwrap();
        assert_eq!(uow[found].values, Wide::new(rows as i32 - 1).values);
    }
}

#[derive(Model, Clone)]
#[model(table = "given")]
struct Given {
    #[model(key)]
    id: i32,
}

#[derive(Model, Clone)]
#[model(table = "assigned")]
struct Assigned {
    #[model(key)]
    id: Option<i32>,
}

#[test]
fn one_column_at_the_limit() {
    let schema = Schema::new(
        "limit_one",
        "CREATE TABLE given (id int PRIMARY KEY); CREATE TABLE assigned (id serial PRIMARY KEY)",
    );
    let mut client = schema.client();
    let mut next = 0;
    for (rows, inserts) in [(LIMIT - 1, 1), (LIMIT, 1), (LIMIT + 1, 2)] {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
        for _ in 0..rows {
            uow.add(Given { id: next });
            next += 1;
        }
        assert_eq!(commit(&mut uow).statements(), inserts, "{rows} rows");
    }
    assert_eq!(
        schema.rows("SELECT count(*), max(id) FROM given"),
        [format!("{next}|{}", next - 1)]
    );

    let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
    let rows: Vec<_> = (0..=LIMIT).map(|_| uow.add(Assigned { id: None })).collect();
    assert_eq!(commit(&mut uow).statements(), 3, "ids, and a row more than one statement takes");
    let ids: std::collections::HashSet<_> = rows.iter().map(|&row| uow[row].id.unwrap()).collect();
    assert_eq!(ids.len(), rows.len());
    assert_eq!(schema.count("assigned"), rows.len());
}

#[derive(Model, Clone)]
#[model(table = "nodes")]
struct Node {
    #[model(key)]
    id: Option<i32>,
    label: i32,
    parent: Option<ForeignKey<Node>>,
}

const NODES: &str = "CREATE TABLE nodes (id serial PRIMARY KEY, label int NOT NULL,
    parent int REFERENCES nodes)";

/// The nodes whose parent has another label than `expected` says, of all nodes.
fn wrong_parents(schema: &Schema, expected: &str) -> String {
    schema.rows(&format!(
        "SELECT count(*), count(*) FILTER (WHERE p.label IS DISTINCT FROM {expected})
         FROM nodes n LEFT JOIN nodes p ON p.id = n.parent"
    ))[0]
        .clone()
}

#[test]
fn self_references_across_statements() {
    let schema = Schema::new("limit_self", NODES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
    let rows = 50_000;
    let nodes: Vec<_> =
        (0..rows).map(|label| uow.add(Node { id: None, label, parent: None })).collect();
    // A tree whose root was added last: each node's parent is somewhere behind it, in another
    // statement for most. The key is checked at the end of each statement.
    for label in 0..rows - 1 {
        let parent = label + 1 + (label * 7) % (rows - 1 - label);
        uow[nodes[label as usize]].parent = nodes[parent as usize].into();
    }
    let report = commit(&mut uow);
    assert_eq!(report.statements(), 1 + 3);
    let expected = format!(
        "CASE WHEN n.label < {0} THEN n.label + 1 + (n.label * 7) % ({0} - n.label) END",
        rows - 1
    );
    assert_eq!(wrong_parents(&schema, &expected), format!("{rows}|0"));
}

#[test]
fn a_chain_of_a_hundred_thousand() {
    let schema = Schema::new("limit_chain", NODES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
    let rows = 100_000;
    let nodes: Vec<_> =
        (0..rows).map(|label| uow.add(Node { id: None, label, parent: None })).collect();
    for pair in nodes.windows(2) {
        uow[pair[0]].parent = pair[1].into();
    }
    assert_eq!(commit(&mut uow).statements(), 1 + 5);
    let expected = format!("CASE WHEN n.label < {} THEN n.label + 1 END", rows - 1);
    assert_eq!(wrong_parents(&schema, &expected), format!("{rows}|0"));
    for pair in nodes.windows(2) {
        assert_eq!(uow[pair[0]].parent.as_ref().unwrap().key(), uow[pair[1]].id.as_ref());
    }
}

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i64>,
    name: String,
}

#[derive(Model, Clone)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i64>,
    email: String,
    user_id: ForeignKey<User>,
}

#[test]
fn two_hundred_thousand_rows() {
    let schema = Schema::new(
        "limit_many",
        "CREATE TABLE users (id bigserial PRIMARY KEY, name text NOT NULL);
         CREATE TABLE addresses (id bigserial PRIMARY KEY, email text NOT NULL,
             user_id bigint NOT NULL REFERENCES users)",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
    let users = 50_000;
    for n in 0..users {
        let user = uow.add(User { id: None, name: n.to_string() });
        for k in 0..3 {
            uow.add(Address { id: None, email: format!("{n}/{k}"), user_id: user.into() });
        }
    }
    let report = commit(&mut uow);
    assert_eq!(report.rows(), 200_000);
    // 50,000 rows of 2 parameters, 150,000 of 3.
    assert_eq!(report.statements(), 1 + 2 + 7);
    assert_eq!(
        schema.rows(
            "SELECT count(*), count(DISTINCT u.id),
                 count(*) FILTER (WHERE split_part(email, '/', 1) <> name)
             FROM addresses JOIN users u ON u.id = user_id"
        ),
        [format!("{}|{users}|0", 3 * users)]
    );
}

#[derive(Model, Clone)]
#[model(table = "texts")]
struct Text {
    #[model(key)]
    id: i32,
    text: String,
}

#[test]
fn large_values() {
    let schema =
        Schema::new("limit_text", "CREATE TABLE texts (id int PRIMARY KEY, text text NOT NULL)");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
    let size = 8 << 20;
    for id in 0..4 {
        let letter = char::from(b'a' + id as u8);
        uow.add(Text { id, text: letter.to_string().repeat(size) });
    }
    assert_eq!(commit(&mut uow).statements(), 1);
    assert_eq!(
        schema.rows("SELECT length(text), left(text, 1) || right(text, 1) FROM texts ORDER BY id"),
        ["aa", "bb", "cc", "dd"].map(|ends| format!("{size}|{ends}"))
    );
}
