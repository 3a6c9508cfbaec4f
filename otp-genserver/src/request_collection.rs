//! [`RequestCollection`]: many requests, whose answers are fetched as they come.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker, ready};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use otp_core::ReplyTo;
use otp_core::behaviour::Deadline;

use crate::call::CallError;
use crate::destination::Destination;
use crate::request_id::RequestId;
use crate::server::GenServer;

/// An answer with the label of its request.
type Labelled<L, T> = (L, Result<T, CallError>);

/// Requests with labels, whose answers come out in the order in which they arrive.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use otp_genserver::{InitError, RequestCollection, gen_server};
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
///     let mut requests = RequestCollection::new();
///     for n in 1..=3 {
///         requests.send(n, &squares, |reply| SquaresCall::Square(n, reply));
///     }
///     let mut sum = 0;
///     while let Some((n, square)) = requests.receive_response(Duration::from_secs(1)).await? {
///         assert_eq!(square?, n * n);
///         sum += n;
///     }
///     assert_eq!(sum, 6);
///     Ok(())
/// }
/// ```
///
/// # Counterpart
///
/// `gen_server:reqids_new/0`, `reqids_add/3`, `reqids_size/1`, and `receive_response/3`, `wait_response/3`,
/// `check_response/3` on the collection. The order is that of arrival from the moment on that a request is in the
/// collection: among answers that were there before it was added, the order of adding.
#[must_use = "dropped, the answers are dropped"]
pub struct RequestCollection<L, T: Send + 'static> {
    waiting: FuturesUnordered<Member<L, T>>,
    /// Answered before somebody asked.
    answered: VecDeque<Labelled<L, T>>,
}

/// No answer came in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to add")]
pub struct ResponseTimeout;

impl fmt::Display for ResponseTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer came in time")
    }
}

impl std::error::Error for ResponseTimeout {}

impl<L, T: Send + 'static> RequestCollection<L, T> {
    /// Without requests.
    pub fn new() -> Self {
        Self { waiting: FuturesUnordered::new(), answered: VecDeque::new() }
    }

    /// Sends a request, and adds it under a label. As [`Destination::send_request`] and [`add`](Self::add).
    pub fn send<S: GenServer>(
        &mut self,
        label: L,
        server: &(impl Destination<S> + ?Sized),
        make: impl FnOnce(ReplyTo<T>) -> S::Call,
    ) {
        self.add(label, RequestId::send(server, make));
    }

    /// Adds a request under a label. Labels need not differ.
    ///
    /// # Panics
    ///
    /// When the answer was given out already.
    pub fn add(&mut self, label: L, request: RequestId<T>) {
        self.waiting.push(Member { label: Some(label), request });
        // A first poll, so that its answer counts from now on as arrived when it arrives.
        self.collect();
    }

    /// How many requests it has whose answers were not given out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.answered.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next answer with its label, or `None` at once if there are no more requests. When there is none within `limit`,
    /// all requests are given up, and the collection is empty.
    ///
    /// # Errors
    ///
    /// [`ResponseTimeout`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, if no answer is there at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    pub async fn receive_response(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Labelled<L, T>>, ResponseTimeout> {
        let response = self.wait_response(limit).await;
        if response.is_err() {
            *self = Self::new();
        }
        response
    }

    /// As [`receive_response`](Self::receive_response), but all requests stand when the time is up.
    ///
    /// # Errors
    ///
    /// [`ResponseTimeout`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, if no answer is there at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    pub async fn wait_response(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Labelled<L, T>>, ResponseTimeout> {
        let mut deadline = Deadline::after(Some(limit));
        poll_fn(|cx| {
            if let Poll::Ready(response) = self.poll_response(cx) {
                return Poll::Ready(Ok(response));
            }
            ready!(deadline.poll_passed(cx));
            // One may have come in between.
            Poll::Ready(match self.check_response() {
                Some(response) => Ok(Some(response)),
                None => Err(ResponseTimeout),
            })
        })
        .await
    }

    /// The next answer with its label, however long it takes; `None` at once if there are no more requests.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    pub async fn next_response(&mut self) -> Option<Labelled<L, T>> {
        poll_fn(|cx| self.poll_response(cx)).await
    }

    /// The next answer with its label, if one is there.
    pub fn check_response(&mut self) -> Option<Labelled<L, T>> {
        self.collect();
        self.answered.pop_front()
    }

    fn poll_response(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Labelled<L, T>>> {
        match self.answered.pop_front() {
            Some(response) => Poll::Ready(Some(response)),
            None => self.waiting.poll_next_unpin(cx),
        }
    }

    /// Puts aside what has arrived.
    fn collect(&mut self) {
        let mut cx = TaskContext::from_waker(Waker::noop());
        while let Poll::Ready(Some(response)) = self.waiting.poll_next_unpin(&mut cx) {
            self.answered.push_back(response);
        }
    }
}

impl<L, T: Send + 'static> Default for RequestCollection<L, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L, T: Send + 'static> fmt::Debug for RequestCollection<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestCollection").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// One request of a collection.
struct Member<L, T: Send + 'static> {
    /// `None` once answered.
    label: Option<L>,
    request: RequestId<T>,
}

/// Nothing in it is ever pinned.
impl<L, T: Send + 'static> Unpin for Member<L, T> {}

impl<L, T: Send + 'static> Future for Member<L, T> {
    type Output = Labelled<L, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.request.poll_answer(cx));
        match self.label.take() {
            Some(label) => Poll::Ready((label, answer)),
            None => panic!("a request was polled after it was answered"),
        }
    }
}
