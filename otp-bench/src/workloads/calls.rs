//! Workloads of calls: `call`, `call5s`, `fanin`, `many`. Each checks that no call was lost.

use std::sync::Arc;
use std::time::Instant;

use crate::outcome::Outcome;
use crate::peer::Peer;

/// One caller, one server.
pub(super) async fn call<P: Peer>(n: u64) -> Outcome {
    let counter = P::start().await;
    for _ in 0..n / 50 {
        P::call(&counter).await;
    }
    let before = P::call(&counter).await;
    let start = Instant::now();
    let mut last = before;
    for _ in 0..n {
        last = P::call(&counter).await;
    }
    let outcome = Outcome::since(start, n);
    assert_eq!(last, before + n);
    outcome
}

/// The same, with a limit of 5 s on each call.
pub(super) async fn call5s<P: Peer>(n: u64) -> Outcome {
    let counter = P::start().await;
    for _ in 0..n / 50 {
        P::call5s(&counter).await;
    }
    let before = P::call5s(&counter).await;
    let start = Instant::now();
    let mut last = before;
    for _ in 0..n {
        last = P::call5s(&counter).await;
    }
    let outcome = Outcome::since(start, n);
    assert_eq!(last, before + n);
    outcome
}

/// 8 callers, one server.
pub(super) async fn fanin<P: Peer>(n: u64) -> Outcome {
    const CALLERS: u64 = 8;
    let each = (n / CALLERS).max(1);
    let counter = P::start().await;
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let counter = counter.clone();
            P::spawn(async move {
                for _ in 0..each {
                    P::call(&counter).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await;
    }
    let outcome = Outcome::since(start, each * CALLERS);
    assert_eq!(P::call(&counter).await, each * CALLERS + 1);
    outcome
}

/// 64 callers, each going through 1,000 servers from another beginning.
pub(super) async fn many<P: Peer>(n: u64) -> Outcome {
    const CALLERS: usize = 64;
    const SERVERS: usize = 1_000;
    let each = (n / CALLERS as u64).max(1);
    let mut counters = Vec::new();
    for _ in 0..SERVERS {
        counters.push(P::start().await);
    }
    let counters = Arc::new(counters);
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let counters = Arc::clone(&counters);
            P::spawn(async move {
                let mut next = caller * SERVERS / CALLERS;
                for _ in 0..each {
                    P::call(&counters[next]).await;
                    next = if next + 1 == SERVERS { 0 } else { next + 1 };
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await;
    }
    let outcome = Outcome::since(start, each * CALLERS as u64);
    let mut sum = 0;
    for counter in counters.iter() {
        sum += P::call(counter).await - 1;
    }
    assert_eq!(sum, each * CALLERS as u64);
    outcome
}
