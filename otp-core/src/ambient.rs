//! The current process: which one is being polled on this thread, and what waits for the end of its poll.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use crate::cell::{AnyCell, Life, Origin};
use crate::exit_reason::ExitReason;
use crate::panics::{catch, log_safely};
use crate::pid::Pid;
use crate::reply::Unanswered;
#[cfg(otp_loom)]
use crate::sync::LocalRefCell as _;
use crate::sync::{Arc, thread_local};

/// What each poll touches. Without a destructor, so that reaching it costs no check.
struct Ambient {
    current: Cell<Option<NonNull<AnyCell>>>,
    /// The length of `DEFERRED`.
    deferred: Cell<usize>,
    /// `ENDING` is set.
    ending: Cell<bool>,
    /// A panic was noted; see `panics.rs`.
    panicked: Cell<bool>,
    /// How many processes are polled in place within each other; see `handoff.rs`.
    handoffs: Cell<u8>,
}

thread_local! {
    static AMBIENT: Ambient =
        const { Ambient { current: Cell::new(None), deferred: Cell::new(0), ending: Cell::new(false), panicked: Cell::new(false), handoffs: Cell::new(0) } };
    /// Requests that were let go of in the polls that are under way, the innermost last.
    static DEFERRED: RefCell<Vec<Unanswered>> = const { RefCell::new(Vec::new()) };
    /// The reasons that the processes under way have given for their end, the innermost last.
    static ENDING: RefCell<Vec<ExitReason>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` with the cell of the current process, if this code runs inside one.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<&AnyCell>) -> R) -> R {
    let current = AMBIENT.with(|ambient| ambient.current.get());
    // SAFETY: `current` is set by `Scope::enter` alone, from a reference that outlives the scope, and reset when the
    // scope ends. Scopes live on the stack of this thread, below this frame, so the cell is alive while `f` runs.
    #[expect(unsafe_code, reason = "lends the cell without touching its reference count on each use")]
    f(current.map(|cell| unsafe { &*cell.as_ptr() }))
}

/// The pid of the current process.
#[inline]
pub(crate) fn current() -> Option<Pid> {
    with(|cell| cell.map(|cell| cell.head.pid))
}

/// Whether this code runs in a poll of that process, at whose end it is known whether the process died. The code of a
/// thread process is no poll: it may go on for ever; but when it unwinds, the process dies.
#[inline]
pub(crate) fn is_in_poll_of(pid: Pid) -> bool {
    with(|cell| {
        cell.is_some_and(|cell| {
            cell.head.pid == pid
                && (!matches!(cell.head.origin, Origin::Thread(_)) || std::thread::panicking())
        })
    })
}

/// Says that the current process is to end with `reason` when its poll returns.
pub(crate) fn set_ending(reason: ExitReason) {
    ENDING.with_borrow_mut(|endings| endings.push(reason));
    AMBIENT.with(|ambient| ambient.ending.set(true));
}

/// Whether `set_ending` was called since `take_ending` was.
#[inline]
pub(crate) fn is_ending() -> bool {
    AMBIENT.with(|ambient| ambient.ending.get())
}

/// The reason given to `set_ending` since this was last asked.
pub(crate) fn take_ending() -> Option<ExitReason> {
    if AMBIENT.with(|ambient| ambient.ending.replace(false)) {
        ENDING.with_borrow_mut(Vec::pop)
    } else {
        None
    }
}

/// Whether a panic was noted on this thread since this was last asked.
#[inline]
pub(crate) fn take_panicked() -> bool {
    AMBIENT.with(|ambient| ambient.panicked.replace(false))
}

/// A panic was noted.
pub(crate) fn set_panicked() {
    AMBIENT.with(|ambient| ambient.panicked.set(true));
}

/// How many processes are polled in place on this thread, within each other.
#[inline]
pub(crate) fn handoffs() -> u8 {
    AMBIENT.with(|ambient| ambient.handoffs.get())
}

/// Says how many there are now, and tells how many there were.
#[inline]
pub(crate) fn set_handoffs(depth: u8) -> u8 {
    AMBIENT.with(|ambient| ambient.handoffs.replace(depth))
}

/// Puts a request of the current process aside until its poll has ended and it is known whether it died in it.
#[cold]
pub(crate) fn defer(request: Unanswered) {
    let mut request = Some(request);
    // `try_with`: a destructor that runs while the thread ends must not panic.
    let kept = DEFERRED.try_with(|list| {
        let mut list = list.borrow_mut();
        list.extend(request.take());
        AMBIENT.with(|ambient| ambient.deferred.set(list.len()));
    });
    if let (Err(_), Some(request)) = (kept, request) {
        request.resolve(None);
    }
}

/// While it exists, `cell` is the current process of this thread. Scopes nest.
pub(crate) struct Scope<'a> {
    pub(crate) cell: &'a Arc<AnyCell>,
    previous: Option<NonNull<AnyCell>>,
    /// Where this scope's part of `DEFERRED` begins.
    deferred_from: usize,
    /// The enclosing scope has given its reason to end.
    outer_ending: bool,
}

impl<'a> Scope<'a> {
    #[inline]
    pub(crate) fn enter(cell: &'a Arc<AnyCell>) -> Self {
        AMBIENT.with(|ambient| Self {
            cell,
            previous: ambient.current.replace(Some(NonNull::from(&**cell))),
            deferred_from: ambient.deferred.get(),
            outer_ending: ambient.ending.replace(false),
        })
    }

    /// Tells the callers whose requests this poll let go of: with the reason if the process died in it. A process that
    /// is ending keeps them for its death.
    #[inline]
    pub(crate) fn resolve_deferred(&self, death: Option<&ExitReason>) {
        if AMBIENT.with(|ambient| ambient.deferred.get()) > self.deferred_from {
            self.resolve_slowly(death);
        }
    }

    #[cold]
    fn resolve_slowly(&self, death: Option<&ExitReason>) {
        resolve_from(self.deferred_from, self.cell, death);
    }
}

/// Tells the callers whose requests stand in `DEFERRED` from there on, the last one first.
fn resolve_from(deferred_from: usize, cell: &AnyCell, death: Option<&ExitReason>) {
    let next = || {
        DEFERRED.with_borrow_mut(|list| {
            let last = if list.len() > deferred_from { list.pop() } else { None };
            AMBIENT.with(|ambient| ambient.deferred.set(list.len()));
            last
        })
    };
    // One at a time and unborrowed: waking a caller runs foreign code.
    while let Some(request) = next() {
        let mut inner = cell.inner.lock();
        if death.is_none() && matches!(inner.life, Life::Ending | Life::Doomed) {
            inner.extra().unanswered.push(request);
        } else {
            drop(inner);
            // A waker that panics must not keep the news from the others.
            if let Err(reason) = catch(|| request.resolve(death)) {
                log_safely(|| {
                    tracing::error!(target: "otp::process", %reason, "a caller's waker panicked");
                });
            }
        }
    }
}

/// A thread process receives again: had it panicked meanwhile, it has caught that, and lives.
#[inline]
pub(crate) fn lives_on(thread: &AnyCell) {
    if AMBIENT.with(|ambient| ambient.deferred.get()) > 0
        && with(|cell| cell.is_some_and(|cell| cell.head.pid == thread.head.pid))
    {
        // The thread's own scope is the first one there.
        resolve_from(0, thread, None);
    }
}

/// Takes a request that a thread process lets go of when its death is certain: the caller hears of that. Gives it back
/// if this code runs elsewhere, or the process lives.
#[cold]
pub(crate) fn leave_to_dying_thread(request: Unanswered) -> Option<Unanswered> {
    with(|cell| {
        let Some(cell) = cell.filter(|cell| {
            cell.head.pid == request.server()
                && matches!(cell.head.origin, Origin::Thread(_))
                && cell.head.is_doomed()
        }) else {
            return Some(request);
        };
        let mut inner = cell.inner.lock();
        if inner.life < Life::Buried {
            inner.extra().unanswered.push(request);
        } else {
            drop(inner);
            // An orphan's.
            request.resolve(Some(&ExitReason::Killed));
        }
        None
    })
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        AMBIENT.with(|ambient| {
            ambient.current.set(self.previous);
            ambient.ending.set(self.outer_ending);
        });
    }
}
