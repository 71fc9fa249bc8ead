//! What each peer sends and receives, and the file that says what was counted before.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use postgres::Client;

use crate::installed::folder;
use crate::outside::Process;
use crate::peers::{Listed, PEERS};
use crate::support::cli::Failure;
use crate::support::database::Server;
use crate::support::relay::{Recorded, Relay};
use crate::work::Work;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) round_trips: u64,
    pub(crate) statements: usize,
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

/// Counts a work on one connection: the first time, and the third, once a peer has prepared and learned what it
/// prepares and learns.
fn count(
    peer: &Listed,
    work: Work,
    server: &Server,
    direct: &mut Client,
) -> Result<[Counts; 2], Failure> {
    let relay = Relay::in_process(&server.address(), Duration::ZERO)?;
    let mut process = Process::start(peer, relay.port())?;
    let mut counts = [Counts::default(); 2];
    for time in 0..3 {
        work.reset(direct)?;
        process.prepare(work)?;
        settle(&relay)?;
        let before = relay.round_trips()?;
        let (result, recorded) = relay.record(|| {
            let result = process.run();
            settle(&relay).and(result)
        });
        let (_, sum) = result?;
        work.check(direct, sum)?;
        counts[usize::from(time > 0)] = Counts {
            round_trips: relay.round_trips()? - before,
            statements: statements(&recorded)?,
            sent: recorded.to_server.len(),
            received: recorded.to_client.len(),
        };
    }
    Ok(counts)
}

/// Waits until nothing is under way any more: a driver can say goodbye to a statement later.
fn settle(relay: &Relay) -> Result<(), Failure> {
    let mut quiet = 0;
    let mut last = relay.counters()?;
    while quiet < 3 {
        thread::sleep(Duration::from_millis(10));
        let now = relay.counters()?;
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
    Ok(())
}

/// The statements that the server says it has executed: one `CommandComplete` for each.
fn statements(recorded: &Recorded) -> Result<usize, Failure> {
    let mut messages = &recorded.to_client[..];
    let mut statements = 0;
    while let [kind, a, b, c, d, ..] = *messages {
        statements += usize::from(kind == b'C');
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        messages = messages.get(1 + length..).ok_or("a message of the server is cut")?;
    }
    if !messages.is_empty() {
        return Err("a message of the server is cut".into());
    }
    Ok(statements)
}

type Table = BTreeMap<(String, String), String>;

/// Two digits are enough: the rest depends on how names of prepared statements are counted.
fn rounded(bytes: usize) -> String {
    let mut unit = 1;
    while bytes / unit >= 100 {
        unit *= 10;
    }
    crate::support::cli::thousands((bytes + unit / 2) / unit * unit)
}

fn line(name: &str, [first, again]: [Counts; 2]) -> String {
    format!(
        "{name:<20}{:>12}{:>12}{:>12}{:>12}{:>12}",
        first.round_trips,
        again.round_trips,
        again.statements,
        rounded(again.sent),
        rounded(again.received)
    )
}

const HEADING: &str =
    "                       first time  round trips  statements  bytes sent    received";

/// Counts all that these peers do, shows it, and compares it with `golden.txt`.
pub(crate) fn run(peers: &[&Listed], server: &Server, direct: &mut Client) -> Result<(), Failure> {
    let path = folder().join("golden.txt");
    let mut golden = match fs::read_to_string(&path) {
        Ok(text) => parse(&text),
        Err(_) => Table::new(),
    };
    let update = std::env::var_os("UPDATE").is_some();
    let mut differences = Vec::new();
    for work in Work::ALL {
        println!("\n{}\n{HEADING}", work.title());
        for peer in peers.iter().filter(|peer| peer.does(work)) {
            let counted = count(peer, work, server, direct)
                .map_err(|error| format!("{}, {work}: {error}", peer.name))?;
            let line = line(peer.name, counted);
            println!("{line}");
            let key = (work.title(), peer.name.to_owned());
            let before = golden.insert(key, line.clone());
            if before.as_ref() != Some(&line) {
                let before = before.unwrap_or_else(|| "nothing".to_owned());
                differences.push(format!("{}\n  was {before}\n  is  {line}", work.title()));
            }
        }
    }
    if update {
        fs::write(path, written(&golden))?;
    } else if !differences.is_empty() {
        let message = "these counts are not those of golden.txt (UPDATE=1 writes it anew):";
        return Err(format!("{message}\n{}", differences.join("\n")).into());
    }
    Ok(())
}

fn parse(text: &str) -> Table {
    let mut table = Table::new();
    let mut title = "";
    for line in text.lines() {
        match line.split(' ').next() {
            Some(name) if PEERS.iter().any(|peer| peer.name == name) => {
                table.insert((title.to_owned(), name.to_owned()), line.to_owned());
            }
            _ if line.starts_with(' ') || line.is_empty() => {}
            _ => title = line,
        }
    }
    table
}

/// The table in the order of the lists. What the lists do not have any more is left out.
fn written(table: &Table) -> String {
    let mut text = String::new();
    for work in Work::ALL {
        let separator = if text.is_empty() { "" } else { "\n" };
        text += &format!("{separator}{}\n{HEADING}\n", work.title());
        for peer in PEERS.iter().filter(|peer| peer.does(work)) {
            if let Some(line) = table.get(&(work.title(), peer.name.to_owned())) {
                text += &format!("{line}\n");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_to_two_digits() {
        for (bytes, text) in [(0, "0"), (99, "99"), (104, "100"), (105, "110"), (996, "1,000")] {
            assert_eq!(rounded(bytes), text);
        }
    }

    #[test]
    fn each_command_complete_is_a_statement() {
        let message = |kind: u8, text: &[u8]| {
            let length = (text.len() as u32 + 4).to_be_bytes();
            [&[kind][..], &length, text].concat()
        };
        let answer =
            [message(b'C', b"BEGIN\0"), message(b'D', b"CC"), message(b'Z', b"I")].concat();
        let recorded = |to_client| Recorded { to_client, to_server: Vec::new() };
        assert_eq!(statements(&recorded(answer.clone())).expect("whole messages"), 1);
        let cut = answer[..answer.len() - 1].to_vec();
        statements(&recorded(cut)).expect_err("the last message is not whole");
    }

    #[test]
    fn the_golden_file_is_read_as_it_is_written() {
        let mut table = Table::new();
        for work in [Work::Graph, Work::Delete] {
            let line = line("diesel", [Counts::default(); 2]);
            table.insert((work.title(), "diesel".to_owned()), line);
        }
        assert_eq!(parse(&written(&table)), table);
    }
}
