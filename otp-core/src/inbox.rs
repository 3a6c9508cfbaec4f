//! [`Inbox`]: the queue of one process, and [`Received`]: what comes out of it.

use std::any::{Any, TypeId};
use std::collections::VecDeque;

use crate::exit_reason::ExitReason;
use crate::monitor::Down;
use crate::pid::Pid;

/// What a process receives: a message of its own type, or one of the two signals that arrive as messages.
///
/// # Counterpart
///
/// Erlang: any term, `{'EXIT', Pid, Reason}`, `{'DOWN', Ref, process, Target, Reason}`.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "nothing else can arrive in a mailbox")]
pub enum Received<M> {
    /// A message.
    Message(M),
    /// A linked process ended, or somebody called [`send_exit`](crate::process::send_exit), and this process traps
    /// exits.
    Exit {
        /// The process that ended or that sent the signal.
        from: Pid,
        /// Its reason.
        reason: ExitReason,
    },
    /// A monitored process ended.
    Down(Down),
}

/// What stands in a queue, as small as it can be: signals are boxed, so that they never make the slots of a server's
/// messages larger.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "nothing else can stand in a queue")]
pub enum Item<M> {
    /// A message.
    Message(M),
    /// A signal.
    Signal(Box<Signal>),
}

/// A signal that arrived as a message.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "these two arrive as messages")]
pub enum Signal {
    /// See [`Received::Exit`].
    Exit {
        /// The process that ended or that sent the signal.
        from: Pid,
        /// Its reason.
        reason: ExitReason,
    },
    /// See [`Received::Down`].
    Down(Down),
}

/// What waits in a mailbox, for a look before it is taken: see `Mailbox::receive_where`.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "nothing else can arrive in a mailbox")]
pub enum Waiting<'a, M> {
    /// See [`Received::Message`].
    Message(&'a M),
    /// See [`Received::Exit`].
    Exit {
        /// The process that ended or that sent the signal.
        from: Pid,
        /// Its reason.
        reason: &'a ExitReason,
    },
    /// See [`Received::Down`].
    Down(&'a Down),
}

impl<M> Item<M> {
    pub(crate) fn as_waiting(&self) -> Waiting<'_, M> {
        match self {
            Self::Message(message) => Waiting::Message(message),
            Self::Signal(signal) => match &**signal {
                Signal::Exit { from, reason } => Waiting::Exit { from: *from, reason },
                Signal::Down(down) => Waiting::Down(down),
            },
        }
    }

    /// The same, for those who would rather match than save bytes.
    pub fn into_received(self) -> Received<M> {
        match self {
            Self::Message(message) => Received::Message(message),
            Self::Signal(signal) => match *signal {
                Signal::Exit { from, reason } => Received::Exit { from, reason },
                Signal::Down(down) => Received::Down(down),
            },
        }
    }
}

/// The queue of one process, in order of arrival. The receiver swaps whole batches out of it.
pub(crate) struct Inbox<M> {
    pub(crate) items: VecDeque<Item<M>>,
}

impl<M> Inbox<M> {
    pub(crate) const fn new() -> Self {
        Self { items: VecDeque::new() }
    }

    #[inline]
    pub(crate) fn push(&mut self, message: M) {
        self.items.push_back(Item::Message(message));
    }
}

/// A queue as seen by code that does not know its messages.
pub(crate) trait SignalQueue: Send + 'static {
    fn push_signal(&mut self, signal: Signal);
    #[cfg(all(test, otp_loom))]
    fn len(&self) -> usize;
    /// Empties the queue; the contents are for dropping outside the lock.
    fn take(&mut self) -> Option<Box<dyn Any + Send>>;
    fn message_type(&self) -> TypeId;
}

impl<M: Send + 'static> SignalQueue for Inbox<M> {
    fn push_signal(&mut self, signal: Signal) {
        self.items.push_back(Item::Signal(Box::new(signal)));
    }

    #[cfg(all(test, otp_loom))]
    fn len(&self) -> usize {
        self.items.len()
    }

    fn take(&mut self) -> Option<Box<dyn Any + Send>> {
        let items = std::mem::take(&mut self.items);
        if items.capacity() == 0 { None } else { Some(Box::new(items)) }
    }

    fn message_type(&self) -> TypeId {
        TypeId::of::<M>()
    }
}
