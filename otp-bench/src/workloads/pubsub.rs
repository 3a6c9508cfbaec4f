//! The workload `pubsub`: a message to 10,000 subscribers, of which one is stuck.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use crate::outcome::Outcome;
use crate::peer::Peer;

/// The first of them is the one that is stuck.
pub(crate) const SUBSCRIBERS: u64 = 10_000;

/// Broadcasts a message; ready when that is done, whoever has it by then.
pub(crate) type Publish = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Counts who has heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    count: AtomicU64,
    all: Notify,
}

impl Heard {
    /// One more subscriber has heard the message.
    pub(crate) fn one(&self) {
        if (self.count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SUBSCRIBERS - 1) {
            self.all.notify_one();
        }
    }
}

/// One message after the other, each when all but the stuck one have heard the one before.
pub(super) async fn pubsub<P: Peer>(n: u64) -> Outcome {
    let heard = Arc::new(Heard::default());
    let publish = match P::bus(Arc::clone(&heard)).await {
        Ok(publish) => publish,
        Err(reason) => return Outcome::Unsupported(reason),
    };
    publish().await;
    heard.all.notified().await;
    let start = Instant::now();
    for _ in 0..n {
        publish().await;
        heard.all.notified().await;
    }
    Outcome::since(start, n)
}
