//! [`ConfigError`]: what is wrong with a configuration, and where it stands.

use std::fmt;

/// A value of an application's configuration is missing, or not what is expected; or a source of it cannot be read.
///
/// Printed, it names the application, the key, what is expected, and the source of the value: a file, or an environment
/// variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    application: String,
    key: Option<String>,
    origin: Option<String>,
    message: String,
}

impl ConfigError {
    pub(crate) fn new(application: &str, message: impl Into<String>) -> Self {
        Self { application: application.to_owned(), key: None, origin: None, message: message.into() }
    }

    pub(crate) fn of_key(mut self, key: Option<String>, origin: Option<String>) -> Self {
        self.key = key.filter(|key| !key.is_empty());
        self.origin = origin;
        self
    }

    /// The name of the application.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The key, with a dot between its parts, where it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Where the value comes from, if from a file or an environment variable.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration of {}: ", self.application)?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.message)?;
        match &self.origin {
            Some(origin) => write!(f, " (in {origin})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}
