//! `cast`: one caller, one server. The time ends when the server has handled every cast.

use std::time::Instant;

use crate::outcome::Outcome;
use crate::peer::Peer;

pub(super) async fn cast<P: Peer>(n: u64) -> Outcome {
    let counter = P::start().await;
    P::call(&counter).await;
    let start = Instant::now();
    for _ in 0..n {
        P::cast(&counter).await;
    }
    // A mailbox keeps the order, so this answer comes after all casts.
    let sum = P::call(&counter).await;
    let outcome = Outcome::since(start, n);
    assert_eq!(sum, n + 2);
    outcome
}
