//! What the tests share: a server that does what its messages say, watchers, a stopwatch, captured reports.
//!
//! [`Probe`] is written by hand and runs the closures it is sent, so that each test states its whole scenario.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use otp_core::{Mailbox, Received};
use otp_genserver::process::{self, send_exit};
use otp_genserver::{
    Call, CallError, Context, Down, ExitReason, GenServer, InitError, Name, Pid, ReplyTo, ServerRef, Start,
    StartError, StartMonitor,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) type Outcome = Result<(), ExitReason>;
pub(crate) type Later<'a, T = Outcome> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Lines in the order in which they happened.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("no test panics while it logs").push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it logs").clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|l| *l == line).count()
    }

    /// How often `terminate` ran, with which reasons.
    pub(crate) fn terminations(&self) -> Vec<String> {
        self.lines().iter().filter_map(|line| line.strip_prefix("terminate: ").map(str::to_owned)).collect()
    }
}

type InitStep = Box<dyn for<'a> FnOnce(&'a mut Context<Probe>) -> Later<'a, Result<(), InitError>> + Send>;
type Step = Box<dyn for<'a> FnOnce(&'a mut Probe, &'a mut Context<Probe>) -> Later<'a> + Send>;
type CallStep = Box<dyn for<'a> FnOnce(&'a mut Probe, Reply, &'a mut Context<Probe>) -> Later<'a> + Send>;
type OnTimeout = Box<dyn FnMut(&mut Probe, &mut Context<Probe>) -> Outcome + Send>;
type OnDown = Box<dyn FnMut(&mut Probe, Down, &mut Context<Probe>) -> Outcome + Send>;
type OnExit = Box<dyn FnMut(&mut Probe, Pid, ExitReason, &mut Context<Probe>) -> Outcome + Send>;
type OnTerminate = Box<dyn for<'a> FnOnce(&'a mut Probe) -> Later<'a, ()> + Send>;
type OnDrop = Box<dyn FnOnce() + Send>;

/// The reply of the probe's one call.
pub(crate) type Reply = ReplyTo<i64>;

/// A server that does what it is told, and logs `terminate` and the drop of its state.
pub(crate) struct Probe {
    pub(crate) log: Log,
    pub(crate) count: i64,
    pub(crate) kept: Vec<Reply>,
    plan: Callbacks,
}

#[derive(Default)]
struct Callbacks {
    timeout: Option<OnTimeout>,
    down: Option<OnDown>,
    exit: Option<OnExit>,
    terminate: Option<OnTerminate>,
    drop: Option<OnDrop>,
}

/// How a [`Probe`] is to behave where no message can say so.
#[derive(Default)]
pub(crate) struct Plan {
    log: Log,
    init: Option<InitStep>,
    callbacks: Callbacks,
}

/// A call, a cast, an info and a continuation: each is what to do.
pub(crate) struct Ask(Reply, CallStep);
pub(crate) struct Run(Step);

impl GenServer for Probe {
    type Args = Plan;
    type Call = Ask;
    type Cast = Run;
    type Info = Run;
    type Continue = Run;

    async fn init(plan: Plan, cx: &mut Context<Self>) -> Result<Self, InitError> {
        plan.log.add("init");
        if let Some(step) = plan.init {
            step(cx).await?;
        }
        Ok(Self { log: plan.log, count: 0, kept: Vec::new(), plan: plan.callbacks })
    }

    async fn handle_call(&mut self, Ask(reply, step): Ask, cx: &mut Context<Self>) -> Outcome {
        step(self, reply, cx).await
    }

    async fn handle_cast(&mut self, Run(step): Run, cx: &mut Context<Self>) -> Outcome {
        step(self, cx).await
    }

    async fn handle_info(&mut self, Run(step): Run, cx: &mut Context<Self>) -> Outcome {
        step(self, cx).await
    }

    async fn handle_continue(&mut self, Run(step): Run, cx: &mut Context<Self>) -> Outcome {
        step(self, cx).await
    }

    async fn handle_timeout(&mut self, cx: &mut Context<Self>) -> Outcome {
        self.log.add("timeout");
        let Some(mut callback) = self.plan.timeout.take() else { return Ok(()) };
        let outcome = callback(self, cx);
        self.plan.timeout = Some(callback);
        outcome
    }

    async fn handle_down(&mut self, down: Down, cx: &mut Context<Self>) -> Outcome {
        self.log.add(format!("down: {}", down.reason));
        let Some(mut callback) = self.plan.down.take() else { return Ok(()) };
        let outcome = callback(self, down, cx);
        self.plan.down = Some(callback);
        outcome
    }

    async fn handle_exit(&mut self, from: Pid, reason: ExitReason, cx: &mut Context<Self>) -> Outcome {
        self.log.add(format!("exit: {reason}"));
        let Some(mut callback) = self.plan.exit.take() else { return Ok(()) };
        let outcome = callback(self, from, reason, cx);
        self.plan.exit = Some(callback);
        outcome
    }

    async fn terminate(&mut self, reason: &ExitReason, _: &mut Context<Self>) {
        self.log.add(format!("terminate: {reason}"));
        if let Some(callback) = self.plan.terminate.take() {
            callback(self).await;
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.log.add("state dropped");
        if let Some(callback) = self.plan.drop.take() {
            callback();
        }
    }
}

impl Plan {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Its lines.
    pub(crate) fn log(&self) -> Log {
        self.log.clone()
    }

    pub(crate) fn init(
        mut self,
        step: impl for<'a> FnOnce(&'a mut Context<Probe>) -> Later<'a, Result<(), InitError>> + Send + 'static,
    ) -> Self {
        self.init = Some(Box::new(step));
        self
    }

    /// `init` without an `.await`.
    pub(crate) fn quick_init(
        self,
        step: impl FnOnce(&mut Context<Probe>) -> Result<(), InitError> + Send + 'static,
    ) -> Self {
        self.init(move |cx| Box::pin(async move { step(cx) }))
    }

    /// The server traps exits.
    pub(crate) fn trapping(self) -> Self {
        self.quick_init(|_| {
            process::trap_exit(true).expect("init runs inside a process");
            Ok(())
        })
    }

    /// `init` says that it runs, and then never returns. The receiver hears the server's pid.
    pub(crate) fn hanging_init(self) -> (Self, oneshot::Receiver<Pid>) {
        let (entered, has_entered) = oneshot::channel();
        let plan = self.init(move |cx| {
            Box::pin(async move {
                entered.send(cx.pid()).ok();
                std::future::pending().await
            })
        });
        (plan, has_entered)
    }

    pub(crate) fn on_timeout(
        mut self,
        callback: impl FnMut(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static,
    ) -> Self {
        self.callbacks.timeout = Some(Box::new(callback));
        self
    }

    pub(crate) fn on_down(
        mut self,
        callback: impl FnMut(&mut Probe, Down, &mut Context<Probe>) -> Outcome + Send + 'static,
    ) -> Self {
        self.callbacks.down = Some(Box::new(callback));
        self
    }

    pub(crate) fn on_exit(
        mut self,
        callback: impl FnMut(&mut Probe, Pid, ExitReason, &mut Context<Probe>) -> Outcome + Send + 'static,
    ) -> Self {
        self.callbacks.exit = Some(Box::new(callback));
        self
    }

    pub(crate) fn on_terminate(
        mut self,
        callback: impl for<'a> FnOnce(&'a mut Probe) -> Later<'a, ()> + Send + 'static,
    ) -> Self {
        self.callbacks.terminate = Some(Box::new(callback));
        self
    }

    /// `terminate` says that it runs, and then waits until the sender speaks or is gone.
    pub(crate) fn slow_terminate(self) -> (Self, oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (entered, has_entered) = oneshot::channel();
        let (release, gate) = oneshot::channel::<()>();
        let plan = self.on_terminate(|_| {
            Box::pin(async move {
                entered.send(()).ok();
                gate.await.ok();
            })
        });
        (plan, has_entered, release)
    }

    pub(crate) fn on_drop(mut self, callback: impl FnOnce() + Send + 'static) -> Self {
        self.callbacks.drop = Some(Box::new(callback));
        self
    }

    pub(crate) fn start(self) -> Start<Probe> {
        <Probe as GenServer>::start(self)
    }

    pub(crate) fn start_link(self) -> Start<Probe> {
        <Probe as GenServer>::start_link(self)
    }

    pub(crate) fn start_monitor(self) -> StartMonitor<Probe> {
        <Probe as GenServer>::start_monitor(self)
    }

    /// A started server and its log.
    pub(crate) async fn up(self) -> (ServerRef<Probe>, Log) {
        let log = self.log();
        (self.start().await.expect("the probe starts"), log)
    }
}

/// What a test tells a probe to do.
pub(crate) trait Tell {
    fn ask(
        &self,
        step: impl FnOnce(&mut Probe, Reply, &mut Context<Probe>) -> Outcome + Send + 'static,
    ) -> Call<Probe, i64>;
    fn ask_later(
        &self,
        step: impl for<'a> FnOnce(&'a mut Probe, Reply, &'a mut Context<Probe>) -> Later<'a> + Send + 'static,
    ) -> Call<Probe, i64>;
    fn tell(&self, step: impl FnOnce(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static);
    fn tell_later(
        &self,
        step: impl for<'a> FnOnce(&'a mut Probe, &'a mut Context<Probe>) -> Later<'a> + Send + 'static,
    );
    fn inform(&self, step: impl FnOnce(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static);

    /// A call that is answered with the count.
    fn count(&self) -> Call<Probe, i64> {
        self.ask(|probe, reply, _| {
            reply.send(probe.count);
            Ok(())
        })
    }

    /// A call whose reply is kept in the state.
    fn keep(&self) -> Call<Probe, i64> {
        self.ask(|probe, reply, _| {
            probe.kept.push(reply);
            Ok(())
        })
    }
}

/// A step without an `.await`.
pub(crate) fn run(step: impl FnOnce(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static) -> Run {
    Run(Box::new(move |probe, cx| Box::pin(async move { step(probe, cx) })))
}

impl Tell for ServerRef<Probe> {
    fn ask(
        &self,
        step: impl FnOnce(&mut Probe, Reply, &mut Context<Probe>) -> Outcome + Send + 'static,
    ) -> Call<Probe, i64> {
        self.ask_later(move |probe, reply, cx| Box::pin(async move { step(probe, reply, cx) }))
    }

    fn ask_later(
        &self,
        step: impl for<'a> FnOnce(&'a mut Probe, Reply, &'a mut Context<Probe>) -> Later<'a> + Send + 'static,
    ) -> Call<Probe, i64> {
        self.call(|reply| Ask(reply, Box::new(step)))
    }

    fn tell(&self, step: impl FnOnce(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static) {
        self.cast(run(step));
    }

    fn tell_later(
        &self,
        step: impl for<'a> FnOnce(&'a mut Probe, &'a mut Context<Probe>) -> Later<'a> + Send + 'static,
    ) {
        self.cast(Run(Box::new(step)));
    }

    fn inform(&self, step: impl FnOnce(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static) {
        self.send(run(step));
    }
}

/// A request for the probe whose answer is its count, for destinations other than its address.
pub(crate) fn count_of(reply: Reply) -> Ask {
    Ask(
        reply,
        Box::new(|probe, reply, _| {
            Box::pin(async move {
                reply.send(probe.count);
                Ok(())
            })
        }),
    )
}

/// A request with a step of its own.
pub(crate) fn ask_of(
    reply: Reply,
    step: impl for<'a> FnOnce(&'a mut Probe, Reply, &'a mut Context<Probe>) -> Later<'a> + Send + 'static,
) -> Ask {
    Ask(reply, Box::new(step))
}

/// A request whose reply the probe keeps.
pub(crate) fn keep(reply: Reply) -> Ask {
    Ask(
        reply,
        Box::new(|probe, reply, _| {
            Box::pin(async move {
                probe.kept.push(reply);
                Ok(())
            })
        }),
    )
}

/// A probe that has entered a callback and waits there: the gate lets it go on.
pub(crate) async fn busy(server: &ServerRef<Probe>) -> oneshot::Sender<()> {
    let (entered, has_entered) = oneshot::channel();
    let (release, gate) = oneshot::channel::<()>();
    server.tell_later(|_, _| {
        Box::pin(async move {
            entered.send(()).ok();
            gate.await.ok();
            Ok(())
        })
    });
    has_entered.await.expect("the probe handles the cast");
    release
}

/// Another kind of server.
pub(crate) struct Other;

impl GenServer for Other {
    type Args = ();
    type Call = ReplyTo<&'static str>;
    type Cast = ();
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: ReplyTo<&'static str>, _: &mut Context<Self>) -> Outcome {
        reply.send("other");
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Outcome {
        Ok(())
    }
}

/// How long a test that fails waits for what never comes; on a paused clock it takes no time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A monitor on a process, held by a process of its own.
pub(crate) struct Watch(oneshot::Receiver<ExitReason>);

impl Watch {
    /// Monitors `pid`; the monitor stands when this returns.
    pub(crate) async fn on(pid: Pid) -> Self {
        let (armed, is_armed) = oneshot::channel();
        let (report, reported) = oneshot::channel();
        otp_core::spawn(move |mut mailbox: Mailbox<()>| async move {
            process::monitor(pid).expect("this is a process");
            armed.send(()).ok();
            if let Received::Down(down) = mailbox.receive().await {
                report.send(down.reason).ok();
            }
        });
        is_armed.await.expect("the watcher runs");
        Self(reported)
    }

    /// The reason, once DOWN has arrived.
    pub(crate) async fn down(self) -> ExitReason {
        let down = tokio::time::timeout(PATIENCE, self.0).await;
        down.expect("the process should have died").expect("the watcher hears of the death")
    }
}

/// Runs `body` in a process of its own, with a mailbox; resolves to the reason that a monitor sees.
pub(crate) async fn reason_of_process<Fut: Future<Output = ()> + Send + 'static>(
    body: impl FnOnce(Mailbox<()>) -> Fut + Send + 'static,
) -> ExitReason {
    let (start, started) = oneshot::channel::<()>();
    let process = otp_core::spawn(move |mailbox: Mailbox<()>| async move {
        started.await.ok();
        body(mailbox).await;
    });
    let watch = Watch::on(process.pid()).await;
    start.send(()).ok();
    watch.down().await
}

/// A tokio task outside any process.
#[expect(clippy::disallowed_methods, reason = "some callers are no process")]
pub(crate) fn plain_task<T: Send + 'static>(
    body: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(body)
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The test's own process.
    Main,
    Process,
    Task,
}

impl Caller {
    pub(crate) const ALL: [Self; 3] = [Self::Main, Self::Process, Self::Task];

    /// Sends the call now, and waits for its answer as this caller.
    pub(crate) fn begin<S: GenServer, T: Send + Debug + 'static>(
        self,
        mut call: Call<S, T>,
    ) -> Later<'static, Result<T, CallError>>
    where
        S::Call: Send,
    {
        match self {
            Self::Main => {
                assert!(poll_once(&mut call).is_pending(), "the server has not run yet");
                Box::pin(call)
            }
            Self::Process => {
                let (answer, answered) = oneshot::channel();
                otp_core::spawn(|_: Mailbox<()>| async move { drop(answer.send(call.await)) });
                Box::pin(async move { answered.await.expect("the caller reports") })
            }
            Self::Task => {
                let task = plain_task(call);
                Box::pin(async move { task.await.expect("the caller reports") })
            }
        }
    }
}

/// The ways in which a server ends while somebody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Kill,
    ExitSignal,
    Panic,
    Err,
    StopNormal,
    StopShutdown,
    ProcessExit,
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Kill,
        Self::ExitSignal,
        Self::Panic,
        Self::Err,
        Self::StopNormal,
        Self::StopShutdown,
        Self::ProcessExit,
    ];

    /// Ends the server from inside a callback.
    pub(crate) fn end(self, cx: &mut Context<Probe>) -> Outcome {
        match self {
            Self::Kill => send_exit(cx.pid(), ExitReason::Kill),
            Self::ExitSignal => send_exit(cx.pid(), ExitReason::new("told to")),
            Self::Panic => panic!("on purpose"),
            Self::Err => return Err(ExitReason::new("failed")),
            Self::StopNormal => cx.stop(ExitReason::Normal),
            Self::StopShutdown => cx.stop(ExitReason::Shutdown),
            Self::ProcessExit => process::exit(ExitReason::new("exited")),
        }
        Ok(())
    }

    /// Whether the server is ended by a signal, and so without `terminate`.
    pub(crate) fn is_signal(self) -> bool {
        matches!(self, Self::Kill | Self::ExitSignal)
    }

    /// Asserts that `answer` is the news of this death.
    #[track_caller]
    pub(crate) fn expect<T: Debug>(self, answer: Result<T, CallError>) {
        let Err(CallError::Exit(reason)) = answer else { panic!("{self:?}: {answer:?}") };
        self.expect_reason(&reason);
    }

    #[track_caller]
    pub(crate) fn expect_reason(self, reason: &ExitReason) {
        match self {
            Self::Kill => assert_eq!(*reason, ExitReason::Killed),
            Self::ExitSignal => assert_eq!(*reason, ExitReason::new("told to")),
            Self::Panic => expect_panic(reason, "on purpose"),
            Self::Err => assert_eq!(*reason, ExitReason::new("failed")),
            Self::StopNormal => assert_eq!(*reason, ExitReason::Normal),
            Self::StopShutdown => assert_eq!(*reason, ExitReason::Shutdown),
            Self::ProcessExit => assert_eq!(*reason, ExitReason::new("exited")),
        }
    }
}

#[track_caller]
pub(crate) fn expect_panic(reason: &ExitReason, message: &str) {
    let ExitReason::Panic(panic) = reason else { panic!("not a panic: {reason:?}") };
    assert_eq!(panic.message(), message);
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// The paused clock of a test. Who waits for a timer moves it, so standing still means that nobody did.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Pauses the clock.
    pub(crate) fn paused() -> Self {
        tokio::time::pause();
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[track_caller]
    pub(crate) fn expect_stood_still(&self, what: impl Debug) {
        assert_eq!(self.elapsed(), Duration::ZERO, "{what:?}: somebody waited for a timer");
    }
}

/// A name that no other test uses.
pub(crate) fn unique_name<S>() -> Name<S> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Name::owned(format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets everything that is ready run, on the test's own thread.
pub(crate) async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
pub(crate) fn expect_start_error<S: GenServer>(outcome: Result<ServerRef<S>, StartError>) -> StartError {
    outcome.expect_err("the server does not start")
}

/// Keeps every event and span open to be asked about. Subscribers of single threads come and go, and one that is made while
/// another goes would find some cached as wanted by nobody.
struct Undecided;

impl tracing::Subscriber for Undecided {
    fn register_callsite(&self, _: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A subscriber for this thread, until the guard is dropped.
pub(crate) fn subscribe(
    subscriber: impl tracing::Subscriber + Send + Sync + 'static,
) -> tracing::subscriber::DefaultGuard {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| tracing::subscriber::set_global_default(Undecided).expect("the only one"));
    tracing::subscriber::set_default(subscriber)
}

/// The error events of this thread and those of `sys`, each as `target message field=value …`.
#[derive(Clone, Default)]
pub(crate) struct Reports(Log);

impl Reports {
    /// Captures until the guard is dropped.
    pub(crate) fn capture() -> (Self, tracing::subscriber::DefaultGuard) {
        // Other tests of this program crash a lot.
        otp_genserver::process::set_crash_report_limit(None);
        let reports = Self::default();
        let guard = subscribe(reports.clone());
        (reports, guard)
    }

    /// Those with this target.
    pub(crate) fn of(&self, target: &str) -> Vec<String> {
        self.0.lines().into_iter().filter(|line| line.starts_with(target)).collect()
    }
}

impl tracing::Subscriber for Reports {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR || metadata.target() == "otp::sys"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                self.0.push_str(&format!(" {field}={value:?}"));
            }
        }
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.add(line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
