//! [`SysCall`]: one request to a server's runner and the wait for its answer.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use otp_core::{ExitReason, Pid};

use crate::call::{Call, CallError};
use crate::context::Context;
use crate::destination::Destination;
use crate::exclusive::Exclusive;
use crate::message::{ServerMessage, System};
use crate::server::GenServer;

/// Why a server did not do what `sys` asked.
///
/// # Counterpart
///
/// What the functions of `sys` exit the caller with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SysError {
    /// There is no such server.
    NoProc,
    /// It did not come to it in time; it still may.
    Timeout,
    /// It ended first.
    Exit(ExitReason),
    /// A server asked this of itself.
    CallingSelf,
    /// Waiting could never end: these servers wait for each other, the caller first. Nothing was sent.
    Deadlock(Vec<Pid>),
    /// The process behind the name is another kind of server.
    WrongServer(Pid),
    /// The function that was to run in the server panicked; the server goes on.
    Panic(ExitReason),
    /// The log file could not be made.
    File(io::ErrorKind),
    /// The server dropped the request without an answer, and lives.
    NoReply,
}

impl fmt::Display for SysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("no such server"),
            Self::Timeout => f.write_str("the server did not come to it in time"),
            Self::Exit(reason) => write!(f, "the server ended first: {reason}"),
            Self::CallingSelf => f.write_str("a server asked this of itself"),
            Self::Deadlock(cycle) => CallError::Deadlock(cycle.clone()).fmt(f),
            Self::WrongServer(pid) => write!(f, "{pid} is another kind of server"),
            Self::Panic(reason) => write!(f, "the function panicked: {reason}"),
            Self::File(kind) => write!(f, "the log file could not be made: {kind}"),
            Self::NoReply => f.write_str("the server dropped the request without an answer"),
        }
    }
}

impl std::error::Error for SysError {}

impl From<CallError> for SysError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoProc => Self::NoProc,
            CallError::Timeout => Self::Timeout,
            CallError::Exit(reason) => Self::Exit(reason),
            CallError::CallingSelf => Self::CallingSelf,
            CallError::Deadlock(cycle) => Self::Deadlock(cycle),
            CallError::WrongServer(pid) => Self::WrongServer(pid),
            // System messages are not bound; an answer that is dropped is none.
            CallError::NoReply | CallError::Full => Self::NoReply,
        }
    }
}

/// A request of [`sys`](crate::sys) on its way: `.await` it.
///
/// It is sent at the first poll, takes its place behind the messages that the server has already, and waits 5 seconds
/// unless [`timeout`](Self::timeout) or [`infinity`](Self::infinity) says otherwise.
///
/// # Errors
///
/// [`SysError`].
///
/// # Panics
///
/// With a time limit, outside a tokio runtime, if the answer is not there at once: nothing could measure the time.
///
/// # Cancel safety
///
/// Dropped before its first poll, nothing was sent. Dropped later, the server still does what was asked.
#[must_use = "a system request is sent when it is awaited"]
pub struct SysCall<S: GenServer, T: Send + 'static> {
    call: Call<S, Result<T, SysError>>,
}

impl<S: GenServer, T: Send + 'static> SysCall<S, T> {
    /// Has `run` run in the server's process, between two messages.
    pub(crate) fn new(
        server: &(impl Destination<S> + ?Sized),
        run: impl FnOnce(&mut S, &mut Context<S>) -> Result<T, SysError> + Send + 'static,
    ) -> Self {
        let call = match server.resolve() {
            Ok(server) => Call::of(server, |reply, _| {
                let run = move |server: &mut S, cx: &mut Context<S>| reply.send(run(server, cx));
                ServerMessage::System(Box::new(System::Run(Exclusive::new(Box::new(run)))))
            }),
            Err(error) => Call::ready(Err(error.into())),
        };
        Self { call }
    }

    /// Waits this long, counted from the first poll.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { call: self.call.timeout(limit) }
    }

    /// Waits however long it takes.
    pub fn infinity(self) -> Self {
        Self { call: self.call.infinity() }
    }

    /// As [`Call::blocking`].
    ///
    /// # Errors
    ///
    /// [`SysError`].
    ///
    /// # Panics
    ///
    /// In a process that is not a thread process.
    pub fn blocking(self) -> Result<T, SysError> {
        self.call.blocking()?
    }
}

impl<S: GenServer, T: Send + 'static> Future for SysCall<S, T> {
    type Output = Result<T, SysError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.call).poll(cx))?)
    }
}

impl<S: GenServer, T: Send + 'static> fmt::Debug for SysCall<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SysCall").field(&self.call).finish()
    }
}
