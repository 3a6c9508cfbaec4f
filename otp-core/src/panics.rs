//! Panics: how one becomes an exit reason, and how `exit` leaves a process from any depth.
//!
//! One panic hook is installed at the first spawn. It notes where a panic inside a process happened and then calls
//! the hook that was there before.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

use crate::ambient;
use crate::exit_reason::{ExitReason, Panic};

thread_local! {
    /// Where the last panic inside a process on this thread happened: location and backtrace.
    static NOTED: RefCell<Option<(String, Option<String>)>> = const { RefCell::new(None) };
}

/// What unwinds a process that calls `exit`.
struct Exit(ExitReason);

/// Ends the current process with `reason`, from any helper at any depth.
///
/// The stack is unwound as by a panic, without a panic's message: destructors run, and inside a server's callback
/// `terminate` runs with this reason.
///
/// # Panics
///
/// Outside any process, since there is nothing to end. With `panic = "abort"` the program aborts.
///
/// # Counterpart
///
/// `erlang:exit/1`, Elixir's `exit/1`. To end another process, see [`send_exit`](crate::process::send_exit).
pub fn exit(reason: ExitReason) -> ! {
    assert!(ambient::with(|cell| cell.is_some()), "exit({reason}) was called outside any process");
    panic::resume_unwind(Box::new(Exit(reason)))
}

/// Runs `f`; a panic, or a call of [`exit`], becomes the reason it stands for.
///
/// For behaviours, which guard each callback on its own. Keep the state outside `f`, so that it survives.
///
/// # Errors
///
/// The [`ExitReason`] that the panic stands for.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, ExitReason> {
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(reason_of)
}

/// Emits a `tracing` event where a panic of the subscriber, or of the text of an error in it, must change nothing.
pub(crate) fn log_safely(event: impl FnOnce()) {
    drop(catch(event));
}

fn reason_of(payload: Box<dyn Any + Send>) -> ExitReason {
    let payload = match payload.downcast::<Exit>() {
        Ok(exit) => return exit.0,
        Err(payload) => payload,
    };
    let message = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    // A payload may panic when it is dropped.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
    let (location, backtrace) = match NOTED.take() {
        Some((location, backtrace)) => (Some(location), backtrace),
        None => (None, None),
    };
    ExitReason::Panic(Arc::new(Panic { message, location, backtrace }))
}

/// Forgets what was noted: a new poll begins.
pub(crate) fn forget() {
    NOTED.set(None);
}

/// Installs the hook, once; and warns of a program whose panics nobody can catch.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if cfg!(panic = "abort") {
            tracing::warn!(target: "otp::process", "built with panic = \"abort\": the first process that crashes ends the program");
        }
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if ambient::with(|cell| cell.is_some()) {
                let backtrace = Backtrace::capture();
                let backtrace =
                    (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
                let location = info.location().map_or_else(|| "?".to_owned(), ToString::to_string);
                NOTED.set(Some((location, backtrace)));
                ambient::set_panicked();
            }
            before(info);
        }));
    });
}
