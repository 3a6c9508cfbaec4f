//! Waiting for a future on a thread that may block: plain threads and thread processes.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use crate::ambient;
use crate::cell::Origin;
use crate::exit_reason::ExitReason;
use crate::panics::exit;
use crate::thread::unparker;

/// Polls `future` to its end on this thread, for `limit` of real time at most: `None` when that is up.
///
/// A thread process that an exit signal hits meanwhile ends here.
///
/// # Panics
///
/// In a process that is not a thread process: it would hold up a worker of the runtime.
pub fn block_on<F: Future>(future: F, limit: Option<Duration>) -> Option<F::Output> {
    let may_block =
        ambient::with(|cell| cell.is_none_or(|cell| matches!(cell.head.origin, Origin::Thread(_))));
    assert!(may_block, "this would block a worker thread of the runtime: use .await");
    #[expect(clippy::disallowed_types, reason = "a thread that blocks follows no runtime's clock")]
    let due = limit.and_then(|limit| std::time::Instant::now().checked_add(limit));
    let waker = unparker();
    let mut task = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut task) {
            return Some(output);
        }
        if ambient::with(|cell| cell.is_some_and(|cell| cell.head.is_doomed())) {
            // The reason is in the exit slot.
            exit(ExitReason::Killed);
        }
        match due {
            None => thread::park(),
            Some(due) => {
                #[expect(clippy::disallowed_types, reason = "as above")]
                let left = due.saturating_duration_since(std::time::Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}
