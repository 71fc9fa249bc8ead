//! Every statement is an event of `tracing`, and none holds a value.

mod common;

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use common::Schema;
use onetrip::{Batch, Copy, Model, UnitOfWork};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[derive(Model, Clone)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

/// Writes the events down, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap()).lines().map(str::to_owned).collect()
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // How long it took is different every time.
        if field.name() != "micros" {
            write!(self.0, "{}={value:?} ", field.name()).unwrap();
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "onetrip"
    }

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        event.record(&mut Line(&mut log));
        log.push('\n');
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn statements_are_events_without_values() {
    let schema =
        Schema::new("tracing", "CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE)");
    let mut client = schema.client();
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Batch);
        for name in ["secret one", "secret two"] {
            uow.add(User { id: None, name: name.to_owned() });
        }
        uow.commit().unwrap();
        let lines = log.take();
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert!(lines[0].contains("BEGIN") && lines[3].contains("COMMIT"), "{lines:#?}");
        assert!(lines[2].contains("INSERT INTO \\\"users\\\"") && lines[2].contains("rows=2"));

        uow.query::<User>("name LIKE $1").bind("secret%".to_owned()).load().unwrap();
        let lines = log.take();
        assert!(lines[0].contains("name LIKE $1") && lines[0].contains("rows=2"), "{lines:#?}");

        uow.add(User { id: None, name: "secret one".to_owned() });
        uow.commit().unwrap_err();
        let lines = log.take().join("\n");
        assert!(lines.contains("statement failed") && lines.contains("23505"), "{lines}");
        assert!(!lines.contains("secret"), "{lines}");
    });
    tracing::subscriber::with_default(log.clone(), || {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(Copy);
        uow.add(User { id: None, name: "third".to_owned() });
        uow.commit().unwrap();
        let lines = log.take();
        let copy = lines.iter().find(|line| line.contains("COPY")).expect("a COPY");
        assert!(copy.contains("rows=1"), "{copy}");
    });
}
