//! What foreign keys, triggers, rules and privileges do by themselves changes nothing about what a
//! commit means: its steps are written one after the other, or as if they were.

use onetrip::{ErrorKind, ForeignKey, Model, UnitOfWork};

use crate::{Setup, suite};

suite! {
    new_children_of_a_replacement_stay: super::CASCADE,
    new_children_of_a_replacement_are_kept: super::SET_NULL,
    new_children_of_a_replacement_have_no_default: super::SET_DEFAULT,
    links_of_a_replacement_stay: super::LINKS,
    a_changed_row_that_takes_a_deleted_key_has_its_new_children: super::CASCADE,
    children_of_a_code_that_is_replaced_stay: super::BY_CODE,
    what_moves_to_a_replacement_is_moved_or_refused: super::CASCADE,
    a_key_that_others_cascade_from_is_taken: super::UPDATE_CASCADE,
    keys_pass_on_where_the_database_cascades: super::UPDATE_CASCADE,
    a_key_that_a_cascade_frees_is_taken: super::CASCADE,
    a_unique_value_that_a_cascade_frees_is_taken: super::CASCADE,
    a_new_row_below_one_that_a_cascade_takes_is_refused: super::TREE,
    a_grandchild_escapes_from_a_cascade: super::TREE,
    counters_count_what_is_deleted: super::COUNTED,
    counters_count_what_moves: super::COUNTED,
    rules_run_besides: super::RULES,
    a_rule_that_does_nothing_is_told: super::NOTHING,
    a_view_over_a_join_is_written: super::JOINED,
    to_delete_needs_no_more_than_the_privilege: super::PRIVILEGE,
    tables_may_have_any_name: super::NAMES,
    each_row_changes_other_columns: super::WIDE,
    each_row_leaves_other_columns_to_their_defaults: super::WIDE,
    a_foreign_key_that_no_model_knows: super::UNKNOWN,
    values_are_swapped: super::PLACES,
    values_go_round: super::PLACES,
    that_values_pass_on_is_known_the_second_time: super::PLACES,
    a_list_closes_its_gap: super::PLACES,
    values_are_swapped_where_the_type_has_no_room: super::FLAGS,
    arrays_of_two_dimensions_are_updated: super::ARRAYS,
}

#[derive(Model, Clone, Debug)]
#[model(table = "parents")]
struct Parent {
    #[model(key)]
    id: Option<i32>,
    code: i32,
}

#[derive(Model, Clone, Debug)]
#[model(table = "children")]
struct Child {
    #[model(key)]
    id: Option<i32>,
    parent: Option<ForeignKey<Parent>>,
    name: String,
}

macro_rules! family {
    ($rules:literal) => {
        concat!(
            "CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL UNIQUE);
             CREATE TABLE children (id serial PRIMARY KEY, name text NOT NULL UNIQUE,
                parent int DEFAULT 9 REFERENCES parents ",
            $rules,
            ");
             INSERT INTO parents VALUES (1, 10), (2, 20), (9, 90);
             INSERT INTO children (name, parent) VALUES ('old', 1), ('other', 2);
             SELECT setval('parents_id_seq', 100), setval('children_id_seq', 100);"
        )
    };
}

const CASCADE: &str = family!("ON DELETE CASCADE");
const SET_NULL: &str = family!("ON DELETE SET NULL");
const SET_DEFAULT: &str = family!("ON DELETE SET DEFAULT");
const UPDATE_CASCADE: &str = family!("ON UPDATE CASCADE");

const CHILDREN: &str = "SELECT name, parent FROM children ORDER BY name";

fn child(name: &str, parent: impl Into<ForeignKey<Parent>>) -> Child {
    Child { id: None, parent: Some(parent.into()), name: name.to_owned() }
}

/// Replaces the first parent by a new row of the same key, with a new child.
fn replace(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    let new = uow.add(Parent { id: Some(1), code: 11 });
    uow.add(child("new", new));
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT id, code FROM parents WHERE id = 1"), ["1|11"]);
}

fn new_children_of_a_replacement_stay(setup: &Setup) {
    replace(setup);
    assert_eq!(setup.schema.rows(CHILDREN), ["new|1", "other|2"]);
}

fn new_children_of_a_replacement_are_kept(setup: &Setup) {
    replace(setup);
    assert_eq!(setup.schema.rows(CHILDREN), ["new|1", "old|NULL", "other|2"]);
}

fn new_children_of_a_replacement_have_no_default(setup: &Setup) {
    replace(setup);
    assert_eq!(setup.schema.rows(CHILDREN), ["new|1", "old|9", "other|2"]);
}

const LINKS: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL);
    CREATE TABLE links (parent int REFERENCES parents ON DELETE CASCADE, tag int,
        PRIMARY KEY (parent, tag));
    INSERT INTO parents VALUES (1, 10);
    INSERT INTO links VALUES (1, 1), (1, 2);";

#[derive(Model, Clone, Debug)]
#[model(table = "links")]
struct Link {
    #[model(key)]
    parent: ForeignKey<Parent>,
    #[model(key)]
    tag: i32,
}

fn links_of_a_replacement_stay(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    let new = uow.add(Parent { id: Some(1), code: 11 });
    for tag in [2, 3] {
        uow.add(Link { parent: new.into(), tag });
    }
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT * FROM links ORDER BY 2"), ["1|2", "1|3"]);
}

fn a_changed_row_that_takes_a_deleted_key_has_its_new_children(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let [first, last] = [1, 9].map(|id| uow.find::<Parent>(id).unwrap().unwrap());
    uow.delete(first).unwrap();
    uow[last].id = Some(1);
    uow.add(child("new", last));
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["new|1", "other|2"]);
    assert_eq!(setup.schema.rows("SELECT code FROM parents WHERE id = 1"), ["90"]);
}

const BY_CODE: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL UNIQUE);
    CREATE TABLE notes (id serial PRIMARY KEY, code int REFERENCES parents (code) ON DELETE CASCADE);
    INSERT INTO parents VALUES (1, 10);
    INSERT INTO notes VALUES (1, 10);
    SELECT setval('parents_id_seq', 100), setval('notes_id_seq', 100);";

#[derive(Model, Clone, Debug)]
#[model(table = "notes")]
struct Note {
    #[model(key)]
    id: Option<i32>,
    code: i32,
}

fn children_of_a_code_that_is_replaced_stay(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(Parent { id: None, code: 10 });
    uow.add(Note { id: None, code: 10 });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT code, id > 1 FROM notes"), ["10|t"]);
}

fn what_moves_to_a_replacement_is_moved_or_refused(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    let moved = uow.children::<Child, Parent>(&[old]).unwrap()[0][0];
    uow.delete(old).unwrap();
    let new = uow.add(Parent { id: Some(1), code: 11 });
    uow[moved].parent = Some(new.into());
    // The new row waits for the old one to go, the child for the new row, and the cascade for nobody.
    uow.commit().unwrap_err();
    assert_eq!(setup.schema.rows(CHILDREN), ["old|1", "other|2"]);
    assert_eq!(setup.schema.rows("SELECT code FROM parents WHERE id = 1"), ["10"]);
}

fn a_key_that_others_cascade_from_is_taken(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let first = uow.find::<Parent>(1).unwrap().unwrap();
    uow[first].id = Some(50);
    let new = uow.add(Parent { id: Some(1), code: 11 });
    uow.add(child("new", new));
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["new|1", "old|50", "other|2"]);
}

fn keys_pass_on_where_the_database_cascades(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let [first, second] = [1, 2].map(|id| uow.find::<Parent>(id).unwrap().unwrap());
    uow[second].id = Some(3);
    uow[first].id = Some(2);
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["old|2", "other|3"]);
    assert_eq!(setup.schema.rows("SELECT * FROM parents ORDER BY 1"), ["2|10", "3|20", "9|90"]);
}

fn a_key_that_a_cascade_frees_is_taken(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    // That of the child that goes along.
    uow.add(Child { id: Some(1), ..child("new", ForeignKey::Key(2)) });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["new|2", "other|2"]);
}

fn a_unique_value_that_a_cascade_frees_is_taken(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let old = uow.find::<Parent>(1).unwrap().unwrap();
    uow.delete(old).unwrap();
    uow.add(child("old", ForeignKey::Key(2)));
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows(CHILDREN), ["old|2", "other|2"]);
}

const TREE: &str = "
    CREATE TABLE folders (id int PRIMARY KEY, parent int REFERENCES folders ON DELETE CASCADE);
    INSERT INTO folders VALUES (1, NULL), (2, 1), (3, 2), (4, NULL);";

#[derive(Model, Clone, Debug)]
#[model(table = "folders")]
struct Folder {
    #[model(key)]
    id: i32,
    parent: Option<ForeignKey<Folder>>,
}

fn a_new_row_below_one_that_a_cascade_takes_is_refused(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let first = uow.find::<Folder>(1).unwrap().unwrap();
    uow.delete(first).unwrap();
    // By a key: nobody here knows that this folder is below the first.
    uow.add(Folder { id: 5, parent: Some(ForeignKey::Key(3)) });
    let error = uow.commit().unwrap_err();
    assert_eq!(error.sqlstate().map(|code| code.code()), Some("23503"), "{error}");
    assert_eq!(setup.schema.count("folders"), 4);
}

fn a_grandchild_escapes_from_a_cascade(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let [first, third] = [1, 3].map(|id| uow.find::<Folder>(id).unwrap().unwrap());
    uow.delete(first).unwrap();
    uow[third].parent = Some(ForeignKey::Key(4));
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT * FROM folders ORDER BY 1"), ["3|4", "4|NULL"]);
}

const COUNTED: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL, children int NOT NULL DEFAULT 0);
    CREATE TABLE children (id serial PRIMARY KEY, name text NOT NULL, parent int REFERENCES parents);
    CREATE FUNCTION count_children() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP <> 'INSERT' THEN
            UPDATE parents SET children = children - 1 WHERE id = OLD.parent;
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        UPDATE parents SET children = children + 1 WHERE id = NEW.parent;
        RETURN NEW;
    END $$;
    CREATE TRIGGER count BEFORE INSERT OR UPDATE OF parent OR DELETE ON children
        FOR EACH ROW EXECUTE FUNCTION count_children();
    INSERT INTO parents VALUES (1, 10), (2, 20);
    INSERT INTO children (name, parent) VALUES ('a', 1), ('b', 1), ('c', 2);
    SELECT setval('parents_id_seq', 100);";

const COUNTS: &str = "SELECT id, code, children FROM parents ORDER BY id";

fn counters_count_what_is_deleted(setup: &Setup) {
    for parents_first in [true, false] {
        let mut client = setup.client();
        let mut uow = setup.uow(&mut client);
        if parents_first {
            uow.query::<Parent>("true").load().unwrap();
        }
        let children = uow.query::<Child>("true").order_by("id").load().unwrap();
        let parent = uow.find::<Parent>(1).unwrap().unwrap();
        uow[parent].code += 1;
        uow.delete(children[0]).unwrap();
        uow.commit().unwrap();
    }
    assert_eq!(setup.schema.rows(COUNTS), ["1|12|0", "2|20|1"]);
}

fn counters_count_what_moves(setup: &Setup) {
    for children_first in [true, false] {
        let mut client = setup.client();
        let mut uow = setup.uow(&mut client);
        if children_first {
            uow.query::<Child>("true").load().unwrap();
        }
        let [first, second] = [1, 2].map(|id| uow.find::<Parent>(id).unwrap().unwrap());
        let children = uow.query::<Child>("true").order_by("id").load().unwrap();
        let new = uow.add(Parent { id: None, code: 0 });
        uow.add(child("new", new));
        uow[first].code += 1;
        uow[second].code += 1;
        uow[children[0]].parent = Some(second.into());
        uow[children[1]].parent = Some(new.into());
        uow.delete(children[2]).unwrap();
        uow.commit().unwrap();
        let count = |id: Option<i32>| format!("{}", id.unwrap());
        let new = count(uow[new].id);
        drop(uow);
        assert_eq!(
            setup.schema.rows(&format!(
                "SELECT children FROM parents WHERE id IN (1, 2, {new}) ORDER BY id"
            )),
            ["0", "1", "2"]
        );
        client
            .batch_execute(
                "TRUNCATE children; DELETE FROM parents WHERE id > 2; UPDATE parents SET children = 0;
                INSERT INTO children (name, parent) VALUES ('a', 1), ('b', 1), ('c', 2)",
            )
            .unwrap();
    }
}

const RULES: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL);
     INSERT INTO parents VALUES (1, 10), (2, 20), (3, 30);
     CREATE TABLE log (what text);
     CREATE RULE updates AS ON UPDATE TO parents DO ALSO INSERT INTO log VALUES ('update');
     CREATE RULE deletes AS ON DELETE TO parents DO ALSO INSERT INTO log VALUES ('delete');";

fn rules_run_besides(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let parents = uow.query::<Parent>("true").order_by("id").load().unwrap();
    uow.delete(parents[0]).unwrap();
    uow[parents[1]].code = 21;
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT * FROM parents ORDER BY 1"), ["2|21", "3|30"]);
    assert_eq!(setup.schema.rows("SELECT * FROM log ORDER BY 1"), ["delete", "update"]);
}

const NOTHING: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL);
    INSERT INTO parents VALUES (1, 10), (2, 20);
    CREATE RULE nothing AS ON UPDATE TO parents DO INSTEAD NOTHING;
    CREATE RULE deletes AS ON DELETE TO parents DO INSTEAD NOTHING;";

fn a_rule_that_does_nothing_is_told(setup: &Setup) {
    let mut client = setup.client();
    for is_deleted in [false, true] {
        let mut uow = setup.uow(&mut client);
        let first = uow.find::<Parent>(1).unwrap().unwrap();
        if is_deleted {
            uow.delete(first).unwrap();
        } else {
            uow[first].code = 11;
        }
        let error = uow.commit().unwrap_err();
        let is_told = error.kind() == ErrorKind::RowMismatch
            || error.sqlstate().is_some_and(|code| code.code() == "0A000");
        assert!(is_told, "{error}");
    }
    assert_eq!(setup.schema.rows("SELECT * FROM parents ORDER BY 1"), ["1|10", "2|20"]);
}

const JOINED: &str = "
    CREATE TABLE names (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE ages (id int PRIMARY KEY, age int NOT NULL);
    CREATE VIEW people AS SELECT id, name, age FROM names JOIN ages USING (id);
    CREATE FUNCTION write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP <> 'INSERT' THEN
            DELETE FROM names WHERE id = OLD.id;
            DELETE FROM ages WHERE id = OLD.id;
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        INSERT INTO names VALUES (NEW.id, NEW.name);
        INSERT INTO ages VALUES (NEW.id, NEW.age);
        RETURN NEW;
    END $$;
    CREATE TRIGGER write INSTEAD OF INSERT OR UPDATE OR DELETE ON people
        FOR EACH ROW EXECUTE FUNCTION write();
    INSERT INTO people VALUES (1, 'Ada', 36), (2, 'Bob', 50), (3, 'Eve', 20), (4, 'Joe', 7);";

#[derive(Model, Clone, Debug)]
#[model(table = "people")]
struct Person {
    #[model(key)]
    id: i32,
    name: String,
    age: i32,
}

fn a_view_over_a_join_is_written(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let people = uow.query::<Person>("true").order_by("id").load().unwrap();
    uow[people[0]].age += 1;
    uow[people[1]].age += 1;
    uow.delete(people[2]).unwrap();
    uow.delete(people[3]).unwrap();
    uow.add(Person { id: 5, name: "Zoe".to_owned(), age: 1 });
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows("SELECT * FROM people ORDER BY 1"),
        ["1|Ada|37", "2|Bob|51", "5|Zoe|1"]
    );
}

const PRIVILEGE: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL);
    INSERT INTO parents VALUES (1, 10), (2, 20), (3, 30);";

fn to_delete_needs_no_more_than_the_privilege(setup: &Setup) {
    let mut client = setup.session();
    let role = format!("{}_deletes", setup.schema.name());
    client
        .batch_execute(&format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role};
            GRANT SELECT, DELETE ON parents TO {role}; SET ROLE {role}",
            schema = setup.schema.name()
        ))
        .unwrap();
    let mut uow = setup.uow(&mut client);
    let parents = uow.query::<Parent>("true").order_by("id").load().unwrap();
    for parent in &parents[..2] {
        uow.delete(*parent).unwrap();
    }
    let result = uow.commit();
    drop(uow);
    client.batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
    assert_eq!(result.unwrap().deleted_rows(), 2);
    assert_eq!(setup.schema.rows("SELECT id FROM parents"), ["3"]);
}

/// The names that the one statement gives to its parts, and those within them.
const NAMES: &str = "
    CREATE TABLE k (id serial PRIMARY KEY, v0 int NOT NULL);
    CREATE TABLE l (LIKE k INCLUDING ALL); CREATE TABLE b0 (LIKE k INCLUDING ALL);
    CREATE TABLE i0 (LIKE k INCLUDING ALL); CREATE TABLE u0 (LIKE k INCLUDING ALL);
    CREATE TABLE d0 (LIKE k INCLUDING ALL); CREATE TABLE r (LIKE k INCLUDING ALL);
    CREATE TABLE t (LIKE k INCLUDING ALL); CREATE TABLE g (LIKE k INCLUDING ALL);";

macro_rules! named {
    ($($module:ident: $table:literal),*) => {
        $(
            mod $module {
                #[derive(onetrip::Model, Clone, Debug)]
                #[model(table = $table)]
                pub(super) struct Row {
                    #[model(key)]
                    pub(super) id: Option<i32>,
                    pub(super) v0: i32,
                }
            }
        )*

        fn tables_may_have_any_name(setup: &Setup) {
            let mut client = setup.client();
            let mut uow = setup.uow(&mut client);
            // A serial of the first table is the default of all.
            $(
                let rows: Vec<_> =
                    (0..4).map(|n| uow.add($module::Row { id: Some(n), v0: n })).collect();
                uow.commit().unwrap();
                for row in &rows[..2] {
                    uow[*row].v0 += 10;
                }
                for row in &rows[2..] {
                    uow.delete(*row).unwrap();
                }
                uow.add($module::Row { id: Some(9), v0: 9 });
                uow.commit().unwrap();
                let sql = concat!("SELECT * FROM ", $table, " ORDER BY 1");
                assert_eq!(setup.schema.rows(sql), ["0|10", "1|11", "9|9"]);
            )*
        }
    };
}

named! { k: "k", l: "l", b0: "b0", i0: "i0", u0: "u0", d0: "d0", r: "r", t: "t", g: "g" }

const WIDE: &str = "
    CREATE TABLE wide (id int PRIMARY KEY, a int DEFAULT -1, b int DEFAULT -2, c int DEFAULT -3,
        d int DEFAULT -4, e int DEFAULT -5, f int DEFAULT -6, g int DEFAULT -7, h int DEFAULT -8,
        i int DEFAULT -9, j int DEFAULT -10, k int DEFAULT -11, l int DEFAULT -12);";

macro_rules! wide {
    ($($field:ident),*) => {
        #[derive(Model, Clone, Debug)]
        #[model(table = "wide")]
        struct Wide {
            #[model(key)]
            id: i32,
            $(#[model(default)] $field: Option<Option<i32>>),*
        }

        impl Wide {
            fn new(id: i32) -> Wide {
                Wide { id, $($field: Some(None)),* }
            }

            fn fields(&mut self) -> Vec<&mut Option<Option<i32>>> {
                vec![$(&mut self.$field),*]
            }
        }
    };
}

wide! { a, b, c, d, e, f, g, h, i, j, k, l }

/// Whether this column of this row is one of those that differ from row to row.
fn is_chosen(row: i32, column: usize) -> bool {
    (row as u32).wrapping_mul(2_654_435_761) >> (column + 8) & 1 == 1
}

const WIDE_ROWS: i32 = 4_000;

/// In one row, none is chosen.
const CHANGED_ROWS: usize = 3_999;

/// The number of rows in which a column is what it should be.
fn right(setup: &Setup, expected: &str) {
    for (column, name) in "abcdefghijkl".chars().enumerate() {
        let chosen = format!("(id::bigint * 2654435761 & 4294967295) >> {} & 1 = 1", column + 8);
        let sql = format!(
            "SELECT count(*) FROM wide WHERE {name} IS NOT DISTINCT FROM CASE WHEN {chosen} THEN {expected} END",
            expected = expected.replace("column", &column.to_string()),
        );
        assert_eq!(setup.schema.rows(&sql), [WIDE_ROWS.to_string()], "{name}");
    }
}

fn each_row_changes_other_columns(setup: &Setup) {
    let mut client = setup.client();
    client
        .batch_execute(&format!(
            "INSERT INTO wide SELECT n, {} FROM generate_series(1, {WIDE_ROWS}) n",
            ["NULL"; 12].join(", ")
        ))
        .unwrap();
    let mut uow = setup.uow(&mut client);
    for row in uow.query::<Wide>("true").load().unwrap() {
        let wide = uow.get_mut(row).unwrap();
        let id = wide.id;
        for (column, field) in wide.fields().into_iter().enumerate() {
            if is_chosen(id, column) {
                *field = Some(Some(id + column as i32));
            }
        }
    }
    let report = uow.commit().unwrap();
    assert_eq!(report.updated_rows(), CHANGED_ROWS);
    assert_eq!(report.round_trips(), setup.round_trips_of_changes(CHANGED_ROWS));
    right(setup, "id + column");
}

fn each_row_leaves_other_columns_to_their_defaults(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    for id in 1..=WIDE_ROWS {
        let mut wide = Wide::new(id);
        for (column, field) in wide.fields().into_iter().enumerate() {
            if is_chosen(id, column) {
                *field = None;
            }
        }
        uow.add(wide);
    }
    uow.commit().unwrap();
    right(setup, "-1 - column");
}

const UNKNOWN: &str = "
    CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL UNIQUE);
    CREATE TABLE notes (id serial PRIMARY KEY, code int REFERENCES parents (code));
    INSERT INTO parents VALUES (1000, 1000); INSERT INTO notes VALUES (1000, 1000);";

fn a_foreign_key_that_no_model_knows(setup: &Setup) {
    for rows in [1, 3] {
        let mut client = setup.client();
        let mut uow = setup.uow(&mut client);
        // What refers to the parents comes first.
        for code in 0..rows {
            uow.add(Note { id: None, code: rows * 10 + code });
        }
        for code in 0..rows {
            uow.add(Parent { id: None, code: rows * 10 + code });
        }
        uow.commit().unwrap();
    }
    // And goes last, as they were loaded.
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    for parent in uow.query::<Parent>("true").load().unwrap() {
        uow.delete(parent).unwrap();
    }
    for note in uow.query::<Note>("true").load().unwrap() {
        uow.delete(note).unwrap();
    }
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("notes") + setup.schema.count("parents"), 0);
}

const PLACES: &str = "
    CREATE TABLE places (id int PRIMARY KEY, position int NOT NULL UNIQUE, name text UNIQUE);
    INSERT INTO places SELECT n, n, 'place ' || n FROM generate_series(1, 20) n;";

#[derive(Model, Clone, Debug)]
#[model(table = "places")]
struct Place {
    #[model(key)]
    id: i32,
    position: i32,
    name: Option<String>,
}

fn places(uow: &mut UnitOfWork<'_>) -> Vec<onetrip::Handle<Place>> {
    uow.query::<Place>("true").order_by("id").load().unwrap()
}

fn values_are_swapped(setup: &Setup) {
    let mut client = setup.client();
    for _ in 0..2 {
        let mut uow = setup.uow(&mut client);
        let places = places(&mut uow);
        let [first, last] = [places[0], places[19]].map(|place| uow[place].clone());
        uow[places[0]] = Place { id: 1, ..last };
        uow[places[19]] = Place { id: 20, ..first };
        uow.commit().unwrap();
        let stored = "SELECT * FROM places WHERE id IN (1, 20) ORDER BY 1";
        let expected = [&uow[places[0]], &uow[places[19]]].map(|place| {
            format!("{}|{}|{}", place.id, place.position, place.name.as_deref().unwrap())
        });
        assert_eq!(setup.schema.rows(stored), expected);
    }
    assert_eq!(setup.schema.rows("SELECT count(*) FROM places WHERE position = id"), ["20"]);
}

fn that_values_pass_on_is_known_the_second_time(setup: &Setup) {
    let (mut client, strategy) = (setup.client(), (setup.strategy)());
    let mut round_trips = Vec::new();
    for _ in 0..3 {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let places = places(&mut uow);
        let [first, second] = [places[0], places[1]].map(|place| uow[place].position);
        (uow[places[0]].position, uow[places[1]].position) = (second, first);
        let plan = uow.plan().unwrap();
        let report = uow.commit().unwrap();
        if !round_trips.is_empty() {
            assert_eq!(plan.round_trips() as u64, report.round_trips(), "{plan}");
        }
        round_trips.push(report.round_trips());
    }
    // BEGIN, the locks, two statements and COMMIT; and at first the one that fails, and the catalog.
    let expected = if setup.name == "row_by_row" { [7, 6, 6] } else { [7, 5, 5] };
    assert_eq!(round_trips, expected);
}

fn values_go_round(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let places = places(&mut uow);
    for (at, &place) in places.iter().enumerate() {
        let next = (at + 1) % places.len() + 1;
        (uow[place].position, uow[place].name) = (next as i32, Some(format!("place {next}")));
    }
    uow.commit().unwrap();
    let wrong = "SELECT count(*) FROM places
        WHERE position <> id % 20 + 1 OR name <> 'place ' || position";
    assert_eq!(setup.schema.rows(wrong), ["0"]);
}

fn a_list_closes_its_gap(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let places = places(&mut uow);
    uow.delete(places[4]).unwrap();
    for &place in places[5..].iter().rev() {
        uow[place].position -= 1;
    }
    uow.commit().unwrap();
    let wrong = "SELECT count(*) FROM places
        WHERE position <> CASE WHEN id > 5 THEN id - 1 ELSE id END";
    assert_eq!(setup.schema.rows(wrong), ["0"]);
    // And opens one.
    for &place in &places[5..] {
        uow[place].position += 1;
    }
    uow.add(Place { id: 5, position: 5, name: None });
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT count(*) FROM places WHERE position = id"), ["20"]);
}

const FLAGS: &str = "
    CREATE TABLE flags (id int PRIMARY KEY, flag bool NOT NULL UNIQUE);
    INSERT INTO flags VALUES (1, true), (2, false);";

#[derive(Model, Clone, Debug)]
#[model(table = "flags")]
struct Flag {
    #[model(key)]
    id: i32,
    flag: bool,
}

fn values_are_swapped_where_the_type_has_no_room(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let flags = uow.query::<Flag>("true").order_by("id").load().unwrap();
    (uow[flags[0]].flag, uow[flags[1]].flag) = (false, true);
    let error = uow.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("DEFERRABLE"), "{error}");
    assert_eq!(setup.schema.rows("SELECT * FROM flags ORDER BY 1"), ["1|t", "2|f"]);
    setup
        .client()
        .batch_execute(
            "ALTER TABLE flags DROP CONSTRAINT flags_flag_key, ADD UNIQUE (flag) DEFERRABLE",
        )
        .unwrap();
    uow.commit().unwrap();
    assert_eq!(setup.schema.rows("SELECT * FROM flags ORDER BY 1"), ["1|f", "2|t"]);
}

const ARRAYS: &str = "
    CREATE TABLE grids (id int PRIMARY KEY, cells int[] NOT NULL);
    INSERT INTO grids VALUES (1, '{}'), (2, '{}');";

/// Rows of equal length.
#[derive(Clone, Debug, PartialEq)]
struct Cells(Vec<Vec<i32>>);

impl onetrip::Value for Cells {
    const TYPE: onetrip::SqlType = <Vec<i32> as onetrip::Value>::TYPE;

    fn encode(&self, out: &mut bytes::BytesMut) -> Result<(), onetrip::BoxError> {
        use bytes::BufMut;
        out.put_i32(if self.0.is_empty() { 0 } else { 2 });
        out.put_i32(0);
        out.put_u32(23);
        if let Some(first) = self.0.first() {
            for len in [self.0.len(), first.len()] {
                out.put_i32(len as i32);
                out.put_i32(1);
            }
        }
        for cell in self.0.iter().flatten() {
            out.put_i32(4);
            out.put_i32(*cell);
        }
        Ok(())
    }

    fn decode(_: &[u8]) -> Result<Cells, onetrip::BoxError> {
        Ok(Cells(Vec::new()))
    }
}

#[derive(Model, Clone, Debug)]
#[model(table = "grids")]
struct Grid {
    #[model(key)]
    id: i32,
    cells: Cells,
}

fn arrays_of_two_dimensions_are_updated(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let grids = uow.query::<Grid>("true").order_by("id").load().unwrap();
    for &grid in &grids {
        let n = uow[grid].id;
        uow[grid].cells = Cells(vec![vec![n, 2], vec![3, 4]]);
    }
    uow.add(Grid { id: 3, cells: Cells(vec![vec![3, 2], vec![3, 4]]) });
    uow.commit().unwrap();
    let stored = setup.schema.rows("SELECT cells FROM grids ORDER BY id");
    assert_eq!(stored, ["{{1,2},{3,4}}", "{{2,2},{3,4}}", "{{3,2},{3,4}}"]);
}
