//! Match, count and select, by closures.

use std::collections::BTreeMap;

use otp_core::Pid;
use otp_registry::Registry;

use crate::support::{Puppet, duplicates, fresh, key, me, run, sorted, unique};

type Pairs = BTreeMap<&'static str, u32>;

#[otp_core::test(start_paused = true)]
async fn reg_029_match_gives_the_entries_of_exactly_this_key_whose_value_matches() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        registry.register(key("a"), 1).expect("it is free");
        registry.register(key("b"), 2).expect("it is free");
        assert_eq!(registry.matching("a", |_, &n| n == 1), Ok(vec![(me(), 1)]));
        assert_eq!(registry.matching("a", |_, &n| n > 1), Ok(vec![]));
        assert_eq!(registry.matching("c", |_, _| true), Ok(vec![]));
        for registry in duplicates(partitions).await {
            let other = Puppet::new();
            other.register(&registry, "a", 5).await;
            for n in 1..=3 {
                registry.register(key("a"), n).expect("it runs");
            }
            registry.register(key("b"), 4).expect("it runs");
            let found = registry.matching("a", |_, &n| n >= 3).map(sorted);
            assert_eq!(found, Ok(sorted(vec![(me(), 3), (other.pid(), 5)])));
            assert_eq!(registry.matching("a", |pid, _| pid == other.pid()), Ok(vec![(other.pid(), 5)]));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_031_a_closure_compares_the_parts_of_a_value_with_each_other() {
    let registry: Registry<u8, (u32, u32)> = run(Registry::unique(fresh("pairs"))).await;
    registry.register(1, (2, 2)).expect("it is free");
    registry.register(2, (2, 3)).expect("it is free");
    let equal = |_: Pid, &(a, b): &(u32, u32)| a == b;
    assert_eq!(registry.matching(&1, equal), Ok(vec![(me(), (2, 2))]));
    assert_eq!(registry.matching(&2, equal), Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn reg_032_a_closure_looks_for_some_pairs_of_a_map() {
    let registry: Registry<u8, Pairs> = run(Registry::unique(fresh("maps"))).await;
    registry.register(1, BTreeMap::from([("a", 1), ("b", 2)])).expect("it is free");
    let has = |name, n| registry.count_matching(&1, |_, map| map.get(name) == Some(&n));
    assert_eq!((has("a", 1), has("a", 2), has("c", 1)), (Ok(1), Ok(0), Ok(0)));
}

#[otp_core::test(start_paused = true)]
async fn reg_034_count_match_counts_what_match_finds() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            for n in 0..10 {
                registry.register(key("a"), n).expect("it runs");
                Puppet::new().register(&registry, "a", n).await;
            }
            for limit in [0, 3, 10] {
                let found = registry.matching("a", |_, &n| n < limit).expect("it runs");
                assert_eq!(registry.count_matching("a", |_, &n| n < limit), Ok(found.len()));
                assert_eq!(found.len(), limit as usize * 2);
            }
            assert_eq!(registry.count_matching("b", |_, _| true), Ok(0));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_035_count_counts_entries() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        assert_eq!(registry.count(), Ok(0));
        for n in 0..100 {
            registry.register(format!("{n}"), n).expect("it is free");
            assert_eq!(registry.count(), Ok(n as usize + 1));
        }
        for registry in duplicates(partitions).await {
            for name in ["a", "a", "b"] {
                registry.register(key(name), 1).expect("it runs");
            }
            assert_eq!(registry.count(), Ok(3));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_036_select_picks_from_all_entries_each_at_most_once() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        for (name, n) in [("a", 1), ("b", 2), ("c", 3)] {
            registry.register(key(name), n).expect("it is free");
        }
        let all = registry.select(|key, pid, &n| Some((key.clone(), pid, n))).map(sorted);
        assert_eq!(all, Ok(vec![(key("a"), me(), 1), (key("b"), me(), 2), (key("c"), me(), 3)]));
        // Several specs are the arms of a match, the first that fits counts.
        let specs = registry.select(|key, _, &n| match (key.as_str(), n) {
            ("a", _) => Some("the first"),
            (_, 1 | 2) => Some("the second"),
            _ => None,
        });
        assert_eq!(specs.map(sorted), Ok(vec!["the first", "the second"]));
        for registry in duplicates(partitions).await {
            for n in [1, 1, 2] {
                registry.register(key("a"), n).expect("it runs");
            }
            assert_eq!(registry.select(|_, _, &n| Some(n)).map(sorted), Ok(vec![1, 1, 2]));
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_038_count_select_counts_what_the_closure_is_true_for() {
    for partitions in [1, 8] {
        for registry in duplicates(partitions).await {
            for n in 0..10 {
                registry.register(format!("{}", n % 3), n).expect("it runs");
            }
            assert_eq!(registry.count_select(|key, pid, &n| key == "0" && pid == me() && n > 0), Ok(3));
            assert_eq!(registry.count_select(|_, _, _| false), Ok(0));
        }
    }
}
