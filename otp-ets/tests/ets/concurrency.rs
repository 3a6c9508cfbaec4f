//! Threads that use one table at the same time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;

use otp_ets::{AccessError, Bag, CounterOp, OrderedSet, Set};

/// How many rounds a test makes; more in release.
const ROUNDS: u64 = if cfg!(debug_assertions) { 2_000 } else { 50_000 };

#[test]
fn ets_039_readers_of_a_table_that_is_deleted_get_rows_or_an_error() {
    for _ in 0..20 {
        let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
        set.insert_all((0..500).map(|n| (n, n))).unwrap();
        ordered.insert_all((0..500).map(|n| (n, n))).unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        match set.lookup(&7) {
                            Ok(found) => assert_eq!(found, Some(7)),
                            Err(error) => break assert_eq!(error, AccessError::Gone),
                        }
                        match set.insert(7, 7).and_then(|()| set.select_count(|_, _| true)) {
                            Ok(count) => assert_eq!(count, 500),
                            Err(error) => assert_eq!(error, AccessError::Gone),
                        }
                    }
                });
                scope.spawn(|| {
                    while let Ok(rows) = ordered.to_vec() {
                        assert_eq!(rows.len(), 500);
                    }
                });
            }
            thread::yield_now();
            set.delete_table().unwrap();
            ordered.delete_table().unwrap();
        });
        assert_eq!(set.to_vec(), Err(AccessError::Gone));
    }
}

#[test]
fn of_several_who_delete_a_table_one_does() {
    for _ in 0..200 {
        let table = Set::<u32, u32>::new().unwrap();
        let outcomes: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| table.delete_table())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    }
}

#[test]
fn ets_102_nobody_sees_half_of_a_row() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert(1, [0_u64; 8]).unwrap();
    ordered.insert(1, [0_u64; 8]).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..ROUNDS {
                set.update_element(&1, |row| row.iter_mut().for_each(|field| *field = n)).unwrap();
                ordered.insert(1, [n; 8]).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            for row in [set.lookup(&1), ordered.lookup(&1)] {
                let row = row.unwrap().unwrap();
                assert!(row.iter().all(|field| *field == row[0]), "{row:?}");
            }
        }
    });
}

#[test]
fn ets_102_no_update_is_lost() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..ROUNDS {
                    set.update_counter_or(n % 3, 0, CounterOp::by(1)).unwrap();
                    ordered.update_element_or(n % 3, 0_u64, |count| *count += 1).unwrap();
                }
            });
        }
    });
    assert_eq!(set.foldl(0, |sum, _, count| sum + count), Ok(4 * ROUNDS));
    assert_eq!(ordered.foldl(0, |sum, _, count| sum + count), Ok(4 * ROUNDS));
}

/// Writers insert sixteen rows with the same value at once; a reader that looks at one after the other never sees an
/// older value after a newer one.
#[test]
fn ets_103_nobody_sees_half_of_a_multi_row_insert() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert_all((0..16).map(|key| (key, 0))).unwrap();
    ordered.insert_all((0..16).map(|key| (key, 0))).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..ROUNDS {
                set.insert_all((0..16).map(|key| (key, n))).unwrap();
                ordered.insert_all((0..16).map(|key| (key, n))).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let rows = set.to_vec().unwrap();
                assert!(rows.iter().all(|row| row.1 == rows[0].1), "{rows:?}");
                let rows = ordered.range(3..12).unwrap();
                assert!(rows.iter().all(|row| row.1 == rows[0].1), "{rows:?}");
            }
        });
        while !done.load(Ordering::Acquire) {
            let mut last = (0, 0);
            for key in 0..16 {
                let now = (set.lookup(&key).unwrap().unwrap(), ordered.lookup(&key).unwrap().unwrap());
                assert!(now.0 >= last.0 && now.1 >= last.1, "{now:?} after {last:?}");
                last = now;
            }
        }
    });
}

#[test]
fn ets_103_a_multi_row_insert_is_there_as_a_whole_or_not_at_all() {
    let bag = Bag::new().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                assert_eq!(bag.insert_all_new((0..8).map(|key| (key, ()))), Ok(true));
                bag.delete_all_objects().unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let count = bag.to_vec().unwrap().len();
            assert!(count == 0 || count == 8, "{count} of 8 rows");
        }
    });
}

#[test]
fn two_multi_row_inserts_in_opposite_order_do_not_wait_for_each_other_for_ever() {
    let set = Set::new().unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let set = &set;
            scope.spawn(move || {
                for _ in 0..ROUNDS / 10 {
                    let keys = (0..64).map(|key| if thread % 2 == 0 { key } else { 63 - key });
                    set.insert_all(keys.map(|key| (key, thread))).unwrap();
                }
            });
        }
    });
    let rows = set.to_vec().unwrap();
    assert_eq!(rows.len(), 64);
    assert!(rows.iter().all(|row| row.1 == rows[0].1));
}

#[test]
fn ets_105_the_size_is_what_came_less_what_went() {
    let set = Set::new().unwrap();
    let net = AtomicI64::new(0);
    thread::scope(|scope| {
        for seed in 0..3_u64 {
            let (set, net) = (&set, &net);
            scope.spawn(move || {
                let mut random = seed + 1;
                for _ in 0..ROUNDS {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let key = random % 100;
                    if random & 0x100 == 0 {
                        if set.insert_new(key, ()).unwrap() {
                            net.fetch_add(1, Ordering::Relaxed);
                        }
                    } else if random & 0xe00 == 0 {
                        let gone = set.select_delete(|there, ()| there % 7 == key % 7).unwrap();
                        net.fetch_sub(i64::try_from(gone).unwrap(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let size = set.info().unwrap().size;
    assert_eq!(i64::try_from(size).unwrap(), net.into_inner());
    assert_eq!(size, set.to_vec().unwrap().len());
}

#[test]
fn ets_044_walks_keep_their_promise_while_others_write() {
    let (set, ordered) = (Set::new().unwrap(), OrderedSet::new().unwrap());
    set.insert_all((0..1000).map(|n| (n, n))).unwrap();
    ordered.insert_all((0..1000).map(|n| (n, n))).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Odd keys go and come, and so do others, so that the tables grow and shrink.
            let mut n = 0_u64;
            while !done.load(Ordering::Acquire) {
                n += 1;
                let odd = (n * 2 + 1) % 1000;
                set.delete(&odd).unwrap();
                ordered.delete(&odd).unwrap();
                set.insert(1000 + n % 5000, 0).unwrap();
                ordered.insert(1000 + n % 5000, 0).unwrap();
                set.insert(odd, odd).unwrap();
                ordered.insert(odd, odd).unwrap();
                if n.is_multiple_of(5000) {
                    set.select_delete(|key, _| *key >= 1000).unwrap();
                    ordered.delete_range(1000..).unwrap();
                }
            }
        });
        for _ in 0..ROUNDS / 100 {
            let mut walks = (set.safe_fixtable().unwrap(), ordered.safe_fixtable().unwrap());
            let (mut of_set, mut of_ordered) = (Vec::new(), Vec::new());
            while let Some(key) = walks.0.next_key().unwrap() {
                of_set.push(key);
            }
            while let Some(key) = walks.1.next_key().unwrap() {
                of_ordered.push(key);
            }
            for keys in [of_set, of_ordered] {
                let met: HashSet<u64> = keys.iter().copied().collect();
                assert_eq!(met.len(), keys.len(), "a key came twice");
                assert!((0..1000).step_by(2).all(|key| met.contains(&key)), "a key that stayed was not met");
            }
        }
        done.store(true, Ordering::Release);
    });
}

/// One register per key, with writes that are numbered in the order in which they happen: what a reader sees must be at
/// least what it knows to have been written before it began, and at most what was begun when it ended.
#[test]
fn single_row_operations_are_linearizable() {
    let set = Set::new().unwrap();
    set.insert(1, 0_u64).unwrap();
    let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=ROUNDS {
                begun.store(n, Ordering::SeqCst);
                match n % 3 {
                    0 => set.insert(1, n).unwrap(),
                    1 => drop(set.update_element(&1, |value| *value = n).unwrap()),
                    _ => drop(set.update_counter(&1, CounterOp::by(1)).unwrap()),
                }
                ended.store(n, Ordering::SeqCst);
            }
        });
        loop {
            let least = ended.load(Ordering::SeqCst);
            let seen = set.lookup(&1).unwrap().unwrap();
            let most = begun.load(Ordering::SeqCst);
            assert!((least..=most).contains(&seen), "{seen} is not within {least} and {most}");
            if least == ROUNDS {
                break;
            }
        }
    });
}
