//! [`Overflow`]: what a bounded mailbox does with one message too many, and the bookkeeping of such a mailbox.
//!
//! Each message of a bounded mailbox is taken under the lock, so that the number of waiting messages is exact. That lock is
//! what a bound costs. What a selective receive has moved into its batch still counts.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use crate::inbox::Item;
use crate::sync::Arc;

/// What a full mailbox does with one message more.
///
/// Exit signals, DOWNs and a server's system messages never wait behind a bound, and are never dropped by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It comes back to a sender that asks (`try_send`, `try_cast`), and is dropped and counted for one that does not.
    /// A call fails with `Full`.
    Reject,
    /// The message that waits longest is dropped and counted. If it was a call, its caller hears `NoReply`.
    DropOldest,
    /// The new message is dropped and counted. A call fails with `Full`.
    DropNew,
    /// As `Reject`, but a call waits for room, within its own time limit.
    Wait,
}

/// There is no message to drop.
pub(crate) struct NothingWaits;

/// The bound of one mailbox; see `Extra::bound`.
pub(crate) struct Bound {
    pub(crate) limit: usize,
    pub(crate) overflow: Overflow,
    /// How many messages wait: signals, and what the bound does not concern, not counted.
    pub(crate) waiting: usize,
    /// How many messages were dropped because of the bound.
    pub(crate) dropped: u64,
    /// Senders that wait for room, in the order of their coming. Shared, so that no foreign code runs under the lock.
    senders: BTreeMap<u64, Arc<Waker>>,
    next_ticket: u64,
    /// How many of those stand in the receiver's batch, which senders cannot reach.
    batched: usize,
    /// How many messages of that batch, the oldest, are to be dropped: they do not count as waiting any more.
    pub(crate) debt: usize,
    /// A `fn(&M) -> bool`: whether the bound concerns a message. Erased, since `Extra` does not know the messages.
    counts: Box<dyn Any + Send>,
}

impl Bound {
    pub(crate) fn new<M: 'static>(limit: usize, overflow: Overflow, counts: fn(&M) -> bool) -> Self {
        Self {
            limit,
            overflow,
            waiting: 0,
            dropped: 0,
            senders: BTreeMap::new(),
            next_ticket: 0,
            batched: 0,
            debt: 0,
            counts: Box::new(counts),
        }
    }

    /// From now on it concerns the messages that this is true for. Those that wait are counted as they were.
    pub(crate) fn set_counts<M: 'static>(&mut self, counts: fn(&M) -> bool) {
        self.counts = Box::new(counts);
    }

    /// Whether the bound concerns this message.
    pub(crate) fn counts<M: 'static>(&self, message: &M) -> bool {
        self.counts.downcast_ref::<fn(&M) -> bool>().is_none_or(|counts| counts(message))
    }

    /// The message that waits longest has to go: it is taken out of `queue`, or, if it stands in the receiver's batch,
    /// goes before the receiver's next look. `Err` if no message waits.
    pub(crate) fn drop_oldest<M: 'static>(
        &mut self,
        queue: &mut VecDeque<Item<M>>,
    ) -> Result<Option<Item<M>>, NothingWaits> {
        let dropped = if self.batched > 0 {
            self.batched -= 1;
            self.debt += 1;
            None
        } else {
            Some(self.remove_oldest(queue).ok_or(NothingWaits)?.1)
        };
        self.waiting -= 1;
        self.dropped += 1;
        Ok(dropped)
    }

    /// Removes the message that waits longest from `items`, if any of them counts, and says where it stood.
    fn remove_oldest<M: 'static>(&self, items: &mut VecDeque<Item<M>>) -> Option<(usize, Item<M>)> {
        let at =
            items.iter().position(|item| matches!(item, Item::Message(message) if self.counts(message)))?;
        Some((at, items.remove(at)?))
    }

    /// The next message that is to be dropped from the receiver's batch, and where it stood.
    pub(crate) fn pay_debt<M: 'static>(&mut self, batch: &mut VecDeque<Item<M>>) -> Option<(usize, Item<M>)> {
        self.debt = self.debt.checked_sub(1)?;
        self.remove_oldest(batch)
    }

    /// Whether the batch has messages that are to be dropped.
    pub(crate) const fn is_in_debt(&self) -> bool {
        self.debt > 0
    }

    /// The receiver has taken all that waits into its batch.
    pub(crate) const fn took_batch(&mut self) {
        self.batched = self.waiting;
    }

    /// Whether a sender that waits, or that is about to, has room now: those who came before it come first.
    pub(crate) fn has_room_for(&self, ticket: Option<u64>) -> bool {
        let before = ticket.map_or(self.senders.len(), |ticket| self.senders.range(..ticket).count());
        self.waiting + before < self.limit
    }

    /// Has a sender wait, under its ticket or a new one. Returns the ticket, and the waker that it had there.
    pub(crate) fn enqueue(&mut self, ticket: Option<u64>, waker: Arc<Waker>) -> (u64, Option<Arc<Waker>>) {
        let ticket = ticket.unwrap_or_else(|| {
            self.next_ticket += 1;
            self.next_ticket
        });
        let before = self.senders.insert(ticket, waker);
        (ticket, before)
    }

    /// A sender waits no more. Returns its waker, and the next one's if there is room for it.
    pub(crate) fn leave(&mut self, ticket: u64) -> (Option<Arc<Waker>>, Option<Arc<Waker>>) {
        let own = self.senders.remove(&ticket);
        (own, self.next_sender())
    }

    /// The waker of the sender that has room next, if there is any room.
    pub(crate) fn next_sender(&self) -> Option<Arc<Waker>> {
        if self.waiting >= self.limit {
            return None;
        }
        self.senders.values().next().cloned()
    }

    /// A message was taken out of the queue. Returns the sender to wake.
    pub(crate) fn took_one(&mut self) -> Option<Arc<Waker>> {
        self.waiting -= 1;
        self.next_sender()
    }

    /// A message was taken out of the batch. Returns the sender to wake.
    pub(crate) fn took_one_of_batch(&mut self) -> Option<Arc<Waker>> {
        self.batched -= 1;
        self.took_one()
    }

    /// The process is gone: everyone who waits is to hear of it.
    pub(crate) fn take_senders(&mut self) -> Vec<Arc<Waker>> {
        std::mem::take(&mut self.senders).into_values().collect()
    }
}
