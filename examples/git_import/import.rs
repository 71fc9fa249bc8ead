//! From what git says to entities that refer to each other.

use std::collections::HashMap;

use onetrip::{Handle, UnitOfWork};

use super::model::{AbsentParent, Author, Commit, CommitParent, FileChange};
use super::parse::LoggedCommit;

/// Adds commits to a unit of work.
pub(crate) struct Import<'u, 'c> {
    uow: &'u mut UnitOfWork<'c>,
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
    pub(crate) fn new(uow: &'u mut UnitOfWork<'c>) -> Import<'u, 'c> {
        Import {
            uow,
            authors: HashMap::new(),
            commits: HashMap::new(),
            parents: Vec::new(),
            odd: Odd::default(),
        }
    }

    /// Adds a commit, its author if that is a new one, and its files.
    pub(crate) fn add(&mut self, logged: LoggedCommit) {
        let (author, author_name) = self.author(logged.author_email, logged.author_name);
        let (author_name, author_name_raw) = author_name.map(|name| self.text(name)).unzip();
        let (subject, subject_raw) = self.text(logged.subject);
        let commit = self.uow.add(Commit {
            id: None,
            sha: logged.sha.clone(),
            author_id: author.into(),
            author_name,
            author_name_raw: author_name_raw.flatten(),
            author_line: None,
            authored_at: logged.authored_at,
            subject,
            subject_raw,
        });
        for change in logged.changes {
            let (path, path_raw) = self.text(change.path);
            let (old_path, old_path_raw) = change.old_path.map(|path| self.text(path)).unzip();
            self.uow.add(FileChange {
                id: None,
                commit_id: commit.into(),
                path,
                path_raw,
                old_path,
                old_path_raw: old_path_raw.flatten(),
                lines_added: change.lines_added,
                lines_removed: change.lines_removed,
            });
        }
        if logged.authored_at.is_none() {
            self.odd.without_time.push((commit, logged.sha.clone()));
        }
        if !logged.parents.is_empty() {
            self.parents.push((commit, logged.parents));
        }
        self.commits.insert(logged.sha, commit);
    }

    /// The author with this e-mail address; also the name, if they are known under another.
    fn author(&mut self, email: Vec<u8>, name: Vec<u8>) -> (Handle<Author>, Option<Vec<u8>>) {
        if let Some((author, known)) = self.authors.get(&email) {
            return (*author, (name != *known).then_some(name));
        }
        let (text, raw) = self.text(name.clone());
        let (email_text, email_raw) = self.text(email.clone());
        let author = Author { id: None, name: text, name_raw: raw, email: email_text, email_raw };
        let author = self.uow.add(author);
        self.authors.insert(email, (author, name));
        (author, None)
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
    pub(crate) fn finish(self) -> Odd {
        for (commit, parents) in self.parents {
            for (position, sha) in (1..).zip(parents) {
                match self.commits.get(&sha) {
                    Some(&parent) => {
                        self.uow.add(CommitParent {
                            commit_id: commit.into(),
                            parent_id: parent.into(),
                            position,
                        });
                    }
                    None => {
                        self.uow.add(AbsentParent { commit_id: commit.into(), position, sha });
                    }
                }
            }
        }
        self.odd
    }
}
