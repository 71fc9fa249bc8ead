//! Graphs of entities: parents and children, self-references, circles.

use onetrip::{ErrorKind, ForeignKey, Model};

use crate::{Setup, suite};

const USERS: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
    CREATE TABLE addresses (id serial PRIMARY KEY, email text NOT NULL,
        user_id int NOT NULL REFERENCES users, backup_of int REFERENCES users)";

#[derive(Model, Clone, Debug)]
#[model(table = "users")]
struct User {
    #[model(key)]
    id: Option<i32>,
    name: String,
}

#[derive(Model, Clone, Debug)]
#[model(table = "addresses")]
struct Address {
    #[model(key)]
    id: Option<i32>,
    email: String,
    user_id: ForeignKey<User>,
    backup_of: Option<ForeignKey<User>>,
}

fn user(name: impl Into<String>) -> User {
    User { id: None, name: name.into() }
}

fn users_with_addresses(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let mut users = Vec::new();
    let mut addresses = Vec::new();
    for n in 0..50 {
        // Children may be added before their parent: the graph decides, not the order of `add`.
        let owner = uow.add(user(format!("user {n}")));
        for kind in ["home", "work"] {
            let email = format!("{kind}@{n}");
            let backup_of = (n % 3 == 0).then(|| users.first().copied().unwrap_or(owner).into());
            addresses.push((
                uow.add(Address { id: None, email, user_id: owner.into(), backup_of }),
                owner,
            ));
        }
        users.push(owner);
    }
    let plan = uow.plan().unwrap();
    let report = uow.commit().unwrap();
    assert_eq!(report.rows(), 150);
    assert_eq!(report.rows_by_table().collect::<Vec<_>>(), [("users", 50), ("addresses", 100)]);
    assert_eq!(report.round_trips(), plan.round_trips() as u64, "{plan}");
    assert_eq!(report.strategy(), (setup.strategy)().name());

    for (address, owner) in addresses {
        let (id, user_id) = (uow[address].id.unwrap(), uow[owner].id.unwrap());
        assert_eq!(uow[address].user_id, ForeignKey::Key(user_id), "pending became a key");
        let row = setup.schema.rows(&format!(
            "SELECT a.email, u.name FROM addresses a JOIN users u ON u.id = a.user_id WHERE a.id = {id}"
        ));
        assert_eq!(row, [format!("{}|{}", uow[address].email, uow[owner].name)]);
    }
    assert_eq!(
        setup.schema.rows("SELECT count(*), count(DISTINCT backup_of) FROM addresses"),
        ["100|1"]
    );

    let report = uow.commit().unwrap();
    assert_eq!((report.rows(), report.round_trips()), (0, 0), "nothing to do, nothing sent");
}

fn a_key_and_a_handle_are_the_same_reference(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let ada = uow.add(user("Ada"));
    uow.commit().unwrap();
    let id = uow[ada].id.unwrap();
    let address = |email: &str, user_id, backup_of| Address {
        id: None,
        email: email.to_owned(),
        user_id,
        backup_of,
    };
    let by_handle = uow.add(address("handle", ada.into(), None));
    let by_key = uow.add(address("key", ForeignKey::Key(id), Some(ForeignKey::Key(id))));
    uow.commit().unwrap();
    assert_eq!(uow[by_handle].user_id, uow[by_key].user_id);
    assert_eq!(setup.schema.rows("SELECT DISTINCT user_id FROM addresses"), [id.to_string()]);

    let mut other = setup.client();
    let mut uow = setup.uow(&mut other);
    let found = uow.find::<Address>(uow_id(&setup.schema, "key")).unwrap().unwrap();
    assert_eq!(uow[found].user_id, ForeignKey::Key(id));
    assert_eq!(uow[found].backup_of, Some(ForeignKey::Key(id)));
    // A found parent serves as well as an added one.
    let ada = uow.find::<User>(id).unwrap().unwrap();
    assert_eq!(uow.find::<User>(id).unwrap(), Some(ada), "the same handle twice");
    uow.add(address("again", ada.into(), None));
    uow.commit().unwrap();
    assert_eq!(setup.schema.count("addresses"), 3);
}

fn uow_id(schema: &crate::common::Schema, email: &str) -> i32 {
    schema.rows(&format!("SELECT id FROM addresses WHERE email = '{email}'"))[0].parse().unwrap()
}

#[derive(Model, Clone, Debug)]
#[model(table = "nodes")]
struct Node {
    #[model(key)]
    id: Option<i64>,
    label: i32,
    parent: Option<ForeignKey<Node>>,
}

const NODES: &str = "CREATE TABLE nodes (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    label int NOT NULL, parent bigint REFERENCES nodes)";

fn node(label: i32) -> Node {
    Node { id: None, label, parent: None }
}

fn a_chain_added_from_its_end(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    // Node n refers to n + 1, which is added after it.
    let nodes: Vec<_> = (0..500).map(|label| uow.add(node(label))).collect();
    for pair in nodes.windows(2) {
        uow[pair[0]].parent = pair[1].into();
    }
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows(
            "SELECT count(*), count(*) FILTER (WHERE p.label = n.label + 1)
             FROM nodes n LEFT JOIN nodes p ON p.id = n.parent"
        ),
        ["500|499"]
    );
    for pair in nodes.windows(2) {
        assert_eq!(uow[pair[0]].parent.as_ref().unwrap().key(), uow[pair[1]].id.as_ref());
    }
}

fn a_row_that_refers_to_itself(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    // With a key of its own, every strategy can write it.
    let given = uow.add(Node { id: Some(77), label: 1, parent: Some(ForeignKey::Key(77)) });
    let by_handle = uow.add(Node { id: Some(78), ..node(2) });
    uow[by_handle].parent = by_handle.into();
    uow.commit().unwrap();
    assert_eq!(uow[by_handle].parent, Some(ForeignKey::Key(78)));
    assert_eq!(uow[given].id, Some(77));
    assert_eq!(
        setup.schema.rows("SELECT id FROM nodes WHERE parent = id ORDER BY id"),
        ["77", "78"]
    );

    let own = uow.add(node(3));
    uow[own].parent = own.into();
    match uow.commit() {
        Ok(_) => {
            assert_eq!(uow[own].parent.as_ref().unwrap().key(), uow[own].id.as_ref());
            assert_eq!(setup.schema.rows("SELECT count(*) FROM nodes WHERE parent = id"), ["3"]);
        }
        Err(error) => {
            assert_eq!(setup.name(), "row_by_row", "only it learns the key afterwards: {error}");
            assert_eq!(error.kind(), ErrorKind::Cycle);
            assert!(error.to_string().contains("nodes.parent → nodes"), "{error}");
            assert_eq!(uow[own].parent, own.into(), "as it was");
            uow[own].parent = None;
            uow.commit().unwrap();
        }
    }
}

const COMPANY: &str = "
    CREATE TABLE departments (id serial PRIMARY KEY, name text NOT NULL, head_id int);
    CREATE TABLE employees (id serial PRIMARY KEY, name text NOT NULL,
        department_id int NOT NULL REFERENCES departments);
    ALTER TABLE departments ADD FOREIGN KEY (head_id) REFERENCES employees";

#[derive(Model, Clone, Debug)]
#[model(table = "departments")]
struct Department {
    #[model(key)]
    id: Option<i32>,
    name: String,
    head_id: Option<ForeignKey<Employee>>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "employees")]
struct Employee {
    #[model(key)]
    id: Option<i32>,
    name: String,
    department_id: ForeignKey<Department>,
}

fn tables_that_refer_to_each_other(setup: &Setup) {
    let mut client = setup.client();
    let mut uow = setup.uow(&mut client);
    let department = |name: &str| Department { id: None, name: name.into(), head_id: None };
    let first = uow.add(department("first"));
    let mut previous = first;
    // Each department is headed by somebody of the one before: rows alternate between tables.
    for n in 0..5 {
        let head =
            uow.add(Employee { id: None, name: format!("e{n}"), department_id: previous.into() });
        previous = uow.add(Department { head_id: head.into(), ..department(&format!("d{n}")) });
    }
    uow.commit().unwrap();
    assert_eq!(
        setup.schema.rows(
            "SELECT d.name, e.name, p.name FROM departments d JOIN employees e ON e.id = d.head_id
             JOIN departments p ON p.id = e.department_id ORDER BY d.name"
        ),
        ["d0|e0|first", "d1|e1|d0", "d2|e2|d1", "d3|e3|d2", "d4|e4|d3"]
    );

    // A true circle: the department's head is in it.
    let round = uow.add(department("round"));
    let head = uow.add(Employee { id: None, name: "head".into(), department_id: round.into() });
    uow[round].head_id = head.into();
    match uow.commit() {
        Ok(_) => assert_eq!(
            setup.schema.rows(
                "SELECT d.name FROM departments d JOIN employees e ON e.id = d.head_id
                 AND e.department_id = d.id"
            ),
            ["round"]
        ),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Cycle);
            let text = error.to_string();
            let circle = "departments.head_id → employees.department_id → departments";
            assert!(text.contains(circle), "{text}");
            assert_eq!(setup.schema.count("employees"), 5, "nothing was written");
            uow[round].head_id = None;
            uow.commit().unwrap();
            assert_eq!(setup.schema.count("employees"), 6, "mended and committed");
        }
    }
}

suite! {
    users_with_addresses: super::USERS,
    a_key_and_a_handle_are_the_same_reference: super::USERS,
    a_chain_added_from_its_end: super::NODES,
    a_row_that_refers_to_itself: "CREATE TABLE nodes (id bigserial PRIMARY KEY, label int NOT NULL,
        parent bigint REFERENCES nodes)",
    tables_that_refer_to_each_other: super::COMPANY,
}
