//! Models of the slot behind a request: answer, drop, death and giving up, in every order.
//!
//! `RUSTFLAGS="--cfg otp_loom" cargo test -p otp-core --lib loom_ --release`

use std::future::poll_fn;
use std::task::Poll;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use crate::behaviour::{Answer, request};
use crate::exit_reason::ExitReason;
use crate::pid::Pid;
use crate::reply::{Reply, ReplyTo, Request};

/// loom finds a leak, or a second drop, of this.
type Tracked = Arc<()>;

fn three() -> (ReplyTo<Tracked>, Reply<Tracked>, Request) {
    request(Pid::OUTSIDE)
}

/// Three threads have too many orders to try all: every order with two preemptions at most.
fn model_of_three(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

fn wait(mut reply: Reply<Tracked>) -> Answer<Tracked> {
    block_on(poll_fn(|cx| reply.poll_answer(cx)))
}

#[test]
fn loom_an_answer_reaches_a_caller_that_waits() {
    loom::model(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.send(Arc::new(()));
            drop(request);
        });
        assert!(matches!(wait(reply), Answer::Value(_)));
        server.join().unwrap();
    });
}

#[test]
fn loom_a_dropped_reply_is_heard() {
    loom::model(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || drop((reply_to, request)));
        assert!(matches!(wait(reply), Answer::NoReply));
        server.join().unwrap();
    });
}

#[test]
fn loom_an_answer_against_a_caller_that_gives_up() {
    loom::model(|| {
        let (reply_to, mut reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.send(Arc::new(()));
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
    model_of_three(|| {
        let (reply_to, reply, request) = three();
        let elsewhere = thread::spawn(move || reply_to.send(Arc::new(())));
        let server = thread::spawn(move || request.resolve_for_death(&ExitReason::Killed));
        assert!(matches!(wait(reply), Answer::Value(_) | Answer::Exit(ExitReason::Killed)));
        elsewhere.join().unwrap();
        server.join().unwrap();
    });
}

#[test]
fn loom_a_death_against_a_reply_dropped_elsewhere() {
    model_of_three(|| {
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
    loom::model(|| {
        let (reply_to, mut reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.send(Arc::new(()));
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
    loom::model(|| {
        let (reply_to, reply, request) = three();
        let server = thread::spawn(move || {
            reply_to.leave_for_death(Arc::new(()));
            request.resolve_for_death(&ExitReason::Normal);
        });
        assert!(matches!(wait(reply), Answer::Value(_)));
        server.join().unwrap();
    });
}
