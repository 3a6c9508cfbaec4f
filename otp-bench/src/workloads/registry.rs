//! The workload `registry`: processes looked up by text.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;

use crate::outcome::Outcome;
use crate::peer::{Lookup, Peer};

/// As many are registered.
const KEYS: usize = 100_000;

/// One caller for each thread looks up one key after the other, in a random order.
pub(super) async fn registry<P: Peer>(n: u64) -> Outcome {
    match P::registry(keys()).await {
        Ok(lookup) => look_up::<P>(lookup, n).await,
        Err(reason) => Outcome::Unsupported(reason),
    }
}

/// Made one after the other before anything else, for every peer: a text that is made between two processes would be slower to
/// reach.
pub(crate) fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("room {n}")).collect()
}

pub(crate) async fn look_up<P: Peer>(lookup: Lookup, n: u64) -> Outcome {
    let callers = Handle::current().metrics().num_workers() as u64;
    let each = (n / callers).max(1);
    let keys: Arc<[String]> = keys().into();
    let start = Instant::now();
    let finished: Vec<_> = (1..=callers)
        .map(|caller| {
            let (lookup, keys) = (Arc::clone(&lookup), Arc::clone(&keys));
            P::spawn(async move {
                let mut random = caller.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                (0..each).filter(|_| lookup(next(&mut random, &keys))).count() as u64
            })
        })
        .collect();
    for finished in finished {
        assert_eq!(finished.await, each, "all are registered");
    }
    Outcome::since(start, each * callers)
}

/// By xorshift.
fn next<'a>(random: &mut u64, keys: &'a [String]) -> &'a str {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let at = usize::try_from(((*random >> 32) * keys.len() as u64) >> 32).expect("below the length");
    &keys[at]
}
