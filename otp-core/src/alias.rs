//! [`Alias`]: an address that its owner can turn off.
//!
//! The owner's `Extra::aliases` decides, under the owner's lock, when a message is about to be queued.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ambient;
use crate::cell::{AnyCell, Cell};
use crate::error::NotAProcess;
use crate::inbox::Inbox;
use crate::monitor::{self, MonitorRef};
use crate::pid::Pid;
use crate::sync::Arc;
use crate::table;

/// The identity of one alias.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasRef(u64);

impl AliasRef {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for AliasRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#Alias<{}>", self.0)
    }
}

/// When an alias turns itself off. [`unalias`] turns off any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasMode {
    /// Only by `unalias`.
    ExplicitUnalias,
    /// When the first message has come through it.
    Reply,
}

/// When the alias of a monitor turns itself off. [`unalias`] turns off any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorAlias {
    /// Only by `unalias`.
    ExplicitUnalias,
    /// With its monitor: by `demonitor`, or when the DOWN arrives.
    Demonitor,
    /// With its monitor, or when the first message has come through it, which ends the monitor as well.
    ReplyDemonitor,
}

/// What an active alias does with its first message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active {
    pub(crate) once: bool,
    /// The monitor that ends with it.
    pub(crate) monitor: Option<MonitorRef>,
}

/// An address of a process that the process can turn off: what is sent to it afterwards is dropped before it reaches the
/// mailbox, and the sender notices nothing.
///
/// For answers that may come too late: a client that has given up on one never has to sort it out of its mailbox. Made
/// by [`Mailbox::alias`](crate::Mailbox::alias) and
/// [`Mailbox::monitor_with_alias`](crate::Mailbox::monitor_with_alias). Making one allocates; sending does not.
///
/// # Counterpart
///
/// `erlang:alias/1`; sent to with `!`.
pub struct Alias<M> {
    id: AliasRef,
    owner: Pid,
    deliver: Arc<dyn Fn(M) + Send + Sync>,
}

impl<M: Send + 'static> Alias<M> {
    /// Adds an active alias to a process, which sends what `wrap` makes of its messages.
    pub(crate) fn add<N: Send + 'static>(
        cell: &Arc<Cell<Inbox<N>>>,
        active: Active,
        wrap: impl Fn(M) -> N + Send + Sync + 'static,
    ) -> Self {
        let id = AliasRef::next();
        {
            let mut inner = cell.inner.lock();
            if !inner.is_gone() {
                inner.extra().aliases.insert(id, active);
            }
        }
        let owner = cell.head.pid;
        let cell = Arc::clone(cell);
        Self { id, owner, deliver: Arc::new(move |message| push(&cell, id, wrap(message))) }
    }
}

impl<M> Alias<M> {
    /// Sends a message, if the alias is active.
    pub fn send(&self, message: M) {
        (self.deliver)(message);
    }

    /// What [`unalias`] takes.
    #[must_use]
    pub fn id(&self) -> AliasRef {
        self.id
    }

    /// The process behind it.
    #[must_use]
    pub fn owner(&self) -> Pid {
        self.owner
    }
}

impl<M> Clone for Alias<M> {
    fn clone(&self) -> Self {
        Self { id: self.id, owner: self.owner, deliver: Arc::clone(&self.deliver) }
    }
}

impl<M> fmt::Debug for Alias<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alias({:?} of {})", self.id, self.owner)
    }
}

fn push<N: Send + 'static>(cell: &Cell<Inbox<N>>, id: AliasRef, message: N) {
    let mut inner = cell.inner.lock();
    let Some(active) = inner.extra.as_ref().and_then(|extra| extra.aliases.get(&id)).copied() else { return };
    if inner.refuses(&message) {
        // It has not come through: alias and monitor stay.
        cell.deliver(inner, message);
        return;
    }
    let Some(extra) = &mut inner.extra else { return };
    if active.once {
        extra.aliases.remove(&id);
    }
    // Under the same lock as the message: a DOWN that comes now finds no monitor.
    let ended = active.monitor.and_then(|monitor| Some((monitor, extra.monitors.remove(&monitor)?)));
    cell.deliver(inner, message);
    if let Some((monitor, monitoring)) = ended
        && let Some(target) = monitoring.target().and_then(table::get)
    {
        monitor::forget_watcher(&target, monitor);
    }
}

/// Turns an alias of the current process off. Whether it was active; one of another process is left alone.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:unalias/1`.
pub fn unalias(alias: AliasRef) -> Result<bool, NotAProcess> {
    ambient::with(|cell| cell.map(|cell| remove(cell, alias)).ok_or(NotAProcess))
}

pub(crate) fn remove(cell: &AnyCell, alias: AliasRef) -> bool {
    cell.inner.lock().extra.as_mut().is_some_and(|extra| extra.aliases.remove(&alias).is_some())
}
