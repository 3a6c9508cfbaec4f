//! [`AwaitError`]: why a task that was awaited gave no result.

use std::fmt;

use otp_core::ExitReason;

/// Why a task that was awaited gave no result.
///
/// # Counterpart
///
/// What `Task.await/2` exits with: `{:timeout, …}`, or the task's own reason.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AwaitError {
    /// It took too long. It goes on, and its result is dropped.
    Timeout,
    /// It ended without a result. An owner that is linked to it and does not trap exits does not get here: it ends too.
    Exit(ExitReason),
}

impl fmt::Display for AwaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the task did not end in time"),
            Self::Exit(reason) => write!(f, "the task ended without a result: {reason}"),
        }
    }
}

impl std::error::Error for AwaitError {}
