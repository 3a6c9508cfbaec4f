//! The process table: from a pid to its erased cell. Signals and questions pass through it, messages never do.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::cell::AnyCell;
use crate::pid::Pid;
use crate::sync::{Arc, RwLock, made_once, shards};

const SHARDS: usize = shards(64);

/// Consecutive pids go to different shards; each shard on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Shard(RwLock<HashMap<u64, Arc<AnyCell>, BuildHasherDefault<Spread>>>);

made_once! {
    static TABLE: Box<[Shard]> = (0..SHARDS).map(|_| Shard::default()).collect();
}

/// Pids are unique numbers already: one multiplication spreads them over all bits.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the table's keys are u64")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

fn shard(pid: Pid) -> &'static Shard {
    &TABLE[pid.number() as usize % SHARDS]
}

pub(crate) fn insert(cell: Arc<AnyCell>) {
    let pid = cell.head.pid;
    shard(pid).0.write().insert(pid.number(), cell);
}

pub(crate) fn remove(pid: Pid) {
    // The last reference may be this one: let it go outside the lock.
    let cell = shard(pid).0.write().remove(&pid.number());
    drop(cell);
}

pub(crate) fn get(pid: Pid) -> Option<Arc<AnyCell>> {
    shard(pid).0.read().get(&pid.number()).cloned()
}

/// Whether a process is in the table. Unlike `get`, it never holds a reference that may be the last.
pub(crate) fn contains(pid: Pid) -> bool {
    shard(pid).0.read().contains_key(&pid.number())
}

/// The live processes, shard by shard: not a snapshot, and no lock is held for longer than one shard takes.
pub(crate) fn pids() -> Vec<Pid> {
    let mut pids = Vec::new();
    for shard in TABLE.iter() {
        pids.extend(shard.0.read().values().map(|cell| cell.head.pid));
    }
    pids.sort_unstable();
    pids
}
