//! Moves money between accounts from several threads at once. Two transfers that meet at an account
//! find each other out by its version, and one of them is done again. The sum never changes.
//!
//! The reads of a transfer are part of its transaction, and a transfer takes four round trips. With
//! `--optimistic` they are not, and it takes two.
//!
//! ```text
//! scripts/with-postgres cargo run --release --example bank
//! scripts/with-postgres cargo run --release --example bank -- --optimistic
//! ```

mod support;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use onetrip::{Error, ErrorKind, ForeignKey, Model, Retry, UnitOfWork};
use postgres::Client;
use postgres::error::SqlState;
use postgres::types::Type;

use support::cli::{self, Failure, thousands};
use support::database::{Schema, Server};
use support::progress;
use support::relay::{self, Relay};

const HELP: &str = "\
Moves money between accounts from several threads at once, and checks that no
money is made or lost. Conflicts are found by the accounts' versions, and the
transfer is done again.

usage: bank [OPTION...]

  --threads N         threads, each with a connection; 8 by default
  --transfers N       transfers by all threads together; 1000 by default
  --accounts N        accounts; 100 by default, fewer make more conflicts
  --latency MS        time that a round trip takes; 1 by default
  --optimistic        leave the reads out of the transaction, so that a transfer
                      takes two round trips and not four
  --without-versions  change accounts without looking at their versions, which
                      loses updates: the sum will be wrong
  --json              print a JSON object instead of text
  --help              print this

The tables are made in the schema onetrip_bank, which is dropped at the end.

DATABASE_URL says where the server is; scripts/with-postgres starts one.
";

/// Models and statements name it.
const SCHEMA: Schema = Schema::new("onetrip_bank");

const TABLES: &str = "
    CREATE TABLE accounts (
        id integer PRIMARY KEY,
        balance bigint NOT NULL CHECK (balance >= 0),
        version integer NOT NULL
    );
    CREATE TABLE transfers (
        id bigserial PRIMARY KEY,
        from_id integer NOT NULL REFERENCES accounts,
        to_id integer NOT NULL REFERENCES accounts,
        amount bigint NOT NULL
    )";

/// What is in each account at the beginning.
const OPENING: i64 = 1_000;

#[derive(Model, Clone)]
#[model(schema = "onetrip_bank", table = "accounts")]
struct Account {
    #[model(key)]
    id: i32,
    balance: i64,
    #[model(version)]
    version: i32,
}

/// The same without the version, which is not checked then.
#[derive(Model, Clone)]
#[model(schema = "onetrip_bank", table = "accounts")]
struct Unchecked {
    #[model(key)]
    id: i32,
    balance: i64,
}

/// What has been moved, in the same commit.
#[derive(Model, Clone)]
#[model(schema = "onetrip_bank", table = "transfers")]
struct Transfer {
    #[model(key)]
    id: Option<i64>,
    from_id: ForeignKey<Account>,
    to_id: ForeignKey<Account>,
    amount: i64,
}

trait Balance: Model<Key = i32> {
    fn balance(&mut self) -> &mut i64;
}

impl Balance for Account {
    fn balance(&mut self) -> &mut i64 {
        &mut self.balance
    }
}

impl Balance for Unchecked {
    fn balance(&mut self) -> &mut i64 {
        &mut self.balance
    }
}

fn main() -> ExitCode {
    relay::serve_if_asked();
    cli::run("bank", HELP, Arguments::parse, run)
}

struct Arguments {
    threads: usize,
    transfers: usize,
    accounts: usize,
    latency: Duration,
    is_optimistic: bool,
    has_versions: bool,
    json: bool,
}

impl Arguments {
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
        use lexopt::Arg::{Long, Short};
        use lexopt::ValueExt;
        let mut arguments = Arguments {
            threads: 8,
            transfers: 1_000,
            accounts: 100,
            latency: Duration::from_millis(1),
            is_optimistic: false,
            has_versions: true,
            json: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("threads") => arguments.threads = cli::number(&mut parser, "--threads")?,
                Long("transfers") => arguments.transfers = cli::number(&mut parser, "--transfers")?,
                Long("accounts") => arguments.accounts = cli::number(&mut parser, "--accounts")?,
                Long("latency") => arguments.latency = parser.value()?.parse_with(cli::latency)?,
                Long("optimistic") => arguments.is_optimistic = true,
                Long("without-versions") => arguments.has_versions = false,
                Long("json") => arguments.json = true,
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(argument.unexpected()),
            }
        }
        if !(1..=1_000).contains(&arguments.threads) {
            return Err("--threads has to be 1 to 1000".into());
        }
        if !(2..=1_000_000).contains(&arguments.accounts) {
            return Err("--accounts has to be 2 to 1000000".into());
        }
        Ok(Some(arguments))
    }

    /// The sum of all accounts, at any time.
    fn sum(&self) -> i64 {
        self.accounts as i64 * OPENING
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let server = Server::from_env()?;
    let mut direct = server.connect()?;
    SCHEMA.recreate(&mut direct, TABLES)?;
    let result = transfer_all(&arguments, &server, &mut direct);
    let dropped = SCHEMA.drop(&mut direct);
    let result = result?;
    dropped?;
    cli::print(&if arguments.json {
        json(&arguments, &result)
    } else {
        text(&arguments, &result)
    })?;
    result.check(&arguments)
}

/// Why transfers were done again.
#[derive(Default)]
struct Conflicts {
    stale: AtomicU64,
    serialization: AtomicU64,
    deadlock: AtomicU64,
    most_attempts: AtomicU64,
}

impl Conflicts {
    fn note(&self, error: &Error, attempt: u32) {
        let counter = match error.kind() {
            ErrorKind::Stale => &self.stale,
            _ if error.sqlstate() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => &self.deadlock,
            _ => &self.serialization,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.most_attempts.fetch_max(u64::from(attempt) + 1, Ordering::Relaxed);
    }
}

/// What came out.
struct Outcome {
    /// Transfers that were done, and those that the account did not cover.
    done: usize,
    not_covered: usize,
    conflicts: Arc<Conflicts>,
    round_trips: u64,
    wall: Duration,
    /// How often the sum was looked at on the way, and what was there when it was wrong.
    looks: usize,
    wrong: Option<i64>,
    sum: i64,
    /// Accounts whose balance is not what the transfers say.
    wrong_accounts: i64,
    /// Transfers in the database.
    stored: i64,
}

impl Outcome {
    fn is_right(&self, arguments: &Arguments) -> bool {
        self.wrong.is_none()
            && self.sum == arguments.sum()
            && self.wrong_accounts == 0
            && self.stored == self.done as i64
    }

    fn check(&self, arguments: &Arguments) -> Result<(), Failure> {
        if self.is_right(arguments) {
            return Ok(());
        }
        Err(format!(
            "the sum was {} and is {}, {} balances are not what the transfers say, and {} of {} \
             transfers are stored",
            arguments.sum(),
            self.wrong.unwrap_or(self.sum),
            self.wrong_accounts,
            self.stored,
            self.done
        )
        .into())
    }

    fn round_trips_per_transfer(&self) -> f64 {
        if self.done == 0 { 0.0 } else { self.round_trips as f64 / self.done as f64 }
    }

    fn transfers_per_second(&self) -> f64 {
        if self.done == 0 { 0.0 } else { self.done as f64 / self.wall.as_secs_f64() }
    }
}

/// Makes the transfers over connections with latency, and looks at the sum over `direct`.
fn transfer_all(
    arguments: &Arguments,
    server: &Server,
    direct: &mut Client,
) -> Result<Outcome, Failure> {
    open_accounts(direct, arguments.accounts)?;
    let relay = Relay::spawn(&server.address(), arguments.latency)?;
    let mut clients = Vec::new();
    for _ in 0..arguments.threads {
        clients.push(server.connect_by(&relay)?);
    }
    let conflicts = Arc::new(Conflicts::default());
    let work = Work {
        left: AtomicUsize::new(arguments.transfers),
        done: AtomicUsize::new(0),
        accounts: arguments.accounts,
        retry: retry(arguments, &conflicts),
        progress: progress::bar("Transferring", arguments.transfers as u64),
        failure: Mutex::new(None),
    };
    let transfer = if arguments.has_versions {
        Work::transfer::<Account>
    } else {
        Work::transfer::<Unchecked>
    };

    let (before, started) = (relay.round_trips()?, Instant::now());
    let (mut looks, mut wrong) = (0, None);
    thread::scope(|scope| -> Result<(), Failure> {
        let (running, is_over) = channel::<()>();
        for (seed, client) in (0..).zip(&mut clients) {
            let (work, running) = (&work, running.clone());
            scope.spawn(move || {
                work.run(client, seed, transfer);
                drop(running);
            });
        }
        drop(running);
        // All threads have ended when nobody could send any more.
        while is_over.recv_timeout(Duration::from_millis(5)) == Err(RecvTimeoutError::Timeout) {
            let sum = sum(direct)?;
            looks += 1;
            if sum != arguments.sum() {
                wrong.get_or_insert(sum);
            }
        }
        Ok(())
    })?;
    let (wall, round_trips) = (started.elapsed(), relay.round_trips()? - before);
    work.progress.finish_and_clear();
    if let Some(error) = work.failure.into_inner().expect("no thread has panicked") {
        return Err(error.into());
    }
    let done = work.done.into_inner();
    Ok(Outcome {
        done,
        not_covered: arguments.transfers - done,
        conflicts,
        round_trips,
        wall,
        looks,
        wrong,
        sum: sum(direct)?,
        wrong_accounts: wrong_accounts(direct)?,
        stored: direct.query_typed_one("SELECT count(*) FROM onetrip_bank.transfers", &[])?.get(0),
    })
}

fn open_accounts(client: &mut Client, accounts: usize) -> Result<(), Failure> {
    let mut uow = UnitOfWork::new(client);
    for id in (1..).take(accounts) {
        uow.add(Account { id, balance: OPENING, version: 1 });
    }
    uow.commit()?;
    Ok(())
}

fn retry(arguments: &Arguments, conflicts: &Arc<Conflicts>) -> Retry {
    let conflicts = Arc::clone(conflicts);
    let retry = Retry::new();
    if arguments.is_optimistic { retry.optimistic() } else { retry }
        .attempts(1_000)
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(50))
        .on_retry(move |retrying| conflicts.note(retrying.error, retrying.attempt))
}

/// What the threads share.
struct Work {
    /// Transfers that no thread has begun.
    left: AtomicUsize,
    done: AtomicUsize,
    accounts: usize,
    retry: Retry,
    progress: indicatif::ProgressBar,
    failure: Mutex<Option<Error>>,
}

type TransferOne = fn(&Work, &mut Client, i32, i32, i64) -> Result<bool, Error>;

impl Work {
    /// Makes transfers until there are none left, or one of them fails.
    fn run(&self, client: &mut Client, seed: u64, transfer: TransferOne) {
        let mut random = Random(seed);
        let next = |left: usize| left.checked_sub(1);
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok() {
            let from = random.below(self.accounts);
            let to = (from + 1 + random.below(self.accounts - 1)) % self.accounts;
            let amount = 1 + random.below(100) as i64;
            match transfer(self, client, from as i32 + 1, to as i32 + 1, amount) {
                Ok(is_done) => self.done.fetch_add(usize::from(is_done), Ordering::Relaxed),
                Err(error) => {
                    self.failure.lock().expect("no thread has panicked").get_or_insert(error);
                    self.left.store(0, Ordering::Relaxed);
                    return;
                }
            };
            self.progress.inc(1);
        }
    }

    /// Moves the amount, unless the account does not cover it. Two updates and an insert are one
    /// statement.
    fn transfer<A: Balance>(
        &self,
        client: &mut Client,
        from: i32,
        to: i32,
        amount: i64,
    ) -> Result<bool, Error> {
        self.retry.run(client, |uow| {
            let [Some(payer), Some(payee)] = uow.find_all::<A>([from, to])?[..] else {
                return Err(Error::other("an account is missing"));
            };
            if *uow[payer].balance() < amount {
                return Ok(false);
            }
            *uow[payer].balance() -= amount;
            *uow[payee].balance() += amount;
            let (from_id, to_id) = (ForeignKey::Key(from), ForeignKey::Key(to));
            uow.add(Transfer { id: None, from_id, to_id, amount });
            Ok(true)
        })
    }
}

/// Numbers that look random, by the generator SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

fn sum(client: &mut Client) -> Result<i64, Failure> {
    let sql = "SELECT sum(balance)::bigint FROM onetrip_bank.accounts";
    Ok(client.query_typed_one(sql, &[])?.get(0))
}

/// The number of accounts whose balance is not what they began with and what the transfers say.
fn wrong_accounts(client: &mut Client) -> Result<i64, Failure> {
    let sql = "SELECT count(*) FROM onetrip_bank.accounts a WHERE balance <> $1
        + coalesce((SELECT sum(amount) FROM onetrip_bank.transfers WHERE to_id = a.id), 0)
        - coalesce((SELECT sum(amount) FROM onetrip_bank.transfers WHERE from_id = a.id), 0)";
    Ok(client.query_typed_one(sql, &[(&OPENING, Type::INT8)])?.get(0))
}

fn json(arguments: &Arguments, outcome: &Outcome) -> String {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let Conflicts { stale, serialization, deadlock, most_attempts } = &*outcome.conflicts;
    let object = serde_json::json!({
        "threads": arguments.threads,
        "accounts": arguments.accounts,
        "optimistic": arguments.is_optimistic,
        "transfers": outcome.done,
        "not_covered": outcome.not_covered,
        "stale": count(stale),
        "serialization_failures": count(serialization),
        "deadlocks": count(deadlock),
        "most_attempts": count(most_attempts).max(1),
        "round_trips": outcome.round_trips,
        "round_trips_per_transfer": outcome.round_trips_per_transfer(),
        "wall_ms": outcome.wall.as_secs_f64() * 1e3,
        "transfers_per_s": outcome.transfers_per_second(),
        "looks": outcome.looks,
        "sum": outcome.sum,
        "verified": outcome.is_right(arguments),
    });
    format!("{object:#}\n")
}

fn text(arguments: &Arguments, outcome: &Outcome) -> String {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as usize;
    let Conflicts { stale, serialization, deadlock, most_attempts } = &*outcome.conflicts;
    let mut text = format!(
        "{} transfers between {} accounts by {} threads, {} ms away{}{}\n\n",
        thousands(arguments.transfers),
        thousands(arguments.accounts),
        arguments.threads,
        arguments.latency.as_millis(),
        if arguments.is_optimistic { "; optimistic" } else { "" },
        if arguments.has_versions { "" } else { "; without versions" },
    );
    let conflicts = count(stale) + count(serialization) + count(deadlock);
    let reasons = format!(
        "{} stale, {} serialization failures, {} deadlocks",
        thousands(count(stale)),
        thousands(count(serialization)),
        thousands(count(deadlock))
    );
    let trips =
        format!("{:.2} for each transfer that was done", outcome.round_trips_per_transfer());
    let not_covered = format!("{} were not covered", thousands(outcome.not_covered));
    for (name, number, remark) in [
        ("transfers", thousands(outcome.done), &*not_covered),
        ("conflicts", thousands(conflicts), &reasons),
        ("most attempts", thousands(count(most_attempts).max(1)), "at one transfer"),
        ("round trips", thousands(outcome.round_trips as usize), &trips),
        ("time", format!("{:.2}", outcome.wall.as_secs_f64()), "seconds"),
        ("throughput", thousands(outcome.transfers_per_second() as usize), "transfers a second"),
    ] {
        text += &format!("{name:<13}{number:>9}  {remark}\n");
    }
    if outcome.is_right(arguments) {
        text += &format!(
            "\nThe sum was {} at the end and at each of {} looks on the way,\n\
             and every balance is what the transfers say.\n",
            thousands(outcome.sum as usize),
            thousands(outcome.looks)
        );
    }
    text
}
