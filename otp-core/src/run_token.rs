//! [`RunToken`]: the future of a process, and the right to poll it.
//!
//! Whoever takes the token has the future to itself until it gives the token back. Usually that is the process's tokio
//! task; it never waits for it.
//!
//! Cost: one read-modify-write to take it, one store to give it back.

use std::ops::{Deref, DerefMut};

use crate::cell::ProcessFuture;
use crate::sync::{AtomicU8, Ordering, UnsafeCell};

const FREE: u8 = 0;
const TAKEN: u8 = 1;

pub(crate) struct RunToken {
    state: AtomicU8,
    /// `None` before the process has its body, and once it was dropped in place.
    future: UnsafeCell<Option<ProcessFuture>>,
}

// SAFETY: the future is `Send`, and only the holder of the token touches it; `state` goes from `FREE` to `TAKEN` with
// acquire and back with release.
#[expect(unsafe_code, reason = "a lock that nobody waits for")]
unsafe impl Sync for RunToken {}

impl RunToken {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU8::new(FREE), future: UnsafeCell::new(None) }
    }

    /// Takes the token, unless somebody has it.
    #[inline]
    pub(crate) fn try_take(&self) -> Option<Held<'_>> {
        (self.state.swap(TAKEN, Ordering::Acquire) == FREE).then_some(Held(self))
    }
}

/// The token, taken. Dropping it gives it back.
pub(crate) struct Held<'a>(&'a RunToken);

impl Deref for Held<'_> {
    type Target = Option<ProcessFuture>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        // SAFETY: this is the one `Held`; it lends the future for no longer than itself.
        #[expect(unsafe_code, reason = "see above")]
        self.0.future.with_mut(|future| unsafe { &*future })
    }
}

impl DerefMut for Held<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as above, and borrowed mutably.
        #[expect(unsafe_code, reason = "see above")]
        self.0.future.with_mut(|future| unsafe { &mut *future })
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.state.store(FREE, Ordering::Release);
    }
}
