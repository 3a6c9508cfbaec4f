//! [`Deadline`]: a limit of time for a future that waits inside or outside a process.
//!
//! Inside a process it costs no timer of its own: the process is woken at the earliest of its deadlines, by one
//! entry in the timer service that is set anew only when it has passed.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::ambient;
use crate::cell::Origin;
use crate::clock;
use crate::timer::{self, TimerRef};

/// The instant of a limit that does not count yet.
const UNSTARTED: u64 = 0;

/// A limit, or an instant, that never comes.
const NEVER: u64 = u64::MAX;

/// A limit of time, counted from the first time it is polled or from [`start`](Self::start).
#[derive(Debug)]
pub struct Deadline {
    /// In nanoseconds.
    limit: u64,
    /// On the core's clock.
    due: u64,
    /// Outside a process: the entry that wakes the task.
    timer: Option<TimerRef>,
}

impl Deadline {
    /// A limit that counts from the first poll; `None` never passes.
    #[must_use]
    pub const fn after(limit: Option<Duration>) -> Self {
        match limit {
            Some(limit) => Self { limit: clock::nanos(limit), due: UNSTARTED, timer: None },
            None => Self { limit: NEVER, due: NEVER, timer: None },
        }
    }

    /// A limit that passes at an instant.
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Self { limit: 0, due: clock::of(instant).max(UNSTARTED + 1), timer: None }
    }

    /// Starts counting now.
    pub fn start(&mut self) {
        if self.due == UNSTARTED {
            self.due = clock::now().saturating_add(self.limit);
        }
    }

    /// Whether the limit has passed; if not, the task is polled again when it has.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let passed = match self.due {
            NEVER => return Poll::Pending,
            UNSTARTED => {
                self.start();
                // Just started: it has passed only if there was no time at all.
                self.limit == 0
            }
            due => clock::now() >= due,
        };
        if passed { Poll::Ready(()) } else { self.arm(cx) }
    }

    /// Has the task polled again when the limit has passed.
    fn arm(&mut self, cx: &Context<'_>) -> Poll<()> {
        let due = self.due;
        if due == NEVER {
            return Poll::Pending;
        }
        ambient::with(|cell| match cell {
            // Only where the process's own task polls: a future that was moved into another task needs its waker, and
            // an attached process may move on to another runtime, which has other timers.
            Some(cell)
                if cell.head.origin != Origin::Attached
                    && cell.head.task_waker().is_some_and(|waker| waker.will_wake(cx.waker())) =>
            {
                timer::wake_process_at(cell, due);
            }
            _ => {
                if let Some(old) = self.timer.take() {
                    old.cancel();
                }
                self.timer = Some(timer::wake_task_at(due, cx.waker().clone()));
            }
        });
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.cancel();
        }
    }
}
