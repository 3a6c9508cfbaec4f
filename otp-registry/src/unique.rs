//! What unique keys alone can do: one holder is found, changed, and served by its key.

use std::borrow::Borrow;
use std::hash::Hash;

use otp_core::{NotAProcess, Pid, ProcessName, process};

use crate::error::{NotRunning, UpdateError};
use crate::keys::{Key, Unique, Value};
use crate::registry::Registry;
use crate::under_lock::UnderLock;
use crate::via::Via;

impl<K: Key, V: Value> Registry<K, V> {
    /// A registry whose keys have one holder each. It is there once it is [started](Self::start_link).
    ///
    /// # Counterpart
    ///
    /// `Registry.start_link(keys: :unique, name: name)`.
    #[must_use]
    pub fn unique(name: impl Into<ProcessName>) -> Self {
        Self::of_kind(name, true)
    }
}

impl<K: Key, V: Value> Registry<K, V, Unique> {
    /// The holder of a key, and its value. No process is asked, and nothing allocated but by the value's `Clone`.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.lookup/2`, whose list has one element or none.
    #[inline]
    pub fn lookup<Q>(&self, key: &Q) -> Result<Option<(Pid, V)>, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        Ok(self.shared.table.with(key, |held| (held.pid, held.value.clone())))
    }

    /// As [`lookup`](Self::lookup), for values that are better looked at than copied.
    ///
    /// The closure runs under a lock: it may look up, and must not change a registry.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Panics
    ///
    /// As `f` does.
    pub fn lookup_with<Q, R>(&self, key: &Q, f: impl FnOnce(Pid, &V) -> R) -> Result<Option<R>, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        Ok(self.shared.table.with(key, |held| {
            let _under_lock = UnderLock::enter();
            f(held.pid, &held.value)
        }))
    }

    /// The holder of a key.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Registry.whereis_name/1`.
    #[doc(alias = "whereis_name")]
    pub fn holder<Q>(&self, key: &Q) -> Result<Option<Pid>, NotRunning>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shared.check_running()?;
        Ok(self.shared.table.with(key, |held| held.pid))
    }

    /// Changes the value that the current process has under a key, and gives the new one and the old one. The closure runs when
    /// nothing is locked.
    ///
    /// # Errors
    ///
    /// [`UpdateError`]: the current process does not have the key, or lost it meanwhile.
    ///
    /// # Panics
    ///
    /// As `f` does, and nothing has changed then; or in a closure that runs under a registry's lock.
    ///
    /// # Counterpart
    ///
    /// `Registry.update_value/3`.
    #[track_caller]
    pub fn update_value<Q>(&self, key: &Q, f: impl FnOnce(&V) -> V) -> Result<(V, V), UpdateError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        UnderLock::refuse();
        let me = process::current().ok_or(NotAProcess)?;
        self.shared.check_running()?;
        let table = &self.shared.table;
        let old = table.with_slot_of(me, key, |held| (held.pid == me).then(|| held.value.clone()));
        let old = old.flatten().ok_or(UpdateError::NotHeld)?;
        let new = f(&old);
        let mut spare = Some(new.clone());
        let before = table.change_slot_of(me, key, |held| {
            spare.take_if(|_| held.pid == me).map(|new| std::mem::replace(&mut held.value, new))
        });
        before.flatten().map(|old| (new, old)).ok_or(UpdateError::NotHeld)
    }

    /// What leads to the server that has a key, whichever it is at the time; and what a server is started under.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_genserver::{Destination, GenServer, StartError};
    /// use otp_registry::Registry;
    /// # use otp_genserver::{Context, ExitReason, InitError, ReplyTo};
    /// # struct Room(u32);
    /// # impl GenServer for Room {
    /// #     type Args = u32; type Call = ReplyTo<u32>; type Cast = u32; type Info = (); type Continue = ();
    /// #     async fn init(n: u32, _: &mut Context<Self>) -> Result<Self, InitError> { Ok(Self(n)) }
    /// #     async fn handle_call(&mut self, r: ReplyTo<u32>, _: &mut Context<Self>) -> Result<(), ExitReason> { r.send(self.0); Ok(()) }
    /// #     async fn handle_cast(&mut self, n: u32, _: &mut Context<Self>) -> Result<(), ExitReason> { self.0 += n; Ok(()) }
    /// # }
    ///
    /// # #[otp_core::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let rooms: Registry<String> = Registry::unique("doc via");
    /// rooms.start_link().await?;
    /// let lobby = Room::start_link(7).name(rooms.via("lobby")).await?;
    /// assert_eq!(rooms.via::<Room>("lobby").call(|reply| reply).await?, 7);
    ///
    /// let second = Room::start_link(8).name(rooms.via("lobby")).await;
    /// assert_eq!(second, Err(StartError::AlreadyStarted(lobby.pid())));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// `{:via, Registry, {registry, key}}`.
    pub fn via<S>(&self, key: impl Into<K>) -> Via<S, K, V> {
        Via::new(self.clone(), key.into())
    }
}
