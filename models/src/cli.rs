//! The program: arguments, output, exit status.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::prelude::*;
use postgres::{Client, NoTls};

use crate::{Library, Models};

const HELP: &str = "\
Prints onetrip models for the tables of the database that DATABASE_URL names.

usage: onetrip-models [OPTION...]

  --schema NAME      the tables of this schema; more than one may be named
                     (default: those of the search path)
  --table NAME       this table, as NAME or SCHEMA.NAME; more than one may be
                     named (default: all, without the partitions of others)
  --exclude NAME     not this one, as NAME or SCHEMA.NAME
  --time LIBRARY     dates and times are those of time, chrono, jiff, or none
                     (default: time)
  --without LIBRARY  no types of uuid, rust_decimal or serde_json
  --help             this text

Names are printed without their schema where the search path finds them.
Columns without a Rust type of their own are strings.
";

/// Runs the program with the arguments of the process, and returns its exit status: 2 for arguments
/// that it does not understand, as usual.
#[must_use]
pub fn main() -> ExitCode {
    let models = match parse(lexopt::Parser::from_env()) {
        Ok(models) => models,
        Err(error) => {
            eprintln!("onetrip-models: {error}\nTry `onetrip-models --help`.");
            return ExitCode::from(2);
        }
    };
    match models.map_or_else(|| Ok(HELP.to_owned()), |models| print(&models)).and_then(write) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("onetrip-models: {}", explain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Returns what to print, or `None` when only the help was asked for.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Models>, lexopt::Error> {
    let mut models = Models::new();
    while let Some(argument) = parser.next()? {
        models = match argument {
            Long("schema") => models.schema(parser.value()?.string()?),
            Long("table") => models.table(parser.value()?.string()?),
            Long("exclude") => models.exclude(parser.value()?.string()?),
            Long("time") => match &*parser.value()?.string()? {
                "time" => models.with(Library::Time),
                "chrono" => models.with(Library::Chrono),
                "jiff" => models.with(Library::Jiff),
                "none" => {
                    models.without(Library::Time).without(Library::Chrono).without(Library::Jiff)
                }
                other => return Err(unknown("--time", other, "time, chrono, jiff or none")),
            },
            Long("without") => match &*parser.value()?.string()? {
                "uuid" => models.without(Library::Uuid),
                "rust_decimal" => models.without(Library::RustDecimal),
                "serde_json" => models.without(Library::SerdeJson),
                other => {
                    return Err(unknown("--without", other, "uuid, rust_decimal or serde_json"));
                }
            },
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        };
    }
    Ok(Some(models))
}

fn unknown(option: &str, value: &str, known: &str) -> lexopt::Error {
    format!("{option} has to be {known}, and is {value:?}").into()
}

fn print(models: &Models) -> Result<String, Box<dyn Error>> {
    let url = env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let mut client = Client::connect(&url, NoTls)?;
    match models.source(&mut client)? {
        (_, 0) => Err("there are no tables: where the search path does not have them, name their schema by --schema"
            .into()),
        (source, _) => Ok(source),
    }
}

/// Writes to stdout. A reader that has seen enough (`… | head`) is not an error.
fn write(text: String) -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Returns the error and its causes in one line.
fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
