//! Imports the history of a git repository: authors, commits, their parents and the files that
//! they changed, in one unit of work and one commit.
//!
//! ```text
//! scripts/with-postgres cargo run --release --example git_import
//! ```

mod check;
mod git;
mod import;
mod model;
mod parse;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use lexopt::ValueExt;
use onetrip::UnitOfWork;

use check::Comparison;
use git::History;
use import::{Import, Odd, Tables};
use model::{Commit, SCHEMA, TABLES};
use support::cli::{self, Failure, thousands};
use support::database::Server;
use support::progress;
use support::relay::{self, Relay};
use support::strategies::{self, Named};

const HELP: &str = "\
Imports the history of a git repository into PostgreSQL, in one commit.

usage: git_import [OPTION...] [PATH]

  PATH             the repository, bare or not; the current one by default
  --all            what any branch or tag leads to, not only HEAD
  --limit N        only the newest N commits
  --strategy NAME  how rows are written; auto by default
  --latency MS     time that a round trip takes; 0 by default
  --update         keep the tables, and add what they do not have yet
  --drop           drop the tables at the end
  --help           print this

The tables are made in the schema onetrip_git.
DATABASE_URL says where the server is; scripts/with-postgres starts one.
";

fn main() -> ExitCode {
    relay::serve_if_asked();
    let help = format!("{HELP}Strategies: {}.\n", strategies::names());
    cli::run("git_import", &help, Arguments::parse, run)
}

struct Arguments {
    path: Option<PathBuf>,
    all: bool,
    limit: Option<u64>,
    strategy: &'static Named,
    latency: Duration,
    update: bool,
    drop: bool,
}

impl Arguments {
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
        use lexopt::Arg::{Long, Short, Value};
        let mut arguments = Arguments {
            path: None,
            all: false,
            limit: None,
            strategy: strategies::DEFAULT,
            latency: Duration::ZERO,
            update: false,
            drop: false,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Value(path) if arguments.path.is_none() => arguments.path = Some(path.into()),
                Long("all") => arguments.all = true,
                Long("limit") => arguments.limit = Some(parser.value()?.parse()?),
                Long("strategy") => {
                    arguments.strategy = parser.value()?.parse_with(strategies::find)?;
                }
                Long("latency") => arguments.latency = parser.value()?.parse_with(cli::latency)?,
                Long("update") => arguments.update = true,
                Long("drop") => arguments.drop = true,
                Long("help") | Short('h') => return Ok(None),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Some(arguments))
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let server = Server::from_env()?;
    let history = History::new(arguments.path.clone(), arguments.all, arguments.limit)?;
    let mut direct = server.connect()?;
    let is_kept = arguments.update && SCHEMA.is_there(&mut direct)?;
    if !is_kept {
        SCHEMA.recreate(&mut direct, TABLES)?;
    }
    let tables = if is_kept { Tables::Filled } else { Tables::Empty };

    let relay = Relay::spawn(&server.address(), arguments.latency)?;
    let mut client = server.connect_by(&relay)?;
    let mut uow = UnitOfWork::new(&mut client).with_strategy((arguments.strategy.strategy)());
    let started = Instant::now();
    let (odd, changes) = read(&history, &mut uow, tables)?;
    let reading = started.elapsed();

    let (mut uow, progress) = show_progress(uow)?;
    let before = relay.round_trips()?;
    let report = uow.commit()?;
    let round_trips = relay.round_trips()? - before;
    progress.finish_and_clear();

    let progress = progress::spinner("Reading back");
    let comparison = Comparison::new(&mut direct, &history, changes)?;
    progress.finish_and_clear();

    let (rows, elapsed) = (report.rows(), report.elapsed());
    let mut text = format!("{}: read in {:.1} s\n", history.path(), reading.as_secs_f64());
    text += &format!(
        "{} rows in {:.2} s by {}, {} rows/s, {} round trips\n\n{comparison}",
        thousands(rows),
        elapsed.as_secs_f64(),
        named(report.strategy(), report.written_by()),
        thousands((rows as f64 / elapsed.as_secs_f64()) as usize),
        thousands(round_trips as usize),
    );
    if is_kept {
        text += &format!("{} rows were there already.\n", thousands(report.found_rows()));
    }
    if history.is_empty() {
        text += "HEAD leads to no commit. Branches and tags can, which --all imports.\n";
    }
    if odd.not_utf8 > 0 {
        let values = thousands(odd.not_utf8);
        text += &format!(
            "Values that are not UTF-8, with the bytes in columns named …_raw: {values}\n"
        );
    }
    if !odd.without_time.is_empty() {
        let commits = thousands(odd.without_time.len());
        text += &format!("Commits without a time that git can read, see author_line: {commits}\n");
    }
    if arguments.drop {
        SCHEMA.drop(&mut direct)?;
    } else {
        let name = SCHEMA.name();
        text += &format!("\nThe tables are in the schema {name} until the next import.\n");
    }
    cli::print(&text)?;
    if comparison.is_equal() {
        return Ok(());
    }
    Err("the database does not have what git has".into())
}

/// Adds the history to the unit of work. Gives the number of changed files, too.
fn read(
    history: &History,
    uow: &mut UnitOfWork<'_>,
    tables: Tables,
) -> Result<(Odd, usize), Failure> {
    let progress = progress::bar("Reading commits", history.count()?);
    let mut import = Import::new(uow, tables);
    let mut changes = 0;
    if let Some(mut running) = history.log()? {
        for commit in parse::Log::new(&mut running.stdout) {
            match commit {
                Ok(commit) => {
                    changes += commit.changes.len();
                    import.add(commit)?;
                    progress.inc(1);
                }
                Err(error) => return Err(running.fail(error)),
            }
        }
        let warnings = running.finish()?;
        if !warnings.is_empty() {
            progress.suspend(|| eprintln!("git: {warnings}"));
        }
    }
    progress.finish_and_clear();
    let odd = import.finish()?;
    add_author_lines(history, uow, &odd)?;
    Ok((odd, changes))
}

/// Takes from the objects themselves what git's log does not say.
fn add_author_lines(history: &History, uow: &mut UnitOfWork<'_>, odd: &Odd) -> Result<(), Failure> {
    if odd.without_time.is_empty() {
        return Ok(());
    }
    let mut objects = history.objects()?;
    for (commit, sha) in &odd.without_time {
        let object = objects.get(sha)?;
        if let Some((line, time)) = parse::author_header(&object) {
            let commit: &mut Commit = uow.get_mut(*commit)?;
            commit.author_line = Some(line.to_owned());
            commit.authored_at = time;
        }
    }
    Ok(())
}

/// Makes the unit of work show how far its commit has got.
///
/// A bulk commit sends its rows in many pieces. One that is a single statement has nothing to say
/// before its end.
fn show_progress(uow: UnitOfWork<'_>) -> Result<(UnitOfWork<'_>, ProgressBar), Failure> {
    let plan = uow.plan()?;
    let by = named(plan.strategy(), plan.written_by());
    let bar = progress::moving_bar(format!("Committing by {by}"), plan.rows() as u64);
    let shown = bar.clone();
    let uow = uow.with_progress(move |now| {
        shown.set_message(format!("Committing by {by}: {}", now.table));
        shown.set_position(now.rows as u64);
    });
    Ok((uow, bar))
}

/// The strategy, and the one that it has picked.
fn named(strategy: &str, written_by: &str) -> String {
    if written_by == strategy {
        return strategy.to_owned();
    }
    format!("{strategy} ({written_by})")
}
