//! A dynamic supervisor under random starts, deaths, failing restarts, stops and pauses does what a plain model of
//! Elixir's rules says.

#[path = "supervisor/support.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests of the ledger")]
mod support;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otp_core::{ExitReason, Pid, attach, process};
use otp_supervisor::{
    ChildCounts, ChildInfo, ChildSpec, ChildStatus, DynamicSupervisor, DynamicSupervisorClient, Restart,
    ServerRef, StartChildError, TerminateChildError,
};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::Config as ProptestConfig;
use proptest::{collection, option, proptest};

use support::{Does, World, crash, end, kill, reason_of};

/// One name for each child that there can be at the same time.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const PERIOD: u64 = 1000;

#[derive(Debug, Clone)]
enum Op {
    Start {
        child: usize,
        restart: Restart,
        first: First,
    },
    /// Those that run of these end by themselves, at the same time; what each one's next starts do.
    End(Vec<(usize, How, Vec<Again>)>),
    Terminate(usize),
    Pause(u64),
}

/// What the first start of a child does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum First {
    Works,
    Fails,
    Ignores,
}

/// What a restart does; those after the last work.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Again {
    Fails,
    Panics,
    Ignores,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Normal,
    Shutdown,
    Crash,
    Kill,
}

fn ops() -> impl Strategy<Value = Op> {
    let child = 0..NAMES.len();
    let restart = prop_oneof![3 => Just(Restart::Permanent), 2 => Just(Restart::Transient), 1 => Just(Restart::Temporary)];
    let first = prop_oneof![6 => Just(First::Works), 1 => Just(First::Fails), 1 => Just(First::Ignores)];
    let how = prop_oneof![
        1 => Just(How::Normal),
        1 => Just(How::Shutdown),
        3 => Just(How::Crash),
        1 => Just(How::Kill)
    ];
    let again = prop_oneof![3 => Just(Again::Fails), 1 => Just(Again::Panics), 1 => Just(Again::Ignores)];
    let agains = prop_oneof![3 => Just(Vec::new()), 1 => collection::vec(again, 1..3)];
    prop_oneof![
        4 => (child.clone(), restart, first)
            .prop_map(|(child, restart, first)| Op::Start { child, restart, first }),
        4 => collection::vec((child.clone(), how, agains), 1..4).prop_map(Op::End),
        1 => child.prop_map(Op::Terminate),
        3 => prop_oneof![Just(PERIOD), Just(PERIOD + 1), 1..2 * PERIOD].prop_map(Op::Pause),
    ]
}

/// What happens to the model's children, one thing after the other.
enum Event {
    Exit(&'static str, How),
    Retry(&'static str),
}

struct Model {
    intensity: usize,
    max_children: Option<usize>,
    children: HashMap<&'static str, Child>,
    restarts: Vec<u64>,
    now: u64,
    log: Vec<String>,
    alive: bool,
}

struct Child {
    restart: Restart,
    planned: VecDeque<Again>,
}

impl Model {
    fn start(&mut self, name: &'static str, restart: Restart, first: First) -> &'static str {
        if self.max_children.is_some_and(|max| self.children.len() >= max) {
            return "no room";
        }
        match first {
            First::Works => {
                self.log.push(format!("+{name}"));
                self.children.insert(name, Child { restart, planned: VecDeque::new() });
                "started"
            }
            First::Fails => {
                self.log.push(format!("!{name}"));
                "failed"
            }
            First::Ignores => {
                self.log.push(format!("?{name}"));
                "ignored"
            }
        }
    }

    /// The supervisor's mailbox: what it sends itself goes behind what is there.
    fn handle(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut events: VecDeque<_> = events.into_iter().collect();
        while self.alive
            && let Some(event) = events.pop_front()
        {
            let name = match event {
                Event::Exit(name, how) => {
                    let again = match self.children[name].restart {
                        Restart::Permanent => true,
                        Restart::Transient => matches!(how, How::Crash | How::Kill),
                        Restart::Temporary => false,
                    };
                    if !again {
                        self.children.remove(name);
                        continue;
                    }
                    name
                }
                Event::Retry(name) => name,
            };
            let now = self.now;
            self.restarts.retain(|time| now - time <= PERIOD);
            self.restarts.push(now);
            if self.restarts.len() > self.intensity {
                self.children.remove(name);
                // Those that died in the meantime have no process to be stopped.
                for Event::Exit(name, _) | Event::Retry(name) in events {
                    self.children.remove(name);
                }
                self.alive = false;
                return;
            }
            match self.children.get_mut(name).and_then(|child| child.planned.pop_front()) {
                None => self.log.push(format!("+{name}")),
                Some(Again::Ignores) => {
                    self.log.push(format!("?{name}"));
                    self.children.remove(name);
                }
                Some(Again::Fails) => {
                    self.log.push(format!("!{name}"));
                    events.push_back(Event::Retry(name));
                }
                Some(Again::Panics) => events.push_back(Event::Retry(name)),
            }
        }
    }
}

/// The pid of each child's last start, and its spec, which keeps that up.
#[derive(Clone, Default)]
struct Pids(Arc<Mutex<HashMap<&'static str, Pid>>>);

impl Pids {
    fn get(&self, name: &str) -> Pid {
        self.0.lock().expect("no panic")[name]
    }

    fn child(&self, world: &World, name: &'static str) -> ChildSpec {
        let (pids, inner) = (self.clone(), world.child(name));
        ChildSpec::new(name, move || {
            let (pids, inner) = (pids.clone(), inner.clone());
            async move {
                let child = inner.start().await?;
                pids.0.lock().expect("no panic").insert(name, child.pid());
                Ok(child)
            }
        })
    }
}

struct Case {
    supervisor: ServerRef<DynamicSupervisor>,
    world: World,
    pids: Pids,
    model: Model,
}

impl Case {
    async fn begin(intensity: u32, max_children: Option<usize>) -> Self {
        process::trap_exit(true).expect("a process");
        let mut spec = DynamicSupervisor::new().intensity(intensity, Duration::from_millis(PERIOD));
        if let Some(max) = max_children {
            spec = spec.max_children(max);
        }
        let model = Model {
            intensity: intensity as usize,
            max_children,
            children: HashMap::new(),
            restarts: Vec::new(),
            now: 0,
            log: Vec::new(),
            alive: true,
        };
        let supervisor = spec.start_link().await.expect("it starts");
        Self { supervisor, world: World::default(), pids: Pids::default(), model }
    }

    async fn carry_out(&mut self, op: &Op) {
        match op {
            &Op::Start { child, restart, first } => self.start(NAMES[child], restart, first).await,
            Op::End(ends) => self.end(ends).await,
            &Op::Terminate(child) => {
                let name = NAMES[child];
                if self.model.children.remove(name).is_some() {
                    let pid = self.pids.get(name);
                    self.model.log.push(format!("-{name} shutdown"));
                    assert_eq!(self.supervisor.terminate_child(pid).await, Ok(()));
                    assert!(!process::is_alive(pid));
                    let again = self.supervisor.terminate_child(pid).await;
                    assert_eq!(again, Err(TerminateChildError::NotFound));
                }
            }
            &Op::Pause(time) => {
                tokio::time::advance(Duration::from_millis(time)).await;
                self.model.now += time;
            }
        }
    }

    async fn start(&mut self, name: &'static str, restart: Restart, first: First) {
        if self.model.children.contains_key(name) {
            return;
        }
        let planned = match first {
            First::Works => None,
            First::Fails => Some(Does::Fail("planned")),
            First::Ignores => Some(Does::Ignore),
        };
        self.world.plan(name, planned);
        let spec = self.pids.child(&self.world, name).restart(restart);
        let outcome = match self.supervisor.start_child(spec).await {
            Ok(child) => {
                assert_eq!(child.pid(), self.pids.get(name));
                "started"
            }
            Err(StartChildError::MaxChildren) => "no room",
            Err(StartChildError::Ignored) => "ignored",
            Err(StartChildError::Failed(_)) => "failed",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(outcome, self.model.start(name, restart, first));
    }

    async fn end(&mut self, ends: &[(usize, How, Vec<Again>)]) {
        let mut seen = HashSet::new();
        let mut deaths = Vec::new();
        let mut events = Vec::new();
        for (child, how, again) in ends {
            let name = NAMES[*child];
            let Some(child) = self.model.children.get_mut(name).filter(|_| seen.insert(name)) else {
                continue;
            };
            child.planned = again.iter().copied().collect();
            self.world.plan(
                name,
                again.iter().map(|again| match again {
                    Again::Fails => Does::Fail("planned"),
                    Again::Panics => Does::Panic,
                    Again::Ignores => Does::Ignore,
                }),
            );
            let pid = self.pids.get(name);
            let how = *how;
            deaths.push(Box::pin(async move {
                match how {
                    How::Normal => end(pid, ExitReason::Normal).await,
                    How::Shutdown => end(pid, ExitReason::Shutdown).await,
                    How::Crash => end(pid, crash()).await,
                    How::Kill => kill(pid).await,
                }
            }));
            events.push(Event::Exit(name, how));
        }
        // All are told before any of them runs, and die in this order.
        let mut waiting: Vec<_> = deaths.into_iter().map(Some).collect();
        std::future::poll_fn(|cx| {
            for death in &mut waiting {
                if death.as_mut().is_some_and(|death| death.as_mut().poll(cx).is_ready()) {
                    *death = None;
                }
            }
            if waiting.iter().all(Option::is_none) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        self.model.handle(events);
    }

    /// Waits until nothing is being restarted, and compares all that can be seen.
    async fn compare(&mut self, op: &Op) {
        let shown = loop {
            let shown = self.supervisor.which_children().await.expect("it runs");
            if shown.iter().all(|child| child.status != ChildStatus::Restarting) {
                break shown;
            }
        };
        assert!(shown.iter().all(|child: &ChildInfo| child.id.is_none()));
        let pids: HashSet<_> = shown.iter().filter_map(|child| child.status.pid()).collect();
        let expected: HashSet<_> = self.model.children.keys().map(|name| self.pids.get(name)).collect();
        assert_eq!(pids, expected, "after {op:?}");
        assert!(pids.iter().all(|&pid| process::is_alive(pid)));
        let ChildCounts { specs, active, supervisors, workers, .. } =
            self.supervisor.count_children().await.expect("it runs");
        let all = expected.len();
        assert_eq!((specs, active, supervisors, workers), (all, all, 0, all), "after {op:?}");
        assert_eq!(self.world.take_log(), std::mem::take(&mut self.model.log), "after {op:?}");
    }

    /// All others are stopped, in no order.
    fn compare_the_end(&mut self) {
        let mut log = self.world.take_log();
        let stops = log.split_off(self.model.log.len().min(log.len()));
        assert_eq!(log, self.model.log);
        let stopped: HashSet<_> = stops.iter().cloned().collect();
        let expected: HashSet<_> =
            self.model.children.keys().map(|name| format!("-{name} shutdown")).collect();
        assert_eq!(stopped, expected);
        assert_eq!(stops.len(), expected.len());
        for name in self.model.children.keys() {
            assert!(!process::is_alive(self.pids.get(name)));
        }
    }
}

async fn agree(intensity: u32, max_children: Option<usize>, ops: Vec<Op>) {
    let mut case = Case::begin(intensity, max_children).await;
    let gone = reason_of(case.supervisor.pid());
    for op in ops {
        case.carry_out(&op).await;
        if !case.model.alive {
            // Should it live on, the paused clock passes the hour at once.
            let gone = tokio::time::timeout(Duration::from_secs(3600), gone);
            assert_eq!(gone.await.expect("the supervisor gave up"), ExitReason::Shutdown);
            case.compare_the_end();
            return;
        }
        case.compare(&op).await;
    }
    case.supervisor.stop().await.expect("it runs");
    case.compare_the_end();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_dynamic_supervisor_does_what_the_model_of_elixirs_rules_says(
        intensity in 0..6_u32,
        max_children in option::of(0..NAMES.len()),
        ops in collection::vec(ops(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let outcome = runtime.block_on(attach(async move {
            agree(intensity, max_children, ops).await;
            ExitReason::Normal
        }));
        if let Err(reason) = outcome {
            panic!("{reason}");
        }
    }
}
