//! Starting a task's process, whatever its work is made of: a future, or a closure that blocks.

use std::any::type_name;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use otp_core::behaviour::{Blocking, CrashReport, Embryo, Spawn, catch, report};
use otp_core::{ExitReason, Mailbox, Pid, ThreadMailbox, process};

/// Nobody sends a task a message.
pub(crate) type NoMessage = Infallible;

/// What a task does.
pub(crate) trait Work: Send + 'static {
    type Output: Send + 'static;

    /// Starts it. `prepare` gets the process before it begins, to link it and to take its outcome, and gives what is done with
    /// the result, inside the process, as the last thing there.
    fn launch<D>(self, spawn: Spawn, prepare: impl FnOnce(&Embryo<NoMessage>) -> D) -> Pid
    where
        D: FnOnce(Self::Output) -> ExitReason + Send + 'static;
}

/// A future.
pub(crate) struct Async<F>(pub(crate) F);

impl<F: Future<Output: Send + 'static> + Send + 'static> Work for Async<F> {
    type Output = F::Output;

    fn launch<D>(self, spawn: Spawn, prepare: impl FnOnce(&Embryo<NoMessage>) -> D) -> Pid
    where
        D: FnOnce(F::Output) -> ExitReason + Send + 'static,
    {
        let starter = spawn.parent();
        let embryo = spawn.prepare();
        let done = prepare(&embryo);
        let (task, _) = embryo.go(move |_: Mailbox<NoMessage>| run(self.0, starter, done));
        task.pid()
    }
}

async fn run<F: Future>(
    future: F,
    starter: Option<Pid>,
    done: impl FnOnce(F::Output) -> ExitReason,
) -> ExitReason {
    let outcome = {
        let mut future = pin!(future);
        poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(reason) => Poll::Ready(Err(reason)),
        })
        .await
    };
    // The outcome's `ReplyTo` is dropped with `done`: its owner hears of that when the process has died.
    let reason = outcome.map_or_else(|reason| reason, done);
    if reason.is_abnormal() {
        // Only now: a text for each task would cost more than the task.
        if let Some(own) = process::current().and_then(process::info)
            && own.label.is_none()
        {
            let _ = process::set_label(type_name::<F>());
        }
        report(&reason, || CrashReport { client: starter, ..CrashReport::default() });
    }
    reason
}

/// A closure that blocks its thread.
pub(crate) struct Blocks<F> {
    pub(crate) function: F,
    pub(crate) on: Blocking,
}

impl<F, T> Work for Blocks<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn launch<D>(self, spawn: Spawn, prepare: impl FnOnce(&Embryo<NoMessage>) -> D) -> Pid
    where
        D: FnOnce(T) -> ExitReason + Send + 'static,
    {
        let Self { function, on } = self;
        let (task, _) = spawn.label(type_name::<F>()).spawn_blocking(on, |embryo| {
            let done = prepare(embryo);
            move |mailbox: ThreadMailbox<NoMessage>| {
                let value = function();
                // To everyone else it was dead before it was done.
                if mailbox.is_doomed() { ExitReason::Killed } else { done(value) }
            }
        });
        task.pid()
    }
}
