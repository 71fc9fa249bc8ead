//! Work that is done again: after conflicts with other transactions, and after nothing else.

mod common;
#[path = "common/relayed.rs"]
mod relayed;

use std::error::Error as StdError;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::Schema;
use onetrip::{Error, ErrorKind, Model, Retry, RowByRow, UnitOfWork};
use postgres::Client;
use postgres::error::SqlState;
use relayed::relay::CutAt;
use relayed::{client_through, relay_to};

#[derive(Model, Clone)]
#[model(table = "claims")]
struct Claim {
    #[model(key)]
    id: i32,
}

const CLAIMS: &str = "CREATE TABLE claims (id int PRIMARY KEY);";

/// Refuses the first inserts of negative ids, as many as the id says, as if another transaction
/// were in the way; kills the session for 666.
const MOODY: &str = "
    CREATE SEQUENCE tries;
    CREATE FUNCTION moody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.id = 666 THEN PERFORM pg_terminate_backend(pg_backend_pid());
        ELSIF NEW.id < 0 AND nextval('tries') <= -NEW.id THEN
            RAISE 'in the way' USING ERRCODE = '40001', TABLE = 'claims', HINT = 'again';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER moody BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION moody()";

fn moody(test: &str) -> Schema {
    Schema::new(&format!("retry_{test}"), &format!("{CLAIMS} {MOODY}"))
}

fn quick() -> Retry {
    Retry::new().base_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(20))
}

fn serializable(schema: &Schema) -> Client {
    let mut client = schema.session();
    client.batch_execute("SET default_transaction_isolation = 'serializable'").unwrap();
    client
}

// --- Conflicts ---

#[test]
fn a_serialization_failure_is_repeated_from_the_reads_on() {
    let schema = Schema::new("retry_serializable", CLAIMS);
    let both_have_read = Barrier::new(2);
    // Each claims its own if the other's is free, which both find: one of them has to look again.
    let claim = |own: i32, others: i32| {
        let mut attempts = 0;
        let result = quick().run(&mut serializable(&schema), |uow| {
            attempts += 1;
            let is_free = uow.find::<Claim>(others)?.is_none();
            if attempts == 1 {
                both_have_read.wait();
            }
            if is_free {
                uow.add(Claim { id: own });
            }
            Ok(is_free)
        });
        (result.expect("it is repeated until it works"), attempts)
    };
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| claim(1, 2));
        let other = scope.spawn(|| claim(2, 1));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(schema.count("claims"), 1, "nobody has read what does not hold");
    assert_ne!(one.0, other.0, "and both know who has it");
    assert!(one.1 + other.1 > 2, "{one:?} {other:?}");
}

#[test]
fn a_deadlock_is_repeated() {
    // A row locks what its last digit says.
    let locking = "
        CREATE FUNCTION lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_advisory_xact_lock(TG_RELID::int, NEW.id % 10);
            RETURN NEW;
        END $$;
        CREATE TRIGGER lock BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION lock()";
    let schema = Schema::new("retry_deadlock", &format!("{CLAIMS} {locking}"));
    let both_have_one = Barrier::new(2);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let claim = |ids: [i32; 2]| {
        let mut client = schema.session();
        client.batch_execute("SET deadlock_timeout = '20ms'").unwrap();
        let codes = Arc::clone(&seen);
        let retry = quick().on_retry(move |retrying| {
            codes.lock().unwrap().push(retrying.error.sqlstate().cloned());
        });
        let mut is_first = true;
        retry.run(&mut client, |uow| {
            for id in ids {
                uow.add(Claim { id });
                uow.flush()?;
                if std::mem::take(&mut is_first) {
                    both_have_one.wait();
                }
            }
            Ok(())
        })
    };
    thread::scope(|scope| {
        let one = scope.spawn(|| claim([11, 12]));
        let other = scope.spawn(|| claim([22, 21]));
        one.join().unwrap().unwrap();
        other.join().unwrap().unwrap();
    });
    assert_eq!(schema.rows("SELECT id FROM claims ORDER BY id"), ["11", "12", "21", "22"]);
    let seen = seen.lock().unwrap();
    let is_deadlock = |code: &Option<SqlState>| *code == Some(SqlState::T_R_DEADLOCK_DETECTED);
    assert!(!seen.is_empty() && seen.iter().all(is_deadlock), "{seen:?}");
}

#[test]
fn the_last_attempt_says_that_it_was_the_last() {
    let schema = moody("exhausted");
    let (lines, observer) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(schema.client()));
    let mut client = schema.session();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let seen = Arc::clone(&lines);
    let retry = Retry::new()
        .attempts(3)
        .base_delay(Duration::from_millis(40))
        .max_delay(Duration::from_millis(60))
        .on_retry(move |retrying| {
            let sql = "SELECT state FROM pg_stat_activity WHERE pid = $1";
            let row = observer.lock().unwrap().query_one(sql, &[&pid]).unwrap();
            assert_eq!(row.get::<_, &str>(0), "idle", "no transaction is open while it waits");
            let line = retrying.to_string();
            seen.lock().unwrap().push((retrying.attempt, retrying.delay, line));
        });
    let (started, mut attempts) = (Instant::now(), 0);
    let error = retry
        .run(&mut client, |uow| {
            attempts += 1;
            uow.add(Claim { id: 1 });
            uow.flush()?;
            uow.add(Claim { id: -10 });
            Ok(())
        })
        .unwrap_err();

    assert_eq!(attempts, 3);
    assert_eq!(
        error.to_string(),
        "table claims: attempt 3 of 3: in the way (SQLSTATE 40001); hint: again"
    );
    assert!(error.is_retryable() && error.source().is_some());
    assert_eq!(schema.count("claims"), 0);
    let lines = lines.lock().unwrap();
    let delays: Vec<_> = lines.iter().map(|(attempt, delay, _)| (*attempt, *delay)).collect();
    let [(1, first), (2, second)] = delays[..] else { panic!("{delays:?}") };
    assert!(first.as_millis() >= 20 && first.as_millis() <= 40, "{first:?}");
    assert!(second.as_millis() >= 30 && second.as_millis() <= 60, "{second:?}");
    assert!(started.elapsed() >= first + second);
    assert_eq!(
        lines[0].2,
        format!(
            "attempt 1 of 3: table claims: in the way (SQLSTATE 40001); hint: again; again in {} ms",
            first.as_millis()
        )
    );
    client.batch_execute("INSERT INTO claims VALUES (5)").expect("the client is free again");
}

#[test]
fn a_conflict_may_come_at_the_commit_and_wherever_rows_are_written() {
    let schema = moody("places");
    let mut client = schema.client();
    let value = quick().run(&mut client, |uow| {
        uow.add(Claim { id: -1 });
        Ok("the value")
    });
    assert_eq!(value.unwrap(), "the value");
    client.batch_execute("ALTER SEQUENCE tries RESTART").unwrap();
    quick()
        .run(&mut client, |uow| {
            uow.add(Claim { id: -2 });
            uow.commit()
        })
        .unwrap();
    client
        .batch_execute(
            "ALTER SEQUENCE tries RESTART; DROP TRIGGER moody ON claims;
             CREATE CONSTRAINT TRIGGER moody AFTER INSERT ON claims DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION moody()",
        )
        .unwrap();
    quick()
        .run(&mut client, |uow| {
            uow.add(Claim { id: -3 });
            uow.flush()
        })
        .unwrap();
    assert_eq!(schema.rows("SELECT id FROM claims ORDER BY id"), ["-3", "-2", "-1"]);
}

// --- What is not repeated ---

/// Runs the work by up to five attempts, and counts them.
fn counted<R>(
    client: &mut Client,
    mut work: impl FnMut(&mut UnitOfWork<'_>) -> Result<R, Error>,
) -> (Result<R, Error>, u32) {
    let mut attempts = 0;
    let result = quick().attempts(5).run(client, |uow| {
        attempts += 1;
        work(uow)
    });
    (result, attempts)
}

#[test]
fn other_errors_are_not_repeated() {
    let schema = moody("others");
    let mut client = schema.client();
    client.batch_execute("INSERT INTO claims VALUES (1)").unwrap();
    let (result, attempts) = counted(&mut client, |uow| {
        uow.add(Claim { id: 2 });
        uow.flush()?;
        uow.add(Claim { id: 1 });
        Ok(())
    });
    let error = result.unwrap_err();
    assert_eq!((error.sqlstate(), attempts), (Some(&SqlState::UNIQUE_VIOLATION), 1));
    assert!(!error.to_string().contains("attempt"), "{error}");
    assert_eq!(schema.count("claims"), 1, "what was flushed is rolled back");

    let (result, attempts) = counted(&mut client, |uow| {
        uow.add(Claim { id: 2 });
        Err::<(), _>(Error::other("enough"))
    });
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::Other, 1));
    assert_eq!(schema.count("claims"), 1);
}

#[test]
fn a_lost_connection_is_not_repeated() {
    let schema = moody("lost");
    let (result, attempts) = counted(&mut schema.client(), |uow| {
        uow.add(Claim { id: 666 });
        uow.flush()
    });
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::Connection, 1));
}

#[test]
fn an_unknown_outcome_is_not_repeated() {
    for commits_itself in [false, true] {
        let schema = moody(&format!("unknown_{commits_itself}"));
        let relay = relay_to(&schema);
        let mut client = client_through(&relay, &schema);
        let (result, attempts) = counted(&mut client, |uow| {
            uow.add(Claim { id: 1 });
            uow.flush()?;
            relay.cut_at(Some(CutAt::ToClient(0)));
            if commits_itself {
                let error = uow.commit().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
            }
            Ok(())
        });
        relay.cut_at(None);
        assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::UnknownOutcome, 1));
    }
}

#[test]
fn what_the_work_has_committed_is_not_written_twice() {
    let schema = moody("committed");
    let mut client = schema.client();
    let (result, attempts) = counted(&mut client, |uow| {
        uow.add(Claim { id: 1 });
        uow.commit()?;
        uow.add(Claim { id: -1 });
        Ok(())
    });
    assert!(result.unwrap_err().is_retryable(), "the caller knows what to do about the rest");
    assert_eq!((attempts, schema.count("claims")), (1, 1));

    let (result, attempts) = counted(&mut client, |uow| {
        uow.commit()?;
        uow.add(Claim { id: -2 });
        Ok(())
    });
    result.expect("a commit of nothing is nothing");
    assert_eq!((attempts, schema.count("claims")), (2, 2));
}

#[test]
fn work_may_look_around_before_it_returns_a_conflict() {
    let schema = moody("looks_around");
    let (result, attempts) = counted(&mut schema.client(), |uow| {
        uow.add(Claim { id: -1 });
        let flushed = uow.flush();
        uow.find::<Claim>(1)?;
        flushed
    });
    result.unwrap();
    assert_eq!((attempts, schema.count("claims")), (2, 1));
}

#[test]
fn a_conflict_that_something_else_came_after_is_no_reason() {
    let schema = moody("something_else");
    let (result, attempts) = counted(&mut schema.client(), |uow| {
        let claim = uow.add(Claim { id: -99 });
        uow.commit().expect_err("it is in the way");
        uow[claim].id = 1;
        uow.add(Claim { id: 1 });
        uow.commit()
    });
    let error = result.unwrap_err();
    assert_eq!((error.sqlstate(), attempts), (Some(&SqlState::UNIQUE_VIOLATION), 1));

    let (result, attempts) = counted(&mut schema.client(), |uow| {
        uow.add(Claim { id: -100 });
        uow.flush().expect_err("it is in the way");
        uow.rollback();
        Ok(())
    });
    result.expect("the work has got over it");
    assert_eq!((attempts, schema.count("claims")), (1, 0));
}

// --- Errors of the work's own ---

/// An error that says nothing of where it came from.
#[derive(Debug, PartialEq)]
enum Mine {
    Enough,
    Wrapped(String),
}

impl From<Error> for Mine {
    fn from(error: Error) -> Mine {
        Mine::Wrapped(error.to_string())
    }
}

#[test]
fn work_has_errors_of_its_own() {
    let schema = moody("own_errors");
    let mut client = schema.client();
    let mut claim = |id, enough| {
        let mut attempts = 0;
        quick().attempts(2).try_run(&mut client, |uow| {
            attempts += 1;
            if attempts == enough {
                return Err(Mine::Enough);
            }
            uow.add(Claim { id });
            uow.flush()?;
            Ok(())
        })
    };
    assert_eq!(claim(-1, 2), Err(Mine::Enough));
    assert_eq!(claim(-2, 3), Ok(()), "the first of these tries is behind us");
    let wrapped = "table claims: attempt 2 of 2: in the way (SQLSTATE 40001); hint: again";
    assert_eq!(claim(-99, 3), Err(Mine::Wrapped(wrapped.into())));
    assert_eq!(schema.count("claims"), 1);

    let boxed: Result<(), Box<dyn StdError + Send + Sync>> = quick().try_run(&mut client, |uow| {
        let number: i32 = "seven".parse()?;
        uow.add(Claim { id: number });
        Ok(())
    });
    assert!(boxed.unwrap_err().is::<std::num::ParseIntError>());
}

#[test]
fn a_panic_of_the_work_rolls_back() {
    let schema = moody("panic");
    let mut client = schema.client();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        quick().run(&mut client, |uow| -> Result<(), Error> {
            uow.add(Claim { id: 1 });
            uow.flush()?;
            panic!("on purpose");
        })
    }));
    assert!(result.is_err());
    assert_eq!(schema.count("claims"), 0);
    client.batch_execute("INSERT INTO claims VALUES (5)").expect("no transaction is open");
}

// --- The unit of work ---

#[test]
fn each_unit_of_work_is_set_up() {
    let schema = moody("set_up");
    let mut client = schema.client();
    let mut attempts = 0;
    let retry = quick().with(|uow| uow.with_strategy(RowByRow).with_round_trip_budget(3));
    let report = retry.run(&mut client, |uow| {
        attempts += 1;
        uow.add(Claim { id: -1 });
        uow.commit()
    });
    assert_eq!((report.unwrap().strategy(), attempts), ("row_by_row", 2));
    let error = retry
        .clone()
        .run(&mut client, |uow| {
            uow.add(Claim { id: 1 });
            uow.add(Claim { id: 2 });
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Budget);
}

#[test]
fn only_reads_make_it_more_than_one_round_trip() {
    let schema = moody("round_trips");
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let mut round_trips = |find: bool| {
        let before = relay.round_trips().unwrap();
        quick()
            .run(&mut client, |uow| {
                if find {
                    uow.find::<Claim>(1)?;
                }
                uow.add(Claim { id: 1 + i32::from(find) });
                Ok(())
            })
            .unwrap();
        relay.round_trips().unwrap() - before
    };
    assert_eq!(round_trips(false), 1);
    // BEGIN with a savepoint, SELECT, INSERT, COMMIT.
    assert_eq!(round_trips(true), 4);
}

// --- Round trips ---

#[derive(Model, Clone)]
#[model(table = "seats")]
struct Seat {
    #[model(key)]
    id: i32,
    guest: String,
    #[model(version)]
    version: i32,
}

/// Renaming a guest to `rule` takes a way that one statement cannot.
const SEATS: &str = "
    CREATE TABLE seats (id int PRIMARY KEY, guest text NOT NULL CHECK (guest <> 'wrong'),
        version int NOT NULL DEFAULT 1);
    INSERT INTO seats SELECT n, 'nobody' FROM generate_series(1, 9) AS n;
    CREATE TABLE claims (id int PRIMARY KEY);";

/// Runs work on a connection whose round trips are counted.
fn trips<R>(
    schema: &Schema,
    retry: &Retry,
    work: impl FnMut(&mut UnitOfWork<'_>) -> Result<R, Error>,
) -> (Result<R, Error>, u64) {
    let relay = relay_to(schema);
    let mut client = client_through(&relay, schema);
    let before = relay.round_trips().unwrap();
    let result = retry.run(&mut client, work);
    (result, relay.round_trips().unwrap() - before)
}

fn sit(uow: &mut UnitOfWork<'_>, id: i32, guest: &str) -> Result<(), Error> {
    let seat = uow.find::<Seat>(id)?.expect("there is such a seat");
    uow[seat].guest = guest.to_owned();
    Ok(())
}

#[test]
fn load_change_and_commit_are_four_round_trips_and_two_with_optimism() {
    let schema = Schema::new("retry_trips", SEATS);
    let both = |uow: &mut UnitOfWork<'_>| {
        let seat = uow.find::<Seat>(1)?.expect("it is there");
        uow[seat].guest.push('!');
        let id = uow[seat].version;
        uow.add(Claim { id });
        Ok(())
    };
    // BEGIN with a savepoint, SELECT, one statement, COMMIT.
    let (result, count) = trips(&schema, &quick(), both);
    result.unwrap();
    assert_eq!(count, 4);
    let (result, count) = trips(&schema, &quick().optimistic(), both);
    result.unwrap();
    assert_eq!(count, 2);
    assert_eq!(schema.rows("SELECT guest, version FROM seats WHERE id = 1"), ["nobody!!|3"]);
    assert_eq!(schema.count("claims"), 2);
    // The budget counts as the wire does.
    let (result, _) = trips(&schema, &quick().with(|uow| uow.with_round_trip_budget(2)), |uow| {
        sit(uow, 2, "Bob")
    });
    result.unwrap();
    let (result, _) = trips(&schema, &quick().with(|uow| uow.with_round_trip_budget(1)), |uow| {
        sit(uow, 2, "Cid")
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Budget);
}

#[test]
fn a_flush_that_fails_is_undone_alone_as_ever() {
    let schema = Schema::new("retry_flush", SEATS);
    let (result, count) = trips(&schema, &quick(), |uow| {
        sit(uow, 1, "Ada")?;
        uow.flush()?;
        sit(uow, 2, "wrong")?;
        uow.flush().unwrap_err();
        sit(uow, 2, "Bob")
    });
    result.unwrap();
    assert_eq!(schema.rows("SELECT guest FROM seats WHERE id < 3 ORDER BY id"), ["Ada", "Bob"]);
    // BEGIN, SELECT; SAVEPOINT, UPDATE, RELEASE; SELECT, SAVEPOINT, UPDATE, ROLLBACK TO;
    // SAVEPOINT, UPDATE, COMMIT.
    assert_eq!(count, 12);
}

#[test]
fn a_lock_or_a_statement_of_ones_own_is_kept_when_a_commit_goes_another_way() {
    // One statement is refused for the rule, and what was done before has to be there for the next.
    let rule = "CREATE TABLE log (id int);
        CREATE RULE also AS ON UPDATE TO seats DO ALSO INSERT INTO log VALUES (NEW.id);";
    let schema = Schema::new("retry_other_way", &format!("{SEATS} {rule}"));
    for (retry, is_optimistic) in [(quick(), false), (quick().optimistic(), true)] {
        let attempts = std::cell::Cell::new(0);
        let (result, _) = trips(&schema, &retry, |uow| {
            attempts.set(attempts.get() + 1);
            sit(uow, 3, "Ada")?;
            uow.sql("INSERT INTO claims SELECT count(*) FROM claims").execute()?;
            sit(uow, 4, if is_optimistic { "Cid" } else { "Bob" })
        });
        result.unwrap();
        let (result, _) =
            trips(&schema, &retry, |uow| sit(uow, 5, if is_optimistic { "Eve" } else { "Dan" }));
        result.unwrap();
        assert_eq!(attempts.get(), 1, "the work is not repeated for that");
    }
    assert_eq!(schema.count("claims"), 2);
    assert_eq!(
        schema.rows("SELECT guest, version FROM seats WHERE id BETWEEN 3 AND 5 ORDER BY id"),
        ["Ada|2", "Cid|3", "Eve|3"]
    );
    assert_eq!(schema.count("log"), 5);
}

#[test]
fn optimism_repeats_what_is_stale_with_fresh_reads() {
    let schema = Schema::new("retry_optimism", SEATS);
    let mut client = schema.session();
    // Whatever the level of the session is.
    client.batch_execute("SET default_transaction_isolation = 'serializable'").unwrap();
    let mut other = schema.client();
    let mut seen = Vec::new();
    quick()
        .optimistic()
        .run(&mut client, |uow| {
            let seat = uow.find::<Seat>(1)?.expect("it is there");
            seen.push((uow[seat].guest.clone(), uow[seat].version));
            if seen.len() == 1 {
                let sql = "UPDATE seats SET guest = 'Eve', version = version + 1 WHERE id = 1";
                other.execute(sql, &[]).unwrap();
            }
            uow[seat].guest += " and Ada";
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [("nobody".to_owned(), 1), ("Eve".to_owned(), 2)]);
    assert_eq!(schema.rows("SELECT guest, version FROM seats WHERE id = 1"), ["Eve and Ada|3"]);
}

#[test]
fn optimism_does_not_see_what_was_read_and_not_changed() {
    let schema = Schema::new("retry_no_skew", SEATS);
    let mut other = serializable(&schema);
    for (retry, expected) in [(quick(), "1 free"), (quick().optimistic(), "2 free")] {
        let mut client = serializable(&schema);
        let mut is_first = true;
        retry
            .run(&mut client, |uow| {
                let free = uow.query::<Seat>("guest = 'nobody' AND id < 3").load()?.len();
                if std::mem::take(&mut is_first) {
                    other
                        .batch_execute(
                            "BEGIN;
                            SELECT * FROM seats WHERE id = 9;
                            UPDATE seats SET guest = 'Eve' WHERE id = 1; COMMIT",
                        )
                        .unwrap();
                }
                sit(uow, 9, &format!("{free} free"))
            })
            .unwrap();
        assert_eq!(schema.rows("SELECT guest FROM seats WHERE id = 9"), [expected]);
        other.batch_execute("UPDATE seats SET guest = 'nobody'").unwrap();
    }
}

#[test]
fn threads_that_are_optimistic_lose_no_update() {
    let schema = Schema::new(
        "retry_sum",
        "CREATE TABLE seats (id int PRIMARY KEY, guest text NOT NULL, version int NOT NULL);
        INSERT INTO seats VALUES (1, '', 1); CREATE TABLE claims (id int PRIMARY KEY)",
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = schema.client();
                for _ in 0..25 {
                    quick()
                        .attempts(1_000)
                        .optimistic()
                        .run(&mut client, |uow| {
                            let seat = uow.find::<Seat>(1)?.expect("it is there");
                            uow.add(Claim { id: uow[seat].version });
                            uow[seat].guest.push('x');
                            Ok(())
                        })
                        .unwrap_or_else(|error| {
                            // The claim tells of the same conflict as the version does.
                            assert_eq!(
                                error.sqlstate(),
                                Some(&SqlState::UNIQUE_VIOLATION),
                                "{error}"
                            );
                        });
                }
            });
        }
    });
    let row = &schema
        .rows("SELECT length(guest) + 1, version, (SELECT count(*) + 1 FROM claims) FROM seats")[0];
    let numbers: Vec<_> = row.split('|').collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{row}");
}
