//! [`TaskSupervisor`], and [`TaskSupervisorClient`]: what it can be asked.

use std::future::Future;

use futures_core::Stream;
use otp_core::behaviour::{Blocking, Spawn};
use otp_core::{ChildId, ChildSpec, IntoExitReason, Pid, Restart, StartedChild};
use otp_genserver::{CallError, Destination};
use otp_supervisor::{ChildStatus, DynamicSupervisor, DynamicSupervisorClient, TerminateChildError};

use crate::async_stream::{AsyncStream, async_stream, async_stream_of};
use crate::items::Items;
use crate::launch::{Async, Blocks, Work};
use crate::supervised::{Bond, SpawnTask, StartTask, Supervision};
use crate::task::child_of;

/// A supervisor of tasks: it starts them on demand, knows them all, and ends them when it is stopped.
///
/// It is a [`DynamicSupervisor`], started as one and with the same limits; what is asked of it as a supervisor of tasks is in
/// [`TaskSupervisorClient`].
///
/// # Examples
///
/// ```
/// use otp_task::{Name, TaskSupervisor, TaskSupervisorClient};
///
/// const MAIL: Name<TaskSupervisor> = Name::new("doc mail");
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// TaskSupervisor::new().max_children(100).start_link().name(MAIL).await?;
/// // Nobody waits for it.
/// MAIL.start_task(async { /* send some mail */ }).await?;
/// // Somebody does.
/// let sum = MAIL.spawn_task(async { 1 + 2 }).await?;
/// assert_eq!(sum.await?, 3);
/// # Ok(())
/// # }
/// ```
///
/// # Several of them
///
/// One supervisor starts one task after the other. Where that is too slow, a
/// [`PartitionSupervisor`](otp_supervisor::PartitionSupervisor) has several:
///
/// ```
/// use otp_task::{PartitionName, PartitionSupervisor, TaskSupervisor, TaskSupervisorClient};
///
/// const TASKS: PartitionName<TaskSupervisor> = PartitionName::new("doc tasks");
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// PartitionSupervisor::new(TASKS, |_| TaskSupervisor::new().start_link()).start_link().await?;
/// let task = TASKS.via("user 7").spawn_task(async { 7 }).await?;
/// assert_eq!(task.await?, 7);
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// Elixir's `Task.Supervisor`, which is a `DynamicSupervisor` as well.
pub type TaskSupervisor = DynamicSupervisor;

/// What a [`TaskSupervisor`] can be asked, through whatever leads to it: its `ServerRef`, its `Name`, a partition.
///
/// Each request waits without a limit, as in Elixir. The owner of a task, and the process it is linked to, is the one that calls
/// the method, whoever awaits what it gives.
///
/// # Counterpart
///
/// The functions of `Task.Supervisor`. A supervisor that is not there exits the caller there; here it is an error of kind
/// `Call`.
pub trait TaskSupervisorClient: Destination<DynamicSupervisor> {
    /// Starts a task of the current process under the supervisor, linked to both.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.async/2`: `async` is a word of Rust's.
    #[doc(alias = "async")]
    fn spawn_task<F>(&self, future: F) -> SpawnTask<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        SpawnTask::new(self.resolve(), Async(future), Bond::Link)
    }

    /// As [`spawn_task`](Self::spawn_task), without a link to the current process: its crash is an error of the await, and nothing
    /// else.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.async_nolink/2`.
    #[doc(alias = "async_nolink")]
    fn spawn_task_nolink<F>(&self, future: F) -> SpawnTask<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        SpawnTask::new(self.resolve(), Async(future), Bond::None)
    }

    /// As [`spawn_task`](Self::spawn_task), for work that blocks; see [`Task::spawn_blocking`](crate::Task::spawn_blocking) for
    /// what cannot be ended.
    fn spawn_blocking_task<F, T>(&self, function: F) -> SpawnTask<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        SpawnTask::new(self.resolve(), Blocks { function, on: Blocking::Pool }, Bond::Link)
    }

    /// As [`spawn_blocking_task`](Self::spawn_blocking_task), without a link to the current process.
    fn spawn_blocking_task_nolink<F, T>(&self, function: F) -> SpawnTask<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        SpawnTask::new(self.resolve(), Blocks { function, on: Blocking::Pool }, Bond::None)
    }

    /// Starts work whose result nobody wants: not linked to the current process, and never restarted. An `Err` that it returns is
    /// the reason it ends with.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.start_child/2`.
    #[doc(alias = "start_child")]
    fn start_task<F>(&self, future: F) -> StartTask
    where
        F: Future<Output: IntoExitReason + Send + 'static> + Send + 'static,
    {
        let spawn = Spawn::new().for_caller();
        let start = move || {
            let spawn = spawn.again().link();
            let pid = Async(future).launch(spawn, |_| IntoExitReason::into_exit_reason);
            std::future::ready(Ok(StartedChild::new(pid)))
        };
        StartTask::new(self.resolve(), ChildSpec::once(ChildId::of::<F>(), start))
    }

    /// As [`start_task`](Self::start_task), for work that is started again when it has ended, as `restart` says.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.start_child/3` with the option `restart`.
    fn start_task_again<F, Fut>(&self, restart: Restart, function: F) -> StartTask
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoExitReason + Send + 'static> + Send + 'static,
    {
        let spawn = Spawn::new().for_caller();
        StartTask::new(self.resolve(), child_of(function, move || spawn.again()).restart(restart))
    }

    /// As [`async_stream`], with the tasks under the supervisor. One that the supervisor does not start is an `Err` in its
    /// element's place.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.async_stream/4`, where a supervisor that has too many children ends the consumer.
    fn async_stream<I, F, Fut>(&self, input: I, function: F) -> AsyncStream<Items<I::IntoIter>, F, Fut>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        async_stream(input, function).under(supervision(self, true))
    }

    /// As [`async_stream`](Self::async_stream), without links to the consumer: a task that crashes is an `Err`, and nothing
    /// else.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.async_stream_nolink/4`.
    fn async_stream_nolink<I, F, Fut>(&self, input: I, function: F) -> AsyncStream<Items<I::IntoIter>, F, Fut>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        async_stream(input, function).under(supervision(self, false))
    }

    /// As [`async_stream`](Self::async_stream), for the items of a stream.
    fn async_stream_of<S, F, Fut>(&self, input: S, function: F) -> AsyncStream<S, F, Fut>
    where
        S: Stream<Item: Send + 'static>,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        async_stream_of(input, function).under(supervision(self, true))
    }

    /// As [`async_stream_nolink`](Self::async_stream_nolink), for the items of a stream.
    fn async_stream_of_nolink<S, F, Fut>(&self, input: S, function: F) -> AsyncStream<S, F, Fut>
    where
        S: Stream<Item: Send + 'static>,
        F: Fn(S::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        async_stream_of(input, function).under(supervision(self, false))
    }

    /// The tasks that run.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.children/1`.
    #[doc(alias = "children")]
    #[must_use = "nothing happens until this is awaited"]
    fn task_pids(&self) -> impl Future<Output = Result<Vec<Pid>, CallError>> + Send {
        let supervisor = self.resolve();
        async move {
            let children = supervisor?.which_children().await?;
            let pid = |child: otp_supervisor::ChildInfo| match child.status {
                ChildStatus::Running(pid) => Some(pid),
                _ => None,
            };
            Ok(children.into_iter().filter_map(pid).collect())
        }
    }

    /// Ends a task, within its shutdown time, and forgets it.
    ///
    /// # Errors
    ///
    /// [`TerminateChildError::NotFound`] if it is none of the supervisor's.
    ///
    /// # Counterpart
    ///
    /// `Task.Supervisor.terminate_child/2`.
    #[doc(alias = "terminate_child")]
    #[must_use = "nothing happens until this is awaited"]
    fn terminate_task(&self, task: Pid) -> impl Future<Output = Result<(), TerminateChildError>> + Send {
        let supervisor = self.resolve();
        async move {
            let supervisor = supervisor.map_err(|error| TerminateChildError::Call(error.into()))?;
            supervisor.terminate_child(task).await
        }
    }
}

impl<D: Destination<DynamicSupervisor> + ?Sized> TaskSupervisorClient for D {}

fn supervision(supervisor: &(impl Destination<DynamicSupervisor> + ?Sized), link: bool) -> Supervision {
    Supervision { supervisor: supervisor.resolve(), link, shutdown: None }
}
