//! What the workloads `ets_…` run on: the tables here, concurrent maps, and maps behind one lock. All hash with ahash, as this
//! workspace does.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::ops::Bound;

use ahash::RandomState;
use otp_ets::{CounterOp, OrderedSet, Set};

use crate::options::Options;
use crate::outcome::Outcome;
use crate::peer::{Peer, runtime};
use crate::peers::{Otp, Raw};
use crate::workloads::ets::{self, BATCH, Batches, Counters, Ranges, Rows};

type Std<M> = std::sync::RwLock<M>;
type ParkingLot<M> = parking_lot::RwLock<M>;
type Hashed<K, V> = HashMap<K, V, RandomState>;
type Dash<K, V> = dashmap::DashMap<K, V, RandomState>;
type Papaya<K, V> = papaya::HashMap<K, V, RandomState>;
type Scc<K, V> = scc::HashMap<K, V, RandomState>;
type SccTree<K, V> = scc::TreeIndex<K, V>;

/// Runs a workload `ets_…` on a peer that is no BEAM.
pub(crate) fn run(options: &Options) -> Outcome {
    let n = options.n;
    // Not in the order of the numbers.
    let number: fn(u64) -> u64 = |n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let text: fn(u64) -> String =
        |n| format!("user {:011}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 10_000_000_000);
    macro_rules! hashed {
        ($key:ty, $make:expr, $reads:expr) => {
            match options.peer {
                "otp" => on::<Otp<true>>(
                    options,
                    ets::mixed::<Otp<true>, _, _, Set<$key, $key>>(n, $reads, $make, $make),
                ),
                "dashmap" => {
                    on::<Raw>(options, ets::mixed::<Raw, _, _, Dash<$key, $key>>(n, $reads, $make, $make))
                }
                "papaya" => {
                    on::<Raw>(options, ets::mixed::<Raw, _, _, Papaya<$key, $key>>(n, $reads, $make, $make))
                }
                "scc" => {
                    on::<Raw>(options, ets::mixed::<Raw, _, _, Scc<$key, $key>>(n, $reads, $make, $make))
                }
                "rwlock" => on::<Raw>(
                    options,
                    ets::mixed::<Raw, _, _, Std<Hashed<$key, $key>>>(n, $reads, $make, $make),
                ),
                "parking_lot" => on::<Raw>(
                    options,
                    ets::mixed::<Raw, _, _, ParkingLot<Hashed<$key, $key>>>(n, $reads, $make, $make),
                ),
                _ => NO_ROWS,
            }
        };
    }
    macro_rules! ordered {
        ($reads:expr) => {
            match options.peer {
                "otp" => on::<Otp<true>>(
                    options,
                    ets::mixed::<Otp<true>, _, _, OrderedSet<u64, u64>>(n, $reads, number, number),
                ),
                "scc" => {
                    on::<Raw>(options, ets::mixed::<Raw, _, _, SccTree<u64, u64>>(n, $reads, number, number))
                }
                "rwlock" => on::<Raw>(
                    options,
                    ets::mixed::<Raw, _, _, Std<BTreeMap<u64, u64>>>(n, $reads, number, number),
                ),
                "parking_lot" => on::<Raw>(
                    options,
                    ets::mixed::<Raw, _, _, ParkingLot<BTreeMap<u64, u64>>>(n, $reads, number, number),
                ),
                "dashmap" | "papaya" => Outcome::Unsupported("it has no order"),
                _ => NO_ROWS,
            }
        };
    }
    match options.workload {
        "ets_100" => hashed!(u64, number, 100),
        "ets_90" => hashed!(u64, number, 90),
        "ets_50" => hashed!(u64, number, 50),
        "ets_text_100" => hashed!(String, text, 100),
        "ets_text_90" => hashed!(String, text, 90),
        "ets_text_50" => hashed!(String, text, 50),
        "ets_ordered_100" => ordered!(100),
        "ets_ordered_90" => ordered!(90),
        "ets_ordered_50" => ordered!(50),
        "ets_counter" => match options.peer {
            "otp" => on::<Otp<true>>(options, ets::counter::<Otp<true>, Set<u64, u64>>(n)),
            "dashmap" => on::<Raw>(options, ets::counter::<Raw, Dash<u64, u64>>(n)),
            "papaya" => on::<Raw>(options, ets::counter::<Raw, Papaya<u64, u64>>(n)),
            "scc" => on::<Raw>(options, ets::counter::<Raw, Scc<u64, u64>>(n)),
            "rwlock" => on::<Raw>(options, ets::counter::<Raw, Std<Hashed<u64, u64>>>(n)),
            "parking_lot" => on::<Raw>(options, ets::counter::<Raw, ParkingLot<Hashed<u64, u64>>>(n)),
            _ => NO_ROWS,
        },
        "ets_range" => match options.peer {
            "otp" => on::<Otp<true>>(options, ets::range::<Otp<true>, OrderedSet<u64, u64>>(n)),
            "scc" => on::<Raw>(options, ets::range::<Raw, SccTree<u64, u64>>(n)),
            "rwlock" => on::<Raw>(options, ets::range::<Raw, Std<BTreeMap<u64, u64>>>(n)),
            "parking_lot" => on::<Raw>(options, ets::range::<Raw, ParkingLot<BTreeMap<u64, u64>>>(n)),
            "dashmap" | "papaya" => Outcome::Unsupported("it has no order"),
            _ => NO_ROWS,
        },
        "ets_insert_all" => match options.peer {
            "otp" => on::<Otp<true>>(options, ets::insert_all::<Otp<true>, Set<u64, u64>>(n)),
            "rwlock" => on::<Raw>(options, ets::insert_all::<Raw, Std<Hashed<u64, u64>>>(n)),
            "parking_lot" => on::<Raw>(options, ets::insert_all::<Raw, ParkingLot<Hashed<u64, u64>>>(n)),
            "dashmap" | "papaya" | "scc" => {
                Outcome::Unsupported("it cannot insert several rows at one moment")
            }
            _ => NO_ROWS,
        },
        _ => Outcome::Unsupported("nobody has written this workload"),
    }
}

const NO_ROWS: Outcome = Outcome::Unsupported("it keeps no rows");

fn on<P: Peer>(options: &Options, work: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    runtime(options.threads).block_on(async { P::spawn(work).await })
}

impl<K, V> Rows<K, V> for Set<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new() -> Self {
        Self::builder().public().create().expect("its owner lives")
    }
    fn insert(&self, key: K, value: V) {
        Self::insert(self, key, value).expect("it is there");
    }
    fn lookup(&self, key: &K) -> Option<V> {
        Self::lookup(self, key).expect("it is there")
    }
}

impl Counters for Set<u64, u64> {
    fn add_one(&self, key: u64) {
        self.update_counter(&key, CounterOp::by(1)).expect("the row is there");
    }
}

impl Batches for Set<u64, u64> {
    fn insert_all(&self, rows: [(u64, u64); BATCH]) {
        Self::insert_all(self, rows).expect("it is there");
    }
}

impl Rows<u64, u64> for OrderedSet<u64, u64> {
    fn new() -> Self {
        Self::builder().public().create().expect("its owner lives")
    }
    fn insert(&self, key: u64, value: u64) {
        Self::insert(self, key, value).expect("it is there");
    }
    fn lookup(&self, key: &u64) -> Option<u64> {
        Self::lookup(self, key).expect("it is there")
    }
}

impl Ranges for OrderedSet<u64, u64> {
    fn range(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        Self::range(self, from..to).expect("it is there")
    }
}

impl<K, V> Rows<K, V> for Dash<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new() -> Self {
        Self::with_hasher(RandomState::new())
    }
    fn insert(&self, key: K, value: V) {
        Self::insert(self, key, value);
    }
    fn lookup(&self, key: &K) -> Option<V> {
        self.get(key).map(|value| value.clone())
    }
}

impl Counters for Dash<u64, u64> {
    fn add_one(&self, key: u64) {
        *self.get_mut(&key).expect("the row is there") += 1;
    }
}

impl<K, V> Rows<K, V> for Papaya<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new() -> Self {
        Self::with_hasher(RandomState::new())
    }
    fn insert(&self, key: K, value: V) {
        self.pin().insert(key, value);
    }
    fn lookup(&self, key: &K) -> Option<V> {
        self.pin().get(key).cloned()
    }
}

impl Counters for Papaya<u64, u64> {
    fn add_one(&self, key: u64) {
        self.pin().update(key, |count| count + 1).expect("the row is there");
    }
}

impl<K, V> Rows<K, V> for Scc<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn new() -> Self {
        Self::with_hasher(RandomState::new())
    }
    fn insert(&self, key: K, value: V) {
        self.upsert_sync(key, value);
    }
    fn lookup(&self, key: &K) -> Option<V> {
        self.read_sync(key, |_, value| value.clone())
    }
}

impl Counters for Scc<u64, u64> {
    fn add_one(&self, key: u64) {
        self.update_sync(&key, |_, count| *count += 1).expect("the row is there");
    }
}

impl Rows<u64, u64> for SccTree<u64, u64> {
    fn new() -> Self {
        Self::new()
    }
    /// Its values cannot be replaced, so that others see the row missing for a moment.
    fn insert(&self, key: u64, value: u64) {
        self.remove_sync(&key);
        // Another caller may have been faster.
        self.insert_sync(key, value).unwrap_or_default();
    }
    fn lookup(&self, key: &u64) -> Option<u64> {
        // Its row may be missing for a moment, see above.
        Some(self.peek_with(key, |_, value| *value).unwrap_or_default())
    }
}

impl Ranges for SccTree<u64, u64> {
    fn range(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let guard = scc::Guard::new();
        Self::range(self, from..to, &guard).map(|(key, value)| (*key, *value)).collect()
    }
}

macro_rules! behind_a_lock {
    ($lock:ident, $read:ident, $write:ident) => {
        impl<K, V> Rows<K, V> for $lock<Hashed<K, V>>
        where
            K: Hash + Eq + Clone + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        {
            fn new() -> Self {
                Self::new(Hashed::default())
            }
            fn insert(&self, key: K, value: V) {
                $write(self).insert(key, value);
            }
            fn lookup(&self, key: &K) -> Option<V> {
                $read(self).get(key).cloned()
            }
        }

        impl Counters for $lock<Hashed<u64, u64>> {
            fn add_one(&self, key: u64) {
                *$write(self).get_mut(&key).expect("the row is there") += 1;
            }
        }

        impl Batches for $lock<Hashed<u64, u64>> {
            fn insert_all(&self, rows: [(u64, u64); BATCH]) {
                $write(self).extend(rows);
            }
        }

        impl Rows<u64, u64> for $lock<BTreeMap<u64, u64>> {
            fn new() -> Self {
                Self::new(BTreeMap::new())
            }
            fn insert(&self, key: u64, value: u64) {
                $write(self).insert(key, value);
            }
            fn lookup(&self, key: &u64) -> Option<u64> {
                $read(self).get(key).copied()
            }
        }

        impl Ranges for $lock<BTreeMap<u64, u64>> {
            fn range(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
                let range = (Bound::Included(from), Bound::Excluded(to));
                $read(self).range(range).map(|(key, value)| (*key, *value)).collect()
            }
        }
    };
}

fn std_read<M>(lock: &Std<M>) -> std::sync::RwLockReadGuard<'_, M> {
    lock.read().expect("nobody panics")
}

fn std_write<M>(lock: &Std<M>) -> std::sync::RwLockWriteGuard<'_, M> {
    lock.write().expect("nobody panics")
}

fn parking_lot_read<M>(lock: &ParkingLot<M>) -> parking_lot::RwLockReadGuard<'_, M> {
    lock.read()
}

fn parking_lot_write<M>(lock: &ParkingLot<M>) -> parking_lot::RwLockWriteGuard<'_, M> {
    lock.write()
}

behind_a_lock!(Std, std_read, std_write);
behind_a_lock!(ParkingLot, parking_lot_read, parking_lot_write);
