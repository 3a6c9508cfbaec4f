//! [`Via`]: a server known by its key in a registry.

use std::fmt;
use std::marker::PhantomData;

use otp_core::behaviour::link_embryo;
use otp_core::{ChildId, ExitReason, Pid, ProcessName, StartError};
use otp_genserver::{Destination, GenServer, NameRegistry, ResolveError, ServerRef, StartName, Stop};

use crate::error::RegisterError;
use crate::keys::{Key, Value};
use crate::registry::Registry;

/// The server of type `S` that has a key, whichever it is at the time. Made by [`Registry::via`].
///
/// Through a key that a process of another type has, calls fail with `WrongServer`; where nobody has it, or the registry does
/// not run, with `NoProc`.
///
/// # Counterpart
///
/// `{:via, Registry, {registry, key}}`.
pub struct Via<S, K: Key, V: Value = ()> {
    registry: Registry<K, V>,
    key: K,
    server: PhantomData<fn() -> S>,
}

impl<S, K: Key, V: Value> Via<S, K, V> {
    pub(crate) fn new(registry: Registry<K, V>, key: K) -> Self {
        Self { registry, key, server: PhantomData }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The process that has the key, whatever its type.
    #[must_use]
    pub fn whereis(&self) -> Option<Pid> {
        self.registry.holder(&self.key).ok().flatten()
    }

    /// To start a server under the key with this value. Without it, that is the default value, for types that have one.
    ///
    /// # Counterpart
    ///
    /// `{:via, Registry, {registry, key, value}}`.
    pub fn value(self, value: V) -> ViaValue<S, K, V> {
        ViaValue { via: self, value }
    }
}

impl<S: GenServer, K: Key, V: Value> Via<S, K, V> {
    /// As [`ServerRef::stop`].
    pub fn stop(&self) -> Stop<S> {
        Destination::stop(self)
    }
}

impl<S: GenServer, K: Key, V: Value> Destination<S> for Via<S, K, V> {
    fn resolve(&self) -> Result<ServerRef<S>, ResolveError> {
        ServerRef::of(self.whereis().ok_or(ResolveError::NoProc)?)
    }
}

impl<S, K: Key, V: Value> Clone for Via<S, K, V> {
    fn clone(&self) -> Self {
        Self { registry: self.registry.clone(), key: self.key.clone(), server: PhantomData }
    }
}

impl<S, K: Key + fmt::Debug, V: Value> fmt::Debug for Via<S, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via({:?}, {:?})", self.registry.name(), self.key)
    }
}

/// A [`Via`] and a value, to start a server under. Made by [`Via::value`].
#[must_use = "it is a name to start a server under"]
pub struct ViaValue<S, K: Key, V: Value> {
    via: Via<S, K, V>,
    value: V,
}

impl<S, K: Key, V: Value> Clone for ViaValue<S, K, V> {
    fn clone(&self) -> Self {
        Self { via: self.via.clone(), value: self.value.clone() }
    }
}

impl<S, K: Key + fmt::Debug, V: Value> fmt::Debug for ViaValue<S, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.via, f)
    }
}

/// What stands in the [`StartName`].
struct Reserved<K: Key, V: Value> {
    registry: Registry<K, V>,
    key: K,
    value: V,
}

impl<K: Key, V: Value> NameRegistry for Reserved<K, V> {
    fn register(&self, process: Pid) -> Result<(), StartError> {
        let (key, value) = (self.key.clone(), self.value.clone());
        let link = |partition| link_embryo(process, partition);
        // One that is not registered never begins: its link ends with it.
        let entered = self.registry.shared.enter(process, key, value, link, |_| {});
        entered.map(drop).map_err(|error| match error {
            RegisterError::AlreadyRegistered(pid) => StartError::AlreadyStarted(pid),
            error => StartError::Exit(ExitReason::from(error)),
        })
    }

    fn child_id(&self) -> ChildId {
        ChildId::new(KeyId { registry: self.registry.shared.name.clone(), key: self.key.clone() })
    }
}

/// A key need not be printable.
#[derive(PartialEq, Eq, Hash)]
struct KeyId<K> {
    registry: ProcessName,
    key: K,
}

impl<K> fmt::Debug for KeyId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key of the registry {:?}", self.registry)
    }
}

impl<K: Key, V: Value> fmt::Debug for Reserved<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key of the registry {:?}", self.registry.name())
    }
}

impl<S, K: Key, V: Value + Default> From<Via<S, K, V>> for StartName<S> {
    fn from(via: Via<S, K, V>) -> Self {
        via.value(V::default()).into()
    }
}

impl<S, K: Key, V: Value> From<ViaValue<S, K, V>> for StartName<S> {
    fn from(ViaValue { via: Via { registry, key, .. }, value }: ViaValue<S, K, V>) -> Self {
        Self::in_registry(Reserved { registry, key, value })
    }
}
