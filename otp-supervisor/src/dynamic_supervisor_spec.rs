//! [`DynamicSupervisorSpec`]: what a dynamic supervisor is started with.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use otp_core::behaviour::InitError;
use otp_core::{ChildSpec, IntoChildSpec, StartedChild};
use otp_genserver::{GenServer, ServerRef, Start};

use crate::dynamic_supervisor::DynamicSupervisor;
use crate::error::InvalidSpec;
use crate::intensity::Intensity;

/// What a [`DynamicSupervisor`] is started with.
///
/// It is a child as it stands. Its id is the type [`DynamicSupervisor`] then, or the name it is given:
/// `parent.child(DynamicSupervisor::new().start_link().name("rooms"))`.
///
/// # Counterpart
///
/// The options of Elixir's `DynamicSupervisor.start_link/1`.
#[derive(Clone)]
#[must_use = "a supervisor starts when `start_link()` is awaited"]
pub struct DynamicSupervisorSpec(pub(crate) Init);

/// Where the spec comes from.
#[derive(Clone)]
pub(crate) enum Init {
    Ready(Parts),
    Made(Arc<dyn Fn() -> Result<DynamicSupervisorSpec, InitError> + Send + Sync>),
}

#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) intensity: Intensity,
    pub(crate) max_children: Option<usize>,
    pub(crate) extra: Option<Arc<dyn Any + Send + Sync>>,
}

impl DynamicSupervisorSpec {
    pub(crate) fn new() -> Self {
        Self(Init::Ready(Parts { intensity: Intensity::default(), max_children: None, extra: None }))
    }

    /// How many restarts within any `period` the supervisor bears: 3 within 5 seconds by default. One more, and it stops
    /// its children and ends with `Shutdown`. The period may not be zero.
    ///
    /// # Panics
    ///
    /// On a spec that is [made at the start](DynamicSupervisor::init).
    #[doc(alias = "max_restarts")]
    #[doc(alias = "max_seconds")]
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Self {
        self.parts().intensity = Intensity { restarts, period };
        self
    }

    /// How many children there may be at the same time; as many as one likes by default.
    ///
    /// # Panics
    ///
    /// As [`intensity`](Self::intensity).
    pub fn max_children(mut self, max: usize) -> Self {
        self.parts().max_children = Some(max);
        self
    }

    /// Something that the supervisor gives to the children that are started with
    /// [`start_child_with`](crate::DynamicSupervisorClient::start_child_with).
    ///
    /// # Panics
    ///
    /// As [`intensity`](Self::intensity).
    pub fn extra_arguments<X: Send + Sync + 'static>(mut self, extra: X) -> Self {
        self.parts().extra = Some(Arc::new(extra));
        self
    }

    /// Starts the supervisor, linked to the current process. Await it for the supervisor's address; a name can be given
    /// before.
    pub fn start_link(self) -> Start<DynamicSupervisor> {
        DynamicSupervisor::start_link(self)
    }

    /// As [`start_link`](Self::start_link), without the link.
    pub fn start(self) -> Start<DynamicSupervisor> {
        DynamicSupervisor::start(self)
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
        Ok(parts)
    }
}

impl IntoChildSpec for DynamicSupervisorSpec {
    type Child = ServerRef<DynamicSupervisor>;

    fn child_spec(self) -> ChildSpec {
        self.start_link().child_spec()
    }

    fn child(started: StartedChild) -> ServerRef<DynamicSupervisor> {
        <Start<DynamicSupervisor> as IntoChildSpec>::child(started)
    }
}

impl fmt::Debug for DynamicSupervisorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Init::Ready(parts) => f
                .debug_struct("DynamicSupervisorSpec")
                .field("restarts", &parts.intensity.restarts)
                .field("period", &parts.intensity.period)
                .field("max_children", &parts.max_children)
                .finish_non_exhaustive(),
            Init::Made(_) => f.debug_struct("DynamicSupervisorSpec").finish_non_exhaustive(),
        }
    }
}
