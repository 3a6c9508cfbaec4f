//! [`Name`]: a server known by its registered name.

use std::fmt;
use std::marker::PhantomData;

use otp_core::{Pid, ProcessName, ProcessRef, process};

use crate::destination::{Destination, ResolveError};
use crate::server::GenServer;
use crate::server_ref::ServerRef;
use crate::stop::Stop;

/// The registered name of a server of type `S`. It finds whichever process has the name now.
///
/// Through a name that a process of another type has, calls fail with
/// [`WrongServer`](crate::CallError::WrongServer).
pub struct Name<S> {
    name: ProcessName,
    server: PhantomData<fn() -> S>,
}

impl<S> Name<S> {
    /// A name over a text that lives for ever, also as a `const`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name: ProcessName::new(name), server: PhantomData }
    }

    /// A name made at run time.
    #[must_use]
    pub fn owned(name: impl Into<String>) -> Self {
        Self { name: ProcessName::from(name.into()), server: PhantomData }
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.name.as_str()
    }

    /// The process that has the name, whatever its type.
    #[must_use]
    pub fn whereis(&self) -> Option<Pid> {
        process::whereis(&self.name)
    }

    pub(crate) fn into_process_name(self) -> ProcessName {
        self.name
    }
}

impl<S: GenServer> Name<S> {
    /// As [`ServerRef::stop`].
    pub fn stop(&self) -> Stop<S> {
        Stop::new(self.resolve())
    }
}

impl<S: GenServer> Destination<S> for Name<S> {
    fn resolve(&self) -> Result<ServerRef<S>, ResolveError> {
        Ok(ServerRef::new(ProcessRef::named(&self.name)?))
    }
}

impl<S> From<&'static str> for Name<S> {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl<S> From<String> for Name<S> {
    fn from(name: String) -> Self {
        Self::owned(name)
    }
}

impl<S> From<ProcessName> for Name<S> {
    fn from(name: ProcessName) -> Self {
        Self { name, server: PhantomData }
    }
}

impl<S> Clone for Name<S> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), server: PhantomData }
    }
}

impl<S> PartialEq for Name<S> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<S> Eq for Name<S> {}

impl<S> fmt::Debug for Name<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?})", self.name)
    }
}

impl<S> fmt::Display for Name<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name, f)
    }
}
