//! What the tests share: an application that does what its configuration says, and a log of what happened.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use otp_application::{AppSpec, Application, Controller, ExitReason, Started};
use otp_core::behaviour::InitError;
use otp_core::process::{self, send_exit};
use otp_core::{IntoChildSpec, Pid};
use otp_genserver::{Context, GenServer};
use otp_supervisor::Supervisor;
use serde::Deserialize;

/// Lines in the order in which they happened.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

/// The logs of all tests of this program, by number: a configuration cannot hold one.
static LOGS: Mutex<BTreeMap<u32, Log>> = Mutex::new(BTreeMap::new());

impl Log {
    pub(crate) fn new() -> (Self, u32) {
        let mut logs = LOGS.lock().expect("no test panics while it logs");
        let (log, number) = (Self::default(), u32::try_from(logs.len()).expect("few logs"));
        logs.insert(number, log.clone());
        (log, number)
    }

    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("no test panics while it logs").push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test panics while it logs").clone()
    }

    /// What has happened since the last look.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it logs"))
    }
}

/// What a [`Scripted`] application is told to do.
#[derive(Deserialize)]
pub(crate) struct Script {
    log: u32,
    #[serde(default)]
    start: String,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    prep_stop: String,
    #[serde(default)]
    stop: String,
}

pub(crate) struct State {
    log: Log,
    script: Script,
    text: String,
}

/// An application with two workers, which logs its callbacks.
pub(crate) struct Scripted;

impl Application for Scripted {
    type Config = Script;
    type State = State;
    const NAME: &'static str = "scripted";
    const DESCRIPTION: &'static str = "does what it is told";
    const VERSION: &'static str = "1.2.3";
    const START_PHASES: &'static [&'static str] = &["first", "second"];

    async fn start(script: Script) -> Result<Started<State>, ExitReason> {
        let log = LOGS.lock().expect("no test panics while it logs")[&script.log].clone();
        log.add("start");
        act(&script.start).await?;
        let workers = ["a", "b"].map(|name| Worker::start_link((name, log.clone())).child_spec().id(name));
        let top = Supervisor::one_for_one().children(workers).start_link().await?;
        act(script.start.strip_prefix("then ").unwrap_or_default()).await?;
        let state = State { log, script, text: "from start".to_owned() };
        Ok(Started::from(top).with_state(state))
    }

    async fn start_phase(phase: &'static str, state: &mut State) -> Result<(), ExitReason> {
        state.log.add(format!("phase {phase}"));
        if phase == "first" { act(&state.script.phase).await } else { Ok(()) }
    }

    async fn prep_stop(state: &mut State) {
        state.log.add(format!("prep_stop: {}", state.text));
        state.text = "from prep_stop".to_owned();
        if let Err(why) = act(&state.script.prep_stop).await {
            state.log.add(format!("prep_stop: {why}"));
        }
    }

    async fn stop(state: State) {
        state.log.add(format!("stop: {}", state.text));
        if let Err(why) = act(&state.script.stop).await {
            state.log.add(format!("stop: {why}"));
        }
    }
}

async fn act(what: &str) -> Result<(), ExitReason> {
    match what {
        "fail" => Err(ExitReason::new("no luck")),
        "panic" => panic!("told to"),
        "wait" => std::future::pending().await,
        "start itself" => {
            let controller = Controller::current();
            let own = process::current().and_then(|own| controller.get_application(own));
            Ok(controller.start(&own.expect("a callback runs in its application")).await?)
        }
        _ => Ok(()),
    }
}

/// The application under a name of its own, with a log.
pub(crate) fn scripted(name: &str, log: u32) -> AppSpec {
    AppSpec::of::<Scripted>().name(name).config("log", log)
}

/// A worker that logs its end.
pub(crate) struct Worker(&'static str, Log);

impl GenServer for Worker {
    type Args = (&'static str, Log);
    type Call = Infallible;
    type Cast = ExitReason;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init((name, log): Self::Args, _: &mut Context<Self>) -> Result<Self, InitError> {
        process::trap_exit(true)?;
        log.add(format!("{name} up"));
        Ok(Self(name, log))
    }

    async fn handle_call(&mut self, call: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {}
    }

    async fn handle_cast(&mut self, reason: ExitReason, _: &mut Context<Self>) -> Result<(), ExitReason> {
        Err(reason)
    }

    async fn terminate(&mut self, reason: &ExitReason, _: &mut Context<Self>) {
        self.1.add(format!("{} down: {reason}", self.0));
    }
}

/// An application whose tree is one process, and its master.
pub(crate) fn single(name: &str) -> AppSpec {
    AppSpec::new(name, |(): ()| async {
        let top = otp_core::spawn_link(|mut mailbox: otp_core::Mailbox<ExitReason>| async move {
            match mailbox.receive().await {
                otp_core::Received::Message(reason) => reason,
                _ => ExitReason::Normal,
            }
        });
        Ok(top.pid().into())
    })
}

/// The top process of a running application: the one that its master is linked to.
pub(crate) fn top_of(controller: &Controller, name: &str) -> Pid {
    let master = master_of(controller, name);
    process::info(master).expect("it runs").links[0]
}

/// The oldest process of an application.
pub(crate) fn master_of(controller: &Controller, name: &str) -> Pid {
    let mut all = process::list().into_iter();
    all.find(|pid| controller.get_application(*pid).as_deref() == Some(name)).expect("it runs")
}

/// Ends the tree of an application, as if by itself.
pub(crate) fn end_with(controller: &Controller, name: &str, reason: ExitReason) {
    let top = top_of(controller, name);
    match otp_core::ProcessRef::<ExitReason>::of(top) {
        Ok(top) => top.send(reason),
        Err(_) => send_exit(top, reason),
    }
}

/// The processes that descend from this test's own: other tests run in the same program.
pub(crate) fn descendants() -> Vec<Pid> {
    let own = process::current().expect("a test is a process");
    let descends = |pid: &Pid| process::info(*pid).is_some_and(|info| info.ancestors.contains(&own));
    process::list().into_iter().filter(descends).collect()
}

/// Lets everything happen that can happen at this instant of the paused clock.
pub(crate) async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
}

pub(crate) fn running(controller: &Controller) -> Vec<String> {
    controller.which_applications().into_iter().map(|info| info.name).collect()
}

impl Worker {
    pub(crate) fn start_link_with(name: &'static str, log: &Log) -> otp_genserver::Start<Self> {
        Self::start_link((name, log.clone()))
    }
}
