//! What the tests run as a program of its own, since it ends: `cargo run --example scenarios -- serve`.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use otp_application::{AppSpec, Application, Controller, ExitReason, Runner, Started};
use otp_core::{Pid, process};
use otp_supervisor::{IntoChildSpec, Shutdown, StopToken, Supervisor, SupervisorClient, SupervisorSpec};

/// An application that says what happens, and does what its configuration says.
struct Scenario;

#[derive(serde::Deserialize)]
struct Config {
    scenario: String,
}

impl Application for Scenario {
    type Config = Config;
    type State = String;
    const NAME: &'static str = "scenario";

    fn dependencies() -> Vec<otp_application::Dependency> {
        vec![AppSpec::of::<Base>().into()]
    }

    async fn start(Config { scenario }: Config) -> Result<Started<String>, ExitReason> {
        let tree = Supervisor::one_for_one()
            .intensity(0, Duration::from_secs(1))
            .child(worker.child_spec().shutdown(Shutdown::Infinity));
        let top = match &*scenario {
            "tree-hangs" => tree.child(deaf.child_spec().shutdown(Shutdown::Infinity)).start_link().await?,
            "tree-is-slow" => {
                let limit = Shutdown::Timeout(Duration::from_millis(50));
                tree.child(deaf.child_spec().shutdown(limit)).start_link().await?
            }
            "big-tree-escalates" => {
                tree.child(branch(1).start_link().child_spec().id("branch")).start_link().await?
            }
            _ => tree.start_link().await?,
        };
        match &*scenario {
            "start-hangs" => {
                println!("starting");
                std::future::pending::<()>().await;
            }
            "start-fails" => return Err(ExitReason::new("no luck")),
            "start-panics" => panic!("told to"),
            "tree-dies" => {
                // The supervisor bears no restart.
                let workers = top.which_children().await?;
                workers
                    .iter()
                    .filter_map(|it| it.status.pid())
                    .for_each(|pid| process::send_exit(pid, ExitReason::Kill));
            }
            "stops-itself" => Controller::current().system_stop(42),
            "blocks" => drop(process_that_blocks()),
            "thread-hangs" => drop(tokio::task::spawn_blocking(|| {
                loop {
                    std::thread::park()
                }
            })),
            _ => {}
        }
        println!("up");
        if scenario == "big-tree-escalates" {
            // Started, and not only spawned.
            while LEAVES_UP.load(Ordering::Relaxed) < branches().pow(4) {
                tokio::task::yield_now().await;
            }
            println!("{} leaves", LEAVES_UP.load(Ordering::Relaxed));
            process::send_exit(*A_LEAF.get().expect("there are leaves"), ExitReason::Kill);
        }
        Ok(Started::from(top).with_state(scenario))
    }

    async fn prep_stop(_: &mut String) {
        println!("prep_stop");
    }

    async fn stop(scenario: String) {
        if scenario == "big-tree-escalates" {
            println!("{} leaves stopped", LEAVES_STOPPED.load(Ordering::Relaxed));
        }
        println!("stop");
    }
}

/// What the scenario depends on.
struct Base;

impl Application for Base {
    type Config = ();
    type State = ();
    const NAME: &'static str = "base";

    async fn start((): ()) -> Result<Started, ExitReason> {
        println!("base up");
        Ok(Supervisor::one_for_one().start_link().await?.into())
    }

    async fn stop((): ()) {
        println!("base stop");
    }
}

async fn worker(stop: StopToken) {
    stop.stopped().await;
    println!("worker stopped");
}

static LEAVES_UP: AtomicU64 = AtomicU64::new(0);
static LEAVES_STOPPED: AtomicU64 = AtomicU64::new(0);
static A_LEAF: OnceLock<Pid> = OnceLock::new();

async fn leaf(stop: StopToken) {
    LEAVES_UP.fetch_add(1, Ordering::Relaxed);
    A_LEAF.get_or_init(|| process::current().expect("a process"));
    stop.stopped().await;
    LEAVES_STOPPED.fetch_add(1, Ordering::Relaxed);
}

fn branches() -> u64 {
    std::env::var("OTP_TREE_BRANCHES").map_or(4, |text| text.parse().expect("a number"))
}

/// A supervisor that bears no restart, at this level of five; the leaves are the fifth.
fn branch(level: u32) -> SupervisorSpec {
    let child = |n: u64| match level {
        4 => leaf.child_spec().id(n),
        _ => branch(level + 1).start_link().child_spec().id(n),
    };
    Supervisor::one_for_one().intensity(0, Duration::from_secs(1)).children((0..branches()).map(child))
}

/// Takes the one thread of the runtime, and does not give it back.
fn process_that_blocks() -> Pid {
    otp_core::spawn(|_: otp_core::Mailbox<()>| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        println!("blocked");
        loop {
            std::thread::park();
        }
        #[expect(unreachable_code, reason = "gives the type")]
        ExitReason::Normal
    })
    .pid()
}

/// Does not stop.
async fn deaf(stop: StopToken) {
    stop.stopped().await;
    println!("deaf");
    std::future::pending::<()>().await;
}

fn main() -> ExitCode {
    let runner = Runner::new(Scenario).linger(Duration::from_millis(50));
    match std::env::args().nth(1) {
        Some(scenario) => runner.config("scenario", scenario).run(),
        None => runner.current_thread().run(),
    }
}
