//! Models of links, monitors and exit signals against a death.
//!
//! Two threads or three; `loom_rig.rs` says with how many preemptions. They prove that
//!
//! * each link gives one EXIT, whenever it was made, and none after `unlink` has returned;
//! * both ends of a link agree about it;
//! * each monitor gives one DOWN, and none after `demonitor_flush` has returned;
//! * of two exit signals one counts, and two processes that die at once wait for nothing.

use std::task::Poll;

use loom::thread;

use crate::cell::AnyCell;
use crate::exit_reason::ExitReason;
use crate::inbox::Received;
use crate::link::{link_to, unlink_from};
use crate::loom_rig::{
    Message, drain, kill, kill_elsewhere, process, run, three_threads, trapping, two_threads, waiting,
    with_body,
};
use crate::mailbox::Mailbox;
use crate::monitor::{self, MonitorRef, Target, monitor_from};
use crate::pid::Pid;
use crate::signal::exit_from;
use crate::sync::Arc;
use crate::table;

fn is_linked(cell: &AnyCell, peer: Pid) -> bool {
    cell.inner.lock().extra.as_ref().is_some_and(|extra| extra.links.to_vec().contains(&peer))
}

/// How many EXITs are there to be received, all of them from `peer`.
fn exits(mailbox: &mut Mailbox<Message>, peer: Pid) -> usize {
    let received = drain(mailbox);
    assert!(received.iter().all(|it| matches!(it, Received::Exit { from, .. } if *from == peer)));
    received.len()
}

/// How many DOWNs are there to be received, all of them of `monitor`.
fn downs(mailbox: &mut Mailbox<Message>, monitor: MonitorRef) -> usize {
    let received = drain(mailbox);
    assert!(received.iter().all(|it| matches!(it, Received::Down(down) if down.monitor == monitor)));
    received.len()
}

fn watch(holder: &AnyCell, target: Pid) -> MonitorRef {
    monitor_from(holder, Target::Pid(target), None)
}

#[test]
fn loom_a_link_to_a_dying_process_gives_one_exit() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        let death = kill_elsewhere(&dying);
        link_to(&holder, pid);
        death.join().unwrap();
        assert_eq!(exits(&mut mailbox, pid), 1);
        assert!(!is_linked(&holder, pid));
        kill(&holder);
    });
}

#[test]
fn loom_no_exit_comes_after_unlink_has_returned() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        link_to(&holder, pid);
        let death = kill_elsewhere(&dying);
        unlink_from(&holder, pid);
        let before = waiting(&holder);
        death.join().unwrap();
        assert!(before <= 1);
        assert_eq!(exits(&mut mailbox, pid), before);
        kill(&holder);
    });
}

#[test]
fn loom_a_link_that_is_made_again_gives_one_more_exit() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        link_to(&holder, pid);
        let death = kill_elsewhere(&dying);
        unlink_from(&holder, pid);
        let of_the_first = waiting(&holder);
        link_to(&holder, pid);
        death.join().unwrap();
        assert_eq!(exits(&mut mailbox, pid), of_the_first + 1);
        assert!(!is_linked(&holder, pid));
        kill(&holder);
    });
}

/// One end unlinks and links again while the other unlinks.
#[test]
fn loom_both_ends_agree_about_a_link() {
    two_threads(|| {
        let (a, _a) = process::<Message>();
        let (b, _b) = process::<Message>();
        link_to(&a, b.head.pid);
        let again = {
            let (a, pid) = (Arc::clone(&a), b.head.pid);
            thread::spawn(move || {
                unlink_from(&a, pid);
                link_to(&a, pid);
            })
        };
        unlink_from(&b, a.head.pid);
        again.join().unwrap();
        assert_eq!(is_linked(&a, b.head.pid), is_linked(&b, a.head.pid));
        kill(&a);
        kill(&b);
    });
}

/// Both ends make the link while one is declared dead, whose code still runs.
#[test]
fn loom_a_link_by_an_orphan_ends_with_it() {
    three_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        let other_end = {
            let (dying, pid) = (Arc::clone(&dying), holder.head.pid);
            thread::spawn(move || link_to(&dying, pid))
        };
        let death = kill_elsewhere(&dying);
        link_to(&holder, pid);
        other_end.join().unwrap();
        death.join().unwrap();
        // Two if the orphan's link had ended when this one was made.
        assert!((1..=2).contains(&exits(&mut mailbox, pid)));
        assert!(!is_linked(&holder, pid));
        kill(&holder);
    });
}

#[test]
fn loom_two_that_are_linked_die_at_once() {
    two_threads(|| {
        let (a, _a) = process::<Message>();
        let (b, _b) = process::<Message>();
        link_to(&a, b.head.pid);
        let death = kill_elsewhere(&a);
        kill(&b);
        death.join().unwrap();
        assert_eq!((waiting(&a), waiting(&b)), (0, 0));
        assert!(!table::contains(a.head.pid) && !table::contains(b.head.pid));
    });
}

/// A death reaches the next process, which does not trap, with its reason.
#[test]
fn loom_a_death_ends_the_process_at_the_other_end() {
    two_threads(|| {
        let (dying, _mailbox) = process::<Message>();
        let pid = dying.head.pid;
        let (root, linked) = with_body(|mut mailbox: Mailbox<Message>| async move {
            mailbox.receive().await;
            ExitReason::Normal
        });
        let (holder, mut mailbox) = trapping();
        let linked = table::get(linked.pid()).unwrap();
        watch(&holder, linked.head.pid);
        link_to(&linked, pid);
        let death = kill_elsewhere(&dying);
        run(root);
        death.join().unwrap();
        assert!(
            matches!(&drain(&mut mailbox)[..], [Received::Down(down)] if down.reason == ExitReason::Killed)
        );
        kill(&holder);
    });
}

#[test]
fn loom_a_monitor_of_a_dying_process_gives_one_down() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let death = kill_elsewhere(&dying);
        let monitor = watch(&holder, dying.head.pid);
        death.join().unwrap();
        assert_eq!(downs(&mut mailbox, monitor), 1);
        kill(&holder);
    });
}

#[test]
fn loom_no_down_is_received_after_demonitor_flush_has_returned() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let monitor = watch(&holder, dying.head.pid);
        let death = kill_elsewhere(&dying);
        let active = monitor::end(&holder, monitor, true);
        if active {
            assert_eq!(waiting(&holder), 0);
        }
        death.join().unwrap();
        assert_eq!(downs(&mut mailbox, monitor), 0);
        assert_eq!(holder.inner.lock().extra().flushed, 0);
        kill(&holder);
    });
}

#[test]
fn loom_no_down_comes_after_demonitor_has_returned() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let monitor = watch(&holder, dying.head.pid);
        let death = kill_elsewhere(&dying);
        let active = monitor::end(&holder, monitor, false);
        let before = waiting(&holder);
        assert_eq!(before, usize::from(!active));
        death.join().unwrap();
        assert_eq!(downs(&mut mailbox, monitor), before);
        kill(&holder);
    });
}

/// The receiver takes the DOWN out while another part of its code flushes it: one of them has it.
#[test]
fn loom_a_down_is_received_or_flushed() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        let monitor = watch(&holder, dying.head.pid);
        let flush = {
            let holder = Arc::clone(&holder);
            thread::spawn(move || {
                kill(&dying);
                monitor::end(&holder, monitor, true)
            })
        };
        let mut received = downs(&mut mailbox, monitor);
        assert!(!flush.join().unwrap(), "the process was dead");
        received += downs(&mut mailbox, monitor);
        assert!(received <= 1);
        let mut inner = holder.inner.lock();
        assert_eq!((inner.extra().flushed, inner.extra().monitors.len()), (0, 0));
        drop(inner);
        kill(&holder);
    });
}

/// The holder dies as well: nothing of the monitor is left.
#[test]
fn loom_a_holder_and_its_target_die_at_once() {
    two_threads(|| {
        let (holder, _mailbox) = trapping();
        let (dying, _mailbox) = process::<Message>();
        watch(&holder, dying.head.pid);
        let death = kill_elsewhere(&dying);
        kill(&holder);
        death.join().unwrap();
        assert_eq!((waiting(&holder), waiting(&dying)), (0, 0));
    });
}

#[test]
fn loom_of_two_exit_signals_one_counts() {
    three_threads(|| {
        let (holder, mut mailbox) = trapping();
        let (root, address) = with_body(|mut mailbox: Mailbox<Message>| async move {
            mailbox.receive().await;
            ExitReason::Normal
        });
        let monitor = watch(&holder, address.pid());
        let signals = [ExitReason::Kill, ExitReason::Shutdown].map(|reason| {
            let cell = table::get(address.pid()).unwrap();
            thread::spawn(move || {
                let too_late = cell.head.is_doomed();
                exit_from(&cell, Pid::OUTSIDE, reason);
                too_late
            })
        });
        run(root);
        let [kill_late, shutdown_late] = signals.map(|signal| signal.join().unwrap());
        let received = drain(&mut mailbox);
        let [Received::Down(down)] = &received[..] else { panic!("{received:?}") };
        assert_eq!(down.monitor, monitor);
        match down.reason {
            ExitReason::Killed => assert!(!kill_late, "the other one came first"),
            ExitReason::Shutdown => assert!(!shutdown_late, "the other one came first"),
            _ => panic!("{down:?}"),
        }
        kill(&holder);
    });
}

/// The body is in the middle of a poll when the signal comes: it dies at the end of it, whatever it returns.
#[test]
fn loom_an_exit_signal_against_a_poll() {
    two_threads(|| {
        let (holder, mut mailbox) = trapping();
        let mut polls = 0;
        let (root, address) = with_body(move |_: Mailbox<Message>| {
            std::future::poll_fn(move |cx| {
                polls += 1;
                cx.waker().wake_by_ref();
                if polls < 3 { Poll::Pending } else { Poll::Ready(ExitReason::Normal) }
            })
        });
        watch(&holder, address.pid());
        let signal = thread::spawn(move || crate::signal::send_exit(address.pid(), ExitReason::Shutdown));
        run(root);
        signal.join().unwrap();
        let received = drain(&mut mailbox);
        assert!(matches!(&received[..], [Received::Down(down)]
            if matches!(down.reason, ExitReason::Normal | ExitReason::Shutdown)));
        kill(&holder);
    });
}
