//! The errors of the core's operations: one small type per operation.

use std::fmt;

use crate::name::ProcessName;
use crate::pid::Pid;

/// The operation concerns the current process, and this code does not run inside one.
///
/// `#[main]`, `run` and `#[test]` make the outermost code a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NotAProcess;

impl fmt::Display for NotAProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this code does not run inside a process")
    }
}

impl std::error::Error for NotAProcess {}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The process is dead, or accepts no more messages.
    NoProc,
    /// Its mailbox is full.
    Full,
}

impl fmt::Display for SendErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProc => "the process is dead",
            Self::Full => "the process's mailbox is full",
        })
    }
}

/// The message was not sent; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<M> {
    message: M,
    kind: SendErrorKind,
}

impl<M> SendError<M> {
    pub(crate) const fn new(message: M, kind: SendErrorKind) -> Self {
        Self { message, kind }
    }

    /// The message that was not sent.
    pub fn into_inner(self) -> M {
        self.message
    }

    /// Why it was not sent.
    pub const fn kind(&self) -> SendErrorKind {
        self.kind
    }
}

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl<M> std::error::Error for SendError<M> {}

/// Why a name was not registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// A live process has the name.
    Taken(Pid),
    /// The process has this name already.
    AlreadyNamed(ProcessName),
    /// The process is dead.
    NoProc,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(pid) => write!(f, "the name is taken by {pid}"),
            Self::AlreadyNamed(name) => write!(f, "the process is already named {name:?}"),
            Self::NoProc => f.write_str("the process is dead"),
        }
    }
}

impl std::error::Error for RegisterError {}

/// Nobody has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NotRegistered;

impl fmt::Display for NotRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no process has this name")
    }
}

impl std::error::Error for NotRegistered {}

/// Why there is no typed address for a pid or a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindError {
    /// No such process.
    NoProc,
    /// This process takes messages of another type.
    WrongType(Pid),
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("no such process"),
            Self::WrongType(pid) => write!(f, "{pid} takes messages of another type"),
        }
    }
}

impl std::error::Error for FindError {}
