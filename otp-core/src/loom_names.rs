//! Models of names against a death, and against each other.
//!
//! Two threads; `loom_rig.rs` says with how many preemptions. They prove that
//!
//! * a name is free, and its process out of the table, before anyone hears of the death;
//! * a process that dies gets no name, or gives it back;
//! * a name has one process, and a process one name.

use std::future::poll_fn;

use loom::future::block_on;
use loom::thread;

use crate::cell::AnyCell;
use crate::error::RegisterError;
use crate::exit_reason::ExitReason;
use crate::inbox::Received;
use crate::link::link_to;
use crate::loom_rig::{Message, kill, kill_elsewhere, process, trapping, two_threads};
use crate::monitor::{Target, monitor_from};
use crate::name::{ProcessName, register_cell, unregister, whereis};
use crate::pid::Pid;
use crate::signal::exit_from;
use crate::sync::Arc;
use crate::table;

const NAME: ProcessName = ProcessName::new("name");
const OTHER: ProcessName = ProcessName::new("other");

fn register_elsewhere(
    name: ProcessName,
    cell: &Arc<AnyCell>,
) -> thread::JoinHandle<Result<(), RegisterError>> {
    let cell = Arc::clone(cell);
    thread::spawn(move || register_cell(name, &cell))
}

#[test]
fn loom_a_name_for_a_dying_process_is_refused_or_given_back() {
    two_threads(|| {
        let (dying, _mailbox) = process::<Message>();
        let death = kill_elsewhere(&dying);
        let _ = register_cell(NAME, &dying);
        death.join().unwrap();
        assert_eq!(whereis("name"), None);
        assert!(register_cell(NAME, &dying).is_err());
    });
}

#[test]
fn loom_a_process_hit_by_an_exit_signal_gets_no_name() {
    two_threads(|| {
        let (dying, _mailbox) = process::<Message>();
        let hit = {
            let dying = Arc::clone(&dying);
            thread::spawn(move || {
                exit_from(&dying, Pid::OUTSIDE, ExitReason::Kill);
                register_cell(NAME, &dying).is_err()
            })
        };
        let _ = register_cell(OTHER, &dying);
        assert!(hit.join().unwrap());
        kill(&dying);
        assert_eq!((whereis("name"), whereis("other")), (None, None));
    });
}

/// The next process of that name starts as soon as it hears of the death.
#[test]
fn loom_a_name_is_free_before_the_down() {
    two_threads(|| {
        let (next, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        register_cell(NAME, &dying).unwrap();
        let death = kill_elsewhere(&dying);
        monitor_from(&next, Target::Name(NAME), None);
        let received = block_on(poll_fn(|cx| mailbox.poll_receive(cx)));
        // Who comes by a name that is free already hears `NoProc`, whatever had it.
        assert!(matches!(&received, Received::Down(down)
            if down.reason == ExitReason::NoProc || !table::contains(pid)));
        assert_eq!(register_cell(NAME, &next), Ok(()));
        death.join().unwrap();
        assert_eq!(whereis("name"), Some(next.head.pid));
        kill(&next);
    });
}

#[test]
fn loom_a_name_is_free_before_the_exit() {
    two_threads(|| {
        let (next, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        register_cell(NAME, &dying).unwrap();
        let death = kill_elsewhere(&dying);
        link_to(&next, pid);
        let received = block_on(poll_fn(|cx| mailbox.poll_receive(cx)));
        assert!(matches!(received, Received::Exit { .. }));
        assert!(!table::contains(pid));
        assert_eq!(register_cell(NAME, &next), Ok(()));
        death.join().unwrap();
        kill(&next);
    });
}

#[test]
fn loom_of_two_that_want_a_name_one_gets_it() {
    two_threads(|| {
        let (a, _a) = process::<Message>();
        let (b, _b) = process::<Message>();
        let other = register_elsewhere(NAME, &a);
        let this = register_cell(NAME, &b);
        match (this, other.join().unwrap()) {
            (Ok(()), Err(RegisterError::Taken(pid))) => assert_eq!(pid, b.head.pid),
            (Err(RegisterError::Taken(pid)), Ok(())) => assert_eq!(pid, a.head.pid),
            both => panic!("{both:?}"),
        }
        kill(&a);
        kill(&b);
        assert_eq!(whereis("name"), None);
    });
}

#[test]
fn loom_of_two_names_a_process_gets_one() {
    two_threads(|| {
        let (cell, _mailbox) = process::<Message>();
        let other = register_elsewhere(NAME, &cell);
        let this = register_cell(OTHER, &cell);
        assert_ne!(this.is_ok(), other.join().unwrap().is_ok());
        assert_ne!(whereis("name").is_some(), whereis("other").is_some());
        kill(&cell);
        assert_eq!((whereis("name"), whereis("other")), (None, None));
    });
}

/// The name is given up by hand while its process dies, and taken by another: the death leaves that one alone.
#[test]
fn loom_a_death_frees_its_own_name_only() {
    two_threads(|| {
        let (dying, _mailbox) = process::<Message>();
        let (next, _mailbox) = process::<Message>();
        register_cell(NAME, &dying).unwrap();
        let death = kill_elsewhere(&dying);
        let _ = unregister("name");
        assert_eq!(register_cell(NAME, &next), Ok(()));
        death.join().unwrap();
        assert_eq!(whereis("name"), Some(next.head.pid));
        kill(&next);
    });
}
