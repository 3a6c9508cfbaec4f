//! Streams of tasks against a model: which element is taken when, what comes out in which order, and how much runs at a time.
//!
//! The clock is paused; no two tasks end at the same instant, since each takes its own number of milliseconds.

#![cfg(feature = "supervisor")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use otp_core::process::{self, exit};
use otp_core::{ExitReason, Pid};
use otp_task::{OnTimeout, TaskSupervisor, TaskSupervisorClient, async_stream};
use proptest::prelude::*;
use tokio::time::Instant;

/// An element: how long its task takes, and whether it crashes then.
#[derive(Debug, Clone, Copy)]
struct Element {
    time: u64,
    crashes: bool,
}

/// What comes out, and when.
#[derive(Debug, Clone, PartialEq)]
struct Out {
    element: usize,
    at: u64,
    /// As `Ok`, the reason `crash` or the reason `timeout`.
    how: &'static str,
}

/// What the stream should give: with `most` under way at a time, where results that wait for an earlier one count in order.
fn model(elements: &[Element], most: usize, ordered: bool, limit: u64) -> Vec<Out> {
    let mut out: Vec<Out> = Vec::new();
    // When the place of each element that is under way becomes free.
    let mut places: Vec<u64> = Vec::new();
    let mut before = 0;
    for (element, &Element { time, crashes }) in elements.iter().enumerate() {
        let begins = if places.len() < most {
            0
        } else {
            let first = places.iter().copied().enumerate().min_by_key(|&(_, free)| free);
            let (place, free) = first.expect("there is a place");
            places.swap_remove(place);
            free
        };
        let (took, how) = match (time > limit, crashes) {
            (true, _) => (limit, "timeout"),
            (false, true) => (time, "crash"),
            (false, false) => (time, "ok"),
        };
        let at = if ordered { before.max(begins + took) } else { begins + took };
        before = at;
        places.push(at);
        out.push(Out { element, at, how });
    }
    if !ordered {
        out.sort_by_key(|out| (out.at, out.element));
    }
    out
}

/// What it gives, and how many ran at a time, and how many more were taken than given at any time.
async fn real(elements: Vec<Element>, most: usize, ordered: bool, limit: u64) -> (Vec<Out>, usize, usize) {
    let tasks = TaskSupervisor::new().start_link().await.expect("it starts");
    let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let [running, peak, taken] = [0, 1, 2];
    let counting = Arc::clone(&counts);
    let input = elements.into_iter().enumerate().inspect({
        let counts = Arc::clone(&counts);
        move |_| {
            counts[taken].fetch_add(1, Ordering::Relaxed);
        }
    });
    let begun = Instant::now();
    let mut results = tasks
        .async_stream_nolink(input, move |(element, Element { time, crashes })| {
            /// One task less runs, however it ends.
            struct Runs(Arc<[AtomicUsize; 3]>);
            impl Drop for Runs {
                fn drop(&mut self) {
                    self.0[0].fetch_sub(1, Ordering::Relaxed);
                }
            }
            let counts = Arc::clone(&counting);
            async move {
                let now = counts[running].fetch_add(1, Ordering::Relaxed) + 1;
                counts[peak].fetch_max(now, Ordering::Relaxed);
                let _runs = Runs(counts);
                tokio::time::sleep(Duration::from_millis(time)).await;
                if crashes {
                    exit(ExitReason::new("crash"));
                }
                element
            }
        })
        .max_concurrency(most)
        .ordered(ordered)
        .timeout(Duration::from_millis(limit))
        .on_timeout(OnTimeout::KillTask)
        .zip_input_on_exit();
    let (mut out, mut ahead) = (Vec::new(), 0);
    while let Some(result) = results.next().await {
        ahead = ahead.max(counts[taken].load(Ordering::Relaxed) - out.len());
        let at = u64::try_from(begun.elapsed().as_millis()).expect("it is short");
        out.push(match result {
            Ok(element) => Out { element, at, how: "ok" },
            Err(((element, _), reason)) => {
                let how = if reason.to_string() == "timeout" { "timeout" } else { "crash" };
                Out { element, at, how }
            }
        });
    }
    (out, counts[peak].load(Ordering::Relaxed), ahead)
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(async { otp_core::attach(test).await.expect("it ends by itself") })
}

fn elements() -> impl Strategy<Value = Vec<Element>> {
    let element = (1_u64..50, prop::bool::weighted(0.2)).prop_map(|(time, crashes)| (time, crashes));
    prop::collection::vec(element, 0..25).prop_map(|elements| {
        // Sums of different elements differ, mostly.
        let spread = |(at, (time, crashes))| Element { time: time * 1000 + (1_u64 << at) % 997, crashes };
        elements.into_iter().enumerate().map(spread).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_of_tasks_does_what_the_model_says(
        elements in elements(),
        most in 1_usize..6,
        ordered in any::<bool>(),
        limit in prop_oneof![Just(1_000_000_u64), 5_000_u64..45_000],
    ) {
        let wanted = model(&elements, most, ordered, limit);
        let count = elements.len();
        let (out, peak, ahead) = run(real(elements, most, ordered, limit));
        prop_assert_eq!(out, wanted);
        prop_assert!(peak <= most, "{} ran at a time", peak);
        prop_assert_eq!(peak > 0, count > 0);
        prop_assert!(ahead <= most, "{} were taken ahead", ahead);
    }

    #[test]
    fn a_stream_that_is_left_early_leaves_nothing(
        elements in elements(),
        most in 1_usize..6,
        ordered in any::<bool>(),
        wanted in 0_usize..10,
        close in any::<bool>(),
    ) {
        run(async move {
            // Other tests have processes too.
            let own = || {
                let me = process::current();
                let is_own = |pid: &Pid| process::info(*pid).is_some_and(|info| info.parent == me);
                process::list().into_iter().filter(is_own).count()
            };
            let work = |Element { time, .. }: Element| tokio::time::sleep(Duration::from_millis(time));
            let mut results = async_stream(elements, work).max_concurrency(most).ordered(ordered).infinity();
            for _ in 0..wanted {
                results.next().await;
            }
            if close {
                results.close().await;
            } else {
                drop(results);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(own(), 0);
            let info = process::info(process::current().expect("it is one")).expect("it lives");
            assert!(info.links.is_empty() && info.mailbox_len == 0, "{info:?}");
        });
    }
}
