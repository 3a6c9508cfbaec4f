//! [`Supervisor`]: the process that carries out what its [`Family`] decides.
//!
//! It is a `GenServer`. While it starts or stops children it handles nothing else; what comes meanwhile waits.

use std::convert::Infallible;

use otp_core::behaviour::InitError;
use otp_core::{
    ChildId, ChildSpec, ChildType, ExitReason, Pid, ReplyTo, Restart, Shutdown, StartError, StartedChild,
    process,
};
use otp_genserver::{Context, GenServer};
use tokio::time::Instant;

use crate::child_info::{ChildCounts, ChildInfo, ChildStatus};
use crate::error::{
    DeleteChildError, FailedToStartChild, GetChildSpecError, RestartChildError, StartChildError,
    TerminateChildError,
};
use crate::family::{Family, Place, Plan, Strategy, Verdict};
use crate::lifecycle::{self, StopReports, Stopping};
use crate::report;
use crate::supervisor_spec::{Init, SupervisorSpec};

/// A process that starts other processes, in order, and starts them again when they die.
///
/// This is the type of the running supervisor: its address is a `ServerRef<Supervisor>`, its name a
/// `Name<Supervisor>`, and what can be asked of it through either is in
/// [`SupervisorClient`](crate::SupervisorClient). What it is started with is a [`SupervisorSpec`].
///
/// # Examples
///
/// ```
/// use otp_supervisor::{StopToken, Supervisor, SupervisorClient};
///
/// async fn poller(stop: StopToken) {
///     stop.stopped().await;
/// }
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let supervisor = Supervisor::one_for_one().child(poller).start_link().await?;
/// assert_eq!(supervisor.count_children().await?.active, 1);
/// supervisor.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// The `supervisor` behaviour, `Supervisor` in Elixir. Its `simple_one_for_one` is
/// [`DynamicSupervisor`](crate::DynamicSupervisor).
#[derive(Debug)]
pub struct Supervisor {
    family: Family<ChildSpec>,
    /// What the time of restarts is counted from.
    epoch: Instant,
}

impl Supervisor {
    /// A supervisor that restarts a child on its own.
    pub fn one_for_one() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::OneForOne)
    }

    /// A supervisor that restarts all children when one is restarted.
    pub fn one_for_all() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::OneForAll)
    }

    /// A supervisor that restarts those children too that were started after the one that is restarted.
    pub fn rest_for_one() -> SupervisorSpec {
        SupervisorSpec::new(Strategy::RestForOne)
    }

    /// A supervisor whose spec is made when it starts, inside its process, and made again when it is restarted.
    ///
    /// # Counterpart
    ///
    /// The `init/1` of a callback module, which may say `ignore` or fail.
    pub fn init(
        make: impl Fn() -> Result<SupervisorSpec, InitError> + Send + Sync + 'static,
    ) -> SupervisorSpec {
        SupervisorSpec(Init::Made(std::sync::Arc::new(make)))
    }
}

/// What a supervisor can be asked; made by [`SupervisorClient`](crate::SupervisorClient).
#[derive(Debug)]
pub struct SupervisorCall(pub(crate) Request);

#[derive(Debug)]
pub(crate) enum Request {
    Start(Box<ChildSpec>, ReplyTo<Result<StartedChild, StartChildError>>),
    Restart(ChildId, ReplyTo<Result<StartedChild, RestartChildError>>),
    Terminate(ChildId, ReplyTo<Result<(), TerminateChildError>>),
    Delete(ChildId, ReplyTo<Result<(), DeleteChildError>>),
    Spec(ChildId, ReplyTo<Result<ChildSpec, GetChildSpecError>>),
    Which(ReplyTo<Vec<ChildInfo>>),
    Count(ReplyTo<ChildCounts>),
}

/// What a supervisor tells itself.
#[derive(Debug)]
pub struct SupervisorInfo(Retry);

/// A child whose start failed is to be tried again.
#[derive(Debug)]
struct Retry(Place);

impl GenServer for Supervisor {
    type Args = SupervisorSpec;
    type Call = SupervisorCall;
    type Cast = Infallible;
    type Info = SupervisorInfo;
    type Continue = Infallible;

    const SHUTDOWN: Shutdown = Shutdown::Infinity;
    const CHILD_TYPE: ChildType = ChildType::Supervisor;

    async fn init(spec: SupervisorSpec, cx: &mut Context<Self>) -> Result<Self, InitError> {
        process::trap_exit(true)?;
        let parts = spec.into_parts()?;
        let family = Family::new(parts.strategy, parts.auto_shutdown, parts.intensity);
        let mut supervisor = Self { family, epoch: Instant::now() };
        for child in &parts.children {
            supervisor.add(child.clone());
        }
        drop(parts);
        for place in supervisor.family.places() {
            if let Err((id, error)) = supervisor.start_at(place).await {
                supervisor.report_failed(place, &error);
                supervisor.stop_all(cx).await;
                return Err(InitError::Stop(FailedToStartChild { id, error }.into_reason()));
            }
        }
        Ok(supervisor)
    }

    async fn handle_call(&mut self, call: SupervisorCall, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match call.0 {
            Request::Start(spec, reply) => {
                let outcome = self.start_child(*spec).await;
                reply.send(outcome);
            }
            Request::Restart(id, reply) => {
                let outcome = self.restart_child(&id).await;
                reply.send(outcome);
            }
            Request::Terminate(id, reply) => {
                let outcome = self.terminate_child(&id, cx).await;
                reply.send(outcome);
            }
            Request::Delete(id, reply) => reply.send(self.delete_child(&id)),
            Request::Spec(id, reply) => reply.send(match self.family.find(&id) {
                Some((_, member)) => Ok(member.kept.clone()),
                None => Err(GetChildSpecError::NotFound),
            }),
            Request::Which(reply) => reply.send(self.which_children()),
            Request::Count(reply) => reply.send(self.count_children()),
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_info(&mut self, info: SupervisorInfo, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        let SupervisorInfo(Retry(place)) = info;
        let verdict = self.family.retry(place, self.epoch.elapsed());
        let spec = match verdict {
            Verdict::GiveUp => self.family.get(place).map(|member| member.kept.clone()),
            _ => None,
        };
        self.carry_out(verdict, spec, cx).await;
        Ok(())
    }

    async fn handle_exit(
        &mut self,
        from: Pid,
        reason: ExitReason,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        // Of somebody that was stopped on purpose, or never was a child: no news.
        let Some(member) = self.family.of_pid(from) else { return Ok(()) };
        let spec = member.kept.clone();
        let verdict = self.family.ended(from, &reason, self.epoch.elapsed());
        report::terminated(&spec, from, &reason, self.family.restarts());
        self.carry_out(verdict, Some(spec), cx).await;
        Ok(())
    }

    async fn terminate(&mut self, _: &ExitReason, cx: &mut Context<Self>) {
        self.stop_all(cx).await;
    }
}

impl Supervisor {
    fn add(&mut self, spec: ChildSpec) -> Place {
        self.family.add(spec.get_id().clone(), spec.get_restart(), spec.is_significant(), spec)
    }

    /// Starts the child at this place, and enters what came of it. What it cannot be started for comes with its id; it
    /// stays then.
    async fn start_at(&mut self, place: Place) -> Result<Option<StartedChild>, (ChildId, StartError)> {
        let Some(member) = self.family.get(place) else { return Ok(None) };
        match lifecycle::start(&member.kept).await {
            Ok(child) => {
                report::started(&member.kept, child.pid());
                self.family.started(place, child.pid());
                if let Some(member) = self.family.get_mut(place)
                    && member.restart == Restart::Temporary
                {
                    member.kept = member.kept.clone().spent();
                }
                Ok(Some(child))
            }
            Err(StartError::Ignored) => {
                self.family.stopped(place);
                Ok(None)
            }
            Err(error) => Err((member.id.clone(), error)),
        }
    }

    /// Of a start that nobody waits for.
    fn report_failed(&self, place: Place, error: &StartError) {
        if let Some(member) = self.family.get(place) {
            report::start_failed(&member.kept, error);
        }
    }

    /// Stops children that run, each when the one before it is gone.
    async fn stop_each(&mut self, running: Vec<(Place, Pid)>, cx: &mut Context<Self>) {
        let mut stopped = StopReports::default();
        for (place, pid) in running {
            let Some(member) = self.family.get(place) else { continue };
            let gone = Stopping::begin(pid, member.kept.get_shutdown()).wait().await;
            stopped.add(&member.kept, gone);
            self.family.stopped(place);
        }
        stopped.finish(cx).await;
    }

    /// Stops all children, the last one first.
    async fn stop_all(&mut self, cx: &mut Context<Self>) {
        let status = |place: &Place| self.family.get(*place).and_then(|member| member.status.pid());
        let places = self.family.places().into_iter().rev();
        let running = places.filter_map(|place| Some((place, status(&place)?))).collect();
        self.stop_each(running, cx).await;
    }

    /// `spec` is that of the child concerned, for the report.
    async fn carry_out(&mut self, verdict: Verdict, spec: Option<ChildSpec>, cx: &mut Context<Self>) {
        match verdict {
            Verdict::Nothing => {}
            Verdict::Restart(plan) => self.restart(plan, cx).await,
            Verdict::GiveUp => {
                if let Some(spec) = spec {
                    report::gave_up(&spec);
                }
                cx.stop(ExitReason::Shutdown);
            }
            Verdict::Done => cx.stop(ExitReason::Shutdown),
        }
    }

    async fn restart(&mut self, plan: Plan, cx: &mut Context<Self>) {
        self.stop_each(plan.stop, cx).await;
        for place in plan.start {
            if let Err((_, error)) = self.start_at(place).await {
                self.report_failed(place, &error);
                self.family.start_failed(place);
                cx.server_ref().send(SupervisorInfo(Retry(place)));
                return;
            }
        }
    }

    async fn start_child(&mut self, spec: ChildSpec) -> Result<StartedChild, StartChildError> {
        self.family.auto_shutdown().check(&spec).map_err(StartChildError::InvalidSpec)?;
        if let Some((_, member)) = self.family.find(spec.get_id()) {
            return Err(match member.status {
                ChildStatus::Running(pid) => StartChildError::AlreadyStarted(pid),
                ChildStatus::Restarting | ChildStatus::Stopped => StartChildError::AlreadyPresent,
            });
        }
        let place = self.add(spec);
        match self.start_at(place).await {
            Ok(Some(child)) => Ok(child),
            Ok(None) => Err(StartChildError::Ignored),
            Err((_, error)) => {
                self.family.remove(place);
                Err(error.into())
            }
        }
    }

    async fn restart_child(&mut self, id: &ChildId) -> Result<StartedChild, RestartChildError> {
        let (place, member) = self.family.find(id).ok_or(RestartChildError::NotFound)?;
        match member.status {
            ChildStatus::Running(_) => return Err(RestartChildError::Running),
            ChildStatus::Restarting => return Err(RestartChildError::Restarting),
            ChildStatus::Stopped => {}
        }
        match self.start_at(place).await {
            Ok(Some(child)) => Ok(child),
            Ok(None) => Err(RestartChildError::Ignored),
            Err((_, error)) => Err(error.into()),
        }
    }

    async fn terminate_child(
        &mut self,
        id: &ChildId,
        cx: &mut Context<Self>,
    ) -> Result<(), TerminateChildError> {
        let (place, member) = self.family.find(id).ok_or(TerminateChildError::NotFound)?;
        match member.status {
            ChildStatus::Running(pid) => self.stop_each(vec![(place, pid)], cx).await,
            ChildStatus::Restarting | ChildStatus::Stopped => self.family.stopped(place),
        }
        Ok(())
    }

    fn delete_child(&mut self, id: &ChildId) -> Result<(), DeleteChildError> {
        let (place, member) = self.family.find(id).ok_or(DeleteChildError::NotFound)?;
        match member.status {
            ChildStatus::Running(_) => Err(DeleteChildError::Running),
            ChildStatus::Restarting => Err(DeleteChildError::Restarting),
            ChildStatus::Stopped => {
                self.family.remove(place);
                Ok(())
            }
        }
    }

    /// The last one first, as OTP has it.
    fn which_children(&self) -> Vec<ChildInfo> {
        let info = |member: &crate::family::Member<ChildSpec>| ChildInfo {
            id: Some(member.id.clone()),
            status: member.status,
            child_type: member.kept.get_child_type(),
        };
        self.family.members().rev().map(info).collect()
    }

    fn count_children(&self) -> ChildCounts {
        let mut counts = ChildCounts::default();
        for member in self.family.members() {
            counts.add(member.kept.get_child_type(), member.status.pid().is_some());
        }
        counts
    }
}
