//! The table of states in the documentation of `State`, walked through from every state by every
//! event.

use super::*;
use crate::arena::AnyArena;
use crate::connection::recording::Fault;
use crate::error::{Error, ErrorKind};
use crate::handle::Handle;
use crate::sql::Rows;
use crate::state::tests::{EVENTS, STATES, documented};
use crate::state::{Event, State, Stored};

/// What a program does to an entity.
#[derive(Debug, Clone, Copy)]
enum Act {
    Add,
    Delete,
    Expunge,
    Flush,
    Commit,
    LoseOutcome,
}

/// Returns the acts that lead to a state. The second list has the last thing that was done to the
/// row, which a rollback undoes alone.
fn path(state: State) -> (&'static [Act], &'static [Act]) {
    use Act::{Add, Commit, Delete, Expunge, Flush, LoseOutcome};
    match state {
        State::Pending => (&[], &[Add]),
        State::OutcomeUnknown => (&[Add, LoseOutcome], &[]),
        State::Flushed => (&[], &[Add, Flush]),
        State::Persistent => (&[Add, Commit], &[]),
        State::MarkedForDeletion(Stored::Flushed) => (&[Add, Flush], &[Delete]),
        State::MarkedForDeletion(Stored::Persistent) => (&[Add, Commit], &[Delete]),
        State::Deleted(Stored::Flushed) => (&[Add, Flush], &[Delete, Flush]),
        State::Deleted(Stored::Persistent) => (&[Add, Commit], &[Delete, Flush]),
        State::Detached => (&[Add, Expunge], &[]),
    }
}

/// An entity on its way through the states of a unit of work.
struct Walk {
    recording: Recording,
    entity: Option<Handle<User>>,
}

impl Walk {
    fn start() -> (UnitOfWork<'static>, Walk) {
        let (uow, recording) = record(RowByRow);
        (uow, Walk { recording, entity: None })
    }

    /// Leads an entity to a state.
    fn to(state: State) -> (UnitOfWork<'static>, Walk) {
        let (mut uow, mut walk) = Walk::start();
        let (first, last) = path(state);
        walk.act(&mut uow, first);
        walk.act(&mut uow, last);
        assert_eq!(walk.state(&uow), state);
        (uow, walk)
    }

    fn entity(&self) -> Handle<User> {
        self.entity.expect("it was added")
    }

    fn state(&self, uow: &UnitOfWork<'_>) -> State {
        uow.arena::<User>().expect("there is a user").state(self.entity().slot())
    }

    fn act(&mut self, uow: &mut UnitOfWork<'_>, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Add => self.entity = Some(uow.add(user("Ada"))),
                Act::Delete => uow.delete(self.entity()).unwrap(),
                Act::Expunge => uow.expunge(self.entity()).unwrap(),
                Act::Flush => self.happen(uow, Event::Flush),
                Act::Commit => self.happen(uow, Event::Commit),
                Act::LoseOutcome => self.lose_outcome(uow),
            }
        }
    }

    /// Has the server answer that a row was changed, if the next flush changes one.
    fn answer_change(&self, uow: &UnitOfWork<'_>, is_updated: bool) {
        if is_updated || matches!(self.state(uow), State::MarkedForDeletion(_)) {
            let row = vec![Some(1_i32.to_be_bytes().to_vec())];
            self.recording.answer(Ok(Rows::canned(vec![SqlType::INT4], vec![row])));
        }
    }

    /// Loses the link in the last round trip of a commit. The commit writes the entity, or another one
    /// where the entity is detached.
    fn lose_outcome(&self, uow: &mut UnitOfWork<'_>) {
        if self.state(uow) == State::Detached {
            uow.add(node(None));
        }
        let is_updated = self.state(uow) == State::Persistent;
        if is_updated {
            uow[self.entity()].name.push('!');
        }
        self.answer_change(uow, is_updated);
        if let Ok(plan) = uow.plan() {
            self.recording.fail_after(plan.round_trips() - 1, Fault::Lost);
        }
        let error = uow.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    }

    /// Makes `event` happen to the entity. What a unit of work refuses leaves the entity as it is.
    fn happen(&self, uow: &mut UnitOfWork<'_>, event: Event) {
        let entity = self.entity();
        let is_unknown = self.state(uow) == State::OutcomeUnknown;
        match event {
            Event::Delete => drop(uow.delete(entity)),
            Event::Undelete => drop(uow.undelete(entity)),
            Event::Expunge => drop(uow.expunge(entity)),
            Event::Flush if is_unknown => drop(uow.flush().unwrap_err()),
            Event::Flush => {
                self.answer_change(uow, false);
                uow.flush().unwrap();
            }
            Event::Commit if is_unknown => uow.resolve_unknown(true).unwrap(),
            Event::Commit => {
                self.answer_change(uow, false);
                uow.commit().unwrap();
            }
            Event::LoseOutcome => self.lose_outcome(uow),
            Event::LoseAnswer => {
                self.lose_outcome(uow);
                uow.resolve_unknown(true).unwrap();
            }
            Event::Unflush if is_unknown => uow.resolve_unknown(false).unwrap(),
            Event::Unflush => uow.reconnect(Recording::default()),
            Event::Rollback => uow.rollback(),
        }
    }
}

/// Returns where an entity ends when `event` happens to it as often as it changes something.
fn at_last(mut state: State, event: Event) -> State {
    while let Some(after) = documented(state, event) {
        state = after;
    }
    state
}

#[test]
fn every_event_leads_from_every_state_to_the_one_in_the_table() {
    for state in STATES {
        // The answer of one statement is a matter of its own.
        for event in EVENTS.into_iter().filter(|event| *event != Event::LoseAnswer) {
            let (mut uow, walk) = Walk::to(state);
            walk.happen(&mut uow, event);
            let expected = match event {
                // All that was flushed is undone, and all is rolled back.
                Event::Unflush | Event::Rollback => at_last(state, event),
                _ => documented(state, event).unwrap_or(state),
            };
            assert_eq!(walk.state(&uow), expected, "{state:?}, {event:?}");
        }
    }
}

#[test]
fn a_savepoint_rolls_back_one_step_of_the_table() {
    for state in STATES.into_iter().filter(|state| *state != State::OutcomeUnknown) {
        let (first, last) = path(state);
        let (mut uow, mut walk) = Walk::start();
        walk.act(&mut uow, first);
        uow.savepoint(|uow| -> Result<(), Error> {
            walk.act(uow, last);
            assert_eq!(walk.state(uow), state);
            Err(Error::other("on purpose"))
        })
        .unwrap_err();
        let expected = documented(state, Event::Rollback).unwrap_or(state);
        assert_eq!(walk.state(&uow), expected, "{state:?}");
    }
}

#[test]
fn a_lost_answer_detaches_what_its_statement_wrote() {
    let mut walked = Vec::new();
    for state in STATES {
        // An entity that is pending has an unknown outcome when the answer is lost.
        let (mut uow, walk) = match state {
            State::OutcomeUnknown => Walk::to(State::Pending),
            _ => Walk::to(state),
        };
        // One statement that is the whole commit is sent in no transaction.
        if !uow.connection.in_transaction() {
            uow.strategy = knowing(OneTrip);
            walk.happen(&mut uow, Event::LoseAnswer);
            let state = at_last(state, Event::LoseOutcome);
            let expected = documented(state, Event::LoseAnswer).unwrap_or(state);
            assert_eq!(walk.state(&uow), expected, "{state:?}");
            walked.push(state);
        }
    }
    for state in STATES.into_iter().filter(|state| !walked.contains(state)) {
        assert_eq!(documented(state, Event::LoseAnswer), None, "{state:?}");
    }
}
