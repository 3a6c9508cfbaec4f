//! What the tests share: children that do what they are told, and the log of what they did.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use otp_core::behaviour::{Answer, await_end};
use otp_core::process::{self, send_exit};
use otp_core::{ExitReason, Mailbox, Pid, ProcessRef, Received, spawn, spawn_link};
use otp_genserver::{Context, GenServer, InitError, ReplyTo};
use otp_supervisor::{
    ChildSpec, ChildStatus, Name, ServerRef, StartError, StartedChild, Supervisor, SupervisorClient,
    SupervisorSpec,
};
use tokio::sync::oneshot;
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::registry::Registry;

pub(crate) use ChildStatus::{Restarting, Stopped};

/// What a start of a child does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Start,
    Fail(&'static str),
    Ignore,
    Panic,
    Exit(&'static str),
    /// Tells this besides.
    Inform(u32),
}

/// What the children have in common.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Inner>);

#[derive(Default)]
struct Inner {
    log: Mutex<Vec<String>>,
    /// What the next starts of each child do; then they start.
    planned: Mutex<HashMap<&'static str, VecDeque<Does>>>,
    failing: Mutex<Vec<&'static str>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(crate) fn log(&self, line: impl Into<String>) {
        lock(&self.0.log).push(line.into());
    }

    /// What happened since the last look.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0.log))
    }

    /// What the next starts of a child do, instead of what was planned before.
    pub(crate) fn plan(&self, name: &'static str, planned: impl IntoIterator<Item = Does>) {
        lock(&self.0.planned).insert(name, planned.into_iter().collect());
    }

    /// From here on this child's starts fail.
    pub(crate) fn fail_always(&self, name: &'static str) {
        lock(&self.0.failing).push(name);
    }

    /// From here on every start works.
    pub(crate) fn fail_no_more(&self) {
        lock(&self.0.failing).clear();
    }

    fn next(&self, name: &'static str) -> Does {
        if lock(&self.0.failing).contains(&name) {
            return Does::Fail("not yet");
        }
        let mut planned = lock(&self.0.planned);
        planned.get_mut(name).and_then(VecDeque::pop_front).unwrap_or(Does::Start)
    }

    /// A child that logs `+name` when it starts, and `-name reason` when it is told to end, which it does at once.
    pub(crate) fn child(&self, name: &'static str) -> ChildSpec {
        self.child_that(name, true)
    }

    /// A child that does not listen to `Shutdown`.
    pub(crate) fn stubborn(&self, name: &'static str) -> ChildSpec {
        self.child_that(name, false)
    }

    fn child_that(&self, name: &'static str, obeys: bool) -> ChildSpec {
        let world = self.clone();
        ChildSpec::new(name, move || {
            let world = world.clone();
            async move {
                let planned = world.next(name);
                match planned {
                    Does::Fail(why) => {
                        world.log(format!("!{name}"));
                        return Err(StartError::Exit(ExitReason::new(why)));
                    }
                    Does::Ignore => {
                        world.log(format!("?{name}"));
                        return Err(StartError::Ignored);
                    }
                    Does::Panic => panic!("start of {name}"),
                    Does::Exit(why) => process::exit(ExitReason::new(why)),
                    Does::Start | Does::Inform(_) => {}
                }
                world.log(format!("+{name}"));
                let (ready, up) = oneshot::channel();
                let pid = spawn_link(move |mailbox| live(mailbox, name, world, obeys, ready)).pid();
                up.await.expect("it comes up");
                let child = StartedChild::new(pid);
                Ok(if let Does::Inform(info) = planned { child.with_info(info) } else { child })
            }
        })
    }
}

async fn live(
    mut mailbox: Mailbox<ExitReason>,
    name: &'static str,
    world: World,
    obeys: bool,
    ready: oneshot::Sender<()>,
) -> ExitReason {
    process::trap_exit(true).expect("a process");
    ready.send(()).expect("its start waits");
    loop {
        match mailbox.receive().await {
            Received::Message(reason) => return reason,
            Received::Exit { reason, .. } if obeys => {
                world.log(format!("-{name} {reason}"));
                return reason;
            }
            _ => {}
        }
    }
}

/// Has a child end by itself, and waits until everyone has been told.
pub(crate) async fn end(pid: Pid, reason: ExitReason) {
    let over = await_end(pid);
    ProcessRef::<ExitReason>::of(pid).expect("a child of these tests").send(reason);
    over_by(over).await;
}

/// Kills a process, and waits until everyone has been told.
pub(crate) async fn kill(pid: Pid) {
    let over = await_end(pid);
    send_exit(pid, ExitReason::Kill);
    over_by(over).await;
}

/// The reason of the death of a process that lives when this is called.
pub(crate) fn reason_of(pid: Pid) -> impl Future<Output = ExitReason> + use<> {
    over_by(await_end(pid))
}

async fn over_by(mut over: otp_core::behaviour::Reply<std::convert::Infallible>) -> ExitReason {
    match poll_fn(|cx| over.poll_answer(cx)).await {
        Answer::Exit(reason) => reason,
        other => panic!("the end of a process is an exit, not {other:?}"),
    }
}

pub(crate) fn crash() -> ExitReason {
    ExitReason::new("crash")
}

/// Starts a supervisor that is not linked to the test, so that its end is no concern of the test's.
pub(crate) async fn start(spec: SupervisorSpec) -> ServerRef<Supervisor> {
    process::trap_exit(true).expect("a test is a process");
    spec.start_link().await.expect("it starts")
}

/// All children in the order of their start.
pub(crate) async fn statuses(supervisor: &impl SupervisorClient) -> Vec<(String, ChildStatus)> {
    let children = supervisor.which_children().await.expect("it runs");
    let named = |child: otp_supervisor::ChildInfo| (child.id.expect("an id").to_string(), child.status);
    children.into_iter().rev().map(named).collect()
}

pub(crate) async fn status_of(supervisor: &impl SupervisorClient, id: &str) -> ChildStatus {
    let statuses = statuses(supervisor).await;
    statuses.into_iter().find(|(name, _)| name == id).expect("the child is known").1
}

pub(crate) async fn pid_of(supervisor: &impl SupervisorClient, id: &str) -> Pid {
    status_of(supervisor, id).await.pid().expect("the child runs")
}

pub(crate) async fn ids(supervisor: &impl SupervisorClient) -> Vec<String> {
    statuses(supervisor).await.into_iter().map(|(id, _)| id).collect()
}

/// `(specs, active, supervisors, workers)`.
pub(crate) async fn counts(supervisor: &impl SupervisorClient) -> (usize, usize, usize, usize) {
    let counts = supervisor.count_children().await.expect("it runs");
    (counts.specs, counts.active, counts.supervisors, counts.workers)
}

/// A name that no other test has.
pub(crate) fn unique_name(what: &str) -> Name<Supervisor> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    Name::owned(format!("{what} {}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// Has a stranger send the process an exit signal.
pub(crate) async fn noise(pid: Pid) {
    let sender = spawn(move |_: Mailbox<()>| async move { send_exit(pid, ExitReason::new("noise")) });
    reason_of(sender.pid()).await;
}

/// A process of another type, linked to nobody.
pub(crate) fn stranger() -> Pid {
    spawn(|mut mailbox: Mailbox<()>| async move { drop(mailbox.receive().await) }).pid()
}

/// How a [`Faulty`] server misbehaves when it is stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// Its `terminate` panics.
    Panics,
    /// Its `terminate` never returns.
    Waits,
    /// Its callback never returns, and does not let go of its thread.
    Blocks,
}

/// A server that traps exits. A cast has it block its thread until the sender is gone.
pub(crate) struct Faulty(Fault);

impl GenServer for Faulty {
    type Args = Fault;
    type Call = ReplyTo<()>;
    type Cast = std::sync::mpsc::Receiver<()>;
    type Info = ();
    type Continue = ();

    async fn init(fault: Fault, _: &mut Context<Self>) -> Result<Self, InitError> {
        process::trap_exit(true)?;
        Ok(Self(fault))
    }

    async fn handle_call(&mut self, reply: ReplyTo<()>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(());
        Ok(())
    }

    async fn handle_cast(
        &mut self,
        blocks: std::sync::mpsc::Receiver<()>,
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        let _ = blocks.recv();
        Ok(())
    }

    async fn terminate(&mut self, _: &ExitReason, _: &mut Context<Self>) {
        match self.0 {
            Fault::Panics => panic!("terminate"),
            Fault::Waits => std::future::pending().await,
            Fault::Blocks => {}
        }
    }
}

/// The events of supervisors on this thread, a line each. A test has a thread of its own, runtime included.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

thread_local! {
    static CAPTURED: RefCell<Option<Events>> = const { RefCell::new(None) };
}

/// One for the whole program: a subscriber for each thread would come and go while others' events are cached as unwanted.
struct OfThisThread;

impl Events {
    pub(crate) fn capture() -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            tracing::subscriber::set_global_default(Registry::default().with(OfThisThread))
                .expect("the only one");
        });
        let events = Self::default();
        CAPTURED.set(Some(events.clone()));
        events
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl<S: tracing::Subscriber> layer::Layer<S> for OfThisThread {
    fn on_event(&self, event: &tracing::Event<'_>, _: layer::Context<'_, S>) {
        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                // Of the supervisor it is known who that is: the process that this happens in.
                let own = process::current().map(|pid| pid.to_string());
                let own = field.name() == "supervisor" && Some(format!("{value:?}")) == own;
                if !own && field.name() != "pid" {
                    self.0.push_str(&format!(" {}={value:?}", field.name()));
                }
            }
        }
        if event.metadata().target() == "otp::supervisor" {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            CAPTURED.with_borrow(|events| {
                if let Some(events) = events {
                    lock(&events.0).push(line.0);
                }
            });
        }
    }
}
