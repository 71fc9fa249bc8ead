//! What is committed: names are short, so that what goes over the wire is.

use onetrip::{ForeignKey, Handle, Model, UnitOfWork};

pub(crate) const TABLES: &str = "
    CREATE TABLE p (k serial PRIMARY KEY, n int NOT NULL);
    CREATE TABLE c (k serial PRIMARY KEY, n int NOT NULL, p int NOT NULL REFERENCES p);
    CREATE TABLE t (k serial PRIMARY KEY, n int NOT NULL, p int NOT NULL REFERENCES p,
        t int REFERENCES t)";

/// Every row, as its number and those of the rows that it refers to. Without rows it is empty.
pub(crate) const ROWS: &str = "
    SELECT concat_ws(' ',
        (SELECT string_agg(n::text, ' ' ORDER BY n) FROM p),
        (SELECT string_agg(concat_ws('/', c.n, p.n), ' ' ORDER BY c.n)
            FROM c LEFT JOIN p ON p.k = c.p),
        (SELECT string_agg(concat_ws('/', t.n, p.n, up.n), ' ' ORDER BY t.n)
            FROM t LEFT JOIN p ON p.k = t.p LEFT JOIN t up ON up.k = t.t))";

pub(crate) const DELETE: &str = "DELETE FROM t; DELETE FROM c; DELETE FROM p";

#[derive(Model, Debug, Clone, PartialEq)]
#[model(table = "p")]
pub(crate) struct Parent {
    #[model(key)]
    pub(crate) k: Option<i32>,
    pub(crate) n: i32,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(table = "c")]
pub(crate) struct Child {
    #[model(key)]
    pub(crate) k: Option<i32>,
    pub(crate) n: i32,
    pub(crate) p: ForeignKey<Parent>,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[model(table = "t")]
pub(crate) struct Tree {
    #[model(key)]
    k: Option<i32>,
    n: i32,
    p: ForeignKey<Parent>,
    t: Option<ForeignKey<Tree>>,
}

/// The entities of one commit.
#[derive(Default)]
pub(crate) struct Entities {
    parents: Vec<Handle<Parent>>,
    children: Vec<Handle<Child>>,
    trees: Vec<Handle<Tree>>,
}

/// One row, and two that refer to it.
pub(crate) fn add_few(uow: &mut UnitOfWork<'_>) -> Entities {
    let mut all = Entities::default();
    all.add_parents(uow, 1);
    all.add_children(uow, 2);
    all
}

/// 24 rows in three tables, one of which refers to itself.
pub(crate) fn add_many(uow: &mut UnitOfWork<'_>) -> Entities {
    let mut all = Entities::default();
    all.add_parents(uow, 5);
    all.add_children(uow, 10);
    for n in 0..9 {
        let p = all.parents[n % 5].into();
        let t = n.checked_sub(1).map(|last| all.trees[last / 2].into());
        all.trees.push(uow.add(Tree { k: None, n: n as i32, p, t }));
    }
    all
}

impl Entities {
    fn add_parents(&mut self, uow: &mut UnitOfWork<'_>, count: i32) {
        self.parents.extend((0..count).map(|n| uow.add(Parent { k: None, n })));
    }

    fn add_children(&mut self, uow: &mut UnitOfWork<'_>, count: i32) {
        for n in 0..count {
            let p = self.parents[n as usize % self.parents.len()].into();
            self.children.push(uow.add(Child { k: None, n, p }));
        }
    }

    /// All of them, as they are now.
    pub(crate) fn now(&self, uow: &UnitOfWork<'_>) -> (Vec<Parent>, Vec<Child>, Vec<Tree>) {
        (
            self.parents.iter().map(|&handle| uow[handle].clone()).collect(),
            self.children.iter().map(|&handle| uow[handle].clone()).collect(),
            self.trees.iter().map(|&handle| uow[handle].clone()).collect(),
        )
    }

    /// Their keys, as far as they have any.
    pub(crate) fn keys(&self, uow: &UnitOfWork<'_>) -> Vec<Option<i32>> {
        let (parents, children, trees) = self.now(uow);
        let keys = parents.iter().map(|row| row.k).chain(children.iter().map(|row| row.k));
        keys.chain(trees.iter().map(|row| row.k)).collect()
    }
}
