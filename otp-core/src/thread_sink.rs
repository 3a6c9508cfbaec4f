//! [`Channel`]: the crossbeam channel that a thread process has in place of a queue.
//!
//! Senders push under the cell's lock, as into a queue, so messages and signals keep one order.

use std::any::Any;

use crossbeam_channel::{Receiver, Sender};

use crate::inbox::{Received, Signal};
use crate::monitor::{Down, MonitorRef};

/// A channel as seen by code that does not know its messages.
pub(crate) trait ThreadSink: Send {
    fn signal(&self, signal: Signal);
    fn len(&self) -> usize;
    /// Takes the DOWN of a monitor back, to be dropped outside the lock. Called by the receiving thread, under the lock.
    fn remove_down(&self, monitor: MonitorRef) -> Option<Down>;
    /// Closes the channel and empties it; the contents are for dropping inside the process, outside the lock.
    fn close(self: Box<Self>) -> Box<dyn Any + Send>;
    fn as_any(&self) -> &dyn Any;
}

pub(crate) struct Channel<M> {
    sender: Sender<Received<M>>,
    /// Keeps the channel open for `send`, and empties it when the process is gone.
    receiver: Receiver<Received<M>>,
}

impl<M> Channel<M> {
    /// A channel, and the receiver's end.
    pub(crate) fn new() -> (Self, Receiver<Received<M>>) {
        let (sender, receiver) = crossbeam_channel::unbounded();
        (Self { sender, receiver: receiver.clone() }, receiver)
    }

    pub(crate) fn send(&self, received: Received<M>) {
        // It cannot fail: this holds a receiver.
        drop(self.sender.send(received));
    }
}

impl<M: Send + 'static> ThreadSink for Channel<M> {
    fn signal(&self, signal: Signal) {
        self.send(match signal {
            Signal::Exit { from, reason } => Received::Exit { from, reason },
            Signal::Down(down) => Received::Down(down),
        });
    }

    fn len(&self) -> usize {
        self.receiver.len()
    }

    fn remove_down(&self, monitor: MonitorRef) -> Option<Down> {
        let mut found = None;
        // Each one in turn goes back to the end, so that their order is the same after one round.
        for _ in 0..self.receiver.len() {
            match self.receiver.try_recv() {
                Ok(Received::Down(down)) if down.monitor == monitor => found = Some(down),
                Ok(other) => self.send(other),
                Err(_) => break,
            }
        }
        found
    }

    fn close(self: Box<Self>) -> Box<dyn Any + Send> {
        let Self { sender, receiver } = *self;
        let rest: Vec<Received<M>> = receiver.try_iter().collect();
        drop(sender);
        Box::new(rest)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
