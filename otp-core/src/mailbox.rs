//! [`Mailbox`]: the receiving end of a process, and [`ProcessRef`]: the typed address to it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::task::coop;

use crate::alias::{Active, Alias, AliasMode, MonitorAlias};
use crate::calling::Calling;
use crate::cell::{AnyCell, Cell, Inner, Life, Origin, downcast};
use crate::deadline::Deadline;
use crate::driver::poll_in_place;
use crate::error::{FindError, SendError};
use crate::inbox::{Inbox, Item, Received, Signal, Waiting};
use crate::monitor::{self, MonitorRef, Target};
use crate::pid::Pid;
use crate::push::{Refused, SendWait};
use crate::recipient::Recipient;
use crate::sync::{Arc, MutexGuard};
use crate::{handoff, name, table};

/// Where a process receives. It is made by `spawn` and given to the process's body.
pub struct Mailbox<M: Send + 'static> {
    cell: Arc<Cell<Inbox<M>>>,
    /// Taken from the queue in one piece, and not handled yet. Boxed: most processes never have two messages waiting.
    batch: Option<Box<Batch<M>>>,
}

/// See `Mailbox::batch`.
struct Batch<M> {
    items: VecDeque<Item<M>>,
    /// The mailbox has a bound, which is to hear of each message that is taken from here.
    bounded: bool,
    /// See `Mailbox::keep`.
    kept: Vec<M>,
}

impl<M> Default for Batch<M> {
    fn default() -> Self {
        Self { items: VecDeque::new(), bounded: false, kept: Vec::new() }
    }
}

impl<M: Send + 'static> Mailbox<M> {
    pub(crate) fn new(cell: Arc<Cell<Inbox<M>>>) -> Self {
        Self { cell, batch: None }
    }

    /// The next message or signal, in order of arrival.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped: what arrives stays in the mailbox.
    ///
    /// # Counterpart
    ///
    /// `receive` without a pattern.
    pub async fn receive(&mut self) -> Received<M> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The next message or signal, or `None` if there is none within `limit`. What is there already comes first, also with
    /// a limit of zero.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    ///
    /// # Counterpart
    ///
    /// `receive … after Time`.
    pub async fn receive_timeout(&mut self, limit: Duration) -> Option<Received<M>> {
        let mut deadline = Deadline::after(Some(limit));
        poll_fn(|cx| {
            if let Poll::Ready(item) = self.poll_item(cx) {
                return Poll::Ready(Some(item.into_received()));
            }
            // Something may wait all the same: then this poll has used up its share, and it goes first.
            if self.is_doomed() || self.has_waiting() {
                return Poll::Pending;
            }
            deadline.poll_passed(cx).map(|()| None)
        })
        .await
    }

    /// The first message or signal that `wanted` accepts, in order of arrival. The others stay, in their order.
    ///
    /// Each look at a mailbox with many messages that are not wanted costs as much as there are. In a bounded mailbox they
    /// count: once they fill it, the wanted one finds no room either.
    ///
    /// # Panics
    ///
    /// As `wanted` does; the mailbox is whole then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_core::{Mailbox, Received, Waiting, attach_with};
    ///
    /// # #[otp_core::main]
    /// # async fn main() {
    /// let order = attach_with(|mut mailbox: Mailbox<u32>| async move {
    ///     for n in [1, 2, 3] {
    ///         mailbox.address().send(n);
    ///     }
    ///     let Received::Message(two) = mailbox.receive_where(|it| matches!(it, Waiting::Message(2))).await else {
    ///         unreachable!()
    ///     };
    ///     let Received::Message(next) = mailbox.receive().await else { unreachable!() };
    ///     (two, next)
    /// });
    /// assert_eq!(order.await, Ok((2, 1)));
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// `receive` with a pattern.
    pub async fn receive_where(&mut self, mut wanted: impl FnMut(Waiting<'_, M>) -> bool) -> Received<M> {
        self.receive_where_from(&mut 0, &mut wanted).await
    }

    /// As [`receive_where`](Self::receive_where), from where an earlier search for the same ended: `seen` begins at 0, and what
    /// was not wanted before is not looked at again. Whoever receives otherwise in between begins at 0 again.
    ///
    /// # Panics
    ///
    /// As `wanted` does; the mailbox is whole then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    pub async fn receive_where_from(
        &mut self,
        seen: &mut usize,
        mut wanted: impl FnMut(Waiting<'_, M>) -> bool,
    ) -> Received<M> {
        poll_fn(|cx| self.poll_where(cx, &mut wanted, seen)).await
    }

    /// As [`receive_where`](Self::receive_where), for `limit` at most.
    ///
    /// # Panics
    ///
    /// As `wanted` does; the mailbox is whole then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this future is dropped.
    pub async fn receive_where_timeout(
        &mut self,
        mut wanted: impl FnMut(Waiting<'_, M>) -> bool,
        limit: Duration,
    ) -> Option<Received<M>> {
        let mut seen = 0;
        let mut deadline = Deadline::after(Some(limit));
        poll_fn(|cx| {
            if let Poll::Ready(received) = self.poll_where(cx, &mut wanted, &mut seen) {
                return Poll::Ready(Some(received));
            }
            // Something may wait that was not looked at: then this poll has used up its share, and it goes first.
            if self.is_doomed() || self.has_unseen(seen) {
                return Poll::Pending;
            }
            deadline.poll_passed(cx).map(|()| None)
        })
        .await
    }

    /// Looks at what it has not `seen` yet, and takes the first item that is wanted.
    fn poll_where(
        &mut self,
        cx: &mut Context<'_>,
        wanted: &mut impl FnMut(Waiting<'_, M>) -> bool,
        seen: &mut usize,
    ) -> Poll<Received<M>> {
        let Poll::Ready(budget) = coop::poll_proceed(cx) else {
            self.cell.head.turn.was_exhausted();
            return Poll::Pending;
        };
        loop {
            if self.cell.head.is_doomed() {
                return Poll::Pending;
            }
            self.pay_debt(seen);
            let batch = self.batch.get_or_insert_default();
            let found = batch
                .items
                .iter()
                .enumerate()
                .skip(*seen)
                .find_map(|(at, item)| wanted(item.as_waiting()).then_some(at));
            if let Some(at) = found {
                // The next search begins where this item stood: what is before it was not wanted.
                *seen = at;
                let Some(item) = self.take_from_batch(at) else { continue };
                self.cell.head.count_handled();
                if self.is_flushed(&item) {
                    continue;
                }
                budget.made_progress();
                return Poll::Ready(item.into_received());
            }
            *seen = batch.items.len();
            if !self.append() && self.will_be_woken(cx.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// Adds the queue to the batch; whether there was anything.
    fn append(&mut self) -> bool {
        if !self.cell.head.pushed.load(Ordering::Acquire) {
            return false;
        }
        let batch = self.batch.get_or_insert_default();
        let mut inner = self.cell.inner.lock();
        self.cell.head.pushed.store(false, Ordering::Relaxed);
        inner.parked = true;
        let before = batch.items.len();
        if before == 0 {
            std::mem::swap(&mut batch.items, &mut inner.queue.items);
        } else {
            batch.items.append(&mut inner.queue.items);
        }
        if let Some(bound) = inner.bound() {
            batch.bounded = true;
            bound.took_batch();
        }
        batch.items.len() > before
    }

    /// Drops from the batch what a bound has dropped since it was taken. `seen` moves along.
    fn pay_debt(&mut self, seen: &mut usize) {
        let Some(batch) = self.batch.as_mut().filter(|batch| batch.bounded) else { return };
        let mut dropped = Vec::new();
        {
            let mut inner = self.cell.inner.lock();
            let Some(bound) = inner.bound() else { return };
            while let Some((at, item)) = bound.pay_debt(&mut batch.items) {
                *seen -= usize::from(at < *seen);
                dropped.push(item);
            }
        }
        // Foreign destructors, unlocked.
        drop(dropped);
    }

    /// Takes one item out of the batch. `None` if there is none, or if a bound has dropped something of it meanwhile.
    #[inline]
    fn take_from_batch(&mut self, at: usize) -> Option<Item<M>> {
        let batch = self.batch.as_mut()?;
        if batch.bounded { self.take_from_bounded_batch(at) } else { batch.items.remove(at) }
    }

    #[cold]
    fn take_from_bounded_batch(&mut self, at: usize) -> Option<Item<M>> {
        let batch = self.batch.as_mut()?;
        let mut inner = self.cell.inner.lock();
        let mut bound = inner.bound();
        if bound.as_ref().is_some_and(|bound| bound.is_in_debt()) {
            return None;
        }
        let item = batch.items.remove(at)?;
        let next = match (&item, &mut bound) {
            // A message leaves the mailbox: whoever waits for room comes next.
            (Item::Message(message), Some(bound)) if bound.counts(message) => bound.took_one_of_batch(),
            _ => None,
        };
        drop(inner);
        if let Some(next) = next {
            next.wake_by_ref();
        }
        Some(item)
    }

    /// The next item of the batch.
    #[inline]
    fn pop_batch(&mut self) -> Option<Item<M>> {
        let batch = self.batch.as_mut()?;
        if batch.bounded {
            return self.pop_bounded_batch();
        }
        batch.items.pop_front()
    }

    #[cold]
    fn pop_bounded_batch(&mut self) -> Option<Item<M>> {
        loop {
            self.pay_debt(&mut 0);
            if self.batch.as_ref()?.items.is_empty() {
                return None;
            }
            if let Some(item) = self.take_from_bounded_batch(0) {
                return Some(item);
            }
        }
    }

    /// Whether something may be waiting besides the first `seen` items of the batch.
    fn has_unseen(&self, seen: usize) -> bool {
        self.batch.as_ref().is_some_and(|batch| batch.items.len() > seen)
            || self.cell.head.pushed.load(Ordering::Acquire)
    }

    /// Whether it is a DOWN that `demonitor_flush` has taken back.
    #[inline]
    fn is_flushed(&self, item: &Item<M>) -> bool {
        matches!(item, Item::Signal(signal)
            if matches!(&**signal, Signal::Down(down) if !monitor::claim(&self.cell, down.monitor)))
    }

    /// Polls for the next message or signal. Takes part in tokio's budget for cooperative tasks.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received<M>> {
        self.poll_item(cx).map(Item::into_received)
    }

    /// As [`poll_receive`](Self::poll_receive), for behaviours whose futures are to stay small.
    ///
    /// Inlined wherever it is called, since that saves each message of a server a copy; who has a slow path beside a fast
    /// one wraps it for that.
    #[expect(clippy::inline_always, reason = "a server's messages come through here; see above")]
    #[inline(always)]
    pub fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Item<M>> {
        let budget = ready!(coop::poll_proceed(cx));
        loop {
            if self.cell.head.is_doomed() {
                // The driver sees it as soon as this poll ends; no further message is handled.
                return Poll::Pending;
            }
            let item = match self.pop_batch() {
                Some(item) => item,
                None if self
                    .cell
                    .head
                    .turn
                    .is_over_for_guest(|| self.cell.head.pushed.load(Ordering::Acquire)) =>
                {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => match self.refill() {
                    Some(item) => item,
                    None if self.will_be_woken(cx.waker()) => return Poll::Pending,
                    None => continue,
                },
            };
            self.cell.head.count_handled();
            if self.is_flushed(&item) {
                continue;
            }
            budget.made_progress();
            return Poll::Ready(item);
        }
    }

    /// Whether the next push wakes this waker; `false` if one came meanwhile.
    #[inline]
    fn will_be_woken(&self, waker: &Waker) -> bool {
        let head = &self.cell.head;
        head.task_waker().is_some_and(|task| task.will_wake(waker)) || self.register(waker)
    }

    /// A future inside a set of futures is polled only when its own waker is woken: remembers that one.
    #[cold]
    fn register(&self, waker: &Waker) -> bool {
        // Foreign code, cloned and dropped outside the lock.
        let mut receiver = Some(waker.clone());
        let mut inner = self.cell.inner.lock();
        let empty = inner.queue.items.is_empty();
        if empty {
            inner.parked = true;
            std::mem::swap(&mut inner.extra().receiver, &mut receiver);
        }
        drop(inner);
        empty
    }

    /// Whether something is waiting to be received, for sure.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| !batch.items.is_empty())
            || self.cell.head.pushed.load(Ordering::Acquire)
    }

    /// Whether an exit signal has hit this process: whatever it does now, it dies when its poll ends.
    #[must_use]
    pub fn is_doomed(&self) -> bool {
        self.cell.head.is_doomed()
    }

    /// For runners: the process has decided to end. Callers whose requests it lets go of from now on hear of its death.
    pub fn set_ending(&self) {
        let mut inner = self.cell.inner.lock();
        inner.life = inner.life.max(Life::Ending);
    }

    /// Takes the queue, or its only item, and marks the process as waiting once nothing is left.
    ///
    /// It is marked when the last message is taken out, not when the queue is found empty: then the usual way back to
    /// sleep, with nothing new since, takes no lock. A push meanwhile costs a wake-up of a running task.
    #[expect(clippy::inline_always, reason = "as poll_item, which it is the half of")]
    #[inline(always)]
    fn refill(&mut self) -> Option<Item<M>> {
        if !self.cell.head.pushed.load(Ordering::Acquire) {
            return None;
        }
        let mut inner = self.cell.inner.lock();
        self.cell.head.pushed.store(false, Ordering::Relaxed);
        inner.parked = true;
        if inner.detour && inner.bound().is_some() {
            return self.refill_bounded(inner);
        }
        match inner.queue.items.len() {
            0 => None,
            // A single message stays in its buffer's place: swapping would give each idle process two buffers.
            1 => inner.queue.items.pop_front(),
            _ => {
                let batch = self.batch.get_or_insert_default();
                std::mem::swap(&mut batch.items, &mut inner.queue.items);
                drop(inner);
                batch.items.pop_front()
            }
        }
    }

    /// Takes one item of a bounded queue.
    #[cold]
    fn refill_bounded(&self, mut inner: MutexGuard<'_, Inner<Inbox<M>>>) -> Option<Item<M>> {
        let item = inner.queue.items.pop_front();
        // With something left it comes back without being woken.
        inner.parked = inner.queue.items.is_empty();
        self.cell.head.pushed.store(!inner.parked, Ordering::Relaxed);
        let next = match (&item, inner.bound()) {
            (Some(Item::Message(message)), Some(bound)) if bound.counts(message) => bound.took_one(),
            _ => None,
        };
        drop(inner);
        if let Some(next) = next {
            next.wake_by_ref();
        }
        item
    }

    /// Accepts no message any more, as if the process were dead; those that wait are still received, and signals still
    /// arrive. For behaviours that finish their work before they end.
    pub fn close(&self) {
        self.close_but_for(|_| false);
    }

    /// As [`close`](Self::close), but messages that `accepted` is true for are accepted as ever.
    pub fn close_but_for(&self, accepted: fn(&M) -> bool) {
        let senders = {
            let mut inner = self.cell.inner.lock();
            if inner.is_gone() {
                return;
            }
            inner.detour = true;
            let extra = inner.extra();
            extra.closed = Some(Box::new(accepted));
            extra.bound.as_mut().map(|bound| bound.take_senders())
        };
        for sender in senders.into_iter().flatten() {
            sender.wake_by_ref();
        }
    }

    /// An address of this process that it can turn off, for messages `T` alone.
    #[must_use]
    pub fn alias<T: Send + 'static>(&self, mode: AliasMode) -> Alias<T>
    where
        M: From<T>,
    {
        self.alias_with(mode, M::from)
    }

    /// As [`alias`](Self::alias), with a function that makes this process's message of a `T`.
    #[must_use]
    pub fn alias_with<T: Send + 'static>(
        &self,
        mode: AliasMode,
        wrap: impl Fn(T) -> M + Send + Sync + 'static,
    ) -> Alias<T> {
        Alias::add(&self.cell, Active { once: mode == AliasMode::Reply, monitor: None }, wrap)
    }

    /// Monitors a process, with an alias of this one that goes with the monitor.
    ///
    /// # Counterpart
    ///
    /// `erlang:monitor(process, Target, [{alias, Mode}])`.
    #[must_use]
    pub fn monitor_with_alias<T: Send + 'static>(
        &self,
        target: impl Into<Target>,
        mode: MonitorAlias,
    ) -> (MonitorRef, Alias<T>)
    where
        M: From<T>,
    {
        self.monitor_with_alias_as(target, mode, M::from)
    }

    /// As [`monitor_with_alias`](Self::monitor_with_alias), with a function that makes this process's message of a `T`.
    #[must_use]
    pub fn monitor_with_alias_as<T: Send + 'static>(
        &self,
        target: impl Into<Target>,
        mode: MonitorAlias,
        wrap: impl Fn(T) -> M + Send + Sync + 'static,
    ) -> (MonitorRef, Alias<T>) {
        monitor::monitor_with_alias(&self.cell, target.into(), mode, wrap)
    }

    /// The address of this process.
    #[must_use]
    pub fn address(&self) -> ProcessRef<M> {
        ProcessRef { cell: Arc::clone(&self.cell) }
    }

    /// The pid of this process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.cell.head.pid
    }

    /// The process whose end a behaviour obeys: the one that started this one with a link or a monitor, or this
    /// one itself.
    #[must_use]
    pub fn parent(&self) -> Pid {
        let head = &self.cell.head;
        head.parent
            .filter(|_| matches!(head.origin, Origin::Child | Origin::Thread(true)))
            .unwrap_or(head.pid)
    }

    /// For runners of servers: whether a callback runs, as opposed to the wait for messages. See `CallError::Deadlock`.
    #[inline]
    pub fn set_in_callback(&self, in_callback: bool) {
        let head = &self.cell.head;
        // A call that was begun and left behind is not what the next callback waits for.
        if head.calling.load(Ordering::Relaxed) != 0 {
            head.calling.store(0, Ordering::Release);
        }
        // Whoever sees this sees that as well.
        head.turn.set_in_callback(in_callback);
    }

    /// For runners of servers: whether a caller polls the process in place and has had its share, so that the process's own
    /// task is to go on.
    #[inline]
    #[must_use]
    pub fn is_guest_served(&self) -> bool {
        self.cell.head.turn.is_guest_served()
    }

    /// For runners of servers: the callback that may have held its reply is over.
    #[inline]
    pub fn end_hold(&self) {
        let turn = &self.cell.head.turn;
        if turn.is_reply_held() {
            turn.set_reply_held(false);
        }
    }

    /// Frees the memory that an idle process keeps for its next messages, where it is empty. For behaviours that
    /// hibernate.
    pub fn give_back_buffers(&mut self) {
        if self.batch.as_ref().is_some_and(|batch| batch.items.is_empty() && batch.kept.is_empty()) {
            self.batch = None;
        }
        let mut inner = self.cell.inner.lock();
        // Freed outside the lock.
        let buffer = inner.queue.items.is_empty().then(|| std::mem::take(&mut inner.queue.items));
        drop(inner);
        drop(buffer);
    }

    /// Keeps a message that was received to the end: it is dropped as part of the death. Until then who waits for its answer
    /// still waits for this process.
    pub fn keep(&mut self, message: M) {
        self.cell.head.count_kept();
        self.cell.inner.lock().extra().flushed += 1;
        self.batch.get_or_insert_default().kept.push(message);
    }
}

impl<M: Send + 'static> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("pid", &self.pid()).finish_non_exhaustive()
    }
}

/// Why a request was not sent.
#[non_exhaustive]
pub enum RequestError<M: Send + 'static> {
    /// The process is dead, or accepts no more messages.
    NoProc,
    /// Its mailbox is full.
    Full,
    /// Its mailbox is full, and requests are to wait for room: poll this. The caller is shown as waiting meanwhile.
    Wait(SendWait<M>, Calling),
    /// Waiting for the answer would close this cycle of processes that wait for each other; the caller comes first.
    Deadlock(Vec<Pid>),
}

impl<M: Send + 'static> fmt::Debug for RequestError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestError({self})")
    }
}

impl<M: Send + 'static> fmt::Display for RequestError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("the process is dead"),
            Self::Full | Self::Wait(..) => f.write_str("the process's mailbox is full"),
            Self::Deadlock(cycle) => write!(f, "a deadlock among {cycle:?}"),
        }
    }
}

impl<M: Send + 'static> std::error::Error for RequestError<M> {}

/// The typed address of one process. It dies with the process: a restarted one has a new address.
pub struct ProcessRef<M: Send + 'static> {
    cell: Arc<Cell<Inbox<M>>>,
}

impl<M: Send + 'static> ProcessRef<M> {
    pub(crate) fn from_cell(cell: Arc<Cell<Inbox<M>>>) -> Self {
        Self { cell }
    }

    /// The address of the process that has a name.
    ///
    /// # Errors
    ///
    /// [`FindError`]: nobody has the name, or the process takes other messages.
    pub fn named(name: &str) -> Result<Self, FindError> {
        Self::typed(name::lookup(name))
    }

    /// The address of the process with a pid.
    ///
    /// # Errors
    ///
    /// [`FindError`]: the process is dead, or takes other messages.
    pub fn of(pid: Pid) -> Result<Self, FindError> {
        Self::typed(table::get(pid))
    }

    fn typed(cell: Option<Arc<AnyCell>>) -> Result<Self, FindError> {
        let cell = cell.ok_or(FindError::NoProc)?;
        downcast(cell).map(Self::from_cell).map_err(|cell| FindError::WrongType(cell.head.pid))
    }

    /// Sends a message; a dead process ignores it, and a full mailbox drops and counts it.
    ///
    /// # Counterpart
    ///
    /// `Pid ! Message`.
    #[inline]
    pub fn send(&self, message: M) {
        self.cell.deliver(self.cell.inner.lock(), message);
    }

    /// Sends a message, or gives it back if the process is dead or its mailbox full.
    ///
    /// A mailbox that drops what is new ([`Overflow::DropNew`](crate::Overflow::DropNew)) takes the message and drops it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message.
    #[inline]
    pub fn try_send(&self, message: M) -> Result<(), SendError<M>> {
        match self.cell.push(message) {
            Ok(()) | Err(Refused::Dropped(_)) => Ok(()),
            Err(refused) => Err(refused.into_error()),
        }
    }

    /// As [`try_send`](Self::try_send), but a mailbox that drops what is new gives the message back as well: for requests, whose
    /// answer would be waited for in vain.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message.
    pub fn try_send_request(&self, message: M) -> Result<(), SendError<M>> {
        self.cell.push(message).map_err(Refused::into_error)
    }

    /// Sends a message as soon as the mailbox has room. At once, at the first poll, where there is no bound.
    ///
    /// A process that waits for room in its own mailbox, and does not receive meanwhile, waits for ever.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message: the process is dead, or died meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the message was not sent.
    pub fn send_wait(&self, message: M) -> SendWait<M> {
        SendWait::new(Arc::clone(&self.cell), message)
    }

    /// Sends a request whose answer the current process is about to wait for, and shows it as waiting as long as the
    /// result lives.
    ///
    /// # Errors
    ///
    /// [`RequestError`]: the process is dead, its mailbox is full, or, with `refuse_cycles`, waiting for it could never
    /// end.
    #[inline]
    pub fn try_request(&self, message: M, refuse_cycles: bool) -> Result<Calling, RequestError<M>> {
        let calling = Calling::publish(&self.cell.head, refuse_cycles).map_err(RequestError::Deadlock)?;
        match self.cell.push_locked(self.cell.inner.lock(), message, Some(&calling)) {
            Ok(()) => Ok(calling),
            Err(Refused::NoProc(_)) => Err(RequestError::NoProc),
            Err(Refused::Full(_) | Refused::Dropped(_)) => Err(RequestError::Full),
            Err(Refused::Wait(message)) => Err(RequestError::Wait(self.send_wait(message), calling)),
        }
    }

    /// As [`try_request`](Self::try_request), for who waits for the answer right after: if the process is idle and known to be
    /// quick, it is polled here and now instead of being woken.
    ///
    /// # Errors
    ///
    /// As `try_request`.
    pub fn try_request_in_place(self, message: M, refuse_cycles: bool) -> Result<Calling, RequestError<M>> {
        if handoff::may_poll(&self.cell.head) {
            self.request_here(message, refuse_cycles)
        } else {
            self.try_request(message, refuse_cycles)
        }
    }

    /// Polls the process in place if it sleeps; who may do that has been decided.
    #[inline]
    pub(crate) fn request_here(self, message: M, refuse_cycles: bool) -> Result<Calling, RequestError<M>> {
        let calling = Calling::publish(&self.cell.head, refuse_cycles).map_err(RequestError::Deadlock)?;
        match self.cell.push_quietly(self.cell.inner.lock(), message, &calling) {
            Ok(false) => {}
            Ok(true) => {
                let cell: Arc<AnyCell> = self.cell;
                poll_in_place(&cell);
            }
            Err(Refused::NoProc(_)) => return Err(RequestError::NoProc),
            Err(Refused::Full(_) | Refused::Dropped(_)) => return Err(RequestError::Full),
            Err(Refused::Wait(message)) => return Err(RequestError::Wait(self.send_wait(message), calling)),
        }
        Ok(calling)
    }

    /// The process's pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.cell.head.pid
    }

    /// Whether the process has not ended yet.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        table::contains(self.pid())
    }

    /// The address of this process for messages `T` alone.
    #[must_use]
    pub fn recipient<T: Send + 'static>(&self) -> Recipient<T>
    where
        M: From<T>,
    {
        self.recipient_with(M::from)
    }

    /// As [`recipient`](Self::recipient), with a function that makes this process's message of a `T`.
    #[must_use]
    pub fn recipient_with<T: Send + 'static>(
        &self,
        wrap: impl Fn(T) -> M + Send + Sync + 'static,
    ) -> Recipient<T> {
        let to = self.clone();
        Recipient::new(self.pid(), move |message| to.send(wrap(message)))
    }
}

impl<M: Send + 'static> Clone for ProcessRef<M> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell) }
    }
}

impl<M: Send + 'static> PartialEq for ProcessRef<M> {
    fn eq(&self, other: &Self) -> bool {
        self.pid() == other.pid()
    }
}

impl<M: Send + 'static> Eq for ProcessRef<M> {}

impl<M: Send + 'static> fmt::Debug for ProcessRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessRef({})", self.pid())
    }
}

impl<M: Send + 'static> From<&ProcessRef<M>> for Pid {
    fn from(address: &ProcessRef<M>) -> Self {
        address.pid()
    }
}

#[cfg(all(test, not(otp_loom)))]
mod tests {
    use super::{Item, Mailbox};
    use crate::cell::{Cell, Origin};

    fn capacity(mailbox: &Mailbox<u8>) -> (Option<usize>, usize) {
        let batch = mailbox.batch.as_ref().map(|batch| batch.items.len());
        (batch, mailbox.cell.inner.lock().queue.items.capacity())
    }

    #[test]
    fn empty_buffers_are_given_back_and_full_ones_are_not() {
        let mut mailbox = Mailbox::new(Cell::new(None, Origin::Spawned, None));
        let address = mailbox.address();
        address.send(1);
        address.send(2);
        let kept = mailbox.refill().expect("a message");
        address.send(1);
        mailbox.give_back_buffers();
        assert_eq!(capacity(&mailbox).0, Some(1), "the batch holds a message");
        assert!(capacity(&mailbox).1 > 0, "the queue holds a message");

        assert!(mailbox.refill().is_some());
        mailbox.batch.as_mut().expect("there is one").items.clear();
        assert!(capacity(&mailbox).1 > 0, "an empty queue keeps its buffer");
        if let Item::Message(message) = kept {
            mailbox.keep(message);
        }
        mailbox.give_back_buffers();
        assert_eq!(capacity(&mailbox), (Some(0), 0), "the batch has a message to keep");
        mailbox.batch.as_mut().expect("there is one").kept.clear();
        mailbox.give_back_buffers();
        assert_eq!(capacity(&mailbox), (None, 0));

        address.send(3);
        assert!(mailbox.refill().is_some(), "it goes on as before");
    }
}
