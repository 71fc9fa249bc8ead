//! The messages of a commit, and what it can know when the link dies among them.

use std::iter;
use std::ops::Range;

use onetrip::{CommitReport, Error, ErrorKind};

use crate::relayed::relay::{CutAt, Recorded};

/// What a commit says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Done,
    /// The link is lost, and nothing was written.
    Lost,
    Unknown,
}

/// What goes over the wire in a commit. Each run is as long as any other: keys are binary.
pub(crate) struct Traffic {
    to_server: Stream,
    to_client: Stream,
}

/// One direction. Offsets are in bytes.
struct Stream {
    /// Where each message starts.
    messages: Vec<u64>,
    /// Where the message that commits starts, or the answer to it. A statement that is a whole
    /// transaction is that message from the beginning. From the start of the range on, the driver
    /// waits for nothing before it sends that message.
    commit: Range<u64>,
    end: u64,
}

impl Traffic {
    pub(crate) fn new(recorded: &Recorded) -> Traffic {
        Traffic {
            to_server: Stream::new(&recorded.to_server, |messages| {
                let commit = messages.iter().rposition(|message| message.ends_with(b"COMMIT\0"));
                let commit = commit.unwrap_or(0);
                // The driver closes the statements of `COPY` just before, and waits for no answer.
                let is_close = |pair: &&[&[u8]]| pair[0][0] == b'C' && pair[1][0] == b'S';
                let closes = messages[..commit].rchunks_exact(2).take_while(is_close).count();
                commit - 2 * closes..commit
            }),
            to_client: Stream::new(&recorded.to_client, |messages| {
                // Answers end in ReadyForQuery: the last one begins after the last but one.
                let (_, before) = messages.split_last().expect("an answer");
                let start = before.iter().rposition(|message| message[0] == b'Z');
                let answer = start.map_or(0, |at| at + 1);
                let is_closed = |pair: &&[&[u8]]| pair[0][0] == b'3' && pair[1][0] == b'Z';
                let closed = before[..answer].rchunks_exact(2).take_while(is_closed).count();
                let first = answer - 2 * closed;
                // Nor does it wait for the end of the answer to a `COPY`.
                let is_copy =
                    |message: &&&[u8]| message[0] == b'C' && message[5..].starts_with(b"COPY");
                let copied = first.checked_sub(2).and_then(|at| before.get(at)).filter(is_copy);
                first - usize::from(copied.is_some())..answer
            }),
        }
    }

    /// Cuts before, between and after all bytes, and just beyond.
    pub(crate) fn every_byte(&self) -> Vec<CutAt> {
        cuts((0..=self.to_server.end + 1).collect(), (0..=self.to_client.end + 1).collect())
    }

    /// Cuts before, within and after all messages, and just beyond.
    pub(crate) fn every_message(&self) -> Vec<CutAt> {
        cuts(self.to_server.around_messages(), self.to_client.around_messages())
    }

    /// Whether the first message commits.
    pub(crate) fn is_one_statement(&self) -> bool {
        self.to_client.commit.end == 0
    }

    /// What a commit has said, if it may say so.
    ///
    /// # Panics
    ///
    /// When it may not.
    pub(crate) fn check(&self, cut: CutAt, result: &Result<CommitReport, Error>) -> Says {
        let says = match result.as_ref().map_err(Error::kind) {
            Ok(_) => Says::Done,
            Err(ErrorKind::Connection) => Says::Lost,
            Err(ErrorKind::UnknownOutcome) => Says::Unknown,
            Err(_) => panic!("{cut:?}: {result:?}"),
        };
        let can_say = self.can_say(cut);
        assert!(can_say.contains(&says), "{cut:?}: {says:?} is not in {can_say:?}: {result:?}");
        says
    }

    /// What a commit may say when the link is cut there.
    ///
    /// The client cannot tell how much of what it has sent has arrived. What it knows is which
    /// answers it has: without the last one but one, it has not sent the COMMIT.
    fn can_say(&self, cut: CutAt) -> &'static [Says] {
        let (to_server, to_client) = (&self.to_server, &self.to_client);
        match cut {
            CutAt::ToServer(at) if at > to_server.end => &[Says::Done],
            CutAt::ToClient(at) if at > to_client.end => &[Says::Done],
            // The driver may find the end of the link first, and drops the answer that came with it.
            CutAt::ToClient(at) if at == to_client.end => &[Says::Done, Says::Unknown],
            _ if self.is_one_statement() => &[Says::Unknown],
            CutAt::ToServer(at) if at <= to_server.commit.start => &[Says::Lost],
            CutAt::ToServer(at) if at <= to_server.commit.end => &[Says::Lost, Says::Unknown],
            CutAt::ToClient(at) if at < to_client.commit.start => &[Says::Lost],
            // Whether the COMMIT is sent before the link is found dead is a matter of moments.
            CutAt::ToClient(at) if at <= to_client.commit.end => &[Says::Lost, Says::Unknown],
            _ => &[Says::Unknown],
        }
    }
}

impl Stream {
    fn new(bytes: &[u8], commit: impl FnOnce(&[&[u8]]) -> Range<usize>) -> Stream {
        let messages = messages(bytes);
        let mut end = 0;
        let starts = messages.iter().map(|message| {
            let start = end;
            end += message.len() as u64;
            start
        });
        let starts: Vec<_> = starts.collect();
        let commit = commit(&messages);
        let commit = starts[commit.start]..starts[commit.end];
        Stream { commit, messages: starts, end }
    }

    fn around_messages(&self) -> Vec<u64> {
        let ends = self.messages.iter().skip(1).copied().chain(iter::once(self.end));
        let starts_and_middles =
            self.messages.iter().zip(ends).flat_map(|(&start, end)| [start, (start + end) / 2]);
        starts_and_middles.chain([self.end, self.end + 1]).collect()
    }
}

/// A message is a byte for its type, the length of the rest, and the rest.
fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let [_, a, b, c, d, ..] = *bytes {
        let (message, rest) = bytes.split_at(1 + u32::from_be_bytes([a, b, c, d]) as usize);
        messages.push(message);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a message");
    messages
}

fn cuts(to_server: Vec<u64>, to_client: Vec<u64>) -> Vec<CutAt> {
    let to_server = to_server.into_iter().map(CutAt::ToServer);
    to_server.chain(to_client.into_iter().map(CutAt::ToClient)).collect()
}
