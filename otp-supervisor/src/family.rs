//! [`Family`]: the decisions of a supervisor with a fixed order of children. Pure: it reads no clock, starts and stops
//! nothing, and says what is to be done instead.
//!
//! The supervisor's process tells it what happened ([`ended`](Family::ended), [`started`](Family::started), …) and carries
//! out what it answers.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use otp_core::{ChildId, ChildSpec, ExitReason, InvalidChildSpec, Pid, Restart};

use crate::child_info::ChildStatus;
use crate::intensity::{Intensity, RestartLog};

/// Which children share the fate of one that is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum Strategy {
    /// None.
    OneForOne,
    /// All.
    OneForAll,
    /// Those that were started after it.
    RestForOne,
}

/// When a supervisor ends because its [significant](otp_core::ChildSpec::significant) children have ended by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "OTP has these three")]
pub enum AutoShutdown {
    /// Never.
    #[default]
    Never,
    /// As soon as one has.
    AnySignificant,
    /// When the last one has.
    AllSignificant,
}

impl AutoShutdown {
    /// Whether a supervisor with this takes the child.
    pub(crate) fn check(self, child: &ChildSpec) -> Result<(), InvalidChildSpec> {
        child.check()?;
        if self == Self::Never && child.is_significant() {
            Err(InvalidChildSpec::Significant)
        } else {
            Ok(())
        }
    }
}

/// Where a child stands in the order of starting. It keeps its place for life, restarts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(u64);

/// One child, and what the supervisor's process keeps with it.
#[derive(Debug)]
pub(crate) struct Member<T> {
    pub(crate) id: ChildId,
    pub(crate) restart: Restart,
    pub(crate) significant: bool,
    pub(crate) status: ChildStatus,
    pub(crate) kept: T,
}

/// What is to be done about a death.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: it was no child, or one that is not restarted.
    Nothing,
    /// This is to be carried out.
    Restart(Plan),
    /// The supervisor has to end: there were too many restarts.
    GiveUp,
    /// The supervisor has to end: its significant children have.
    Done,
}

/// A restart: first those are stopped, one after the other, then these are started, until one start fails.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    pub(crate) stop: Vec<(Place, Pid)>,
    pub(crate) start: Vec<Place>,
}

/// The children of a supervisor, in the order of their start.
#[derive(Debug)]
pub(crate) struct Family<T> {
    strategy: Strategy,
    auto_shutdown: AutoShutdown,
    intensity: Intensity,
    log: RestartLog,
    members: BTreeMap<Place, Member<T>>,
    by_id: HashMap<ChildId, Place>,
    by_pid: BTreeMap<Pid, Place>,
    /// How many significant members are not [`ChildStatus::Stopped`].
    significant: usize,
    next: u64,
}

impl<T> Family<T> {
    pub(crate) fn new(strategy: Strategy, auto_shutdown: AutoShutdown, intensity: Intensity) -> Self {
        Self {
            strategy,
            auto_shutdown,
            intensity,
            log: RestartLog::default(),
            members: BTreeMap::new(),
            by_id: HashMap::new(),
            by_pid: BTreeMap::new(),
            significant: 0,
            next: 0,
        }
    }

    pub(crate) fn auto_shutdown(&self) -> AutoShutdown {
        self.auto_shutdown
    }

    /// Takes in a child that does not run yet, as the last one. Its id must be new.
    pub(crate) fn add(&mut self, id: ChildId, restart: Restart, significant: bool, kept: T) -> Place {
        let place = Place(self.next);
        self.next += 1;
        let before = self.by_id.insert(id.clone(), place);
        debug_assert!(before.is_none(), "the id {id:?} is taken");
        self.members.insert(place, Member { id, restart, significant, status: ChildStatus::Stopped, kept });
        place
    }

    /// Forgets a child.
    pub(crate) fn remove(&mut self, place: Place) -> Option<Member<T>> {
        self.set_status(place, ChildStatus::Stopped);
        let member = self.members.remove(&place)?;
        self.by_id.remove(&member.id);
        Some(member)
    }

    pub(crate) fn find(&self, id: &ChildId) -> Option<(Place, &Member<T>)> {
        let place = *self.by_id.get(id)?;
        Some((place, self.members.get(&place)?))
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Member<T>> {
        self.members.get(&place)
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut Member<T>> {
        self.members.get_mut(&place)
    }

    pub(crate) fn of_pid(&self, pid: Pid) -> Option<&Member<T>> {
        self.members.get(self.by_pid.get(&pid)?)
    }

    /// All children in the order of their start.
    pub(crate) fn members(&self) -> impl DoubleEndedIterator<Item = &Member<T>> {
        self.members.values()
    }

    /// The places of all children in the order of their start.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.members.keys().copied().collect()
    }

    /// How many restarts count at the moment.
    pub(crate) fn restarts(&self) -> usize {
        self.log.len()
    }

    /// The child runs.
    pub(crate) fn started(&mut self, place: Place, pid: Pid) {
        self.set_status(place, ChildStatus::Running(pid));
    }

    /// The child was stopped, or its start said ignore: a temporary one is forgotten.
    pub(crate) fn stopped(&mut self, place: Place) {
        self.set_status(place, ChildStatus::Stopped);
        if self.get(place).is_some_and(|member| member.restart == Restart::Temporary) {
            self.remove(place);
        }
    }

    /// A start that was part of a restart failed: it is tried [again](Self::retry).
    pub(crate) fn start_failed(&mut self, place: Place) {
        self.set_status(place, ChildStatus::Restarting);
    }

    /// A process ended by itself, for this reason. `now` is the time since any fixed moment.
    pub(crate) fn ended(&mut self, pid: Pid, reason: &ExitReason, now: Duration) -> Verdict {
        let Some(&place) = self.by_pid.get(&pid) else { return Verdict::Nothing };
        let Some(member) = self.get(place) else { return Verdict::Nothing };
        let (significant, restart) = (member.significant, member.restart);
        let again = match restart {
            Restart::Permanent => true,
            Restart::Transient => reason.is_abnormal(),
            Restart::Temporary => false,
        };
        if again {
            return self.restart(place, now);
        }
        self.stopped(place);
        match self.auto_shutdown {
            AutoShutdown::AnySignificant if significant => Verdict::Done,
            AutoShutdown::AllSignificant if significant && self.significant == 0 => Verdict::Done,
            _ => Verdict::Nothing,
        }
    }

    /// A child whose start failed is tried again, unless that is settled meanwhile.
    pub(crate) fn retry(&mut self, place: Place, now: Duration) -> Verdict {
        match self.get(place) {
            Some(member) if member.status == ChildStatus::Restarting => self.restart(place, now),
            _ => Verdict::Nothing,
        }
    }

    fn restart(&mut self, place: Place, now: Duration) -> Verdict {
        if !self.log.bears_one_more(self.intensity, now) {
            self.stopped(place);
            return Verdict::GiveUp;
        }
        self.set_status(place, ChildStatus::Stopped);
        let mut plan = Plan::default();
        let mut retried = Vec::new();
        let from = match self.strategy {
            Strategy::OneForOne => {
                plan.start.push(place);
                return Verdict::Restart(plan);
            }
            Strategy::RestForOne => place,
            Strategy::OneForAll => Place(0),
        };
        for (&place, member) in self.members.range(from..) {
            match member.status {
                ChildStatus::Running(pid) => plan.stop.push((place, pid)),
                // Whoever was to be tried again has its turn in this plan.
                ChildStatus::Restarting => retried.push(place),
                ChildStatus::Stopped => {}
            }
            // Temporary ones are stopped with the others, and not started again.
            if member.restart != Restart::Temporary {
                plan.start.push(place);
            }
        }
        for place in retried {
            self.set_status(place, ChildStatus::Stopped);
        }
        plan.stop.reverse();
        Verdict::Restart(plan)
    }

    fn set_status(&mut self, place: Place, status: ChildStatus) {
        let Some(member) = self.members.get_mut(&place) else { return };
        let before = std::mem::replace(&mut member.status, status);
        if member.significant {
            self.significant -= usize::from(before != ChildStatus::Stopped);
            self.significant += usize::from(status != ChildStatus::Stopped);
        }
        if let ChildStatus::Running(pid) = before {
            self.by_pid.remove(&pid);
        }
        if let ChildStatus::Running(pid) = status {
            self.by_pid.insert(pid, place);
        }
    }
}
