//! [`Task`]: the handle on work that runs in a process of its own and whose result its owner wants.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, Blocking, Deadline, Reply, Spawn, await_end, is_dying};
use otp_core::{
    ChildId, ChildSpec, ExitReason, IntoExitReason, Pid, Recipient, Restart, Shutdown, StartedChild, process,
};

use crate::await_error::AwaitError;
use crate::launch::{Async, Blocks, Work};
use crate::outcome::{TaskOutcome, forward, result_of};

/// How long an await takes unless told otherwise.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Work in a process of its own, whose result its owner gets: by `.await`, for 5 seconds unless [`timeout`](Self::timeout) or
/// [`infinity`](Self::infinity) says otherwise.
///
/// The owner is the process that starts the task, and nobody else may ask it anything. The two are linked: a task that
/// crashes takes its owner along, unless that traps exits, and the other way round. Awaiting a task that has crashed ends the
/// owner at that await; one that traps exits, or is not linked, gets [`AwaitError::Exit`]. A task that plain tokio code
/// starts, outside any process, has no owner and no link, and anyone may ask it.
///
/// # Dropping the handle
///
/// Detaches: the task goes on, its result is dropped, and the link stays. [`ignore`](Self::ignore) cuts the link too, and
/// [`shutdown`](Self::shutdown) ends the task.
///
/// # Examples
///
/// ```
/// use otp_task::Task;
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sum = Task::spawn(async { (1..=10).sum::<u32>() });
/// // … something else meanwhile …
/// assert_eq!(sum.await?, 55);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`AwaitError`]: it took too long, or ended without a result.
///
/// # Panics
///
/// When anyone but its owner polls it. The task and its result are untouched then.
///
/// # Cancel safety
///
/// `(&mut task).await` can be dropped and taken up again; the time goes on from its first poll. Once it has given a result or an
/// error, there is nothing more to come: it waits for its time.
///
/// # Counterpart
///
/// Elixir's `Task`. `Task.await/2` exits the caller where this returns an error: `?` in a server's callback makes it the
/// server's own exit reason.
#[must_use = "dropped, a task goes on and its result is lost; `Task::start` is for work without a result"]
pub struct Task<T: Send + 'static> {
    pid: Option<Pid>,
    owner: Option<Pid>,
    state: State<T>,
    deadline: Deadline,
}

enum State<T: Send + 'static> {
    Waiting(Reply<T>),
    /// Completed from the beginning.
    Ready(T),
    /// There is nothing to come: it was taken, or is not wanted any more.
    Over,
}

/// Nothing in it is ever pinned.
impl<T: Send + 'static> Unpin for Task<T> {}

impl Task<()> {
    /// Starts work whose result nobody wants, neither linked nor owned. An `Err` that the future returns is the reason the process
    /// ends with.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// `Task.start/1`.
    pub fn start<F>(future: F) -> Pid
    where
        F: Future<Output: IntoExitReason + Send + 'static> + Send + 'static,
    {
        Async(future).launch(Spawn::new().for_caller(), |_| IntoExitReason::into_exit_reason)
    }

    /// As [`start`](Self::start), linked to the current process. Outside any process it starts without a link.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// `Task.start_link/1`.
    pub fn start_link<F>(future: F) -> Pid
    where
        F: Future<Output: IntoExitReason + Send + 'static> + Send + 'static,
    {
        Async(future).launch(Spawn::new().link().for_caller(), |_| IntoExitReason::into_exit_reason)
    }

    /// A task as a supervisor's child: temporary, unless [`restart`](ChildSpec::restart) says otherwise. Each start calls the
    /// function, inside the new process. Its id is the function's type.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_task::{Restart, Task};
    ///
    /// async fn warm_up() {
    ///     // fill some cache, once
    /// }
    ///
    /// let spec = Task::child(warm_up).restart(Restart::Transient);
    /// ```
    ///
    /// # Counterpart
    ///
    /// `Task.child_spec/1`.
    pub fn child<F, Fut>(function: F) -> ChildSpec
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExitReason + Send + 'static> + Send + 'static,
    {
        child_of(function, Spawn::new)
    }
}

/// The child that calls `function` each time it is started, as a spawn of `spawn`'s kind by its supervisor.
pub(crate) fn child_of<F, Fut>(function: F, spawn: impl Fn() -> Spawn + Send + Sync + 'static) -> ChildSpec
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoExitReason + Send + 'static> + Send + 'static,
{
    let function = Arc::new(function);
    let start = move || {
        let function = Arc::clone(&function);
        let work = Async(async move { function().await });
        let pid = work.launch(spawn().link(), |_| IntoExitReason::into_exit_reason);
        std::future::ready(Ok(StartedChild::new(pid)))
    };
    ChildSpec::new(ChildId::of::<F>(), start).restart(Restart::Temporary)
}

impl<T: Send + 'static> Task<T> {
    /// Starts a task of the current process, linked to it.
    ///
    /// The value that the future gives is the result, an `Err` as well as any other. A task crashes when it panics or calls
    /// [`process::exit`](otp_core::process::exit).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// `Task.async/1`: `async` is a word of Rust's.
    #[doc(alias = "async")]
    pub fn spawn<F>(future: F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        Self::launch(Async(future))
    }

    /// Starts a task whose work blocks its thread, on one of the threads that tokio keeps for that.
    ///
    /// It is a process as any other task, and may have to wait for a thread to become free. What blocks cannot be ended from
    /// outside: an exit signal, and so [`shutdown`](Self::shutdown), counts at once, but the process is only declared dead
    /// when the function returns, or after the grace of
    /// [`set_orphan_grace`](otp_core::process::set_orphan_grace), 5 seconds; what it returns then is dropped. A function that takes
    /// long asks [`is_dying`](otp_core::behaviour::is_dying) now and then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// None: on the BEAM blocking work goes into a NIF or a port.
    pub fn spawn_blocking<F>(function: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
    {
        Self::launch(Blocks { function, on: Blocking::Pool })
    }

    /// As [`spawn_blocking`](Self::spawn_blocking), on a thread of its own: for work that goes on for long, which would keep
    /// one of the pool's from others. The end of the runtime does not end it.
    ///
    /// # Panics
    ///
    /// If the system has no thread to give.
    pub fn spawn_thread<F>(function: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
    {
        Self::launch(Blocks { function, on: Blocking::Thread })
    }

    fn launch(work: impl Work<Output = T>) -> Self {
        let owner = process::current();
        let mut spawn = Spawn::new().for_caller();
        if owner.is_some() {
            spawn = spawn.link();
        }
        let (pid, reply) = launch_for_reply(work, spawn, |_| {});
        Self::new(pid, owner, reply)
    }

    pub(crate) const fn new(pid: Pid, owner: Option<Pid>, reply: Reply<T>) -> Self {
        Self {
            pid: Some(pid),
            owner,
            state: State::Waiting(reply),
            deadline: Deadline::after(Some(DEFAULT_TIMEOUT)),
        }
    }

    /// A task without a process, which has its result already.
    ///
    /// # Counterpart
    ///
    /// `Task.completed/1`.
    pub fn completed(value: T) -> Self {
        Self {
            pid: None,
            owner: process::current(),
            state: State::Ready(value),
            deadline: Deadline::after(Some(DEFAULT_TIMEOUT)),
        }
    }

    /// Has the await wait this long, counted from its first poll.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Deadline::after(Some(limit));
        self
    }

    /// Has the await wait however long it takes.
    pub fn infinity(mut self) -> Self {
        self.deadline = Deadline::after(None);
        self
    }

    /// The task's process; `None` for one that was [completed](Self::completed) from the beginning.
    #[must_use]
    pub const fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// The process that may ask it; `None` if it was started outside any, and everyone may.
    #[must_use]
    pub const fn owner(&self) -> Option<Pid> {
        self.owner
    }

    /// Waits for its end for `limit`: the result, or the reason it ended with instead; `None` if the time is up, and then it can be
    /// asked again.
    ///
    /// # Panics
    ///
    /// When anyone but its owner asks.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use otp_task::{Shutdown, Task};
    ///
    /// # #[otp_core::main]
    /// # async fn main() {
    /// let mut slow = Task::spawn(std::future::pending::<u32>());
    /// // Its result if it makes it in time, and the end of it if not.
    /// let result = match slow.yield_for(Duration::from_millis(1)).await {
    ///     Some(result) => Some(result),
    ///     None => slow.shutdown(Shutdown::default()).await,
    /// };
    /// assert_eq!(result, None);
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// `Task.yield/2`: `yield` is a word of Rust's.
    #[doc(alias = "yield")]
    pub async fn yield_for(&mut self, limit: Duration) -> Option<Result<T, ExitReason>> {
        let mut deadline = Deadline::after(Some(limit));
        poll_fn(|cx| match self.poll_result(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => deadline.poll_passed(cx).map(|()| None),
        })
        .await
    }

    /// Ends the task, and waits until it has. The link is cut first, so that its end reaches nobody through that.
    ///
    /// What it had to say all the same: its result if it was done before, or the reason it ended with, unless that is the one
    /// it was told to end with: `None` then. After the time that `how` gives, it is killed. One that was asked before, and has
    /// ended, gives `NoProc`.
    ///
    /// # Panics
    ///
    /// When anyone but its owner asks.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the task was told to end, but nobody kills it when the time is up.
    ///
    /// # Counterpart
    ///
    /// `Task.shutdown/2`; its default is `Shutdown::default()`, 5 seconds.
    pub async fn shutdown(&mut self, how: Shutdown) -> Option<Result<T, ExitReason>> {
        self.check_owner();
        let Some(pid) = self.pid else { return self.ignore() };
        let (order, limit) = match how {
            Shutdown::BrutalKill => (ExitReason::Kill, None),
            Shutdown::Timeout(limit) => (ExitReason::Shutdown, Some(limit)),
            Shutdown::Infinity => (ExitReason::Shutdown, None),
        };
        let mut end = Awaiting::new(await_end(pid), limit).started();
        // Fails outside any process, where there is no link either.
        let _ = process::unlink(pid);
        process::send_exit(pid, order);
        let died = loop {
            match poll_fn(|cx| end.poll(cx)).await {
                Some(Answer::Exit(reason)) => break reason,
                Some(_) => break ExitReason::NoProc,
                None => {
                    process::send_exit(pid, ExitReason::Kill);
                    end.extend();
                }
            }
        };
        // Of a task that had ended before, its own outcome knows the reason, if nobody has asked for that.
        let reason = match std::mem::replace(&mut self.state, State::Over) {
            State::Waiting(mut reply) => match reply.try_answer().map(result_of) {
                Some(Ok(value)) => return Some(Ok(value)),
                Some(Err(reason)) => reason,
                None => died,
            },
            State::Ready(value) => return Some(Ok(value)),
            State::Over => died,
        };
        let as_told = match how {
            Shutdown::BrutalKill => reason == ExitReason::Killed,
            _ => reason == ExitReason::Shutdown,
        };
        if as_told { None } else { Some(Err(reason)) }
    }

    /// Gives the task up, and lets it go on: the link is cut, and its result will be dropped. What there is already comes
    /// back.
    ///
    /// # Panics
    ///
    /// When anyone but its owner asks.
    ///
    /// # Counterpart
    ///
    /// `Task.ignore/1`.
    pub fn ignore(&mut self) -> Option<Result<T, ExitReason>> {
        self.check_owner();
        match std::mem::replace(&mut self.state, State::Over) {
            State::Waiting(mut reply) => {
                let answer = reply.try_answer();
                if answer.is_none()
                    && let Some(pid) = self.pid
                {
                    // Fails outside any process, where there is no link either.
                    let _ = process::unlink(pid);
                }
                answer.map(result_of)
            }
            State::Ready(value) => Some(Ok(value)),
            State::Over => None,
        }
    }

    /// Has the outcome sent to a server when the task ends, typed, as one of its own messages: so a server starts tasks and goes on
    /// serving. Nothing is sent before that, and nothing after.
    ///
    /// The link stays: a server that is not to end with the task starts it by
    /// [`spawn_task_nolink`](crate::TaskSupervisorClient::spawn_task_nolink), or traps exits, and then gets the EXIT as well.
    ///
    /// # Panics
    ///
    /// When anyone but its owner asks. When the message's own `From` panics, it is the server that ends with that: it would never
    /// hear of the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_core::{Mailbox, Received, attach_with};
    /// use otp_task::{Task, TaskOutcome};
    ///
    /// enum Message {
    ///     Sum(TaskOutcome<u32>),
    /// }
    ///
    /// impl From<TaskOutcome<u32>> for Message {
    ///     fn from(sum: TaskOutcome<u32>) -> Self { Self::Sum(sum) }
    /// }
    ///
    /// # #[otp_core::main]
    /// # async fn main() {
    /// # let body =
    /// async |mut mailbox: Mailbox<Message>| {
    ///     Task::spawn(async { (1..=10).sum() }).send_to(mailbox.address());
    ///     let Received::Message(Message::Sum(outcome)) = mailbox.receive().await else { unreachable!() };
    ///     assert_eq!(outcome.result, Ok(55));
    /// }
    /// # ;
    /// # attach_with(body).await.expect("it ends by itself");
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// A task that is not awaited, whose result and DOWN arrive in `handle_info`.
    pub fn send_to(self, to: impl Into<Recipient<TaskOutcome<T>>>) {
        self.check_owner();
        let to = to.into();
        match (self.state, self.pid) {
            (State::Waiting(reply), Some(pid)) => forward(pid, reply, to),
            (State::Ready(value), task) => to.send(TaskOutcome { task, result: Ok(value) }),
            _ => {}
        }
    }

    /// The outcome, once there is one; after that there is none.
    pub(crate) fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, ExitReason>> {
        self.check_owner();
        let result = match &mut self.state {
            State::Waiting(reply) => result_of(ready!(reply.poll_answer(cx))),
            State::Ready(_) => match std::mem::replace(&mut self.state, State::Over) {
                State::Ready(value) => Ok(value),
                _ => return Poll::Pending,
            },
            State::Over => return Poll::Pending,
        };
        self.state = State::Over;
        if result.is_err() && is_dying() {
            // The task has taken its owner along: this is as far as that one gets.
            return Poll::Pending;
        }
        Poll::Ready(result)
    }

    /// From here on nobody wants to know.
    pub(crate) fn forget(&mut self) {
        self.state = State::Over;
    }

    pub(crate) fn check_owner(&self) {
        let current = process::current();
        if let Some(owner) = self.owner
            && current != Some(owner)
        {
            let pid = self.pid.map_or_else(String::new, |pid| format!(" {pid}"));
            match current {
                Some(other) => panic!("the task{pid} is its owner's, {owner}, to ask, and not {other}'s"),
                None => panic!(
                    "the task{pid} is its owner's, {owner}, to ask, and not of code outside any process"
                ),
            }
        }
    }
}

/// Starts a task whose outcome somebody waits for.
pub(crate) fn launch_for_reply<W: Work>(
    work: W,
    spawn: Spawn,
    prepare: impl FnOnce(&otp_core::behaviour::Embryo<crate::launch::NoMessage>),
) -> (Pid, Reply<W::Output>) {
    let mut taken = None;
    let pid = work.launch(spawn, |embryo| {
        prepare(embryo);
        let (reply_to, reply) = embryo.outcome();
        taken = Some(reply);
        move |value| {
            reply_to.send(value);
            ExitReason::Normal
        }
    });
    match taken {
        Some(reply) => (pid, reply),
        None => unreachable!("a task is prepared before it begins"),
    }
}

impl<T: Send + 'static> Future for Task<T> {
    type Output = Result<T, AwaitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(result) = self.poll_result(cx) {
            return Poll::Ready(result.map_err(AwaitError::Exit));
        }
        ready!(self.deadline.poll_passed(cx));
        self.forget();
        Poll::Ready(Err(AwaitError::Timeout))
    }
}

impl<T: Send + 'static> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("pid", &self.pid).field("owner", &self.owner).finish_non_exhaustive()
    }
}
