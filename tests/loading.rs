//! Loading through the identity map: by key, by condition, by reference, and anew.

mod common;

use common::Schema;
use onetrip::{Error, ErrorKind, ForeignKey, Handle, Model, UnitOfWork};

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
    friend: Option<ForeignKey<User>>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i64>,
    n: String,
    user_id: ForeignKey<User>,
    other: Option<ForeignKey<User>>,
}

/// A key of two parts, one of them a reference.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "orders")]
struct Order {
    #[model(key)]
    user_id: ForeignKey<User>,
    #[model(key)]
    number: i32,
    total: i64,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "lines")]
struct Line {
    #[model(key)]
    id: Option<i32>,
    #[model(column("user_id", "order_number"))]
    order: ForeignKey<Order>,
}

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, friend int REFERENCES users);
    CREATE TABLE addresses (id bigserial PRIMARY KEY, n text NOT NULL,
        user_id int NOT NULL REFERENCES users, other int REFERENCES users);
    CREATE TABLE orders (user_id int REFERENCES users, number int, total bigint NOT NULL,
        PRIMARY KEY (user_id, number));
    CREATE TABLE lines (id serial PRIMARY KEY, user_id int, order_number int,
        FOREIGN KEY (user_id, order_number) REFERENCES orders);
    INSERT INTO users (name) VALUES ('Ada'), ('Bob'), ('Cid'), ('Dan');
    UPDATE users SET friend = id % 4 + 1;
    INSERT INTO addresses (n, user_id) SELECT name || ' ' || n, users.id
        FROM users, generate_series(1, 3) AS n WHERE users.id <> 3 ORDER BY n DESC, users.id;
    INSERT INTO orders SELECT users.id, n, 10 * n FROM users, generate_series(1, 2) AS n;
    INSERT INTO lines (user_id, order_number) SELECT user_id, number FROM orders";

fn names(uow: &UnitOfWork<'_>, users: &[Handle<User>]) -> Vec<String> {
    users.iter().map(|&user| uow[user].name.clone()).collect()
}

#[test]
fn many_keys_are_one_query_in_their_order() {
    let schema = Schema::new("find_all", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.find::<User>(1).unwrap().unwrap();
    uow[ada].name = "changed".into();
    let found = uow.find_all::<User>([3, 99, 1, 3, 2]).unwrap();
    assert_eq!(found[1], None, "missing ones are reported in their place");
    assert_eq!((found[2], found[0]), (Some(ada), found[3]), "one entity a key");
    let found: Vec<_> = found.into_iter().flatten().collect();
    assert_eq!(names(&uow, &found), ["Cid", "changed", "Cid", "Bob"]);
    assert_eq!(uow.find_all::<User>([2, 3, 1]).unwrap().len(), 3);
    assert_eq!(uow.len(), 3);
    assert!(uow.find_all::<User>(Vec::<i32>::new()).unwrap().is_empty());

    let orders = uow.find_all::<Order>([(2, 2), (2, 9), (1, 1)]).unwrap();
    let totals: Vec<_> = orders.iter().map(|order| order.map(|order| uow[order].total)).collect();
    assert_eq!(totals, [Some(20), None, Some(10)]);
}

#[test]
fn what_is_known_needs_no_query() {
    let schema = Schema::new("known", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all = uow.find_all::<User>(1..=4).unwrap();
    schema.client().batch_execute("TRUNCATE users CASCADE").unwrap();
    assert_eq!(uow.find_all::<User>(1..=4).unwrap(), all);
    assert_eq!(uow.find::<User>(4).unwrap(), all[3]);
}

#[test]
fn a_condition_has_parameters_an_order_and_a_limit() {
    let schema = Schema::new("query", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let some = uow
        .query::<User>("name <> $1 OR id = $2")
        .bind("Ada".to_owned())
        .bind(1)
        .order_by("name DESC -- the last first")
        .limit(2)
        .offset(1)
        .load()
        .unwrap();
    assert_eq!(names(&uow, &some), ["Cid", "Bob"]);
    let ada = uow.query::<User>("name LIKE 'A%' -- only she").first().unwrap().unwrap();
    assert_eq!(uow[ada].id, Some(1));
    uow[ada].name = "Bea".into();
    let again = uow.query::<User>("true").order_by("id").load().unwrap();
    assert_eq!(names(&uow, &again), ["Bea", "Bob", "Cid", "Dan"], "unsaved changes stay");
    assert_eq!(again[0], ada);
    assert_eq!(uow.query::<User>("false").first().unwrap(), None);

    let error = uow.query::<User>("nonsense").load().unwrap_err();
    assert_eq!((error.table(), error.sqlstate().unwrap().code()), (Some("users"), "42703"));
    let error = uow.query::<User>("name = $1").bind("a\0b".to_owned()).load().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Encode | ErrorKind::Database), "{error}");
}

#[test]
fn a_large_result_goes_by() {
    let schema = Schema::new("for_each", TABLES);
    let mut client = schema.client();
    client
        .batch_execute(
            "INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(5, 2000) n",
        )
        .unwrap();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.find::<User>(1).unwrap().unwrap();
    uow[ada].name = "changed".into();
    let (mut count, mut first) = (0, None);
    uow.query::<User>("true")
        .order_by("id")
        .for_each(|user| {
            count += 1;
            first.get_or_insert_with(|| user.name.clone());
            Ok::<(), Error>(())
        })
        .unwrap();
    assert_eq!((count, first.as_deref()), (2_000, Some("changed")));
    assert_eq!(uow.len(), 1, "nothing of it is kept");

    let mut seen = 0;
    let stopped = uow.query::<User>("true").for_each(|_| {
        seen += 1;
        if seen == 700 { Err(Box::<dyn std::error::Error>::from("enough")) } else { Ok(()) }
    });
    assert_eq!(stopped.unwrap_err().to_string(), "enough");
    assert_eq!(seen, 700);
    assert!(uow.find::<User>(2).unwrap().is_some(), "the connection goes on");
    let mut none = 0;
    uow.query::<User>("false")
        .for_each(|_| {
            none += 1;
            Ok::<(), Error>(())
        })
        .unwrap();
    assert_eq!(none, 0);
}

#[test]
fn children_of_many_parents_are_one_query() {
    let schema = Schema::new("children", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let users: Vec<_> = uow.find_all::<User>([2, 3, 1]).unwrap().into_iter().flatten().collect();
    let addresses = uow.children_by::<Address, User>("user_id", &users).unwrap();
    let texts: Vec<Vec<_>> =
        addresses.iter().map(|of| of.iter().map(|&a| uow[a].n.clone()).collect()).collect();
    assert_eq!(texts, [vec!["Bob 3", "Bob 2", "Bob 1"], vec![], vec!["Ada 3", "Ada 2", "Ada 1"]]);
    assert_eq!(uow[addresses[0][0]].user_id.key(), Some(&2));

    let friends = uow.children::<User, User>(&users).unwrap();
    assert_eq!(friends[0], [users[2]], "Ada is in the unit of work already");
    assert_eq!(friends[1], [users[0]]);
    assert_eq!(uow[friends[2][0]].name, "Dan");

    let orders = uow.children::<Order, User>(&users[..1]).unwrap().remove(0);
    let lines = uow.children::<Line, Order>(&orders).unwrap();
    assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(uow[lines[1][0]].order.key(), Some(&(2, 2)));

    let error = uow.children::<Address, User>(&users).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model, "two references lead there: {error}");
    assert!(uow.children::<User, Address>(&[]).is_err());
    assert!(uow.children_by::<Address, User>("n", &users).is_err());
    let new = uow.add(User { id: None, name: "new".into(), friend: None });
    assert_eq!(uow.children::<User, User>(&[new]).unwrap_err().kind(), ErrorKind::Handle);
}

#[test]
fn refresh_reads_anew() {
    let schema = Schema::new("refresh", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let users: Vec<_> = uow.query::<User>("true").order_by("id").load().unwrap();
    schema.client().batch_execute("UPDATE users SET name = name || '!'").unwrap();
    uow[users[0]].name = "lost".into();
    uow[users[0]].id = Some(77);
    uow.refresh(users[0]).unwrap();
    assert_eq!((&*uow[users[0]].name, uow[users[0]].id), ("Ada!", Some(1)));
    assert_eq!(uow.find::<User>(1).unwrap(), Some(users[0]));
    assert_eq!(uow[users[1]].name, "Bob");
    assert_eq!(uow.commit().unwrap().rows(), 0, "nothing is changed any more");
    uow.refresh_all::<User>().unwrap();
    assert_eq!(names(&uow, &users), ["Ada!", "Bob!", "Cid!", "Dan!"]);

    let new = uow.add(User { id: None, name: "new".into(), friend: None });
    assert_eq!(uow.refresh(new).unwrap_err().kind(), ErrorKind::Handle);
    schema
        .client()
        .batch_execute(
            "UPDATE users SET friend = NULL, name = 'x';
        DELETE FROM lines; DELETE FROM orders; DELETE FROM users WHERE id = 3",
        )
        .unwrap();
    let error = uow.refresh(users[2]).unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::Stale, Some("users")), "{error}");
    let error = uow.refresh_all::<User>().unwrap_err();
    assert!(error.to_string().contains("1 of 4"), "{error}");
    assert_eq!(uow[users[0]].name, "Ada!", "after an error nothing has changed");
}

#[test]
fn entities_can_be_taken_out() {
    let schema = Schema::new("take", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let ada = uow.find::<User>(1).unwrap().unwrap();
    uow[ada].name = "changed".into();
    let taken = uow.take(ada).unwrap();
    assert_eq!(taken.name, "changed");
    assert_eq!(uow.get(ada).unwrap_err().kind(), ErrorKind::Handle);
    assert_eq!(uow.take(ada).unwrap_err().kind(), ErrorKind::Handle);
    assert_eq!(uow.commit().unwrap().rows(), 0, "its changes are nobody's any more");
    let again = uow.find::<User>(1).unwrap().unwrap();
    assert_ne!(again, ada);
    assert_eq!(uow[again].name, "Ada");

    let [kept, gone] =
        ["kept", "gone"].map(|name| uow.add(User { id: None, name: name.into(), friend: None }));
    uow.expunge(gone).unwrap();
    let child = uow.add(User { id: None, name: "child".into(), friend: gone.into() });
    assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::Handle);
    uow[child].friend = kept.into();
    assert_eq!(uow.commit().unwrap().rows(), 2);
    assert_eq!(schema.rows("SELECT name FROM users WHERE id > 4 ORDER BY id"), ["kept", "child"]);
    let flushed = uow.add(User { id: None, name: "flushed".into(), friend: None });
    uow.flush().unwrap();
    uow.expunge(flushed).unwrap();
    uow.commit().unwrap();
    assert_eq!(schema.count("users"), 7, "the database keeps what it has");
}
