//! The errors of a supervisor's operations: one small type for each.

use std::fmt;

use otp_core::{ChildId, ExitReason, InvalidChildSpec, Pid, StartError};
use otp_genserver::CallError;

/// Why `start_child` started nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StartChildError {
    /// A child with this id runs, or the name that the child wants is held, as this process.
    AlreadyStarted(Pid),
    /// A child with this id is known, and does not run: `restart_child` starts it, `delete_child` forgets it.
    AlreadyPresent,
    /// The supervisor has as many children as it may.
    MaxChildren,
    /// The supervisor has no extra arguments of the type that the child is made of.
    ExtraArguments,
    /// The child's start said that there is nothing to do. A supervisor keeps the child all the same, unless it is
    /// temporary; a dynamic one does not. OTP: `{ok, undefined}` and `ignore`.
    Ignored,
    /// The child did not start.
    Failed(StartError),
    /// The spec makes no sense, or not under this supervisor. Nothing was started.
    InvalidSpec(InvalidChildSpec),
    /// The supervisor did not answer.
    Call(CallError),
}

impl From<StartError> for StartChildError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Ignored => Self::Ignored,
            StartError::AlreadyStarted(pid) => Self::AlreadyStarted(pid),
            error => Self::Failed(error),
        }
    }
}

impl fmt::Display for StartChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted(pid) => write!(f, "already started as {pid}"),
            Self::AlreadyPresent => f.write_str("a child with this id is known and does not run"),
            Self::MaxChildren => f.write_str("the supervisor has as many children as it may"),
            Self::ExtraArguments => f.write_str("the supervisor has no extra arguments of this type"),
            Self::Ignored => f.write_str("the child's start said ignore"),
            Self::Failed(error) => write!(f, "the child did not start: {error}"),
            Self::InvalidSpec(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// Why `restart_child` started nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RestartChildError {
    /// No child has this id.
    NotFound,
    /// It runs.
    Running,
    /// The supervisor is at it.
    Restarting,
    /// The child's start said that there is nothing to do. OTP: `{ok, undefined}`.
    Ignored,
    /// The child did not start. It stays known.
    Failed(StartError),
    /// The supervisor did not answer.
    Call(CallError),
}

impl From<StartError> for RestartChildError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Ignored => Self::Ignored,
            error => Self::Failed(error),
        }
    }
}

impl fmt::Display for RestartChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str(NOT_FOUND),
            Self::Running => f.write_str(RUNNING),
            Self::Restarting => f.write_str(RESTARTING),
            Self::Ignored => f.write_str("the child's start said ignore"),
            Self::Failed(error) => write!(f, "the child did not start: {error}"),
            Self::Call(error) => error.fmt(f),
        }
    }
}

const NOT_FOUND: &str = "no such child";
const RUNNING: &str = "the child runs";
const RESTARTING: &str = "the child is being restarted";

/// Why `terminate_child` stopped nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TerminateChildError {
    /// There is no such child.
    NotFound,
    /// The supervisor did not answer.
    Call(CallError),
}

impl fmt::Display for TerminateChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str(NOT_FOUND),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// Why `delete_child` deleted nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DeleteChildError {
    /// No child has this id.
    NotFound,
    /// It runs: `terminate_child` comes first.
    Running,
    /// The supervisor is at restarting it.
    Restarting,
    /// The supervisor did not answer.
    Call(CallError),
}

impl fmt::Display for DeleteChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str(NOT_FOUND),
            Self::Running => f.write_str(RUNNING),
            Self::Restarting => f.write_str(RESTARTING),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// Why there is no child spec to show.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum GetChildSpecError {
    /// No child has this id.
    NotFound,
    /// The supervisor did not answer.
    Call(CallError),
}

impl fmt::Display for GetChildSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str(NOT_FOUND),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// Why partitions were not resized.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ResizeError {
    /// The supervisor was started with fewer.
    TooMany {
        /// As many as there can be.
        most: usize,
    },
    /// A partition did not start.
    Partition(RestartChildError),
    /// The supervisor did not answer.
    Call(CallError),
}

impl From<RestartChildError> for ResizeError {
    fn from(error: RestartChildError) -> Self {
        match error {
            RestartChildError::Call(error) => Self::Call(error),
            error => Self::Partition(error),
        }
    }
}

impl fmt::Display for ResizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { most } => write!(f, "there can be {most} partitions at most"),
            Self::Partition(error) => write!(f, "a partition did not start: {error}"),
            Self::Call(error) => error.fmt(f),
        }
    }
}

/// Why a supervisor's spec makes no sense: its `start_link` fails with this, within [`StartError::Exit`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// The period of the restart intensity is zero.
    ZeroPeriod,
    /// Two children have this id.
    DuplicateChildId(ChildId),
    /// This child's spec makes no sense.
    Child(ChildId, InvalidChildSpec),
    /// A partition supervisor was given another name than its own.
    OtherName,
}

impl fmt::Display for InvalidSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroPeriod => f.write_str("the period of the restart intensity is zero"),
            Self::DuplicateChildId(id) => write!(f, "two children have the id {id:?}"),
            Self::Child(id, error) => write!(f, "child {id:?}: {error}"),
            Self::OtherName => f.write_str("a partition supervisor was given another name than its own"),
        }
    }
}

/// A child that did not start, and with it its supervisor: the error within the supervisor's
/// [`ExitReason::ShutdownWith`].
///
/// # Counterpart
///
/// `{shutdown, {failed_to_start_child, Id, Reason}}`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FailedToStartChild {
    /// The child's name.
    pub id: ChildId,
    /// Why it did not start.
    pub error: StartError,
}

impl FailedToStartChild {
    pub(crate) fn into_reason(self) -> ExitReason {
        ExitReason::shutdown_with(self)
    }
}

impl fmt::Display for FailedToStartChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to start child {:?}: {}", self.id, self.error)
    }
}

macro_rules! errors {
    ($($error:ty),*) => {$(
        impl std::error::Error for $error {}
    )*};
}

errors!(
    StartChildError,
    RestartChildError,
    TerminateChildError,
    DeleteChildError,
    GetChildSpecError,
    ResizeError,
    InvalidSpec,
    FailedToStartChild
);

macro_rules! from_call_error {
    ($($error:ty),*) => {$(
        impl From<CallError> for $error {
            fn from(error: CallError) -> Self {
                Self::Call(error)
            }
        }
    )*};
}

from_call_error!(
    StartChildError,
    RestartChildError,
    TerminateChildError,
    DeleteChildError,
    GetChildSpecError
);
