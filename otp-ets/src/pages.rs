//! [`Pages`]: the results of a `select`, a few at a time.

use std::collections::VecDeque;
use std::fmt;

use crate::error::AccessError;
use crate::kind::Kind;
use crate::store::Store;
use crate::walk::Walk;

/// The results of [`Table::select_limit`](crate::Table::select_limit), page by page. Between pages it holds no lock, and each
/// row comes once at most.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = otp_ets::OrderedSet::new()?;
/// numbers.insert_all((1..=5).map(|n| (n, ())))?;
/// let mut pages = numbers.select_limit(2, |n, ()| (n % 2 == 1).then_some(*n))?;
/// assert_eq!(pages.next_page()?, Some(vec![1, 3]));
/// assert_eq!(pages.next_page()?, Some(vec![5]));
/// assert_eq!(pages.next_page()?, None);
/// # Ok(())
/// # }
/// ```
pub struct Pages<K, V, T: Kind<K, V>, R, F> {
    walk: Walk<K, V, T>,
    limit: usize,
    f: F,
    /// Results that did not fit into the last page.
    ready: VecDeque<R>,
}

impl<K, V, T: Kind<K, V>, R, F: FnMut(&K, &V) -> Option<R>> Pages<K, V, T, R, F> {
    #[track_caller]
    pub(crate) fn new(walk: Walk<K, V, T>, limit: usize, f: F) -> Self {
        assert!(limit > 0, "a page has room for one result at least");
        Self { walk, limit, f, ready: VecDeque::new() }
    }

    /// The next results, at least one and at most as many as the limit says; none at the end.
    ///
    /// # Errors
    ///
    /// As every operation of the table. The results found until then come with the next page, should there be one.
    ///
    /// # Counterpart
    ///
    /// `ets:select/1` with a continuation; none is `'$end_of_table'`.
    pub fn next_page(&mut self) -> Result<Option<Vec<R>>, AccessError> {
        let Self { walk, limit, f, ready } = self;
        while ready.len() < *limit {
            let step = walk.step(|key, body| {
                T::Store::each_value(body, |value| ready.extend(f(key, value)));
            })?;
            if step.is_none() {
                break;
            }
        }
        let count = ready.len().min(*limit);
        Ok((count > 0).then(|| ready.drain(..count).collect()))
    }
}

impl<K, V, T: Kind<K, V>, R, F> fmt::Debug for Pages<K, V, T, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("walk", &self.walk).field("limit", &self.limit).finish_non_exhaustive()
    }
}
