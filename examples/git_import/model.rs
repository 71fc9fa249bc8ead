//! The tables and their models.

use onetrip::{ForeignKey, Model};

use super::support::database::Schema;

/// Models and statements name it.
pub(crate) const SCHEMA: Schema = Schema::new("onetrip_git");

pub(crate) const TABLES: &str = "
    CREATE TABLE authors (
        id serial PRIMARY KEY,
        name text NOT NULL,
        name_raw bytea,
        email text NOT NULL,
        email_raw bytea,
        known_as text NOT NULL UNIQUE,
        -- Unique as the bytes that they are. Exclusion by hash rather than UNIQUE, which is a
        -- B-tree and refuses values of more than some 2,700 bytes.
        EXCLUDE USING hash (email WITH =) WHERE (email_raw IS NULL),
        EXCLUDE USING hash (email_raw WITH =) WHERE (email_raw IS NOT NULL)
    );
    CREATE TABLE commits (
        id serial PRIMARY KEY,
        sha text NOT NULL UNIQUE,
        author_id integer NOT NULL REFERENCES authors,
        author_name text,
        author_name_raw bytea,
        author_line bytea,
        authored_at bigint,
        subject text NOT NULL,
        subject_raw bytea
    );
    CREATE TABLE commit_parents (
        commit_id integer REFERENCES commits,
        parent_id integer REFERENCES commits,
        position integer,
        PRIMARY KEY (commit_id, parent_id, position)
    );
    CREATE TABLE absent_parents (
        commit_id integer REFERENCES commits,
        position integer,
        sha text NOT NULL,
        PRIMARY KEY (commit_id, position)
    );
    CREATE TABLE file_changes (
        id bigserial PRIMARY KEY,
        commit_id integer NOT NULL REFERENCES commits,
        number integer NOT NULL,
        path text NOT NULL,
        path_raw bytea,
        old_path text,
        old_path_raw bytea,
        lines_added bigint,
        lines_removed bigint,
        UNIQUE (commit_id, number)
    );
    COMMENT ON COLUMN authors.known_as IS 'the e-mail address, or what stands for one that is long';
    COMMENT ON COLUMN commits.author_name IS 'where it is not the one in authors';
    COMMENT ON COLUMN commits.author_line IS 'where git finds no time in it';
    COMMENT ON COLUMN commits.authored_at IS 'in seconds since 1970';
    COMMENT ON TABLE absent_parents IS 'parents that were not imported';
    COMMENT ON COLUMN file_changes.lines_added IS 'NULL for binary files';
    COMMENT ON COLUMN file_changes.lines_removed IS 'NULL for binary files'";

/// Somebody with an e-mail address, under the name of the newest commit.
#[derive(Model, Clone)]
#[model(schema = "onetrip_git", table = "authors")]
pub(crate) struct Author {
    #[model(key)]
    pub(crate) id: Option<i32>,
    pub(crate) name: String,
    pub(crate) name_raw: Option<Vec<u8>>,
    pub(crate) email: String,
    pub(crate) email_raw: Option<Vec<u8>>,
    /// What an author is found by when a repository is imported again.
    #[model(unique)]
    pub(crate) known_as: String,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_git", table = "commits")]
pub(crate) struct Commit {
    #[model(key)]
    pub(crate) id: Option<i32>,
    #[model(unique)]
    pub(crate) sha: String,
    pub(crate) author_id: ForeignKey<Author>,
    /// Where it is not that of the author.
    pub(crate) author_name: Option<String>,
    pub(crate) author_name_raw: Option<Vec<u8>>,
    /// The whole line of the commit, where git finds no time in it.
    pub(crate) author_line: Option<Vec<u8>>,
    pub(crate) authored_at: Option<i64>,
    pub(crate) subject: String,
    pub(crate) subject_raw: Option<Vec<u8>>,
}

/// The position is part of the key because a commit can have the same parent twice.
#[derive(Model, Clone)]
#[model(schema = "onetrip_git", table = "commit_parents")]
pub(crate) struct CommitParent {
    #[model(key, unique)]
    pub(crate) commit_id: ForeignKey<Commit>,
    #[model(key, unique)]
    pub(crate) parent_id: ForeignKey<Commit>,
    #[model(key, unique)]
    pub(crate) position: i32,
}

/// A parent that was not imported: it lies beyond the limit.
#[derive(Model, Clone)]
#[model(schema = "onetrip_git", table = "absent_parents")]
pub(crate) struct AbsentParent {
    #[model(key, unique)]
    pub(crate) commit_id: ForeignKey<Commit>,
    #[model(key, unique)]
    pub(crate) position: i32,
    pub(crate) sha: String,
}

#[derive(Model, Clone)]
#[model(schema = "onetrip_git", table = "file_changes")]
pub(crate) struct FileChange {
    #[model(key)]
    pub(crate) id: Option<i64>,
    #[model(unique)]
    pub(crate) commit_id: ForeignKey<Commit>,
    /// The position among the changes of the commit, counted from 1.
    #[model(unique)]
    pub(crate) number: i32,
    pub(crate) path: String,
    pub(crate) path_raw: Option<Vec<u8>>,
    /// Where the commit renamed the file.
    pub(crate) old_path: Option<String>,
    pub(crate) old_path_raw: Option<Vec<u8>>,
    /// `None` for binary files.
    pub(crate) lines_added: Option<i64>,
    pub(crate) lines_removed: Option<i64>,
}
