//! Trees of one table, and links.

use onetrip::{Error, ForeignKey, Graph, Handle, Model, Strategy, UnitOfWork};

use crate::SPLIT;
use crate::common::Schema;

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "folders")]
struct Folder {
    #[model(key)]
    id: Option<i32>,
    name: String,
    parent: Option<ForeignKey<Folder>>,
    #[model(sql_type = "json")]
    extra: Option<String>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "files")]
struct File {
    #[model(key)]
    id: Option<i32>,
    folder_id: ForeignKey<Folder>,
}

const FOLDERS: &str = "
    CREATE TABLE folders (id serial PRIMARY KEY, name text NOT NULL, parent int REFERENCES folders, extra json);
    CREATE TABLE files (id serial PRIMARY KEY, folder_id int NOT NULL REFERENCES folders);
    INSERT INTO folders (name, parent)
        SELECT 'f' || g, CASE WHEN g > 1 THEN g / 2 END FROM generate_series(1, 100) AS g;
    INSERT INTO files (folder_id) SELECT id FROM folders WHERE id % 3 = 0;
    UPDATE folders SET parent = 100 WHERE id = 50";

fn names(uow: &UnitOfWork<'_>, folders: impl Iterator<Item = Handle<Folder>>) -> String {
    folders.map(|folder| uow[folder].name.clone()).collect::<Vec<_>>().join(" ")
}

fn count(graph: &Graph<Folder>, folder: Handle<Folder>) -> Result<usize, Error> {
    let mut count = 0;
    for child in graph.children::<Folder>(folder)? {
        count += 1 + count_below(graph, child)?;
    }
    Ok(count)
}

fn count_below(graph: &Graph<Folder>, folder: Handle<Folder>) -> Result<usize, Error> {
    count(graph, folder)
}

#[test]
fn a_tree_is_loaded_to_any_depth() -> Result<(), Error> {
    let schema = Schema::new("graph_tree", FOLDERS);
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Folder>("id = 3").with(|folder| {
            folder.descendants().order_by("id DESC").with(|folder| {
                folder.children::<File>();
            });
            folder.ancestors();
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let root = graph.roots().next().expect("one");
        assert_eq!(names(&uow, graph.children::<Folder>(root)?), "f7 f6");
        let below = schema.rows(
            "WITH RECURSIVE r AS (SELECT id FROM folders WHERE id = 3 UNION
             SELECT f.id FROM folders AS f JOIN r ON f.parent = r.id) SELECT count(*) - 1 FROM r",
        );
        assert_eq!(count(&graph, root)?.to_string(), below[0]);
        let parent = graph.parent::<Folder>(root)?.expect("one");
        assert_eq!(uow[parent].name, "f1");
        assert_eq!(graph.parent::<Folder>(parent)?, None);
        let six = graph.children::<Folder>(root)?.nth(1).expect("two");
        assert_eq!(graph.children::<File>(six)?.len(), 1);
    }
    Ok(())
}

#[test]
fn circles_end_and_conditions_cut() -> Result<(), Error> {
    let schema = Schema::new("graph_circle", FOLDERS);
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        // 50 -> 100 -> 50
        let query = uow.query::<Folder>("id = 50").with(|folder| {
            folder.descendants();
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let fifty = graph.roots().next().expect("one");
        assert_eq!(names(&uow, graph.children::<Folder>(fifty)?), "f100");
        let hundred = graph.children::<Folder>(fifty)?.next().expect("one");
        assert_eq!(graph.children::<Folder>(hundred)?.collect::<Vec<_>>(), [fifty]);
        assert_eq!(graph.parent::<Folder>(fifty)?, Some(hundred));

        let query = uow.query::<Folder>("id = 1").with(|folder| {
            folder.descendants().filter("id <> $1 AND id < $2").bind(2).bind(20);
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let root = graph.roots().next().expect("one");
        assert_eq!(names(&uow, graph.children::<Folder>(root)?), "f3");
        assert_eq!(count(&graph, root)?, 1 + 2 + 4);

        let query = uow.query::<Folder>("id = 1").with(|folder| {
            folder.descendants().filter("id <> $1").bind(13).order_by("id DESC").limit(1);
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let (mut folder, mut path) = (graph.roots().next(), Vec::new());
        while let Some(at) = folder {
            path.push(uow[at].id.unwrap_or_default());
            let children: Vec<_> = graph.children::<Folder>(at)?.collect();
            assert!(children.len() <= 1);
            folder = children.first().copied();
        }
        assert_eq!(path, [1, 3, 7, 15, 31, 63]);

        let query = uow.query::<Folder>("id = 100").with(|folder| {
            folder.ancestors().filter("id <> 25");
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let hundred = graph.roots().next().expect("one");
        let fifty = graph.parent::<Folder>(hundred)?.expect("one");
        assert_eq!(graph.parent::<Folder>(fifty)?, Some(hundred), "a circle");
    }
    Ok(())
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "students")]
struct Student {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "courses")]
struct Course {
    #[model(key)]
    id: Option<i32>,
    title: String,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "enrolments")]
struct Enrolment {
    #[model(key)]
    student_id: ForeignKey<Student>,
    #[model(key)]
    course_id: ForeignKey<Course>,
    grade: Option<i32>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "friends")]
struct Friend {
    #[model(key)]
    from_id: ForeignKey<Student>,
    #[model(key)]
    to_id: ForeignKey<Student>,
}

const STUDENTS: &str = "
    CREATE TABLE students (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE courses (id serial PRIMARY KEY, title text NOT NULL);
    CREATE TABLE enrolments (student_id int REFERENCES students, course_id int REFERENCES courses,
        grade int, PRIMARY KEY (student_id, course_id));
    CREATE TABLE friends (from_id int REFERENCES students, to_id int REFERENCES students, PRIMARY KEY (from_id, to_id));
    INSERT INTO students (name) SELECT 's' || n FROM generate_series(1, 6) AS n;
    INSERT INTO courses (title) SELECT 'c' || 9 - n FROM generate_series(1, 8) AS n;
    INSERT INTO enrolments SELECT s, c, s * c FROM generate_series(1, 6) AS s, generate_series(1, 8) AS c
        WHERE (s + c) % 2 = 0 AND s <> 4;
    INSERT INTO friends VALUES (1, 2), (1, 3), (2, 1)";

#[test]
fn links_lead_to_what_is_linked() -> Result<(), Error> {
    let schema = Schema::new("graph_links", STUDENTS);
    for (is_split, is_selected) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client);
        let query = uow.query::<Student>("true").order_by("id").with(|student| {
            let courses = student.through::<Enrolment, Course>();
            if is_selected {
                courses.filter("title <> $1").bind("c1").order_by("title").limit(2);
            }
            student.through_by::<Friend, Student>("from_id", "to_id").with(|friend| {
                friend.children::<Enrolment>();
            });
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        let mut seen = Vec::new();
        for student in graph.roots() {
            let mut links = graph.children::<Enrolment>(student)?;
            for course in graph.through::<Enrolment, Course>(student)? {
                let link = links.next().expect("as many");
                assert_eq!(uow[link].course_id.key().copied(), uow[course].id);
                seen.push(format!("{}|{}", uow[student].name, uow[course].title));
            }
            assert_eq!(links.next(), None);
        }
        let (order, limit) = if is_selected { ("title", 2) } else { ("c.id", 99) };
        let expected = schema.rows(&format!(
            "SELECT name, title FROM (
                 SELECT s.name, c.title, s.id, row_number() OVER (PARTITION BY s.id ORDER BY {order}) AS n
                 FROM students AS s JOIN enrolments ON s.id = student_id JOIN courses AS c ON c.id = course_id
                 WHERE title <> 'c1' OR {}) AS r
             WHERE n <= {limit} ORDER BY id, n",
            !is_selected
        ));
        assert!(expected.len() > 9);
        assert_eq!(seen, expected, "{is_split} {is_selected}");
        let first = graph.roots().next().expect("one");
        let friends = graph.through_by::<Friend, Student>(("from_id", "to_id"), first)?;
        let friends: Vec<_> = friends.into_iter().map(|friend| &*uow[friend].name).collect();
        assert_eq!(friends, ["s2", "s3"]);
    }
    Ok(())
}

/// A link with a key of its own, which leads to two tables.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "lessons")]
struct Lesson {
    #[model(key)]
    id: i32,
    student_id: ForeignKey<Student>,
    course_id: ForeignKey<Course>,
    room_id: ForeignKey<Room>,
}

#[derive(Model, Clone, Debug, PartialEq)]
#[model(table = "rooms")]
struct Room {
    #[model(key)]
    id: i32,
}

#[test]
fn links_with_keys_of_their_own_are_in_the_order_that_is_asked_for() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_lessons",
        &format!(
            "{STUDENTS};
             CREATE TABLE rooms (id int PRIMARY KEY);
             CREATE TABLE lessons (id int PRIMARY KEY, student_id int NOT NULL REFERENCES students,
                 course_id int NOT NULL REFERENCES courses, room_id int NOT NULL REFERENCES rooms);
             INSERT INTO rooms VALUES (1), (2);
             INSERT INTO lessons VALUES (10, 1, 2, 1), (20, 1, 1, 2), (30, 1, 3, 1), (15, 2, 3, 2)"
        ),
    );
    let strategy = Strategy::default();
    for is_split in SPLIT {
        // The titles of the courses 1, 2 and 3 are c8, c7 and c6.
        for (order, limit, expected) in [
            (None, None, "c7 c8 c6"),
            (None, Some(2), "c7 c8"),
            (Some("title"), None, "c6 c7 c8"),
            (Some("title DESC"), Some(2), "c8 c7"),
            (Some("id"), Some(1), "c8"),
        ] {
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
            let query = uow.query::<Student>("id < 3").order_by("id").with(|student| {
                let mut courses = student.through::<Lesson, Course>();
                if let Some(order) = order {
                    courses = courses.order_by(order);
                }
                if let Some(limit) = limit {
                    courses.limit(limit);
                }
                student.through::<Lesson, Room>().filter("id = 1");
            });
            let graph = if is_split { query.split() } else { query }.load()?;
            let first = graph.roots().next().expect("two");
            let courses = graph.through::<Lesson, Course>(first)?;
            let titles: Vec<_> = courses.into_iter().map(|course| &*uow[course].title).collect();
            assert_eq!(titles.join(" "), expected, "{order:?} {limit:?} {is_split}");
            let rooms = graph.through::<Lesson, Room>(first)?;
            assert_eq!(rooms.len(), 2, "two lessons are in room 1");
        }
    }
    Ok(())
}
