//! What a unit of work sends, to the letter, and what it makes of the answers: without a server.

mod changes;
mod faults;
mod graphs;
mod identity;
mod own_sql;
mod plans;
mod savepoints;
mod sequences;
mod statements;
mod states;
mod transactions;

use super::UnitOfWork;
use crate::connection::Connection;
use crate::connection::recording::Recording;
use crate::insert_strategy::{Batch, RowByRow};
use crate::model::{
    Assigned, Column, Encoder, ForeignKey, Model, NaturalKey, QualifiedName, Reference, Row,
    SqlType, Table,
};
use crate::sql::Rows;
use crate::strategy::{OneTrip, Strategy};

/// A model by hand: the derive writes `::onetrip::…`, which is another crate in here.
macro_rules! model {
    (
        $name:ident { $($field:ident: $ty:ty = [$($column:literal),*]),* $(,)? }
        key $key:ty = |$this:ident| $key_of:expr;
        table $table:expr;
        $($position:literal => $role:ident $source:ident $part:literal),* $(,)?
    ) => {
        #[derive(Clone, Debug, PartialEq)]
        pub(super) struct $name {
            $(pub(super) $field: $ty,)*
        }

        impl Model for $name {
            type Key = $key;

            fn table() -> &'static Table {
                static TABLE: Table = $table;
                &TABLE
            }

            fn key(&self) -> Option<$key> {
                let $this = self;
                $key_of
            }

            fn encode(&self, column: usize, out: &mut Encoder<'_>) {
                match column {
                    $($position => out.$role(&self.$source, $part),)*
                    _ => {}
                }
            }

            fn decode(row: &Row<'_>) -> Result<$name, crate::Error> {
                Ok($name { $($field: row.get(&[$($column),*])?,)* })
            }

            fn update(&mut self, row: &Row<'_>) -> Result<(), crate::Error> {
                $(row.update(&[$($column),*], &mut self.$field)?;)*
                Ok(())
            }
        }
    };
}

const SERIAL: Column = Column::new("id", SqlType::INT4).assigned(Assigned::OwnedSequence);

model! {
    User { id: Option<i32> = [0], name: String = [1] }
    key i32 = |user| user.id;
    table Table::new("users", &[SERIAL, Column::new("name", SqlType::TEXT)], &[0]);
    0 => key id 0, 1 => put name 0,
}

model! {
    Address { id: Option<i32> = [0], email: String = [1], user_id: ForeignKey<User> = [2] }
    key i32 = |address| address.id;
    table Table::new(
        "addresses",
        &[SERIAL, Column::new("email", SqlType::TEXT), Column::new("user_id", SqlType::INT4)],
        &[0],
    )
    .references(&[Reference::to::<User>(&[2])]);
    0 => key id 0, 1 => put email 0, 2 => put user_id 0,
}

model! {
    Member { id: Option<i32> = [0], name: String = [1], visits: i32 = [2] }
    key i32 = |member| member.id;
    table Table::new(
        "members",
        &[SERIAL, Column::new("name", SqlType::TEXT), Column::new("visits", SqlType::INT4)],
        &[0],
    )
    .natural_keys(&[NaturalKey::new(&[1])]);
    0 => key id 0, 1 => put name 0, 2 => put visits 0,
}

model! {
    Pass { id: Option<i32> = [0], member: ForeignKey<Member> = [1] }
    key i32 = |pass| pass.id;
    table Table::new("passes", &[SERIAL, Column::new("member", SqlType::INT4)], &[0])
        .references(&[Reference::to::<Member>(&[1])]);
    0 => key id 0, 1 => put member 0,
}

model! {
    Node { id: Option<i32> = [0], parent: Option<ForeignKey<Node>> = [1] }
    key i32 = |node| node.id;
    table Table::new("nodes", &[SERIAL, Column::new("parent", SqlType::INT4)], &[0])
        .references(&[Reference::to::<Node>(&[1])]);
    0 => key id 0, 1 => put parent 0,
}

model! {
    Department { id: Option<i32> = [0], head: Option<ForeignKey<Employee>> = [1] }
    key i32 = |department| department.id;
    table Table::new("departments", &[SERIAL, Column::new("head", SqlType::INT4)], &[0])
        .references(&[Reference::to::<Employee>(&[1])]);
    0 => key id 0, 1 => put head 0,
}

model! {
    Employee { id: Option<i32> = [0], department: ForeignKey<Department> = [1] }
    key i32 = |employee| employee.id;
    table Table::new("employees", &[SERIAL, Column::new("department", SqlType::INT4)], &[0])
        .references(&[Reference::to::<Department>(&[1])]);
    0 => key id 0, 1 => put department 0,
}

model! {
    Note { id: Option<i32> = [0], text: Option<String> = [1], score: Option<i32> = [2] }
    key i32 = |note| note.id;
    table Table::new(
        "notes",
        &[
            SERIAL,
            Column::new("text", SqlType::TEXT),
            Column::new("score", SqlType::INT4).server_default(),
        ],
        &[0],
    );
    0 => key id 0, 1 => put text 0, 2 => put_or_default score 0,
}

model! {
    Line { order_id: ForeignKey<User> = [0], number: i16 = [1], product: String = [2] }
    key (i32, i16) = |line| line.order_id.key().map(|&order| (order, line.number));
    table Table::new(
        "lines",
        &[
            Column::new("order_id", SqlType::INT4),
            Column::new("number", SqlType::INT2),
            Column::new("product", SqlType::TEXT),
        ],
        &[0, 1],
    )
    .references(&[Reference::to::<User>(&[0])]);
    0 => key order_id 0, 1 => key number 0, 2 => put product 0,
}

model! {
    Shipment {
        id: Option<i32> = [0],
        line: ForeignKey<Line> = [1, 2],
        returned: Option<ForeignKey<Line>> = [3, 4],
    }
    key i32 = |shipment| shipment.id;
    table Table::new(
        "shipments",
        &[
            SERIAL,
            Column::new("order_id", SqlType::INT4),
            Column::new("number", SqlType::INT2),
            Column::new("returned_order_id", SqlType::INT4),
            Column::new("returned_number", SqlType::INT2),
        ],
        &[0],
    )
    .references(&[Reference::to::<Line>(&[1, 2]), Reference::to::<Line>(&[3, 4])]);
    0 => key id 0, 1 => put line 0, 2 => put line 1, 3 => put returned 0, 4 => put returned 1,
}

model! {
    Person { email: String = [0], mood: Option<String> = [1], friend: Option<ForeignKey<Person>> = [2] }
    key String = |person| Some(person.email.clone());
    table Table::new(
        "people",
        &[
            Column::new("email", SqlType::TEXT).sql_type(QualifiedName::new("citext")),
            Column::new("mood", SqlType::TEXT)
                .sql_type(QualifiedName::in_schema("my types", "Mood"))
                .server_default(),
            Column::new("friend", SqlType::TEXT),
        ],
        &[0],
    )
    .references(&[Reference::to::<Person>(&[2])]);
    0 => key email 0, 1 => put_or_default mood 0, 2 => put friend 0,
}

model! {
    Odd { id: Option<i64> = [0], select: i32 = [1] }
    key i64 = |odd| odd.id;
    table Table::new(
        "or\"der",
        &[
            Column::new("Id $1", SqlType::INT8)
                .assigned(Assigned::Sequence(QualifiedName::new("it's \\ \"a\" sequence"))),
            Column::new("select", SqlType::INT4),
        ],
        &[0],
    )
    .schema("a.B");
    0 => key id 0, 1 => put select 0,
}

model! {
    Owned { id: Option<i32> = [0] }
    key i32 = |owned| owned.id;
    table Table::new(
        "Owned's",
        &[Column::new("I d", SqlType::INT4).assigned(Assigned::OwnedSequence)],
        &[0],
    )
    .schema("a.B");
    0 => key id 0,
}

model! {
    Token { id: Option<uuid::Uuid> = [0], label: i32 = [1] }
    key uuid::Uuid = |token| token.id;
    table Table::new(
        "tokens",
        &[
            Column::new("id", SqlType::UUID).assigned(Assigned::Expression("gen_random_uuid()")),
            Column::new("label", SqlType::INT4),
        ],
        &[0],
    );
    0 => key id 0, 1 => put label 0,
}

fn user(name: &str) -> User {
    User { id: None, name: name.to_owned() }
}

fn member(name: &str) -> Member {
    Member { id: None, name: name.to_owned(), visits: 1 }
}

fn address(email: &str, user_id: impl Into<ForeignKey<User>>) -> Address {
    Address { id: None, email: email.to_owned(), user_id: user_id.into() }
}

fn node(parent: Option<ForeignKey<Node>>) -> Node {
    Node { id: None, parent }
}

/// A strategy that knows already that keys come from where the DEFAULTs say, as from its second commit
/// on.
fn knowing(strategy: impl Into<Strategy>) -> Strategy {
    let strategy = strategy.into();
    strategy.have_default_keys(&[
        User::table(),
        Address::table(),
        Member::table(),
        Pass::table(),
        Node::table(),
        Department::table(),
        Employee::table(),
        Note::table(),
        Line::table(),
        Shipment::table(),
        Person::table(),
        Odd::table(),
        Owned::table(),
        Token::table(),
    ]);
    strategy
}

/// A unit of work on a connection that records.
fn record(strategy: impl Into<Strategy>) -> (UnitOfWork<'static>, Recording) {
    let recording = Recording::default();
    (UnitOfWork::new(recording.clone()).with_strategy(knowing(strategy)), recording)
}

/// The same inside a transaction of the caller's.
fn record_nested(strategy: impl Into<Strategy>) -> (UnitOfWork<'static>, Recording) {
    let (mut uow, _) = record(strategy);
    let recording = Recording::in_transaction();
    uow.connection = Connection::nested(recording.clone());
    (uow, recording)
}

/// The statements of a commit of what `fill` adds, having found out whether the plan foresaw them.
fn sent(strategy: impl Into<Strategy>, fill: impl FnOnce(&mut UnitOfWork<'_>)) -> String {
    let (mut uow, recording) = record(strategy);
    fill(&mut uow);
    let planned = uow.plan().unwrap().round_trips() as u64;
    let report = uow.commit().unwrap();
    assert_eq!(report.round_trips(), planned);
    assert_eq!(report.statements(), planned - 2, "all but BEGIN and COMMIT");
    statements(&recording)
}

/// What was sent between BEGIN and COMMIT.
fn statements(recording: &Recording) -> String {
    let sent = recording.take();
    let lines: Vec<_> = sent.lines().collect();
    assert!(lines[0].contains("BEGIN") && lines[lines.len() - 1].contains("COMMIT"), "{sent}");
    lines[1..lines.len() - 1].join("\n")
}

/// The strategies by number, for tests that do the same with each.
fn strategies() -> [Strategy; 2] {
    [RowByRow.into(), Batch.into()]
}
