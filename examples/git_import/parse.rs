//! Reads what `git log -z --numstat` prints, as bytes: git does not promise that anything in it is
//! text.

use std::io::{self, BufRead};
use std::str;

/// The format that the log has to be printed with. NUL ends every part, and none can hold one.
///
/// The first character tells a commit from a changed file, which begins with a number or `-`.
pub(crate) const FORMAT: &str = "tformat:%x1e%H%x00%P%x00%an%x00%ae%x00%at%x00%s";

const COMMIT: u8 = 0x1e;

/// A commit of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LoggedCommit {
    pub(crate) sha: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author_name: Vec<u8>,
    pub(crate) author_email: Vec<u8>,
    /// In seconds since 1970. `None` where git found no time in the commit, or an impossible one.
    pub(crate) authored_at: Option<i64>,
    pub(crate) subject: Vec<u8>,
    pub(crate) changes: Vec<LoggedChange>,
}

/// A file that a commit changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LoggedChange {
    /// `None` for a binary file, whose lines git does not count.
    pub(crate) lines_added: Option<i64>,
    pub(crate) lines_removed: Option<i64>,
    pub(crate) path: Vec<u8>,
    /// The path before, where the commit renamed the file.
    pub(crate) old_path: Option<Vec<u8>>,
}

/// The commits of a log, one at a time.
pub(crate) struct Log<R> {
    input: R,
    /// A part that was read too early: the first of the next commit.
    ahead: Option<Vec<u8>>,
    commits: u64,
}

impl<R: BufRead> Log<R> {
    pub(crate) fn new(input: R) -> Log<R> {
        Log { input, ahead: None, commits: 0 }
    }

    /// The next part, without the NUL at its end. `None` at the end of the log.
    fn part(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(part) = self.ahead.take() {
            return Ok(Some(part));
        }
        let mut part = Vec::new();
        if self.input.read_until(0, &mut part)? == 0 {
            return Ok(None);
        }
        if part.pop() != Some(0) {
            return Err(self.cut_off());
        }
        Ok(Some(part))
    }

    /// The next part, which has to be there.
    fn expect_part(&mut self) -> io::Result<Vec<u8>> {
        self.part()?.ok_or_else(|| self.cut_off())
    }

    fn read_commit(&mut self) -> io::Result<Option<LoggedCommit>> {
        let Some(first) = self.part()? else { return Ok(None) };
        self.commits += 1;
        let sha = first.strip_prefix(&[COMMIT]).and_then(object_name);
        let sha = sha.ok_or_else(|| self.unexpected("its object name"))?;
        let parents = self.expect_part()?;
        let parents = parents.split(|&byte| byte == b' ').filter(|parent| !parent.is_empty());
        let parents: Option<_> = parents.map(object_name).collect();
        let mut commit = LoggedCommit {
            sha,
            parents: parents.ok_or_else(|| self.unexpected("its parents"))?,
            author_name: self.expect_part()?,
            author_email: self.expect_part()?,
            authored_at: number(&self.expect_part()?),
            subject: self.expect_part()?,
            changes: Vec::new(),
        };
        while let Some(part) = self.part()? {
            if part.first() == Some(&COMMIT) {
                self.ahead = Some(part);
                break;
            }
            // Between a commit and its files there is an empty part, or a line break.
            if let Some(start) = part.iter().position(|&byte| byte != b'\n') {
                commit.changes.push(self.read_change(&part[start..])?);
            }
        }
        Ok(Some(commit))
    }

    /// `12 TAB 3 TAB path`. Where the path is empty, the file was renamed: its old path and its
    /// new one are the two parts that follow.
    fn read_change(&mut self, part: &[u8]) -> io::Result<LoggedChange> {
        let mut columns = part.splitn(3, |&byte| byte == b'\t');
        let (Some(added), Some(removed), Some(path)) =
            (columns.next(), columns.next(), columns.next())
        else {
            return Err(self.unexpected("a changed file"));
        };
        let lines = |column: &[u8]| match column {
            b"-" => Ok(None),
            _ => number(column).map(Some).ok_or_else(|| self.unexpected("a number of lines")),
        };
        let mut change = LoggedChange {
            lines_added: lines(added)?,
            lines_removed: lines(removed)?,
            path: path.to_owned(),
            old_path: None,
        };
        if path.is_empty() {
            change.old_path = Some(self.expect_part()?);
            change.path = self.expect_part()?;
        }
        Ok(change)
    }

    fn unexpected(&self, expected: &str) -> io::Error {
        let message = format!("git's log, commit {}: {expected} cannot be read", self.commits);
        io::Error::new(io::ErrorKind::InvalidData, message)
    }

    fn cut_off(&self) -> io::Error {
        let message = format!("git's log breaks off at commit {}", self.commits);
        io::Error::new(io::ErrorKind::UnexpectedEof, message)
    }
}

impl<R: BufRead> Iterator for Log<R> {
    type Item = io::Result<LoggedCommit>;

    fn next(&mut self) -> Option<io::Result<LoggedCommit>> {
        self.read_commit().transpose()
    }
}

fn object_name(bytes: &[u8]) -> Option<String> {
    let is_hex = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| str::from_utf8(bytes).ok().map(str::to_owned)).flatten()
}

fn number(bytes: &[u8]) -> Option<i64> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

/// The value of the `author` header of a commit object, and the time in it, which may be one that
/// git does not take for a time.
pub(crate) fn author_header(object: &[u8]) -> Option<(&[u8], Option<i64>)> {
    let mut headers = object.split(|&byte| byte == b'\n').take_while(|line| !line.is_empty());
    let author = headers.find_map(|line| line.strip_prefix(b"author "))?;
    let after_email = author.rsplit(|&byte| byte == b'>').next().unwrap_or_default();
    let mut words = after_email.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    Some((author, words.next().and_then(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const C: &str = "cccccccccccccccccccccccccccccccccccccccc";

    /// Parses a log in which `|` stands for NUL and `#` for the mark of a commit.
    fn parse(log: &str) -> io::Result<Vec<LoggedCommit>> {
        parse_bytes(log.as_bytes())
    }

    fn parse_bytes(log: &[u8]) -> io::Result<Vec<LoggedCommit>> {
        let log: Vec<u8> = log
            .iter()
            .map(|byte| match byte {
                b'|' => 0,
                b'#' => COMMIT,
                byte => *byte,
            })
            .collect();
        // The smallest buffer there is, so that every part comes in pieces.
        Log::new(io::BufReader::with_capacity(1, &log[..])).collect()
    }

    fn change(added: i64, removed: i64, path: &str) -> LoggedChange {
        LoggedChange {
            lines_added: Some(added),
            lines_removed: Some(removed),
            path: path.into(),
            old_path: None,
        }
    }

    #[test]
    fn no_commits() {
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn commits_with_and_without_files() {
        let log = format!(
            "#{A}|{B} {C}|Ada|ada@example.org|12|merge|\
             #{B}|{C}|Ada|ada@example.org|11|two files||1\t2\ta|3\t0\tb c|\
             #{C}||Bob|bob@example.org|10|the first|\n1\t0\ta|"
        );
        let commits = parse(&log).unwrap();
        assert_eq!(commits[0].parents, [B, C]);
        assert_eq!(commits[0].changes, []);
        assert_eq!(commits[1].changes, [change(1, 2, "a"), change(3, 0, "b c")]);
        assert_eq!(
            commits[2],
            LoggedCommit {
                sha: C.to_owned(),
                parents: vec![],
                author_name: b"Bob".to_vec(),
                author_email: b"bob@example.org".to_vec(),
                authored_at: Some(10),
                subject: b"the first".to_vec(),
                changes: vec![change(1, 0, "a")],
            }
        );
        assert_eq!(commits.len(), 3);
    }

    #[test]
    fn renamed_and_binary_files() {
        // The old path looks like a commit, the new one like a file.
        let log = format!("#{A}||||10|||0\t0\t|#{B}|1\t2\tb|-\t-\tlogo.png|-\t-\t|a|b|");
        let changes = &parse(&log).unwrap()[0].changes;
        let renamed = LoggedChange {
            old_path: Some(format!("\u{1e}{B}").into_bytes()),
            ..change(0, 0, "1\t2\tb")
        };
        let binary = LoggedChange { path: b"logo.png".to_vec(), ..LoggedChange::default() };
        let both =
            LoggedChange { path: b"b".to_vec(), old_path: Some(b"a".to_vec()), ..binary.clone() };
        assert_eq!(changes, &[renamed, binary, both]);
    }

    #[test]
    fn bytes_stay_as_they_are() {
        let mut log = format!("#{A}||").into_bytes();
        log.extend(b"\xff \t|\xfe@\n|1|\x01\x7f \"s||1\t1\t\n\t\x80\"|");
        let commits = parse_bytes(&log).unwrap();
        assert_eq!(commits[0].author_name, b"\xff \t");
        assert_eq!(commits[0].author_email, b"\xfe@\n");
        assert_eq!(commits[0].subject, b"\x01\x7f \"s");
        assert_eq!(commits[0].changes[0].path, b"\n\t\x80\"");
    }

    #[test]
    fn times_that_are_none() {
        for (time, expected) in [
            ("0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("", None),
            ("1x", None),
        ] {
            let commits = parse(&format!("#{A}||||{time}||")).unwrap();
            assert_eq!(commits[0].authored_at, expected, "{time:?}");
        }
    }

    #[test]
    fn errors_say_where() {
        for (rest, expected) in [
            ("", "git's log breaks off at commit 1"),
            ("|name", "git's log breaks off at commit 2"),
            ("||||10||4\tb|", "git's log, commit 2: a changed file cannot be read"),
            ("||||10||x\t1\tb|", "git's log, commit 2: a number of lines cannot be read"),
            ("||||10||1\t1\t|old|", "git's log breaks off at commit 2"),
            ("|none|||10||", "git's log, commit 2: its parents cannot be read"),
            ("||||10||#x|", "git's log, commit 3: its object name cannot be read"),
        ] {
            let log = format!("#{A}|{B}|||11||#{B}{rest}");
            assert_eq!(parse(&log).unwrap_err().to_string(), expected, "{rest:?}");
        }
        let log = "warning: this is not a log|";
        let expected = "git's log, commit 1: its object name cannot be read";
        assert_eq!(parse(log).unwrap_err().to_string(), expected);
    }

    #[test]
    fn author_headers() {
        let check = |object: &str, expected: Option<(&str, Option<i64>)>| {
            let expected = expected.map(|(line, time)| (line.as_bytes(), time));
            assert_eq!(author_header(object.as_bytes()), expected);
        };
        check("tree x\nauthor A <a> -5 +0000\n\n", Some(("A <a> -5 +0000", Some(-5))));
        check(
            "author A <a> 99999999999999999999 +0000",
            Some(("A <a> 99999999999999999999 +0000", None)),
        );
        check("author A <\0> 7\n", Some(("A <\0> 7", Some(7))));
        check("author nobody\n", Some(("nobody", None)));
        check("author \n", Some(("", None)));
        check("tree x\n\nauthor A <a> 5 +0000\n", None);
        check("", None);
    }
}
