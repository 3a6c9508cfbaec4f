//! What a controller knows of its applications. Plain data behind a lock that is held for moments; it starts nothing and
//! waits for nothing.

use std::collections::{BTreeMap, BTreeSet};

use otp_core::{ExitReason, Pid, ProcessRef};
use tokio::sync::watch;

use crate::app_spec::AppSpec;
use crate::environment::{Environment, Given};
use crate::error::StartAppError;
use crate::restart_type::RestartType;

/// The order to a master to stop its application.
#[derive(Debug)]
pub(crate) struct StopOrder;

pub(crate) type Master = ProcessRef<StopOrder>;

/// What became of a start; `None` while it goes on.
pub(crate) type Outcome = Option<Result<(), StartAppError>>;

#[derive(Default)]
pub(crate) struct Table {
    pub(crate) entries: BTreeMap<String, Entry>,
    /// Those that run or are being stopped, in the order of their start.
    pub(crate) order: Vec<String>,
    /// Those that are starting, in the order in which that began.
    pub(crate) starting: Vec<String>,
    /// Values that were put before the application was loaded.
    pub(crate) early: BTreeMap<String, Vec<Given>>,
    pub(crate) halting: bool,
}

pub(crate) struct Entry {
    pub(crate) spec: AppSpec,
    pub(crate) environment: Environment,
    pub(crate) state: State,
}

pub(crate) enum State {
    Stopped,
    Starting {
        master: Master,
        restart: RestartType,
        done: watch::Sender<Outcome>,
        /// Why it will have failed, once the master is gone.
        failure: Option<StartAppError>,
        /// Its master was told to stop meanwhile.
        aborted: bool,
    },
    /// Without a master: a library.
    Running {
        master: Option<Master>,
        restart: RestartType,
    },
    Stopping {
        master: Master,
    },
}

impl State {
    pub(crate) const fn master(&self) -> Option<&Master> {
        match self {
            Self::Stopped => None,
            Self::Starting { master, .. } | Self::Stopping { master } => Some(master),
            Self::Running { master, .. } => master.as_ref(),
        }
    }
}

/// What there is to be told after the end of a master.
pub(crate) enum Ended {
    /// It was stopped.
    Stopped,
    /// It ended by itself.
    Exited(RestartType),
    /// Its start failed.
    NotStarted(RestartType),
}

impl Table {
    /// The applications, or what they depend on, are others than before: each variable goes to whom it now belongs.
    pub(crate) fn refresh_environments(&mut self) {
        let mut known = BTreeSet::new();
        for entry in self.entries.values() {
            entry.spec.add_names(&mut known);
        }
        for entry in self.entries.values_mut() {
            entry.environment.refresh(known.iter().map(String::as_str));
        }
    }

    pub(crate) fn is_running(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|entry| matches!(entry.state, State::Running { .. }))
    }

    pub(crate) fn set_state(&mut self, name: &str, state: State) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.state = state;
        }
    }

    /// The start of this master's application is complete: whether it runs now. Told to stop meanwhile, it counts as
    /// starting until it is gone, so that nothing that it depends on goes before.
    pub(crate) fn started(&mut self, name: &str) -> bool {
        let Some(entry) = self.entries.get_mut(name) else { return false };
        let State::Starting { master, restart, aborted: false, .. } = &entry.state else { return false };
        let running = State::Running { master: Some(master.clone()), restart: *restart };
        if let State::Starting { done, .. } = std::mem::replace(&mut entry.state, running) {
            done.send_replace(Some(Ok(())));
        }
        self.starting.retain(|other| other != name);
        self.order.push(name.to_owned());
        true
    }

    /// The start of this master's application has failed; to be told once the master is gone.
    pub(crate) fn start_failed(&mut self, name: &str, error: StartAppError) {
        if let Some(Entry { state: State::Starting { failure, .. }, .. }) = self.entries.get_mut(name) {
            *failure = Some(error);
        }
    }

    /// The master of this application is gone.
    pub(crate) fn master_ended(&mut self, name: &str, master: Pid, reason: &ExitReason) -> Option<Ended> {
        let entry = self.entries.get_mut(name)?;
        if entry.state.master().map(ProcessRef::pid) != Some(master) {
            return None;
        }
        let before = std::mem::replace(&mut entry.state, State::Stopped);
        self.order.retain(|other| other != name);
        self.starting.retain(|other| other != name);
        Some(match before {
            State::Starting { restart, done, failure, aborted, .. } => {
                let killed =
                    || StartAppError::Failed { application: name.to_owned(), reason: reason.clone() };
                let error =
                    if aborted { StartAppError::ShuttingDown } else { failure.unwrap_or_else(killed) };
                done.send_replace(Some(Err(error)));
                if aborted { Ended::Stopped } else { Ended::NotStarted(restart) }
            }
            State::Running { restart, .. } => Ended::Exited(restart),
            State::Stopping { .. } | State::Stopped => Ended::Stopped,
        })
    }

    /// The application to be stopped next at a shutdown: the one that was started last. `None`: none is left.
    pub(crate) fn stop_next(&mut self) -> Option<Master> {
        loop {
            let name = self.starting.last().or_else(|| self.order.last())?.clone();
            let Some(entry) = self.entries.get_mut(&name) else {
                unreachable!("what starts or runs is loaded")
            };
            match &mut entry.state {
                State::Starting { master, aborted, .. } => {
                    *aborted = true;
                    return Some(master.clone());
                }
                State::Running { master: Some(master), .. } => {
                    let master = master.clone();
                    entry.state = State::Stopping { master: master.clone() };
                    return Some(master);
                }
                State::Stopping { master } => return Some(master.clone()),
                // A library has nothing to wait for; what has stopped is in neither list.
                State::Running { master: None, .. } | State::Stopped => {
                    entry.state = State::Stopped;
                    self.order.retain(|other| *other != name);
                }
            }
        }
    }
}
