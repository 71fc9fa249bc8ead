//! Any answer of the server is an error of any severity and code: what a commit says of itself is
//! true, and nothing is written twice.
//!
//! The cases share one idea: a proxy ends the session, or has the server raise an error, at each
//! request in turn. Then a connection of its own looks at what was written.

#[path = "../common/mod.rs"]
mod common;
mod liar;
#[path = "../../examples/support/strategies.rs"]
mod strategies;
#[path = "../common/users.rs"]
mod users;

use common::Schema;
use liar::{Liar, Lie};
use onetrip::{Error, ErrorKind, Handle, Model, Retry, StatementCache, Strategy, UnitOfWork};
use postgres::config::Host;
use postgres::{Client, Config, NoTls};
use users::{User, address, user};

macro_rules! suite {
    ({} $($name:ident: $strategy:expr,)*) => {
        $(
            mod $name {
                use crate::{Context, Setup};

                fn setup(test: &str) -> Setup {
                    Setup::new(&format!("{}_{test}", stringify!($name)), || $strategy.into())
                }

                #[test]
                fn a_commit() {
                    setup("commit").lie_everywhere(Context::Commit);
                }

                #[test]
                fn a_commit_after_a_flush() {
                    setup("flush").lie_everywhere(Context::Flush);
                }

                #[test]
                fn a_savepoint() {
                    setup("savepoint").lie_everywhere(Context::Savepoint);
                }

                #[test]
                fn a_transaction_of_the_callers() {
                    setup("callers").lie_everywhere(Context::Callers);
                }

                #[test]
                fn a_cache() {
                    setup("cache").lie_everywhere(Context::Cache);
                }

                #[test]
                fn natural_keys() {
                    setup("natural").lie_everywhere(Context::Natural);
                }

                #[test]
                fn sql_of_the_callers() {
                    setup("sql").lie_everywhere(Context::Sql);
                }

                #[test]
                fn repeated_work() {
                    setup("retry").lie_everywhere(Context::Retry);
                }
            }
        )*
    };
}

strategies::with_strategies!(suite!());

/// Codes that mean something else where the severity is that of an ordinary error.
const CODES: &[&str] = &[
    "58030", "40001", "40P01", "23505", "0A000", "26000", "54001", "42P05", "08006", "08P01",
    "57P01", "57P03", "P0001", "XX000", "42501", "23503", "27000", "25P02",
];

/// Codes with which the server says that it took no statement.
const IDLE: &[&str] = &["57P05", "25P03"];

/// Where the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Commit,
    Flush,
    Savepoint,
    Callers,
    Cache,
    /// Rows are found or added, and written over.
    Natural,
    /// A statement of the caller's runs between a flush and the commit.
    Sql,
    Retry,
}

#[derive(Model, Clone)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
}

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL,
        user_id int NOT NULL REFERENCES users);
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL);
    INSERT INTO users VALUES (-1, 'old'), (-2, 'older');
    INSERT INTO tags VALUES (-1, 'tag', 1)";

/// All that the tables hold, but for the keys that the server assigns.
const ROWS: &str = "SELECT name FROM users UNION ALL SELECT email FROM addresses
    UNION ALL SELECT name || uses FROM tags ORDER BY 1";

struct Setup {
    schema: Schema,
    strategy: fn() -> Strategy,
    liar: Liar,
}

/// What one run has come to.
struct Outcome {
    result: Result<(), Error>,
    /// How often the work was done.
    times: usize,
    /// Whether the unit of work was asked again, and what that said.
    again: Option<Result<(), Error>>,
    /// Whether the caller's statement was refused, so that it is not part of the commit.
    lacks_sql: bool,
}

/// Two rows to add, one to change and one to delete.
fn change(uow: &mut UnitOfWork<'_>) -> Result<Handle<User>, Error> {
    let [old, older] = [-1, -2].map(|id| uow.find::<User>(id));
    let (old, older) = (old?.expect("it is there"), older?.expect("it is there"));
    let new = uow.add(user("new"));
    uow.add(address("new@example.org", new));
    uow[old].name = "changed".to_owned();
    uow.delete(older)?;
    Ok(new)
}

impl Setup {
    fn new(test: &str, strategy: fn() -> Strategy) -> Setup {
        let schema = Schema::new(&format!("severity_{test}"), TABLES);
        let config: Config = schema.url().parse().unwrap();
        let Some(Host::Tcp(host)) = config.get_hosts().first() else {
            panic!("the tests need a server that is reached over TCP");
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let liar = Liar::start(&format!("{host}:{port}"));
        Setup { schema, strategy, liar }
    }

    /// A connection that goes through the proxy.
    fn client(&self) -> Client {
        let mut config: Config = self.schema.url().parse().unwrap();
        let mut through = Config::new();
        through.host("127.0.0.1").port(self.liar.port());
        through.user(config.get_user().unwrap_or("postgres"));
        through.dbname(config.get_dbname().unwrap_or("postgres"));
        if let Some(password) = config.get_password() {
            through.password(password);
        }
        config = through;
        config.options(&format!(
            "-c search_path={},public -c synchronous_commit=off",
            self.schema.name()
        ));
        config.connect(NoTls).unwrap()
    }

    fn reset(&self, observer: &mut Client) {
        observer
            .batch_execute(
                "TRUNCATE users, addresses, tags; INSERT INTO users VALUES (-1, 'old'), (-2, 'older');
                 INSERT INTO tags VALUES (-1, 'tag', 1)",
            )
            .unwrap();
    }

    fn rows(&self, observer: &mut Client) -> String {
        let rows = observer.query(ROWS, &[]).unwrap();
        let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        // Where a flush has failed, the name is not finished.
        rows.join(" ").replace('!', "")
    }

    /// Waits until the session of the proxied connection is gone.
    fn wait(&self, observer: &mut Client, pid: i32) {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
        while observer.query_one(sql, &[&pid]).unwrap().get::<_, i64>(0) > 0 {
            std::thread::yield_now();
        }
    }

    fn lie_everywhere(&self, context: Context) {
        let mut observer = self.schema.client();
        observer.batch_execute("SET synchronous_commit = off").unwrap();
        let stored = "old older tag1";
        let whole = match context {
            Context::Natural => "changed found0 new new@example.org tag2",
            Context::Sql => "changed new new@example.org tag3",
            _ => "changed new new@example.org tag1",
        };
        // Without a lie, it is written, and this many requests are made.
        self.reset(&mut observer);
        let (outcome, requests, _) = self.run(context, None);
        outcome.result.unwrap();
        assert_eq!(self.rows(&mut observer), whole);
        let mut said = Vec::new();
        for at in 0..requests {
            for lie in lies(at) {
                self.reset(&mut observer);
                let (outcome, _, pid) = self.run(context, Some((at, lie)));
                self.wait(&mut observer, pid);
                let after = self.liar.requests_after();
                let mut rows = self.rows(&mut observer);
                if outcome.lacks_sql && rows == "changed new new@example.org tag1" {
                    rows = whole.to_owned();
                }
                let what = format!("{context:?}, request {at} of {requests}, {lie:?}: {rows}");
                assert!(rows == stored || rows == whole, "half of it is written: {what}");
                let is_written = rows == whole;
                match outcome.result.as_ref().map_err(Error::kind) {
                    Ok(()) => assert!(is_written, "it says that it is written: {what}"),
                    Err(ErrorKind::UnknownOutcome) => {
                        said.push(is_written);
                        assert!(matches!(lie, Lie::AfterIt(..) | Lie::BeforeIt(..)), "{what}");
                        assert!(context != Context::Callers, "no commit of ours: {what}");
                        let is_idle = matches!(lie, Lie::BeforeIt(_, code) if IDLE.contains(&code));
                        // The driver does not wait for the answer to the end of a `COPY`.
                        assert!(
                            !is_idle || self.is_copy(),
                            "nothing can have been written: {what}"
                        );
                        let again = outcome
                            .again
                            .as_ref()
                            .map(|again| again.as_ref().expect_err("it is not tried again").kind());
                        if context != Context::Retry {
                            assert_eq!(again, Some(ErrorKind::UnknownOutcome), "{what}");
                        }
                    }
                    Err(kind) => {
                        // After an ordinary error, the same commit may succeed.
                        let is_again = outcome.again.as_ref().is_some_and(Result::is_ok);
                        assert_eq!(
                            is_written, is_again,
                            "what it says of itself: {what}, {kind:?}"
                        );
                        let is_lost = kind == ErrorKind::Connection;
                        assert_eq!(is_lost, !matches!(lie, Lie::Error(_)), "{what}: {kind:?}");
                    }
                }
                if !matches!(lie, Lie::Error(_)) {
                    // The driver does not wait for the answer to the end of a `COPY`.
                    let is_awaited = !self.is_copy();
                    assert!(after == 0 || !is_awaited, "something was sent after the end: {what}");
                    assert_eq!(outcome.times, 1, "{what}");
                }
            }
        }
        if context != Context::Callers {
            assert!(said.contains(&true) && said.contains(&false), "{context:?}: {said:?}");
        }
    }

    /// Makes one commit, with a lie, and gives the number of its requests and the server's process.
    fn run(&self, context: Context, lie: Option<(usize, Lie)>) -> (Outcome, usize, i32) {
        let mut client = self.client();
        let pid = pid(&mut client);
        let cache = StatementCache::new();
        if context == Context::Cache {
            for _ in 0..2 {
                let mut uow = self.uow(&mut client).with_statement_cache(&cache);
                change(&mut uow).unwrap();
                // It is prepared, and not committed.
                let _ = uow.query::<User>("true").load();
                uow.rollback();
            }
            cache.prepare(&mut client).unwrap();
        }
        let (mut times, mut again, mut lacks_sql) = (0, None, false);
        let result = match context {
            Context::Retry => {
                self.liar.lie(lie);
                let strategy = self.strategy;
                Retry::new().with(move |uow| uow.with_strategy(strategy())).run(
                    &mut client,
                    |uow| {
                        times += 1;
                        change(uow).map(drop)
                    },
                )
            }
            Context::Callers => {
                times = 1;
                let mut transaction = client.transaction().unwrap();
                let mut uow = UnitOfWork::new(&mut transaction).with_strategy((self.strategy)());
                let entities = change(&mut uow);
                self.liar.lie(lie);
                let result = entities.and_then(|_| uow.commit().map(drop));
                let requests = self.liar.requests();
                drop(uow);
                if result.is_ok() {
                    transaction.commit().unwrap();
                } else {
                    // What the caller does with an error.
                    drop(transaction);
                }
                let outcome = Outcome { result, times, again, lacks_sql };
                if !matches!(lie, Some((_, Lie::AfterIt(..) | Lie::BeforeIt(..)))) {
                    alive(&mut client, self.is_copy());
                }
                return (outcome, requests, pid);
            }
            _ => {
                times = 1;
                let mut uow = self.uow(&mut client);
                if context == Context::Cache {
                    uow = uow.with_statement_cache(&cache);
                }
                let loaded = change(&mut uow);
                if context == Context::Natural {
                    let tag = |name: &str, uses| Tag { id: None, name: name.to_owned(), uses };
                    uow.upsert(tag("tag", 2)).expect("nothing is sent yet");
                    uow.find_or_add(tag("found", 0)).expect("nothing is sent yet");
                }
                self.liar.lie(lie);
                let result = loaded.and_then(|new| match context {
                    Context::Flush => {
                        uow.flush()?;
                        uow[new].name.push('!');
                        uow.flush()?;
                        uow[new].name.pop();
                        uow.commit().map(drop)
                    }
                    Context::Sql => {
                        lacks_sql = true;
                        uow.flush()?;
                        uow.sql("UPDATE tags SET uses = $1").bind(3).execute()?;
                        lacks_sql = false;
                        uow.commit().map(drop)
                    }
                    Context::Savepoint => {
                        uow.savepoint(|uow| uow.flush().map(drop))?;
                        uow.commit().map(drop)
                    }
                    _ => uow.commit().map(drop),
                });
                if result.is_err() {
                    again = Some(uow.commit().map(drop));
                }
                result
            }
        };
        let requests = self.liar.requests();
        let outcome = Outcome { result, times, again, lacks_sql };
        if !matches!(lie, Some((_, Lie::AfterIt(..) | Lie::BeforeIt(..)))) {
            alive(&mut client, self.is_copy());
        }
        (outcome, requests, pid)
    }

    fn is_copy(&self) -> bool {
        (self.strategy)().name() == "copy"
    }

    fn uow<'c>(&self, client: &'c mut Client) -> UnitOfWork<'c> {
        UnitOfWork::new(client).with_strategy((self.strategy)())
    }
}

/// The server's process. A prepared query would be closed later, which is a request.
fn pid(client: &mut Client) -> i32 {
    let messages = client.simple_query("SELECT pg_backend_pid()").unwrap();
    let pid = messages.iter().find_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    pid.expect("a number")
}

/// After an ordinary error the connection is in no transaction.
fn alive(client: &mut Client, is_copy: bool) {
    let messages = match client.simple_query("SELECT now() = statement_timestamp()") {
        Ok(messages) => messages,
        // A `COPY` that is refused ends the session.
        Err(_) if is_copy => return,
        Err(error) => panic!("{error}"),
    };
    let is_fresh = messages.iter().any(|message| {
        matches!(message, postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some("t"))
    });
    assert!(is_fresh, "a transaction is left open");
}

/// Different codes at different requests.
fn lies(at: usize) -> [Lie; 6] {
    let code = |step: usize| CODES[(at * 5 + step) % CODES.len()];
    [
        Lie::AfterIt("FATAL", code(0)),
        Lie::AfterIt("PANIC", if at % 2 == 0 { "58030" } else { code(1) }),
        Lie::BeforeIt("FATAL", code(2)),
        Lie::BeforeIt("FATAL", IDLE[at % IDLE.len()]),
        Lie::Error(code(3)),
        Lie::Error(code(4)),
    ]
}
