//! [`Extra`]: the part of a process that most processes never need, behind one pointer.

use std::any::Any;
use std::collections::HashMap;
use std::task::Waker;

use crate::alias::{Active, AliasRef};
use crate::bound::Bound;
use crate::exit_reason::ExitReason;
use crate::link::PidSet;
use crate::monitor::{MonitorRef, Monitoring, Watcher};
use crate::name::ProcessName;
use crate::pid::Pid;
use crate::reply::Unanswered;
use crate::thread_sink::ThreadSink;

/// What runs when a process has died, before anyone hears of it: registries, tables, names give up their entries.
pub(crate) type ExitHook = Box<dyn FnOnce(Pid, &ExitReason) + Send>;

/// Links, monitors, name and the like of one process; see `Inner::extra`.
#[derive(Default)]
pub(crate) struct Extra {
    /// The exit slot: the signal that ends this process at its next poll.
    pub(crate) exit: Option<ExitReason>,
    /// Processes linked to this one.
    pub(crate) links: PidSet,
    /// Processes that linked to this one when it was gone, but not buried: they hear `NoProc` once it is.
    pub(crate) late_links: Vec<Pid>,
    /// Of these, the one that gets no EXIT as a message; see `Embryo::link_quietly`.
    pub(crate) quiet: Option<Pid>,
    /// Monitors that this process holds.
    pub(crate) monitors: HashMap<MonitorRef, Monitoring>,
    /// Monitors that others hold on this process.
    pub(crate) watchers: HashMap<MonitorRef, Watcher>,
    pub(crate) name: Option<ProcessName>,
    pub(crate) label: Option<Box<str>>,
    /// Those it works for, the nearest first; see `Spawn::for_caller`.
    pub(crate) callers: Vec<Pid>,
    pub(crate) hooks: Vec<ExitHook>,
    /// How much of what was pushed and not handled does not wait: DOWNs that `demonitor_flush` has taken back, and kept messages.
    pub(crate) flushed: usize,
    /// Who receives, where that is not the process's own task: a future inside a set of futures with wakers of their own.
    pub(crate) receiver: Option<Waker>,
    /// Requests whose callers hear of the death: those that an ending process has let go of, and those who wait for it.
    pub(crate) unanswered: Vec<Unanswered>,
    /// Aliases that are active.
    pub(crate) aliases: HashMap<AliasRef, Active>,
    /// No message is accepted any more, though the process lives, but for those that this `fn(&M) -> bool` is true for.
    /// Implies `Inner::detour`, as the next two do.
    pub(crate) closed: Option<Box<dyn Any + Send>>,
    pub(crate) bound: Option<Box<Bound>>,
    /// Where messages and signals go instead of the queue: the channel of a thread process.
    pub(crate) sink: Option<Box<dyn ThreadSink>>,
    /// What stood in that channel when an exit signal closed it.
    pub(crate) unreceived: Option<Box<dyn Any + Send>>,
}

impl Extra {
    /// Whether the mailbox is closed to this message.
    pub(crate) fn is_closed_to<M: 'static>(&self, message: &M) -> bool {
        let accepts = |closed: &Box<dyn Any + Send>| {
            closed.downcast_ref::<fn(&M) -> bool>().map(|accepts| accepts(message))
        };
        self.closed.as_ref().is_some_and(|closed| accepts(closed) != Some(true))
    }
}
