//! [`StartedChild`]: what starting a child gives its supervisor.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::pid::Pid;

/// A child that has started: its pid, and what else its start function has to tell.
#[derive(Clone)]
pub struct StartedChild {
    pid: Pid,
    info: Option<Arc<dyn Any + Send + Sync>>,
    address: Option<Arc<dyn Any + Send + Sync>>,
}

impl StartedChild {
    /// The child with this pid.
    #[must_use]
    pub fn new(pid: Pid) -> Self {
        Self { pid, info: None, address: None }
    }

    /// With something for whoever asked the supervisor to start it.
    ///
    /// # Counterpart
    ///
    /// The third element of `{ok, Pid, Info}`.
    #[must_use]
    pub fn with_info<T: Send + Sync + 'static>(mut self, info: T) -> Self {
        self.info = Some(Arc::new(info));
        self
    }

    /// With the child's typed address. For implementations of [`IntoChildSpec`](crate::IntoChildSpec).
    #[must_use]
    pub fn with_address<T: Send + Sync + 'static>(mut self, address: T) -> Self {
        self.address = Some(Arc::new(address));
        self
    }

    /// The child's pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// What its start function said besides, if that is a `T`.
    #[must_use]
    pub fn info<T: 'static>(&self) -> Option<&T> {
        self.info.as_ref()?.downcast_ref()
    }

    /// The child's typed address, if it has one of this type.
    #[must_use]
    pub fn address<T: 'static>(&self) -> Option<&T> {
        self.address.as_ref()?.downcast_ref()
    }
}

impl From<Pid> for StartedChild {
    fn from(pid: Pid) -> Self {
        Self::new(pid)
    }
}

impl fmt::Debug for StartedChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedChild").field("pid", &self.pid).finish_non_exhaustive()
    }
}
