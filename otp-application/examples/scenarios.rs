//! What the tests run as a program of its own, since it ends: `cargo run --example scenarios -- serve`.

use std::process::ExitCode;
use std::time::Duration;

use otp_application::{AppSpec, Application, Controller, ExitReason, Runner, Started};
use otp_core::process;
use otp_supervisor::{IntoChildSpec, Shutdown, StopToken, Supervisor, SupervisorClient};

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
            "thread-hangs" => drop(tokio::task::spawn_blocking(|| {
                loop {
                    std::thread::park()
                }
            })),
            _ => {}
        }
        println!("up");
        Ok(Started::from(top).with_state(scenario))
    }

    async fn prep_stop(_: &mut String) {
        println!("prep_stop");
    }

    async fn stop(_: String) {
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
