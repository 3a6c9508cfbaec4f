//! [`ExitReason`]: why a process ended, and how a process's own code says so.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a process ended, as its links, monitors and callers see it.
///
/// `?` on any error inside a callback or a process body makes an [`ExitReason::Error`] of it; for that,
/// `ExitReason` is not an [`Error`] itself.
///
/// # Examples
///
/// ```
/// use otp_core::ExitReason;
///
/// fn callback(text: &str) -> Result<i64, ExitReason> {
///     Ok(text.parse::<i64>()?)
/// }
/// let reason = callback("x").unwrap_err();
/// assert!(reason.is_abnormal());
/// assert!(reason.downcast_ref::<std::num::ParseIntError>().is_some());
/// assert_eq!(ExitReason::new("disk full").to_string(), "disk full");
/// ```
///
/// # Counterpart
///
/// Erlang's exit reasons, any term there. `normal`, `shutdown`, `{shutdown, Term}`, `kill`, `killed` and `noproc`
/// keep their names and meaning; every other term is an [`ExitReason::Error`]; a run-time error is
/// [`ExitReason::Panic`].
#[derive(Clone)]
#[non_exhaustive]
pub enum ExitReason {
    /// The process ran to its end, or was stopped without complaint.
    Normal,
    /// A supervisor, or whoever owns the process, stopped it in order.
    Shutdown,
    /// As `Shutdown`, with something to tell.
    ShutdownWith(Arc<dyn Error + Send + Sync>),
    /// The order to die at once, which cannot be trapped. As the reason of a death it only appears where a process
    /// returned it by itself.
    Kill,
    /// The process was killed.
    Killed,
    /// There was no such process.
    NoProc,
    /// The process panicked.
    Panic(Arc<Panic>),
    /// Any other reason: an error that left the process's code.
    Error(Arc<dyn Error + Send + Sync>),
}

impl ExitReason {
    /// A reason of one's own: an error or a text.
    #[must_use]
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Error(Arc::from(reason.into()))
    }

    /// An orderly end with something to tell: `{shutdown, Term}`.
    #[must_use]
    pub fn shutdown_with(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::ShutdownWith(Arc::from(reason.into()))
    }

    /// Whether this is an orderly end: `Normal`, `Shutdown` or `ShutdownWith`.
    ///
    /// Such an end is not reported as a crash, and a transient child is not restarted after it. A link is broken
    /// silently by `Normal` alone.
    #[must_use]
    pub const fn is_orderly(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith(_))
    }

    /// The opposite of [`is_orderly`](Self::is_orderly): a crash.
    #[must_use]
    pub const fn is_abnormal(&self) -> bool {
        !self.is_orderly()
    }

    /// Whether this is `Normal`, the one reason that does not take linked processes along.
    #[must_use]
    pub const fn is_normal(&self) -> bool {
        matches!(self, Self::Normal)
    }

    /// The error within `Error` or `ShutdownWith`, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Error(error) | Self::ShutdownWith(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::ShutdownWith(why) => write!(f, "shutdown: {why}"),
            Self::Kill => f.write_str("kill"),
            Self::Killed => f.write_str("killed"),
            Self::NoProc => f.write_str("noproc"),
            Self::Panic(panic) => write!(f, "{panic}"),
            Self::Error(error) => write!(f, "{error}"),
        }
    }
}

impl fmt::Debug for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutdownWith(why) => write!(f, "ShutdownWith({why:?})"),
            Self::Panic(panic) => write!(f, "Panic({panic:?})"),
            Self::Error(error) => write!(f, "Error({error:?})"),
            Self::Normal => f.write_str("Normal"),
            Self::Shutdown => f.write_str("Shutdown"),
            Self::Kill => f.write_str("Kill"),
            Self::Killed => f.write_str("Killed"),
            Self::NoProc => f.write_str("NoProc"),
        }
    }
}

/// Two reasons of one's own are equal when they are the same object or print alike.
impl PartialEq for ExitReason {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ShutdownWith(a), Self::ShutdownWith(b)) | (Self::Error(a), Self::Error(b)) => {
                Arc::ptr_eq(a, b) || a.to_string() == b.to_string()
            }
            (Self::Panic(a), Self::Panic(b)) => Arc::ptr_eq(a, b) || a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for ExitReason {
    fn from(error: E) -> Self {
        Self::Error(Arc::new(error))
    }
}

/// What is known of a panic that ended a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    pub(crate) message: String,
    pub(crate) location: Option<String>,
    pub(crate) backtrace: Option<String>,
}

impl Panic {
    /// The panic's message, or a note that its payload was no text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `file:line:column` of the panic.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The backtrace, where `RUST_BACKTRACE` asks for one.
    #[must_use]
    pub fn backtrace(&self) -> Option<&str> {
        self.backtrace.as_deref()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)?;
        match &self.location {
            Some(location) => write!(f, " at {location}"),
            None => Ok(()),
        }
    }
}

/// What the body of a process may end with.
///
/// `()` is [`ExitReason::Normal`]; `Err` of any error is [`ExitReason::Error`].
pub trait IntoExitReason {
    /// The reason that the process ends with.
    fn into_exit_reason(self) -> ExitReason;
}

impl IntoExitReason for () {
    fn into_exit_reason(self) -> ExitReason {
        ExitReason::Normal
    }
}

impl IntoExitReason for Infallible {
    fn into_exit_reason(self) -> ExitReason {
        match self {}
    }
}

impl IntoExitReason for ExitReason {
    fn into_exit_reason(self) -> ExitReason {
        self
    }
}

impl<T: IntoExitReason, E: Into<ExitReason>> IntoExitReason for Result<T, E> {
    fn into_exit_reason(self) -> ExitReason {
        match self {
            Ok(value) => value.into_exit_reason(),
            Err(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExitReason, IntoExitReason};

    #[test]
    fn orderly_ends_are_normal_shutdown_and_shutdown_with() {
        for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("x")] {
            assert!(reason.is_orderly(), "{reason:?}");
        }
        for reason in [ExitReason::Kill, ExitReason::Killed, ExitReason::NoProc, ExitReason::new("x")] {
            assert!(reason.is_abnormal(), "{reason:?}");
        }
        assert!(!ExitReason::Shutdown.is_normal());
    }

    #[test]
    fn own_reasons_compare_by_what_they_print() {
        assert_eq!(ExitReason::new("a"), ExitReason::new("a"));
        assert_ne!(ExitReason::new("a"), ExitReason::new("b"));
        assert_ne!(ExitReason::new("a"), ExitReason::shutdown_with("a"));
        assert_ne!(ExitReason::Kill, ExitReason::Killed);
    }

    #[test]
    fn a_body_may_end_with_nothing_or_a_result() {
        assert_eq!(().into_exit_reason(), ExitReason::Normal);
        assert_eq!(
            "x".parse::<u8>().map(|_| ()).into_exit_reason(),
            ExitReason::new("invalid digit found in string")
        );
        assert_eq!(Ok::<(), ExitReason>(()).into_exit_reason(), ExitReason::Normal);
    }
}
