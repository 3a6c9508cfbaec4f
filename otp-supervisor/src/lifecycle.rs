//! Starting and stopping one child: what every supervisor does in the same way.

use std::future::{Future, poll_fn};
use std::task::Poll;

use otp_core::behaviour::{Answer, Awaiting, await_end, catch};
use otp_core::process::{send_exit, unlink};
use otp_core::{ChildSpec, ExitReason, Pid, Shutdown, StartError, StartedChild};
use otp_genserver::{Context, GenServer};

/// Starts a child, as part of the current process. A panic in the start function is its reason.
pub(crate) async fn start(spec: &ChildSpec) -> Result<StartedChild, StartError> {
    let mut starting = catch(|| spec.start())?;
    let started = poll_fn(|cx| match catch(|| starting.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(outcome)) => Poll::Ready(outcome),
        Err(reason) => Poll::Ready(Err(StartError::Exit(reason))),
    })
    .await;
    // Foreign destructors.
    catch(|| drop(starting))?;
    started
}

/// A child on its way out.
pub(crate) struct Stopping {
    pid: Pid,
    shutdown: Shutdown,
    end: Awaiting<std::convert::Infallible>,
}

impl Stopping {
    /// Tells the child to end. From here on its death is no EXIT to its supervisor any more.
    pub(crate) fn begin(pid: Pid, shutdown: Shutdown) -> Self {
        let (order, limit) = match shutdown {
            Shutdown::BrutalKill => (ExitReason::Kill, None),
            Shutdown::Timeout(limit) => (ExitReason::Shutdown, Some(limit)),
            Shutdown::Infinity => (ExitReason::Shutdown, None),
        };
        // Before the order, so that the reason of the death is heard.
        let end = Awaiting::new(await_end(pid), limit);
        // Cannot fail: this is a process.
        let _ = unlink(pid);
        send_exit(pid, order);
        Self { pid, shutdown, end }
    }

    /// Waits until it is gone, and kills it when its time is up. The reason of its death; if it had died before, that
    /// is in the mailbox of `cx`.
    pub(crate) async fn finish<S: GenServer>(mut self, cx: &mut Context<S>) -> ExitReason {
        let reason = loop {
            match poll_fn(|task| self.end.poll(task)).await {
                Some(Answer::Exit(reason)) => break reason,
                Some(Answer::Value(never)) => match never {},
                Some(Answer::NoReply) => break ExitReason::NoProc,
                None => {
                    send_exit(self.pid, ExitReason::Kill);
                    self.end.extend();
                }
            }
        };
        if reason == ExitReason::NoProc { cx.take_exit(self.pid).await.unwrap_or(reason) } else { reason }
    }

    /// Whether a child of this kind was expected to end like this: anything else is reported.
    pub(crate) fn is_as_ordered(shutdown: Shutdown, reason: &ExitReason) -> bool {
        match shutdown {
            Shutdown::BrutalKill => *reason == ExitReason::Killed,
            _ => reason.is_orderly(),
        }
    }
}
