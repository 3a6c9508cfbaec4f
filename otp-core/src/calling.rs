//! Who waits for whom: the edge that a process publishes while it waits for an answer, and the search for a cycle.
//!
//! An edge is *hard* while nobody but the runner of the called server can answer: the caller waits inside a server's
//! callback, and its request is still in the queue, or the runner holds the reply of the method it runs. A cycle of
//! hard edges can never resolve, so the call that would close it is refused. Once user code holds the `ReplyTo` the
//! edge is *soft*: another process may answer, so a cycle with a soft edge is reported and never refused.
//!
//! The edge stands for the wait of the caller's own code. It ends with the answer, at the latest with the callback it began in,
//! and where a call that was begun goes on in another task.
//!
//! The edge is two words of the caller's own cell, written without a lock, and seen by others through a full fence: of
//! two processes that close a cycle at the same time, at least one sees the other's edge. The search reads the cycle
//! until two readings agree: then all its edges stood at one instant. The number of a request is written under the lock
//! that queues it, so that nobody who was reached through the request finds its edge hard still.
//!
//! Cost: a call from outside any callback writes one word. From a callback it also passes one fence and reads one word of
//! the called server, unless that server is waiting itself.

use crate::ambient;
use crate::cell::{AnyCell, Head};
use crate::pid::Pid;
use crate::sync::{Ordering, fence};
use crate::table;

/// The number of a request that is about to be queued.
const ABOUT_TO: u32 = u32::MAX;

/// Stands for a request whose caller does not depend on its answer alone, or that has no place in a queue: always soft.
pub(crate) const SOFT: u32 = u32::MAX - 1;

/// The longest chain that is followed.
const MAX_HOPS: usize = 1024;

/// While it exists, the current process is shown as waiting for the answer of `server`: until it publishes another one, or a
/// callback of it begins or ends, or somebody else goes on with the wait.
#[derive(Debug)]
pub struct Calling {
    caller: Option<Pid>,
    server: Pid,
}

impl Calling {
    /// Publishes that the current process, if this code runs in one, is about to call `server`.
    ///
    /// # Errors
    ///
    /// The cycle, beginning with the caller, if the call would close one of hard edges. Nothing is published then.
    pub(crate) fn publish(server: &Head, refuse_cycles: bool) -> Result<Self, Vec<Pid>> {
        ambient::with(|cell| {
            let Some(cell) = cell else { return Ok(Self { caller: None, server: server.pid }) };
            let head = &cell.head;
            // Release: who reads this number sees that the edge of the call before is gone.
            head.calling_number.store(if refuse_cycles { ABOUT_TO } else { SOFT }, Ordering::Release);
            head.calling.store(server.pid.number(), Ordering::Release);
            if refuse_cycles && head.turn.is_in_callback() {
                fence(Ordering::SeqCst);
                if server.calling.load(Ordering::Relaxed) != 0
                    && let Some(cycle) = find_cycle(head.pid, server.pid)
                {
                    head.calling.store(0, Ordering::Release);
                    return Err(cycle);
                }
            }
            Ok(Self { caller: Some(head.pid), server: server.pid })
        })
    }

    /// The request comes into the queue, as the message of this number. Called under the server's lock.
    pub(crate) fn queued_as(&self, number: u32) {
        ambient::with(|cell| {
            if let Some(cell) = cell.filter(|cell| self.is_of(cell))
                && cell.head.calling_number.load(Ordering::Relaxed) == ABOUT_TO
            {
                cell.head.calling_number.store(number, Ordering::Release);
            }
        });
    }

    /// The wait goes on in the code that runs now. If that is no longer the caller's, the caller does not wait any more, and
    /// nobody is shown instead.
    #[inline]
    pub fn goes_on_here(&mut self) {
        if self.caller.is_some() && self.caller != ambient::current() {
            self.end_elsewhere();
        }
    }

    fn is_of(&self, cell: &AnyCell) -> bool {
        Some(cell.head.pid) == self.caller
            && cell.head.calling.load(Ordering::Relaxed) == self.server.number()
    }

    /// Takes the edge back from outside the caller. It may have published another one meanwhile: that stays, unless it leads to
    /// the same server; then a deadlock may be missed, as ever in code that waits for several answers at a time.
    #[cold]
    fn end_elsewhere(&mut self) {
        if let Some(cell) = self.caller.take().and_then(table::get) {
            let edge = self.server.number();
            let _ = cell.head.calling.compare_exchange(edge, 0, Ordering::Release, Ordering::Relaxed);
        }
    }
}

impl Drop for Calling {
    #[inline]
    fn drop(&mut self) {
        let Some(caller) = self.caller else { return };
        let is_here = ambient::with(|cell| {
            let Some(cell) = cell.filter(|cell| cell.head.pid == caller) else { return false };
            if self.is_of(cell) {
                cell.head.calling.store(0, Ordering::Release);
            }
            true
        });
        if !is_here {
            self.end_elsewhere();
        }
    }
}

/// For generated code: the runner holds the reply of the message that is being handled, to the end of its callback.
pub(crate) fn hold_reply() {
    ambient::with(|cell| {
        if let Some(cell) = cell {
            cell.head.turn.set_reply_held(true);
        }
    });
}

/// One published edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    from: Pid,
    to: Pid,
    number: u32,
    hard: bool,
}

/// The cycle that `caller`, having published its edge to `server`, closes; `None` if there is none of hard edges alone.
#[cold]
fn find_cycle(caller: Pid, server: Pid) -> Option<Vec<Pid>> {
    let mut edges = walk(caller, server)?;
    loop {
        let again = walk(caller, server)?;
        if edges == again {
            break;
        }
        if again.iter().any(|edge| !edge.hard) {
            // It moves, so it is no deadlock.
            return None;
        }
        // A request that was about to be queued now is, and waits all the same: look again.
        edges = again;
    }
    let cycle: Vec<Pid> = [caller].into_iter().chain(edges.iter().map(|edge| edge.from)).collect();
    if edges.iter().all(|edge| edge.hard) {
        return Some(cycle);
    }
    tracing::warn!(target: "otp::process", ?cycle, "calls in a circle: it resolves only if another process answers one");
    None
}

/// The edges from `server` on that lead back to `caller`.
fn walk(caller: Pid, server: Pid) -> Option<Vec<Edge>> {
    let mut edges = Vec::new();
    let mut at = server;
    while edges.len() < MAX_HOPS {
        let edge = edge_of(at)?;
        edges.push(edge);
        if edge.to == caller {
            return Some(edges);
        }
        at = edge.to;
    }
    None
}

fn edge_of(from: Pid) -> Option<Edge> {
    let caller = table::get(from)?;
    let to = Pid::from_number(caller.head.calling.load(Ordering::Acquire))?;
    let number = caller.head.calling_number.load(Ordering::Acquire);
    let server = table::get(to)?;
    let handled = server.head.handled_number();
    let queued = number == ABOUT_TO || number.wrapping_sub(handled).cast_signed() >= 0;
    let held = number.wrapping_add(1) == handled && server.head.turn.is_reply_held();
    let hard = caller.head.turn.is_in_callback() && number != SOFT && (queued || held);
    Some(Edge { from, to, number, hard })
}
