//! Workloads of crashes: `restart`, `restart_err`. One after the other, under the same supervisor.

use std::time::{Duration, Instant};

use tokio::task::yield_now;

use crate::crash::Crash;
use crate::outcome::Outcome;
use crate::peer::Peer;

/// From the message that the counter dies of, to the first answer of the next one.
pub(super) async fn restart<P: Peer>(crash: Crash, n: u64) -> Outcome {
    let counter = match P::supervise(crash).await {
        Ok(counter) => counter,
        Err(reason) => return Outcome::Unsupported(reason),
    };
    assert_eq!(answer::<P>(&counter).await, 1);
    for _ in 0..n / 50 {
        once::<P>(&counter, crash).await;
    }
    let each = (n / 4).max(1);
    let mut quarters = [Duration::ZERO; 4];
    for quarter in &mut quarters {
        let start = Instant::now();
        for _ in 0..each {
            once::<P>(&counter, crash).await;
        }
        *quarter = start.elapsed();
    }
    let last_quarter_over_first = Some(quarters[3].as_secs_f64() / quarters[0].as_secs_f64());
    Outcome::Measured { n: each * 4, time: quarters.iter().sum(), rss: None, last_quarter_over_first }
}

async fn once<P: Peer>(counter: &P::Supervised, crash: Crash) {
    P::crash(counter, crash).await;
    // The call comes after the crash, so whoever answers is another counter, which begins at 0.
    assert_eq!(answer::<P>(counter).await, 1);
}

async fn answer<P: Peer>(counter: &P::Supervised) -> u64 {
    loop {
        if let Some(sum) = P::try_call(counter).await {
            return sum;
        }
        yield_now().await;
    }
}
