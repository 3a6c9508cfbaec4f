//! [`Walk`]: from key to key, undisturbed by what others do to the table.

use std::{fmt, vec};

use crate::error::AccessError;
use crate::kind::Kind;
use crate::store::{Cursor, End, Store};
use crate::table::Table;

/// A walk over all keys of a table, from [`Table::safe_fixtable`].
///
/// It holds a copy of the keys of one part of the table at a time, and no lock.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let squares = otp_ets::Set::new()?;
/// squares.insert_all((0..100).map(|n| (n, n * n)))?;
/// let mut walk = squares.safe_fixtable()?;
/// while let Some((n, square)) = walk.next_lookup()? {
///     assert_eq!(square, n * n);
///     squares.delete(&n)?;
/// }
/// assert_eq!(squares.first()?, None);
/// # Ok(())
/// # }
/// ```
pub struct Walk<K, V, T: Kind<K, V>> {
    table: Table<K, V, T>,
    cursor: Cursor<K>,
    /// Keys that come next.
    ahead: vec::IntoIter<K>,
}

impl<K, V, T: Kind<K, V>> Walk<K, V, T> {
    pub(crate) fn new(table: Table<K, V, T>, from: End) -> Self {
        Self { table, cursor: Cursor::new(from), ahead: Vec::new().into_iter() }
    }

    /// The next key; none at the end.
    ///
    /// # Errors
    ///
    /// As every operation of the table.
    ///
    /// # Counterpart
    ///
    /// `ets:next/2` on a fixed table.
    pub fn next_key(&mut self) -> Result<Option<K>, AccessError> {
        Ok(self.step(|_, _| ())?.map(|(key, ())| key))
    }

    /// The next key and what stands under it: a value, or in bags all values; none at the end.
    ///
    /// # Errors
    ///
    /// As every operation of the table.
    ///
    /// # Counterpart
    ///
    /// `ets:next_lookup/2`, of OTP 27, on a fixed table.
    #[expect(clippy::type_complexity, reason = "a value or several, depending on the type of table")]
    pub fn next_lookup(&mut self) -> Result<Option<(K, <T::Store as Store<K, V>>::Body)>, AccessError> {
        self.step(|_, body| body.clone())
    }

    /// Runs `f` on what stands under the next key that is still there.
    pub(crate) fn step<R>(
        &mut self,
        mut f: impl FnMut(&K, &<T::Store as Store<K, V>>::Body) -> R,
    ) -> Result<Option<(K, R)>, AccessError> {
        let store = self.table.reading()?;
        loop {
            for key in self.ahead.by_ref() {
                if let Some(found) = store.body(&key, |body| f(&key, body))? {
                    return Ok(Some((key, found)));
                }
            }
            self.ahead = store.keys(&mut self.cursor)?.into_iter();
            if self.ahead.len() == 0 {
                return Ok(None);
            }
        }
    }
}

impl<K, V, T: Kind<K, V>> fmt::Debug for Walk<K, V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("table", &self.table).finish_non_exhaustive()
    }
}
