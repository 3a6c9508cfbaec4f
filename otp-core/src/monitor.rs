//! Monitors: one process hears of another's death, without being touched by it.
//!
//! A monitor stands in two maps: the holder's (`Extra::monitors`) and the target's (`Extra::watchers`). The holder's
//! entry decides: a DOWN is queued only while it is active, and handed out only while it exists, which is how
//! `demonitor` and `demonitor_flush` keep their promises without searching the queue.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ambient;
use crate::cell::{AnyCell, Life};
use crate::error::NotAProcess;
use crate::exit_reason::ExitReason;
use crate::inbox::Signal;
use crate::name::{self, ProcessName};
use crate::pid::Pid;
use crate::table;

/// The identity of one monitor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorRef(u64);

impl MonitorRef {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for MonitorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#Ref<{}>", self.0)
    }
}

/// The news that a monitored process has ended.
///
/// # Counterpart
///
/// Erlang's `{'DOWN', Ref, process, Target, Reason}`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Down {
    /// What [`monitor`] returned.
    pub monitor: MonitorRef,
    /// What was monitored: the pid, or the name if it was monitored by name.
    pub target: Target,
    /// Why it ended; [`NoProc`](ExitReason::NoProc) if it was not there when the monitor was made.
    pub reason: ExitReason,
}

impl Down {
    /// The pid of the process, unless it was monitored by name.
    #[must_use]
    pub const fn pid(&self) -> Option<Pid> {
        match self.target {
            Target::Pid(pid) => Some(pid),
            Target::Name(_) => None,
        }
    }
}

/// What a monitor was made on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a process is named by its pid or its name")]
pub enum Target {
    /// A pid.
    Pid(Pid),
    /// A registered name.
    Name(ProcessName),
}

impl From<Pid> for Target {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<ProcessName> for Target {
    fn from(name: ProcessName) -> Self {
        Self::Name(name)
    }
}

/// The holder's side of a monitor.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Monitoring {
    /// The target, if there was one, has not ended yet.
    Active(Option<Pid>),
    /// The DOWN is in the mailbox.
    Queued,
}

/// The target's side of a monitor.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) pid: Pid,
    pub(crate) target: Target,
    /// It came when the target was gone, but not buried: it hears `NoProc` once it is.
    pub(crate) late: bool,
}

/// Monitors a process, given by pid or name: when it ends, the current process receives one [`Down`].
///
/// Each call makes a monitor of its own. If there is no such process, the `Down` arrives at once, with reason
/// [`NoProc`](ExitReason::NoProc). Monitoring oneself never gives a `Down`.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:monitor(process, Target)`.
pub fn monitor(target: impl Into<Target>) -> Result<MonitorRef, NotAProcess> {
    let target = target.into();
    ambient::with(|cell| cell.map(|cell| monitor_from(cell, target)).ok_or(NotAProcess))
}

pub(crate) fn monitor_from(cell: &AnyCell, target: Target) -> MonitorRef {
    let monitor = MonitorRef::next();
    let me = cell.head.pid;
    let found = match &target {
        Target::Pid(pid) => table::get(*pid),
        Target::Name(name) => name::lookup(name),
    };
    let pid = found.as_ref().map(|found| found.head.pid);
    if pid == Some(me) {
        return monitor;
    }
    {
        let mut inner = cell.inner.lock();
        if inner.life >= Life::Dead {
            return monitor;
        }
        inner.extra().monitors.insert(monitor, Monitoring::Active(pid));
    }
    let watched = found.is_some_and(|found| {
        let mut inner = found.inner.lock();
        if inner.life == Life::Buried {
            return false;
        }
        let late = inner.is_gone();
        inner.extra().watchers.insert(monitor, Watcher { pid: me, target: target.clone(), late });
        true
    });
    if !watched {
        down(cell, Down { monitor, target, reason: ExitReason::NoProc });
    }
    monitor
}

/// Ends a monitor of the current process. Unless its `Down` is in the mailbox already, none will arrive.
///
/// An unknown monitor, or one that another process holds, is left alone.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:demonitor/1`.
pub fn demonitor(monitor: MonitorRef) -> Result<(), NotAProcess> {
    ambient::with(|cell| {
        end(cell.ok_or(NotAProcess)?, monitor, false);
        Ok(())
    })
}

/// Ends a monitor of the current process, and removes its `Down` if that is in the mailbox already.
///
/// Returns whether the monitor was still active: `false` if a `Down` was removed, or there was no such monitor.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:demonitor(Ref, [flush, info])`.
pub fn demonitor_flush(monitor: MonitorRef) -> Result<bool, NotAProcess> {
    ambient::with(|cell| cell.map(|cell| end(cell, monitor, true)).ok_or(NotAProcess))
}

pub(crate) fn end(cell: &AnyCell, monitor: MonitorRef, flush: bool) -> bool {
    let target = {
        let mut inner = cell.inner.lock();
        let Some(extra) = &mut inner.extra else { return false };
        match extra.monitors.get(&monitor) {
            Some(Monitoring::Active(target)) => {
                let target = *target;
                extra.monitors.remove(&monitor);
                target
            }
            Some(Monitoring::Queued) => {
                if flush {
                    // The DOWN itself stays where it is, and is skipped when it is taken out.
                    extra.monitors.remove(&monitor);
                    extra.flushed += 1;
                }
                return false;
            }
            None => return false,
        }
    };
    if let Some(target) = target.and_then(table::get) {
        forget_watcher(&target, monitor);
    }
    true
}

/// Removes the target's side of a monitor.
pub(crate) fn forget_watcher(target: &AnyCell, monitor: MonitorRef) {
    if let Some(extra) = &mut target.inner.lock().extra {
        extra.watchers.remove(&monitor);
    }
}

/// Queues a DOWN, if the monitor is still active.
pub(crate) fn down(cell: &AnyCell, down: Down) {
    let mut inner = cell.inner.lock();
    if inner.is_gone() {
        return;
    }
    let Some(state) = inner.extra.as_mut().and_then(|extra| extra.monitors.get_mut(&down.monitor)) else {
        return;
    };
    *state = Monitoring::Queued;
    inner.queue.push_signal(Signal::Down(down));
    cell.wake_receiver(inner);
}

/// Whether a DOWN that was just taken from the queue is still wanted.
pub(crate) fn claim<Q: ?Sized>(cell: &crate::cell::Cell<Q>, monitor: MonitorRef) -> bool {
    let mut inner = cell.inner.lock();
    let Some(extra) = &mut inner.extra else { return false };
    let wanted = extra.monitors.remove(&monitor).is_some();
    if !wanted {
        extra.flushed = extra.flushed.saturating_sub(1);
    }
    wanted
}
