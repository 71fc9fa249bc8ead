//! A session of the server with what belongs to it, and how the pool makes one.

use std::fmt;
use std::time::{Duration, Instant};

use onetrip::{Auto, Retry, StatementCache, Strategy, UnitOfWork};
use postgres::tls::{MakeTlsConnect, TlsConnect};
use postgres::{Client, Config, Socket};

/// A connection, and the statements that are prepared on it.
pub struct Session {
    client: Client,
    /// It belongs to this connection, and it ends with this connection.
    statements: StatementCache,
    /// Shared by all sessions: what is true of a table is true of it everywhere.
    strategy: Strategy,
    /// The pool replaces the session.
    is_lost: bool,
    last_used: Instant,
}

impl Session {
    /// Returns a unit of work on this session.
    pub fn unit_of_work(&mut self) -> UnitOfWork<'_> {
        UnitOfWork::new(&mut self.client)
            .with_strategy(self.strategy.clone())
            .with_statement_cache(&self.statements)
    }

    /// Runs work in a unit of work and commits it. After a conflict with others, it is done again.
    ///
    /// # Errors
    ///
    /// Those of the work, and those of [`Retry::try_run`].
    pub fn retry<R, E: From<onetrip::Error>>(
        &mut self,
        work: impl FnMut(&mut UnitOfWork<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let (strategy, statements) = (self.strategy.clone(), self.statements.clone());
        Retry::new()
            .attempts(4)
            .optimistic()
            .with(move |uow| uow.with_strategy(strategy.clone()).with_statement_cache(&statements))
            .try_run(&mut self.client, work)
    }

    /// Runs statements without parameters, such as those that create tables.
    ///
    /// # Errors
    ///
    /// When the server refuses one of them.
    pub fn batch_execute(&mut self, sql: &str) -> Result<(), postgres::Error> {
        self.client.batch_execute(sql)
    }

    /// Prepares the statements that have come up twice. This takes round trips, so it is done when the
    /// answer is on its way.
    pub fn prepare(&mut self) {
        if let Err(error) = self.statements.prepare(&mut self.client) {
            eprintln!("{error}");
        }
    }

    /// Says whether the session is to be replaced when it comes back to the pool.
    pub fn set_lost(&mut self, is_lost: bool) {
        self.is_lost = is_lost;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// Opens sessions for the pool, and looks at those that come back.
pub struct Sessions {
    open: Box<dyn Fn() -> Result<Client, postgres::Error> + Send + Sync>,
    strategy: Strategy,
    trusted_for: Duration,
}

impl Sessions {
    /// Returns sessions of this server. `tls` is `NoTls`, or the connector of a TLS library.
    pub fn new<T>(config: Config, tls: T) -> Sessions
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Sessions {
            open: Box::new(move || config.connect(tls.clone())),
            strategy: Auto::new().into(),
            trusted_for: Duration::from_secs(1),
        }
    }

    /// Says for how long a session may be idle before it is tested. A test takes a round trip.
    #[must_use]
    pub fn trusted_for(mut self, idle: Duration) -> Sessions {
        self.trusted_for = idle;
        self
    }
}

impl r2d2::ManageConnection for Sessions {
    type Connection = Session;
    type Error = postgres::Error;

    fn connect(&self) -> Result<Session, postgres::Error> {
        Ok(Session {
            client: (self.open)()?,
            statements: StatementCache::new(),
            strategy: self.strategy.clone(),
            is_lost: false,
            last_used: Instant::now(),
        })
    }

    /// Tests a session before it is handed out, if it was idle for long enough to have died unnoticed.
    fn is_valid(&self, session: &mut Session) -> Result<(), postgres::Error> {
        if session.last_used.elapsed() < self.trusted_for {
            return Ok(());
        }
        session.client.is_valid(Duration::from_secs(2))
    }

    /// Looks at a session that comes back. Nothing is sent.
    fn has_broken(&self, session: &mut Session) -> bool {
        session.last_used = Instant::now();
        session.is_lost || session.client.is_closed()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("trusted_for", &self.trusted_for).finish_non_exhaustive()
    }
}
