//! A runtime small enough to read: what `#[gen_server]`, `#[main]` and `#[test]` expect of the crate they are used with.
//!
//! Nothing runs at the same time: a message is handled where it is sent, and what is not ready is polled until it is.

#![allow(
    dead_code,
    unnameable_types,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part of it"
)]

use std::cell::Cell;
use std::fmt;
use std::future::{self, Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

/// Why a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    Normal,
    Custom(String),
}

impl<E: std::error::Error> From<E> for ExitReason {
    fn from(error: E) -> Self {
        Self::Custom(error.to_string())
    }
}

/// Why a server did not start.
#[derive(Debug, PartialEq, Eq)]
pub struct InitError(pub String);

/// Why a call had no reply.
#[derive(Debug, PartialEq, Eq)]
pub enum CallError {
    NoReply,
    Exit(ExitReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pid(pub u64);

#[derive(Debug)]
pub struct Down(pub Pid);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    Permanent,
    Transient,
    Temporary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    BrutalKill,
    Timeout(Duration),
    Infinity,
}

/// What a callback can ask of its process.
pub struct Context<S: GenServer> {
    pub continues: Vec<S::Continue>,
}

impl<S: GenServer> Context<S> {
    pub fn continue_with(&mut self, continuation: S::Continue) {
        self.continues.push(continuation);
    }
}

/// Where the reply of a call goes.
pub struct ReplyTo<T> {
    slot: Arc<Mutex<Option<T>>>,
    held: Arc<Mutex<bool>>,
}

impl<T> ReplyTo<T> {
    pub fn send(self, value: T) {
        *self.slot.lock().unwrap() = Some(value);
    }

    pub fn mark_held(&mut self) {
        *self.held.lock().unwrap() = true;
    }
}

/// The trait that the macro implements.
pub trait GenServer: Sized + Send + 'static {
    type Args: Send + 'static;
    type Call: Send + fmt::Debug + 'static;
    type Cast: Send + fmt::Debug + 'static;
    type Info: Send + fmt::Debug + 'static;
    type Continue: Send + 'static;

    const RESTART: Restart = Restart::Permanent;
    const SHUTDOWN: Shutdown = Shutdown::Timeout(Duration::from_secs(5));
    const FORMATS_MESSAGES: bool = false;

    fn init(args: Self::Args, cx: &mut Context<Self>)
    -> impl Future<Output = Result<Self, InitError>> + Send;

    fn handle_call(
        &mut self,
        call: Self::Call,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send;

    fn handle_cast(
        &mut self,
        cast: Self::Cast,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send;

    fn handle_info(
        &mut self,
        info: Self::Info,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send;

    fn handle_continue(
        &mut self,
        continuation: Self::Continue,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send;

    fn handle_timeout(
        &mut self,
        _cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        future::ready(Ok(()))
    }

    fn handle_down(
        &mut self,
        _down: Down,
        _cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        future::ready(Ok(()))
    }

    fn handle_exit(
        &mut self,
        _from: Pid,
        reason: ExitReason,
        _cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        future::ready(Err(reason))
    }

    fn terminate(
        &mut self,
        _reason: &ExitReason,
        _cx: &mut Context<Self>,
    ) -> impl Future<Output = ()> + Send {
        future::ready(())
    }

    fn format_state(&self) -> Option<String> {
        None
    }

    fn format_call(_call: &Self::Call) -> Option<String> {
        None
    }

    fn format_cast(_cast: &Self::Cast) -> Option<String> {
        None
    }

    fn format_info(_info: &Self::Info) -> Option<String> {
        None
    }

    fn start(args: Self::Args) -> Start<Self> {
        Start { args, linked: false }
    }

    fn start_link(args: Self::Args) -> Start<Self> {
        Start { args, linked: true }
    }

    fn start_monitor(args: Self::Args) -> StartMonitor<Self> {
        StartMonitor(Start { args, linked: false })
    }
}

#[must_use]
pub struct Start<S: GenServer> {
    args: S::Args,
    pub linked: bool,
}

#[must_use]
pub struct StartMonitor<S: GenServer>(Start<S>);

impl<S: GenServer> IntoFuture for Start<S> {
    type Output = Result<ServerRef<S>, InitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut cx = Context { continues: Vec::new() };
            let mut server = S::init(self.args, &mut cx).await?;
            for continuation in std::mem::take(&mut cx.continues) {
                server
                    .handle_continue(continuation, &mut cx)
                    .await
                    .map_err(|_| InitError("crashed".into()))?;
            }
            Ok(ServerRef(Arc::new(Mutex::new(Running { server, cx, crashed: None }))))
        })
    }
}

impl<S: GenServer> IntoFuture for StartMonitor<S> {
    type Output = Result<(ServerRef<S>, u64), InitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok((self.0.await?, 1)) })
    }
}

struct Running<S: GenServer> {
    server: S,
    cx: Context<S>,
    crashed: Option<ExitReason>,
}

/// The address of a server.
pub struct ServerRef<S: GenServer>(Arc<Mutex<Running<S>>>);

impl<S: GenServer> ServerRef<S> {
    /// Runs a callback, as its process would, and keeps the reason of a crash.
    pub fn run(&self, callback: impl AsyncFnOnce(&mut S, &mut Context<S>) -> Result<(), ExitReason>) {
        let Running { server, cx, crashed } = &mut *self.0.lock().unwrap();
        *crashed = block_on(callback(server, cx)).err().or(crashed.take());
    }

    /// Why it crashed, if it has.
    pub fn crashed(&self) -> Option<ExitReason> {
        self.0.lock().unwrap().crashed.clone()
    }

    pub fn info(&self, info: S::Info) {
        self.run(async |server, cx| server.handle_info(info, cx).await);
    }
}

/// What leads to a server.
pub trait Destination<S: GenServer> {
    fn call<T: Send + 'static>(&self, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> Call<S, T>;
    fn cast(&self, cast: S::Cast);
}

impl<S: GenServer> Destination<S> for ServerRef<S> {
    fn call<T: Send + 'static>(&self, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> Call<S, T> {
        let reply = ReplyTo { slot: Arc::default(), held: Arc::default() };
        let (slot, held) = (reply.slot.clone(), reply.held.clone());
        let call = make(reply);
        self.run(async |server, cx| server.handle_call(call, cx).await);
        Call { server: Self(self.0.clone()), slot, held }
    }

    fn cast(&self, cast: S::Cast) {
        self.run(async |server, cx| server.handle_cast(cast, cx).await);
    }
}

/// A call under way.
#[must_use]
pub struct Call<S: GenServer, T> {
    server: ServerRef<S>,
    slot: Arc<Mutex<Option<T>>>,
    held: Arc<Mutex<bool>>,
}

impl<S: GenServer, T> Call<S, T> {
    /// Whether the runner held the reply.
    pub fn was_held(&self) -> bool {
        *self.held.lock().unwrap()
    }
}

impl<S: GenServer, T> Future for Call<S, T> {
    type Output = Result<T, CallError>;

    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let value = self.slot.lock().unwrap().take();
        let error = || self.server.crashed().map_or(CallError::NoReply, CallError::Exit);
        Poll::Ready(value.ok_or_else(error))
    }
}

/// Polls a future until it is ready.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
            return value;
        }
    }
}

/// Is not ready at first, so that what awaits it has an await point.
pub async fn yield_now() {
    let mut polled = false;
    future::poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
}

/// What `#[main]` and `#[test]` call.
pub mod __private {
    use super::{Cell, Future, block_on};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Flavor {
        MultiThread,
        CurrentThread,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Options {
        pub flavor: Flavor,
        pub worker_threads: Option<usize>,
        pub start_paused: bool,
    }

    thread_local! {
        /// The options of this thread's last run.
        pub static LAST: Cell<Option<Options>> = const { Cell::new(None) };
    }

    pub fn main<F: Future>(options: Options, future: F) -> F::Output {
        LAST.set(Some(options));
        block_on(future)
    }

    pub fn test<F: Future>(options: Options, future: F) -> F::Output {
        main(options, future)
    }
}
