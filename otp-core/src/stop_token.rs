//! [`StopToken`]: how a supervised async function learns that it is to come to an end.

use std::any::type_name;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::sync::watch;

use crate::child_id::ChildId;
use crate::child_spec::{ChildSpec, IntoChildSpec};
use crate::exit_reason::{ExitReason, IntoExitReason};
use crate::inbox::Received;
use crate::info::trap_exit;
use crate::mailbox::Mailbox;
use crate::pid::Pid;
use crate::spawn::Spawn;
use crate::started_child::StartedChild;

/// Tells a supervised async function to come to an end. Cheap to clone, and good in any task.
///
/// An `async fn` that takes one is a child as it stands: `supervisor.child(serve)`. When its supervisor stops it, the
/// token is stopped; the function then has the [`Shutdown`](crate::Shutdown) time of its child spec to return.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "macros")]
/// # mod doc {
/// use otp_core::{StopToken, process};
///
/// async fn serve(stop: StopToken) {
///     stop.stopped().await; // e.g. `axum::serve(…).with_graceful_shutdown(stop.stopped_owned())`
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct StopToken(watch::Receiver<bool>);

impl StopToken {
    /// Whether it is to come to an end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is to come to an end; at once, if that is so already.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn stopped(&self) {
        self.clone().stopped_owned().await;
    }

    /// As [`stopped`](Self::stopped), as a future of its own.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn stopped_owned(mut self) {
        // An error: the process is gone, which is an end as well.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken").field("stopped", &self.is_stopped()).finish()
    }
}

/// An async function that runs until told to stop, as a process of its own. Its id and label are its type's name.
///
/// It traps exits on behalf of the function: `Shutdown` from the supervisor stops the token; an abnormal one, of a supervisor
/// that was killed or of another linked process, ends it where it waits. Ended by the token, the process's reason is the supervisor's, unless the
/// function says otherwise.
impl<F, Fut> IntoChildSpec for F
where
    F: Fn(StopToken) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoExitReason> + Send + 'static,
{
    type Child = Pid;

    fn child_spec(self) -> ChildSpec {
        ChildSpec::new(ChildId::of::<F>(), move || {
            let function = self.clone();
            let spawn = Spawn::new().link().label(type_name::<F>());
            let (process, _) = spawn.spawn(move |mailbox| until_stopped(mailbox, function));
            std::future::ready(Ok(StartedChild::new(process.pid())))
        })
    }

    fn child(started: StartedChild) -> Pid {
        started.pid()
    }
}

async fn until_stopped<F, Fut>(mut mailbox: Mailbox<()>, function: F) -> ExitReason
where
    F: Fn(StopToken) -> Fut,
    Fut: Future<Output: IntoExitReason>,
{
    // Cannot fail: this is a process.
    let _ = trap_exit(true);
    let (stop, token) = watch::channel(false);
    let mut order = None;
    let mut work = pin!(function(StopToken(token)));
    let reason = poll_fn(|cx| {
        loop {
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(outcome.into_exit_reason());
            }
            match mailbox.poll_receive(cx) {
                Poll::Pending => return Poll::Pending,
                // The supervisor's order. One that dies, and gives no order, takes the function along.
                Poll::Ready(Received::Exit { from, reason })
                    if from == mailbox.parent() && reason.is_orderly() =>
                {
                    order.get_or_insert(reason);
                    stop.send_replace(true);
                }
                Poll::Ready(Received::Exit { reason, .. }) if !reason.is_normal() => {
                    return Poll::Ready(reason);
                }
                Poll::Ready(_) => {}
            }
        }
    })
    .await;
    match order {
        Some(order) if reason.is_normal() => order,
        _ => reason,
    }
}
