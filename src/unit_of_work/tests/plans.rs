//! What a plan and a report say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use insta::assert_snapshot;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::flush::Flush;
use crate::flush_plan::{Cycles, Inserts, PlannedStatement};
use crate::handle::Handle;
use crate::insert_strategy::{Copy, InsertStrategy};

fn family(uow: &mut UnitOfWork<'_>) -> Handle<User> {
    let ada = uow.add(user("Ada"));
    for email in ["home", "work"] {
        uow.add(address(email, ada));
    }
    uow.add(Note { id: Some(5), text: None, score: None });
    uow.add(Note { id: None, text: None, score: Some(1) });
    ada
}

#[test]
fn a_commit_plan_prints_itself() {
    let (mut uow, recording) = record(RowByRow);
    family(&mut uow);
    assert_snapshot!(uow.plan().unwrap(), @"
    row_by_row: 5 rows, 27 bytes, 7 round trips
      1 × BEGIN
      1 × insert a row into users
      2 × insert a row into addresses
      2 × insert a row into notes
      1 × COMMIT
    ");
    let (mut uow, batch) = record(Batch);
    family(&mut uow);
    let plan = uow.plan().unwrap();
    assert_snapshot!(plan, @"
    batch: 5 rows, 27 bytes, 6 round trips
      1 × BEGIN
      1 × reserve keys: 1 for users.id, 2 for addresses.id, 1 for notes.id
      1 × insert 1 row into users
      1 × insert 2 rows into addresses
      1 × insert 2 rows into notes
      1 × COMMIT
    ");
    assert_snapshot!(plan.flush_plan(), @"
    1. users: 1 row
    2. addresses: 2 rows, after users
    3. notes: 2 rows
    ");
    assert_eq!(recording.take() + &batch.take(), "", "a plan sends nothing");
    assert_eq!((plan.rows(), plan.round_trips(), plan.statements().len()), (5, 6, 6));
}

#[test]
fn a_flush_plan_says_what_was_left_to_the_database() {
    let (mut uow, _) = record(Batch);
    family(&mut uow);
    let plan = uow.plan().unwrap();
    let notes = &plan.flush_plan().tables()[2];
    assert_eq!((notes.table().name(), notes.rows()), ("notes", 2));
    let optional: Vec<_> = notes.optional_columns().iter().map(|o| (o.column, o.given)).collect();
    assert_eq!(optional, [(0, 1), (2, 1)]);
    assert_eq!((notes.left_to_database(0), notes.left_to_database(1)), (1, 0));
}

#[test]
fn a_plan_knows_the_open_transaction() {
    let (mut uow, _) = record(Batch);
    let ada = family(&mut uow);
    uow.flush().unwrap();
    assert_snapshot!(uow.plan().unwrap(), @"
    batch: 0 rows, 0 bytes, 1 round trip
      1 × COMMIT
    ");
    uow.add(address("third", ada));
    assert_snapshot!(uow.plan().unwrap(), @"
    batch: 1 row, 9 bytes, 4 round trips
      1 × SAVEPOINT
      1 × reserve keys: 1 for addresses.id
      1 × insert 1 row into addresses
      1 × COMMIT
    ");
    uow.commit().unwrap();
    assert_snapshot!(uow.plan().unwrap(), @"batch: 0 rows, 0 bytes, 0 round trips");

    let (mut uow, _) = record_nested(RowByRow);
    uow.add(user("Ada"));
    assert_snapshot!(uow.plan().unwrap(), @"
    row_by_row: 1 row, 3 bytes, 3 round trips
      1 × SAVEPOINT
      1 × insert a row into users
      1 × RELEASE SAVEPOINT
    ");
}

#[test]
fn tables_come_after_those_that_they_refer_to() {
    let (mut uow, _) = record(Batch);
    uow.add(Shipment { id: None, line: ForeignKey::Key((7, 1)), returned: None });
    uow.add(node(None));
    let order = uow.add(user("order"));
    uow.add(Line { order_id: order.into(), number: 1, product: "tea".into() });
    assert_snapshot!(uow.plan().unwrap().flush_plan(), @"
    1. users: 1 row
    2. lines: 1 row, after users
    3. shipments: 1 row, after lines
    4. nodes: 1 row
    ");
}

#[test]
fn tables_that_refer_to_each_other_take_turns() {
    let (mut uow, _) = record(Batch);
    let mut previous = uow.add(Department { id: None, head: None });
    uow.add(Department { id: None, head: None });
    for _ in 0..2 {
        let head = uow.add(Employee { id: None, department: previous.into() });
        uow.add(Employee { id: None, department: previous.into() });
        previous = uow.add(Department { id: None, head: head.into() });
    }
    let plan = uow.plan().unwrap();
    assert_snapshot!(plan.flush_plan(), @"
    1. departments: 2 rows
    2. employees: 2 rows, after departments
    3. departments: 1 row, after employees
    4. employees: 2 rows, after departments
    5. departments: 1 row, after employees
    ");
    assert_snapshot!(plan, @"
    batch: 8 rows, 24 bytes, 8 round trips
      1 × BEGIN
      1 × reserve keys: 4 for departments.id, 4 for employees.id
      1 × insert 2 rows into departments
      1 × insert 2 rows into employees
      1 × insert 1 row into departments
      1 × insert 2 rows into employees
      1 × insert 1 row into departments
      1 × COMMIT
    ");
    uow.commit().unwrap();
}

#[test]
fn statements_are_split_at_the_limit_in_the_plan_too() {
    let (mut uow, _) = record(Batch);
    for _ in 0..40_000 {
        uow.add(user(""));
    }
    assert_snapshot!(uow.plan().unwrap(), @"
    batch: 40000 rows, 0 bytes, 5 round trips
      1 × BEGIN
      1 × reserve keys: 40000 for users.id
      2 × insert into users, 40000 rows in all
      1 × COMMIT
    ");
}

#[test]
fn a_circle_is_found_by_the_plan() {
    let (mut uow, recording) = record(Batch);
    let first = uow.add(node(None));
    let second = uow.add(node(first.into()));
    uow[first].parent = second.into();
    let error = uow.plan().unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Cycle, Some("nodes")));
    assert_snapshot!(error, @"table nodes: new rows refer to each other in a circle, which this strategy cannot write: nodes.parent → nodes.parent → nodes");
    assert_eq!(uow.commit().unwrap_err().to_string(), error.to_string());
    assert_eq!(recording.take(), "");

    // A row that refers to itself needs its key beforehand.
    uow[first].parent = first.into();
    uow.plan().unwrap();
    uow = uow.with_strategy(RowByRow);
    assert_snapshot!(uow.plan().unwrap_err(), @"table nodes: new rows refer to each other in a circle, which this strategy cannot write: nodes.parent → nodes");
    uow[first].id = Some(7);
    uow.plan().unwrap();
}

#[test]
fn a_report_counts_what_was_sent() {
    let (mut uow, _) = record(RowByRow);
    family(&mut uow);
    let report = uow.commit().unwrap();
    assert_eq!(report.strategy(), "row_by_row");
    assert_eq!(report.rows(), 5);
    let by_table: Vec<_> = report.rows_by_table().collect();
    assert_eq!(by_table, [("users", 1), ("addresses", 2), ("notes", 2)]);
    assert_eq!((report.statements(), report.round_trips()), (5, 7));

    let (mut uow, _) = record(Batch);
    let ada = family(&mut uow);
    let report = uow.flush().unwrap();
    assert_eq!(report.strategy(), "batch");
    assert_eq!((report.statements(), report.round_trips()), (4, 5), "and BEGIN");
    uow.add(address("third", ada));
    let report = uow.flush().unwrap();
    assert_eq!((report.statements(), report.round_trips()), (2, 4), "and a savepoint's two");
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.statements(), report.round_trips()), (0, 0, 1));
}

/// Notes the size of what it is to write, and writes nothing.
struct Weigh {
    seen: Arc<AtomicUsize>,
}

impl InsertStrategy for Weigh {
    fn name(&self) -> &str {
        "weigh"
    }

    fn cycles(&self) -> Cycles {
        Cycles::None
    }

    fn plan(&self, _: &Inserts<'_>) -> Vec<PlannedStatement> {
        Vec::new()
    }

    fn insert(&self, flush: &mut Flush<'_, '_>) -> Result<(), Error> {
        self.seen.store(flush.inserts().bytes(), Ordering::Relaxed);
        Err(Error::new(ErrorKind::Other, "it writes nothing"))
    }
}

#[test]
fn a_strategy_from_outside_knows_the_sizes() {
    let seen = Arc::new(AtomicUsize::new(usize::MAX));
    let (mut uow, _) = record(Weigh { seen: Arc::clone(&seen) });
    family(&mut uow);
    assert_eq!(uow.plan().unwrap().bytes(), 27);
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(seen.load(Ordering::Relaxed), 27);
    // A copy has no use for them, and does not look at every value twice.
    let (mut uow, _) = record(Copy);
    family(&mut uow);
    assert_eq!(uow.plan().unwrap().bytes(), 27, "a plan always has them");
}
