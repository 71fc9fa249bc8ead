//! A TCP relay that adds latency and counts round trips on the wire.
//!
//! It stands between a program and the server, as the network would: what it counts is what was
//! sent, whatever the program believes. A round trip is the client sending something and the
//! server answering: data from the server after data from the client. That statements are closed is
//! not counted, for the driver does not wait for the answer: it may come before the next message or
//! after it.
//!
//! Programs run it as a process of their own ([`Relay::spawn`], with [`serve_if_asked`] as the first
//! line of `main`); tests run it in threads ([`Relay::in_process`]), where it can also record what
//! passes and cut the connection at any byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The hidden first argument of the process that is the relay.
const CHILD: &str = "--relay-child";

/// What has gone over the wire so far, over all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub round_trips: u64,
    pub connections: u64,
    /// Bytes from the client to the server.
    pub sent: u64,
    /// Bytes from the server to the client.
    pub received: u64,
}

/// The bytes that went over the wire, over all connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    pub to_server: Vec<u8>,
    pub to_client: Vec<u8>,
}

/// Where to cut the connection: after so many further bytes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAt {
    ToServer(u64),
    ToClient(u64),
}

/// Runs the relay and never returns, if this process was started to be one.
pub fn serve_if_asked() {
    // Arguments need not be UTF-8 in a process that is no relay.
    let mut arguments = std::env::args_os().skip(1).map(|text| text.into_string());
    if arguments.next() != Some(Ok(CHILD.to_owned())) {
        return;
    }
    let mut text = || arguments.next().and_then(Result::ok).unwrap_or_default();
    let upstream = text();
    let micros = text().parse().unwrap_or(0);
    let code = match serve_on_stdio(&upstream, Duration::from_micros(micros)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("relay: {error}");
            1
        }
    };
    std::process::exit(code);
}

/// Answers every line on standard input with the counters, until its end.
fn serve_on_stdio(upstream: &str, latency: Duration) -> io::Result<()> {
    let relay = Server::start(upstream, latency)?;
    println!("{}", relay.port);
    for line in io::stdin().lock().lines() {
        line?;
        let Counters { round_trips, connections, sent, received } = relay.state.counters();
        println!("{round_trips} {connections} {sent} {received}");
    }
    Ok(())
}

/// A running relay. It ends with this value.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Process(Mutex<Process>),
    Threads(Arc<State>),
}

#[derive(Debug)]
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the relay has ended"));
        }
        Ok(line)
    }
}

impl Relay {
    /// Starts this program again as a relay to `upstream` (`host:port`) that adds `latency` to
    /// each round trip.
    pub fn spawn(upstream: &str, latency: Duration) -> io::Result<Relay> {
        if std::env::args_os().nth(1).is_some_and(|text| text == CHILD) {
            // This is the relay's process already, and would start the next one, and so on.
            return Err(io::Error::other("`main` has to begin with `serve_if_asked`"));
        }
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD, upstream, &latency.as_micros().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("the relay has no pipes");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let mut process = Process { child, input: Some(input), output };
        let port = process.line()?.trim().parse().map_err(io::Error::other)?;
        Ok(Relay { port, kind: Kind::Process(Mutex::new(process)) })
    }

    /// Runs a relay in threads of this process.
    pub fn in_process(upstream: &str, latency: Duration) -> io::Result<Relay> {
        let server = Server::start(upstream, latency)?;
        Ok(Relay { port: server.port, kind: Kind::Threads(server.state) })
    }

    /// The port on 127.0.0.1 to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of round trips so far.
    pub fn round_trips(&self) -> io::Result<u64> {
        Ok(self.counters()?.round_trips)
    }

    /// What has gone over the wire so far.
    pub fn counters(&self) -> io::Result<Counters> {
        let mut process = match &self.kind {
            Kind::Threads(state) => return Ok(state.counters()),
            Kind::Process(process) => process.lock().map_err(|_| io::Error::other("poisoned"))?,
        };
        if let Some(input) = &mut process.input {
            input.write_all(b"\n")?;
        }
        let line = process.line()?;
        let mut numbers =
            line.split_whitespace().map(|text| text.parse().map_err(io::Error::other));
        let mut next = || numbers.next().unwrap_or(Err(io::Error::other("a number is missing")));
        Ok(Counters {
            round_trips: next()?,
            connections: next()?,
            sent: next()?,
            received: next()?,
        })
    }

    /// Cuts all connections once so many further bytes have gone through; `None` lifts it.
    ///
    /// # Panics
    ///
    /// With a relay that is a process of its own.
    pub fn cut_at(&self, cut: Option<CutAt>) {
        self.in_threads().cut = cut;
    }

    /// What goes over the wire while `action` runs.
    ///
    /// # Panics
    ///
    /// With a relay that is a process of its own.
    pub fn record<R>(&self, action: impl FnOnce() -> R) -> (R, Recorded) {
        self.in_threads().recorded = Some(Recorded::default());
        let result = action();
        (result, self.in_threads().recorded.take().unwrap_or_default())
    }

    fn in_threads(&self) -> MutexGuard<'_, Shared> {
        let Kind::Threads(state) = &self.kind else { panic!("the relay is another process") };
        state.lock()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        match &mut self.kind {
            Kind::Process(process) => {
                if let Ok(process) = process.get_mut() {
                    drop(process.input.take());
                    let _ = process.child.kill();
                    let _ = process.child.wait();
                }
            }
            Kind::Threads(state) => {
                state.lock().ended = true;
                // The thread that waits for a client finds that it is over.
                let _ = TcpStream::connect(("127.0.0.1", self.port));
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// What the threads of a relay share.
#[derive(Debug, Default)]
struct State(Mutex<Shared>);

#[derive(Debug, Default)]
struct Shared {
    counters: Counters,
    cut: Option<CutAt>,
    recorded: Option<Recorded>,
    ended: bool,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.0)
    }

    fn counters(&self) -> Counters {
        self.lock().counters
    }

    /// Counts what was read, and says how much of it may pass; the link may be cut after that.
    fn note(&self, direction: Direction, data: &[u8], link: &Mutex<Link>) -> usize {
        let len = data.len();
        let mut shared = self.lock();
        let mut link = lock(link);
        if link.cut.is_some() {
            return 0;
        }
        match direction {
            Direction::ToServer => {
                link.asked |= !only_closes(data);
                shared.counters.sent += len as u64;
            }
            Direction::ToClient => {
                shared.counters.round_trips += u64::from(std::mem::take(&mut link.asked));
                shared.counters.received += len as u64;
            }
        }
        if let Some(recorded) = &mut shared.recorded {
            match direction {
                Direction::ToServer => recorded.to_server.extend(data),
                Direction::ToClient => recorded.to_client.extend(data),
            }
        }
        let left = match (&mut shared.cut, direction) {
            (Some(CutAt::ToServer(left)), Direction::ToServer) => left,
            (Some(CutAt::ToClient(left)), Direction::ToClient) => left,
            _ => return len,
        };
        let passes = len.min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= passes as u64;
        if *left == 0 {
            // Known before the last bytes leave, so that no answer to them gets through.
            link.cut = Some(direction);
        }
        passes
    }
}

/// Returns `true` if these are whole messages that close statements or portals, each with the message that
/// ends it.
fn only_closes(mut data: &[u8]) -> bool {
    let mut closes = false;
    while let [kind @ (b'C' | b'S'), a, b, c, d, rest @ ..] = data {
        let body = u32::from_be_bytes([*a, *b, *c, *d]).saturating_sub(4);
        let Some(next) = rest.get(body as usize..) else { return false };
        closes |= *kind == b'C';
        data = next;
    }
    closes && data.is_empty()
}

/// What the two directions of a connection share.
#[derive(Debug, Default)]
struct Link {
    /// The client has sent something that has no answer yet, and waits for it.
    asked: bool,
    /// The direction whose bytes have run out.
    cut: Option<Direction>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Server {
    port: u16,
    state: Arc<State>,
}

impl Server {
    fn start(upstream: &str, latency: Duration) -> io::Result<Server> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State::default());
        let (upstream, shared) = (upstream.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.lock().ended {
                    break;
                }
                // A server that cannot be reached looks like one that hangs up.
                if let Ok(server) = TcpStream::connect(&upstream) {
                    let _ = connect(&client, &server, latency, &shared);
                }
            }
        });
        Ok(Server { port, state })
    }
}

/// Relays between two sockets, in threads.
fn connect(
    client: &TcpStream,
    server: &TcpStream,
    latency: Duration,
    state: &Arc<State>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    state.lock().counters.connections += 1;
    let link = Arc::new(Mutex::new(Link::default()));
    for (direction, from, to) in
        [(Direction::ToServer, client, server), (Direction::ToClient, server, client)]
    {
        let pipe = Pipe {
            direction,
            from: from.try_clone()?,
            state: Arc::clone(state),
            link: Arc::clone(&link),
        };
        let to = to.try_clone()?;
        thread::spawn(move || pipe.run(to, latency / 2));
    }
    Ok(())
}

/// One direction of one connection.
struct Pipe {
    direction: Direction,
    from: TcpStream,
    state: Arc<State>,
    link: Arc<Mutex<Link>>,
}

/// Data, and when it is due at the other end.
type Chunk = (Instant, Vec<u8>);

/// How many chunks can be under way in one direction; a chunk is up to 64 KiB.
const IN_FLIGHT: usize = 4_096;

impl Pipe {
    fn run(mut self, mut to: TcpStream, delay: Duration) {
        let (direction, link) = (self.direction, Arc::clone(&self.link));
        let mut write = |data: &[u8]| {
            // What is under way in the other direction when the link is cut is lost.
            let lost = lock(&link).cut.is_some_and(|cut| cut != direction);
            !lost && to.write_all(data).is_ok()
        };
        let cut = if delay.is_zero() {
            self.read(write)
        } else {
            let (sender, receiver) = sync_channel::<Chunk>(IN_FLIGHT);
            thread::scope(|scope| {
                scope.spawn(move || {
                    for (due, data) in receiver {
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        if !write(&data) {
                            break;
                        }
                    }
                });
                self.read(|data| sender.send((Instant::now() + delay, data.to_vec())).is_ok())
            })
        };
        // The end of one direction is passed on as such; a cut ends both.
        let _ = to.shutdown(if cut { Shutdown::Both } else { Shutdown::Write });
        if cut {
            let _ = self.from.shutdown(Shutdown::Both);
        }
    }

    /// Reads until the end or the cut, as long as what was read can be passed on; true for the cut.
    fn read(&mut self, mut pass: impl FnMut(&[u8]) -> bool) -> bool {
        let mut buffer = vec![0; 64 << 10];
        loop {
            if lock(&self.link).cut.is_some() {
                return true;
            }
            let len = match self.from.read(&mut buffer) {
                Ok(0) | Err(_) => return false,
                Ok(len) => len,
            };
            let passes = self.state.note(self.direction, &buffer[..len], &self.link);
            if !pass(&buffer[..passes]) {
                return false;
            }
        }
    }
}
