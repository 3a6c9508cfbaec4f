//! A server under random commands does what a simple sequential model says: replies, order, timeouts, the reason of
//! its end, and what each caller hears.
//!
//! The clock is paused. Commands between two [`Command::Pass`] are sent in one go, before the server runs, so that
//! the model knows what a kill finds in the queue. Timeouts end in 5 ms and pauses in 0, so that no two things
//! happen at the same instant.
//!
//! That is for a server which only its own task polls. One that its callers poll in place is sent one command at a time,
//! and settles before the next.

#![cfg(feature = "macros")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Waker};
use std::time::Duration;

use otp_genserver::process::{self, send_exit};
use otp_genserver::{Call, CallError, Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef};
use proptest::prelude::*;
use tokio::task::JoinSet;

#[derive(Debug, Clone)]
enum Command {
    /// Adds, and answers with the sum.
    Add(i64),
    /// A call whose reply is kept. It waits this long.
    Keep(u64),
    /// A call whose reply is dropped.
    Forget,
    /// A call after which the server ends this way, having answered or not.
    CallAndEnd {
        answered: bool,
        end: End,
    },
    CastAdd(i64),
    InfoAdd(i64),
    /// Adds each of these in a `handle_continue` of its own, the first of which asks for one more.
    Continue(Vec<i64>),
    SetTimeout(u64),
    /// Answers the kept reply at this index, modulo their number.
    Answer(usize),
    /// Drops it.
    DropKept(usize),
    /// A cast that ends the server.
    End(End),
    /// `stop`, queued.
    Stop,
    /// An exit signal, which does not wait in the queue.
    Kill,
    /// Time passes.
    Pass(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Panic,
    Err,
    Exit,
    Stop,
    /// Answers all kept replies first.
    AnswerAndStop,
}

impl End {
    fn reason(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Err => "err",
            Self::Exit => "exit",
            Self::Stop | Self::AnswerAndStop => "shutdown",
        }
    }
}

/// What a caller hears, reasons as text.
#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Value(i64),
    Exit(String),
    NoReply,
    NoProc,
    Timeout,
}

fn text(reason: &ExitReason) -> String {
    match reason {
        ExitReason::Panic(_) => "panic".into(),
        other => other.to_string(),
    }
}

impl From<Result<i64, CallError>> for Heard {
    fn from(answer: Result<i64, CallError>) -> Self {
        match answer {
            Ok(value) => Self::Value(value),
            Err(CallError::Exit(reason)) => Self::Exit(text(&reason)),
            Err(CallError::NoReply) => Self::NoReply,
            Err(CallError::NoProc) => Self::NoProc,
            Err(CallError::Timeout) => Self::Timeout,
            Err(other) => panic!("{other}"),
        }
    }
}

/// What can be compared: what each caller heard, and the server's own lines.
#[derive(Debug, Default, PartialEq)]
struct Observed {
    heard: Vec<Option<Heard>>,
    lines: Vec<String>,
}

// ---- the model ---------------------------------------------------------------------------------------------------

#[derive(Default)]
struct Model {
    sum: i64,
    /// The callers whose replies the server keeps.
    kept: Vec<usize>,
    /// When each caller stops waiting.
    limits: Vec<Option<u64>>,
    /// Callers whose reply was dropped in the server's present poll: they hear when it is over whether it died in it.
    dropped: Vec<usize>,
    timeout: Option<u64>,
    now: u64,
    dead: bool,
    observed: Observed,
}

impl Model {
    fn run(commands: &[Command]) -> Observed {
        let mut model = Self::default();
        let mut batch = Vec::new();
        for command in commands {
            match command {
                Command::Pass(time) => {
                    model.handle(std::mem::take(&mut batch));
                    model.pass(*time);
                }
                Command::Kill => {
                    // What is in the queue is lost, and so is what comes after it in this batch: the signal acts at once.
                    batch.push((usize::MAX, Command::Kill));
                }
                command => batch.push((model.expect_caller(command), command.clone())),
            }
        }
        model.handle(batch);
        model.end_of_test();
        model.observed
    }

    fn expect_caller(&mut self, command: &Command) -> usize {
        let limit = match command {
            Command::Add(_) | Command::Forget | Command::CallAndEnd { .. } => None,
            Command::Keep(limit) => Some(self.now + limit),
            _ => return usize::MAX,
        };
        self.limits.push(limit);
        self.observed.heard.push(None);
        self.limits.len() - 1
    }

    fn tell(&mut self, caller: usize, heard: Heard) {
        let slot = &mut self.observed.heard[caller];
        if slot.is_none() {
            *slot = Some(heard);
        }
    }

    fn line(&mut self, line: String) {
        self.observed.lines.push(line);
    }

    fn handle(&mut self, batch: Vec<(usize, Command)>) {
        if self.dead {
            for (caller, _) in batch {
                if caller != usize::MAX {
                    self.tell(caller, Heard::NoProc);
                }
            }
            return;
        }
        let killed = batch.iter().any(|(_, command)| matches!(command, Command::Kill));
        let mut rest = batch.into_iter();
        if !killed {
            for (caller, command) in rest.by_ref() {
                self.timeout = None;
                if let Some(reason) = self.one(caller, command) {
                    self.line(format!("terminate {reason}"));
                    self.die(reason, caller);
                    break;
                }
            }
        } else {
            self.die("killed", usize::MAX);
        }
        self.end_of_poll();
        if self.dead {
            let reason = self.reason().to_owned();
            let mut gone = false;
            for (caller, command) in rest {
                // Who called after the exit signal called a dead process.
                gone |= matches!(command, Command::Kill);
                if caller != usize::MAX {
                    let heard = if gone { Heard::NoProc } else { Heard::Exit(reason.clone()) };
                    self.tell(caller, heard);
                }
            }
        }
    }

    /// Handles one message; some reason if the server ends by it.
    fn one(&mut self, caller: usize, command: Command) -> Option<&'static str> {
        match command {
            Command::Add(n) => {
                self.sum += n;
                self.end_of_poll();
                self.tell(caller, Heard::Value(self.sum));
            }
            Command::Keep(_) => self.kept.push(caller),
            Command::Forget => self.dropped.push(caller),
            Command::CallAndEnd { answered, end } => {
                if answered {
                    self.tell(caller, Heard::Value(self.sum));
                }
                return Some(self.end(end));
            }
            Command::CastAdd(n) | Command::InfoAdd(n) => {
                self.sum += n;
                self.line(format!("added {n}"));
            }
            Command::Continue(numbers) => {
                for n in &numbers {
                    self.sum += n;
                    self.line(format!("continued {n}"));
                }
                if !numbers.is_empty() {
                    self.sum += 1;
                    self.line("continued 1".into());
                }
            }
            Command::SetTimeout(time) => self.timeout = Some(self.now + time),
            Command::Answer(at) => {
                if !self.kept.is_empty() {
                    let caller = self.kept.remove(at % self.kept.len());
                    self.tell(caller, Heard::Value(self.sum));
                }
            }
            Command::DropKept(at) => {
                if !self.kept.is_empty() {
                    let caller = self.kept.remove(at % self.kept.len());
                    self.dropped.push(caller);
                    self.end_of_poll();
                }
            }
            Command::End(end) => return Some(self.end(end)),
            Command::Stop => return Some("normal"),
            Command::Kill | Command::Pass(_) => unreachable!("these are no messages"),
        }
        None
    }

    fn end(&mut self, end: End) -> &'static str {
        if end == End::AnswerAndStop {
            for caller in std::mem::take(&mut self.kept) {
                self.tell(caller, Heard::Value(self.sum));
            }
        }
        end.reason()
    }

    fn die(&mut self, reason: &str, caller: usize) {
        self.dead = true;
        self.timeout = None;
        self.line(format!("dropped with {}", self.sum));
        self.line(format!("died {reason}"));
        if caller != usize::MAX {
            self.tell(caller, Heard::Exit(reason.to_owned()));
        }
        for caller in self.kept.drain(..).chain(self.dropped.drain(..)).collect::<Vec<_>>() {
            self.tell(caller, Heard::Exit(reason.to_owned()));
        }
    }

    /// The server waits, having died or not.
    fn end_of_poll(&mut self) {
        for caller in std::mem::take(&mut self.dropped) {
            self.tell(caller, Heard::NoReply);
        }
    }

    fn reason(&self) -> &str {
        self.observed.lines.last().and_then(|line| line.strip_prefix("died ")).unwrap_or_default()
    }

    fn pass(&mut self, time: u64) {
        self.now += time;
        if self.timeout.is_some_and(|due| due <= self.now) {
            self.timeout = None;
            self.sum += 1000;
            self.line("timeout".into());
        }
        for caller in 0..self.limits.len() {
            if self.limits[caller].is_some_and(|limit| limit <= self.now) {
                self.tell(caller, Heard::Timeout);
            }
        }
    }

    /// The server is killed, so that nobody waits any more.
    fn end_of_test(&mut self) {
        if !self.dead {
            self.die("killed", usize::MAX);
        }
    }
}

// ---- the server --------------------------------------------------------------------------------------------------

struct Subject<const IN_PLACE: bool> {
    sum: i64,
    kept: Vec<ReplyTo<i64>>,
    lines: Lines,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn add(&self, line: String) {
        self.0.lock().expect("nothing panics under this lock").push(line);
    }
}

struct Request(ReplyTo<i64>, Command);

impl<const IN_PLACE: bool> Subject<IN_PLACE> {
    fn end(&mut self, end: End, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match end {
            // Without the message that a hook would print, thousands of times.
            End::Panic => std::panic::resume_unwind(Box::new("panic")),
            End::Err => return Err(ExitReason::new("err")),
            End::Exit => process::exit(ExitReason::new("exit")),
            End::Stop => cx.stop(ExitReason::Shutdown),
            End::AnswerAndStop => {
                self.kept.drain(..).for_each(|reply| reply.send(self.sum));
                cx.stop(ExitReason::Shutdown);
            }
        }
        Ok(())
    }
}

impl<const IN_PLACE: bool> GenServer for Subject<IN_PLACE> {
    const POLLED_BY_CALLERS: bool = IN_PLACE;

    type Args = Lines;
    type Call = Request;
    type Cast = Command;
    type Info = i64;
    type Continue = (i64, bool);

    async fn init(lines: Lines, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self { sum: 0, kept: Vec::new(), lines })
    }

    async fn handle_call(
        &mut self,
        Request(reply, command): Request,
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        match command {
            Command::Add(n) => {
                self.sum += n;
                tokio::task::yield_now().await;
                reply.send(self.sum);
            }
            Command::Keep(_) => self.kept.push(reply),
            Command::Forget => drop(reply),
            Command::CallAndEnd { answered: true, end } => {
                reply.send(self.sum);
                return self.end(end, cx);
            }
            Command::CallAndEnd { answered: false, end } => return self.end(end, cx),
            other => unreachable!("{other:?} is no call"),
        }
        Ok(())
    }

    async fn handle_cast(&mut self, command: Command, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match command {
            Command::CastAdd(n) => {
                self.sum += n;
                self.lines.add(format!("added {n}"));
            }
            Command::Continue(numbers) => {
                for (at, n) in numbers.into_iter().enumerate() {
                    cx.continue_with((n, at == 0));
                }
            }
            Command::SetTimeout(time) => cx.set_timeout(Duration::from_millis(time)),
            Command::Answer(at) if !self.kept.is_empty() => {
                let at = at % self.kept.len();
                self.kept.remove(at).send(self.sum);
            }
            Command::DropKept(at) if !self.kept.is_empty() => {
                let at = at % self.kept.len();
                drop(self.kept.remove(at));
                tokio::task::yield_now().await;
            }
            Command::Answer(_) | Command::DropKept(_) => {}
            Command::End(end) => return self.end(end, cx),
            other => unreachable!("{other:?} is no cast"),
        }
        Ok(())
    }

    async fn handle_info(&mut self, n: i64, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.sum += n;
        self.lines.add(format!("added {n}"));
        Ok(())
    }

    async fn handle_continue(
        &mut self,
        (n, again): (i64, bool),
        cx: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        self.sum += n;
        self.lines.add(format!("continued {n}"));
        if again {
            cx.continue_with((1, false));
        }
        Ok(())
    }

    async fn handle_timeout(&mut self, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.sum += 1000;
        self.lines.add("timeout".into());
        Ok(())
    }

    async fn terminate(&mut self, reason: &ExitReason, _: &mut Context<Self>) {
        self.lines.add(format!("terminate {}", text(reason)));
    }
}

impl<const IN_PLACE: bool> Drop for Subject<IN_PLACE> {
    fn drop(&mut self) {
        self.lines.add(format!("dropped with {}", self.sum));
    }
}

/// The callers of one run, each on a task of its own once its request is sent.
struct Callers {
    tasks: JoinSet<(usize, Heard)>,
    sent: usize,
}

impl Callers {
    /// Sends now, so that the order is the order of the commands, and waits elsewhere.
    fn call<const IN_PLACE: bool>(&mut self, server: &ServerRef<Subject<IN_PLACE>>, command: &Command) {
        let call = server.call(|reply| Request(reply, command.clone()));
        let mut call: Call<Subject<IN_PLACE>, i64> = match command {
            Command::Keep(limit) => call.timeout(Duration::from_millis(*limit)),
            _ => call.infinity(),
        };
        let caller = self.sent;
        self.sent += 1;
        let first = Pin::new(&mut call).poll(&mut TaskContext::from_waker(Waker::noop()));
        self.tasks.spawn(async move {
            let answer = match first {
                std::task::Poll::Ready(answer) => answer,
                std::task::Poll::Pending => call.await,
            };
            (caller, Heard::from(answer))
        });
    }
}

async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

async fn real<const IN_PLACE: bool>(commands: &[Command]) -> Observed {
    let lines = Lines::default();
    let server = Subject::<IN_PLACE>::start(lines.clone()).await.expect("it starts");
    let of_death = lines.clone();
    process::on_exit(server.pid(), move |_, reason| of_death.add(format!("died {}", text(reason))))
        .expect("it lives");
    let mut callers = Callers { tasks: JoinSet::new(), sent: 0 };
    let mut stops = Vec::new();
    for command in commands {
        match command {
            Command::Add(_) | Command::Keep(_) | Command::Forget | Command::CallAndEnd { .. } => {
                callers.call(&server, command);
            }
            Command::InfoAdd(n) => server.send(*n),
            Command::Kill => send_exit(server.pid(), ExitReason::Kill),
            Command::Stop => {
                let mut stop = Box::pin(std::future::IntoFuture::into_future(server.stop()));
                // The waker is of no use; what counts is that it was sent.
                let _ = stop.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
                stops.push(stop);
            }
            Command::Pass(time) => tokio::time::sleep(Duration::from_millis(*time)).await,
            command => server.cast(command.clone()),
        }
        if IN_PLACE {
            settle().await;
        }
    }
    // Lets the last batch be handled before the end.
    settle().await;
    send_exit(server.pid(), ExitReason::Kill);
    while server.is_alive() {
        tokio::task::yield_now().await;
    }
    let mut heard = vec![None; callers.sent];
    let begun = tokio::time::Instant::now();
    while let Some(outcome) = callers.tasks.join_next().await {
        let (caller, answer) = outcome.expect("callers do not panic");
        heard[caller] = Some(answer);
    }
    assert_eq!(begun.elapsed(), Duration::ZERO, "somebody waited for a timer after the server's end");
    let lines = lines.0.lock().expect("nothing panics under this lock").clone();
    Observed { heard, lines }
}

// ---- the property ------------------------------------------------------------------------------------------------

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Panic), Just(End::Err), Just(End::Exit), Just(End::Stop), Just(End::AnswerAndStop)]
}

fn command() -> impl Strategy<Value = Command> {
    let ends_in_5 = || (0_u64..40).prop_map(|n| n * 10 + 5);
    prop_oneof![
        6 => (-9_i64..9).prop_map(Command::Add),
        6 => ends_in_5().prop_map(Command::Keep),
        1 => Just(Command::Forget),
        4 => (-9_i64..9).prop_map(Command::CastAdd),
        3 => (-9_i64..9).prop_map(Command::InfoAdd),
        3 => prop::collection::vec(-9_i64..9, 0..3).prop_map(Command::Continue),
        5 => ends_in_5().prop_map(Command::SetTimeout),
        6 => (0_usize..8).prop_map(Command::Answer),
        1 => (0_usize..8).prop_map(Command::DropKept),
        1 => end().prop_map(Command::End),
        1 => (any::<bool>(), end()).prop_map(|(answered, end)| Command::CallAndEnd { answered, end }),
        1 => Just(Command::Stop),
        1 => Just(Command::Kill),
        10 => (1_u64..30).prop_map(|n| Command::Pass(n * 10)),
    ]
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_server_does_what_the_sequential_model_says(commands in prop::collection::vec(command(), 0..40)) {
        prop_assert_eq!(run(real::<false>(&commands)), Model::run(&commands));
    }

    #[test]
    fn a_server_that_its_callers_poll_does_what_the_sequential_model_says(
        commands in prop::collection::vec(command(), 0..40),
    ) {
        // It is polled in place from the last of these on.
        let mut all = vec![Command::Add(0); 9];
        all.extend(commands);
        let settled = all.iter().flat_map(|command| [command.clone(), Command::Pass(0)]).collect::<Vec<_>>();
        prop_assert_eq!(run(real::<true>(&all)), Model::run(&settled));
    }
}
