//! Monitors: one process hears of another's death, without being touched by it.
//!
//! A monitor stands in two maps: the holder's (`Extra::monitors`) and the target's (`Extra::watchers`). The holder's
//! entry decides: a DOWN is queued only while it is active, and handed out only while it exists, which is how
//! `demonitor` and `demonitor_flush` keep their promises without searching the queue.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::alias::{self, Active, Alias, AliasRef, MonitorAlias};
use crate::ambient;
use crate::cell::{AnyCell, Cell, Life};
use crate::error::NotAProcess;
use crate::exit_reason::ExitReason;
use crate::inbox::{Inbox, Signal};
use crate::name::{self, ProcessName};
use crate::pid::Pid;
use crate::sync::Arc;
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
    /// What [`monitor_tagged`] was given.
    pub tag: Option<Tag>,
}

/// A value of the holder's own that comes back with the [`Down`] of a monitor.
///
/// # Counterpart
///
/// The option `{tag, Term}` of `erlang:monitor/3`, which puts it in the place of `'DOWN'`.
#[derive(Clone)]
pub struct Tag(Arc<dyn Any + Send + Sync>);

impl Tag {
    /// A tag with this value.
    pub fn new<T: Send + Sync + 'static>(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// The value, if it is of this type.
    #[must_use]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// Two tags are equal when they are the same one: clones of each other.
impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
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
#[derive(Debug)]
pub(crate) struct Monitoring {
    pub(crate) state: MonitorState,
    /// What few monitors have.
    special: Option<Box<Special>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum MonitorState {
    /// The target, if there was one, has not ended yet.
    Active(Option<Pid>),
    /// The DOWN is in the mailbox.
    Queued,
}

#[derive(Debug, Default)]
pub(crate) struct Special {
    tag: Option<Tag>,
    /// It is turned off with the monitor.
    alias: Option<AliasRef>,
}

impl Monitoring {
    pub(crate) const fn active(target: Option<Pid>) -> Self {
        Self { state: MonitorState::Active(target), special: None }
    }

    /// The target, if it has not ended yet.
    pub(crate) const fn target(&self) -> Option<Pid> {
        match self.state {
            MonitorState::Active(target) => target,
            MonitorState::Queued => None,
        }
    }

    fn alias(&self) -> Option<AliasRef> {
        self.special.as_ref().and_then(|special| special.alias)
    }
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
    ambient::with(|cell| cell.map(|cell| monitor_from(cell, target, None)).ok_or(NotAProcess))
}

/// As [`monitor`], with a value that comes back in the `Down`.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:monitor(process, Target, [{tag, Term}])`.
pub fn monitor_tagged(target: impl Into<Target>, tag: Tag) -> Result<MonitorRef, NotAProcess> {
    let target = target.into();
    let special = Special { tag: Some(tag), alias: None };
    ambient::with(|cell| cell.map(|cell| monitor_from(cell, target, Some(special))).ok_or(NotAProcess))
}

/// A monitor with an alias that goes with it.
pub(crate) fn monitor_with_alias<N: Send + 'static, M: Send + 'static>(
    cell: &Arc<Cell<Inbox<N>>>,
    target: Target,
    mode: MonitorAlias,
    wrap: impl Fn(M) -> N + Send + Sync + 'static,
) -> (MonitorRef, Alias<M>) {
    let monitor = MonitorRef::next();
    let once = mode == MonitorAlias::ReplyDemonitor;
    let active = Active { once, monitor: once.then_some(monitor) };
    let alias = Alias::add(cell, active, wrap);
    let special =
        (mode != MonitorAlias::ExplicitUnalias).then(|| Special { tag: None, alias: Some(alias.id()) });
    let erased: &AnyCell = &**cell;
    if !monitor_as(erased, monitor, target, special) {
        alias::remove(erased, alias.id());
    }
    (monitor, alias)
}

pub(crate) fn monitor_from(cell: &AnyCell, target: Target, special: Option<Special>) -> MonitorRef {
    let monitor = MonitorRef::next();
    monitor_as(cell, monitor, target, special);
    monitor
}

/// Whether there was anything to monitor: nobody monitors itself.
fn monitor_as(cell: &AnyCell, monitor: MonitorRef, target: Target, special: Option<Special>) -> bool {
    let me = cell.head.pid;
    let found = match &target {
        Target::Pid(pid) => table::get(*pid),
        Target::Name(name) => name::lookup(name),
    };
    let pid = found.as_ref().map(|found| found.head.pid);
    if pid == Some(me) {
        // It never was, and neither was its alias.
        return false;
    }
    {
        let special = special.map(Box::new);
        let mut inner = cell.inner.lock();
        if inner.life >= Life::Dead {
            return false;
        }
        inner.extra().monitors.insert(monitor, Monitoring { state: MonitorState::Active(pid), special });
    }
    let watched = found.as_ref().is_some_and(|found| {
        let mut inner = found.inner.lock();
        if inner.life == Life::Buried {
            return false;
        }
        let late = inner.is_gone();
        inner.extra().watchers.insert(monitor, Watcher { pid: me, target: target.clone(), late });
        true
    });
    if !watched {
        down(cell, monitor, target, ExitReason::NoProc);
    } else if let Some(found) = found {
        forget_if_dead(cell, &found, monitor);
    }
    true
}

/// A holder that was declared dead between the two steps of making a monitor may have looked for its target's side too early.
pub(crate) fn forget_if_dead(holder: &AnyCell, target: &AnyCell, monitor: MonitorRef) {
    if holder.inner.lock().life >= Life::Dead {
        forget_watcher(target, monitor);
    }
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
    // Dropped at the end, unlocked: a tag is the user's.
    let removed;
    let target = {
        let mut inner = cell.inner.lock();
        let Some(extra) = &mut inner.extra else { return false };
        let Some(monitoring) = extra.monitors.get(&monitor) else {
            // A thread's channel is the one place where a DOWN leaves no trace in the map.
            let taken_back = extra.sink.as_ref().filter(|_| flush).and_then(|sink| sink.remove_down(monitor));
            drop(inner);
            drop(taken_back);
            return false;
        };
        match monitoring.state {
            MonitorState::Active(target) => {
                removed = extra.monitors.remove(&monitor);
                if let Some(alias) = removed.as_ref().and_then(Monitoring::alias) {
                    extra.aliases.remove(&alias);
                }
                target
            }
            MonitorState::Queued => {
                if flush {
                    // The DOWN itself stays where it is, and is skipped when it is taken out.
                    extra.monitors.remove(&monitor);
                    extra.flushed += 1;
                }
                return false;
            }
        }
    };
    if let Some(target) = target.and_then(table::get) {
        forget_watcher(&target, monitor);
    }
    drop(removed);
    true
}

/// Removes the target's side of a monitor.
pub(crate) fn forget_watcher(target: &AnyCell, monitor: MonitorRef) {
    if let Some(extra) = &mut target.inner.lock().extra {
        extra.watchers.remove(&monitor);
    }
}

/// Queues a DOWN, if the monitor is still active.
pub(crate) fn down(cell: &AnyCell, monitor: MonitorRef, target: Target, reason: ExitReason) {
    let mut inner = cell.inner.lock();
    if inner.is_gone() {
        return;
    }
    let Some(extra) = &mut inner.extra else { return };
    let Some(monitoring) = extra.monitors.get_mut(&monitor) else { return };
    monitoring.state = MonitorState::Queued;
    let special = monitoring.special.take();
    if let Some(alias) = special.as_ref().and_then(|special| special.alias) {
        extra.aliases.remove(&alias);
    }
    if extra.sink.is_some() {
        // Nobody tells when it is taken out of a channel.
        extra.monitors.remove(&monitor);
    }
    let tag = special.and_then(|special| special.tag);
    inner.push_signal(Signal::Down(Down { monitor, target, reason, tag }));
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
