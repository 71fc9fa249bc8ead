//! Behind a PgBouncer in transaction pooling: `scripts/with-pgbouncer cargo test --test pgbouncer`.
//! Where `DATABASE_URL` is no PgBouncer, the tests say so and do nothing.

#[path = "../common/mod.rs"]
mod common;
mod examples;
mod outcome;
mod place;
#[path = "../common/programs.rs"]
mod programs;
mod sessions;
#[path = "../../examples/support/strategies.rs"]
mod strategies;
#[path = "../common/users.rs"]
mod users;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use onetrip::{Error, Model, OneTrip, Retry, Strategy, UnitOfWork, Upsert};
use postgres::Client;
use postgres::error::SqlState;

use place::{Place, SESSIONS};
use strategies::STRATEGIES;
use users::{Address, User, address, user};

/// A row that is known by its name.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "tags")]
struct Tag {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    uses: i32,
    #[model(version)]
    version: i32,
}

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL,
        user_id int NOT NULL REFERENCES users ON DELETE CASCADE);
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL,
        version int NOT NULL)";

fn tag(name: impl Into<String>, uses: i32) -> Tag {
    Tag { id: None, name: name.into(), uses, version: 1 }
}

/// All that a unit of work does, with names that begin with `of`.
fn work(client: &mut Client, strategy: &Strategy, of: &str) -> Result<(), Error> {
    let mut uow = UnitOfWork::new(&mut *client).with_strategy(strategy.clone());
    let users: Vec<_> = ["ada", "bob", "cid"]
        .iter()
        .map(|name| {
            let user = uow.add(user(format!("{of} {name}")));
            for place in ["home", "work"] {
                uow.add(address(format!("{name}@{place}"), user));
            }
            user
        })
        .collect();
    assert_eq!(uow.commit()?.rows(), 9);
    uow.upsert_with(tag(format!("{of} rust"), 5), Upsert::new().increment(["uses"]))?;
    uow.find_or_add(tag(format!("{of} orm"), 5))?;
    uow.commit()?;
    let again = [
        uow.upsert_with(tag(format!("{of} rust"), 5), Upsert::new().increment(["uses"]))?,
        uow.find_or_add(tag(format!("{of} sql"), 7))?,
    ];
    assert_eq!((uow.commit()?.rows(), uow[again[0]].uses), (1, 10));

    // What is undone, and what stays.
    let taken = uow.savepoint(|uow| -> Result<(), Error> {
        uow[users[1]].name = format!("{of} eve");
        uow.add(user(format!("{of} ada")));
        Ok(())
    });
    assert_eq!(taken.unwrap_err().sqlstate(), Some(&SqlState::UNIQUE_VIOLATION));
    uow.savepoint(|uow| -> Result<(), Error> {
        uow.add(user(format!("{of} dan")));
        Ok(())
    })?;
    let sql = "UPDATE addresses SET email = email || '!' WHERE email = 'cid@work'
               AND user_id = (SELECT id FROM users WHERE name = $1)";
    assert_eq!(uow.sql(sql).bind(format!("{of} cid")).execute()?, 1);
    uow.commit()?;
    drop(uow);

    let mut uow = UnitOfWork::new(&mut *client).with_strategy(strategy.clone());
    let graph = uow
        .query::<User>("name LIKE $1")
        .bind(format!("{of} %"))
        .order_by("name")
        .with(|user| {
            user.children::<Address>();
        })
        .load()?;
    let roots: Vec<_> = graph.roots().collect();
    assert_eq!(roots.len(), 4);
    let addresses: Vec<_> = graph.children::<Address>(roots[0])?.collect();
    assert_eq!(addresses.len(), 2);
    uow[roots[0]].name.push('!');
    uow.delete(addresses[0])?;
    uow.delete(roots[1])?;
    uow.commit()?;
    drop(uow);

    let retry = Retry::new();
    let strategy = strategy.clone();
    retry.with(move |uow| uow.with_strategy(strategy.clone())).run(client, |uow| {
        let found = uow.find_by::<Tag, _>(format!("{of} sql"))?.expect("it is there");
        uow[found].uses += 1;
        Ok(())
    })
}

/// What [`work`] leaves.
fn assert_worked(place: &Place, of: &str) {
    let users = "SELECT name, string_agg(email, ' ' ORDER BY addresses.id) FROM users
                 LEFT JOIN addresses ON user_id = users.id
                 WHERE name LIKE '%NAME %' GROUP BY name ORDER BY name COLLATE \"C\"";
    assert_eq!(
        place.rows(&users.replace("%NAME", of)),
        [
            format!("{of} ada!|ada@work"),
            format!("{of} cid|cid@home cid@work!"),
            format!("{of} dan|NULL")
        ]
    );
    let tags = format!("SELECT name, uses FROM tags WHERE name LIKE '{of} %' ORDER BY 1");
    let expected = ["orm|5", "rust|10", "sql|8"].map(|tag| format!("{of} {tag}"));
    assert_eq!(place.rows(&tags), expected);
}

#[test]
fn every_strategy_does_everything() {
    let Some(place) = Place::new("everything", TABLES) else { return };
    let mut client = place.client();
    for named in STRATEGIES {
        work(&mut client, &(named.strategy)(), named.name).unwrap();
        assert_worked(&place, named.name);
    }
}

#[test]
fn every_strategy_locks_what_it_works_on() {
    let Some(place) = Place::new("locks", TABLES) else { return };
    let (mut client, mut other) = (place.client(), place.client());
    for named in STRATEGIES {
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        let mut others = UnitOfWork::new(&mut other);
        let [first, second] = ["first", "second"].map(|name| format!("{name} {}", named.name));
        let tags = [&first, &second].map(|name| uow.add(tag(name, 1)));
        uow.commit().unwrap();
        let id = uow[tags[0]].id.unwrap();
        let locked = uow.find_for_update::<Tag>(id).unwrap().unwrap();
        let of = format!("name LIKE '%{}'", named.name);
        let left = others.query::<Tag>(&of).for_update().skip_locked().load().unwrap();
        let left: Vec<_> = left.iter().map(|&tag| others[tag].name.clone()).collect();
        assert_eq!(left, [second]);
        let error = others.query::<Tag>(&of).for_update().no_wait().load().unwrap_err();
        assert_eq!(error.sqlstate(), Some(&SqlState::LOCK_NOT_AVAILABLE));
        others.rollback();
        uow[locked].uses = 2;
        uow.commit().unwrap();
        let all = others.query::<Tag>(&of).for_update().no_wait().load().unwrap();
        assert_eq!(all.iter().map(|&tag| others[tag].uses).sum::<i32>(), 3);
        others.rollback();
    }
}

/// Many threads, and few sessions that they share.
#[test]
fn sixteen_threads_share_four_sessions() {
    const THREADS: usize = 16;
    const TURNS: usize = 6;
    let Some(place) = Place::new("threads", TABLES) else { return };
    place.direct().batch_execute("INSERT INTO tags VALUES (0, 'turns', 0, 1)").unwrap();
    let pids = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (place, pids) = (&place, &pids);
            scope.spawn(move || {
                let mut client = place.client();
                let strategy = (STRATEGIES[thread % STRATEGIES.len()].strategy)();
                for turn in 0..TURNS {
                    work(&mut client, &strategy, &format!("{thread}.{turn}")).unwrap();
                    let retry = Retry::new().attempts(1_000);
                    let pid = retry.run(&mut client, |uow| {
                        let turns = uow.find_by::<Tag, _>("turns".to_owned())?.expect("a row");
                        uow[turns].uses += 1;
                        uow.sql("SELECT pg_backend_pid()").first::<i32>()
                    });
                    pids.lock().unwrap().insert(pid.unwrap());
                }
            });
        }
    });
    for thread in 0..THREADS {
        (0..TURNS).for_each(|turn| assert_worked(&place, &format!("{thread}.{turn}")));
    }
    assert_eq!(place.count("users"), THREADS * TURNS * 3);
    assert_eq!(place.count("addresses"), THREADS * TURNS * 3);
    assert_eq!(place.rows("SELECT uses FROM tags WHERE id = 0"), [(THREADS * TURNS).to_string()]);
    let pids = pids.into_inner().unwrap();
    assert!((2..=SESSIONS).contains(&pids.len()), "they ran in {} sessions", pids.len());
}

/// In a database whose search path is another one, and with a model that names its schema.
#[test]
fn a_schema_belongs_to_the_model_or_to_the_database() {
    #[derive(Model, Clone)]
    #[model(schema = "shop", table = "users")]
    struct Customer {
        #[model(key)]
        id: Option<i32>,
        name: String,
    }

    let Some(place) = Place::new("schema", "CREATE SCHEMA shop") else { return };
    place.direct().batch_execute(&format!("SET search_path = shop; {TABLES}")).unwrap();
    let mut client = place.client();
    // By the model.
    let mut uow = UnitOfWork::new(&mut client).with_strategy(OneTrip);
    uow.add(Customer { id: None, name: "Ada".to_owned() });
    uow.commit().unwrap();
    uow.add(user("Bob"));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate(), Some(&SqlState::UNDEFINED_TABLE));
    drop(uow);
    // By the session, which is not this client's: the next one finds the tables, too.
    client.batch_execute("SET search_path = shop").unwrap();
    drop(client);
    let mut other = place.client();
    let mut uow = UnitOfWork::new(&mut other);
    uow.add(user("Cid"));
    uow.commit().unwrap();
    drop(uow);
    // And where another session answers, nobody does.
    let held = place.hold(1);
    let mut uow = UnitOfWork::new(&mut other);
    uow.add(user("Dan"));
    assert_eq!(uow.commit().unwrap_err().sqlstate(), Some(&SqlState::UNDEFINED_TABLE));
    drop((uow, held));
    // By the database, which every session that begins from now on knows.
    place.admin(&format!("ALTER DATABASE {} SET search_path = shop", place.name()));
    place.console(&format!("RECONNECT {}", place.name()));
    let mut held = place.hold(SESSIONS);
    for (session, client) in held.iter_mut().enumerate() {
        client.batch_execute("COMMIT").unwrap();
        let mut uow = UnitOfWork::new(client);
        uow.add(user(format!("user {session}")));
        uow.commit().unwrap();
    }
    assert_eq!(place.rows("SELECT count(*) FROM shop.users"), [(2 + SESSIONS).to_string()]);
}
