//! [`ChildSpec`]: how a supervisor starts, restarts and stops one child; [`IntoChildSpec`] is what can be one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::child_id::ChildId;
use crate::exit_reason::ExitReason;
use crate::panics::{catch, log_safely};
use crate::start_error::StartError;
use crate::started_child::StartedChild;

/// When a supervisor starts a child again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Only after an abnormal end.
    Transient,
    /// Never.
    Temporary,
}

/// How a supervisor stops a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum Shutdown {
    /// By `Kill`, at once.
    BrutalKill,
    /// By `Shutdown`, and by `Kill` if it has not ended after this time.
    Timeout(Duration),
    /// By `Shutdown`, and waits as long as it takes. For supervisors.
    Infinity,
}

impl Default for Shutdown {
    /// 5 seconds, as for OTP's workers.
    fn default() -> Self {
        Self::Timeout(Duration::from_secs(5))
    }
}

/// Whether a child is a supervisor itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these two")]
pub enum ChildType {
    /// Anything that supervises nobody.
    #[default]
    Worker,
    /// A supervisor, which is given all the time it needs to stop its own children.
    Supervisor,
}

/// What starting a child gives: boxed, since a supervisor has children of many kinds.
pub type ChildStart = Pin<Box<dyn Future<Output = Result<StartedChild, StartError>> + Send>>;

/// How a supervisor starts, restarts and stops one child.
///
/// Whatever implements [`IntoChildSpec`] makes one, with defaults that the methods here change.
///
/// # Examples
///
/// ```
/// use otp_core::{ChildSpec, IntoChildSpec, Restart, Shutdown, StopToken};
///
/// async fn poller(stop: StopToken) {
///     while !stop.is_stopped() {
///         // …
///         stop.stopped().await;
///     }
/// }
/// let spec: ChildSpec = poller.child_spec().id("poller").restart(Restart::Transient);
/// assert_eq!(*spec.get_id(), "poller".into());
/// assert_eq!(spec.get_shutdown(), Shutdown::default());
/// ```
///
/// # Counterpart
///
/// `supervisor:child_spec()`. Ids, start functions and flags have types, so that of OTP's errors about specs only
/// [`InvalidChildSpec`] is left; `modules` has no meaning here.
#[derive(Clone)]
pub struct ChildSpec {
    id: ChildId,
    start: Arc<StartFunction>,
    restart: Restart,
    shutdown: Option<Shutdown>,
    child_type: ChildType,
    significant: bool,
    once: bool,
}

impl ChildSpec {
    /// A permanent worker that `start` starts, each time it is called; it runs inside the supervisor. What it starts has
    /// to be linked to the supervisor: `start_link` does that.
    pub fn new<F, Fut>(id: impl Into<ChildId>, start: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<StartedChild, StartError>> + Send + 'static,
    {
        Self {
            id: id.into(),
            start: StartFunction::new(move || Box::pin(start())),
            restart: Restart::default(),
            shutdown: None,
            child_type: ChildType::default(),
            significant: false,
            once: false,
        }
    }

    /// A temporary worker that can be started only once, since it gives up what it is started with.
    pub fn once<F, Fut>(id: impl Into<ChildId>, start: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<StartedChild, StartError>> + Send + 'static,
    {
        let start = Mutex::new(Some(start));
        let again = move || {
            let start = start.lock().take();
            async move {
                match start {
                    Some(start) => start().await,
                    None => Err(StartError::Exit(ExitReason::new("this child can be started only once"))),
                }
            }
        };
        Self { restart: Restart::Temporary, once: true, ..Self::new(id, again) }
    }

    /// Names the child within its supervisor. By default it is the type of the child.
    #[must_use]
    pub fn id(mut self, id: impl Into<ChildId>) -> Self {
        self.id = id.into();
        self
    }

    /// When it is started again; the default is [`Restart::Permanent`], or what the type of the child says.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How it is stopped. The default is what the type of the child says, or else 5 seconds for a worker and
    /// [`Shutdown::Infinity`] for a supervisor.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = Some(shutdown);
        self
    }

    /// Whether it is a supervisor; a worker by default.
    #[must_use]
    pub fn child_type(mut self, child_type: ChildType) -> Self {
        self.child_type = child_type;
        self
    }

    /// Whether its end by itself may end its supervisor, by the supervisor's `auto_shutdown`, without which no child may be
    /// significant. Not by default.
    #[must_use]
    pub fn significant(mut self, significant: bool) -> Self {
        self.significant = significant;
        self
    }

    /// The child's name within its supervisor.
    #[must_use]
    pub fn get_id(&self) -> &ChildId {
        &self.id
    }

    /// When it is started again.
    #[must_use]
    pub fn get_restart(&self) -> Restart {
        self.restart
    }

    /// How it is stopped, the default filled in.
    #[must_use]
    pub fn get_shutdown(&self) -> Shutdown {
        self.shutdown.unwrap_or(match self.child_type {
            ChildType::Worker => Shutdown::default(),
            ChildType::Supervisor => Shutdown::Infinity,
        })
    }

    /// Whether it is a supervisor.
    #[must_use]
    pub fn get_child_type(&self) -> ChildType {
        self.child_type
    }

    /// Whether its end by itself may end its supervisor.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        self.significant
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    ///
    /// [`InvalidChildSpec`] says which do not.
    pub fn check(&self) -> Result<(), InvalidChildSpec> {
        match self.restart {
            Restart::Permanent if self.significant => Err(InvalidChildSpec::SignificantPermanent),
            Restart::Permanent | Restart::Transient if self.once => Err(InvalidChildSpec::OnceButRestarted),
            _ => Ok(()),
        }
    }

    /// The same without its start function, and so without what the child was started with. For supervisors: nobody starts
    /// a temporary child again.
    #[must_use]
    pub fn spent(self) -> Self {
        let start =
            || std::future::ready(Err(StartError::Exit(ExitReason::new("this child is not started again"))));
        Self { start: StartFunction::new(move || Box::pin(start())), ..self }
    }

    /// Starts the child. For supervisors, which call this inside their process.
    #[must_use = "the child starts when this is awaited"]
    pub fn start(&self) -> ChildStart {
        self.start.call()
    }
}

/// A start function. It is the user's: what its destructor does wrong is no fault of the supervisor that lets go of it.
struct StartFunction(Option<Box<dyn Fn() -> ChildStart + Send + Sync>>);

impl StartFunction {
    fn new(start: impl Fn() -> ChildStart + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self(Some(Box::new(start))))
    }

    fn call(&self) -> ChildStart {
        match &self.0 {
            Some(start) => start(),
            None => unreachable!("it is taken out when it is dropped"),
        }
    }
}

impl Drop for StartFunction {
    fn drop(&mut self) {
        let start = self.0.take();
        if let Err(reason) = catch(|| drop(start)) {
            log_safely(|| {
                tracing::error!(target: "otp::process", %reason, "the destructor of a child's start function panicked");
            });
        }
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("id", &self.id)
            .field("restart", &self.restart)
            .field("shutdown", &self.get_shutdown())
            .field("child_type", &self.child_type)
            .field("significant", &self.significant)
            .finish_non_exhaustive()
    }
}

/// Why a [`ChildSpec`] makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidChildSpec {
    /// A permanent child never ends by itself, so it cannot be significant.
    SignificantPermanent,
    /// It can be started only once, and is not temporary.
    OnceButRestarted,
    /// Its supervisor has no `auto_shutdown`, so no child of it is significant. A dynamic supervisor never has.
    Significant,
}

impl fmt::Display for InvalidChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignificantPermanent => "a permanent child cannot be significant",
            Self::Significant => "a supervisor without auto_shutdown has no significant children",
            Self::OnceButRestarted => "a child that can be started only once has to be temporary",
        })
    }
}

impl std::error::Error for InvalidChildSpec {}

/// What can be a supervisor's child: a server about to start, a supervisor, an agent, a registry, or any async function
/// that takes a [`StopToken`](crate::StopToken).
pub trait IntoChildSpec {
    /// What [`start_child`](Self::Child) of a supervisor gives back: the address of the child.
    type Child;

    /// How a supervisor starts, restarts and stops it.
    fn child_spec(self) -> ChildSpec;

    /// The address of a child that this kind of spec started. For supervisors.
    fn child(started: StartedChild) -> Self::Child;
}

impl IntoChildSpec for ChildSpec {
    type Child = StartedChild;

    fn child_spec(self) -> ChildSpec {
        self
    }

    fn child(started: StartedChild) -> StartedChild {
        started
    }
}
