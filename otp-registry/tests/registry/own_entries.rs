//! Unregistering, and the links that come and go with entries.

use std::panic::{AssertUnwindSafe, catch_unwind};

use otp_core::process;

use crate::support::{Puppet, duplicates, info, key, me, partitions, sorted, supervisor, unique};

#[otp_core::test(start_paused = true)]
async fn reg_024_unregistering_what_one_does_not_hold_changes_nothing() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        assert_eq!(registry.unregister("a"), Ok(()));
        let holder = Puppet::new();
        holder.register(&registry, "a", 1).await;
        assert_eq!(registry.unregister("a"), Ok(()));
        assert_eq!(registry.lookup("a"), Ok(Some((holder.pid(), 1))));
        registry.register(key("b"), 1).expect("it is free");
        assert_eq!(registry.unregister("a"), Ok(()));
        assert_eq!(registry.keys(me()), Ok(vec![key("b")]));
        for registry in duplicates(partitions).await {
            assert_eq!(registry.unregister("a"), Ok(()));
            holder.register(&registry, "a", 1).await;
            registry.register(key("a"), 2).expect("it runs");
            assert_eq!(registry.unregister("a"), Ok(()));
            assert_eq!(registry.lookup("a"), Ok(vec![(holder.pid(), 1)]));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn unregistering_the_last_entry_takes_the_link_away() {
    for count in [1, 8] {
        let registry = unique(count).await;
        let before = info(me()).links;
        registry.register(key("a"), 1).expect("it is free");
        registry.register(key("b"), 1).expect("it is free");
        registry.unregister("a").expect("it runs");
        assert_eq!(registry.lookup("a"), Ok(None));
        assert_eq!(info(me()).links.len(), before.len() + 1);
        registry.unregister("b").expect("it runs");
        assert_eq!(info(me()).links, before);
        for partition in partitions(&registry).await {
            assert!(!info(partition).links.contains(&me()));
        }
        registry.register(key("a"), 2).expect("it is free again");
        assert_eq!(info(me()).links.len(), before.len() + 1);
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_026_the_callers_own_link_with_the_supervisor_stays() {
    let registry = unique(1).await;
    let supervisor = supervisor(&registry).pid();
    let holder = Puppet::new();
    holder.run(move || process::link(supervisor)).await.expect("it is a process");
    holder.register(&registry, "a", 1).await;
    let unregister = registry.clone();
    holder.run(move || unregister.unregister("a")).await.expect("it runs");
    assert_eq!(info(holder.pid()).links, [supervisor]);
}

#[otp_core::test(start_paused = true)]
async fn reg_026_giving_up_what_one_does_not_have_cuts_no_link() {
    let registry = unique(1).await;
    let holder = Puppet::new();
    let partition = holder.register(&registry, "a", 1).await;
    for key in ["a", "nothing"] {
        let its = registry.clone();
        holder.run(move || its.unregister(key)).await.expect("it runs");
        if key == "a" {
            assert_eq!(info(holder.pid()).links, []);
            holder.run(move || process::link(partition)).await.expect("it is a process");
        }
    }
    assert_eq!(info(holder.pid()).links, [partition]);
}

#[otp_core::test(start_paused = true)]
async fn reg_040_unregister_match_removes_the_callers_entries_that_match() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            let other = Puppet::new();
            other.register(&registry, "a", 2).await;
            for value in [1, 2, 2, 3] {
                registry.register(key("a"), value).expect("it runs");
            }
            registry.register(key("b"), 2).expect("it runs");
            assert_eq!(registry.unregister_matching("a", |&n| n > 7), Ok(()));
            assert_eq!(registry.values("a", me()).map(sorted), Ok(vec![1, 2, 2, 3]));
            assert_eq!(registry.unregister_matching("a", |&n| n == 2), Ok(()));
            assert_eq!(registry.values("a", me()).map(sorted), Ok(vec![1, 3]));
            assert_eq!(registry.values("b", me()), Ok(vec![2]));
            assert_eq!(registry.values("a", other.pid()), Ok(vec![2]));
            assert_eq!(registry.keys(me()).map(sorted), Ok(vec![key("a"), key("a"), key("b")]));
        }
        let registry = unique(partitions).await;
        registry.register(key("a"), 1).expect("it is free");
        assert_eq!(registry.unregister_matching("a", |&n| n == 2), Ok(()));
        assert_eq!(registry.lookup("a"), Ok(Some((me(), 1))));
        assert_eq!(registry.unregister_matching("a", |&n| n == 1), Ok(()));
        assert_eq!(registry.lookup("a"), Ok(None));
        assert_eq!(registry.unregister_matching("none", |_| true), Ok(()));
    }
}

#[otp_core::test(start_paused = true)]
async fn a_predicate_that_panics_removes_nothing() {
    for registry in duplicates(2).await {
        for value in 0..4 {
            registry.register(key("a"), value).expect("it runs");
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            registry.unregister_matching("a", |&n| if n == 2 { panic!("at 2") } else { true })
        }));
        assert!(panicked.is_err());
        assert_eq!(registry.values("a", me()).map(sorted), Ok(vec![0, 1, 2, 3]));
        registry.unregister("a").expect("nothing is locked");
        assert_eq!(registry.count(), Ok(0));
    }
}
