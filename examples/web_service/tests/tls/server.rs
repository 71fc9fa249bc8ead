//! A throw-away server with TLS.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use postgres::{Client, NoTls};
use rcgen::{CertificateParams, KeyPair};

/// A certificate of `localhost` that vouches for itself, and its key; both as PEM.
pub(crate) fn certificate() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned()];
    let certificate = CertificateParams::new(names).expect("a name").self_signed(&key);
    (certificate.expect("a certificate").pem(), key.serialize_pem())
}

/// A file that is gone at the end.
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(crate) fn new(name: &str, text: &str) -> TemporaryFile {
        let name = format!("onetrip_web_service_{}_{name}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).expect("it can be written");
        TemporaryFile(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A server of `scripts/with-postgres`, which ends with this value.
pub(crate) struct TlsServer {
    url: String,
    process: Child,
    /// The server ends when this is closed.
    input: Option<ChildStdin>,
    root: TemporaryFile,
    other_root: TemporaryFile,
}

impl TlsServer {
    pub(crate) fn start() -> TlsServer {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/with-postgres");
        let mut process = Command::new(script)
            .args(["sh", "-c", "echo $DATABASE_URL; cat"])
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be run");
        let input = process.stdin.take();
        let mut url = String::new();
        let output = process.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut url).expect("it says where the server is");
        let plain = url.trim().to_owned();

        let (certificate, key) = certificate();
        turn_on_tls(&plain, &certificate, &key);
        let root = TemporaryFile::new("root", &certificate);
        let other_root = TemporaryFile::new("other_root", &self::certificate().0);
        let url = format!("{}?sslmode=require", plain.replace("127.0.0.1", "localhost"));
        TlsServer { url, process, input, root, other_root }
    }

    /// The address by the name of the certificate, with TLS or not at all.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// The certificate that vouches for the server.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// One that does not.
    pub(crate) fn other_root(&self) -> &Path {
        self.other_root.path()
    }
}

/// Hands the certificate and its key to the server. The server writes the files itself, so they are its own
/// and nobody else can read the key.
fn turn_on_tls(url: &str, certificate: &str, key: &str) {
    let mut client = Client::connect(url, NoTls).expect("the server is reachable");
    for (file, text) in [("server.crt", certificate), ("server.key", key)] {
        // PEM has neither quotes nor backslashes, and each of its lines is a row.
        let rows = text.trim_end().replace('\n', "'), ('");
        let copy = format!("COPY (VALUES ('{rows}')) TO PROGRAM 'umask 077; cat > {file}'");
        client.batch_execute(&copy).expect("the server may write to its own folder");
    }
    client.batch_execute("ALTER SYSTEM SET ssl = on").expect("it is our server");
    client.batch_execute("SELECT pg_reload_conf()").expect("it is our server");
    for _ in 0..3_000 {
        let mut fresh = Client::connect(url, NoTls).expect("the server is reachable");
        let row = fresh.query_one("SHOW ssl", &[]).expect("it is a setting");
        if row.get::<_, String>(0) == "on" {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the server does not take the certificate");
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}
