//! What a diagnosis has to mind: transactions, budgets, and errors that look like those of other rows.

use onetrip::{
    Copy, Diagnosis, ErrorKind, ForeignKey, Handle, Model, Operation, OtherParty, RowByRow,
    UnitOfWork,
};

use crate::common::Schema;

#[derive(Model, Clone, Debug)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    #[model(unique)]
    name: String,
    place: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: String,
    user_id: ForeignKey<User>,
}

const TABLES: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name varchar(12) NOT NULL UNIQUE,
        place int NOT NULL CONSTRAINT users_place UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE addresses (id serial PRIMARY KEY, email varchar(20) NOT NULL UNIQUE,
        user_id int NOT NULL REFERENCES users);
    INSERT INTO users (name, place) SELECT 'old ' || n, -n FROM generate_series(1, 20) AS n;";

fn user(n: i32) -> User {
    User { id: None, name: format!("user {n}"), place: n }
}

fn address(email: &str, user: Handle<User>) -> Address {
    Address { id: None, email: email.to_owned(), user_id: user.into() }
}

fn users(diagnosis: &Diagnosis) -> Vec<Handle<User>> {
    diagnosis.culprits().iter().filter_map(|culprit| culprit.entity()).collect()
}

#[test]
fn inside_a_transaction_of_the_caller_its_own_work_stays() {
    let schema = Schema::new("diagnosis_nested", TABLES);
    let mut client = schema.client();
    let mut transaction = client.transaction().unwrap();
    transaction.batch_execute("INSERT INTO users (name, place) VALUES ('mine', 1000)").unwrap();
    let mut uow = UnitOfWork::new(&mut transaction);
    let all: Vec<_> = (0..50).map(|n| uow.add(user(n))).collect();
    uow[all[33]].name = "mine".into();
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [all[33]], "{diagnosis}");
    assert!(diagnosis.is_complete());
    uow[all[33]].name = "mended".into();
    uow.commit().unwrap();
    drop(uow);
    let count: i64 = transaction.query_one("SELECT count(*) FROM users", &[]).unwrap().get(0);
    assert_eq!(count, 71);
    transaction.commit().unwrap();
    assert_eq!(schema.count("users"), 71);
}

#[test]
fn what_was_flushed_before_stays() {
    let schema = Schema::new("diagnosis_flushed", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let first = uow.add(user(0));
    uow.flush().unwrap();
    let id = uow[first].id;
    let all: Vec<_> = (1..20).map(|n| uow.add(user(n))).collect();
    uow[all[7]].name = "user 0".into();
    let error = uow.flush().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [all[7]], "{diagnosis}");
    assert!(matches!(diagnosis.culprits()[0].other(), Some(OtherParty::RowOfDatabase)));
    assert_eq!(uow[first].id, id);
    let failed = uow.savepoint(|uow| -> Result<(), onetrip::Error> {
        uow[all[7]].name = "mended".into();
        uow.add(user(1));
        let error = uow.flush().unwrap_err();
        assert_eq!(uow.diagnose(&error)?.culprits().len(), 1);
        Err(error)
    });
    assert!(failed.is_err());
    uow[all[7]].name = "mended".into();
    uow.commit().unwrap();
    assert_eq!(schema.count("users"), 40);
}

#[test]
fn a_budget_is_kept_and_said() {
    let schema = Schema::new("diagnosis_budget", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..200).map(|n| uow.add(user(n))).collect();
    uow[all[150]].name = "much too long for it".into();
    let error = uow.commit().unwrap_err();
    for budget in 0..40 {
        let diagnosis = uow.diagnose_within(&error, budget).unwrap();
        assert!(diagnosis.round_trips() <= budget as u64, "{budget}: {diagnosis}");
        let named = users(&diagnosis);
        assert!(named.is_empty() || named == [all[150]], "{diagnosis}");
        assert!(!diagnosis.is_complete() || named == [all[150]], "{diagnosis}");
        if budget == 39 {
            assert!(diagnosis.is_complete());
        }
    }
    let mut uow = uow.with_round_trip_budget(1);
    let diagnosis = uow.diagnose(&error).unwrap();
    assert!(diagnosis.culprits().is_empty() && !diagnosis.is_complete());
    assert!(diagnosis.to_string().contains("budget"), "{diagnosis}");
}

#[test]
fn an_error_about_no_row_sends_nothing() {
    let schema = Schema::new("diagnosis_no_row", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(user(0));
    schema.client().batch_execute("ALTER TABLE users RENAME TO people").unwrap();
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!((diagnosis.round_trips(), diagnosis.culprits().len()), (0, 0), "{diagnosis}");
    assert!(!diagnosis.is_complete());
    assert!(error.entity::<User>().is_none());
}

#[test]
fn what_is_refused_to_all_rows_is_no_rows_fault() {
    let role = format!("diagnosis_{}", std::process::id());
    let schema = Schema::new("diagnosis_privilege", TABLES);
    let mut admin = schema.client();
    let name = schema.name();
    admin
        .batch_execute(&format!(
            "DROP ROLE IF EXISTS {role}; CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role};
             GRANT ALL ON ALL SEQUENCES IN SCHEMA {name} TO {role};
             GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {role};"
        ))
        .unwrap();
    let mut client = schema.session();
    client.batch_execute(&format!("SET ROLE {role}")).unwrap();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..40).map(|n| uow.add(user(n))).collect();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42501");
    let diagnosis = uow.diagnose(&error).unwrap();
    assert!(diagnosis.culprits().is_empty() && !diagnosis.is_complete(), "{diagnosis}");
    assert!(diagnosis.round_trips() < 60, "{diagnosis}");
    assert_eq!(uow.commit_valid().unwrap_err().sqlstate().unwrap().code(), "42501");
    // A policy is about some of the rows.
    admin
        .batch_execute(&format!(
            "GRANT INSERT ON users TO {role}; ALTER TABLE users ENABLE ROW LEVEL SECURITY;
             CREATE POLICY seen ON users FOR SELECT USING (true);
             CREATE POLICY small ON users FOR INSERT WITH CHECK (place < 100);"
        ))
        .unwrap();
    uow[all[23]].place = 100;
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42501");
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [all[23]], "{diagnosis}");
    drop(uow);
    drop(client);
    drop(schema);
    admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

/// What was mended since is not named, whatever the error says.
#[test]
fn an_error_that_is_out_of_date() {
    let schema = Schema::new("diagnosis_mended", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client).with_strategy(Copy);
    let all: Vec<_> = (0..40).map(|n| uow.add(user(n))).collect();
    uow[all[5]].name = "much too long for it".into();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.entity(), Some(all[5]));
    uow[all[5]].name = "mended".into();
    uow[all[30]].name = "much too long for it".into();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [all[30]], "{diagnosis}");
}

#[test]
fn an_error_that_does_not_come_up_again_names_nobody() {
    let schema = Schema::new("diagnosis_gone", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..9).map(|n| uow.add(user(n))).collect();
    uow[all[4]].name = "old 3".into();
    let error = uow.commit().unwrap_err();
    schema.client().batch_execute("DELETE FROM users WHERE name = 'old 3'").unwrap();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert!(diagnosis.culprits().is_empty() && !diagnosis.is_complete(), "{diagnosis}");
    uow.commit().unwrap();
}

/// Two rows that swap their places violate the constraint until both are written.
#[test]
fn rows_that_swap_a_deferred_value_are_innocent() {
    let schema = Schema::new("diagnosis_swap", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let old = uow.query::<User>("true").order_by("id").load().unwrap();
    (uow[old[0]].place, uow[old[1]].place) = (-2, -1);
    uow[old[6]].place = -15;
    let error = uow.commit().unwrap_err();
    assert_eq!(error.constraint(), Some("users_place"));
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [old[6]], "{diagnosis}");
    assert_eq!(diagnosis.culprits()[0].operation(), Operation::Update);
    uow[old[6]].place = -7;
    uow.commit().unwrap();
}

/// A trigger that looks at what belongs together when the transaction ends.
#[test]
fn a_user_without_an_address_is_named_and_not_those_with_one() {
    for deferred in ["DEFERRABLE INITIALLY DEFERRED", "NOT DEFERRABLE"] {
        let schema = Schema::new(
            "diagnosis_together",
            &format!(
                "{TABLES} CREATE FUNCTION has_address() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NOT EXISTS (SELECT FROM addresses WHERE user_id = NEW.id) THEN
                        RAISE 'a user needs an address'; END IF; RETURN NEW; END $$;
                CREATE CONSTRAINT TRIGGER has_address AFTER INSERT ON users {deferred}
                    FOR EACH ROW EXECUTE FUNCTION has_address();"
            ),
        );
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(onetrip::OneTrip);
        let all: Vec<_> = (0..30).map(|n| uow.add(user(n))).collect();
        for (n, &user) in all.iter().enumerate().filter(|(n, _)| *n != 17) {
            uow.add(address(&format!("{n}@x"), user));
        }
        let error = uow.commit().unwrap_err();
        let diagnosis = uow.diagnose(&error).unwrap();
        assert!(users(&diagnosis).iter().all(|user| *user == all[17]), "{deferred} {diagnosis}");
        assert_eq!(users(&diagnosis), [all[17]], "{deferred} {diagnosis}");
    }
}

#[test]
fn faults_of_other_kinds_are_in_nobodys_way() {
    let schema = Schema::new("diagnosis_others", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..60).map(|n| uow.add(user(n))).collect();
    let owned: Vec<_> =
        all.iter().map(|&user| uow.add(address(&format!("{user:?}"), user))).collect();
    uow[all[50]].name = "much too long for it".into();
    uow[all[20]].name = "old 5".into();
    uow[all[40]].name = "user 1".into();
    uow[owned[3]].user_id = ForeignKey::Key(-1);
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    match error.sqlstate().unwrap().code() {
        "22001" => assert_eq!(users(&diagnosis), [all[50]], "{diagnosis}"),
        "23505" => assert_eq!(users(&diagnosis), [all[20], all[40]], "{diagnosis}"),
        code => panic!("{code}"),
    }
    assert!(diagnosis.is_complete(), "{diagnosis}");
}

#[test]
fn a_copied_row_and_a_row_by_itself_are_named_for_nothing() {
    let schema = Schema::new("diagnosis_free", TABLES);
    let (mut client, mut other) = (schema.client(), schema.client());
    for strategy in [onetrip::Strategy::from(Copy), RowByRow.into()] {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy);
        let all: Vec<_> = (0..60).map(|n| uow.add(user(n))).collect();
        for wrong in ["much too long for it", "old 5", "user 3"] {
            uow[all[50]].name = wrong.into();
            let error = uow.commit().unwrap_err();
            assert_eq!(error.entity::<User>(), Some(all[50]), "{error:?}");
            assert_eq!(error.table(), Some("users"));
            let diagnosis = uow.diagnose(&error).unwrap();
            assert_eq!(users(&diagnosis), [all[50]], "{diagnosis}");
            assert!(diagnosis.is_complete());
        }
    }
    // The one row of the commit, in one statement; and the one table.
    let mut uow = UnitOfWork::new(&mut other);
    let only = uow.add(User { id: None, name: "much too long for it".into(), place: 1 });
    let error = uow.commit().unwrap_err();
    assert_eq!((error.entity(), error.table()), (Some(only), Some("users")));
    uow.add(user(3));
    let error = uow.commit().unwrap_err();
    assert_eq!((error.entity::<User>(), error.table()), (None, Some("users")));
}

#[test]
fn a_deleted_row_that_others_refer_to() {
    let schema = Schema::new(
        "diagnosis_deleted",
        &format!("{TABLES} INSERT INTO addresses (email, user_id) VALUES ('a', 13);"),
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let old = uow.query::<User>("true").order_by("id").load().unwrap();
    for &user in &old {
        uow.delete(user).unwrap();
    }
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [old[12]], "{diagnosis}");
    let culprit = &diagnosis.culprits()[0];
    assert_eq!((culprit.operation(), culprit.row(), culprit.rows()), (Operation::Delete, 13, 20));
    uow.undelete(old[12]).unwrap();
    uow.commit().unwrap();
    assert_eq!(schema.count("users"), 1);
}

#[test]
fn rows_that_are_found_or_added() {
    let schema = Schema::new("diagnosis_natural", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..40)
        .map(|n| {
            let name = if n % 2 == 0 { format!("user {n}") } else { format!("old {}", n / 2 + 1) };
            let user = User { id: None, name, place: n };
            if n % 3 == 0 { uow.upsert(user).unwrap() } else { uow.find_or_add(user).unwrap() }
        })
        .collect();
    let owned: Vec<_> =
        all.iter().map(|&user| uow.add(address(&format!("{user:?}"), user))).collect();
    uow[owned[31]].email = "an address that is too long".into();
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    let named: Vec<_> = diagnosis.culprits().iter().map(|culprit| culprit.entity()).collect();
    assert_eq!(named, [Some(owned[31])], "{diagnosis}");
    uow[owned[31]].email = "short".into();
    uow[all[20]].name = "much too long for it".into();
    let error = uow.commit().unwrap_err();
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!(users(&diagnosis), [all[20]], "{diagnosis}");
}

#[test]
fn a_value_that_cannot_be_sent_takes_no_round_trip() {
    let schema = Schema::new("diagnosis_unsendable", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..40).map(|n| uow.add(user(n))).collect();
    uow[all[9]].name = "\0".into();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!((users(&diagnosis), diagnosis.round_trips()), (vec![all[9]], 0), "{diagnosis}");
    assert_eq!(diagnosis.culprits()[0].column(), Some("name"));
}

#[test]
fn entities_that_were_stale_are_named_again() {
    let schema = Schema::new("diagnosis_stale", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let old = uow.query::<User>("true").order_by("id").load().unwrap();
    for (n, &user) in old.iter().enumerate() {
        uow[user].name = format!("new {n}");
    }
    schema.client().batch_execute("DELETE FROM users WHERE id = 5").unwrap();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    let diagnosis = uow.diagnose(&error).unwrap();
    assert_eq!((users(&diagnosis), diagnosis.round_trips()), (vec![old[4]], 0), "{diagnosis}");
}

#[test]
fn what_is_valid_is_committed_and_the_rest_comes_back_with_its_reason() {
    let schema = Schema::new("diagnosis_valid", TABLES);
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all: Vec<_> = (0..60).map(|n| uow.add(user(n))).collect();
    let owned: Vec<_> = (0..60).map(|n| uow.add(address(&format!("{n}@x"), all[n]))).collect();
    uow[all[50]].name = "much too long for it".into();
    uow[all[20]].name = "old 5".into();
    uow[all[30]].place = 31;
    uow[owned[3]].user_id = ForeignKey::Key(-1);
    uow[owned[4]].email = "\0".into();
    let committed = uow.commit_valid().unwrap();
    let refused: Vec<String> = committed.refused().iter().map(ToString::to_string).collect();
    // The address that cannot be sent, the two of users that are refused, and the dangling one.
    assert_eq!(refused.len(), 8, "{refused:#?}");
    assert_eq!(committed.report().rows(), 112);
    assert_eq!((schema.count("users"), schema.count("addresses")), (77, 55));
    for (user, constraint) in [(all[50], None), (all[20], Some("users_name_key"))] {
        let culprit = committed.refused().iter().find(|c| c.entity() == Some(user)).unwrap();
        assert_eq!(culprit.constraint(), constraint);
    }
    let waits = committed.refused().iter().find(|c| c.entity() == Some(owned[20])).unwrap();
    let Some(OtherParty::Refused(other)) = waits.other() else { panic!("{waits:?}") };
    assert_eq!(other.entity(), Some(all[20]));
    assert_eq!(
        waits.to_string(),
        "addresses: row 21 of 60 (new): it refers to row 21 of users, which is refused"
    );
    // They are as they were, and those that are mended are written with the next commit.
    assert!(uow[all[0]].id.is_some() && uow[all[50]].id.is_none());
    uow[all[50]].name = "short".into();
    uow[all[20]].name = "other".into();
    uow[all[30]].place = 99;
    uow[all[31]].place = 98;
    uow[owned[4]].email = "4".into();
    uow.expunge(owned[3]).unwrap();
    let committed = uow.commit_valid().unwrap();
    assert!(committed.refused().is_empty());
    assert_eq!((schema.count("users"), schema.count("addresses")), (80, 59));
}

#[test]
fn changes_and_deletions_that_are_valid_are_committed_too() {
    let schema = Schema::new(
        "diagnosis_valid_changes",
        &format!("{TABLES} INSERT INTO addresses (email, user_id) VALUES ('a', 13);"),
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let old = uow.query::<User>("true").order_by("id").load().unwrap();
    for (n, &user) in old.iter().enumerate() {
        match n {
            0..10 => uow[user].name = format!("new {n}"),
            _ => uow.delete(user).unwrap(),
        }
    }
    uow[old[3]].name = "much too long for it".into();
    let committed = uow.commit_valid().unwrap();
    let refused: Vec<_> = committed.refused().iter().map(|culprit| culprit.entity()).collect();
    assert_eq!(refused.len(), 2, "{committed:?}");
    assert!(refused.contains(&Some(old[3])) && refused.contains(&Some(old[12])));
    assert_eq!((committed.report().updated_rows(), committed.report().deleted_rows()), (9, 9));
    assert_eq!(schema.rows("SELECT count(*) FROM users WHERE name LIKE 'new %'"), ["9"]);
    assert_eq!(schema.count("users"), 11);
    // What was refused is still to be done.
    assert_eq!(uow.plan().unwrap().updated_rows(), 1);
    assert_eq!(uow.plan().unwrap().deleted_rows(), 1);
}

#[test]
fn nothing_is_asked_while_the_outcome_is_unknown() {
    let schema = Schema::new(
        "diagnosis_unknown",
        &format!(
            "{TABLES} CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
            CREATE TRIGGER kill BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION kill()"
        ),
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    uow.add(user(0));
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    let refused = uow.diagnose(&error).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnknownOutcome);
    uow.resolve_unknown(false).unwrap();
    let refused = uow.diagnose(&error).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnknownOutcome);
}

mod others {
    //! Rows that are innocent, and what nobody can know.

    use onetrip::{Diagnosis, ForeignKey, Handle, Model, OtherParty, UnitOfWork};

    use crate::common::Schema;

    #[derive(Model, Clone, Debug)]
    #[model(table = "items")]
    struct Item {
        #[model(key)]
        id: Option<i32>,
        name: String,
        num: Option<i32>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(table = "parts")]
    struct Part {
        #[model(key)]
        id: Option<i32>,
        item_id: ForeignKey<Item>,
    }

    #[derive(Model, Clone, Debug)]
    #[model(table = "codes")]
    struct Code {
        #[model(key)]
        id: Option<i32>,
        #[model(default)]
        code: Option<String>,
        above: Option<String>,
    }

    const TABLES: &str = "
        CREATE TABLE items (id serial PRIMARY KEY, name char(5) UNIQUE, num int);
        CREATE TABLE parts (id serial PRIMARY KEY, item_id int NOT NULL REFERENCES items);
        CREATE TABLE codes (id serial PRIMARY KEY, code text UNIQUE DEFAULT 'dflt',
            above text REFERENCES codes (code));";

    const CHAIN: &str = "
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.num > 0 AND NOT EXISTS (SELECT FROM items WHERE num = NEW.num - 1) THEN
                RAISE 'no row before this' USING ERRCODE = RAISES, CONSTRAINT = 'chain';
            END IF;
            RETURN NEW; END $$;
        CREATE TRIGGER look BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION look();";

    fn item(id: Option<i32>, name: &str, num: Option<i32>) -> Item {
        Item { id, name: name.to_owned(), num }
    }

    fn named<T: Model>(diagnosis: &Diagnosis) -> Vec<Handle<T>> {
        diagnosis.culprits().iter().filter_map(|culprit| culprit.entity()).collect()
    }

    #[test]
    fn what_a_trigger_says_of_missing_rows_is_said_of_the_first_alone() {
        for code in ["P0001", "23503", "23514", "23505"] {
            let chain = CHAIN.replace("RAISES", &format!("'{code}'"));
            let schema = Schema::new("diagnosis_chain", &format!("{TABLES}{chain}"));
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client);
            let all: Vec<_> = [0, 1, 5, 6, 7, 2]
                .map(|num| uow.add(item(None, &format!("i{num}"), Some(num))))
                .to_vec();
            let error = uow.commit().unwrap_err();
            let diagnosis = uow.diagnose(&error).unwrap();
            // 6 and 7 only follow.
            assert_eq!(named::<Item>(&diagnosis), [all[2]], "{code}: {diagnosis}");
            assert!(!diagnosis.is_complete(), "{diagnosis}");
        }
    }

    #[test]
    fn a_row_may_need_what_a_refused_one_would_get_from_the_database() {
        let schema = Schema::new("diagnosis_defaults", TABLES);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client);
        let code = |code: Option<&str>, above: Option<&str>| Code {
            id: None,
            code: code.map(str::to_owned),
            above: above.map(str::to_owned),
        };
        uow.add(code(Some("root"), None));
        let guilty = uow.add(code(None, Some("zzz")));
        uow.add(code(Some("leaf"), Some("dflt")));
        let error = uow.commit().unwrap_err();
        let diagnosis = uow.diagnose(&error).unwrap();
        let named = named::<Code>(&diagnosis);
        assert!(named.is_empty() || named == [guilty], "{diagnosis}");
        uow[guilty].above = None;
        uow.commit().unwrap();
    }

    #[test]
    fn no_row_of_an_empty_table_is_the_other_party() {
        let schema = Schema::new("diagnosis_padded", TABLES);
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client);
        uow.add(item(None, "ab", None));
        let second = uow.add(item(None, "ab ", None));
        let error = uow.commit().unwrap_err();
        let diagnosis = uow.diagnose(&error).unwrap();
        assert_eq!(named::<Item>(&diagnosis), [second], "{diagnosis}");
        assert!(!matches!(diagnosis.culprits()[0].other(), Some(OtherParty::RowOfDatabase)));
    }

    #[test]
    fn children_of_a_key_that_is_there_all_the_same_are_committed() {
        let schema = Schema::new("diagnosis_twice", TABLES);
        let mut client = schema.client();
        client.batch_execute("INSERT INTO items (id, name) VALUES (3, 'three')").unwrap();
        let mut uow = UnitOfWork::new(&mut client);
        uow.add(item(Some(7), "seven", None));
        let twice = uow.add(item(Some(7), "again", None));
        let known = uow.add(item(Some(3), "new", None));
        for key in [7, 3] {
            uow.add(Part { id: None, item_id: ForeignKey::Key(key) });
        }
        let by_handle = uow.add(Part { id: None, item_id: known.into() });
        let committed = uow.commit_valid().unwrap();
        let refused: Vec<_> =
            committed.refused().iter().filter_map(|r| r.entity::<Item>()).collect();
        assert_eq!(refused, [twice, known]);
        let parts: Vec<_> = committed.refused().iter().filter_map(|r| r.entity::<Part>()).collect();
        assert_eq!(parts, [by_handle]);
        assert_eq!(schema.rows("SELECT item_id FROM parts ORDER BY 1"), ["3", "7"]);
    }
}
