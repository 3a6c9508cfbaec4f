//! [`UnderLock`]: closures that run under a lock must not change the registry. Instead of a deadlock, they panic.

use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// While it exists, this thread holds a lock of some registry.
pub(crate) struct UnderLock(());

impl UnderLock {
    pub(crate) fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self(())
    }

    /// Panics inside such a closure, before any lock is taken.
    #[track_caller]
    pub(crate) fn refuse() {
        assert!(
            DEPTH.get() == 0,
            "a closure that runs under a registry's lock must not register, unregister or update"
        );
    }
}

impl Drop for UnderLock {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
