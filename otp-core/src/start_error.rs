//! [`StartError`]: why a process that is waited for did not start.

use std::fmt;

use crate::error::NotAProcess;
use crate::exit_reason::ExitReason;
use crate::pid::Pid;

/// Why a server, a supervisor, or whatever else has an `init` that is waited for, did not start. Nothing of it is left.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StartError {
    /// `init` said [`Ignore`](crate::behaviour::InitError::Ignore).
    Ignored,
    /// The name is held by this live process. `init` did not run.
    AlreadyStarted(Pid),
    /// `init` took longer than the time limit.
    Timeout,
    /// `init` failed or panicked, or the process was ended before it returned.
    Exit(ExitReason),
    /// A monitor was asked for outside any process. `init` did not run.
    NotAProcess,
}

impl From<ExitReason> for StartError {
    fn from(reason: ExitReason) -> Self {
        Self::Exit(reason)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored => f.write_str("init returned ignore"),
            Self::AlreadyStarted(pid) => write!(f, "already started as {pid}"),
            Self::Timeout => f.write_str("init took too long"),
            Self::Exit(reason) => write!(f, "init failed: {reason}"),
            Self::NotAProcess => NotAProcess.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}
