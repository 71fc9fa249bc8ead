//! Foreign keys and triggers that act on rows of a commit, where models do not show it: behind views,
//! partitions, defaults, sequences, and in types that take more for equal than bytes.

use onetrip::{ErrorKind, ForeignKey, Model, UnitOfWork};

use crate::{Setup, suite};

suite! {
    a_view_of_the_parent: super::VIEWS,
    a_view_of_the_child: super::VIEWS,
    a_child_below_what_a_view_deletes_is_refused: super::VIEWS,
    views_that_models_tie_keep_their_order: super::VIEWS,
    a_partition: super::PARTITION,
    a_foreign_key_to_a_partition: super::TO_PARTITION,
    a_foreign_key_of_a_partition: super::OF_PARTITION,
    a_table_that_inherits: super::INHERITS,
    a_default_that_refers: super::DEFAULT,
    a_trigger_that_refers: super::TRIGGER,
    a_sequence_that_is_behind: super::BEHIND,
    a_generated_column_that_is_referred_to: super::GENERATED,
    a_column_that_a_trigger_sets_is_referred_to: super::SET_BY_TRIGGER,
    texts_that_are_equal_as_another_type: super::UUIDS,
    a_foreign_key_that_is_new: super::NEW,
    a_constraint_that_is_renamed: super::RENAMED,
    a_trigger_that_clears_the_others: super::ONE_MAIN,
    a_policy_that_looks_at_the_parent: super::POLICY,
    a_value_that_looks_like_a_check: super::FORGED,
    a_trigger_that_frees_a_unique_value: super::FREED,
}

#[derive(Model, Clone, Debug)]
#[model(table = "p")]
struct Parent {
    #[model(key)]
    id: i32,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "c")]
struct Child {
    #[model(key)]
    id: i32,
    p_id: Option<i32>,
}

macro_rules! tables {
    ($sql:literal) => {
        concat!(
            "CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL);
            CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES p ON DELETE CASCADE);
            INSERT INTO p VALUES (1, 'old'), (2, 'other'); INSERT INTO c VALUES (10, 1);",
            $sql
        )
    };
}

const CHILDREN: &str = "SELECT * FROM c ORDER BY id";

/// Replaces the parent of key 1 by a new row of a model's, with a new child of another's.
macro_rules! replace {
    ($setup:ident, $parent:ident, $child:ident) => {{
        let mut client = $setup.client();
        let mut uow = $setup.uow(&mut client);
        let old = uow.find::<$parent>(1).unwrap().unwrap();
        uow.delete(old).unwrap();
        uow.add($parent { id: 1, name: "new".to_owned() });
        uow.add($child { id: 100, p_id: Some(1) });
        uow.commit().unwrap();
        assert_eq!($setup.schema.rows(CHILDREN), ["100|1"]);
        assert_eq!($setup.schema.rows("SELECT name FROM p WHERE id = 1"), ["new"]);
    }};
}

const VIEWS: &str =
    tables!("CREATE VIEW vp AS SELECT * FROM p; CREATE VIEW vc AS SELECT * FROM c;");

#[derive(Model, Clone, Debug)]
#[model(table = "vp")]
struct ParentView {
    #[model(key)]
    id: i32,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "vc")]
struct ChildView {
    #[model(key)]
    id: i32,
    p_id: Option<i32>,
}

fn a_view_of_the_parent(setup: &Setup) {
    replace!(setup, ParentView, Child);
}

fn a_view_of_the_child(setup: &Setup) {
    replace!(setup, Parent, ChildView);
}

fn a_child_below_what_a_view_deletes_is_refused(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<ParentView>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(Child { id: 100, p_id: Some(1) });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().map(|code| code.code()), Some("23503"), "{error}");
    assert_eq!(setup.schema.rows(CHILDREN), ["10|1"]);
}

#[derive(Model, Clone, Debug)]
#[model(table = "vc")]
struct TiedView {
    #[model(key)]
    id: i32,
    p_id: ForeignKey<ParentView>,
}

fn views_that_models_tie_keep_their_order(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let [old, other] = [1, 2].map(|id| uow.find::<ParentView>(id).unwrap().unwrap());
    let child = uow.find::<TiedView>(10).unwrap().unwrap();
    uow[child].p_id = other.into();
    uow.delete(old).unwrap();
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["10|2"]);
}

const PARTITION: &str = "
    CREATE TABLE whole (id int PRIMARY KEY, name text NOT NULL) PARTITION BY RANGE (id);
    CREATE TABLE p PARTITION OF whole DEFAULT;
    CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES whole ON DELETE CASCADE);
    INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);";

fn a_partition(setup: &Setup) {
    replace!(setup, Parent, Child);
}

const TO_PARTITION: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p DEFAULT;
    CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES p1 ON DELETE CASCADE);
    INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);";

fn a_foreign_key_to_a_partition(setup: &Setup) {
    replace!(setup, Parent, Child);
}

const OF_PARTITION: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE c (id int PRIMARY KEY, p_id int) PARTITION BY RANGE (id);
    CREATE TABLE c1 PARTITION OF c DEFAULT;
    ALTER TABLE c1 ADD FOREIGN KEY (p_id) REFERENCES p ON DELETE CASCADE;
    INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);";

fn a_foreign_key_of_a_partition(setup: &Setup) {
    replace!(setup, Parent, Child);
}

const INHERITS: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE p1 (PRIMARY KEY (id)) INHERITS (p);
    CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES p1 ON DELETE CASCADE);
    INSERT INTO p1 VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);";

#[derive(Model, Clone, Debug)]
#[model(table = "p1")]
struct Heir {
    #[model(key)]
    id: i32,
    name: String,
}

fn a_table_that_inherits(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(Heir { id: 1, name: "new".to_owned() });
    uow.add(Child { id: 100, p_id: Some(1) });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["100|1"]);
}

const DEFAULT: &str = tables!("ALTER TABLE c ALTER p_id SET DEFAULT 1");

#[derive(Model, Clone, Debug)]
#[model(table = "c")]
struct DefaultChild {
    #[model(key)]
    id: i32,
    #[model(default)]
    p_id: Option<i32>,
}

fn a_default_that_refers(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(Parent { id: 1, name: "new".to_owned() });
    let child = uow.add(DefaultChild { id: 100, p_id: None });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["100|1"]);
    assert_eq!(uow[child].p_id, Some(1));
}

const TRIGGER: &str = tables!(
    "CREATE FUNCTION refer() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.p_id := 1; RETURN NEW; END $$;
    CREATE TRIGGER refer BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION refer();"
);

fn a_trigger_that_refers(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(Parent { id: 1, name: "new".to_owned() });
    uow.add(Child { id: 100, p_id: None });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["100|1"]);
}

const BEHIND: &str = "
    CREATE TABLE p (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE c (id int PRIMARY KEY,
        p_id int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
    INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);";

#[derive(Model, Clone, Debug)]
#[model(table = "p")]
struct Serial {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "c")]
struct SerialChild {
    #[model(key)]
    id: i32,
    p_id: ForeignKey<Serial>,
}

fn a_sequence_that_is_behind(setup: &Setup) {
    for deletes in [true, false] {
        let mut client = setup.client();
        client
            .batch_execute(
                "TRUNCATE p, c; INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);
                SELECT setval('p_id_seq', 1, false)",
            )
            .unwrap();
        let mut uow = setup.uow(&mut client);
        let old = uow.find::<Serial>(1).unwrap().unwrap();
        if deletes {
            uow.delete(old).unwrap();
        } else {
            uow[old].id = Some(50);
        }
        let new = uow.add(Serial { id: None, name: "new".to_owned() });
        uow.add(SerialChild { id: 100, p_id: new.into() });
        uow.commit().unwrap();
        let new = uow[new].id.unwrap();
        let expected = if deletes { vec![] } else { vec!["10|50".to_owned()] };
        let expected = [expected, vec![format!("100|{new}")]].concat();
        assert_eq!(setup.schema.rows(CHILDREN), expected, "it deletes: {deletes}");
    }
}

const GENERATED: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL,
        slug text GENERATED ALWAYS AS (lower(name)) STORED UNIQUE);
    CREATE TABLE c (id int PRIMARY KEY, slug text REFERENCES p (slug) ON UPDATE CASCADE);
    INSERT INTO p VALUES (1, 'Ada'); INSERT INTO c VALUES (10, 'ada');";

#[derive(Model, Clone, Debug)]
#[model(table = "c")]
struct Slug {
    #[model(key)]
    id: i32,
    slug: String,
}

const SET_BY_TRIGGER: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL, slug text UNIQUE);
    CREATE TABLE c (id int PRIMARY KEY, slug text REFERENCES p (slug) ON UPDATE CASCADE);
    CREATE FUNCTION slug() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.slug := lower(NEW.name); RETURN NEW; END $$;
    CREATE TRIGGER slug BEFORE INSERT OR UPDATE ON p FOR EACH ROW EXECUTE FUNCTION slug();
    INSERT INTO p VALUES (1, 'Ada'); INSERT INTO c VALUES (10, 'ada');";

fn a_column_that_a_trigger_sets_is_referred_to(setup: &Setup) {
    a_generated_column_that_is_referred_to(setup);
}

fn a_generated_column_that_is_referred_to(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.find::<Parent>(1).unwrap().unwrap();
    uow[ada].name = "Bob".to_owned();
    uow.add(Parent { id: 2, name: "Ada".to_owned() });
    uow.add(Slug { id: 100, slug: "ada".to_owned() });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["10|bob", "100|ada"]);
}

const UUIDS: &str = "
    CREATE TABLE p (id uuid PRIMARY KEY);
    CREATE TABLE c (id int PRIMARY KEY, p_id uuid REFERENCES p ON DELETE CASCADE);
    INSERT INTO p VALUES ('0000000a-0000-0000-0000-000000000000');";

#[derive(Model, Clone, Debug)]
#[model(table = "p")]
struct Uuid {
    #[model(key, sql_type = "uuid")]
    id: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "c")]
struct UuidChild {
    #[model(key)]
    id: i32,
    #[model(sql_type = "uuid")]
    p_id: String,
}

fn texts_that_are_equal_as_another_type(setup: &Setup) {
    let id = "0000000a-0000-0000-0000-000000000000";
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Uuid>(id.to_owned()).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(Uuid { id: id.to_owned() });
    uow.add(UuidChild { id: 100, p_id: id.to_uppercase() });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), [format!("100|{id}")]);
}

const NEW: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE c (id int PRIMARY KEY, p_id int);
    INSERT INTO p VALUES (1, 'old'), (2, 'other'); INSERT INTO c VALUES (10, 1), (11, 1);";

fn a_foreign_key_that_is_new(setup: &Setup) {
    let (mut client, strategy) = (setup.client(), (setup.strategy)());
    for is_there in [false, true] {
        if is_there {
            client
                .batch_execute(
                    "TRUNCATE p, c;
                    INSERT INTO p VALUES (1, 'old'), (2, 'other');
                    INSERT INTO c VALUES (10, 1), (11, 1);
                    ALTER TABLE c ADD FOREIGN KEY (p_id) REFERENCES p ON DELETE CASCADE",
                )
                .unwrap();
        }
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let children = uow.query::<Child>("true").load().unwrap();
        for &child in &children {
            uow[child].p_id = Some(2);
        }
        let old = uow.find::<Parent>(1).unwrap().unwrap();
        uow.delete(old).unwrap();
        uow.commit().unwrap();
        assert_eq!(setup.schema.rows(CHILDREN), ["10|2", "11|2"], "it is there: {is_there}");
    }
}

const RENAMED: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL CONSTRAINT one UNIQUE DEFERRABLE);
    INSERT INTO p VALUES (1, 'a'), (2, 'b');";

fn a_constraint_that_is_renamed(setup: &Setup) {
    let (mut client, strategy) = (setup.client(), (setup.strategy)());
    let changes = [
        "SELECT 1",
        "ALTER TABLE p RENAME CONSTRAINT one TO other",
        "ALTER TABLE p DROP CONSTRAINT other, ADD CONSTRAINT other UNIQUE (name)",
        "ALTER TABLE p DROP CONSTRAINT other",
    ];
    for change in changes {
        client.batch_execute(change).unwrap();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let [first, second] = [1, 2].map(|id| uow.find::<Parent>(id).unwrap().unwrap());
        let names = (uow[second].name.clone(), uow[first].name.clone());
        (uow[first].name, uow[second].name) = names;
        uow.commit().unwrap();
    }
    assert_eq!(setup.schema.rows("SELECT * FROM p ORDER BY id"), ["1|a", "2|b"]);
}

const ONE_MAIN: &str = "
    CREATE TABLE s (id int PRIMARY KEY, main bool NOT NULL);
    CREATE FUNCTION clear() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN UPDATE s SET main = false WHERE main AND id <> NEW.id; RETURN NEW; END $$;
    CREATE TRIGGER clear BEFORE UPDATE ON s FOR EACH ROW WHEN (NEW.main AND NOT OLD.main)
        EXECUTE FUNCTION clear();
    INSERT INTO s VALUES (1, false), (2, true);";

#[derive(Model, Clone, Debug)]
#[model(table = "s")]
struct Site {
    #[model(key)]
    id: i32,
    main: bool,
}

fn a_trigger_that_clears_the_others(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let [first, second] = [1, 2].map(|id| uow.find::<Site>(id).unwrap().unwrap());
    uow[first].main = true;
    uow[second].main = false;
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT * FROM s ORDER BY id"), ["1|t", "2|f"]);
}

const POLICY: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES p);
    ALTER TABLE c ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON c USING (EXISTS (SELECT FROM p WHERE p.id = p_id AND p.name = 'mine'));";

fn a_policy_that_looks_at_the_parent(setup: &Setup) {
    let mut client = setup.session();
    let role = format!("policy_{}", setup.schema.name());
    client
        .batch_execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role};
            GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}; SET ROLE {role}",
            schema = setup.schema.name()
        ))
        .unwrap();
    let mut uow = setup.uow(&mut client);
    uow.add(Parent { id: 1, name: "mine".to_owned() });
    uow.add(Child { id: 100, p_id: Some(1) });
    let result = uow.commit();
    drop(uow);
    client.batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
    result.unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["100|1"]);
}

const FORGED: &str = "
    CREATE TYPE mood AS ENUM ('happy');
    CREATE TABLE moods (id int PRIMARY KEY, mood mood NOT NULL);
    INSERT INTO moods VALUES (1, 'happy');";

#[derive(Model, Clone, Debug)]
#[model(table = "moods")]
struct Mood {
    #[model(key)]
    id: i32,
    #[model(sql_type = "mood")]
    mood: String,
}

fn a_value_that_looks_like_a_check(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let mood = uow.find::<Mood>(1).unwrap().unwrap();
    uow[mood].mood = "onetrip check u0 1 1".to_owned();
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database, "{error}");
    assert!(!error.is_retryable());
}

const FREED: &str = "
    CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL UNIQUE);
    CREATE FUNCTION free() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN DELETE FROM p WHERE id = OLD.id + 1; RETURN NULL; END $$;
    CREATE TRIGGER free AFTER DELETE ON p FOR EACH ROW EXECUTE FUNCTION free();
    INSERT INTO p VALUES (1, 'a'), (2, 'b'), (10, 'z');";

fn a_trigger_that_frees_a_unique_value(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let first = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(first).unwrap();
    uow.add(Parent { id: 5, name: "b".to_owned() });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT * FROM p ORDER BY id"), ["5|b", "10|z"]);
}
