//! Rows found by hash, in shards with a lock each: what set and bags stand on.
//!
//! A row lies inline in its shard's table. An operation on one key hashes it once, before any lock, and takes one
//! lock; one on several keys takes all of theirs, in the order of the shards.

use std::borrow::Borrow;
use std::hash::Hash;
use std::mem;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::thread;

use ahash::RandomState;
use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::AccessError;
use crate::free::free;
use crate::section::Section;
use crate::store::Cursor;

/// Keys `K`, under each of which a body `B` stands.
#[expect(
    unnameable_types,
    missing_debug_implementations,
    reason = "not part of the API, and rows are not printed"
)]
pub struct Shards<K, B> {
    hasher: RandomState,
    shards: Box<[Shard<K, B>]>,
}

/// Aligned, so that no two locks share the two cache lines that are fetched together.
#[repr(align(128))]
struct Shard<K, B>(RwLock<Rows<K, B>>);

/// What stands behind one lock.
pub(crate) struct Rows<K, B> {
    pub(crate) table: HashTable<(K, B)>,
    /// The rows, as the user counts them: in a bag, several have one key.
    pub(crate) objects: usize,
    closed: bool,
}

/// A lock, held; the section ends after it is released.
pub(crate) struct Held<G> {
    guard: G,
    _section: Section,
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;

    #[inline]
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

type Reading<'a, K, B> = Held<RwLockReadGuard<'a, Rows<K, B>>>;
type Writing<'a, K, B> = Held<RwLockWriteGuard<'a, Rows<K, B>>>;

/// Several rows of one call that have the same key.
pub(crate) struct Group<K, B> {
    hash: u64,
    /// Where its key stands already, once that was looked for.
    place: Option<usize>,
    /// What is to be put there, then what it leaves over: that is dropped after the locks.
    row: Option<(K, B)>,
}

/// Four for each processor, so that two threads rarely meet.
fn shard_count() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (4 * processors).next_power_of_two().clamp(16, 256)
}

impl<K, B> Shards<K, B> {
    pub(crate) fn new() -> Self {
        let shard = |_| Shard(RwLock::new(Rows { table: HashTable::new(), objects: 0, closed: false }));
        Self { hasher: RandomState::new(), shards: (0..shard_count()).map(shard).collect() }
    }

    /// Counted without the seven bits that the shard's table tells its rows apart by.
    #[inline]
    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 49) as usize & (self.shards.len() - 1)
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn read_shard(&self, shard: usize) -> Result<Reading<'_, K, B>, AccessError> {
        let section = Section::enter();
        let guard = self.shards[shard].0.read();
        if guard.closed { Err(AccessError::Gone) } else { Ok(Held { guard, _section: section }) }
    }

    pub(crate) fn write_shard(&self, shard: usize) -> Result<Writing<'_, K, B>, AccessError> {
        let section = Section::enter();
        let guard = self.shards[shard].0.write();
        if guard.closed { Err(AccessError::Gone) } else { Ok(Held { guard, _section: section }) }
    }

    /// The shard that a hash belongs to.
    #[inline]
    pub(crate) fn read(&self, hash: u64) -> Result<Reading<'_, K, B>, AccessError> {
        self.read_shard(self.shard_of(hash))
    }

    /// The shard that a hash belongs to.
    #[inline]
    pub(crate) fn write(&self, hash: u64) -> Result<Writing<'_, K, B>, AccessError> {
        self.write_shard(self.shard_of(hash))
    }

    /// All shards at one moment.
    pub(crate) fn read_all(&self) -> Result<Vec<Reading<'_, K, B>>, AccessError> {
        (0..self.shards.len()).map(|shard| self.read_shard(shard)).collect()
    }

    pub(crate) fn size(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().objects).sum()
    }

    pub(crate) fn memory(&self) -> usize {
        let tables = self.shards.iter().map(|shard| shard.0.read().table.allocation_size());
        tables.sum::<usize>() + mem::size_of_val(&*self.shards)
    }

    /// The first key of the first shard that has one.
    pub(crate) fn first(&self) -> Result<Option<K>, AccessError>
    where
        K: Clone,
    {
        self.from(0, 0)
    }

    /// The first key from a bucket of a shard on.
    fn from(&self, shard: usize, bucket: usize) -> Result<Option<K>, AccessError>
    where
        K: Clone,
    {
        let mut bucket = bucket;
        for shard in shard..self.shards.len() {
            let rows = self.read_shard(shard)?;
            if let Some(row) = (bucket..rows.table.num_buckets()).find_map(|at| rows.table.get_bucket(at)) {
                return Ok(Some(row.0.clone()));
            }
            bucket = 0;
        }
        Ok(None)
    }

    /// The keys of the next shard that has any.
    pub(crate) fn keys(&self, cursor: &mut Cursor<K>) -> Result<Vec<K>, AccessError>
    where
        K: Clone,
    {
        while cursor.shard < self.shards.len() {
            let rows = self.read_shard(cursor.shard)?;
            cursor.shard += 1;
            if !rows.table.is_empty() {
                return Ok(rows.table.iter().map(|(key, _)| key.clone()).collect());
            }
        }
        Ok(Vec::new())
    }
}

impl<K: Send + 'static, B: Send + 'static> Shards<K, B> {
    pub(crate) fn clear(&self) -> Result<(), AccessError> {
        self.empty(false)
    }

    pub(crate) fn close(&self) {
        // An error says that it was closed before.
        self.empty(true).unwrap_or(());
    }

    fn empty(&self, close: bool) -> Result<(), AccessError> {
        let mut objects = 0;
        let mut tables = Vec::with_capacity(self.shards.len());
        let locked: Result<Vec<_>, _> = (0..self.shards.len()).map(|shard| self.write_shard(shard)).collect();
        for mut rows in locked? {
            objects += mem::take(&mut rows.objects);
            tables.push(mem::take(&mut rows.table));
            rows.closed = close;
        }
        free(objects, tables);
        Ok(())
    }
}

impl<K: Hash + Eq, B> Shards<K, B> {
    #[inline]
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Makes room for so many new keys.
    #[inline]
    pub(crate) fn make_room(&self, rows: &mut Rows<K, B>, more: usize) {
        if rows.room() < more {
            rows.grow(more, &self.hasher);
        }
    }

    pub(crate) fn find<Q, R>(&self, key: &Q, f: impl FnOnce(&B) -> R) -> Result<Option<R>, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let rows = self.read(hash)?;
        Ok(rows.table.find(hash, |row| row.0.borrow() == key).map(|row| f(&row.1)))
    }

    /// Removes a key with all that stands under it; `weight` says how many rows that is.
    pub(crate) fn take<Q>(&self, key: &Q, weight: impl Fn(&B) -> usize) -> Result<Option<B>, AccessError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let mut rows = self.write(hash)?;
        let Some(at) = rows.position(hash, key) else { return Ok(None) };
        let (key, body) = rows.remove(at);
        rows.objects -= weight(&body);
        drop(rows);
        drop(key);
        Ok(Some(body))
    }

    /// The key after this one in the order of the buckets; `Err(())` if it is not there.
    pub(crate) fn next<Q>(&self, key: &Q) -> Result<Result<Option<K>, ()>, AccessError>
    where
        K: Borrow<Q> + Clone,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let at = self.read(hash)?.position(hash, key);
        let Some(at) = at else { return Ok(Err(())) };
        self.from(self.shard_of(hash), at + 1).map(Ok)
    }

    /// Puts rows of the same key together, in the order of the shards: `begin` makes the body of the first, `join` adds each
    /// further one.
    pub(crate) fn group<V>(
        &self,
        rows: Vec<(K, V)>,
        begin: impl Fn(V) -> B,
        mut join: impl FnMut(&mut B, V),
    ) -> Vec<Group<K, B>> {
        let mut rows: Vec<_> = rows.into_iter().map(|(key, value)| (self.hash(&key), key, value)).collect();
        // A stable sort: of rows with the same key the first stays the first.
        rows.sort_by_key(|&(hash, ..)| (self.shard_of(hash), hash));
        let mut groups: Vec<Group<K, B>> = Vec::with_capacity(rows.len());
        for (hash, key, value) in rows {
            let mut alike = groups.iter_mut().rev().take_while(|group| group.hash == hash);
            let same = alike.find_map(|group| group.row.as_mut().filter(|row| row.0 == key));
            match same {
                Some(row) => join(&mut row.1, value),
                None => groups.push(Group { hash, place: None, row: Some((key, begin(value))) }),
            }
        }
        groups
    }

    /// Puts all groups into the table at one moment; with `only_new` none of them if a key is there.
    ///
    /// `prepare` looks at what is there before anything is changed, and may be user code. `join` then adds to what is
    /// there, or takes it in exchange, and `weight` counts, both without user code.
    pub(crate) fn put(
        &self,
        groups: Vec<Group<K, B>>,
        only_new: bool,
        mut prepare: impl FnMut(&B, &mut B),
        mut join: impl FnMut(&mut B, &mut B) -> usize,
        weight: impl Fn(&B) -> usize,
    ) -> Result<bool, AccessError> {
        // What is left over is dropped after unlocking, hence declared before the locks.
        let mut groups = groups;
        let mut locked = Vec::with_capacity(groups.len().min(self.shards.len()));
        for of_one_shard in groups.chunk_by(|a, b| self.shard_of(a.hash) == self.shard_of(b.hash)) {
            locked.push((self.write(of_one_shard[0].hash)?, of_one_shard.len()));
        }
        // Whatever may panic comes first: hashing, comparing, looking.
        let mut rest = &mut groups[..];
        for (rows, count) in &mut locked {
            let (here, later) = rest.split_at_mut(*count);
            rest = later;
            if rows.room() < here.len() {
                // Keys that are there need none: a table that is written anew stays as large as it is.
                let new = here.iter().filter(|group| rows.lacks(group)).count();
                self.make_room(rows, new);
            }
            for group in here {
                let Some((key, body)) = &mut group.row else { continue };
                group.place = rows.position(group.hash, key);
                if let Some(there) = group.place.and_then(|place| rows.table.get_bucket(place)) {
                    if only_new {
                        return Ok(false);
                    }
                    prepare(&there.1, body);
                }
            }
        }
        // From here on nothing can fail. There is room, so places stay what they are.
        let mut rest = groups.iter_mut();
        for (rows, count) in &mut locked {
            for group in rest.by_ref().take(*count) {
                if let Some(there) = group.place.and_then(|place| rows.table.get_bucket_mut(place)) {
                    rows.objects += group.row.as_mut().map_or(0, |(_, body)| join(&mut there.1, body));
                } else if let Some((key, body)) = group.row.take() {
                    rows.objects += weight(&body);
                    rows.add(group.hash, key, body);
                }
            }
        }
        Ok(true)
    }
}

impl<K: Hash + Eq, B> Rows<K, B> {
    /// A table with room for so many more keys takes the place of this one. All keys are hashed before any is moved:
    /// a `Hash` that panics leaves everything where it was.
    #[cold]
    fn grow(&mut self, more: usize, hasher: &RandomState) {
        let hashes: Vec<u64> = self.table.iter().map(|(key, _)| hasher.hash_one(key)).collect();
        let needed = self.table.len() + more;
        let full = self.table.num_buckets() / 8 * 7;
        // What removed rows have left behind takes room too; a table that is half empty is only cleaned of it.
        let capacity = if needed <= full / 2 { full } else { needed.max(full + 1) };
        let old = mem::replace(&mut self.table, HashTable::with_capacity(capacity));
        for (row, hash) in old.into_iter().zip(hashes) {
            self.table.insert_unique(hash, row, |_| unreachable!("there is room for all"));
        }
    }

    /// Whether the key of a group is not there.
    fn lacks(&self, group: &Group<K, B>) -> bool {
        group.row.as_ref().is_some_and(|(key, _)| self.position(group.hash, key).is_none())
    }

    pub(crate) fn position<Q>(&self, hash: u64, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.table.find_bucket_index(hash, |row| row.0.borrow() == key)
    }

    /// Adds a key for which there is room, and which is not there.
    pub(crate) fn add(&mut self, hash: u64, key: K, body: B) {
        self.table.insert_unique(hash, (key, body), |_| unreachable!("room was made before"));
    }
}

impl<K, B> Rows<K, B> {
    /// How many more keys fit before the table has to grow.
    #[inline]
    fn room(&self) -> usize {
        self.table.capacity() - self.table.len()
    }

    /// Takes out the row at a place that was just found.
    pub(crate) fn remove(&mut self, at: usize) -> (K, B) {
        match self.table.get_bucket_entry(at) {
            Ok(row) => row.remove().0,
            Err(_) => unreachable!("a row was found at this place"),
        }
    }
}
