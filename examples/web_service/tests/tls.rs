//! TLS by both libraries, against a server that has it.
//!
//! The server is one of this test's own: TLS is a setting of the whole server.

#[path = "tls/native.rs"]
mod native;
#[path = "tls/rustls.rs"]
mod rustls;
#[path = "tls/server.rs"]
mod server;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use onetrip::{ErrorKind, UnitOfWork};
use onetrip_web_service::session::Sessions;
use onetrip_web_service::tls;
use postgres::Client;
use r2d2::Pool;

use server::TlsServer;

/// What the session says of itself: encrypted, and by which version of TLS.
fn encrypted(client: &mut Client) -> (bool, String) {
    let mut uow = UnitOfWork::new(client);
    let sql = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    uow.sql(sql).first().expect("the query works").expect("the session is there")
}

#[test]
fn a_session_is_encrypted_and_the_server_is_who_it_says() {
    let server = TlsServer::start();
    let (url, root, other_root) = (server.url(), server.root(), server.other_root());
    assert!(url.contains("sslmode=require"), "{url}");

    // By native-tls.
    let mut client = native::connect(&url, root).expect("it is trusted");
    assert_eq!(encrypted(&mut client), (true, "TLSv1.3".to_owned()));
    let error = native::connect(&url, other_root).err().expect("it is not trusted");
    assert!(error.to_string().contains("TLS handshake"), "{error}");

    // By rustls.
    let mut client = rustls::connect(&url, root).expect("it is trusted");
    assert_eq!(encrypted(&mut client), (true, "TLSv1.3".to_owned()));
    let error = rustls::connect(&url, other_root).err().expect("it is not trusted");
    assert!(error.to_string().contains("TLS handshake"), "{error}");

    // The name counts as well.
    let elsewhere = url.replace("localhost", "127.0.0.1");
    assert!(native::connect(&elsewhere, root).is_err(), "the certificate has another name");
    assert!(rustls::connect(&elsewhere, root).is_err(), "the certificate has another name");

    // A pool of the service, by its own connector.
    let connector = tls::trusting(root).expect("a certificate");
    let sessions = Sessions::new(url.parse().expect("a URL"), connector);
    let pool = Pool::builder().max_size(1).build(sessions).expect("it connects");
    let mut session = pool.get().expect("it is there");
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let is_encrypted: Option<bool> =
        session.unit_of_work().sql(sql).first().expect("the query works");
    assert_eq!(is_encrypted, Some(true));

    // A lost session is the same kind of error as without TLS.
    let mut uow = UnitOfWork::new(&mut client);
    let sql = "SELECT pg_terminate_backend(pg_backend_pid())";
    let error = uow.sql(sql).execute().expect_err("it has ended itself");
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
}

#[test]
fn a_server_without_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("postgres://ada@{}/shop", listener.local_addr().expect("an address"));
    // It answers that it has no TLS, whoever asks.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut question = [0; 8];
            let _ = stream.read_exact(&mut question).and_then(|()| stream.write_all(b"N"));
        }
    });
    let file = server::TemporaryFile::new("without_tls", &server::certificate().0);
    let url = format!("{url}?sslmode=require");
    let refused = [native::connect(&url, file.path()), rustls::connect(&url, file.path())];
    for error in refused.map(|result| result.err().expect("it has no TLS")) {
        let cause = error.source().expect("the driver has a reason").to_string();
        assert_eq!(cause, "server does not support TLS");
    }
}

#[test]
fn the_program_says_what_is_wrong_with_a_certificate() {
    let file = server::TemporaryFile::new("no_certificate", "nothing");
    let url = std::env::var("DATABASE_URL").expect("it names a server");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let output = Command::new(env!("CARGO_BIN_EXE_onetrip-web-service"))
        .env("DATABASE_URL", url)
        .env("DATABASE_ROOT_CERTIFICATE", file.path())
        .env("LISTEN_ON", port.local_addr().expect("an address").to_string())
        .stdout(Stdio::null())
        .output()
        .expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("there is no certificate in it"), "{said}");
}

#[test]
fn the_chapter_shows_what_is_tested_here() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let chapter =
        fs::read_to_string(format!("{root}/docs/src/connecting.md")).expect("it is there");
    for code in [include_str!("tls/native.rs"), include_str!("tls/rustls.rs")] {
        let (_, shown) = code.split_once("\n\n").expect("a comment, and the code");
        let shown = shown.trim_end().replace("pub(crate) ", "");
        assert!(chapter.contains(&shown), "the chapter does not have:\n{shown}");
    }
}
