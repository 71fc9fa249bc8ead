//! Entities that are marked: to be deleted, or with a version that the caller has seen; and two
//! entities of one row.

use onetrip::{ErrorKind, ForeignKey, Model};

use crate::{Setup, suite};

suite! {
    what_is_marked_is_found_by_no_read: super::TABLES,
    a_mark_is_taken_back: super::TABLES,
    the_version_that_the_caller_has_seen_is_checked: super::TABLES,
    two_models_of_a_row_are_both_written: super::TABLES,
    two_models_of_a_row_that_cannot_both_be_written_are_refused: super::TABLES,
    what_is_rolled_back_is_not_found: super::TABLES,
}

const TABLES: &str = "
    CREATE TABLE pages (id serial PRIMARY KEY, text text NOT NULL, position int NOT NULL DEFAULT 0,
        version int NOT NULL DEFAULT 1);
    CREATE TABLE notes (id serial PRIMARY KEY, page int NOT NULL REFERENCES pages);
    INSERT INTO pages (text) VALUES ('a'), ('b'), ('c');
    INSERT INTO notes (page) VALUES (1), (1), (2);";

#[derive(Model, Clone, Debug)]
#[model(table = "pages")]
struct Page {
    #[model(key)]
    id: Option<i32>,
    text: String,
    #[model(version)]
    version: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "pages")]
struct Text {
    #[model(key)]
    id: Option<i32>,
    text: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "pages")]
struct Position {
    #[model(key)]
    id: i32,
    position: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: Option<i32>,
    page: ForeignKey<Page>,
}

fn what_is_marked_is_found_by_no_read(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let page = uow.find::<Page>(1).unwrap().unwrap();
    let notes = uow.query::<Note>("true").order_by("id").load().unwrap();
    uow.delete(notes[0]).unwrap();
    assert_eq!(uow.find::<Note>(1).unwrap(), None);
    assert_eq!(uow.find_all::<Note>([1, 2]).unwrap(), [None, Some(notes[1])]);
    assert_eq!(uow.query::<Note>("true").order_by("id").load().unwrap(), notes[1..]);
    assert_eq!(uow.query::<Note>("id = 1").first().unwrap(), None);
    assert_eq!(uow.children::<Note, Page>(&[page]).unwrap(), [vec![notes[1]]]);
    let mut count = 0;
    let count_all = |_: &Note| {
        count += 1;
        Ok::<(), onetrip::Error>(())
    };
    uow.query::<Note>("true").for_each(count_all).unwrap();
    assert_eq!(count, 2);
    uow.rollback();
    assert_eq!(uow.query::<Note>("true").order_by("id").load().unwrap(), notes);
}

fn a_mark_is_taken_back(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let pages = uow.query::<Page>("true").order_by("id").load().unwrap();
    uow[pages[1]].text.push('!');
    for page in [pages[1], pages[2]] {
        uow.delete(page).unwrap();
        uow.undelete(page).unwrap();
        // A second time is none.
        uow.undelete(page).unwrap();
    }
    assert_eq!(uow.find::<Page>(3).unwrap(), Some(pages[2]));
    let added = uow.add(Page { id: None, text: "new".to_owned(), version: 1 });
    assert_eq!(uow.added::<Page>().collect::<Vec<_>>(), [added]);
    uow.delete(added).unwrap();
    assert_eq!(uow.added::<Page>().count(), 0);
    assert_eq!(uow.undelete(added).unwrap_err().kind(), ErrorKind::Handle);
    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.updated_rows(), report.deleted_rows()), (0, 1, 0));
    assert_eq!(setup.schema.rows("SELECT text FROM pages ORDER BY id"), ["a", "b!", "c"]);
    uow.delete(pages[2]).unwrap();
    uow.flush().unwrap();
    assert_eq!(uow.undelete(pages[2]).unwrap_err().kind(), ErrorKind::Handle);
    uow.rollback();
    uow.undelete(pages[2]).unwrap();
}

fn the_version_that_the_caller_has_seen_is_checked(setup: &Setup) {
    let mut client = setup.client();
    client.batch_execute("UPDATE pages SET version = 5").unwrap();
    let mut uow = setup.uow(&mut client);
    let [page, other] = [1, 2].map(|id| uow.find::<Page>(id).unwrap().unwrap());
    // What was shown to somebody a while ago.
    uow.expect_version(page, 4).unwrap();
    uow[page].text = "from a form".to_owned();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    assert_eq!(error.stale_entities::<Page>(), [page]);
    uow.expect_version(page, 5).unwrap();
    uow.commit().unwrap();
    assert_eq!(uow[page].version, 6);
    // The same for what is deleted, and after that the one that is known.
    uow.expect_version(other, 4).unwrap();
    uow.delete(other).unwrap();
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::Stale);
    uow.rollback();
    uow[page].text.push('!');
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows("SELECT text, version FROM pages ORDER BY id"),
        ["from a form!|7", "b|5", "c|5"]
    );
    assert_eq!(uow.expect_version(page, 1_i64 << 40).unwrap_err().kind(), ErrorKind::Model);
    // What is rolled back is not expected any more.
    uow.expect_version(page, 2).unwrap();
    uow.rollback();
    assert_eq!(uow[page].version, 7);
    uow.savepoint(|uow| {
        uow.expect_version(page, 2)?;
        Err::<(), _>(onetrip::Error::other("no"))
    })
    .unwrap_err();
    uow[page].text.push('?');
    uow.commit().unwrap();
    let new = uow.add(Page { id: None, text: String::new(), version: 1 });
    assert_eq!(uow.expect_version(new, 1).unwrap_err().kind(), ErrorKind::Handle);
    let text = uow.find::<Text>(3).unwrap().unwrap();
    assert_eq!(uow.expect_version(text, 1).unwrap_err().kind(), ErrorKind::Model);
}

fn two_models_of_a_row_are_both_written(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    for id in [1, 2] {
        let text = uow.find::<Text>(id).unwrap().unwrap();
        let position = uow.find::<Position>(id).unwrap().unwrap();
        uow[text].text.push('!');
        uow[position].position = id;
    }
    let report = uow.commit().unwrap();
    assert_eq!(report.updated_rows(), 4);
    assert_eq!(
        setup.schema.rows("SELECT text, position FROM pages ORDER BY id"),
        ["a!|1", "b!|2", "c|0"]
    );
}

fn two_models_of_a_row_that_cannot_both_be_written_are_refused(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let text = uow.find::<Text>(3).unwrap().unwrap();
    let position = uow.find::<Position>(3).unwrap().unwrap();
    let page = uow.find::<Page>(3).unwrap().unwrap();
    uow[position].position = 7;
    uow.delete(text).unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Conflict, Some("pages")), "{error}");
    assert!(!error.is_retryable());
    uow.undelete(text).unwrap();
    // A version is counted up by each of them.
    uow[text].text.push('!');
    uow[page].text.push('?');
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    uow.rollback();
    // The other would not be found any more.
    uow[text].text.push('!');
    uow[position].id = 30;
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(setup.schema.rows("SELECT text, position FROM pages WHERE id = 3"), ["c|0"]);
}

fn what_is_rolled_back_is_not_found(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let page = uow.add(Page { id: None, text: "new".to_owned(), version: 1 });
    uow.flush().unwrap();
    let id = uow[page].id.unwrap();
    uow.expunge(page).unwrap();
    let found = uow.find::<Page>(id).unwrap().unwrap();
    assert_eq!(uow[found].text, "new");
    uow.rollback();
    assert_eq!(uow.find::<Page>(id).unwrap(), None, "the row is not there");
}
