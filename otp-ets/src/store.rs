//! What the parts that do not depend on the type of a table need from the place where its rows are.

use crate::error::AccessError;

/// The rows of one table, behind its locks.
///
/// In every implementation: user code runs under a lock only inside a [`Section`](crate::section::Section); a panic in
/// it leaves the rows as they were; what is replaced or removed is dropped after unlocking; each closure runs exactly
/// once, or once for each row.
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub trait Store<K, V>: Send + Sync + Sized + 'static {
    /// What stands under one key: a value, or the values of a bag.
    type Body: Clone + Send + Sync + 'static;

    fn new() -> Self;

    fn insert(&self, key: K, value: V) -> Result<(), AccessError>;
    fn insert_new(&self, key: K, value: V) -> Result<bool, AccessError>;
    /// All rows at one moment.
    fn insert_all(&self, rows: Vec<(K, V)>) -> Result<(), AccessError>;
    /// All rows at one moment, or none if a key is there.
    fn insert_all_new(&self, rows: Vec<(K, V)>) -> Result<bool, AccessError>;

    /// All rows at one moment.
    fn to_vec(&self) -> Result<Vec<(K, V)>, AccessError>;
    /// Each row once, in the table's order.
    fn for_each(&self, f: impl FnMut(&K, &V)) -> Result<(), AccessError>;
    /// Removes the rows that `f` picks, and says how many.
    fn remove_where(&self, f: impl FnMut(&K, &V) -> bool) -> Result<usize, AccessError>;
    /// Puts the value that `f` gives in the place of the row's, and says how often it gave one.
    fn replace_where(&self, f: impl FnMut(&K, &V) -> Option<V>) -> Result<usize, AccessError>;

    /// The next few keys of a walk; none at its end.
    fn keys(&self, cursor: &mut Cursor<K>) -> Result<Vec<K>, AccessError>;
    /// What stands under a key of the walk.
    fn body<R>(&self, key: &K, f: impl FnOnce(&Self::Body) -> R) -> Result<Option<R>, AccessError>;
    /// Calls `f` with each of the values under one key.
    fn each_value(body: &Self::Body, f: impl FnMut(&V));

    /// The first key, or the last.
    fn end(&self, from: End) -> Result<Option<K>, AccessError>;

    /// Empties the table at one moment.
    fn clear(&self) -> Result<(), AccessError>;
    /// Empties the table for good: whatever comes later fails with `Gone`.
    fn close(&self);

    fn size(&self) -> usize;
    /// Bytes, without what keys and values own elsewhere.
    fn memory(&self) -> usize;
}

/// How rows are found by a borrowed form of their key.
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub trait Find<K, V, Q: ?Sized>: Store<K, V> {
    fn read<R>(&self, key: &Q, f: impl FnOnce(&Self::Body) -> R) -> Result<Option<R>, AccessError>;
    fn take(&self, key: &Q) -> Result<Option<Self::Body>, AccessError>;
    /// The key after this one, or before it; `Err(())` if the table has no order and not the key.
    fn step(&self, key: &Q, towards: End) -> Result<Result<Option<K>, ()>, AccessError>;
}

/// How rows are changed in tables with one row per key.
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub trait Change<K, V, Q: ?Sized>: Find<K, V, Q> {
    /// What `f` returns is handed out before it is dropped.
    fn change<R>(&self, key: &Q, f: impl FnOnce(&mut V) -> R) -> Result<Option<R>, AccessError>;
    fn take_if(&self, key: &Q, f: impl FnOnce(&V) -> bool) -> Result<Option<V>, AccessError>;
}

/// How rows are changed, or made, in tables with one row per key.
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub trait Upsert<K, V>: Store<K, V> {
    /// `f` changes the row that is there, or `default`, which then becomes one unless `f` fails.
    fn upsert<R, E>(
        &self,
        key: K,
        default: V,
        f: impl FnOnce(&mut V) -> Result<R, E>,
    ) -> Result<Result<R, E>, AccessError>;
}

/// The end of the order that a walk begins at or goes towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub enum End {
    First,
    Last,
}

/// How far a walk has come.
#[derive(Debug)]
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub struct Cursor<K> {
    /// The next shard, where there are shards.
    pub(crate) shard: usize,
    /// The last key handed out, where there is an order.
    pub(crate) last: Option<K>,
    pub(crate) from: End,
}

impl<K> Cursor<K> {
    pub(crate) fn new(from: End) -> Self {
        Self { shard: 0, last: None, from }
    }
}
