//! Models of the bounded mailbox: who waits for room is woken when there is some, by a message taken out, by one who gives
//! up before it, by the closing and by the death.
//!
//! Two threads or three; `loom_rig.rs` says with how many preemptions.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread;

use crate::bound::{Bound, Overflow};
use crate::cell::AnyCell;
use crate::inbox::Received;
use crate::loom_rig::{Tracked, drain, kill, kill_elsewhere, process, three_threads, two_threads};
use crate::mailbox::{Mailbox, ProcessRef};
use crate::push::SendWait;
use crate::sync::Arc;

/// A process with room for one message.
fn narrow(overflow: Overflow) -> (Arc<AnyCell>, Mailbox<Tracked>, ProcessRef<Tracked>) {
    let (cell, mailbox) = process();
    {
        let mut inner = cell.inner.lock();
        inner.detour = true;
        inner.extra().bound = Some(Box::new(Bound::new::<Tracked>(1, overflow, |_| true)));
    }
    let address = mailbox.address();
    (cell, mailbox, address)
}

/// As `narrow`, and there is that one.
fn full(overflow: Overflow) -> (Arc<AnyCell>, Mailbox<Tracked>, ProcessRef<Tracked>) {
    let (cell, mailbox, address) = narrow(overflow);
    address.try_send(Tracked::new(())).expect("there is room for one");
    (cell, mailbox, address)
}

fn receive(mailbox: &mut Mailbox<Tracked>) {
    let received = block_on(poll_fn(|cx| mailbox.poll_receive(cx)));
    assert!(matches!(received, Received::Message(_)));
}

/// Begins to wait for room.
fn begin(address: &ProcessRef<Tracked>) -> SendWait<Tracked> {
    let mut wait = address.send_wait(Tracked::new(()));
    let first = Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending());
    wait
}

#[test]
fn loom_room_wakes_the_sender_that_waits() {
    two_threads(|| {
        let (cell, mut mailbox, address) = full(Overflow::Wait);
        let sender = thread::spawn(move || block_on(address.send_wait(Tracked::new(()))).expect("it lives"));
        receive(&mut mailbox);
        receive(&mut mailbox);
        sender.join().unwrap();
        kill(&cell);
    });
}

#[test]
fn loom_room_wakes_two_senders_one_after_the_other() {
    three_threads(|| {
        let (cell, mut mailbox, address) = full(Overflow::Wait);
        let senders = [(); 2].map(|()| {
            let address = address.clone();
            thread::spawn(move || block_on(address.send_wait(Tracked::new(()))).expect("it lives"))
        });
        for _ in 0..3 {
            receive(&mut mailbox);
        }
        for sender in senders {
            sender.join().unwrap();
        }
        kill(&cell);
    });
}

/// Two messages are taken before the first in line is back: it passes the second's turn on.
#[test]
fn loom_a_sender_that_got_room_wakes_the_next() {
    three_threads(|| {
        let (cell, mut mailbox, address) = full(Overflow::Wait);
        let two = cell.inner.lock().bound().map(|bound| bound.limit = 2);
        assert!(two.is_some() && address.try_send(Tracked::new(())).is_ok());
        let senders = [(); 2].map(|()| {
            let address = address.clone();
            thread::spawn(move || block_on(address.send_wait(Tracked::new(()))).expect("it lives"))
        });
        receive(&mut mailbox);
        receive(&mut mailbox);
        for sender in senders {
            sender.join().unwrap();
        }
        kill(&cell);
    });
}

/// The first in line is woken and gives up, or gives up and is not woken: the second has its turn.
#[test]
fn loom_a_sender_that_gives_up_passes_its_turn_on() {
    three_threads(|| {
        let (cell, mut mailbox, address) = full(Overflow::Wait);
        let first = begin(&address);
        let gives_up = thread::spawn(move || drop(first));
        let second = thread::spawn(move || block_on(address.send_wait(Tracked::new(()))).expect("it lives"));
        receive(&mut mailbox);
        receive(&mut mailbox);
        gives_up.join().unwrap();
        second.join().unwrap();
        kill(&cell);
    });
}

#[test]
fn loom_a_sender_that_waits_hears_of_the_death() {
    two_threads(|| {
        let (cell, _mailbox, address) = full(Overflow::Wait);
        let death = kill_elsewhere(&cell);
        assert!(block_on(address.send_wait(Tracked::new(()))).is_err());
        death.join().unwrap();
        assert!(address.try_send(Tracked::new(())).is_err());
    });
}

#[test]
fn loom_a_sender_that_waits_hears_of_the_closing() {
    two_threads(|| {
        let (cell, mailbox, address) = full(Overflow::Wait);
        let sender = thread::spawn(move || assert!(block_on(address.send_wait(Tracked::new(()))).is_err()));
        mailbox.close();
        sender.join().unwrap();
        kill(&cell);
    });
}

/// One that does not wait never takes the room of one that does.
#[test]
fn loom_who_waits_comes_first() {
    two_threads(|| {
        let (cell, mut mailbox, address) = full(Overflow::Wait);
        let mut first = begin(&address);
        let other = {
            let address = address.clone();
            thread::spawn(move || address.try_send(Tracked::new(())).is_ok())
        };
        receive(&mut mailbox);
        let sent = Pin::new(&mut first).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(sent, Poll::Ready(Ok(()))));
        assert!(!other.join().unwrap(), "it pushed in");
        drop((mailbox, address));
        kill(&cell);
    });
}

/// Two messages at most are there at any time; what is dropped is counted.
#[test]
fn loom_what_drops_the_oldest_counts_each_message() {
    two_threads(|| {
        let (cell, mut mailbox, address) = narrow(Overflow::DropOldest);
        let sender = thread::spawn(move || {
            for _ in 0..3 {
                address.send(Tracked::new(()));
            }
        });
        let received = drain(&mut mailbox).len();
        sender.join().unwrap();
        let received = received + drain(&mut mailbox).len();
        let dropped = cell.inner.lock().bound().map_or(0, |bound| bound.dropped);
        assert_eq!(received as u64 + dropped, 3);
        kill(&cell);
    });
}

/// As above, with a receiver that takes the queue into its batch, where senders cannot reach: it pays the debt.
#[test]
fn loom_a_debt_is_paid_from_the_batch() {
    two_threads(|| {
        let (cell, mut mailbox, address) = narrow(Overflow::DropOldest);
        address.send(Tracked::new(()));
        let sender = thread::spawn(move || {
            address.send(Tracked::new(()));
            address.send(Tracked::new(()));
        });
        let mut received = 0;
        {
            // It wants nothing, so all that it sees goes to the batch.
            let mut look = std::pin::pin!(mailbox.receive_where(|_| false));
            assert!(look.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        received += drain(&mut mailbox).len();
        sender.join().unwrap();
        received += drain(&mut mailbox).len();
        let (dropped, waiting, debt) =
            cell.inner.lock().bound().map_or((0, 0, 0), |bound| (bound.dropped, bound.waiting, bound.debt));
        assert_eq!((received as u64 + dropped, waiting, debt), (3, 0, 0));
        kill(&cell);
    });
}

/// Room that was made for one who waits is taken by one who does not: nothing is dropped, or counted, for that.
#[test]
fn loom_what_drops_the_oldest_takes_the_room_of_one_who_waits() {
    two_threads(|| {
        let (cell, mut mailbox, address) = full(Overflow::DropOldest);
        let first = begin(&address);
        let waits = thread::spawn(move || block_on(first).expect("it lives"));
        receive(&mut mailbox);
        address.send(Tracked::new(()));
        let mut received = 1 + drain(&mut mailbox).len();
        waits.join().unwrap();
        received += drain(&mut mailbox).len();
        let (dropped, waiting) =
            cell.inner.lock().bound().map_or((0, 0), |bound| (bound.dropped, bound.waiting));
        assert_eq!((received as u64 + dropped, waiting), (3, 0));
        kill(&cell);
    });
}
