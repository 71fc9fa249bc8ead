//! The service begins, ends, and survives a panic.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;

use onetrip_web_service::database::Database;
use serde_json::json;

use crate::support::http::send;
use crate::support::{Service, Setup, pool, tables, wait_for_waiting, wait_until};

#[test]
fn what_has_begun_is_finished_and_the_sessions_are_closed() {
    let schema = tables("shutdown");
    let setup = Setup { sessions: 3, options: "-c lock_timeout=0", ..Setup::default() };
    let mut service = Service::start(&schema, setup);
    let address = service.address;
    let mut other = schema.client();
    let mut transaction = other.transaction().expect("it begins");
    transaction.batch_execute("LOCK TABLE customers").expect("nobody has locked it");
    let body = json!({ "email": "ada@example.org", "name": "Ada" }).to_string();
    let request = thread::spawn(move || send(address, "POST", "/customers", &[], Some(&body)));
    wait_for_waiting(&schema, 1);
    service.stop();
    transaction.rollback().expect("it ends");
    assert_eq!(request.join().expect("no panic").status, 201);
    service.wait();
    assert_eq!(schema.count("customers"), 1);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'";
    wait_until(&schema, &sessions.replace("{}", schema.name()), "0");
}

#[test]
fn work_that_panics_costs_its_session_and_nothing_else() {
    let schema = tables("panics");
    let pool = pool(&schema, &Setup { sessions: 1, ..Setup::default() });
    let database = Database::new(pool);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let pid = |database: Database| async move {
        let sql = "SELECT pg_backend_pid()";
        let work = move |session: &mut onetrip_web_service::session::Session| {
            Ok(session.unit_of_work().sql(sql).first::<i32>()?)
        };
        database.run(work).await.expect("the query works")
    };
    let first = runtime.block_on(pid(database.clone()));
    let failure = runtime.block_on(database.run(|_| -> Result<(), _> { panic!("on purpose") }));
    assert_eq!(failure.expect_err("it panicked").status(), 500);
    let second = runtime.block_on(pid(database.clone()));
    assert_ne!(first, second);
    drop(runtime);
}

#[test]
fn the_program_creates_tables_serves_and_ends_by_a_signal() {
    let schema = crate::support::Schema::new("program", "");
    let url = format!("{}?options=-c%20search_path%3D{}", schema.url(), schema.name());
    let mut program = Command::new(env!("CARGO_BIN_EXE_onetrip-web-service"))
        .arg("--create-tables")
        .env("DATABASE_URL", url)
        .env("LISTEN_ON", "127.0.0.1:0")
        .env_remove("DATABASE_ROOT_CERTIFICATE")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut line = String::new();
    let output = program.stdout.take().expect("it is a pipe");
    BufReader::new(output).read_line(&mut line).expect("it says where it is");
    let address = line.trim().strip_prefix("http://").and_then(|line| line.split('/').next());
    let address = address.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line}"));
    let body = json!({ "email": "ada@example.org", "name": "Ada" }).to_string();
    assert_eq!(send(address, "POST", "/customers", &[], Some(&body)).status, 201);
    let kill = Command::new("kill").arg(program.id().to_string()).status();
    assert!(kill.expect("there is a kill").success());
    let status = program.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert_eq!(schema.count("customers"), 1);
}
