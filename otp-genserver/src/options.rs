//! [`Options`]: what a server is started with besides its arguments and its name.

use std::time::Duration;

use crate::server::GenServer;
use crate::sys::DebugOptions;

pub(crate) struct Options<S: GenServer> {
    pub(crate) debug: Option<DebugOptions<S>>,
    pub(crate) hibernate_after: Option<Duration>,
}

impl<S: GenServer> Options<S> {
    /// The same once more, for a server that is started again.
    pub(crate) fn again(&self) -> Self {
        Self { debug: self.debug.as_ref().map(DebugOptions::again), hibernate_after: self.hibernate_after }
    }
}

impl<S: GenServer> Default for Options<S> {
    fn default() -> Self {
        Self { debug: None, hibernate_after: None }
    }
}
