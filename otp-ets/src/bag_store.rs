//! The rows of a bag: under each key the values that have it, in the order in which they came.

use std::borrow::Borrow;
use std::hash::Hash;
use std::marker::PhantomData;
use std::mem;

use crate::error::AccessError;
use crate::shards::Shards;
use crate::store::{Cursor, End, Find, Store};

/// Rows of which several may have the same key. `M` says which.
#[expect(
    unnameable_types,
    missing_debug_implementations,
    reason = "not part of the API, and rows are not printed"
)]
pub struct BagStore<K, V, M> {
    shards: Shards<K, Vec<V>>,
    _multiplicity: PhantomData<fn() -> M>,
}

/// Which rows a bag takes.
#[expect(unnameable_types, reason = "the types of table are a closed set")]
pub trait Multiplicity<V>: 'static {
    /// Whether one more may come to those that are there.
    fn takes(there: &[V], value: &V) -> bool;
}

impl<K, V, M> BagStore<K, V, M>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    M: Multiplicity<V>,
{
    fn put(&self, key: K, value: V, only_new: bool) -> Result<bool, AccessError> {
        let hash = self.shards.hash(&key);
        let mut rows = self.shards.write(hash)?;
        if let Some(row) = rows.table.find_mut(hash, |row| row.0 == key) {
            if only_new {
                return Ok(false);
            }
            if M::takes(&row.1, &value) {
                row.1.push(value);
                rows.objects += 1;
            }
        } else {
            self.shards.make_room(&mut rows, 1);
            rows.add(hash, key, vec![value]);
            rows.objects += 1;
        }
        Ok(true)
    }

    fn put_rows(&self, rows: Vec<(K, V)>, only_new: bool) -> Result<bool, AccessError> {
        let groups = self.shards.group(
            rows,
            |value| vec![value],
            |values, value| {
                if M::takes(values, &value) {
                    values.push(value);
                }
            },
        );
        let mut refused = Vec::new();
        let prepare = |there: &Vec<V>, values: &mut Vec<V>| {
            for value in mem::take(values) {
                if M::takes(there, &value) { values.push(value) } else { refused.push(value) }
            }
        };
        let join = |there: &mut Vec<V>, values: &mut Vec<V>| {
            let count = values.len();
            there.append(values);
            count
        };
        self.shards.put(groups, only_new, prepare, join, Vec::len)
    }

    /// Removes the rows with that key and value, and says how many there were.
    pub(crate) fn remove_object<Q>(&self, key: &Q, value: &V) -> Result<usize, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: PartialEq,
    {
        let hash = self.shards.hash(key);
        let mut removed = Vec::new();
        let mut rows = self.shards.write(hash)?;
        let Some(at) = rows.position(hash, key) else { return Ok(0) };
        let picked: Vec<bool> = rows
            .table
            .get_bucket(at)
            .map_or_else(Vec::new, |row| row.1.iter().map(|there| there == value).collect());
        let emptied = rows.table.get_bucket_mut(at).and_then(|row| {
            remove_picked(&mut row.1, &picked, &mut removed);
            row.1.is_empty().then_some(at)
        });
        rows.objects -= removed.len();
        let key = emptied.map(|at| rows.remove(at));
        drop(rows);
        drop(key);
        Ok(removed.len())
    }
}

/// Moves the picked values into `removed`; the others keep their order.
fn remove_picked<V>(values: &mut Vec<V>, picked: &[bool], removed: &mut Vec<V>) {
    let mut kept = Vec::with_capacity(values.len());
    for (value, &picked) in mem::take(values).into_iter().zip(picked) {
        if picked { removed.push(value) } else { kept.push(value) }
    }
    *values = kept;
}

impl<K, V, M> Store<K, V> for BagStore<K, V, M>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    M: Multiplicity<V>,
{
    type Body = Vec<V>;

    fn new() -> Self {
        Self { shards: Shards::new(), _multiplicity: PhantomData }
    }

    fn insert(&self, key: K, value: V) -> Result<(), AccessError> {
        self.put(key, value, false).map(drop)
    }

    fn insert_new(&self, key: K, value: V) -> Result<bool, AccessError> {
        self.put(key, value, true)
    }

    fn insert_all(&self, rows: Vec<(K, V)>) -> Result<(), AccessError> {
        self.put_rows(rows, false).map(drop)
    }

    fn insert_all_new(&self, rows: Vec<(K, V)>) -> Result<bool, AccessError> {
        self.put_rows(rows, true)
    }

    fn to_vec(&self) -> Result<Vec<(K, V)>, AccessError> {
        let shards = self.shards.read_all()?;
        let keys = shards.iter().flat_map(|rows| rows.table.iter());
        Ok(keys.flat_map(|(key, values)| values.iter().map(|value| (key.clone(), value.clone()))).collect())
    }

    fn for_each(&self, mut f: impl FnMut(&K, &V)) -> Result<(), AccessError> {
        for shard in 0..self.shards.len() {
            for (key, values) in &self.shards.read_shard(shard)?.table {
                values.iter().for_each(|value| f(key, value));
            }
        }
        Ok(())
    }

    fn remove_where(&self, mut f: impl FnMut(&K, &V) -> bool) -> Result<usize, AccessError> {
        let mut count = 0;
        for shard in 0..self.shards.len() {
            let mut removed = Vec::new();
            let mut emptied = Vec::new();
            let mut rows = self.shards.write_shard(shard)?;
            let mut picked = Vec::new();
            for at in rows.table.iter_buckets() {
                if let Some((key, values)) = rows.table.get_bucket(at) {
                    let of_key: Vec<bool> = values.iter().map(|value| f(key, value)).collect();
                    if of_key.contains(&true) {
                        picked.push((at, of_key));
                    }
                }
            }
            for (at, picked) in picked {
                if let Some(row) = rows.table.get_bucket_mut(at) {
                    remove_picked(&mut row.1, &picked, &mut removed);
                    if row.1.is_empty() {
                        emptied.push(rows.remove(at));
                    }
                }
            }
            rows.objects -= removed.len();
            count += removed.len();
        }
        Ok(count)
    }

    fn replace_where(&self, mut f: impl FnMut(&K, &V) -> Option<V>) -> Result<usize, AccessError> {
        let mut count = 0;
        for shard in 0..self.shards.len() {
            // What comes in goes out again as what was replaced.
            let mut new = Vec::new();
            let mut rows = self.shards.write_shard(shard)?;
            for at in rows.table.iter_buckets() {
                let Some((key, values)) = rows.table.get_bucket(at) else { continue };
                for (place, value) in values.iter().enumerate() {
                    if let Some(value) = f(key, value) {
                        new.push((at, place, value));
                    }
                }
            }
            for (at, place, value) in &mut new {
                if let Some(there) = rows.table.get_bucket_mut(*at).and_then(|row| row.1.get_mut(*place)) {
                    mem::swap(there, value);
                }
            }
            count += new.len();
        }
        Ok(count)
    }

    fn keys(&self, cursor: &mut Cursor<K>) -> Result<Vec<K>, AccessError> {
        self.shards.keys(cursor)
    }

    fn body<R>(&self, key: &K, f: impl FnOnce(&Vec<V>) -> R) -> Result<Option<R>, AccessError> {
        self.shards.find(key, f)
    }

    fn each_value(body: &Vec<V>, f: impl FnMut(&V)) {
        body.iter().for_each(f);
    }

    fn end(&self, _: End) -> Result<Option<K>, AccessError> {
        self.shards.first()
    }

    fn clear(&self) -> Result<(), AccessError> {
        self.shards.clear()
    }

    fn close(&self) {
        self.shards.close();
    }

    fn size(&self) -> usize {
        self.shards.size()
    }

    fn memory(&self) -> usize {
        self.shards.memory() + self.size() * size_of::<V>()
    }
}

impl<K, V, M, Q> Find<K, V, Q> for BagStore<K, V, M>
where
    K: Hash + Eq + Clone + Send + Sync + Borrow<Q> + 'static,
    V: Clone + Send + Sync + 'static,
    M: Multiplicity<V>,
    Q: Hash + Eq + ?Sized,
{
    fn read<R>(&self, key: &Q, f: impl FnOnce(&Vec<V>) -> R) -> Result<Option<R>, AccessError> {
        self.shards.find(key, f)
    }

    fn take(&self, key: &Q) -> Result<Option<Vec<V>>, AccessError> {
        self.shards.take(key, Vec::len)
    }

    fn step(&self, key: &Q, _: End) -> Result<Result<Option<K>, ()>, AccessError> {
        self.shards.next(key)
    }
}
