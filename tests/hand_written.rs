//! A model without the derive: the trait is small enough to write by hand.

mod common;

use common::Schema;
use onetrip::{
    Assigned, Column, Encoder, Error, ForeignKey, Model, Reference, Row, RowByRow, SqlType, Table,
    UnitOfWork,
};

#[derive(Clone, Debug, PartialEq)]
struct Comment {
    id: Option<i64>,
    text: String,
    reply_to: Option<ForeignKey<Comment>>,
}

impl Model for Comment {
    type Key = i64;

    fn table() -> &'static Table {
        static TABLE: Table = Table::new(
            "comments",
            &[
                Column::new("id", SqlType::INT8).assigned(Assigned::OwnedSequence),
                Column::new("text", SqlType::TEXT),
                Column::new("reply_to", SqlType::INT8),
            ],
            &[0],
        )
        .references(&[Reference::to::<Comment>(&[2])]);
        &TABLE
    }

    fn key(&self) -> Option<i64> {
        self.id
    }

    fn encode(&self, column: usize, out: &mut Encoder<'_>) {
        match column {
            0 => out.key(&self.id, 0),
            1 => out.put(&self.text, 0),
            2 => out.put(&self.reply_to, 0),
            _ => {}
        }
    }

    fn decode(row: &Row<'_>) -> Result<Comment, Error> {
        Ok(Comment { id: row.get(&[0])?, text: row.get(&[1])?, reply_to: row.get(&[2])? })
    }

    fn update(&mut self, row: &Row<'_>) -> Result<(), Error> {
        row.update(&[0], &mut self.id)?;
        row.update(&[1], &mut self.text)?;
        row.update(&[2], &mut self.reply_to)
    }
}

fn comment(text: &str, reply_to: Option<ForeignKey<Comment>>) -> Comment {
    Comment { id: None, text: text.to_owned(), reply_to }
}

#[test]
fn a_thread_of_comments() {
    let schema = Schema::new(
        "thread",
        "CREATE TABLE comments (id bigserial PRIMARY KEY, text text NOT NULL,
         reply_to bigint REFERENCES comments)",
    );
    for is_default in [false, true] {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client);
        if !is_default {
            uow = uow.with_strategy(RowByRow);
        }
        // The reply is added first, and then made to refer to what comes after it.
        let reply = uow.add(comment("reply", None));
        let question = uow.add(comment("question", None));
        uow[reply].reply_to = question.into();
        let report = uow.commit().unwrap();
        assert_eq!(report.rows(), 2);
        assert_eq!(report.round_trips(), if is_default { 1 } else { 4 });

        let id = uow[question].id.expect("assigned");
        assert_eq!(uow[reply].reply_to, Some(ForeignKey::Key(id)));
        assert_eq!(uow.find::<Comment>(id).unwrap(), Some(question));
        assert_eq!(
            schema.rows(&format!("SELECT text FROM comments WHERE reply_to = {id}")),
            ["reply"]
        );
        drop(uow);

        let mut uow = UnitOfWork::new(&mut client);
        let found = uow.find::<Comment>(id).unwrap().expect("it is in the database");
        assert_eq!(uow[found], Comment { id: Some(id), text: "question".into(), reply_to: None });
        assert_eq!(uow.find::<Comment>(-1).unwrap(), None);
    }
}
