//! Timers. Every scenario here runs on a paused clock, so times are exact up to tokio's granularity.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use otp_core::behaviour::Deadline;
use otp_core::{ExitReason, Mailbox, TimerRef, process, send_after, send_interval, spawn};
use tokio::sync::oneshot;
use tokio::time::{Instant, advance, sleep};

use crate::support::{
    Got, OnDrop, Puppet, assert_silence, dead_pid, drain, idle, mortal, next, scenario, settle, wait_for_end,
};

/// tokio's timers fire within the millisecond after the one that they are due in.
const GRAIN: Duration = Duration::from_millis(2);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A message to the process itself.
fn after(time: Duration, mailbox: &Mailbox<u32>, message: u32) -> TimerRef {
    send_after(time, mailbox.address().recipient(), message)
}

#[otp_core::test]
async fn tmr_001_send_after_delivers_once_and_not_before_its_time() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let start = Instant::now();
        let timer = after(ms(100), &mailbox, 7);
        advance(ms(99)).await;
        assert_silence(&mut mailbox).await;
        assert!(timer.read().is_some());
        assert_eq!(next(&mut mailbox).await, Got::Message(7));
        let took = start.elapsed();
        assert!(took >= ms(100) && took <= ms(100) + GRAIN, "{took:?}");
        advance(ms(1_000)).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn tmr_001_a_timer_outlives_the_process_that_set_it() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let setter = Puppet::new();
        let me = mailbox.address();
        setter.run(move || send_after(ms(10), me.recipient(), 1_u32)).await;
        setter.end(ExitReason::Normal);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
    })
    .await;
}

#[otp_core::test]
async fn tmr_003_timers_a_millisecond_apart_deliver_in_order_of_time() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for n in (1..=200).rev() {
            after(ms(u64::from(n)), &mailbox, n);
        }
        for n in 1..=200 {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
        }
    })
    .await;
}

#[otp_core::test]
async fn tmr_003_timers_that_fall_due_together_still_deliver_in_order_of_time() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for n in [30, 10, 20] {
            after(ms(u64::from(n)), &mailbox, n);
        }
        advance(ms(1_000)).await;
        for n in [10, 20, 30] {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
        }
    })
    .await;
}

#[otp_core::test]
async fn tmr_003_an_earlier_timer_set_later_comes_first() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        after(ms(1_000), &mailbox, 2);
        settle().await;
        let start = Instant::now();
        after(ms(10), &mailbox, 1);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert!(start.elapsed() <= ms(10) + GRAIN);
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
    })
    .await;
}

#[otp_core::test]
async fn tmr_004_a_time_of_zero_delivers_at_once_but_not_before_returning() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        after(Duration::ZERO, &mailbox, 1);
        assert_eq!(drain(&mut mailbox).await, []);
        let start = Instant::now();
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert!(start.elapsed() <= GRAIN);
    })
    .await;
}

#[otp_core::test]
async fn tmr_005_cancel_gives_the_time_left_and_stops_the_message() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let timer = after(ms(100), &mailbox, 1);
        advance(ms(40)).await;
        assert_eq!(timer.cancel(), Some(ms(60)));
        advance(ms(1_000)).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn tmr_005_a_cancelled_timer_drops_its_message() {
    scenario(async |_: Mailbox<()>| {
        let process = spawn(|_: Mailbox<OnDrop<_>>| std::future::pending::<()>());
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&dropped);
        let message = OnDrop::new(move || flag.store(true, Ordering::SeqCst));
        let timer = send_after(ms(100), process.recipient(), message);
        assert!(timer.cancel().is_some());
        assert!(dropped.load(Ordering::SeqCst));
    })
    .await;
}

#[otp_core::test]
async fn tmr_008_cancelling_twice_gives_nothing_the_second_time() {
    scenario(async |mailbox: Mailbox<u32>| {
        let timer = after(ms(100), &mailbox, 1);
        assert!(timer.cancel().is_some());
        assert_eq!(timer.cancel(), None);
        assert_eq!(timer.read(), None);
    })
    .await;
}

#[otp_core::test]
async fn tmr_009_read_gives_the_time_left_and_cancels_nothing() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let timer = after(ms(100), &mailbox, 1);
        assert_eq!(timer.read(), Some(ms(100)));
        advance(ms(30)).await;
        assert_eq!(timer.read(), Some(ms(70)));
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(timer.read(), None);
        assert_eq!(timer.cancel(), None);
    })
    .await;
}

#[otp_core::test]
async fn tmr_010_any_process_may_read_and_cancel() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let timer = after(ms(100), &mailbox, 1);
        let stranger = Puppet::new();
        let found = stranger.run(move || (timer.read(), timer.clone().cancel())).await;
        assert_eq!(found, Some((Some(ms(100)), Some(ms(100)))));
        advance(ms(1_000)).await;
        assert_silence(&mut mailbox).await;
        // Outside any process and any runtime, too.
        let timer = after(ms(100), &mailbox, 2);
        let left = std::thread::spawn(move || timer.cancel()).join().expect("no panic");
        assert!(left.is_some());
    })
    .await;
}

#[otp_core::test]
async fn tmr_013_a_time_of_more_than_a_hundred_years_is_refused_at_once() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.address();
        for time in [Duration::MAX, Duration::from_secs(101 * 365 * 24 * 3600)] {
            let (to, again) = (me.recipient(), me.recipient());
            assert!(
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| send_after(time, to, 1_u32)))
                    .is_err()
            );
            let interval = std::panic::AssertUnwindSafe(|| send_interval(time, again, || 1_u32));
            assert!(std::panic::catch_unwind(interval).is_err());
        }
        let zero = std::panic::AssertUnwindSafe(|| send_interval(Duration::ZERO, me.recipient(), || 1_u32));
        assert!(std::panic::catch_unwind(zero).is_err());
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn tmr_015_large_times_read_back_right_and_work() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let timers = [
            (1_u64 << 31, after(ms(1 << 31), &mailbox, 31)),
            (1 << 32, after(ms(1 << 32), &mailbox, 32)),
            (1 << 33, after(ms(1 << 33), &mailbox, 33)),
        ];
        let century = after(Duration::from_secs(100 * 365 * 24 * 3600), &mailbox, 100);
        for (time, timer) in &timers {
            assert_eq!(timer.read(), Some(ms(*time)));
        }
        assert_eq!(century.cancel(), Some(Duration::from_secs(100 * 365 * 24 * 3600)));
        let start = Instant::now();
        for (power, (time, timer)) in (31..).zip(timers) {
            assert_eq!(next(&mut mailbox).await, Got::Message(power));
            let took = start.elapsed();
            assert!(took >= ms(time) && took <= ms(time) + GRAIN, "2^{power}: {took:?}");
            assert_eq!(timer.read(), None);
        }
    })
    .await;
}

#[otp_core::test]
async fn tmr_018_a_timer_to_a_dead_process_is_gone_at_once() {
    scenario(async |_: Mailbox<()>| {
        let process = idle();
        process::send_exit(process.pid(), ExitReason::Kill);
        wait_for_end(process.pid()).await;
        let timer = send_after(ms(100), process.recipient(), ());
        assert_eq!(timer.read(), None);
        assert_eq!(timer.cancel(), None);
        let interval = send_interval(ms(100), process.recipient(), || ());
        assert_eq!(interval.read(), None);
        advance(ms(1_000)).await;
        settle().await;
    })
    .await;
}

#[otp_core::test]
async fn tmr_018_a_timer_is_gone_when_its_process_has_ended() {
    scenario(async |_: Mailbox<()>| {
        let process = mortal();
        let timer = send_after(ms(100), process.recipient(), ExitReason::Normal);
        assert!(timer.read().is_some());
        process.send(ExitReason::Normal);
        wait_for_end(process.pid()).await;
        assert_eq!(timer.read(), None);
        assert_eq!(timer.cancel(), None);
    })
    .await;
}

#[otp_core::test]
async fn tmr_023_thousands_of_timers_at_one_instant_all_fire_and_cancel_consistently() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let due = Instant::now() + ms(100);
        let timers: Vec<TimerRef> = (0..5_000).map(|n| after(ms(100), &mailbox, n)).collect();
        advance(ms(50)).await;
        let cancelled = timers.iter().step_by(2).filter(|timer| timer.cancel().is_some()).count();
        assert_eq!(cancelled, 2_500);
        let mut heard = Vec::new();
        for _ in 0..2_500 {
            let Got::Message(n) = next(&mut mailbox).await else { panic!("only messages") };
            heard.push(n);
        }
        assert!(Instant::now() >= due && Instant::now() <= due + GRAIN);
        heard.sort_unstable();
        assert!(heard.iter().copied().eq((0..5_000).skip(1).step_by(2)));
        assert_silence(&mut mailbox).await;
        assert!(timers.iter().all(|timer| timer.read().is_none() && timer.cancel().is_none()));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn tmr_023_timers_that_are_cancelled_while_they_fire_either_fire_or_are_cancelled() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let timers: Vec<TimerRef> = (0..5_000).map(|n| after(ms(u64::from(n % 20)), &mailbox, n)).collect();
        let mut cancelled = 0;
        for timer in &timers {
            if timer.cancel().is_some() {
                cancelled += 1;
            }
            if cancelled % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        // None can come any more: what was not cancelled is in the mailbox already.
        assert_eq!(drain(&mut mailbox).await.len(), 5_000 - cancelled);
    })
    .await;
}

#[otp_core::test]
async fn tmr_025_no_timer_fires_early() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let start = Instant::now();
        // Fractions of a millisecond included.
        let time = |n: u32| Duration::from_nanos(u64::from(n) * 333_333 + 1);
        for n in 0..300 {
            after(time(n), &mailbox, n);
        }
        for n in 0..300 {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
            let took = start.elapsed();
            assert!(took >= time(n) && took <= time(n) + GRAIN, "{n}: {took:?}");
        }
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn tmr_025_no_timer_fires_early_on_the_real_clock() {
    scenario(async |mut mailbox: Mailbox<Instant>| {
        for n in 0..200 {
            let time = Duration::from_micros(150 * n);
            let due = Instant::now() + time;
            send_after(time, mailbox.address().recipient(), due);
        }
        for _ in 0..200 {
            let Got::Message(due) = next(&mut mailbox).await else { panic!("only messages") };
            assert!(Instant::now() >= due);
        }
    })
    .await;
}

#[otp_core::test]
async fn tmr_026_an_interval_sends_each_period_without_drift() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let start = Instant::now();
        let period = Duration::from_micros(7_300);
        let count = AtomicU32::new(0);
        let interval = send_interval(period, mailbox.address().recipient(), move || {
            count.fetch_add(1, Ordering::SeqCst)
        });
        for n in 0..2_000 {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
            let (took, due) = (start.elapsed(), period * (n + 1));
            assert!(took >= due && took <= due + GRAIN, "{n}: {took:?} instead of {due:?}");
        }
        assert!(interval.cancel().is_some_and(|left| left <= period));
        advance(period * 10).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn tmr_026_a_late_interval_makes_up_for_what_it_missed() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let interval = send_interval(ms(10), mailbox.address().recipient(), || 1_u32);
        advance(ms(105)).await;
        settle().await;
        assert_eq!(drain(&mut mailbox).await.len(), 10);
        assert_eq!(interval.read(), Some(ms(5)));
        interval.cancel();
    })
    .await;
}

#[otp_core::test]
async fn tmr_026_an_interval_shorter_than_a_millisecond_is_taken_as_one() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let interval = send_interval(Duration::from_nanos(1), mailbox.address().recipient(), || 1_u32);
        sleep(ms(5)).await;
        interval.cancel();
        let sent = drain(&mut mailbox).await.len();
        assert!((4..=6).contains(&sent), "{sent} messages in 5 milliseconds");
    })
    .await;
}

#[otp_core::test]
async fn tmr_026_an_interval_ends_with_its_receiver_and_drops_what_it_holds() {
    scenario(async |_: Mailbox<()>| {
        let (receiver, dropped) = (idle(), Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&dropped);
        let guard = OnDrop::new(move || flag.store(true, Ordering::SeqCst));
        let interval = send_interval(ms(10), receiver.recipient(), move || {
            let _held = &guard;
        });
        sleep(ms(25)).await;
        assert!(interval.read().is_some());
        process::send_exit(receiver.pid(), ExitReason::Kill);
        wait_for_end(receiver.pid()).await;
        assert_eq!(interval.read(), None);
        sleep(ms(25)).await;
        assert!(dropped.load(Ordering::SeqCst));
    })
    .await;
}

#[otp_core::test]
async fn tmr_029_cancel_is_harmless_when_repeated_or_late() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let (once, interval) =
            (after(ms(10), &mailbox, 1), send_interval(ms(15), mailbox.address().recipient(), || 2_u32));
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
        assert_eq!(once.cancel(), None);
        assert!(interval.cancel().is_some());
        assert_eq!(interval.cancel(), None);
        advance(ms(1_000)).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn tmr_029_an_interval_can_be_cancelled_from_within_its_own_message() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let own = Arc::new(std::sync::OnceLock::<TimerRef>::new());
        let inside = Arc::clone(&own);
        let interval = send_interval(ms(10), mailbox.address().recipient(), move || {
            inside.get().expect("set before the first message").cancel();
            1_u32
        });
        own.set(interval).expect("once");
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        advance(ms(1_000)).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn tmr_029_cancel_waits_for_the_message_that_is_being_sent() {
    let target = idle();
    let (entered, has_entered) = std::sync::mpsc::channel();
    let (cancelling, is_cancelling) = std::sync::mpsc::channel::<()>();
    let interval = send_interval(ms(20), target.recipient(), move || {
        entered.send(()).ok();
        is_cancelling.recv().ok();
        // A `cancel` that did not wait would return in here.
        (0..1_000).for_each(|_| std::thread::yield_now());
    });
    has_entered.recv().expect("it fires");
    drop(cancelling);
    interval.cancel();
    assert_ne!(process::info(target.pid()).expect("alive").mailbox_len, 0, "the message is there");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn tmr_029_nothing_arrives_after_cancel_has_returned() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for round in 0..200_u32 {
            let interval =
                send_interval(Duration::from_micros(50), mailbox.address().recipient(), move || round);
            next(&mut mailbox).await;
            interval.cancel();
            drain(&mut mailbox).await;
            let fence = after(ms(1), &mailbox, u32::MAX);
            assert_eq!(next(&mut mailbox).await, Got::Message(u32::MAX), "round {round}");
            assert_eq!(fence.read(), None);
        }
    })
    .await;
}

#[otp_core::test]
async fn tmr_035_cancelling_one_timer_leaves_the_others_alone() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let interval = send_interval(ms(10), mailbox.address().recipient(), || 1_u32);
        let timers = [0; 50].map(|_| after(ms(5), &mailbox, 2));
        for (at, timer) in timers.iter().enumerate() {
            assert_ne!(*timer, interval);
            assert!(timers[..at].iter().all(|other| other != timer));
            assert!(timer.cancel().is_some());
        }
        for _ in 0..3 {
            assert_eq!(next(&mut mailbox).await, Got::Message(1));
        }
        assert!(interval.cancel().is_some());
    })
    .await;
}

#[otp_core::test]
async fn tmr_037_a_process_sleeps_at_least_as_long_as_it_says() {
    scenario(async |_: Mailbox<()>| {
        let start = Instant::now();
        sleep(ms(50)).await;
        assert!(start.elapsed() >= ms(50));
    })
    .await;
}

#[otp_core::test]
async fn proc_083_sleep_takes_zero_and_more_than_32_bits_of_milliseconds() {
    scenario(async |_: Mailbox<()>| {
        let start = Instant::now();
        sleep(Duration::ZERO).await;
        assert!(start.elapsed() <= GRAIN);
        sleep(ms((1 << 32) + 5)).await;
        assert!(start.elapsed() >= ms((1 << 32) + 5));
    })
    .await;
}

#[test]
fn setting_a_timer_outside_a_runtime_panics_and_says_why() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let to = runtime.block_on(async { idle() }).recipient();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| send_after(ms(1), to, ())))
        .expect_err("there is no runtime");
    let text = panic.downcast_ref::<&str>().expect("a text");
    assert!(text.contains("outside a tokio runtime"), "{text}");
}

#[otp_core::test]
async fn a_timer_that_nobody_keeps_the_reference_of_fires() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        drop(after(ms(10), &mailbox, 1));
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
    })
    .await;
}

#[otp_core::test]
async fn a_timer_can_be_set_from_within_the_message_of_another() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.address();
        let mut remaining = 3_u32;
        let (done, is_done) = oneshot::channel();
        let mut done = Some(done);
        let to = me.recipient();
        let interval = send_interval(ms(10), me.recipient(), {
            let inner = std::sync::Mutex::new(move || {
                remaining -= 1;
                if remaining == 0 {
                    done.take().map(|done| done.send(()));
                }
                send_after(ms(1), to.clone(), 100 + remaining);
                remaining
            });
            move || (inner.lock().expect("no panic"))()
        });
        for n in [2, 102, 1, 101, 0, 100] {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
        }
        interval.cancel();
        assert_eq!(is_done.await, Ok(()));
    })
    .await;
}

#[otp_core::test]
async fn a_deadline_passes_at_its_limit() {
    scenario(async |_: Mailbox<()>| {
        let start = Instant::now();
        let mut deadline = Deadline::after(Some(ms(100)));
        std::future::poll_fn(|cx| deadline.poll_passed(cx)).await;
        assert!(start.elapsed() >= ms(100) && start.elapsed() <= ms(100) + GRAIN);
        let mut at = Deadline::at(start + ms(300));
        std::future::poll_fn(|cx| at.poll_passed(cx)).await;
        assert!(start.elapsed() >= ms(300) && start.elapsed() <= ms(300) + GRAIN);
        let mut zero = Deadline::after(Some(Duration::ZERO));
        std::future::poll_fn(|cx| zero.poll_passed(cx)).await;
        let mut never = Deadline::after(None);
        let waited = tokio::time::timeout(ms(1 << 32), std::future::poll_fn(|cx| never.poll_passed(cx)));
        assert!(waited.await.is_err());
    })
    .await;
}

#[otp_core::test]
async fn a_timer_to_a_pid_that_never_was_needs_an_address_and_there_is_none() {
    scenario(async |_: Mailbox<()>| {
        assert!(otp_core::ProcessRef::<()>::of(dead_pid().await).is_err());
    })
    .await;
}
