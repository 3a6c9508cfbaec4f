//! Pushing where a message is not simply queued: into a bounded mailbox, a closed one, or a thread's channel.
//!
//! None of this costs an ordinary mailbox more than the look at one flag, under the lock that the push holds anyway.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::bound::{Bound, Overflow};
use crate::calling::{Calling, SOFT};
use crate::cell::{Cell, Inner};
use crate::error::{SendError, SendErrorKind};
use crate::inbox::{Inbox, Received};
use crate::panics::{catch, log_safely};
use crate::pid::Pid;
use crate::sync::{Arc, MutexGuard};
use crate::thread_sink::Channel;

/// A message that was not queued, and why.
pub(crate) enum Refused<M> {
    /// The process is gone, or accepts no more.
    NoProc(M),
    /// The mailbox is full.
    Full(M),
    /// The mailbox is full, and drops what is new; that was counted.
    Dropped(M),
    /// The mailbox is full, and a call is to wait for room.
    Wait(M),
}

impl<M> Refused<M> {
    pub(crate) fn into_error(self) -> SendError<M> {
        match self {
            Self::NoProc(message) => SendError::new(message, SendErrorKind::NoProc),
            Self::Full(message) | Self::Dropped(message) | Self::Wait(message) => {
                SendError::new(message, SendErrorKind::Full)
            }
        }
    }
}

impl<M: Send + 'static> Inner<Inbox<M>> {
    /// Whether this message would not be queued, were it pushed now.
    pub(crate) fn refuses(&self, message: &M) -> bool {
        let special = self.extra.as_deref().filter(|_| self.detour);
        let drops_another = |bound: &Bound| bound.overflow == Overflow::DropOldest;
        self.is_gone()
            || special.is_some_and(|extra| extra.is_closed_to(message))
            || self.has_no_room_for(message, None)
                && !special.and_then(|extra| extra.bound.as_deref()).is_some_and(drops_another)
    }

    /// Whether a message, of the sender with this ticket, has to wait for room in a mailbox that it could be queued in.
    fn has_no_room_for(&self, message: &M, ticket: Option<u64>) -> bool {
        let extra = self
            .extra
            .as_deref()
            .filter(|extra| self.detour && !extra.is_closed_to(message) && !self.is_gone());
        let bound = extra.and_then(|extra| extra.bound.as_deref());
        bound.is_some_and(|bound| bound.counts(message) && !bound.has_room_for(ticket))
    }
}

impl<M: Send + 'static> Cell<Inbox<M>> {
    /// `push_locked`, once it is known that the mailbox is a special one.
    #[cold]
    pub(crate) fn push_by_detour(
        &self,
        mut inner: MutexGuard<'_, Inner<Inbox<M>>>,
        message: M,
        calling: Option<&Calling>,
    ) -> Result<(), Refused<M>> {
        let mut number = inner.pushes;
        inner.extra();
        let Inner { extra: Some(extra), queue, .. } = &mut *inner else { unreachable!("it was just made") };
        if extra.is_closed_to(&message) {
            return Err(Refused::NoProc(message));
        }
        if let Some(sink) = &extra.sink {
            if let Some(calling) = calling {
                calling.queued_as(SOFT);
            }
            if let Some(channel) = sink.as_any().downcast_ref::<Channel<M>>() {
                channel.send(Received::Message(message));
            }
            inner.pushes = inner.pushes.wrapping_add(1);
            return Ok(());
        }
        let mut oldest = None;
        if let Some(bound) = extra.bound.as_deref_mut().filter(|bound| bound.counts(&message)) {
            if bound.overflow == Overflow::DropOldest {
                // What is dropped was never handled, so the numbers of requests say nothing about who waits for whom.
                number = SOFT;
            }
            if !bound.has_room_for(None) {
                match bound.overflow {
                    Overflow::Reject => return Err(Refused::Full(message)),
                    Overflow::Wait => return Err(Refused::Wait(message)),
                    Overflow::DropNew => {
                        bound.dropped += 1;
                        return Err(Refused::Dropped(message));
                    }
                    // If nothing waits but senders, which all the room is kept for, this one goes before them.
                    Overflow::DropOldest => oldest = bound.drop_oldest(&mut queue.items).ok().flatten(),
                }
            }
            bound.waiting += 1;
        }
        if let Some(calling) = calling {
            calling.queued_as(number);
        }
        queue.push(message);
        self.wake_receiver(inner);
        if let Err(reason) = catch(|| drop(oldest)) {
            // It is no fault of this sender, who may be the timer service.
            log_safely(|| {
                tracing::error!(
                    target: "otp::process",
                    pid = %self.head.pid,
                    %reason,
                    "the destructor of a message panicked that a full mailbox has dropped"
                );
            });
        }
        Ok(())
    }

    /// Pushes for a sender who does not ask what became of the message.
    #[inline]
    pub(crate) fn deliver(&self, inner: MutexGuard<'_, Inner<Inbox<M>>>, message: M) {
        match self.push_locked(inner, message, None) {
            Err(Refused::Full(_) | Refused::Wait(_)) => self.count_dropped(),
            Ok(()) | Err(Refused::NoProc(_) | Refused::Dropped(_)) => {}
        }
    }

    /// Counts a message that its sender lets go of because the mailbox was full.
    #[cold]
    fn count_dropped(&self) {
        if let Some(bound) = self.inner.lock().extra.as_mut().and_then(|extra| extra.bound.as_deref_mut()) {
            bound.dropped += 1;
        }
    }
}

/// A message that is sent as soon as its receiver has room; see `ProcessRef::send_wait`.
///
/// Senders get room in the order in which they began to wait, and come before those who do not wait.
///
/// # Cancel safety
///
/// Dropped before it is ready, the message was not sent.
#[must_use = "the message is sent when this is awaited"]
pub struct SendWait<M: Send + 'static> {
    cell: Arc<Cell<Inbox<M>>>,
    /// `None` once sent.
    message: Option<M>,
    /// Its place among those who wait.
    ticket: Option<u64>,
}

impl<M: Send + 'static> SendWait<M> {
    pub(crate) fn new(cell: Arc<Cell<Inbox<M>>>, message: M) -> Self {
        Self { cell, message: Some(message), ticket: None }
    }

    /// The receiver.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.cell.head.pid
    }

    /// Polls, and tells `calling` which message of the receiver the request has become.
    pub fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
        calling: &Calling,
    ) -> Poll<Result<(), SendError<M>>> {
        self.poll_as(cx, Some(calling))
    }

    fn poll_as(&mut self, cx: &mut Context<'_>, calling: Option<&Calling>) -> Poll<Result<(), SendError<M>>> {
        let mut inner = self.cell.inner.lock();
        let mut waker = None;
        if self.message.as_ref().is_some_and(|message| inner.has_no_room_for(message, self.ticket)) {
            // Foreign code, cloned outside the lock; so are the wakers below dropped and woken.
            drop(inner);
            waker = Some(Arc::new(cx.waker().clone()));
            inner = self.cell.inner.lock();
        }
        let Some(message) = self.message.take() else { panic!("polled after it was ready") };
        let gone = inner.is_gone();
        let extra = inner.extra.as_deref_mut().filter(|_| !gone);
        let Some(bound) =
            extra.filter(|extra| extra.closed.is_none()).and_then(|extra| extra.bound.as_deref_mut())
        else {
            return Poll::Ready(self.cell.push_locked(inner, message, calling).map_err(Refused::into_error));
        };
        if !bound.counts(&message) {
            return Poll::Ready(self.cell.push_locked(inner, message, calling).map_err(Refused::into_error));
        }
        if !bound.has_room_for(self.ticket) {
            let Some(waker) = waker else { unreachable!("there was room, under this very lock") };
            let (ticket, before) = bound.enqueue(self.ticket, waker);
            drop(inner);
            drop(before);
            self.ticket = Some(ticket);
            self.message = Some(message);
            return Poll::Pending;
        }
        bound.waiting += 1;
        let drops = bound.overflow == Overflow::DropOldest;
        let (own, next) = match self.ticket.take() {
            Some(ticket) => bound.leave(ticket),
            None => (None, None),
        };
        if let Some(calling) = calling {
            calling.queued_as(if drops { SOFT } else { inner.pushes });
        }
        inner.queue.push(message);
        self.cell.wake_receiver(inner);
        drop(own);
        if let Some(next) = next {
            next.wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }
}

/// Nothing in it is ever pinned.
impl<M: Send + 'static> Unpin for SendWait<M> {}

impl<M: Send + 'static> Future for SendWait<M> {
    type Output = Result<(), SendError<M>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_as(cx, None)
    }
}

impl<M: Send + 'static> Drop for SendWait<M> {
    /// It gives up its place, and wakes the one behind it if there is room.
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let left = {
            let mut inner = self.cell.inner.lock();
            inner.extra.as_mut().and_then(|extra| extra.bound.as_deref_mut()).map(|bound| bound.leave(ticket))
        };
        if let Some((_, Some(next))) = left {
            next.wake_by_ref();
        }
    }
}

impl<M: Send + 'static> fmt::Debug for SendWait<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendWait").field("to", &self.pid()).finish_non_exhaustive()
    }
}
