//! [`StartName`]: what a server is registered under before its `init` runs.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use otp_core::behaviour::Embryo;
use otp_core::{ChildId, ExitReason, Pid, ProcessName, RegisterError, StartError};

use crate::name::Name;

/// What a server of type `S` can be registered under when it starts: a local [`Name`], or a key in a registry.
///
/// Whatever turns into one can be given to [`Start::name`](crate::Start::name): a text, a `Name`, a registry's via name.
///
/// # Counterpart
///
/// `{local, Name}` and `{via, Module, Name}`.
pub struct StartName<S> {
    place: Place,
    server: PhantomData<fn() -> S>,
}

#[derive(Clone)]
enum Place {
    Local(ProcessName),
    Elsewhere(Arc<dyn NameRegistry>),
}

/// One key in a registry that a server can be started under.
///
/// # Counterpart
///
/// `register_name/2` of a module in a via tuple.
pub trait NameRegistry: fmt::Debug + Send + Sync + 'static {
    /// Registers a process that has not begun to run. This is called by the starter, in its process. If it fails, the process
    /// never begins, and its exit hooks run.
    ///
    /// # Errors
    ///
    /// What the start fails with, [`AlreadyStarted`](StartError::AlreadyStarted) if another process has the key.
    fn register(&self, process: Pid) -> Result<(), StartError>;

    /// What a supervisor started under this key is called among the children of another.
    fn child_id(&self) -> ChildId;
}

impl<S> StartName<S> {
    /// A key in a registry.
    pub fn in_registry(key: impl NameRegistry) -> Self {
        Self { place: Place::Elsewhere(Arc::new(key)), server: PhantomData }
    }

    pub(crate) fn child_id(&self) -> ChildId {
        match &self.place {
            Place::Local(name) => ChildId::from(name.as_str().to_owned()),
            Place::Elsewhere(key) => key.child_id(),
        }
    }

    pub(crate) fn register<M: Send + 'static>(self, process: &Embryo<M>) -> Result<(), StartError> {
        match self.place {
            Place::Local(name) => process.register(name).map_err(|error| match error {
                RegisterError::Taken(pid) => StartError::AlreadyStarted(pid),
                _ => StartError::Exit(ExitReason::NoProc),
            }),
            Place::Elsewhere(key) => key.register(process.address().pid()),
        }
    }
}

impl<S> From<Name<S>> for StartName<S> {
    fn from(name: Name<S>) -> Self {
        name.into_process_name().into()
    }
}

impl<S> From<ProcessName> for StartName<S> {
    fn from(name: ProcessName) -> Self {
        Self { place: Place::Local(name), server: PhantomData }
    }
}

impl<S> From<&'static str> for StartName<S> {
    fn from(name: &'static str) -> Self {
        ProcessName::from(name).into()
    }
}

impl<S> From<String> for StartName<S> {
    fn from(name: String) -> Self {
        ProcessName::from(name).into()
    }
}

impl<S> Clone for StartName<S> {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), server: PhantomData }
    }
}

impl<S> fmt::Debug for StartName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local(name) => fmt::Debug::fmt(name, f),
            Place::Elsewhere(key) => fmt::Debug::fmt(key, f),
        }
    }
}
