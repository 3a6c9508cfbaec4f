//! Thread processes: a blocking closure on an operating system thread of its own, with pid, links, monitors and names.
//!
//! Its inbox is a crossbeam channel, so that it can `select!` over it and any other channel. Costs what a thread costs;
//! a message costs one lock more than the channel's own.

use std::fmt;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvError, RecvTimeoutError, TryRecvError};
use tokio::runtime::Handle;

use crate::ambient::{self, Scope};
use crate::cell::{AnyCell, Cell, Origin};
use crate::crash::{self, CrashReport};
use crate::death::die;
use crate::exit_reason::{ExitReason, IntoExitReason};
use crate::inbox::{Inbox, Received};
use crate::mailbox::ProcessRef;
use crate::monitor::MonitorRef;
use crate::panics::catch;
use crate::pid::Pid;
use crate::spawn::{Embryo, Spawn};
use crate::sync::Arc;
use crate::thread_sink::Channel;

/// Where a thread process receives; see [`spawn_thread`].
///
/// A process that an exit signal hits finds it closed and empty: it is to return then.
pub struct ThreadMailbox<M: Send + 'static> {
    cell: Arc<Cell<Inbox<M>>>,
    receiver: Receiver<Received<M>>,
}

impl<M: Send + 'static> ThreadMailbox<M> {
    /// The channel itself, for `crossbeam_channel::select!`.
    #[must_use]
    pub fn receiver(&self) -> &Receiver<Received<M>> {
        ambient::lives_on(&*self.cell);
        &self.receiver
    }

    /// The next message or signal, in order of arrival. Blocks the thread.
    ///
    /// # Errors
    ///
    /// [`RecvError`]: an exit signal has ended this process.
    pub fn recv(&self) -> Result<Received<M>, RecvError> {
        self.receiver().recv().inspect(|_| self.cell.head.count_handled())
    }

    /// As [`recv`](Self::recv), for `limit` at most.
    ///
    /// # Errors
    ///
    /// [`RecvTimeoutError`]: the time is up, or an exit signal has ended this process.
    pub fn recv_timeout(&self, limit: Duration) -> Result<Received<M>, RecvTimeoutError> {
        self.receiver().recv_timeout(limit).inspect(|_| self.cell.head.count_handled())
    }

    /// What is there already.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`]: nothing is, or an exit signal has ended this process.
    pub fn try_recv(&self) -> Result<Received<M>, TryRecvError> {
        self.receiver().try_recv().inspect(|_| self.cell.head.count_handled())
    }

    /// Whether an exit signal has hit this process. Work that takes long without receiving looks here now and then.
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.cell.head.is_doomed()
    }

    /// The address of this process.
    #[must_use]
    pub fn address(&self) -> ProcessRef<M> {
        ProcessRef::from_cell(Arc::clone(&self.cell))
    }

    /// The pid of this process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.cell.head.pid
    }
}

impl<M: Send + 'static> fmt::Debug for ThreadMailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadMailbox").field("pid", &self.pid()).finish_non_exhaustive()
    }
}

/// Starts a process that runs a blocking closure on a thread of its own.
///
/// An exit signal cannot stop code that does not look: the mailbox is closed then, and a process that has not returned
/// within the grace ([`set_orphan_grace`](crate::process::set_orphan_grace)) is declared dead without it.
///
/// Inside a runtime the thread enters it, so that timers can be set from there. The end of the runtime does not end it.
///
/// # Examples
///
/// ```
/// use otp_core::{Received, ThreadMailbox, spawn_thread};
///
/// let (report, reported) = std::sync::mpsc::channel();
/// let adder = spawn_thread(move |mailbox: ThreadMailbox<i64>| {
///     let mut sum = 0;
///     while sum < 10 {
///         match mailbox.recv() {
///             Ok(Received::Message(n)) => sum += n,
///             Ok(_) => {}
///             Err(_) => return,
///         }
///     }
///     report.send(sum).ok();
/// });
/// adder.send(4);
/// adder.send(7);
/// assert_eq!(reported.recv(), Ok(11));
/// ```
///
/// # Panics
///
/// If the system has no thread to give.
///
/// # Counterpart
///
/// None: on the BEAM, blocking work goes into a NIF or a port.
pub fn spawn_thread<M, F, R>(body: F) -> ProcessRef<M>
where
    M: Send + 'static,
    F: FnOnce(ThreadMailbox<M>) -> R + Send + 'static,
    R: IntoExitReason,
{
    Spawn::new().spawn_thread(body).0
}

/// The thread's waker, for who waits on it outside the channel: a blocking call.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

/// The waker that unparks the current thread.
pub(crate) fn unparker() -> Waker {
    Waker::from(std::sync::Arc::new(Unpark(thread::current())))
}

/// Where a thread process gets its thread from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are these two")]
pub enum Blocking {
    /// A thread of its own.
    Thread,
    /// One of the runtime's pool for blocking work, for which it may have to wait. If the runtime ends first, so does it.
    Pool,
}

/// A thread process with its body, whose thread may never begin: then it dies here, as if killed.
struct Unborn<B>(Option<(Arc<AnyCell>, B)>);

impl<B> Drop for Unborn<B> {
    fn drop(&mut self) {
        if let Some((cell, body)) = self.0.take() {
            die(&Scope::enter(&cell), &ExitReason::Killed, || drop(body));
        }
    }
}

impl Spawn {
    /// As [`spawn_thread`]; the monitor is there if one was asked for, and this code runs inside a process.
    ///
    /// # Panics
    ///
    /// If the system has no thread to give, or if a bound was asked for: the channel of a thread has none.
    pub fn spawn_thread<M, F, R>(self, body: F) -> (ProcessRef<M>, Option<MonitorRef>)
    where
        M: Send + 'static,
        F: FnOnce(ThreadMailbox<M>) -> R + Send + 'static,
        R: IntoExitReason,
    {
        self.spawn_blocking(Blocking::Thread, |_| body)
    }

    /// As [`spawn_thread`](Self::spawn_thread), on a thread of one's choice. `prepare` gets the process before it begins, to link
    /// it or to take its outcome, and gives the body. For behaviours.
    ///
    /// # Panics
    ///
    /// As [`spawn_thread`](Self::spawn_thread); for the pool, also outside a tokio runtime.
    pub fn spawn_blocking<M, F, R>(
        self,
        on: Blocking,
        prepare: impl FnOnce(&Embryo<M>) -> F,
    ) -> (ProcessRef<M>, Option<MonitorRef>)
    where
        M: Send + 'static,
        F: FnOnce(ThreadMailbox<M>) -> R + Send + 'static,
        R: IntoExitReason,
    {
        assert!(!self.is_bounded(), "a thread process has no bound");
        let runtime = Handle::try_current().ok();
        assert!(
            on == Blocking::Thread || runtime.is_some(),
            "a process was started on the pool of a tokio runtime, outside any"
        );
        let child = self.is_child();
        let embryo = self.prepare_as::<M>(Origin::Thread(child));
        let (channel, receiver) = Channel::new();
        {
            let cell = embryo.cell();
            let mut inner = cell.inner.lock();
            inner.detour = true;
            inner.extra().sink = Some(Box::new(channel));
        }
        let body = prepare(&embryo);
        embryo.go_with(move |cell| {
            let mailbox = ThreadMailbox { cell: Arc::clone(&cell), receiver };
            let erased: Arc<AnyCell> = cell;
            let pid = erased.head.pid;
            let mut unborn = Unborn(Some((erased, move || body(mailbox).into_exit_reason())));
            let entered = runtime.clone();
            let life = move || {
                let _entered = entered.as_ref().map(Handle::enter);
                if let Some((cell, body)) = unborn.0.take() {
                    run(&cell, body);
                }
            };
            match runtime.filter(|_| on == Blocking::Pool) {
                Some(runtime) => drop(runtime.spawn_blocking(life)),
                None => {
                    let started = thread::Builder::new().name(format!("otp {pid}")).spawn(life);
                    if let Err(error) = started {
                        panic!("a thread process was not started: {error}");
                    }
                }
            }
        })
    }
}

/// The life of a thread process, on its thread.
fn run(cell: &Arc<AnyCell>, body: impl FnOnce() -> ExitReason) {
    cell.adopt_task(&unparker());
    let scope = Scope::enter(cell);
    if cell.head.is_doomed() {
        // It was over before it began; it may have been declared dead meanwhile.
        let reason = cell.take_doom().unwrap_or(ExitReason::Killed);
        die(&scope, &reason, || drop(body));
        return;
    }
    let token = cell.head.try_take();
    let outcome = catch(body);
    drop(token);
    // An exit signal that came first has ended it, whatever its code made of that.
    let reason = cell.take_doom().unwrap_or_else(|| {
        let reason = outcome.unwrap_or_else(|panic| panic);
        crash::report(&reason, CrashReport::default);
        reason
    });
    die(&scope, &reason, || {});
}
