//! Bounded and closed mailboxes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, request};
use otp_core::process::{ProcessInfo, Spawn};
use otp_core::{
    AliasMode, ExitReason, Mailbox, Overflow, Pid, ProcessRef, ReplyTo, SendErrorKind, SendWait, Waiting,
    process, send_after,
};
use tokio::sync::oneshot;

use crate::support::{Got, OnDrop, because, drain, mortal, next, scenario, settle, wait_for_end};

/// A process with a bound whose mailbox is in the test's hands.
async fn open<M: Send + 'static>(limit: usize, overflow: Overflow) -> (ProcessRef<M>, Mailbox<M>) {
    open_with(Spawn::new().bound(limit, overflow), || {}).await
}

async fn open_with<M: Send + 'static>(
    how: Spawn,
    begin: impl FnOnce() + Send + 'static,
) -> (ProcessRef<M>, Mailbox<M>) {
    let (give, given) = oneshot::channel();
    let (process, _) = how.spawn(|mailbox: Mailbox<M>| async move {
        begin();
        give.send(mailbox).ok();
        std::future::pending::<()>().await;
    });
    (process, given.await.expect("it runs"))
}

fn info(of: impl Into<Pid>) -> ProcessInfo {
    process::info(of.into()).expect("alive")
}

/// How often it was woken; what a wake-up does besides.
struct Bell {
    rung: AtomicUsize,
    then: Box<dyn Fn() + Send + Sync>,
}

impl Bell {
    fn new() -> Arc<Self> {
        Self::that(|| {})
    }

    fn that(then: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { rung: AtomicUsize::new(0), then: Box::new(then) })
    }

    fn rung(&self) -> usize {
        self.rung.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        (self.then)();
    }
}

fn poll<M: Send + 'static>(wait: &mut SendWait<M>, bell: &Arc<Bell>) -> Poll<Result<(), SendErrorKind>> {
    let waker = Waker::from(Arc::clone(bell));
    let polled = std::pin::Pin::new(wait).poll(&mut Context::from_waker(&waker));
    polled.map_err(|error| error.kind())
}

/// A sender that waits, and its bell.
fn waiting<M: Send + 'static>(process: &ProcessRef<M>, message: M) -> (SendWait<M>, Arc<Bell>) {
    let mut wait = process.send_wait(message);
    let bell = Bell::new();
    assert!(poll(&mut wait, &bell).is_pending());
    (wait, bell)
}

fn messages<M: std::fmt::Debug>(got: Vec<Got<M>>) -> Vec<M> {
    let message = |got| match got {
        Got::Message(message) => message,
        other => panic!("no message: {other:?}"),
    };
    got.into_iter().map(message).collect()
}

#[otp_core::test]
async fn reject_gives_one_message_too_many_back_and_counts_it_when_nobody_asks() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(2, Overflow::Reject).await;
        assert_eq!(process.try_send(1), Ok(()));
        assert_eq!(process.try_send(2), Ok(()));
        let refused = process.try_send(3).expect_err("there is room for two");
        assert_eq!((refused.kind(), refused.into_inner()), (SendErrorKind::Full, 3));
        assert_eq!((info(&process).mailbox_len, info(&process).dropped), (2, 0));
        process.send(4);
        assert_eq!((info(&process).mailbox_len, info(&process).dropped), (2, 1));
        assert_eq!(messages(drain(&mut mailbox).await), [1, 2]);
        assert_eq!(process.try_send(5), Ok(()));
        assert_eq!(messages(drain(&mut mailbox).await), [5]);
    })
    .await;
}

#[otp_core::test]
async fn drop_new_drops_and_counts_what_comes_too_late() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(2, Overflow::DropNew).await;
        for n in 1..=3 {
            assert_eq!(process.try_send(n), Ok(()));
        }
        process.send(4);
        assert_eq!(info(&process).dropped, 2);
        assert_eq!(messages(drain(&mut mailbox).await), [1, 2]);
    })
    .await;
}

#[otp_core::test]
async fn drop_oldest_drops_and_counts_what_waits_longest() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(2, Overflow::DropOldest).await;
        for n in 1..=4 {
            assert_eq!(process.try_send(n), Ok(()));
        }
        process.send(5);
        assert_eq!((info(&process).mailbox_len, info(&process).dropped), (2, 3));
        assert_eq!(messages(drain(&mut mailbox).await), [4, 5]);
        process.send(6);
        assert_eq!(info(&process).dropped, 3);
        assert_eq!(messages(drain(&mut mailbox).await), [6]);
    })
    .await;
}

#[otp_core::test]
async fn wait_rejects_those_who_do_not_wait() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Wait).await;
        assert_eq!(process.try_send(1), Ok(()));
        assert_eq!(process.try_send(2).map_err(|error| error.kind()), Err(SendErrorKind::Full));
        process.send(3);
        assert_eq!(info(&process).dropped, 1);
        assert_eq!(messages(drain(&mut mailbox).await), [1]);
    })
    .await;
}

#[otp_core::test]
async fn info_shows_the_bound() {
    scenario(async |inbox: Mailbox<()>| {
        for overflow in [Overflow::Reject, Overflow::DropOldest, Overflow::DropNew, Overflow::Wait] {
            let (process, _mailbox) = open::<()>(7, overflow).await;
            assert_eq!(info(&process).bound, Some((7, overflow)));
        }
        assert_eq!((info(inbox.pid()).bound, info(inbox.pid()).dropped), (None, 0));
    })
    .await;
}

#[test]
#[should_panic(expected = "a mailbox needs room for one message")]
fn a_limit_of_zero_is_refused() {
    drop(Spawn::new().bound(0, Overflow::Reject));
}

#[otp_core::test]
async fn what_waits_when_a_bound_is_told_what_it_concerns_still_counts() {
    scenario(async |_: Mailbox<()>| {
        let embryo = Spawn::new().bound(1, Overflow::Reject).prepare::<u32>();
        let address = embryo.address();
        address.send(1);
        embryo.bound_counts(|message| *message < 10);
        assert_eq!(address.try_send(2).map_err(|error| error.kind()), Err(SendErrorKind::Full));
        assert_eq!(address.try_send(10), Ok(()));
    })
    .await;
}

#[otp_core::test]
async fn senders_get_room_in_the_order_of_their_coming() {
    scenario(async |_: Mailbox<()>| {
        for overflow in [Overflow::Reject, Overflow::DropOldest, Overflow::DropNew, Overflow::Wait] {
            let (process, mut mailbox) = open(1, overflow).await;
            process.send(0);
            let mut tasks = tokio::task::JoinSet::new();
            for n in 1..=5 {
                let process = process.clone();
                tasks.spawn(async move { process.send_wait(n).await });
                settle().await;
            }
            for n in 0..=5 {
                assert_eq!(info(&process).mailbox_len, 1);
                assert_eq!(next(&mut mailbox).await, Got::Message(n));
                settle().await;
            }
            for sent in tasks.join_all().await {
                assert_eq!(sent, Ok(()));
            }
            assert_eq!(info(&process).dropped, 0);
        }
    })
    .await;
}

#[otp_core::test]
async fn who_waits_comes_before_who_does_not() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Reject).await;
        process.send(0);
        let (mut wait, bell) = waiting(&process, 1);
        next(&mut mailbox).await;
        assert_eq!(bell.rung(), 1);
        assert_eq!(process.try_send(2).map_err(|error| error.kind()), Err(SendErrorKind::Full));
        let (_last, _) = waiting(&process, 3);
        assert_eq!(poll(&mut wait, &bell), Poll::Ready(Ok(())));
        assert_eq!(messages(drain(&mut mailbox).await), [1]);
    })
    .await;
}

#[otp_core::test]
async fn room_that_is_kept_for_a_waiting_sender_is_not_more_than_one_message() {
    // Of three, one is taken out, one waits for room: a fourth has room, a fifth has not.
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(3, Overflow::Reject).await;
        for n in 0..3 {
            process.send(n);
        }
        let (mut wait, bell) = waiting(&process, 3);
        next(&mut mailbox).await;
        next(&mut mailbox).await;
        assert_eq!(process.try_send(4), Ok(()));
        assert!(process.try_send(5).is_err());
        assert_eq!(poll(&mut wait, &bell), Poll::Ready(Ok(())));
        assert_eq!(messages(drain(&mut mailbox).await), [2, 4, 3]);
    })
    .await;
}

#[otp_core::test]
async fn a_sender_that_gives_up_when_it_was_woken_passes_its_room_on() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Wait).await;
        process.send(0);
        let (first, first_bell) = waiting(&process, 1);
        let (mut second, second_bell) = waiting(&process, 2);
        next(&mut mailbox).await;
        assert_eq!((first_bell.rung(), second_bell.rung()), (1, 0));
        drop(first);
        assert_eq!(second_bell.rung(), 1);
        assert_eq!(poll(&mut second, &second_bell), Poll::Ready(Ok(())));
        assert_eq!(messages(drain(&mut mailbox).await), [2]);
    })
    .await;
}

#[otp_core::test]
async fn a_sender_that_gives_up_in_the_queue_leaves_no_gap() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Wait).await;
        process.send(0);
        let (mut first, first_bell) = waiting(&process, 1);
        let (second, second_bell) = waiting(&process, 2);
        let (mut third, third_bell) = waiting(&process, 3);
        drop(second);
        assert_eq!((first_bell.rung(), third_bell.rung()), (0, 0), "there is no room yet");
        next(&mut mailbox).await;
        assert_eq!(poll(&mut first, &first_bell), Poll::Ready(Ok(())));
        assert!(poll(&mut third, &third_bell).is_pending());
        next(&mut mailbox).await;
        assert_eq!((second_bell.rung(), third_bell.rung()), (0, 1));
        assert_eq!(poll(&mut third, &third_bell), Poll::Ready(Ok(())));
    })
    .await;
}

#[otp_core::test]
async fn two_places_wake_two_senders_one_after_the_other() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(2, Overflow::Wait).await;
        process.send(0);
        process.send(0);
        let (mut first, first_bell) = waiting(&process, 1);
        let (mut second, second_bell) = waiting(&process, 2);
        drain(&mut mailbox).await;
        assert!(first_bell.rung() > 0);
        assert_eq!(poll(&mut first, &first_bell), Poll::Ready(Ok(())));
        assert_eq!(second_bell.rung(), 1, "the first one wakes the second");
        assert_eq!(poll(&mut second, &second_bell), Poll::Ready(Ok(())));
    })
    .await;
}

#[otp_core::test]
async fn a_waiting_sender_hears_through_its_latest_waker() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Wait).await;
        process.send(0);
        let (mut wait, old) = waiting(&process, 1);
        let new = Bell::new();
        assert!(poll(&mut wait, &new).is_pending());
        next(&mut mailbox).await;
        assert_eq!((old.rung(), new.rung()), (0, 1));
    })
    .await;
}

#[otp_core::test]
async fn without_a_bound_nobody_waits_and_to_the_dead_neither() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let address = mailbox.address();
        for n in 0..1000 {
            assert_eq!(poll(&mut address.send_wait(n), &Bell::new()), Poll::Ready(Ok(())));
        }
        assert_eq!(drain(&mut mailbox).await.len(), 1000);
        let dead = mortal();
        dead.send(ExitReason::Normal);
        wait_for_end(dead.pid()).await;
        let refused = dead.send_wait(because("r")).await.expect_err("it is dead");
        assert_eq!((refused.kind(), refused.into_inner()), (SendErrorKind::NoProc, because("r")));
    })
    .await;
}

#[otp_core::test]
async fn who_waits_for_room_gets_the_message_back_when_the_receiver_dies() {
    scenario(async |_: Mailbox<()>| {
        let (process, _mailbox) = open(1, Overflow::Wait).await;
        process.send(0);
        let (wait, bell) = waiting(&process, 7);
        let (mut other, other_bell) = waiting(&process, 8);
        process::send_exit(process.pid(), because("r"));
        wait_for_end(process.pid()).await;
        assert_eq!((bell.rung(), other_bell.rung()), (1, 1));
        let refused = wait.await.expect_err("the receiver is dead");
        assert_eq!((refused.kind(), refused.into_inner()), (SendErrorKind::NoProc, 7));
        assert_eq!(poll(&mut other, &other_bell), Poll::Ready(Err(SendErrorKind::NoProc)));
    })
    .await;
}

#[otp_core::test]
async fn who_waits_for_room_gets_the_message_back_when_the_mailbox_is_closed() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Wait).await;
        process.send(0);
        let (wait, bell) = waiting(&process, 7);
        mailbox.close();
        assert_eq!(bell.rung(), 1);
        let refused = wait.await.expect_err("it is closed");
        assert_eq!((refused.kind(), refused.into_inner()), (SendErrorKind::NoProc, 7));
        assert_eq!(messages(drain(&mut mailbox).await), [0]);
        assert_eq!(process.try_send(1).map_err(|error| error.kind()), Err(SendErrorKind::NoProc));
        assert_eq!(poll(&mut process.send_wait(1), &bell), Poll::Ready(Err(SendErrorKind::NoProc)));
        assert_eq!(info(&process).dropped, 0);
    })
    .await;
}

#[otp_core::test]
async fn a_closed_mailbox_gives_out_what_waits_and_still_takes_signals() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        process::trap_exit(true).expect("in a process");
        let (me, peer) = (mailbox.address(), mortal());
        let alias = mailbox.alias::<u32>(AliasMode::ExplicitUnalias);
        process::link(peer.pid()).expect("in a process");
        me.send(1);
        me.send(2);
        mailbox.close();
        mailbox.close();
        me.send(3);
        alias.send(4);
        me.recipient().send(5_u32);
        assert_eq!(me.try_send(6).map_err(|error| error.kind()), Err(SendErrorKind::NoProc));
        assert!(me.is_alive());
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
        assert_eq!(next(&mut mailbox).await, Got::Exit(peer.pid(), because("r")));
        assert_eq!(drain(&mut mailbox).await, []);
        let monitor = process::monitor(peer.pid()).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, peer.pid().into(), ExitReason::NoProc));
    })
    .await;
}

#[otp_core::test]
async fn signals_pass_a_full_mailbox_in_their_place_and_are_never_dropped() {
    scenario(async |inbox: Mailbox<()>| {
        for overflow in [Overflow::Reject, Overflow::DropOldest, Overflow::DropNew, Overflow::Wait] {
            let peer = mortal();
            let pid = peer.pid();
            let begin = move || {
                process::trap_exit(true).expect("in a process");
                process::link(pid).expect("in a process");
                process::monitor(pid).expect("in a process");
            };
            let (process, mut mailbox) = open_with(Spawn::new().bound(1, overflow), begin).await;
            process.send(1);
            for _ in 0..3 {
                process::send_exit(process.pid(), because("explicit"));
            }
            peer.send(because("r"));
            wait_for_end(pid).await;
            process.send(2);
            process::send_exit(process.pid(), because("last"));
            let got = drain(&mut mailbox).await;
            let explicit = Got::Exit(inbox.pid(), because("explicit"));
            assert_eq!(got.iter().filter(|got| **got == explicit).count(), 3);
            assert_eq!(
                got.iter().filter(|got| matches!(got, Got::Down(_, _, r) if *r == because("r"))).count(),
                1
            );
            assert_eq!(got.iter().filter(|got| **got == Got::Exit(pid, because("r"))).count(), 1);
            assert_eq!(got.last(), Some(&Got::Exit(inbox.pid(), because("last"))));
            let message = got.iter().position(|got| matches!(got, Got::Message(_)));
            let dropped_oldest = overflow == Overflow::DropOldest;
            assert_eq!(message, Some(if dropped_oldest { got.len() - 2 } else { 0 }));
            assert_eq!(got.len(), 7);
            assert_eq!(info(&process).dropped, 1);
        }
    })
    .await;
}

#[otp_core::test]
async fn signals_take_no_room_from_messages() {
    scenario(async |_: Mailbox<()>| {
        let begin = || {
            process::trap_exit(true).expect("in a process");
        };
        let how = Spawn::new().bound(2, Overflow::Reject);
        let (process, mut mailbox) = open_with(how, begin).await;
        for _ in 0..9 {
            process::send_exit(process.pid(), because("r"));
        }
        assert_eq!(process.try_send(1), Ok(()));
        // Nor do they give any when they are taken out.
        assert!(matches!(next(&mut mailbox).await, Got::Exit(..)));
        assert_eq!(process.try_send(2), Ok(()));
        assert!(process.try_send(3).is_err());
    })
    .await;
}

#[otp_core::test]
async fn deadly_signals_end_a_process_with_a_full_mailbox() {
    scenario(async |_: Mailbox<()>| {
        for reason in [ExitReason::Kill, because("r")] {
            let (process, _mailbox) = open(1, Overflow::Wait).await;
            process.send(1);
            process::send_exit(process.pid(), reason);
            wait_for_end(process.pid()).await;
        }
    })
    .await;
}

async fn take<M: Send + 'static>(mailbox: &mut Mailbox<M>, wanted: impl Fn(&M) -> bool) -> Got<M> {
    mailbox.receive_where(|it| matches!(it, Waiting::Message(message) if wanted(message))).await.into()
}

#[otp_core::test]
async fn drop_oldest_drops_what_a_selective_receive_has_passed_over() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(3, Overflow::DropOldest).await;
        for n in [1, 2, 3] {
            process.send(n);
        }
        assert_eq!(take(&mut mailbox, |n| *n == 3).await, Got::Message(3));
        process.send(4);
        assert_eq!(info(&process).dropped, 0);
        process.send(5);
        process.send(6);
        assert_eq!(info(&process).dropped, 2);
        assert_eq!(messages(drain(&mut mailbox).await), [4, 5, 6]);
        for n in [7, 8, 9, 10] {
            process.send(n);
        }
        assert_eq!(messages(drain(&mut mailbox).await), [8, 9, 10]);
        assert_eq!(info(&process).dropped, 3);
    })
    .await;
}

#[otp_core::test]
async fn drop_oldest_reaches_into_the_batch_and_then_into_the_queue() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(3, Overflow::DropOldest).await;
        for n in [1, 2, 3] {
            process.send(n);
        }
        assert_eq!(take(&mut mailbox, |n| *n == 2).await, Got::Message(2));
        // 1 and 3 stand in the batch; three more leave room for none of them.
        for n in [4, 5, 6, 7] {
            process.send(n);
        }
        assert_eq!(info(&process).dropped, 3);
        assert_eq!(take(&mut mailbox, |n| *n == 6).await, Got::Message(6));
        assert_eq!(messages(drain(&mut mailbox).await), [5, 7]);
    })
    .await;
}

#[otp_core::test]
async fn drop_oldest_between_the_look_and_the_taking_takes_the_message_away() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::DropOldest).await;
        process.send(1);
        let late = process.clone();
        let mut first = true;
        let got = mailbox.receive_where(|it| {
            if std::mem::take(&mut first) {
                late.send(2);
            }
            matches!(it, Waiting::Message(_))
        });
        assert_eq!(Got::from(got.await), Got::Message(2));
        assert_eq!(info(&process).dropped, 1);
        process.send(3);
        assert_eq!(info(&process).dropped, 1);
        assert_eq!(messages(drain(&mut mailbox).await), [3]);
    })
    .await;
}

#[otp_core::test]
async fn room_in_the_batch_counts() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(2, Overflow::Wait).await;
        process.send(1);
        process.send(2);
        assert_eq!(take(&mut mailbox, |n| *n == 2).await, Got::Message(2));
        assert_eq!(process.try_send(3), Ok(()));
        assert!(process.try_send(4).is_err());
        let (mut wait, bell) = waiting(&process, 5);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(bell.rung(), 1);
        assert_eq!(poll(&mut wait, &bell), Poll::Ready(Ok(())));
        assert_eq!(messages(drain(&mut mailbox).await), [3, 5]);
    })
    .await;
}

#[otp_core::test]
async fn drop_oldest_never_holds_more_than_its_limit_while_senders_wait() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::DropOldest).await;
        process.send(0);
        let (mut wait, bell) = waiting(&process, 1);
        next(&mut mailbox).await;
        // All room is kept for the one who waits, and there is nothing to drop.
        process.send(2);
        assert_eq!(info(&process).dropped, 0);
        assert!(poll(&mut wait, &bell).is_pending());
        assert_eq!(messages(drain(&mut mailbox).await), [2]);
        assert_eq!(poll(&mut wait, &bell), Poll::Ready(Ok(())));
        assert_eq!(messages(drain(&mut mailbox).await), [1]);
    })
    .await;
}

#[otp_core::test]
async fn the_caller_of_a_dropped_request_hears_no_reply_at_once() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open::<ReplyTo<u32>>(1, Overflow::DropOldest).await;
        let ask = || {
            let (reply_to, reply, _request) = request::<u32>(process.pid());
            process.try_send(reply_to).expect("it takes everything");
            Awaiting::new(reply, None)
        };
        let mut calls = [(); 3].map(|()| ask());
        let answer = |at: usize, calls: &mut [Awaiting<u32>; 3]| {
            calls[at].poll(&mut Context::from_waker(Waker::noop()))
        };
        assert_eq!(answer(0, &mut calls), Poll::Ready(Some(Answer::NoReply)));
        assert_eq!(answer(1, &mut calls), Poll::Ready(Some(Answer::NoReply)));
        let Got::Message(reply_to) = next(&mut mailbox).await else { panic!("a request") };
        reply_to.send(5);
        assert_eq!(answer(2, &mut calls), Poll::Ready(Some(Answer::Value(5))));
    })
    .await;
}

#[otp_core::test]
async fn timers_recipients_and_aliases_find_a_full_mailbox_full() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open::<u32>(1, Overflow::Reject).await;
        let alias = mailbox.alias::<u32>(AliasMode::ExplicitUnalias);
        process.send(1);
        process.recipient().send(2_u32);
        assert_eq!(info(&process).dropped, 1);
        alias.send(3);
        assert_eq!(info(&process).dropped, 2);
        send_after(Duration::from_secs(1), process.recipient(), 4_u32);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(info(&process).dropped, 3);
        assert_eq!(messages(drain(&mut mailbox).await), [1]);
        send_after(Duration::from_secs(1), process.recipient(), 5_u32);
        alias.send(6);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(messages(drain(&mut mailbox).await), [6]);
    })
    .await;
}

#[otp_core::test]
async fn a_panic_in_the_destructor_of_a_dropped_message_hits_no_other_sender() {
    scenario(async |_: Mailbox<()>| {
        type Bomb = OnDrop<Box<dyn FnOnce() + Send>>;
        let harmless = || Bomb::new(Box::new(|| {}));
        let (process, mailbox) = open::<Bomb>(1, Overflow::DropOldest).await;
        process.send(OnDrop::new(Box::new(|| std::panic::resume_unwind(Box::new("from a destructor")))));
        process.send(harmless());
        assert_eq!(info(&process).dropped, 1);
        // The timer service outlives it as well.
        process.send(OnDrop::new(Box::new(|| std::panic::resume_unwind(Box::new("from a destructor")))));
        send_after(Duration::from_secs(1), process.recipient(), harmless());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((info(&process).dropped, info(&process).mailbox_len), (3, 1));
        drop(mailbox);
    })
    .await;
}

#[otp_core::test]
async fn foreign_wakers_and_destructors_run_outside_the_lock() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(1, Overflow::Wait).await;
        let pid = process.pid();
        // Each of these looks at the process, which would wait for ever for a lock that its own thread holds.
        let looking = || {
            Bell::that(move || {
                assert!(process::info(pid).is_some());
            })
        };
        let sender = |n: u32, bell: &Arc<Bell>| {
            let mut wait = process.send_wait(n);
            assert!(poll(&mut wait, bell).is_pending());
            wait
        };
        process.send(0);
        let [first, second, third, fourth] = [(); 4].map(|()| looking());
        let (a, mut b, _c) = (sender(1, &first), sender(2, &second), sender(3, &third));
        next(&mut mailbox).await;
        assert_eq!(first.rung(), 1);
        drop(a);
        assert_eq!(second.rung(), 1);
        assert_eq!(poll(&mut b, &second), Poll::Ready(Ok(())));
        assert_eq!(take(&mut mailbox, |_| true).await, Got::Message(2));
        assert_eq!(third.rung(), 1);
        let _d = sender(4, &fourth);
        mailbox.close();
        assert_eq!((third.rung(), fourth.rung()), (2, 1));

        let (oldest, _mailbox) = open(1, Overflow::DropOldest).await;
        let (looked, pid) = (Bell::new(), oldest.pid());
        for _ in 0..3 {
            let looked = Arc::clone(&looked);
            oldest.send(OnDrop::new(move || {
                assert!(process::info(pid).is_some());
                looked.wake();
            }));
        }
        assert_eq!(looked.rung(), 2);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_waiting_senders_lose_nothing_and_keep_their_own_order() {
    scenario(async |_: Mailbox<()>| {
        const SENDERS: usize = 8;
        const EACH: usize = 500;
        let (process, mut mailbox) = open::<(usize, usize)>(3, Overflow::Wait).await;
        for sender in 0..SENDERS {
            let process = process.clone();
            otp_core::spawn(move |_: Mailbox<()>| async move {
                for n in 0..EACH {
                    process.send_wait((sender, n)).await.expect("it lives");
                }
            });
        }
        let mut heard = [0; SENDERS];
        for at in 0..SENDERS * EACH {
            let got = if at % 3 == 0 { take(&mut mailbox, |_| true).await } else { next(&mut mailbox).await };
            let Got::Message((sender, n)) = got else { panic!("only messages") };
            assert_eq!(heard[sender], n);
            heard[sender] += 1;
        }
        assert_eq!(heard, [EACH; SENDERS]);
        assert_eq!(info(&process).dropped, 0);
    })
    .await;
}

#[otp_core::test]
async fn drop_oldest_during_a_search_moves_the_search_along() {
    scenario(async |_: Mailbox<()>| {
        let (process, mut mailbox) = open(2, Overflow::DropOldest).await;
        process.send(1);
        process.send(2);
        let late = process.clone();
        let mut first = true;
        // The search stands at 2 when 1, before it, is dropped to make room for 3.
        let got = mailbox.receive_where(|it| match it {
            Waiting::Message(2) => {
                if std::mem::take(&mut first) {
                    late.send(3);
                }
                true
            }
            _ => false,
        });
        let got = tokio::time::timeout(Duration::from_secs(1), got).await;
        assert_eq!(got.map(Got::from), Ok(Got::Message(2)));
        assert_eq!(messages(drain(&mut mailbox).await), [3]);
        assert_eq!(info(&process).dropped, 1);
    })
    .await;
}

#[otp_core::test]
async fn a_message_that_does_not_count_leaves_no_room_behind() {
    scenario(async |_: Mailbox<()>| {
        let (give, given) = oneshot::channel();
        let embryo = Spawn::new().bound(2, Overflow::Reject).prepare::<i32>();
        embryo.bound_counts(|n| *n > 0);
        let (process, _) = embryo.go(|mailbox| async move {
            give.send(mailbox).ok();
            std::future::pending().await
        });
        let mut mailbox: Mailbox<i32> = given.await.expect("it runs");
        for n in [-1, 1, -2, 2, -3] {
            assert_eq!(process.try_send(n), Ok(()), "only what is above 0 counts");
        }
        // Out of the batch, into which the search has taken all, and out of the queue.
        for wanted in [-2, -3] {
            assert_eq!(take(&mut mailbox, |n| *n == wanted).await, Got::Message(wanted));
            assert!(process.try_send(3).is_err(), "nothing that counts has left");
        }
        assert_eq!(take(&mut mailbox, |n| *n == 2).await, Got::Message(2));
        assert_eq!(process.try_send(3), Ok(()));
        assert!(process.try_send(4).is_err());
        assert_eq!(messages(drain(&mut mailbox).await), [-1, 1, 3]);
    })
    .await;
}
