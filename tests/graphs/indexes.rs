//! Indexes: a strategy learns of them, and no statement relies on one that is not there.

use onetrip::{Error, ForeignKey, Model, Retry, Strategy, UnitOfWork};
use postgres::Client;

use crate::common::Schema;
use crate::relayed::relay::Relay;
use crate::relayed::{client_through, relay_to};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "authors")]
struct Author {
    #[model(key)]
    id: i64,
    name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "books")]
struct Book {
    #[model(key)]
    id: i32,
    author_id: Option<ForeignKey<Author>>,
    title: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "copies")]
struct Copy {
    #[model(key)]
    id: i32,
    book_id: ForeignKey<Book>,
}

/// The index of `books` has its own column in front of another, and what refers is narrower than the key.
const TABLES: &str = "
    CREATE TABLE authors (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE books (id int PRIMARY KEY, author_id int REFERENCES authors, title text NOT NULL);
    CREATE TABLE copies (id int PRIMARY KEY, book_id int NOT NULL REFERENCES books);
    CREATE INDEX books_by_author ON books (author_id, title);
    CREATE INDEX copies_by_book ON copies (book_id);
    INSERT INTO authors SELECT n, 'author ' || n FROM generate_series(1, 4) AS n;
    INSERT INTO books SELECT n, NULLIF(n % 4, 0), 'book ' || n FROM generate_series(1, 12) AS n;
    INSERT INTO copies SELECT n, 1 + n % 12 FROM generate_series(1, 30) AS n";

/// What a graph gives, and the round trips that it takes.
fn load(
    uow: &mut UnitOfWork<'_>,
    relay: &Relay,
    limit: Option<u64>,
) -> Result<(Vec<String>, u64), Error> {
    let before = relay.round_trips().expect("the relay lives");
    let query = uow.query::<Author>("id < $1").bind(4).order_by("id").with(|author| {
        let mut books = author.children::<Book>();
        if let Some(limit) = limit {
            books = books.order_by("title COLLATE \"C\" DESC").limit(limit);
        }
        books.with(|book| {
            book.children::<Copy>();
            book.parent::<Author>();
        });
    });
    let graph = query.load()?;
    let taken = relay.round_trips().expect("the relay lives") - before;
    let mut lines = Vec::new();
    for author in graph.roots() {
        for book in graph.children::<Book>(author)? {
            assert_eq!(graph.parent::<Author>(book)?, Some(author));
            let copies: Vec<_> = graph.children::<Copy>(book)?.map(|copy| uow[copy].id).collect();
            lines.push(format!("{}: {} {copies:?}", uow[author].name, uow[book].title));
        }
    }
    Ok((lines, taken))
}

/// The same by SQL, and by another connection: that a prepared statement is closed may count as a round trip.
fn expected(client: &mut Client, limit: Option<u64>) -> Vec<String> {
    let order = if limit.is_some() { "b.title COLLATE \"C\" DESC" } else { "b.id" };
    let sql = format!(
        "SELECT a.name || ': ' || b.title || ' [' || COALESCE((SELECT string_agg(c.id::text, ', ' ORDER BY c.id)
             FROM copies AS c WHERE c.book_id = b.id), '') || ']'
         FROM authors AS a, LATERAL (SELECT * FROM books AS b WHERE b.author_id = a.id ORDER BY {order} LIMIT {}) AS b
         WHERE a.id < 4 ORDER BY a.id, {order}",
        limit.map_or("ALL".to_owned(), |limit| limit.to_string()),
    );
    client.query(&sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// Where graphs are loaded, again and again with one strategy.
struct Place {
    schema: Schema,
    relay: Relay,
    client: Client,
    /// A connection past the relay.
    other: Client,
    strategy: Strategy,
}

impl Place {
    fn new(test: &str) -> Place {
        let schema = Schema::new(&format!("graph_index_{test}"), TABLES);
        let relay = relay_to(&schema);
        let (client, other) = (client_through(&relay, &schema), schema.client());
        Place { schema, relay, client, other, strategy: Strategy::default() }
    }

    /// Runs statements in the session that loads.
    fn run(&mut self, sql: &str) {
        self.client.batch_execute(sql).expect("the statements work");
    }

    /// Loads three times, one round trip each. By then the strategy knows what there is to know.
    fn learn(&mut self) -> Result<(), Error> {
        for _ in 0..3 {
            assert_eq!(self.trips(None)?, 1);
        }
        Ok(())
    }

    /// Loads with a limit, compares, and returns the round trips.
    fn trips(&mut self, limit: Option<u64>) -> Result<u64, Error> {
        let expected = expected(&mut self.other, limit);
        assert!(!expected.is_empty());
        let mut uow = UnitOfWork::new(&mut self.client).with_strategy(self.strategy.clone());
        let (lines, taken) = load(&mut uow, &self.relay, limit)?;
        assert_eq!(lines, expected);
        Ok(taken)
    }
}

#[test]
fn an_index_that_is_gone_is_not_relied_on() -> Result<(), Error> {
    let mut place = Place::new("gone");
    let drops =
        ["DROP INDEX books_by_author", "ALTER TABLE authors DROP CONSTRAINT authors_pkey CASCADE"];
    for (at, limit) in [(0, None), (1, Some(2))] {
        place.strategy = Strategy::default();
        for _ in 0..4 {
            assert_eq!(place.trips(limit)?, 1);
        }
        place.run(drops[at]);
        // That it takes a second statement shows that the first was about indexes.
        let all: Result<Vec<_>, _> = (0..4).map(|_| place.trips(limit)).collect();
        assert_eq!(all?, [2, 1, 1, 1]);
    }
    Ok(())
}

#[test]
fn an_index_that_is_built_anew_is_learned_anew() -> Result<(), Error> {
    let mut place = Place::new("anew");
    let mut all = Vec::new();
    for _ in 0..5 {
        for _ in 0..4 {
            all.push(place.trips(None)?);
        }
        place.run("REINDEX INDEX CONCURRENTLY copies_by_book");
    }
    // An index that is another each time is given up in the end.
    let expected = [[1; 4], [2, 1, 1, 1], [2, 1, 1, 1], [2, 1, 1, 1], [1; 4]].concat();
    assert_eq!(all, expected);
    Ok(())
}

#[test]
fn a_table_of_the_same_name_is_another() -> Result<(), Error> {
    let (mut place, second) = (Place::new("one"), Schema::new("graph_index_second", TABLES));
    let sql = "DROP INDEX books_by_author; DELETE FROM copies WHERE id > 20";
    second.client().batch_execute(sql).unwrap();
    let names = [place.schema.name().to_owned(), second.name().to_owned()];
    let mut all = Vec::new();
    for at in [0, 1, 0, 1, 0] {
        for client in [&mut place.client, &mut place.other] {
            client.batch_execute(&format!("SET search_path = {}", names[at])).unwrap();
        }
        for _ in 0..3 {
            all.push(place.trips(None)?);
        }
    }
    assert_eq!(all[..6], [1, 1, 1, 2, 1, 1]);
    assert_eq!(all[12..], [1, 1, 1], "given up");
    Ok(())
}

#[test]
fn a_table_that_grew_too_large_is_joined() -> Result<(), Error> {
    let mut place = Place::new("grew");
    place.run("SET work_mem = '64kB'");
    place.learn()?;
    let grow =
        "INSERT INTO books SELECT n, NULL, repeat('x', 1000) FROM generate_series(13, 8000) AS n";
    place.run(grow);
    assert_eq!(place.trips(None)?, 2);
    Ok(())
}

#[test]
fn in_a_transaction_nothing_is_lost() -> Result<(), Error> {
    let mut place = Place::new("transaction");
    // What is asked can be refused, and so it is not asked in a transaction.
    place.learn()?;
    let expected = expected(&mut place.other, None);
    for (round, all) in [[1, 1, 1], [2, 1, 1]].into_iter().enumerate() {
        if round == 1 {
            place.run("DROP INDEX copies_by_book");
        }
        let mut transaction = place.client.transaction().unwrap();
        for trips in all {
            let mut uow = UnitOfWork::new(&mut transaction).with_strategy(place.strategy.clone());
            let (lines, taken) = load(&mut uow, &place.relay, None)?;
            assert_eq!((&lines, taken), (&expected, trips));
        }
        transaction.commit().unwrap();
    }
    Ok(())
}

#[test]
fn other_indexes_do_not_count() -> Result<(), Error> {
    let mut place = Place::new("other_kinds");
    let others = "
        DROP INDEX books_by_author; CREATE INDEX books_by_author ON books (title, author_id);
        CREATE INDEX by_some ON books (author_id) WHERE title > 'b';
        CREATE INDEX by_hash ON books USING hash (author_id);
        CREATE INDEX by_expression ON books ((author_id + 1));
        CREATE TABLE more_copies () INHERITS (copies); INSERT INTO more_copies VALUES (31, 1)";
    place.run(others);
    place.learn()?;
    place.run("DROP INDEX by_some, by_hash, by_expression, books_by_author, copies_by_book");
    assert_eq!(place.trips(None)?, 1, "nothing was learned of them");
    Ok(())
}

#[test]
fn few_values_in_many_rows_are_joined() -> Result<(), Error> {
    let mut place = Place::new("few");
    place.run("ANALYZE");
    place.run("INSERT INTO copies SELECT n, 1 + n % 2 FROM generate_series(31, 2000) AS n; ANALYZE copies");
    place.learn()?;
    place.run("DROP INDEX copies_by_book");
    assert_eq!(place.trips(None)?, 1, "nothing was learned of it");
    Ok(())
}

/// What has to be seen in the same statement that would rely on the index.
#[test]
fn an_index_that_the_server_does_not_use_is_not_relied_on() -> Result<(), Error> {
    let changes = [
        // As while `DROP INDEX CONCURRENTLY` waits for other transactions.
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'copies_by_book'::regclass",
        "UPDATE pg_index SET indcheckxmin = true WHERE indexrelid = 'copies_by_book'::regclass",
        "SET work_mem = '64kB'",
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut place = Place::new(&format!("unused_{at}"));
        place.learn()?;
        place.run(change);
        let mut again = || place.trips(None);
        assert_eq!([again()?, again()?, again()?], [2, 1, 1], "{change}");
    }
    Ok(())
}

/// A condition may be one for which another index is used.
#[test]
fn a_level_with_a_condition_is_joined() -> Result<(), Error> {
    let mut place = Place::new("condition");
    for _ in 0..4 {
        let before = place.relay.round_trips().expect("the relay lives");
        let mut uow = UnitOfWork::new(&mut place.client).with_strategy(place.strategy.clone());
        let query = uow.query::<Author>("id < 3").order_by("id").with(|author| {
            author.children::<Book>().filter("id > $1").bind(2).with(|book| {
                book.children::<Copy>().filter("id <> $1").bind(7);
                book.parent::<Author>().filter("name <> ''");
            });
        });
        let graph = query.load()?;
        assert_eq!(place.relay.round_trips().expect("the relay lives") - before, 1);
        let mut seen = Vec::new();
        for author in graph.roots() {
            for book in graph.children::<Book>(author)? {
                assert_eq!(graph.parent::<Author>(book)?, Some(author));
                let copies: Vec<_> = graph.children::<Copy>(book)?.map(|c| uow[c].id).collect();
                seen.push((uow[book].id, copies));
            }
        }
        let expected =
            [(5, vec![4, 16, 28]), (9, vec![8, 20]), (6, vec![5, 17, 29]), (10, vec![9, 21])];
        assert_eq!(seen, expected);
    }
    Ok(())
}

#[test]
fn an_index_that_is_new_is_learned_in_time() -> Result<(), Error> {
    let mut place = Place::new("new");
    place.run("DROP INDEX copies_by_book");
    place.learn()?;
    place.run("CREATE INDEX copies_by_book ON copies (book_id)");
    for _ in 0..1_001 {
        place.trips(None)?;
    }
    place.run("DROP INDEX copies_by_book");
    let trips = place.trips(None)?;
    assert_eq!(trips, 2, "it was known");
    Ok(())
}

#[test]
fn a_mistake_of_the_caller_is_no_failure_of_an_index() -> Result<(), Error> {
    let mut place = Place::new("mistakes");
    let mistake = |uow: &mut UnitOfWork<'_>| {
        let query = uow.query::<Author>("true").with(|author| {
            author.children::<Book>().order_by("nonsense").with(|book| {
                book.children::<Copy>();
            });
        });
        query.load().map(drop)
    };
    for _ in 0..6 {
        place.trips(None)?;
        let strategy = place.strategy.clone();
        let mut uow = UnitOfWork::new(&mut place.client).with_strategy(strategy.clone());
        let error = mistake(&mut uow).expect_err("there is no such column");
        assert_eq!(error.table(), Some("books"), "{error}");
        drop(uow);
        let retry = Retry::new().with(move |uow| uow.with_strategy(strategy.clone()));
        let error = retry.run(&mut place.client, mistake).expect_err("there is no such column");
        assert_eq!(error.table(), Some("books"), "{error}");
    }
    place.run("DROP INDEX copies_by_book");
    let trips = place.trips(None)?;
    assert_eq!(trips, 2, "it was known all the time");
    Ok(())
}
