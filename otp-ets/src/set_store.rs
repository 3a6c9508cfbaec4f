//! The rows of a set.

use std::borrow::Borrow;
use std::hash::Hash;
use std::mem;

use crate::error::AccessError;
use crate::shards::Shards;
use crate::store::{Change, Cursor, End, Find, Store, Upsert};

impl<K, V> Shards<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn put_rows(&self, rows: Vec<(K, V)>, only_new: bool) -> Result<bool, AccessError> {
        let groups = self.group(rows, |value| value, |there, value| *there = value);
        let exchange = |there: &mut V, value: &mut V| {
            mem::swap(there, value);
            0
        };
        self.put(groups, only_new, |_, _| (), exchange, |_| 1)
    }
}

impl<K, V> Store<K, V> for Shards<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Body = V;

    fn new() -> Self {
        Self::new()
    }

    fn insert(&self, key: K, value: V) -> Result<(), AccessError> {
        let hash = self.hash(&key);
        let mut rows = self.write(hash)?;
        if let Some(row) = rows.table.find_mut(hash, |row| row.0 == key) {
            let replaced = mem::replace(&mut row.1, value);
            drop(rows);
            drop(replaced);
        } else {
            self.make_room(&mut rows, 1);
            rows.add(hash, key, value);
            rows.objects += 1;
        }
        Ok(())
    }

    fn insert_new(&self, key: K, value: V) -> Result<bool, AccessError> {
        let hash = self.hash(&key);
        let mut rows = self.write(hash)?;
        let new = rows.position(hash, &key).is_none();
        if new {
            self.make_room(&mut rows, 1);
            rows.add(hash, key, value);
            rows.objects += 1;
        }
        Ok(new)
    }

    fn insert_all(&self, rows: Vec<(K, V)>) -> Result<(), AccessError> {
        self.put_rows(rows, false).map(drop)
    }

    fn insert_all_new(&self, rows: Vec<(K, V)>) -> Result<bool, AccessError> {
        self.put_rows(rows, true)
    }

    fn to_vec(&self) -> Result<Vec<(K, V)>, AccessError> {
        let shards = self.read_all()?;
        Ok(shards.iter().flat_map(|rows| rows.table.iter().cloned()).collect())
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) -> Result<(), AccessError> {
        for shard in 0..self.len() {
            self.read_shard(shard)?.table.iter().for_each(|(key, value)| f(key, value));
        }
        Ok(())
    }

    fn remove_where(&self, mut f: impl FnMut(&K, &V) -> bool) -> Result<usize, AccessError> {
        let mut count = 0;
        for shard in 0..self.len() {
            let mut removed = Vec::new();
            let mut rows = self.write_shard(shard)?;
            let picked: Vec<usize> = rows
                .table
                .iter_buckets()
                .filter(|&at| rows.table.get_bucket(at).is_some_and(|(key, value)| f(key, value)))
                .collect();
            removed.reserve(picked.len());
            for at in picked {
                removed.push(rows.remove(at));
            }
            rows.objects -= removed.len();
            count += removed.len();
        }
        Ok(count)
    }

    fn replace_where(&self, mut f: impl FnMut(&K, &V) -> Option<V>) -> Result<usize, AccessError> {
        let mut count = 0;
        for shard in 0..self.len() {
            // What comes in goes out again as what was replaced.
            let mut values: Vec<(usize, V)> = Vec::new();
            let mut rows = self.write_shard(shard)?;
            for at in rows.table.iter_buckets() {
                if let Some((key, value)) = rows.table.get_bucket(at)
                    && let Some(value) = f(key, value)
                {
                    values.push((at, value));
                }
            }
            for (at, value) in &mut values {
                if let Some(row) = rows.table.get_bucket_mut(*at) {
                    mem::swap(&mut row.1, value);
                }
            }
            count += values.len();
        }
        Ok(count)
    }

    fn keys(&self, cursor: &mut Cursor<K>) -> Result<Vec<K>, AccessError> {
        self.keys(cursor)
    }

    fn body<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Result<Option<R>, AccessError> {
        self.find(key, f)
    }

    fn each_value(body: &V, mut f: impl FnMut(&V)) {
        f(body);
    }

    fn end(&self, _: End) -> Result<Option<K>, AccessError> {
        self.first()
    }

    fn clear(&self) -> Result<(), AccessError> {
        self.clear()
    }

    fn close(&self) {
        self.close();
    }

    fn size(&self) -> usize {
        self.size()
    }

    fn memory(&self) -> usize {
        self.memory()
    }
}

impl<K, V, Q> Find<K, V, Q> for Shards<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + Borrow<Q> + 'static,
    V: Clone + Send + Sync + 'static,
    Q: Hash + Eq + ?Sized,
{
    fn read<R>(&self, key: &Q, f: impl FnOnce(&V) -> R) -> Result<Option<R>, AccessError> {
        self.find(key, f)
    }

    fn take(&self, key: &Q) -> Result<Option<V>, AccessError> {
        self.take(key, |_| 1)
    }

    fn step(&self, key: &Q, _: End) -> Result<Result<Option<K>, ()>, AccessError> {
        self.next(key)
    }
}

impl<K, V, Q> Change<K, V, Q> for Shards<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + Borrow<Q> + 'static,
    V: Clone + Send + Sync + 'static,
    Q: Hash + Eq + ?Sized,
{
    fn change<R>(&self, key: &Q, f: impl FnOnce(&mut V) -> R) -> Result<Option<R>, AccessError> {
        let hash = self.hash(key);
        let mut rows = self.write(hash)?;
        Ok(rows.table.find_mut(hash, |row| row.0.borrow() == key).map(|row| f(&mut row.1)))
    }

    fn take_if(&self, key: &Q, f: impl FnOnce(&V) -> bool) -> Result<Option<V>, AccessError> {
        let hash = self.hash(key);
        let mut rows = self.write(hash)?;
        let place = rows.position(hash, key);
        let Some(at) = place.filter(|&at| rows.table.get_bucket(at).is_some_and(|row| f(&row.1))) else {
            return Ok(None);
        };
        let (key, value) = rows.remove(at);
        rows.objects -= 1;
        drop(rows);
        drop(key);
        Ok(Some(value))
    }
}

impl<K, V> Upsert<K, V> for Shards<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn upsert<R, E>(
        &self,
        key: K,
        mut default: V,
        f: impl FnOnce(&mut V) -> Result<R, E>,
    ) -> Result<Result<R, E>, AccessError> {
        let hash = self.hash(&key);
        let mut rows = self.write(hash)?;
        if let Some(row) = rows.table.find_mut(hash, |row| row.0 == key) {
            return Ok(f(&mut row.1));
        }
        self.make_room(&mut rows, 1);
        let outcome = f(&mut default);
        if outcome.is_ok() {
            rows.add(hash, key, default);
            rows.objects += 1;
        }
        Ok(outcome)
    }
}
