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

    /// Whether this code runs inside such a closure.
    #[inline]
    pub(crate) fn is_held() -> bool {
        DEPTH.get() > 0
    }

    /// Panics inside such a closure, before any lock is taken.
    #[track_caller]
    pub(crate) fn refuse() {
        assert!(
            !Self::is_held(),
            "a closure that runs under a registry's lock must not register, unregister or update"
        );
    }
}

impl Drop for UnderLock {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
