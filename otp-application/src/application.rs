//! [`Application`]: the callbacks of an application, and [`Started`], what its start gives back.

use std::future::{Future, ready};

use otp_core::{ExitReason, Pid, StartedChild};
use otp_genserver::{GenServer, ServerRef};
use serde::de::DeserializeOwned;

use crate::app_spec::Dependency;

/// A part of a program that is started and stopped as a whole: a supervision tree, its configuration, and what has to
/// be done before and after.
///
/// All callbacks run one after the other in a process of the application's own, its *master*, which traps exits. A
/// panic in one fails the start; later it is logged, and the stop goes on.
///
/// # Examples
///
/// ```
/// use otp_application::{Application, Controller, Started};
/// use otp_core::{ExitReason, StopToken};
/// use otp_supervisor::Supervisor;
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     #[serde(default = "four")]
///     workers: u32,
/// }
///
/// fn four() -> u32 {
///     4
/// }
///
/// async fn worker(stop: StopToken) {
///     stop.stopped().await;
/// }
///
/// struct MyApp;
///
/// impl Application for MyApp {
///     type Config = Config;
///     type State = ();
///     const NAME: &'static str = "my-app";
///
///     async fn start(config: Config) -> Result<Started, ExitReason> {
///         use otp_supervisor::IntoChildSpec;
///         let workers = (0..config.workers).map(|n| worker.child_spec().id(n));
///         Ok(Supervisor::one_for_one().children(workers).start_link().await?.into())
///     }
/// }
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // In a program: `fn main() -> ExitCode { otp_application::run::<MyApp>() }`.
/// let controller = Controller::new();
/// controller.load(MyApp)?;
/// controller.start("my-app").await?;
/// controller.stop("my-app").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// The `application` behaviour, `Application` in Elixir, and the `.app` file. `start` is given the typed configuration
/// in the place of the start type (there is but `normal`) and arguments; the state is changed in place by `prep_stop`,
/// so that it survives a panic there.
pub trait Application: 'static {
    /// What it is configured with: `()`, or a type that serde makes of defaults, a file, and environment variables.
    type Config: DeserializeOwned + Send + 'static;
    /// What `prep_stop` and `stop` are given.
    type State: Send + 'static;

    /// The name, also of its file and, in capitals, of its environment variables.
    const NAME: &'static str;
    /// One line for people.
    const DESCRIPTION: &'static str = "";
    /// The version: `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str = "";
    /// The phases of its start after [`start`](Self::start), in order.
    const START_PHASES: &'static [&'static str] = &[];

    /// The applications that have to run before this one starts: names, or specs.
    #[must_use]
    fn dependencies() -> Vec<Dependency> {
        Vec::new()
    }

    /// Starts the tree, and gives its top supervisor back. Whatever it starts is linked to the master.
    ///
    /// # Errors
    ///
    /// Any error: the application does not start, and what has been started is stopped.
    fn start(config: Self::Config) -> impl Future<Output = Result<Started<Self::State>, ExitReason>> + Send;

    /// Does what one of the [`START_PHASES`](Self::START_PHASES) asks for, once the tree runs.
    ///
    /// # Errors
    ///
    /// Any error: the application does not start, and is stopped in order.
    fn start_phase(
        phase: &'static str,
        state: &mut Self::State,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        let _ = (phase, state);
        ready(Ok(()))
    }

    /// The application is about to stop, or its tree has ended by itself.
    fn prep_stop(state: &mut Self::State) -> impl Future<Output = ()> + Send {
        let _ = state;
        ready(())
    }

    /// The tree is gone: the opposite of [`start`](Self::start).
    fn stop(state: Self::State) -> impl Future<Output = ()> + Send {
        drop(state);
        ready(())
    }
}

/// What starting an application gives back: its top supervisor, and its state.
///
/// Made by `into()` from the address of any server, or a pid.
#[derive(Debug, Clone)]
pub struct Started<S = ()> {
    pub(crate) top: Pid,
    pub(crate) state: S,
}

impl Started {
    /// With the top supervisor's pid.
    #[must_use]
    pub const fn new(top: Pid) -> Self {
        Self { top, state: () }
    }
}

impl<S> Started<S> {
    /// With a state for `prep_stop` and `stop`.
    #[must_use]
    pub fn with_state<T>(self, state: T) -> Started<T> {
        Started { top: self.top, state }
    }
}

impl<S: GenServer> From<ServerRef<S>> for Started {
    fn from(top: ServerRef<S>) -> Self {
        Self::new(top.pid())
    }
}

impl From<Pid> for Started {
    fn from(top: Pid) -> Self {
        Self::new(top)
    }
}

impl From<StartedChild> for Started {
    fn from(top: StartedChild) -> Self {
        Self::new(top.pid())
    }
}
