//! The parts of a command line program: arguments, output, exit status.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The error of a whole program, which only has to be shown.
pub(crate) type Failure = Box<dyn Error>;

/// Runs a program: 2 is the exit status for arguments that it does not understand, as usual.
///
/// `parse` gives `None` when only the help was asked for.
pub(crate) fn run<A>(
    name: &str,
    help: &str,
    parse: impl FnOnce(lexopt::Parser) -> Result<Option<A>, lexopt::Error>,
    body: impl FnOnce(A) -> Result<(), Failure>,
) -> ExitCode {
    let result = match parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => body(arguments),
        Ok(None) => print(help),
        Err(error) => {
            eprintln!("{name}: {error}\nTry `{name} --help`.");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {}", explain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The number that follows an option. An error names the option.
pub(crate) fn number<T: std::str::FromStr>(
    parser: &mut lexopt::Parser,
    option: &str,
) -> Result<T, lexopt::Error> {
    let value = parser.value()?.to_string_lossy().into_owned();
    value.parse().map_err(|_| format!("{option} has to be a number, and is {value:?}").into())
}

/// A latency, given in milliseconds.
pub(crate) fn latency(argument: &str) -> Result<Duration, String> {
    match argument.parse() {
        Ok(milliseconds @ 0..=60_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err("a latency is a whole number of milliseconds, 60000 at most".to_owned()),
    }
}

/// Writes to stdout. A reader that has seen enough (`… | head`) is not an error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The error and its causes in one line, for drivers keep the interesting part in the cause.
pub(crate) fn explain(error: &dyn Error) -> String {
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

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_groups() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
