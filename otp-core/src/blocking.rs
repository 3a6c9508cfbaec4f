//! Waiting for a future on a thread that may block: plain threads, thread processes, and processes that are polled on a
//! thread of their own.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::unconstrained;

use crate::ambient;
use crate::cell::Origin;
use crate::driver::Root;
use crate::exit_reason::ExitReason;
use crate::handoff::Forbidden;
use crate::panics::exit;
use crate::pid::Pid;
use crate::thread::unparker;

thread_local! {
    /// The process that this thread polls, and nothing else.
    static OWNER: Cell<Option<Pid>> = const { Cell::new(None) };
}

/// The waker of a process that has this thread for itself: it may wait in its task, or in a `block_on` within that.
struct Rouse {
    task: Waker,
    thread: Thread,
}

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.task.wake_by_ref();
        self.thread.unpark();
    }
}

/// Polls a process to its end on this thread, which is the process's own.
pub(crate) fn drive(runtime: &Handle, pid: Pid, root: Root) {
    OWNER.set(Some(pid));
    runtime.block_on(async {
        let mut root = pin!(root);
        // One for all polls: the process knows its waker by its identity.
        let mut waker = None;
        poll_fn(|cx| {
            let waker = waker.get_or_insert_with(|| {
                Waker::from(Arc::new(Rouse { task: cx.waker().clone(), thread: thread::current() }))
            });
            root.as_mut().poll(&mut Context::from_waker(waker))
        })
        .await;
    });
}

/// Polls `future` to its end on this thread, for `limit` of real time at most: `None` when that is up.
///
/// A process that an exit signal hits meanwhile ends here.
///
/// # Panics
///
/// In a process that has no thread of its own: it would hold up a worker of the runtime.
pub fn block_on<F: Future>(future: F, limit: Option<Duration>) -> Option<F::Output> {
    let may_block = ambient::with(|cell| {
        cell.is_none_or(|cell| {
            matches!(cell.head.origin, Origin::Thread(_)) || OWNER.get() == Some(cell.head.pid)
        })
    });
    assert!(may_block, "this would block a worker thread of the runtime: use .await");
    #[expect(clippy::disallowed_types, reason = "a thread that blocks follows no runtime's clock")]
    let due = limit.and_then(|limit| std::time::Instant::now().checked_add(limit));
    let _forbidden = Forbidden::new();
    let waker = unparker();
    let mut task = Context::from_waker(&waker);
    // Its budget would never be renewed: on a process's own thread this is within one poll.
    let mut future = pin!(unconstrained(future));
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
