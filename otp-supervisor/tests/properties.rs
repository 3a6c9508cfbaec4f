//! A supervisor under random deaths, requests, failing starts and pauses does what a plain model of OTP's rules says.

#[path = "supervisor/support.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests of the ledger")]
mod support;

use std::time::Duration;

use otp_core::{ExitReason, attach};
use otp_supervisor::{AutoShutdown, ChildStatus, Restart, Strategy as Group, Supervisor, SupervisorClient};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::Config as ProptestConfig;
use proptest::{collection, proptest};

use support::{Does, World, end, kill, statuses};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const PERIOD: u64 = 1000;

#[derive(Debug, Clone, Copy)]
enum Op {
    /// The nth child ends by itself, if it runs, and its next starts fail this often.
    End {
        child: usize,
        how: End,
        failures: usize,
    },
    Start {
        child: usize,
        restart: Restart,
        significant: bool,
    },
    Terminate(usize),
    Restart(usize),
    Delete(usize),
    Pause(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Normal,
    Shutdown,
    Crash,
    Kill,
}

fn restarts() -> impl Strategy<Value = Restart> {
    prop_oneof![Just(Restart::Permanent), Just(Restart::Transient), Just(Restart::Temporary)]
}

fn ops() -> impl Strategy<Value = Op> {
    let child = 0..NAMES.len();
    let how = prop_oneof![
        1 => Just(End::Normal),
        1 => Just(End::Shutdown),
        3 => Just(End::Crash),
        1 => Just(End::Kill)
    ];
    let failures = prop_oneof![3 => Just(0_usize), 1 => 1..3_usize];
    prop_oneof![
        6 => (child.clone(), how, failures).prop_map(|(child, how, failures)| Op::End { child, how, failures }),
        3 => (child.clone(), restarts(), proptest::bool::ANY)
            .prop_map(|(child, restart, significant)| Op::Start { child, restart, significant }),
        1 => child.clone().prop_map(Op::Terminate),
        1 => child.clone().prop_map(Op::Restart),
        1 => child.prop_map(Op::Delete),
        3 => prop_oneof![Just(PERIOD), Just(PERIOD + 1), 1..2 * PERIOD].prop_map(Op::Pause),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Flags {
    group: Group,
    auto_shutdown: AutoShutdown,
    intensity: u32,
}

fn flags() -> impl Strategy<Value = Flags> {
    let group = prop_oneof![Just(Group::OneForOne), Just(Group::OneForAll), Just(Group::RestForOne)];
    let auto = prop_oneof![
        2 => Just(AutoShutdown::Never),
        1 => Just(AutoShutdown::AnySignificant),
        1 => Just(AutoShutdown::AllSignificant)
    ];
    (group, auto, 0..6_u32).prop_map(|(group, auto_shutdown, intensity)| Flags {
        group,
        auto_shutdown,
        intensity,
    })
}

/// OTP's rules over a plain list.
struct Model {
    flags: Flags,
    children: Vec<Child>,
    restarts: Vec<u64>,
    now: u64,
    log: Vec<String>,
    alive: bool,
}

#[derive(Clone)]
struct Child {
    name: &'static str,
    restart: Restart,
    significant: bool,
    runs: bool,
    /// How many of its next starts fail.
    failures: usize,
}

impl Model {
    fn position(&self, name: &str) -> Option<usize> {
        self.children.iter().position(|child| child.name == name)
    }

    fn start(&mut self, at: usize) -> bool {
        let child = &mut self.children[at];
        if child.failures > 0 {
            child.failures -= 1;
            self.log.push(format!("!{}", child.name));
            return false;
        }
        child.runs = true;
        self.log.push(format!("+{}", child.name));
        true
    }

    fn stop(&mut self, at: usize) {
        if std::mem::take(&mut self.children[at].runs) {
            self.log.push(format!("-{} shutdown", self.children[at].name));
        }
        self.forget_temporary(at);
    }

    fn forget_temporary(&mut self, at: usize) {
        if self.children[at].restart == Restart::Temporary {
            self.children.remove(at);
        }
    }

    fn shut_down(&mut self) {
        for at in (0..self.children.len()).rev() {
            self.stop(at);
        }
        self.alive = false;
    }

    fn end(&mut self, at: usize, how: End) {
        self.children[at].runs = false;
        let child = self.children[at].clone();
        let again = match child.restart {
            Restart::Permanent => true,
            Restart::Transient => matches!(how, End::Crash | End::Kill),
            Restart::Temporary => false,
        };
        if again {
            return self.restart(child.name);
        }
        self.forget_temporary(at);
        let others = self.children.iter().any(|other| other.significant && other.runs);
        let over = match self.flags.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => child.significant,
            AutoShutdown::AllSignificant => child.significant && !others,
        };
        if over {
            self.shut_down();
        }
    }

    /// Until it works, or was tried too often.
    fn restart(&mut self, mut name: &'static str) {
        loop {
            let (now, restarts) = (self.now, &mut self.restarts);
            restarts.retain(|time| now - time <= PERIOD);
            restarts.push(now);
            if restarts.len() > self.flags.intensity as usize {
                return self.shut_down();
            }
            match self.restart_once(name) {
                None => return,
                Some(failed) => name = failed,
            }
        }
    }

    /// Whose start failed.
    fn restart_once(&mut self, name: &'static str) -> Option<&'static str> {
        let at = self.position(name).expect("it is known");
        let from = match self.flags.group {
            Group::OneForOne => return (!self.start(at)).then_some(name),
            Group::RestForOne => at,
            Group::OneForAll => 0,
        };
        for at in (from..self.children.len()).rev() {
            self.stop(at);
        }
        for at in from..self.children.len() {
            if !self.start(at) {
                return Some(self.children[at].name);
            }
        }
        None
    }
}

async fn agree(flags: Flags, ops: Vec<Op>) {
    let world = World::default();
    let spec = match flags.group {
        Group::OneForOne => Supervisor::one_for_one(),
        Group::OneForAll => Supervisor::one_for_all(),
        Group::RestForOne => Supervisor::rest_for_one(),
    };
    let spec =
        spec.auto_shutdown(flags.auto_shutdown).intensity(flags.intensity, Duration::from_millis(PERIOD));
    let supervisor = support::start(spec).await;
    let gone = support::reason_of(supervisor.pid());
    let mut model =
        Model { flags, children: Vec::new(), restarts: Vec::new(), now: 0, log: Vec::new(), alive: true };

    for op in ops {
        match op {
            Op::End { child, how, failures } => {
                let name = NAMES[child];
                let Some(at) = model.position(name).filter(|&at| model.children[at].runs) else { continue };
                model.children[at].failures = failures;
                if model.children[at].restart != Restart::Temporary {
                    world.plan(name, std::iter::repeat_n(Does::Fail("planned"), failures));
                }
                let pid = support::pid_of(&supervisor, name).await;
                match how {
                    End::Normal => end(pid, ExitReason::Normal).await,
                    End::Shutdown => end(pid, ExitReason::Shutdown).await,
                    End::Crash => end(pid, support::crash()).await,
                    End::Kill => kill(pid).await,
                }
                model.end(at, how);
            }
            Op::Start { child, restart, significant } => {
                let name = NAMES[child];
                let allowed = flags.auto_shutdown != AutoShutdown::Never && restart != Restart::Permanent;
                let significant = significant && allowed;
                let spec = world.child(name).restart(restart).significant(significant);
                let known = model.position(name).is_some();
                if !known {
                    world.plan(name, []);
                }
                let outcome = supervisor.start_child(spec).await;
                assert_eq!(outcome.is_ok(), !known);
                if !known {
                    model.children.push(Child { name, restart, significant, runs: false, failures: 0 });
                    let last = model.children.len() - 1;
                    model.start(last);
                }
            }
            Op::Terminate(child) => {
                let at = model.position(NAMES[child]);
                assert_eq!(supervisor.terminate_child(NAMES[child]).await.is_ok(), at.is_some());
                if let Some(at) = at {
                    model.stop(at);
                }
            }
            Op::Restart(child) => {
                let at = model.position(NAMES[child]).filter(|&at| !model.children[at].runs);
                let started = at.map(|at| model.start(at));
                assert_eq!(supervisor.restart_child(NAMES[child]).await.is_ok(), started == Some(true));
            }
            Op::Delete(child) => {
                let at = model.position(NAMES[child]).filter(|&at| !model.children[at].runs);
                assert_eq!(supervisor.delete_child(NAMES[child]).await.is_ok(), at.is_some());
                if let Some(at) = at {
                    model.children.remove(at);
                }
            }
            Op::Pause(time) => {
                tokio::time::advance(Duration::from_millis(time)).await;
                model.now += time;
            }
        }
        if !model.alive {
            // Should it live on, the paused clock passes the hour at once.
            let gone = tokio::time::timeout(Duration::from_secs(3600), gone);
            assert_eq!(gone.await.expect("the supervisor gave up"), ExitReason::Shutdown);
            assert_eq!(world.take_log(), model.log);
            return;
        }
        let found = loop {
            let found = statuses(&supervisor).await;
            if found.iter().all(|(_, status)| *status != ChildStatus::Restarting) {
                break found;
            }
        };
        let found: Vec<_> = found.into_iter().map(|(id, status)| (id, status.pid().is_some())).collect();
        let expected: Vec<_> =
            model.children.iter().map(|child| (child.name.to_owned(), child.runs)).collect();
        assert_eq!(found, expected, "after {op:?}");
        assert_eq!(world.take_log(), std::mem::take(&mut model.log), "after {op:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_supervisor_does_what_the_model_of_otps_rules_says(
        flags in flags(),
        ops in collection::vec(ops(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let outcome = runtime.block_on(attach(async move {
            agree(flags, ops).await;
            ExitReason::Normal
        }));
        if let Err(reason) = outcome {
            panic!("{reason}");
        }
    }
}
