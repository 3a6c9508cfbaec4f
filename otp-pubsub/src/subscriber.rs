//! [`Subscriber`]: one subscription, as a dispatcher sees it.

use std::fmt;
use std::sync::Arc;

use otp_core::Recipient;

use crate::queue::Queue;

/// One subscription to a topic: its metadata, and a way to send to whoever subscribed.
pub struct Subscriber<M, T = ()> {
    metadata: T,
    to: To<M>,
}

enum To<M> {
    Process(Recipient<M>),
    Stream(Arc<Queue<M>>),
}

impl<M: Send + 'static, T> Subscriber<M, T> {
    pub(crate) fn process(metadata: T, to: Recipient<M>) -> Self {
        Self { metadata, to: To::Process(to) }
    }

    pub(crate) fn stream(metadata: T, to: Arc<Queue<M>>) -> Self {
        Self { metadata, to: To::Stream(to) }
    }

    /// What the subscriber has said of itself.
    #[must_use]
    pub fn metadata(&self) -> &T {
        &self.metadata
    }

    /// Sends a message to this subscriber, without waiting. What its mailbox or its stream has no room for is counted there.
    pub fn send(&self, message: M) {
        match &self.to {
            To::Process(recipient) => recipient.send(message),
            To::Stream(queue) => queue.push(message),
        }
    }
}

impl<M, T: Clone> Clone for Subscriber<M, T> {
    fn clone(&self) -> Self {
        let to = match &self.to {
            To::Process(recipient) => To::Process(recipient.clone()),
            To::Stream(queue) => To::Stream(Arc::clone(queue)),
        };
        Self { metadata: self.metadata.clone(), to }
    }
}

impl<M, T: fmt::Debug> fmt::Debug for Subscriber<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}
