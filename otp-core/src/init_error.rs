//! [`InitError`]: how a behaviour's `init` says that it does not start.

use std::error::Error;
use std::fmt;

use crate::exit_reason::ExitReason;

/// Why `init` does not start the process. `?` on any error stops it with that error.
///
/// # Counterpart
///
/// What `init` may return besides `{ok, State}`.
#[derive(Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum InitError {
    /// There is nothing to do: the process ends with `Normal`, and the starter is told so. OTP: `ignore`.
    Ignore,
    /// It failed: the process ends with this reason, which reaches the starter and, if linked, takes it along. OTP:
    /// `{stop, Reason}`.
    Stop(ExitReason),
    /// It failed, and only the starter is to know: the process ends with `Normal`. OTP 26: `{error, Reason}`.
    Error(ExitReason),
}

impl InitError {
    /// A failure with a reason of one's own.
    #[must_use]
    pub fn stop(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Stop(ExitReason::new(reason))
    }
}

impl From<ExitReason> for InitError {
    fn from(reason: ExitReason) -> Self {
        Self::Stop(reason)
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for InitError {
    fn from(error: E) -> Self {
        Self::Stop(ExitReason::from(error))
    }
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore => f.write_str("Ignore"),
            Self::Stop(reason) => write!(f, "Stop({reason:?})"),
            Self::Error(reason) => write!(f, "Error({reason:?})"),
        }
    }
}
