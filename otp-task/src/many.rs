//! [`await_many`] and [`yield_many`]: several tasks, within one limit of time.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use otp_core::behaviour::Deadline;
use otp_core::{ExitReason, Pid, Shutdown, process};

use crate::await_error::AwaitError;
use crate::task::{DEFAULT_TIMEOUT, Task};

/// Waits for the results of all these tasks, in their order: for 5 seconds in all, unless
/// [`timeout`](AwaitMany::timeout) or [`infinity`](AwaitMany::infinity) says otherwise.
///
/// # Errors
///
/// [`AwaitError`], as soon as one of them ends without a result. The others go on, and their results are dropped.
///
/// # Panics
///
/// When it is polled by anyone but their owner, and when it is polled again after it has ended.
///
/// # Cancel safety
///
/// Dropped, it drops the tasks' handles.
///
/// # Examples
///
/// ```
/// use otp_task::{Task, await_many};
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let squares = (1..=3).map(|n| Task::spawn(async move { n * n }));
/// assert_eq!(await_many(squares).await?, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// `Task.await_many/2`.
pub fn await_many<T: Send + 'static>(tasks: impl IntoIterator<Item = Task<T>>) -> AwaitMany<T> {
    let waiting: FuturesUnordered<_> =
        tasks.into_iter().enumerate().map(|(at, task)| Numbered { at, task }).collect();
    let results = std::iter::repeat_with(|| None).take(waiting.len()).collect();
    AwaitMany { waiting, results, asked: Asked::Never, deadline: Deadline::after(Some(DEFAULT_TIMEOUT)) }
}

/// One of several tasks, by its place among them.
struct Numbered<T: Send + 'static> {
    at: usize,
    task: Task<T>,
}

impl<T: Send + 'static> Future for Numbered<T> {
    type Output = (usize, Result<T, ExitReason>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.poll_result(cx).map(|result| (self.at, result))
    }
}

/// What [`await_many`] gives.
#[must_use = "nothing is waited for until this is awaited"]
pub struct AwaitMany<T: Send + 'static> {
    waiting: FuturesUnordered<Numbered<T>>,
    results: Vec<Option<T>>,
    asked: Asked,
    deadline: Deadline,
}

/// Who has polled it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Never,
    /// The owner of all the tasks; `None` outside any process.
    By(Option<Pid>),
    /// It has said how it went.
    Done,
}

impl<T: Send + 'static> AwaitMany<T> {
    /// Waits this long for all of them, counted from the first poll.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Deadline::after(Some(limit));
        self
    }

    /// Waits however long it takes.
    pub fn infinity(mut self) -> Self {
        self.deadline = Deadline::after(None);
        self
    }

    /// Before any of the tasks is polled: one that panics within the set would be lost from it.
    fn check_owner(&mut self) {
        let current = process::current();
        match self.asked {
            Asked::By(owner) if owner == current => {}
            Asked::Done => panic!("await_many was polled after it had ended"),
            Asked::By(_) | Asked::Never => {
                self.waiting.iter().for_each(|numbered| numbered.task.check_owner());
                self.asked = Asked::By(current);
            }
        }
    }
}

/// Nothing in it is ever pinned.
impl<T: Send + 'static> Unpin for AwaitMany<T> {}

impl<T: Send + 'static> Future for AwaitMany<T> {
    type Output = Result<Vec<T>, AwaitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.check_owner();
        let outcome = loop {
            match self.waiting.poll_next_unpin(cx) {
                Poll::Ready(Some((at, Ok(value)))) => self.results[at] = Some(value),
                Poll::Ready(Some((_, Err(reason)))) => break Err(AwaitError::Exit(reason)),
                Poll::Ready(None) => break Ok(self.results.drain(..).flatten().collect()),
                Poll::Pending => {
                    ready!(self.deadline.poll_passed(cx));
                    break Err(AwaitError::Timeout);
                }
            }
        };
        self.asked = Asked::Done;
        Poll::Ready(outcome)
    }
}

impl<T: Send + 'static> fmt::Debug for AwaitMany<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitMany").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// What [`yield_many`] does with tasks that take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "Elixir has these three")]
pub enum YieldTimeout {
    /// They go on, and can be asked again.
    #[default]
    Nothing,
    /// They are killed, before it returns.
    KillTask,
    /// They go on, and their links are cut and their results dropped, as by [`Task::ignore`].
    Ignore,
}

/// Waits for these tasks: for 5 seconds in all unless [`timeout`](YieldMany::timeout) says otherwise. At each task's place stands its
/// result, the reason it ended with instead, or `None` if it takes longer; it can be asked again then.
///
/// # Panics
///
/// When it is awaited by anyone but their owner.
///
/// # Cancel safety
///
/// Dropped, the results that had come are lost.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use otp_task::{Task, YieldTimeout, yield_many};
///
/// # #[otp_core::main]
/// # async fn main() {
/// let mut tasks = [1, 60_000].map(|time| Task::spawn(tokio::time::sleep(Duration::from_millis(time))));
/// let results = yield_many(&mut tasks).timeout(Duration::from_millis(100)).on_timeout(YieldTimeout::KillTask).await;
/// assert_eq!(results, [Some(Ok(())), None]);
/// # }
/// ```
///
/// # Counterpart
///
/// `Task.yield_many/2`, whose result names the tasks again: here they stand where they stood.
pub fn yield_many<T: Send + 'static>(tasks: &mut [Task<T>]) -> YieldMany<'_, T> {
    YieldMany { tasks, time: Some(DEFAULT_TIMEOUT), limit: usize::MAX, on_timeout: YieldTimeout::Nothing }
}

/// What [`yield_many`] gives.
#[must_use = "nothing is waited for until this is awaited"]
pub struct YieldMany<'a, T: Send + 'static> {
    tasks: &'a mut [Task<T>],
    time: Option<Duration>,
    limit: usize,
    on_timeout: YieldTimeout,
}

impl<'a, T: Send + 'static> YieldMany<'a, T> {
    /// Waits this long for all of them.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Waits however long it takes.
    pub fn infinity(mut self) -> Self {
        self.time = None;
        self
    }

    /// Returns as soon as so many have ended. The others can be asked again, whatever is done with late ones.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// What happens with those that take longer; nothing by default.
    pub fn on_timeout(mut self, on_timeout: YieldTimeout) -> Self {
        self.on_timeout = on_timeout;
        self
    }

    async fn run(self) -> Vec<Option<Result<T, ExitReason>>> {
        let Self { tasks, time, limit, on_timeout } = self;
        for task in &*tasks {
            task.check_owner();
        }
        let limit = limit.min(tasks.len());
        let mut results: Vec<_> = std::iter::repeat_with(|| None).take(tasks.len()).collect();
        let mut ended = 0;
        let mut deadline = Deadline::after(time);
        let late = {
            let wait = |(at, task)| Yielding { at, task };
            let mut waiting: FuturesUnordered<_> = tasks.iter_mut().enumerate().map(wait).collect();
            poll_fn(|cx| {
                while ended < limit {
                    match waiting.poll_next_unpin(cx) {
                        Poll::Ready(Some((at, result))) => {
                            results[at] = Some(result);
                            ended += 1;
                        }
                        Poll::Ready(None) => break,
                        Poll::Pending => {
                            return deadline.poll_passed(cx).map(|()| Some(std::mem::take(&mut waiting)));
                        }
                    }
                }
                Poll::Ready(None)
            })
            .await
        };
        for (at, result) in settle(late.into_iter().flatten(), on_timeout).await {
            results[at] = result;
        }
        results
    }
}

/// What becomes of the tasks whose time is up.
async fn settle<'a, T: Send + 'static>(
    late: impl Iterator<Item = Yielding<'a, T>>,
    on_timeout: YieldTimeout,
) -> Vec<(usize, Option<Result<T, ExitReason>>)> {
    let late = late.map(|Yielding { at, task }| (at, task));
    match on_timeout {
        YieldTimeout::Nothing => Vec::new(),
        YieldTimeout::Ignore => late.map(|(at, task)| (at, task.ignore())).collect(),
        YieldTimeout::KillTask => {
            join_all(late.map(|(at, task)| async move { (at, task.shutdown(Shutdown::BrutalKill).await) }))
                .await
        }
    }
}

/// One of several tasks that are only lent.
struct Yielding<'a, T: Send + 'static> {
    at: usize,
    task: &'a mut Task<T>,
}

impl<T: Send + 'static> Future for Yielding<'_, T> {
    type Output = (usize, Result<T, ExitReason>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.task.poll_result(cx).map(|result| (self.at, result))
    }
}

impl<'a, T: Send + 'static> IntoFuture for YieldMany<'a, T> {
    type Output = Vec<Option<Result<T, ExitReason>>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T: Send + 'static> fmt::Debug for YieldMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YieldMany")
            .field("tasks", &self.tasks)
            .field("timeout", &self.time)
            .field("limit", &self.limit)
            .field("on_timeout", &self.on_timeout)
            .finish()
    }
}
