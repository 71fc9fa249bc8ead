//! One row, one entity: what `find` knows without asking.

use super::*;

fn known(id: i32) -> User {
    User { id: Some(id), name: "Ada".into() }
}

#[test]
fn a_key_belongs_to_the_entity_that_has_it_now() {
    let (mut uow, recording) = record(RowByRow);
    let first = uow.add(known(5));
    assert_eq!(uow.find::<User>(5).unwrap(), Some(first));
    uow[first].id = Some(6);
    assert_eq!(uow.find::<User>(6).unwrap(), Some(first));
    assert_eq!(recording.take(), "");
    assert_eq!(uow.find::<User>(5).unwrap(), None);
    assert_ne!(recording.take(), "", "nobody here has it, so the database is asked");
}

#[test]
fn a_key_that_is_set_after_a_look_up_is_found() {
    let (mut uow, _) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    assert_eq!(uow.find::<User>(5).unwrap(), None);
    uow[ada].id = Some(5);
    assert_eq!(uow.find::<User>(5).unwrap(), Some(ada));
}

#[test]
fn a_key_is_free_again_after_a_rollback() {
    let (mut uow, _) = record(RowByRow);
    let first = uow.add(known(5));
    assert_eq!(uow.find::<User>(5).unwrap(), Some(first));
    uow.rollback();
    let second = uow.add(known(5));
    assert_eq!(uow.find::<User>(5).unwrap(), Some(second));
}

#[test]
fn a_key_that_was_changed_and_rolled_back_is_the_old_one() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(known(1));
    uow.commit().unwrap();
    uow[ada].id = Some(2);
    let _ = uow.find::<User>(2).unwrap();
    uow.rollback();
    recording.take();
    assert_eq!(uow.find::<User>(1).unwrap(), Some(ada));
    assert_eq!(recording.take(), "");
    assert_eq!(uow.find::<User>(2).unwrap(), None);
}

#[test]
fn an_assigned_key_is_known_until_it_is_undone() {
    let (mut uow, recording) = record(RowByRow);
    let ada = uow.add(user("Ada"));
    uow.flush().unwrap();
    assert_eq!(uow.find::<User>(1).unwrap(), Some(ada));
    recording.close();
    uow.commit().unwrap_err();
    uow.reconnect(Recording::default());
    assert_eq!(uow.find::<User>(1).unwrap(), None, "the row is gone, and so is the key");
    uow.commit().unwrap();
    assert_eq!(uow.find::<User>(1).unwrap(), Some(ada));
}

#[test]
fn a_handle_is_that_of_one_unit_of_work() {
    let ((mut uow, _), (mut other, _)) = (record(RowByRow), record(RowByRow));
    let (here, there) = (uow.add(user("Ada")), other.add(user("Ada")));
    assert_ne!(here, there);
    assert_ne!(ForeignKey::from(here), ForeignKey::from(there));
    assert!(uow.get(there).is_err() && uow.get_mut(there).is_err());
    // After `clear` it is another one.
    uow.clear();
    assert_ne!(uow.add(user("Ada")), here);
    assert!(uow.get(here).is_err());
}
