//! Streams of tasks: crashes, tasks that take too long, and streams that are left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};
use otp_core::{ExitReason, process};
use otp_task::{OnTimeout, TimedOut, async_stream, async_stream_of};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{
    all_gone, boom, children, crash, gone_now, in_process, in_words, links_of, mailbox_after, ms, own,
    settle, sleep, sleeper, trap,
};

fn timeout() -> ExitReason {
    TimedOut.into()
}

/// Counts how often it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[otp_core::test(start_paused = true)]
async fn task_058_a_task_that_ends_without_a_result_is_an_err_and_the_stream_goes_on() {
    let work = |n: u64| async move { if n == 1 { process::exit(ExitReason::Normal) } else { n } };
    let results = async_stream(1..=3, work).collect::<Vec<_>>().await;
    assert_eq!(results, [Err(ExitReason::Normal), Ok(2), Ok(3)]);
}

#[otp_core::test(start_paused = true)]
async fn task_061_a_late_task_is_killed_and_the_others_are_not() {
    for (ordered, wanted) in [
        (true, [Ok(10), Err(timeout()), Ok(20), Err(timeout()), Ok(30)]),
        (false, [Ok(10), Ok(20), Ok(30), Err(timeout()), Err(timeout())]),
    ] {
        let begun = Instant::now();
        let results = async_stream([10, 200, 20, 300, 30], sleeper)
            .max_concurrency(5)
            .timeout(ms(100))
            .on_timeout(OnTimeout::KillTask)
            .ordered(ordered);
        assert_eq!(results.collect::<Vec<_>>().await, wanted, "ordered: {ordered}");
        assert_eq!(begun.elapsed().as_millis(), 100);
        // When a stream has come to its end, none of its tasks is left.
        assert!(gone_now());
    }
    assert_eq!(timeout().downcast_ref(), Some(&TimedOut));
}

#[otp_core::test(start_paused = true)]
async fn a_late_task_ends_the_consumer_by_default() {
    let ended = in_process(async {
        let results = async_stream([10, 200], sleeper).max_concurrency(2).timeout(ms(100));
        results.count().await
    });
    assert_eq!(ended.await, Err(timeout()));
    assert!(all_gone().await);
    // One that traps exits too.
    let ended = in_process(async {
        trap();
        async_stream([200], sleeper).timeout(ms(100)).count().await
    });
    assert_eq!(ended.await, Err(timeout()));
}

#[test]
fn outside_any_process_a_late_task_ends_the_stream() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let results = async_stream([10, 200, 20], sleeper).max_concurrency(2).timeout(ms(100));
        let results = results.zip_input_on_exit().collect::<Vec<_>>().await;
        assert_eq!(results, [Ok(10), Err((200, timeout()))]);
        assert!(all_gone().await);
    });
}

#[otp_core::test(start_paused = true)]
async fn task_063_an_err_says_its_input_if_wanted() {
    trap();
    let work = |n: u64| async move { if n == 7 { crash() } else { sleeper(n).await } };
    let results = async_stream([1, 7, 500, 2], work)
        .max_concurrency(4)
        .timeout(ms(100))
        .on_timeout(OnTimeout::KillTask)
        .zip_input_on_exit();
    let results = results.collect::<Vec<_>>().await;
    assert_eq!(results, [Ok(1), Err((7, boom())), Err((500, timeout())), Ok(2)]);
}

#[otp_core::test(start_paused = true)]
async fn task_065_a_panic_of_the_input_ends_the_tasks_and_goes_on() {
    let input = stream::iter(1..10).map(|n| if n == 4 { panic!("no more") } else { n * 1000 });
    let mut results = Box::pin(async_stream_of(input, sleeper).max_concurrency(5));
    assert!(crate::support::panics_with("no more", results.next()).await);
    settle().await;
    assert_eq!(children(), [], "the three that ran are killed, though the stream is still there");
    assert_eq!(links_of(own()), []);
    assert_eq!(results.next().await, None);
}

#[otp_core::test(start_paused = true)]
async fn task_066_the_input_is_dropped_once_at_the_end_or_when_the_stream_is_left() {
    let drops = Arc::new(AtomicUsize::new(0));
    let input = |guard: Counted| {
        (1..=5_u64).inspect(move |_| {
            let _ = &guard;
        })
    };
    let mut results = async_stream(input(Counted(Arc::clone(&drops))), sleeper);
    while results.next().await.is_some() {}
    assert_eq!(drops.load(Ordering::Relaxed), 1, "at the end, though the stream is still there");
    drop(results);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    let mut results = async_stream(input(Counted(Arc::clone(&drops))), sleeper).max_concurrency(2);
    results.next().await;
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    drop(results);
    assert_eq!(drops.load(Ordering::Relaxed), 2);
    // A consumer that ends early is told of once, too.
    let guard = Counted(Arc::clone(&drops));
    let taken = async_stream(1..=5, sleeper).take(1).map(move |result| (result, &guard).0).count().await;
    assert_eq!((taken, drops.load(Ordering::Relaxed)), (1, 3));
}

#[otp_core::test(start_paused = true)]
async fn a_panic_of_an_inputs_clone_ends_the_tasks_too() {
    #[derive(Debug)]
    struct Once(u64);
    impl Clone for Once {
        fn clone(&self) -> Self {
            if self.0 == 4 { panic!("no copy") } else { Self(self.0) }
        }
    }
    let input = (1..10).map(Once);
    let results = async_stream(input, |Once(n)| sleeper(n * 1000)).max_concurrency(5);
    let mut results = Box::pin(results.zip_input_on_exit());
    assert!(crate::support::panics_with("no copy", results.next()).await);
    settle().await;
    assert_eq!(children(), []);
    assert!(results.next().await.is_none());
}

#[otp_core::test(start_paused = true)]
async fn a_stream_that_is_left_leaves_no_process_no_link_and_no_message() {
    let ((), left) = mailbox_after(async {
        let mut results = async_stream([1, 9000, 9000, 9000], sleeper).max_concurrency(3);
        assert_eq!(results.next().await, Some(Ok(1)));
        assert_eq!(links_of(own()).len(), 2);
        drop(results);
        assert_eq!(links_of(own()), []);
        settle().await;
        // And this time it is waited for.
        let mut results = async_stream(vec![9000; 3], sleeper).max_concurrency(3);
        assert!(tokio::time::timeout(ms(5), results.next()).await.is_err());
        assert_eq!(links_of(own()).len(), 3);
        results.close().await;
        assert!(gone_now());
    })
    .await;
    assert_eq!(in_words(&left), Vec::<String>::new());
    assert!(all_gone().await);
    // One that does not trap exits lives on, too.
    let ended = in_process(async {
        let mut results = async_stream([1, 9000, 9000], sleeper).max_concurrency(3);
        assert_eq!(results.next().await, Some(Ok(1)));
        drop(results);
        sleep(10).await;
    });
    assert_eq!(ended.await, Ok(()));
}

#[otp_core::test(start_paused = true)]
async fn a_stream_that_another_process_drops_ends_without_a_word() {
    let (give, given) = oneshot::channel();
    let consumer = in_process(async move {
        let mut results = async_stream([1, 9000, 9000], sleeper).max_concurrency(3);
        assert_eq!(results.next().await, Some(Ok(1)));
        give.send(results).ok();
        sleep(100).await;
    });
    let (ended, ()) = tokio::join!(consumer, async { drop(given.await) });
    assert_eq!(ended, Ok(()));
    assert!(all_gone().await);
}

#[otp_core::test(start_paused = true)]
async fn a_crash_takes_the_consumer_along_and_the_consumer_its_tasks() {
    let work = |n: u64| async move { if sleeper(n).await == 20 { crash() } else { n } };
    // While it waits for the stream, and while it does something else.
    let waiting =
        in_process(async move { async_stream([9000, 20, 9000], work).max_concurrency(3).count().await });
    assert_eq!(waiting.await, Err(boom()));
    assert!(all_gone().await);
    let busy = in_process(async move {
        let mut results = async_stream([1, 20, 9000], work).max_concurrency(3);
        results.next().await;
        let begun = Instant::now();
        sleep(1000).await;
        begun.elapsed()
    });
    assert_eq!(busy.await, Err(boom()));
    assert!(all_gone().await);
    let (say, said) = oneshot::channel();
    let crashing = in_process(async move {
        let results = async_stream([9000, 9000], sleeper).max_concurrency(2).count();
        say.send(own()).ok();
        results.await
    });
    let killer = async {
        let consumer = said.await.expect("it says");
        settle().await;
        process::send_exit(consumer, boom());
    };
    let (ended, ()) = tokio::join!(crashing, killer);
    assert_eq!(ended, Err(boom()));
    assert!(all_gone().await);
}

#[otp_core::test(start_paused = true)]
async fn a_function_that_panics_is_its_tasks_own_fault() {
    trap();
    let work = |n: u64| {
        assert!(n != 2, "two is too many");
        async move { n }
    };
    let results = async_stream(1..=3, work).collect::<Vec<_>>().await;
    assert_eq!((&results[0], &results[2]), (&Ok(1), &Ok(3)));
    let Err(ExitReason::Panic(panic)) = &results[1] else { panic!("it panics") };
    assert_eq!(panic.message(), "two is too many");
}

#[otp_core::test(start_paused = true)]
async fn a_task_that_is_killed_late_keeps_its_place_until_it_is_gone() {
    // It blocks its own end for a while, so the next one has to wait, and its own `Err` does not.
    let (release, released) = oneshot::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(Some(released)));
    let work = move |n: u64| {
        let released = Arc::clone(&released);
        async move {
            trap();
            if n == 1 {
                let released = released.lock().expect("nobody panics").take();
                // Not ended by `Shutdown`; killed, it is dropped.
                drop(released.expect("once").await);
            }
            n
        }
    };
    let results = async_stream(1..=2, work)
        .max_concurrency(1)
        .timeout(ms(50))
        .on_timeout(OnTimeout::KillTask)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(results, [Err(timeout()), Ok(2)]);
    assert!(release.is_closed());
}
