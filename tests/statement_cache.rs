//! Commits and queries whose statements are prepared.

mod common;
#[path = "common/relayed.rs"]
mod relayed;
#[path = "common/users.rs"]
mod users;

use common::Schema;
use onetrip::{
    CommitReport, Error, ErrorKind, ForeignKey, Model, OneTrip, Retry, StatementCache, Strategy,
    UnitOfWork,
};
use postgres::Client;
use postgres::error::SqlState;
use relayed::{client_through, relay_to};
use users::{Address, TABLES, User, address, user};

/// Commits one user with an address.
fn commit(client: &mut Client, cache: &StatementCache, name: &str) -> Result<CommitReport, Error> {
    let mut uow = UnitOfWork::new(client).with_statement_cache(cache);
    let user = uow.add(user(name));
    uow.add(address(format!("{name}@example.org"), user));
    uow.commit()
}

/// A cache that has the statement of [`commit`].
fn prepared(client: &mut Client) -> StatementCache {
    let cache = StatementCache::new();
    for name in ["first", "second"] {
        commit(client, &cache, name).unwrap();
    }
    assert_eq!(cache.prepare(client).unwrap(), 1);
    cache
}

/// How often the session has run each of its prepared statements.
fn runs(client: &mut Client) -> Vec<i64> {
    let sql = "SELECT generic_plans + custom_plans FROM pg_prepared_statements
               WHERE NOT from_sql AND statement NOT LIKE '%pg_prepared_statements%'
               ORDER BY prepare_time";
    client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
fn what_comes_up_twice_is_prepared_and_run_from_then_on() {
    let schema = Schema::new("prepared", TABLES);
    let mut client = schema.client();
    let cache = StatementCache::new();
    assert_eq!(cache.prepare(&mut client).unwrap(), 0, "nothing has come up");
    commit(&mut client, &cache, "ada").unwrap();
    assert_eq!(cache.prepare(&mut client).unwrap(), 0, "it has come up once");
    commit(&mut client, &cache, "bob").unwrap();
    assert!(cache.is_empty());
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    assert_eq!((cache.len(), runs(&mut client)), (1, vec![0]));
    for (done, name) in ["cid", "dan", "eve", "fay", "gus", "hal", "ida"].iter().enumerate() {
        assert_eq!(commit(&mut client, &cache, name).unwrap().round_trips(), 1);
        assert_eq!(runs(&mut client), [done as i64 + 1]);
    }
    assert_eq!(cache.prepare(&mut client).unwrap(), 0, "it is prepared already");
    assert_eq!(
        schema.rows(
            "SELECT u.id, name, email FROM users u JOIN addresses a ON user_id = u.id ORDER BY 1"
        )[6..],
        ["7|gus|gus@example.org", "8|hal|hal@example.org", "9|ida|ida@example.org"]
    );
}

#[test]
fn a_prepared_commit_takes_one_round_trip_on_the_wire() {
    let schema = Schema::new("prepared_wire", TABLES);
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let cache = prepared(&mut client);
    let before = relay.round_trips().unwrap();
    commit(&mut client, &cache, "ada").unwrap();
    assert_eq!(relay.round_trips().unwrap() - before, 1);
    assert_eq!(cache.prepare(&mut client).unwrap(), 0);
    assert_eq!(relay.round_trips().unwrap() - before, 1, "there was nothing to prepare");
}

/// Everything that a unit of work does, often enough that the server goes over to plans for any
/// values, by the side of a unit of work without a cache.
#[test]
fn prepared_statements_do_what_others_do() {
    let schemas = ["with_cache", "without"].map(|name| Schema::new(name, TABLES));
    let caches = [Some(StatementCache::new()), None];
    for (schema, cache) in schemas.iter().zip(&caches) {
        let mut client = schema.client();
        for turn in 0..12 {
            let mut uow = UnitOfWork::new(&mut client).with_strategy(OneTrip);
            if let Some(cache) = cache {
                uow = uow.with_statement_cache(cache);
            }
            // Arrays of other lengths do not make another statement.
            let users: Vec<_> =
                (0..=turn).map(|n| uow.add(user(format!("user {turn}.{n}")))).collect();
            for &user in &users {
                uow.add(address("?", user));
            }
            uow.commit().unwrap();
            // A flush that is undone has used up a key.
            assert_eq!(uow[users[0]].id, Some(turn * (turn + 1) / 2 + turn + 1));
            uow[users[0]].name.push('!');
            uow.commit().unwrap();
            uow.add(user(format!("late {turn}")));
            uow.delete(users[0]).unwrap();
            uow.flush().unwrap();
            uow.rollback();
            uow.clear();
            let found = uow.query::<User>("name = $1").bind(format!("user {turn}.0!")).load();
            let found = found.unwrap();
            assert_eq!(found.len(), 1, "turn {turn}");
            uow.delete(found[0]).unwrap();
            uow.commit().unwrap();
            drop(uow);
            if let Some(cache) = cache {
                cache.prepare(&mut client).unwrap();
            }
        }
        if cache.is_some() {
            // The inserts, the update, the delete, and what the catalog says of the foreign key, which
            // acts on addresses of a user that is deleted; and not the query, which binds a text.
            let runs = runs(&mut client);
            assert_eq!(runs, [10; 4]);
        }
    }
    let rows = |schema: &Schema| {
        let mut rows = schema.rows("SELECT id, name FROM users ORDER BY id");
        rows.extend(schema.rows("SELECT id, email, user_id FROM addresses ORDER BY id"));
        rows
    };
    assert_eq!(rows(&schemas[0]), rows(&schemas[1]));
    assert_eq!(rows(&schemas[0]).len(), 66 * 2);
}

#[test]
fn what_the_server_has_forgotten_is_sent_as_text() {
    let schema = Schema::new("deallocated", TABLES);
    let mut client = schema.client();
    let cache = prepared(&mut client);
    client.batch_execute("DEALLOCATE ALL").unwrap();
    assert_eq!(commit(&mut client, &cache, "ada").unwrap().round_trips(), 2);
    assert_eq!(commit(&mut client, &cache, "bob").unwrap().round_trips(), 1);
    assert!(cache.is_empty());
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    assert_eq!(commit(&mut client, &cache, "cid").unwrap().round_trips(), 1);
    assert_eq!(runs(&mut client), [1]);
    assert_eq!(schema.count("addresses"), 5);
}

#[test]
fn what_an_altered_table_has_outdated_is_sent_as_text() {
    let schema = Schema::new("altered", TABLES);
    let mut client = schema.client();
    let cache = prepared(&mut client);
    let load = |client: &mut Client| {
        let mut uow = UnitOfWork::new(client).with_statement_cache(&cache);
        uow.query::<User>("true").load().map(|users| users.len())
    };
    for _ in 0..2 {
        assert_eq!(load(&mut client).unwrap(), 2);
    }
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    assert_eq!(load(&mut client).unwrap(), 2);
    assert_eq!(runs(&mut client), [0, 1]);
    // What is read keeps its type.
    schema.client().batch_execute("ALTER TABLE users ALTER name TYPE varchar").unwrap();
    assert_eq!(load(&mut client).unwrap(), 2);
    assert_eq!(runs(&mut client), [0, 2]);
    // Larger numbers do not.
    schema.client().batch_execute("ALTER TABLE users ALTER id TYPE bigint").unwrap();
    let error = load(&mut client).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("id")), "{error}");
    assert_eq!(cache.len(), 1, "the query is forgotten");
    schema.client().batch_execute("ALTER TABLE users ALTER id TYPE int").unwrap();
    assert_eq!(load(&mut client).unwrap(), 2);
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    assert_eq!(load(&mut client).unwrap(), 2);
    assert_eq!(commit(&mut client, &cache, "ada").unwrap().round_trips(), 1);
}

/// What is prepared on the session, by name, in the order in which it was.
fn names(client: &mut Client) -> Vec<(String, String, String)> {
    let sql = "SELECT name, array_to_string(parameter_types, ', '), statement
               FROM pg_prepared_statements WHERE NOT from_sql
               AND statement NOT LIKE '%pg_prepared_statements%' ORDER BY prepare_time";
    let rows = client.query(sql, &[]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// As behind a pooler that gives a program the session of another: what is prepared under the name is
/// the same statement for other tables, something else, or nothing.
#[test]
fn a_statement_of_another_program_does_nothing() {
    let schema = Schema::new(
        "others",
        &format!(
            "{TABLES};
            CREATE TABLE guests (id serial PRIMARY KEY, name text NOT NULL);
            CREATE TABLE rooms (id serial PRIMARY KEY, email text NOT NULL,
                user_id int NOT NULL REFERENCES guests)"
        ),
    );
    let of_guests = |sql: &str| {
        let sql = sql.replace("\"users\"", "\"guests\"").replace("\"addresses\"", "\"rooms\"");
        // That of another text is another mark.
        sql.replace("::tid THEN", "::tid AND false THEN")
    };
    let same = |_: &str| "SELECT 1".to_owned();
    let other = |_: &str| "INSERT INTO guests (name) SELECT 'wrong' RETURNING id".to_owned();
    let others: [&dyn Fn(&str) -> String; 3] = [&of_guests, &same, &other];
    for (turn, other) in others.into_iter().enumerate() {
        let mut client = schema.client();
        client.batch_execute("TRUNCATE users, addresses").unwrap();
        let cache = prepared(&mut client);
        let load = |client: &mut Client| {
            let mut uow = UnitOfWork::new(client).with_statement_cache(&cache);
            uow.query::<User>("true").load().map(|users| users.len())
        };
        for _ in 0..2 {
            load(&mut client).unwrap();
        }
        assert_eq!(cache.prepare(&mut client).unwrap(), 1);
        for (name, types, sql) in names(&mut client) {
            let other = other(&sql);
            let types = if turn == 0 { format!("({types})") } else { String::new() };
            client
                .batch_execute(&format!("DEALLOCATE {name}; PREPARE {name} {types} AS {other}"))
                .unwrap();
        }
        let report = commit(&mut client, &cache, "ada").unwrap();
        assert_eq!(report.round_trips(), 2, "it is found out, and the text is sent");
        assert_eq!(load(&mut client).unwrap(), 3);
        assert_eq!(schema.count("addresses"), 3);
        assert_eq!(schema.count("guests") + schema.count("rooms"), 0, "turn {turn}");
        // What is forgotten is prepared anew.
        assert_eq!(cache.prepare(&mut client).unwrap(), 2);
        assert_eq!(commit(&mut client, &cache, "bob").unwrap().round_trips(), 1);
        assert_eq!(load(&mut client).unwrap(), 4);
    }
}

#[test]
fn a_cache_of_another_connection_does_no_harm() {
    let schema = Schema::new("other", TABLES);
    let (mut client, mut other) = (schema.client(), schema.client());
    let cache = prepared(&mut client);
    assert_eq!(commit(&mut other, &cache, "ada").unwrap().round_trips(), 2);
    assert_eq!(commit(&mut client, &cache, "bob").unwrap().round_trips(), 1);
    assert_eq!(schema.count("users"), 4);
}

/// There, a statement that the server does not know would take the transaction along.
#[test]
fn in_a_transaction_text_is_sent() {
    let schema = Schema::new("in_transaction", TABLES);
    let mut client = schema.client();
    let cache = prepared(&mut client);
    for _ in 0..2 {
        let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
        assert_eq!(uow.query::<User>("true").load().unwrap().len(), 2);
    }
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    client.batch_execute("DEALLOCATE ALL").unwrap();
    let mut transaction = client.transaction().unwrap();
    let mut uow = UnitOfWork::new(&mut transaction).with_statement_cache(&cache);
    assert_eq!(uow.query::<User>("true").load().unwrap().len(), 2);
    uow.add(user("ada"));
    assert_eq!(uow.commit().unwrap().round_trips(), 3);
    drop(uow);
    transaction.commit().unwrap();
    assert_eq!((schema.count("users"), cache.len()), (3, 2));
}

#[test]
fn a_refused_commit_is_not_sent_twice() {
    let schema = Schema::new("refused", &format!("{TABLES}; CREATE UNIQUE INDEX ON users (name)"));
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let cache = prepared(&mut client);
    let before = relay.round_trips().unwrap();
    let error = commit(&mut client, &cache, "first").unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::UNIQUE_VIOLATION));
    assert_eq!((error.table(), relay.round_trips().unwrap() - before), (Some("users"), 1));
    assert_eq!(commit(&mut client, &cache, "third").unwrap().round_trips(), 1);
    assert_eq!(runs(&mut client), [2]);
}

/// What a trigger says looks like an outdated statement, and comes back as it is.
#[test]
fn what_looks_outdated_and_is_not_fails_as_without_a_cache() {
    let schema = Schema::new("looks_outdated", TABLES);
    let mut client = schema.client();
    let cache = prepared(&mut client);
    let trigger = "
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE feature_not_supported USING MESSAGE = 'no more users'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON users EXECUTE FUNCTION refuse()";
    client.batch_execute(trigger).unwrap();
    let error = commit(&mut client, &cache, "third").unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::FEATURE_NOT_SUPPORTED));
    assert!(error.to_string().contains("no more users"), "{error}");
    client.batch_execute("DROP TRIGGER refuse ON users").unwrap();
    assert_eq!(commit(&mut client, &cache, "third").unwrap().round_trips(), 1);
    assert_eq!((schema.count("users"), schema.count("addresses")), (3, 3));
}

#[test]
fn large_commits_are_sent_as_text() {
    let schema = Schema::new("large", TABLES);
    let mut client = schema.client();
    let cache = StatementCache::new();
    for turn in 0..3 {
        let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
        uow.add(user(format!("{turn}{}", "x".repeat(64 << 10))));
        uow.commit().unwrap();
    }
    assert_eq!(cache.prepare(&mut client).unwrap(), 0);
    assert_eq!(schema.count("users"), 3);
}

#[test]
fn a_full_cache_lets_go_of_what_was_not_used_for_longest() {
    let schema = Schema::new("full", TABLES);
    let mut client = schema.client();
    let cache = StatementCache::with_capacity(2);
    let users = |client: &mut Client| {
        UnitOfWork::new(client)
            .with_statement_cache(&cache)
            .query::<User>("true")
            .load()
            .unwrap()
            .len()
    };
    let addresses = |client: &mut Client| {
        let mut uow = UnitOfWork::new(client).with_statement_cache(&cache);
        uow.query::<Address>("true").load().unwrap().len()
    };
    for _ in 0..2 {
        commit(&mut client, &cache, &format!("user {}", schema.count("users"))).unwrap();
        users(&mut client);
    }
    assert_eq!(cache.prepare(&mut client).unwrap(), 2);
    commit(&mut client, &cache, "ada").unwrap();
    assert_eq!(addresses(&mut client), 3, "takes the place of the users");
    assert_eq!((cache.len(), runs(&mut client)), (1, vec![1]));
    addresses(&mut client);
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    assert_eq!(cache.len(), 2);
    assert_eq!(commit(&mut client, &cache, "bob").unwrap().round_trips(), 1);
    assert_eq!((addresses(&mut client), runs(&mut client)), (4, vec![2, 1]));
    let none = StatementCache::with_capacity(0);
    commit(&mut client, &none, "cid").unwrap();
    commit(&mut client, &none, "dan").unwrap();
    assert_eq!(none.prepare(&mut client).unwrap(), 0);
}

#[test]
fn what_cannot_be_prepared_is_an_error_once() {
    let schema = Schema::new("unpreparable", TABLES);
    let mut client = schema.client();
    let cache = StatementCache::new();
    for name in ["ada", "bob"] {
        commit(&mut client, &cache, name).unwrap();
    }
    client.batch_execute("DROP TABLE addresses").unwrap();
    let error = cache.prepare(&mut client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database);
    assert_eq!(
        error.to_string(),
        "preparing a statement that has come up before: relation \"addresses\" does not exist (SQLSTATE 42P01)"
    );
    assert_eq!(cache.prepare(&mut client).unwrap(), 0);
}

#[test]
fn work_that_is_repeated_can_use_a_cache() {
    let schema = Schema::new("repeated", TABLES);
    let mut client = schema.client();
    let cache = prepared(&mut client);
    let shared = cache.clone();
    let retry = Retry::new().with(move |uow| uow.with_statement_cache(&shared));
    retry
        .run(&mut client, |uow| {
            let user = uow.add(user("ada"));
            uow.add(address("?", user));
            Ok(())
        })
        .unwrap();
    assert_eq!(runs(&mut client), [1]);
}

#[derive(Model, Clone, Debug)]
#[model(table = "days")]
struct Day {
    #[model(key)]
    id: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "visits")]
struct Visit {
    #[model(key)]
    id: i32,
    day_id: ForeignKey<Day>,
}

/// The ids of what is loaded, in different ways, for a literal that means another day by `datestyle`.
fn of_literal(client: &mut Client, cache: &StatementCache) -> Result<Vec<Vec<i32>>, Error> {
    const DAY: &str = "day = '2/1/2026'";
    let mut all = Vec::new();
    let mut uow = UnitOfWork::new(&mut *client).with_statement_cache(cache);
    let days = uow.query::<Day>(DAY).load()?;
    all.push(days.iter().map(|&day| uow[day].id).collect());
    all.push(vec![uow.query::<Day>(format!("id > 1 AND {DAY}")).count()? as i32]);
    all.push(vec![uow.query::<Day>(format!("id > 1 AND {DAY}")).exists()?.into()]);
    let graph = uow.query::<Day>(DAY).with(|day| {
        day.children::<Visit>();
    });
    let graph = graph.load()?;
    all.push(graph.roots().map(|day| uow[day].id).collect());
    let graph = uow.query::<Day>("true").order_by("id").with(|day| {
        day.children::<Visit>().filter(DAY);
    });
    let graph = graph.load()?;
    for day in graph.roots() {
        all.push(graph.children::<Visit>(day)?.map(|visit| uow[visit].id).collect());
    }
    let ordered = format!("({DAY}) DESC");
    let graph = uow.query::<Day>("true").order_by(ordered).limit(1).with(|day| {
        day.children::<Visit>();
    });
    let graph = graph.load()?;
    all.push(graph.roots().map(|day| uow[day].id).collect());
    drop(uow);
    cache.prepare(client)?;
    Ok(all)
}

#[test]
fn a_literal_means_what_it_means_when_it_is_sent() -> Result<(), Error> {
    let schema = Schema::new(
        "prepared_literals",
        "CREATE TABLE days (id int PRIMARY KEY, day date NOT NULL);
         CREATE TABLE visits (id int PRIMARY KEY, day_id int NOT NULL REFERENCES days, day date NOT NULL);
         INSERT INTO days VALUES (1, '2026-02-01'), (2, '2026-01-02');
         INSERT INTO visits SELECT 10 + id, id, day FROM days",
    );
    let mut client = schema.client();
    let cache = StatementCache::new();
    for (style, expected) in [("MDY", 1), ("DMY", 2), ("MDY", 1)] {
        client.batch_execute(&format!("SET datestyle = 'ISO, {style}'")).unwrap();
        let own = vec![expected];
        let found = i32::from(expected == 2);
        let mut visits = [Vec::new(), Vec::new()];
        visits[expected as usize - 1].push(10 + expected);
        let [one, other] = [visits[0].clone(), visits[1].clone()];
        let counted = vec![found];
        let all = [&own, &counted, &counted, &own, &one, &other, &own].map(Clone::clone);
        for _ in 0..4 {
            assert_eq!(of_literal(&mut client, &cache)?, all, "{style}");
        }
    }
    Ok(())
}

#[test]
fn a_graph_is_prepared_and_run_from_then_on() -> Result<(), Error> {
    let schema = Schema::new(
        "prepared_graph",
        "CREATE TABLE days (id int PRIMARY KEY);
         CREATE TABLE visits (id int PRIMARY KEY, day_id int NOT NULL REFERENCES days);
         CREATE INDEX visits_by_day ON visits (day_id);
         INSERT INTO days VALUES (1), (2), (3);
         INSERT INTO visits SELECT 10 * id + n, id FROM days, generate_series(1, 2) AS n",
    );
    let mut client = schema.client();
    let (cache, strategy) = (StatementCache::new(), Strategy::default());
    let load = |client: &mut Client| -> Result<Vec<i32>, Error> {
        let mut uow = UnitOfWork::new(&mut *client)
            .with_statement_cache(&cache)
            .with_strategy(strategy.clone());
        let query = uow.query::<Day>("id < $1").bind(3).order_by("id DESC");
        let graph = query.with(|day| {
            day.children::<Visit>();
        });
        let graph = graph.load()?;
        let mut ids = Vec::new();
        for day in graph.roots() {
            ids.extend(graph.children::<Visit>(day)?.map(|visit| uow[visit].id));
        }
        drop(uow);
        cache.prepare(client)?;
        Ok(ids)
    };
    // Of the first two texts, each comes up once: the strategy learns of the index.
    for _ in 0..4 {
        assert_eq!(load(&mut client)?, [21, 22, 11, 12]);
    }
    assert_eq!((cache.len(), runs(&mut client)), (1, vec![0]));
    for done in 1..9 {
        assert_eq!(load(&mut client)?, [21, 22, 11, 12]);
        assert_eq!(runs(&mut client), [done]);
    }
    // The prepared statement looks for the index each time.
    client.batch_execute("DROP INDEX visits_by_day; INSERT INTO visits VALUES (99, 2)").unwrap();
    for _ in 0..5 {
        assert_eq!(load(&mut client)?, [21, 22, 99, 11, 12]);
    }
    Ok(())
}
