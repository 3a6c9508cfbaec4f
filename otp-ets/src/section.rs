//! Code that runs under a table's lock must not use a table: found out before any lock is taken, by a count of the thread.

use std::cell::Cell;

thread_local! {
    static LOCKS: Cell<usize> = const { Cell::new(0) };
}

/// Panics if this code runs under a table's lock.
#[inline]
#[track_caller]
pub(crate) fn refuse_nested() {
    if LOCKS.get() > 0 {
        nested();
    }
}

#[cold]
#[track_caller]
fn nested() -> ! {
    panic!(
        "a table was used from a closure, or a `Clone`, `Eq`, `Hash`, `Ord` or `Drop`, that runs under a table's lock: \
         take the value out first"
    )
}

/// While it exists, this thread is under a table's lock.
pub(crate) struct Section;

impl Section {
    #[inline]
    pub(crate) fn enter() -> Self {
        LOCKS.set(LOCKS.get() + 1);
        Self
    }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        LOCKS.set(LOCKS.get() - 1);
    }
}
