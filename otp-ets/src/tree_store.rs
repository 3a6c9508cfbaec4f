//! The rows of an ordered set: a B-tree behind one lock.
//!
//! What goes over many rows with user code lets go of the lock every so many rows, and finds its place again by key.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::mem;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use parking_lot::RwLock;

use crate::error::AccessError;
use crate::free::free;
use crate::section::Section;
use crate::store::{Change, Cursor, End, Find, Store, Upsert};

/// How many rows are gone over under one lock.
const ROWS_PER_LOCK: usize = 256;

/// Rows in the order of their keys.
#[expect(
    unnameable_types,
    missing_debug_implementations,
    reason = "not part of the API, and rows are not printed"
)]
pub struct TreeStore<K, V> {
    tree: RwLock<Tree<K, V>>,
}

struct Tree<K, V> {
    map: BTreeMap<K, V>,
    closed: bool,
}

impl<K, V> TreeStore<K, V> {
    /// Runs `f` on the rows under the lock.
    pub(crate) fn read<R>(&self, f: impl FnOnce(&BTreeMap<K, V>) -> R) -> Result<R, AccessError> {
        let _section = Section::enter();
        let tree = self.tree.read();
        if tree.closed { Err(AccessError::Gone) } else { Ok(f(&tree.map)) }
    }

    /// Runs `f` on the rows under the lock; what it returns is handed out before it is dropped.
    pub(crate) fn write<R>(&self, f: impl FnOnce(&mut BTreeMap<K, V>) -> R) -> Result<R, AccessError> {
        let _section = Section::enter();
        let mut tree = self.tree.write();
        if tree.closed { Err(AccessError::Gone) } else { Ok(f(&mut tree.map)) }
    }

    fn empty(&self, close: bool) -> Result<BTreeMap<K, V>, AccessError> {
        let mut tree = self.tree.write();
        if tree.closed {
            return Err(AccessError::Gone);
        }
        tree.closed = close;
        Ok(mem::take(&mut tree.map))
    }
}

/// What comes after a key in that direction, or everything.
fn beyond<K>(last: Option<&K>, from: End) -> (Bound<&K>, Bound<&K>) {
    let bound = last.map_or(Bound::Unbounded, Bound::Excluded);
    match from {
        End::First => (bound, Bound::Unbounded),
        End::Last => (Bound::Unbounded, bound),
    }
}

/// Calls `f` with as many rows as one lock is held for. Gives the last key if there may be more.
fn see<K: Clone, V>(rows: impl Iterator<Item = (K, V)>, mut f: impl FnMut(&K, V)) -> Option<K> {
    let mut count = 0;
    let mut last = None;
    for (key, value) in rows.take(ROWS_PER_LOCK) {
        f(&key, value);
        count += 1;
        last = Some(key);
    }
    last.filter(|_| count == ROWS_PER_LOCK)
}

impl<K, V> TreeStore<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Each row once, beginning at that end.
    pub(crate) fn for_each_from(&self, from: End, mut f: impl FnMut(&K, &V)) -> Result<(), AccessError> {
        let mut last: Option<K> = None;
        loop {
            let reached = self.read(|map| {
                let rows = map.range(beyond(last.as_ref(), from));
                let f = |key: &&K, value: &V| f(key, value);
                match from {
                    End::First => see(rows, f).cloned(),
                    End::Last => see(rows.rev(), f).cloned(),
                }
            })?;
            match reached {
                Some(key) => last = Some(key),
                None => return Ok(()),
            }
        }
    }

    /// Puts all rows into the tree at one moment; with `only_new` none of them if a key is there.
    fn put_rows(&self, rows: Vec<(K, V)>, only_new: bool) -> Result<bool, AccessError> {
        // Sorts, and keeps the last of those that have the same key.
        let rows: BTreeMap<K, V> = rows.into_iter().collect();
        let replaced = self.write(|map| {
            if only_new && rows.keys().any(|key| map.contains_key(key)) {
                return Err(rows);
            }
            Ok(insert_all_or_none(map, rows))
        })?;
        Ok(replaced.is_ok())
    }
}

/// Inserts all rows; a panic in user code takes back what was inserted, and goes on. Gives what was replaced.
fn insert_all_or_none<K: Ord + Clone, V>(
    map: &mut BTreeMap<K, V>,
    rows: BTreeMap<K, V>,
) -> Vec<(K, Option<V>)> {
    let mut done: Vec<(K, Option<V>)> = Vec::with_capacity(rows.len());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for (key, value) in rows {
            let copy = key.clone();
            done.push((copy, map.insert(key, value)));
        }
    }));
    let Err(panic) = outcome else { return done };
    for (key, replaced) in done {
        // The key was found a moment ago; should comparing fail even so, the other rows are still taken back.
        let taken_back = catch_unwind(AssertUnwindSafe(|| match replaced {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        }));
        drop(taken_back);
    }
    resume_unwind(panic)
}

impl<K, V> Store<K, V> for TreeStore<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Body = V;

    fn new() -> Self {
        Self { tree: RwLock::new(Tree { map: BTreeMap::new(), closed: false }) }
    }

    fn insert(&self, key: K, value: V) -> Result<(), AccessError> {
        let replaced = self.write(|map| map.insert(key, value))?;
        drop(replaced);
        Ok(())
    }

    fn insert_new(&self, key: K, value: V) -> Result<bool, AccessError> {
        let refused = self.write(|map| {
            if map.contains_key(&key) {
                return Some((key, value));
            }
            map.insert(key, value);
            None
        })?;
        Ok(refused.is_none())
    }

    fn insert_all(&self, rows: Vec<(K, V)>) -> Result<(), AccessError> {
        self.put_rows(rows, false).map(drop)
    }

    fn insert_all_new(&self, rows: Vec<(K, V)>) -> Result<bool, AccessError> {
        self.put_rows(rows, true)
    }

    fn to_vec(&self) -> Result<Vec<(K, V)>, AccessError> {
        self.read(|map| map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn for_each(&self, f: impl FnMut(&K, &V)) -> Result<(), AccessError> {
        self.for_each_from(End::First, f)
    }

    fn remove_where(&self, mut f: impl FnMut(&K, &V) -> bool) -> Result<usize, AccessError> {
        let mut count = 0;
        let mut last: Option<K> = None;
        loop {
            let (removed, reached) = self.write(|map| {
                let mut picked = Vec::new();
                let rows = map.range(beyond(last.as_ref(), End::First));
                let reached = see(rows, |key, value| {
                    if f(key, value) {
                        picked.push((*key).clone());
                    }
                });
                let reached = reached.cloned();
                let removed: Vec<_> = picked.iter().filter_map(|key| map.remove_entry(key)).collect();
                ((removed, picked), reached)
            })?;
            count += removed.0.len();
            match reached {
                Some(key) => last = Some(key),
                None => return Ok(count),
            }
        }
    }

    fn replace_where(&self, mut f: impl FnMut(&K, &V) -> Option<V>) -> Result<usize, AccessError> {
        let mut count = 0;
        let mut last: Option<K> = None;
        loop {
            let (replaced, reached) = self.write(|map| {
                let mut replaced = Vec::new();
                let rows = map.range_mut(beyond(last.as_ref(), End::First));
                let reached = see(rows, |key, value| {
                    if let Some(new) = f(key, value) {
                        replaced.push(mem::replace(value, new));
                    }
                });
                (replaced, reached.cloned())
            })?;
            count += replaced.len();
            match reached {
                Some(key) => last = Some(key),
                None => return Ok(count),
            }
        }
    }

    fn keys(&self, cursor: &mut Cursor<K>) -> Result<Vec<K>, AccessError> {
        let keys: Vec<K> = self.read(|map| {
            let rows = map.range(beyond(cursor.last.as_ref(), cursor.from)).map(|(key, _)| key.clone());
            match cursor.from {
                End::First => rows.take(ROWS_PER_LOCK).collect(),
                End::Last => rows.rev().take(ROWS_PER_LOCK).collect(),
            }
        })?;
        if let Some(last) = keys.last() {
            cursor.last = Some(last.clone());
        }
        Ok(keys)
    }

    fn body<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Result<Option<R>, AccessError> {
        self.read(|map| map.get(key).map(f))
    }

    fn each_value(body: &V, mut f: impl FnMut(&V)) {
        f(body);
    }

    fn end(&self, from: End) -> Result<Option<K>, AccessError> {
        self.read(|map| {
            let row = match from {
                End::First => map.first_key_value(),
                End::Last => map.last_key_value(),
            };
            row.map(|(key, _)| key.clone())
        })
    }

    fn clear(&self) -> Result<(), AccessError> {
        let map = self.empty(false)?;
        free(map.len(), map);
        Ok(())
    }

    fn close(&self) {
        if let Ok(map) = self.empty(true) {
            free(map.len(), map);
        }
    }

    fn size(&self) -> usize {
        self.tree.read().map.len()
    }

    /// An estimate: nodes of a B-tree are two thirds full on average.
    fn memory(&self) -> usize {
        self.size() * size_of::<(K, V)>() * 3 / 2 + size_of::<Self>()
    }
}

impl<K, V, Q> Find<K, V, Q> for TreeStore<K, V>
where
    K: Ord + Clone + Send + Sync + Borrow<Q> + 'static,
    V: Clone + Send + Sync + 'static,
    Q: Ord + ?Sized,
{
    fn read<R>(&self, key: &Q, f: impl FnOnce(&V) -> R) -> Result<Option<R>, AccessError> {
        self.read(|map| map.get(key).map(f))
    }

    fn take(&self, key: &Q) -> Result<Option<V>, AccessError> {
        let row = self.write(|map| map.remove_entry(key))?;
        Ok(row.map(|(_, value)| value))
    }

    fn step(&self, key: &Q, towards: End) -> Result<Result<Option<K>, ()>, AccessError> {
        self.read(|map| {
            let row = match towards {
                End::Last => map.range::<Q, _>((Bound::Excluded(key), Bound::Unbounded)).next(),
                End::First => map.range::<Q, _>((Bound::Unbounded, Bound::Excluded(key))).next_back(),
            };
            Ok(row.map(|(key, _)| key.clone()))
        })
    }
}

impl<K, V, Q> Change<K, V, Q> for TreeStore<K, V>
where
    K: Ord + Clone + Send + Sync + Borrow<Q> + 'static,
    V: Clone + Send + Sync + 'static,
    Q: Ord + ?Sized,
{
    fn change<R>(&self, key: &Q, f: impl FnOnce(&mut V) -> R) -> Result<Option<R>, AccessError> {
        self.write(|map| map.get_mut(key).map(f))
    }

    fn take_if(&self, key: &Q, f: impl FnOnce(&V) -> bool) -> Result<Option<V>, AccessError> {
        let row = self.write(|map| if map.get(key).is_some_and(f) { map.remove_entry(key) } else { None })?;
        Ok(row.map(|(_, value)| value))
    }
}

impl<K, V> Upsert<K, V> for TreeStore<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn upsert<R, E>(
        &self,
        key: K,
        mut default: V,
        f: impl FnOnce(&mut V) -> Result<R, E>,
    ) -> Result<Result<R, E>, AccessError> {
        let (outcome, _unused) = self.write(|map| {
            if let Some(value) = map.get_mut(&key) {
                return (f(value), Some((key, default)));
            }
            let outcome = f(&mut default);
            if outcome.is_err() {
                return (outcome, Some((key, default)));
            }
            map.insert(key, default);
            (outcome, None)
        })?;
        Ok(outcome)
    }
}
