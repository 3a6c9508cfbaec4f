//! [`Table`], and what all types of table can do.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::builder::Builder;
use crate::error::{AccessError, CreateError, NextError, RenameError, WhereisError};
use crate::head::{AnyTable, Head, TableId};
use crate::info::TableInfo;
use crate::kind::{Kind, Replaceable};
use crate::pages::Pages;
use crate::query::Verdict;
use crate::registry;
use crate::section::refuse_nested;
use crate::store::{End, Find, Store};
use crate::walk::Walk;

/// A table of rows `(K, V)`: a handle, cheap to clone, that any process and any thread may use.
///
/// Its types are [`Set`](crate::Set), [`OrderedSet`](crate::OrderedSet), [`Bag`](crate::Bag) and
/// [`DuplicateBag`](crate::DuplicateBag).
///
/// A table made by a process belongs to it and goes with it, however many handles there are; then, and after
/// [`delete_table`](Self::delete_table), every operation fails with `Gone`. A table made outside any process has no owner, and
/// lives as long as its handles.
///
/// Every operation on a single row is atomic and isolated, and so are [`insert_all`](Self::insert_all),
/// [`insert_all_new`](Self::insert_all_new) and [`delete_all_objects`](Self::delete_all_objects) as a whole. What comes out is
/// a copy.
///
/// Closures run under a lock, exactly once for each row. They, and the `Clone`, `Eq`, `Hash`, `Ord` and `Drop` of keys and
/// values, must not use any table: that panics. A panic in them leaves the table whole, and is the caller's.
///
/// # Errors
///
/// Every operation fails with [`AccessError::Gone`] if the table does not exist any more, and with [`AccessError::Denied`]
/// if the table's protection keeps the current process out.
///
/// # Counterpart
///
/// An `ets` table, named or not.
pub struct Table<K, V, T: Kind<K, V>> {
    pub(crate) shared: Arc<Shared<K, V, T>>,
}

/// What the handles of a table share.
pub(crate) struct Shared<K, V, T: Kind<K, V>> {
    pub(crate) head: Head,
    pub(crate) store: T::Store,
}

impl<K, V, T: Kind<K, V>> Clone for Table<K, V, T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K, V, T: Kind<K, V>> fmt::Debug for Table<K, V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.head.fmt(f)
    }
}

impl<K: 'static, V: 'static, T: Kind<K, V>> AnyTable for Shared<K, V, T> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn info(&self) -> Option<TableInfo> {
        let head = &self.head;
        if head.is_gone() {
            return None;
        }
        let meta = head.meta.lock();
        let name = meta.name.as_ref().map(ToString::to_string);
        let (owner, heir) = (meta.owner, meta.heir.as_ref().map(|heir| heir.pid));
        drop(meta);
        Some(TableInfo {
            id: head.id,
            name,
            table_type: T::TYPE,
            protection: head.protection,
            owner,
            heir,
            size: self.store.size(),
            memory: self.store.memory(),
        })
    }

    fn close(&self) {
        self.store.close();
    }
}

impl<K, V, T: Kind<K, V>> Drop for Shared<K, V, T> {
    fn drop(&mut self) {
        // A table that was deleted, or never entered, is not there.
        registry::remove(&self.head);
        self.store.close();
    }
}

impl<K, V, T: Kind<K, V>> Table<K, V, T> {
    pub(crate) fn head(&self) -> &Head {
        &self.shared.head
    }

    /// The rows, if the current process may read them.
    #[inline]
    #[track_caller]
    pub(crate) fn reading(&self) -> Result<&T::Store, AccessError> {
        refuse_nested();
        self.shared.head.check_read()?;
        Ok(&self.shared.store)
    }

    /// The rows, if the current process may change them.
    #[inline]
    #[track_caller]
    pub(crate) fn writing(&self) -> Result<&T::Store, AccessError> {
        refuse_nested();
        self.shared.head.check_write()?;
        Ok(&self.shared.store)
    }
}

/// # Making, naming and deleting
impl<K: 'static, V: 'static, T: Kind<K, V>> Table<K, V, T> {
    /// A table without a name. In a process it is the process's own, protected; outside any it is everyone's who has a handle.
    ///
    /// # Errors
    ///
    /// [`CreateError::OwnerDead`] if the current process is about to die.
    ///
    /// # Counterpart
    ///
    /// `ets:new(Name, [])`.
    pub fn new() -> Result<Self, CreateError> {
        Self::builder().create()
    }

    /// A table with a name, a protection or an heir.
    pub fn builder() -> Builder<K, V, T> {
        Builder::new()
    }

    /// The table that has this name.
    ///
    /// # Errors
    ///
    /// [`WhereisError::NotRegistered`]; [`WhereisError::WrongType`] if the keys, the values or the type of that table are others.
    ///
    /// # Counterpart
    ///
    /// `ets:whereis/1`. There, names work wherever tables do; here they are looked up once.
    pub fn whereis(name: &str) -> Result<Self, WhereisError> {
        let table: Arc<dyn Any + Send + Sync> = registry::whereis(name).ok_or(WhereisError::NotRegistered)?;
        let shared = table.downcast().map_err(|_| WhereisError::WrongType)?;
        Ok(Self { shared })
    }

    /// Identifies the table, for [`info`](crate::info).
    #[must_use]
    pub fn id(&self) -> TableId {
        self.head().id
    }

    /// What the table is, and how large; none if it does not exist any more. For everyone, whatever the protection.
    ///
    /// # Counterpart
    ///
    /// `ets:info/1`.
    #[must_use]
    pub fn info(&self) -> Option<TableInfo> {
        refuse_nested();
        self.shared.info()
    }

    /// Gives the table another name. The old one is free.
    ///
    /// # Errors
    ///
    /// See [`RenameError`]; the table then keeps its name.
    ///
    /// # Counterpart
    ///
    /// `ets:rename/2`. A table that was made without a name has none to change.
    pub fn rename(&self, name: impl Into<Cow<'static, str>>) -> Result<(), RenameError> {
        self.writing()?;
        registry::rename(self.head(), name.into())
    }

    /// Deletes the table with all its rows; its name is free. Whoever may write may delete it.
    ///
    /// # Errors
    ///
    /// As every operation; of several who delete it one succeeds, the others get [`AccessError::Gone`].
    ///
    /// # Counterpart
    ///
    /// `ets:delete/1`.
    pub fn delete_table(&self) -> Result<(), AccessError> {
        let store = self.writing()?;
        if !registry::remove(self.head()) {
            return Err(AccessError::Gone);
        }
        store.close();
        Ok(())
    }
}

/// # Rows by key
impl<K, V, T: Kind<K, V>> Table<K, V, T> {
    /// Inserts a row. In sets it takes the place of the one that has this key.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:insert/2`. In sets the key that is there stays; only the value is replaced.
    pub fn insert(&self, key: K, value: V) -> Result<(), AccessError> {
        self.writing()?.insert(key, value)
    }

    /// Inserts several rows at one moment: no operation on keys sees some of them and not the others. In sets, of rows with the
    /// same key the last one counts.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:insert/2` with a list.
    pub fn insert_all(&self, rows: impl IntoIterator<Item = (K, V)>) -> Result<(), AccessError> {
        let store = self.writing()?;
        store.insert_all(rows.into_iter().collect())
    }

    /// Inserts a row if no row has its key. Whether it did.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:insert_new/2`.
    pub fn insert_new(&self, key: K, value: V) -> Result<bool, AccessError> {
        self.writing()?.insert_new(key, value)
    }

    /// Inserts all these rows at one moment if no row has the key of any of them. Whether it did.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:insert_new/2` with a list.
    pub fn insert_all_new(&self, rows: impl IntoIterator<Item = (K, V)>) -> Result<bool, AccessError> {
        let store = self.writing()?;
        store.insert_all_new(rows.into_iter().collect())
    }

    /// Whether a row has this key.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:member/2`.
    pub fn member<Q: ?Sized>(&self, key: &Q) -> Result<bool, AccessError>
    where
        T::Store: Find<K, V, Q>,
    {
        Ok(self.reading()?.read(key, |_| ())?.is_some())
    }

    /// Deletes all rows with this key. Whether there were any.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:delete/2`, which returns `true` in any case.
    pub fn delete<Q: ?Sized>(&self, key: &Q) -> Result<bool, AccessError>
    where
        T::Store: Find<K, V, Q>,
    {
        Ok(self.writing()?.take(key)?.is_some())
    }

    /// Deletes all rows, at one moment. The table stays, with its name.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:delete_all_objects/1`.
    pub fn delete_all_objects(&self) -> Result<(), AccessError> {
        self.writing()?.clear()
    }

    /// Replaces all rows by these, one by one: others see the table empty, and fill.
    ///
    /// # Errors
    ///
    /// As every operation; the table keeps what was inserted until then.
    ///
    /// # Counterpart
    ///
    /// `ets:init_table/2`; an iterator in the place of the function.
    pub fn init_table(&self, rows: impl IntoIterator<Item = (K, V)>) -> Result<(), AccessError> {
        self.delete_all_objects()?;
        rows.into_iter().try_for_each(|(key, value)| self.insert(key, value))
    }
}

/// # Going from key to key
impl<K, V, T: Kind<K, V>> Table<K, V, T> {
    /// The first key: in ordered sets the least, else any.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:first/1`.
    pub fn first(&self) -> Result<Option<K>, AccessError> {
        self.reading()?.end(End::First)
    }

    /// The last key: in ordered sets the greatest, else as [`first`](Self::first).
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:last/1`.
    pub fn last(&self) -> Result<Option<K>, AccessError> {
        self.reading()?.end(End::Last)
    }

    /// The key that follows this one; none at the end.
    ///
    /// In ordered sets this works from any key. In others only from one that is there, and only while nobody inserts:
    /// [`safe_fixtable`](Self::safe_fixtable) has no such limits.
    ///
    /// # Errors
    ///
    /// As every operation; [`NextError::NoSuchKey`] in tables without an order.
    ///
    /// # Counterpart
    ///
    /// `ets:next/2`.
    pub fn next<Q: ?Sized>(&self, key: &Q) -> Result<Option<K>, NextError>
    where
        T::Store: Find<K, V, Q>,
    {
        self.reading()?.step(key, End::Last)?.map_err(|()| NextError::NoSuchKey)
    }

    /// The key before this one in ordered sets; else as [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Counterpart
    ///
    /// `ets:prev/2`.
    pub fn prev<Q: ?Sized>(&self, key: &Q) -> Result<Option<K>, NextError>
    where
        T::Store: Find<K, V, Q>,
    {
        self.reading()?.step(key, End::First)?.map_err(|()| NextError::NoSuchKey)
    }

    /// A walk over all keys that nothing disturbs: each key that is in the table all the while comes exactly once, whatever
    /// others insert and delete; any other comes once or not at all.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:safe_fixtable/2` with `first` and `next`. The walk remembers where it is, and the table nothing of it: there is
    /// nothing to release.
    pub fn safe_fixtable(&self) -> Result<Walk<K, V, T>, AccessError> {
        self.reading()?;
        Ok(Walk::new(self.clone(), End::First))
    }
}

/// # Many rows
impl<K, V, T: Kind<K, V>> Table<K, V, T> {
    /// All rows, as they are at one moment; in ordered sets in their order.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:tab2list/1`, which is no reading of one moment.
    #[doc(alias = "tab2list")]
    pub fn to_vec(&self) -> Result<Vec<(K, V)>, AccessError> {
        self.reading()?.to_vec()
    }

    /// Goes over all rows, from the first to the last, and gives what comes of it.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:foldl/3`.
    pub fn foldl<A>(&self, start: A, mut f: impl FnMut(A, &K, &V) -> A) -> Result<A, AccessError> {
        let mut state = Some(start);
        self.reading()?.for_each(|key, value| state = state.take().map(|so_far| f(so_far, key, value)))?;
        // Empty only if `f` has panicked, and then this is not reached.
        state.ok_or(AccessError::Gone)
    }

    /// What `f` gives for each row for which it gives something. [`query!`](crate::query) writes such an `f` from patterns.
    ///
    /// Others may change the table meanwhile: each row is looked at once, as it is then.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_ets::{OrderedSet, query};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ages = OrderedSet::new()?;
    /// ages.insert_all([("Ann", 41), ("Bob", 17), ("Cid", 29)])?;
    /// let adults = ages.select(query!((name, age) if *age >= 18 => *name))?;
    /// assert_eq!(adults, ["Ann", "Cid"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// `ets:select/2`, and `ets:match/2` and `ets:match_object/2`, which are forms of it.
    #[doc(alias("match", "match_object"))]
    pub fn select<R>(&self, mut f: impl FnMut(&K, &V) -> Option<R>) -> Result<Vec<R>, AccessError> {
        let mut found = Vec::new();
        self.reading()?.for_each(|key, value| found.extend(f(key, value)))?;
        Ok(found)
    }

    /// As [`select`](Self::select), a page of at most `limit` results at a time.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Counterpart
    ///
    /// `ets:select/3`; the pages are the continuation.
    pub fn select_limit<R, F>(&self, limit: usize, f: F) -> Result<Pages<K, V, T, R, F>, AccessError>
    where
        F: FnMut(&K, &V) -> Option<R>,
    {
        Ok(Pages::new(self.safe_fixtable()?, limit, f))
    }

    /// How many rows `f` says yes to.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:select_count/2`.
    pub fn select_count<R: Verdict>(&self, mut f: impl FnMut(&K, &V) -> R) -> Result<usize, AccessError> {
        let mut count = 0;
        self.reading()?.for_each(|key, value| count += usize::from(f(key, value).yes()))?;
        Ok(count)
    }

    /// Deletes the rows that `f` says yes to, each at its own moment. Gives their number.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:select_delete/2` and `ets:match_delete/2`.
    #[doc(alias = "match_delete")]
    pub fn select_delete<R: Verdict>(&self, mut f: impl FnMut(&K, &V) -> R) -> Result<usize, AccessError> {
        self.writing()?.remove_where(|key, value| f(key, value).yes())
    }

    /// Puts the value that `f` gives in the place of the row's, for each row for which it gives one, each at its own moment.
    /// Gives their number.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:select_replace/2`.
    pub fn select_replace(&self, f: impl FnMut(&K, &V) -> Option<V>) -> Result<usize, AccessError>
    where
        T: Replaceable,
    {
        self.writing()?.replace_where(f)
    }
}
