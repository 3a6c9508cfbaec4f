//! [`Brood`]: the decisions of a supervisor whose children have no order. Pure: it reads no clock, starts and stops
//! nothing, and says what is to be done instead.

use std::collections::HashMap;
use std::time::Duration;

use otp_core::{ExitReason, Pid, Restart};

use crate::intensity::{Intensity, RestartLog};

/// One child, and what the supervisor's process keeps with it.
#[derive(Debug)]
pub(crate) struct Young<T> {
    pub(crate) restart: Restart,
    /// Its last start failed, and is to be tried again.
    pub(crate) restarting: bool,
    pub(crate) kept: T,
}

/// What is to be done about a death.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: it was no child.
    Unknown,
    /// Nothing: it is not restarted, and forgotten.
    Gone,
    /// It is to be started again.
    Restart,
    /// The supervisor has to end: there were too many restarts. The child is forgotten.
    GiveUp,
}

/// The children of a dynamic supervisor, by their pids; one whose restart failed by the pid that it had.
#[derive(Debug)]
pub(crate) struct Brood<T> {
    max_children: Option<usize>,
    intensity: Intensity,
    log: RestartLog,
    children: HashMap<Pid, Young<T>>,
}

impl<T> Brood<T> {
    pub(crate) fn new(max_children: Option<usize>, intensity: Intensity) -> Self {
        Self { max_children, intensity, log: RestartLog::default(), children: HashMap::new() }
    }

    /// Whether there is room for one more. Those that are being restarted count.
    pub(crate) fn has_room(&self) -> bool {
        self.max_children.is_none_or(|max| self.children.len() < max)
    }

    pub(crate) fn add(&mut self, pid: Pid, restart: Restart, kept: T) {
        self.children.insert(pid, Young { restart, restarting: false, kept });
    }

    pub(crate) fn get(&self, pid: Pid) -> Option<&Young<T>> {
        self.children.get(&pid)
    }

    pub(crate) fn remove(&mut self, pid: Pid) -> Option<Young<T>> {
        self.children.remove(&pid)
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = (Pid, &Young<T>)> {
        self.children.iter().map(|(&pid, child)| (pid, child))
    }

    /// Takes all children out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (Pid, Young<T>)> + use<T> {
        std::mem::take(&mut self.children).into_iter()
    }

    /// How many restarts count at the moment.
    pub(crate) fn restarts(&self) -> usize {
        self.log.len()
    }

    /// A child ended by itself. `now` is the time since any fixed moment.
    pub(crate) fn ended(&mut self, pid: Pid, reason: &ExitReason, now: Duration) -> Fate {
        let Some(child) = self.children.get(&pid).filter(|child| !child.restarting) else {
            return Fate::Unknown;
        };
        let again = match child.restart {
            Restart::Permanent => true,
            Restart::Transient => reason.is_abnormal(),
            Restart::Temporary => false,
        };
        if again {
            return self.restart(pid, now);
        }
        self.children.remove(&pid);
        Fate::Gone
    }

    /// A child whose restart failed is tried again, unless it was stopped meanwhile.
    pub(crate) fn retry(&mut self, pid: Pid, now: Duration) -> Fate {
        match self.children.get(&pid) {
            Some(child) if child.restarting => self.restart(pid, now),
            _ => Fate::Unknown,
        }
    }

    fn restart(&mut self, pid: Pid, now: Duration) -> Fate {
        if self.log.bears_one_more(self.intensity, now) {
            return Fate::Restart;
        }
        self.children.remove(&pid);
        Fate::GiveUp
    }

    /// A restart worked: the child has another pid.
    pub(crate) fn restarted(&mut self, before: Pid, pid: Pid) {
        if let Some(child) = self.children.remove(&before) {
            self.children.insert(pid, Young { restarting: false, ..child });
        }
    }

    /// A restart failed.
    pub(crate) fn restart_failed(&mut self, pid: Pid) {
        if let Some(child) = self.children.get_mut(&pid) {
            child.restarting = true;
        }
    }
}
