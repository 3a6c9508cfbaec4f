//! [`run`] and [`Runner`]: an application as the whole program.

use std::fmt;
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::time::Duration;

use otp_core::{attach, process};
use serde::Serialize;
use tokio::runtime::Builder;

use crate::app_spec::AppSpec;
use crate::application::Application;
use crate::controller::Controller;
use crate::error::StartAppError;
use crate::halt::{Halt, exit_code};
use crate::restart_type::RestartType;
use crate::signals::{self, Order};

/// Runs an application as the program, until a signal or its own end ends it. [`Runner`] says what is done, and how to
/// change it; [`exit_code`] says what comes out.
///
/// # Examples
///
/// ```no_run
/// use otp_application::{Application, ExitReason, Started};
/// use otp_supervisor::Supervisor;
///
/// struct MyApp;
///
/// impl Application for MyApp {
///     type Config = ();
///     type State = ();
///     const NAME: &'static str = "my-app";
///
///     async fn start(_: ()) -> Result<Started, ExitReason> {
///         Ok(Supervisor::one_for_one().start_link().await?.into())
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     otp_application::run::<MyApp>()
/// }
/// ```
///
/// # Counterpart
///
/// The start of a release.
#[must_use = "what the program is to exit with"]
pub fn run<A: Application>() -> ExitCode {
    Runner::new(AppSpec::of::<A>()).run()
}

/// An application as the whole program.
///
/// It makes a runtime, listens for signals, reads the configuration, starts what the application depends on and then the
/// application, each as [`Permanent`](RestartType::Permanent), and waits. The first SIGTERM or ctrl-c stops all of them in the reverse
/// order, each tree within its own shutdown times, also while they are still starting; a second one ends the program at
/// once. What goes wrong is said on stderr, and in the [exit code](exit_code).
///
/// # Counterpart
///
/// What `init`, the boot script and the application controller do together.
#[must_use = "a program runs when `run()` is called"]
pub struct Runner {
    spec: AppSpec,
    controller: Option<Controller>,
    current_thread: bool,
    worker_threads: Option<usize>,
    linger: Duration,
}

impl Runner {
    /// On a multi-thread runtime, with the [global](Controller::global) controller.
    pub fn new(spec: impl Into<AppSpec>) -> Self {
        Self {
            spec: spec.into(),
            controller: None,
            current_thread: false,
            worker_threads: None,
            linger: Duration::from_secs(5),
        }
    }

    /// The value of a key of the application's configuration, whatever file and environment say.
    pub fn config<T: Serialize>(mut self, key: impl Into<String>, value: T) -> Self {
        self.spec = self.spec.config(key, value);
        self
    }

    /// With this controller, which may read its configuration elsewhere.
    pub fn controller(mut self, controller: Controller) -> Self {
        self.controller = Some(controller);
        self
    }

    /// On a runtime of one thread.
    pub const fn current_thread(mut self) -> Self {
        self.current_thread = true;
        self
    }

    /// On this many worker threads; by default one for each core.
    pub const fn worker_threads(mut self, threads: usize) -> Self {
        self.worker_threads = Some(threads);
        self
    }

    /// How long, after everything was stopped, blocking tasks and threads that are still at work are waited for: 5
    /// seconds by default.
    pub const fn linger(mut self, limit: Duration) -> Self {
        self.linger = limit;
        self
    }

    /// Runs it. Returns when all is stopped: give the result back from `main`.
    ///
    /// # Panics
    ///
    /// Inside another runtime.
    #[must_use = "what the program is to exit with"]
    pub fn run(self) -> ExitCode {
        let mut builder =
            if self.current_thread { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        builder.enable_all();
        if let Some(threads) = self.worker_threads {
            builder.worker_threads(threads);
        }
        let name = self.spec.name.clone();
        let linger = self.linger;
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(&name, format_args!("no runtime: {error}"));
                return ExitCode::from(exit_code::FAILURE);
            }
        };
        let code = runtime.block_on(attach(self.drive())).unwrap_or_else(|reason| {
            complain(&name, format_args!("the process of `main` was ended: {reason}"));
            exit_code::FAILURE
        });
        runtime.shutdown_timeout(linger);
        ExitCode::from(code)
    }

    async fn drive(self) -> u8 {
        let name = self.spec.name.clone();
        // Cannot fail: this is a process.
        let _ = process::set_label("main");
        let controller = self.controller.unwrap_or_else(Controller::global);
        controller.runs_here();
        // Before anything is started: from here on no signal ends the program by itself.
        if let Err(error) = signals::obey(orders(&controller, &name)) {
            complain(&name, format_args!("cannot listen for signals: {error}"));
            return exit_code::FAILURE;
        }
        if let Err(error) = start(&controller, self.spec).await {
            let is_order = matches!(&error, StartAppError::ShuttingDown)
                || matches!(&error, StartAppError::Failed { reason, .. } if reason.is_orderly());
            if !(is_order && controller.is_halting()) {
                complain(&name, format_args!("{error}"));
            }
            controller.system_stop(match error {
                StartAppError::Config(_) => exit_code::CONFIG,
                _ => exit_code::FAILURE,
            });
        }
        let halt = controller.halted().await;
        if let Halt::ApplicationEnded { .. } = halt {
            complain(&name, format_args!("{halt}"));
        }
        halt.exit_code()
    }
}

/// What a signal leads to: the first one to an ordered stop, the second to an end at once.
fn orders(controller: &Controller, name: &str) -> impl FnMut(Order) + Send + 'static {
    let (controller, name) = (controller.clone(), name.to_owned());
    let mut first = true;
    move |order| {
        if std::mem::take(&mut first) {
            controller.halt(Halt::Signal(order.name));
            complain(&name, format_args!("{}: stopping; a second signal ends it at once", order.name));
        } else {
            complain(&name, format_args!("{}: ended at once", order.name));
            exit(order.exit_code.into());
        }
    }
}

async fn start(controller: &Controller, spec: AppSpec) -> Result<(), StartAppError> {
    let name = spec.name.clone();
    controller.load(spec)?;
    controller.ensure_all_started_as(&name, RestartType::Permanent).await.map(drop)
}

/// To stderr, since nobody may listen to the log; and no harm if nobody reads that.
fn complain(name: &str, text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{name}: {text}");
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("application", &self.spec.name).finish_non_exhaustive()
    }
}
