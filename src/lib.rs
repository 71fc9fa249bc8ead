#![doc = include_str!("lib_docs.md")]

mod arena;
mod assignments;
mod change_set;
mod connection;
#[cfg(doctest)]
mod doctests;
mod error;
mod flush;
mod flush_plan;
mod graph;
mod handle;
mod identity_map;
mod insert_strategy;
mod journal;
mod model;
mod one_statement;
mod resolution;
mod retry;
mod sql;
mod state;
mod step_by_step;
mod strategy;
mod toposort;
mod unit_of_work;
mod verify;
mod write_back;

pub use bytes::BytesMut;
#[doc(hidden)]
pub use connection::Connection;
pub use connection::{IntoConnection, StatementCache};
pub use error::{BoxError, Error, ErrorKind};
pub use flush::{Bound, Flush, Progress};
pub use flush_plan::{
    Cycles, DeleteStep, FindOrAddStep, FlushPlan, InsertStep, Inserts, OptionalColumn,
    PlannedStatement, PlannedTable, Step, UpdateStep,
};
pub use graph::LoadPlan;
pub use handle::Handle;
pub use insert_strategy::{Batch, Copy, InsertStrategy, RowByRow, Unnest};
#[doc(hidden)]
pub use model::KeyPart;
pub use model::{
    Assigned, Cells, Column, ColumnTypes, DefaultField, Encoder, Field, ForeignKey,
    ForeignKeyColumns, Key, KeyField, KeyValue, Model, NaturalKey, Parameter, QualifiedName,
    Reference, Row, SqlType, Table, Value,
};
#[cfg(feature = "derive")]
pub use onetrip_derive::{Model, Value};
pub use resolution::Upsert;
pub use retry::{Retry, Retrying};
pub use sql::{Params, ResultColumn, ResultRow, Rows};
pub use strategy::{Auto, OneTrip, Reason, Strategy, Way};
pub use unit_of_work::{
    CommitPlan, CommitReport, Culprit, Diagnosis, EntityState, Graph, GraphQuery, Handles,
    Operation, OtherEntity, OtherParty, Query, Relations, SqlStatement, ToMany, ToOne, UnitOfWork,
    ValidCommit,
};
pub use verify::{Problem, ProblemKind, UndeclaredUniqueIndex, Verify, VerifyReport};
