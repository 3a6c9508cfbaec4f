//! Models of the watch over processes that do not end: an exit signal against a poll that begins, and the declared death
//! against the real one.
//!
//! Two threads; `loom_rig.rs` says with how many preemptions. They prove that a poll which does not see the exit signal is
//! seen by the watch, and that everyone hears of one death, whoever makes it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::thread;

use crate::cell::{Cell, Origin};
use crate::driver::Driven;
use crate::exit_reason::ExitReason;
use crate::inbox::{Inbox, Received};
use crate::loom_rig::{
    Message, drain, is_watched, kill, kill_elsewhere, process, trapping, two_threads, with_body,
};
use crate::mailbox::Mailbox;
use crate::monitor::{Target, monitor_from};
use crate::name::{ProcessName, register_cell, whereis};
use crate::orphan::{declare_dead, orphans};
use crate::pid::Pid;
use crate::signal::exit_from;
use crate::sync::Arc;
use crate::table;

/// A body whose first poll lasts until the exit signal has done all it does, as one that never ends would.
fn stuck(
    signal: thread::JoinHandle<()>,
    ran: std::sync::Arc<std::sync::Mutex<bool>>,
) -> impl Future<Output = ExitReason> {
    let mut signal = Some(signal);
    poll_fn(move |_| {
        if let Some(signal) = signal.take() {
            *ran.lock().unwrap() = true;
            signal.join().unwrap();
        }
        Poll::Pending
    })
}

fn kill_signal(pid: Pid) -> thread::JoinHandle<()> {
    let cell = table::get(pid).unwrap();
    thread::spawn(move || exit_from(&cell, Pid::OUTSIDE, ExitReason::Kill))
}

#[test]
fn loom_a_poll_sees_the_exit_signal_or_the_watch_sees_the_poll() {
    two_threads(|| {
        let (cell, mailbox) = process::<Message>();
        let pid = cell.head.pid;
        let ran = std::sync::Arc::default();
        let body = Box::pin(stuck(kill_signal(pid), std::sync::Arc::clone(&ran)));
        *cell.head.try_take().unwrap() = Some(body);
        drop(mailbox);
        let mut root = pin!(crate::driver::Root::new(cell));
        let end = root.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(end.is_ready());
        let watched = is_watched(pid);
        assert!(watched || !*ran.lock().unwrap(), "a process that is stuck is not watched");
        assert!(!table::contains(pid));
    });
}

/// As above, for a process that somebody else polls: `run`, `attach`.
#[test]
fn loom_a_poll_of_an_attached_process_is_seen_as_well() {
    two_threads(|| {
        let cell = Cell::<Inbox<Message>>::new(None, Origin::Attached, None);
        let pid = cell.head.pid;
        table::insert(Arc::<Cell<Inbox<Message>>>::clone(&cell));
        let ran = std::sync::Arc::default();
        let body = stuck(kill_signal(pid), std::sync::Arc::clone(&ran));
        let mut driven = pin!(Driven::new(cell, body));
        let end = driven.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(end.is_ready());
        let watched = is_watched(pid);
        assert!(watched || !*ran.lock().unwrap(), "a process that is stuck is not watched");
        assert!(!table::contains(pid));
    });
}

#[test]
fn loom_a_declared_death_against_the_real_one() {
    two_threads(|| {
        const NAME: ProcessName = ProcessName::new("stuck");
        let (holder, mut mailbox) = trapping();
        let (root, address) = with_body(|_: Mailbox<Message>| poll_fn(|_| Poll::<ExitReason>::Pending));
        let pid = address.pid();
        let cell = table::get(pid).unwrap();
        register_cell(NAME, &cell).unwrap();
        monitor_from(&holder, Target::Pid(pid), None);
        exit_from(&cell, Pid::OUTSIDE, ExitReason::Kill);
        let declared = thread::spawn(move || declare_dead(pid));
        let mut root = pin!(root);
        let end = root.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(end.is_ready());
        declared.join().unwrap();
        assert!(
            matches!(&drain(&mut mailbox)[..], [Received::Down(down)] if down.reason == ExitReason::Killed)
        );
        assert!(whereis("stuck").is_none() && !table::contains(pid));
        assert!(orphans().iter().all(|orphan| orphan.pid != pid), "its code has ended");
        kill(&holder);
    });
}

/// Whoever polls it gets its output, or hears that the signal came first.
#[test]
fn loom_an_attached_process_that_ends_as_an_exit_signal_comes_gives_its_output_or_that_reason() {
    two_threads(|| {
        let cell = Cell::<Inbox<Message>>::new(None, Origin::Attached, None);
        table::insert(Arc::<Cell<Inbox<Message>>>::clone(&cell));
        let signal = kill_signal(cell.head.pid);
        let mut driven = pin!(Driven::new(cell, std::future::ready(7)));
        let end = driven.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        signal.join().unwrap();
        assert!(matches!(end, Poll::Ready(Ok(7) | Err(ExitReason::Killed))), "{end:?}");
    });
}

/// The code of an orphan goes on, and makes a monitor as it is declared dead.
#[test]
fn loom_a_monitor_that_an_orphan_makes_as_it_dies_leaves_nothing_with_its_target() {
    two_threads(|| {
        let [(holder, _), (target, _)] = [(); 2].map(|()| process::<Message>());
        let death = kill_elsewhere(&holder);
        monitor_from(&holder, Target::Pid(target.head.pid), None);
        death.join().unwrap();
        let left = target.inner.lock().extra.as_ref().map_or(0, |extra| extra.watchers.len());
        assert_eq!(left, 0, "the dead watch nobody");
        kill(&target);
    });
}
