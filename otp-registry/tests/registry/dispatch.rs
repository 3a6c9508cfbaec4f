//! Dispatch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use otp_core::process;
use otp_core::{ExitReason, Pid};
use otp_registry::DispatchError;

use crate::support::{Puppet, duplicates, key, me, sorted, unique};

type Calls = Arc<Mutex<Vec<(Option<Pid>, Vec<(Pid, u32)>)>>>;

fn noting(calls: &Calls) -> impl Fn(&[(Pid, u32)]) + Send + Sync + 'static {
    let calls = Arc::clone(calls);
    move |entries| calls.lock().expect("nobody panics").push((process::current(), entries.to_vec()))
}

#[otp_core::test(start_paused = true)]
async fn reg_042_without_entries_the_function_is_not_called() {
    for partitions in [1, 8] {
        assert_eq!(unique(partitions).await.dispatch("a", |_| unreachable!()), Ok(()));
        for registry in duplicates(partitions).await {
            registry.register(key("b"), 1).expect("it runs");
            assert_eq!(registry.dispatch("a", |_| unreachable!()), Ok(()));
            assert_eq!(registry.dispatch_parallel("a", |_| unreachable!()).await, Ok(()));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_043_a_unique_key_is_one_call_with_one_entry_here() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        let holder = Puppet::new();
        holder.register(&registry, "a", 1).await;
        let calls = Calls::default();
        assert_eq!(registry.dispatch("a", noting(&calls)), Ok(()));
        assert_eq!(*calls.lock().expect("free"), [(Some(me()), vec![(holder.pid(), 1)])]);
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_045_parallel_dispatch_calls_for_each_partition_in_a_process_of_its_own() {
    for partitions in [1, 4] {
        let [by_pid, by_key] = duplicates(partitions).await;
        for (registry, apart) in [(&by_pid, partitions > 1), (&by_key, false)] {
            let mut expected = Vec::new();
            for n in 0..40 {
                let holder = Puppet::new();
                holder.register(registry, "a", n).await;
                expected.push((holder.pid(), n));
            }
            let here = Calls::default();
            assert_eq!(registry.dispatch("a", noting(&here)), Ok(()));
            let calls = Calls::default();
            assert_eq!(registry.dispatch_parallel("a", noting(&calls)).await, Ok(()));
            for (calls, apart) in [(here, false), (calls, apart)] {
                let calls = calls.lock().expect("free");
                let wanted = if registry.name() == by_pid.name() { partitions } else { 1 };
                assert_eq!(calls.len(), wanted, "one for each partition with entries");
                let mut callers: Vec<_> = calls.iter().map(|call| call.0.expect("in a process")).collect();
                assert_eq!(callers.iter().all(|&caller| caller == me()), !apart);
                callers.sort_unstable();
                callers.dedup();
                assert_eq!(callers.len(), if apart { partitions } else { 1 });
                let entries = calls.iter().flat_map(|call| call.1.clone()).collect();
                assert_eq!(sorted(entries), sorted(expected.clone()));
            }
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn a_call_that_panics_is_told_after_the_others_have_ended() {
    let [registry, _] = duplicates(4).await;
    for n in 0..40 {
        Puppet::new().register(&registry, "a", n).await;
    }
    let calls = Calls::default();
    let note = noting(&calls);
    let first = Mutex::new(true);
    let outcome = registry.dispatch_parallel("a", move |entries| {
        note(entries);
        assert!(
            !std::mem::take(&mut *first.lock().unwrap_or_else(std::sync::PoisonError::into_inner)),
            "the first one"
        );
    });
    let outcome = outcome.await;
    assert!(matches!(outcome, Err(DispatchError::Exit(ExitReason::Panic(_)))), "{outcome:?}");
    assert_eq!(calls.lock().expect("free").len(), 4);
}

#[otp_core::test(start_paused = true)]
async fn a_dispatch_runs_unlocked_and_a_panic_in_it_is_the_callers() {
    for registry in duplicates(2).await {
        registry.register(key("a"), 1).expect("it runs");
        registry.dispatch("a", |_| registry.unregister("a").expect("nothing is locked")).expect("it runs");
        assert_eq!(registry.count(), Ok(0));
        registry.register(key("a"), 1).expect("it runs");
        let panicked = catch_unwind(AssertUnwindSafe(|| registry.dispatch("a", |_| panic!("no"))));
        assert!(panicked.is_err());
        assert_eq!(registry.count(), Ok(1));
    }
}
