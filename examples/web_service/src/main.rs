//! The program: `DATABASE_URL=… cargo run -- --create-tables`.

use std::env;
use std::error::Error;
use std::net::TcpListener;
use std::path::Path;

use onetrip_web_service::serve::serve;
use onetrip_web_service::session::Sessions;
use onetrip_web_service::{time_outs, tls};
use postgres::config::SslMode;
use postgres::{Config, NoTls};
use r2d2::Pool;

type Failed = Box<dyn Error + Send + Sync>;

// No `#[tokio::main]`: the pool is made before the runtime, and outlives it.
fn main() -> Result<(), Failed> {
    let pool = Pool::builder().max_size(10).build(sessions()?)?;
    match env::args().nth(1).as_deref() {
        None => {}
        Some("--create-tables") => {
            pool.get()?.batch_execute(include_str!("../schema.sql"))?;
        }
        Some(other) => return Err(format!("unknown argument: {other}").into()),
    }
    let address = env::var("LISTEN_ON").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).map_err(|error| format!("{address}: {error}"))?;
    println!("http://{}/customers", listener.local_addr()?);
    serve(listener, pool, asked_to_stop())?;
    Ok(())
}

/// Sessions of the server that the environment names.
fn sessions() -> Result<Sessions, Failed> {
    let url = env::var("DATABASE_URL").map_err(|_| "DATABASE_URL has to name a server")?;
    let mut config: Config = url.parse()?;
    time_outs::set_time_outs(&mut config);
    config.application_name("onetrip-web-service");
    let Some(file) = env::var_os("DATABASE_ROOT_CERTIFICATE") else {
        return Ok(Sessions::new(config, NoTls));
    };
    // Without this, a server that has no TLS would be taken as well.
    config.ssl_mode(SslMode::Require);
    Ok(Sessions::new(config, tls::trusting(Path::new(&file))?))
}

/// Is ready when the process gets a signal to end.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        eprintln!("signals cannot be received; stop the process by force");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
