//! The list of peers, and those that are written in Rust.

mod diesel;
mod driver;
mod onetrip;
mod rust_ef;
mod sea_orm;

use ::onetrip::{Auto, RowByRow};

use crate::inside::Peer;
use crate::support::cli::Failure;
use crate::work::Work;

/// What a peer's process is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// This program, started again.
    Rust,
    /// A script, with a venv of its own for these requirements.
    Python { script: &'static str, requirements: &'static str },
    /// A script for Node.js, with the packages of `node/package.json`.
    Node { script: &'static str },
}

/// A way of doing the work.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// What the versions that matter belong to: crates or packages.
    pub(crate) packages: &'static [&'static str],
    /// The most users that are inserted: it would take too long with more.
    most_users: usize,
    /// Whether it only inserts, since it does the rest as another peer of the list.
    only_inserts: bool,
}

impl Listed {
    pub(crate) fn does(&self, work: Work) -> bool {
        match work {
            Work::Insert(users) => users <= self.most_users,
            Work::Graph | Work::Update | Work::Delete => !self.only_inserts,
        }
    }
}

/// The peer that all others are compared with.
pub(crate) const SELF: &str = "onetrip";

const fn rust(name: &'static str, packages: &'static [&'static str]) -> Listed {
    Listed {
        name,
        program: Program::Rust,
        packages,
        most_users: 10_000,
        only_inserts: false,
    }
}

/// All of them.
pub(crate) const PEERS: &[Listed] = &[
    rust(SELF, &["onetrip"]),
    Listed { most_users: 100, ..rust("onetrip-row-by-row", &["onetrip"]) },
    rust("sql", &["postgres"]),
    Listed { only_inserts: true, ..rust("sql-unnest", &["postgres"]) },
    Listed { only_inserts: true, ..rust("copy", &["postgres"]) },
    rust("diesel", &["diesel"]),
    rust("sea-orm", &["sea-orm", "sqlx-postgres"]),
    Listed {
        most_users: 100,
        only_inserts: true,
        ..rust("sea-orm-nested", &["sea-orm", "sqlx-postgres"])
    },
    rust("rust-ef", &["rust-ef", "rust-ef-postgres"]),
    Listed {
        program: Program::Node { script: "orchid.mjs" },
        ..rust("orchid-orm", &["orchid-orm", "pg"])
    },
    Listed {
        program: Program::Python { script: "sqlalchemy_2.py", requirements: "sqlalchemy-2.txt" },
        ..rust("sqlalchemy", &["SQLAlchemy", "psycopg"])
    },
    Listed {
        program: BATCH_INSERTS,
        only_inserts: true,
        ..rust("batch-inserts", &["sqlalchemy_batch_inserts", "SQLAlchemy", "psycopg2-binary"])
    },
    Listed {
        program: BATCH_INSERTS,
        most_users: 100,
        ..rust("batch-inserts-off", &["SQLAlchemy", "psycopg2-binary"])
    },
];

const BATCH_INSERTS: Program =
    Program::Python { script: "sqlalchemy_1.py", requirements: "sqlalchemy-1.txt" };

/// Connects a peer that is written in Rust.
pub(crate) fn connect(name: &str, url: &str) -> Result<Box<dyn Peer>, Failure> {
    use driver::{Driver, Way};
    Ok(match name {
        SELF => Box::new(onetrip::Onetrip::connect(url, Auto::new().into())?),
        "onetrip-row-by-row" => Box::new(onetrip::Onetrip::connect(url, RowByRow.into())?),
        "sql" => Box::new(Driver::connect(url, Way::Statement)?),
        "sql-unnest" => Box::new(Driver::connect(url, Way::Unnest)?),
        "copy" => Box::new(Driver::connect(url, Way::Copy)?),
        "diesel" => Box::new(diesel::Diesel::connect(url)?),
        "sea-orm" => Box::new(sea_orm::SeaOrm::connect(url, sea_orm::Way::Many)?),
        "sea-orm-nested" => Box::new(sea_orm::SeaOrm::connect(url, sea_orm::Way::Nested)?),
        "rust-ef" => Box::new(rust_ef::RustEf::connect(url)?),
        _ => return Err("no such peer".into()),
    })
}
