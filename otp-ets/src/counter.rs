//! Counters within rows: the integers that can be, and what `update_counter` does to one.

use std::fmt;

/// An integer that `update_counter` can count with.
pub trait Counter: private::Sealed + Copy + Ord + Send + Sync + 'static {}

/// What comes of adding.
pub(crate) enum Sum<N> {
    Is(N),
    /// More than the type holds.
    Above,
    /// Less than the type holds.
    Below,
}

mod private {
    #[expect(unnameable_types, reason = "sealed")]
    pub trait Sealed: Sized {
        #[expect(private_interfaces, reason = "sealed: nobody calls it")]
        fn plus(self, by: i64) -> super::Sum<Self>;
    }
}

macro_rules! counters {
    ($($integer:ident)+) => {$(
        impl Counter for $integer {}
        impl private::Sealed for $integer {
            #[expect(private_interfaces, reason = "sealed: nobody calls it")]
            #[inline]
            fn plus(self, by: i64) -> Sum<Self> {
                match Self::try_from(i128::from(self) + i128::from(by)) {
                    Ok(sum) => Sum::Is(sum),
                    Err(_) if by < 0 => Sum::Below,
                    Err(_) => Sum::Above,
                }
            }
        }
    )+};
}

counters! { i8 i16 i32 i64 u8 u16 u32 u64 }

macro_rules! checked_counters {
    ($($integer:ident $add:ident)+) => {$(
        impl Counter for $integer {}
        impl private::Sealed for $integer {
            #[expect(private_interfaces, reason = "sealed: nobody calls it")]
            #[inline]
            fn plus(self, by: i64) -> Sum<Self> {
                match self.$add(by.into()) {
                    Some(sum) => Sum::Is(sum),
                    None if by < 0 => Sum::Below,
                    None => Sum::Above,
                }
            }
        }
    )+};
}

checked_counters! { i128 checked_add u128 checked_add_signed }

/// A counter of a row, and what is to be added to it.
///
/// # Examples
///
/// ```
/// use otp_ets::{CounterOp, Set};
///
/// #[derive(Clone, Default)]
/// struct Stats { hits: u64, bytes: u64 }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stats = Set::new()?;
/// let hit = CounterOp::field(|stats: &mut Stats| &mut stats.hits, 1);
/// let bytes = CounterOp::field(|stats: &mut Stats| &mut stats.bytes, 512);
/// assert_eq!(stats.update_counters_or("index", Stats::default(), &[hit, bytes])?, [1, 512]);
/// assert_eq!(stats.update_counter("index", hit)?, 2);
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// The operations `{Pos, Incr}` and `{Pos, Incr, Threshold, SetValue}` of `ets:update_counter/3`.
pub struct CounterOp<V, N> {
    field: fn(&mut V) -> &mut N,
    by: i64,
    threshold: Option<(N, N)>,
}

impl<N: Counter> CounterOp<N, N> {
    /// Adds to a value that is the counter itself.
    #[must_use]
    pub fn by(by: i64) -> Self {
        Self::field(|counter| counter, by)
    }
}

impl<V, N: Counter> CounterOp<V, N> {
    /// Adds to the counter that `field` finds in the value.
    #[must_use]
    pub fn field(field: fn(&mut V) -> &mut N, by: i64) -> Self {
        Self { field, by, threshold: None }
    }

    /// Sets the counter to `set` if it would come to be above `threshold`, or below it when what is added is negative. No
    /// overflow happens then.
    #[must_use]
    pub fn threshold(mut self, threshold: N, set: N) -> Self {
        self.threshold = Some((threshold, set));
        self
    }

    /// Changes the counter and gives its new value; none if that does not fit, and nothing has changed.
    #[inline]
    pub(crate) fn apply(&self, value: &mut V) -> Option<N> {
        let counter = (self.field)(value);
        let sum = counter.plus(self.by);
        let sum = match (self.threshold, sum) {
            (Some((threshold, set)), Sum::Is(sum)) => {
                let crossed = if self.by < 0 { sum < threshold } else { sum > threshold };
                if crossed { set } else { sum }
            }
            (Some((_, set)), Sum::Above | Sum::Below) => set,
            (None, Sum::Is(sum)) => sum,
            (None, Sum::Above | Sum::Below) => return None,
        };
        *counter = sum;
        Some(sum)
    }
}

impl<V, N: Copy> Clone for CounterOp<V, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, N: Copy> Copy for CounterOp<V, N> {}

impl<V, N: fmt::Debug> fmt::Debug for CounterOp<V, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CounterOp")
            .field("by", &self.by)
            .field("threshold", &self.threshold)
            .finish_non_exhaustive()
    }
}
