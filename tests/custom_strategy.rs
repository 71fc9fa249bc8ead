//! Strategies that a user writes: one that does well, and some that do not.

mod common;

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::Schema;
use onetrip::{
    Assigned, Bound, Cycles, Error, ErrorKind, Flush, ForeignKey, Handle, InsertStrategy, Inserts,
    Model, Params, PlannedStatement, RowByRow, Strategy, UnitOfWork,
};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "User \"accounts\"")]
struct User {
    #[model(key, column = "Id")]
    id: Option<i32>,
    #[model(column = "full name")]
    name: String,
    #[model(default)]
    score: Option<i32>,
    mentor: Option<ForeignKey<User>>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i64>,
    email: String,
    owner: ForeignKey<User>,
}

const TABLES: &str = r#"
    CREATE TABLE "User ""accounts""" ("Id" serial PRIMARY KEY, "full name" text NOT NULL UNIQUE,
        score int NOT NULL DEFAULT 7, mentor int REFERENCES "User ""accounts""");
    CREATE TABLE addresses (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL,
        owner int NOT NULL REFERENCES "User ""accounts""")"#;

/// Ids from one query a table, then an `INSERT` for every ten rows.
struct TensOfRows;

const CHUNK: usize = 10;

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns whose keys the database has to give to some rows.
fn reserved_columns(inserts: &Inserts<'_>, table: usize) -> Vec<usize> {
    let planned = &inserts.tables()[table];
    let columns = planned.table().columns().iter().enumerate();
    columns
        .filter(|&(column, description)| {
            description.assigned_by() == Some(Assigned::OwnedSequence)
                && planned.left_to_database(column) > 0
        })
        .map(|(column, _)| column)
        .collect()
}

impl TensOfRows {
    fn reserve(flush: &mut Flush<'_, '_>, table: usize, column: usize) -> Result<(), Error> {
        let planned = &flush.inserts().tables()[table];
        let description = &planned.table().columns()[column];
        let mut params = Params::new();
        params.push(&quoted(planned.table().name())).expect("a name can be sent");
        params.push(&description.name().to_owned()).expect("a name can be sent");
        params.push(&(planned.left_to_database(column) as i64)).expect("a number can be sent");
        let sql = format!(
            "SELECT nextval(pg_get_serial_sequence($1, $2))::{} FROM generate_series(1, $3)",
            description.ty().name()
        );
        let ids = flush.query(&sql, &params)?;
        let mut next = 0;
        for row in 0..planned.rows() as u32 {
            if flush.is_default(table, row, column) {
                flush.assign(table, row, column, ids.raw(next, 0));
                next += 1;
            }
        }
        Ok(())
    }

    fn insert_some(flush: &mut Flush<'_, '_>, table: usize, rows: &[u32]) -> Result<(), Error> {
        let description = flush.inserts().tables()[table].table();
        let names: Vec<_> = description.columns().iter().map(|c| quoted(c.name())).collect();
        let mut params = Params::new();
        let mut sql = format!(
            "WITH stored AS (INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ",
            quoted(description.name()),
            names.join(", ")
        );
        for (index, &row) in rows.iter().enumerate() {
            sql.push_str(if index > 0 { ", (" } else { "(" });
            for column in 0..names.len() {
                sql.push_str(if column > 0 { ", " } else { "" });
                match flush.bind(table, row, column, &mut params)? {
                    Bound::Default => sql.push_str("DEFAULT"),
                    Bound::Param(number) => write!(sql, "${number}").expect("a string takes it"),
                }
            }
            sql.push(')');
        }
        // In another order than they were sent in: it is the key that tells them apart.
        write!(sql, " RETURNING {}) SELECT * FROM stored ORDER BY 1 DESC", names.join(", "))
            .expect("a string takes it");
        let columns: Vec<_> = (0..names.len()).collect();
        let returned = flush.query(&sql, &params)?;
        flush.returned(table, rows, &columns, &returned)
    }
}

impl InsertStrategy for TensOfRows {
    fn name(&self) -> &str {
        "tens_of_rows"
    }

    fn cycles(&self) -> Cycles {
        Cycles::OneRow
    }

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        let reservations: usize =
            (0..inserts.tables().len()).map(|table| reserved_columns(inserts, table).len()).sum();
        let statements = inserts.steps().map(|step| step.rows().len().div_ceil(CHUNK)).sum();
        vec![
            PlannedStatement::new("reserve ids").times(reservations),
            PlannedStatement::new("insert up to ten rows").times(statements),
        ]
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        let inserts = flush.inserts();
        for table in 0..inserts.tables().len() {
            for column in reserved_columns(&inserts, table) {
                TensOfRows::reserve(flush, table, column)?;
            }
        }
        for step in inserts.steps() {
            for rows in step.rows().chunks(CHUNK) {
                TensOfRows::insert_some(flush, step.table(), rows)?;
            }
        }
        Ok(())
    }
}

fn user(name: impl Into<String>) -> User {
    User { id: None, name: name.into(), score: None, mentor: None }
}

fn add_graph(uow: &mut UnitOfWork<'_>) -> (Vec<Handle<User>>, Vec<Handle<Address>>) {
    let users: Vec<_> = (0..47).map(|n| uow.add(user(format!("user {n:02}")))).collect();
    for (n, &user) in users.iter().enumerate() {
        // Everyone's mentor was added after them, so the order of `add` will not do.
        uow[user].mentor = users.get(n + 3).map(|&mentor| mentor.into());
        uow[user].score = (n % 4 == 0).then_some(n as i32);
        uow[user].id = (n % 5 == 0).then_some(1_000 + n as i32);
    }
    let mut addresses = Vec::new();
    for (n, &owner) in users.iter().enumerate() {
        for k in 0..n % 3 {
            let id = (n % 7 == 0).then_some(2_000 + (3 * n + k) as i64);
            addresses.push(uow.add(Address { id, email: format!("{k}@{n}"), owner: owner.into() }));
        }
    }
    (users, addresses)
}

/// What is in the database, with names in the place of ids.
fn contents(schema: &Schema) -> [Vec<String>; 2] {
    [
        r#"SELECT u."full name", u.score, m."full name", CASE WHEN u."Id" >= 1000 THEN u."Id" END
           FROM "User ""accounts""" u LEFT JOIN "User ""accounts""" m ON m."Id" = u.mentor ORDER BY 1"#,
        r#"SELECT a.email, u."full name", CASE WHEN a.id >= 2000 THEN a.id END
           FROM addresses a JOIN "User ""accounts""" u ON u."Id" = a.owner ORDER BY 1"#,
    ]
    .map(|sql| schema.rows(sql))
}

#[test]
fn a_strategy_written_outside_does_the_same_as_row_by_row() {
    let strategies: [fn() -> Strategy; 2] = [|| RowByRow.into(), || TensOfRows.into()];
    let [oracle, found] = strategies.map(|strategy| {
        let schema = Schema::new(&format!("tens_{}", strategy().name()), TABLES);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
        let (users, addresses) = add_graph(&mut uow);
        let plan = uow.plan().unwrap();
        let report = uow.commit().unwrap();
        assert_eq!(report.round_trips(), plan.round_trips() as u64, "{plan}");
        assert_eq!(report.rows(), users.len() + addresses.len());
        assert_eq!(report.strategy(), strategy().name());

        // The entities are those of the database, and ids have landed on the right ones.
        let mut other = schema.client();
        let mut fresh = UnitOfWork::new(&mut other);
        for &user in &users {
            let same = fresh.find::<User>(uow[user].id.unwrap()).unwrap().unwrap();
            assert_eq!(fresh[same], uow[user]);
        }
        for &address in &addresses {
            let same = fresh.find::<Address>(uow[address].id.unwrap()).unwrap().unwrap();
            assert_eq!(fresh[same], uow[address]);
        }
        contents(&schema)
    });
    assert_eq!(oracle[0].len(), 47);
    assert_eq!(found, oracle);
}

// --- Strategies with mistakes. ---

/// A strategy that is one function.
struct Does(Insert);

impl InsertStrategy for Does {
    fn name(&self) -> &str {
        "does"
    }

    fn cycles(&self) -> Cycles {
        Cycles::None
    }

    fn plan(&self, inserts: &Inserts<'_>) -> Vec<PlannedStatement> {
        RowByRow.plan(inserts)
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        (self.0)(flush)
    }
}

/// Everything about this row is known beforehand, so the strategy has nothing to give back.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    name: String,
    tagged: Option<ForeignKey<Tag>>,
}

/// The database assigns part of this row.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "marks")]
struct Mark {
    #[model(key)]
    id: Option<i32>,
    label: String,
}

const TAGS_AND_MARKS: &str = "
    CREATE TABLE tags (name text PRIMARY KEY, tagged text REFERENCES tags);
    CREATE TABLE marks (id serial PRIMARY KEY, label text UNIQUE NOT NULL)";

fn tag(name: &str) -> Tag {
    Tag { name: name.into(), tagged: None }
}

fn mark(label: &str) -> Mark {
    Mark { id: None, label: label.into() }
}

/// Looks at the entities that a test has added.
type Look = Box<dyn Fn(&UnitOfWork<'_>) -> String>;

/// Adds entities.
type Fill = fn(&mut UnitOfWork<'_>) -> Look;

type Insert = fn(&mut Flush<'_, '_>) -> Result<(), Error>;

fn marks(uow: &mut UnitOfWork<'_>) -> Look {
    let marks = ["a", "b"].map(|label| uow.add(mark(label)));
    Box::new(move |uow| format!("{:?}", marks.map(|mark| &uow[mark])))
}

fn tags(uow: &mut UnitOfWork<'_>) -> Look {
    let first = uow.add(tag("a"));
    let second = uow.add(Tag { tagged: first.into(), ..tag("b") });
    Box::new(move |uow| format!("{:?}", [first, second].map(|tag| &uow[tag])))
}

/// A commit by this strategy fails or panics and leaves nothing behind, neither in the database nor
/// on the connection nor in the entities; nor does a flush, alone or after another flush. Gives the
/// error of the commit, if there was one.
#[track_caller]
fn leaves_nothing_behind(test: &str, strategy: Insert, fill: Fill) -> Option<Error> {
    let schema = Schema::new(test, TAGS_AND_MARKS);
    let mut observer = schema.client();
    let mut count = || -> i64 {
        let sql = "SELECT (SELECT count(*) FROM tags) + (SELECT count(*) FROM marks)";
        observer.query_one(sql, &[]).unwrap().get(0)
    };
    let mut errors = Vec::new();
    for (is_commit, flushed_before) in [(true, false), (true, true), (false, false), (false, true)]
    {
        let case = format!("commit: {is_commit}, after a flush: {flushed_before}");
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(RowByRow);
        if flushed_before {
            uow.add(tag("before"));
            uow.flush().unwrap();
        }
        let look = fill(&mut uow);
        let before = look(&uow);
        uow = uow.with_strategy(Does(strategy));
        let call = || if is_commit { uow.commit() } else { uow.flush() };
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(report)) => panic!("{case}: it said Ok, with {} rows", report.rows()),
            Ok(Err(error)) => errors.push(error),
            Err(_) => {}
        }
        assert_eq!(look(&uow), before, "{case}");
        assert_eq!(count(), 0, "{case}");

        // The same rows are still new, and a better strategy can write them.
        uow = uow.with_strategy(RowByRow);
        uow.commit().unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(count(), uow.len() as i64, "{case}");
        drop(uow);
        client.batch_execute("DELETE FROM tags; DELETE FROM marks").unwrap();
    }
    errors.into_iter().next()
}

fn insert_honestly(flush: &mut Flush<'_, '_>) -> Result<(), Error> {
    TensOfRows.insert(flush)
}

#[test]
fn an_error_after_everything_is_written() {
    let fails = |flush: &mut Flush<'_, '_>| {
        insert_honestly(flush)?;
        flush.query("SELECT 1 / 0", &Params::new()).map(drop)
    };
    for (test, fill) in [("late_a", marks as Fill), ("late_b", tags)] {
        let error = leaves_nothing_behind(test, fails, fill).unwrap();
        assert_eq!(error.sqlstate().unwrap().code(), "22012");
    }
}

#[test]
fn an_error_of_its_own_making() {
    // Nothing has failed on the server when this strategy gives up.
    let gives_up = |flush: &mut Flush<'_, '_>| {
        insert_honestly(flush)?;
        let wrong = flush.query("SELECT 'text'::text", &Params::new())?;
        wrong.get::<i32>(0, 0).map(drop)
    };
    let error = leaves_nothing_behind("own_error", gives_up, marks).unwrap();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[test]
fn a_panic_after_everything_is_written() {
    let panics = |flush: &mut Flush<'_, '_>| {
        insert_honestly(flush)?;
        panic!("a bug")
    };
    for (test, fill) in [("panics_a", marks as Fill), ("panics_b", tags)] {
        assert!(leaves_nothing_behind(test, panics, fill).is_none());
    }
}

#[test]
fn an_error_of_the_server_that_is_swallowed() {
    // A COMMIT of the aborted transaction would be answered with ROLLBACK, which is no error.
    let swallows = |flush: &mut Flush<'_, '_>| {
        insert_honestly(flush)?;
        let _ = flush.query("SELECT 1 / 0", &Params::new());
        Ok(())
    };
    for (test, fill) in [("swallows_a", marks as Fill), ("swallows_b", tags)] {
        let error = leaves_nothing_behind(test, swallows, fill).unwrap();
        assert_eq!(error.kind(), ErrorKind::Database, "{error}");
    }
}

#[test]
fn an_error_that_a_savepoint_of_its_own_mends() {
    let schema = Schema::new("own_savepoint", TAGS_AND_MARKS);
    let mut client = schema.client();
    let mends = |flush: &mut Flush<'_, '_>| {
        let none = Params::new();
        flush.query("SAVEPOINT mine", &none)?;
        flush.query("SELECT 1 / 0", &none).expect_err("it is no number");
        flush.query("ROLLBACK TO SAVEPOINT mine", &none)?;
        insert_honestly(flush)
    };
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Does(mends));
    let look = marks(&mut uow);
    uow.commit().unwrap();
    assert!(!look(&uow).contains("None"), "{}", look(&uow));
    assert_eq!(schema.count("marks"), 2);
}

#[test]
fn nothing_is_written_at_all() {
    let nothing = |_: &mut Flush<'_, '_>| Ok(());
    for (test, fill) in [("nothing_a", marks as Fill), ("nothing_b", tags)] {
        let error = leaves_nothing_behind(test, nothing, fill).unwrap();
        assert_eq!(error.kind(), ErrorKind::RowMismatch, "{error}");
    }
}

#[test]
fn rows_that_are_forgotten() {
    let forgets = |flush: &mut Flush<'_, '_>| {
        let inserts = flush.inserts();
        for step in inserts.steps() {
            TensOfRows::insert_some(flush, step.table(), &step.rows()[..1])?;
        }
        Ok(())
    };
    for (test, fill) in [("forgets_a", marks as Fill), ("forgets_b", tags)] {
        let error = leaves_nothing_behind(test, forgets, fill).unwrap();
        assert_eq!(error.kind(), ErrorKind::RowMismatch, "{error}");
    }
}

#[test]
fn what_the_database_assigned_is_not_handed_over() {
    let keeps_to_itself = |flush: &mut Flush<'_, '_>| {
        let sql = "INSERT INTO marks (label) VALUES ('a'), ('b') RETURNING id";
        flush.query(sql, &Params::new()).map(drop)
    };
    let error = leaves_nothing_behind("keeps", keeps_to_itself, marks).unwrap();
    assert_eq!(error.kind(), ErrorKind::RowMismatch, "{error}");
    assert_eq!(error.table(), Some("marks"));
}

#[test]
fn a_row_that_is_handed_over_twice_does_not_stand_for_another() {
    let twice = |flush: &mut Flush<'_, '_>| {
        let sql = "INSERT INTO tags VALUES ('a', NULL) RETURNING name";
        let rows = flush.query(sql, &Params::new())?;
        flush.returned(0, &[0], &[0], &rows)?;
        flush.returned(0, &[0], &[0], &rows)
    };
    let error = leaves_nothing_behind("twice", twice, tags).unwrap();
    assert_eq!(error.kind(), ErrorKind::RowMismatch, "{error}");
}

#[test]
fn rows_whose_keys_are_not_known_are_not_told_apart() {
    let guesses = |flush: &mut Flush<'_, '_>| {
        let sql = "INSERT INTO marks (label) VALUES ('a'), ('b') RETURNING id, label";
        let rows = flush.query(sql, &Params::new())?;
        flush.returned(0, &[0, 1], &[0, 1], &rows)
    };
    let error = leaves_nothing_behind("guesses", guesses, marks).unwrap();
    assert_eq!(error.kind(), ErrorKind::RowMismatch, "{error}");
}

#[test]
fn what_is_handed_over_lacks_the_key() {
    let keyless = |flush: &mut Flush<'_, '_>| {
        let sql = "INSERT INTO marks (label) VALUES ('a') RETURNING label";
        let rows = flush.query(sql, &Params::new())?;
        flush.returned(0, &[0], &[1], &rows)
    };
    let error = leaves_nothing_behind("keyless", keyless, marks).unwrap();
    assert_eq!(error.kind(), ErrorKind::RowMismatch, "{error}");
}

#[test]
fn what_is_handed_over_has_another_type() {
    let wide = |flush: &mut Flush<'_, '_>| {
        let sql = "INSERT INTO marks (label) VALUES ('a') RETURNING id::bigint";
        let rows = flush.query(sql, &Params::new())?;
        flush.returned(0, &[0], &[0], &rows)
    };
    let error = leaves_nothing_behind("wide", wide, marks).unwrap();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(error.table(), Some("marks"));
}

#[test]
fn bytes_that_are_no_key() {
    for (test, assigns) in [
        (
            "bytes_a",
            (|flush| {
                insert_honestly(flush)?;
                flush.assign(0, 0, 0, Some(b"not an int4"));
                Ok(())
            }) as fn(&mut Flush<'_, '_>) -> Result<(), Error>,
        ),
        ("bytes_b", |flush| {
            insert_honestly(flush)?;
            flush.assign(0, 1, 0, Some(b""));
            Ok(())
        }),
    ] {
        let error = leaves_nothing_behind(test, assigns, marks).unwrap();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!((error.table(), error.column()), (Some("marks"), Some("id")));
    }
}

#[test]
fn a_key_that_is_null() {
    let null = |flush: &mut Flush<'_, '_>| {
        insert_honestly(flush)?;
        flush.assign(0, 0, 0, None);
        Ok(())
    };
    leaves_nothing_behind("null_key", null, marks).unwrap();
}

#[test]
fn positions_that_do_not_exist() {
    for (test, strategy) in [
        (
            "positions_a",
            (|flush| {
                flush.assign(5, 5, 5, Some(b"x"));
                flush.bind(5, 0, 0, &mut Params::new()).map(drop)
            }) as fn(&mut Flush<'_, '_>) -> Result<(), Error>,
        ),
        ("positions_b", |flush| flush.bind(0, 99, 0, &mut Params::new()).map(drop)),
        ("positions_c", |flush| flush.bind(0, 0, 99, &mut Params::new()).map(drop)),
    ] {
        leaves_nothing_behind(test, strategy, marks);
    }
}

#[test]
fn more_parameters_than_a_statement_can_have() {
    let too_many = |flush: &mut Flush<'_, '_>| {
        let mut params = Params::new();
        for _ in 0..=u16::MAX {
            params.push(&1_i32).expect("a number can be sent");
        }
        flush.query("SELECT 1", &params).map(drop)
    };
    leaves_nothing_behind("too_many", too_many, marks).unwrap();
}

#[test]
fn a_statement_with_a_nul_character() {
    let nul = |flush: &mut Flush<'_, '_>| flush.query("SELECT '\0'", &Params::new()).map(drop);
    leaves_nothing_behind("nul", nul, marks).unwrap();
}

#[test]
fn several_statements_in_one() {
    // The extended protocol takes one at a time, so nothing can be smuggled in.
    let two = |flush: &mut Flush<'_, '_>| {
        insert_honestly(flush)?;
        flush.query("SELECT 1; COMMIT", &Params::new()).map(drop)
    };
    let error = leaves_nothing_behind("two", two, marks).unwrap();
    assert_eq!(error.sqlstate().unwrap().code(), "42601", "{error}");
}

#[test]
fn nothing_takes_the_place_of_a_strategy_from_outside() {
    let schema = Schema::new("custom_outside", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Does(|flush| RowByRow.insert(flush)));
    let user = |id| User { id, name: "Ada".into(), score: None, mentor: None };
    let old = uow.add(user(None));
    uow.add(Address { id: None, email: "home".into(), owner: old.into() });
    uow.commit().unwrap();
    // One statement could do it, but might not write what this strategy writes.
    let key = uow[old].id;
    uow.delete(old).unwrap();
    uow.add(user(key));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().map(|code| code.code()), Some("23503"), "{error}");
    assert_eq!(schema.count("addresses"), 1);
}
