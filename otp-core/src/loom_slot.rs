//! Models of the slot behind a request: answer, drop, death and giving up, in every order.
//!
//! Two threads or three; `loom_rig.rs` says with how many preemptions. They prove that the caller is woken by whatever ends its
//! request, that the answer counts whenever it comes first, and that it is dropped once by somebody if nobody waits any
//! more.

use std::future::poll_fn;
use std::task::Poll;

use loom::future::block_on;
use loom::thread;

use crate::behaviour::{Answer, request};
use crate::exit_reason::ExitReason;
use crate::loom_rig::{Tracked, three_threads, two_threads};
use crate::pid::Pid;
use crate::reply::{Reply, ReplyTo, Request};

fn three() -> (ReplyTo<Tracked>, Reply<Tracked>, Request) {
    request(Pid::OUTSIDE)
}

fn wait(mut reply: Reply<Tracked>) -> Answer<Tracked> {
    block_on(poll_fn(|cx| reply.poll_answer(cx)))
}

#[test]
fn loom_an_answer_reaches_a_caller_that_waits() {
    two_threads(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.send(Tracked::new(()));
            drop(request);
        });
        assert!(matches!(wait(reply), Answer::Value(_)));
        server.join().unwrap();
    });
}

#[test]
fn loom_a_dropped_reply_is_heard() {
    two_threads(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || drop((reply_to, request)));
        assert!(matches!(wait(reply), Answer::NoReply));
        server.join().unwrap();
    });
}

#[test]
fn loom_an_answer_against_a_caller_that_gives_up() {
    two_threads(|| {
        let (reply_to, mut reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.send(Tracked::new(()));
            drop(request);
        });
        block_on(poll_fn(|cx| {
            let _ = reply.poll_answer(cx);
            Poll::Ready(())
        }));
        drop(reply);
        server.join().unwrap();
    });
}

#[test]
fn loom_a_death_against_an_answer_from_elsewhere() {
    three_threads(|| {
        let (reply_to, reply, request) = three();
        let elsewhere = thread::spawn(move || reply_to.send(Tracked::new(())));
        let server = thread::spawn(move || request.resolve_for_death(&ExitReason::Killed));
        assert!(matches!(wait(reply), Answer::Value(_) | Answer::Exit(ExitReason::Killed)));
        elsewhere.join().unwrap();
        server.join().unwrap();
    });
}

#[test]
fn loom_a_death_against_a_reply_dropped_elsewhere() {
    three_threads(|| {
        let (reply_to, reply, request) = three();
        let elsewhere = thread::spawn(move || drop(reply_to));
        let server = thread::spawn(move || request.resolve_for_death(&ExitReason::Killed));
        assert!(matches!(wait(reply), Answer::NoReply | Answer::Exit(ExitReason::Killed)));
        elsewhere.join().unwrap();
        server.join().unwrap();
    });
}

#[test]
fn loom_a_caller_that_changes_its_waker_is_woken() {
    two_threads(|| {
        let (reply_to, mut reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.send(Tracked::new(()));
            drop(request);
        });
        let first = block_on(poll_fn(|cx| Poll::Ready(reply.poll_answer(cx))));
        if first.is_pending() {
            // A second `block_on` has a waker of its own.
            assert!(matches!(wait(reply), Answer::Value(_)));
        }
        server.join().unwrap();
    });
}

#[test]
fn loom_parting_words_count_after_the_death() {
    two_threads(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.leave_for_death(Tracked::new(()));
            request.resolve_for_death(&ExitReason::Normal);
        });
        assert!(matches!(wait(reply), Answer::Value(_)));
        server.join().unwrap();
    });
}

/// The time is up: the caller looks once more, and goes.
fn give_up(mut reply: Reply<Tracked>) -> Option<Answer<Tracked>> {
    let first = block_on(poll_fn(|cx| Poll::Ready(reply.poll_answer(cx))));
    match first {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => reply.try_answer(),
    }
}

#[test]
fn loom_a_death_against_a_caller_that_gives_up() {
    two_threads(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || {
            request.resolve_for_death(&ExitReason::Killed);
            reply_to.send(Tracked::new(()));
        });
        assert!(matches!(give_up(reply), None | Some(Answer::Exit(ExitReason::Killed) | Answer::Value(_))));
        server.join().unwrap();
    });
}

#[test]
fn loom_a_dropped_reply_against_a_caller_that_gives_up() {
    two_threads(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || drop((reply_to, request)));
        assert!(matches!(give_up(reply), None | Some(Answer::NoReply)));
        server.join().unwrap();
    });
}

#[test]
fn loom_an_answer_and_a_death_against_a_caller_that_gives_up() {
    three_threads(|| {
        let (reply_to, reply, request) = three();
        let elsewhere = thread::spawn(move || reply_to.send(Tracked::new(())));
        let server = thread::spawn(move || request.resolve_for_death(&ExitReason::Killed));
        drop(give_up(reply));
        elsewhere.join().unwrap();
        server.join().unwrap();
    });
}
