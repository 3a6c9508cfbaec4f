//! Workloads of beginnings and ends: `spawn`, `spawn_only`.

use std::time::Instant;

use crate::memory::resident;
use crate::outcome::Outcome;
use crate::peer::Peer;

/// One after the other is started, stopped, and waited for.
pub(super) async fn spawn<P: Peer>(n: u64) -> Outcome {
    let start = Instant::now();
    for _ in 0..n {
        let counter = P::start().await;
        P::stop(counter).await;
    }
    Outcome::since(start, n)
}

/// All stay, and none gets a message.
pub(super) async fn spawn_only<P: Peer>(n: u64) -> Outcome {
    // Written to beforehand, so that the addresses are not counted as memory of the processes.
    let mut counters: Vec<Option<P::Counter>> = (0..n).map(|_| None).collect();
    // The first one pays for what is made once.
    let first = P::start().await;
    let before = resident();
    let start = Instant::now();
    for counter in &mut counters {
        *counter = Some(P::start().await);
    }
    let time = start.elapsed();
    let rss = resident().zip(before).map(|(after, before)| after.saturating_sub(before) / n);
    assert_eq!(P::call(&first).await, 1);
    if let Some(Some(last)) = counters.last() {
        assert_eq!(P::call(last).await, 1);
    }
    // The last address of a process may end it: nobody waits for that.
    std::mem::forget((first, counters));
    Outcome::Measured { n, time, rss, last_quarter_over_first: None }
}
