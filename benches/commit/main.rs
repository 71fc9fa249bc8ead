//! What a commit costs, each figure measured side by side with what it is compared with.
//!
//! ```sh
//! scripts/with-postgres cargo bench
//! scripts/with-postgres cargo bench -- against_raw_copy/3000
//! ```
//!
//! Figures are written below `target/criterion`, and `cargo run --example chart` draws them.

#[path = "../../examples/support/relay.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the examples")]
mod relay;

mod changing;
mod database;
mod figure;
mod graphs;
mod holding_server;
mod loading;
mod raw_copy;
mod sparse;
#[path = "../../examples/support/strategies.rs"]
mod strategies;
mod tags;
mod twelve_tables;
mod users;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use onetrip::{Auto, RowByRow, StatementCache, Strategy, UnitOfWork};
use postgres::Client;

use database::Database;
use figure::Figure;
use holding_server::HoldingServer;
use strategies::{Named, STRATEGIES};

/// The distance at which round trips count.
const LATENCY: Duration = Duration::from_millis(20);

/// The sizes at which commits are compared with raw `COPY`, in rows.
const SIZES: &[usize] = &[300, 3_000, 30_000, 300_000];

/// The round trips of a commit, as a relay counts them.
fn round_trips(criterion: &mut Criterion<Figure>) {
    let database = Database::new("round_trips", &twelve_tables::tables());
    let relay = database.relay(Duration::ZERO);
    let mut client = database.client_by(&relay);
    let mut group = criterion.benchmark_group("round_trips");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for Named { name, strategy } in &STRATEGIES[4..] {
        for tables in [2, 12] {
            for rows in [1, 100, 10_000] {
                let id = BenchmarkId::new(format!("{name}/{tables}_tables"), rows);
                group.bench_function(id, |bencher| {
                    bencher.iter_custom(|times| {
                        let mut sum = 0;
                        for _ in 0..times {
                            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
                            twelve_tables::add(&mut uow, tables, rows);
                            let before = relay.round_trips().expect("the relay lives");
                            uow.commit().expect("the commit works");
                            sum += relay.round_trips().expect("the relay lives") - before;
                        }
                        sum as f64
                    });
                });
            }
        }
    }
}

/// 100 users with 2 addresses each by `Auto`, against one round trip of `SELECT 1`.
fn against_one_round_trip(criterion: &mut Criterion<Figure>) {
    let database = Database::new("one_round_trip", users::TABLES);
    let relay = database.relay(LATENCY);
    let mut client = database.client_by(&relay);
    let mut group = criterion.benchmark_group("against_one_round_trip");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("auto/300", |bencher| {
        bencher.iter_custom(|times| {
            let client = RefCell::new(&mut client);
            side_by_side(
                times,
                || (),
                || users::commit(&mut client.borrow_mut(), Auto::new().into(), 100),
                || {
                    let started = Instant::now();
                    client.borrow_mut().simple_query("SELECT 1").expect("the server answers");
                    started.elapsed()
                },
            )
        });
    });
}

/// Commits by `Auto`, and by what it picks from, against a hand-written binary `COPY` of the same
/// rows whose ids were known beforehand, and one commit.
fn against_raw_copy(criterion: &mut Criterion<Figure>) {
    let database = Database::new("raw_copy", users::TABLES);
    let (mut ours, mut theirs) = (database.client(), database.client());
    let mut group = criterion.benchmark_group("against_raw_copy");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for &rows in SIZES {
        group.measurement_time(Duration::from_secs(if rows > 10_000 { 20 } else { 8 }));
        for name in ["auto", "one_trip", "copy", "unnest"] {
            // Kept, as a service keeps it.
            let strategy = strategy(name)();
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                bencher.iter_custom(|times| {
                    side_by_side(
                        times,
                        || database.empty(),
                        || users::commit(&mut ours, strategy.clone(), rows / 3),
                        || raw_copy::commit(&mut theirs, rows / 3),
                    )
                });
            });
        }
    }
}

/// One user with two addresses, against `RowByRow`.
fn small_commit(criterion: &mut Criterion<Figure>) {
    let database = Database::new("small", users::TABLES);
    let (mut ours, mut theirs) = (database.client(), database.client());
    let mut group = criterion.benchmark_group("small_commit_against_row_by_row");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    // A strategy that is kept, and one that looks at where keys come from each time.
    let kept = Strategy::from(Auto::new());
    let strategies: [(&str, &dyn Fn() -> Strategy); 2] =
        [("auto/3", &|| kept.clone()), ("auto_first/3", &|| Auto::new().into())];
    for (name, strategy) in strategies {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                side_by_side(
                    times,
                    || database.empty(),
                    || users::commit(&mut ours, strategy(), 1),
                    || users::commit(&mut theirs, RowByRow.into(), 1),
                )
            });
        });
    }
}

/// Commits by `Auto` whose statement is prepared, against others. The tables grow: one that is emptied
/// is planned for anew, prepared or not.
fn prepared(criterion: &mut Criterion<Figure>) {
    type Other = fn(&mut Client, usize) -> Duration;
    const AGAINST: [(&str, Other, usize); 4] = [
        ("text/3", |client, users| users::commit(client, Auto::new().into(), users), 1),
        ("row_by_row/3", |client, users| users::commit(client, RowByRow.into(), users), 1),
        ("text/300", |client, users| users::commit(client, Auto::new().into(), users), 100),
        ("raw_copy/300", raw_copy::commit_next, 100),
    ];
    let database = Database::new("prepared", users::TABLES);
    let (mut ours, mut theirs) = (database.client(), database.client());
    let statements = StatementCache::new();
    let mut group = criterion.benchmark_group("prepared_against");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, other, users) in AGAINST {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                database.empty();
                side_by_side(
                    times,
                    || (),
                    || users::commit_prepared(&mut ours, &statements, users),
                    || other(&mut theirs, users),
                )
            });
        });
    }
}

/// The time per row of many rows against that of 3,000: of a commit by `Auto`, and of loading what it has
/// written.
fn growth(criterion: &mut Criterion<Figure>) {
    let database = Database::new("growth", users::TABLES);
    let mut client = database.client();
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(20));
    for users in [100_000, 1_000_000] {
        let id = |what| BenchmarkId::new(what, format!("{}_against_3000", 3 * users));
        group.bench_function(id("auto"), |bencher| {
            bencher.iter_custom(|times| {
                against_few(times, users, |users| {
                    database.empty();
                    users::commit(&mut client, Auto::new().into(), users)
                })
            });
        });
        group.bench_function(id("load"), |bencher| {
            bencher.iter_custom(|times| {
                database.empty();
                users::commit(&mut client, Auto::new().into(), users);
                database.run("VACUUM ANALYZE users, addresses");
                against_few(times, users, |users| users::load(&mut client, users))
            });
        });
    }
}

/// The time for each of so many users against that for each of 1,000, in turns. As Criterion counts, it is
/// given once for each time.
fn against_few(times: u64, users: usize, mut work: impl FnMut(usize) -> Duration) -> f64 {
    const FEW: usize = 1_000;
    let (mut many, mut few) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..times {
        many += work(users);
        for _ in 0..10 {
            few += work(FEW) / 10;
        }
    }
    let times_as_many = users as f64 / FEW as f64;
    many.as_secs_f64() / (few.as_secs_f64() * times_as_many) * times as f64
}

/// Rows of a table that are changed and deleted by `Auto`, against one hand-written statement for
/// all of them.
fn changing(criterion: &mut Criterion<Figure>) {
    type Change = fn(&mut Client, usize) -> Duration;
    const WAYS: [(&str, Change, Change); 2] = [
        ("update", changing::update, changing::update_by_hand),
        ("delete", changing::delete, changing::delete_by_hand),
    ];
    let database = Database::new("changing", users::TABLES);
    let (mut ours, mut theirs) = (database.client(), database.client());
    let mut group = criterion.benchmark_group("changing_against_by_hand");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(8));
    for (name, by_commit, by_hand) in WAYS {
        for rows in [100, changing::USERS] {
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                bencher.iter_custom(|times| {
                    side_by_side(
                        times,
                        || changing::fill(&database),
                        || by_commit(&mut ours, rows),
                        || by_hand(&mut theirs, rows),
                    )
                });
            });
        }
    }
}

/// Rows in each of which other columns change, against one statement by hand.
fn sparse_changes(criterion: &mut Criterion<Figure>) {
    let database = Database::new("sparse", sparse::TABLES);
    let (mut ours, mut theirs) = (database.client(), database.client());
    let mut group = criterion.benchmark_group("sparse_changes_against_by_hand");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(8));
    group.bench_function(BenchmarkId::new("update", sparse::ROWS), |bencher| {
        bencher.iter_custom(|times| {
            side_by_side(
                times,
                || sparse::fill(&database),
                || sparse::by_commit(&mut ours),
                || sparse::by_hand(&mut theirs),
            )
        });
    });
}

/// Tags of which half are there, and links to them, against three statements by hand.
fn find_or_add(criterion: &mut Criterion<Figure>) {
    let database = Database::new("tags", tags::TABLES);
    let (mut ours, mut theirs) = (database.client(), database.client());
    let kept = Strategy::from(Auto::new());
    let mut group = criterion.benchmark_group("find_or_add_against_by_hand");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for tags in [10, 300, 5_000] {
        group.bench_function(BenchmarkId::new("auto", tags), |bencher| {
            bencher.iter_custom(|times| {
                side_by_side(
                    times,
                    || tags::fill(&database, tags),
                    || tags::by_commit(&mut ours, kept.clone(), tags),
                    || tags::by_hand(&mut theirs, tags),
                )
            });
        });
    }
}

/// A million rows by the unit of work, against the driver alone.
fn loading(criterion: &mut Criterion<Figure>) {
    type Load = fn(&mut Client) -> Duration;
    const WAYS: [(&str, Load, Load); 2] = [
        ("load", loading::load, loading::load_by_hand),
        ("for_each", loading::for_each, loading::for_each_by_hand),
    ];
    let database = loading::database();
    let mut client = database.client();
    let mut group = criterion.benchmark_group("loading_against_driver");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(20));
    for (name, ours, theirs) in WAYS {
        group.bench_function(BenchmarkId::new(name, loading::ROWS), |bencher| {
            bencher.iter_custom(|times| {
                let client = RefCell::new(&mut client);
                let by = |way: Load| way(&mut client.borrow_mut());
                side_by_side(times, || (), || by(ours), || by(theirs))
            });
        });
    }
}

/// A graph in one round trip against one query a level by the driver: without latency, at 20 ms, and
/// without an index on the foreign keys.
fn loading_graphs(criterion: &mut Criterion<Figure>) {
    let database = graphs::database("graphs", true);
    let relay = database.relay(LATENCY);
    let plain = graphs::database("graphs_without_indexes", false);
    let mut group = criterion.benchmark_group("graph_against_query_a_level");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(10));
    let cases = [
        ("near", database.client(), graphs::ROOTS),
        ("20_ms", database.client_by(&relay), graphs::ROOTS),
        ("without_index", plain.client(), &[100, 5_000]),
    ];
    for (name, mut client, roots) in cases {
        // Kept, as a service keeps it.
        let strategy = Strategy::default();
        for &roots in roots {
            group.bench_function(BenchmarkId::new(name, roots), |bencher| {
                bencher.iter_custom(|times| {
                    let client = RefCell::new(&mut client);
                    side_by_side(
                        times,
                        || (),
                        || graphs::load(&mut client.borrow_mut(), &strategy, roots),
                        || graphs::load_by_hand(&mut client.borrow_mut(), roots),
                    )
                });
            });
        }
    }
    // Both with statements that are prepared.
    let (mut ours, mut theirs) = (database.client(), database.client());
    let known = (&Strategy::default(), &StatementCache::new());
    let statements = graphs::prepare_by_hand(&mut theirs);
    for &roots in &graphs::ROOTS[..2] {
        group.bench_function(BenchmarkId::new("near_prepared", roots), |bencher| {
            bencher.iter_custom(|times| {
                side_by_side(
                    times,
                    || (),
                    || graphs::load_prepared(&mut ours, known, roots),
                    || graphs::load_by_hand_prepared(&mut theirs, &statements, roots),
                )
            });
        });
    }
}

/// The CPU time of this process for each row of a commit, in microseconds: from the entities to the
/// last byte that is sent before the answer.
fn client_cpu(criterion: &mut Criterion<Figure>) {
    let hold = HoldingServer::new();
    let mut group = criterion.benchmark_group("client_cpu_per_row");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(10));
    for name in ["auto", "one_trip", "copy"] {
        let strategy = strategy(name);
        group.bench_function(BenchmarkId::new(name, 30_000), |bencher| {
            bencher.iter_custom(|times| {
                let cpu: Duration = (0..times).map(|_| hold.cpu_of_sending(strategy, 10_000)).sum();
                cpu.as_secs_f64() * 1e6 / 30_000.0
            });
        });
    }
}

/// The time of a commit by each strategy at a distance, and of raw `COPY`.
fn strategies(criterion: &mut Criterion<WallTime>) {
    let database = Database::new("strategies", users::TABLES);
    let relay = database.relay(LATENCY);
    let mut client = database.client_by(&relay);
    let mut group = criterion.benchmark_group("strategies_at_20_ms");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1));
    for Named { name, strategy } in STRATEGIES {
        group.bench_function(BenchmarkId::new(*name, 300), |bencher| {
            bencher.iter_custom(|times| {
                (0..times).map(|_| users::commit(&mut client, strategy(), 100)).sum()
            });
        });
    }
    group.bench_function(BenchmarkId::new("raw_copy", 300), |bencher| {
        bencher.iter_custom(|times| {
            let commit = |_| {
                // The ids of raw `COPY` are always the same.
                database.empty();
                raw_copy::commit(&mut client, 100)
            };
            (0..times).map(commit).sum()
        });
    });
}

fn strategy(name: &str) -> fn() -> Strategy {
    strategies::find(name).expect("it is in the list").strategy
}

/// The ratio of two durations, measured in turns: that of their medians, since a checkpoint or a slow
/// write of the log hits one of the two. Ahead of each turn, `prepare` runs. As Criterion counts, it is
/// given once for each time.
fn side_by_side(
    times: u64,
    mut prepare: impl FnMut(),
    mut ours: impl FnMut() -> Duration,
    mut theirs: impl FnMut() -> Duration,
) -> f64 {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for turn in 0..times {
        for first in [turn % 2 == 0, turn % 2 != 0] {
            prepare();
            if first {
                a.push(ours());
            } else {
                b.push(theirs());
            }
        }
    }
    median(a) / median(b) * times as f64
}

/// In seconds; of an even number, the mean of the two in the middle.
fn median(mut durations: Vec<Duration>) -> f64 {
    durations.sort_unstable();
    let middle = |len: usize| durations[len / 2].as_secs_f64();
    (middle(durations.len()) + middle(durations.len() - 1)) / 2.0
}

fn main() {
    let criterion = Criterion::default().configure_from_args();
    let mut ratios = criterion.with_measurement(Figure("×"));
    against_raw_copy(&mut ratios);
    against_one_round_trip(&mut ratios);
    small_commit(&mut ratios);
    prepared(&mut ratios);
    growth(&mut ratios);
    changing(&mut ratios);
    sparse_changes(&mut ratios);
    find_or_add(&mut ratios);
    loading(&mut ratios);
    loading_graphs(&mut ratios);
    let criterion = Criterion::default().configure_from_args();
    round_trips(&mut criterion.with_measurement(Figure("round trips")));
    let criterion = Criterion::default().configure_from_args();
    client_cpu(&mut criterion.with_measurement(Figure("µs")));
    strategies(&mut Criterion::default().configure_from_args());
    Criterion::default().configure_from_args().final_summary();
}
