//! Direct handoff: a caller that is about to wait for an idle server polls it in place, instead of waking its task and
//! being woken by it.
//!
//! Whoever polls takes the run token, so there is never more than one. The server is polled with its own task's waker, as
//! its own ambient process, and lets go of what it is done with as at the end of any poll; to its own code it is a
//! poll like any other. What must hold:
//!
//! * **Nothing is lost.** The request is pushed without a wake-up only by one who polls or wakes right after. A task that
//!   is woken and finds the token taken leaves word (`MISSED`), and who gives the token back wakes it again. A task that is
//!   dropped meanwhile leaves word as well (`ABANDONED`), and the process dies where it is polled.
//! * **Only where it is safe.** The caller is a task, and the runtime entered now is the server's own, so that timers, sockets
//!   and what is spawned are the same. Whoever blocks a thread until a future is ready is no task, and may outlive the runtime.
//! * **Only where it pays.** The server sleeps, is in no callback, and its recent polls were short (`turn.rs`): a caller
//!   that waits for several slow servers at once has them run side by side, as ever. Handoffs nest to a small depth.
//! * **Not for long.** The poll takes from the caller's budget for cooperative tasks; when that is used up, or the server has taken one
//!   batch of messages, its own task goes on.
//!
//! Cost: one compare-and-exchange and one swap for the token; no wake-up either way.

use std::hash::{Hash, Hasher};

use tokio::runtime::Handle;
use tokio::task::{self, coop};

use crate::ambient;
use crate::cell::Head;
use crate::sync::Ordering;

/// How many handoffs may run within each other: each takes some of the thread's stack.
const MAX_DEPTH: u8 = 4;

/// The runtime of a process that nobody is to poll in place, and of code outside any.
pub(crate) const NOWHERE: u16 = 0;

/// Whether the code that runs now may poll that process in place, as far as can be told without taking the token.
#[inline]
pub(crate) fn may_poll(server: &Head) -> bool {
    let runtime = server.runtime.load(Ordering::Relaxed);
    runtime != NOWHERE
        && server.turn.is_quick_and_idle()
        && !server.is_taken()
        && ambient::handoffs() < MAX_DEPTH
        && task::try_id().is_some()
        && coop::has_budget_remaining()
        // Not the one that the caller was started on: code that blocks in place may have entered another.
        && Handle::try_current().is_ok_and(|here| number_of(&here) == runtime)
}

/// A number for a runtime that no other one has; `NOWHERE` for those after the first 65,535.
pub(crate) fn number_of(runtime: &Handle) -> u16 {
    /// A runtime's id is a number that shows itself to a hasher alone.
    struct Number(u16);

    impl Hasher for Number {
        fn finish(&self) -> u64 {
            u64::from(self.0)
        }

        fn write(&mut self, _: &[u8]) {
            // Not a number: then there are no handoffs.
            self.0 = NOWHERE;
        }

        #[inline]
        fn write_u64(&mut self, number: u64) {
            self.0 = u16::try_from(number).unwrap_or(NOWHERE);
        }
    }

    let mut number = Number(NOWHERE);
    runtime.id().hash(&mut number);
    number.0
}

/// While it exists, this thread polls nobody in place: it blocks, and has no budget that would end such a poll.
pub(crate) struct Forbidden(u8);

impl Forbidden {
    pub(crate) fn new() -> Self {
        Self(ambient::set_handoffs(MAX_DEPTH))
    }
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        ambient::set_handoffs(self.0);
    }
}

/// While it exists, this thread polls one process more in place.
pub(crate) struct Deeper(u8);

impl Deeper {
    #[inline]
    pub(crate) fn new() -> Self {
        let depth = ambient::handoffs();
        ambient::set_handoffs(depth.saturating_add(1));
        Self(depth)
    }
}

impl Drop for Deeper {
    #[inline]
    fn drop(&mut self) {
        ambient::set_handoffs(self.0);
    }
}
