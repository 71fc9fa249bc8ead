//! A database behind the pooler, for one test, and poolers that a test has for itself.

use std::fs::{self, File};
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use postgres::config::Host;
use postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// The number of connections to the server that the pooler has for each database.
pub(crate) const SESSIONS: usize = 4;

/// A database. Its pool is its own, too, so that no other test has these sessions.
pub(crate) struct Place {
    name: String,
    /// It ends with this value.
    is_own: bool,
    pooler: Config,
    direct: Config,
}

impl Place {
    /// Creates a database and runs `sql` in it, if `DATABASE_URL` is a PgBouncer.
    pub(crate) fn new(test: &str, sql: &str) -> Option<Place> {
        let name = format!("t_{}_{test}", std::process::id());
        let place = Place::find(&name, true)?;
        place.admin(&format!("CREATE DATABASE {name}"));
        place.direct().batch_execute(sql).expect("the test's tables can be created");
        Some(place)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the database at the pooler, for other programs.
    pub(crate) fn url(&self) -> String {
        let pooler = std::env::var("DATABASE_URL").expect("the address of the pooler");
        format!("{pooler}?dbname={}", self.name)
    }

    /// Runs a statement in another database of the server.
    pub(crate) fn admin(&self, sql: &str) {
        let mut admin = self.direct.clone().dbname("postgres").connect(NoTls).expect("the server");
        admin.batch_execute(sql).expect("the statement is right");
    }

    /// The database of this name, which another process has made.
    pub(crate) fn of_other(name: &str) -> Place {
        Place::find(name, false).expect("the other process has found the pooler")
    }

    fn find(name: &str, is_own: bool) -> Option<Place> {
        let Ok(direct) = std::env::var("ONETRIP_DIRECT_URL") else {
            eprintln!("no PgBouncer here: run this through `scripts/with-pgbouncer`");
            return None;
        };
        let pooler = std::env::var("DATABASE_URL").expect("the address of the pooler");
        let [pooler, direct] = [pooler, direct].map(|url| {
            let mut config: Config = url.parse().expect("an address");
            config.dbname(name);
            config
        });
        Some(Place { name: name.to_owned(), is_own, pooler, direct })
    }

    /// A connection to the pooler.
    pub(crate) fn client(&self) -> Client {
        self.pooler.connect(NoTls).expect("the pooler is reachable")
    }

    /// A connection to the server, past the pooler.
    pub(crate) fn direct(&self) -> Client {
        self.direct.connect(NoTls).expect("the server is reachable")
    }

    /// What the pooler's own console answers.
    pub(crate) fn console(&self, command: &str) -> Vec<String> {
        let mut console = self.pooler.clone();
        rows(&mut console.dbname("pgbouncer").connect(NoTls).expect("the console"), command)
    }

    /// Whether the pooler follows prepared statements from session to session.
    pub(crate) fn follows_prepared_statements(&self) -> bool {
        let settings = self.console("SHOW CONFIG");
        let max = settings.iter().find_map(|line| line.strip_prefix("max_prepared_statements|"));
        max.is_some_and(|rest| !rest.starts_with("0|"))
    }

    /// The rows of a query as text, columns separated by `|`, past the pooler.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        rows(&mut self.direct(), sql)
    }

    pub(crate) fn count(&self, table: &str) -> usize {
        self.rows(&format!("SELECT count(*) FROM {table}"))[0].parse().expect("a number")
    }

    /// Waits until a query, past the pooler, has the result `t`.
    pub(crate) fn wait_until(&self, condition: &str) {
        let mut client = self.direct();
        wait_for(|| rows(&mut client, &format!("SELECT {condition}")) == ["t"], condition);
    }

    /// A client in a transaction for each session of the pool, so that nobody else gets any.
    pub(crate) fn hold(&self, sessions: usize) -> Vec<Client> {
        let begin = |_| {
            let mut client = self.client();
            client.batch_execute("BEGIN").expect("the pool has a session");
            client
        };
        (0..sessions).map(begin).collect()
    }

    /// Runs a query in each session of the pool, and returns what each has found.
    pub(crate) fn in_each_session(&self, sql: &str) -> Vec<Vec<String>> {
        let mut clients = self.hold(SESSIONS);
        let found = clients.iter_mut().map(|client| rows(client, sql)).collect();
        clients.iter_mut().for_each(|client| client.batch_execute("COMMIT").expect("COMMIT works"));
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_own {
            return;
        }
        if let Ok(mut client) = self.direct.clone().dbname("postgres").connect(NoTls) {
            let _ = client.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

/// The rows of a query as text, columns separated by `|`.
pub(crate) fn rows(client: &mut Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).expect("the query works");
    let text = |message| match message {
        SimpleQueryMessage::Row(row) => {
            let column = |column| row.get(column).unwrap_or("NULL");
            Some((0..row.len()).map(column).collect::<Vec<_>>().join("|"))
        }
        _ => None,
    };
    messages.into_iter().filter_map(text).collect()
}

fn connect(port: u16, database: &str) -> Client {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname(database);
    config.connect(NoTls).expect("the pooler is reachable")
}

/// Waits until something is so, and fails where nothing ever is.
pub(crate) fn wait_for(mut is_so: impl FnMut() -> bool, what: &str) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("this does not come about: {what}");
}

/// A PgBouncer that a test starts, and may kill.
pub(crate) struct Pooler {
    process: Child,
    port: u16,
    dir: PathBuf,
}

impl Pooler {
    /// Starts one in front of the server, with further settings, one a line.
    pub(crate) fn start(place: &Place, settings: &str) -> Pooler {
        let program = std::env::var("ONETRIP_PGBOUNCER").expect("`scripts/with-pgbouncer` sets it");
        let [Host::Tcp(host), ..] = place.direct.get_hosts() else {
            panic!("a server on this host")
        };
        let server = place.direct.get_ports()[0];
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("a port is free").port();
        let dir = std::env::temp_dir().join(format!("onetrip-{}-{port}", std::process::id()));
        fs::create_dir(&dir).expect("a folder can be made");
        fs::write(dir.join("users"), "\"postgres\" \"\"\n").expect("the folder can be written to");
        let configuration = format!(
            "[databases]\n* = host={host} port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             admin_users = postgres\npool_mode = transaction\n{settings}\n",
            dir.join("users").display()
        );
        fs::write(dir.join("ini"), configuration).expect("the folder can be written to");
        let log = File::create(dir.join("log")).expect("the folder can be written to");
        let mut command = Command::new(program);
        // It refuses to run as root.
        let id = Command::new("id").arg("-u").output().expect("`id` runs").stdout;
        if id == b"0\n" {
            command.args(["-u", "nobody"]);
        }
        command.arg(dir.join("ini")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().expect("PgBouncer can be started");
        let pooler = Pooler { process, port, dir };
        wait_for(|| pooler.log().contains("process up"), "PgBouncer has started");
        pooler
    }

    /// A connection through this pooler to the database of a test.
    pub(crate) fn client(&self, place: &Place) -> Client {
        connect(self.port, &place.name)
    }

    /// The same, for a client that learns of the end of the connection later than of what is said before.
    /// The driver keeps an answer only then.
    pub(crate) fn patient_client(&self, place: &Place) -> Client {
        let (listener, upstream) =
            (TcpListener::bind("127.0.0.1:0").expect("a port is free"), self.port);
        let port = listener.local_addr().expect("it has an address").port();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("the client connects");
            let mut pooler = TcpStream::connect(("127.0.0.1", upstream)).expect("the pooler");
            let both = (client.try_clone(), pooler.try_clone());
            let (mut to, mut from) = (both.0.expect("a handle"), both.1.expect("a handle"));
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                thread::sleep(Duration::from_millis(100));
                let _ = to.shutdown(Shutdown::Both);
            });
            let _ = io::copy(&mut client, &mut pooler);
            let _ = pooler.shutdown(Shutdown::Both);
        });
        connect(port, &place.name)
    }

    /// Runs a command in its console.
    pub(crate) fn console(&self, command: &str) {
        connect(self.port, "pgbouncer").batch_execute(command).expect("the command works");
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).expect("the log is there")
    }

    /// Ends it, without a word to anybody.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
