//! A sample on a server, and what is printed of it.

use std::path::Path;
use std::{env, fs};

use postgres::{Client, NoTls};

/// A schema with a sample. Its name is the same in every run, since it can be part of what is printed:
/// a lock has others wait that run the same test.
pub(crate) struct Restored {
    pub(crate) client: Client,
    name: String,
}

impl Restored {
    /// Runs the SQL of a sample in its schema.
    ///
    /// # Panics
    ///
    /// Without a server: `DATABASE_URL` names it.
    pub(crate) fn new(sample: &str, sql: &str) -> Restored {
        let url = env::var("DATABASE_URL")
            .expect("no DATABASE_URL: run `scripts/with-postgres cargo test --workspace`");
        let mut client = Client::connect(&url, NoTls).expect("the server is reachable");
        let name = format!("onetrip_models_{sample}");
        client
            .execute("SELECT pg_advisory_lock(hashtext($1))", &[&name])
            .expect("the lock is given up some time");
        client
            .batch_execute(&format!(
                "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {name} CASCADE;
                 CREATE SCHEMA {name}; SET search_path = {name}"
            ))
            .expect("the schema can be created");
        client.batch_execute(sql).unwrap_or_else(|error| panic!("{sample}: {error}"));
        Restored { client, name }
    }

    /// The name of the schema.
    pub(crate) fn schema(&self) -> String {
        self.name.clone()
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = self.client.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

/// Compares what was printed with what is compiled.
#[track_caller]
pub(crate) fn compare(name: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join(format!("tests/models/printed/{name}.rs"));
    if env::var_os("ONETRIP_MODELS").is_some_and(|value| value == "overwrite") {
        return fs::write(&path, printed).expect("the file can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected == printed {
        return;
    }
    let mut lines = expected.lines().zip(printed.lines()).enumerate();
    let difference = lines.find(|(_, (expected, printed))| expected != printed);
    panic!(
        "{}: {}; `ONETRIP_MODELS=overwrite cargo test --test models` writes it anew",
        path.display(),
        match difference {
            Some((line, (expected, printed))) =>
                format!("line {} was {expected:?}, and is {printed:?}", line + 1),
            None => "one has more lines than the other".to_owned(),
        }
    );
}
