//! The classic demonstration: users with two addresses each, written by one strategy after the
//! other, with the network round trips counted on the wire; and a graph that is loaded, changed and
//! committed.
//!
//! ```text
//! scripts/with-postgres cargo run --release --example demo
//! ```

mod load;
#[path = "../support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::ValueExt;
use onetrip::{ForeignKey, Model, UnitOfWork};
use postgres::Client;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::Type;

use load::Loaded;
use support::cli::{self, Failure, thousands};
use support::database::{Schema, Server};
use support::progress;
use support::relay::{self, Relay};
use support::strategies::{self, Named, STRATEGIES};

const HELP: &str = "\
Writes users with two addresses each by several strategies, over a connection
with latency, and compares their round trips and times. Then loads orders with
all that belongs to them, changes them and commits.

usage: demo [OPTION...]

  --users N                  users in a commit; 100 by default
  --strategy NAME[,NAME...]  what to compare, without loading; all by default
  --latency MS               time that a round trip takes; 20 by default
  --repeat R                 commits by each strategy; 1 by default
  --json                     print a JSON array instead of a table
  --help                     print this

The tables are made in the schema onetrip_demo, which is dropped at the end.

DATABASE_URL says where the server is; scripts/with-postgres starts one.
";

/// Models and statements name it.
const SCHEMA: Schema = Schema::new("onetrip_demo");

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (
        id serial PRIMARY KEY,
        email_address text NOT NULL,
        user_id integer NOT NULL REFERENCES users
    )";

#[derive(Model, Clone)]
#[model(schema = "onetrip_demo", table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_demo", table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email_address: String,
    user_id: ForeignKey<User>,
}

/// The parts before the `@` that a user's name gets, in alphabetical order.
const KINDS: [&str; 2] = ["home", "work"];

fn main() -> ExitCode {
    relay::serve_if_asked();
    let help = format!("{HELP}Strategies: {}, {}.\n", strategies::names(), Writer::RawCopy.name());
    cli::run("demo", &help, Arguments::parse, run)
}

struct Arguments {
    users: usize,
    writers: Vec<Writer>,
    /// Whether orders are loaded, too.
    loads: bool,
    latency: Duration,
    repeat: usize,
    json: bool,
}

impl Arguments {
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
        use lexopt::Arg::{Long, Short};
        let mut arguments = Arguments {
            users: 100,
            writers: Writer::all(),
            loads: true,
            latency: Duration::from_millis(20),
            repeat: 1,
            json: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("users") => arguments.users = cli::number(&mut parser, "--users")?,
                Long("strategy") => {
                    arguments.writers = parser.value()?.parse_with(Writer::several)?;
                    arguments.loads = false;
                }
                Long("latency") => arguments.latency = parser.value()?.parse_with(cli::latency)?,
                Long("repeat") => arguments.repeat = cli::number(&mut parser, "--repeat")?,
                Long("json") => arguments.json = true,
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(argument.unexpected()),
            }
        }
        if arguments.users > 10_000_000 {
            return Err("--users can be 10000000 at most".into());
        }
        if arguments.repeat == 0 {
            return Err("--repeat has to be 1 at least".into());
        }
        Ok(Some(arguments))
    }
}

/// What can write the users: a strategy of the library, or what there is to compare it with.
#[derive(Clone, Copy)]
enum Writer {
    Strategy(&'static Named),
    /// The driver's own binary COPY, of rows whose ids are known beforehand.
    RawCopy,
}

impl Writer {
    fn all() -> Vec<Writer> {
        STRATEGIES.iter().map(Writer::Strategy).chain([Writer::RawCopy]).collect()
    }

    fn several(names: &str) -> Result<Vec<Writer>, String> {
        if names == "all" {
            return Ok(Writer::all());
        }
        let find = |name| {
            let raw_copy = (name == Writer::RawCopy.name()).then_some(Writer::RawCopy);
            raw_copy.map_or_else(|| strategies::find(name).map(Writer::Strategy), Ok)
        };
        names.split(',').map(find).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Writer::Strategy(strategy) => strategy.name,
            Writer::RawCopy => "raw-copy",
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let server = Server::from_env()?;
    let mut direct = server.connect()?;
    let tables = if arguments.loads { [TABLES, load::TABLES].join(";") } else { TABLES.to_owned() };
    SCHEMA.recreate(&mut direct, &tables)?;
    let measured = measure_all(&arguments, &server, &mut direct);
    let dropped = SCHEMA.drop(&mut direct);
    let (measured, loaded) = measured?;
    dropped?;
    cli::print(&if arguments.json {
        json(&arguments, &measured, &loaded)
    } else {
        let loaded = if arguments.loads { load::table(&loaded) } else { String::new() };
        table(&arguments, &measured) + &loaded
    })?;
    if !loaded.iter().all(|loaded| loaded.verified) {
        return Err("the totals are not those of the lines".into());
    }
    let wrong: Vec<_> = measured.iter().filter(|m| !m.verified).map(|m| m.name).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("the database does not have what was committed by {}", wrong.join(", ")).into())
}

/// What came out for one writer.
struct Measured {
    name: &'static str,
    /// Of one commit.
    rows: usize,
    /// Of the commit that took the most.
    round_trips: u64,
    /// Of the median commit.
    wall: Duration,
    verified: bool,
}

impl Measured {
    fn milliseconds(&self) -> f64 {
        self.wall.as_secs_f64() * 1e3
    }

    fn rows_per_second(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.rows as f64 / self.wall.as_secs_f64() }
    }
}

fn measure_all(
    arguments: &Arguments,
    server: &Server,
    direct: &mut Client,
) -> Result<(Vec<Measured>, Vec<Loaded>), Failure> {
    let relay = Relay::spawn(&server.address(), arguments.latency)?;
    let mut measured = Vec::new();
    for &writer in &arguments.writers {
        direct.batch_execute("TRUNCATE onetrip_demo.users, onetrip_demo.addresses")?;
        let mut client = server.connect_by(&relay)?;
        measured.push(measure(arguments, writer, &mut client, direct, &relay)?);
    }
    let mut loaded = Vec::new();
    if arguments.loads {
        let mut client = server.connect_by(&relay)?;
        loaded = load::measure(&mut client, direct, &relay)?;
    }
    Ok((measured, loaded))
}

/// Commits as often as asked for over `client`, and looks at the result over `direct`.
fn measure(
    arguments: &Arguments,
    writer: Writer,
    client: &mut Client,
    direct: &mut Client,
    relay: &Relay,
) -> Result<Measured, Failure> {
    let Arguments { users, repeat, .. } = *arguments;
    let progress = progress::spinner(writer.name());
    let mut walls = Vec::new();
    let mut round_trips = 0;
    let mut verified = true;
    for round in 1..=repeat {
        progress.set_message(format!("{}: commit {round} of {repeat}", writer.name()));
        let committed = match writer {
            Writer::Strategy(strategy) => commit(strategy, client, relay, round, users)?,
            Writer::RawCopy => raw_copy(client, relay, round, users)?,
        };
        walls.push(committed.wall);
        round_trips = round_trips.max(committed.round_trips);
        verified &= are_in_database(direct, &committed.entities)?;
    }
    verified &= belong_together(direct, repeat * users)?;
    walls.sort_unstable();
    let wall = walls[walls.len() / 2];
    Ok(Measured { name: writer.name(), rows: 3 * users, round_trips, wall, verified })
}

type UserWithAddresses = (User, [Address; 2]);

/// One commit, and the entities as they are after it.
struct Committed {
    wall: Duration,
    round_trips: u64,
    entities: Vec<UserWithAddresses>,
}

/// A commit by a unit of work.
fn commit(
    strategy: &Named,
    client: &mut Client,
    relay: &Relay,
    round: usize,
    users: usize,
) -> Result<Committed, Failure> {
    let mut uow = UnitOfWork::new(client).with_strategy((strategy.strategy)());
    let add_user = |number| {
        let name = name(round, number);
        let user = uow.add(User { id: None, name: name.clone() });
        let addresses = KINDS.map(|kind| {
            let email_address = email_address(&name, kind);
            uow.add(Address { id: None, email_address, user_id: user.into() })
        });
        (user, addresses)
    };
    let handles: Vec<_> = (1..=users).map(add_user).collect();

    let before = relay.round_trips()?;
    let started = Instant::now();
    let report = uow.commit()?;
    let wall = started.elapsed();
    let round_trips = relay.round_trips()? - before;

    if round_trips != report.round_trips() {
        let (name, counted) = (strategy.name, report.round_trips());
        eprintln!(
            "demo: {name}: {round_trips} round trips on the wire, {counted} by its own count"
        );
    }
    let entities = handles.iter().map(|&(user, addresses)| {
        (uow[user].clone(), addresses.map(|address| uow[address].clone()))
    });
    Ok(Committed { wall, round_trips, entities: entities.collect() })
}

/// The same rows without a unit of work. There is nothing to find out, for the ids are given.
fn raw_copy(
    client: &mut Client,
    relay: &Relay,
    round: usize,
    users: usize,
) -> Result<Committed, Failure> {
    let with_addresses = |number| {
        let id = i32::try_from((round - 1) * users + number)?;
        let name = name(round, number);
        let mut address_id = 2 * id;
        let addresses = KINDS.map(|kind| {
            address_id += 1;
            let email_address = email_address(&name, kind);
            Address { id: Some(address_id), email_address, user_id: ForeignKey::Key(id) }
        });
        Ok((User { id: Some(id), name }, addresses))
    };
    let entities: Vec<_> = (1..=users).map(with_addresses).collect::<Result<_, Failure>>()?;

    let before = relay.round_trips()?;
    let started = Instant::now();
    let mut transaction = client.transaction()?;
    let writer =
        transaction.copy_in("COPY onetrip_demo.users (id, name) FROM STDIN (FORMAT binary)")?;
    let mut writer = BinaryCopyInWriter::new(writer, &[Type::INT4, Type::TEXT]);
    for (user, _) in &entities {
        writer.write(&[&user.id, &user.name])?;
    }
    writer.finish()?;
    let columns = "id, email_address, user_id";
    let sql = format!("COPY onetrip_demo.addresses ({columns}) FROM STDIN (FORMAT binary)");
    let writer = transaction.copy_in(&sql)?;
    let mut writer = BinaryCopyInWriter::new(writer, &[Type::INT4, Type::TEXT, Type::INT4]);
    for address in entities.iter().flat_map(|(_, addresses)| addresses) {
        writer.write(&[&address.id, &address.email_address, &address.user_id.key()])?;
    }
    writer.finish()?;
    transaction.commit()?;
    let wall = started.elapsed();
    Ok(Committed { wall, round_trips: relay.round_trips()? - before, entities })
}

fn name(round: usize, number: usize) -> String {
    format!("user-{round}-{number}")
}

fn email_address(name: &str, kind: &str) -> String {
    format!("{name}.{kind}@example.org")
}

/// Whether the database has these entities, under the ids that they have here.
fn are_in_database(client: &mut Client, entities: &[UserWithAddresses]) -> Result<bool, Failure> {
    let ids: Vec<_> = entities.iter().map(|(user, _)| user.id).collect();
    let sql = "SELECT addresses.id, email_address, users.id, name
               FROM onetrip_demo.users JOIN onetrip_demo.addresses ON user_id = users.id
               WHERE users.id = ANY($1)";
    let rows = client.query_typed(sql, &[(&ids, Type::INT4_ARRAY)])?;
    let rows: HashMap<i32, (String, i32, String)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
    let is_there = |user: &User, address: &Address| {
        let (Some(user_id), Some(id)) = (user.id, address.id) else { return false };
        let expected = (address.email_address.clone(), user_id, user.name.clone());
        rows.get(&id) == Some(&expected) && address.user_id == ForeignKey::Key(user_id)
    };
    let complete = |(user, addresses): &UserWithAddresses| {
        addresses.iter().all(|address| is_there(user, address))
    };
    Ok(rows.len() == 2 * entities.len() && entities.iter().all(complete))
}

/// Whether the tables hold so many users, each with its own two addresses, and nothing else.
fn belong_together(client: &mut Client, users: usize) -> Result<bool, Failure> {
    let [home, work] = KINDS.map(|kind| email_address("", kind));
    let row = client.query_typed_one(
        "SELECT (SELECT count(*) FROM onetrip_demo.users),
                (SELECT count(*) FROM onetrip_demo.addresses), count(*) FROM (
             SELECT FROM onetrip_demo.users JOIN onetrip_demo.addresses ON user_id = users.id
             GROUP BY users.id
             HAVING array_agg(email_address ORDER BY email_address)
                  = ARRAY[name || $1, name || $2]
         ) AS complete",
        &[(&home, Type::TEXT), (&work, Type::TEXT)],
    )?;
    let users = i64::try_from(users)?;
    Ok([row.get(0), row.get(1), row.get::<_, i64>(2)] == [users, 2 * users, users])
}

fn json(arguments: &Arguments, measured: &[Measured], loaded: &[Loaded]) -> String {
    let object = |m: &Measured| {
        serde_json::json!({
            "strategy": m.name,
            "users": arguments.users,
            "rows": m.rows,
            "round_trips": m.round_trips,
            "wall_ms": m.milliseconds(),
            "rows_per_s": m.rows_per_second(),
            "verified": m.verified,
        })
    };
    let of_loaded = |l: &Loaded| {
        serde_json::json!({
            "loaded_by": l.by,
            "entities": l.entities,
            "round_trips": l.round_trips,
            "wall_ms": l.wall.as_secs_f64() * 1e3,
            "verified": l.verified,
        })
    };
    let objects: Vec<_> = measured.iter().map(object).chain(loaded.iter().map(of_loaded)).collect();
    format!("{:#}\n", serde_json::Value::from(objects))
}

/// The widest bar, in characters: the table fits into 80 columns.
const BAR: f64 = 16.0;

fn table(arguments: &Arguments, measured: &[Measured]) -> String {
    let Arguments { users, latency, repeat, .. } = arguments;
    let slowest = measured.iter().map(|m| m.wall).max().unwrap_or_default();
    let reference = measured.iter().find(|m| m.name == "row_by_row");
    let mut text = format!(
        "{} user{} with 2 addresses each, {} ms away; {}\n\n\
         strategy        rows  round trips        ms    rows/s  faster  time, to scale\n",
        thousands(*users),
        if *users == 1 { "" } else { "s" },
        latency.as_millis(),
        if *repeat == 1 { "one commit".to_owned() } else { format!("the median of {repeat}") },
    );
    for m in measured {
        let faster = reference
            .filter(|_| *users > 0)
            .map(|reference| reference.wall.as_secs_f64() / m.wall.as_secs_f64());
        text += &format!(
            "{:<11}{:>9}{:>13}{:>10.1}{:>10}{:>8}  {}\n",
            m.name,
            thousands(m.rows),
            thousands(m.round_trips as usize),
            m.milliseconds(),
            thousands(m.rows_per_second() as usize),
            faster.map_or_else(String::new, |faster| format!("{faster:.1}×")),
            bar(m.wall.as_secs_f64() / slowest.as_secs_f64() * BAR),
        );
    }
    if measured.iter().all(|m| m.verified) {
        text += "\nRead back: every address belongs to its user, and every id to its entity.\n";
    }
    text
}

/// A bar of so many characters, to an eighth of one. There is always something to see.
fn bar(length: f64) -> String {
    let eighths = (length * 8.0).round().max(1.0) as usize;
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{part}", "█".repeat(eighths / 8))
}
