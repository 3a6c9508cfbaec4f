//! The errors of a registry's operations: one small type per operation.

use std::fmt;

use otp_core::{ExitReason, NotAProcess, Pid};

/// The registry has not been started, or has ended, or its supervisor is about to start it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NotRunning;

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the registry is not running")
    }
}

impl std::error::Error for NotRunning {}

/// Why no running registry was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhereisError {
    /// There is none of this name.
    NotRunning,
    /// There is one, whose keys or values are of other types, or which is of the other kind.
    WrongType,
}

impl fmt::Display for WhereisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => NotRunning.fmt(f),
            Self::WrongType => f.write_str("the registry has keys or values of other types"),
        }
    }
}

impl std::error::Error for WhereisError {}

/// Why a process was not registered. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// This process, which may be the current one, has the key.
    AlreadyRegistered(Pid),
    /// As [`NotRunning`]; or the partition of the registry that this concerns is being restarted.
    NotRunning,
    /// This code does not run inside a process.
    NotAProcess,
    /// The process is about to die: an exit signal has hit it, or this is a destructor of its remains.
    Dying,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRegistered(pid) => write!(f, "the key is registered by {pid}"),
            Self::NotRunning => NotRunning.fmt(f),
            Self::NotAProcess => NotAProcess.fmt(f),
            Self::Dying => f.write_str("the process is dying"),
        }
    }
}

impl std::error::Error for RegisterError {}

/// Why nothing was unregistered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnregisterError {
    /// As [`NotRunning`].
    NotRunning,
    /// This code does not run inside a process.
    NotAProcess,
}

impl fmt::Display for UnregisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => NotRunning.fmt(f),
            Self::NotAProcess => NotAProcess.fmt(f),
        }
    }
}

impl std::error::Error for UnregisterError {}

/// Why a value was not updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// The current process does not have the key: the function was not called, or the key was lost while it ran.
    NotHeld,
    /// As [`NotRunning`]. The function was not called.
    NotRunning,
    /// This code does not run inside a process. The function was not called.
    NotAProcess,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHeld => f.write_str("the current process does not have the key"),
            Self::NotRunning => NotRunning.fmt(f),
            Self::NotAProcess => NotAProcess.fmt(f),
        }
    }
}

impl std::error::Error for UpdateError {}

/// Why there is no metadata of the type asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetaError {
    /// As [`NotRunning`].
    NotRunning,
    /// What stands under the key is of another type.
    WrongType,
}

impl fmt::Display for MetaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => NotRunning.fmt(f),
            Self::WrongType => f.write_str("the metadata is of another type"),
        }
    }
}

impl std::error::Error for MetaError {}

/// Why a parallel dispatch did not go well.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DispatchError {
    /// As [`NotRunning`]. Nothing was called.
    NotRunning,
    /// A process in which the function was called ended with this reason: it panicked there. The others went on.
    Exit(ExitReason),
}

impl fmt::Display for DispatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => NotRunning.fmt(f),
            Self::Exit(reason) => write!(f, "a part of the dispatch failed: {reason}"),
        }
    }
}

impl std::error::Error for DispatchError {}

macro_rules! from_not_running {
    ($($error:ident),*) => {$(
        impl From<NotRunning> for $error {
            fn from(NotRunning: NotRunning) -> Self {
                Self::NotRunning
            }
        }
    )*};
}

from_not_running!(WhereisError, RegisterError, UnregisterError, UpdateError, MetaError, DispatchError);

macro_rules! from_not_a_process {
    ($($error:ident),*) => {$(
        impl From<NotAProcess> for $error {
            fn from(NotAProcess: NotAProcess) -> Self {
                Self::NotAProcess
            }
        }
    )*};
}

from_not_a_process!(RegisterError, UnregisterError, UpdateError);
