//! [`RestartType`]: what the end of an application means to the others.

/// What it means to all others when an application ends by itself. Applications are never started again.
///
/// # Counterpart
///
/// The restart types of `application:start/2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum RestartType {
    /// Nothing: its end is logged.
    #[default]
    Temporary,
    /// Nothing if it ends normally; otherwise all others are stopped, and the program ends. A supervisor that gives up
    /// ends with `Shutdown`, which is not normal in this sense.
    Transient,
    /// All others are stopped, and the program ends.
    Permanent,
}
