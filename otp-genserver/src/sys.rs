//! Looking into a running server, and taking it by the hand: OTP's `sys`.
//!
//! Every function takes a [`Destination`], a [`ServerRef`](crate::ServerRef) or a name, and gives a [`SysCall`] to await. The
//! request stands in the mailbox in its order and is served between two messages, also while the server is suspended. A
//! server that nobody debugs pays nothing for it.
//!
//! ```
//! use otp_genserver::{InitError, gen_server, sys};
//!
//! struct Counter { count: i64 }
//!
//! #[gen_server]
//! impl Counter {
//!     async fn init() -> Result<Self, InitError> { Ok(Self { count: 0 }) }
//!     #[cast] fn add(&mut self, n: i64) { self.count += n }
//! }
//!
//! #[otp_genserver::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let counter = Counter::start().await?;
//!     counter.add(2);
//!     assert_eq!(sys::get_state(&counter, |state| state.count).await?, 2);
//!
//!     sys::suspend(&counter).await?;
//!     counter.add(3);
//!     sys::replace_state(&counter, |state| state.count = 10).await?;
//!     sys::resume(&counter).await?;
//!     assert_eq!(sys::get_state(&counter, |state| state.count).await?, 13);
//!     Ok(())
//! }
//! ```

mod debug;
mod event;
mod status;
mod sys_call;

use std::ops::ControlFlow;
use std::path::PathBuf;

use otp_core::ExitReason;
use otp_core::behaviour::catch;

use crate::context::Context;
use crate::destination::Destination;
use crate::server::GenServer;

pub use crate::message::MessageKind;
pub(crate) use debug::Debug;
pub use debug::{DebugOptions, DebugStatus, Statistics};
pub use event::Event;
pub use status::Status;
pub use sys_call::{SysCall, SysError};

/// Reads the state: `look` runs in the server's process, and its result comes back.
///
/// # Counterpart
///
/// `sys:get_state/1,2`. There the whole state is copied out; here the closure takes what it needs. A panic in it comes
/// back as [`SysError::Panic`].
pub fn get_state<S: GenServer, R: Send + 'static>(
    server: &(impl Destination<S> + ?Sized),
    look: impl FnOnce(&S) -> R + Send + 'static,
) -> SysCall<S, R> {
    SysCall::new(server, |state, _| catch(|| look(state)).map_err(SysError::Panic))
}

/// Changes the state: `change` runs in the server's process, and its result comes back.
///
/// If it panics, that comes back as [`SysError::Panic`], and the server goes on with the state as the panic left it.
///
/// # Counterpart
///
/// `sys:replace_state/2,3`, whose function gives a new state; if that one raises, the old state stays.
pub fn replace_state<S: GenServer, R: Send + 'static>(
    server: &(impl Destination<S> + ?Sized),
    change: impl FnOnce(&mut S) -> R + Send + 'static,
) -> SysCall<S, R> {
    SysCall::new(server, |state, _| catch(|| change(state)).map_err(SysError::Panic))
}

/// Has the server handle nothing but system messages from now on: calls, casts, infos, signals, streams and timeouts wait.
/// The end of its parent still ends one that traps exits.
///
/// # Counterpart
///
/// `sys:suspend/1,2`.
pub fn suspend<S: GenServer>(server: &(impl Destination<S> + ?Sized)) -> SysCall<S, ()> {
    SysCall::new(server, |_, cx| {
        cx.set_suspended(true);
        Ok(())
    })
}

/// Has a suspended server go on, with the messages that have waited.
///
/// # Counterpart
///
/// `sys:resume/1,2`.
pub fn resume<S: GenServer>(server: &(impl Destination<S> + ?Sized)) -> SysCall<S, ()> {
    SysCall::new(server, |_, cx| {
        cx.set_suspended(false);
        Ok(())
    })
}

/// How the server stands.
///
/// # Counterpart
///
/// `sys:get_status/1,2`.
pub fn get_status<S: GenServer>(server: &(impl Destination<S> + ?Sized)) -> SysCall<S, Status> {
    SysCall::new(server, |state, cx| Ok(Status::of(state, cx)))
}

/// Stops the server with `reason`, after `terminate`, also one that is suspended. Does not wait for its end:
/// [`ServerRef::stop`](crate::ServerRef::stop) does.
///
/// # Counterpart
///
/// `sys:terminate/2,3`.
pub fn terminate<S: GenServer>(
    server: &(impl Destination<S> + ?Sized),
    reason: ExitReason,
) -> SysCall<S, ()> {
    SysCall::new(server, |_, cx| {
        cx.stop(reason);
        Ok(())
    })
}

/// Starts or ends the count of messages. Counts that are on go on.
///
/// # Counterpart
///
/// `sys:statistics/2,3`.
pub fn statistics<S: GenServer>(server: &(impl Destination<S> + ?Sized), on: bool) -> SysCall<S, ()> {
    debugging(server, move |debug, cx| debug.statistics(on, cx.pid()))
}

/// The counts, or `None` while they are off.
///
/// # Counterpart
///
/// `sys:statistics(Server, get)`.
pub fn get_statistics<S: GenServer>(
    server: &(impl Destination<S> + ?Sized),
) -> SysCall<S, Option<Statistics>> {
    SysCall::new(server, |_, cx| {
        let pid = cx.pid();
        Ok(cx.debug().and_then(|debug| debug.counted(pid)))
    })
}

/// Keeps the last 10 events from now on, or forgets them.
///
/// # Counterpart
///
/// `sys:log/2,3`.
pub fn log<S: GenServer>(server: &(impl Destination<S> + ?Sized), on: bool) -> SysCall<S, ()> {
    debugging(server, move |debug, _| debug.log(on.then_some(debug::DEFAULT_LOG)))
}

/// Keeps the last `keep` events from now on. What a log that is on holds stays, as far as there is room.
///
/// # Counterpart
///
/// `sys:log(Server, {true, N})`.
pub fn log_last<S: GenServer>(server: &(impl Destination<S> + ?Sized), keep: usize) -> SysCall<S, ()> {
    debugging(server, move |debug, _| debug.log(Some(keep)))
}

/// The kept events, the oldest first; none while the log is off.
///
/// # Counterpart
///
/// `sys:log(Server, get)`.
pub fn get_log<S: GenServer>(server: &(impl Destination<S> + ?Sized)) -> SysCall<S, Vec<Event>> {
    SysCall::new(server, |_, cx| Ok(cx.debug().map(|debug| debug.logged()).unwrap_or_default()))
}

/// Shows each event, or no longer: as a `tracing` event of level info and target `otp::sys`, with the server's pid.
///
/// # Counterpart
///
/// `sys:trace/2,3`, which prints to standard output.
pub fn trace<S: GenServer>(server: &(impl Destination<S> + ?Sized), on: bool) -> SysCall<S, ()> {
    debugging(server, move |debug, _| debug.trace(on))
}

/// Writes each event to a file, made anew, one line each. The server's own process writes, and waits for the file system.
///
/// # Errors
///
/// [`SysError::File`] if the file cannot be made; then none is written.
///
/// # Counterpart
///
/// `sys:log_to_file/2,3`.
pub fn log_to_file<S: GenServer>(
    server: &(impl Destination<S> + ?Sized),
    path: impl Into<PathBuf>,
) -> SysCall<S, ()> {
    let path = path.into();
    SysCall::new(server, move |_, cx| {
        cx.change_debug(|debug, _| debug.log_to_file(&path)).map_err(|error| SysError::File(error.kind()))
    })
}

/// Closes the file of [`log_to_file`].
///
/// # Counterpart
///
/// `sys:log_to_file(Server, false)`.
pub fn close_log_file<S: GenServer>(server: &(impl Destination<S> + ?Sized)) -> SysCall<S, ()> {
    debugging(server, |debug, _| debug.close_log_file())
}

/// Has `function` called with each event and the state, in the server's process, under an id of its own. It is removed when
/// it says `Break` or panics. Of two with one id the first stays.
///
/// # Counterpart
///
/// `sys:install/2,3`. What the function wants to remember it captures.
pub fn install<S: GenServer>(
    server: &(impl Destination<S> + ?Sized),
    id: impl Into<String>,
    function: impl FnMut(&Event, &S) -> ControlFlow<()> + Send + 'static,
) -> SysCall<S, ()> {
    let id = id.into();
    debugging(server, |debug, _| debug.install(id, debug::function(function)))
}

/// Removes the function with this id, if there is one.
///
/// # Counterpart
///
/// `sys:remove/2,3`.
pub fn remove<S: GenServer>(
    server: &(impl Destination<S> + ?Sized),
    id: impl Into<String>,
) -> SysCall<S, ()> {
    let id = id.into();
    debugging(server, move |debug, _| debug.remove(&id))
}

/// Switches all debugging off.
///
/// # Counterpart
///
/// `sys:no_debug/1,2`.
pub fn no_debug<S: GenServer>(server: &(impl Destination<S> + ?Sized)) -> SysCall<S, ()> {
    debugging(server, |debug, _| *debug = Debug::default())
}

fn debugging<S: GenServer>(
    server: &(impl Destination<S> + ?Sized),
    change: impl FnOnce(&mut Debug<S>, &Context<S>) + Send + 'static,
) -> SysCall<S, ()> {
    SysCall::new(server, |_, cx| {
        cx.change_debug(change);
        Ok(())
    })
}
