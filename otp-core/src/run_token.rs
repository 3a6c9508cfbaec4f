//! The unsafe part of a cell's head: the future of a process with the right to poll it, and its task's waker.
//!
//! Their bytes of state stand among the head's other flags, where they cost no padding; nothing but this file touches
//! these fields.
//!
//! * **Run token**: whoever takes it has the future to itself until it gives the token back. Usually that is the
//!   process's tokio task; it never waits for it. One read-modify-write to take it, one store to give it back. A caller
//!   that polls in place (`handoff.rs`) gives it back by a read-modify-write: the task may have left word.
//! * **Waker**: written once, by the task at its first poll, and read by anyone after that: waking clones nothing.

use std::ops::{Deref, DerefMut};
use std::task::Waker;

use crate::cell::{Head, ProcessFuture};
use crate::sync::{AtomicU8, Ordering, UnsafeCell};

const FREE: u8 = 0;
const TAKEN: u8 = 1;
/// Taken by a caller, and the task was woken meanwhile: it wants to be woken again.
const MISSED: u8 = 2;
/// Taken by a caller, and the task was dropped meanwhile: the process is to die.
const ABANDONED: u8 = 3;

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
        match self.token.compare_exchange(FREE, TAKEN, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => Some(Held(self)),
            // Not by `then_some`: a `Held` that is made is dropped, and gives back what others have.
            Err(_) => None,
        }
    }

    /// As `try_take`, for the process's own task: if a caller has the token, it will wake the task when it is done.
    #[inline]
    pub(crate) fn take_or_leave_word(&self) -> Option<Held<'_>> {
        self.try_take().or_else(|| self.take_unless_left(MISSED))
    }

    /// As `try_take`, for a task that is dropped: if a caller has the token, it is its turn to end the process.
    pub(crate) fn take_or_abandon(&self) -> Option<Held<'_>> {
        self.try_take().or_else(|| self.take_unless_left(ABANDONED))
    }

    #[cold]
    fn take_unless_left(&self, word: u8) -> Option<Held<'_>> {
        loop {
            let found = self.token.load(Ordering::SeqCst);
            if found == FREE {
                if let Some(held) = self.try_take() {
                    return Some(held);
                }
            } else if self.token.compare_exchange(found, word, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                return None;
            }
        }
    }

    /// Whether somebody polls the process right now, or is about to.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        self.token.load(Ordering::SeqCst) != FREE
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

/// The run token, taken. Dropping it gives it back; who is not the process's own task, so that word may have been left,
/// uses `give_back` or `give_up`.
pub(crate) struct Held<'a>(&'a Head);

/// What the task did while a caller had the token.
pub(crate) enum Word<'a> {
    /// Nothing, or it was woken for nothing and has been woken again.
    None,
    /// It was dropped. The token is held still.
    Abandoned(Held<'a>),
}

impl<'a> Held<'a> {
    /// Gives the token back, and wakes the task if it was woken meanwhile.
    #[inline]
    pub(crate) fn give_back(self) -> Word<'a> {
        let head = self.0;
        let given = head.token.compare_exchange(TAKEN, FREE, Ordering::SeqCst, Ordering::SeqCst);
        match given {
            Ok(_) => {
                std::mem::forget(self);
                Word::None
            }
            Err(word) => self.hear(word),
        }
    }

    /// Gives the token back for good, whatever the task has left: there is nothing to be polled any more.
    pub(crate) fn give_up(self) {
        self.0.token.swap(FREE, Ordering::SeqCst);
        std::mem::forget(self);
    }

    #[cold]
    fn hear(self, word: u8) -> Word<'a> {
        let head = self.0;
        if word == ABANDONED {
            return Word::Abandoned(self);
        }
        // From here on a task that is dropped leaves word, or comes before the token is free.
        match head.token.compare_exchange(MISSED, FREE, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {
                std::mem::forget(self);
                head.wake();
                Word::None
            }
            Err(_) => Word::Abandoned(self),
        }
    }
}

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
