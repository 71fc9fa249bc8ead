//! A TCP relay that stands for a network: it adds latency, and it counts what
//! crosses the wire.
//!
//! It knows nothing of PostgreSQL's protocol, so its numbers are a check on
//! anything that claims to know how often it talked to the server: a round trip
//! is the client sending something and the server then answering.
//!
//! [`Relay::spawn`] runs it in a process of its own, where it does not compete
//! with the measured program for anything but the processor. That process is
//! this very program, started with a hidden argument, so `main` has to begin
//! with [`serve_if_asked`]. [`Relay::in_process`] runs it in threads, for tests,
//! and can also cut a connection at a given byte.
//!
//! It uses blocking sockets and threads only: a relay on the program's own async
//! runtime would be part of what it measures.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const CHILD_ARGUMENT: &str = "--relay-child";
/// The most that is read at once.
const CHUNK: usize = 64 * 1024;
/// How many chunks may be on their way in one direction: enough for 64 MiB, so
/// that latency does not turn into a limit on throughput.
const IN_FLIGHT: usize = 1024;

/// What has crossed the wire so far, over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// How often the server answered after the client had sent something.
    pub round_trips: u64,
    /// Bytes from the client to the server.
    pub bytes_sent: u64,
    /// Bytes from the server to the client.
    pub bytes_received: u64,
    /// Connections that a client has opened.
    pub connections: u64,
}

/// Where [`Relay::cut_at`] cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutAt {
    /// After this many more bytes have gone to the server.
    ToServer(u64),
    /// After this many more bytes have gone to the client.
    ToClient(u64),
}

/// A running relay; dropping it ends it, with all of its connections.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    runs: Runs,
}

#[derive(Debug)]
enum Runs {
    InChild(Mutex<Process>),
    InThreads(Arc<Server>),
}

#[derive(Debug)]
struct Process {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Serves as the relay's process, and never returns, if that is what this
/// process was started for. This has to be the first thing that `main` does.
pub fn serve_if_asked() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(CHILD_ARGUMENT) {
        return;
    }
    let served =
        serve(&arguments.next().unwrap_or_default(), &arguments.next().unwrap_or_default());
    if let Err(error) = &served {
        eprintln!("relay: {error}");
    }
    process::exit(i32::from(served.is_err()));
}

fn serve(upstream: &str, latency: &str) -> io::Result<()> {
    let upstream = upstream.split(',').map(str::parse).collect::<Result<_, _>>();
    let latency = latency.parse().map_err(io::Error::other)?;
    let (port, server) =
        Server::start(upstream.map_err(io::Error::other)?, Duration::from_micros(latency))?;
    println!("{port}");
    // The pipe is closed when the other process ends, in whatever way it ends.
    for _question in io::stdin().lines() {
        let now = server.counters();
        println!(
            "{} {} {} {}",
            now.round_trips, now.bytes_sent, now.bytes_received, now.connections
        );
    }
    Ok(())
}

impl Relay {
    /// Starts a relay to `upstream` in a process of its own, which adds
    /// `latency` to every round trip, half of it in each direction.
    pub fn spawn(upstream: impl ToSocketAddrs, latency: Duration) -> io::Result<Self> {
        if std::env::args().nth(1).as_deref() == Some(CHILD_ARGUMENT) {
            // Without this, forgetting it would start processes without end.
            return Err(io::Error::other("`main` has to call `serve_if_asked` first"));
        }
        let upstream: Vec<_> = upstream.to_socket_addrs()?.map(|it| it.to_string()).collect();
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD_ARGUMENT, &upstream.join(",")])
            .arg(latency.as_micros().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (ask, answers) = (child.stdin.take(), child.stdout.take());
        let mut process = Process {
            child,
            ask: ask.expect("stdin is piped"),
            answers: BufReader::new(answers.expect("stdout is piped")),
        };
        let port = process.answer()?;
        let port = port.parse().map_err(|_| io::Error::other("the relay did not start"))?;
        Ok(Self { port, runs: Runs::InChild(Mutex::new(process)) })
    }

    /// Starts a relay like [`Relay::spawn`], but in threads of this process.
    pub fn in_process(upstream: impl ToSocketAddrs, latency: Duration) -> io::Result<Self> {
        let (port, server) = Server::start(upstream.to_socket_addrs()?.collect(), latency)?;
        Ok(Self { port, runs: Runs::InThreads(server) })
    }

    /// The port to connect to, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What has crossed the wire so far. An answer that the client has received
    /// is counted.
    pub fn counters(&self) -> io::Result<Counters> {
        match &self.runs {
            Runs::InChild(process) => process.lock().unwrap().counters(),
            Runs::InThreads(server) => Ok(server.counters()),
        }
    }

    /// The round trips so far; see [`Counters::round_trips`].
    pub fn round_trips(&self) -> io::Result<u64> {
        Ok(self.counters()?.round_trips)
    }

    /// Cuts a connection, once: it forwards exactly as many bytes as `at` says,
    /// counted from now on and over all connections, and then the connection
    /// that forwarded the last of them is shut down on both sides, and whatever
    /// was still on its way is lost. With zero that is when the next byte would
    /// have been forwarded.
    ///
    /// # Panics
    ///
    /// If the relay runs in a process of its own.
    pub fn cut_at(&self, at: CutAt) {
        self.threads().cut.arm(at);
    }

    /// Whether the connection has been cut since [`Relay::cut_at`] was called.
    ///
    /// # Panics
    ///
    /// If the relay runs in a process of its own.
    pub fn was_cut(&self) -> bool {
        self.threads().cut.happened.load(SeqCst)
    }

    fn threads(&self) -> &Server {
        match &self.runs {
            Runs::InThreads(server) => server,
            Runs::InChild(_) => panic!("only a relay in this process can cut a connection"),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Runs::InThreads(server) = &self.runs {
            server.stop(self.port);
        }
    }
}

impl Process {
    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn counters(&mut self) -> io::Result<Counters> {
        self.ask.write_all(b"\n")?;
        let answer = self.answer()?;
        let numbers: Vec<u64> = answer.split(' ').flat_map(str::parse).collect();
        match numbers[..] {
            [round_trips, bytes_sent, bytes_received, connections] => {
                Ok(Counters { round_trips, bytes_sent, bytes_received, connections })
            }
            _ => Err(io::Error::other("the relay has ended")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither fails but for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What all connections of a relay share.
#[derive(Debug)]
struct Server {
    upstream: Vec<SocketAddr>,
    latency: Duration,
    round_trips: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    connections: AtomicU64,
    cut: Cut,
    open: Mutex<Vec<Weak<Connection>>>,
    stopping: AtomicBool,
}

impl Server {
    fn start(upstream: Vec<SocketAddr>, latency: Duration) -> io::Result<(u16, Arc<Self>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let server = Arc::new(Self {
            upstream,
            latency,
            round_trips: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            cut: Cut::default(),
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&server);
        thread::spawn(move || accepting.accept(&listener));
        Ok((port, server))
    }
}
