//! Processes under random links, monitors, messages and exits, next to a plain model of Erlang's signal rules.
//!
//! Each process is a puppet that does one thing at a time. After each step, when nothing moves any more, everything
//! that can be seen of every process is compared with the model.

#![cfg(not(otp_loom))]

#[path = "it/puppet.rs"]
mod puppet;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

use otp_core::process::Spawn;
use otp_core::{ExitReason, MonitorRef, Pid, process};
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::puppet::{Got, Puppet};

const CASES: u32 = 3_000;
const MOST_STEPS: usize = 40;
const MOST_PROCESSES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Normal,
    Shutdown,
    Other(u8),
    Kill,
    Killed,
    NoProc,
    Panicked,
}

impl Reason {
    fn of(reason: &ExitReason) -> Self {
        match reason {
            ExitReason::Normal => Self::Normal,
            ExitReason::Shutdown => Self::Shutdown,
            ExitReason::Kill => Self::Kill,
            ExitReason::Killed => Self::Killed,
            ExitReason::NoProc => Self::NoProc,
            ExitReason::Panic(_) => Self::Panicked,
            other => Self::Other(other.to_string().parse().expect("only numbers are sent")),
        }
    }

    fn real(self) -> ExitReason {
        match self {
            Self::Normal => ExitReason::Normal,
            Self::Shutdown => ExitReason::Shutdown,
            Self::Kill => ExitReason::Kill,
            Self::Killed => ExitReason::Killed,
            Self::NoProc => ExitReason::NoProc,
            Self::Other(n) => ExitReason::new(n.to_string()),
            Self::Panicked => unreachable!("nobody sends a panic"),
        }
    }
}

/// What one process does. Processes and monitors are numbers, taken modulo how many there are.
#[derive(Debug, Clone, Copy)]
enum Act {
    Spawn {
        link: bool,
        monitor: bool,
    },
    Link(usize),
    Unlink(usize),
    Monitor(usize),
    Demonitor {
        monitor: usize,
        flush: bool,
    },
    TrapExit(bool),
    Send(usize, u32),
    SendExit(usize, Reason),
    /// Something more in the same breath, before the receiver can have run.
    SendExitThen(usize, Reason, Then),
    /// By returning, or by calling `exit`.
    End {
        reason: Reason,
        by_call: bool,
    },
    Panic,
    Receive,
}

/// What is done to a process right after an exit signal was sent to it.
#[derive(Debug, Clone, Copy)]
enum Then {
    Link,
    Monitor,
    Send(u32),
    SendExit(Reason),
}

#[derive(Debug, Clone, Copy)]
struct Step {
    actor: usize,
    act: Act,
}

fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        3 => proptest::strategy::Just(Reason::Normal),
        1 => proptest::strategy::Just(Reason::Shutdown),
        3 => any::<u8>().prop_map(Reason::Other),
        2 => proptest::strategy::Just(Reason::Kill),
        1 => proptest::strategy::Just(Reason::Killed),
        1 => proptest::strategy::Just(Reason::NoProc),
    ]
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        proptest::strategy::Just(Then::Link),
        proptest::strategy::Just(Then::Monitor),
        any::<u32>().prop_map(Then::Send),
        reason().prop_map(Then::SendExit),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let other = || any::<u16>().prop_map(usize::from);
    prop_oneof![
        6 => any::<(bool, bool)>().prop_map(|(link, monitor)| Act::Spawn { link, monitor }),
        8 => other().prop_map(Act::Link),
        3 => other().prop_map(Act::Unlink),
        7 => other().prop_map(Act::Monitor),
        5 => (other(), any::<bool>()).prop_map(|(monitor, flush)| Act::Demonitor { monitor, flush }),
        6 => any::<bool>().prop_map(Act::TrapExit),
        4 => (other(), any::<u32>()).prop_map(|(to, message)| Act::Send(to, message)),
        4 => (other(), reason()).prop_map(|(to, reason)| Act::SendExit(to, reason)),
        4 => (other(), reason(), then()).prop_map(|(to, reason, then)| Act::SendExitThen(to, reason, then)),
        2 => (reason(), any::<bool>()).prop_map(|(reason, by_call)| Act::End { reason, by_call }),
        1 => proptest::strategy::Just(Act::Panic),
        4 => proptest::strategy::Just(Act::Receive),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<u16>(), act()).prop_map(|(actor, act)| Step { actor: usize::from(actor), act });
    proptest::collection::vec(step, 1..MOST_STEPS)
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Message(u32),
    Exit(usize, Reason),
    Down { monitor: usize, target: usize, reason: Reason },
}

/// A process as Erlang's rules have it.
#[derive(Debug, Default)]
struct Model {
    ended: Option<Reason>,
    traps: bool,
    links: BTreeSet<usize>,
    /// The active monitors that it holds, and on whom.
    monitors: BTreeMap<usize, usize>,
    /// In order of arrival, each with the step in which it came: within one step the order is nobody's promise.
    mailbox: Vec<(usize, Item)>,
}

/// All processes of the model. The rules are those of the reference manual's page on processes.
#[derive(Debug, Default)]
struct World {
    processes: Vec<Model>,
    /// Who made each monitor.
    monitor_owners: Vec<usize>,
    now: usize,
}

impl World {
    fn is_alive(&self, process: usize) -> bool {
        self.processes[process].ended.is_none()
    }

    fn receive(&mut self, process: usize, item: Item) {
        if self.is_alive(process) {
            let now = self.now;
            self.processes[process].mailbox.push((now, item));
        }
    }

    /// An exit signal: of a link, or sent explicitly.
    fn exit_signal(&mut self, to: usize, from: usize, reason: Reason, explicit: bool) {
        if !self.is_alive(to) {
        } else if explicit && reason == Reason::Kill {
            self.die(to, Reason::Killed);
        } else if self.processes[to].traps {
            self.receive(to, Item::Exit(from, reason));
        } else if reason != Reason::Normal || (explicit && to == from) {
            self.die(to, reason);
        }
    }

    fn die(&mut self, process: usize, reason: Reason) {
        let dead = std::mem::replace(
            &mut self.processes[process],
            Model { ended: Some(reason), ..Model::default() },
        );
        for peer in dead.links {
            self.processes[peer].links.remove(&process);
            self.exit_signal(peer, process, reason, false);
        }
        for watcher in 0..self.processes.len() {
            let (ended, active) = std::mem::take(&mut self.processes[watcher].monitors)
                .into_iter()
                .partition(|&(_, target)| target == process);
            self.processes[watcher].monitors = active;
            for (monitor, target) in BTreeMap::<usize, usize>::into_iter(ended) {
                self.receive(watcher, Item::Down { monitor, target, reason });
            }
        }
    }

    fn link(&mut self, a: usize, b: usize) {
        if a == b || !self.is_alive(a) {
        } else if self.is_alive(b) {
            self.processes[a].links.insert(b);
            self.processes[b].links.insert(a);
        } else {
            self.exit_signal(a, b, Reason::NoProc, false);
        }
    }

    fn monitor(&mut self, holder: usize, target: usize) {
        let monitor = self.monitor_owners.len();
        self.monitor_owners.push(holder);
        if holder == target || !self.is_alive(holder) {
        } else if self.is_alive(target) {
            self.processes[holder].monitors.insert(monitor, target);
        } else {
            self.receive(holder, Item::Down { monitor, target, reason: Reason::NoProc });
        }
    }

    /// What `demonitor(Ref, [info])` or `demonitor(Ref, [flush, info])` returns.
    fn demonitor(&mut self, caller: usize, monitor: usize, flush: bool) -> bool {
        let caller = &mut self.processes[caller];
        let active = caller.monitors.remove(&monitor).is_some();
        if flush {
            caller
                .mailbox
                .retain(|(_, item)| !matches!(item, Item::Down { monitor: m, .. } if *m == monitor));
        }
        active
    }
}

/// The real processes, and their counterparts.
#[derive(Default)]
struct Stage {
    puppets: Vec<Puppet>,
    monitors: Vec<MonitorRef>,
    reasons: Arc<Mutex<BTreeMap<Pid, Reason>>>,
    world: World,
}

/// Lets all processes run until nothing moves: no chain of deaths is longer than there are processes.
async fn quiet() {
    for _ in 0..2 * MOST_PROCESSES + 8 {
        tokio::task::yield_now().await;
    }
}

impl Stage {
    fn add(&mut self, puppet: Puppet) {
        let reasons = Arc::clone(&self.reasons);
        process::on_exit(puppet.pid(), move |pid, reason| {
            let before = reasons.lock().expect("no panic").insert(pid, Reason::of(reason));
            assert_eq!(before, None, "a process dies once");
        })
        .expect("it has just started");
        self.puppets.push(puppet);
        self.world.processes.push(Model::default());
    }

    fn index(&self, pid: Pid) -> usize {
        self.puppets.iter().position(|puppet| puppet.pid() == pid).expect("one of these processes")
    }

    async fn perform(&mut self, actor: usize, act: Act) -> Result<(), TestCaseError> {
        let puppet = self.puppets[actor].clone();
        let count = self.puppets.len();
        let pid_of = |process: usize| self.puppets[process % count].pid();
        match act {
            Act::Spawn { .. } if count == MOST_PROCESSES => {}
            Act::Spawn { link, monitor } => {
                let start = move || {
                    let how = if link { Spawn::new().link() } else { Spawn::new() };
                    Puppet::start(if monitor { how.monitor() } else { how })
                };
                let (child, reference) = puppet.run(start).await.expect("spawning hurts nobody");
                self.add(child);
                self.monitors.extend(reference);
                if link {
                    self.world.link(actor, count);
                }
                if monitor {
                    self.world.monitor(actor, count);
                }
            }
            Act::Link(other) => {
                let pid = pid_of(other);
                puppet.run(move || process::link(pid)).await;
                self.world.link(actor, other % count);
            }
            Act::Unlink(other) => {
                let pid = pid_of(other);
                puppet.run(move || process::unlink(pid)).await;
                self.world.processes[actor].links.remove(&(other % count));
                self.world.processes[other % count].links.remove(&actor);
            }
            Act::Monitor(other) => {
                let pid = pid_of(other);
                let reference = puppet.run(move || process::monitor(pid)).await.expect("it lives");
                self.monitors.push(reference.expect("in a process"));
                self.world.monitor(actor, other % count);
            }
            Act::Demonitor { .. } if self.monitors.is_empty() => {}
            Act::Demonitor { monitor, flush } => {
                let monitor = monitor % self.monitors.len();
                let reference = self.monitors[monitor];
                let was_active = self.world.demonitor(actor, monitor, flush);
                if flush {
                    let said = puppet.run(move || process::demonitor_flush(reference)).await;
                    same("demonitor_flush", said, Some(Ok(was_active)))?;
                } else {
                    puppet.run(move || process::demonitor(reference)).await;
                }
            }
            Act::TrapExit(trap) => {
                let before = puppet.run(move || process::trap_exit(trap)).await;
                let model = &mut self.world.processes[actor];
                same("trap_exit", before, Some(Ok(std::mem::replace(&mut model.traps, trap))))?;
            }
            Act::Send(to, message) => {
                self.puppets[to % count].send(message);
                self.world.receive(to % count, Item::Message(message));
            }
            Act::SendExit(to, reason) => {
                let pid = pid_of(to);
                puppet.run(move || process::send_exit(pid, reason.real())).await;
                self.world.exit_signal(to % count, actor, reason, true);
            }
            Act::SendExitThen(to, reason, then) => {
                self.send_exit_then(actor, to % count, reason, then).await;
            }
            Act::End { reason, by_call } => {
                if by_call {
                    puppet.run(move || process::exit(reason.real()) as ()).await;
                } else {
                    puppet.end(reason.real());
                }
                self.world.die(actor, reason);
            }
            Act::Panic => {
                // As a panic, without its noise.
                puppet.run(|| std::panic::resume_unwind(Box::new("a panic")) as ()).await;
                self.world.die(actor, Reason::Panicked);
            }
            Act::Receive => self.compare_mailboxes(actor).await?,
        }
        Ok(())
    }

    /// Signals arrive in the order of sending: what follows a deadly one finds no process.
    async fn send_exit_then(&mut self, actor: usize, to: usize, reason: Reason, then: Then) {
        let target = self.puppets[to].clone();
        // A link that stands until its EXIT has arrived is not made again. And where the deadly signal reaches the actor
        // by way of others, whether it or the `noproc` comes first is nobody's promise.
        let models = &self.world.processes;
        let may_link =
            !models[actor].links.contains(&to) && (models[actor].traps || models[to].links.is_empty());
        let act = move || {
            let pid = target.pid();
            process::send_exit(pid, reason.real());
            if process::current() == Some(pid) {
                // A process that has ended itself does nothing more.
                return None;
            }
            match then {
                Then::Link if may_link => process::link(pid).expect("in a process"),
                Then::Link => {}
                Then::Monitor => return Some(process::monitor(pid).expect("in a process")),
                Then::Send(message) => target.send(message),
                Then::SendExit(reason) => process::send_exit(pid, reason.real()),
            }
            None
        };
        let monitor = self.puppets[actor].run(act).await.flatten();
        self.monitors.extend(monitor);
        self.world.exit_signal(to, actor, reason, true);
        if to == actor {
            return;
        }
        match then {
            Then::Monitor => self.world.monitor(actor, to),
            Then::Link if may_link => self.world.link(actor, to),
            Then::Link => {}
            Then::Send(message) => self.world.receive(to, Item::Message(message)),
            Then::SendExit(reason) => self.world.exit_signal(to, actor, reason, true),
        }
    }

    async fn compare_mailboxes(&mut self, process: usize) -> Result<(), TestCaseError> {
        let mut real: Vec<Item> =
            self.puppets[process].received().await.into_iter().map(|got| self.item(got)).collect();
        let expected = std::mem::take(&mut self.world.processes[process].mailbox);
        same("number of messages and signals received", real.len(), expected.len())?;
        // What came in one step may stand in any order.
        let mut rest = real.as_mut_slice();
        let mut sorted = Vec::new();
        for of_step in expected.chunk_by(|(a, _), (b, _)| a == b) {
            let (now, later) = rest.split_at_mut(of_step.len());
            now.sort();
            rest = later;
            let mut of_step: Vec<Item> = of_step.iter().map(|(_, item)| item.clone()).collect();
            of_step.sort();
            sorted.extend(of_step);
        }
        same("messages and signals received", real, sorted)
    }

    fn item(&self, got: Got<u32>) -> Item {
        match got {
            Got::Message(message) => Item::Message(message),
            Got::Exit(from, reason) => Item::Exit(self.index(from), Reason::of(&reason)),
            Got::Down(reference, target, reason) => Item::Down {
                monitor: self
                    .monitors
                    .iter()
                    .position(|m| *m == reference)
                    .expect("a monitor of these processes"),
                target: match target {
                    otp_core::Target::Pid(pid) => self.index(pid),
                    otp_core::Target::Name(name) => unreachable!("nobody monitors the name {name}"),
                },
                reason: Reason::of(&reason),
            },
        }
    }

    /// Compares all that `info` and the exit hooks tell.
    fn compare(&self) -> Result<(), TestCaseError> {
        let listed = process::list();
        for (at, (puppet, model)) in self.puppets.iter().zip(&self.world.processes).enumerate() {
            let pid = puppet.pid();
            let reason = self.reasons.lock().expect("no panic").get(&pid).copied();
            same(&format!("the reason of process {at}'s end"), reason, model.ended)?;
            same(&format!("whether {at} is alive"), process::is_alive(pid), model.ended.is_none())?;
            same(&format!("whether {at} is listed"), listed.contains(&pid), model.ended.is_none())?;
            let Some(info) = process::info(pid) else {
                same(&format!("what is known of {at}"), None, model.ended.is_none().then_some(()))?;
                continue;
            };
            let indices = |pids: Vec<Pid>| {
                let mut indices: Vec<usize> = pids.into_iter().map(|pid| self.index(pid)).collect();
                indices.sort_unstable();
                indices
            };
            same(&format!("links of {at}"), indices(info.links), model.links.iter().copied().collect())?;
            let mut monitored: Vec<usize> = model.monitors.values().copied().collect();
            monitored.sort_unstable();
            same(&format!("monitors of {at}"), indices(info.monitors), monitored)?;
            let watchers = self.world.processes.iter().enumerate();
            let monitored_by: Vec<usize> = watchers
                .flat_map(|(watcher, model)| {
                    model.monitors.values().filter(|&&target| target == at).map(move |_| watcher)
                })
                .collect();
            same(&format!("who monitors {at}"), indices(info.monitored_by), monitored_by)?;
            same(&format!("whether {at} traps exits"), info.trap_exit, model.traps)?;
        }
        Ok(())
    }

    async fn play(&mut self, steps: &[Step]) -> Result<(), TestCaseError> {
        for _ in 0..3 {
            self.add(Puppet::new());
        }
        for (now, step) in steps.iter().enumerate() {
            self.world.now = now;
            let actor = step.actor % self.puppets.len();
            if self.world.is_alive(actor) {
                let failed = |error| TestCaseError::fail(format!("step {now}, {step:?}: {error}"));
                self.perform(actor, step.act).await.map_err(failed)?;
                quiet().await;
                self.compare().map_err(failed)?;
            }
        }
        for process in 0..self.puppets.len() {
            self.compare_mailboxes(process).await?;
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, real: T, expected: T) -> Result<(), TestCaseError> {
    if real == expected {
        Ok(())
    } else {
        Err(TestCaseError::fail(format!("{what}: {real:?}, and by Erlang's rules {expected:?}")))
    }
}

/// A failure prints the seed; `OTP_SEED=…` runs the same cases again.
#[test]
fn processes_obey_erlangs_signal_rules() {
    let seed = match std::env::var("OTP_SEED") {
        Ok(seed) => seed.parse().expect("OTP_SEED is a number"),
        Err(_) => RandomState::new().hash_one("seed"),
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new_with_rng(config, rng).run(&steps(), |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(Stage::default().play(&steps))
    });
    if let Err(failure) = outcome {
        panic!("{failure}\nOTP_SEED={seed}");
    }
}
