//! Waiting for an answer on a thread that may block: what the methods called `blocking` share.

use std::future::Future;
use std::time::Duration;

use otp_core::behaviour;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task;

/// Polls `future` to its end on this thread, for `limit` of real time at most: `None` when that is up.
///
/// A worker of a multi-thread runtime first gives its other tasks away: the server may be the next of them.
///
/// # Panics
///
/// In a process that is not a thread process, and on the thread of a `LocalSet` in a multi-thread runtime.
pub(crate) fn block_on<F: Future>(future: F, limit: Option<Duration>) -> Option<F::Output> {
    let on_worker = task::try_id().is_some()
        && Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if on_worker {
        task::block_in_place(|| behaviour::block_on(future, limit))
    } else {
        behaviour::block_on(future, limit)
    }
}
