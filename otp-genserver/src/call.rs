//! [`Call`]: one request and the wait for its answer; the errors of call and cast.
//!
//! Cost of a call: one allocation (the reply's slot), one push into the server's queue. A server that is idle and known to
//! be quick is polled in place, at the cost of two operations on its run token; any other costs one wake-up each way. The
//! time limit costs one look at the clock, and a timer only when the process has no earlier one armed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, Calling, Reply, Request, RequestError, is_dying, request};
use otp_core::{ExitReason, Pid, ReplyTo, SendError, SendErrorKind, SendWait, process};
use tracing::Span;
use tracing::level_filters::LevelFilter;

use crate::blocking::block_on;
use crate::destination::ResolveError;
use crate::message::ServerMessage;
use crate::server::GenServer;
use crate::server_ref::ServerRef;

/// How long a call waits unless told otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call has no answer.
///
/// # Counterpart
///
/// The reasons that `gen_server:call` exits with: `noproc`, `timeout`, `calling_self`, or the server's own.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such server: it is dead, or nobody has the name.
    NoProc,
    /// No answer came in time. One that comes later is dropped.
    Timeout,
    /// The server ended before it answered.
    Exit(ExitReason),
    /// A server called itself.
    CallingSelf,
    /// Waiting could never end: these servers wait for each other, the caller first. Nothing was sent.
    Deadlock(Vec<Pid>),
    /// The server dropped the request without an answer, and lives.
    NoReply,
    /// The server's mailbox is full. Nothing was sent.
    Full,
    /// The process behind the name is another kind of server.
    WrongServer(Pid),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("no such server"),
            Self::Timeout => f.write_str("the server did not answer in time"),
            Self::Exit(reason) => write!(f, "the server ended before it answered: {reason}"),
            Self::CallingSelf => f.write_str("a server called itself"),
            Self::Deadlock(cycle) => {
                f.write_str("a deadlock: ")?;
                for pid in cycle {
                    write!(f, "{pid} calls ")?;
                }
                cycle.first().map_or(Ok(()), |first| write!(f, "{first}"))
            }
            Self::NoReply => f.write_str("the server dropped the request without an answer"),
            Self::Full => f.write_str("the server's mailbox is full"),
            Self::WrongServer(pid) => write!(f, "{pid} is another kind of server"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<ResolveError> for CallError {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NoProc => Self::NoProc,
            ResolveError::WrongServer(pid) => Self::WrongServer(pid),
        }
    }
}

/// Why a cast was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CastErrorKind {
    /// There is no such server: it is dead, or nobody has the name.
    NoProc,
    /// The server's mailbox is full.
    Full,
    /// The process behind the name is another kind of server.
    WrongServer(Pid),
}

impl fmt::Display for CastErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("no such server"),
            Self::Full => f.write_str("the server's mailbox is full"),
            Self::WrongServer(pid) => write!(f, "{pid} is another kind of server"),
        }
    }
}

impl From<ResolveError> for CastErrorKind {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NoProc => Self::NoProc,
            ResolveError::WrongServer(pid) => Self::WrongServer(pid),
        }
    }
}

/// The message was not sent; it comes back.
#[derive(Clone, PartialEq, Eq)]
pub struct CastError<M> {
    message: M,
    kind: CastErrorKind,
}

impl<M> CastError<M> {
    pub(crate) fn new(message: M, kind: impl Into<CastErrorKind>) -> Self {
        Self { message, kind: kind.into() }
    }

    /// The message that was not sent.
    pub fn into_inner(self) -> M {
        self.message
    }

    /// Why it was not sent.
    pub const fn kind(&self) -> CastErrorKind {
        self.kind
    }
}

impl<S: GenServer> From<SendError<ServerMessage<S>>> for CastError<S::Cast> {
    fn from(error: SendError<ServerMessage<S>>) -> Self {
        let kind = match error.kind() {
            SendErrorKind::Full => CastErrorKind::Full,
            _ => CastErrorKind::NoProc,
        };
        match error.into_inner() {
            ServerMessage::Cast(cast) => Self::new(cast, kind),
            _ => unreachable!("the message that was sent comes back"),
        }
    }
}

impl<M> fmt::Debug for CastError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CastError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for CastError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl<M> std::error::Error for CastError<M> {}

/// A request on its way: `.await` it for the answer.
///
/// It is sent at the first poll, and waits 5 seconds unless [`timeout`](Self::timeout) or
/// [`infinity`](Self::infinity) says otherwise.
///
/// Meanwhile its process is shown as waiting for the server, by [`process::info`] and to those who look for a
/// [`Deadlock`](CallError::Deadlock). A process that waits for several answers at a time is shown as waiting for the last one it
/// asked for, so a circle through another of them goes unnoticed, and their time limits end it. A call that is begun in one
/// process and awaited in another is not shown.
///
/// # Errors
///
/// [`CallError`] says what can come instead of an answer, and each comes at once.
///
/// # Panics
///
/// With a time limit, outside a tokio runtime, if the answer is not there at once: nothing could measure the time.
///
/// # Counterpart
///
/// `gen_server:call/2,3`, `GenServer.call/3`, which exit the caller where this returns an error.
///
/// # Cancel safety
///
/// Dropped before its first poll, nothing was sent. Dropped later, the server still handles the request, and its
/// answer is dropped.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<S: GenServer, T: Send + 'static> {
    stage: Stage<S, T>,
    limit: Option<Duration>,
    refuse_cycles: bool,
}

enum Stage<S: GenServer, T: Send + 'static> {
    Unsent {
        server: ServerRef<S>,
        message: ServerMessage<S>,
        reply: Reply<T>,
    },
    /// The server's mailbox is full: the request waits for room, within the time limit of the answer.
    Queueing(Box<Queueing<S, T>>),
    /// Shown as waiting for the server as long as it waits.
    Sent {
        awaiting: Awaiting<T>,
        shown: Calling,
    },
    Ready(Result<T, CallError>),
    Over,
}

/// A request that waits for room. Few ever do, so it is boxed.
struct Queueing<S: GenServer, T: Send + 'static> {
    room: SendWait<ServerMessage<S>>,
    awaiting: Awaiting<T>,
    shown: Calling,
}

impl<S: GenServer, T: Send + 'static> Call<S, T> {
    pub(crate) fn new(server: ServerRef<S>, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> Self {
        Self::of(server, |reply_to, request| ServerMessage::Call(make(reply_to), request))
    }

    /// A call by any message that carries the reply.
    pub(crate) fn of(
        server: ServerRef<S>,
        make: impl FnOnce(ReplyTo<T>, Request) -> ServerMessage<S>,
    ) -> Self {
        let (reply_to, reply, request) = request(server.pid());
        let message = make(reply_to, request);
        Self {
            stage: Stage::Unsent { server, message, reply },
            limit: Some(DEFAULT_TIMEOUT),
            refuse_cycles: true,
        }
    }

    /// A call that has its result already: for mocks of a client trait.
    pub const fn ready(result: Result<T, CallError>) -> Self {
        Self { stage: Stage::Ready(result), limit: None, refuse_cycles: false }
    }

    /// Waits this long for the answer, counted from the first poll.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Waits for the answer however long it takes.
    pub const fn infinity(mut self) -> Self {
        self.limit = None;
        self
    }

    /// Sends even if the servers that wait for each other would then wait in a circle. For a caller that waits for
    /// something else at the same time.
    pub const fn allow_cycle(mut self) -> Self {
        self.refuse_cycles = false;
        self
    }

    /// Sends the request and waits for the answer on this thread: a plain thread, or a thread process. The time limit counts in
    /// real time.
    ///
    /// Plain asynchronous code should `.await` instead. In a task of a multi-thread runtime this works, at the price of
    /// [`tokio::task::block_in_place`]; on a current-thread runtime it blocks the only thread, so that a server there cannot
    /// answer.
    ///
    /// # Errors
    ///
    /// As the call's.
    ///
    /// # Panics
    ///
    /// In a process that is not a thread process, and in a `LocalSet` of a multi-thread runtime.
    pub fn blocking(mut self) -> Result<T, CallError> {
        let limit = self.limit.take();
        block_on(self, limit).unwrap_or(Err(CallError::Timeout))
    }

    /// Whether the server may have run in here meanwhile.
    fn send(&mut self) -> Result<bool, CallError> {
        let Stage::Unsent { server, message, reply } = std::mem::replace(&mut self.stage, Stage::Over) else {
            panic!("a call was polled after it was ready")
        };
        if process::current() == Some(server.pid()) {
            return Err(CallError::CallingSelf);
        }
        let awaiting = Awaiting::new(reply, self.limit);
        // What the server does in place is done in the caller's span, and in the request's: only where there is neither.
        let in_place = S::POLLED_BY_CALLERS && message.is_call_without_span() && is_outside_any_span();
        let sent = if in_place {
            server.into_process().try_request_in_place(message, self.refuse_cycles)
        } else {
            server.process().try_request(message, self.refuse_cycles)
        };
        self.stage = match sent {
            Ok(shown) => Stage::Sent { awaiting, shown },
            Err(RequestError::Wait(room, shown)) => {
                Stage::Queueing(Box::new(Queueing { room, awaiting, shown }))
            }
            Err(RequestError::Deadlock(cycle)) => return Err(CallError::Deadlock(cycle)),
            Err(RequestError::Full) => return Err(CallError::Full),
            Err(_) => return Err(CallError::NoProc),
        };
        Ok(in_place)
    }

    /// Waits for room. The time counts already; a server that dies meanwhile ends the wait.
    #[cold]
    fn poll_queueing(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), CallError>> {
        let Stage::Queueing(queueing) = &mut self.stage else { return Poll::Ready(Ok(())) };
        queueing.shown.goes_on_here();
        if queueing.room.poll_request(cx, &queueing.shown).map_err(|_| CallError::NoProc)?.is_pending() {
            return queueing.awaiting.poll_passed(cx).map(|()| Err(CallError::Timeout));
        }
        if let Stage::Queueing(queueing) = std::mem::replace(&mut self.stage, Stage::Over) {
            let Queueing { awaiting, shown, .. } = *queueing;
            self.stage = Stage::Sent { awaiting, shown };
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether the code that runs now is in no tracing span. Without a subscriber that costs one load.
#[inline]
fn is_outside_any_span() -> bool {
    LevelFilter::current() == LevelFilter::OFF || Span::current().is_none()
}

/// Nothing in it is ever pinned.
impl<S: GenServer, T: Send + 'static> Unpin for Call<S, T> {}

impl<S: GenServer, T: Send + 'static> Future for Call<S, T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if let Stage::Unsent { .. } = self.stage {
            // An exit signal that the server sent, or died of, comes before its answer, as ever. Who is not driven, but blocks
            // its thread until this is ready, polls again.
            if self.send()? && is_dying() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if let Stage::Queueing(_) = self.stage {
            ready!(self.poll_queueing(cx))?;
        }
        let result = match &mut self.stage {
            Stage::Sent { awaiting, shown } => match awaiting.poll(cx) {
                Poll::Pending => {
                    shown.goes_on_here();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Answer::Value(value))) => Ok(value),
                Poll::Ready(Some(Answer::Exit(reason))) => Err(CallError::Exit(reason)),
                Poll::Ready(Some(Answer::NoReply)) => Err(CallError::NoReply),
                Poll::Ready(None) => Err(CallError::Timeout),
            },
            _ => match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Ready(result) => return Poll::Ready(result),
                _ => panic!("a call was polled after it was ready"),
            },
        };
        self.stage = Stage::Over;
        Poll::Ready(result)
    }
}

impl<S: GenServer, T: Send + 'static> fmt::Debug for Call<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("limit", &self.limit).finish_non_exhaustive()
    }
}
