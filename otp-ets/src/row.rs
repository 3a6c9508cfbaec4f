//! What tables with one row per key can do with that row.

use std::mem;

use crate::counter::{Counter, CounterOp};
use crate::error::{AccessError, UpdateCounterError};
use crate::kind::{Kind, OneRowPerKey};
use crate::store::{Change, Find as _, Store, Upsert};
use crate::table::Table;

/// # The row of a key, in `Set` and `OrderedSet`
impl<K, V, T> Table<K, V, T>
where
    V: Clone,
    T: Kind<K, V> + OneRowPerKey,
    T::Store: Store<K, V, Body = V>,
{
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:lookup/2`.
    pub fn lookup<Q: ?Sized>(&self, key: &Q) -> Result<Option<V>, AccessError>
    where
        T::Store: Change<K, V, Q>,
    {
        self.reading()?.read(key, V::clone)
    }

    /// What `f` makes of the value of a key, which is not copied. For a default, add `.unwrap_or(…)`.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:lookup_element/3` and `/4`.
    pub fn lookup_element<Q: ?Sized, R>(
        &self,
        key: &Q,
        f: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, AccessError>
    where
        T::Store: Change<K, V, Q>,
    {
        self.reading()?.read(key, f)
    }

    /// Takes the row of a key out of the table, and gives its value.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:take/2`.
    pub fn take<Q: ?Sized>(&self, key: &Q) -> Result<Option<V>, AccessError>
    where
        T::Store: Change<K, V, Q>,
    {
        self.writing()?.take(key)
    }

    /// Deletes the row of a key if its value is this one. Whether it did.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:delete_object/2`, which returns `true` in any case.
    pub fn delete_object<Q: ?Sized>(&self, key: &Q, value: &V) -> Result<bool, AccessError>
    where
        V: PartialEq,
        T::Store: Change<K, V, Q>,
    {
        Ok(self.writing()?.take_if(key, |there| there == value)?.is_some())
    }

    /// Changes the value of a key, at one moment. Whether there was one.
    ///
    /// `f` works on a copy, which then takes the value's place: should it panic, the row is as before.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:update_element/3`.
    pub fn update_element<Q: ?Sized>(&self, key: &Q, f: impl FnOnce(&mut V)) -> Result<bool, AccessError>
    where
        T::Store: Change<K, V, Q>,
    {
        let replaced = self.writing()?.change(key, |value| replace(value, f))?;
        Ok(replaced.is_some())
    }

    /// As [`update_element`](Self::update_element), on `default` if the key has no row; that is then inserted.
    ///
    /// # Errors
    ///
    /// As every operation.
    ///
    /// # Counterpart
    ///
    /// `ets:update_element/4`, of OTP 27.
    pub fn update_element_or(&self, key: K, default: V, f: impl FnOnce(&mut V)) -> Result<(), AccessError>
    where
        T::Store: Upsert<K, V>,
    {
        let replaced = self.writing()?.upsert(key, default, |value| Ok::<_, ()>(replace(value, f)))?;
        drop(replaced);
        Ok(())
    }

    /// Adds to a counter in the row of a key, at one moment, and gives its new value.
    ///
    /// # Errors
    ///
    /// As every operation; [`UpdateCounterError::NoSuchKey`], [`UpdateCounterError::Overflow`]: nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_ets::{CounterOp, Set};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hits: Set<&str, u32> = Set::new()?;
    /// assert_eq!(hits.update_counter_or("index", 0, CounterOp::by(1))?, 1);
    /// assert_eq!(hits.update_counter("index", CounterOp::by(-5).threshold(0, 0))?, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// `ets:update_counter/3`. Integers have a size here: what does not fit is an error.
    pub fn update_counter<Q: ?Sized, N: Counter>(
        &self,
        key: &Q,
        op: CounterOp<V, N>,
    ) -> Result<N, UpdateCounterError>
    where
        T::Store: Change<K, V, Q>,
    {
        let sum = self.writing()?.change(key, |value| op.apply(value))?;
        sum.ok_or(UpdateCounterError::NoSuchKey)?.ok_or(UpdateCounterError::Overflow)
    }

    /// As [`update_counter`](Self::update_counter), on `default` if the key has no row; that is then inserted.
    ///
    /// # Errors
    ///
    /// As every operation; [`UpdateCounterError::Overflow`]: nothing has changed then.
    ///
    /// # Counterpart
    ///
    /// `ets:update_counter/4`.
    pub fn update_counter_or<N: Counter>(
        &self,
        key: K,
        default: V,
        op: CounterOp<V, N>,
    ) -> Result<N, UpdateCounterError>
    where
        T::Store: Upsert<K, V>,
    {
        self.writing()?.upsert(key, default, |value| op.apply(value).ok_or(UpdateCounterError::Overflow))?
    }

    /// Several operations, one after the other on what the last one left, at one moment. Gives all new values.
    ///
    /// # Errors
    ///
    /// As [`update_counter`](Self::update_counter): then none of them was done.
    ///
    /// # Counterpart
    ///
    /// `ets:update_counter/3` with a list.
    pub fn update_counters<Q: ?Sized, N: Counter>(
        &self,
        key: &Q,
        ops: &[CounterOp<V, N>],
    ) -> Result<Vec<N>, UpdateCounterError>
    where
        T::Store: Change<K, V, Q>,
    {
        let done = self.writing()?.change(key, |value| apply_all(value, ops))?;
        let (sums, _replaced) = done.ok_or(UpdateCounterError::NoSuchKey)??;
        Ok(sums)
    }

    /// As [`update_counters`](Self::update_counters), on `default` if the key has no row; that is then inserted.
    ///
    /// # Errors
    ///
    /// As [`update_counter_or`](Self::update_counter_or): then none of them was done.
    ///
    /// # Counterpart
    ///
    /// `ets:update_counter/4` with a list.
    pub fn update_counters_or<N: Counter>(
        &self,
        key: K,
        default: V,
        ops: &[CounterOp<V, N>],
    ) -> Result<Vec<N>, UpdateCounterError>
    where
        T::Store: Upsert<K, V>,
    {
        let (sums, _replaced) = self.writing()?.upsert(key, default, |value| apply_all(value, ops))??;
        Ok(sums)
    }
}

/// Changes a copy of the value and puts it in its place. Gives the old one.
fn replace<V: Clone>(value: &mut V, f: impl FnOnce(&mut V)) -> V {
    let mut new = value.clone();
    f(&mut new);
    mem::replace(value, new)
}

/// All operations or none. Gives their results and the old value.
fn apply_all<V: Clone, N: Counter>(
    value: &mut V,
    ops: &[CounterOp<V, N>],
) -> Result<(Vec<N>, V), UpdateCounterError> {
    let mut new = value.clone();
    let sums: Option<Vec<N>> = ops.iter().map(|op| op.apply(&mut new)).collect();
    let sums = sums.ok_or(UpdateCounterError::Overflow)?;
    Ok((sums, mem::replace(value, new)))
}
