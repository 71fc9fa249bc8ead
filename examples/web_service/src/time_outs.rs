//! How long the service waits for whom.

use std::time::Duration;

use postgres::Config;

/// The server ends what takes longer. The names and the units are those of PostgreSQL.
const OF_THE_SERVER: &str =
    "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s";

/// Sets time-outs. Those that `config` has in its `options` stay as they are.
pub fn set_time_outs(config: &mut Config) {
    // For each address of the server.
    config.connect_timeout(Duration::from_secs(5));
    // For a server that does not confirm what was sent, and for one that has nothing to say.
    config.tcp_user_timeout(Duration::from_secs(30));
    config.keepalives_idle(Duration::from_secs(30));
    config.keepalives_interval(Duration::from_secs(10));
    config.keepalives_retries(3);
    // The last one counts.
    let options = format!("{OF_THE_SERVER} {}", config.get_options().unwrap_or_default());
    config.options(options.trim_end());
}
