//! Duplicate keys.

use otp_core::ExitReason;

use crate::support::{Puppet, duplicates, info, key, me, sorted};

#[otp_core::test(start_paused = true)]
async fn reg_018_a_process_has_a_key_as_often_as_it_registers() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            for (name, value) in [("a", 1), ("a", 2), ("a", 2), ("b", 3)] {
                registry.register(key(name), value).expect("it runs");
            }
            assert_eq!(registry.keys(me()).map(sorted), Ok(vec![key("a"), key("a"), key("a"), key("b")]));
            assert_eq!(registry.values("a", me()).map(sorted), Ok(vec![1, 2, 2]));
            assert_eq!(registry.count(), Ok(4));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_019_processes_share_a_key_and_are_told_apart() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            let (one, two) = (Puppet::new(), Puppet::new());
            one.register(&registry, "a", 1).await;
            two.register(&registry, "a", 2).await;
            two.register(&registry, "b", 3).await;
            assert_eq!(registry.keys(one.pid()), Ok(vec![key("a")]));
            assert_eq!(registry.keys(two.pid()).map(sorted), Ok(vec![key("a"), key("b")]));
            assert_eq!(registry.values("a", one.pid()), Ok(vec![1]));
            assert_eq!(registry.values("a", two.pid()), Ok(vec![2]));
            assert_eq!(registry.values("b", one.pid()), Ok(vec![]));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_020_lookup_gives_every_entry_of_a_key() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            assert_eq!(registry.lookup("a"), Ok(vec![]));
            let mut expected = Vec::new();
            for n in 0..20 {
                let holder = Puppet::new();
                for value in [n, n, n + 100] {
                    holder.register(&registry, "a", value).await;
                    expected.push((holder.pid(), value));
                }
                holder.register(&registry, "b", n).await;
            }
            assert_eq!(registry.lookup("a").map(sorted), Ok(sorted(expected)));
            assert_eq!(registry.lookup("b").map(|entries| entries.len()), Ok(20));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn a_process_that_dies_takes_all_its_duplicates_along_and_no_others() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            let holders: Vec<Puppet> = (0..100).map(|_| Puppet::new()).collect();
            for holder in &holders {
                let registry = registry.clone();
                let linked = holder.run(move || {
                    registry.register(key("a"), 1).expect("it runs");
                    registry.register(key("a"), 2).expect("it runs");
                    registry.register(key("b"), 3).expect("it runs")
                });
                let linked = linked.await;
                assert_eq!(info(holder.pid()).links, [linked]);
            }
            let mut left = 100;
            for holder in holders {
                holder.end(ExitReason::Normal).await;
                left -= 1;
                assert_eq!(registry.count(), Ok(left * 3));
                assert_eq!(registry.values("a", holder.pid()), Ok(vec![]));
                assert_eq!(registry.keys(holder.pid()), Ok(vec![]));
            }
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_013_the_many_entries_of_a_process_go_with_it_also_when_it_gave_some_up() {
    for registry in duplicates(2).await {
        let holder = Puppet::new();
        // One more than are kept in a list.
        for n in 0..17 {
            holder.register(&registry, "a", n).await;
        }
        let its = registry.clone();
        holder.run(move || its.unregister_matching("a", |value| *value < 1)).await.expect("it runs");
        assert_eq!(registry.lookup("a").map(|all| all.len()), Ok(16));
        holder.kill(ExitReason::Kill).await;
        assert_eq!(registry.lookup("a"), Ok(vec![]));
    }
}
