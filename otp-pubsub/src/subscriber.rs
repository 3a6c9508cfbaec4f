//! [`Subscriber`]: one subscription, as a dispatcher sees it.

use std::fmt;
use std::sync::Arc;

use otp_core::Recipient;

use crate::queue::Queue;

/// One subscription to a topic: its metadata, and a way to send to whoever subscribed. A handle: cheap to clone.
pub struct Subscriber<M, T = ()>(Arc<Subscribed<M, T>>);

/// One allocation for each subscription, so that a broadcast copies a pointer and counts once, whatever the metadata is.
struct Subscribed<M, T> {
    metadata: T,
    to: To<M>,
}

enum To<M> {
    Process(Recipient<M>),
    Stream(Arc<Queue<M>>),
}

impl<M: Send + 'static, T> Subscriber<M, T> {
    pub(crate) fn process(metadata: T, to: Recipient<M>) -> Self {
        Self(Arc::new(Subscribed { metadata, to: To::Process(to) }))
    }

    pub(crate) fn stream(metadata: T, to: Arc<Queue<M>>) -> Self {
        Self(Arc::new(Subscribed { metadata, to: To::Stream(to) }))
    }

    /// What the subscriber has said of itself.
    #[must_use]
    pub fn metadata(&self) -> &T {
        &self.0.metadata
    }

    /// Sends a message to this subscriber, without waiting. What its mailbox or its stream has no room for is counted there.
    pub fn send(&self, message: M) {
        match &self.0.to {
            To::Process(recipient) => recipient.send(message),
            To::Stream(queue) => queue.push(message),
        }
    }
}

impl<M, T> Clone for Subscriber<M, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M, T: fmt::Debug> fmt::Debug for Subscriber<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("metadata", &self.0.metadata).finish_non_exhaustive()
    }
}
