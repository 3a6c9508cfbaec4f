//! [`Locks`]: mutual exclusion per key. A lock exists while somebody holds it or waits for it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::keys::Key;

pub(crate) struct Locks<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>, ahash::RandomState>>);

impl<K: Key> Locks<K> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The right to wait for the lock of a key.
    pub(crate) fn ticket(&self, key: K) -> Ticket<'_, K> {
        // Cloned, and dropped if it is not needed, unlocked.
        let copy = key.clone();
        let mut locks = self.0.lock();
        let (lock, spare) = match locks.get(&key) {
            Some(lock) => (Arc::clone(lock), Some(copy)),
            None => (Arc::clone(locks.entry(copy).or_default()), None),
        };
        drop(locks);
        drop(spare);
        Ticket { locks: self, key, lock: Some(lock) }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

pub(crate) struct Ticket<'a, K: Key> {
    locks: &'a Locks<K>,
    key: K,
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl<K: Key> Ticket<'_, K> {
    pub(crate) async fn wait(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match &self.lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        }
    }
}

impl<K: Key> Drop for Ticket<'_, K> {
    fn drop(&mut self) {
        let mut locks = self.locks.0.lock();
        self.lock = None;
        // The last one takes the lock away.
        let alone = locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1);
        let gone = if alone { locks.remove_entry(&self.key) } else { None };
        drop(locks);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::Locks;

    #[test]
    fn a_lock_is_there_as_long_as_somebody_needs_it() {
        let locks = Locks::new();
        let (a, b, c) = (locks.ticket(1), locks.ticket(1), locks.ticket(2));
        assert_eq!(locks.len(), 2);
        drop((a, c));
        assert_eq!(locks.len(), 1);
        drop(b);
        assert_eq!(locks.len(), 0);
    }
}
