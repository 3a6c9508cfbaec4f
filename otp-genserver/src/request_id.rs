//! [`RequestId`]: a request that was sent, and whose answer is fetched when it suits.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use otp_core::ReplyTo;
use otp_core::behaviour::{Answer, Deadline, Reply, request};
use otp_core::{SendError, SendErrorKind};

use crate::blocking::block_on;
use crate::call::CallError;
use crate::destination::Destination;
use crate::message::ServerMessage;
use crate::server::GenServer;

/// A request that was sent. Dropped, its answer is dropped.
///
/// It is a future as well: `.await` waits for the answer without limit.
///
/// Nothing shows the sender as waiting, so a circle of servers that wait for each other this way is not refused as a
/// [`Deadlock`](CallError::Deadlock): a time limit ends it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use otp_genserver::{Destination, InitError, gen_server};
///
/// struct Squares;
///
/// #[gen_server]
/// impl Squares {
///     async fn init() -> Result<Self, InitError> { Ok(Self) }
///     #[call] fn square(&self, n: u64) -> u64 { n * n }
/// }
///
/// #[otp_genserver::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let squares = Squares::start().await?;
///     let nine = squares.send_request(|reply| SquaresCall::Square(3, reply));
///     // Something else, while the server works …
///     assert_eq!(nine.receive_response(Duration::from_secs(1)).await?, 9);
///     Ok(())
/// }
/// ```
///
/// # Counterpart
///
/// The request id of `gen_server:send_request/2`.
#[must_use = "dropped, the answer is dropped"]
pub struct RequestId<T: Send + 'static> {
    stage: Stage<T>,
}

enum Stage<T: Send + 'static> {
    Sent(Reply<T>),
    /// It was never sent: the news comes when the answer is asked for.
    Failed(CallError),
    Over,
}

impl<T: Send + 'static> RequestId<T> {
    pub(crate) fn send<S: GenServer>(
        server: &(impl Destination<S> + ?Sized),
        make: impl FnOnce(ReplyTo<T>) -> S::Call,
    ) -> Self {
        let server = match server.resolve() {
            Ok(server) => server,
            Err(error) => return Self { stage: Stage::Failed(error.into()) },
        };
        let (reply_to, reply, request) = request(server.pid());
        let sent = server.process().try_send_request(ServerMessage::Call(make(reply_to), request));
        let stage = match sent.as_ref().map_err(SendError::kind) {
            Ok(()) => Stage::Sent(reply),
            Err(SendErrorKind::Full) => Stage::Failed(CallError::Full),
            Err(_) => Stage::Failed(CallError::NoProc),
        };
        Self { stage }
    }

    /// Waits for the answer, for `limit` at most. An answer that comes later is dropped.
    ///
    /// # Errors
    ///
    /// [`CallError`]: as a call's.
    ///
    /// # Panics
    ///
    /// When the answer was given out already. Outside a tokio runtime, if the answer is not there at once.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the request is given up.
    ///
    /// # Counterpart
    ///
    /// `gen_server:receive_response/2`.
    pub async fn receive_response(mut self, limit: Duration) -> Result<T, CallError> {
        self.wait_response(limit).await.unwrap_or(Err(CallError::Timeout))
    }

    /// As [`receive_response`](Self::receive_response), on this thread, as [`Call::blocking`](crate::Call::blocking) waits.
    ///
    /// # Errors
    ///
    /// [`CallError`]: as a call's.
    ///
    /// # Panics
    ///
    /// When the answer was given out already, and as [`Call::blocking`](crate::Call::blocking).
    pub fn receive_response_blocking(self, limit: Duration) -> Result<T, CallError> {
        block_on(self, Some(limit)).unwrap_or(Err(CallError::Timeout))
    }

    /// Waits for the answer, for `limit` at most; `None` when the time is up. The request stands, and its answer can be
    /// waited for again.
    ///
    /// # Panics
    ///
    /// When the answer was given out already. Outside a tokio runtime, if the answer is not there at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    ///
    /// # Counterpart
    ///
    /// `gen_server:wait_response/2`.
    pub async fn wait_response(&mut self, limit: Duration) -> Option<Result<T, CallError>> {
        let mut deadline = Deadline::after(Some(limit));
        poll_fn(|cx| {
            if let Poll::Ready(answer) = self.poll_answer(cx) {
                return Poll::Ready(Some(answer));
            }
            ready!(deadline.poll_passed(cx));
            // It may have come in between.
            Poll::Ready(self.check_response())
        })
        .await
    }

    /// The answer, if it is there.
    ///
    /// # Panics
    ///
    /// When the answer was given out already.
    ///
    /// # Counterpart
    ///
    /// `gen_server:check_response/2`, which looks whether a given message is the answer. Here answers do not stand in the
    /// mailbox.
    pub fn check_response(&mut self) -> Option<Result<T, CallError>> {
        let Stage::Sent(reply) = &mut self.stage else { return Some(self.take_failure()) };
        let answer = reply.try_answer()?;
        Some(self.take(answer))
    }

    pub(crate) fn poll_answer(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<T, CallError>> {
        let Stage::Sent(reply) = &mut self.stage else { return Poll::Ready(self.take_failure()) };
        let answer = ready!(reply.poll_answer(cx));
        Poll::Ready(self.take(answer))
    }

    fn take(&mut self, answer: Answer<T>) -> Result<T, CallError> {
        self.stage = Stage::Over;
        match answer {
            Answer::Value(value) => Ok(value),
            Answer::Exit(reason) => Err(CallError::Exit(reason)),
            Answer::NoReply => Err(CallError::NoReply),
        }
    }

    fn take_failure(&mut self) -> Result<T, CallError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Failed(error) => Err(error),
            _ => panic!("the answer to this request was given out already"),
        }
    }
}

/// Nothing in it is ever pinned.
impl<T: Send + 'static> Unpin for RequestId<T> {}

impl<T: Send + 'static> Future for RequestId<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.poll_answer(cx)
    }
}

impl<T: Send + 'static> fmt::Debug for RequestId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Sent(_) => "sent",
            Stage::Failed(_) => "failed",
            Stage::Over => "over",
        };
        write!(f, "RequestId({stage})")
    }
}
