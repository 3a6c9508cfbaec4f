//! What the tests share: being a process, waiting for what must come, and processes of a known kind.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use otp_core::{ExitReason, Mailbox, Pid, ProcessRef, Received, attach_with, process, spawn};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::time::sleep;

pub(crate) use crate::puppet::{Got, Puppet, drain};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Runs a test's body as a process with a mailbox.
///
/// It fails when it hangs: on a current-thread runtime at once, since the clock is paused there and jumps to the limit
/// when nothing else can happen; on a multi-thread runtime after a minute.
pub(crate) async fn scenario<M, Fut>(body: impl FnOnce(Mailbox<M>) -> Fut) -> Fut::Output
where
    M: Send + 'static,
    Fut: Future,
{
    let limit = match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => {
            tokio::time::pause();
            10 * YEAR
        }
        _ => Duration::from_secs(60),
    };
    let mut scenario = pin!(attach_with(body));
    tokio::select! {
        // The limit comes first: the scenario gets no poll at the limit, which would make up for a lost wake-up.
        biased;
        () = sleep(limit) => panic!("the scenario hangs"),
        ended = &mut scenario => match ended {
            Ok(output) => output,
            Err(reason) => panic!("the scenario's process ended: {reason}"),
        },
    }
}

/// The next thing in the mailbox, waited for.
pub(crate) async fn next<M: Send + 'static>(mailbox: &mut Mailbox<M>) -> Got<M> {
    mailbox.receive().await.into()
}

/// Lets every other task run until nothing is left to do. For current-thread runtimes, where that is certain.
pub(crate) async fn settle() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

/// Nothing is in the mailbox, and nothing is on its way. For current-thread runtimes.
pub(crate) async fn assert_silence<M: Send + fmt::Debug + 'static>(mailbox: &mut Mailbox<M>) {
    settle().await;
    let got = drain(mailbox).await;
    assert!(got.is_empty(), "unexpected: {got:?}");
}

/// Monitors a process from the current one, which must not be sent anything else, and waits for its end.
pub(crate) async fn reason_of_end<M: Send + fmt::Debug + PartialEq + 'static>(
    mailbox: &mut Mailbox<M>,
    pid: Pid,
    cause: impl FnOnce(),
) -> ExitReason {
    let monitor = process::monitor(pid).expect("in a process");
    cause();
    match next(mailbox).await {
        Got::Down(found, _, reason) if found == monitor => reason,
        other => panic!("instead of a DOWN: {other:?}"),
    }
}

/// A process that lives until a signal ends it.
pub(crate) fn idle() -> ProcessRef<()> {
    spawn(|_: Mailbox<()>| std::future::pending::<()>())
}

/// The body of a process that ends with the reason that it is sent.
pub(crate) async fn mortal_body(mut mailbox: Mailbox<ExitReason>) -> ExitReason {
    loop {
        if let Received::Message(reason) = mailbox.receive().await {
            return reason;
        }
    }
}

/// A process that ends with the reason that it is sent.
pub(crate) fn mortal() -> ProcessRef<ExitReason> {
    spawn(mortal_body)
}

/// The pid of a process that is dead and known to nobody.
pub(crate) async fn dead_pid() -> Pid {
    let process = idle();
    process::send_exit(process.pid(), ExitReason::Kill);
    wait_for_end(process.pid()).await;
    process.pid()
}

/// Waits until a process is dead in every respect.
pub(crate) async fn wait_for_end(pid: Pid) {
    let (ended, end) = oneshot::channel();
    spawn(move |mut mailbox: Mailbox<()>| async move {
        process::monitor(pid).expect("in a process");
        mailbox.receive().await;
        ended.send(()).ok();
    });
    end.await.expect("the waiting process lives");
}

impl Puppet {
    /// A puppet that traps exits.
    pub(crate) async fn trapping() -> Self {
        let puppet = Self::new();
        puppet.run(|| process::trap_exit(true)).await;
        puppet
    }
}

/// An error reason with a text.
pub(crate) fn because(text: &str) -> ExitReason {
    ExitReason::new(text)
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(f: F) -> Self {
        Self(Some(f))
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}
