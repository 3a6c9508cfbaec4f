//! [`ReplyTo`] and [`Reply`]: one request's answer, or the news that none will come.
//!
//! One allocation, shared by the caller ([`Reply`]), the server's code ([`ReplyTo`]) and the server's runner
//! ([`Request`], which tells the caller when the process dies while the `ReplyTo` is kept elsewhere).
//!
//! The state word has a bit per event. Three parties write, each its own cell: the caller the waker, the holder of
//! `ReplyTo` the value, the dying process the reason. Whoever sets the first of `VALUE`, `EXIT`, `NO_REPLY` owns the
//! waker from then on, if `WAKER` was set by then.

use std::fmt;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::ambient::{self, Unanswered};
use crate::deadline::Deadline;
use crate::exit_reason::ExitReason;
use crate::pid::Pid;
use crate::sync::{Arc, AtomicU8, Ordering, UnsafeCell};

/// The caller's waker is stored, and the caller will not touch it before it clears this bit.
const WAKER: u8 = 1;
/// The value is stored. Set by the holder of `ReplyTo`, once.
const VALUE: u8 = 1 << 1;
/// The reason of the process's death is stored. Set by the dying process, once.
const EXIT: u8 = 1 << 2;
/// `ReplyTo` was dropped without an answer. Never set together with `VALUE`.
const NO_REPLY: u8 = 1 << 3;
/// The caller is gone: nobody will look any more.
const CLOSED: u8 = 1 << 4;
/// The value is stored, and counts once `EXIT` is set. Never set together with `VALUE`.
const PARTING: u8 = 1 << 5;

const RESOLVED: u8 = VALUE | EXIT | NO_REPLY;

struct Slot<T> {
    state: AtomicU8,
    /// The process that the request went to.
    server: Pid,
    waker: UnsafeCell<Option<Waker>>,
    value: UnsafeCell<Option<T>>,
    exit: UnsafeCell<Option<ExitReason>>,
}

// SAFETY: a slot hands a `T` from one thread to another (`T: Send`); which party may touch which cell at which time is
// decided by `state`, as the head of this file says, with acquire and release on each hand-over.
#[expect(unsafe_code, reason = "a oneshot with three parties; loom models it in tests/loom_reply.rs")]
unsafe impl<T: Send> Sync for Slot<T> {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "as above")]
unsafe impl<T: Send> Send for Slot<T> {}

impl<T> Slot<T> {
    /// Announces a result and wakes the caller if this was the first.
    fn announce(&self, bit: u8) {
        let before = self.state.fetch_or(bit, Ordering::AcqRel);
        if before & (RESOLVED | CLOSED) == 0 && before & WAKER != 0 {
            // SAFETY: `WAKER` was set and nothing was resolved: the cell is ours, since the caller, finding a result,
            // leaves it alone.
            #[expect(unsafe_code, reason = "see the head of this file")]
            let waker = self.waker.with_mut(|cell| unsafe { (*cell).take() });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T: Send> Unanswered for Slot<T> {
    fn resolve(&self, death: Option<&ExitReason>) {
        match death {
            Some(reason) => {
                if self.state.load(Ordering::Acquire) & (EXIT | CLOSED) == 0 {
                    // SAFETY: only the one dying process gets here, on one thread, and `EXIT` is not set yet.
                    #[expect(unsafe_code, reason = "see the head of this file")]
                    self.exit.with_mut(|cell| unsafe { *cell = Some(reason.clone()) });
                    self.announce(EXIT);
                }
            }
            None => self.announce(NO_REPLY),
        }
    }
}

/// A request to `server`: its two ends and the runner's handle.
#[must_use]
pub fn request<T: Send + 'static>(server: Pid) -> (ReplyTo<T>, Reply<T>, Request) {
    let slot = Arc::new(Slot {
        state: AtomicU8::new(0),
        server,
        waker: UnsafeCell::new(None),
        value: UnsafeCell::new(None),
        exit: UnsafeCell::new(None),
    });
    (
        ReplyTo { slot: Some(Arc::clone(&slot)) },
        Reply { slot: Arc::clone(&slot) },
        Request { slot: Some(slot) },
    )
}

/// The right to answer one request, once. It may be kept, moved to another task, or sent on.
///
/// Dropped without an answer, it tells the caller: `Exit` if the process died, `NoReply` if it lives on. If the
/// process dies while the `ReplyTo` is kept elsewhere, the caller hears of that at once, and a later answer is
/// dropped.
///
/// # Counterpart
///
/// Elixir's `from`, answered with `GenServer.reply/2`.
pub struct ReplyTo<T: Send + 'static> {
    /// `None` once answered.
    slot: Option<Arc<Slot<T>>>,
}

impl<T: Send + 'static> ReplyTo<T> {
    /// Answers. If the caller has stopped waiting, the answer is dropped.
    pub fn send(mut self, value: T) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: this is the one `ReplyTo` of the slot, consumed here, and `VALUE` is not set before the write
            // is done; nobody else touches the cell until then.
            #[expect(unsafe_code, reason = "see the head of this file")]
            slot.value.with_mut(|cell| unsafe { *cell = Some(value) });
            slot.announce(VALUE);
        }
    }

    /// Leaves an answer that the caller gets when this process has ended: after its state was dropped and its name is
    /// free. Until then the caller waits. For behaviours, whose starter hears that `init` gave up.
    pub fn send_at_exit(mut self, value: T) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: as in `send`, with `PARTING`.
            #[expect(unsafe_code, reason = "see the head of this file")]
            slot.value.with_mut(|cell| unsafe { *cell = Some(value) });
            slot.state.fetch_or(PARTING, Ordering::AcqRel);
            self.slot = Some(slot);
        }
    }

    /// Whether the caller has stopped waiting, so that an answer is wasted work.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.state.load(Ordering::Acquire) & (CLOSED | EXIT) != 0)
    }

    /// For generated code: the runner holds this reply while the method that returns its value runs.
    #[doc(hidden)]
    pub fn mark_held(&mut self) {}
}

impl<T: Send + 'static> Drop for ReplyTo<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take()
            && let Err(request) = ambient::defer(slot.server, slot)
        {
            request.resolve(None);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for ReplyTo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyTo").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a request ends in one of these three ways")]
pub enum Answer<T> {
    /// With its answer.
    Value(T),
    /// The process died first.
    Exit(ExitReason),
    /// The process lives on and will never answer: its `ReplyTo` was dropped.
    NoReply,
}

/// The caller's end of a request.
pub struct Reply<T: Send + 'static> {
    slot: Arc<Slot<T>>,
}

impl<T: Send + 'static> Reply<T> {
    /// The answer, once there is one. Must not be polled again after that.
    pub fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<T>> {
        let mut state = self.slot.state.load(Ordering::Acquire);
        if state & RESOLVED == 0 && state & WAKER != 0 {
            // Take the waker cell back, unless a result came in between.
            state = self.slot.state.fetch_and(!WAKER, Ordering::AcqRel);
        }
        if state & RESOLVED == 0 {
            // SAFETY: `WAKER` is clear and nothing is resolved as of our last look; whoever resolves now finds
            // `WAKER` clear and leaves the cell alone.
            #[expect(unsafe_code, reason = "see the head of this file")]
            self.slot.waker.with_mut(|cell| unsafe {
                match &mut *cell {
                    Some(old) if old.will_wake(cx.waker()) => {}
                    old => *old = Some(cx.waker().clone()),
                }
            });
            state = self.slot.state.fetch_or(WAKER, Ordering::AcqRel);
            if state & RESOLVED == 0 {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.take(state))
    }

    /// The answer, if it is there already.
    #[must_use]
    pub fn try_answer(&mut self) -> Option<Answer<T>> {
        let state = self.slot.state.load(Ordering::Acquire);
        (state & RESOLVED != 0).then(|| self.take(state))
    }

    fn take(&mut self, state: u8) -> Answer<T> {
        if state & VALUE != 0 || state & (EXIT | PARTING) == EXIT | PARTING {
            // SAFETY: `VALUE` or `PARTING` is set, so its writer is done with the cell, and only the caller reads it.
            #[expect(unsafe_code, reason = "see the head of this file")]
            let value = self.slot.value.with_mut(|cell| unsafe { (*cell).take() });
            value.map_or(Answer::NoReply, Answer::Value)
        } else if state & EXIT != 0 {
            // SAFETY: as above, with `EXIT`.
            #[expect(unsafe_code, reason = "see the head of this file")]
            let reason = self.slot.exit.with_mut(|cell| unsafe { (*cell).take() });
            Answer::Exit(reason.unwrap_or(ExitReason::NoProc))
        } else {
            Answer::NoReply
        }
    }
}

impl<T: Send + 'static> Drop for Reply<T> {
    fn drop(&mut self) {
        self.slot.state.fetch_or(CLOSED, Ordering::AcqRel);
    }
}

impl<T: Send + 'static> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("server", &self.slot.server).finish_non_exhaustive()
    }
}

/// The runner's handle on a request that it has taken from the queue.
///
/// While a runner keeps it, the death of the process reaches the caller, wherever the `ReplyTo` is.
pub struct Request {
    /// `None` once the runner let go of it.
    slot: Option<Arc<dyn Tracked>>,
}

/// What a [`Request`] needs of its slot.
trait Tracked: Unanswered {
    fn is_settled(&self) -> bool;
    fn server(&self) -> Pid;
    fn into_unanswered(self: Arc<Self>) -> Arc<dyn Unanswered>;
}

impl<T: Send + 'static> Tracked for Slot<T> {
    fn is_settled(&self) -> bool {
        self.state.load(Ordering::Acquire) & (RESOLVED | CLOSED) != 0
    }

    fn server(&self) -> Pid {
        self.server
    }

    fn into_unanswered(self: Arc<Self>) -> Arc<dyn Unanswered> {
        self
    }
}

impl Request {
    /// Whether the caller has its answer or has stopped waiting: no need to keep the request.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.is_settled())
    }
}

impl Drop for Request {
    /// Dropped unsettled, inside its process, it is put aside: should the process die in this poll, the caller hears of
    /// it. Should it live, the `ReplyTo` speaks for itself.
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take()
            && ambient::is_current(slot.server())
            && !slot.is_settled()
        {
            let server = slot.server();
            let _ = ambient::defer(server, Arc::new(OnDeath(slot.into_unanswered())));
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("settled", &self.is_settled()).finish_non_exhaustive()
    }
}

/// Passes on a death and nothing else.
struct OnDeath(Arc<dyn Unanswered>);

impl Unanswered for OnDeath {
    fn resolve(&self, death: Option<&ExitReason>) {
        if death.is_some() {
            self.0.resolve(death);
        }
    }
}

/// Waits for the answer to a request, for a limited time. While it waits inside a process, `info` shows whom for.
#[derive(Debug)]
pub struct Awaiting<T: Send + 'static> {
    reply: Reply<T>,
    deadline: Deadline,
    /// `Head::calling` of the current process names this request's server.
    shown: bool,
}

impl<T: Send + 'static> Awaiting<T> {
    /// Waits from the first poll on; without limit if `None`.
    pub fn new(reply: Reply<T>, limit: Option<Duration>) -> Self {
        Self { reply, deadline: Deadline::after(limit), shown: false }
    }

    /// Waits on without limit, after the time was up.
    pub fn extend(&mut self) {
        self.deadline = Deadline::after(None);
    }

    /// The answer, or `None` when the time is up. Must not be polled again after either.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer<T>>> {
        if let Poll::Ready(answer) = self.reply.poll_answer(cx) {
            return Poll::Ready(Some(answer));
        }
        if self.deadline.poll_passed(cx).is_ready() {
            // It may have come in between.
            return Poll::Ready(self.reply.try_answer());
        }
        if !self.shown {
            self.shown = true;
            show_call(self.reply.slot.server.number());
        }
        Poll::Pending
    }
}

impl<T: Send + 'static> Drop for Awaiting<T> {
    fn drop(&mut self) {
        if self.shown {
            show_call(0);
        }
    }
}

fn show_call(server: u64) {
    ambient::with(|cell| {
        if let Some(cell) = cell {
            cell.head.calling.store(server, std::sync::atomic::Ordering::Relaxed);
        }
    });
}
