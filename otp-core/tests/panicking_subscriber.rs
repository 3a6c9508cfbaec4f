//! A subscriber that panics, or that formats an error whose `Display` does, changes nothing for the processes: all die,
//! and everyone hears why. In a binary of its own: the subscriber is the whole program's.

#![cfg(all(feature = "macros", not(otp_loom)))]

use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use std::{error, fmt};

use otp_core::behaviour::{Answer, request};
use otp_core::process::{self, Spawn};
use otp_core::{
    ExitReason, Mailbox, Overflow, Pid, Received, ReplyTo, ThreadMailbox, attach_with, send_after, spawn,
    spawn_thread,
};
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const LONG: Duration = Duration::from_secs(30);

/// Formats each field, as a subscriber that writes to a log does, and panics.
struct Panics;

struct Format;

impl Visit for Format {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        drop(format!("{value:?}"));
    }
}

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Format);
        panic!("a subscriber that panics");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An error that cannot be printed.
#[derive(Debug)]
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a `Display` that panics")
    }
}

impl error::Error for Unprintable {}

/// Panics when it is dropped.
#[derive(Debug)]
struct Boom;

impl Drop for Boom {
    fn drop(&mut self) {
        panic!("a destructor that panics");
    }
}

/// The reason that a process is heard to have ended with.
async fn reason_of_end(pid: Pid, cause: impl FnOnce()) -> ExitReason {
    tracing::subscriber::set_global_default(Panics).ok();
    process::set_crash_report_limit(None);
    let heard = attach_with(async |mut mailbox: Mailbox<()>| {
        process::monitor(pid).expect("in a process");
        cause();
        match mailbox.receive().await {
            Received::Down(down) => down.reason,
            other => panic!("instead of a DOWN: {other:?}"),
        }
    });
    timeout(LONG, heard).await.expect("its death is heard of").expect("nobody ends this one")
}

fn is_unprintable(reason: &ExitReason) -> bool {
    matches!(reason, ExitReason::Error(error) if error.downcast_ref::<Unprintable>().is_some())
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_ends_with_its_own_error_though_its_crash_report_panics() {
    let process = spawn(|mut mailbox: Mailbox<()>| async move {
        mailbox.receive().await;
        Err::<(), _>(Unprintable)
    });
    let reason = reason_of_end(process.pid(), || process.send(())).await;
    assert!(is_unprintable(&reason), "the reason is another");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_process_dies_of_its_own_error_though_its_crash_report_panics() {
    let thread = spawn_thread(|mailbox: ThreadMailbox<()>| {
        mailbox.recv().ok();
        Err::<(), _>(Unprintable)
    });
    let reason = reason_of_end(thread.pid(), || thread.send(())).await;
    assert!(is_unprintable(&reason), "the reason is another");
}

fn breaks() -> ExitReason {
    panic!("its own")
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_body_panics_dies_though_its_crash_report_panics() {
    let process = spawn(|mut mailbox: Mailbox<()>| async move {
        mailbox.receive().await;
        breaks()
    });
    let reason = reason_of_end(process.pid(), || process.send(())).await;
    assert!(reason.to_string().contains("its own"), "{reason}");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_dies_though_the_report_of_its_destructor_panics() {
    let process = spawn(|_: Mailbox<()>| async {
        let _boom = Boom;
        pending::<()>().await;
    });
    let cause = || process::send_exit(process.pid(), ExitReason::Kill);
    assert_eq!(reason_of_end(process.pid(), cause).await, ExitReason::Killed);
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_lives_though_the_report_of_the_message_that_it_displaced_panics() {
    let full = Spawn::new().bound(1, Overflow::DropOldest).spawn(|_: Mailbox<Boom>| pending::<()>()).0;
    full.send(Boom);
    let address = full.clone();
    let sender = spawn(|mut mailbox: Mailbox<()>| async move {
        mailbox.receive().await;
        address.send(Boom);
    });
    assert_eq!(reason_of_end(sender.pid(), || sender.send(())).await, ExitReason::Normal);
    // What stands in its mailbox is left alone.
    std::mem::forget(full);
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_go_on_though_the_report_of_a_message_that_could_not_be_made_panics() {
    let process = spawn(|mut mailbox: Mailbox<()>| async move {
        mailbox.receive().await;
    });
    let cause = || {
        send_after(Duration::from_millis(10), process.recipient_with(|()| panic!("no message")), ());
        send_after(Duration::from_millis(20), process.recipient(), ());
    };
    assert_eq!(reason_of_end(process.pid(), cause).await, ExitReason::Normal);
}

/// The waker of a caller that panics.
struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_lives_though_the_report_of_its_callers_waker_panics() {
    let process = spawn(|mut mailbox: Mailbox<Option<ReplyTo<()>>>| async move {
        while let Received::Message(Some(unanswered)) = mailbox.receive().await {
            drop(unanswered);
            // The end of this poll tells the caller.
            tokio::task::yield_now().await;
        }
    });
    let (reply_to, mut reply, runners) = request(process.pid());
    let alarm = Waker::from(Arc::new(Alarm));
    assert!(reply.poll_answer(&mut Context::from_waker(&alarm)).is_pending());
    drop(runners);
    let cause = || {
        process.send(Some(reply_to));
        process.send(None);
    };
    assert_eq!(reason_of_end(process.pid(), cause).await, ExitReason::Normal);
    assert_eq!(reply.try_answer(), Some(Answer::NoReply));
}
