//! Models of the mailbox: a push against a receiver that goes to sleep, a death, a closing, and the adoption of the
//! task's waker against an exit signal.
//!
//! Two threads or three; `loom_rig.rs` says with how many preemptions. They prove that
//!
//! * a receiver that sleeps is woken by the next push or exit signal, whichever of the wakers it has;
//! * a message is received, given back, or dropped with the process, run, and none stays in the queue of a dead one;
//! * what was sent before a mailbox was closed is received, what comes after is given back;
//! * the caller of a request hears of its end, however the server dies.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::thread;

use crate::behaviour::{Answer, end, request};
use crate::exit_reason::ExitReason;
use crate::inbox::Received;
use crate::loom_rig::{
    Message, Tracked, drain, kill, process, run, three_threads, two_threads, waiting, with_body,
};
use crate::mailbox::Mailbox;
use crate::pid::Pid;
use crate::reply::ReplyTo;
use crate::signal::exit_from;
use crate::sync::Arc;
use crate::table;

/// A process that receives as many messages as said, and ends.
async fn receives(mut mailbox: Mailbox<Message>, count: usize) -> ExitReason {
    let mut last = 0;
    for _ in 0..count {
        let Received::Message(message) = mailbox.receive().await else { return ExitReason::Shutdown };
        if message <= last {
            return ExitReason::Shutdown;
        }
        last = message;
    }
    match end(ExitReason::Normal).await {}
}

#[test]
fn loom_a_sleeping_receiver_is_woken_by_each_push() {
    two_threads(|| {
        let (root, address) = with_body(|mailbox| receives(mailbox, 3));
        let sender = thread::spawn(move || {
            for message in 1..=3 {
                address.try_send(message).expect("it waits for three");
            }
        });
        run(root);
        sender.join().unwrap();
    });
}

#[test]
fn loom_a_sleeping_receiver_is_woken_by_one_of_two_senders() {
    three_threads(|| {
        let (root, address) = with_body(|mut mailbox: Mailbox<Message>| async move {
            mailbox.receive().await;
            mailbox.receive().await;
            match end(ExitReason::Normal).await {}
        });
        let senders = [1, 2].map(|message| {
            let address = address.clone();
            thread::spawn(move || address.send(message))
        });
        run(root);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn loom_a_receiver_with_a_waker_of_its_own_is_woken() {
    two_threads(|| {
        let (cell, mut mailbox) = process::<Message>();
        let address = mailbox.address();
        // The task has another waker than the future that receives.
        cell.adopt_task(Waker::noop());
        let sender = thread::spawn(move || {
            address.send(1);
            address.send(2);
        });
        for expected in [1, 2] {
            let received = block_on(poll_fn(|cx| mailbox.poll_receive(cx)));
            assert!(matches!(received, Received::Message(message) if message == expected));
        }
        sender.join().unwrap();
        kill(&cell);
    });
}

#[test]
fn loom_a_message_is_received_or_given_back_or_dies_with_the_process() {
    two_threads(|| {
        let (root, address) = with_body(|mut mailbox: Mailbox<Tracked>| async move {
            drop(mailbox.receive().await);
            match end(ExitReason::Normal).await {}
        });
        let cell = table::get(address.pid()).unwrap();
        let sender = {
            let address = address.clone();
            thread::spawn(move || {
                address.send(Tracked::new(()));
                let second = address.try_send(Tracked::new(()));
                let third = address.try_send(Tracked::new(()));
                // Once it is dead it stays dead.
                assert!(second.is_ok() || third.is_err());
            })
        };
        run(root);
        sender.join().unwrap();
        assert!(address.try_send(Tracked::new(())).is_err());
        assert_eq!(waiting(&cell), 0, "a message lies in the queue of a dead process");
    });
}

#[test]
fn loom_a_message_after_an_exit_signal_is_given_back() {
    two_threads(|| {
        let (cell, mailbox) = process::<Message>();
        let address = mailbox.address();
        let sender = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                exit_from(&cell, Pid::OUTSIDE, ExitReason::Kill);
                assert!(address.try_send(1).is_err());
            })
        };
        kill(&cell);
        sender.join().unwrap();
    });
}

#[test]
fn loom_what_was_accepted_before_the_closing_is_received() {
    two_threads(|| {
        let (cell, mut mailbox) = process::<Message>();
        let address = mailbox.address();
        let sender = thread::spawn(move || {
            [1, 2, 3].map(|message| address.try_send(message).is_ok()).map(usize::from)
        });
        let mut received = drain(&mut mailbox).len();
        mailbox.close();
        received += drain(&mut mailbox).len();
        let accepted: usize = sender.join().unwrap().iter().sum();
        assert_eq!(received, accepted);
        assert_eq!(drain(&mut mailbox).len(), 0);
        kill(&cell);
    });
}

/// The process's first poll: it stores its waker, looks for an exit signal, and sleeps.
#[test]
fn loom_an_exit_signal_against_the_adoption_of_the_waker() {
    two_threads(|| {
        let (cell, _mailbox) = process::<Message>();
        let killer = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || exit_from(&cell, Pid::OUTSIDE, ExitReason::Kill))
        };
        let reason = block_on(poll_fn(|cx| {
            cell.adopt_task(cx.waker());
            cell.take_doom().map_or(Poll::Pending, Poll::Ready)
        }));
        assert_eq!(reason, ExitReason::Killed);
        killer.join().unwrap();
        kill(&cell);
    });
}

#[test]
fn loom_an_exit_signal_ends_a_process_that_waits() {
    two_threads(|| {
        let (root, address) = with_body(|mailbox| receives(mailbox, 1));
        let killer = thread::spawn(move || crate::signal::send_exit(address.pid(), ExitReason::Kill));
        run(root);
        killer.join().unwrap();
    });
}

fn server(count: usize) -> (crate::driver::Root, crate::mailbox::ProcessRef<ReplyTo<Tracked>>) {
    with_body(move |mut mailbox: Mailbox<ReplyTo<Tracked>>| async move {
        for _ in 0..count {
            if let Received::Message(reply_to) = mailbox.receive().await {
                reply_to.send(Tracked::new(()));
            }
        }
        match end(ExitReason::Shutdown).await {}
    })
}

/// Queued behind the one that the server still answers, or refused, or in a queue that dies.
#[test]
fn loom_a_caller_hears_of_the_end_of_its_request() {
    two_threads(|| {
        let (root, address) = server(1);
        let callers = thread::spawn(move || {
            let replies = [(); 2].map(|()| {
                let (reply_to, reply, request) = request(address.pid());
                drop(request);
                address.try_send(reply_to).is_ok().then_some(reply)
            });
            let [first, second] =
                replies.map(|reply| reply.map(|mut reply| block_on(poll_fn(|cx| reply.poll_answer(cx)))));
            assert!(matches!(first, Some(Answer::Value(_))));
            assert!(matches!(second, None | Some(Answer::Exit(ExitReason::Shutdown))));
        });
        run(root);
        callers.join().unwrap();
    });
}
