//! [`Stop`]: stopping a server and waiting until it is gone.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, Reply, request};
use otp_core::{ExitReason, Pid, process};

use crate::blocking::block_on;
use crate::destination::ResolveError;
use crate::message::{ServerMessage, StopRequest, System};
use crate::server::GenServer;
use crate::server_ref::ServerRef;

/// Why a stop did not go as asked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StopError {
    /// There is no such server.
    NoProc,
    /// It had not ended when the time was up; it still may.
    Timeout,
    /// It ended, with another reason.
    Exit(ExitReason),
    /// A server tried to stop itself this way: `cx.stop(reason)` does it.
    CallingSelf,
    /// The process behind the name is another kind of server.
    WrongServer(Pid),
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("no such server"),
            Self::Timeout => f.write_str("the server had not ended in time"),
            Self::Exit(reason) => write!(f, "the server ended with another reason: {reason}"),
            Self::CallingSelf => f.write_str("a server tried to stop itself and wait for it"),
            Self::WrongServer(pid) => write!(f, "{pid} is another kind of server"),
        }
    }
}

impl std::error::Error for StopError {}

/// A server about to be stopped: `.await` it until the process is gone and its name free.
///
/// By default with reason `Normal` and without limit of time. The request waits behind the messages that the server
/// has already; they are handled first.
///
/// # Cancel safety
///
/// Dropped after its first poll, the server still stops.
///
/// # Counterpart
///
/// `gen_server:stop/1,3`, `GenServer.stop/3`.
#[must_use = "a server is stopped when this is awaited"]
pub struct Stop<S: GenServer> {
    server: Result<ServerRef<S>, ResolveError>,
    reason: ExitReason,
    limit: Option<Duration>,
    drain: bool,
}

impl<S: GenServer> Stop<S> {
    pub(crate) const fn new(server: Result<ServerRef<S>, ResolveError>) -> Self {
        Self { server, reason: ExitReason::Normal, limit: None, drain: false }
    }

    /// Stops it with this reason.
    pub fn reason(mut self, reason: ExitReason) -> Self {
        self.reason = reason;
        self
    }

    /// Has the server finish its work first: when it comes to the request, its mailbox is closed, everything that stands in
    /// it is handled, and then it stops. Meanwhile it accepts no call, cast or info, as if it were dead; `stop` and
    /// [`sys`](crate::sys) still reach it. Its streams are dropped, and one that is suspended goes on.
    ///
    /// Whoever stops it meanwhile, also without this, waits for the same end, and the reason of the first one counts. What ends a
    /// server otherwise cuts the drain short: a crash, [`Context::stop`](crate::Context::stop),
    /// [`sys::terminate`](crate::sys::terminate), an exit signal.
    ///
    /// Without this, what was sent before the request is handled, and what was sent after it is dropped.
    ///
    /// # Counterpart
    ///
    /// None.
    pub const fn drain(mut self) -> Self {
        self.drain = true;
        self
    }

    /// Waits this long.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Stops it, and waits on this thread, as [`Call::blocking`](crate::Call::blocking) does.
    ///
    /// # Errors
    ///
    /// [`StopError`].
    ///
    /// # Panics
    ///
    /// As [`Call::blocking`](crate::Call::blocking).
    pub fn blocking(mut self) -> Result<(), StopError> {
        let limit = self.limit.take();
        block_on(self.into_future(), limit).unwrap_or(Err(StopError::Timeout))
    }
}

impl<S: GenServer> IntoFuture for Stop<S> {
    type Output = Result<(), StopError>;
    type IntoFuture = Stopping<S>;

    fn into_future(self) -> Stopping<S> {
        Stopping { stop: Some(self), wait: None }
    }
}

impl<S: GenServer> fmt::Debug for Stop<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop")
            .field("reason", &self.reason)
            .field("timeout", &self.limit)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

/// The future of [`Stop`].
#[must_use = "a server is stopped when this is awaited"]
#[derive(Debug)]
pub struct Stopping<S: GenServer> {
    /// `None` once asked.
    stop: Option<Stop<S>>,
    wait: Option<(ExitReason, Awaiting<Infallible>)>,
}

impl<S: GenServer> Unpin for Stopping<S> {}

fn ask<S: GenServer>(stop: Stop<S>) -> Result<(ExitReason, Awaiting<Infallible>), StopError> {
    let server = stop.server.map_err(|error| match error {
        ResolveError::NoProc => StopError::NoProc,
        ResolveError::WrongServer(pid) => StopError::WrongServer(pid),
    })?;
    let pid = server.pid();
    if process::current() == Some(pid) {
        return Err(StopError::CallingSelf);
    }
    // The runner holds `reply_to` to the end: no need for a handle of its own on the request.
    let (reply_to, reply, _): (_, Reply<Infallible>, _) = request(pid);
    let request = StopRequest { reason: stop.reason.clone(), drain: stop.drain, _held: reply_to };
    let system = System::Stop(request);
    server.process().try_send(ServerMessage::System(Box::new(system))).map_err(|_| StopError::NoProc)?;
    Ok((stop.reason, Awaiting::new(reply, stop.limit)))
}

impl<S: GenServer> Future for Stopping<S> {
    type Output = Result<(), StopError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if let Some(stop) = self.stop.take() {
            self.wait = Some(ask(stop)?);
        }
        let Some((asked, awaiting)) = &mut self.wait else { panic!("a stop was polled after it was ready") };
        let result = match ready!(awaiting.poll(cx)) {
            Some(Answer::Exit(reason)) if reason == *asked => Ok(()),
            Some(Answer::Exit(reason)) => Err(StopError::Exit(reason)),
            Some(Answer::Value(never)) => match never {},
            Some(Answer::NoReply) => Err(StopError::NoProc),
            None => Err(StopError::Timeout),
        };
        self.wait = None;
        Poll::Ready(result)
    }
}
