//! What tables with several rows per key can do with those rows.

use std::borrow::Borrow;
use std::hash::Hash;

use crate::bag_store::{BagStore, Multiplicity};
use crate::error::AccessError;
use crate::kind::{BagKind, Kind};
use crate::store::Find as _;
use crate::table::Table;

/// # The rows of a key, in `Bag` and `DuplicateBag`
impl<K, V, M> Table<K, V, BagKind<M>>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    M: Multiplicity<V>,
    BagKind<M>: Kind<K, V, Store = BagStore<K, V, M>>,
{
    /// The values of a key, in the order in which they came; none if it has no row.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:lookup/2`.
    pub fn lookup<Q>(&self, key: &Q) -> Result<Vec<V>, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Ok(self.reading()?.read(key, Clone::clone)?.unwrap_or_default())
    }

    /// What `f` makes of each value of a key; none if it has no row.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:lookup_element/3` and `/4`.
    pub fn lookup_element<Q, R>(&self, key: &Q, f: impl FnMut(&V) -> R) -> Result<Option<Vec<R>>, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.reading()?.read(key, |values| values.iter().map(f).collect())
    }

    /// Takes all rows of a key out of the table, at one moment, and gives their values.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:take/2`.
    pub fn take<Q>(&self, key: &Q) -> Result<Vec<V>, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Ok(self.writing()?.take(key)?.unwrap_or_default())
    }

    /// Deletes the rows with this key and value; the key's others keep their order. Gives their number.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:delete_object/2`.
    pub fn delete_object<Q>(&self, key: &Q, value: &V) -> Result<usize, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: PartialEq,
    {
        self.writing()?.remove_object(key, value)
    }
}
