//! The errors of a controller's operations: one small type for each.

use std::fmt;

use otp_core::ExitReason;

use crate::config_error::ConfigError;

/// Why an application was not loaded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LoadError {
    /// One with this name is loaded.
    AlreadyLoaded(String),
    /// Its configuration cannot be read.
    Config(ConfigError),
}

/// Why an application was not unloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnloadError {
    /// It is not loaded.
    NotLoaded(String),
    /// It runs, or is about to: `stop` comes first.
    Running(String),
}

/// Why an application did not start.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StartAppError {
    /// It is not loaded, nor given as a dependency's spec.
    NotLoaded(String),
    /// It was to be loaded, and one with this name is.
    AlreadyLoaded(String),
    /// It runs.
    AlreadyStarted(String),
    /// This one, which it depends on, does not run.
    NotStarted(String),
    /// It waits for itself: these depend on each other in a circle, or one of its own callbacks (its start, or its stop) tried
    /// to start it.
    Circular(Vec<String>),
    /// Its configuration cannot be read, or is not what it needs.
    Config(ConfigError),
    /// Its start function, or a start phase, failed. Nothing of it is left.
    Failed {
        /// The name of the application.
        application: String,
        /// Why it failed.
        reason: ExitReason,
    },
    /// Everything is being stopped, or has been.
    ShuttingDown,
}

/// Why an application was not stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopAppError {
    /// It does not run. An application that is still starting does not run either.
    NotStarted(String),
}

/// Why there is no such value in an application's environment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FetchEnvError {
    /// There is no such key, or the application is not loaded.
    NotFound {
        /// The name of the application.
        application: String,
        /// The key.
        key: String,
    },
    /// There is a value, of another type.
    Config(ConfigError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyLoaded(name) => write!(f, "application {name} is already loaded"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for UnloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded(name) => write!(f, "application {name} is not loaded"),
            Self::Running(name) => write!(f, "application {name} is running"),
        }
    }
}

impl fmt::Display for StartAppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded(name) => write!(f, "application {name} is not loaded"),
            Self::AlreadyLoaded(name) => LoadError::AlreadyLoaded(name.clone()).fmt(f),
            Self::AlreadyStarted(name) => write!(f, "application {name} is already started"),
            Self::NotStarted(name) => write!(f, "application {name}, which it depends on, is not started"),
            Self::Circular(names) => write!(f, "applications wait for each other: {}", names.join(" -> ")),
            Self::Config(error) => error.fmt(f),
            Self::Failed { application, reason } => {
                write!(f, "application {application} did not start: {}", Plain(reason))
            }
            Self::ShuttingDown => f.write_str("the applications are being shut down"),
        }
    }
}

impl fmt::Display for StopAppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(name) => write!(f, "application {name} is not started"),
        }
    }
}

impl fmt::Display for FetchEnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { application, key } => write!(f, "application {application} has no `{key}`"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

/// A reason without the start error that it came in: who did not start is said before.
struct Plain<'a>(&'a ExitReason);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.downcast_ref() {
            Some(otp_core::StartError::Exit(reason)) => match reason {
                ExitReason::ShutdownWith(why) => why.fmt(f),
                reason => reason.fmt(f),
            },
            _ => self.0.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}
impl std::error::Error for UnloadError {}
impl std::error::Error for StartAppError {}
impl std::error::Error for StopAppError {}
impl std::error::Error for FetchEnvError {}

impl From<ConfigError> for LoadError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ConfigError> for StartAppError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<LoadError> for StartAppError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::AlreadyLoaded(name) => Self::AlreadyLoaded(name),
            LoadError::Config(error) => Self::Config(error),
        }
    }
}

impl From<ConfigError> for FetchEnvError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
