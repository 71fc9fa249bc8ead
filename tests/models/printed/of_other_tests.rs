// The models of the schemas of other tests.

pub mod accounts {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "accounts")]
pub struct Accounts {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub owner: String,
    pub balance: i64,
    pub version: i32,
}

// one_row is a table without a key. It has no primary key, and no unique index on columns that are NOT NULL.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "one_row")]
// pub struct OneRow {
//     pub id: Option<i32>,
// }

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Accounts>()
}
}

pub mod courses {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "courses")]
pub struct Courses {
    #[model(key)]
    pub id: Option<i32>,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "enrolments")]
pub struct Enrolments {
    #[model(key)]
    pub student_id: ForeignKey<Students>,
    #[model(key)]
    pub course_id: ForeignKey<Courses>,
    pub grade: Option<i16>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "students")]
pub struct Students {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Courses>()
        .model::<Enrolments>()
        .model::<Students>()
}
}

pub mod tags {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "post_tags")]
pub struct PostTags {
    #[model(key)]
    pub post_id: ForeignKey<Posts>,
    #[model(key)]
    pub tag_id: ForeignKey<Tags>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "posts")]
pub struct Posts {
    #[model(key)]
    pub id: Option<i32>,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tags")]
pub struct Tags {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub name: String,
    pub uses: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<PostTags>()
        .model::<Posts>()
        .model::<Tags>()
}
}

pub mod users {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub email: String,
    pub user_id: ForeignKey<Users>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "users")]
pub struct Users {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Addresses>()
        .model::<Users>()
}
}

pub mod bank {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "accounts")]
pub struct Accounts {
    #[model(key)]
    pub id: i32,
    pub balance: i64,
    pub version: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "transfers")]
pub struct Transfers {
    #[model(key)]
    pub id: Option<i64>,
    pub from_id: ForeignKey<Accounts>,
    pub to_id: ForeignKey<Accounts>,
    pub amount: i64,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Accounts>()
        .model::<Transfers>()
}
}

pub mod demo {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i32>,
    pub email_address: String,
    pub user_id: ForeignKey<Users>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "users")]
pub struct Users {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Addresses>()
        .model::<Users>()
}
}

pub mod git_import {
use onetrip::{ForeignKey, Model, Verify};

/// parents that were not imported
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "absent_parents")]
pub struct AbsentParents {
    #[model(key)]
    pub commit_id: ForeignKey<Commits>,
    #[model(key)]
    pub position: i32,
    pub sha: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "authors")]
pub struct Authors {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    pub name_raw: Option<Vec<u8>>,
    pub email: String,
    pub email_raw: Option<Vec<u8>>,
    /// the e-mail address, or what stands for one that is long
    #[model(unique)]
    pub known_as: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "commit_parents")]
pub struct CommitParents {
    #[model(key)]
    pub commit_id: ForeignKey<Commits>,
    #[model(key)]
    pub parent_id: ForeignKey<Commits>,
    #[model(key)]
    pub position: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "commits")]
pub struct Commits {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub sha: String,
    pub author_id: ForeignKey<Authors>,
    /// where it is not the one in authors
    pub author_name: Option<String>,
    pub author_name_raw: Option<Vec<u8>>,
    /// where git finds no time in it
    pub author_line: Option<Vec<u8>>,
    /// in seconds since 1970
    pub authored_at: Option<i64>,
    pub subject: String,
    pub subject_raw: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "file_changes")]
pub struct FileChanges {
    #[model(key)]
    pub id: Option<i64>,
    #[model(unique)]
    pub commit_id: ForeignKey<Commits>,
    #[model(unique)]
    pub number: i32,
    pub path: String,
    pub path_raw: Option<Vec<u8>>,
    pub old_path: Option<String>,
    pub old_path_raw: Option<Vec<u8>>,
    /// NULL for binary files
    pub lines_added: Option<i64>,
    /// NULL for binary files
    pub lines_removed: Option<i64>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<AbsentParents>()
        .model::<Authors>()
        .model::<CommitParents>()
        .model::<Commits>()
        .model::<FileChanges>()
}
}

pub mod batch_limits {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "triples")]
pub struct Triples {
    #[model(key)]
    pub id: Option<i32>,
    pub number: i32,
    pub text: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Triples>()
}
}

pub mod batch_limits_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "assigned")]
pub struct Assigned {
    #[model(key)]
    pub id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "given")]
pub struct Given {
    #[model(key)]
    pub id: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Assigned>()
        .model::<Given>()
}
}

pub mod batch_limits_3 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "nodes")]
pub struct Nodes {
    #[model(key)]
    pub id: Option<i32>,
    pub label: i32,
    pub parent: Option<ForeignKey<Nodes>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Nodes>()
}
}

pub mod concurrent {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "accounts")]
pub struct Accounts {
    #[model(key)]
    pub id: i32,
    pub owner: String,
    pub balance: i64,
    // The default 1 is not used.
    pub version: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Accounts>()
}
}

pub mod concurrent_2 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "owners")]
pub struct Owners {
    #[model(key)]
    pub id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "things")]
pub struct Things {
    #[model(key)]
    pub id: i32,
    pub owner: Option<ForeignKey<Owners>>,
    pub name: Option<String>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Owners>()
        .model::<Things>()
}
}

pub mod conditions {
use onetrip::{BoxError, BytesMut, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "people")]
pub struct People {
    #[model(key)]
    pub id: Option<i32>,
    pub name: Option<String>,
    #[model(sql_type = "mood")]
    pub mood: Mood,
    pub born: time::Date,
    #[model(sql_type = "code")]
    pub code: String,
    pub tags: serde_json::Value,
    pub key: uuid::Uuid,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Happy,
    Sad,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Happy => "happy",
            Mood::Sad => "sad",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "happy" => Ok(Mood::Happy),
            "sad" => Ok(Mood::Sad),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<People>()
}
}

pub mod conformance_changes {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i32>,
    pub email: String,
    pub user_id: ForeignKey<Users>,
}

// log is a table without a key. It has no primary key, and no unique index on columns that are NOT NULL.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "log")]
// pub struct Log {
//     pub what: Option<String>,
// }

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "users")]
pub struct Users {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub name: String,
    pub age: Option<i32>,
    // The default 0 is not used.
    pub touched: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Addresses>()
        .model::<Users>()
}
}

pub mod conformance_changes_2 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i32>,
    pub email: String,
    pub user_id: ForeignKey<Users>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "users")]
pub struct Users {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub name: String,
    pub age: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Addresses>()
        .model::<Users>()
}
}

pub mod conformance_changes_3 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lines")]
pub struct Lines {
    #[model(key, column("region", "number"))]
    pub orders: ForeignKey<Orders>,
    #[model(key)]
    pub line: i32,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "orders")]
pub struct Orders {
    #[model(key)]
    pub region: String,
    #[model(key)]
    pub number: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Lines>()
        .model::<Orders>()
}
}

pub mod conformance_changes_4 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "projects")]
pub struct Projects {
    #[model(key)]
    pub tenant_id: ForeignKey<Tenants>,
    #[model(key)]
    pub number: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tasks")]
pub struct Tasks {
    #[model(key)]
    pub id: i32,
    pub tenant_id: ForeignKey<Tenants>,
    #[model(column("tenant_id", "project_number"))]
    pub project_number: Option<ForeignKey<Projects>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tenants")]
pub struct Tenants {
    #[model(key)]
    pub id: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Projects>()
        .model::<Tasks>()
        .model::<Tenants>()
}
}

pub mod conformance_changes_5 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "places")]
pub struct Places {
    #[model(key)]
    pub id: Option<i32>,
    pub inside_id: Option<ForeignKey<Places>>,
    pub near_id: Option<ForeignKey<Places>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Places>()
}
}

pub mod conformance_changes_6 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "things")]
pub struct Things {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    // The default 7 is not used, and `None` is NULL.
    pub level: Option<i32>,
    // The default 'none'::text is not used, and `None` is NULL.
    pub note: Option<String>,
    #[model(generated)]
    pub doubled: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Things>()
}
}

pub mod conformance_changes_7 {
use onetrip::{BoxError, BytesMut, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "moods")]
pub struct Moods {
    #[model(key)]
    pub code: String,
    #[model(sql_type = "mood")]
    pub mood: Mood,
    pub tags: Vec<String>,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Calm,
    Cross,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Calm => "calm",
            Mood::Cross => "cross",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "calm" => Ok(Mood::Calm),
            "cross" => Ok(Mood::Cross),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Moods>()
}
}

pub mod conformance_changes_8 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "items")]
pub struct Items {
    #[model(key)]
    pub tenant_id: ForeignKey<Tenants>,
    #[model(key)]
    pub number: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tenants")]
pub struct Tenants {
    #[model(key)]
    pub id: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "uses")]
pub struct Uses {
    #[model(key)]
    pub id: i32,
    #[model(column("tenant_id", "item"))]
    pub items: ForeignKey<Items>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Items>()
        .model::<Tenants>()
        .model::<Uses>()
}
}

pub mod conformance_defaults {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "notes")]
pub struct Notes {
    #[model(key)]
    pub id: Option<i32>,
    pub text: Option<String>,
    #[model(default)]
    pub created: Option<time::OffsetDateTime>,
    // The default 3 is not used, and `None` is NULL.
    pub priority: Option<i32>,
    #[model(generated)]
    pub twice: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Notes>()
}
}

pub mod conformance_defaults_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lists")]
pub struct Lists {
    #[model(key)]
    pub id: Option<i32>,
    pub numbers: Vec<i64>,
    pub words: Option<Vec<String>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Lists>()
}
}

pub mod conformance_defaults_3 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "marks")]
pub struct Marks {
    #[model(key)]
    pub id: Option<i64>,
    // The default 7 is not used.
    pub at: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "ticks")]
pub struct Ticks {
    #[model(key)]
    pub id: Option<i64>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Marks>()
        .model::<Ticks>()
}
}

pub mod conformance_deletes {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "eggs")]
pub struct Eggs {
    #[model(key)]
    pub id: i32,
    pub hen_id: Option<ForeignKey<Hens>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "hens")]
pub struct Hens {
    #[model(key)]
    pub id: i32,
    pub egg_id: ForeignKey<Eggs>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Eggs>()
        .model::<Hens>()
}
}

pub mod conformance_disguises {
use onetrip::{Model, Verify};

// The foreign key c_p_id_fkey of (p_id) to p1 is left out: there is no model of that table here.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "c")]
pub struct C {
    #[model(key)]
    pub id: i32,
    pub p_id: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "p")]
pub struct P {
    #[model(key)]
    pub id: i32,
    pub name: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<C>()
        .model::<P>()
}
}

pub mod conformance_disguises_2 {
use onetrip::{Model, ProblemKind, Verify};

// The foreign key c_slug_fkey of (slug) to p is left out: it refers to other columns than the key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "c")]
pub struct C {
    #[model(key)]
    pub id: i32,
    pub slug: Option<String>,
}

// Unique, too: (slug), by p_slug_key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "p")]
pub struct P {
    #[model(key)]
    pub id: i32,
    pub name: String,
    #[model(generated)]
    pub slug: Option<String>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<C>()
        .model::<P>()
        // No field says this one, so write the row that is referred to in a commit before.
        .accept(ProblemKind::UndeclaredForeignKey, "c.slug")
}
}

pub mod conformance_disguises_3 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "c")]
pub struct C {
    #[model(key)]
    pub id: i32,
    pub p_id: Option<ForeignKey<P>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "p")]
pub struct P {
    #[model(key)]
    pub id: uuid::Uuid,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<C>()
        .model::<P>()
}
}

pub mod conformance_disguises_4 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "s")]
pub struct S {
    #[model(key)]
    pub id: i32,
    pub main: bool,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<S>()
}
}

pub mod conformance_disguises_5 {
use onetrip::{BoxError, BytesMut, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "moods")]
pub struct Moods {
    #[model(key)]
    pub id: i32,
    #[model(sql_type = "mood")]
    pub mood: Mood,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Happy,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Happy => "happy",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "happy" => Ok(Mood::Happy),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Moods>()
}
}

pub mod conformance_disguises_6 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "p")]
pub struct P {
    #[model(key)]
    pub id: i32,
    #[model(unique)]
    pub name: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<P>()
}
}

pub mod conformance_failures {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "moody")]
pub struct Moody {
    #[model(key)]
    pub id: Option<i32>,
    pub value: i32,
    // The default 0 is not used.
    pub back: i64,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Moody>()
}
}

pub mod conformance_fallbacks {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "children")]
pub struct Children {
    #[model(key)]
    pub id: Option<i64>,
    pub parent: ForeignKey<Parents>,
    pub tags: Vec<String>,
    pub scores: Option<Vec<i32>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "parents")]
pub struct Parents {
    #[model(key)]
    pub id: Option<i32>,
    pub label: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Children>()
        .model::<Parents>()
}
}

pub mod conformance_fallbacks_2 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "children")]
pub struct Children {
    #[model(key)]
    pub id: Option<i64>,
    #[model(sql_type = "int8")]
    pub parent: ForeignKey<Parents>,
    pub tags: Vec<String>,
    pub scores: Option<Vec<i64>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "parents")]
pub struct Parents {
    #[model(key)]
    pub id: Option<i32>,
    pub label: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Children>()
        .model::<Parents>()
}
}

pub mod conformance_keys {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lines")]
pub struct Lines {
    #[model(key)]
    pub order_id: ForeignKey<Orders>,
    #[model(key)]
    pub number: i16,
    pub product: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "orders")]
pub struct Orders {
    #[model(key)]
    pub id: Option<i64>,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "shipments")]
pub struct Shipments {
    #[model(key)]
    pub id: Option<i32>,
    #[model(column("order_id", "line_number"))]
    pub lines: ForeignKey<Lines>,
    #[model(column("return_order_id", "return_line_number"))]
    pub lines_2: Option<ForeignKey<Lines>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Lines>()
        .model::<Orders>()
        .model::<Shipments>()
}
}

pub mod conformance_keys_2 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "customers")]
pub struct Customers {
    #[model(key)]
    pub tenant_id: ForeignKey<Tenants>,
    #[model(key)]
    pub id: Option<i64>,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "invoices")]
pub struct Invoices {
    #[model(key)]
    pub tenant_id: ForeignKey<Tenants>,
    #[model(key)]
    pub id: Option<i64>,
    #[model(column("tenant_id", "corrects"))]
    pub corrects: Option<ForeignKey<Invoices>>,
    #[model(column("tenant_id", "customer_id"))]
    pub customer: ForeignKey<Customers>,
    #[model(column("tenant_id", "payer_id"))]
    pub payer: Option<ForeignKey<Customers>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "referrals")]
pub struct Referrals {
    #[model(key, column("tenant_id", "customer_id"))]
    pub customers: ForeignKey<Customers>,
    #[model(key)]
    pub referred_id: i64,
    // The default 5 is not used.
    pub bonus: i32,
    #[model(column("tenant_id", "referred_id"))]
    pub tenant: ForeignKey<Customers>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tenants")]
pub struct Tenants {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Customers>()
        .model::<Invoices>()
        .model::<Referrals>()
        .model::<Tenants>()
}
}

pub mod conformance_keys_3 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "cities")]
pub struct Cities {
    #[model(key)]
    pub id: uuid::Uuid,
    pub country: ForeignKey<Countries>,
    pub twin: Option<ForeignKey<Cities>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "countries")]
pub struct Countries {
    #[model(key)]
    pub code: String,
    pub parent: Option<ForeignKey<Countries>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Cities>()
        .model::<Countries>()
}
}

pub mod conformance_keys_4 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "always")]
pub struct Always {
    #[model(key)]
    pub id: Option<i64>,
    pub label: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "backwards")]
pub struct Backwards {
    #[model(key)]
    pub id: Option<i32>,
    pub label: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "by_default")]
pub struct ByDefault {
    #[model(key)]
    pub id: Option<i32>,
    pub label: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "named")]
pub struct Named {
    #[model(key, sequence = "Ids of \"Named\"")]
    pub id: Option<i64>,
    pub label: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "random")]
pub struct Random {
    #[model(key, default = "gen_random_uuid()")]
    pub id: Option<uuid::Uuid>,
    pub label: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "serial")]
pub struct Serial {
    #[model(key)]
    pub id: Option<i32>,
    pub label: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "small")]
pub struct Small {
    #[model(key)]
    pub id: Option<i16>,
    pub label: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Always>()
        .model::<Backwards>()
        .model::<ByDefault>()
        .model::<Named>()
        .model::<Random>()
        .model::<Serial>()
        .model::<Small>()
}
}

pub mod conformance_keys_5 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "narrow")]
pub struct Narrow {
    #[model(key)]
    pub id: Option<i32>,
    #[model(sql_type = "int2")]
    pub parent: Option<ForeignKey<Narrow>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Narrow>()
}
}

pub mod conformance_keys_6 {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "narrow")]
pub struct Narrow {
    #[model(key, sql_type = "number")]
    pub id: Option<i32>,
    pub parent: Option<ForeignKey<Narrow>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Narrow>()
}
}

pub mod conformance_keys_7 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "loose")]
pub struct Loose {
    #[model(key)]
    pub id: Option<i32>,
    // The default 'nobody'::text is not used, and `None` is NULL.
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "orders")]
pub struct Orders {
    #[model(key)]
    pub id: Option<i64>,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "serial")]
pub struct Serial {
    #[model(key)]
    pub id: Option<i32>,
    pub label: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Loose>()
        .model::<Orders>()
        .model::<Serial>()
}
}

pub mod conformance_lifecycle {
use onetrip::{Model, Verify};

// Unique, too: (name), by accounts_name_key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "accounts")]
pub struct Accounts {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    // The default 5 is not used, and `None` is NULL.
    pub stamp: Option<i32>,
    pub version: i64,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Accounts>()
}
}

pub mod conformance_marks {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "notes")]
pub struct Notes {
    #[model(key)]
    pub id: Option<i32>,
    pub page: ForeignKey<Pages>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "pages")]
pub struct Pages {
    #[model(key)]
    pub id: Option<i32>,
    pub text: String,
    // The default 0 is not used.
    pub position: i32,
    // The default 1 is not used.
    pub version: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Notes>()
        .model::<Pages>()
}
}

pub mod conformance_names {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "wrong")]
pub struct Wrong {
    #[model(key)]
    pub id: i32,
    pub ratio: f64,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Wrong>()
}
}

pub mod conformance_natural {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "post_tags")]
pub struct PostTags {
    #[model(key)]
    pub post_id: ForeignKey<Posts>,
    #[model(key)]
    pub tag_id: ForeignKey<Tags>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "posts")]
pub struct Posts {
    #[model(key)]
    pub id: Option<i32>,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tags")]
pub struct Tags {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub name: String,
    pub uses: i32,
    // The default 'new'::text is not used, and `None` is NULL.
    pub note: Option<String>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<PostTags>()
        .model::<Posts>()
        .model::<Tags>()
}
}

pub mod conformance_natural_2 {
use onetrip::{BoxError, BytesMut, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "kinds")]
pub struct Kinds {
    #[model(key)]
    pub id: Option<i64>,
    #[model(unique)]
    pub number: i16,
    #[model(unique)]
    pub code: uuid::Uuid,
    #[model(sql_type = "mood")]
    pub mood: Option<Mood>,
    pub list: Vec<String>,
    #[model(generated)]
    pub twice: Option<i32>,
    // The default 0.5 is not used, and `None` is NULL.
    pub made: Option<f64>,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Happy,
    Sad,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Happy => "happy",
            Mood::Sad => "sad",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "happy" => Ok(Mood::Happy),
            "sad" => Ok(Mood::Sad),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Kinds>()
}
}

pub mod conformance_steps {
use onetrip::{Model, ProblemKind, Verify};

// The foreign key notes_code_fkey of (code) to parents is left out: it refers to other columns than the key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "notes")]
pub struct Notes {
    #[model(key)]
    pub id: Option<i32>,
    pub code: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "parents")]
pub struct Parents {
    #[model(key)]
    pub id: Option<i32>,
    #[model(unique)]
    pub code: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Notes>()
        .model::<Parents>()
        // No field says this one, so write the row that is referred to in a commit before.
        .accept(ProblemKind::UndeclaredForeignKey, "notes.code")
}
}

pub mod conformance_steps_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "b0")]
pub struct B0 {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "d0")]
pub struct D0 {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "g")]
pub struct G {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "i0")]
pub struct I0 {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "k")]
pub struct K {
    #[model(key)]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "l")]
pub struct L {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "r")]
pub struct R {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "t")]
pub struct T {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "u0")]
pub struct U0 {
    #[model(key, sequence = "k_id_seq")]
    pub id: Option<i32>,
    pub v0: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<B0>()
        .model::<D0>()
        .model::<G>()
        .model::<I0>()
        .model::<K>()
        .model::<L>()
        .model::<R>()
        .model::<T>()
        .model::<U0>()
}
}

pub mod conformance_steps_3 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "wide")]
pub struct Wide {
    #[model(key)]
    pub id: i32,
    // The default '-1'::integer is not used, and `None` is NULL.
    pub a: Option<i32>,
    // The default '-2'::integer is not used, and `None` is NULL.
    pub b: Option<i32>,
    // The default '-3'::integer is not used, and `None` is NULL.
    pub c: Option<i32>,
    // The default '-4'::integer is not used, and `None` is NULL.
    pub d: Option<i32>,
    // The default '-5'::integer is not used, and `None` is NULL.
    pub e: Option<i32>,
    // The default '-6'::integer is not used, and `None` is NULL.
    pub f: Option<i32>,
    // The default '-7'::integer is not used, and `None` is NULL.
    pub g: Option<i32>,
    // The default '-8'::integer is not used, and `None` is NULL.
    pub h: Option<i32>,
    // The default '-9'::integer is not used, and `None` is NULL.
    pub i: Option<i32>,
    // The default '-10'::integer is not used, and `None` is NULL.
    pub j: Option<i32>,
    // The default '-11'::integer is not used, and `None` is NULL.
    pub k: Option<i32>,
    // The default '-12'::integer is not used, and `None` is NULL.
    pub l: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Wide>()
}
}

pub mod conformance_steps_4 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "flags")]
pub struct Flags {
    #[model(key)]
    pub id: i32,
    #[model(unique)]
    pub flag: bool,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Flags>()
}
}

pub mod conformance_steps_5 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "grids")]
pub struct Grids {
    #[model(key)]
    pub id: i32,
    pub cells: Vec<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Grids>()
}
}

pub mod custom_strategy {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "User \"accounts\"")]
pub struct UserAccounts {
    #[model(key, column = "Id")]
    pub id: Option<i32>,
    #[model(unique, column = "full name")]
    pub full_name: String,
    // The default 7 is not used.
    pub score: i32,
    pub mentor: Option<ForeignKey<UserAccounts>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i64>,
    pub email: String,
    pub owner: ForeignKey<UserAccounts>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<UserAccounts>()
        .model::<Addresses>()
}
}

pub mod derive {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "articles")]
pub struct Articles {
    #[model(key)]
    pub id: Option<i32>,
    pub title: String,
    #[model(generated)]
    pub length: Option<i32>,
    #[model(column = "first letter")]
    pub first_letter: Option<String>,
    pub version: i16,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Articles>()
}
}

pub mod fuzzels {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "odd")]
pub struct Odd {
    #[model(key)]
    pub id: Option<i32>,
    pub text: Option<String>,
    pub parent: Option<ForeignKey<Odd>>,
    // The default 5 is not used, and `None` is NULL.
    pub number: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Odd>()
}
}

pub mod graphs_kinds {
use onetrip::{BoxError, BytesMut, ForeignKey, KeyValue, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "entries")]
pub struct Entries {
    #[model(key)]
    pub id: i16,
    pub person: ForeignKey<People>,
    pub mood: Option<ForeignKey<Moods>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "moods")]
pub struct Moods {
    #[model(key, sql_type = "mood")]
    pub label: Mood,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "people")]
pub struct People {
    #[model(key, sql_type = "folded")]
    pub name: String,
    pub mentor: Option<ForeignKey<People>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "remarks")]
pub struct Remarks {
    #[model(key)]
    pub id: Option<i32>,
    #[model(sql_type = "int8")]
    pub entry_id: ForeignKey<Entries>,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Sad,
    Ok,
    Happy,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Sad => "sad",
            Mood::Ok => "ok",
            Mood::Happy => "happy",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "sad" => Ok(Mood::Sad),
            "ok" => Ok(Mood::Ok),
            "happy" => Ok(Mood::Happy),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

impl KeyValue for Mood {}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Entries>()
        .model::<Moods>()
        .model::<People>()
        .model::<Remarks>()
}
}

pub mod graphsels {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i32>,
    pub customer_id: ForeignKey<Customers>,
    pub street: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "customers")]
pub struct Customers {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    pub region: String,
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lines")]
pub struct Lines {
    #[model(key)]
    pub id: Option<i64>,
    pub product_id: Option<ForeignKey<Products>>,
    pub quantity: i32,
    #[model(column("shop", "order_number"))]
    pub orders: ForeignKey<Orders>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "orders")]
pub struct Orders {
    #[model(key)]
    pub shop: String,
    #[model(key)]
    pub number: i64,
    pub customer_id: ForeignKey<Customers>,
    pub billed_to: Option<ForeignKey<Addresses>>,
    pub sent_to: Option<ForeignKey<Addresses>>,
    pub total: i64,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "products")]
pub struct Products {
    #[model(key)]
    pub code: String,
    pub price: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Addresses>()
        .model::<Customers>()
        .model::<Lines>()
        .model::<Orders>()
        .model::<Products>()
}
}

pub mod graphs_trees {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "files")]
pub struct Files {
    #[model(key)]
    pub id: Option<i32>,
    pub folder_id: ForeignKey<Folders>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "folders")]
pub struct Folders {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    pub parent: Option<ForeignKey<Folders>>,
    // As text: json.
    #[model(sql_type = "json")]
    pub extra: Option<String>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Files>()
        .model::<Folders>()
}
}

pub mod loading {
use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "addresses")]
pub struct Addresses {
    #[model(key)]
    pub id: Option<i64>,
    pub n: String,
    pub user_id: ForeignKey<Users>,
    pub other: Option<ForeignKey<Users>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lines")]
pub struct Lines {
    #[model(key)]
    pub id: Option<i32>,
    #[model(column("user_id", "order_number"))]
    pub orders: Option<ForeignKey<Orders>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "orders")]
pub struct Orders {
    #[model(key)]
    pub user_id: ForeignKey<Users>,
    #[model(key)]
    pub number: i32,
    pub total: i64,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "users")]
pub struct Users {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    pub friend: Option<ForeignKey<Users>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Addresses>()
        .model::<Lines>()
        .model::<Orders>()
        .model::<Users>()
}
}

pub mod type_lookups {
use onetrip::{BoxError, BytesMut, ForeignKey, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "owners")]
pub struct Owners {
    #[model(key, sql_type = "positive")]
    pub id: i32,
    #[model(sql_type = "code")]
    pub code: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "things")]
pub struct Things {
    #[model(key)]
    pub id: Option<i32>,
    pub owner: ForeignKey<Owners>,
    // The default 'sad'::mood is not used, and `None` is NULL.
    #[model(sql_type = "mood")]
    pub mood: Option<Mood>,
    // The default '{happy,sad}'::mood[] is not used, and `None` is NULL.
    #[model(sql_type = "_mood")]
    pub moods: Option<Vec<Mood>>,
    // The default 'c'::text is not used, and `None` is NULL.
    #[model(sql_type = "code")]
    pub code: Option<String>,
    // As text: pair.
    #[model(default, sql_type = "pair")]
    pub pair: Option<Option<String>>,
    // The default 7 is not used, and `None` is NULL.
    pub number: Option<i32>,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Happy,
    Sad,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Happy => "happy",
            Mood::Sad => "sad",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "happy" => Ok(Mood::Happy),
            "sad" => Ok(Mood::Sad),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Owners>()
        .model::<Things>()
}
}

pub mod types_calendar {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "fine")]
pub struct Fine {
    #[model(key)]
    pub id: i32,
    pub std: time::OffsetDateTime,
    pub chrono_time: time::Time,
    pub chrono_plain: time::PrimitiveDateTime,
    pub chrono_utc: time::OffsetDateTime,
    pub time_time: time::Time,
    pub time_plain: time::PrimitiveDateTime,
    pub time_utc: time::OffsetDateTime,
    pub jiff_time: time::Time,
    pub jiff_plain: time::PrimitiveDateTime,
    pub jiff_utc: time::OffsetDateTime,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Fine>()
}
}

pub mod types_calendar_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "leaps")]
pub struct Leaps {
    #[model(key)]
    pub id: i32,
    pub time: time::Time,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Leaps>()
}
}

pub mod types_features {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "documents")]
pub struct Documents {
    #[model(key)]
    pub id: i32,
    // As text: json.
    #[model(sql_type = "json")]
    pub json: String,
    // As text: json.
    #[model(sql_type = "json")]
    pub maybe: Option<String>,
    // As texts: json.
    #[model(sql_type = "_json")]
    pub list: Vec<String>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Documents>()
}
}

pub mod types_features_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "prices")]
pub struct Prices {
    #[model(key)]
    pub id: i32,
    pub price: rust_decimal::Decimal,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Prices>()
}
}

pub mod types_generated {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "generated")]
pub struct Generated {
    #[model(key)]
    pub id: i32,
    pub tiny: i8,
    pub small: i16,
    pub normal: i32,
    pub big: i64,
    pub single: f32,
    pub double: f64,
    pub text: Option<String>,
    pub bytes: Vec<u8>,
    pub texts: Vec<String>,
    pub numbers: Option<Vec<i64>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Generated>()
}
}

pub mod types_text {
use onetrip::{BoxError, BytesMut, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lists")]
pub struct Lists {
    #[model(key)]
    pub id: i32,
    pub varchars: Vec<String>,
    #[model(sql_type = "_mood")]
    pub moods: Option<Vec<Mood>>,
}

/// A value of the enum `mood`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    Happy,
    Sad,
}

impl Value for Mood {
    const TYPE: SqlType = SqlType::TEXT;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        let label = match self {
            Mood::Happy => "happy",
            Mood::Sad => "sad",
        };
        out.extend_from_slice(label.as_bytes());
        Ok(())
    }

    fn decode(raw: &[u8]) -> Result<Mood, BoxError> {
        match std::str::from_utf8(raw)? {
            "happy" => Ok(Mood::Happy),
            "sad" => Ok(Mood::Sad),
            _ => Err("a label that this program does not know".into()),
        }
    }
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Lists>()
}
}

pub mod values {
use onetrip::{BoxError, BytesMut, KeyValue, Model, SqlType, Value, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "codes")]
pub struct Codes {
    #[model(key)]
    pub code: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "prices")]
pub struct Prices {
    #[model(key)]
    pub amount: NumericKey,
}

/// A value of type `numeric` that is a key, or part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NumericKey(pub rust_decimal::Decimal);

impl Value for NumericKey {
    const TYPE: SqlType = <rust_decimal::Decimal as Value>::TYPE;

    fn encode(&self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.0.encode(out)
    }

    fn decode(raw: &[u8]) -> Result<NumericKey, BoxError> {
        <rust_decimal::Decimal as Value>::decode(raw).map(NumericKey)
    }
}

impl KeyValue for NumericKey {}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Codes>()
        .model::<Prices>()
}
}

pub mod values_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "rounded")]
pub struct Rounded {
    #[model(key)]
    pub id: i32,
    pub amount: Option<rust_decimal::Decimal>,
    // The default 7 is not used, and `None` is NULL.
    #[model(sql_type = "cents")]
    pub cents: Option<i64>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Rounded>()
}
}

pub mod verify_columns {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "typed")]
pub struct Typed {
    #[model(key)]
    pub id: i32,
    pub number: i32,
    pub text: String,
    pub texts: Vec<String>,
    pub mood: String,
    pub moods: Vec<String>,
    // As text: json.
    #[model(sql_type = "json")]
    pub json: String,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Typed>()
}
}

pub mod verify_columns_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tasks")]
pub struct Tasks {
    #[model(key)]
    pub id: i32,
    // The default 1 is not used.
    pub priority: i32,
    pub due: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Tasks>()
}
}

pub mod verify_columns_3 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tasks")]
pub struct Tasks {
    #[model(key)]
    pub id: i32,
    // The default 3 is not used.
    #[model(sql_type = "soon")]
    pub priority: i32,
    #[model(default)]
    pub due: Option<Option<i32>>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Tasks>()
}
}

pub mod verify_columns_4 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "users")]
pub struct Users {
    #[model(key)]
    pub id: Option<i32>,
    pub name: String,
    pub nickname: Option<String>,
    pub age: i32,
    pub born: Option<time::Date>,
    #[model(default)]
    pub seen: Option<time::Date>,
    #[model(generated)]
    pub number: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Users>()
}
}

pub mod verify_keys {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "lines")]
pub struct Lines {
    #[model(key)]
    pub order_id: i32,
    #[model(key, unique)]
    pub number: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Lines>()
}
}

pub mod verify_keys_2 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "shared")]
pub struct Shared {
    #[model(key, sequence = "all_ids")]
    pub id: Option<i64>,
    pub parent: i16,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Shared>()
}
}

pub mod verify_keys_3 {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "shared")]
pub struct Shared {
    #[model(key, default = "(nextval('shared_id_seq'::regclass) * 10)")]
    pub id: Option<i64>,
    pub parent: i32,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Shared>()
}
}

pub mod verify_natural_keys {
use onetrip::{Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tags")]
pub struct Tags {
    #[model(key)]
    pub name: String,
    #[model(default)]
    pub id: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Tags>()
}
}

pub mod verify_natural_keys_2 {
use onetrip::{Model, Verify};

// Unique, too: (id), by tags_id_key.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "tags")]
pub struct Tags {
    #[model(key)]
    pub name: String,
    #[model(default)]
    pub id: Option<i32>,
    pub page: Option<i32>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Tags>()
}
}

pub fn all() -> Vec<(&'static str, onetrip::Verify)> {
    vec![
        ("accounts", accounts::verify()),
        ("courses", courses::verify()),
        ("tags", tags::verify()),
        ("users", users::verify()),
        ("bank", bank::verify()),
        ("demo", demo::verify()),
        ("git_import", git_import::verify()),
        ("batch_limits", batch_limits::verify()),
        ("batch_limits_2", batch_limits_2::verify()),
        ("batch_limits_3", batch_limits_3::verify()),
        ("concurrent", concurrent::verify()),
        ("concurrent_2", concurrent_2::verify()),
        ("conditions", conditions::verify()),
        ("conformance_changes", conformance_changes::verify()),
        ("conformance_changes_2", conformance_changes_2::verify()),
        ("conformance_changes_3", conformance_changes_3::verify()),
        ("conformance_changes_4", conformance_changes_4::verify()),
        ("conformance_changes_5", conformance_changes_5::verify()),
        ("conformance_changes_6", conformance_changes_6::verify()),
        ("conformance_changes_7", conformance_changes_7::verify()),
        ("conformance_changes_8", conformance_changes_8::verify()),
        ("conformance_defaults", conformance_defaults::verify()),
        ("conformance_defaults_2", conformance_defaults_2::verify()),
        ("conformance_defaults_3", conformance_defaults_3::verify()),
        ("conformance_deletes", conformance_deletes::verify()),
        ("conformance_disguises", conformance_disguises::verify()),
        ("conformance_disguises_2", conformance_disguises_2::verify()),
        ("conformance_disguises_3", conformance_disguises_3::verify()),
        ("conformance_disguises_4", conformance_disguises_4::verify()),
        ("conformance_disguises_5", conformance_disguises_5::verify()),
        ("conformance_disguises_6", conformance_disguises_6::verify()),
        ("conformance_failures", conformance_failures::verify()),
        ("conformance_fallbacks", conformance_fallbacks::verify()),
        ("conformance_fallbacks_2", conformance_fallbacks_2::verify()),
        ("conformance_keys", conformance_keys::verify()),
        ("conformance_keys_2", conformance_keys_2::verify()),
        ("conformance_keys_3", conformance_keys_3::verify()),
        ("conformance_keys_4", conformance_keys_4::verify()),
        ("conformance_keys_5", conformance_keys_5::verify()),
        ("conformance_keys_6", conformance_keys_6::verify()),
        ("conformance_keys_7", conformance_keys_7::verify()),
        ("conformance_lifecycle", conformance_lifecycle::verify()),
        ("conformance_marks", conformance_marks::verify()),
        ("conformance_names", conformance_names::verify()),
        ("conformance_natural", conformance_natural::verify()),
        ("conformance_natural_2", conformance_natural_2::verify()),
        ("conformance_steps", conformance_steps::verify()),
        ("conformance_steps_2", conformance_steps_2::verify()),
        ("conformance_steps_3", conformance_steps_3::verify()),
        ("conformance_steps_4", conformance_steps_4::verify()),
        ("conformance_steps_5", conformance_steps_5::verify()),
        ("custom_strategy", custom_strategy::verify()),
        ("derive", derive::verify()),
        ("fuzzels", fuzzels::verify()),
        ("graphs_kinds", graphs_kinds::verify()),
        ("graphsels", graphsels::verify()),
        ("graphs_trees", graphs_trees::verify()),
        ("loading", loading::verify()),
        ("type_lookups", type_lookups::verify()),
        ("types_calendar", types_calendar::verify()),
        ("types_calendar_2", types_calendar_2::verify()),
        ("types_features", types_features::verify()),
        ("types_features_2", types_features_2::verify()),
        ("types_generated", types_generated::verify()),
        ("types_text", types_text::verify()),
        ("values", values::verify()),
        ("values_2", values_2::verify()),
        ("verify_columns", verify_columns::verify()),
        ("verify_columns_2", verify_columns_2::verify()),
        ("verify_columns_3", verify_columns_3::verify()),
        ("verify_columns_4", verify_columns_4::verify()),
        ("verify_keys", verify_keys::verify()),
        ("verify_keys_2", verify_keys_2::verify()),
        ("verify_keys_3", verify_keys_3::verify()),
        ("verify_natural_keys", verify_natural_keys::verify()),
        ("verify_natural_keys_2", verify_natural_keys_2::verify()),
    ]
}
