//! [`ReplyTo`] and [`Reply`]: one request's answer, or the news that none will come.
//!
//! One allocation, shared by the caller ([`Reply`]), the server's code ([`ReplyTo`]) and the server's runner
//! ([`Request`], through which the death of the process reaches the caller while the `ReplyTo` is kept elsewhere).
//! Who may touch what is decided in [`slot`](crate::slot).

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};
use std::time::Duration;

use tracing::Span;

use crate::ambient;
use crate::calling;
use crate::cell::{AnyCell, Life};
use crate::deadline::Deadline;
use crate::exit_reason::ExitReason;
use crate::pid::Pid;
use crate::slot::{Outcome, SlotRef};
use crate::table;

/// A request to `server`: its two ends and the runner's handle.
#[must_use]
pub fn request<T: Send + 'static>(server: Pid) -> (ReplyTo<T>, Reply<T>, Request) {
    let [a, b, c] = SlotRef::new::<T>(server);
    (
        ReplyTo { slot: Some(a), answer: PhantomData },
        Reply { slot: b, answer: PhantomData },
        Request { slot: Some(c) },
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
    slot: Option<SlotRef>,
    answer: PhantomData<fn(T)>,
}

impl<T: Send + 'static> ReplyTo<T> {
    /// Answers. If the caller has stopped waiting, the answer is dropped.
    #[inline]
    pub fn send(mut self, value: T) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: the slot was made for `T` by `request`; this is its one `ReplyTo`, consumed here.
            #[expect(unsafe_code, reason = "the slot is erased; see slot.rs")]
            unsafe {
                slot.put_value(value);
            }
            if !slot.announce_value() {
                // SAFETY: the caller is gone without having looked, so the value is still this end's.
                #[expect(unsafe_code, reason = "the slot is erased; see slot.rs")]
                drop(unsafe { slot.take_value::<T>() });
            }
        }
    }

    /// Leaves an answer that the caller gets when this process has ended: after its state was dropped and its name is
    /// free. Until then the caller waits. For behaviours, whose starter hears that `init` gave up.
    pub fn send_at_exit(mut self, value: T) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: as in `send`.
            #[expect(unsafe_code, reason = "the slot is erased; see slot.rs")]
            unsafe {
                slot.put_value(value);
            }
            slot.announce_parting();
            self.slot = Some(slot);
        }
    }

    /// Whether the caller has stopped waiting, so that an answer is wasted work.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.slot.as_ref().is_none_or(SlotRef::is_settled)
    }

    /// For generated code: the runner holds this reply while the method that returns its value runs.
    #[doc(hidden)]
    #[inline]
    pub fn mark_held(&mut self) {
        calling::hold_reply();
    }
}

impl<T: Send + 'static> Drop for ReplyTo<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            Unanswered { slot, dropped: true }.defer_or_resolve();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for ReplyTo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyTo").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// A request that a process which has not begun to run is to answer with its end: its result, or its death.
///
/// Nobody holds its third reference but the process itself, so the caller hears of the death even if the process is declared
/// dead while its code goes on.
pub(crate) fn outcome<T: Send + 'static>(cell: &AnyCell) -> (ReplyTo<T>, Reply<T>) {
    let [a, b, c] = SlotRef::new::<T>(cell.head.pid);
    let mut request = Request { slot: Some(c) };
    // Nobody enters it.
    request.end_span();
    let kept = request.slot.take().map(|slot| Unanswered { slot, dropped: false });
    cell.inner.lock().extra().unanswered.extend(kept);
    (ReplyTo { slot: Some(a), answer: PhantomData }, Reply { slot: b, answer: PhantomData })
}

/// Waits for the end of a process: resolves to `Exit`, when its state is dropped, its name free, and everyone told.
///
/// `NoProc` at once if it has ended, or never was.
#[must_use]
pub fn await_end(pid: Pid) -> Reply<Infallible> {
    let [a, b, c] = SlotRef::new::<Infallible>(pid);
    // There is no runner, and the span is not needed.
    drop(Request { slot: Some(c) });
    let request = Unanswered { slot: a, dropped: false };
    let mut request = Some(request);
    let mut settled: Vec<Unanswered> = Vec::new();
    if let Some(cell) = table::get(pid) {
        let mut inner = cell.inner.lock();
        if inner.life < Life::Buried {
            let unanswered = &mut inner.extra().unanswered;
            if unanswered.len() == unanswered.capacity() {
                // Before it grows: those who wait no more, dropped outside the lock.
                settled = unanswered.extract_if(.., |other| other.slot.is_settled()).collect();
                // So that this is not done again for the next one or two.
                unanswered.reserve(unanswered.len().max(4));
            }
            unanswered.extend(request.take());
        }
    }
    drop(settled);
    if let Some(request) = request {
        request.resolve(Some(&ExitReason::NoProc));
    }
    Reply { slot: b, answer: PhantomData }
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
    slot: SlotRef,
    answer: PhantomData<T>,
}

impl<T: Send + 'static> Reply<T> {
    /// The answer, once there is one. Must not be polled again after that.
    #[inline]
    pub fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<T>> {
        self.slot.poll_outcome(cx.waker()).map(|outcome| self.take(outcome))
    }

    /// The answer, if it is there already.
    #[must_use]
    pub fn try_answer(&mut self) -> Option<Answer<T>> {
        self.slot.outcome().map(|outcome| self.take(outcome))
    }

    fn take(&mut self, outcome: Outcome) -> Answer<T> {
        match outcome {
            // SAFETY: the slot was made for `T` by `request`, the outcome says that the value is written, and this is
            // the slot's one `Reply`.
            #[expect(unsafe_code, reason = "the slot is erased; see slot.rs")]
            Outcome::Value => unsafe { self.slot.take_value() }.map_or(Answer::NoReply, Answer::Value),
            Outcome::Exit => Answer::Exit(self.slot.exit_reason()),
            Outcome::NoReply => Answer::NoReply,
        }
    }
}

impl<T: Send + 'static> Drop for Reply<T> {
    #[inline]
    fn drop(&mut self) {
        if self.slot.close() {
            // SAFETY: as in `take`.
            #[expect(unsafe_code, reason = "the slot is erased; see slot.rs")]
            drop(unsafe { self.slot.take_value::<T>() });
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("server", &self.slot.server()).finish_non_exhaustive()
    }
}

/// The runner's handle on a request that it has taken from the queue.
///
/// While a runner keeps it, the death of the process reaches the caller, wherever the `ReplyTo` is.
pub struct Request {
    /// `None` once the runner let go of it.
    slot: Option<SlotRef>,
}

impl Request {
    /// The process that made the request; `None` for code outside any process.
    #[must_use]
    pub fn client(&self) -> Option<Pid> {
        self.slot.as_ref().and_then(SlotRef::client)
    }

    /// The tracing span that the request was made in, to enter while it is handled.
    #[must_use]
    #[inline]
    pub fn span(&self) -> Option<&Span> {
        // SAFETY: this is the slot's one `Request`; the span ends by `&mut` alone.
        #[expect(unsafe_code, reason = "see slot.rs")]
        self.slot.as_ref().and_then(|slot| unsafe { slot.span() })
    }

    /// Lets go of that span, which would otherwise stay open as long as the request is kept.
    pub fn end_span(&mut self) {
        if let Some(slot) = &self.slot {
            // SAFETY: this is the slot's one `Request`, and nobody looks at its span.
            #[expect(unsafe_code, reason = "see slot.rs")]
            unsafe {
                slot.end_span();
            }
        }
    }

    /// Whether the caller has its answer or has stopped waiting: no need to keep the request.
    #[must_use]
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.slot.as_ref().is_none_or(SlotRef::is_settled)
    }

    /// Whether the answer was sent, also to a caller that has stopped waiting.
    #[must_use]
    #[inline]
    pub fn is_answered(&self) -> bool {
        self.slot.as_ref().is_some_and(SlotRef::is_answered)
    }
}

#[cfg(all(test, otp_loom))]
impl Request {
    /// What the death of the process does with it.
    pub(crate) fn resolve_for_death(mut self, reason: &ExitReason) {
        if let Some(slot) = self.slot.take() {
            Unanswered { slot, dropped: false }.resolve(Some(reason));
        }
    }
}

#[cfg(all(test, otp_loom))]
impl<T: Send + 'static> ReplyTo<T> {
    /// `send_at_exit`, without the announcement that the drop outside of a process would make.
    pub(crate) fn leave_for_death(mut self, value: T) {
        if let Some(slot) = self.slot.take() {
            // SAFETY: as in `send_at_exit`.
            #[expect(unsafe_code, reason = "the slot is erased; see slot.rs")]
            unsafe {
                slot.put_value(value);
            }
            slot.announce_parting();
        }
    }
}

impl Drop for Request {
    /// Dropped unsettled, inside its process, it is put aside: should the process die in this poll, the caller hears of
    /// it. Should it live, the `ReplyTo` speaks for itself.
    #[inline]
    fn drop(&mut self) {
        self.end_span();
        if let Some(slot) = self.slot.take()
            && !slot.is_settled()
        {
            Unanswered { slot, dropped: false }.defer_or_resolve();
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("settled", &self.is_settled()).finish_non_exhaustive()
    }
}

/// A request whose caller is to be told how it ended.
pub(crate) struct Unanswered {
    slot: SlotRef,
    /// Its `ReplyTo` was dropped; otherwise the runner let go of it, and only a death is news.
    dropped: bool,
}

impl Unanswered {
    /// Inside the server's own poll it waits for the end of that poll, when it is known whether the process died.
    fn defer_or_resolve(self) {
        if ambient::is_in_poll_of(self.server()) {
            ambient::defer(self);
        } else if let Some(request) = ambient::leave_to_dying_thread(self) {
            request.resolve(None);
        }
    }

    pub(crate) fn server(&self) -> Pid {
        self.slot.server()
    }

    /// Tells the caller: the process died with `Some` reason, or lives.
    pub(crate) fn resolve(self, death: Option<&ExitReason>) {
        match death {
            Some(reason) => self.slot.announce_exit(reason),
            None if self.dropped => self.slot.announce_no_reply(),
            None => {}
        }
    }
}

/// Waits for the answer to a request, for a limited time.
#[derive(Debug)]
pub struct Awaiting<T: Send + 'static> {
    reply: Reply<T>,
    deadline: Deadline,
}

impl<T: Send + 'static> Awaiting<T> {
    /// Waits from the first poll on; without limit if `None`.
    pub const fn new(reply: Reply<T>, limit: Option<Duration>) -> Self {
        Self { reply, deadline: Deadline::after(limit) }
    }

    /// Has the time count from now on, rather than from the first poll.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.deadline.start();
        self
    }

    /// Waits on without limit, after the time was up.
    pub fn extend(&mut self) {
        self.deadline = Deadline::after(None);
    }

    /// Whether the time is up, of a request that was not sent yet.
    pub fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.deadline.poll_passed(cx)
    }

    /// The answer, or `None` when the time is up. Must not be polled again after either.
    #[inline]
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer<T>>> {
        if let Poll::Ready(answer) = self.reply.poll_answer(cx) {
            return Poll::Ready(Some(answer));
        }
        if self.deadline.poll_passed(cx).is_ready() {
            // It may have come in between.
            return Poll::Ready(self.reply.try_answer());
        }
        Poll::Pending
    }
}
