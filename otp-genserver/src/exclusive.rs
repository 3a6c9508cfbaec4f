//! [`Exclusive`]: a value that is only used by whoever owns it, and so may be part of what others look at.
//!
//! A `Context` is `Sync` when the server's messages are: a callback may then hold `&cx` across an `.await`. Closures and
//! streams need not be `Sync` for that.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// `Sync` whatever `T` is, since `&Exclusive` leads nowhere. The lock is never taken.
pub(crate) struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Exclusive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").finish_non_exhaustive()
    }
}
