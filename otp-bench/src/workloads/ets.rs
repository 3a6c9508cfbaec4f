//! The workloads `ets_…`: callers, one for each thread, read and write a table of a million rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::memory::resident;
use crate::outcome::Outcome;
use crate::peer::Peer;

/// As many rows, or as many as there are operations, if these are fewer.
const ROWS: u64 = 1_000_000;

/// A table, or a map in the place of one.
pub(crate) trait Rows<K, V>: Send + Sync + 'static {
    fn new() -> Self;
    fn insert(&self, key: K, value: V);
    fn lookup(&self, key: &K) -> Option<V>;
}

/// One whose rows count.
pub(crate) trait Counters: Rows<u64, u64> {
    fn add_one(&self, key: u64);
}

/// One whose rows have an order.
pub(crate) trait Ranges: Rows<u64, u64> {
    /// The rows from one key up to another, copied.
    fn range(&self, from: u64, to: u64) -> Vec<(u64, u64)>;
}

/// One that takes several rows at one moment.
pub(crate) trait Batches: Rows<u64, u64> {
    fn insert_all(&self, rows: [(u64, u64); BATCH]);
}

pub(crate) const BATCH: usize = 10;

/// A percentage of reads, of random keys; what is not read is written.
pub(crate) async fn mixed<P, K, V, R>(n: u64, reads: u64, key: fn(u64) -> K, value: fn(u64) -> V) -> Outcome
where
    P: Peer,
    K: Clone + Send + Sync + 'static,
    V: 'static,
    R: Rows<K, V>,
{
    let keys: Arc<[K]> = (0..n.min(ROWS)).map(key).collect();
    let before = resident();
    let rows = Arc::new(R::new());
    for (key, number) in keys.iter().zip(0..) {
        rows.insert(key.clone(), value(number));
    }
    let after = resident();
    let rss = before.zip(after).map(|(before, after)| after.saturating_sub(before) / keys.len() as u64);
    let (done, time) = timed::<P, _>(n, move |mut random| {
        let (rows, keys) = (Arc::clone(&rows), Arc::clone(&keys));
        move || {
            let key = &keys[random.below(keys.len() as u64) as usize];
            if random.below(100) < reads {
                assert!(rows.lookup(key).is_some(), "every key has a row");
            } else {
                rows.insert(key.clone(), value(random.0));
            }
        }
    })
    .await;
    Outcome::Measured { n: done, time, rss, last_quarter_over_first: None }
}

/// All callers count in one row.
pub(crate) async fn counter<P: Peer, R: Counters>(n: u64) -> Outcome {
    let rows = Arc::new(filled::<R>(n));
    rows.insert(0, 0);
    let counted = Arc::clone(&rows);
    let (done, time) = timed::<P, _>(n, move |_| {
        let rows = Arc::clone(&rows);
        move || rows.add_one(0)
    })
    .await;
    assert_eq!(counted.lookup(&0), Some(done), "nothing is lost");
    Outcome::Measured { n: done, time, rss: None, last_quarter_over_first: None }
}

/// A hundred rows from a random key on.
pub(crate) async fn range<P: Peer, R: Ranges>(n: u64) -> Outcome {
    let rows = Arc::new(filled::<R>(n * 100));
    let last = (n * 100).min(ROWS) - 100;
    let (done, time) = timed::<P, _>(n, move |mut random| {
        let rows = Arc::clone(&rows);
        move || {
            let from = random.below(last.max(1));
            assert_eq!(rows.range(from, from + 100).len(), 100, "every key has a row");
        }
    })
    .await;
    Outcome::Measured { n: done, time, rss: None, last_quarter_over_first: None }
}

/// Ten random rows at one moment.
pub(crate) async fn insert_all<P: Peer, R: Batches>(n: u64) -> Outcome {
    let rows = Arc::new(filled::<R>(n));
    let count = n.min(ROWS);
    let (done, time) = timed::<P, _>(n, move |mut random| {
        let rows = Arc::clone(&rows);
        move || rows.insert_all([(); BATCH].map(|()| (random.below(count), random.0)))
    })
    .await;
    Outcome::Measured { n: done, time, rss: None, last_quarter_over_first: None }
}

/// Rows with the keys from 0 on, inserted in a random order.
fn filled<R: Rows<u64, u64>>(n: u64) -> R {
    let rows = R::new();
    let mut keys: Vec<u64> = (0..n.min(ROWS)).collect();
    let mut random = Random(1);
    for at in (1..keys.len()).rev() {
        keys.swap(at, random.below(at as u64 + 1) as usize);
    }
    keys.into_iter().for_each(|key| rows.insert(key, key));
    rows
}

/// Has one caller for each thread repeat its operation, and says how often they did and how long it took.
async fn timed<P: Peer, F: FnMut() + Send + 'static>(
    n: u64,
    operation: impl Fn(Random) -> F,
) -> (u64, Duration) {
    let callers = Handle::current().metrics().num_workers() as u64;
    let each = (n / callers).max(1);
    let operations: Vec<F> =
        (1..=callers).map(|caller| operation(Random(caller * 0x9E37_79B9_7F4A_7C15))).collect();
    let start = Instant::now();
    let finished: Vec<_> = operations
        .into_iter()
        .map(|mut operation| P::spawn(async move { (0..each).for_each(|_| operation()) }))
        .collect();
    for finished in finished {
        finished.await;
    }
    (each * callers, start.elapsed())
}

/// Random numbers, by xorshift.
pub(crate) struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) * end) >> 32
    }
}
