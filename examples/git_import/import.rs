//! From what git says to entities that refer to each other.

use std::collections::HashMap;

use onetrip::{Error, Handle, Model, UnitOfWork};

use super::model::{AbsentParent, Author, Commit, CommitParent, FileChange};
use super::parse::LoggedCommit;

/// Whether the tables can have some of the rows already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    Empty,
    Filled,
}

/// Adds commits to a unit of work.
pub(crate) struct Import<'u, 'c> {
    uow: &'u mut UnitOfWork<'c>,
    tables: Tables,
    /// By e-mail address, with the name that the author was added under.
    authors: HashMap<Vec<u8>, (Handle<Author>, Vec<u8>)>,
    commits: HashMap<String, Handle<Commit>>,
    /// A parent comes after its children, as a rule: they are linked when all are there.
    parents: Vec<(Handle<Commit>, Vec<String>)>,
    odd: Odd,
}

/// What does not fit its column as it is.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    /// The number of values that are not UTF-8.
    pub(crate) not_utf8: usize,
    /// The commits in whose author line git finds no time.
    pub(crate) without_time: Vec<(Handle<Commit>, String)>,
}

impl<'u, 'c> Import<'u, 'c> {
    pub(crate) fn new(uow: &'u mut UnitOfWork<'c>, tables: Tables) -> Import<'u, 'c> {
        Import {
            uow,
            tables,
            authors: HashMap::new(),
            commits: HashMap::new(),
            parents: Vec::new(),
            odd: Odd::default(),
        }
    }

    /// Adds an entity, unless its row is there already.
    fn put<T: Model>(&mut self, entity: T) -> Result<Handle<T>, Error> {
        match self.tables {
            Tables::Empty => Ok(self.uow.add(entity)),
            Tables::Filled => self.uow.find_or_add(entity),
        }
    }

    /// Adds a commit, its author if that is a new one, and its files.
    pub(crate) fn add(&mut self, logged: LoggedCommit) -> Result<(), Error> {
        let (author, author_name) = self.author(logged.author_email, logged.author_name)?;
        let (author_name, author_name_raw) = author_name.map(|name| self.text(name)).unzip();
        let (subject, subject_raw) = self.text(logged.subject);
        let commit = self.put(Commit {
            id: None,
            sha: logged.sha.clone(),
            author_id: author.into(),
            author_name,
            author_name_raw: author_name_raw.flatten(),
            author_line: None,
            authored_at: logged.authored_at,
            subject,
            subject_raw,
        })?;
        for (number, change) in (1..).zip(logged.changes) {
            let (path, path_raw) = self.text(change.path);
            let (old_path, old_path_raw) = change.old_path.map(|path| self.text(path)).unzip();
            self.put(FileChange {
                id: None,
                commit_id: commit.into(),
                number,
                path,
                path_raw,
                old_path,
                old_path_raw: old_path_raw.flatten(),
                lines_added: change.lines_added,
                lines_removed: change.lines_removed,
            })?;
        }
        if logged.authored_at.is_none() {
            self.odd.without_time.push((commit, logged.sha.clone()));
        }
        if !logged.parents.is_empty() {
            self.parents.push((commit, logged.parents));
        }
        self.commits.insert(logged.sha, commit);
        Ok(())
    }

    /// The author with this e-mail address; also the name, if they are known under another.
    ///
    /// An author who is there already can be there under any name.
    fn author(
        &mut self,
        email: Vec<u8>,
        name: Vec<u8>,
    ) -> Result<(Handle<Author>, Option<Vec<u8>>), Error> {
        let is_sure = self.tables == Tables::Empty;
        if let Some((author, known)) = self.authors.get(&email) {
            return Ok((*author, (name != *known || !is_sure).then_some(name)));
        }
        let (text, raw) = self.text(name.clone());
        let (email_text, email_raw) = self.text(email.clone());
        let author = self.put(Author {
            id: None,
            name: text,
            name_raw: raw,
            known_as: known_as(&email),
            email: email_text,
            email_raw,
        })?;
        self.authors.insert(email, (author, name.clone()));
        Ok((author, (!is_sure).then_some(name)))
    }

    /// The bytes as text, and as they are where the text does not say all.
    fn text(&mut self, bytes: Vec<u8>) -> (String, Option<Vec<u8>>) {
        match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                self.odd.not_utf8 += 1;
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                (text, Some(error.into_bytes()))
            }
        }
    }

    /// Links the commits with their parents.
    pub(crate) fn finish(mut self) -> Result<Odd, Error> {
        for (commit, parents) in std::mem::take(&mut self.parents) {
            for (position, sha) in (1..).zip(parents) {
                match self.commits.get(&sha) {
                    Some(&parent) => {
                        self.put(CommitParent {
                            commit_id: commit.into(),
                            parent_id: parent.into(),
                            position,
                        })?;
                    }
                    None => {
                        self.put(AbsentParent { commit_id: commit.into(), position, sha })?;
                    }
                }
            }
        }
        Ok(self.odd)
    }
}

/// What an author is found by: the e-mail address, where it is a text that fits into an index, and
/// otherwise its size and a hash of its bytes (FNV-1a).
fn known_as(email: &[u8]) -> String {
    match std::str::from_utf8(email) {
        Ok(text) if text.len() <= 1_000 => text.to_owned(),
        _ => {
            let hash =
                email.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
                    (hash ^ u128::from(*byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
                });
            format!("{} bytes, {hash:032x}", email.len())
        }
    }
}
