//! What ordered sets can do: ranges, prefixes, and everything backwards.

use std::borrow::Borrow;
use std::ops::{Bound, RangeBounds};

use crate::error::AccessError;
use crate::kind::{OrderedSet, OrderedSetKind};
use crate::pages::Pages;
use crate::store::End;
use crate::walk::Walk;

/// # Order, in `OrderedSet`
impl<K, V> OrderedSet<K, V>
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The rows whose keys lie in a range, in order, as they are at one moment. Finding the first takes as long as a lookup. A range
    /// whose start is above its end has none.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let events = otp_ets::OrderedSet::new()?;
    /// events.insert_all([((7, 1), "seven"), ((8, 1), "eight"), ((8, 2), "more")])?;
    /// assert_eq!(events.range((8, i32::MIN)..(9, i32::MIN))?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// A `select` whose guards compare the key, which in ETS looks at every row.
    pub fn range<Q>(&self, range: impl RangeBounds<Q>) -> Result<Vec<(K, V)>, AccessError>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.select_range(range, |key, value| Some((key.clone(), value.clone())))
    }

    /// As [`select`](crate::Table::select), on the rows whose keys lie in a range, under one lock.
    ///
    /// # Errors
    ///
    /// As every operation.
    pub fn select_range<Q, R>(
        &self,
        range: impl RangeBounds<Q>,
        mut f: impl FnMut(&K, &V) -> Option<R>,
    ) -> Result<Vec<R>, AccessError>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let store = self.reading()?;
        if is_empty(&range) {
            return Ok(Vec::new());
        }
        let bounds = (range.start_bound(), range.end_bound());
        store.read(|map| map.range::<Q, _>(bounds).filter_map(|(key, value)| f(key, value)).collect())
    }

    /// Deletes the rows whose keys lie in a range, at one moment. Gives their number.
    ///
    /// # Errors
    ///
    /// As every operation.
    pub fn delete_range<Q>(&self, range: impl RangeBounds<Q>) -> Result<usize, AccessError>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let store = self.writing()?;
        if is_empty(&range) {
            return Ok(0);
        }
        let bounds = (range.start_bound(), range.end_bound());
        let removed = store.write(|map| {
            let keys: Vec<K> = map.range::<Q, _>(bounds).map(|(key, _)| key.clone()).collect();
            let rows: Vec<_> = keys.iter().filter_map(|key| map.remove_entry::<K>(key)).collect();
            (keys, rows)
        })?;
        Ok(removed.1.len())
    }

    /// The rows whose keys begin with a text, in order, as they are at one moment.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let files = otp_ets::OrderedSet::new()?;
    /// files.insert_all([("etc/hosts", 1), ("home/a", 2), ("home/b", 3)])?;
    /// assert_eq!(files.prefix("home/")?, [("home/a", 2), ("home/b", 3)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// A `select` whose pattern has the beginning of the key.
    pub fn prefix(&self, prefix: &str) -> Result<Vec<(K, V)>, AccessError>
    where
        K: Borrow<str>,
    {
        self.reading()?.read(|map| {
            let rows = map.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            let fits = |(key, _): &(&K, &V)| (*key).borrow().starts_with(prefix);
            rows.take_while(fits).map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    }

    /// As [`foldl`](crate::Table::foldl), from the last row to the first.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:foldr/3`.
    pub fn foldr<A>(&self, start: A, mut f: impl FnMut(A, &K, &V) -> A) -> Result<A, AccessError> {
        let mut state = Some(start);
        self.reading()?.for_each_from(End::Last, |key, value| {
            state = state.take().map(|so_far| f(so_far, key, value));
        })?;
        // Empty only if `f` has panicked, and then this is not reached.
        state.ok_or(AccessError::Gone)
    }

    /// As [`select`](crate::Table::select), from the last row to the first.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:select_reverse/2`.
    pub fn select_reverse<R>(&self, mut f: impl FnMut(&K, &V) -> Option<R>) -> Result<Vec<R>, AccessError> {
        let mut found = Vec::new();
        self.reading()?.for_each_from(End::Last, |key, value| found.extend(f(key, value)))?;
        Ok(found)
    }

    /// As [`select_limit`](crate::Table::select_limit), from the last row to the first.
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
    /// `ets:select_reverse/3`.
    pub fn select_reverse_limit<R, F>(
        &self,
        limit: usize,
        f: F,
    ) -> Result<Pages<K, V, OrderedSetKind, R, F>, AccessError>
    where
        F: FnMut(&K, &V) -> Option<R>,
    {
        self.reading()?;
        Ok(Pages::new(Walk::new(self.clone(), End::Last), limit, f))
    }
}

/// Whether a range has no place for any key; a B-tree panics at some of these.
fn is_empty<Q: Ord + ?Sized>(range: &impl RangeBounds<Q>) -> bool {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start >= end
        }
    }
}
