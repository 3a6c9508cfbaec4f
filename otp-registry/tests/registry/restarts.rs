//! A partition or the whole registry that dies.

use std::time::Duration;

use otp_core::process::{self, send_exit};
use otp_core::{ExitReason, Mailbox, Pid, Received, spawn};
use otp_registry::{Duplicate, Key, Keys, Registry, Value};
use tokio::sync::oneshot;

use crate::support::{Puppet, duplicates, fresh, gone, key, partitions, run, supervisor, unique};

/// A process that is linked to this partition: it has an entry now.
async fn linked_to<K: Key + std::fmt::Debug, M: Keys>(
    registry: &Registry<K, u32, M>,
    partition: Pid,
    key: impl Fn(u32) -> K,
) -> (Puppet, K) {
    for n in 0.. {
        let puppet = Puppet::new();
        let this = key(n);
        if puppet.register(registry, this.clone(), n).await == partition {
            return (puppet, this);
        }
        puppet.end(ExitReason::Normal).await;
    }
    unreachable!()
}

/// Kills a partition, and waits until as many others run.
async fn kill<K: Key, V: Value, M: Keys>(registry: &Registry<K, V, M>, partition: Pid) -> Vec<Pid> {
    send_exit(partition, ExitReason::Kill);
    gone(partition).await;
    // Answers when it has started them again.
    partitions(registry).await
}

#[otp_core::test(start_paused = true)]
async fn reg_028_unique_partitions_restart_together_and_duplicate_ones_alone() {
    let registry = unique(3).await;
    let before = partitions(&registry).await;
    let (holder, held) = linked_to(&registry, before[0], |n| format!("key {n}")).await;
    let (other, others) = linked_to(&registry, before[1], |n| format!("other {n}")).await;
    let after = kill(&registry, before[1]).await;
    assert_eq!(gone(other.pid()).await, ExitReason::NoProc, "long gone");
    assert!(!process::is_alive(holder.pid()), "taken along");
    assert!(before.iter().all(|partition| !after.contains(partition)));
    assert_eq!((registry.lookup(&held), registry.lookup(&others)), (Ok(None), Ok(None)));
    assert_eq!(registry.count(), Ok(0));
    Puppet::new().register(&registry, held, 1).await;

    let [by_pid, by_key] = duplicates(3).await;
    let before = partitions(&by_pid).await;
    let (holder, held) = linked_to(&by_pid, before[0], |_| key("a")).await;
    let (other, _) = linked_to(&by_pid, before[1], |_| key("a")).await;
    let after = kill(&by_pid, before[1]).await;
    assert!(!process::is_alive(other.pid()));
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    assert_ne!(after[1], before[1]);
    assert_eq!(by_pid.lookup(&held).map(|entries| entries.len()), Ok(1));
    assert_eq!(by_pid.keys(holder.pid()), Ok(vec![key("a")]));
    Puppet::new().register(&by_pid, key("a"), 1).await;

    let before = partitions(&by_key).await;
    let after = kill(&by_key, before[1]).await;
    assert!(before.iter().all(|partition| !after.contains(partition)));
}

#[otp_core::test(start_paused = true)]
async fn reg_028_a_partition_that_dies_four_times_in_five_seconds_takes_the_registry_along() {
    let kill_one = async |registry: &Registry<String, u32>| {
        let partition = partitions(registry).await[0];
        kill(registry, partition).await;
    };
    for wait in [Duration::ZERO, Duration::from_secs(6)] {
        let registry: Registry<String, u32> = Registry::unique(fresh("four"));
        let supervisor = registry.start().await.expect("it starts");
        for _ in 0..3 {
            kill_one(&registry).await;
        }
        tokio::time::sleep(wait).await;
        let last = partitions(&registry).await[0];
        send_exit(last, ExitReason::Kill);
        gone(last).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(process::is_alive(supervisor.pid()), !wait.is_zero(), "{wait:?}");
        assert_eq!(registry.is_running(), !wait.is_zero(), "{wait:?}");
    }
}

#[otp_core::test(start_paused = true)]
async fn a_registrant_that_traps_exits_outlives_its_partition_without_its_entries() {
    for partitions_ in [1, 4] {
        let registry = unique(partitions_).await;
        let holder = Puppet::new();
        holder.run(|| process::trap_exit(true)).await.expect("it is a process");
        let partition = holder.register(&registry, "a", 1).await;
        holder.register(&registry, "b", 2).await;
        kill(&registry, partition).await;
        assert_eq!(registry.keys(holder.pid()), Ok(vec![]));
        assert_eq!(registry.count(), Ok(0));
        let again = holder.register(&registry, "a", 3).await;
        assert_ne!(again, partition);
        assert_eq!(registry.lookup("a"), Ok(Some((holder.pid(), 3))));
        assert_eq!(registry.keys(holder.pid()), Ok(vec![key("a")]));
        holder.end(ExitReason::Normal).await;
        assert_eq!(registry.count(), Ok(0), "what was lost is not missed, what came after is gone");
    }
}

#[otp_core::test(start_paused = true)]
async fn a_crash_of_a_registrant_leaves_the_registry_alone() {
    let registry = unique(2).await;
    let before = partitions(&registry).await;
    for reason in [ExitReason::new("crash"), ExitReason::Shutdown, ExitReason::Normal] {
        let holder = Puppet::new();
        holder.register(&registry, "a", 1).await;
        holder.end(reason).await;
    }
    assert_eq!(partitions(&registry).await, before);
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_that_is_killed_takes_its_entries_along_and_another_can_be_started() {
    let registry: Registry<String, u32, Duplicate> = Registry::duplicate(fresh("killed")).partitions(3);
    let holder = Puppet::new();
    holder.run(|| process::trap_exit(true)).await.expect("it is a process");
    for round in 0..20 {
        registry.start().await.expect("it starts");
        let old = partitions(&registry).await;
        assert_eq!(registry.lookup("a"), Ok(vec![]));
        holder.register(&registry, "a", round).await;
        let supervisor = supervisor(&registry).pid();
        send_exit(supervisor, ExitReason::Kill);
        gone(supervisor).await;
        assert!(!registry.is_running());
        // Its partitions may still be there.
        drop(old);
    }
    run(registry.clone()).await;
    let before = partitions(&registry).await;
    holder.register(&registry, "a", 7).await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(registry.lookup("a"), Ok(vec![(holder.pid(), 7)]), "those of before do no harm");
    assert_eq!(partitions(&registry).await, before);
}

/// Registers in a process that traps exits, kills its partition, and says what it finds when it hears of that.
async fn found_at_the_end_of_a_partition<R: Send + 'static>(
    register: impl FnOnce() -> Pid + Send + 'static,
    look_up: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (tell, told) = oneshot::channel();
    spawn(move |mut mailbox: Mailbox<()>| async move {
        process::trap_exit(true).expect("a process");
        let partition = register();
        send_exit(partition, ExitReason::Kill);
        let Received::Exit { from, .. } = mailbox.receive().await else { unreachable!("nobody sends") };
        assert_eq!(from, partition);
        let _ = tell.send(look_up());
    });
    told.await.expect("it hears")
}

#[otp_core::test]
async fn who_hears_of_a_partitions_end_finds_nothing_of_it() {
    let unique = unique(1).await;
    let (first, second) = (unique.clone(), unique);
    let found = found_at_the_end_of_a_partition(
        move || first.register(key("a"), 1).expect("it is free"),
        move || second.lookup("a"),
    );
    assert_eq!(found.await, Ok(None));
    for registry in duplicates(1).await {
        let (first, second) = (registry.clone(), registry);
        let found = found_at_the_end_of_a_partition(
            move || first.register(key("a"), 1).expect("it runs"),
            move || second.lookup("a"),
        );
        assert_eq!(found.await, Ok(vec![]));
    }
}
