//! [`Unique`] and [`Duplicate`]: whether a key has one holder, or any number of entries.

use std::hash::Hash;

use crate::entries::Entries;
use crate::held::Held;
use crate::storage::Storage;

/// What can be a key: any value that can be compared and hashed.
///
/// Its `Eq` and `Hash`, and for [`keys`](crate::Registry::keys) its `Clone`, run under a lock of the registry: they must not use
/// the registry.
pub trait Key: Eq + Hash + Clone + Send + Sync + 'static {}

impl<K: Eq + Hash + Clone + Send + Sync + 'static> Key for K {}

/// What can stand under a key.
///
/// Its `Clone` runs under a lock of the registry: it must not use the registry.
pub trait Value: Clone + Send + Sync + 'static {}

impl<V: Clone + Send + Sync + 'static> Value for V {}

/// How many entries a key may have: [`Unique`] or [`Duplicate`].
pub trait Keys: Storage + Send + Sync + 'static {}

/// Each key has one holder at most.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unique;

/// Each key has any number of entries, also of one process.
#[derive(Debug)]
#[non_exhaustive]
pub struct Duplicate;

impl Keys for Unique {}

impl Keys for Duplicate {}

impl Storage for Unique {
    type Slot<V: Value> = Held<V>;
}

impl Storage for Duplicate {
    type Slot<V: Value> = Entries<V>;
}
