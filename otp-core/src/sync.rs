//! The locks, atomics and statics of the core, in one place, so that loom can stand in for them (`cfg(otp_loom)`).
//!
//! Everything that two threads touch in this crate's state machines goes through here. `cfg(loom)` itself is
//! not used, since it changes tokio as well. What no model looks at stays with `std`: the counters that make pids and
//! references unique, the timer service, the orphans' watch.

#[cfg(not(otp_loom))]
mod imp {
    pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock};
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence,
    };
    pub(crate) use std::thread_local;

    /// `std`'s cell with loom's closure interface.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Lends the raw pointer for reading; dereferencing it is the caller's promise that nobody writes.
        #[inline]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Lends the raw pointer; dereferencing it is the caller's promise of exclusive access.
        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    /// A static that is made at its first use; for loom, once in each run of a model.
    macro_rules! made_once {
        ($(#[$attr:meta])* static $name:ident: $type:ty = $make:expr;) => {
            $(#[$attr])*
            static $name: std::sync::LazyLock<$type> = std::sync::LazyLock::new(|| $make);
        };
    }
    pub(crate) use made_once;

    /// How many parts a table has: one is one lock.
    pub(crate) const fn shards(many: usize) -> usize {
        many
    }
}

/// loom's types behind the interfaces of parking_lot and `std`.
#[cfg(otp_loom)]
mod imp {
    use std::cell::RefCell;

    use loom::sync as models;
    use loom::thread::LocalKey;

    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::MutexGuard;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
    pub(crate) use std::sync::Arc;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T: ?Sized>(models::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(models::Mutex::new(value))
        }
    }

    impl<T: ?Sized> Mutex<T> {
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(models::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(models::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> models::RwLockReadGuard<'_, T> {
            self.0.read().unwrap()
        }

        pub(crate) fn write(&self) -> models::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap()
        }
    }

    /// loom knows sequential consistency of fences only, and takes it for acquire and release elsewhere. So it is spelled
    /// out, as x86 compiles it: a store or a swap that asks for it is followed by a fence.
    macro_rules! sequential_atomic {
        ($name:ident, $type:ty) => {
            #[derive(Debug)]
            pub(crate) struct $name(models::atomic::$name);

            impl $name {
                pub(crate) fn new(value: $type) -> Self {
                    Self(models::atomic::$name::new(value))
                }

                pub(crate) fn load(&self, order: Ordering) -> $type {
                    self.0.load(order)
                }

                pub(crate) fn store(&self, value: $type, order: Ordering) {
                    self.0.store(value, order);
                    fence_if_sequential(order);
                }

                #[allow(dead_code, reason = "not every one is swapped")]
                pub(crate) fn swap(&self, value: $type, order: Ordering) -> $type {
                    let before = self.0.swap(value, order);
                    fence_if_sequential(order);
                    before
                }

                #[allow(dead_code, reason = "not every one is compared")]
                pub(crate) fn compare_exchange(
                    &self,
                    current: $type,
                    new: $type,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$type, $type> {
                    // As x86 has it, it is a fence whether it succeeds or not.
                    let before = self.0.compare_exchange(current, new, success, failure);
                    fence_if_sequential(success);
                    before
                }
            }
        };
    }

    sequential_atomic!(AtomicBool, bool);
    sequential_atomic!(AtomicU8, u8);
    sequential_atomic!(AtomicU16, u16);

    fn fence_if_sequential(order: Ordering) {
        if order == Ordering::SeqCst {
            fence(Ordering::SeqCst);
        }
    }

    /// loom's macro, which knows no `const` blocks.
    macro_rules! local {
        ($($(#[$attr:meta])* static $name:ident: $type:ty = const $make:block;)*) => {
            loom::thread_local! { $($(#[$attr])* static $name: $type = $make;)* }
        };
    }
    pub(crate) use local as thread_local;

    /// What `std`'s key of a thread-local `RefCell` has and loom's has not.
    pub(crate) trait LocalRefCell<T> {
        fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R;
    }

    impl<T: 'static> LocalRefCell<T> for LocalKey<RefCell<T>> {
        fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
            self.with(|cell| f(&mut cell.borrow_mut()))
        }
    }

    /// A static that is made once in each run of a model.
    macro_rules! made_once {
        ($(#[$attr:meta])* static $name:ident: $type:ty = $make:expr;) => {
            loom::lazy_static! {
                $(#[$attr])*
                static ref $name: $type = $make;
            }
        };
    }
    pub(crate) use made_once;

    /// One: in which part of a table a process stands must not differ from run to run.
    pub(crate) const fn shards(_: usize) -> usize {
        1
    }
}

#[cfg(otp_loom)]
pub(crate) use imp::LocalRefCell;
pub(crate) use imp::{
    Arc, AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, RwLock,
    UnsafeCell, fence, made_once, shards, thread_local,
};
