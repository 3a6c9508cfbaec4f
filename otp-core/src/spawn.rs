//! Spawning: a process is in the table, linked and named before its first poll.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::thread;

use tokio::runtime::Handle;

use crate::ambient;
use crate::blocking::drive;
use crate::bound::{Bound, Overflow};
use crate::cell::{AnyCell, Cell, Life, Origin, ProcessFuture};
use crate::crash::{self, CrashReport};
use crate::driver::{Root, end};
use crate::error::{NotAProcess, RegisterError};
use crate::exit_reason::{ExitReason, IntoExitReason};
use crate::extra::Extra;
use crate::handoff::{self, NOWHERE};
use crate::inbox::Inbox;
use crate::link;
use crate::mailbox::{Mailbox, ProcessRef};
use crate::monitor::{self, MonitorRef, Target, Watcher};
use crate::name::{self, ProcessName};
use crate::panics;
use crate::pid::Pid;
use crate::reply::{self, Reply, ReplyTo, await_end};
use crate::signal;
use crate::sync::{Arc, Ordering};
use crate::table;

/// Starts a process. `body` gets its mailbox and runs inside it.
///
/// The body may end with `()`, a [`Result`], or an [`ExitReason`]. A process without messages takes a
/// `Mailbox<()>`.
///
/// # Examples
///
/// ```
/// use otp_core::{Mailbox, Received, spawn};
///
/// # #[otp_core::main]
/// # async fn main() {
/// let (report, reported) = tokio::sync::oneshot::channel();
/// let adder = spawn(|mut mailbox: Mailbox<i64>| async move {
///     let mut sum = 0;
///     while sum < 10 {
///         if let Received::Message(n) = mailbox.receive().await {
///             sum += n;
///         }
///     }
///     report.send(sum).ok();
/// });
/// adder.send(4);
/// adder.send(7);
/// assert_eq!(reported.await, Ok(11));
/// # }
/// ```
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Counterpart
///
/// `erlang:spawn/1`.
pub fn spawn<M, F, Fut>(body: F) -> ProcessRef<M>
where
    M: Send + 'static,
    F: FnOnce(Mailbox<M>) -> Fut + Send + 'static,
    Fut: Future<Output: IntoExitReason> + Send + 'static,
{
    Spawn::new().spawn(body).0
}

/// Starts a process that is linked to the current one from its beginning. Outside any process it starts unlinked.
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Counterpart
///
/// `erlang:spawn_link/1`.
pub fn spawn_link<M, F, Fut>(body: F) -> ProcessRef<M>
where
    M: Send + 'static,
    F: FnOnce(Mailbox<M>) -> Fut + Send + 'static,
    Fut: Future<Output: IntoExitReason> + Send + 'static,
{
    Spawn::new().link().spawn(body).0
}

/// Starts a process that the current one monitors from its beginning.
///
/// # Errors
///
/// [`NotAProcess`] outside any process; nothing was started then.
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Counterpart
///
/// `erlang:spawn_monitor/1`.
pub fn spawn_monitor<M, F, Fut>(body: F) -> Result<(ProcessRef<M>, MonitorRef), NotAProcess>
where
    M: Send + 'static,
    F: FnOnce(Mailbox<M>) -> Fut + Send + 'static,
    Fut: Future<Output: IntoExitReason> + Send + 'static,
{
    let spawn = Spawn::new().monitor();
    if spawn.parent.is_none() {
        return Err(NotAProcess);
    }
    let (process, monitor) = spawn.spawn(body);
    monitor.map(|monitor| (process, monitor)).ok_or(NotAProcess)
}

/// How a process is started, where [`spawn`] and its sisters do not say enough.
///
/// The process that will be parent, linked or monitoring, is the one that is current when this is made.
#[derive(Debug, Clone)]
#[must_use]
pub struct Spawn {
    parent: Option<Pid>,
    link: bool,
    monitor: bool,
    label: Option<Box<str>>,
    bound: Option<(usize, Overflow)>,
    callers: Vec<Pid>,
}

impl Spawn {
    /// Unlinked, not monitored, without a label.
    #[expect(clippy::new_without_default, reason = "it reads who the current process is")]
    pub fn new() -> Self {
        let parent = ambient::with(|cell| cell.map(|cell| cell.head.pid));
        Self { parent, link: false, monitor: false, label: None, bound: None, callers: Vec::new() }
    }

    /// The same once more, with the process that is current now for its parent.
    pub fn again(&self) -> Self {
        let Self { parent, .. } = Self::new();
        Self { parent, ..self.clone() }
    }

    /// Linked to the current process; outside any process it starts unlinked, and says so at debug level.
    pub fn link(mut self) -> Self {
        self.link = true;
        self
    }

    /// Monitored by the current process.
    pub fn monitor(mut self) -> Self {
        self.monitor = true;
        self
    }

    /// With a text that `info` and crash reports show.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With a mailbox of `limit` messages, that does with one more what `overflow` says. Unbounded by default.
    ///
    /// Each message that such a process takes out costs it the mailbox's lock. What a selective receive passes over still
    /// fills the bound, and can keep the wanted message out.
    ///
    /// # Panics
    ///
    /// For a limit of zero.
    pub fn bound(mut self, limit: usize, overflow: Overflow) -> Self {
        assert!(limit > 0, "a mailbox needs room for one message");
        self.bound = Some((limit, overflow));
        self
    }

    /// As work of the current process, and of those that this one works for: they stand in its
    /// [`callers`](crate::process::ProcessInfo::callers), the nearest first. For tasks.
    ///
    /// # Counterpart
    ///
    /// Elixir's `$callers`.
    pub fn for_caller(mut self) -> Self {
        self.callers = ambient::with(|cell| cell.map(callers_of)).unwrap_or_default();
        self
    }

    pub(crate) const fn is_bounded(&self) -> bool {
        self.bound.is_some()
    }

    /// Whether the process, if it is a behaviour, obeys its starter: with a link or a monitor.
    pub(crate) const fn is_child(&self) -> bool {
        (self.link || self.monitor) && self.parent.is_some()
    }

    /// The process that will be parent, linked or monitoring.
    #[must_use]
    pub const fn parent(&self) -> Option<Pid> {
        self.parent
    }

    /// Starts the process; the monitor is there if one was asked for, and this code runs inside a process.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn<M, F, Fut>(self, body: F) -> (ProcessRef<M>, Option<MonitorRef>)
    where
        M: Send + 'static,
        F: FnOnce(Mailbox<M>) -> Fut + Send + 'static,
        Fut: Future<Output: IntoExitReason> + Send + 'static,
    {
        // `body` is called inside the process, so that a panic in it is the process's own.
        let body = move |mailbox: Mailbox<M>| async move {
            let mut body = pin!(body(mailbox));
            let reason = body.as_mut().await.into_exit_reason();
            crash::report(&reason, CrashReport::default);
            // The body's remains are dropped as part of the death: a panic in that changes nothing any more.
            match end(reason).await {}
        };
        let embryo = self.prepare::<M>();
        embryo.go(body)
    }

    /// Makes the process up to its first poll: in the table, without a task. For behaviours, which register a name
    /// in between.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn prepare<M: Send + 'static>(self) -> Embryo<M> {
        let Ok(runtime) = Handle::try_current() else {
            panic!("a process was started outside a tokio runtime: use #[main], run or #[test]")
        };
        let origin = if self.is_child() { Origin::Child } else { Origin::Spawned };
        let mut embryo = self.prepare_as(origin);
        embryo.runtime = handoff::number_of(&runtime);
        embryo
    }

    pub(crate) fn prepare_as<M: Send + 'static>(self, origin: Origin) -> Embryo<M> {
        panics::install_hook();
        if self.link && self.parent.is_none() {
            tracing::debug!(target: "otp::process", "start_link outside any process: started without a link");
        }
        let Self { parent, link, monitor, label, bound, callers } = self;
        let extra = (label.is_some() || !callers.is_empty())
            .then(|| Box::new(Extra { label, callers, ..Extra::default() }));
        let cell = Cell::new(parent, origin, extra);
        if let Some((limit, overflow)) = bound {
            let mut inner = cell.inner.lock();
            inner.detour = true;
            inner.extra().bound = Some(Box::new(Bound::new::<M>(limit, overflow, |_| true)));
        }
        let erased: Arc<AnyCell> = Arc::<Cell<Inbox<M>>>::clone(&cell);
        table::insert(erased);
        Embryo { cell: Some(cell), link, monitor, bounded: bound.is_some(), runtime: NOWHERE }
    }
}

/// A process, and those that it works for.
fn callers_of(cell: &AnyCell) -> Vec<Pid> {
    let inner = cell.inner.lock();
    let before = inner.extra.as_ref().map_or(&[][..], |extra| &extra.callers);
    [cell.head.pid].into_iter().chain(before.iter().copied()).collect()
}

/// A process before its first poll. Dropped, it never was.
#[must_use]
pub struct Embryo<M: Send + 'static> {
    /// `None` once it lives.
    cell: Option<Arc<Cell<Inbox<M>>>>,
    link: bool,
    monitor: bool,
    bounded: bool,
    /// The runtime that it was prepared in.
    runtime: u16,
}

impl<M: Send + 'static> Embryo<M> {
    pub(crate) fn cell(&self) -> &Arc<Cell<Inbox<M>>> {
        self.cell.as_ref().expect("an embryo has its cell until it is consumed")
    }

    /// The address that the process will have.
    #[must_use]
    pub fn address(&self) -> ProcessRef<M> {
        ProcessRef::from_cell(Arc::clone(self.cell()))
    }

    /// Registers the process under a name.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Taken`] if another process has it.
    pub fn register(&self, name: ProcessName) -> Result<(), RegisterError> {
        let cell: Arc<AnyCell> = Arc::<Cell<Inbox<M>>>::clone(self.cell());
        name::register_cell(name, &cell)
    }

    /// The process's result, as a request that it is to answer before it ends. Whoever waits for the answer hears of its death
    /// instead, also of one that the process is declared to have died.
    #[must_use]
    pub fn outcome<T: Send + 'static>(&self) -> (ReplyTo<T>, Reply<T>) {
        let cell: &AnyCell = &**self.cell();
        reply::outcome(cell)
    }

    /// Links the process with another, in its stead.
    pub fn link(&self, peer: Pid) {
        let cell: &AnyCell = &**self.cell();
        link::link_to(cell, peer);
    }

    /// As [`link`](Self::link), but the other one gets no EXIT as a message: if it traps exits, it hears nothing. For whoever
    /// learns of the end in another way.
    pub fn link_quietly(&self, peer: Pid) {
        let cell: &AnyCell = &**self.cell();
        link::link_quietly(cell, peer);
    }

    /// Has a bound concern only the messages that `counts` is true for: the others always have room, and are never
    /// dropped. For behaviours, whose system messages no flood is to keep out.
    pub fn bound_counts(&self, counts: fn(&M) -> bool) {
        // Most have none, and need no lock.
        if self.bounded
            && let Some(bound) = self.cell().inner.lock().bound()
        {
            bound.set_counts(counts);
        }
    }

    /// Links and monitors as asked for, and gives the process its task. `body` is called here, outside
    /// the process; the future it makes runs inside, and returns the reason of the end.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn go<F, Fut>(self, body: F) -> (ProcessRef<M>, Option<MonitorRef>)
    where
        F: FnOnce(Mailbox<M>) -> Fut + Send + 'static,
        Fut: Future<Output = ExitReason> + Send + 'static,
    {
        let mailbox = Mailbox::new(Arc::clone(self.cell()));
        // A panic in here leaves the embryo to its drop.
        let body = Box::pin(body(mailbox));
        let runtime = self.runtime;
        self.go_with(|cell| {
            cell.head.runtime.store(runtime, Ordering::Relaxed);
            let root = root(cell, body);
            #[expect(clippy::disallowed_methods, reason = "the one place where a process gets its task")]
            drop(tokio::spawn(root));
        })
    }

    /// As [`go`](Self::go), on an operating system thread of its own instead of the runtime's: what blocks in there holds
    /// up nobody else. Timers and input and output are the runtime's, and the end of the runtime ends the process.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, or if the system has no thread to give.
    pub fn go_on_thread<F, Fut>(self, body: F) -> (ProcessRef<M>, Option<MonitorRef>)
    where
        F: FnOnce(Mailbox<M>) -> Fut + Send + 'static,
        Fut: Future<Output = ExitReason> + Send + 'static,
    {
        let mailbox = Mailbox::new(Arc::clone(self.cell()));
        let body = Box::pin(body(mailbox));
        self.go_with(|cell| {
            let pid = cell.head.pid;
            let root = root(cell, body);
            let runtime = Handle::current();
            let ends_with_runtime = EndsWithRuntime(Some(pid));
            #[expect(clippy::disallowed_methods, reason = "it watches the runtime, and is no process")]
            drop(runtime.spawn(ends_with_runtime.watch()));
            let started =
                thread::Builder::new().name(format!("otp {pid}")).spawn(move || drive(&runtime, pid, root));
            if let Err(error) = started {
                panic!("a process was not started on a thread of its own: {error}");
            }
        })
    }

    /// Links and monitors as asked for, and has `start` bring the process to life.
    pub(crate) fn go_with(
        mut self,
        start: impl FnOnce(Arc<Cell<Inbox<M>>>),
    ) -> (ProcessRef<M>, Option<MonitorRef>) {
        let Some(cell) = self.cell.take() else { unreachable!("go consumes the embryo") };
        let mut monitor = None;
        if (self.link || self.monitor)
            && let Some(parent) = cell.head.parent
        {
            let parent_cell = table::get(parent);
            if self.link {
                link_child(parent, parent_cell.as_deref(), &*cell);
            }
            monitor = self.monitor.then(|| monitor_child(parent, parent_cell.as_deref(), &*cell));
        }
        start(Arc::clone(&cell));
        (ProcessRef::from_cell(cell), monitor)
    }
}

/// The task of a process with this body.
fn root<M: Send + 'static>(cell: Arc<Cell<Inbox<M>>>, body: ProcessFuture) -> Root {
    if let Some(mut token) = cell.head.try_take() {
        *token = Some(body);
    }
    Root::new(cell)
}

/// Ends a process that is polled on a thread of its own when its runtime ends.
struct EndsWithRuntime(Option<Pid>);

impl EndsWithRuntime {
    async fn watch(mut self) {
        if let Some(pid) = self.0 {
            let mut end = await_end(pid);
            drop(poll_fn(|cx| end.poll_answer(cx)).await);
        }
        self.0 = None;
    }
}

impl Drop for EndsWithRuntime {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            signal::send_exit(pid, ExitReason::Kill);
        }
    }
}

impl<M: Send + 'static> Drop for Embryo<M> {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            let erased: Arc<AnyCell> = cell;
            let scope = ambient::Scope::enter(&erased);
            crate::death::die(&scope, &ExitReason::Killed, || {});
        }
    }
}

impl<M: Send + 'static> fmt::Debug for Embryo<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embryo")
            .field("pid", &self.cell.as_ref().map(|cell| cell.head.pid))
            .finish_non_exhaustive()
    }
}

/// The child has not run yet, so both sides can be written without a pair lock: nobody else knows its pid, except
/// through its name, and whoever links with it by that links with other sets.
fn link_child(parent: Pid, parent_cell: Option<&AnyCell>, child: &AnyCell) {
    child.inner.lock().extra().links.insert(parent);
    let linked = parent_cell.is_some_and(|cell| {
        let mut inner = cell.inner.lock();
        let dead = inner.life >= Life::Dead;
        if !dead {
            inner.extra().links.insert(child.head.pid);
        }
        !dead
    });
    if !linked {
        signal::link_exit(child, parent, ExitReason::NoProc);
    }
}

fn monitor_child(parent: Pid, parent_cell: Option<&AnyCell>, child: &AnyCell) -> MonitorRef {
    let monitor = MonitorRef::next();
    let held = parent_cell.is_some_and(|cell| {
        let mut inner = cell.inner.lock();
        let dead = inner.life >= Life::Dead;
        if !dead {
            inner.extra().monitors.insert(monitor, monitor::Monitoring::active(Some(child.head.pid)));
        }
        !dead
    });
    if let Some(parent_cell) = parent_cell.filter(|_| held) {
        let watcher = Watcher { pid: parent, target: Target::Pid(child.head.pid), late: false };
        child.inner.lock().extra().watchers.insert(monitor, watcher);
        monitor::forget_if_dead(parent_cell, child, monitor);
    }
    monitor
}
