//! A connection without a server, for tests: it records what is sent, and answers what it was told
//! to answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::Wire;
use crate::error::Error;
use crate::sql::{Params, Rows};

#[derive(Default)]
struct Script {
    sent: Vec<String>,
    answers: VecDeque<Result<Rows, Error>>,
}

/// Clones share what they record.
#[derive(Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<Script>>);

impl Recording {
    /// Queues the answer to the next statement with parameters. Without one, it returns no rows.
    pub(crate) fn answer(&self, answer: Result<Rows, Error>) {
        self.0.lock().unwrap().answers.push_back(answer);
    }

    /// What was sent since the last call, a line a round trip.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap().sent).join("\n")
    }
}

impl Wire for Recording {
    fn simple(&mut self, sql: &str) -> Result<Option<String>, Error> {
        self.0.lock().unwrap().sent.push(sql.to_owned());
        Ok(Some("t".to_owned()))
    }

    fn query(&mut self, sql: &str, params: &Params) -> Result<Rows, Error> {
        let mut script = self.0.lock().unwrap();
        script.sent.push(format!("{sql} -- {params:?}"));
        script.answers.pop_front().unwrap_or_else(|| Ok(Rows::canned(Vec::new(), Vec::new())))
    }

    fn is_closed(&self) -> bool {
        false
    }
}
