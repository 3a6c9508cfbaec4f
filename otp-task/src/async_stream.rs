//! [`AsyncStream`]: a task for each element of a stream or an iterator, so many at a time, and their results as a stream.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::available_parallelism;
use std::time::Duration;

use futures_core::Stream;
use otp_core::behaviour::{Spawn, is_dying};
use otp_core::process;

use crate::in_flight::{Begun, InFlight};
use crate::items::Items;
use crate::launch::Async;
use crate::on_exit::{OnExit, ReasonAlone, WithInput};
#[cfg(feature = "supervisor")]
use crate::supervised::Supervision;
use crate::task::{DEFAULT_TIMEOUT, launch_for_reply};

/// A task for each item of `input`: a stream of their results, in the order of the items. See [`AsyncStream`].
///
/// # Panics
///
/// When it is polled outside a tokio runtime.
///
/// # Counterpart
///
/// `Task.async_stream/3`.
pub fn async_stream<I, F, Fut>(input: I, function: F) -> AsyncStream<Items<I::IntoIter>, F, Fut>
where
    I: IntoIterator<Item: Send + 'static>,
    F: Fn(I::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    async_stream_of(Items(input.into_iter()), function)
}

/// As [`async_stream`], for the items of a stream.
///
/// # Panics
///
/// When it is polled outside a tokio runtime.
pub fn async_stream_of<S, F, Fut>(input: S, function: F) -> AsyncStream<S, F, Fut>
where
    S: Stream<Item: Send + 'static>,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    AsyncStream {
        input: Some(Box::pin(input)),
        function: Arc::new(function),
        most: available_parallelism().map_or(1, NonZeroUsize::get),
        ordered: true,
        limit: Some(DEFAULT_TIMEOUT),
        on_timeout: OnTimeout::Exit,
        #[cfg(feature = "supervisor")]
        supervision: None,
        tasks: None,
        types: PhantomData,
    }
}

/// What happens when a task of a stream takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "Elixir has these two")]
pub enum OnTimeout {
    /// The consumer ends with [`TimedOut`], and with it the other tasks. Outside any process the stream ends, after an `Err` in
    /// the place of that element.
    #[default]
    Exit,
    /// The task is killed, and its element is `Err` with [`TimedOut`].
    KillTask,
}

/// A task of a stream took longer than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timeout")
    }
}

impl std::error::Error for TimedOut {}

/// A stream of the results of tasks, one for each element of its input: `Ok`, or `Err` with the reason of a task that ended
/// without one.
///
/// Nothing runs before it is polled. Then at most [`max_concurrency`](Self::max_concurrency) tasks run at a time, and no more
/// elements than that are taken from the input ahead of the results. So one that takes long holds up the others, if they are
/// wanted in their order, when that many wait for it.
///
/// The tasks belong to the process that consumes the stream, whoever made it, and are linked to it: unless it traps exits, one that
/// crashes takes it along, and it takes them. Unlike other links, these put no EXIT into its mailbox: what became of a task,
/// its element says. [`async_stream_nolink`](crate::TaskSupervisorClient::async_stream_nolink) does without, and so does
/// plain tokio code.
///
/// # Stopping early
///
/// Dropping the stream ends the tasks that run, without a message to anyone. They are gone a moment later;
/// [`close`](Self::close) waits for that. A stream that has come to its end leaves no task behind.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use otp_task::async_stream;
///
/// # #[otp_core::main]
/// # async fn main() {
/// let squares = async_stream(1..=5, |n| async move { n * n }).max_concurrency(2);
/// let squares: Vec<_> = squares.collect().await;
/// assert_eq!(squares, [1, 4, 9, 16, 25].map(Ok));
/// # }
/// ```
///
/// # Panics
///
/// As the input does: its tasks are ended first.
///
/// # Counterpart
///
/// The stream of `Task.async_stream/3`, which goes on taking elements while an earlier one holds up their results.
#[must_use = "nothing runs until it is polled"]
pub struct AsyncStream<S, F, Fut, Z = ReasonAlone>
where
    S: Stream,
    Fut: Future<Output: Send + 'static>,
    Z: OnExit<S::Item>,
{
    /// `None` once it has come to its end.
    input: Option<Pin<Box<S>>>,
    function: Arc<F>,
    most: usize,
    ordered: bool,
    limit: Option<Duration>,
    on_timeout: OnTimeout,
    #[cfg(feature = "supervisor")]
    supervision: Option<Supervision>,
    /// From the first poll on.
    tasks: Option<InFlight<Z::Kept, Fut::Output>>,
    types: PhantomData<fn() -> (Fut, Z)>,
}

impl<S, F, Fut, Z> AsyncStream<S, F, Fut, Z>
where
    S: Stream<Item: Send + 'static>,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    Z: OnExit<S::Item>,
{
    /// How many tasks run at a time; by default as many as there are cores. Once it was polled, the builder's methods change
    /// nothing any more.
    ///
    /// # Panics
    ///
    /// For zero.
    pub fn max_concurrency(mut self, most: usize) -> Self {
        assert!(most > 0, "a stream of tasks needs a max_concurrency above zero");
        self.most = most;
        self
    }

    /// Whether results come in the order of the input, which is the default, or in the order of completion.
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// How long each task may take, counted from its start; 5 seconds by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Lets each task take as long as it likes.
    pub fn infinity(mut self) -> Self {
        self.limit = None;
        self
    }

    /// What happens when one takes longer.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.on_timeout = on_timeout;
        self
    }

    #[cfg(feature = "supervisor")]
    pub(crate) fn under(mut self, supervision: Supervision) -> Self {
        self.supervision = Some(supervision);
        self
    }

    /// How a supervisor stops the tasks, when it is stopped itself; 5 seconds by default. Without one it means nothing.
    #[cfg(feature = "supervisor")]
    pub fn shutdown(mut self, shutdown: otp_core::Shutdown) -> Self {
        if let Some(supervision) = &mut self.supervision {
            supervision.shutdown = Some(shutdown);
        }
        self
    }

    /// Ends the tasks that run, and waits until they are gone.
    ///
    /// # Cancel safety
    ///
    /// Dropped, they end all the same.
    pub async fn close(mut self) {
        let ending = self.tasks.as_mut().map(InFlight::close).unwrap_or_default();
        drop(self);
        ending.gone().await;
    }

    /// Has an element whose task ended without a result say what its input was.
    ///
    /// # Counterpart
    ///
    /// `zip_input_on_exit: true`.
    pub fn zip_input_on_exit(self) -> AsyncStream<S, F, Fut, WithInput>
    where
        S::Item: Clone,
    {
        AsyncStream {
            input: self.input,
            function: self.function,
            most: self.most,
            ordered: self.ordered,
            limit: self.limit,
            on_timeout: self.on_timeout,
            #[cfg(feature = "supervisor")]
            supervision: self.supervision,
            tasks: None,
            types: PhantomData,
        }
    }

    /// Takes elements from the input and starts their tasks, as far as there is room.
    fn pull(&mut self, cx: &mut Context<'_>) {
        let tasks = self.tasks.get_or_insert_with(|| InFlight::new(self.ordered, self.limit));
        while tasks.has_room(self.most)
            && let Some(input) = &mut self.input
        {
            let mut next =
                || input.as_mut().poll_next(cx).map(|item| item.map(|item| (Z::keep(&item), item)));
            match catch_unwind(AssertUnwindSafe(&mut next)) {
                Ok(Poll::Pending) => return,
                Ok(Poll::Ready(None)) => self.input = None,
                Ok(Poll::Ready(Some((kept, item)))) => {
                    let function = Arc::clone(&self.function);
                    let work = Async(async move { function(item).await });
                    let owner = process::current();
                    #[cfg(feature = "supervisor")]
                    if let Some(supervision) = &self.supervision {
                        let owner = owner.filter(|_| supervision.link);
                        tasks.add(kept, owner, Begun::Starting(supervision.start(work, owner)));
                        continue;
                    }
                    let (pid, reply) = launch_for_reply(work, Spawn::new().for_caller(), |embryo| {
                        if let Some(owner) = owner {
                            embryo.link_quietly(owner);
                        }
                    });
                    tasks.add(kept, owner, Begun::Running(pid, reply));
                }
                Err(panic) => {
                    self.input = None;
                    tasks.close();
                    resume_unwind(panic);
                }
            }
        }
    }
}

/// The input is boxed, and nothing else is ever pinned.
impl<S, F, Fut, Z> Unpin for AsyncStream<S, F, Fut, Z>
where
    S: Stream,
    Fut: Future<Output: Send + 'static>,
    Z: OnExit<S::Item>,
{
}

impl<S, F, Fut, Z> Stream for AsyncStream<S, F, Fut, Z>
where
    S: Stream<Item: Send + 'static>,
    F: Fn(S::Item) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Send + 'static> + Send + 'static,
    Z: OnExit<S::Item>,
{
    type Item = Result<Fut::Output, Z::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            this.pull(cx);
            let Some(tasks) = &mut this.tasks else { return Poll::Ready(None) };
            if let Some((kept, outcome)) = tasks.take_next() {
                return Poll::Ready(Some(outcome.map_err(|reason| Z::error(kept, reason))));
            }
            match tasks.poll_event(cx) {
                // The task has taken its consumer along: this is as far as that one gets.
                Poll::Ready(Err(())) if is_dying() => return Poll::Pending,
                Poll::Ready(_) => continue,
                Poll::Pending => {}
            }
            if let Poll::Ready(late) = tasks.poll_late(cx) {
                match (this.on_timeout, late.first()) {
                    (OnTimeout::Exit, Some(&first)) => {
                        this.input = None;
                        let kept = tasks.take_kept(first);
                        tasks.close();
                        if process::current().is_some() {
                            process::exit(TimedOut.into());
                        }
                        return Poll::Ready(kept.map(|kept| Err(Z::error(kept, TimedOut.into()))));
                    }
                    _ => late.into_iter().for_each(|at| tasks.kill(at, TimedOut.into())),
                }
                continue;
            }
            let over = this.input.is_none() && tasks.is_done();
            return if over { Poll::Ready(None) } else { Poll::Pending };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let pending = self.tasks.as_ref().map_or(0, InFlight::pending);
        let (least, most) = self.input.as_ref().map_or((0, Some(0)), |input| input.size_hint());
        // A task that takes too long may end it.
        let least = if self.on_timeout == OnTimeout::Exit { 0 } else { least.saturating_add(pending) };
        (least, most.and_then(|most| most.checked_add(pending)))
    }
}

impl<S, F, Fut, Z> fmt::Debug for AsyncStream<S, F, Fut, Z>
where
    S: Stream,
    Fut: Future<Output: Send + 'static>,
    Z: OnExit<S::Item>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncStream")
            .field("max_concurrency", &self.most)
            .field("ordered", &self.ordered)
            .field("timeout", &self.limit)
            .field("on_timeout", &self.on_timeout)
            .finish_non_exhaustive()
    }
}
