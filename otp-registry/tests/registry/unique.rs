//! Unique keys.

use std::cell::Cell;
use std::hash::{Hash, Hasher};

use otp_core::{ExitReason, spawn};
use otp_registry::{Duplicate, RegisterError, Registry, UpdateError};
use tokio::sync::oneshot;

use crate::support::{Puppet, fresh, info, key, me, partitions, run, sorted, unique};

#[otp_core::test(start_paused = true)]
async fn reg_004_partitions_change_nothing_but_whom_one_is_linked_to() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        let holders: Vec<Puppet> = (0..20).map(|_| Puppet::new()).collect();
        for (n, holder) in (0..).zip(&holders) {
            holder.register(&registry, format!("key {n}"), n).await;
            holder.register(&registry, format!("other {n}"), n).await;
        }
        for (n, holder) in (0..).zip(&holders) {
            assert_eq!(registry.lookup(&format!("key {n}")), Ok(Some((holder.pid(), n))));
            let keys = [format!("key {n}"), format!("other {n}")];
            assert_eq!(registry.keys(holder.pid()).map(sorted), Ok(keys.to_vec()));
        }
        assert_eq!(registry.count(), Ok(40));
        for holder in &holders {
            holder.end(ExitReason::Normal).await;
        }
        assert_eq!(registry.count(), Ok(0));
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_005_registering_links_with_the_partition_whose_pid_it_returns() {
    for count in [1, 8] {
        let registry = unique(count).await;
        let holder = Puppet::new();
        let partition = holder.register(&registry, "a", 1).await;
        assert!(partitions(&registry).await.contains(&partition));
        assert_eq!(info(holder.pid()).links, [partition]);
        assert_eq!(holder.register(&registry, "b", 1).await, partition, "it is that of the process");
        assert_eq!(info(holder.pid()).links, [partition]);
        assert!(info(partition).links.contains(&holder.pid()));
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_006_a_key_that_is_held_is_refused_and_keeps_its_value() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        let holder = Puppet::new();
        holder.register(&registry, "a", 1).await;
        let refused = Err(RegisterError::AlreadyRegistered(holder.pid()));
        assert_eq!(registry.register(key("a"), 2), refused);
        assert!(info(me()).links.iter().all(|&link| info(link).label.is_none()), "linked to no partition");
        let again = registry.clone();
        assert_eq!(holder.run(move || again.register(key("a"), 3)).await, refused);
        assert_eq!(registry.lookup("a"), Ok(Some((holder.pid(), 1))));
        assert_eq!(registry.keys(holder.pid()), Ok(vec![key("a")]));
        assert_eq!(registry.keys(me()), Ok(vec![]));
        assert_eq!(info(holder.pid()).links.len(), 1, "the holder is linked still");
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_010_lookup_gives_the_one_holder_or_nobody() {
    let registry = unique(1).await;
    assert_eq!(registry.lookup("a"), Ok(None));
    assert_eq!(registry.holder("a"), Ok(None));
    registry.register(key("a"), 5).expect("it is free");
    assert_eq!(registry.lookup("a"), Ok(Some((me(), 5))));
    assert_eq!(registry.holder("a"), Ok(Some(me())));
    assert_eq!(registry.lookup_with("a", |pid, value| (pid, value + 1)), Ok(Some((me(), 6))));
    assert_eq!(registry.lookup_with("b", |pid, _| pid), Ok(None));
}

/// All of them have one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SameHash(u32);

impl Hash for SameHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        7.hash(state);
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_011_keys_are_compared_and_not_their_hashes() {
    let registry: Registry<SameHash, u32> = run(Registry::unique(fresh("hash")).partitions(2)).await;
    let other = Puppet::new();
    for n in 0..40 {
        let holder = if n % 2 == 0 { me() } else { other.pid() };
        if n % 2 == 0 {
            registry.register(SameHash(n), n).expect("it is free");
        } else {
            other.register(&registry, SameHash(n), n).await;
        }
        assert_eq!(registry.lookup(&SameHash(n)), Ok(Some((holder, n))));
    }
    let even: Vec<SameHash> = (0..40).step_by(2).map(SameHash).collect();
    assert_eq!(registry.keys(me()).map(sorted), Ok(even));
    registry.unregister(&SameHash(4)).expect("it runs");
    assert_eq!(registry.lookup(&SameHash(4)), Ok(None));
    assert_eq!(registry.keys(me()).map(|keys| keys.len()), Ok(19));
    other.end(ExitReason::Normal).await;
    assert_eq!(registry.count(), Ok(19));
    assert_eq!(registry.lookup(&SameHash(6)), Ok(Some((me(), 6))));
}

#[otp_core::test(start_paused = true)]
async fn reg_012_keys_and_values_are_those_of_the_process_asked_for() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        let (one, two) = (Puppet::new(), Puppet::new());
        one.register(&registry, "a", 1).await;
        one.register(&registry, "b", 2).await;
        two.register(&registry, "c", 3).await;
        assert_eq!(registry.keys(one.pid()).map(sorted), Ok(vec![key("a"), key("b")]));
        assert_eq!(registry.keys(two.pid()), Ok(vec![key("c")]));
        assert_eq!(registry.keys(me()), Ok(vec![]));
        assert_eq!(registry.values("b", one.pid()), Ok(vec![2]));
        assert_eq!(registry.values("b", two.pid()), Ok(vec![]));
        assert_eq!(registry.values("d", two.pid()), Ok(vec![]));
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_013_a_key_is_free_before_anyone_hears_of_its_holders_death() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        for reason in [ExitReason::Normal, ExitReason::new("crash"), ExitReason::Kill] {
            let holder = Puppet::new();
            holder.register(&registry, "a", 1).await;
            if reason == ExitReason::Kill {
                holder.kill(reason).await;
            } else {
                holder.end(reason).await;
            }
            assert_eq!(registry.lookup("a"), Ok(None));
            assert_eq!(registry.keys(holder.pid()), Ok(vec![]));
            assert_eq!(registry.count(), Ok(0));
        }
    }
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_free_for_whoever_hears_of_the_death_on_another_thread() {
    let registry = unique(2).await;
    for n in 0..300 {
        let (registered, ready) = oneshot::channel();
        let register = registry.clone();
        let holder = spawn(move |_: otp_core::Mailbox<()>| async move {
            register.register(key("a"), n).expect("it is free");
            registered.send(()).ok();
        });
        let monitor = otp_core::process::monitor(holder.pid()).expect("a process");
        ready.await.expect("it registers");
        crate::support::gone(holder.pid()).await;
        assert_eq!(registry.lookup("a"), Ok(None));
        otp_core::process::demonitor_flush(monitor).ok();
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_015_the_holder_updates_its_value() {
    for partitions in [1, 8] {
        let registry = unique(partitions).await;
        registry.register(key("a"), 1).expect("it is free");
        assert_eq!(registry.update_value("a", |n| n + 10), Ok((11, 1)));
        assert_eq!(registry.lookup("a"), Ok(Some((me(), 11))));
    }
}

#[otp_core::test(start_paused = true)]
async fn reg_016_nobody_updates_what_it_does_not_hold() {
    let registry = unique(1).await;
    assert_eq!(registry.update_value("a", |_| unreachable!()), Err(UpdateError::NotHeld));
    let holder = Puppet::new();
    holder.register(&registry, "a", 1).await;
    assert_eq!(registry.update_value("a", |_| unreachable!()), Err(UpdateError::NotHeld));
    assert_eq!(registry.lookup("a"), Ok(Some((holder.pid(), 1))));
    registry.register(key("b"), 1).expect("it is free");
    let lost = registry.clone();
    assert_eq!(
        registry.update_value("b", move |n| {
            lost.unregister("b").expect("nothing is locked here");
            n + 1
        }),
        Err(UpdateError::NotHeld)
    );
}

#[otp_core::test(start_paused = true)]
async fn reg_017_outside_a_process_nothing_is_registered() {
    let registry = unique(1).await;
    let duplicate: Registry<u8, (), Duplicate> = run(Registry::duplicate(fresh("two"))).await;
    std::thread::spawn(move || {
        assert_eq!(registry.register(key("a"), 1), Err(RegisterError::NotAProcess));
        assert_eq!(registry.unregister("a"), Err(otp_registry::UnregisterError::NotAProcess));
        assert_eq!(registry.update_value("a", |n| *n), Err(UpdateError::NotAProcess));
        assert_eq!(registry.count(), Ok(0), "looking is for everyone");
        assert_eq!(duplicate.register(1, ()), Err(RegisterError::NotAProcess));
    })
    .join()
    .expect("it ends");
}

thread_local! {
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// A key that counts how often it is compared on this thread.
#[derive(Clone, Eq)]
struct Counted(u32);

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        COMPARED.set(COMPARED.get() + 1);
        self.0 == other.0
    }
}

#[otp_core::test]
async fn a_key_is_found_among_many_without_looking_at_the_others() {
    const KEYS: u32 = 5000;
    // Seven bits of the hash are compared before the key is.
    let few = |expected: u32, what: &str| {
        let compared = COMPARED.take();
        assert!(compared <= (expected + KEYS / 2) as usize, "{what}: {compared} comparisons");
    };
    let registry: Registry<Counted, u32> = run(Registry::unique(fresh("counted"))).await;
    for n in 0..KEYS {
        registry.register(Counted(n), n).expect("it is free");
    }
    few(0, "register");
    for n in 0..KEYS {
        assert_eq!(registry.lookup(&Counted(n)), Ok(Some((me(), n))));
    }
    few(KEYS, "lookup");
    for n in 0..KEYS {
        registry.unregister(&Counted(n)).expect("it runs");
    }
    few(KEYS, "unregister");
}
