//! Two units of work that are in each other's way on purpose, at each isolation level.

mod common;
#[path = "../examples/support/strategies.rs"]
mod strategies;

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::Schema;
use onetrip::{Error, ErrorKind, ForeignKey, Handle, Model, Retry, UnitOfWork};
use postgres::Client;
use postgres::error::SqlState;
use strategies::{Named, STRATEGIES};

/// The column `version` is not mentioned, and so neither checked nor counted up.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "accounts")]
struct Plain {
    #[model(key)]
    id: i32,
    owner: String,
    balance: i64,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "accounts")]
struct Versioned {
    #[model(key)]
    id: i32,
    owner: String,
    balance: i64,
    #[model(version)]
    version: i32,
}

/// What the tests do with an account of either kind.
trait Account: Model<Key = i32> {
    fn balance(&mut self) -> &mut i64;
}

impl Account for Plain {
    fn balance(&mut self) -> &mut i64 {
        &mut self.balance
    }
}

impl Account for Versioned {
    fn balance(&mut self) -> &mut i64 {
        &mut self.balance
    }
}

const ACCOUNTS: &str = "
    CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL,
        version int NOT NULL DEFAULT 1);
    INSERT INTO accounts SELECT id, 'owner ' || id, 10 FROM generate_series(1, 2) AS id;";

fn accounts(test: &str) -> Schema {
    Schema::new(&format!("concurrent_{test}"), ACCOUNTS)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

use Level::{ReadCommitted, RepeatableRead, Serializable};

const LEVELS: [Level; 3] = [ReadCommitted, RepeatableRead, Serializable];

impl Level {
    fn client(self, schema: &Schema) -> Client {
        let name = match self {
            ReadCommitted => "read committed",
            RepeatableRead => "repeatable read",
            Serializable => "serializable",
        };
        let mut client = schema.client();
        client.batch_execute(&format!("SET default_transaction_isolation = '{name}'")).unwrap();
        client
    }
}

fn load<T: Account>(uow: &mut UnitOfWork<'_>, id: i32) -> Result<Handle<T>, Error> {
    Ok(uow.find::<T>(id)?.expect("the account is there"))
}

fn deposit<T: Account>(uow: &mut UnitOfWork<'_>, id: i32, amount: i64) -> Result<(), Error> {
    let account = load::<T>(uow, id)?;
    *uow.get_mut(account)?.balance() += amount;
    Ok(())
}

fn pid(client: &mut Client) -> i32 {
    client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0)
}

/// Runs `work` over `client` in a thread, and `unblock` when it waits for a lock of another session.
fn blocked<R: Send>(
    schema: &Schema,
    client: &mut Client,
    work: impl FnOnce(&mut Client) -> R + Send,
    unblock: impl FnOnce(),
) -> R {
    let pid = pid(client);
    thread::scope(|scope| {
        let running = scope.spawn(|| work(client));
        let (mut observer, sql) = (schema.client(), "SELECT cardinality(pg_blocking_pids($1)) > 0");
        while !observer.query_one(sql, &[&pid]).unwrap().get::<_, bool>(0) {
            assert!(!running.is_finished(), "the work does not wait for anything");
            thread::yield_now();
        }
        unblock();
        running.join().expect("the work does not panic")
    })
}

/// Runs the work for both arguments at once.
fn both<A: Copy + Send>(arguments: [A; 2], work: impl Fn(A) -> Result<(), Error> + Sync) {
    let work = &work;
    thread::scope(|scope| {
        for argument in arguments {
            scope.spawn(move || work(argument).expect("it is repeated until it works"));
        }
    });
}

/// Short delays, so that the tests are quick.
fn quick() -> Retry {
    Retry::new().base_delay(Duration::from_millis(1)).max_delay(Duration::from_millis(20))
}

/// Why work is done again.
type Conflict = (ErrorKind, Option<SqlState>);

/// Notes the conflicts for which work is done again.
fn noting(conflicts: &Arc<Mutex<Vec<Conflict>>>) -> Retry {
    let conflicts = Arc::clone(conflicts);
    quick().on_retry(move |retrying| {
        let error = retrying.error;
        conflicts.lock().unwrap().push((error.kind(), error.sqlstate().cloned()));
    })
}

// --- Lost updates ---

/// Two sessions read the same balance outside of a transaction, and both add to it.
fn read_both_write_both<T: Account>(schema: &Schema, level: Level) -> Result<(), Error> {
    let (mut one, mut other) = (level.client(schema), level.client(schema));
    let (mut first, mut second) = (UnitOfWork::new(&mut one), UnitOfWork::new(&mut other));
    deposit::<T>(&mut first, 1, 1)?;
    deposit::<T>(&mut second, 1, 5)?;
    first.commit()?;
    second.commit()?;
    Ok(())
}

#[test]
fn without_a_version_an_update_is_lost_at_every_level() {
    for level in LEVELS {
        let schema = accounts("lost");
        read_both_write_both::<Plain>(&schema, level).unwrap();
        assert_eq!(schema.rows("SELECT balance FROM accounts WHERE id = 1"), ["15"], "{level:?}");
    }
}

#[test]
fn with_a_version_the_second_update_is_stale_at_every_level() {
    for level in LEVELS {
        let schema = accounts("not_lost");
        let error = read_both_write_both::<Versioned>(&schema, level).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stale, "{level:?}");
        assert_eq!(error.stale_entities::<Versioned>().len(), 1);
        assert!(error.is_retryable());
        let row = schema.rows("SELECT balance, version FROM accounts WHERE id = 1");
        assert_eq!(row, ["11|2"], "{level:?}");
    }
}

#[test]
fn what_somebody_else_writes_into_other_columns_stays() {
    let schema = accounts("columns");
    let (mut one, mut other) = (schema.client(), schema.client());
    let mut first = UnitOfWork::new(&mut one);
    deposit::<Plain>(&mut first, 1, 1).unwrap();
    first.flush().unwrap();
    let rename = |client: &mut Client| {
        let mut second = UnitOfWork::new(client);
        let account = load::<Plain>(&mut second, 1)?;
        assert_eq!(second[account].balance, 10, "the deposit is not committed yet");
        second[account].owner = "Ada".to_owned();
        second.commit()
    };
    blocked(&schema, &mut other, rename, || drop(first.commit().unwrap())).unwrap();
    assert_eq!(schema.rows("SELECT owner, balance FROM accounts WHERE id = 1"), ["Ada|11"]);
}

/// The second update waits for the row until the first is committed. Both read the row before, in
/// the transactions that write it.
fn blocked_update<T: Account>(schema: &Schema, level: Level) -> Result<(), Error> {
    let (mut one, mut other) = (level.client(schema), level.client(schema));
    let mut first = UnitOfWork::new(&mut one);
    deposit::<T>(&mut first, 1, 1)?;
    first.flush()?;
    let second = |client: &mut Client| {
        let mut transaction = client.transaction().unwrap();
        let mut second = UnitOfWork::new(&mut transaction);
        deposit::<T>(&mut second, 1, 5)?;
        second.commit()?;
        drop(second);
        transaction.commit().unwrap();
        Ok(())
    };
    blocked(schema, &mut other, second, || drop(first.commit().unwrap()))
}

#[test]
fn an_update_that_had_to_wait_is_lost_where_nothing_looks() {
    let schema = accounts("waited");
    blocked_update::<Plain>(&schema, ReadCommitted).unwrap();
    assert_eq!(schema.rows("SELECT balance FROM accounts WHERE id = 1"), ["15"]);
}

#[test]
fn an_update_that_had_to_wait_is_stale_by_its_version() {
    let schema = accounts("waited_version");
    let error = blocked_update::<Versioned>(&schema, ReadCommitted).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert!(
        error.to_string().starts_with(
            "table accounts: the row to update is not in the database any more, or was changed by \
             somebody else since: 1; hint: load what is there and decide again"
        ),
        "{error}"
    );
    assert_eq!(schema.rows("SELECT balance, version FROM accounts WHERE id = 1"), ["11|2"]);
}

#[test]
fn an_update_that_had_to_wait_is_refused_by_the_server_from_repeatable_read_on() {
    for level in [RepeatableRead, Serializable] {
        for error in [
            blocked_update::<Plain>(&accounts("refused"), level).unwrap_err(),
            blocked_update::<Versioned>(&accounts("refused_version"), level).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Database, "{level:?}: {error}");
            assert_eq!(error.sqlstate(), Some(&SqlState::T_R_SERIALIZATION_FAILURE));
            assert!(error.is_retryable());
        }
    }
}

#[test]
fn one_of_many_rows_that_had_to_wait_is_named() {
    const ROWS: i32 = 1_000;
    let schema = accounts("many");
    let more = format!("INSERT INTO accounts SELECT id, '', 10 FROM generate_series(3, {ROWS}) id");
    let (mut one, mut other) = (schema.client(), schema.client());
    one.batch_execute(&format!("{more}; ANALYZE accounts")).unwrap();
    let mut first = UnitOfWork::new(&mut one);
    deposit::<Versioned>(&mut first, 617, 1).unwrap();
    first.flush().unwrap();
    let add_to_all = |client: &mut Client| {
        let mut second = UnitOfWork::new(client);
        let accounts = second.find_all::<Versioned>(1..=ROWS).unwrap();
        for account in accounts.into_iter().flatten() {
            second[account].balance += 5;
        }
        let error = second.commit().unwrap_err();
        let stale = error.stale_entities::<Versioned>();
        let ids: Vec<_> = stale.iter().map(|&account| second[account].id).collect();
        // As the error says: read it anew, and decide again.
        for account in stale {
            second.refresh(account).unwrap();
            second[account].balance += 5;
        }
        (error.kind(), ids, second.commit().unwrap().updated_rows())
    };
    let result = blocked(&schema, &mut other, add_to_all, || drop(first.commit().unwrap()));
    assert_eq!(result, (ErrorKind::Stale, vec![617], ROWS as usize));
    let sums = schema.rows("SELECT sum(balance), min(version), max(version) FROM accounts");
    assert_eq!(sums, [format!("{}|2|3", 15 * ROWS + 1)]);
}

/// Both read the balance before either of them writes it, and all of it is repeated where it has
/// to be.
fn retried<T: Account>(schema: &Schema, level: Level) -> Vec<Conflict> {
    let (both_have_read, conflicts) = (Barrier::new(2), Arc::default());
    both([1, 5], |amount| {
        let mut is_first = true;
        noting(&conflicts).run(&mut level.client(schema), |uow| {
            deposit::<T>(uow, 1, amount)?;
            if std::mem::take(&mut is_first) {
                both_have_read.wait();
            }
            Ok(())
        })
    });
    Arc::into_inner(conflicts).unwrap().into_inner().unwrap()
}

#[test]
fn retry_makes_lost_updates_right() {
    let balance = |schema: &Schema| schema.rows("SELECT balance FROM accounts WHERE id = 1");
    let schema = accounts("retry_lost");
    assert_eq!(retried::<Plain>(&schema, ReadCommitted), [], "nobody notices");
    assert_ne!(balance(&schema), ["16"]);

    let schema = accounts("retry_version");
    assert_eq!(retried::<Versioned>(&schema, ReadCommitted), [(ErrorKind::Stale, None)]);
    assert_eq!(balance(&schema), ["16"]);

    let failure = Some(SqlState::T_R_SERIALIZATION_FAILURE);
    for level in [RepeatableRead, Serializable] {
        let schema = accounts("retry_level");
        let conflicts = retried::<Plain>(&schema, level);
        assert_eq!(conflicts, [(ErrorKind::Database, failure.clone())], "{level:?}");
        assert_eq!(balance(&schema), ["16"], "{level:?}");
    }
}

// --- Write skew ---

/// Each of two withdraws from an account of its own, if both accounts together have enough.
fn withdraw_both(schema: &Schema, level: Level) -> usize {
    let (both_have_read, conflicts) = (Barrier::new(2), Arc::default());
    both([1, 2], |own| {
        let mut is_first = true;
        noting(&conflicts).run(&mut level.client(schema), |uow| {
            let accounts = uow.query::<Versioned>("true").load()?;
            if std::mem::take(&mut is_first) {
                both_have_read.wait();
            }
            let total: i64 = accounts.iter().map(|&account| uow[account].balance).sum();
            if total >= 15 {
                deposit::<Versioned>(uow, own, -15)?;
            }
            Ok(())
        })
    });
    let conflicts = conflicts.lock().unwrap();
    let is_serialization =
        |(_, code): &Conflict| *code == Some(SqlState::T_R_SERIALIZATION_FAILURE);
    assert!(conflicts.iter().all(is_serialization), "{conflicts:?}");
    conflicts.len()
}

#[test]
fn write_skew_is_found_under_serializable_only() {
    let total = |schema: &Schema| schema.rows("SELECT sum(balance) FROM accounts");
    for level in [ReadCommitted, RepeatableRead] {
        let schema = accounts("skew");
        assert_eq!(withdraw_both(&schema, level), 0, "{level:?}: versions are of single rows");
        assert_eq!(total(&schema), ["-10"], "{level:?}: both have withdrawn");
    }
    let schema = accounts("no_skew");
    assert!(withdraw_both(&schema, Serializable) >= 1);
    assert_eq!(total(&schema), ["5"], "one has withdrawn, and the other has seen it");
}

// --- Deadlocks ---

#[test]
fn rows_of_one_commit_are_locked_in_the_order_of_their_keys() {
    let schema = accounts("order");
    for order in [[1, 2], [2, 1]] {
        let (mut one, mut other) = (schema.client(), schema.client());
        let mut holding = one.transaction().unwrap();
        holding.batch_execute("SELECT FROM accounts WHERE id = 1 FOR UPDATE").unwrap();
        let change_both = |client: &mut Client| {
            let mut uow = UnitOfWork::new(client);
            for id in order {
                deposit::<Plain>(&mut uow, id, 1)?;
            }
            uow.commit()
        };
        let look = || {
            let sql = "SELECT id FROM accounts WHERE id = 2 FOR UPDATE NOWAIT";
            assert_eq!(schema.rows(sql), ["2"], "it is not locked while the first is waited for");
            holding.rollback().unwrap();
        };
        assert_eq!(blocked(&schema, &mut other, change_both, look).unwrap().updated_rows(), 2);
    }
}

/// The server would find these rows the other way round, as they lie in the table.
#[test]
fn rows_are_locked_in_the_order_of_their_keys_however_they_lie() {
    let schema = accounts("heap_order");
    let fill = "DELETE FROM accounts; INSERT INTO accounts (id, owner, balance)
        SELECT id, 'x', 10 FROM generate_series(100, 1, -1) AS id; ANALYZE accounts";
    schema.client().batch_execute(fill).unwrap();
    for deletes in [false, true] {
        let (mut one, mut other) = (schema.client(), schema.client());
        let mut holding = one.transaction().unwrap();
        holding.batch_execute("SELECT FROM accounts WHERE id = 30 FOR UPDATE").unwrap();
        let work = |client: &mut Client| -> Result<_, Error> {
            let mut uow = UnitOfWork::new(client);
            for (n, account) in (1..).zip(uow.find_all::<Plain>((1..=60).rev())?) {
                let account = account.expect("it is there");
                match n % 3 {
                    0 if deletes => uow.delete(account)?,
                    1 => uow[account].owner.push('!'),
                    _ => uow[account].balance += 1,
                }
            }
            uow.commit()
        };
        let look = || {
            let sql = "SELECT count(*), max(id) FROM (SELECT id FROM accounts
                WHERE id <= 60 ORDER BY id FOR UPDATE SKIP LOCKED) AS free";
            assert_eq!(schema.rows(sql), ["30|60"], "1 to 29 are locked, and 30 is waited for");
            holding.rollback().unwrap();
        };
        let report = blocked(&schema, &mut other, work, look).unwrap();
        assert_eq!(report.updated_rows() + report.deleted_rows(), 60);
    }
}

#[derive(Model, Clone)]
#[model(table = "owners")]
struct Owner {
    #[model(key)]
    id: Option<i32>,
}

#[derive(Model, Clone)]
#[model(table = "things")]
struct Thing {
    #[model(key)]
    id: i32,
    owner: Option<ForeignKey<Owner>>,
}

/// The same table for another part of a program.
#[derive(Model, Clone)]
#[model(table = "things")]
struct NamedThing {
    #[model(key)]
    id: i32,
    name: String,
}

/// Rows that are changed after new ones are inserted, rows of two models of one table, and rows that are
/// deleted last.
#[test]
fn every_strategy_locks_all_rows_ahead_in_one_order() {
    let schema = Schema::new(
        "one_order",
        "CREATE TABLE owners (id serial PRIMARY KEY);
        CREATE TABLE things (id int PRIMARY KEY, owner int REFERENCES owners, name text);
        INSERT INTO owners VALUES (100);
        INSERT INTO things SELECT n, 100, 'x' FROM generate_series(1, 4) n",
    );
    // One row at a time there is no order but that of the steps.
    for Named { name, strategy } in STRATEGIES.iter().filter(|named| named.name != "row_by_row") {
        for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] {
            let (mut one, mut other) = (schema.client(), schema.client());
            let mut holding = one.transaction().unwrap();
            holding.batch_execute("SELECT FROM things WHERE id = 2 FOR UPDATE").unwrap();
            let work = |client: &mut Client| -> Result<_, Error> {
                let mut uow = UnitOfWork::new(client).with_strategy(strategy());
                let owner = uow.add(Owner { id: None });
                for id in order {
                    if id == 2 {
                        let thing = uow.find::<NamedThing>(id)?.expect("it is there");
                        uow[thing].name.push('!');
                    } else {
                        let thing = uow.find::<Thing>(id)?.expect("it is there");
                        uow[thing].owner = Some(owner.into());
                    }
                }
                uow.commit()
            };
            let look = || {
                let sql = "SELECT id FROM things ORDER BY id FOR UPDATE SKIP LOCKED";
                assert_eq!(schema.rows(sql), ["3", "4"], "1 is locked, 2 is waited for: {name}");
                holding.rollback().unwrap();
            };
            assert_eq!(blocked(&schema, &mut other, work, look).unwrap().updated_rows(), 3);
        }
    }
}

#[test]
fn a_deadlock_of_updates_is_repeated() {
    let schema = accounts("deadlock");
    let (both_have_one, conflicts) = (Barrier::new(2), Arc::default());
    both([[1, 2], [2, 1]], |ids| {
        let mut client = schema.client();
        client.batch_execute("SET deadlock_timeout = '20ms'").unwrap();
        let mut is_first = true;
        noting(&conflicts).run(&mut client, |uow| {
            for id in ids {
                deposit::<Versioned>(uow, id, 1)?;
                uow.flush()?;
                if std::mem::take(&mut is_first) {
                    both_have_one.wait();
                }
            }
            Ok(())
        })
    });
    assert_eq!(schema.rows("SELECT balance, version FROM accounts"), ["12|3", "12|3"]);
    let conflicts = conflicts.lock().unwrap();
    let deadlock = (ErrorKind::Database, Some(SqlState::T_R_DEADLOCK_DETECTED));
    assert!(conflicts.contains(&deadlock), "{conflicts:?}");
}

// --- Deleted rows ---

fn remove<T: Account>(uow: &mut UnitOfWork<'_>, id: i32) -> Result<(), Error> {
    let account = load::<T>(uow, id)?;
    uow.delete(account)
}

type Change = fn(&mut UnitOfWork<'_>, i32) -> Result<(), Error>;

/// What can be done to a row, with the words of the error when it is gone.
const CHANGES: [(Change, &str); 2] =
    [(|uow, id| deposit::<Plain>(uow, id, 1), "update"), (remove::<Plain>, "delete")];

#[test]
fn a_row_that_somebody_else_has_deleted_is_stale() {
    for (change, verb) in CHANGES {
        for level in LEVELS {
            let schema = accounts("deleted");
            let (mut one, mut other) = (level.client(&schema), level.client(&schema));
            let (mut first, mut second) = (UnitOfWork::new(&mut one), UnitOfWork::new(&mut other));
            remove::<Plain>(&mut first, 1).unwrap();
            let stale = load::<Plain>(&mut second, 1).unwrap();
            change(&mut second, 1).unwrap();
            let two = load::<Plain>(&mut second, 2).unwrap();
            second[two].balance += 1;
            first.commit().unwrap();
            let error = second.commit().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Stale, "{level:?}: {error}");
            assert_eq!(error.stale_entities::<Plain>(), [stale]);
            assert!(error.to_string().contains(&format!("to {verb}")), "{error}");
            assert_eq!(schema.rows("SELECT id, balance FROM accounts"), ["2|10"], "nothing else");
        }
    }
}

#[test]
fn a_row_that_is_deleted_while_it_is_waited_for() {
    for (change, _) in CHANGES {
        for level in LEVELS {
            let schema = accounts("being_deleted");
            let (mut one, mut other) = (level.client(&schema), level.client(&schema));
            let mut first = UnitOfWork::new(&mut one);
            remove::<Plain>(&mut first, 1).unwrap();
            first.flush().unwrap();
            let second = |client: &mut Client| {
                let mut second = UnitOfWork::new(client);
                change(&mut second, 1).unwrap();
                second.commit().unwrap_err()
            };
            let error = blocked(&schema, &mut other, second, || drop(first.commit().unwrap()));
            assert!(error.is_retryable(), "{error}");
            match level {
                ReadCommitted => assert_eq!(error.kind(), ErrorKind::Stale, "{error}"),
                _ => assert_eq!(error.sqlstate(), Some(&SqlState::T_R_SERIALIZATION_FAILURE)),
            }
        }
    }
}

#[test]
fn retry_finds_out_that_a_row_is_gone() {
    let schema = accounts("gone");
    let (mut one, mut other) = (schema.client(), schema.client());
    let mut first = UnitOfWork::new(&mut one);
    remove::<Versioned>(&mut first, 1).unwrap();
    first.flush().unwrap();
    let conflicts = Arc::default();
    let second = |client: &mut Client| {
        noting(&conflicts).run(client, |uow| {
            let Some(account) = uow.find::<Versioned>(1)? else { return Ok("gone") };
            uow[account].balance += 1;
            Ok("there")
        })
    };
    let found = blocked(&schema, &mut other, second, || drop(first.commit().unwrap()));
    assert_eq!(found.unwrap(), "gone");
    assert_eq!(*conflicts.lock().unwrap(), [(ErrorKind::Stale, None)]);
}

// --- Keys and unique values ---

#[test]
fn a_key_that_somebody_else_gives_up_can_be_taken() {
    let schema = accounts("taken");
    let (mut one, mut other) = (schema.client(), schema.client());
    let mut first = UnitOfWork::new(&mut one);
    let account = load::<Plain>(&mut first, 1).unwrap();
    first[account].id = 3;
    first.flush().unwrap();
    let take_over = |client: &mut Client| {
        let mut second = UnitOfWork::new(client);
        second.add(Plain { id: 1, owner: "Ada".to_owned(), balance: 0 });
        second.commit()
    };
    let report = blocked(&schema, &mut other, take_over, || drop(first.commit().unwrap()));
    assert_eq!(report.unwrap().rows(), 1);
    assert_eq!(schema.rows("SELECT id, balance FROM accounts ORDER BY 1"), ["1|0", "2|10", "3|10"]);
}
