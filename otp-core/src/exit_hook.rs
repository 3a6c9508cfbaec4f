//! Exit hooks: how registries and tables give up what belongs to a process, before anyone hears of its death.

use std::fmt;

use crate::ambient;
use crate::exit_reason::ExitReason;
use crate::pid::Pid;
use crate::table;

/// The process is dead: the hook would never run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct HookError;

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process is dead")
    }
}

impl std::error::Error for HookError {}

/// Has `hook` run when the process dies: after its state was dropped, before its name is free, its links are
/// signalled and its monitors hear of it. Hooks run in the order they were added; a panic in one is reported and
/// stops no other.
///
/// # Errors
///
/// [`HookError`] if the process is dead; the hook is dropped and does not run.
pub fn on_exit(pid: Pid, hook: impl FnOnce(Pid, &ExitReason) + Send + 'static) -> Result<(), HookError> {
    let cell = table::get(pid).ok_or(HookError)?;
    let hook = Box::new(hook);
    let mut inner = cell.inner.lock();
    if inner.is_gone() {
        return Err(HookError);
    }
    inner.extra().hooks.push(hook);
    Ok(())
}

/// Whether the current process is dead to the others already, and what runs is the rest of a poll or a destructor: it is to
/// be given nothing any more. For registries and tables.
#[inline]
pub fn is_dying() -> bool {
    ambient::with(|cell| cell.is_some_and(|cell| cell.head.is_doomed()))
}
