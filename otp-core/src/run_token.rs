//! The unsafe part of a cell's head: the future of a process with the right to poll it, and its task's waker.
//!
//! Their bytes of state stand among the head's other flags, where they cost no padding; nothing but this file touches
//! these fields.
//!
//! * **Run token**: whoever takes it has the future to itself until it gives the token back. Usually that is the
//!   process's tokio task; it never waits for it. One read-modify-write to take it, one store to give it back.
//! * **Waker**: written once, by the task at its first poll, and read by anyone after that: waking clones nothing.

use std::ops::{Deref, DerefMut};
use std::task::Waker;

use crate::cell::{Head, ProcessFuture};
use crate::sync::{AtomicU8, Ordering, UnsafeCell};

const FREE: u8 = 0;
const TAKEN: u8 = 1;

const NO_WAKER: u8 = 0;
const HAS_WAKER: u8 = 1;

/// The fields of [`Head`] that only this file touches.
pub(crate) struct Guarded<T> {
    value: UnsafeCell<Option<T>>,
}

// SAFETY: what is inside is `Send`, and is reached only as the functions below say.
#[expect(unsafe_code, reason = "guarded by the head's state bytes")]
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) fn empty() -> Self {
        Self { value: UnsafeCell::new(None) }
    }
}

impl Head {
    pub(crate) fn fresh_state() -> AtomicU8 {
        const { assert!(FREE == 0 && NO_WAKER == 0) };
        AtomicU8::new(0)
    }

    /// Takes the run token, unless somebody has it.
    #[inline]
    pub(crate) fn try_take(&self) -> Option<Held<'_>> {
        (self.token.swap(TAKEN, Ordering::SeqCst) == FREE).then_some(Held(self))
    }

    /// Whether somebody polls the process right now, or is about to.
    pub(crate) fn is_taken(&self) -> bool {
        self.token.load(Ordering::SeqCst) == TAKEN
    }

    /// The task's waker, once it is there.
    #[inline]
    pub(crate) fn task_waker(&self) -> Option<&Waker> {
        if self.waker_state.load(Ordering::Acquire) != HAS_WAKER {
            return None;
        }
        // SAFETY: `HAS_WAKER` was set with release after the one write; nobody writes again.
        #[expect(unsafe_code, reason = "written once, then only read")]
        self.waker.value.with(|cell| unsafe { (*cell).as_ref() })
    }

    /// Stores the task's waker, the first time. Called by the one task that drives the process, from its own poll.
    /// Returns whether this was the first time.
    #[inline]
    pub(crate) fn adopt_waker(&self, waker: &Waker) -> bool {
        if self.waker_state.load(Ordering::Acquire) == HAS_WAKER {
            return false;
        }
        // SAFETY: one task alone gets here, in its poll, and `HAS_WAKER` is not set: nobody reads the cell yet.
        #[expect(unsafe_code, reason = "written once, then only read")]
        self.waker.value.with_mut(|cell| unsafe { *cell = Some(waker.clone()) });
        self.waker_state.store(HAS_WAKER, Ordering::Release);
        true
    }
}

/// The run token, taken. Dropping it gives it back.
pub(crate) struct Held<'a>(&'a Head);

impl Deref for Held<'_> {
    type Target = Option<ProcessFuture>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        // SAFETY: this is the one `Held`; it lends the future for no longer than itself.
        #[expect(unsafe_code, reason = "see above")]
        self.0.future.value.with(|future| unsafe { &*future })
    }
}

impl DerefMut for Held<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as above, and borrowed mutably.
        #[expect(unsafe_code, reason = "see above")]
        self.0.future.value.with_mut(|future| unsafe { &mut *future })
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.token.store(FREE, Ordering::Release);
    }
}
