//! [`TaskOutcome`]: how a task ended, as a message; and how it gets there, without anyone who waits for it.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use otp_core::behaviour::{Answer, Reply, catch};
use otp_core::{ExitReason, Pid, Recipient, process};
use parking_lot::Mutex;

/// How a task ended, as [`Task::send_to`](crate::Task::send_to) has it sent to a server.
///
/// # Counterpart
///
/// The messages `{ref, result}` and `{:DOWN, ref, :process, pid, reason}` of a task that is not awaited, in one: there is no
/// monitor left to take back after a result.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say of it")]
pub struct TaskOutcome<T> {
    /// The task; `None` for one that was [completed](crate::Task::completed) from the beginning.
    pub task: Option<Pid>,
    /// Its result, or the reason it ended with instead.
    pub result: Result<T, ExitReason>,
}

/// What a reply says, in a task's terms.
pub(crate) fn result_of<T>(answer: Answer<T>) -> Result<T, ExitReason> {
    match answer {
        Answer::Value(value) => Ok(value),
        Answer::Exit(reason) => Err(reason),
        // A task keeps its `ReplyTo` to its end.
        Answer::NoReply => Err(ExitReason::NoProc),
    }
}

/// What is waited for, and who gets it.
type Waiting<T> = (Reply<T>, Recipient<TaskOutcome<T>>);

/// Sends a task's outcome on as soon as it is there. It is the waker of the reply, so that nobody has to wait for it; whoever
/// resolves the reply lets go of it.
struct Forward<T: Send + 'static> {
    pid: Pid,
    waiting: Mutex<Option<Waiting<T>>>,
}

pub(crate) fn forward<T: Send + 'static>(pid: Pid, reply: Reply<T>, to: Recipient<TaskOutcome<T>>) {
    Arc::new(Forward { pid, waiting: Mutex::new(Some((reply, to))) }).look();
}

impl<T: Send + 'static> Forward<T> {
    fn look(self: Arc<Self>) {
        let mut waiting = self.waiting.lock();
        let Some((reply, _)) = waiting.as_mut() else { return };
        let waker = Waker::from(Arc::clone(&self));
        if let Poll::Ready(answer) = reply.poll_answer(&mut Context::from_waker(&waker)) {
            let taken = waiting.take();
            drop(waiting);
            if let Some((_, to)) = taken {
                let server = to.pid();
                let outcome = TaskOutcome { task: Some(self.pid), result: result_of(answer) };
                // It becomes one of the server's own messages here, by the server's code, and this is the task's process.
                if let Err(reason) = catch(|| to.send(outcome)) {
                    process::send_exit(server, reason);
                }
            }
        }
    }
}

impl<T: Send + 'static> Wake for Forward<T> {
    fn wake(self: Arc<Self>) {
        self.look();
    }
}
