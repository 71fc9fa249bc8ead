//! A server that has got everything and does not answer yet, so that what the client does before and
//! after can be told apart.

use std::thread;
use std::time::Duration;

use cpu_time::ProcessTime;
use onetrip::{Strategy, UnitOfWork};

use crate::database::Database;
use crate::users;

/// When the addresses are stored, a trigger waits for a lock.
const TRIGGER: &str = "
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(3); RETURN NULL; END $$;
    CREATE TRIGGER hold AFTER INSERT ON addresses EXECUTE FUNCTION hold()";

const IS_WAITING: &str = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'
    AND NOT granted AND objid = 3)";

pub(crate) struct HoldingServer {
    database: Database,
}

impl HoldingServer {
    pub(crate) fn new() -> HoldingServer {
        let tables = format!("{}; {TRIGGER}", users::TABLES);
        HoldingServer { database: Database::new("client_cpu", &tables) }
    }

    /// The CPU time that this process takes up to where the server has everything.
    pub(crate) fn cpu_of_sending(&self, strategy: fn() -> Strategy, users: usize) -> Duration {
        self.database.empty();
        let (mut client, mut observer) = (self.database.client(), self.database.client());
        observer.batch_execute("SELECT pg_advisory_lock(3)").expect("the lock is free");
        let is_waiting = observer.prepare(IS_WAITING).expect("the query is right");
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy());
        users::add(&mut uow, users);
        let started = ProcessTime::now();
        thread::scope(|scope| {
            let commit = scope.spawn(move || {
                uow.commit().expect("the commit works");
            });
            loop {
                // Rarely enough not to count.
                thread::sleep(Duration::from_millis(100));
                let cpu = started.elapsed();
                let row = observer.query_one(&is_waiting, &[]).expect("the server answers");
                if row.get(0) {
                    observer.batch_execute("SELECT pg_advisory_unlock(3)").expect("it was ours");
                    commit.join().expect("the commit works");
                    return cpu;
                }
            }
        })
    }
}
