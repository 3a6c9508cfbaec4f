//! Models of direct handoff: a caller that polls a server in place against the server's own task, other senders, an exit
//! signal, the drop of the task, and another caller.
//!
//! Two threads or three; `loom_rig.rs` says with how many preemptions. They prove that
//!
//! * a request is answered, refused, or ends with the server's death, and its caller hears of that;
//! * a message that comes while the server is polled in place is received: no wake-up is lost;
//! * the server dies once, whoever polls it, and its task ends.

use std::future::{Future, poll_fn};
use std::task::{Context, Waker};

use loom::future::block_on;
use loom::thread;

use crate::behaviour::{Answer, end, request};
use crate::driver::Root;
use crate::exit_reason::ExitReason;
use crate::inbox::Received;
use crate::loom_rig::{Tracked, run, three_threads, two_threads, waiting, with_body};
use crate::mailbox::{Mailbox, ProcessRef};
use crate::reply::ReplyTo;
use crate::signal::send_exit;
use crate::table;

/// A request, or a message that nobody waits for.
enum Ask {
    Get(ReplyTo<Tracked>),
    Note(#[expect(dead_code, reason = "loom sees whether it is dropped")] Tracked),
}

/// Answers, or drops, so many messages, and ends.
fn server(count: usize) -> (Root, ProcessRef<Ask>) {
    with_body(move |mut mailbox: Mailbox<Ask>| async move {
        for _ in 0..count {
            if let Received::Message(Ask::Get(reply_to)) = mailbox.receive().await {
                reply_to.send(Tracked::new(()));
            }
        }
        match end(ExitReason::Shutdown).await {}
    })
}

/// Calls, in place if the server sleeps. `None` if it was not sent.
fn call(server: &ProcessRef<Ask>) -> Option<Answer<Tracked>> {
    let (reply_to, mut reply, request) = request(server.pid());
    drop(request);
    server.clone().request_here(Ask::Get(reply_to), true).ok()?;
    Some(block_on(poll_fn(|cx| reply.poll_answer(cx))))
}

fn is_answered(answer: Option<Answer<Tracked>>) -> bool {
    matches!(answer, Some(Answer::Value(_)))
}

#[test]
fn loom_calls_in_place_are_answered() {
    two_threads(|| {
        let (root, address) = server(2);
        let caller = thread::spawn(move || {
            assert!(is_answered(call(&address)));
            assert!(is_answered(call(&address)));
        });
        run(root);
        caller.join().unwrap();
    });
}

#[test]
fn loom_two_callers_in_place_are_both_answered() {
    three_threads(|| {
        let (root, address) = server(2);
        let callers = [(); 2].map(|()| {
            let address = address.clone();
            thread::spawn(move || assert!(is_answered(call(&address))))
        });
        run(root);
        for caller in callers {
            caller.join().unwrap();
        }
    });
}

/// The task is woken by the other message, and may find the caller at it.
#[test]
fn loom_a_message_that_comes_meanwhile_is_received() {
    three_threads(|| {
        let (root, address) = server(2);
        let sender = {
            let address = address.clone();
            thread::spawn(move || address.send(Ask::Note(Tracked::new(()))))
        };
        let caller = thread::spawn(move || assert!(is_answered(call(&address))));
        run(root);
        sender.join().unwrap();
        caller.join().unwrap();
    });
}

#[test]
fn loom_the_end_of_a_server_that_is_polled_in_place_ends_its_task() {
    two_threads(|| {
        let (root, address) = server(1);
        let cell = table::get(address.pid()).unwrap();
        let caller = thread::spawn(move || {
            assert!(is_answered(call(&address)));
            assert!(matches!(call(&address), None | Some(Answer::Exit(ExitReason::Shutdown))));
        });
        run(root);
        caller.join().unwrap();
        assert_eq!(waiting(&cell), 0);
    });
}

#[test]
fn loom_an_exit_signal_against_a_call_in_place() {
    three_threads(|| {
        let (root, address) = server(2);
        let killer = {
            let pid = address.pid();
            thread::spawn(move || send_exit(pid, ExitReason::Kill))
        };
        let caller = thread::spawn(move || match call(&address) {
            None | Some(Answer::Value(_) | Answer::Exit(ExitReason::Killed)) => {}
            other => panic!("{other:?}"),
        });
        run(root);
        killer.join().unwrap();
        caller.join().unwrap();
    });
}

/// The runtime drops the task of a server that a caller polls in place.
#[test]
fn loom_the_drop_of_the_task_against_a_call_in_place() {
    two_threads(|| {
        let (root, address) = server(2);
        let cell = table::get(address.pid()).unwrap();
        let mut root = Box::pin(root);
        assert!(root.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let caller = thread::spawn(move || match call(&address) {
            None | Some(Answer::Value(_) | Answer::Exit(ExitReason::Killed)) => {}
            other => panic!("{other:?}"),
        });
        drop(root);
        caller.join().unwrap();
        assert!(cell.head.is_doomed(), "nobody ended the process");
        assert_eq!(waiting(&cell), 0);
    });
}

/// Its task finds it taken and leaves word, and is dropped then.
#[test]
fn loom_a_poll_and_the_drop_of_the_task_against_a_call_in_place() {
    two_threads(|| {
        let (root, address) = server(3);
        let cell = table::get(address.pid()).unwrap();
        let mut root = Box::pin(root);
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(root.as_mut().poll(cx).is_pending());
        let caller = thread::spawn(move || drop(call(&address)));
        assert!(root.as_mut().poll(cx).is_pending());
        drop(root);
        caller.join().unwrap();
        assert!(cell.head.is_doomed(), "nobody ended the process");
        assert_eq!(waiting(&cell), 0);
    });
}
