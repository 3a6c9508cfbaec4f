//! User code that panics, looks where it must not, or runs as its process dies.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use otp_core::{ExitReason, Mailbox, spawn};
use otp_registry::{Duplicate, RegisterError, Registry};
use tokio::sync::oneshot;

use crate::support::{Puppet, duplicates, fresh, gone, info, key, me, run, sorted, unique};

thread_local! {
    static FAIL: Cell<bool> = const { Cell::new(false) };
}

/// Panics in `Eq`, `Hash` and `Clone` while it is told to.
#[derive(Debug)]
struct Fussy(u32);

/// What is to panic.
type Fuss<'a> = Box<dyn Fn() -> bool + 'a>;

fn fuss() {
    assert!(!FAIL.get(), "told to");
}

impl PartialEq for Fussy {
    fn eq(&self, other: &Self) -> bool {
        fuss();
        self.0 == other.0
    }
}

impl Eq for Fussy {}

impl Hash for Fussy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // All alike, so that they have to be compared.
        0.hash(state);
    }
}

impl Clone for Fussy {
    fn clone(&self) -> Self {
        fuss();
        Self(self.0)
    }
}

#[otp_core::test(start_paused = true)]
async fn keys_and_values_that_panic_leave_the_registry_whole() {
    let unique: Registry<Fussy, Fussy> = run(Registry::unique(fresh("fussy"))).await;
    let duplicate: Registry<Fussy, Fussy, Duplicate> = run(Registry::duplicate(fresh("fussy"))).await;
    for n in 0..3 {
        unique.register(Fussy(n), Fussy(n)).expect("it is free");
        duplicate.register(Fussy(n), Fussy(n)).expect("it runs");
    }
    FAIL.set(true);
    let panics: [(&str, Fuss<'_>); 12] = [
        ("register", Box::new(|| unique.register(Fussy(7), Fussy(7)).is_ok())),
        ("register a duplicate", Box::new(|| duplicate.register(Fussy(1), Fussy(7)).is_ok())),
        ("lookup", Box::new(|| unique.lookup(&Fussy(1)).is_ok())),
        ("lookup duplicates", Box::new(|| duplicate.lookup(&Fussy(1)).is_ok())),
        ("unregister", Box::new(|| unique.unregister(&Fussy(1)).is_ok())),
        ("unregister duplicates", Box::new(|| duplicate.unregister(&Fussy(1)).is_ok())),
        ("keys", Box::new(|| duplicate.keys(me()).is_ok())),
        ("values", Box::new(|| unique.values(&Fussy(1), me()).is_ok())),
        ("update", Box::new(|| unique.update_value(&Fussy(1), |_| Fussy(9)).is_ok())),
        ("dispatch", Box::new(|| unique.dispatch(&Fussy(1), |_| ()).is_ok())),
        ("matching", Box::new(|| duplicate.matching(&Fussy(1), |_, _| true).is_ok())),
        ("select", Box::new(|| unique.select(|key, _, _| Some(key.clone())).is_ok())),
    ];
    for (what, act) in panics {
        assert!(catch_unwind(AssertUnwindSafe(act)).is_err(), "{what}");
    }
    FAIL.set(false);
    for n in 0..3 {
        assert_eq!(unique.lookup(&Fussy(n)), Ok(Some((me(), Fussy(n)))));
        assert_eq!(duplicate.lookup(&Fussy(n)), Ok(vec![(me(), Fussy(n))]));
        unique.unregister(&Fussy(n)).expect("it runs");
        duplicate.unregister(&Fussy(n)).expect("it runs");
    }
    assert_eq!((unique.count(), duplicate.count()), (Ok(0), Ok(0)));
    assert_eq!((unique.keys(me()), duplicate.keys(me())), (Ok(vec![]), Ok(vec![])));
}

#[otp_core::test(start_paused = true)]
async fn a_key_that_panics_as_it_is_registered_leaves_no_link() {
    let registry: Registry<Fussy, (), Duplicate> = run(Registry::duplicate(fresh("fussy"))).await;
    let partition = Puppet::new().register(&registry, Fussy(1), ()).await;
    FAIL.set(true);
    let register = || registry.register(Fussy(2), ());
    assert!(catch_unwind(AssertUnwindSafe(register)).is_err());
    FAIL.set(false);
    assert!(!info(me()).links.contains(&partition));
    registry.register(Fussy(2), ()).expect("it runs");
    FAIL.set(true);
    assert!(catch_unwind(AssertUnwindSafe(register)).is_err());
    FAIL.set(false);
    assert!(info(me()).links.contains(&partition), "for its other entry");
}

/// Uses its registry as it is dropped, and panics if told to.
#[derive(Clone)]
struct Nosy(#[expect(dead_code, reason = "for its destructor")] Arc<Inner>);

struct Inner {
    act: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    seen: Arc<AtomicUsize>,
    panics: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(act) = self.act.lock().expect("free").take() {
            act();
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
        assert!(!self.panics, "told to");
    }
}

/// Would wait for ever if anything was locked.
fn use_all_over(registry: &Registry<u32, Nosy>) {
    let nobody = Nosy(Arc::new(Inner { act: Mutex::default(), seen: Arc::default(), panics: false }));
    registry.register(1_000_000, nobody).ok();
    registry.unregister(&1_000_000).ok();
    registry.count().ok();
}

#[otp_core::test(start_paused = true)]
async fn values_are_dropped_when_nothing_is_locked_and_one_that_panics_keeps_no_other() {
    let seen = Arc::new(AtomicUsize::new(0));
    let registry: Registry<u32, Nosy> = run(Registry::unique(fresh("nosy"))).await;
    let nosy = |panics| {
        let registry = registry.clone();
        let act: Box<dyn FnOnce() + Send> = Box::new(move || use_all_over(&registry));
        Nosy(Arc::new(Inner { act: Mutex::new(Some(act)), seen: Arc::clone(&seen), panics }))
    };
    registry.register(1, nosy(false)).expect("it is free");
    assert!(registry.register(1, nosy(false)).is_err());
    assert_eq!(seen.swap(0, Ordering::Relaxed), 1, "one that was refused");
    assert!(registry.update_value(&1, |_| nosy(false)).is_ok());
    assert_eq!(seen.swap(0, Ordering::Relaxed), 1, "one that was replaced");
    registry.unregister(&1).expect("it runs");
    assert_eq!(seen.swap(0, Ordering::Relaxed), 1, "one that was removed");

    for kill in [false, true] {
        let holder = Puppet::new();
        let partition = holder.register(&registry, 2_u32, nosy(true)).await;
        for n in 3..10_u32 {
            holder.register(&registry, n, nosy(n % 2 == 0)).await;
        }
        if kill {
            otp_core::process::send_exit(partition, ExitReason::Kill);
            gone(partition).await;
        } else {
            holder.end(ExitReason::Normal).await;
        }
        assert_eq!(seen.swap(0, Ordering::Relaxed), 8, "all that have died");
        // Runs again.
        crate::support::partitions(&registry).await;
        assert_eq!(registry.count(), Ok(0));
    }
}

#[otp_core::test(start_paused = true)]
async fn a_closure_under_a_lock_may_look_and_must_not_change() {
    let registry = unique(1).await;
    registry.register(key("a"), 1).expect("it is free");
    let looked = registry.select(|key, _, _| registry.lookup(key).expect("it runs"));
    assert_eq!(looked.map(|found| found.len()), Ok(1));
    assert_eq!(registry.lookup_with("a", |_, _| registry.count()), Ok(Some(Ok(1))));
    let changes: [Box<dyn Fn() -> bool>; 4] = [
        Box::new(|| registry.lookup_with("a", |_, _| registry.register(key("b"), 1)).is_ok()),
        Box::new(|| registry.select(|_, _, _| Some(registry.unregister("a"))).is_ok()),
        Box::new(|| registry.count_select(|_, _, _| registry.update_value("a", |n| *n).is_ok()).is_ok()),
        Box::new(|| {
            registry.unregister_matching("a", |_| registry.unregister_matching("a", |_| true).is_ok()).is_ok()
        }),
    ];
    for change in changes {
        assert!(catch_unwind(AssertUnwindSafe(change)).is_err());
    }
    assert_eq!(registry.lookup("a"), Ok(Some((me(), 1))));
    registry.unregister("a").expect("nothing is locked any more");
}

#[otp_core::test(start_paused = true)]
async fn reg_040_a_closure_that_says_what_to_unregister_may_look() {
    for registry in duplicates(2).await {
        for value in 0..3 {
            registry.register(key("a"), value).expect("it runs");
        }
        let unwanted = |&value: &u32| {
            assert_eq!(registry.lookup("a").map(|found| found.len()), Ok(3));
            assert_eq!(registry.count(), Ok(3));
            assert_eq!(registry.keys(me()).map(|keys| keys.len()), Ok(3));
            value != 1
        };
        registry.unregister_matching("a", unwanted).expect("it runs");
        assert_eq!(registry.values("a", me()), Ok(vec![1]));
        assert_eq!(registry.keys(me()), Ok(vec![key("a")]), "the keys of one's own are counted down too");
    }
    let registry = unique(2).await;
    registry.register(key("a"), 1).expect("it is free");
    registry.unregister_matching("a", |_| registry.lookup("a").is_err()).expect("it runs");
    assert_eq!(registry.lookup("a"), Ok(Some((me(), 1))));
    registry.unregister_matching("a", |_| registry.lookup("a").is_ok()).expect("it runs");
    assert_eq!((registry.lookup("a"), registry.keys(me())), (Ok(None), Ok(vec![])));
}

/// One thread asks for the keys of a process inside a closure, again and again, while that process registers.
#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_a_process_that_registers_are_seen_from_a_closure_too() {
    let registry = unique(1).await;
    registry.register(key("a"), 1).expect("it is free");
    let busy = Arc::new(AtomicBool::new(true));
    let holder = Puppet::new();
    let registering = {
        let (registry, busy) = (registry.clone(), Arc::clone(&busy));
        holder.run(move || {
            registry.register(key("b"), 1).expect("it is free");
            let pid = me();
            let looker = {
                let registry = registry.clone();
                thread::spawn(move || {
                    while busy.load(Ordering::Relaxed) {
                        let keys = registry.lookup_with("a", |_, _| registry.keys(pid).expect("it runs"));
                        assert!(keys.expect("it runs").is_some_and(|keys| keys.contains(&key("b"))));
                    }
                })
            };
            for n in 0..20_000 {
                let key = (n % 64).to_string();
                registry.register(key.clone(), 1).expect("it is free");
                registry.unregister(&key).expect("it runs");
            }
            looker
        })
    };
    let looker = registering.await;
    busy.store(false, Ordering::Relaxed);
    looker.join().expect("it finds the key");
}

#[otp_core::test]
async fn a_look_up_inside_a_closure_does_not_wait_behind_who_waits_for_the_closure() {
    let [registry, _] = duplicates(1).await;
    registry.register(key("a"), 0).expect("it runs");
    let busy = Arc::new(AtomicBool::new(true));
    let looker = {
        let (registry, busy) = (registry.clone(), Arc::clone(&busy));
        thread::spawn(move || {
            while busy.load(Ordering::Relaxed) {
                let found = registry.select(|_, _, _| registry.lookup("a").ok()).expect("it runs");
                assert!(!found.is_empty() && found.iter().all(|found| !found.is_empty()));
            }
        })
    };
    for _ in 0..20_000 {
        registry.register(key("a"), 1).expect("it runs");
        registry.unregister_matching("a", |&value| value == 1).expect("it runs");
    }
    busy.store(false, Ordering::Relaxed);
    looker.join().expect("it finds entries");
}

#[otp_core::test]
async fn readers_that_overlap_do_not_keep_writers_out() {
    const LOOK_UPS: usize = 20_000;
    let registry: Registry<String, u32, Duplicate> = run(Registry::duplicate(fresh("crowded"))).await;
    for value in 0..3_000 {
        registry.register(key("a"), value).expect("it runs");
    }
    let left = Arc::new(AtomicUsize::new(LOOK_UPS));
    let take = |left: &AtomicUsize| {
        left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    };
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (registry, left) = (registry.clone(), Arc::clone(&left));
            thread::spawn(move || {
                while take(&left) {
                    assert!(registry.lookup("a").is_ok_and(|found| found.len() >= 3_000));
                }
            })
        })
        .collect();
    for _ in 0..20 {
        registry.register(key("a"), 3_000).expect("it runs");
        registry.unregister_matching("a", |&value| value == 3_000).expect("it runs");
    }
    assert_ne!(left.swap(0, Ordering::Relaxed), 0, "they have come to an end first");
    readers.into_iter().for_each(|reader| reader.join().expect("it finds them"));
}

/// Registers as it is dropped.
struct Late {
    registry: Registry<String, u32>,
    outcome: Option<oneshot::Sender<Result<(), RegisterError>>>,
}

impl Drop for Late {
    fn drop(&mut self) {
        let outcome = self.registry.register(key("late"), 1).map(drop);
        if let Some(sender) = self.outcome.take() {
            sender.send(outcome).ok();
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn a_process_that_dies_is_not_registered_any_more() {
    for partitions in [1, 8] {
        for had_entries in [false, true] {
            for reason in [None, Some(ExitReason::Kill)] {
                let registry = unique(partitions).await;
                let (outcome, told) = oneshot::channel();
                let late = Late { registry: registry.clone(), outcome: Some(outcome) };
                let (ready, is_ready) = oneshot::channel();
                let stays = reason.is_some();
                let process = spawn(move |_: Mailbox<()>| async move {
                    if had_entries {
                        late.registry.register(key("early"), 1).expect("it is free");
                    }
                    ready.send(()).ok();
                    if stays {
                        std::future::pending::<()>().await;
                    }
                    drop_later(late).await;
                });
                is_ready.await.expect("it runs");
                if let Some(reason) = reason {
                    otp_core::process::send_exit(process.pid(), reason);
                }
                gone(process.pid()).await;
                assert_eq!(told.await, Ok(Err(RegisterError::Dying)), "{partitions} {had_entries} {stays}");
                assert_eq!(registry.count(), Ok(0));
                assert_eq!(registry.keys(process.pid()).map(sorted), Ok(vec![]));
            }
        }
    }
}

/// Keeps it until the process's remains are dropped: by an exit signal to itself.
async fn drop_later(late: Late) {
    otp_core::process::send_exit(me(), ExitReason::Kill);
    std::future::pending::<()>().await;
    drop(late);
}
