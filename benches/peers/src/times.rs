//! How long the work takes, each peer beside this library, at several latencies.

use std::time::Duration;

use postgres::Client;

use crate::outside::Process;
use crate::peers::{Listed, SELF};
use crate::support::cli::Failure;
use crate::support::database::Server;
use crate::support::relay::Relay;
use crate::work::Work;

/// The latencies in milliseconds, each with how often a work is done.
const LATENCIES: [(u64, usize); 3] = [(0, 15), (1, 9), (20, 5)];

/// A work that takes a peer longer than this is done once more only, and then counts with that time.
const SLOW: Duration = Duration::from_secs(2);

/// Measures all that these peers do, in turns, and shows the medians as ratios to this library.
pub(crate) fn run(peers: &[&Listed], server: &Server, direct: &mut Client) -> Result<(), Failure> {
    // medians[work][peer][latency]
    let mut medians = vec![vec![Vec::new(); peers.len()]; Work::ALL.len()];
    for (latency, rounds) in LATENCIES {
        eprintln!("measuring at {latency} ms …");
        let relay = Relay::spawn(&server.address(), Duration::from_millis(latency))?;
        let started: Result<Vec<_>, _> =
            peers.iter().map(|peer| Process::start(peer, relay.port())).collect();
        let mut processes = started?;
        for (work, medians) in Work::ALL.into_iter().zip(&mut medians) {
            let mut times = vec![Vec::new(); peers.len()];
            // The first round is thrown away: there, statements are prepared and caches filled.
            for round in 0..=rounds {
                for ((peer, process), times) in peers.iter().zip(&mut processes).zip(&mut times) {
                    let is_slow = times.iter().any(|&time| time > SLOW);
                    if !peer.does(work) || is_slow {
                        continue;
                    }
                    work.reset(direct)?;
                    process.prepare(work)?;
                    let (time, sum) = process.run()?;
                    work.check(direct, sum)?;
                    if round > 0 {
                        times.push(time);
                    }
                }
            }
            for (medians, times) in medians.iter_mut().zip(times) {
                medians.push(median(times));
            }
        }
    }
    for (work, medians) in Work::ALL.into_iter().zip(medians) {
        print(work, peers, &medians);
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times.get(times.len() / 2).copied()
}

fn print(work: Work, peers: &[&Listed], medians: &[Vec<Option<Duration>>]) {
    print!("\n{}: times this library's own time\n{:20}", work.title(), "");
    for (latency, _) in LATENCIES {
        print!("{:>10}", format!("{latency} ms"));
    }
    println!();
    let Some(own) = peers.iter().position(|peer| peer.name == SELF) else { return };
    for (peer, times) in peers.iter().zip(medians).filter(|(peer, _)| peer.does(work)) {
        print!("{:<20}", peer.name);
        for (time, own) in times.iter().zip(&medians[own]) {
            match (time, own) {
                (Some(time), Some(own)) if peer.name == SELF => {
                    print!("{:>10}", format!("({:.1} ms)", time.as_secs_f64() * 1e3).as_str());
                    let _ = own;
                }
                (Some(time), Some(own)) => {
                    print!("{:>10}", ratio(time.as_secs_f64() / own.as_secs_f64()));
                }
                _ => print!("{:>10}", "-"),
            }
        }
        println!();
    }
}

/// A ratio with two digits.
fn ratio(ratio: f64) -> String {
    match ratio {
        _ if ratio < 0.995 => format!("{ratio:.2}"),
        _ if ratio < 9.95 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let seconds = |numbers: &[u64]| numbers.iter().copied().map(Duration::from_secs).collect();
        assert_eq!(median(seconds(&[9, 1, 2])), Some(Duration::from_secs(2)));
        assert_eq!(median(seconds(&[])), None);
    }

    #[test]
    fn ratios_have_two_digits() {
        assert_eq!(
            [0.123, 0.999, 1.04, 9.94, 9.96, 123.4].map(ratio),
            ["0.12", "1.0", "1.0", "9.9", "10", "123"]
        );
    }
}
