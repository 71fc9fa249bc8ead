//! What the chapter on connecting says of asynchronous tasks.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use onetrip::{ErrorKind, UnitOfWork};
use postgres::{Client, NoTls};
use r2d2::Pool;
use r2d2_postgres::PostgresConnectionManager;
use tokio::runtime::{Builder, Runtime};

fn url() -> String {
    env::var("DATABASE_URL").expect("no DATABASE_URL: run `scripts/with-postgres cargo test`")
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().build().expect("a runtime")
}

fn pool(connections: u32) -> Pool<PostgresConnectionManager<NoTls>> {
    let manager = PostgresConnectionManager::new(url().parse().expect("a URL"), NoTls);
    Pool::builder().max_size(connections).build(manager).expect("the server is reachable")
}

/// The message of the panic that this ends with.
fn panic_of(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).expect("a text")
}

const WITHIN: &str = "Cannot start a runtime from within a runtime";

#[test]
fn to_connect_panics() {
    let work = || runtime().block_on(async { drop(Client::connect(&url(), NoTls)) });
    assert!(panic_of(work).contains(WITHIN));
}

#[test]
fn the_end_of_a_client_panics() {
    let client = Client::connect(&url(), NoTls).expect("the server is reachable");
    let work = || runtime().block_on(async move { drop(client) });
    assert!(panic_of(work).contains(WITHIN));
}

#[test]
fn a_unit_of_work_gives_an_error() {
    let mut client = Client::connect(&url(), NoTls).expect("the server is reachable");
    let result =
        runtime().block_on(async { UnitOfWork::new(&mut client).sql("SELECT 1").first::<i32>() });
    assert_eq!(result.expect_err("it cannot wait").kind(), ErrorKind::AsyncContext);
}

/// Runs a test of this program that ends the process.
fn ends_the_process(test: &str) {
    let program = env::current_exe().expect("a running program has a path");
    let mut child = Command::new(program);
    child.args(["--exact", test, "--ignored", "--nocapture"]);
    let output = child.output().expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // A test that fails ends with a code; a process that is ended by a signal has none.
    assert_eq!(output.status.code(), None, "{said}");
    assert!(said.contains(WITHIN), "{said}");
}

#[test]
fn a_pool_that_tests_its_connections_ends_the_process() {
    ends_the_process("get");
}

#[test]
#[ignore = "it ends the process"]
fn get() {
    let pool = pool(1);
    runtime().block_on(async { drop(pool.get()) });
}

#[test]
fn the_end_of_a_pool_ends_the_process() {
    ends_the_process("end_of_pool");
}

#[test]
#[ignore = "it ends the process"]
fn end_of_pool() {
    let pool = pool(3);
    // The threads that have opened the connections may hold the pool for a moment longer.
    drop((pool.get(), pool.get(), pool.get()));
    while pool.state().idle_connections < 3 {
        std::thread::yield_now();
    }
    runtime().block_on(async move { drop(pool) });
}
