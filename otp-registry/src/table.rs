//! [`Table`]: the keys and what stands under them, in shards with a lock each.
//!
//! A look-up takes the read lock of one shard, and nothing else. User code under a lock is `Eq`, `Hash` and `Clone` of keys and values,
//! and the closures that the public documentation says it of; what is removed is dropped unlocked.

use std::borrow::Borrow;
use std::hash::Hash;
use std::marker::PhantomData;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;
use otp_core::Pid;
use otp_core::behaviour::catch;
use parking_lot::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard};

use crate::storage::{Slot, Taken};
use crate::under_lock::UnderLock;

/// Shards of a table with few partitions: enough for look-ups from many threads to rarely meet.
const SHARDS: usize = 64;

pub(crate) struct Entry<K, S> {
    pub(crate) key: K,
    pub(crate) slot: S,
}

/// Two cache lines each, so that two locks never share one, nor a pair that the processor fetches together.
#[repr(align(128))]
struct Shard<K, S>(RwLock<HashTable<Entry<K, S>>>);

pub(crate) struct Table<K, S, V> {
    hasher: RandomState,
    shards: Box<[Shard<K, S>]>,
    pub(crate) parting: Parting,
    value: PhantomData<fn() -> V>,
}

/// What belongs to which partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parting {
    pub(crate) partitions: usize,
    /// A key is in the partition of its hash, as opposed to that of the process.
    pub(crate) by_key: bool,
    /// Shards of a partition.
    shards: usize,
}

impl Parting {
    pub(crate) fn new(partitions: usize, by_key: bool) -> Self {
        Self { partitions, by_key, shards: SHARDS.div_ceil(partitions) }
    }

    /// The shard of a key, counted through all partitions.
    #[inline]
    fn shard_of_key(self, hash: u32) -> usize {
        reduce(hash, self.partitions * self.shards)
    }

    fn shard(self, hash: u32, pid: Pid) -> usize {
        if self.by_key {
            self.shard_of_key(hash)
        } else {
            self.of_process(pid) * self.shards + reduce(hash, self.shards)
        }
    }

    /// All shards that a key may be in: one of each partition, or one.
    fn shards(self, hash: u32) -> impl Iterator<Item = usize> {
        let (first, step, count) = if self.by_key {
            (self.shard_of_key(hash), 1, 1)
        } else {
            (reduce(hash, self.shards), self.shards, self.partitions)
        };
        (0..count).map(move |n| first + n * step)
    }

    fn of_shard(self, shard: usize) -> usize {
        shard / self.shards
    }

    /// The partition that a process is linked to.
    pub(crate) fn of_process(self, pid: Pid) -> usize {
        reduce(high(pid.number().wrapping_mul(SPREAD)), self.partitions)
    }

    /// The partition that an entry is in.
    pub(crate) fn of_entry(self, hash: u32, pid: Pid) -> usize {
        self.of_shard(self.shard(hash, pid))
    }
}

const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

fn high(wide: u64) -> u32 {
    u32::try_from(wide >> 32).unwrap_or(u32::MAX)
}

/// A hash as a number below `below`, by its high bits.
#[inline]
fn reduce(hash: u32, below: usize) -> usize {
    ((u64::from(hash) * below as u64) >> 32) as usize
}

/// The hash as the tables want it: 32 bits spread over 64.
#[inline]
fn wide(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(SPREAD)
}

/// There is room: see [`Table::rebuild`].
fn no_rehash<K, S>(_: &Entry<K, S>) -> u64 {
    unreachable!("a table grows when it is told to")
}

/// What was taken out, to be dropped when nothing is locked any more.
pub(crate) struct Removed<K, S, V> {
    entries: Vec<Entry<K, S>>,
    tables: Vec<HashTable<Entry<K, S>>>,
    values: Vec<V>,
}

impl<K, S, V> Removed<K, S, V> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), tables: Vec::new(), values: Vec::new() }
    }
}

impl<K, S, V> Drop for Removed<K, S, V> {
    /// One that panics keeps no other.
    fn drop(&mut self) {
        let mut panic = None;
        let mut note = |outcome: Result<(), _>| panic = panic.take().or(outcome.err());
        for entry in self.entries.drain(..).chain(self.tables.drain(..).flatten()) {
            note(catch(|| drop(entry)));
        }
        for value in self.values.drain(..) {
            note(catch(|| drop(value)));
        }
        if let Some(reason) = panic {
            tracing::error!(target: "otp::registry", %reason, "the destructor of a registry's key or value panicked");
        }
    }
}

impl<K: Eq + Hash, S: Slot<V>, V> Table<K, S, V> {
    pub(crate) fn new(parting: Parting) -> Self {
        let shards = std::iter::repeat_with(|| Shard(RwLock::new(HashTable::new())));
        Self {
            hasher: RandomState::new(),
            shards: shards.take(parting.partitions * parting.shards).collect(),
            parting,
            value: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u32 {
        high(self.hasher.hash_one(key))
    }

    /// A closure under a read lock may look up: it must not wait behind a writer that waits for it. Everybody else does, or
    /// readers that overlap would keep all writers out.
    #[inline]
    fn read(&self, shard: usize) -> RwLockReadGuard<'_, HashTable<Entry<K, S>>> {
        let lock = &self.shards[shard].0;
        if UnderLock::is_held() { lock.read_recursive() } else { lock.read() }
    }

    /// What a key that is in one shard alone has.
    #[inline]
    pub(crate) fn with<Q, R>(&self, key: &Q, f: impl FnOnce(&S) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let shard = self.read(self.parting.shard_of_key(hash));
        shard.find(wide(hash), |entry| entry.key.borrow() == key).map(|entry| f(&entry.slot))
    }

    /// What a key has, partition by partition.
    pub(crate) fn for_each_slot<Q>(&self, key: &Q, mut f: impl FnMut(&S))
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        for shard in self.parting.shards(hash) {
            if let Some(entry) = self.read(shard).find(wide(hash), |entry| entry.key.borrow() == key) {
                f(&entry.slot);
            }
        }
    }

    /// What a key has where the entries of a process are.
    pub(crate) fn with_slot_of<Q, R>(&self, pid: Pid, key: &Q, f: impl FnOnce(&S) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let shard = self.read(self.parting.shard(hash, pid));
        shard.find(wide(hash), |entry| entry.key.borrow() == key).map(|entry| f(&entry.slot))
    }

    /// As `with_slot_of`, to change it.
    pub(crate) fn change_slot_of<Q, R>(&self, pid: Pid, key: &Q, f: impl FnOnce(&mut S) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.hash(key);
        let mut shard = self.shards[self.parting.shard(hash, pid)].0.write();
        shard.find_mut(wide(hash), |entry| entry.key.borrow() == key).map(|entry| f(&mut entry.slot))
    }

    /// All entries, shard by shard: no snapshot of the whole.
    pub(crate) fn for_each(&self, mut f: impl FnMut(&Entry<K, S>)) {
        for shard in 0..self.shards.len() {
            self.read(shard).iter().for_each(&mut f);
        }
    }

    /// The entries of a process under keys with this hash.
    pub(crate) fn for_each_of(&self, hash: u32, pid: Pid, mut f: impl FnMut(&Entry<K, S>)) {
        let shard = self.read(self.parting.shard(hash, pid));
        let candidates = shard.iter_hash(wide(hash)).filter(|entry| entry.slot.has(pid));
        candidates.filter(|entry| self.hash(&entry.key) == hash).for_each(&mut f);
    }

    /// Adds an entry, if `open` says so under the shard's lock, and the key admits it.
    pub(crate) fn insert(
        &self,
        hash: u32,
        key: K,
        pid: Pid,
        value: V,
        open: impl FnOnce() -> bool,
    ) -> Result<(), Refusal<K, V>> {
        let mut shard = self.shards[self.parting.shard(hash, pid)].0.write();
        if !open() {
            return Err(Refusal { holder: None, _unused: (key, value) });
        }
        if shard.len() == shard.capacity() {
            self.rebuild(&mut shard);
        }
        match shard.entry(wide(hash), |entry| entry.key == key, no_rehash) {
            Place::Occupied(mut place) => match place.get().slot.admits() {
                Err(holder) => return Err(Refusal { holder: Some(holder), _unused: (key, value) }),
                Ok(()) => {
                    place.get_mut().slot.add(pid, value);
                    drop(shard);
                    // The same key is there.
                    drop(key);
                }
            },
            Place::Vacant(place) => {
                place.insert(Entry { key, slot: S::new(pid, value) });
            }
        }
        Ok(())
    }

    /// Takes the entries of a process out that stand under a key.
    pub(crate) fn remove<Q>(&self, hash: u32, key: &Q, pid: Pid, removed: &mut Removed<K, S, V>) -> usize
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut shard = self.shards[self.parting.shard(hash, pid)].0.write();
        self.take(&mut shard, hash, pid, |entry| entry.key.borrow() == key, |_| true, removed)
    }

    /// As `remove`, those that `unwanted` is true for. It is asked under a lock that others can read under, and itself too.
    pub(crate) fn remove_matching<Q>(
        &self,
        hash: u32,
        key: &Q,
        pid: Pid,
        mut unwanted: impl FnMut(&V) -> bool,
        removed: &mut Removed<K, S, V>,
    ) -> usize
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let shard = self.shards[self.parting.shard(hash, pid)].0.upgradable_read();
        let mut answers = Vec::new();
        if let Some(entry) = shard.find(wide(hash), |entry| entry.key.borrow() == key) {
            let _under_lock = UnderLock::enter();
            entry.slot.of(pid, |value| answers.push(unwanted(value)));
        }
        if !answers.contains(&true) {
            return 0;
        }
        // Nobody has written in between: the values come in the same order.
        let mut shard = RwLockUpgradableReadGuard::upgrade(shard);
        let mut answers = answers.into_iter();
        let here = |entry: &Entry<K, S>| entry.key.borrow() == key;
        self.take(&mut shard, hash, pid, here, |_| answers.next().unwrap_or(false), removed)
    }

    /// Takes all entries of a process out that stand under keys with this hash. Some others of that process may go along: all are
    /// to go.
    pub(crate) fn remove_hash(&self, hash: u32, pid: Pid, removed: &mut Removed<K, S, V>) {
        let of_pid = |entry: &Entry<K, S>| entry.slot.has(pid);
        let shard = &self.shards[self.parting.shard(hash, pid)].0;
        while self.take(&mut shard.write(), hash, pid, of_pid, |_| true, removed) > 0 {}
    }

    fn take(
        &self,
        shard: &mut HashTable<Entry<K, S>>,
        hash: u32,
        pid: Pid,
        here: impl FnMut(&Entry<K, S>) -> bool,
        unwanted: impl FnMut(&V) -> bool,
        removed: &mut Removed<K, S, V>,
    ) -> usize {
        let Ok(mut place) = shard.find_entry(wide(hash), here) else { return 0 };
        let Taken { count, emptied } = place.get_mut().slot.take(pid, unwanted, &mut removed.values);
        if emptied {
            removed.entries.push(place.remove().0);
            if shard.len() * 8 < shard.capacity() && shard.capacity() > 64 {
                // If a key's hash panics, the table stays as large as it is.
                let _ = catch(|| self.rebuild(shard));
            }
        }
        count
    }

    /// Makes room for half as many entries again as there are. The hashes are not kept: an entry of a unique text is 32 bytes
    /// so, and two of them a cache line. All keys are asked before anything changes: one that panics leaves the table whole.
    fn rebuild(&self, table: &mut HashTable<Entry<K, S>>) {
        let hashes: Vec<u64> = table.iter().map(|entry| wide(self.hash(&entry.key))).collect();
        let mut larger = HashTable::with_capacity((table.len() + 2) * 3 / 2);
        for (hash, entry) in hashes.into_iter().zip(table.drain()) {
            larger.insert_unique(hash, entry, no_rehash);
        }
        *table = larger;
    }

    /// Takes out whatever is in a partition.
    pub(crate) fn clear(&self, partition: usize, removed: &mut Removed<K, S, V>) {
        for (n, shard) in self.shards.iter().enumerate() {
            if self.parting.of_shard(n) == partition {
                removed.tables.push(std::mem::take(&mut *shard.0.write()));
            }
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        let mut len = 0;
        self.for_each(|entry| len += entry.slot.len());
        len
    }
}

/// Why [`Table::insert`] did not: the key's holder, or nobody if the table is not open. Dropped when nothing is locked.
pub(crate) struct Refusal<K, V> {
    pub(crate) holder: Option<Pid>,
    _unused: (K, V),
}
