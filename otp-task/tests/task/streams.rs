//! Streams of tasks: order, how many at a time, what is taken ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{FutureExt, Stream, StreamExt, stream};
use otp_core::{ExitReason, process};
use otp_task::{OnTimeout, Task, async_stream, async_stream_of};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::{
    children, in_process, in_words, links_of, mailbox_after, ms, own, settle, sleep, sleeper,
};

fn oks(values: impl IntoIterator<Item = u64>) -> Vec<Result<u64, ExitReason>> {
    values.into_iter().map(Ok).collect()
}

/// An input that counts what is taken from it.
fn counted(values: impl IntoIterator<Item = u64>) -> (Arc<AtomicUsize>, impl Iterator<Item = u64>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    (
        taken,
        values.into_iter().collect::<Vec<_>>().into_iter().inspect(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        }),
    )
}

#[otp_core::test(start_paused = true)]
async fn task_047_results_come_in_the_order_of_the_input() {
    for most in [1, 2, 4, 5, 9] {
        let results = async_stream([50, 10, 40, 20, 30], sleeper).max_concurrency(most);
        assert_eq!(results.collect::<Vec<_>>().await, oks([50, 10, 40, 20, 30]), "{most} at a time");
        let results = async_stream_of(stream::iter([50, 10, 40, 20, 30]), sleeper).max_concurrency(most);
        assert_eq!(results.collect::<Vec<_>>().await, oks([50, 10, 40, 20, 30]), "{most} at a time");
    }
}

#[otp_core::test(start_paused = true)]
async fn task_048_by_default_as_many_run_as_there_are_cores() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let begun = Instant::now();
    let results = async_stream(vec![10; cores * 3], sleeper).collect::<Vec<_>>().await;
    assert_eq!(results.len(), cores * 3);
    assert_eq!(begun.elapsed().as_millis(), 30);
}

#[test]
#[should_panic(expected = "max_concurrency above zero")]
fn task_048_a_max_concurrency_of_zero_panics_when_the_stream_is_built() {
    drop(async_stream([1], sleeper).max_concurrency(0));
}

#[otp_core::test(start_paused = true)]
async fn task_050_no_more_run_at_a_time_than_may() {
    for ordered in [true, false] {
        let running = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(0));
        let (now, most) = (Arc::clone(&running), Arc::clone(&peak));
        let work = move |time| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                sleep(time).await;
                now.fetch_sub(1, Ordering::Relaxed);
            }
        };
        let begun = Instant::now();
        let results = async_stream([30, 10, 20, 10, 30], work).max_concurrency(2).ordered(ordered);
        assert_eq!(results.count().await, 5);
        assert_eq!(peak.load(Ordering::Relaxed), 2);
        // In order, a result that has to wait holds its place: the third begins after 30, the last after 50.
        let wanted = if ordered { 80 } else { 60 };
        assert_eq!(begun.elapsed().as_millis(), wanted, "ordered: {ordered}");
    }
}

#[otp_core::test(start_paused = true)]
async fn task_051_unordered_they_come_as_they_end() {
    let results = async_stream([50, 10, 40, 20, 30], sleeper).max_concurrency(5).ordered(false);
    assert_eq!(results.collect::<Vec<_>>().await, oks([10, 20, 30, 40, 50]));
    let results = async_stream([50, 10, 40, 20, 30], sleeper).max_concurrency(2).ordered(false);
    assert_eq!(results.collect::<Vec<_>>().await, oks([10, 50, 40, 20, 30]));
}

#[otp_core::test(start_paused = true)]
async fn task_053_the_input_is_taken_as_needed_and_never_further_ahead_than_may_run() {
    for ordered in [true, false] {
        // The first holds up the others, if they are to come in order.
        let (taken, input) = counted([100, 10, 10, 10, 10, 10, 10, 10]);
        let mut results = async_stream(input, sleeper).max_concurrency(3).ordered(ordered);
        settle().await;
        assert_eq!(taken.load(Ordering::Relaxed), 0, "nothing is taken before it is polled");
        assert!(results.next().await.is_some());
        let first = taken.load(Ordering::Relaxed);
        assert_eq!(first, 3, "ordered: {ordered}");
        sleep(500).await;
        assert_eq!(taken.load(Ordering::Relaxed), 3, "nobody has asked for more");
        assert!(results.next().await.is_some());
        assert_eq!(taken.load(Ordering::Relaxed), 4);
        assert_eq!(results.count().await, 6);
        assert_eq!(taken.load(Ordering::Relaxed), 8);
    }
}

#[otp_core::test(start_paused = true)]
async fn task_055_the_consumer_owns_the_tasks_whoever_made_the_stream() {
    let maker = own();
    let look = |_: u8| async { process::info(own()).expect("it runs") };
    let mut results = async_stream([1, 2], look);
    let consumed = in_process(async move { (own(), results.next().await, results.next().await) });
    let (consumer, first, second) = consumed.await.expect("it ends by itself");
    for info in [first, second] {
        let info = info.expect("there are two").expect("it runs");
        assert_eq!((info.links, info.parent), (vec![consumer], Some(consumer)));
        assert_eq!(info.callers, [consumer]);
    }
    assert_ne!(maker, consumer);
}

#[otp_core::test(start_paused = true)]
async fn task_056_two_streams_side_by_side_in_one_process() {
    let one = async_stream([30, 10, 20], sleeper).max_concurrency(2);
    let two = async_stream([1, 2, 3, 4], sleeper).max_concurrency(3);
    let both = one.zip(two).collect::<Vec<_>>().await;
    assert_eq!(both, [(Ok(30), Ok(1)), (Ok(10), Ok(2)), (Ok(20), Ok(3))]);
    let failing = |n: u64| async move { if n == 2 { process::exit(ExitReason::Normal) } else { n } };
    let (mut one, mut two) = (async_stream(1..4, failing), async_stream(1..4, failing));
    for wanted in [Ok(1), Err(ExitReason::Normal), Ok(3)] {
        assert_eq!((one.next().await, two.next().await), (Some(wanted.clone()), Some(wanted)));
    }
}

#[otp_core::test(start_paused = true)]
async fn task_059_each_task_has_its_own_time_five_seconds_by_default() {
    // Together they take longer.
    let results = async_stream([4999, 4999, 4999], sleeper).max_concurrency(1);
    assert_eq!(results.collect::<Vec<_>>().await, oks([4999; 3]));
    let kill = async_stream([5001, 4000], sleeper).max_concurrency(1).on_timeout(OnTimeout::KillTask);
    let begun = Instant::now();
    let results = kill.collect::<Vec<_>>().await;
    assert_eq!(results[1], Ok(4000));
    assert!(results[0].is_err());
    assert_eq!(begun.elapsed().as_millis(), 9000);
    let results = async_stream([90_000], sleeper).infinity();
    assert_eq!(results.collect::<Vec<_>>().await, oks([90_000]));
    // The time begins with the task: the second one waits for its turn.
    let results = async_stream([60, 60, 60], sleeper).max_concurrency(1).timeout(ms(70));
    assert_eq!(results.collect::<Vec<_>>().await, oks([60; 3]));
}

#[otp_core::test(start_paused = true)]
async fn task_068_an_empty_input_is_an_empty_stream() {
    assert_eq!(async_stream([], sleeper).collect::<Vec<_>>().await, []);
    assert_eq!(async_stream_of(stream::empty(), sleeper).count().await, 0);
    assert_eq!(children(), []);
}

#[otp_core::test(start_paused = true)]
async fn an_input_that_is_not_there_yet_is_waited_for_while_tasks_go_on() {
    let (give, given) = mpsc::unbounded_channel();
    let input = stream::unfold(given, |mut given| async move { given.recv().await.map(|n| (n, given)) });
    let mut results = async_stream_of(Box::pin(input), sleeper).max_concurrency(2);
    give.send(20).expect("the stream listens");
    assert_eq!(results.next().await, Some(Ok(20)));
    assert_eq!(results.next().now_or_never(), None);
    let late = async {
        sleep(10).await;
        give.send(5).expect("the stream listens");
        drop(give);
    };
    let (result, ()) = tokio::join!(results.next(), late);
    assert_eq!(result, Some(Ok(5)));
    assert_eq!(results.next().await, None);
    assert_eq!(results.next().await, None, "and it stays so");
}

#[otp_core::test(start_paused = true)]
async fn a_consumer_that_traps_exits_finds_no_exits_of_tasks() {
    let (results, left) = mailbox_after(async {
        let work = |n: u64| async move { if n == 2 { crate::support::crash() } else { sleeper(n).await } };
        let results = async_stream(1..=3, work).max_concurrency(2).collect::<Vec<_>>().await;
        let killed = async_stream([10, 9000], sleeper).timeout(ms(100)).on_timeout(OnTimeout::KillTask);
        (results, killed.count().await, links_of(own()))
    })
    .await;
    assert_eq!(results.0, [Ok(1), Err(crate::support::boom()), Ok(3)], "as in OTP");
    assert_eq!((results.1, results.2), (2, vec![]));
    assert_eq!(in_words(&left), Vec::<String>::new());
}

#[test]
fn plain_code_has_streams_of_tasks_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let results = runtime.block_on(async {
        let work = |n: u64| async move { if n == 2 { crate::support::crash() } else { n } };
        async_stream(1..=3, work).max_concurrency(2).collect::<Vec<_>>().await
    });
    assert_eq!(results, [Ok(1), Err(crate::support::boom()), Ok(3)]);
}

#[otp_core::test(start_paused = true)]
async fn a_stream_says_how_long_it_may_be() {
    let mut results = async_stream(vec![10; 5], sleeper).max_concurrency(2).on_timeout(OnTimeout::KillTask);
    assert_eq!(results.size_hint(), (5, Some(5)));
    results.next().await.expect("there are five").expect("it ends");
    assert_eq!(results.size_hint(), (4, Some(4)));
    assert_eq!(async_stream(vec![10; 5], sleeper).size_hint(), (0, Some(5)), "a late task would end it");
}

#[otp_core::test(start_paused = true)]
async fn a_stream_of_tasks_feeds_another_and_many_are_no_trouble() {
    let inner = async_stream(0..5000_u64, |n| async move { n }).max_concurrency(50);
    let doubled = async_stream_of(inner, |n| async move { n.expect("it ends") * 2 }).max_concurrency(100);
    let sum: u64 = doubled.map(|n| n.expect("it ends")).fold(0, |sum, n| async move { sum + n }).await;
    assert_eq!(sum, (0..5000).map(|n| n * 2).sum());
    assert_eq!(Task::spawn(async { 1 }).await, Ok(1));
}
