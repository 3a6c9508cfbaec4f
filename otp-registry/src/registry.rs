//! [`Registry`]: the handle, how it is started, and what works alike for unique and duplicate keys.

use std::any::Any;
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use otp_core::{ChildSpec, IntoChildSpec, NotAProcess, Pid, ProcessName, StartedChild, process};
use otp_genserver::{GenServer, Name, ServerRef, Start};
use otp_supervisor::Supervisor;

use crate::error::{MetaError, NotRunning, RegisterError, UnregisterError, WhereisError};
use crate::event::{Event, Listener};
use crate::keys::{Key, Keys, Unique, Value};
use crate::owners::Hashes;
use crate::shared::{Shared, SlotOf};
use crate::storage::Slot as _;
use crate::table::{Entry, Parting};
use crate::under_lock::UnderLock;

/// Processes found by key. Each entry belongs to the process that registered it, and is gone before anyone hears of that
/// process's death.
///
/// This is a handle: cheap to clone, and the same one before the registry is started, while it runs, and after its supervisor
/// has started it again. While it does not run, every operation answers [`NotRunning`] in its own error type.
///
/// Keys are [`Unique`] or [`Duplicate`](crate::Duplicate): the third parameter says so, and what makes no sense for one of them
/// is not there.
///
/// # Examples
///
/// ```
/// use otp_registry::{Registry, RegisterError};
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let me = otp_core::process::current().expect("main is a process");
/// let rooms: Registry<String, u32> = Registry::unique("doc rooms");
/// rooms.start_link().await?;
/// rooms.register("lobby".to_owned(), 1)?;
/// assert_eq!(rooms.lookup("lobby")?, Some((me, 1)));
/// assert_eq!(rooms.register("lobby".to_owned(), 2), Err(RegisterError::AlreadyRegistered(me)));
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// Elixir's `Registry`. Options are methods before the start; patterns and guards are closures.
pub struct Registry<K: Key, V: Value = (), M: Keys = Unique> {
    pub(crate) shared: Arc<Shared<K, V, M>>,
}

impl<K: Key, V: Value, M: Keys> Registry<K, V, M> {
    pub(crate) fn of_kind(name: impl Into<ProcessName>, by_key: bool) -> Self {
        Self { shared: Arc::new(Shared::new(name.into(), Parting::new(1, by_key))) }
    }

    /// # Panics
    ///
    /// If there is another handle already.
    #[track_caller]
    pub(crate) fn options(&mut self) -> &mut Shared<K, V, M> {
        Arc::get_mut(&mut self.shared)
            .expect("the options of a registry are set before its handle is cloned or it is started")
    }

    /// With so many partitions: 1 by default. Each is a process, that its registrants are linked to, and one call of
    /// `dispatch`. Look-ups and registrations are spread over many locks also with one.
    ///
    /// # Panics
    ///
    /// For zero, or if the handle was cloned or the registry started before.
    #[must_use]
    #[track_caller]
    pub fn partitions(mut self, partitions: usize) -> Self {
        assert!(partitions > 0, "a registry needs a partition");
        let shared = self.options();
        shared.set_parting(Parting::new(partitions, shared.table.parting.by_key));
        self
    }

    /// Tells the server of this name, whichever it is at the time, of each registration and each call of `unregister`. May be
    /// given several times.
    ///
    /// # Panics
    ///
    /// If the handle was cloned or the registry started before.
    #[must_use]
    #[track_caller]
    pub fn listener<S: GenServer<Info: From<Event<K, V>>>>(mut self, name: impl Into<Name<S>>) -> Self {
        self.options().listeners.push(Listener::server(name.into()));
        self
    }

    /// As [`listener`](Self::listener), for a process that is no server and takes messages `T`.
    ///
    /// # Panics
    ///
    /// If the handle was cloned or the registry started before.
    #[must_use]
    #[track_caller]
    pub fn process_listener<T: From<Event<K, V>> + Send + 'static>(
        mut self,
        name: impl Into<ProcessName>,
    ) -> Self {
        self.options().listeners.push(Listener::process::<T>(name.into()));
        self
    }

    /// With this metadata at each start.
    ///
    /// # Panics
    ///
    /// If the handle was cloned or the registry started before.
    #[must_use]
    #[track_caller]
    pub fn initial_meta<T: Any + Send + Sync>(mut self, key: impl Into<Cow<'static, str>>, value: T) -> Self {
        self.options().meta.initial.push((key.into(), Arc::new(value)));
        self
    }

    /// The running registry of this name.
    ///
    /// # Errors
    ///
    /// [`WhereisError`]: there is none, or it has other types.
    pub fn whereis(name: &str) -> Result<Self, WhereisError> {
        Ok(Self { shared: Shared::find(name)? })
    }

    /// The registry's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.check_running().is_ok()
    }

    /// Starts the registry, linked to the current process: a supervisor, registered under the registry's name, with a process
    /// for each partition. It keeps its name: given another one, it does not start.
    ///
    /// The supervisor restarts partitions three times within five seconds, and gives up at the fourth: its own supervisor then
    /// starts the whole registry again. As in Elixir, that cannot be set.
    pub fn start_link(&self) -> Start<Supervisor> {
        self.shared.supervisor().start_link().name(self.shared.name.clone())
    }

    /// As [`start_link`](Self::start_link), without the link.
    pub fn start(&self) -> Start<Supervisor> {
        self.shared.supervisor().start().name(self.shared.name.clone())
    }

    /// Registers the current process under a key, and links it with the partition whose pid this returns.
    ///
    /// The entry goes with the process, before anyone hears of its death, or by [`unregister`](Self::unregister). If the
    /// partition dies, the entry is gone and the process gets its exit signal. Key and value of a refused registration are dropped.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: another process has the key, or this one, and keys are unique; or it is not possible here and now.
    ///
    /// # Panics
    ///
    /// In a closure that runs under a registry's lock.
    ///
    /// # Counterpart
    ///
    /// `Registry.register/3`.
    #[track_caller]
    pub fn register(&self, key: K, value: V) -> Result<Pid, RegisterError> {
        let me = process::current().ok_or(NotAProcess)?;
        // The process is there: it runs this.
        let link = |partition| {
            let _ = process::link(partition);
        };
        let unlink = |partition| {
            let _ = process::unlink(partition);
        };
        self.shared.enter(me, key, value, link, unlink)
    }

    /// Removes the current process's entries under a key. Without one, nothing happens.
    ///
    /// # Errors
    ///
    /// [`UnregisterError`]: the registry does not run, or this is no process.
    ///
    /// # Panics
    ///
    /// In a closure that runs under a registry's lock.
    ///
    /// # Counterpart
    ///
    /// `Registry.unregister/2`.
    #[track_caller]
    pub fn unregister<Q>(&self, key: &Q) -> Result<(), UnregisterError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let me = self.unregistering()?;
        self.shared.withdraw(me, |hash, removed| self.shared.table.remove(hash, key, me, removed), key);
        self.tell_unregistered(me, key);
        Ok(())
    }

    /// Removes those of the current process's entries under a key whose value `unwanted` is true for. Listeners are told if the
    /// process has no entry under the key then, whether it had one before or not.
    ///
    /// The closure runs under a lock: it may look up, and must not change a registry.
    ///
    /// # Errors
    ///
    /// As [`unregister`](Self::unregister).
    ///
    /// # Panics
    ///
    /// As `unwanted` does, and nothing is removed then; or in a closure that runs under a registry's lock.
    ///
    /// # Counterpart
    ///
    /// `Registry.unregister_match/4`.
    #[doc(alias = "unregister_match")]
    #[track_caller]
    pub fn unregister_matching<Q>(
        &self,
        key: &Q,
        mut unwanted: impl FnMut(&V) -> bool,
    ) -> Result<(), UnregisterError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let me = self.unregistering()?;
        // Nobody else changes what this process has; see `withdraw`.
        let mut left = false;
        let ask = |value: &V| {
            let unwanted = unwanted(value);
            left |= !unwanted;
            unwanted
        };
        self.shared.withdraw(
            me,
            |hash, removed| self.shared.table.remove_matching(hash, key, me, ask, removed),
            key,
        );
        if !left {
            self.tell_unregistered(me, key);
        }
        Ok(())
    }

    fn tell_unregistered<Q>(&self, me: Pid, key: &Q)
    where
        Q: ToOwned<Owned = K> + ?Sized,
    {
        if !self.shared.listeners.is_empty() {
            let registry = self.shared.name.clone();
            self.shared.tell(&Event::Unregister { registry, key: key.to_owned(), pid: me });
        }
    }

    #[track_caller]
    fn unregistering(&self) -> Result<Pid, UnregisterError> {
        UnderLock::refuse();
        let me = process::current().ok_or(NotAProcess)?;
        self.shared.check_running()?;
        Ok(me)
    }

    /// The keys of a process, in no order; one that it has several times, several times. In a closure that runs under a
    /// registry's lock it goes through the keys of all processes.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.keys/2`.
    pub fn keys(&self, pid: Pid) -> Result<Vec<K>, NotRunning> {
        self.shared.check_running()?;
        let mut keys = Vec::new();
        let mut add = |entry: &Entry<K, SlotOf<V, M>>| entry.slot.of(pid, |_| keys.push(entry.key.clone()));
        if UnderLock::is_held() {
            // The owners' locks come first; see `shared`.
            self.shared.table.for_each(add);
        } else {
            let hashes = self.shared.owners.lock(pid).get(&pid).map(Hashes::distinct);
            for hash in hashes.unwrap_or_default() {
                self.shared.table.for_each_of(hash, pid, &mut add);
            }
        }
        Ok(keys)
    }

    /// The values of a process under a key.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.values/3`.
    pub fn values<Q>(&self, key: &Q, pid: Pid) -> Result<Vec<V>, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        let mut values = Vec::new();
        self.shared.table.with_slot_of(pid, key, |slot| slot.of(pid, |value| values.push(value.clone())));
        Ok(values)
    }

    /// How many entries there are. Not a snapshot while others register.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.count/1`. It goes through all keys.
    pub fn count(&self) -> Result<usize, NotRunning> {
        self.shared.check_running()?;
        Ok(self.shared.table.len())
    }

    /// The entries under a key that `wanted` is true for. The closure runs when nothing is locked, on copies.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Panics
    ///
    /// As `wanted` does.
    ///
    /// # Counterpart
    ///
    /// `Registry.match/4`.
    #[doc(alias = "match")]
    pub fn matching<Q>(
        &self,
        key: &Q,
        mut wanted: impl FnMut(Pid, &V) -> bool,
    ) -> Result<Vec<(Pid, V)>, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        let mut entries: Vec<(Pid, V)> = self.shared.collect(key).into_iter().flatten().collect();
        entries.retain(|(pid, value)| wanted(*pid, value));
        Ok(entries)
    }

    /// How many [`matching`](Self::matching) would find.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Panics
    ///
    /// As `wanted` does.
    ///
    /// # Counterpart
    ///
    /// `Registry.count_match/4`.
    #[doc(alias = "count_match")]
    pub fn count_matching<Q>(&self, key: &Q, wanted: impl FnMut(Pid, &V) -> bool) -> Result<usize, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.matching(key, wanted).map(|entries| entries.len())
    }

    /// What `pick` makes of the entries, all keys through, in no order. Not a snapshot while others register.
    ///
    /// The closure runs under a lock: it may look up, and must not change a registry. Others who register wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Panics
    ///
    /// As `pick` does.
    ///
    /// # Counterpart
    ///
    /// `Registry.select/2`. Several specs, tried in order, are the arms of a `match`.
    pub fn select<R>(&self, mut pick: impl FnMut(&K, Pid, &V) -> Option<R>) -> Result<Vec<R>, NotRunning> {
        self.shared.check_running()?;
        let _under_lock = UnderLock::enter();
        let mut picked = Vec::new();
        self.shared.table.for_each(|entry| {
            entry.slot.each(|pid, value| picked.extend(pick(&entry.key, pid, value)));
        });
        Ok(picked)
    }

    /// How many entries `wanted` is true for, all keys through. The closure runs as that of [`select`](Self::select).
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Panics
    ///
    /// As `wanted` does.
    ///
    /// # Counterpart
    ///
    /// `Registry.count_select/2`.
    pub fn count_select(&self, mut wanted: impl FnMut(&K, Pid, &V) -> bool) -> Result<usize, NotRunning> {
        self.shared.check_running()?;
        let _under_lock = UnderLock::enter();
        let mut count = 0;
        self.shared.table.for_each(|entry| {
            entry.slot.each(|pid, value| count += usize::from(wanted(&entry.key, pid, value)));
        });
        Ok(count)
    }

    /// Calls `f` with the entries under a key, once for each partition that has any, here and now. The closure runs when
    /// nothing is locked, on copies.
    ///
    /// # Errors
    ///
    /// [`NotRunning`]. Nothing was called then.
    ///
    /// # Panics
    ///
    /// As `f` does.
    ///
    /// # Counterpart
    ///
    /// `Registry.dispatch/4`.
    pub fn dispatch<Q>(&self, key: &Q, mut f: impl FnMut(&[(Pid, V)])) -> Result<(), NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        for part in self.shared.collect(key) {
            f(&part);
        }
        Ok(())
    }

    /// The metadata under a key.
    ///
    /// # Errors
    ///
    /// [`MetaError`]: the registry does not run, or the metadata is no `T`.
    ///
    /// # Counterpart
    ///
    /// `Registry.meta/2`.
    pub fn meta<T: Clone + 'static>(&self, key: &str) -> Result<Option<T>, MetaError> {
        self.shared.check_running()?;
        self.shared.meta.get(key)
    }

    /// Stores metadata, in place of what is there. It goes with the registry's supervisor.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.put_meta/3`.
    pub fn put_meta<T: Any + Send + Sync>(
        &self,
        key: impl Into<Cow<'static, str>>,
        value: T,
    ) -> Result<(), NotRunning> {
        self.shared.check_running()?;
        self.shared.meta.put(key.into(), Arc::new(value));
        Ok(())
    }

    /// Removes metadata, if it is there.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.delete_meta/2`.
    pub fn delete_meta(&self, key: &str) -> Result<(), NotRunning> {
        self.shared.check_running()?;
        self.shared.meta.delete(key);
        Ok(())
    }

    /// Runs `work` while nobody else runs under the lock of this key, and gives its result. Other keys have other locks, and
    /// registering needs none. Whoever asks for a key that they have locked waits for ever.
    ///
    /// # Errors
    ///
    /// [`NotRunning`]. `work` was not called then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it gives the lock back, or its place among those who wait.
    ///
    /// # Counterpart
    ///
    /// `Registry.lock/3`.
    pub async fn lock<R, Fut: Future<Output = R>>(
        &self,
        key: K,
        work: impl FnOnce() -> Fut,
    ) -> Result<R, NotRunning> {
        self.shared.check_running()?;
        let ticket = self.shared.locks.ticket(key);
        let guard = ticket.wait().await;
        let result = work().await;
        drop(guard);
        Ok(result)
    }
}

impl<K: Key, V: Value, M: Keys> IntoChildSpec for Registry<K, V, M> {
    type Child = ServerRef<Supervisor>;

    /// A supervisor; its id is the registry's name.
    fn child_spec(self) -> ChildSpec {
        self.start_link().child_spec()
    }

    fn child(started: StartedChild) -> ServerRef<Supervisor> {
        <Start<Supervisor> as IntoChildSpec>::child(started)
    }
}

impl<K: Key, V: Value, M: Keys> Clone for Registry<K, V, M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Key, V: Value, M: Keys> fmt::Debug for Registry<K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("name", &self.shared.name)
            .field("partitions", &self.shared.table.parting.partitions)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
