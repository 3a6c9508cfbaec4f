//! [`Owners`]: which process has entries, by the hashes of their keys, so that they can be found when it dies.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use otp_core::Pid;
use parking_lot::{Mutex, MutexGuard};

const SHARDS: usize = 64;

/// A process stays in here from its first registration to its death: it has its exit hook.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct OwnerShard(Mutex<HashMap<Pid, Hashes, BuildHasherDefault<Spread>>>);

pub(crate) struct Owners(Box<[OwnerShard]>);

/// The lock of a process's entries is held while they change: its death waits for that, and then finds all of them.
pub(crate) type OwnerGuard<'a> = MutexGuard<'a, HashMap<Pid, Hashes, BuildHasherDefault<Spread>>>;

impl Owners {
    pub(crate) fn new() -> Self {
        Self(std::iter::repeat_with(OwnerShard::default).take(SHARDS).collect())
    }

    pub(crate) fn lock(&self, pid: Pid) -> OwnerGuard<'_> {
        let shard = usize::try_from(pid.number() % SHARDS as u64).unwrap_or(0);
        self.0[shard].0.lock()
    }

    /// Takes a process out, with the hashes of its keys.
    pub(crate) fn remove(&self, pid: Pid) -> Option<Hashes> {
        let mut shard = self.lock(pid);
        let hashes = shard.remove(&pid);
        // What a crowd needed is given back as it goes.
        if shard.len() * 8 < shard.capacity() && shard.capacity() > 64 {
            let room = shard.len() * 2;
            shard.shrink_to(room);
        }
        hashes
    }

    /// Has all processes forget entries.
    pub(crate) fn forget(&self, mut gone: impl FnMut(Pid, u32) -> bool) {
        for shard in &self.0 {
            for (&pid, hashes) in shard.0.lock().iter_mut() {
                hashes.retain(|hash| !gone(pid, hash));
            }
        }
    }
}

/// The hashes of one process's keys, one for each entry: a short list for most, counted for one with many.
#[expect(clippy::box_collection, reason = "so that the others take 24 bytes")]
#[derive(Debug)]
pub(crate) enum Hashes {
    Few(Vec<u32>),
    Many(Box<HashMap<u32, usize, ahash::RandomState>>),
}

impl Default for Hashes {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Hashes {
    const FEW: usize = 16;

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(list) => list.is_empty(),
            Self::Many(counts) => counts.is_empty(),
        }
    }

    pub(crate) fn add(&mut self, hash: u32) {
        match self {
            Self::Few(list) if list.len() < Self::FEW => list.push(hash),
            Self::Few(list) => {
                let mut counts = Box::<HashMap<_, _, _>>::default();
                for hash in list.drain(..).chain([hash]) {
                    *counts.entry(hash).or_default() += 1;
                }
                *self = Self::Many(counts);
            }
            Self::Many(counts) => *counts.entry(hash).or_default() += 1,
        }
    }

    /// Forgets so many entries with this hash.
    pub(crate) fn remove(&mut self, hash: u32, mut count: usize) {
        match self {
            Self::Few(list) => list.retain(|&other| {
                let gone = other == hash && count > 0;
                count -= usize::from(gone);
                !gone
            }),
            Self::Many(counts) => {
                if let Some(present) = counts.get_mut(&hash) {
                    *present = present.saturating_sub(count);
                    if *present == 0 {
                        counts.remove(&hash);
                    }
                }
            }
        }
        // What many keys needed is given back with the last of them.
        if self.is_empty() {
            *self = Self::default();
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        match self {
            Self::Few(list) => list.retain(|&hash| keep(hash)),
            Self::Many(counts) => counts.retain(|&hash, _| keep(hash)),
        }
    }

    /// Each hash once.
    pub(crate) fn distinct(&self) -> Vec<u32> {
        match self {
            Self::Few(list) => {
                let mut hashes = list.clone();
                hashes.sort_unstable();
                hashes.dedup();
                hashes
            }
            Self::Many(counts) => counts.keys().copied().collect(),
        }
    }
}

/// Pids are unique numbers already: one multiplication spreads them over all bits.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are pids")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    use super::Hashes;

    #[test]
    fn hashes_are_counted_alike_few_or_many() {
        for copies in [1, 10] {
            let mut hashes = Hashes::default();
            for hash in (0..4).flat_map(|hash| std::iter::repeat_n(hash, copies)) {
                hashes.add(hash);
            }
            assert_eq!(matches!(hashes, Hashes::Many(_)), copies > 1);
            hashes.remove(2, copies - 1);
            let distinct = |hashes: &Hashes| {
                let mut distinct = hashes.distinct();
                distinct.sort_unstable();
                distinct
            };
            assert_eq!(distinct(&hashes), [0, 1, 2, 3], "one of each is left at least");
            hashes.remove(2, 1);
            hashes.remove(7, 1);
            hashes.retain(|hash| hash != 0);
            assert_eq!(distinct(&hashes), [1, 3]);
            hashes.remove(1, copies);
            assert!(!hashes.is_empty());
            hashes.remove(3, copies);
            assert!(hashes.is_empty());
            assert!(matches!(hashes, Hashes::Few(_)));
        }
    }
}
