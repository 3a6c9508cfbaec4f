//! The errors of an event bus: one small type per operation.

use std::fmt;

use otp_core::Pid;
use otp_registry::{NotRunning, RegisterError};

use crate::adapter::AdapterError;

/// Why nobody was subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The bus has not been started, or has ended, or its supervisor is about to start it again.
    NotRunning,
    /// This code does not run inside a process: [`subscribe_stream`](crate::PubSub::subscribe_stream) is for such code.
    NotAProcess,
    /// The address is that of this process, and a process subscribes itself alone.
    AnotherProcess(Pid),
    /// The process is about to die.
    Dying,
}

impl From<RegisterError> for SubscribeError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::NotAProcess => Self::NotAProcess,
            RegisterError::Dying => Self::Dying,
            _ => Self::NotRunning,
        }
    }
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("the event bus is not running"),
            Self::NotAProcess => f.write_str("not inside a process"),
            Self::AnotherProcess(pid) => write!(f, "{pid} has to subscribe itself"),
            Self::Dying => f.write_str("the process is dying"),
        }
    }
}

impl std::error::Error for SubscribeError {}

/// Why a message was broadcast to nobody here.
#[derive(Debug)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The bus has not been started, or has ended, or its supervisor is about to start it again.
    NotRunning,
    /// The adapter, which is asked first, did not take it.
    Adapter(AdapterError),
}

impl From<NotRunning> for BroadcastError {
    fn from(_: NotRunning) -> Self {
        Self::NotRunning
    }
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("the event bus is not running"),
            Self::Adapter(error) => write!(f, "the adapter failed: {error}"),
        }
    }
}

impl std::error::Error for BroadcastError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotRunning => None,
            Self::Adapter(error) => Some(&**error),
        }
    }
}
