//! The server's life, from the first request to the end of the last.

use std::future::Future;
use std::io;
use std::net::TcpListener;

use r2d2::Pool;
use tokio::runtime;

use crate::customers::routes;
use crate::database::Database;
use crate::session::Sessions;

/// Serves until `stop` is ready, and then finishes the requests that have begun.
///
/// This is no asynchronous function. The pool lives outside of the runtime, and outlives it. So the sessions
/// are closed where blocking is right.
///
/// # Errors
///
/// When there can be no runtime, or the listener is of no use.
pub fn serve(
    listener: TcpListener,
    pool: Pool<Sessions>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let database = Database::new(pool);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let routes = routes(database.clone());
    let result = runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, routes).with_graceful_shutdown(stop).await
    });
    // Waits for the work that still runs in threads.
    drop(runtime);
    // Nothing asynchronous is left. This closes the sessions.
    drop(database);
    result
}
