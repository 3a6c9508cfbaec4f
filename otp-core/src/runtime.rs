//! Making the outermost code a process: [`run`], and what `#[main]` and `#[test]` expand to.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use crate::cell::{AnyCell, Cell, Origin};
use crate::driver::Driven;
use crate::exit_reason::ExitReason;
use crate::inbox::Inbox;
use crate::mailbox::Mailbox;
use crate::panics;
use crate::sync::Arc;
use crate::table;

/// Runs `future` as a process on a new multi-thread runtime, and waits for it.
///
/// When it returns, the runtime is shut down, and every process on it dies as if killed.
///
/// # Examples
///
/// ```
/// let sum = otp_core::run(async { 1 + 2 });
/// assert_eq!(sum, Ok(3));
/// ```
///
/// # Errors
///
/// The reason, if the process was ended from outside: a linked process crashed, or somebody killed it; or if it
/// panicked.
///
/// # Panics
///
/// If the runtime cannot be built, or inside another runtime.
pub fn run<F: Future>(future: F) -> Result<F::Output, ExitReason> {
    runtime(&Options::default()).block_on(attach(future))
}

/// Makes `future` a process of its own that whoever polls it drives.
///
/// For embedding: inside a runtime that somebody else made, the code within can link, monitor, trap exits and own
/// tables.
///
/// # Errors
///
/// The reason, if the process was ended from outside, or panicked.
///
/// # Cancel safety
///
/// Dropping it ends the process as if killed.
pub async fn attach<F: Future>(future: F) -> Result<F::Output, ExitReason> {
    panics::install_hook();
    let cell = Cell::<Inbox<()>>::new(crate::process::current(), Origin::Attached, None);
    let erased: Arc<AnyCell> = cell;
    table::insert(Arc::clone(&erased));
    Driven::new(erased, future).await
}

/// As [`attach`], with a mailbox of its own.
///
/// # Errors
///
/// The reason, if the process was ended from outside, or panicked.
///
/// # Cancel safety
///
/// Dropping it ends the process as if killed.
pub async fn attach_with<M, F, Fut>(body: F) -> Result<Fut::Output, ExitReason>
where
    M: Send + 'static,
    F: FnOnce(Mailbox<M>) -> Fut,
    Fut: Future,
{
    panics::install_hook();
    let cell = Cell::<Inbox<M>>::new(crate::process::current(), Origin::Attached, None);
    let mailbox = Mailbox::new(Arc::clone(&cell));
    let erased: Arc<AnyCell> = cell;
    table::insert(Arc::clone(&erased));
    Driven::new(erased, async move { body(mailbox).await }).await
}

/// Which tokio runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tokio has these two; generated code names them")]
pub enum Flavor {
    /// A worker thread per core, or as many as asked for.
    MultiThread,
    /// Everything on the calling thread.
    CurrentThread,
}

/// What `#[main]` and `#[test]` may say.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "generated code fills it in")]
pub struct Options {
    /// Which runtime.
    pub flavor: Flavor,
    /// How many worker threads; tokio's default if `None`.
    pub worker_threads: Option<usize>,
    /// Whether the clock is paused. Needs the feature `test-util`.
    pub start_paused: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { flavor: Flavor::MultiThread, worker_threads: None, start_paused: false }
    }
}

fn runtime(options: &Options) -> Runtime {
    let mut builder = match options.flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        Flavor::CurrentThread => Builder::new_current_thread(),
    };
    builder.enable_all();
    if let Some(threads) = options.worker_threads {
        builder.worker_threads(threads);
    }
    #[cfg(feature = "test-util")]
    builder.start_paused(options.start_paused);
    #[cfg(not(feature = "test-util"))]
    assert!(!options.start_paused, "start_paused needs the feature `test-util`");
    builder.build().expect("the tokio runtime can be built")
}

/// What `#[main]` expands to: if the process was ended from outside, says why and exits with code 1.
pub fn main<F: Future>(options: Options, future: F) -> F::Output {
    let runtime = runtime(&options);
    let outcome = runtime.block_on(attach(future));
    // Every process dies in order, and drops its state, before the program exits.
    drop(runtime);
    match outcome {
        Ok(output) => output,
        Err(reason) => {
            eprintln!("main ended: {reason}");
            std::process::exit(1)
        }
    }
}

/// What `#[test]` expands to: if the process was ended from outside, the test fails with the reason.
///
/// # Panics
///
/// As said.
pub fn test<F: Future>(options: Options, future: F) -> F::Output {
    match runtime(&options).block_on(attach(future)) {
        Ok(output) => output,
        Err(reason) => panic!("the test's process ended: {reason}"),
    }
}
