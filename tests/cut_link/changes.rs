//! The same for a commit that changes and deletes rows, besides adding some.

use onetrip::{ErrorKind, Handle, UnitOfWork};

use crate::traffic::{Says, Traffic};
use crate::work::{Child, DELETE, Parent};
use crate::{Observer, Session, Setup, client_through, lengthen_statement_names};

/// What the database has before.
const STORED: &str = "
    INSERT INTO p (k, n) VALUES (-1, 0), (-2, 1);
    INSERT INTO c (k, n, p) VALUES (-1, 0, -1), (-2, 1, -1), (-3, 2, -2)";

/// The entities of the stored rows.
struct Loaded {
    parents: Vec<Handle<Parent>>,
    children: Vec<Handle<Child>>,
}

impl Loaded {
    fn load(uow: &mut UnitOfWork<'_>) -> Loaded {
        let parents = uow.find_all([-1, -2]).unwrap().into_iter().flatten().collect();
        let children = uow.find_all([-1, -2, -3]).unwrap().into_iter().flatten().collect();
        Loaded { parents, children }
    }

    /// Two rows to add, two to change and one to delete.
    fn change(&self, uow: &mut UnitOfWork<'_>) {
        let new = uow.add(Parent { k: None, n: 5 });
        uow.add(Child { k: None, n: 7, p: new.into() });
        uow[self.parents[0]].n = 10;
        uow[self.children[1]].p = new.into();
        uow.delete(self.children[0]).unwrap();
    }

    fn now(&self, uow: &UnitOfWork<'_>) -> (Vec<Parent>, Vec<Child>) {
        (
            self.parents.iter().map(|&handle| uow[handle].clone()).collect(),
            self.children.iter().map(|&handle| uow[handle].clone()).collect(),
        )
    }
}

fn reset(observer: &mut Observer) -> String {
    observer.client.batch_execute(&format!("{DELETE}; {STORED}")).unwrap();
    observer.rows()
}

pub(crate) fn at_every_message(setup: &Setup) {
    let mut observer = Observer::new(&setup.schema);
    let mut fresh = setup.schema.client();
    lengthen_statement_names(&mut fresh);
    let stored = reset(&mut observer);
    let mut client = client_through(&setup.relay, &setup.schema);
    let mut uow = UnitOfWork::new(&mut client).with_strategy((setup.strategy)());
    Loaded::load(&mut uow).change(&mut uow);
    let (result, recorded) = setup.relay.record(|| uow.commit());
    result.unwrap();
    let (whole, traffic) = (observer.rows(), Traffic::new(&recorded));
    assert_eq!(whole, "1 5 10 1/5 2/1 7/5");
    drop(uow);

    let mut said = Vec::new();
    for cut in traffic.every_message() {
        reset(&mut observer);
        let mut client = client_through(&setup.relay, &setup.schema);
        let session = Session::of(&mut client);
        let mut uow = UnitOfWork::new(&mut client).with_strategy((setup.strategy)());
        let loaded = Loaded::load(&mut uow);
        loaded.change(&mut uow);
        let before = loaded.now(&uow);

        setup.relay.cut_at(Some(cut));
        let result = uow.commit();
        if result.is_ok() {
            uow.find::<Parent>(-99).expect_err("the link dies in the end");
        }
        setup.relay.cut_at(None);
        let says = traffic.check(cut, &result);
        said.push(says);
        let rows = observer.rows_after(session);
        assert!(rows == stored || rows == whole, "half a commit: {cut:?}: {rows}");
        let is_written = rows == whole;
        match says {
            Says::Done => assert!(is_written, "a commit that did not happen: {cut:?}"),
            Says::Lost => assert!(!is_written, "it was written all the same: {cut:?}"),
            Says::Unknown => {}
        }
        if says != Says::Done {
            assert_eq!(loaded.now(&uow), before, "nothing is written back: {cut:?}");
        }
        if says == Says::Unknown {
            assert_eq!(uow.take(loaded.parents[0]).unwrap_err().kind(), ErrorKind::Handle);
            assert_eq!(uow.commit().unwrap_err().kind(), ErrorKind::UnknownOutcome);
            // What is changed meanwhile comes on top.
            uow[loaded.parents[0]].n += 10;
            uow.resolve_unknown(is_written).unwrap();
        }
        uow.reconnect(&mut fresh);
        uow.commit().unwrap();
        let left = says == Says::Unknown && is_written && traffic.is_one_statement();
        assert_eq!(uow.get(loaded.parents[0]).is_err(), left, "its values were lost: {cut:?}");
        let changed_again = says == Says::Unknown && !left;
        let expected = if changed_again { "1 5 20 1/5 2/1 7/5" } else { &whole };
        assert_eq!(observer.rows(), expected, "once, and only once: {cut:?}");
    }
    assert!(said.contains(&Says::Done) && said.contains(&Says::Unknown));
}
