//! Tasks that a supervisor starts: what it is asked, and what comes back.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;

use otp_core::behaviour::{Reply, Spawn, disown};
use otp_core::{ChildId, ChildSpec, ExitReason, Pid, Shutdown, StartedChild, process};
use otp_genserver::{CallError, ResolveError, ServerRef};
use otp_supervisor::{DynamicSupervisor, DynamicSupervisorClient, StartChildError};
use parking_lot::Mutex;

use crate::in_flight::Starting;
use crate::launch::Work;
use crate::task::{Task, launch_for_reply};

/// The supervisor, if its name led anywhere.
pub(crate) type Supervisor = Result<ServerRef<DynamicSupervisor>, ResolveError>;

/// What a supervised task has to do with its owner besides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bond {
    /// Nothing.
    None,
    /// A link.
    Link,
    /// A link that puts no EXIT into the owner's mailbox; and the task ends if nobody takes it over.
    Stream { link: bool },
}

/// A task's outcome on its way from the supervisor to the owner.
struct HandOver<T: Send + 'static> {
    pid: Pid,
    reply: Mutex<Option<Reply<T>>>,
    /// Whom it is linked to: not to be left alone.
    ends_with: Option<Option<Pid>>,
}

impl<T: Send + 'static> Drop for HandOver<T> {
    fn drop(&mut self) {
        if self.reply.get_mut().is_some()
            && let Some(owner) = self.ends_with
        {
            if let Some(owner) = owner {
                disown(owner, self.pid, None);
            }
            process::send_exit(self.pid, ExitReason::Kill);
        }
    }
}

/// The spec of a task that works for `owner`, and for whom that one works: the current process and its callers.
pub(crate) fn spec<W: Work>(work: W, owner: Option<Pid>, bond: Bond) -> ChildSpec {
    let spawn = Spawn::new().for_caller();
    let start = move || {
        // Inside the supervisor.
        let (pid, reply) = launch_for_reply(work, spawn.again().link(), |embryo| match (bond, owner) {
            (Bond::Link, Some(owner)) => embryo.link(owner),
            (Bond::Stream { link: true }, Some(owner)) => embryo.link_quietly(owner),
            _ => {}
        });
        let ends_with = if let Bond::Stream { .. } = bond { Some(owner) } else { None };
        let hand_over = HandOver { pid, reply: Mutex::new(Some(reply)), ends_with };
        std::future::ready(Ok(StartedChild::new(pid).with_info(hand_over)))
    };
    ChildSpec::once(ChildId::of::<W>(), start)
}

async fn start<T: Send + 'static>(
    supervisor: Supervisor,
    spec: ChildSpec,
) -> Result<(Pid, Reply<T>), StartChildError> {
    let supervisor = supervisor.map_err(|error| StartChildError::Call(CallError::from(error)))?;
    let started = supervisor.start_child(spec).await?;
    let reply = started.info::<HandOver<T>>().and_then(|hand_over| hand_over.reply.lock().take());
    match reply {
        Some(reply) => Ok((started.pid(), reply)),
        None => unreachable!("the spec above gives each task its outcome"),
    }
}

/// How a stream has its tasks started.
pub(crate) struct Supervision {
    pub(crate) supervisor: Supervisor,
    pub(crate) link: bool,
    pub(crate) shutdown: Option<Shutdown>,
}

impl Supervision {
    pub(crate) fn start<W: Work>(&self, work: W, owner: Option<Pid>) -> Starting<W::Output> {
        let mut spec = spec(work, owner, Bond::Stream { link: self.link });
        if let Some(shutdown) = self.shutdown {
            spec = spec.shutdown(shutdown);
        }
        let supervisor = self.supervisor.clone();
        Box::pin(async move { start(supervisor, spec).await.map_err(ExitReason::from) })
    }
}

/// A task about to be started by a supervisor. Add what it needs, then `.await` it for the task.
///
/// # Errors
///
/// [`StartChildError`]: the supervisor has as many children as it may have, or did not answer.
///
/// # Cancel safety
///
/// Dropped before its first poll, nothing was asked. Dropped later, the task starts all the same, and nobody hears of its result.
#[must_use = "the task starts when this is awaited"]
pub struct SpawnTask<T> {
    supervisor: Supervisor,
    spec: ChildSpec,
    owner: Option<Pid>,
    result: PhantomData<fn() -> T>,
}

impl<T: Send + 'static> SpawnTask<T> {
    pub(crate) fn new(supervisor: Supervisor, work: impl Work<Output = T>, bond: Bond) -> Self {
        let owner = process::current();
        Self { supervisor, spec: spec(work, owner, bond), owner, result: PhantomData }
    }

    /// How the supervisor stops it, when it is stopped itself or told to; 5 seconds by default.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.spec = self.spec.shutdown(shutdown);
        self
    }
}

impl<T: Send + 'static> IntoFuture for SpawnTask<T> {
    type Output = Result<Task<T>, StartChildError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { supervisor, spec, owner, .. } = self;
        Box::pin(async move {
            let (pid, reply) = start(supervisor, spec).await?;
            Ok(Task::new(pid, owner, reply))
        })
    }
}

impl<T> fmt::Debug for SpawnTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnTask")
            .field("spec", &self.spec)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// Work about to be started by a supervisor, whose result nobody wants. Add what it needs, then `.await` it for its pid.
///
/// # Errors
///
/// As [`SpawnTask`]'s.
///
/// # Cancel safety
///
/// Dropped before its first poll, nothing was asked. Dropped later, it starts all the same.
#[must_use = "the task starts when this is awaited"]
pub struct StartTask {
    supervisor: Supervisor,
    spec: ChildSpec,
}

impl StartTask {
    pub(crate) const fn new(supervisor: Supervisor, spec: ChildSpec) -> Self {
        Self { supervisor, spec }
    }

    /// How the supervisor stops it, when it is stopped itself or told to; 5 seconds by default.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.spec = self.spec.shutdown(shutdown);
        self
    }
}

impl IntoFuture for StartTask {
    type Output = Result<Pid, StartChildError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { supervisor, spec } = self;
        Box::pin(async move {
            let supervisor = supervisor.map_err(|error| StartChildError::Call(CallError::from(error)))?;
            Ok(supervisor.start_child(spec).await?.pid())
        })
    }
}

impl fmt::Debug for StartTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartTask").field("spec", &self.spec).finish_non_exhaustive()
    }
}
