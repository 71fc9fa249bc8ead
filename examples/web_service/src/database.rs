//! The way from an asynchronous request to a session of the pool.

use r2d2::Pool;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::session::{Session, Sessions};

/// The pool. Clones share it.
///
/// The last clone has to be dropped outside of the asynchronous runtime: it closes the sessions, and the
/// driver blocks while it does so. [`serve`](crate::serve::serve) sees to that.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool<Sessions>,
}

impl Database {
    /// Returns a database whose sessions come from this pool.
    #[must_use]
    pub fn new(pool: Pool<Sessions>) -> Database {
        Database { pool }
    }

    /// Runs work on a session, in a thread that may block.
    ///
    /// The session stays in that thread: only what the work returns comes back. So it does not matter when
    /// the request is given up meanwhile. The work is finished then, and nobody waits for it.
    ///
    /// # Errors
    ///
    /// The failure of the work, and one if there is no session in time.
    pub async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let pool = self.pool.clone();
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let mut session = match pool.get() {
                Ok(session) => session,
                Err(error) => return drop(answer.send(Err(Failure::no_session(&error)))),
            };
            // If the work panics, nobody knows what the session is in.
            session.set_lost(true);
            let result = work(&mut session);
            let is_lost = result.as_ref().is_err_and(Failure::loses_session);
            session.set_lost(is_lost);
            drop(answer.send(result));
            // The caller has the answer, so there is time for this.
            if !is_lost {
                session.prepare();
            }
        });
        // The work has panicked if it has not said anything.
        answered.await.unwrap_or_else(|_| Err(Failure::internal()))
    }
}
