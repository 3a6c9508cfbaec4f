//! [`Recipient`]: the address of a process by what it accepts, whatever else it is.

use std::fmt;

use crate::mailbox::ProcessRef;
use crate::pid::Pid;
use crate::sync::Arc;

/// The address of any process that accepts messages `M`.
///
/// It breaks the circle when two processes need each other's address, and lets a library send to processes whose
/// types it does not know. Making one allocates; sending does not.
pub struct Recipient<M> {
    pid: Pid,
    deliver: Arc<dyn Fn(M) + Send + Sync>,
}

impl<M> Recipient<M> {
    pub(crate) fn new(pid: Pid, deliver: impl Fn(M) + Send + Sync + 'static) -> Self {
        Self { pid, deliver: Arc::new(deliver) }
    }

    /// Sends a message; a dead process ignores it.
    pub fn send(&self, message: M) {
        (self.deliver)(message);
    }

    /// The process's pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

impl<T: Send + 'static, M: From<T> + Send + 'static> From<ProcessRef<M>> for Recipient<T> {
    fn from(process: ProcessRef<M>) -> Self {
        process.recipient()
    }
}

impl<M> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Self { pid: self.pid, deliver: Arc::clone(&self.deliver) }
    }
}

impl<M> fmt::Debug for Recipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.pid)
    }
}
