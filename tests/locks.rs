//! Reads under a lock, and queries that only count.

mod common;
#[path = "common/relayed.rs"]
mod relayed;

use std::thread;
use std::time::{Duration, Instant};

use common::Schema;
use onetrip::{Error, ErrorKind, Handle, Model, Retry, UnitOfWork};
use postgres::error::SqlState;
use relayed::{client_through, relay_to};

const ACCOUNTS: &str = "
    CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL UNIQUE, balance bigint NOT NULL,
        version int NOT NULL DEFAULT 1);
    INSERT INTO accounts SELECT n, 'owner ' || n, 100 FROM generate_series(1, 5) AS n";

#[derive(Model, Clone)]
#[model(table = "accounts")]
struct Account {
    #[model(key)]
    id: i32,
    #[model(unique)]
    owner: String,
    balance: i64,
}

#[derive(Model, Clone)]
#[model(table = "accounts")]
struct Versioned {
    #[model(key)]
    id: i32,
    balance: i64,
    #[model(version)]
    version: i32,
}

fn schema(test: &str) -> Schema {
    Schema::new(&format!("locks_{test}"), ACCOUNTS)
}

// --- The order of locks ---

#[derive(Model, Clone)]
#[model(table = "numbers")]
struct Number {
    #[model(key)]
    id: i32,
    n: i32,
}

#[derive(Model, Clone)]
#[model(table = "words")]
struct Word {
    #[model(key)]
    id: String,
    n: i32,
}

/// For each row, returns those that are locked already when a statement waits for that one.
fn locked_before(
    schema: &Schema,
    table: &str,
    work: impl Fn(&mut UnitOfWork<'_>) + Sync,
) -> Vec<Vec<String>> {
    let ids = schema.rows(&format!("SELECT id FROM {table} ORDER BY id::text"));
    let row = |id: &str| format!("SELECT id FROM {table} WHERE id::text = '{id}' FOR UPDATE");
    let mut all = Vec::new();
    for blocked in &ids {
        let (mut blocker, mut client) = (schema.client(), schema.session());
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
        let mut transaction = blocker.transaction().unwrap();
        transaction.batch_execute(&row(blocked)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut uow = UnitOfWork::new(&mut client);
                work(&mut uow);
                uow.rollback();
            });
            let waits = format!("SELECT 1 FROM pg_locks WHERE pid = {pid} AND NOT granted");
            let since = Instant::now();
            let mut is_waiting = false;
            while !is_waiting && since.elapsed() < Duration::from_secs(10) {
                thread::sleep(Duration::from_millis(2));
                is_waiting = !schema.rows(&waits).is_empty();
            }
            let is_locked =
                |id: &&String| schema.rows(&format!("{} SKIP LOCKED", row(id))).is_empty();
            let locked = ids.iter().filter(|id| *id != blocked).filter(is_locked);
            all.push(locked.cloned().collect());
            transaction.rollback().unwrap();
            assert!(is_waiting, "nothing waits for {blocked}");
        });
    }
    all
}

#[test]
fn rows_are_locked_in_the_order_in_which_a_commit_locks_them() {
    let schema = Schema::new(
        "locks_order",
        "CREATE TABLE numbers (id int PRIMARY KEY, n int NOT NULL);
         CREATE TABLE words (id text COLLATE \"und-x-icu\" PRIMARY KEY, n int NOT NULL);
         INSERT INTO numbers SELECT n, 0 FROM generate_series(-2, 2) AS n;
         INSERT INTO words SELECT word, 0 FROM unnest(ARRAY['b', 'A', 'a', 'B', 'ab', 'é']) AS word",
    );
    let numbers = [1, -1, 0, 2, -2];
    let by_lock = locked_before(&schema, "numbers", |uow| {
        uow.find_all_for_update::<Number>(numbers).unwrap();
    });
    let by_flush = locked_before(&schema, "numbers", |uow| {
        for handle in uow.find_all::<Number>(numbers).unwrap().into_iter().flatten() {
            uow[handle].n += 1;
        }
        uow.flush().unwrap();
    });
    assert_eq!(by_lock, by_flush);

    let words = ["b", "A", "a", "B", "ab", "é"].map(str::to_owned);
    let by_lock = locked_before(&schema, "words", |uow| {
        uow.find_all_for_update::<Word>(words.clone()).unwrap();
    });
    let by_flush = locked_before(&schema, "words", |uow| {
        for handle in uow.find_all::<Word>(words.clone()).unwrap().into_iter().flatten() {
            uow[handle].n += 1;
        }
        uow.flush().unwrap();
    });
    assert_eq!(by_lock, by_flush);
}

// --- What is undone ---

#[derive(Model, Clone)]
#[model(table = "accounts")]
struct Noted {
    #[model(key)]
    id: i32,
    owner: String,
    balance: i64,
    #[model(skip)]
    note: String,
}

#[test]
fn what_was_read_of_what_is_undone_does_not_stay_in_the_entity() {
    type Read = fn(&mut UnitOfWork<'_>, Handle<Noted>);
    let reads: [Read; 5] = [
        |uow, one| assert_eq!(uow.find_for_update::<Noted>(1).unwrap(), Some(one)),
        |uow, one| assert_eq!(uow.find_all_for_update::<Noted>([1]).unwrap(), [Some(one)]),
        |uow, _| {
            uow.query::<Noted>("id = 1").for_update().for_each(|_| Ok::<(), Error>(())).unwrap();
        },
        |uow, one| uow.refresh(one).unwrap(),
        |uow, _| uow.refresh_all::<Noted>().unwrap(),
    ];
    let write = "UPDATE accounts SET balance = 99, owner = 'x' WHERE id = 1";
    for (at, read) in reads.into_iter().enumerate() {
        for (first, changed) in [(true, false), (false, false), (true, true), (false, true)] {
            let schema = schema("undone");
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client);
            let one = uow.find::<Noted>(1).unwrap().unwrap();
            if !first {
                uow.sql("UPDATE accounts SET balance = 2 WHERE id = 2").execute().unwrap();
            }
            let check = |uow: &UnitOfWork<'_>| {
                assert_eq!((uow[one].balance, &*uow[one].owner), (100, "owner 1"), "{at}");
            };
            uow.savepoint(|uow| {
                uow.sql(write).execute().unwrap();
                if changed {
                    uow[one].owner = "mine".into();
                }
                read(uow, one);
                assert_eq!(uow[one].balance, 99);
                Err::<(), _>(uow.sql("COMMIT").execute().unwrap_err())
            })
            .unwrap_err();
            check(&uow);
            uow.sql(write).execute().unwrap();
            read(&mut uow, one);
            uow.rollback();
            check(&uow);
            uow[one].balance = 99;
            assert_eq!(uow.commit().unwrap().updated_rows(), 1, "{at}");
            assert_eq!(
                schema.rows("SELECT balance, owner FROM accounts WHERE id = 1"),
                ["99|owner 1"]
            );
        }
    }
}

#[test]
fn a_lock_leaves_fields_that_are_no_columns_alone() {
    let schema = schema("skipped");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let handles = uow.query::<Noted>("id < 3").order_by("id").load().unwrap();
    for &handle in &handles {
        uow[handle].note = "kept".into();
    }
    uow.commit().unwrap();
    schema.client().batch_execute("UPDATE accounts SET balance = 7").unwrap();
    uow.find_for_update::<Noted>(1).unwrap();
    uow.find_all_for_update::<Noted>([2]).unwrap();
    for handle in handles {
        assert_eq!((uow[handle].balance, &*uow[handle].note), (7, "kept"));
    }
}

// --- Fresh values ---

#[test]
fn an_entity_that_is_there_gets_what_the_locked_row_holds() {
    let schema = schema("fresh");
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut uow = UnitOfWork::new(&mut client);
    let all = uow.query::<Account>("true").order_by("id").load().unwrap();
    other.batch_execute("UPDATE accounts SET balance = 500, owner = 'new ' || id").unwrap();
    assert_eq!(uow.find::<Account>(1).unwrap(), Some(all[0]));
    assert_eq!(uow[all[0]].balance, 100, "a read without a lock changes no entity");

    assert_eq!(uow.find_for_update::<Account>(1).unwrap(), Some(all[0]));
    assert_eq!((uow[all[0]].balance, &*uow[all[0]].owner), (500, "new 1"));
    assert_eq!(uow.find_by::<Account, _>("new 1".to_owned()).unwrap(), Some(all[0]));
    let locked = uow.query::<Account>("id IN (2, 3)").order_by("id").for_update().load().unwrap();
    assert_eq!(locked, all[1..3]);
    assert_eq!(uow[all[1]].balance, 500);
    let mut seen = Vec::new();
    uow.query::<Account>("id >= 4")
        .for_update()
        .for_each(|account| {
            seen.push(account.balance);
            Ok::<(), Error>(())
        })
        .unwrap();
    assert_eq!((seen, uow[all[3]].balance), (vec![500, 500], 500));

    uow[all[0]].balance += 1;
    let report = uow.commit().unwrap();
    assert_eq!(report.updated_rows(), 1, "what was read is no change");
    assert_eq!(schema.rows("SELECT balance FROM accounts WHERE id = 1"), ["501"]);
}

#[test]
fn what_the_caller_has_changed_stays_and_the_rest_is_the_rows() {
    let schema = schema("merge");
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut uow = UnitOfWork::new(&mut client);
    let one = uow.find::<Account>(1).unwrap().unwrap();
    uow[one].owner = "mine".into();
    other
        .batch_execute("UPDATE accounts SET balance = 500, owner = 'theirs' WHERE id = 1")
        .unwrap();
    uow.find_for_update::<Account>(1).unwrap().unwrap();
    assert_eq!((&*uow[one].owner, uow[one].balance), ("mine", 500));
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT owner, balance FROM accounts WHERE id = 1"), ["mine|500"]);

    // The original is the row: what is changed back to it is no change.
    uow[one].owner = "other".into();
    other.batch_execute("UPDATE accounts SET owner = 'other' WHERE id = 1").unwrap();
    uow.find_for_update::<Account>(1).unwrap().unwrap();
    assert_eq!(uow.commit().unwrap().updated_rows(), 0);
    uow[one].owner = "again".into();
    uow.find_for_update::<Account>(1).unwrap();
    uow.rollback();
    assert_eq!(uow[one].owner, "other");
}

#[test]
fn changes_that_were_made_too_early_are_stale() {
    let schema = schema("stale");
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut uow = UnitOfWork::new(&mut client);
    let [one, two] = uow.query::<Versioned>("id < 3").order_by("id").load().unwrap()[..] else {
        panic!()
    };
    uow[one].balance -= 10;
    other.batch_execute("UPDATE accounts SET balance = 500, version = version + 1").unwrap();
    let check = |uow: &UnitOfWork<'_>, error: Error| {
        assert_eq!(error.kind(), ErrorKind::Stale);
        assert_eq!(error.stale_entities::<Versioned>(), [one]);
        assert!(error.hint().unwrap().contains("lock a row first"), "{error}");
        assert_eq!((uow[one].balance, uow[two].balance, uow[two].version), (90, 100, 1));
    };
    let error = uow.query::<Versioned>("id < 3").order_by("id").for_update().load().unwrap_err();
    check(&uow, error);
    let error = uow.find_for_update::<Versioned>(1).unwrap_err();
    check(&uow, error);
    let error = uow.find_all_for_update::<Versioned>([2, 1]).unwrap_err();
    check(&uow, error);
    let each = |_: &Versioned| Ok::<(), Error>(());
    let error = uow.query::<Versioned>("id = 1").for_update().for_each(each).unwrap_err();
    check(&uow, error);

    // Without changes it is as new, and its version is the row's.
    uow.refresh(one).unwrap();
    uow.find_for_update::<Versioned>(2).unwrap();
    assert_eq!((uow[two].balance, uow[two].version), (500, 2));
    uow[two].balance = 1;
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT balance, version FROM accounts WHERE id = 2"), ["1|3"]);

    // A version that the caller has seen is looked at by the commit.
    uow.expect_version(two, 2).unwrap();
    uow[two].balance = 2;
    uow.find_for_update::<Versioned>(2).unwrap();
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::Stale);
}

#[test]
fn retry_does_too_early_changes_again() {
    let schema = schema("stale_retry");
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut attempts = 0;
    Retry::new()
        .optimistic()
        .base_delay(Duration::from_millis(1))
        .run(&mut client, |uow| {
            attempts += 1;
            let one = uow.find::<Versioned>(1)?.expect("it is there");
            uow[one].balance += 1;
            if attempts == 1 {
                other.batch_execute("UPDATE accounts SET balance = 7, version = 2").unwrap();
            }
            uow.find_for_update::<Versioned>(1).map(drop)
        })
        .unwrap();
    assert_eq!(attempts, 2);
    assert_eq!(schema.rows("SELECT balance, version FROM accounts WHERE id = 1"), ["8|3"]);
}

// --- Locks ---

#[test]
fn no_update_is_lost_under_a_lock() {
    let schema = schema("race");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = schema.client();
                for _ in 0..25 {
                    let mut uow = UnitOfWork::new(&mut client);
                    // It knows the account from before, as it was then.
                    uow.find::<Account>(1).unwrap();
                    let [from, to] = uow.find_all_for_update::<Account>([2, 1]).unwrap()[..] else {
                        panic!()
                    };
                    uow[from.unwrap()].balance -= 1;
                    uow[to.unwrap()].balance += 1;
                    uow.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(schema.rows("SELECT balance FROM accounts WHERE id < 3 ORDER BY id"), ["200", "0"]);
}

#[test]
fn locked_rows_are_skipped_or_an_error_at_once() {
    let schema = schema("skip");
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut uow = UnitOfWork::new(&mut client);
    uow.query::<Account>("id IN (1, 2)").for_update().load().unwrap();

    let mut second = UnitOfWork::new(&mut other);
    let rest = second.query::<Account>("id < 5").order_by("id").skip_locked().load().unwrap();
    assert_eq!(rest.iter().map(|&account| second[account].id).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(second.query::<Account>("true").for_share().skip_locked().count().unwrap(), 3);
    second.rollback();
    let error = second.query::<Account>("id = 1").no_wait().load().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::LOCK_NOT_AVAILABLE));
    assert!(error.hint().unwrap().contains("`skip_locked`") && !error.is_retryable(), "{error}");
    assert_eq!(error.table(), Some("accounts"));
    let five = second.find::<Account>(5).unwrap().unwrap();
    second[five].balance = 0;
    assert_eq!(second.commit().unwrap().round_trips(), 1, "no transaction was left open");

    uow.rollback();
    assert_eq!(second.query::<Account>("true").no_wait().load().unwrap().len(), 5);
}

#[test]
fn shared_locks_go_together_and_keep_writers_out() {
    let schema = schema("share");
    let (mut client, mut other) = (schema.client(), schema.client());
    let mut uow = UnitOfWork::new(&mut client);
    uow.query::<Account>("id = 1").for_share().load().unwrap();
    let mut second = UnitOfWork::new(&mut other);
    assert!(second.query::<Account>("id = 1").for_share().no_wait().exists().unwrap());
    second.rollback();
    let error = second.query::<Account>("id = 1").for_update().no_wait().exists().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::LOCK_NOT_AVAILABLE));
}

#[test]
fn what_cannot_be_locked_is_not_there() {
    let schema = schema("absent");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    assert!(uow.find_for_update::<Account>(9).unwrap().is_none());
    uow.add(Account { id: 9, owner: "nine".into(), balance: 0 });
    assert!(uow.find_for_update::<Account>(9).unwrap().is_none(), "it is not written yet");
    let one = uow.find::<Account>(1).unwrap().unwrap();
    uow.delete(one).unwrap();
    assert!(uow.find_for_update::<Account>(1).unwrap().is_none(), "it is to be deleted");
    assert!(uow.query::<Account>("id = 1").for_update().load().unwrap().is_empty());
    let found = uow.find_all_for_update::<Account>([3, 9, 1, 2, 3]).unwrap();
    let ids: Vec<_> = found.iter().map(|account| account.map(|a| uow[a].id)).collect();
    assert_eq!(ids, [Some(3), None, None, Some(2), Some(3)]);
    assert!(uow.find_all_for_update::<Account>([0; 0]).unwrap().is_empty());
    uow.commit().unwrap();
    assert_eq!(schema.rows("SELECT id FROM accounts ORDER BY id"), ["2", "3", "4", "5", "9"]);
}

#[test]
fn a_lock_is_one_round_trip_besides_begin() {
    let schema = schema("trips");
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let mut uow = UnitOfWork::new(&mut client);
    let before = relay.round_trips().unwrap();
    let [one, ..] = uow.find_all_for_update::<Account>(1..=5).unwrap()[..] else { panic!() };
    assert_eq!(relay.round_trips().unwrap() - before, 2);
    uow[one.unwrap()].balance = 0;
    let report = uow.commit().unwrap();
    // BEGIN, the lock; a savepoint, the update, COMMIT.
    assert_eq!((report.round_trips(), report.statements()), (5, 2));
    assert_eq!(relay.round_trips().unwrap() - before, 5);

    let mut uow = uow.with_round_trip_budget(1);
    let error = uow.find_for_update::<Account>(1).unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Budget, Some("accounts")), "{error}");
    assert_eq!(relay.round_trips().unwrap() - before, 5);
}

#[test]
fn a_graph_under_a_lock_is_refused_before_anything_is_sent() {
    let schema = schema("graph");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let error = uow.query::<Account>("true").for_update().with(|_| ()).load().unwrap_err();
    assert_eq!(
        (error.kind(), error.table()),
        (ErrorKind::Unsupported, Some("accounts")),
        "{error}"
    );
    assert!(error.sqlstate().is_none() && error.hint().unwrap().contains("`graph`"), "{error}");
}

// --- Counting ---

#[test]
fn a_query_counts_and_looks_without_loading() {
    let schema = schema("count");
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let mut uow = UnitOfWork::new(&mut client);
    let query = |uow: &mut UnitOfWork<'_>, at_least: i32| {
        uow.query::<Account>("id >= $1 OR id >= $1").bind(at_least).count().unwrap()
    };
    let before = relay.round_trips().unwrap();
    assert_eq!((query(&mut uow, 1), query(&mut uow, 4), query(&mut uow, 6)), (5, 2, 0));
    assert_eq!(relay.round_trips().unwrap() - before, 3);
    assert!(uow.is_empty());
    assert_eq!(uow.query::<Account>("true").limit(3).count().unwrap(), 3);
    assert_eq!(uow.query::<Account>("true").order_by("id").offset(4).count().unwrap(), 1);
    let order = uow.query::<Account>("id > $1").bind(2).order_by("balance + $2").bind(1);
    assert_eq!(order.count().unwrap(), 3);
    assert!(uow.query::<Account>("owner = $1 -- who").bind("owner 5").exists().unwrap());
    assert!(!uow.query::<Account>("owner = $1").bind("nobody").exists().unwrap());
    assert!(uow.query::<Account>("true").offset(4).exists().unwrap());
    assert!(!uow.query::<Account>("true").offset(5).exists().unwrap());
    assert!(!uow.query::<Account>("true").limit(0).exists().unwrap());
    let error = uow.query::<Account>("id = $1").count().unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Encode, Some("accounts")));
    let error = uow.query::<Account>("nothing = 1").exists().unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Database, Some("accounts")));
}

#[test]
fn many_natural_keys_are_one_query() {
    let schema = schema("natural");
    let relay = relay_to(&schema);
    let mut client = client_through(&relay, &schema);
    let mut uow = UnitOfWork::new(&mut client);
    let known = uow.find::<Account>(3).unwrap();
    let names: Vec<String> = (0..1_000).map(|n| format!("owner {}", n % 10)).collect();
    let before = relay.round_trips().unwrap();
    let found = uow.find_all_by::<Account, _>(None, &names).unwrap();
    assert_eq!(relay.round_trips().unwrap() - before, 1);
    for (n, account) in found.iter().enumerate() {
        let id = i32::try_from(n % 10).unwrap();
        assert_eq!(account.map(|account| uow[account].id), (1..=5).contains(&id).then_some(id));
    }
    assert_eq!((found[3], uow.len()), (known, 5));
    assert_eq!(uow.find_all_by::<Account, _>(None, &names[1..6]).unwrap(), found[1..6]);
    assert_eq!(relay.round_trips().unwrap() - before, 1);
}
