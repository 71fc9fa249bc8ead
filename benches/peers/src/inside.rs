//! The process of a peer that is written in Rust: this program, started again.
//!
//! A peer reads the name of a work from stdin, gets ready for it, and writes `prepared`. It reads `run`,
//! does the work, and writes `done`, the nanoseconds, and a sum of what its objects have. The peers in
//! other languages do the same.

use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use crate::peers;
use crate::support::cli::{Failure, explain};
use crate::work::Work;

/// The hidden first argument of the process that is a peer.
pub(crate) const CHILD: &str = "--peer-child";

/// A peer, with a connection of its own.
pub(crate) trait Peer {
    /// Gets ready, waits for [`Clock::start`], does the work, and calls [`Clock::stop`]. Returns the sum
    /// that [`Work::check`] compares.
    fn perform(&mut self, work: Work, clock: &mut Clock) -> Result<i64, Failure>;
}

/// When the work began, and how long it took.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    started: Option<Instant>,
    elapsed: Option<Duration>,
}

impl Clock {
    /// Says that all is prepared, waits until the work may begin, and starts the clock.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        say("prepared")?;
        match next_line()? {
            Some(line) if line == "run" => {}
            other => return Err(format!("`run` was expected, not {other:?}").into()),
        }
        self.started = Some(Instant::now());
        Ok(())
    }

    /// Stops the clock: the work is done, and what comes now is only to check it.
    pub(crate) fn stop(&mut self) {
        self.elapsed = self.started.map(|started| started.elapsed());
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

fn next_line() -> io::Result<Option<String>> {
    io::stdin().lock().lines().next().transpose()
}

/// Is the peer and never returns, if this process was started to be one.
pub(crate) fn serve_if_asked() {
    let mut arguments = std::env::args_os().skip(1).map(|text| text.into_string());
    if arguments.next() != Some(Ok(CHILD.to_owned())) {
        return;
    }
    let mut text = || arguments.next().and_then(Result::ok).unwrap_or_default();
    let (name, url) = (text(), text());
    let code = match serve(&name, &url) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{name}: {}", explain(&*error));
            1
        }
    };
    std::process::exit(code);
}

fn serve(name: &str, url: &str) -> Result<(), Failure> {
    let mut peer = peers::connect(name, url)?;
    say("ready")?;
    while let Some(line) = next_line()? {
        let work = line.parse()?;
        let mut clock = Clock::default();
        let sum = peer.perform(work, &mut clock)?;
        let elapsed = clock.elapsed.ok_or("the peer did not stop the clock")?;
        say(&format!("done {} {sum}", elapsed.as_nanos()))?;
    }
    Ok(())
}

/// The sum of the work `insert`: each key times the number of its object, from 1 on.
pub(crate) fn sum_of(
    users: impl IntoIterator<Item = i32>,
    addresses: impl IntoIterator<Item = i32>,
) -> i64 {
    let sum = |keys: &mut dyn Iterator<Item = i32>| -> i64 {
        (1..).zip(keys).map(|(number, key): (i64, i32)| number * i64::from(key)).sum()
    };
    sum(&mut users.into_iter()) + sum(&mut addresses.into_iter())
}

/// What one line of the work `graph` adds to the sum.
pub(crate) fn line_sum(customer: i32, order: i32, line: i32, quantity: i64) -> i64 {
    i64::from(customer) + 3 * i64::from(order) + 7 * i64::from(line) + 11 * quantity
}

pub(crate) fn name(user: usize) -> String {
    format!("user {user}")
}

/// The email of an address, which belongs to the user `(address + 1) / 2`.
pub(crate) fn email(address: usize) -> String {
    format!("a{address}@example.org")
}

pub(crate) fn changed(id: i32) -> String {
    format!("changed {id}")
}
