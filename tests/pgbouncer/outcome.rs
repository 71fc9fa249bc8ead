//! Lost sessions and lost poolers: the outcome of a commit is unknown where it can have been sent, and
//! only there.

use std::thread;

use onetrip::{Auto, Batch, Error, ErrorKind, OneTrip, Strategy, UnitOfWork};
use postgres::Client;

use super::TABLES;
use super::place::{Place, Pooler, wait_for};
use super::users::user;

/// Each way that a commit takes, and whether it is one statement.
fn strategies() -> [(Strategy, bool); 2] {
    [(Auto::new().into(), true), (Batch.into(), false)]
}

fn commit(client: &mut Client, strategy: Strategy) -> Result<(), Error> {
    let mut uow = UnitOfWork::new(client).with_strategy(strategy);
    uow.add(user("Ada"));
    uow.commit().map(drop)
}

#[track_caller]
fn assert_not_sent(error: &Error, message: &str) {
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_commit_that_found_no_session_in_time_was_not_sent() {
    let Some(place) = Place::new("no_session", TABLES) else { return };
    let pooler = Pooler::start(&place, "default_pool_size = 1\nquery_wait_timeout = 1");
    for (strategy, _) in strategies() {
        let [mut client, mut again, mut holder] = [0; 3].map(|_| pooler.patient_client(&place));
        holder.batch_execute("BEGIN").unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let ada = uow.add(user("Ada"));
        let error = uow.commit().unwrap_err();
        assert_not_sent(&error, "query_wait_timeout");
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!((uow[ada].id, place.count("users")), (None, 0));
        uow.reconnect(&mut again);
        uow.commit().unwrap();
        assert_eq!(place.count("users"), 1);
        place.direct().batch_execute("DELETE FROM users").unwrap();
    }
}

/// The driver does not hand the pooler's message on where it finds the end of the connection along with
/// it, which is nearly always. Then nobody knows what became of a statement that commits. A commit that
/// begins with `BEGIN` is in no doubt.
#[test]
fn a_message_that_the_driver_has_lost_says_nothing() {
    let Some(place) = Place::new("no_message", TABLES) else { return };
    let pooler = Pooler::start(&place, "default_pool_size = 1\nquery_wait_timeout = 1");
    for (strategy, is_one) in strategies() {
        let [mut client, mut holder] = [0; 2].map(|_| pooler.client(&place));
        holder.batch_execute("BEGIN").unwrap();
        let error = commit(&mut client, strategy).unwrap_err();
        let expected = match is_one && error.sqlstate().is_none() {
            true => ErrorKind::UnknownOutcome,
            false => ErrorKind::Connection,
        };
        assert_eq!(error.kind(), expected, "{error}");
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(place.count("users"), 0);
    }
}

/// `query_timeout` has two messages: one for those that wait, and one for those that run.
#[test]
fn a_commit_that_waited_longer_than_a_query_may_take_was_not_sent() {
    let Some(place) = Place::new("query_timeout", TABLES) else { return };
    let pooler = Pooler::start(&place, "query_timeout = 1");
    for (strategy, _) in strategies() {
        let mut client = pooler.patient_client(&place);
        pooler.console("PAUSE");
        let error = commit(&mut client, strategy).unwrap_err();
        assert_not_sent(&error, "query_timeout");
        pooler.console("RESUME");
        assert_eq!(place.count("users"), 0);
    }
}

#[test]
fn a_commit_after_too_long_a_pause_was_not_sent() {
    let Some(place) = Place::new("idle", TABLES) else { return };
    let pooler = Pooler::start(&place, "client_idle_timeout = 1\nidle_transaction_timeout = 1");
    for (strategy, _) in strategies() {
        let mut client = pooler.patient_client(&place);
        let before = pooler.log().matches("closing because: client_idle_timeout").count();
        wait_for(
            || pooler.log().matches("closing because: client_idle_timeout").count() > before,
            "the pooler has closed the connection",
        );
        let error = commit(&mut client, strategy.clone()).unwrap_err();
        assert_not_sent(&error, "client_idle_timeout");

        let mut client = pooler.patient_client(&place);
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        uow.add(user("Ada"));
        uow.flush().unwrap();
        place.wait_until("count(*) = 0 FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()");
        let error = uow.commit().unwrap_err();
        assert_not_sent(&error, "idle transaction timeout");
        assert_eq!(place.count("users"), 0);
    }
}

#[test]
fn a_commit_that_the_pooler_has_no_server_for_was_not_sent() {
    let Some(place) = Place::new("login", TABLES) else { return };
    let pooler = Pooler::start(&place, "query_wait_timeout = 1\nserver_login_retry = 600");
    let mut clients = [0; 3].map(|_| pooler.patient_client(&place));
    clients.iter_mut().for_each(|client| client.batch_execute("SELECT 1").unwrap());
    place.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", place.name()));
    place.admin(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        place.name()
    ));
    wait_for(|| pooler.log().contains("server conn crashed"), "the pooler has lost its server");
    let [first, others @ ..] = &mut clients;
    let error = commit(first, OneTrip.into()).unwrap_err();
    // Newer versions hand on why the server has refused the login. A server can say so at any time.
    match error.sqlstate().map(|code| code.code()) {
        Some("55000") => assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}"),
        _ => assert_not_sent(&error, "query_wait_timeout"),
    }
    for (client, (strategy, _)) in others.iter_mut().zip(strategies()) {
        let error = commit(client, strategy).unwrap_err();
        assert_not_sent(&error, "server login has been failing");
    }
    place.admin(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", place.name()));
    assert_eq!(place.count("users"), 0);
}

/// What is lost in the middle of a commit.
#[derive(Clone, Copy, PartialEq)]
enum Lost {
    Session,
    Pooler,
    Query,
}

/// Commits while the table is locked, loses something, and returns the error.
fn lose(place: &Place, strategy: Strategy, lost: Lost) -> Error {
    let setting = if lost == Lost::Query { "query_timeout = 1" } else { "" };
    let mut pooler = Pooler::start(place, setting);
    let mut client = pooler.client(place);
    let mut locker = place.direct();
    locker.batch_execute("BEGIN; LOCK TABLE users").unwrap();
    let error = thread::scope(|scope| {
        let commit = scope.spawn(|| commit(&mut client, strategy).unwrap_err());
        let waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                       AND datname = current_database()";
        if lost != Lost::Query {
            place.wait_until(&format!("count(*) = 1 {waiting}"));
        }
        match lost {
            Lost::Session => {
                drop(place.rows(&format!("SELECT pg_terminate_backend(pid) {waiting}")))
            }
            Lost::Pooler => pooler.kill(),
            Lost::Query => {}
        }
        commit.join().expect("it has not panicked")
    });
    locker.batch_execute("COMMIT").unwrap();
    error
}

#[test]
fn only_a_commit_that_was_sent_has_an_unknown_outcome() {
    let Some(place) = Place::new("lost", TABLES) else { return };
    for lost in [Lost::Session, Lost::Pooler, Lost::Query] {
        // One statement is the commit, and is on its way.
        let error = lose(&place, OneTrip.into(), lost);
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
        // The statement that waits is ahead of COMMIT.
        let error = lose(&place, Batch.into(), lost);
        assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    }
}

/// A server that commits what nobody hears of any more, and the look at the database that tells.
#[test]
fn a_pooler_that_is_gone_has_committed_all_the_same() {
    let Some(place) = Place::new("gone", TABLES) else { return };
    let mut pooler = Pooler::start(&place, "");
    let (mut client, mut other) = (pooler.client(&place), place.client());
    let mut locker = place.direct();
    locker.batch_execute("BEGIN; LOCK TABLE users").unwrap();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.add(user("Ada"));
    let error = thread::scope(|scope| {
        let commit = scope.spawn(|| uow.commit().unwrap_err());
        place.wait_until(
            "count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
             AND datname = current_database()",
        );
        pooler.kill();
        commit.join().expect("it has not panicked")
    });
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    locker.batch_execute("COMMIT").unwrap();
    place.wait_until("count(*) = 1 FROM users");
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::UnknownOutcome);
    uow.reconnect(&mut other);
    uow.resolve_unknown(true).unwrap();
    assert!(uow.get(ada).is_err(), "the unit of work has no keys of what it does not load");
    assert_eq!(place.count("users"), 1);
}
