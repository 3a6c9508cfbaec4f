//! Starting and stopping one child: what every supervisor does in the same way.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;

use otp_core::behaviour::{Answer, Awaiting, await_end, catch};
use otp_core::process::{send_exit, unlink};
use otp_core::{ChildSpec, ExitReason, Pid, Restart, Shutdown, StartError, StartedChild};
use otp_genserver::{Context, GenServer};

use crate::report;

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
///
/// ```text
/// exit(Pid, shutdown), receive DOWN after Time -> exit(Pid, kill), receive DOWN end, unlink(Pid)
/// ```
pub(crate) struct Stopping {
    pid: Pid,
    end: Awaiting<Infallible>,
}

impl Stopping {
    /// Tells the child to end. It stays linked until it has, so that it does not outlive a supervisor that is killed.
    pub(crate) fn begin(pid: Pid, shutdown: Shutdown) -> Self {
        let (order, limit) = match shutdown {
            Shutdown::BrutalKill => (ExitReason::Kill, None),
            Shutdown::Timeout(limit) => (ExitReason::Shutdown, Some(limit)),
            Shutdown::Infinity => (ExitReason::Shutdown, None),
        };
        // Before the order, so that the reason of the death is heard.
        let end = Awaiting::new(await_end(pid), limit).started();
        send_exit(pid, order);
        Self { pid, end }
    }

    /// Waits until it is gone, and kills it when its time is up.
    pub(crate) async fn wait(mut self) -> Gone {
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
        // Cannot fail: this is a process. An EXIT that has arrived finds nobody of this pid any more.
        let _ = unlink(self.pid);
        Gone { pid: self.pid, reason }
    }
}

/// A child that was told to end, and has ended.
pub(crate) struct Gone {
    pub(crate) pid: Pid,
    /// `NoProc` if it had died before it was told: why stands in the mailbox then.
    pub(crate) reason: ExitReason,
}

/// Reports those children that were told to end and did not end as told.
#[derive(Default)]
pub(crate) struct StopReports {
    /// Why these died stands in the mailbox.
    dead_before: HashMap<Pid, ChildSpec>,
}

impl StopReports {
    pub(crate) fn add(&mut self, spec: &ChildSpec, gone: Gone) {
        match gone.reason {
            ExitReason::NoProc => drop(self.dead_before.insert(gone.pid, spec.clone())),
            reason => report_unless_as_ordered(spec, gone.pid, &reason),
        }
    }

    /// Looks for the reasons of those that had died before. Not a search for each: there may be thousands of both.
    pub(crate) async fn finish<S: GenServer>(mut self, cx: &mut Context<S>) {
        if self.dead_before.is_empty() {
            return;
        }
        for (pid, reason) in cx.take_exits_where(|pid| self.dead_before.contains_key(&pid)).await {
            if let Some(spec) = self.dead_before.remove(&pid) {
                report_unless_as_ordered(&spec, pid, &reason);
            }
        }
        for (pid, spec) in &self.dead_before {
            report_unless_as_ordered(spec, *pid, &ExitReason::NoProc);
        }
    }
}

fn report_unless_as_ordered(spec: &ChildSpec, pid: Pid, reason: &ExitReason) {
    if !is_as_ordered(spec, reason) {
        report::shutdown_failed(spec, pid, reason);
    }
}

/// Whether a child that was told to end ended as told: anything else is reported.
fn is_as_ordered(spec: &ChildSpec, reason: &ExitReason) -> bool {
    let ordered = match spec.get_shutdown() {
        Shutdown::BrutalKill => ExitReason::Killed,
        _ => ExitReason::Shutdown,
    };
    *reason == ordered || (reason.is_orderly() && spec.get_restart() != Restart::Permanent)
}
