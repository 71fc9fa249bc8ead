//! What belongs to a session, which is nobody's own here: prepared statements and settings.

use std::env;
use std::process::{Command, Stdio};

use onetrip::{Auto, Copy, ErrorKind, ForeignKey, StatementCache, Strategy, UnitOfWork, Unnest};
use postgres::Client;

use super::place::{Place, SESSIONS};
use super::strategies::STRATEGIES;
use super::users::{User, address, user};
use super::{TABLES, assert_worked, work};

/// Commits a user with an address, and returns the number of round trips.
fn commit(client: &mut Client, cache: &StatementCache, name: &str) -> u64 {
    let mut uow = UnitOfWork::new(client).with_statement_cache(cache);
    let user = uow.add(user(name));
    uow.add(address(format!("{name}@home"), user));
    uow.commit().expect("nothing is wrong with it").round_trips()
}

/// Names the driver's prepared statements before it does, in each session, as if other programs had.
fn take_names(place: &Place) {
    let sql = "DO $$ BEGIN FOR n IN 0..3000 LOOP
        EXECUTE format('PREPARE s%s AS SELECT 1', n); END LOOP; END $$";
    assert_eq!(place.in_each_session(sql).len(), SESSIONS);
}

#[test]
fn a_cache_meets_sessions_that_do_not_have_its_statements() {
    let Some(place) = Place::new("cache", TABLES) else { return };
    let mut held = place.hold(SESSIONS - 1);
    let mut client = place.client();
    let cache = StatementCache::new();
    assert_eq!(commit(&mut client, &cache, "a"), 1);
    assert_eq!(commit(&mut client, &cache, "b"), 1);
    assert_eq!(cache.prepare(&mut client).unwrap(), 1);
    assert_eq!(commit(&mut client, &cache, "c"), 1, "it is the same session");
    // Another session becomes free, and the client's own is taken.
    let mut other = place.client();
    other.batch_execute("BEGIN").unwrap();
    held[0].batch_execute("COMMIT").unwrap();
    let expected = if place.follows_prepared_statements() { 1 } else { 2 };
    assert_eq!(commit(&mut client, &cache, "d"), expected);
    assert_eq!(commit(&mut client, &cache, "e"), 1);
    let users = place.rows("SELECT name FROM users ORDER BY id");
    assert_eq!(users, ["a", "b", "c", "d", "e"]);
    assert_eq!(place.count("addresses"), 5);
}

/// The driver counts its statements from `s0`, in each process.
#[test]
fn processes_with_caches_have_the_same_names_for_other_statements() {
    const PROCESSES: usize = 6;
    let Some(place) = Place::new("processes", TABLES) else { return };
    let start = |number: usize| {
        let mut command = Command::new(env::current_exe().expect("a running program has a path"));
        command.args(["--exact", "sessions::one_of_the_processes", "--nocapture"]);
        command.env("ONETRIP_TEST_PROCESS", format!("{} {number}", place.name()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program can be started")
    };
    let processes: Vec<_> = (0..PROCESSES).map(start).collect();
    for process in processes {
        let output = process.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for number in 0..PROCESSES {
        for turn in 0..TURNS {
            assert_worked(&place, &format!("{number}.{turn}"));
        }
        let rows = |table| {
            place.rows(&format!("SELECT count(*) FROM {table} WHERE {number} =
            (SELECT split_part(name, ':', 2)::int FROM users WHERE id = user_id AND name LIKE 'user:%')"))
        };
        assert_eq!(rows("addresses"), [TURNS.to_string()]);
        let large = format!("SELECT count(*) FROM users WHERE name LIKE 'large:{number}:%'");
        assert_eq!(place.rows(&large), [(TURNS * LARGE).to_string()]);
    }
    let changed = "SELECT count(*) FROM users WHERE name LIKE 'user:%!'";
    assert_eq!(place.rows(changed), [(PROCESSES * TURNS / 2).to_string()]);
}

const TURNS: usize = 8;
const LARGE: usize = 12;

/// Does nothing by itself.
#[test]
fn one_of_the_processes() {
    let Ok(which) = env::var("ONETRIP_TEST_PROCESS") else { return };
    let (name, number) = which.split_once(' ').expect("a name and a number");
    let place = Place::of_other(name);
    let mut client = place.client();
    let cache = StatementCache::new();
    let bulk = Strategy::from(Auto::new().max_rows(LARGE - 1));
    for turn in 0..TURNS {
        // The shapes of commits come in another order in each process, and so do their names.
        let odd = (turn + number.len() + number.as_bytes()[0] as usize) % 2 == 1;
        if odd {
            let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
            uow.query::<User>("id = $1").bind(-1).load().unwrap();
        }
        let user_name = format!("user:{number}:{turn}");
        commit(&mut client, &cache, &user_name);
        cache.prepare(&mut client).unwrap();
        if odd {
            let mut uow = UnitOfWork::new(&mut client).with_statement_cache(&cache);
            let found = uow.query::<User>("name = $1").bind(user_name.clone()).first().unwrap();
            let found = found.expect("it was committed");
            assert_eq!(uow[found].name, user_name);
            uow[found].name.push('!');
            uow.commit().unwrap();
        }
        work(&mut client, &Strategy::from(Auto::new()), &format!("{number}.{turn}")).unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(bulk.clone());
        (0..LARGE).for_each(|n| {
            uow.add(user(format!("large:{number}:{turn}:{n}")));
        });
        assert_eq!(uow.commit().unwrap().rows(), LARGE);
    }
}

#[test]
fn auto_goes_on_where_a_copy_cannot_be_prepared() {
    const ROWS: usize = 20_001;
    let Some(place) = Place::new("copy", TABLES) else { return };
    take_names(&place);
    let mut client = place.client();
    let mut uow = UnitOfWork::new(&mut client);
    let users: Vec<_> = (0..ROWS).map(|n| uow.add(user(format!("user {n}")))).collect();
    assert_eq!(uow.plan().unwrap().written_by(), "copy");
    let report = uow.commit().unwrap();
    let follows = place.follows_prepared_statements();
    assert_eq!(report.written_by(), if follows { "copy" } else { "unnest" });
    assert_eq!(report.rows(), ROWS);
    let last = uow[users[ROWS - 1]].id.unwrap();
    drop(uow);
    let found = place.rows(&format!("SELECT name FROM users WHERE id = {last}"));
    assert_eq!(found, [format!("user {}", ROWS - 1)]);
    assert_eq!(place.count("users"), ROWS);

    // Who asks for `Copy` and nothing else is told so.
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Copy);
    let one = uow.add(user("one"));
    let result = uow.commit();
    if !follows {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Database);
        assert_eq!(error.sqlstate().map(|code| code.code()), Some("42P05"));
        assert!(error.hint().unwrap().contains("max_prepared_statements"), "{error}");
        assert_eq!((uow[one].id, place.count("users")), (None, ROWS));
        drop(uow);
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Unnest);
        uow.add(user("one"));
        uow.commit().unwrap();
    }
    assert_eq!(place.count("users"), ROWS + 1);
}

/// PgBouncer before 1.22.1 gives a session away too early, and keeps the answer to what is sent next, where
/// something was sent between the end of a `COPY` and its answer.
#[test]
fn a_client_goes_on_where_a_commit_was_refused_after_a_copy() {
    const DEFERRED: &str = "ALTER TABLE addresses ALTER CONSTRAINT addresses_user_id_fkey
        DEFERRABLE INITIALLY DEFERRED";
    let Some(place) = Place::new("refused", &format!("{TABLES}; {DEFERRED}")) else { return };
    let mut client = place.client();
    for turn in 0..200 {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Copy);
        let user = uow.add(user(format!("user {turn}")));
        let address = uow.add(address("home", ForeignKey::Key(-1)));
        let error = uow.commit().unwrap_err();
        assert_eq!(error.constraint(), Some("addresses_user_id_fkey"), "{error}");
        assert_eq!(place.count("users"), turn);
        uow[address].user_id = user.into();
        uow.commit().unwrap();
    }
    assert_eq!(place.count("addresses"), 200);
}

/// Neither the library's own nor what is set for a transaction.
#[test]
fn nothing_stays_in_the_sessions() {
    let Some(place) = Place::new("leaks", TABLES) else { return };
    let state = |place: &Place| {
        place.in_each_session(
            "SELECT name || '=' || setting FROM pg_settings
                 WHERE source = 'session' AND name NOT IN ('application_name', 'transaction_isolation',
                     'transaction_read_only', 'transaction_deferrable')
             UNION ALL SELECT 'prepared ' || name FROM pg_prepared_statements
                 WHERE statement NOT LIKE '%pg_prepared_statements%'
             UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE statement NOT LIKE '%pg_cursors%'
             UNION ALL SELECT 'lock ' || objid FROM pg_locks
                 WHERE locktype = 'advisory' AND pid = pg_backend_pid()
             UNION ALL SELECT 'temporary ' || relname FROM pg_class WHERE relpersistence = 't'
             ORDER BY 1",
        )
    };
    let before = state(&place);
    let mut clients = place.hold(SESSIONS);
    for client in &mut clients {
        client.batch_execute("COMMIT").unwrap();
        for named in STRATEGIES {
            let strategy = (named.strategy)();
            client.batch_execute("TRUNCATE users, addresses, tags").unwrap();
            work(client, &strategy, named.name).unwrap();
            let mut uow = UnitOfWork::new(&mut *client).with_strategy(strategy);
            // For the transaction only. It ends by a commit, by a commit that fails, and by a flush.
            let set =
                "SELECT set_config('statement_timeout', '77s', true), pg_advisory_xact_lock(77)";
            uow.sql(set).execute().unwrap();
            uow.add(user("one"));
            uow.commit().unwrap();
            uow.sql(set).execute().unwrap();
            uow.add(user("one"));
            uow.commit().unwrap_err();
            uow.sql(set).execute().unwrap();
            uow.flush().unwrap_err();
        }
        client.batch_execute("BEGIN").unwrap();
    }
    clients.iter_mut().for_each(|client| client.batch_execute("COMMIT").unwrap());
    drop(clients);
    let mut after = state(&place);
    // What a pooler prepares for a `COPY`, it keeps for the next one.
    after.iter_mut().for_each(|session| session.retain(|line| !line.contains("PGBOUNCER")));
    assert_eq!(after, before);
}
