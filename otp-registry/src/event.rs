//! [`Event`]: what a registry tells its listeners.

use std::sync::Arc;

use otp_core::behaviour::catch;
use otp_core::{Pid, ProcessName, ProcessRef};
use otp_genserver::{Destination, GenServer, Name};

/// What a registry tells its [listeners](crate::Registry::listener).
///
/// # Counterpart
///
/// The messages `{:register, registry, key, pid, value}` and `{:unregister, registry, key, pid}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "Elixir has these two")]
pub enum Event<K, V> {
    /// A process has registered.
    Register {
        /// The registry's name.
        registry: ProcessName,
        /// Under this key.
        key: K,
        /// The process.
        pid: Pid,
        /// With this value.
        value: V,
    },
    /// A process has called `unregister`, whether it had the key or not, or has nothing under the key any more after
    /// `unregister_matching`. Nobody is told of a death: a monitor does that.
    Unregister {
        /// The registry's name.
        registry: ProcessName,
        /// The key.
        key: K,
        /// The process.
        pid: Pid,
    },
}

impl<K, V> Event<K, V> {
    pub(crate) fn registered(registry: ProcessName, key: K, pid: Pid, value: V) -> Self {
        Self::Register { registry, key, pid, value }
    }
}

/// Somebody who is told, found by name each time.
pub(crate) struct Listener<K, V>(Arc<dyn Fn(Event<K, V>) + Send + Sync>);

impl<K: Clone + 'static, V: Clone + 'static> Listener<K, V> {
    pub(crate) fn server<S: GenServer<Info: From<Event<K, V>>>>(name: Name<S>) -> Self {
        Self(Arc::new(move |event| {
            if let Ok(server) = name.resolve() {
                server.send(S::Info::from(event));
            }
        }))
    }

    pub(crate) fn process<T: From<Event<K, V>> + Send + 'static>(name: ProcessName) -> Self {
        Self(Arc::new(move |event| {
            if let Ok(process) = ProcessRef::<T>::named(&name) {
                process.send(T::from(event));
            }
        }))
    }

    /// What panics on the way, a `Clone` or a `From`, is reported, and nobody else's business.
    pub(crate) fn tell(&self, event: &Event<K, V>) {
        if let Err(reason) = catch(|| (self.0)(event.clone())) {
            tracing::error!(target: "otp::registry", %reason, "an event could not be made for a listener");
        }
    }
}
