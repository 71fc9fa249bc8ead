//! Schemas whose foreign keys are all looked at when the transaction ends, as Django makes them.

use onetrip::{ForeignKey, Handle, Model, UnitOfWork, ValidCommit};

use crate::common::Schema;

#[derive(Model, Clone, Debug)]
#[model(table = "shops")]
struct Shop {
    #[model(key)]
    id: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "sales")]
struct Sale {
    #[model(key)]
    id: i32,
    name: String,
    a: Option<ForeignKey<Shop>>,
    b: Option<ForeignKey<Shop>>,
    c: Option<ForeignKey<Shop>>,
    d: Option<ForeignKey<Shop>>,
    e: Option<ForeignKey<Shop>>,
    f: Option<ForeignKey<Shop>>,
    /// Another sale, by its key: it can come later.
    next: Option<ForeignKey<Sale>>,
}

const TABLES: &str = "
    CREATE TABLE shops (id int PRIMARY KEY);
    CREATE TABLE sales (id int PRIMARY KEY, name varchar(10) NOT NULL,
        a int REFERENCES shops DEFERRABLE INITIALLY DEFERRED,
        b int REFERENCES shops DEFERRABLE INITIALLY DEFERRED,
        c int REFERENCES shops DEFERRABLE INITIALLY DEFERRED,
        d int REFERENCES shops DEFERRABLE INITIALLY DEFERRED,
        e int REFERENCES shops DEFERRABLE INITIALLY DEFERRED,
        f int REFERENCES shops DEFERRABLE INITIALLY DEFERRED,
        next int REFERENCES sales DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO shops VALUES (1);";

/// A sale whose foreign key of this number leads nowhere.
fn sale(id: i32, nowhere: usize) -> Sale {
    let mut shops = [const { Some(ForeignKey::Key(1)) }; 6];
    if let Some(shop) = shops.get_mut(nowhere) {
        *shop = Some(ForeignKey::Key(-1));
    }
    let [a, b, c, d, e, f] = shops;
    Sale { id, name: format!("sale {id}"), a, b, c, d, e, f, next: None }
}

fn refused(committed: &ValidCommit) -> Vec<Handle<Sale>> {
    let mut refused: Vec<_> = committed.refused().iter().filter_map(|r| r.entity()).collect();
    refused.sort_unstable();
    refused
}

#[test]
fn rows_that_break_many_foreign_keys_are_left_out() {
    let schema = Schema::new("deferred_many", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let mut bad = Vec::new();
    for id in 0..200 {
        let nowhere = if id % 10 == 3 { id as usize / 10 % 6 } else { 6 };
        let sale = uow.add(sale(id, nowhere));
        bad.extend((nowhere < 6).then_some(sale));
    }
    let committed = uow.commit_valid().unwrap();
    assert_eq!(refused(&committed), bad);
    assert_eq!(schema.count("sales"), 180);
    assert!(committed.round_trips() < 700, "{}", committed.round_trips());
}

#[test]
fn rows_that_refer_to_later_ones_are_left_out() {
    let schema = Schema::new("deferred_later", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let mut bad = Vec::new();
    for id in 0..100 {
        let mut new = sale(id, 6);
        // Most refer to a later one by its key; some to one that nobody has.
        let is_bad = [20, 50, 51, 99].contains(&id);
        new.next = Some(ForeignKey::Key(if is_bad { 1000 + id } else { (id + 1).min(90) }));
        let sale = uow.add(new);
        bad.extend(is_bad.then_some(sale));
    }
    let committed = uow.commit_valid().unwrap();
    let left_out = refused(&committed);
    assert!(bad.iter().all(|sale| left_out.contains(sale)), "{:?}", committed.refused());
    assert_eq!(schema.count("sales"), 100 - left_out.len());
}

#[test]
fn what_a_trigger_writes_in_time_is_not_missing() {
    let schema = Schema::new(
        "deferred_trigger",
        &format!(
            "{TABLES}
             CREATE FUNCTION open_shop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NEW.a < -100 THEN INSERT INTO shops VALUES (NEW.a) ON CONFLICT DO NOTHING; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER sales_open_shop AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION open_shop()"
        ),
    );
    let mut client = schema.client();
    for bad in [vec![], vec![30], vec![30, 31, 77]] {
        let mut uow = UnitOfWork::new(&mut client);
        let new = |id: i32| {
            let mut new = sale(id, 6);
            new.a = match id {
                id if bad.contains(&id) => Some(ForeignKey::Key(-1)),
                id if id % 7 == 0 => Some(ForeignKey::Key(-200 - id)),
                _ => new.a,
            };
            new
        };
        let all: Vec<_> = (0..100).map(|id| uow.add(new(id))).collect();
        let bad: Vec<_> = bad.iter().map(|&id| all[id as usize]).collect();
        if !bad.is_empty() {
            let error = uow.commit().unwrap_err();
            let diagnosis = uow.diagnose(&error).unwrap();
            // What a trigger writes could be what other rows lack: then there may be more.
            let first = diagnosis.culprits()[0].entity();
            assert_eq!((diagnosis.culprits().len(), first), (1, Some(bad[0])), "{diagnosis}");
            assert_eq!(diagnosis.is_complete(), bad.len() == 1, "{diagnosis}");
        }
        let committed = uow.commit_valid().unwrap();
        assert_eq!(refused(&committed), bad);
        assert_eq!(schema.count("sales"), 100 - bad.len());
        drop(uow);
        client.batch_execute("TRUNCATE sales; DELETE FROM shops WHERE id < 0").unwrap();
    }
}
