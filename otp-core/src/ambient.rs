//! The current process: which one is being polled on this thread, and the replies that wait for its poll to end.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

use crate::cell::AnyCell;
use crate::exit_reason::ExitReason;
use crate::sync::Arc;

thread_local! {
    static CURRENT: Cell<Option<NonNull<AnyCell>>> = const { Cell::new(None) };
    /// The reason that the current process's own code has given for its end.
    static ENDING: Cell<Option<ExitReason>> = const { Cell::new(None) };
    static DEFERRED: RefCell<Vec<Arc<dyn Unanswered>>> = const { RefCell::new(Vec::new()) };
}

/// A request whose `ReplyTo` was dropped, or is out of reach, and whose caller is to be told.
pub(crate) trait Unanswered: Send + Sync {
    /// Tells the caller: the process died with `Some` reason, or dropped the request and lives.
    fn resolve(&self, death: Option<&ExitReason>);
}

/// Runs `f` with the cell of the current process, if this code runs inside one.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<&AnyCell>) -> R) -> R {
    let current = CURRENT.get();
    // SAFETY: `CURRENT` is set by `Scope::enter` alone, from a reference that outlives the scope, and reset when the
    // scope ends. Scopes live on the stack of this thread, below this frame, so the cell is alive while `f` runs.
    #[expect(unsafe_code, reason = "lends the cell without touching its reference count on each use")]
    f(current.map(|cell| unsafe { &*cell.as_ptr() }))
}

/// Whether this code runs inside that process.
#[inline]
pub(crate) fn is_current(pid: crate::Pid) -> bool {
    with(|cell| cell.is_some_and(|cell| cell.head.pid == pid))
}

/// Says that the current process is to end with `reason` when its poll returns.
pub(crate) fn set_ending(reason: ExitReason) {
    ENDING.set(Some(reason));
}

/// The reason given to `set_ending` since this was last asked.
#[inline]
pub(crate) fn take_ending() -> Option<ExitReason> {
    ENDING.take()
}

/// Puts a request aside until the current process's poll has ended and it is known whether it died in it.
///
/// Gives it back when this code does not run inside that process.
pub(crate) fn defer(server: crate::Pid, request: Arc<dyn Unanswered>) -> Result<(), Arc<dyn Unanswered>> {
    if is_current(server) {
        // `try_with` and `try_borrow_mut`: a destructor that runs while the thread ends must not panic.
        let mut request = Some(request);
        let _ = DEFERRED.try_with(|list| list.try_borrow_mut().map(|mut list| list.extend(request.take())));
        request.map_or(Ok(()), Err)
    } else {
        Err(request)
    }
}

/// While it exists, `cell` is the current process of this thread. Scopes nest.
pub(crate) struct Scope<'a> {
    pub(crate) cell: &'a Arc<AnyCell>,
    previous: Option<NonNull<AnyCell>>,
    /// Where this scope's part of `DEFERRED` begins.
    deferred_from: usize,
}

impl<'a> Scope<'a> {
    #[inline]
    pub(crate) fn enter(cell: &'a Arc<AnyCell>) -> Self {
        let previous = CURRENT.replace(Some(NonNull::from(&**cell)));
        Self { cell, previous, deferred_from: DEFERRED.with_borrow(Vec::len) }
    }

    /// Tells the callers whose requests this poll let go of: with the reason if the process died in it.
    #[inline]
    pub(crate) fn resolve_deferred(&self, death: Option<&ExitReason>) {
        // One at a time: waking a caller runs foreign code.
        while let Some(request) =
            DEFERRED.with_borrow_mut(|list| if list.len() > self.deferred_from { list.pop() } else { None })
        {
            request.resolve(death);
        }
    }
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.previous);
    }
}
