//! This library beside its peers: round trips, statements, bytes and time for the same work on the same
//! tables.

mod counts;
mod inside;
mod installed;
mod outside;
mod peers;
mod support;
mod times;
mod work;

use std::process::ExitCode;

use lexopt::Arg::{Long, Short};

use peers::{Listed, PEERS, SELF};
use support::cli::{self, Failure};
use support::database::{Schema, Server};

const HELP: &str = "\
Counts and measures what this library and its peers do for the same work.

Usage: scripts/with-postgres cargo run --release --manifest-path benches/peers/Cargo.toml -- [OPTIONS]

Options:
      --peer NAME    only this peer, beside this library; can be repeated
      --counts       only the counts: no times
      --times        only the times: no counts
  -h, --help         this text

UPDATE=1 writes golden.txt anew, instead of comparing the counts with it.
";

#[derive(Debug, Default)]
struct Arguments {
    peers: Vec<String>,
    only_counts: bool,
    only_times: bool,
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Arguments>, lexopt::Error> {
    let mut arguments = Arguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("peer") => {
                let name = parser.value()?.to_string_lossy().into_owned();
                if !PEERS.iter().any(|peer| peer.name == name) {
                    let names: Vec<_> = PEERS.iter().map(|peer| peer.name).collect();
                    let there_are = names.join(", ");
                    return Err(format!("no peer is named {name:?}: there are {there_are}").into());
                }
                arguments.peers.push(name);
            }
            Long("counts") => arguments.only_counts = true,
            Long("times") => arguments.only_times = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if arguments.only_counts && arguments.only_times {
        return Err("--counts and --times exclude each other".into());
    }
    Ok(Some(arguments))
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let is_asked = |peer: &&Listed| {
        let names = &arguments.peers;
        names.is_empty() || peer.name == SELF || names.iter().any(|name| name == peer.name)
    };
    let peers: Vec<&Listed> = PEERS.iter().filter(is_asked).collect();
    let server = Server::from_env()?;
    let mut direct = server.connect()?;
    let schema = Schema::new(work::SCHEMA);
    schema.recreate(&mut direct, work::TABLES)?;
    direct.batch_execute(&format!("SET search_path = {}", work::SCHEMA))?;
    let row =
        direct.query_one("SELECT current_date::text, current_setting('server_version')", &[])?;
    println!("{}, PostgreSQL {}\n", row.get::<_, &str>(0), row.get::<_, &str>(1));
    for peer in &peers {
        println!("{:<20}{}", peer.name, installed::versions(peer)?);
    }
    if !arguments.only_times {
        counts::run(&peers, &server, &mut direct)?;
    }
    if !arguments.only_counts {
        times::run(&peers, &server, &mut direct)?;
    }
    schema.drop(&mut direct)
}

fn main() -> ExitCode {
    support::relay::serve_if_asked();
    inside::serve_if_asked();
    cli::run("peers", HELP, parse, run)
}
