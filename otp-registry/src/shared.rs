//! [`Shared`]: what all handles of one registry share, and what happens to it as its processes start and end.
//!
//! Order of locks: a partition's turnover, the entries of one process, one shard of the table. None is held while user code runs that is not
//! a key's or value's own, nor while a process is linked or told something.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use otp_core::behaviour::{InitError, is_dying};
use otp_core::process::{self, HookError};
use otp_core::{Pid, ProcessName};
use otp_supervisor::{Strategy, Supervisor, SupervisorSpec};
use parking_lot::{Mutex, RwLock};

use crate::error::{NotRunning, RegisterError, WhereisError};
use crate::event::{Event, Listener};
use crate::keys::{Key, Keys, Value};
use crate::locks::Locks;
use crate::meta::Meta;
use crate::owners::Owners;
use crate::partition::Partition;
use crate::storage::{Slot as _, Storage};
use crate::table::{Parting, Removed, Table};
use crate::under_lock::UnderLock;

pub(crate) type SlotOf<V, M> = <M as Storage>::Slot<V>;

pub(crate) struct Shared<K: Key, V: Value, M: Keys> {
    pub(crate) name: ProcessName,
    /// Its supervisor lives.
    running: AtomicBool,
    pub(crate) table: Table<K, SlotOf<V, M>, V>,
    /// The number of each partition's process; 0 while there is none.
    partitions: Box<[AtomicU64]>,
    /// Held while a partition begins or ends: one of before must not take out what is the next one's.
    turnover: Mutex<()>,
    pub(crate) owners: Owners,
    pub(crate) meta: Meta,
    pub(crate) locks: Locks<K>,
    pub(crate) listeners: Vec<Listener<K, V>>,
}

/// The registries that run.
static RUNNING: LazyLock<RwLock<HashMap<ProcessName, Arc<dyn Any + Send + Sync>>>> =
    LazyLock::new(RwLock::default);

/// The supervisor was started under another name than the registry's: nobody would find it.
#[derive(Debug)]
struct OtherName;

impl fmt::Display for OtherName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a registry is started under its own name")
    }
}

impl std::error::Error for OtherName {}

impl<K: Key, V: Value, M: Keys> Shared<K, V, M> {
    pub(crate) fn new(name: ProcessName, parting: Parting) -> Self {
        Self {
            name,
            running: AtomicBool::new(false),
            table: Table::new(parting),
            partitions: (0..parting.partitions).map(|_| AtomicU64::new(0)).collect(),
            turnover: Mutex::default(),
            owners: Owners::new(),
            meta: Meta::default(),
            locks: Locks::new(),
            listeners: Vec::new(),
        }
    }

    /// The same with other partitions, before it was ever started.
    pub(crate) fn set_parting(&mut self, parting: Parting) {
        self.table = Table::new(parting);
        self.partitions = (0..parting.partitions).map(|_| AtomicU64::new(0)).collect();
    }

    pub(crate) fn find(name: &str) -> Result<Arc<Self>, WhereisError> {
        let found = RUNNING.read().get(name).map(Arc::clone).ok_or(WhereisError::NotRunning)?;
        found.downcast().map_err(|_| WhereisError::WrongType)
    }

    #[inline]
    pub(crate) fn check_running(&self) -> Result<(), NotRunning> {
        if self.running.load(Ordering::Acquire) { Ok(()) } else { Err(NotRunning) }
    }

    /// The processes of the registry, to be started.
    pub(crate) fn supervisor(self: &Arc<Self>) -> SupervisorSpec {
        let shared = Arc::clone(self);
        Supervisor::init(move || shared.open())
    }

    /// Runs inside the supervisor, when it starts.
    fn open(self: &Arc<Self>) -> Result<SupervisorSpec, InitError> {
        let supervisor = process::whereis(&self.name).filter(|&pid| process::current() == Some(pid));
        let supervisor = supervisor.ok_or(OtherName)?;
        // First the hook: nothing stays behind. It runs before the name is free, so that no other supervisor is there yet.
        let shared = Arc::clone(self);
        process::on_exit(supervisor, move |_, _| shared.close())?;
        self.meta.start();
        let running: Arc<dyn Any + Send + Sync> = Arc::<Self>::clone(self);
        RUNNING.write().insert(self.name.clone(), running);
        self.running.store(true, Ordering::Release);
        let parting = self.table.parting;
        // Where an entry's key and its process lead to different partitions, none can go alone.
        let strategy = if parting.by_key { Strategy::OneForAll } else { Strategy::OneForOne };
        let spec = match strategy {
            Strategy::OneForAll => Supervisor::one_for_all(),
            _ => Supervisor::one_for_one(),
        };
        Ok(spec.children((0..parting.partitions).map(|number| Partition::spec(self, number))))
    }

    /// The supervisor has died. Its partitions have, or are about to: each takes its entries along.
    fn close(&self) {
        self.running.store(false, Ordering::Release);
        let running = RUNNING.write().remove(&self.name);
        drop(running);
        self.meta.end();
    }

    /// A partition's process begins.
    pub(crate) fn open_partition(self: &Arc<Self>, number: usize, pid: Pid) -> Result<(), HookError> {
        let shared = Arc::clone(self);
        process::on_exit(pid, move |_, _| shared.close_partition(number, pid))?;
        // After a supervisor that was killed, the one before may still be there.
        let turnover = self.turnover.lock();
        self.partitions[number].store(0, Ordering::SeqCst);
        let removed = self.clear(number);
        self.partitions[number].store(pid.number(), Ordering::SeqCst);
        drop(turnover);
        drop(removed);
        Ok(())
    }

    fn close_partition(&self, number: usize, pid: Pid) {
        let turnover = self.turnover.lock();
        let partition = &self.partitions[number];
        let ours = partition.compare_exchange(pid.number(), 0, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        let removed = ours.then(|| self.clear(number));
        drop(turnover);
        drop(removed);
    }

    /// Takes out whatever is in a partition that is closed: who registers now is refused, or has done so before the lock
    /// of its shard was taken here. To be dropped when nothing is locked.
    fn clear(&self, number: usize) -> Removed<K, SlotOf<V, M>, V> {
        let mut removed = Removed::new();
        self.table.clear(number, &mut removed);
        let parting = self.table.parting;
        self.owners.forget(|pid, hash| parting.of_entry(hash, pid) == number);
        removed
    }

    fn partition(&self, number: usize) -> Option<u64> {
        Some(self.partitions[number].load(Ordering::SeqCst)).filter(|&number| number != 0)
    }

    /// The process of the partition that a process is linked to.
    pub(crate) fn partition_of(&self, pid: Pid) -> Option<Pid> {
        self.partition(self.table.parting.of_process(pid)).and_then(Pid::from_number)
    }

    /// Registers a process. `link` links it with its partition.
    pub(crate) fn enter(
        self: &Arc<Self>,
        me: Pid,
        key: K,
        value: V,
        link: impl FnOnce(Pid),
        unlink: impl FnOnce(Pid),
    ) -> Result<Pid, RegisterError> {
        UnderLock::refuse();
        self.check_running()?;
        if process::current() == Some(me) && is_dying() {
            return Err(RegisterError::Dying);
        }
        let parting = self.table.parting;
        let partition = self.partition_of(me).ok_or(RegisterError::NotRunning)?;
        let hash = self.table.hash(&key);
        let event = (!self.listeners.is_empty())
            .then(|| Event::registered(self.name.clone(), key.clone(), me, value.clone()));
        link(partition);
        // Also if the key's `Eq` panics.
        let linked = Linked { owners: &self.owners, me, unlink: Some(|| unlink(partition)) };

        let mut owners = self.owners.lock(me);
        let outcome = if !owners.contains_key(&me) && self.add_hook(me).is_err() {
            Err((RegisterError::Dying, None))
        } else {
            let hashes = owners.entry(me).or_default();
            let in_partition = parting.of_entry(hash, me);
            // Under the shard's lock; see `clear`.
            let open = || {
                self.partition(parting.of_process(me)) == Some(partition.number())
                    && self.partition(in_partition).is_some()
            };
            match self.table.insert(hash, key, me, value, open) {
                Ok(()) => {
                    hashes.add(hash);
                    Ok(())
                }
                Err(refusal) => {
                    let error =
                        refusal.holder.map_or(RegisterError::NotRunning, RegisterError::AlreadyRegistered);
                    Err((error, Some(refusal)))
                }
            }
        };
        drop(owners);
        match outcome {
            Ok(()) => {
                linked.stays();
                if let Some(event) = event {
                    self.tell(&event);
                }
                Ok(partition)
            }
            Err((error, refusal)) => {
                drop(linked);
                drop(refusal);
                Err(error)
            }
        }
    }

    /// Has a process's entries go with it. Once in its life: it is among the owners from then on.
    fn add_hook(self: &Arc<Self>, me: Pid) -> Result<(), HookError> {
        let shared = Arc::clone(self);
        process::on_exit(me, move |pid, _| shared.leave(pid))
    }

    /// A process has died.
    fn leave(&self, pid: Pid) {
        let hashes = self.owners.remove(pid);
        let mut removed = Removed::new();
        for hash in hashes.map_or_else(Vec::new, |hashes| hashes.distinct()) {
            self.table.remove_hash(hash, pid, &mut removed);
        }
        drop(removed);
    }

    /// Takes entries of the current process under a key out: those that `remove` does.
    pub(crate) fn withdraw<Q: Hash + ?Sized>(
        &self,
        me: Pid,
        remove: impl FnOnce(u32, &mut Removed<K, SlotOf<V, M>, V>) -> usize,
        key: &Q,
    ) {
        let hash = self.table.hash(key);
        let mut removed = Removed::new();
        let mut owners = self.owners.lock(me);
        let Some(hashes) = owners.get_mut(&me) else { return };
        let count = remove(hash, &mut removed);
        let last = count > 0 && {
            hashes.remove(hash, count);
            hashes.is_empty()
        };
        drop(owners);
        if last && let Some(partition) = self.partition_of(me) {
            // It is the current process, which does nothing else meanwhile.
            let _ = process::unlink(partition);
        }
        drop(removed);
    }

    /// The values under a key, one partition's after the other.
    pub(crate) fn collect<Q>(&self, key: &Q) -> Vec<Vec<(Pid, V)>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut parts = Vec::new();
        self.table.for_each_slot(key, |slot| {
            let mut part = Vec::with_capacity(slot.len());
            slot.each(|pid, value| part.push((pid, value.clone())));
            parts.push(part);
        });
        parts
    }

    pub(crate) fn tell(&self, event: &Event<K, V>) {
        for listener in &self.listeners {
            listener.tell(event);
        }
    }
}

/// The link of a process to its partition while it registers. Dropped, the process is unlinked if it has no entry.
struct Linked<'a, F: FnOnce()> {
    owners: &'a Owners,
    me: Pid,
    unlink: Option<F>,
}

impl<F: FnOnce()> Linked<'_, F> {
    fn stays(mut self) {
        self.unlink = None;
    }
}

impl<F: FnOnce()> Drop for Linked<'_, F> {
    fn drop(&mut self) {
        let Some(unlink) = self.unlink.take() else { return };
        let has_entries = self.owners.lock(self.me).get(&self.me).is_some_and(|hashes| !hashes.is_empty());
        if !has_entries {
            unlink();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use otp_core::{Mailbox, process, spawn};

    use super::Shared;
    use crate::error::RegisterError;
    use crate::keys::Unique;
    use crate::table::Parting;

    #[otp_core::test(start_paused = true)]
    async fn a_partition_of_before_that_ends_late_does_no_harm_to_the_next() {
        let shared = Arc::new(Shared::<u8, (), Unique>::new("late".into(), Parting::new(1, true)));
        shared.running.store(true, super::Ordering::Release);
        let me = process::current().expect("a test is a process");
        let enter = |key| shared.enter(me, key, (), |_| {}, |_| {});
        let partition = || spawn(|_: Mailbox<()>| pending::<()>()).pid();
        let (old, new) = (partition(), partition());
        assert_eq!(enter(1), Err(RegisterError::NotRunning), "there is no partition yet");
        shared.open_partition(0, old).expect("it lives");
        assert_eq!(enter(1), Ok(old));
        shared.open_partition(0, new).expect("it lives");
        assert_eq!(shared.table.len(), 0, "its entries are gone");
        assert_eq!(enter(2), Ok(new));
        shared.close_partition(0, old);
        assert_eq!(enter(3), Ok(new));
        assert_eq!(shared.table.len(), 2);
        shared.close_partition(0, new);
        assert_eq!(shared.table.len(), 0);
        assert_eq!(enter(4), Err(RegisterError::NotRunning));
    }
}
