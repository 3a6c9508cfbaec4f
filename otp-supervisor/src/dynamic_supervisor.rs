//! [`DynamicSupervisor`]: the process that carries out what its [`Brood`] decides.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use otp_core::behaviour::{InitError, catch};
use otp_core::{
    ChildSpec, ChildType, ExitReason, InvalidChildSpec, Pid, ReplyTo, Restart, Shutdown, StartError,
    StartedChild, process,
};
use otp_genserver::{Context, GenServer};
use tokio::time::Instant;

use crate::brood::{Brood, Fate, Young};
use crate::child_info::{ChildCounts, ChildInfo, ChildStatus};
use crate::dynamic_supervisor_spec::{DynamicSupervisorSpec, Init};
use crate::error::{StartChildError, TerminateChildError};
use crate::lifecycle::{self, StopReports, Stopping};
use crate::report;

/// A supervisor that starts without children and is given them as they are needed: a room, a connection, an upload each.
/// They have no order: each is restarted alone, and all are stopped at the same time.
///
/// This is the type of the running supervisor: its address is a `ServerRef<DynamicSupervisor>`, its name a
/// `Name<DynamicSupervisor>`, and what can be asked of it through either is in
/// [`DynamicSupervisorClient`](crate::DynamicSupervisorClient). What it is started with is a [`DynamicSupervisorSpec`].
///
/// # Examples
///
/// ```
/// use otp_supervisor::{ChildSpec, DynamicSupervisor, DynamicSupervisorClient, IntoChildSpec, Restart, StopToken};
///
/// async fn connection(stop: StopToken) {
///     stop.stopped().await;
/// }
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let supervisor = DynamicSupervisor::new().max_children(1000).start_link().await?;
/// let child = supervisor.start_child(connection.child_spec().restart(Restart::Temporary)).await?;
/// assert_eq!(supervisor.count_children().await?.active, 1);
/// supervisor.terminate_child(child.pid()).await?;
/// supervisor.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// Elixir's `DynamicSupervisor`; Erlang's `simple_one_for_one` with a spec for each child.
pub struct DynamicSupervisor {
    brood: Brood<ChildSpec>,
    extra: Option<Arc<dyn Any + Send + Sync>>,
    /// What the time of restarts is counted from.
    epoch: Instant,
}

impl DynamicSupervisor {
    /// A supervisor without children.
    #[expect(clippy::new_ret_no_self, reason = "the supervisor itself is a process")]
    pub fn new() -> DynamicSupervisorSpec {
        DynamicSupervisorSpec::new()
    }

    /// A supervisor whose spec is made when it starts, inside its process, and made again when it is restarted.
    ///
    /// # Counterpart
    ///
    /// The `init/1` of a callback module, which may say `ignore` or fail.
    pub fn init(
        make: impl Fn() -> Result<DynamicSupervisorSpec, InitError> + Send + Sync + 'static,
    ) -> DynamicSupervisorSpec {
        DynamicSupervisorSpec(Init::Made(Arc::new(make)))
    }
}

/// Makes a child's spec of what the supervisor has for its children.
pub(crate) type MakeSpec =
    Box<dyn FnOnce(Option<&(dyn Any + Send + Sync)>) -> Result<ChildSpec, StartChildError> + Send>;

/// What a dynamic supervisor can be asked; made by [`DynamicSupervisorClient`](crate::DynamicSupervisorClient).
pub struct DynamicSupervisorCall(pub(crate) Request);

pub(crate) enum Request {
    Start(Box<ChildSpec>, ReplyTo<Result<StartedChild, StartChildError>>),
    StartWith(MakeSpec, ReplyTo<Result<StartedChild, StartChildError>>),
    Terminate(Pid, ReplyTo<Result<(), TerminateChildError>>),
    Which(ReplyTo<Vec<ChildInfo>>),
    Count(ReplyTo<ChildCounts>),
}

/// What a dynamic supervisor tells itself.
#[derive(Debug)]
pub struct DynamicSupervisorInfo(Retry);

/// The child that had this pid is to be tried again.
#[derive(Debug)]
struct Retry(Pid);

impl GenServer for DynamicSupervisor {
    type Args = DynamicSupervisorSpec;
    type Call = DynamicSupervisorCall;
    type Cast = Infallible;
    type Info = DynamicSupervisorInfo;
    type Continue = Infallible;

    const SHUTDOWN: Shutdown = Shutdown::Infinity;
    const CHILD_TYPE: ChildType = ChildType::Supervisor;

    async fn init(spec: DynamicSupervisorSpec, _: &mut Context<Self>) -> Result<Self, InitError> {
        process::trap_exit(true)?;
        let parts = spec.into_parts()?;
        let brood = Brood::new(parts.max_children, parts.intensity);
        Ok(Self { brood, extra: parts.extra, epoch: Instant::now() })
    }

    async fn handle_call(
        &mut self,
        call: DynamicSupervisorCall,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        match call.0 {
            Request::Start(spec, reply) => {
                let outcome = self.start_child(*spec).await;
                reply.send(outcome);
            }
            Request::StartWith(make, reply) => {
                let outcome = match self.make_spec(make) {
                    Ok(spec) => self.start_child(spec).await,
                    Err(error) => Err(error),
                };
                reply.send(outcome);
            }
            Request::Terminate(pid, reply) => {
                let outcome = match self.brood.remove(pid) {
                    Some(child) => {
                        stop_all([(pid, child)], cx).await;
                        Ok(())
                    }
                    None => Err(TerminateChildError::NotFound),
                };
                reply.send(outcome);
            }
            Request::Which(reply) => reply.send(self.which_children()),
            Request::Count(reply) => reply.send(self.count_children()),
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_info(
        &mut self,
        info: DynamicSupervisorInfo,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        let DynamicSupervisorInfo(Retry(pid)) = info;
        let Some(spec) = self.brood.get(pid).map(|child| child.kept.clone()) else { return Ok(()) };
        let fate = self.brood.retry(pid, self.epoch.elapsed());
        self.carry_out(fate, pid, &spec, cx).await;
        Ok(())
    }

    async fn handle_exit(
        &mut self,
        from: Pid,
        reason: ExitReason,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        // Of somebody that was stopped on purpose, or never was a child: no news.
        let Some(spec) = self.brood.get(from).map(|child| child.kept.clone()) else { return Ok(()) };
        let fate = self.brood.ended(from, &reason, self.epoch.elapsed());
        report::terminated(&spec, from, &reason, self.brood.restarts());
        self.carry_out(fate, from, &spec, cx).await;
        Ok(())
    }

    async fn terminate(&mut self, _: &ExitReason, cx: &mut Context<Self>) {
        stop_all(self.brood.drain(), cx).await;
    }
}

impl DynamicSupervisor {
    fn make_spec(&self, make: MakeSpec) -> Result<ChildSpec, StartChildError> {
        let extra = self.extra.as_deref();
        let made = catch(move || make(extra));
        let spec = made.map_err(|reason| StartChildError::Failed(StartError::Exit(reason)))??;
        check(&spec)?;
        Ok(spec)
    }

    async fn start_child(&mut self, spec: ChildSpec) -> Result<StartedChild, StartChildError> {
        if !self.brood.has_room() {
            return Err(StartChildError::MaxChildren);
        }
        match lifecycle::start(&spec).await {
            Ok(child) => {
                report::started(&spec, child.pid());
                let restart = spec.get_restart();
                let kept = if restart == Restart::Temporary { spec.spent() } else { spec };
                self.brood.add(child.pid(), restart, kept);
                Ok(child)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn carry_out(&mut self, fate: Fate, pid: Pid, spec: &ChildSpec, cx: &mut Context<Self>) {
        match fate {
            Fate::Unknown | Fate::Gone => {}
            Fate::GiveUp => {
                report::gave_up(spec);
                cx.stop(ExitReason::Shutdown);
            }
            Fate::Restart => match lifecycle::start(spec).await {
                Ok(child) => {
                    report::started(spec, child.pid());
                    self.brood.restarted(pid, child.pid());
                }
                Err(StartError::Ignored) => {
                    self.brood.remove(pid);
                }
                Err(error) => {
                    report::start_failed(spec, &error);
                    self.brood.restart_failed(pid);
                    cx.server_ref().send(DynamicSupervisorInfo(Retry(pid)));
                }
            },
        }
    }

    fn which_children(&self) -> Vec<ChildInfo> {
        let info = |(pid, child): (Pid, &Young<ChildSpec>)| ChildInfo {
            id: None,
            status: if child.restarting { ChildStatus::Restarting } else { ChildStatus::Running(pid) },
            child_type: child.kept.get_child_type(),
        };
        self.brood.children().map(info).collect()
    }

    fn count_children(&self) -> ChildCounts {
        let mut counts = ChildCounts::default();
        for (_, child) in self.brood.children() {
            counts.add(child.kept.get_child_type(), !child.restarting);
        }
        counts
    }
}

/// Whether a dynamic supervisor takes this child.
pub(crate) fn check(spec: &ChildSpec) -> Result<(), StartChildError> {
    let invalid = if spec.is_significant() { Err(InvalidChildSpec::Significant) } else { spec.check() };
    invalid.map_err(StartChildError::InvalidSpec)
}

/// Stops these children, all at the same time.
async fn stop_all(
    children: impl IntoIterator<Item = (Pid, Young<ChildSpec>)>,
    cx: &mut Context<DynamicSupervisor>,
) {
    let mut stopping = FuturesUnordered::new();
    for (pid, child) in children {
        // One whose restart failed has no process.
        if !child.restarting {
            let begun = Stopping::begin(pid, child.kept.get_shutdown());
            stopping.push(async move { (begun.wait().await, child.kept) });
        }
    }
    let mut stopped = StopReports::default();
    while let Some((gone, spec)) = stopping.next().await {
        stopped.add(&spec, gone);
    }
    stopped.finish(cx).await;
}

impl fmt::Debug for DynamicSupervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicSupervisor").field("brood", &self.brood).finish_non_exhaustive()
    }
}

impl fmt::Debug for DynamicSupervisorCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Request::Start(..) | Request::StartWith(..) => "start_child",
            Request::Terminate(..) => "terminate_child",
            Request::Which(..) => "which_children",
            Request::Count(..) => "count_children",
        })
    }
}
