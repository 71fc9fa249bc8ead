//! Tables whose rows lie on several servers, with Citus: `scripts/with-citus cargo test --test citus`.
//! Where the server has no Citus, the tests say so and do nothing, but for three. In two of them a trigger refuses
//! as Citus does, so that any server gets the statements that Citus takes; the third has names like those of shards.

#[path = "common/mod.rs"]
mod common;
#[path = "common/programs.rs"]
mod programs;
#[path = "../examples/support/strategies.rs"]
mod strategies;

use common::Schema;
use onetrip::{
    Error, ErrorKind, ForeignKey, Handle, Model, OneTrip, Retry, Strategy, UnitOfWork, Upsert,
};
use postgres::{Client, NoTls};
use programs::{Repository, measured, program, run};
use strategies::STRATEGIES;

/// A reference table: each server has all rows.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "currencies")]
struct Currency {
    #[model(key)]
    code: String,
    name: String,
}

/// Distributed by the tenant.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "accounts")]
struct Account {
    #[model(key, unique)]
    tenant_id: i32,
    #[model(key)]
    id: Option<i64>,
    #[model(unique)]
    name: String,
    currency: ForeignKey<Currency>,
    balance: i64,
    #[model(version)]
    version: i32,
}

/// Distributed by the tenant, beside its accounts.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "entries")]
struct Entry {
    #[model(key)]
    tenant_id: i32,
    #[model(key)]
    id: Option<i64>,
    #[model(column("tenant_id", "account_id"))]
    account: ForeignKey<Account>,
    amount: i64,
    #[model(default)]
    state: Option<String>,
}

/// A table of the coordinator alone.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: Option<i32>,
    text: String,
}

const TABLES: &str = "
    CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE accounts (tenant_id int, id bigserial, name text NOT NULL,
        currency text NOT NULL REFERENCES currencies, balance bigint NOT NULL, version int NOT NULL,
        PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name));
    CREATE TABLE entries (tenant_id int, id bigserial, account_id bigint NOT NULL, amount bigint NOT NULL
            CONSTRAINT entries_amount CHECK (amount < 1000000),
        state text NOT NULL DEFAULT 'open',
        PRIMARY KEY (tenant_id, id));
    CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL);
    SELECT create_reference_table('currencies');
    SELECT create_distributed_table('accounts', 'tenant_id', shard_count => 8);
    SELECT create_distributed_table('entries', 'tenant_id', colocate_with => 'accounts');
    ALTER TABLE entries ADD FOREIGN KEY (tenant_id, account_id) REFERENCES accounts;
    INSERT INTO currencies VALUES ('EUR', 'Euro'), ('CHF', 'Franc')";

/// In a schema that lies on one server as a whole.
const PLACED: &str = "
    CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL);
    SELECT citus_schema_distribute(current_schema()::regnamespace)";

/// A schema with tables, if the server has Citus.
fn schema(test: &str, tables: &str) -> Option<Schema> {
    let url = std::env::var("DATABASE_URL").expect("run this through `scripts/with-citus`");
    let mut client = Client::connect(&url, NoTls).expect("the server is reachable");
    let citus = "SELECT FROM pg_extension WHERE extname = 'citus'";
    if client.query(citus, &[]).expect("the catalog can be read").is_empty() {
        eprintln!("no Citus here: run this through `scripts/with-citus`");
        return None;
    }
    Some(Schema::new(&format!("citus_{test}"), tables))
}

fn account(tenant_id: i32, name: &str) -> Account {
    let (name, currency) = (name.to_owned(), ForeignKey::Key("EUR".to_owned()));
    Account { tenant_id, id: None, name, currency, balance: 10, version: 1 }
}

fn entry(tenant_id: i32, account: Handle<Account>, amount: i64) -> Entry {
    Entry { tenant_id, id: None, account: account.into(), amount, state: None }
}

/// Adds accounts with two entries each.
fn add(uow: &mut UnitOfWork<'_>, tenants: i32) -> Vec<Handle<Account>> {
    (1..=tenants)
        .map(|tenant| {
            let account = uow.add(account(tenant, "main"));
            for amount in [i64::from(tenant), 100] {
                uow.add(entry(tenant, account, amount));
            }
            account
        })
        .collect()
}

#[test]
fn every_strategy_inserts_changes_and_deletes_rows_of_many_tenants() -> Result<(), Error> {
    for named in STRATEGIES {
        let Some(schema) = schema(&format!("all_{}", named.name), TABLES) else { return Ok(()) };
        let mut client = schema.client();
        let strategy = (named.strategy)();
        let is_one = ["auto", "one_trip"].contains(&named.name);
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let accounts = add(&mut uow, 10);
        let note = uow.add(Note { id: None, text: "local".into() });
        let currency = uow.add(Currency { code: "USD".into(), name: "Dollar".into() });
        uow[accounts[0]].currency = currency.into();
        uow.commit().map_err(|error| Error::other(format!("{}: {error:?}", named.name)))?;
        assert!(uow[note].id.is_some());
        assert!(accounts.iter().all(|&account| uow[account].id.is_some()));
        assert_eq!((schema.count("accounts"), schema.count("entries")), (10, 20));
        assert_eq!(schema.rows("SELECT DISTINCT state FROM entries"), ["open"]);
        drop(uow);

        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let graph = uow
            .query::<Account>("true")
            .order_by("tenant_id")
            .with(|account| {
                account.children::<Entry>();
                account.parent::<Currency>();
            })
            .load()?;
        let accounts: Vec<_> = graph.roots().collect();
        for (n, &account) in accounts.iter().enumerate() {
            let entries: Vec<_> = graph.children::<Entry>(account)?.collect();
            assert_eq!(entries.len(), 2);
            let amounts: i64 = entries.iter().map(|&entry| uow[entry].amount).sum();
            uow[account].balance = amounts;
            if n % 3 == 0 {
                uow.delete(entries[0])?;
            }
            let (tenant, id) = (uow[account].tenant_id, account);
            uow.add(entry(tenant, id, 7));
        }
        let last = accounts[9];
        for entry in graph.children::<Entry>(last)? {
            if uow.get(entry).is_ok() {
                uow.delete(entry).ok();
            }
        }
        let report =
            uow.commit().map_err(|error| Error::other(format!("{}: {error:?}", named.name)))?;
        assert!(!is_one || report.round_trips() <= 2, "{report:?}");
        assert!(accounts.iter().all(|&account| uow[account].version == 2));
        let sums = "SELECT sum(balance), min(version), max(version) FROM accounts";
        assert_eq!(schema.rows(sums), [format!("{}|2|2", 55 + 1000)]);
        for &account in &accounts {
            uow[account].balance += 1;
        }
        uow[accounts[4]].name = "renamed".to_owned();
        let report = uow.commit()?;
        assert!(!is_one || report.round_trips() == 1, "{report:?}");
        let sums = "SELECT sum(balance), min(version), max(version) FROM accounts";
        assert_eq!(schema.rows(sums), [format!("{}|3|3", 55 + 1010)]);
    }
    Ok(())
}

/// Refuses inserts whose statement compares what it has stored in order, as only statements for one server do.
const REFUSING: &str = "
    CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE accounts (tenant_id int, id bigserial, name text NOT NULL,
        currency text NOT NULL REFERENCES currencies, balance bigint NOT NULL, version int NOT NULL,
        PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name));
    CREATE TABLE entries (tenant_id int, id bigserial, account_id bigint NOT NULL, amount bigint NOT NULL,
        state text NOT NULL DEFAULT 'open', PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, account_id) REFERENCES accounts);
    INSERT INTO currencies VALUES ('EUR', 'Euro');
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF position('ORDER BY r0, r1) <> ARRAY' IN current_query()) > 0 THEN
            RAISE 'the rows are distributed' USING ERRCODE = '0A000';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER refuse AFTER INSERT ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse()";

#[test]
fn the_statements_that_citus_takes_are_right_on_one_server() -> Result<(), Error> {
    let schema = Schema::new("citus_form", REFUSING);
    let (mut client, mut second) = (schema.client(), schema.client());
    let strategy = Strategy::from(OneTrip);
    let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
    let accounts = add(&mut uow, 10);
    let report = uow.commit()?;
    assert_eq!((report.round_trips(), report.written_by()), (2, "one_trip"), "{report:?}");
    assert_eq!(schema.rows("SELECT DISTINCT state FROM entries"), ["open"]);
    let whose = "SELECT count(*) FROM entries e JOIN accounts a USING (tenant_id) WHERE a.id = e.account_id";
    assert_eq!(schema.rows(whose), ["20"]);

    // What is deleted, changed, found and inserted in one statement, which is not refused any more.
    let graph = uow
        .query::<Account>("true")
        .with(|account| {
            account.children::<Entry>();
        })
        .load()?;
    for &account in &accounts {
        let entry_of = graph.children::<Entry>(account)?.next().expect("it has two");
        uow.delete(entry_of)?;
        uow[account].balance += 1;
        uow.add(entry(uow[account].tenant_id, account, 5));
    }
    let report = uow.commit()?;
    assert_eq!((report.round_trips(), report.deleted_rows(), report.updated_rows()), (1, 10, 10));
    let mut found = account(3, "main");
    found.balance = 100;
    uow.upsert_with(found, Upsert::new().increment(["balance"]))?;
    let new = uow.find_or_add(account(3, "new"))?;
    uow.add(entry(3, new, 6));
    let mut other = UnitOfWork::new(&mut second).with_strategy(strategy.clone());
    for tenant in [5, 6, 99] {
        other.find_or_add(account(tenant, "main"))?;
    }
    let report = other.commit()?;
    assert_eq!((report.round_trips(), report.found_rows(), report.rows()), (1, 2, 1));
    schema.client().batch_execute("DELETE FROM accounts WHERE tenant_id = 99").expect("it works");
    assert_eq!(uow.commit()?.round_trips(), 1);
    let sums = "SELECT count(*), sum(balance) FROM accounts";
    assert_eq!(schema.rows(sums), [format!("11|{}", 110 + 100 + 10)]);
    assert_eq!(schema.count("entries"), 21);
    assert_eq!(schema.rows(whose), ["21"]);

    let others = "UPDATE accounts SET version = 9 WHERE tenant_id = 7";
    schema.client().batch_execute(others).expect("it works");
    uow[accounts[6]].balance += 1;
    uow[accounts[1]].balance += 1;
    let error = uow.commit().expect_err("one has changed");
    assert_eq!(error.stale_entities::<Account>(), [accounts[6]]);
    Ok(())
}

#[test]
fn stale_rows_are_named() -> Result<(), Error> {
    for named in STRATEGIES {
        let Some(schema) = schema(&format!("stale_{}", named.name), TABLES) else { return Ok(()) };
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        let accounts = add(&mut uow, 12);
        uow.commit()?;
        let others = "UPDATE accounts SET version = 9 WHERE tenant_id = 7;
                      DELETE FROM entries WHERE tenant_id = 3; DELETE FROM accounts WHERE tenant_id = 3";
        schema.client().batch_execute(others).expect("it works");
        for _ in 0..2 {
            for &account in &accounts {
                uow[account].balance += 1;
            }
            let error = uow.commit().expect_err("two are not there any more");
            assert_eq!(error.kind(), ErrorKind::Stale, "{}: {error:?}", named.name);
            let mut stale = error.stale_entities::<Account>();
            stale.sort_unstable();
            assert_eq!(stale, [accounts[2], accounts[6]], "{}", named.name);
            assert_eq!(schema.rows("SELECT DISTINCT balance FROM accounts"), ["10"]);
        }
    }
    Ok(())
}

/// The whole statement runs on the server that has the schema, and so do its checks.
#[test]
fn stale_rows_are_named_in_a_schema_that_lies_on_one_server() -> Result<(), Error> {
    for named in STRATEGIES {
        let test = format!("placed_{}", named.name);
        let Some(schema) = schema(&test, PLACED) else { return Ok(()) };
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        let notes: Vec<_> =
            (0..5).map(|n| uow.add(Note { id: None, text: n.to_string() })).collect();
        uow.commit()?;
        schema.client().batch_execute("DELETE FROM notes WHERE text IN ('1', '3')").unwrap();
        for &note in &notes {
            uow[note].text.push('!');
        }
        let error = uow.commit().expect_err("two are not there any more");
        assert_eq!(error.kind(), ErrorKind::Stale, "{}: {error:?}", named.name);
        assert_eq!(error.stale_entities::<Note>(), [notes[1], notes[3]], "{}", named.name);
    }
    Ok(())
}

/// What a note says of another, with keys of one column.
#[derive(Model, Clone)]
#[model(table = "remarks")]
struct Remark {
    #[model(key)]
    id: i32,
    note_id: ForeignKey<Note>,
}

const REMARKS: &str = "
    CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL);
    CREATE TABLE remarks (id int PRIMARY KEY, note_id int NOT NULL);
    CREATE INDEX ON remarks (note_id);";

/// The rows lie on several servers, in a schema on one of them, or on the coordinator. A strategy asks the catalog
/// for indexes when it loads a graph for the second time.
#[test]
fn graphs_are_loaded_again_and_again() -> Result<(), Error> {
    const DISTRIBUTE: [&str; 3] = [
        "SELECT create_distributed_table('notes', 'id'), create_distributed_table('remarks', 'id')",
        "SELECT citus_schema_distribute(current_schema()::regnamespace)",
        "SELECT",
    ];
    for (at, distribute) in DISTRIBUTE.into_iter().enumerate() {
        let tables = format!(
            "{REMARKS} {distribute};
             INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 6) AS n;
             INSERT INTO remarks SELECT n, 1 + n % 3 FROM generate_series(1, 9) AS n"
        );
        let Some(schema) = schema(&format!("again_{at}"), &tables) else { return Ok(()) };
        let mut client = schema.client();
        let strategy = Strategy::default();
        for _ in 0..4 {
            for condition in [None, Some("id <> $1")] {
                let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
                let graph = uow.query::<Note>("id < 4").order_by("id").with(|note| {
                    let mut remarks = note.children::<Remark>();
                    if let Some(condition) = condition {
                        remarks = remarks.filter(condition).bind(5);
                    }
                    remarks.with(|remark| {
                        remark.parent::<Note>();
                    });
                });
                let graph = graph.load()?;
                let mut seen = Vec::new();
                for note in graph.roots() {
                    for remark in graph.children::<Remark>(note)? {
                        assert_eq!(graph.parent::<Note>(remark)?, Some(note));
                        seen.push(uow[remark].id);
                    }
                }
                let last: &[i32] = if condition.is_some() { &[2, 8] } else { &[2, 5, 8] };
                assert_eq!(seen, [&[3, 6, 9, 1, 4, 7], last].concat(), "{distribute}");
            }
        }
    }
    Ok(())
}

/// Each server has the rows of a reference table. Citus refuses to write these next to rows of several servers
/// that are written at once.
#[test]
fn reference_rows_are_written_beside_rows_of_many_tenants() -> Result<(), Error> {
    for named in STRATEGIES {
        let test = format!("beside_{}", named.name);
        let Some(schema) = schema(&test, TABLES) else { return Ok(()) };
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        let accounts = add(&mut uow, 10);
        uow.commit()?;
        for &account in &accounts {
            uow[account].balance += 1;
        }
        let pound = uow.add(Currency { code: "GBP".into(), name: "Pound".into() });
        let account = uow.add(Account { currency: pound.into(), ..account(3, "new") });
        uow.commit()?;
        let euro = uow.find::<Currency>("EUR".to_owned())?.expect("it is there");
        uow[euro].name.push('!');
        uow[account].balance = 7;
        for &account in &accounts {
            uow[account].balance += 1;
        }
        let report = uow.commit()?;
        let is_one = ["auto", "one_trip"].contains(&named.name);
        assert!(!is_one || report.round_trips() == 1, "{}: {report:?}", named.name);
        let sql = "SELECT count(*) FILTER (WHERE balance = 12), count(*) FILTER (WHERE balance = 7 AND currency = 'GBP')
                   FROM accounts";
        assert_eq!(schema.rows(sql), ["10|1"], "{}", named.name);
        let sql = "SELECT string_agg(name, ' ' ORDER BY code) FROM currencies";
        assert_eq!(schema.rows(sql), ["Franc Euro! Pound"], "{}", named.name);
    }
    Ok(())
}

/// Rows of several tenants are flushed before it is known that rows of a reference table follow.
#[test]
fn reference_rows_follow_rows_of_many_tenants_in_a_transaction() -> Result<(), Error> {
    for named in STRATEGIES {
        let test = format!("follow_{}", named.name);
        let Some(schema) = schema(&test, TABLES) else { return Ok(()) };
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        let accounts = add(&mut uow, 10);
        uow.commit()?;
        for _ in 0..2 {
            for &account in &accounts {
                uow[account].balance += 1;
            }
            uow.commit()?;
        }
        for &account in &accounts {
            uow[account].balance += 1;
        }
        uow.flush()?;
        uow.add(Currency { code: "GBP".into(), name: "Pound".into() });
        let franc = uow.find::<Currency>("CHF".to_owned())?.expect("it is there");
        uow[franc].name.push('!');
        uow.commit().map_err(|error| Error::other(format!("{}: {error:?}", named.name)))?;
        let sql = "SELECT string_agg(name, ' ' ORDER BY code) FROM currencies";
        assert_eq!(schema.rows(sql), ["Franc! Euro Pound"], "{}", named.name);
        assert_eq!(schema.rows("SELECT DISTINCT balance FROM accounts"), ["13"], "{}", named.name);
    }
    Ok(())
}

/// Both parents have the tenant of the row, and Citus takes no `SET` of it.
#[test]
fn rows_move_to_new_parents_of_their_tenant() -> Result<(), Error> {
    for named in STRATEGIES {
        let test = format!("move_{}", named.name);
        let Some(schema) = schema(&test, TABLES) else { return Ok(()) };
        let mut client = schema.client();
        let strategy = (named.strategy)();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let accounts = add(&mut uow, 5);
        let moving = uow.add(entry(3, accounts[2], 77));
        uow.commit()?;
        for (at, tenant) in [(2, 3), (4, 5)] {
            let new = uow.add(account(tenant, "new"));
            let row = if tenant == 3 { moving } else { uow.add(entry(5, accounts[at], 78)) };
            uow[row].account = new.into();
            uow.commit().map_err(|error| Error::other(format!("{}: {error:?}", named.name)))?;
            let id = uow[new].id.expect("it was written");
            let sql = format!(
                "SELECT account_id = {id} FROM entries WHERE amount IN (77, 78) AND tenant_id = {tenant}"
            );
            assert_eq!(schema.rows(&sql), ["t"], "{}", named.name);
        }
    }
    Ok(())
}

/// Songs have a place, a code and a name that no other song of their tenant has.
#[derive(Model, Clone)]
#[model(table = "songs")]
struct Song {
    #[model(key)]
    tenant_id: i32,
    #[model(key)]
    id: i32,
    place: i32,
    code: uuid::Uuid,
    name: String,
}

/// Meanwhile one of two rows has a value that nobody has, which the server makes.
#[test]
fn rows_swap_unique_values() -> Result<(), Error> {
    let tables = "
        CREATE TABLE songs (tenant_id int, id int, place int NOT NULL, code uuid NOT NULL, name text NOT NULL,
            PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, place), UNIQUE (tenant_id, code), UNIQUE (tenant_id, name));
        SELECT create_distributed_table('songs', 'tenant_id')";
    for named in STRATEGIES {
        for is_placed in [false, true] {
            let tables = match is_placed {
                false => tables.to_owned(),
                true => tables.replace(
                    "create_distributed_table('songs', 'tenant_id')",
                    "citus_schema_distribute(current_schema()::regnamespace)",
                ),
            };
            let test = format!("swap_{}_{is_placed}", named.name);
            let Some(schema) = schema(&test, &tables) else { return Ok(()) };
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
            let mut songs = Vec::new();
            for n in 0..12 {
                let (tenant_id, id) = (1 + n % 3, n);
                let code = uuid::Uuid::from_u128(n as u128);
                let name = format!("song {n}");
                songs.push(uow.add(Song { tenant_id, id, place: n, code, name }));
            }
            uow.commit()?;
            // One column after the other, and then all of them.
            for columns in [1, 2, 4, 7] {
                let before: Vec<Song> = songs.iter().map(|&song| uow[song].clone()).collect();
                for (at, &song) in songs.iter().enumerate() {
                    // The next one of its tenant.
                    let next = &before[(at + 3) % songs.len()];
                    if columns & 1 != 0 {
                        uow[song].place = next.place;
                    }
                    if columns & 2 != 0 {
                        uow[song].code = next.code;
                    }
                    if columns & 4 != 0 {
                        uow[song].name.clone_from(&next.name);
                    }
                }
                uow.commit().map_err(|error| {
                    Error::other(format!("{} {is_placed} {columns}: {error:?}", named.name))
                })?;
                let mut expected: Vec<_> = songs.iter().map(|&song| &uow[song]).collect();
                expected.sort_by_key(|song| song.id);
                let show = |song: &&Song| {
                    format!("{}|{}|{}|{}", song.id, song.place, song.code, song.name)
                };
                let expected: Vec<_> = expected.iter().map(show).collect();
                let sql = "SELECT id, place, code, name FROM songs ORDER BY id";
                assert_eq!(schema.rows(sql), expected, "{} {columns}", named.name);
            }
        }
    }
    Ok(())
}

#[derive(Model, Clone)]
#[model(table = "letters")]
struct Letter {
    #[model(key)]
    id: String,
}

#[derive(Model, Clone)]
#[model(table = "replies")]
struct Reply {
    #[model(key)]
    id: i32,
    letter_id: ForeignKey<Letter>,
}

/// The server tells which rows with keys of text belong together, and so it numbers them in their order.
#[test]
fn rows_with_keys_of_text_are_in_order() -> Result<(), Error> {
    let tables = "
        CREATE TABLE letters (id text PRIMARY KEY);
        CREATE TABLE replies (id int PRIMARY KEY, letter_id text NOT NULL);
        SELECT create_distributed_table('letters', 'id'), create_distributed_table('replies', 'id');
        INSERT INTO letters SELECT 'n' || n FROM generate_series(10, 20) AS n;
        INSERT INTO replies SELECT n, 'n1' || n % 3 FROM generate_series(1, 60) AS n";
    let Some(schema) = schema("text", tables) else { return Ok(()) };
    let mut client = schema.client();
    let strategy = Strategy::default();
    for (is_split, limit) in
        [(false, None), (false, Some(4)), (false, None), (true, None), (true, Some(4))]
    {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Letter>("true").order_by("id").with(|letter| {
            let replies = letter.children::<Reply>().order_by("id DESC");
            if let Some(limit) = limit {
                replies.limit(limit);
            }
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let ids: Vec<_> = graph.roots().map(|letter| uow[letter].id.clone()).collect();
        assert_eq!(ids, (10..=20).map(|n| format!("n{n}")).collect::<Vec<_>>());
        for (at, letter) in graph.roots().enumerate() {
            let replies = graph.children::<Reply>(letter)?.map(|reply| uow[reply].id);
            let expected = (1..=60).rev().filter(|id| *id as usize % 3 == at);
            let most = limit.map_or(60, |limit| limit as usize);
            assert_eq!(replies.collect::<Vec<_>>(), expected.take(most).collect::<Vec<_>>());
        }
    }
    Ok(())
}

#[test]
fn natural_keys_find_add_and_write_over() -> Result<(), Error> {
    for named in STRATEGIES {
        let Some(schema) = schema(&format!("natural_{}", named.name), TABLES) else {
            return Ok(());
        };
        let mut client = schema.client();
        let strategy = (named.strategy)();
        let is_one = ["auto", "one_trip"].contains(&named.name);
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        add(&mut uow, 5);
        uow.commit()?;
        drop(uow);
        for round in 1..=2 {
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
            let mut all = Vec::new();
            for tenant in 1..=8 {
                let found = uow.find_or_add(account(tenant, "main"))?;
                uow.add(entry(tenant, found, 1));
                let mut other = account(tenant, "other");
                other.balance = 50;
                uow.upsert_with(other, Upsert::new().increment(["balance"]))?;
                all.push(found);
            }
            let report = uow
                .commit()
                .map_err(|error| Error::other(format!("{} {round}: {error:?}", named.name)))?;
            assert!(!is_one || report.round_trips() <= 2, "{report:?}");
            assert!(all.iter().all(|&account| uow[account].id.is_some()));
            let sums = "SELECT count(*), sum(balance) FROM accounts WHERE name = 'other'";
            assert_eq!(schema.rows(sums), [format!("8|{}", round * 400)], "{}", named.name);
            assert_eq!(schema.count("accounts"), 16);
            let lost = "SELECT count(*) FROM entries e LEFT JOIN accounts a USING (tenant_id)
                        WHERE a.id = e.account_id";
            assert_eq!(schema.rows(lost), [schema.count("entries").to_string()]);
        }
    }
    Ok(())
}

#[test]
fn a_worker_writes_as_the_coordinator_does() -> Result<(), Error> {
    let Some(schema) = schema("worker", TABLES) else { return Ok(()) };
    let worker = std::env::var("ONETRIP_CITUS_WORKER").expect("`scripts/with-citus` sets it");
    let mut client = schema.client_at(&worker);
    let mut uow = UnitOfWork::new(&mut client).with_strategy(OneTrip);
    let accounts = add(&mut uow, 10);
    assert_eq!(uow.commit()?.round_trips(), 1);
    for &account in &accounts {
        uow[account].balance += 1;
    }
    uow.commit()?;
    for &account in &accounts {
        uow[account].balance += 1;
    }
    assert_eq!(uow.commit()?.round_trips(), 1);
    drop(uow);
    let mut uow = UnitOfWork::new(&mut client);
    let graph = uow
        .query::<Account>("balance = 12")
        .with(|account| {
            account.children::<Entry>();
        })
        .load()?;
    assert_eq!(graph.roots().len(), 10);
    assert_eq!(schema.count("entries"), 20);
    Ok(())
}

#[test]
fn fifty_thousand_rows_are_one_round_trip() -> Result<(), Error> {
    let Some(schema) = schema("large", TABLES) else { return Ok(()) };
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(OneTrip);
    let mut accounts = Vec::new();
    for tenant in 1..=20 {
        for n in 0..500 {
            let account = uow.add(account(tenant, &format!("account {n}")));
            for amount in 0..4 {
                uow.add(entry(tenant, account, amount));
            }
            accounts.push(account);
        }
    }
    let report = uow.commit()?;
    assert_eq!((report.rows(), report.round_trips()), (50_000, 1));
    assert_eq!((schema.count("accounts"), schema.count("entries")), (10_000, 40_000));
    for &account in &accounts {
        uow[account].balance += 1;
    }
    uow.commit()?;
    assert_eq!(schema.rows("SELECT DISTINCT balance, version FROM accounts"), ["11|2"]);
    Ok(())
}

#[test]
fn a_failed_commit_leaves_nothing_and_is_diagnosed() -> Result<(), Error> {
    for named in STRATEGIES {
        let Some(schema) = schema(&format!("failed_{}", named.name), TABLES) else { return Ok(()) };
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        let accounts = add(&mut uow, 10);
        let twice = uow.add(account(4, "main"));
        let wide = uow.add(entry(6, accounts[5], 5_000_000));
        let error = uow.commit().expect_err("there are two of it");
        assert_eq!(error.kind(), ErrorKind::Database, "{}: {error:?}", named.name);
        assert!(
            [Some("accounts"), Some("entries"), None].contains(&error.table()),
            "{}: {error:?}",
            named.name
        );
        assert_eq!((schema.count("accounts"), schema.count("entries")), (0, 0), "{}", named.name);
        assert!(accounts.iter().all(|&account| uow[account].id.is_none()));
        let committed = uow
            .commit_valid()
            .map_err(|error| Error::other(format!("{}: {error:?}", named.name)))?;
        let refused: Vec<_> = committed.refused().iter().map(|r| r.to_string()).collect();
        assert_eq!(refused.len(), 2, "{}: {refused:?}", named.name);
        assert!(committed.refused().iter().any(|r| r.entity() == Some(twice)));
        assert!(committed.refused().iter().any(|r| r.entity() == Some(wide)));
        assert_eq!((schema.count("accounts"), schema.count("entries")), (10, 20));
    }
    Ok(())
}

#[test]
fn work_is_repeated_and_rows_are_locked() -> Result<(), Error> {
    let Some(schema) = schema("retry", TABLES) else { return Ok(()) };
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    add(&mut uow, 3);
    uow.commit()?;
    drop(uow);
    let other = &schema;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let mut client = other.client();
                for _ in 0..5 {
                    Retry::new()
                        .run(&mut client, |uow| {
                            let account = uow.find_by::<Account, _>((2, "main".to_owned()))?;
                            let account = account.expect("it is there");
                            uow[account].balance += 1;
                            Ok(())
                        })
                        .expect("it comes through");
                }
            });
        }
    });
    assert_eq!(schema.rows("SELECT balance FROM accounts WHERE tenant_id = 2"), ["30"]);
    Ok(())
}

/// The examples make their tables in schemas of their own.
#[test]
fn the_demo_and_the_import_run_in_schemas_that_lie_on_one_server() {
    let Some(schema) = schema("examples", "") else { return };
    let sharded = "options=-c%20citus.enable_schema_based_sharding%3Don";
    let separator = if schema.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}{sharded}", schema.url());
    let mut demo = program("demo");
    demo.env("DATABASE_URL", &url).args(["--json", "--latency=0", "--users=20"]);
    for (name, round_trips) in measured(&mut demo) {
        let expected = match &*name {
            "graph" => 2,
            "one_trip" | "auto" => 1,
            _ => continue,
        };
        assert_eq!(round_trips, expected, "{name}");
    }
    let repository = Repository::new("citus_git");
    for strategy in ["auto", "copy", "unnest", "batch", "row_by_row"] {
        for option in ["--drop", "--update", "--update"] {
            repository.commit(&format!("{strategy} {option}"));
            let mut import = program("git_import");
            import.env("DATABASE_URL", &url).arg(repository.path());
            // It checks by itself that the database has what git has.
            let output = run(import.args([option, "--strategy", strategy]));
            assert!(output.contains("as git has them"), "{output}");
        }
        schema.client().batch_execute("DROP SCHEMA onetrip_git CASCADE").expect("it is there");
    }
}

/// The coordinator goes on where one of the workers does not answer, and says so as any server can.
#[test]
fn an_error_of_a_lost_worker_says_where_to_look() -> Result<(), Error> {
    let tables = "
        CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE 'connection to the remote node app@10.0.0.7:5432 failed' USING ERRCODE = '08006';
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON notes EXECUTE FUNCTION refuse()";
    for named in STRATEGIES {
        let schema = Schema::new(&format!("lost_{}", named.name), tables);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        uow.add(Note { id: None, text: "new".into() });
        let error = uow.commit().expect_err("a worker is not there");
        assert_eq!(error.kind(), ErrorKind::Database, "{}: {error:?}", named.name);
        assert!(error.hint().is_some_and(|hint| hint.contains("node_health()")), "{error}");
        schema.client().batch_execute("DROP TRIGGER refuse ON notes").expect("it can be dropped");
        uow.commit().map_err(|error| Error::other(format!("{}: {error:?}", named.name)))?;
    }
    Ok(())
}

/// A column of an enum, one of a domain, and one that takes its DEFAULT.
#[derive(Model, Clone, Debug)]
#[model(table = "moods")]
struct Mood {
    #[model(key)]
    id: i32,
    #[model(sql_type = "mood")]
    mood: String,
    #[model(sql_type = "grade")]
    grade: Option<i32>,
    #[model(sql_type = "mood", default)]
    usual: Option<String>,
}

/// A table that somebody has named by a month, as shards are named by numbers.
#[derive(Model, Clone)]
#[model(table = "logs_202401")]
struct Log {
    #[model(key)]
    id: i32,
    code: i32,
}

/// What ends with a number is not cut where nobody has shards.
#[test]
fn names_that_end_with_numbers_stay() {
    let tables = "
        CREATE TABLE logs_202401 (id int PRIMARY KEY, code int CONSTRAINT code_202401 UNIQUE)";
    for named in STRATEGIES {
        let schema = Schema::new(&format!("months_{}", named.name), tables);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
        for id in [1, 2] {
            uow.add(Log { id, code: 7 });
        }
        let error = uow.commit().expect_err("there are two of it");
        let names = (error.table(), error.constraint());
        assert_eq!(names, (Some("logs_202401"), Some("code_202401")), "{}", named.name);
    }
}

/// A mood of a tenant, known by its label.
#[derive(Model, Clone, Debug)]
#[model(table = "feelings")]
struct Feeling {
    #[model(key, unique)]
    tenant_id: i32,
    #[model(key)]
    id: Option<i64>,
    #[model(unique, sql_type = "mood")]
    mood: String,
    #[model(sql_type = "mood")]
    other: String,
    uses: i32,
}

#[test]
fn rows_are_found_by_enums() -> Result<(), Error> {
    let tables = "
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE TABLE feelings (tenant_id int, id bigserial, mood mood NOT NULL, other mood NOT NULL, uses int NOT NULL,
            PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, mood))";
    for named in STRATEGIES {
        for placed in [
            "create_distributed_table('feelings', 'tenant_id')",
            "citus_schema_distribute(current_schema()::regnamespace)",
        ] {
            let test = format!("feelings_{}_{}", named.name, placed.len());
            let tables = format!("{tables}; SELECT {placed}");
            let Some(schema) = schema(&test, &tables) else { return Ok(()) };
            let mut client = schema.client();
            let strategy = (named.strategy)();
            for other in ["good", "bad"] {
                let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
                let feeling = |tenant_id, mood: &str| {
                    let (mood, other) = (mood.to_owned(), other.to_owned());
                    Feeling { tenant_id, id: None, mood, other, uses: 1 }
                };
                let mut all = Vec::new();
                for tenant in 1..=4 {
                    all.push(uow.find_or_add(feeling(tenant, "good"))?);
                    let upsert = Upsert::new().set(["other"]).increment(["uses"]);
                    all.push(uow.upsert_with(feeling(tenant, "bad"), upsert)?);
                }
                uow.commit().map_err(|error| {
                    Error::other(format!("{} {placed} {other}: {error:?}", named.name))
                })?;
                assert!(all.iter().all(|&feeling| uow[feeling].id.is_some()));
                assert!(all.iter().skip(1).step_by(2).all(|&bad| uow[bad].other == other));
            }
            let rows =
                "SELECT mood, other, uses, count(*) FROM feelings GROUP BY 1, 2, 3 ORDER BY 1";
            assert_eq!(schema.rows(rows), ["good|good|1|4", "bad|bad|2|4"], "{}", named.name);
        }
    }
    Ok(())
}

/// The name of a shard is in no name that an error has, wherever the shard lies.
#[test]
fn errors_have_the_names_of_the_whole_table() -> Result<(), Error> {
    for named in STRATEGIES {
        let Some(schema) = schema(&format!("names_{}", named.name), TABLES) else { return Ok(()) };
        let coordinator = std::env::var("DATABASE_URL").expect("it is there");
        let worker = std::env::var("ONETRIP_CITUS_WORKER").expect("`scripts/with-citus` sets it");
        for url in [coordinator, worker] {
            let mut client = schema.client_at(&url);
            let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
            let accounts = add(&mut uow, 8);
            uow.commit()?;
            for (tenant, &of) in (1..).zip(&accounts) {
                let seen = |uow: &mut UnitOfWork<'_>| {
                    let error = uow.commit().expect_err("it is refused");
                    let code = error.sqlstate().map(|code| code.code().to_owned());
                    let is_of_shard = [error.table(), error.constraint()]
                        .into_iter()
                        .flatten()
                        .any(|name| name.contains("_10"));
                    assert!(!is_of_shard, "{}: {error:?}", named.name);
                    (code.unwrap_or_default(), error.constraint().map(str::to_owned))
                };
                let twice = uow.add(account(tenant, "main"));
                let name = Some("accounts_tenant_id_name_key".to_owned());
                assert_eq!(seen(&mut uow), ("23505".to_owned(), name), "{}", named.name);
                uow.delete(twice)?;
                // Beside a row of another table.
                uow[of].balance += 1;
                let wide = uow.add(entry(tenant, of, 5_000_000));
                let name = Some("entries_amount".to_owned());
                assert_eq!(seen(&mut uow), ("23514".to_owned(), name), "{}", named.name);
                uow.delete(wide)?;
                let lost = ForeignKey::Key((tenant, 1_000_000));
                let lost = uow.add(Entry { account: lost, ..entry(tenant, of, 1) });
                let name = Some("entries_tenant_id_account_id_fkey".to_owned());
                assert_eq!(seen(&mut uow), ("23503".to_owned(), name), "{}", named.name);
                uow.delete(lost)?;
            }
            schema.client().batch_execute("DELETE FROM entries; DELETE FROM accounts").unwrap();
        }
    }
    Ok(())
}

/// Casts to these types depend on the session, and Citus takes them in few places.
#[test]
fn enums_and_domains_are_written_and_read_back() -> Result<(), Error> {
    let tables = "
        CREATE TYPE mood AS ENUM ('good', 'bad', 'none');
        CREATE DOMAIN grade AS int CHECK (VALUE < 7);
        CREATE TABLE moods (id int PRIMARY KEY, mood mood NOT NULL, grade grade, usual mood DEFAULT 'none')";
    for named in STRATEGIES {
        for placed in [
            "create_distributed_table('moods', 'id')",
            "citus_schema_distribute(current_schema()::regnamespace)",
        ] {
            let test = format!("moods_{}_{}", named.name, placed.len());
            let tables = format!("{tables}; SELECT {placed}");
            let Some(schema) = schema(&test, &tables) else { return Ok(()) };
            let mut client = schema.client();
            let failed = |error: Error| Error::other(format!("{} {placed}: {error:?}", named.name));
            let mut uow = UnitOfWork::new(&mut client).with_strategy((named.strategy)());
            let mood = |id| Mood { id, mood: "good".into(), grade: Some(1), usual: None };
            let moods: Vec<_> = (0..6).map(|id| uow.add(mood(id))).collect();
            uow.commit().map_err(failed)?;
            assert!(moods.iter().all(|&mood| uow[mood].usual.as_deref() == Some("none")));
            for &mood in &moods {
                uow[mood].mood = "bad".into();
            }
            uow.commit().map_err(failed)?;
            // Different columns, and a DEFAULT that is read back.
            uow[moods[0]].grade = None;
            uow[moods[1]].grade = Some(6);
            uow[moods[2]].mood = "none".into();
            uow[moods[3]].usual = Some("good".into());
            uow.commit().map_err(failed)?;
            uow[moods[3]].usual = None;
            uow.commit().map_err(failed)?;
            assert_eq!(uow[moods[3]].usual.as_deref(), Some("none"), "{}", named.name);
            uow[moods[4]].grade = Some(7);
            let error = uow.commit().expect_err("the domain refuses it");
            assert_eq!(error.sqlstate().map(|code| code.code()), Some("23514"), "{error:?}");
            uow[moods[4]].grade = Some(2);
            uow.delete(moods[5])?;
            uow.commit().map_err(failed)?;
            assert_eq!(
                schema.rows("SELECT id, mood, grade, usual FROM moods ORDER BY id"),
                [
                    "0|bad|NULL|none",
                    "1|bad|6|none",
                    "2|none|1|none",
                    "3|bad|1|none",
                    "4|bad|2|none"
                ],
                "{}",
                named.name
            );
        }
    }
    Ok(())
}

#[test]
fn what_citus_refuses_says_so() -> Result<(), Error> {
    let Some(schema) = schema("refused", TABLES) else { return Ok(()) };
    let mut client = schema.client();
    let folders =
        "CREATE TABLE folders (tenant_id int, id int, parent int, PRIMARY KEY (tenant_id, id));
        SELECT create_distributed_table('folders', 'tenant_id')";
    client.batch_execute(folders).expect("the table can be made");
    let is_of_citus = |error: Error| {
        error.hint().is_some_and(|hint| hint.contains("Citus")).then_some(()).ok_or(error)
    };
    let mut uow = UnitOfWork::new(&mut client);
    let accounts = add(&mut uow, 4);
    uow.commit()?;
    uow[accounts[0]].tenant_id = 9;
    is_of_citus(uow.commit().expect_err("a row does not move to another server"))?;
    uow.rollback();
    uow.query::<Account>("tenant_id = $1").bind(1).for_update().load()?;
    uow.rollback();
    let all = uow.query::<Account>("true").for_update().load();
    is_of_citus(all.expect_err("rows of several servers are not locked"))?;
    uow.rollback();
    let tree = uow
        .query::<Folder>("tenant_id = 1")
        .with(|folder| {
            folder.descendants();
        })
        .load();
    is_of_citus(tree.map(drop).expect_err("nothing is recursive"))
}

#[derive(Model, Clone, Debug)]
#[model(table = "folders")]
struct Folder {
    #[model(key)]
    tenant_id: i32,
    #[model(key)]
    id: i32,
    #[model(column("tenant_id", "parent"))]
    parent: Option<ForeignKey<Folder>>,
}
