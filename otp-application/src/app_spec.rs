//! [`AppSpec`]: what a controller is told of an application.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use otp_core::ExitReason;
use otp_supervisor::SupervisorSpec;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::application::{Application, Started};
use crate::callbacks::{Callbacks, Function, Of};
use crate::environment::Given;
use crate::runner::Runner;

/// What a controller is told of an application: its name, what it depends on, its default environment, and how it is
/// started.
///
/// # Examples
///
/// ```
/// use otp_application::AppSpec;
/// use otp_supervisor::Supervisor;
///
/// let cache = AppSpec::supervisor("cache", Supervisor::one_for_one());
/// let words = AppSpec::library("words").env("language", "en");
/// let shop = AppSpec::supervisor("shop", Supervisor::one_for_one()).dependency(cache).dependency(words);
/// # drop(shop);
/// ```
///
/// # Counterpart
///
/// The `.app` file. Modules, registered names and included applications have no meaning here.
#[derive(Clone)]
pub struct AppSpec {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) version: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) phases: &'static [&'static str],
    pub(crate) defaults: Vec<Given>,
    pub(crate) given: Vec<Given>,
    /// `None` for a library.
    pub(crate) callbacks: Option<Arc<dyn Callbacks>>,
}

impl AppSpec {
    /// What the type says.
    #[must_use]
    pub fn of<A: Application>() -> Self {
        Self {
            description: A::DESCRIPTION.to_owned(),
            version: A::VERSION.to_owned(),
            dependencies: A::dependencies(),
            phases: A::START_PHASES,
            callbacks: Some(Arc::new(Of::<A>::new())),
            ..Self::library(A::NAME)
        }
    }

    /// An application without a process: others may depend on it, and it has an environment.
    #[must_use]
    pub fn library(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            version: String::new(),
            dependencies: Vec::new(),
            phases: &[],
            defaults: Vec::new(),
            given: Vec::new(),
            callbacks: None,
        }
    }

    /// An application that this function starts: it is given the configuration.
    #[must_use]
    pub fn new<C, F, Fut>(name: impl Into<String>, start: F) -> Self
    where
        C: DeserializeOwned + Send + 'static,
        F: Fn(C) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Started, ExitReason>> + Send + 'static,
    {
        Self { callbacks: Some(Arc::new(Function::new(start))), ..Self::library(name) }
    }

    /// An application that is nothing but this tree.
    #[must_use]
    pub fn supervisor(name: impl Into<String>, spec: SupervisorSpec) -> Self {
        // A spec may hold what is not `Sync`.
        let spec = parking_lot::Mutex::new(spec);
        Self::new(name, move |(): ()| {
            let spec = spec.lock().clone();
            async { Ok(spec.start_link().await?.into()) }
        })
    }

    /// Another name: the same application twice.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// One line for people.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Adds an application that has to run before this one starts: its name, or its spec, which is loaded with this one
    /// by [`ensure_all_started`](crate::Controller::ensure_all_started).
    #[must_use]
    pub fn dependency(mut self, dependency: impl Into<Dependency>) -> Self {
        self.dependencies.push(dependency.into());
        self
    }

    /// A default for a key: anything else that sets it goes before.
    ///
    /// # Counterpart
    ///
    /// The key `env` of the `.app` file.
    #[must_use]
    pub fn env<T: Serialize>(mut self, key: impl Into<String>, value: T) -> Self {
        self.defaults.push(Given::new(key, value));
        self
    }

    /// The value of a key, whatever else says of it: for what came by the command line.
    #[must_use]
    pub fn config<T: Serialize>(mut self, key: impl Into<String>, value: T) -> Self {
        self.given.push(Given::new(key, value));
        self
    }

    /// Adds the name, and those of what it depends on.
    pub(crate) fn add_names(&self, names: &mut BTreeSet<String>) {
        names.insert(self.name.clone());
        for dependency in &self.dependencies {
            match &dependency.spec {
                Some(spec) => spec.add_names(names),
                None => drop(names.insert(dependency.name.clone())),
            }
        }
    }

    /// Runs it as the program: [`Runner`] with nothing changed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use otp_application::AppSpec;
    /// use otp_core::StopToken;
    /// use otp_supervisor::Supervisor;
    ///
    /// async fn serve(stop: StopToken) {
    ///     stop.stopped().await;
    /// }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     AppSpec::supervisor("hello", Supervisor::one_for_one().child(serve)).run()
    /// }
    /// ```
    #[must_use = "what the program is to exit with"]
    pub fn run(self) -> ExitCode {
        Runner::new(self).run()
    }
}

impl fmt::Debug for AppSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No values: they may be secret.
        f.debug_struct("AppSpec")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("dependencies", &self.dependencies)
            .finish_non_exhaustive()
    }
}

impl<A: Application> From<A> for AppSpec {
    fn from(_: A) -> Self {
        Self::of::<A>()
    }
}

/// An application that another one depends on: its name, or its spec.
#[derive(Clone)]
pub struct Dependency {
    pub(crate) name: String,
    pub(crate) spec: Option<AppSpec>,
}

impl Dependency {
    /// The application of this type.
    #[must_use]
    pub fn of<A: Application>() -> Self {
        AppSpec::of::<A>().into()
    }
}

impl From<&str> for Dependency {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), spec: None }
    }
}

impl From<AppSpec> for Dependency {
    fn from(spec: AppSpec) -> Self {
        Self { name: spec.name.clone(), spec: Some(spec) }
    }
}

impl fmt::Debug for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}
