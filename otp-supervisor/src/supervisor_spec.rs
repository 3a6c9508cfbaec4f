//! [`SupervisorSpec`]: what a supervisor is started with.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use otp_core::behaviour::InitError;
use otp_core::{ChildSpec, IntoChildSpec, InvalidChildSpec, StartedChild};
use otp_genserver::{GenServer, ServerRef, Start};

use crate::error::InvalidSpec;
use crate::family::{AutoShutdown, Strategy};
use crate::intensity::Intensity;
use crate::supervisor::Supervisor;

/// What a [`Supervisor`] is started with: its strategy, how many restarts it bears, and its children.
///
/// It is a child as it stands: `parent.child(spec)`. Its id is the type [`Supervisor`] then; where there are several,
/// `spec.child_spec().id("…")` names them.
///
/// # Counterpart
///
/// What `init/1` of a supervisor returns: flags and child specs.
#[derive(Clone)]
#[must_use = "a supervisor starts when `start_link()` is awaited"]
pub struct SupervisorSpec(pub(crate) Init);

/// Where the spec comes from.
#[derive(Clone)]
pub(crate) enum Init {
    Ready(Parts),
    Made(Arc<dyn Fn() -> Result<SupervisorSpec, InitError> + Send + Sync>),
}

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) strategy: Strategy,
    pub(crate) auto_shutdown: AutoShutdown,
    pub(crate) intensity: Intensity,
    pub(crate) children: Vec<ChildSpec>,
}

impl SupervisorSpec {
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self(Init::Ready(Parts {
            strategy,
            auto_shutdown: AutoShutdown::default(),
            intensity: Intensity::default(),
            children: Vec::new(),
        }))
    }

    /// Adds a child, which is started after those that were added before, and stopped before them.
    ///
    /// # Panics
    ///
    /// On a spec that is [made at the start](Supervisor::init).
    pub fn child(mut self, child: impl IntoChildSpec) -> Self {
        self.parts().children.push(child.child_spec());
        self
    }

    /// Adds several children.
    ///
    /// # Panics
    ///
    /// As [`child`](Self::child).
    pub fn children<C: IntoChildSpec>(mut self, children: impl IntoIterator<Item = C>) -> Self {
        self.parts().children.extend(children.into_iter().map(IntoChildSpec::child_spec));
        self
    }

    /// How many restarts within any `period` the supervisor bears: 3 within 5 seconds by default. One more, and it stops
    /// its children and ends with `Shutdown`. The period may not be zero.
    ///
    /// # Panics
    ///
    /// As [`child`](Self::child).
    #[doc(alias = "max_restarts")]
    #[doc(alias = "max_seconds")]
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Self {
        self.parts().intensity = Intensity { restarts, period };
        self
    }

    /// When the supervisor ends because its significant children have. [`AutoShutdown::Never`] by default: then no child may
    /// be significant.
    ///
    /// # Panics
    ///
    /// As [`child`](Self::child).
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.parts().auto_shutdown = auto_shutdown;
        self
    }

    /// Starts the supervisor and its children, one after the other, linked to the current process. Await it for the
    /// supervisor's address; a name can be given before.
    ///
    /// If a child does not start, those before it are stopped, and the start fails with
    /// [`StartError::Exit`](otp_core::StartError::Exit) of a [`FailedToStartChild`](crate::FailedToStartChild).
    ///
    /// # Counterpart
    ///
    /// `supervisor:start_link/2,3`.
    pub fn start_link(self) -> Start<Supervisor> {
        Supervisor::start_link(self)
    }

    /// As [`start_link`](Self::start_link), without the link.
    pub fn start(self) -> Start<Supervisor> {
        Supervisor::start(self)
    }

    fn parts(&mut self) -> &mut Parts {
        match &mut self.0 {
            Init::Ready(parts) => parts,
            Init::Made(_) => panic!("what this supervisor is started with, its own function says"),
        }
    }

    /// The parts, made now if need be, and checked.
    pub(crate) fn into_parts(self) -> Result<Parts, InitError> {
        let parts = match self.0 {
            Init::Ready(parts) => parts,
            Init::Made(make) => return make()?.into_parts(),
        };
        if parts.intensity.period.is_zero() {
            return Err(InvalidSpec::ZeroPeriod.into());
        }
        check_children(&parts.children, |child| parts.auto_shutdown.check(child))?;
        Ok(parts)
    }
}

/// Whether a supervisor could be started with these children; nothing is started. One with significant children needs an
/// `auto_shutdown` besides.
///
/// # Errors
///
/// [`InvalidSpec`]: the first that is wrong.
///
/// # Counterpart
///
/// `supervisor:check_childspecs/1`.
#[doc(alias = "check_childspecs")]
pub fn check_child_specs(children: &[ChildSpec]) -> Result<(), InvalidSpec> {
    check_children(children, ChildSpec::check)
}

fn check_children(
    children: &[ChildSpec],
    check: impl Fn(&ChildSpec) -> Result<(), InvalidChildSpec>,
) -> Result<(), InvalidSpec> {
    let mut ids = HashSet::with_capacity(children.len());
    for child in children {
        check(child).map_err(|error| InvalidSpec::Child(child.get_id().clone(), error))?;
        if !ids.insert(child.get_id()) {
            return Err(InvalidSpec::DuplicateChildId(child.get_id().clone()));
        }
    }
    Ok(())
}

impl IntoChildSpec for SupervisorSpec {
    type Child = ServerRef<Supervisor>;

    fn child_spec(self) -> ChildSpec {
        self.start_link().child_spec()
    }

    fn child(started: StartedChild) -> ServerRef<Supervisor> {
        <Start<Supervisor> as IntoChildSpec>::child(started)
    }
}

impl fmt::Debug for SupervisorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Init::Ready(parts) => f
                .debug_struct("SupervisorSpec")
                .field("strategy", &parts.strategy)
                .field("auto_shutdown", &parts.auto_shutdown)
                .field("restarts", &parts.intensity.restarts)
                .field("period", &parts.intensity.period)
                .field("children", &parts.children)
                .finish(),
            Init::Made(_) => f.debug_struct("SupervisorSpec").finish_non_exhaustive(),
        }
    }
}
