//! `Liar`: a proxy that answers one request of a client in the server's place.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// The server does what it is asked, and the session ends with this severity in the place of the
    /// answer.
    AfterIt(&'static str, &'static str),
    /// The session ends with this severity, and the server has not got the request.
    BeforeIt(&'static str, &'static str),
    /// The server is asked to raise an error of this code instead.
    Error(&'static str),
}

#[derive(Debug, Default)]
struct Plan {
    /// The request that is lied about, counted from now on.
    lie: Option<(usize, Lie)>,
    /// The requests since the plan was made.
    requests: usize,
    /// Those that came after the lie.
    after: usize,
}

/// A proxy in front of a server.
pub(crate) struct Liar {
    port: u16,
    plan: Arc<Mutex<Plan>>,
    ended: Arc<AtomicBool>,
}

fn lock(plan: &Mutex<Plan>) -> MutexGuard<'_, Plan> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Liar {
    pub(crate) fn start(upstream: &str) -> Liar {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (plan, ended) = (Arc::<Mutex<Plan>>::default(), Arc::<AtomicBool>::default());
        let (shared, over, upstream) = (Arc::clone(&plan), Arc::clone(&ended), upstream.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let server = TcpStream::connect(&upstream).unwrap();
                let plan = Arc::clone(&shared);
                thread::spawn(move || relay(client, server, &plan));
            }
        });
        Liar { port, plan, ended }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Counts requests from now on, and lies about one of them.
    pub(crate) fn lie(&self, lie: Option<(usize, Lie)>) {
        *lock(&self.plan) = Plan { lie, requests: 0, after: 0 };
    }

    /// The number of requests since then.
    pub(crate) fn requests(&self) -> usize {
        lock(&self.plan).requests
    }

    /// The number of requests that came after the lie.
    pub(crate) fn requests_after(&self) -> usize {
        lock(&self.plan).after
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Passes requests on, one after the other. A request ends with a query or a Sync.
fn relay(mut client: TcpStream, mut server: TcpStream, plan: &Arc<Mutex<Plan>>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    // The first message has no type.
    let Ok(startup) = message(&mut client, false) else { return };
    if server.write_all(&startup).is_err() {
        return;
    }
    // The severity and code that end the session with the next answer.
    let last_words: Arc<Mutex<Option<(&str, &str)>>> = Arc::default();
    let answers = {
        let (mut to, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let last_words = Arc::clone(&last_words);
        thread::spawn(move || {
            while let Ok(answer) = message(&mut from, true) {
                let ending = *last_words.lock().unwrap();
                match ending {
                    // Once the server is done with the request.
                    Some(_) if answer[0] != b'Z' && answer[0] != b'G' => continue,
                    Some((severity, code)) => {
                        let _ = to.write_all(&error(severity, code));
                        break;
                    }
                    None if to.write_all(&answer).is_err() => break,
                    None => {}
                }
            }
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        })
    };
    let mut request = Vec::new();
    while let Ok(next) = message(&mut client, true) {
        let ends = matches!(next[0], b'Q' | b'S');
        let passes = matches!(next[0], b'd' | b'p' | b'X' | b'H');
        request.extend_from_slice(&next);
        if !ends && !passes {
            continue;
        }
        let mut lie = None;
        if ends {
            let mut plan = lock(plan);
            match plan.lie {
                Some((at, what)) if at == plan.requests => lie = Some(what),
                Some((at, _)) if at < plan.requests => {
                    plan.after += usize::from(does_something(&request));
                }
                _ => {}
            }
            plan.requests += 1;
        }
        // In the middle of a COPY the server takes nothing else.
        let is_copied = matches!(request[0], b'c' | b'd');
        match lie {
            Some(Lie::BeforeIt(severity, code)) => {
                let _ = client.write_all(&error(severity, code));
                // The driver forgets the message where it finds the end of the link along with it. So the
                // link stays until the client speaks or hangs up. One that waits for the end has read it.
                let _ = client.set_read_timeout(Some(Duration::from_millis(100)));
                let _ = client.peek(&mut [0]);
                break;
            }
            Some(Lie::AfterIt(severity, code)) => {
                *last_words.lock().unwrap() = Some((severity, code));
            }
            Some(Lie::Error(code)) if !is_copied => {
                request.clear();
                let sql = format!("DO $$ BEGIN RAISE 'a lie' USING ERRCODE = '{code}'; END $$\0");
                request.push(b'Q');
                request.extend_from_slice(&(sql.len() as u32 + 4).to_be_bytes());
                request.extend_from_slice(sql.as_bytes());
            }
            _ => {}
        }
        if server.write_all(&request).is_err() {
            break;
        }
        request.clear();
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    let _ = answers.join();
}

/// Whether a request runs something, other than to end a transaction.
fn does_something(mut request: &[u8]) -> bool {
    while let [kind, a, b, c, d, ..] = *request {
        let (message, rest) = request.split_at(1 + u32::from_be_bytes([a, b, c, d]) as usize);
        if kind == b'E' || (kind == b'Q' && !message[5..].starts_with(b"ROLLBACK")) {
            return true;
        }
        request = rest;
    }
    false
}

/// The next message as it is.
fn message(from: &mut TcpStream, has_type: bool) -> io::Result<Vec<u8>> {
    let head = 4 + usize::from(has_type);
    let mut message = vec![0; head];
    from.read_exact(&mut message)?;
    let len: [u8; 4] = message[head - 4..].try_into().expect("four bytes");
    message.resize(head - 4 + u32::from_be_bytes(len) as usize, 0);
    from.read_exact(&mut message[head..])?;
    Ok(message)
}

fn error(severity: &str, code: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mlast words\0\0");
    let mut message = vec![b'E'];
    message.extend_from_slice(&(fields.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(fields.as_bytes());
    message
}
