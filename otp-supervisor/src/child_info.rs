//! What a supervisor tells about its children.

use otp_core::{ChildId, ChildType, Pid};

/// One child, as `which_children` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its name within its supervisor; `None` under a dynamic supervisor, which does not look at names.
    pub id: Option<ChildId>,
    /// Whether it runs.
    pub status: ChildStatus,
    /// Whether it is a supervisor.
    pub child_type: ChildType,
}

/// Whether a child runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum ChildStatus {
    /// It runs as this process.
    Running(Pid),
    /// It ended, and could not be started again yet.
    Restarting,
    /// It does not run: it was stopped, ended in order, or ignored its start. OTP: `undefined`.
    Stopped,
}

impl ChildStatus {
    /// The child's pid, if it runs.
    #[must_use]
    pub const fn pid(self) -> Option<Pid> {
        match self {
            Self::Running(pid) => Some(pid),
            Self::Restarting | Self::Stopped => None,
        }
    }
}

/// How many children a supervisor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ChildCounts {
    /// All that it knows, running or not.
    pub specs: usize,
    /// Those that run.
    pub active: usize,
    /// Supervisors among all.
    pub supervisors: usize,
    /// Workers among all.
    pub workers: usize,
}

impl ChildCounts {
    pub(crate) fn add(&mut self, child_type: ChildType, active: bool) {
        self.specs += 1;
        self.active += usize::from(active);
        match child_type {
            ChildType::Worker => self.workers += 1,
            ChildType::Supervisor => self.supervisors += 1,
        }
    }
}
