//! The same contract by `#[gen_server]`: client, server, mock.

use std::cell::Cell;
use std::future::pending;
use std::num::ParseIntError;

use otp_genserver::process::{self, send_exit};
use otp_genserver::{
    Call, CallError, Context, Down, ExitReason, GenServer, InitError, Name, Pid, ReplyTo, Restart, Shutdown,
    StartError, gen_server, sys,
};

use crate::support::{Log, Reports, Stopwatch, Watch, expect_panic, ms, poll_once, settle, unique_name};

struct Counter {
    count: i64,
    log: Log,
    waiting: Vec<ReplyTo<i64>>,
}

#[gen_server(restart = transient, shutdown = 10s, vis = pub(crate))]
impl Counter {
    async fn init(start: i64, log: Log, cx: &mut Context<Self>) -> Result<Self, InitError> {
        process::trap_exit(true)?;
        if start < 0 {
            return Err(InitError::stop("negative"));
        }
        cx.continue_with(CounterContinue::Warm("up".into()));
        Ok(Self { count: start, log, waiting: Vec::new() })
    }

    #[call]
    fn get(&self) -> i64 {
        self.count
    }

    /// An `ExitReason` crashes.
    #[call]
    fn divide(&self, by: i64) -> Result<i64, ExitReason> {
        self.count.checked_div(by).ok_or_else(|| ExitReason::new("division by zero"))
    }

    /// Any other error is the reply.
    #[call]
    fn parse(&mut self, text: String) -> Result<i64, ParseIntError> {
        self.count = text.parse()?;
        Ok(self.count)
    }

    #[call]
    async fn never(&self) -> i64 {
        pending().await
    }

    /// Answers when the next cast comes.
    #[call]
    fn next(&mut self, reply: ReplyTo<i64>) {
        self.waiting.push(reply);
    }

    #[call]
    fn explode(&self) {
        panic!("exploded")
    }

    #[call]
    fn get_and_stop(&self, cx: &mut Context<Self>) -> i64 {
        cx.stop(ExitReason::Normal);
        self.count
    }

    #[cast]
    fn add(&mut self, n: i64) {
        self.count += n;
        self.waiting.drain(..).for_each(|reply| reply.send(self.count));
    }

    #[cast]
    fn read(&mut self, text: String) -> Result<(), ParseIntError> {
        self.count = text.parse()?;
        Ok(())
    }

    #[cast]
    fn in_50_ms(&mut self, cx: &mut Context<Self>) {
        cx.set_timeout(ms(50));
    }

    #[cast]
    fn watch(&mut self, pid: Pid) -> Result<(), otp_core::NotAProcess> {
        process::monitor(pid)?;
        Ok(())
    }

    #[info]
    fn tick(&mut self) {
        self.log.add("tick");
    }

    #[handle_continue]
    fn warm(&mut self, text: String) {
        self.log.add(format!("warm {text}"));
    }

    fn handle_timeout(&mut self) {
        self.log.add("timeout");
    }

    fn handle_down(&mut self, down: Down) {
        self.log.add(format!("down {}", down.reason));
    }

    fn handle_exit(&mut self, _from: Pid, reason: ExitReason) {
        self.log.add(format!("exit {reason}"));
    }

    async fn terminate(&mut self, reason: &ExitReason) {
        self.log.add(format!("terminate: {reason}"));
    }
}

#[otp_genserver::test]
async fn gs_001_018_calls_and_casts() {
    let log = Log::default();
    let counter = Counter::start(4, log.clone()).await.unwrap();
    assert_eq!(counter.get().await, Ok(4));
    counter.add(5);
    assert_eq!(counter.get().await, Ok(9));
    counter.send(CounterInfo::Tick);
    assert_eq!(counter.get().await, Ok(9));
    assert_eq!(log.lines(), ["warm up", "tick"]);
}

#[otp_genserver::test]
async fn an_init_error_reaches_the_starter() {
    let outcome = Counter::start(-1, Log::default()).await;
    assert_eq!(outcome.unwrap_err(), StartError::Exit(ExitReason::new("negative")));
    let outcome = Counter::start_monitor(-1, Log::default()).await;
    assert_eq!(outcome.unwrap_err(), StartError::Exit(ExitReason::new("negative")));
}

#[otp_genserver::test]
async fn gs_083_child_spec_defaults_are_the_macros_options() {
    assert_eq!(Counter::RESTART, Restart::Transient);
    assert_eq!(Counter::SHUTDOWN, Shutdown::Timeout(ms(10_000)));
    assert_eq!(crate::support::Probe::RESTART, Restart::Permanent);
    assert_eq!(crate::support::Probe::SHUTDOWN, Shutdown::Timeout(ms(5_000)));
}

#[otp_genserver::test]
async fn gs_046_an_exit_reason_of_a_call_crashes_and_reaches_the_caller() {
    let clock = Stopwatch::paused();
    let log = Log::default();
    let counter = Counter::start(9, log.clone()).await.unwrap();
    assert_eq!(counter.divide(3).await, Ok(3));
    assert_eq!(counter.divide(0).await, Err(CallError::Exit(ExitReason::new("division by zero"))));
    assert_eq!(log.terminations(), ["division by zero"]);
    clock.expect_stood_still("crash");
}

#[otp_genserver::test]
async fn any_other_error_of_a_call_is_its_reply() {
    let counter = Counter::start(9, Log::default()).await.unwrap();
    assert_eq!(counter.parse("7".into()).await, Ok(Ok(7)));
    assert!(counter.parse("seven".into()).await.unwrap().is_err());
    assert_eq!(counter.get().await, Ok(7));
}

#[otp_genserver::test]
async fn gs_028_a_panic_in_a_method_reaches_the_caller() {
    let log = Log::default();
    let counter = Counter::start(0, log.clone()).await.unwrap();
    let Err(CallError::Exit(reason)) = counter.explode().await else { panic!("it exploded") };
    expect_panic(&reason, "exploded");
    assert_eq!(log.terminations().len(), 1);
}

#[otp_genserver::test]
async fn gs_011_a_kill_while_a_method_waits_reaches_the_caller_at_once() {
    let clock = Stopwatch::paused();
    let counter = Counter::start(0, Log::default()).await.unwrap();
    let mut call = counter.never();
    assert!(poll_once(&mut call).is_pending());
    settle().await;
    send_exit(counter.pid(), ExitReason::Kill);
    assert_eq!(call.await, Err(CallError::Exit(ExitReason::Killed)));
    clock.expect_stood_still("killed");
}

#[otp_genserver::test]
async fn gs_022_a_method_with_a_reply_to_answers_later() {
    let counter = Counter::start(0, Log::default()).await.unwrap();
    let mut next = counter.next();
    assert!(poll_once(&mut next).is_pending());
    counter.add(3);
    assert_eq!(next.await, Ok(3));
}

#[otp_genserver::test]
async fn gs_023_a_value_and_a_stop() {
    let log = Log::default();
    let counter = Counter::start(5, log.clone()).await.unwrap();
    assert_eq!(counter.get_and_stop().await, Ok(5));
    settle().await;
    assert_eq!(log.terminations(), ["normal"]);
}

#[otp_genserver::test]
async fn an_error_of_a_cast_crashes() {
    let counter = Counter::start(0, Log::default()).await.unwrap();
    let watch = Watch::on(counter.pid()).await;
    counter.read("x".into());
    let reason = watch.down().await;
    assert!(reason.downcast_ref::<ParseIntError>().is_some());
}

#[otp_genserver::test]
async fn gs_031_069_the_callbacks_by_name_run() {
    let _clock = Stopwatch::paused();
    let log = Log::default();
    let counter = Counter::start(0, log.clone()).await.unwrap();
    counter.in_50_ms();
    tokio::time::sleep(ms(60)).await;
    let watched = Counter::start(0, Log::default()).await.unwrap();
    counter.watch(watched.pid());
    watched.stop().await.unwrap();
    send_exit(counter.pid(), ExitReason::Shutdown);
    counter.stop().await.unwrap();
    assert_eq!(log.lines(), ["warm up", "timeout", "down normal", "exit shutdown", "terminate: normal"]);
}

#[otp_genserver::test]
async fn the_client_works_through_a_name() {
    let name: Name<Counter> = unique_name();
    assert_eq!(name.get().await, Err(CallError::NoProc));
    Counter::start(1, Log::default()).name(name.clone()).await.unwrap();
    name.add(1);
    assert_eq!(name.get().await, Ok(2));
}

/// A stand-in whose calls are ready.
#[derive(Default)]
struct Fake {
    added: Cell<i64>,
}

impl CounterClient for Fake {
    fn get(&self) -> Call<Counter, i64> {
        Call::ready(Ok(self.added.get()))
    }

    fn divide(&self, _: i64) -> Call<Counter, i64> {
        Call::ready(Err(CallError::Timeout))
    }

    fn parse(&self, text: String) -> Call<Counter, Result<i64, ParseIntError>> {
        Call::ready(Ok(text.parse()))
    }

    fn never(&self) -> Call<Counter, i64> {
        Call::ready(Err(CallError::NoReply))
    }

    fn next(&self) -> Call<Counter, i64> {
        Call::ready(Err(CallError::NoProc))
    }

    fn explode(&self) -> Call<Counter, ()> {
        Call::ready(Ok(()))
    }

    fn get_and_stop(&self) -> Call<Counter, i64> {
        Call::ready(Err(CallError::CallingSelf))
    }

    fn add(&self, n: i64) {
        self.added.set(self.added.get() + n);
    }

    fn read(&self, _: String) {}

    fn in_50_ms(&self) {}

    fn watch(&self, _: Pid) {}
}

#[otp_genserver::test]
async fn the_client_can_be_a_stand_in_with_ready_calls() {
    async fn use_it(counter: &impl CounterClient) -> Result<i64, CallError> {
        counter.add(2);
        counter.add(3);
        assert_eq!(counter.divide(1).timeout(ms(1)).await, Err(CallError::Timeout));
        counter.get().await
    }
    assert_eq!(use_it(&Fake::default()).await, Ok(5));
}

/// Runs in its own task alone.
struct Apart;

#[gen_server]
impl Apart {
    const POLLED_BY_CALLERS: bool = false;

    fn init() -> Self {
        Self
    }

    #[call]
    fn has_a_task(&self) -> bool {
        tokio::task::try_id().is_some()
    }
}

#[otp_genserver::test]
async fn a_server_by_macro_may_refuse_to_be_polled_by_its_callers() {
    tokio::time::pause();
    let server = Apart::start().await.expect("it starts");
    for _ in 0..40 {
        assert_eq!(server.has_a_task().await, Ok(true));
        tokio::task::yield_now().await;
    }
}

/// Shows what it likes of itself.
struct Shown(u32);

#[gen_server]
impl Shown {
    const FORMATS_MESSAGES: bool = true;

    fn init() -> Self {
        Self(0)
    }

    #[call]
    fn secret(&self, name: &'static str) -> usize {
        name.len()
    }

    #[cast]
    fn add(&mut self, n: u32) -> Result<(), ExitReason> {
        self.0 = self.0.checked_add(n).ok_or_else(|| ExitReason::new("overflow"))?;
        Ok(())
    }

    #[info]
    fn tick(&mut self) {}

    fn format_state(&self) -> Option<String> {
        Some(format!("Shown({})", self.0))
    }

    fn format_call(call: &ShownCall) -> Option<String> {
        match call {
            ShownCall::Secret(name, _) => Some(format!("Secret({name}, …)")),
        }
    }

    fn format_cast(ShownCast::Add(n): &ShownCast) -> Option<String> {
        Some(format!("Add({n})"))
    }

    fn format_info(info: &ShownInfo) -> Option<String> {
        Some(format!("{info:?}"))
    }
}

#[otp_genserver::test]
async fn sys_010_022_a_server_shows_its_state_and_messages_by_methods() {
    let (reports, _guard) = Reports::capture();
    let server = Shown::start().await.unwrap();
    let me = process::current().unwrap();
    sys::log(&server, true).await.unwrap();
    assert_eq!(server.secret("me").await, Ok(2));
    server.add(1);
    server.send(ShownInfo::Tick);
    let events = sys::get_log(&server).await.unwrap();
    assert_eq!(
        events.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            format!("got call Secret(me, …) from {me}").as_str(),
            &format!("replied to {me}, new state Shown(0)"),
            "got cast Add(1)",
            "no reply, new state Shown(1)",
            "got info Tick",
            "no reply, new state Shown(1)",
        ]
    );
    let watch = Watch::on(server.pid()).await;
    server.add(u32::MAX);
    assert_eq!(watch.down().await, ExitReason::new("overflow"));
    let [report] = &reports.of("otp::process")[..] else { panic!("not one report") };
    assert!(report.contains("message_text=\"Add(4294967295)\""), "{report}");
    assert!(report.contains("state=\"Shown(1)\""), "{report}");
}
