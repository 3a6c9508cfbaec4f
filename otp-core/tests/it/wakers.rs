//! Futures of this crate wake whoever polled them last, as every future must.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use otp_core::behaviour::{Deadline, request};
use otp_core::{ExitReason, Mailbox, Pid, ProcessRef, attach_with, process, send_after, spawn, spawn_link};

use crate::support::{Got, because, next, scenario};

/// Passes a wake-up on, and remembers it.
struct Noticing {
    woken: AtomicBool,
    task: Waker,
}

impl Wake for Noticing {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

/// Polls a future only when its own waker was woken, as `FuturesUnordered` and its like do.
async fn polled_when_woken<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut noticing: Option<Arc<Noticing>> = None;
    poll_fn(|cx| {
        let noticing = noticing.get_or_insert_with(|| {
            Arc::new(Noticing { woken: AtomicBool::new(true), task: cx.waker().clone() })
        });
        if noticing.woken.swap(false, Ordering::SeqCst) {
            future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(noticing))))
        } else {
            Poll::Pending
        }
    })
    .await
}

#[otp_core::test]
async fn receive_wakes_the_waker_that_it_was_polled_with() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        // Polled plainly first, so that the process's own waker is known.
        assert!(tokio::time::timeout(Duration::from_millis(1), mailbox.receive()).await.is_err());
        send_after(Duration::from_millis(5), mailbox.address().recipient(), 1_u32);
        assert_eq!(polled_when_woken(next(&mut mailbox)).await, Got::Message(1));
    })
    .await;
}

#[otp_core::test]
async fn a_deadline_wakes_the_waker_that_it_was_polled_with() {
    scenario(async |_: Mailbox<()>| {
        let mut deadline = Deadline::after(Some(Duration::from_secs(1)));
        polled_when_woken(poll_fn(|cx| deadline.poll_passed(cx))).await;
    })
    .await;
}

#[otp_core::test]
async fn a_deadline_in_a_spawned_process_wakes_the_waker_that_it_was_polled_with() {
    scenario(async |mut mailbox: Mailbox<()>| {
        spawn_link(|mut mailbox: Mailbox<()>| async move {
            // Polled plainly first, so that the process's own waker is known.
            assert!(mailbox.receive_timeout(Duration::from_millis(1)).await.is_none());
            let mut deadline = Deadline::after(Some(Duration::from_secs(1)));
            polled_when_woken(poll_fn(|cx| deadline.poll_passed(cx))).await;
            because("it was woken")
        });
        process::trap_exit(true).expect("in a process");
        let got = next(&mut mailbox).await;
        assert!(matches!(&got, Got::Exit(_, reason) if *reason == because("it was woken")), "{got:?}");
    })
    .await;
}

#[otp_core::test]
async fn a_deadline_that_was_dropped_wakes_nobody() {
    scenario(async |_: Mailbox<()>| {
        let bell = Arc::new(Noticing { woken: AtomicBool::new(false), task: Waker::noop().clone() });
        let waker = Waker::from(Arc::clone(&bell));
        let mut deadline = Deadline::after(Some(Duration::from_secs(1)));
        assert!(deadline.poll_passed(&mut Context::from_waker(&waker)).is_pending());
        drop((deadline, waker));
        assert_eq!(Arc::strong_count(&bell), 1, "its waker is let go of");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!bell.woken.load(Ordering::SeqCst));
    })
    .await;
}

#[otp_core::test]
async fn a_reply_wakes_the_waker_that_it_was_polled_with_last() {
    scenario(async |_: Mailbox<()>| {
        let (reply_to, mut reply, _request) = request::<u32>(Pid::OUTSIDE);
        let mut unused = Context::from_waker(Waker::noop());
        assert!(reply.poll_answer(&mut unused).is_pending());
        spawn(|_: Mailbox<()>| async { reply_to.send(1) });
        polled_when_woken(poll_fn(|cx| reply.poll_answer(cx).map(drop))).await;
    })
    .await;
}

/// An attached process that tells its address and waits, polled once by a task that is then gone.
async fn attached_and_moved() -> (ProcessRef<u32>, impl Future<Output = Result<Got<u32>, ExitReason>>) {
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut attached = Box::pin(attach_with(async move |mut mailbox: Mailbox<u32>| {
        tell.send(mailbox.address()).ok();
        next(&mut mailbox).await
    }));
    let mut unused = Context::from_waker(Waker::noop());
    assert!(attached.as_mut().poll(&mut unused).is_pending());
    (told.await.expect("it ran"), attached)
}

#[otp_core::test]
async fn an_attached_process_that_moves_to_another_task_receives_there() {
    scenario(async |_: Mailbox<()>| {
        let (address, attached) = attached_and_moved().await;
        spawn(move |_: Mailbox<()>| async move { address.send(1) });
        assert_eq!(attached.await, Ok(Got::Message(1)));
    })
    .await;
}

#[otp_core::test]
async fn an_attached_process_that_moves_to_another_task_can_be_killed_there() {
    scenario(async |_: Mailbox<()>| {
        let (address, attached) = attached_and_moved().await;
        spawn(move |_: Mailbox<()>| async move { process::send_exit(address.pid(), ExitReason::Kill) });
        assert_eq!(attached.await, Err(ExitReason::Killed));
    })
    .await;
}
