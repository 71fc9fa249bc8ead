//! A peer, as the program sees it that measures: a process that does what it is told.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use postgres::Config;

use crate::installed;
use crate::peers::Listed;
use crate::support::cli::Failure;
use crate::work::{SCHEMA, Work};

/// The address by which a peer finds the server, through a relay on this machine.
pub(crate) fn url(port: u16) -> Result<String, Failure> {
    let config: Config = std::env::var("DATABASE_URL")?.parse()?;
    let user = config.get_user().unwrap_or("postgres");
    let mut login = escaped(user);
    if let Some(password) = config.get_password() {
        login = format!("{login}:{}", escaped(&String::from_utf8_lossy(password)));
    }
    let database = escaped(config.get_dbname().unwrap_or(user));
    let options = escaped(&format!("-c search_path={SCHEMA}"));
    Ok(format!("postgres://{login}@127.0.0.1:{port}/{database}?sslmode=disable&options={options}"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}

pub(crate) struct Process {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the peer, which connects by a relay at this port.
    pub(crate) fn start(peer: &Listed, port: u16) -> Result<Process, Failure> {
        let mut command = installed::command(peer)?;
        command.arg(url(port)?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or("the peer has no pipes")?;
        let output = BufReader::new(child.stdout.take().ok_or("the peer has no pipes")?);
        let mut process = Process { name: peer.name, child, input, output };
        process.expect("ready")?;
        Ok(process)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            return Err(format!("{} has ended too early: see above", self.name).into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn expect(&mut self, word: &str) -> Result<(), Failure> {
        let line = self.line()?;
        if line == word { Ok(()) } else { Err(format!("{} said {line:?}", self.name).into()) }
    }

    /// Tells the peer to get ready for a work.
    pub(crate) fn prepare(&mut self, work: Work) -> Result<(), Failure> {
        writeln!(self.input, "{work}")?;
        self.expect("prepared")
    }

    /// Tells the peer to do the work. Returns how long the work took, and the sum for the check.
    pub(crate) fn run(&mut self) -> Result<(Duration, i64), Failure> {
        writeln!(self.input, "run")?;
        let line = self.line()?;
        let strange = || format!("{} said {line:?}", self.name);
        let mut words = line.strip_prefix("done ").ok_or_else(strange)?.split(' ');
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or_else(strange);
        let (nanos, sum): (i64, i64) = (number()?, number()?);
        Ok((Duration::from_nanos(nanos.try_into()?), sum))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
