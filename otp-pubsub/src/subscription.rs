//! [`Subscription`]: a topic as a stream, for code that is no process.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use otp_core::process::send_exit;
use otp_core::{ExitReason, Pid};

use crate::queue::Queue;

/// What is broadcast on a topic, as a stream: made by [`PubSub::subscribe_stream`](crate::PubSub::subscribe_stream).
///
/// It ends when the bus does. Dropping it unsubscribes. It holds as many messages as it has capacity for; after that each new one
/// takes the place of the oldest, and [`missed`](Self::missed) counts those.
#[must_use = "dropping it unsubscribes"]
pub struct Subscription<M> {
    queue: Arc<Queue<M>>,
    /// The process that is subscribed on behalf of this.
    process: Pid,
}

impl<M> Subscription<M> {
    pub(crate) fn new(queue: Arc<Queue<M>>, process: Pid) -> Self {
        Self { queue, process }
    }

    /// The pid that stands for this among the topic's subscribers.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process
    }

    /// The next message; `None` when the bus has ended.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn recv(&mut self) -> Option<M> {
        std::future::poll_fn(|cx| self.queue.poll_next(cx)).await
    }

    /// How many messages were never taken because newer ones needed their room.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.queue.missed()
    }

    /// How many messages wait to be taken.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl<M> Stream for Subscription<M> {
    type Item = M;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<M>> {
        self.queue.poll_next(cx)
    }
}

impl<M> Drop for Subscription<M> {
    fn drop(&mut self) {
        self.queue.close();
        send_exit(self.process, ExitReason::Kill);
    }
}

impl<M> fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("waiting", &self.waiting())
            .field("missed", &self.missed())
            .finish_non_exhaustive()
    }
}
