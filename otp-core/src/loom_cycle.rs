//! Models of calls in a circle: of those that close one, at least one is refused, and a program that is not stuck never is.
//!
//! Two threads or three; `loom_rig.rs` says with how many preemptions. loom knows the orderings of the two words of an edge,
//! so that a missing fence shows.

use loom::thread;

use crate::ambient::Scope;
use crate::behaviour::{Calling, Reply, request};
use crate::bound::{Bound, Overflow};
use crate::cell::AnyCell;
use crate::inbox::Received;
use crate::loom_rig::{Tracked, drain, kill, process, three_threads, two_threads};
use crate::mailbox::{Mailbox, ProcessRef, RequestError};
use crate::reply::ReplyTo;
use crate::sync::Arc;

/// A server inside a callback.
struct Server {
    cell: Arc<AnyCell>,
    mailbox: Mailbox<ReplyTo<Tracked>>,
    address: ProcessRef<ReplyTo<Tracked>>,
}

impl Server {
    fn in_callback() -> Self {
        let (cell, mailbox) = process();
        mailbox.set_in_callback(true);
        Self { cell, address: mailbox.address(), mailbox }
    }

    /// Calls, up to the wait for the answer.
    fn call(
        &self,
        to: &ProcessRef<ReplyTo<Tracked>>,
    ) -> Result<(Calling, Reply<Tracked>), RequestError<ReplyTo<Tracked>>> {
        let _scope = Scope::enter(&self.cell);
        let (reply_to, reply, request) = request(to.pid());
        drop(request);
        to.try_request(reply_to, true).map(|calling| (calling, reply))
    }
}

fn is_refused<T, M: Send + 'static>(call: &Result<T, RequestError<M>>) -> bool {
    matches!(call, Err(RequestError::Deadlock(_)))
}

#[test]
fn loom_of_two_that_call_each_other_one_is_refused() {
    two_threads(|| {
        let [a, b] = [(); 2].map(|()| Server::in_callback());
        let (to_a, to_b) = (a.address.clone(), b.address.clone());
        let other = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        let this = b.call(&to_a);
        let (a, other) = other.join().unwrap();
        assert!(is_refused(&this) || is_refused(&other), "a deadlock was not seen");
        drop((this, other));
        kill(&a.cell);
        kill(&b.cell);
    });
}

#[test]
fn loom_of_three_that_call_in_a_circle_one_is_refused() {
    three_threads(|| {
        let [a, b, c] = [(); 3].map(|()| Server::in_callback());
        let (to_a, to_b, to_c) = (a.address.clone(), b.address.clone(), c.address.clone());
        let first = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        let second = thread::spawn(move || {
            let call = b.call(&to_c);
            (b, call)
        });
        let third = c.call(&to_a);
        let (a, first) = first.join().unwrap();
        let (b, second) = second.join().unwrap();
        assert!([&first, &second, &third].into_iter().any(is_refused), "a deadlock was not seen");
        drop((first, second, third));
        kill(&a.cell);
        kill(&b.cell);
        kill(&c.cell);
    });
}

/// A calls B, which keeps the `ReplyTo` for somebody else to answer, and calls A: it is legal, and not refused.
#[test]
fn loom_a_call_back_to_one_whose_reply_is_kept_is_not_refused() {
    two_threads(|| {
        let [a, mut b] = [(); 2].map(|()| Server::in_callback());
        let (to_a, to_b) = (a.address.clone(), b.address.clone());
        let caller = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        if let Some(Received::Message(kept)) = drain(&mut b.mailbox).pop() {
            let back = b.call(&to_a);
            assert!(back.is_ok(), "a legal call was refused");
            kept.send(Tracked::new(()));
        }
        let (a, call) = caller.join().unwrap();
        assert!(call.is_ok());
        drop(call);
        kill(&b.cell);
        kill(&a.cell);
    });
}

/// As above through one more: B keeps A's `ReplyTo` and calls C, whose callback calls A meanwhile.
#[test]
fn loom_a_longer_way_back_is_not_refused() {
    three_threads(|| {
        let [a, mut b, c] = [(); 3].map(|()| Server::in_callback());
        let (to_a, to_b, to_c) = (a.address.clone(), b.address.clone(), c.address.clone());
        let first = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        let second = thread::spawn(move || {
            let kept = drain(&mut b.mailbox).pop();
            // Only who has taken the request calls on: before that, the circle would be one of hard edges.
            let call = kept.is_some().then(|| b.call(&to_c));
            (b, kept, call)
        });
        let third = c.call(&to_a);
        assert!(!is_refused(&third), "a legal call was refused");
        let (a, first) = first.join().unwrap();
        let (b, kept, second) = second.join().unwrap();
        assert!(!is_refused(&first), "a legal call was refused");
        assert!(!second.as_ref().is_some_and(is_refused), "a legal call was refused");
        drop((first, second, third, kept));
        for server in [a, b, c] {
            kill(&server.cell);
        }
    });
}

/// B answers A and then calls it: A, not awake yet, still shows its edge.
#[test]
fn loom_a_call_to_one_that_was_just_answered_is_not_refused() {
    two_threads(|| {
        let [a, mut b] = [(); 2].map(|()| Server::in_callback());
        let (to_a, to_b) = (a.address.clone(), b.address.clone());
        let caller = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        if let Some(Received::Message(reply_to)) = drain(&mut b.mailbox).pop() {
            reply_to.send(Tracked::new(()));
            assert!(b.call(&to_a).is_ok(), "a legal call was refused");
        }
        let (a, call) = caller.join().unwrap();
        drop(call);
        kill(&b.cell);
        kill(&a.cell);
    });
}

/// A has given up on B, which has taken its request out, and calls C: A's number there must not be read as one here.
#[test]
fn loom_a_call_to_one_that_has_gone_on_to_another_is_not_refused() {
    two_threads(|| {
        let [a, mut b, c] = [(); 3].map(|()| Server::in_callback());
        let (to_a, to_b, to_c) = (a.address.clone(), b.address.clone(), c.address.clone());
        let caller = thread::spawn(move || {
            {
                // A gives up inside its own poll, where the edge is taken back.
                let _scope = Scope::enter(&a.cell);
                drop(a.call(&to_b));
            }
            let call = a.call(&to_c);
            (a, call)
        });
        if let Some(Received::Message(kept)) = drain(&mut b.mailbox).pop() {
            assert!(b.call(&to_a).is_ok(), "a legal call was refused");
            drop(kept);
        }
        let (a, call) = caller.join().unwrap();
        drop(call);
        for server in [a, b, c] {
            kill(&server.cell);
        }
    });
}

/// A's request is under way in B's runner, which holds its reply, when B calls back: nobody else can answer it.
#[test]
fn loom_a_call_back_from_the_method_that_answers_is_refused() {
    two_threads(|| {
        let [a, mut b] = [(); 2].map(|()| Server::in_callback());
        let (to_a, to_b) = (a.address.clone(), b.address.clone());
        let caller = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        let handled = drain(&mut b.mailbox).pop();
        let back = handled.is_some().then(|| {
            if let Some(Received::Message(reply_to)) = &handled {
                let _scope = Scope::enter(&b.cell);
                let _ = reply_to;
                crate::calling::hold_reply();
            }
            b.call(&to_a)
        });
        let (a, call) = caller.join().unwrap();
        if let Some(back) = &back {
            assert!(is_refused(back) || is_refused(&call), "a deadlock was not seen");
        }
        drop((call, back, handled));
        kill(&b.cell);
        kill(&a.cell);
    });
}

/// As `loom_of_two_that_call_each_other_one_is_refused`, while B's mailbox has no room and A's request waits for some.
#[test]
fn loom_a_request_that_waits_for_room_is_seen() {
    two_threads(|| {
        let [a, b] = [(); 2].map(|()| Server::in_callback());
        {
            let mut inner = b.cell.inner.lock();
            inner.detour = true;
            let bound = Bound::new::<ReplyTo<Tracked>>(1, Overflow::Wait, |_| true);
            inner.extra().bound = Some(Box::new(bound));
        }
        let (reply_to, reply, request) = request(b.cell.head.pid);
        b.address.try_send(reply_to).expect("there is room for one");
        let (to_a, to_b) = (a.address.clone(), b.address.clone());
        let other = thread::spawn(move || {
            let call = a.call(&to_b);
            (a, call)
        });
        let this = b.call(&to_a);
        let (a, other) = other.join().unwrap();
        assert!(is_refused(&this) || is_refused(&other), "a deadlock was not seen");
        assert!(is_refused(&other) || matches!(other, Err(RequestError::Wait(..))));
        drop((this, other, reply, request));
        kill(&a.cell);
        kill(&b.cell);
    });
}
