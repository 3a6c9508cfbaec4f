//! [`Halt`]: why all applications of a controller were stopped, and what a program then exits with.

use std::fmt;

use otp_core::ExitReason;

/// What a program exits with.
///
/// | code | when |
/// |--:|---|
/// | 0 | it was told to stop, by a signal or by `system_stop(0)`, also while it started |
/// | 1 | it did not start, or a permanent application ended |
/// | 78 | its configuration is wrong (`EX_CONFIG`) |
/// | 130, 143 | a second signal ended it at once: SIGINT (ctrl-c), SIGTERM |
/// | any other | `system_stop` was given it |
pub mod exit_code {
    /// It was told to stop, and did.
    pub const OK: u8 = 0;
    /// It did not start, or a permanent application ended.
    pub const FAILURE: u8 = 1;
    /// Its configuration is wrong: `EX_CONFIG` of `sysexits.h`.
    pub const CONFIG: u8 = 78;
    /// A second signal ended it at once, and it was SIGINT.
    pub const INTERRUPTED: u8 = 130;
    /// A second signal ended it at once, and it was SIGTERM.
    pub const TERMINATED: u8 = 143;
}

/// Why all applications of a controller were stopped.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Halt {
    /// [`system_stop`](crate::Controller::system_stop) was called, with this exit code.
    Requested(u8),
    /// The program was sent this signal.
    Signal(&'static str),
    /// A permanent application ended, or a transient one not normally.
    ApplicationEnded {
        /// Its name.
        application: String,
        /// Why it ended.
        reason: ExitReason,
    },
}

impl Halt {
    /// What the program is to exit with.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Requested(code) => *code,
            Self::Signal(_) => exit_code::OK,
            Self::ApplicationEnded { .. } => exit_code::FAILURE,
        }
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(code) => write!(f, "told to stop with exit code {code}"),
            Self::Signal(signal) => f.write_str(signal),
            Self::ApplicationEnded { application, reason } => {
                write!(f, "application {application} ended: {reason}")
            }
        }
    }
}
