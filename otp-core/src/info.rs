//! What can be seen of a process from outside. Pull only: asking locks one process, for as long as copying takes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::ambient;
use crate::bound::{Bound, Overflow};
use crate::cell::{Head, Inner, Life, Origin};
use crate::clock;
use crate::error::NotAProcess;
use crate::inbox::SignalQueue;
use crate::monitor::Monitoring;
use crate::name::ProcessName;
use crate::pid::Pid;
use crate::table;

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It waits for a message, or for something else inside its code.
    Waiting,
    /// It is being polled right now.
    Running,
    /// It waits for the answer of this process.
    Calling(Pid),
}

/// A process, as it was when [`info`] was called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its pid.
    pub pid: Pid,
    /// Its registered name.
    pub name: Option<ProcessName>,
    /// Its label.
    pub label: Option<String>,
    /// What it is doing.
    pub status: Status,
    /// How many messages and signals wait: also those that it has moved out of its queue to look at, and not taken yet.
    pub mailbox_len: usize,
    /// The processes it is linked to.
    pub links: Vec<Pid>,
    /// The processes it monitors, by pid.
    pub monitors: Vec<Pid>,
    /// The processes that monitor it.
    pub monitored_by: Vec<Pid>,
    /// Whether exit signals reach it as messages.
    pub trap_exit: bool,
    /// The process that started it; `None` if it was started outside any.
    pub parent: Option<Pid>,
    /// Its parent, the parent's parent, and so on, as far as they live: the last one may be dead.
    pub ancestors: Vec<Pid>,
    /// Those it works for, the nearest first: the owner of a task, and the owner's own.
    pub callers: Vec<Pid>,
    /// How many messages may wait, and what happens with one more; `None` for a mailbox without a bound.
    pub bound: Option<(usize, Overflow)>,
    /// How many messages its bound has dropped.
    pub dropped: u64,
    /// How many messages and signals it has taken out to handle.
    pub messages_handled: u64,
    /// The time spent in its polls, estimated: one poll in 64 is timed. A server that is polled in place of its caller
    /// counts for both.
    pub busy: Duration,
    /// The time since it was started, to about 17 milliseconds.
    pub uptime: Duration,
}

/// What is known of a process; `None` if it is dead.
///
/// # Counterpart
///
/// `erlang:process_info/1`.
#[must_use]
pub fn info(pid: Pid) -> Option<ProcessInfo> {
    let cell = table::get(pid)?;
    let head = &cell.head;
    let mut info = ProcessInfo {
        pid,
        name: None,
        label: None,
        status: match Pid::from_number(head.calling.load(Ordering::Relaxed)) {
            Some(callee) => Status::Calling(callee),
            None if head.is_taken() => Status::Running,
            None => Status::Waiting,
        },
        mailbox_len: 0,
        links: Vec::new(),
        monitors: Vec::new(),
        monitored_by: Vec::new(),
        trap_exit: false,
        parent: head.parent,
        ancestors: ancestors(head.parent),
        callers: Vec::new(),
        bound: None,
        dropped: 0,
        messages_handled: head.handled.load(Ordering::Relaxed),
        busy: Duration::from_nanos(head.busy.load(Ordering::Relaxed)),
        uptime: clock::since_ticks(head.started),
    };
    let inner = cell.inner.lock();
    if inner.life >= Life::Dead {
        return None;
    }
    info.trap_exit = inner.trap_exit;
    info.mailbox_len = waiting(head, &inner);
    if let Some(extra) = &inner.extra {
        info.name.clone_from(&extra.name);
        info.label = extra.label.as_deref().map(str::to_owned);
        info.callers.clone_from(&extra.callers);
        if let Some(bound) = &extra.bound {
            info.bound = Some((bound.limit, bound.overflow));
            info.dropped = bound.dropped;
        }
        info.links = extra.links.to_vec();
        info.monitors = extra.monitors.values().filter_map(Monitoring::target).collect();
        info.monitored_by = extra.watchers.values().map(|watcher| watcher.pid).collect();
    }
    Some(info)
}

/// How many messages and signals wait, in the queue or in the receiver's batch, which nobody else sees: what was pushed, less
/// what was taken out, dropped by the bound, and taken back.
#[expect(clippy::cast_possible_truncation, reason = "all of these numbers wrap at 32 bits")]
fn waiting(head: &Head, inner: &Inner<dyn SignalQueue>) -> usize {
    let extra = inner.extra.as_deref();
    if let Origin::Thread(_) = head.origin {
        // What comes out of a channel is not counted.
        return extra.and_then(|extra| extra.sink.as_ref()).map_or(0, |sink| sink.len());
    }
    let drops = |bound: &Bound| if bound.overflow == Overflow::DropOldest { bound.dropped as u32 } else { 0 };
    let gone =
        extra.map_or(0, |extra| extra.bound.as_deref().map_or(0, drops).wrapping_add(extra.flushed as u32));
    let waiting = inner.pushes.wrapping_sub(head.handled_number()).wrapping_sub(gone);
    usize::try_from(waiting.cast_signed()).unwrap_or(0)
}

/// From a parent upwards, to the first one that is dead, which is in it.
fn ancestors(parent: Option<Pid>) -> Vec<Pid> {
    // A chain of processes that each start the next may be long.
    const MOST: usize = 256;
    let next = |pid: &Pid| table::get(*pid)?.head.parent;
    std::iter::successors(parent, next).take(MOST).collect()
}

/// The pids of all live processes, in order of their start. Processes that start or end meanwhile may be in it or
/// not.
///
/// # Counterpart
///
/// `erlang:processes/0`, `Process.list/0`.
#[must_use]
pub fn list() -> Vec<Pid> {
    table::pids()
}

/// Whether a process has not ended yet. Once this is `false`, its state is dropped and its name free.
///
/// An exit signal acts at the receiver's next `.await`; until then it is alive.
///
/// # Counterpart
///
/// `erlang:is_process_alive/1`.
#[must_use]
pub fn is_alive(pid: Pid) -> bool {
    table::contains(pid)
}

/// The pid of the current process; `None` outside any.
///
/// # Counterpart
///
/// `erlang:self/0`.
#[doc(alias = "self")]
#[must_use]
pub fn current() -> Option<Pid> {
    ambient::with(|cell| cell.map(|cell| cell.head.pid))
}

/// Whether exit signals reach the current process as messages from now on. Returns what it was before.
///
/// Turning it off leaves messages that have arrived where they are.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `process_flag(trap_exit, Bool)`.
pub fn trap_exit(trap: bool) -> Result<bool, NotAProcess> {
    ambient::with(|cell| {
        let mut inner = cell.ok_or(NotAProcess)?.inner.lock();
        Ok(std::mem::replace(&mut inner.trap_exit, trap))
    })
}

/// Gives the current process a text that `info` and crash reports show.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `proc_lib:set_label/1`.
pub fn set_label(label: impl Into<Box<str>>) -> Result<(), NotAProcess> {
    let label = label.into();
    ambient::with(|cell| {
        let mut inner = cell.ok_or(NotAProcess)?.inner.lock();
        if !inner.is_gone() {
            inner.extra().label = Some(label);
        }
        Ok(())
    })
}
