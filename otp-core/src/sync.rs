//! The locks and atomics of the core, in one place, so that loom can stand in for them (`cfg(otp_loom)`).
//!
//! Everything that two threads touch in this crate's state machines goes through here. `cfg(loom)` itself is
//! not used, since it changes tokio as well.

#[cfg(not(otp_loom))]
mod imp {
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};

    /// `std`'s cell with loom's closure interface.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Lends the raw pointer; dereferencing it is the caller's promise of exclusive access.
        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(otp_loom)]
mod imp {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering, fence};
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use std::sync::Arc;
}

pub(crate) use imp::{Arc, AtomicU8, AtomicU32, Mutex, MutexGuard, Ordering, UnsafeCell, fence};
