//! `Retry`: does a piece of work again when another transaction was in its way.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::connection::{AttemptReads, Session};
use crate::error::Error;
use crate::unit_of_work::UnitOfWork;

/// Runs work in a unit of work of its own, commits the unit of work, and repeats both after a conflict
/// with another transaction: after a serialization failure, after a deadlock, and if entities are
/// stale. [`Error::is_retryable`] tells these errors from others.
///
/// ```
/// use onetrip::{Error, Model, Retry};
///
/// #[derive(Model, Clone)]
/// #[model(table = "seats")]
/// struct Seat {
///     #[model(key)]
///     number: i32,
///     guest: String,
/// }
///
/// /// Under `SERIALIZABLE`, no two guests get the same seat, and none is left out for another's sake.
/// fn book(client: &mut postgres::Client, guest: &str) -> Result<Option<i32>, Error> {
///     Retry::new().attempts(8).run(client, |uow| {
///         for number in 1..=20 {
///             if uow.find::<Seat>(number)?.is_none() {
///                 uow.add(Seat { number, guest: guest.to_owned() });
///                 return Ok(Some(number));
///             }
///         }
///         Ok(None)
///     })
/// }
/// # let _ = book;
/// ```
///
/// Each attempt is the whole work, from its reads on, because the reads decided what to write. So in an
/// attempt, a read that is sent to the server begins the transaction, while otherwise only a write
/// does. What was read then holds for the commit as far as the isolation level promises. The level is
/// that of the session: `SET default_transaction_isolation = 'serializable'`, or the same as an option
/// of the connection, of the user or of the database. [`optimistic`](Retry::optimistic) leaves reads
/// out of the transaction.
///
/// The work may run several times, so all its effects should be in the database. `run` takes a client,
/// and no [`Transaction`](postgres::Transaction), because it cannot begin a transaction of the caller
/// again.
///
/// ```compile_fail,E0308
/// # use onetrip::Retry;
/// fn inside(transaction: &mut postgres::Transaction<'_>) -> Result<(), onetrip::Error> {
///     Retry::new().run(transaction, |_| Ok(()))
/// }
/// ```
///
/// Nothing else is repeated: no violated constraint, no lost connection, and above all no commit of
/// unknown outcome. Work that has itself called [`UnitOfWork::commit`] and failed after it is not
/// repeated either, because what it has committed would be written twice.
#[derive(Clone)]
pub struct Retry {
    /// The most attempts, with the first one.
    attempts: u32,
    /// The time to wait after the first attempt.
    base_delay: Duration,
    /// The longest time to wait between two attempts.
    max_delay: Duration,
    /// What the reads of an attempt belong to.
    reads: AttemptReads,
    /// Sets up the unit of work of each attempt.
    configure: Option<Arc<Configure>>,
    /// Is called after each attempt that is followed by another.
    on_retry: Option<Arc<OnRetry>>,
}

type Configure = dyn for<'c> Fn(UnitOfWork<'c>) -> UnitOfWork<'c> + Send + Sync;
type OnRetry = dyn Fn(&Retrying<'_>) + Send + Sync;

/// An attempt that has failed and is followed by another attempt. It prints itself as one line.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Retrying<'a> {
    /// The conflict. The driver's error is not the source of this error: the work has the original
    /// error, with its source.
    pub error: &'a Error,
    /// The number of the attempt that has failed, from 1.
    pub attempt: u32,
    /// The most attempts that are made.
    pub attempts: u32,
    /// The time to wait before the next attempt.
    pub delay: Duration,
}

impl fmt::Display for Retrying<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retrying { error, attempt, attempts, delay } = self;
        write!(f, "attempt {attempt} of {attempts}: {error}; again in {} ms", delay.as_millis())
    }
}

impl Retry {
    /// Returns a `Retry` of up to 8 attempts, with 10 milliseconds up to a second between them.
    #[must_use]
    pub const fn new() -> Retry {
        Retry {
            attempts: 8,
            base_delay: Duration::from_millis(10),
            max_delay: Duration::from_secs(1),
            reads: AttemptReads::Transaction,
            configure: None,
            on_retry: None,
        }
    }

    /// Sets the most attempts, with the first one; 0 is taken as 1.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Retry {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets the time to wait after the first attempt. The time doubles with every further attempt, and
    /// a random part of up to one half is left out, so that two programs that met once do not meet
    /// again.
    #[must_use]
    pub const fn base_delay(mut self, delay: Duration) -> Retry {
        self.base_delay = delay;
        self
    }

    /// Sets the longest time to wait between two attempts.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Retry {
        self.max_delay = delay;
        self
    }

    /// Leaves reads out of the transaction, so that work that loads, changes and commits takes two
    /// round trips: one for the read, and one for the commit as one statement. The
    /// [versions](crate::Model) of changed and deleted entities detect conflicts: if an entity is
    /// stale, the work is done again, with fresh reads.
    ///
    /// This is for work whose decisions are about the entities that it changes, and whose models have a
    /// version. There are these differences:
    ///
    /// - two reads of one attempt can see different states of the database;
    /// - entities that were read and not changed can have changed in the database before the commit:
    ///   write skew is not detected;
    /// - a row without a version is overwritten, whoever has changed it meanwhile;
    /// - an isolation level of the session, such as `SERIALIZABLE`, holds for the commit, and for each
    ///   read alone, but not for reads and commit together.
    ///
    /// Reads under a lock, [`sql`](UnitOfWork::sql) and [`flush`](UnitOfWork::flush) open the
    /// transaction all the same, and reads after them are in the transaction.
    ///
    /// ```
    /// # use onetrip::{Error, Model, Retry};
    /// #[derive(Model, Clone)]
    /// #[model(table = "accounts")]
    /// struct Account {
    ///     #[model(key)]
    ///     id: i32,
    ///     balance: i64,
    ///     #[model(version)]
    ///     version: i32,
    /// }
    ///
    /// fn pay_in(client: &mut postgres::Client, id: i32, amount: i64) -> Result<bool, Error> {
    ///     Retry::new().optimistic().run(client, |uow| {
    ///         let Some(account) = uow.find::<Account>(id)? else { return Ok(false) };
    ///         uow[account].balance += amount;
    ///         Ok(true)
    ///     })
    /// }
    /// # let _ = pay_in;
    /// ```
    #[must_use]
    pub const fn optimistic(mut self) -> Retry {
        self.reads = AttemptReads::Themselves;
        self
    }

    /// Sets a function that sets up the unit of work of each attempt, for instance its strategy or its
    /// budget of round trips.
    ///
    /// ```
    /// use onetrip::{Batch, Retry};
    ///
    /// let retry = Retry::new().with(|uow| uow.with_strategy(Batch).with_round_trip_budget(10));
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn with(
        mut self,
        configure: impl for<'c> Fn(UnitOfWork<'c>) -> UnitOfWork<'c> + Send + Sync + 'static,
    ) -> Retry {
        self.configure = Some(Arc::new(configure));
        self
    }

    /// Calls `on_retry` after each attempt that is followed by another attempt, for a log or a metric.
    ///
    /// ```
    /// use onetrip::Retry;
    ///
    /// let retry = Retry::new().on_retry(|retrying| eprintln!("{retrying}"));
    /// # let _ = retry;
    /// ```
    #[must_use]
    pub fn on_retry(mut self, on_retry: impl Fn(&Retrying<'_>) + Send + Sync + 'static) -> Retry {
        self.on_retry = Some(Arc::new(on_retry));
        self
    }

    /// Runs the work, commits it, and returns what the work returned. Repeats all of this if another
    /// attempt may succeed.
    ///
    /// When the work returns `Ok`, the unit of work is committed, unless the work has committed it
    /// already. When it returns an error, the unit of work is rolled back. The thread waits between
    /// attempts, and no transaction is open meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the work, and those of [`UnitOfWork::commit`]. An error that would be a reason to try
    /// again, but comes in the last attempt, says so: `attempt 8 of 8: could not serialize …`.
    ///
    /// # Panics
    ///
    /// When the work panics. The transaction is rolled back then.
    pub fn run<R>(
        &self,
        client: &mut Session,
        work: impl FnMut(&mut UnitOfWork<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.try_run(client, work)
    }

    /// Runs work that has errors of its own, as [`run`](Retry::run) does. The error can have any type
    /// that `?` can turn an [`Error`] into. If the last error of the unit of work was a conflict, and
    /// the work returns an error, the work is repeated, whatever error it returns.
    ///
    /// ```
    /// # use onetrip::{Error, Model, Retry};
    /// # #[derive(Model, Clone)]
    /// # #[model(table = "seats")]
    /// # struct Seat { #[model(key)] number: i32, guest: String }
    /// #[derive(Debug)]
    /// enum BookingError {
    ///     Taken,
    ///     Database(Error),
    /// }
    ///
    /// impl From<Error> for BookingError {
    ///     fn from(error: Error) -> BookingError {
    ///         BookingError::Database(error)
    ///     }
    /// }
    ///
    /// fn book(client: &mut postgres::Client, number: i32) -> Result<(), BookingError> {
    ///     Retry::new().try_run(client, |uow| {
    ///         if uow.find::<Seat>(number)?.is_some() {
    ///             return Err(BookingError::Taken);        // rolled back, and not repeated
    ///         }
    ///         uow.add(Seat { number, guest: "Ada".into() });
    ///         Ok(())
    ///     })
    /// }
    /// # let _ = book;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Retry::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Retry::run).
    pub fn try_run<R, E: From<Error>>(
        &self,
        client: &mut Session,
        mut work: impl FnMut(&mut UnitOfWork<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut attempt = 1;
        loop {
            let mut uow = UnitOfWork::new(&mut *client);
            if let Some(configure) = &self.configure {
                uow = configure(uow);
            }
            uow.begin_attempt(format!("attempt {attempt} of {}", self.attempts), self.reads);
            let result = work(&mut uow).and_then(|value| {
                uow.commit_attempt()?;
                Ok(value)
            });
            let Err(error) = result else { return result };
            match uow.end_attempt() {
                Some(conflict) if attempt < self.attempts => self.wait(attempt, &conflict),
                _ => return Err(error),
            }
            attempt += 1;
        }
    }

    /// Waits after this attempt, and says so before.
    fn wait(&self, attempt: u32, error: &Error) {
        let delay = self.delay(attempt, random());
        if let Some(on_retry) = &self.on_retry {
            on_retry(&Retrying { error, attempt, attempts: self.attempts, delay });
        }
        thread::sleep(delay);
    }

    /// Returns the time to wait after this attempt, given a number between 0 and 1.
    fn delay(&self, attempt: u32, random: f64) -> Duration {
        let doubled = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        let longest = self.base_delay.saturating_mul(doubled).min(self.max_delay);
        let half = longest / 2;
        longest - half.mul_f64(random)
    }
}

impl Default for Retry {
    fn default() -> Retry {
        Retry::new()
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("base_delay", &self.base_delay)
            .field("max_delay", &self.max_delay)
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}

/// Returns a number from 0 up to 1, from the randomness of `std`'s hash maps.
fn random() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from((random >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_differ_by_up_to_a_half() {
        let millis = Duration::from_millis;
        let retry = Retry::new().base_delay(millis(10)).max_delay(millis(70));
        let longest: Vec<_> = (1..=5).map(|attempt| retry.delay(attempt, 0.0)).collect();
        assert_eq!(longest, [10, 20, 40, 70, 70].map(millis));
        assert_eq!(retry.delay(1, 0.5), Duration::from_micros(7_500));
        for _ in 0..100 {
            let delay = retry.delay(3, random());
            assert!(delay > millis(20) && delay <= millis(40), "{delay:?}");
        }
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let retry = Retry::new().base_delay(Duration::MAX).max_delay(Duration::MAX);
        assert_eq!(retry.delay(u32::MAX, 0.0), Duration::MAX);
    }
}
