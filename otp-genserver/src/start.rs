//! [`Start`] and [`StartMonitor`]: starting a server, and waiting for its `init`.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, Spawn, await_end, disown, request};
use otp_core::process::send_exit;
use otp_core::{ChildType, ExitReason, MonitorRef, Overflow, Pid, StartError};

use crate::message::ServerMessage;
use crate::options::Options;
use crate::runner::{Init, Started, run};
use crate::server::GenServer;
use crate::server_ref::ServerRef;
use crate::start_name::StartName;
use crate::sys::DebugOptions;

/// A server about to start. Add what it needs, then `.await` it.
///
/// # Cancel safety
///
/// Dropped while `init` runs, it ends the half-started process.
#[must_use = "a server starts when this is awaited"]
pub struct Start<S: GenServer> {
    args: S::Args,
    spawn: Spawn,
    name: Option<StartName<S>>,
    limit: Option<Duration>,
    options: Options<S>,
    thread: bool,
}

impl<S: GenServer> Start<S> {
    /// The parent is whoever calls this, whoever awaits it later.
    pub(crate) fn new(args: S::Args, link: bool) -> Self {
        let spawn = if link { Spawn::new().link() } else { Spawn::new() };
        Self { args, spawn, name: None, limit: None, thread: false, options: Options::default() }
    }

    /// Registers the server before `init` runs: under a local name, a text or a [`Name`](crate::Name), or under a key of a
    /// registry.
    pub fn name(mut self, name: impl Into<StartName<S>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long `init` may take; without limit by default. A process that takes longer is killed, and the starter hears of it
    /// when nothing of it is left. So one that blocks its thread adds the grace that
    /// [`set_orphan_grace`](otp_core::process::set_orphan_grace) sets.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// A text that `info` and crash reports show.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.spawn = self.spawn.label(label);
        self
    }

    /// Debugs the server from the end of `init` on.
    ///
    /// # Counterpart
    ///
    /// The option `{debug, Dbgs}`.
    pub fn debug(mut self, options: DebugOptions<S>) -> Self {
        self.options.debug = Some(options);
        self
    }

    /// Has the server [hibernate](crate::Context::hibernate) whenever no message came for `time`.
    ///
    /// # Counterpart
    ///
    /// The option `{hibernate_after, Time}`.
    pub fn hibernate_after(mut self, time: Duration) -> Self {
        self.options.hibernate_after = Some(time);
        self
    }

    /// With room for `limit` messages; what happens with one more, `overflow` says. Signals, `stop` and `sys` requests
    /// always have room. Without it the mailbox has no bound.
    ///
    /// # Panics
    ///
    /// For a limit of zero.
    pub fn bound(mut self, limit: usize, overflow: Overflow) -> Self {
        self.spawn = self.spawn.bound(limit, overflow);
        self
    }

    /// On an operating system thread of its own, named after the pid: callbacks may block as long as they like without
    /// holding up anyone else. Each message then costs a wake-up of that thread.
    pub fn on_thread(mut self) -> Self {
        self.thread = true;
        self
    }

    /// The same start once more, as a child of the process that is current now.
    pub(crate) fn again(&self) -> Self
    where
        S::Args: Clone,
    {
        Self {
            args: self.args.clone(),
            spawn: self.spawn.again().link(),
            name: self.name.clone(),
            limit: self.limit,
            options: self.options.again(),
            thread: self.thread,
        }
    }

    pub(crate) fn start_name(&self) -> Option<&StartName<S>> {
        self.name.as_ref()
    }

    /// This start, as a child of the process that is current now.
    pub(crate) fn adopted(mut self) -> Self {
        self.spawn = self.spawn.again().link();
        self
    }

    fn begin(self) -> (Progress<S>, Option<MonitorRef>) {
        let Self { args, spawn, name, limit, thread, options } = self;
        let starter = spawn.parent();
        let embryo = spawn.prepare();
        embryo.bound_counts(|message| match message {
            ServerMessage::System(_) => false,
            // What a supervisor tells itself must not be lost.
            ServerMessage::Info(_) => S::CHILD_TYPE != ChildType::Supervisor,
            _ => true,
        });
        if let Some(name) = name
            && let Err(error) = name.register(&embryo)
        {
            return (Progress::Failed(Some(error)), None);
        }
        let (reply_to, reply, _) = request(embryo.address().pid());
        let init = Box::new(Init { args, started: reply_to, options });
        let body = move |mailbox| run::<S>(mailbox, init);
        let (process, monitor) = if thread { embryo.go_on_thread(body) } else { embryo.go(body) };
        let child = HalfStarted { starter, server: ServerRef::new(process), monitor };
        (Progress::Waiting(Some(child), Awaiting::new(reply, limit)), monitor)
    }
}

impl<S: GenServer> IntoFuture for Start<S> {
    type Output = Result<ServerRef<S>, StartError>;
    type IntoFuture = Starting<S>;

    fn into_future(self) -> Starting<S> {
        Starting { start: Some(self), progress: None }
    }
}

impl<S: GenServer> fmt::Debug for Start<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("name", &self.name)
            .field("timeout", &self.limit)
            .finish_non_exhaustive()
    }
}

/// A server whose `init` runs.
struct HalfStarted<S: GenServer> {
    starter: Option<Pid>,
    server: ServerRef<S>,
    monitor: Option<MonitorRef>,
}

impl<S: GenServer> HalfStarted<S> {
    /// Ends it, without a word to its starter's mailbox or links.
    fn kill(&self) {
        let child = self.server.pid();
        if let Some(starter) = self.starter {
            disown(starter, child, self.monitor);
        }
        send_exit(child, ExitReason::Kill);
    }
}

/// Where a start stands.
enum Progress<S: GenServer> {
    Failed(Option<StartError>),
    /// The server is gone from here once the outcome is known.
    Waiting(Option<HalfStarted<S>>, Awaiting<Started>),
    /// The time was up: it was killed, and its death is awaited, so that nothing of it is left.
    Dying(Awaiting<Infallible>),
}

/// The future of [`Start`].
#[must_use = "a server starts when this is awaited"]
pub struct Starting<S: GenServer> {
    /// `None` once begun.
    start: Option<Start<S>>,
    progress: Option<Progress<S>>,
}

impl<S: GenServer> Unpin for Starting<S> {}

impl<S: GenServer> Starting<S> {
    /// Begins, unless it has; the monitor, if one was asked for, is there after the first time.
    fn begin(&mut self) -> Option<MonitorRef> {
        let (progress, monitor) = self.start.take()?.begin();
        self.progress = Some(progress);
        monitor
    }
}

impl<S: GenServer> Future for Starting<S> {
    type Output = Result<ServerRef<S>, StartError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.begin();
        loop {
            let Some(progress) = &mut self.progress else { panic!("polled after it was ready") };
            let outcome = match progress {
                Progress::Failed(error) => match error.take() {
                    Some(error) => Err(error),
                    None => panic!("polled after it was ready"),
                },
                Progress::Waiting(child, awaiting) => match (ready!(awaiting.poll(cx)), child.take()) {
                    (_, None) => panic!("polled after it was ready"),
                    (Some(Answer::Value(Started::Yes)), Some(child)) => Ok(child.server),
                    (Some(answer), Some(_)) => Err(failure(answer)),
                    (None, Some(child)) => {
                        let end = await_end(child.server.pid());
                        child.kill();
                        self.progress = Some(Progress::Dying(Awaiting::new(end, None)));
                        continue;
                    }
                },
                Progress::Dying(awaiting) => {
                    drop(ready!(awaiting.poll(cx)));
                    Err(StartError::Timeout)
                }
            };
            self.progress = None;
            return Poll::Ready(outcome);
        }
    }
}

fn failure(answer: Answer<Started>) -> StartError {
    match answer {
        Answer::Value(Started::Failed(reason)) | Answer::Exit(reason) => StartError::Exit(reason),
        Answer::Value(Started::Ignored | Started::Yes) => StartError::Ignored,
        Answer::NoReply => StartError::Exit(ExitReason::NoProc),
    }
}

impl<S: GenServer> Drop for Starting<S> {
    fn drop(&mut self) {
        if let Some(Progress::Waiting(Some(child), _)) = &self.progress {
            child.kill();
        }
    }
}

impl<S: GenServer> fmt::Debug for Starting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Starting").finish_non_exhaustive()
    }
}

/// As [`Start`], for a server that the current process monitors. Resolves to the address and the monitor.
///
/// When the start fails, the monitor is gone, and no `Down` arrives.
///
/// # Cancel safety
///
/// Dropped while `init` runs, it ends the half-started process.
#[must_use = "a server starts when this is awaited"]
#[derive(Debug)]
pub struct StartMonitor<S: GenServer>(Start<S>);

impl<S: GenServer> StartMonitor<S> {
    pub(crate) fn new(args: S::Args) -> Self {
        let mut start = Start::new(args, false);
        start.spawn = start.spawn.monitor();
        Self(start)
    }

    /// As [`Start::name`].
    pub fn name(self, name: impl Into<StartName<S>>) -> Self {
        Self(self.0.name(name))
    }

    /// As [`Start::timeout`].
    pub fn timeout(self, limit: Duration) -> Self {
        Self(self.0.timeout(limit))
    }

    /// A text that `info` and crash reports show.
    pub fn label(self, label: impl Into<Box<str>>) -> Self {
        Self(self.0.label(label))
    }

    /// As [`Start::debug`].
    pub fn debug(self, options: DebugOptions<S>) -> Self {
        Self(self.0.debug(options))
    }

    /// As [`Start::hibernate_after`].
    pub fn hibernate_after(self, time: Duration) -> Self {
        Self(self.0.hibernate_after(time))
    }

    /// As [`Start::bound`].
    ///
    /// # Panics
    ///
    /// For a limit of zero.
    pub fn bound(self, limit: usize, overflow: Overflow) -> Self {
        Self(self.0.bound(limit, overflow))
    }

    /// As [`Start::on_thread`].
    pub fn on_thread(self) -> Self {
        Self(self.0.on_thread())
    }
}

impl<S: GenServer> IntoFuture for StartMonitor<S> {
    type Output = Result<(ServerRef<S>, MonitorRef), StartError>;
    type IntoFuture = StartingMonitored<S>;

    fn into_future(self) -> StartingMonitored<S> {
        StartingMonitored { starting: self.0.into_future(), monitor: None }
    }
}

/// The future of [`StartMonitor`].
#[must_use = "a server starts when this is awaited"]
#[derive(Debug)]
pub struct StartingMonitored<S: GenServer> {
    starting: Starting<S>,
    monitor: Option<MonitorRef>,
}

impl<S: GenServer> Future for StartingMonitored<S> {
    type Output = Result<(ServerRef<S>, MonitorRef), StartError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if self.starting.start.is_some() {
            if self.starting.start.as_ref().is_some_and(|start| start.spawn.parent().is_none()) {
                self.starting.start = None;
                return Poll::Ready(Err(StartError::NotAProcess));
            }
            self.monitor = self.starting.begin();
        }
        let outcome = ready!(Pin::new(&mut self.starting).poll(cx));
        Poll::Ready(match (outcome, self.monitor) {
            (Ok(server), Some(monitor)) => Ok((server, monitor)),
            (Ok(_), None) => Err(StartError::NotAProcess),
            (Err(error), monitor) => {
                if let Some(monitor) = monitor {
                    let _ = otp_core::process::demonitor_flush(monitor);
                }
                Err(error)
            }
        })
    }
}
