//! The clock's epoch, which is the program's and not a runtime's. One test, in a program of its own.

#![cfg(not(otp_loom))]

use std::time::Duration;

use otp_core::{Mailbox, Received, attach_with, send_after};
use tokio::runtime::Builder;
use tokio::time::{Instant, advance, pause};

/// How late a timer of 100 ms is, on a runtime's own clock.
async fn lateness() -> Duration {
    attach_with(async |mut mailbox: Mailbox<u32>| {
        let (start, time) = (Instant::now(), Duration::from_millis(100));
        send_after(time, mailbox.address().recipient(), 1_u32);
        assert!(matches!(mailbox.receive().await, Received::Message(1)));
        start.elapsed().checked_sub(time).expect("no timer fires early")
    })
    .await
    .expect("it ends by itself")
}

#[test]
fn a_runtime_whose_clock_ran_ahead_before_the_first_process_moves_no_other_runtimes_timers() {
    let runtime = || Builder::new_current_thread().enable_all().build().expect("a runtime");
    let first = runtime().block_on(async {
        pause();
        advance(Duration::from_secs(3600)).await;
        lateness().await
    });
    // Paused from the start, its clock is behind the first one's.
    let second = runtime().block_on(async {
        pause();
        lateness().await
    });
    for late in [first, second] {
        assert!(late < Duration::from_millis(5), "{late:?} late");
    }
}
