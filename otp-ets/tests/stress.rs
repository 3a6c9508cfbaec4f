//! Random operations of several threads on one table of each type: no update is lost, no row appears from nowhere, none hangs.
//!
//! `OTP_ETS_STRESS` says how many operations; else 10⁷ in release, and fewer in a debug build.

use std::env;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use otp_ets::{Bag, CounterOp, OrderedSet, Set};

const THREADS: u64 = 4;
const KEYS: u64 = 1000;

fn operations() -> u64 {
    let default = if cfg!(debug_assertions) { 200_000 } else { 10_000_000 };
    env::var("OTP_ETS_STRESS").map_or(default, |count| count.parse().expect("a number"))
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Each thread adds to counters, and deletes and makes rows; the sum of what it was told must be what is there.
macro_rules! stress_unique {
    ($table:ident) => {{
        let table = $table::new().unwrap();
        let sum = AtomicI64::new(0);
        thread::scope(|scope| {
            for seed in 0..THREADS {
                let (table, sum) = (&table, &sum);
                scope.spawn(move || {
                    let mut random = Random(seed * 7919 + 1);
                    let mut net = 0;
                    for _ in 0..operations() / 3 / THREADS {
                        let draw = random.next();
                        let key = draw % KEYS;
                        match draw >> 32 & 31 {
                            0..=9 => {
                                table.update_counter_or(key, 0_i64, CounterOp::by(1)).unwrap();
                                net += 1;
                            }
                            10..=13 => {
                                let added = table.update_element(&key, |count| *count += 2).unwrap();
                                net += if added { 2 } else { 0 };
                            }
                            14..=15 => net -= table.take(&key).unwrap().unwrap_or(0),
                            16 => net += i64::from(table.insert_new(key, 1).unwrap()),
                            17 => {
                                let rows = (0..8).map(|n| ((key + n * 131) % KEYS, 1));
                                net += if table.insert_all_new(rows).unwrap() { 8 } else { 0 };
                            }
                            18 if draw >> 40 & 1023 == 0 => {
                                let all = table.foldl(0_u64, |count, _, _| count + 1).unwrap();
                                assert!(all <= KEYS);
                            }
                            _ => assert!(table.lookup(&key).unwrap().is_none_or(|count| count > 0)),
                        }
                    }
                    sum.fetch_add(net, Ordering::Relaxed);
                });
            }
        });
        let rows = table.to_vec().unwrap();
        assert_eq!(rows.iter().map(|(_, count)| count).sum::<i64>(), sum.into_inner());
        assert_eq!(table.info().unwrap().size, rows.len());
    }};
}

#[test]
fn a_set_under_stress_loses_nothing() {
    stress_unique!(Set);
}

#[test]
fn an_ordered_set_under_stress_loses_nothing() {
    stress_unique!(OrderedSet);
}

#[test]
fn a_bag_under_stress_loses_nothing() {
    let bag = Bag::new().unwrap();
    let rows = AtomicI64::new(0);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (bag, rows) = (&bag, &rows);
            scope.spawn(move || {
                let mut random = Random(seed * 7919 + 1);
                let mut net = 0;
                for number in 0..operations() / 3 / THREADS {
                    let draw = random.next();
                    let key = draw % KEYS;
                    match draw >> 32 & 7 {
                        // No other row is equal to this one.
                        0..=1 => {
                            bag.insert(key, (seed, number)).unwrap();
                            net += 1;
                        }
                        2 => net -= i64::try_from(bag.take(&key).unwrap().len()).unwrap(),
                        3 => {
                            let own = (seed, number.saturating_sub(draw % 8));
                            net -= i64::try_from(bag.delete_object(&key, &own).unwrap()).unwrap();
                        }
                        _ => assert!(bag.lookup(&key).unwrap().iter().all(|(thread, _)| *thread < THREADS)),
                    }
                }
                rows.fetch_add(net, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(i64::try_from(bag.info().unwrap().size).unwrap(), rows.into_inner());
    assert_eq!(bag.to_vec().unwrap().len(), bag.info().unwrap().size);
}
