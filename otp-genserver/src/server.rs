//! [`GenServer`]: the callbacks of a server.

use std::future::{Future, ready};

use otp_core::behaviour::InitError;
use otp_core::{ChildType, Down, ExitReason, Pid, Restart, Shutdown};

use crate::context::Context;
use crate::start::{Start, StartMonitor};

/// A process that owns its state and answers requests, one at a time.
///
/// The type itself is the state. Each callback gets it by `&mut`, and the [`Context`] of its process.
///
/// A callback that returns `Ok(())` keeps the server receiving. `?` on any error, or `Err(reason)`, crashes it with
/// that reason, as does a panic; `cx.stop(reason)` stops it in order. In each case [`terminate`](Self::terminate)
/// runs.
///
/// `#[gen_server]` writes this implementation from plain methods; by hand it is the same code, as the crate's page
/// shows.
///
/// # Counterpart
///
/// The `gen_server` behaviour, `GenServer` in Elixir. The state that `terminate` gets after a panic is the state as
/// the panic left it; OTP's is the one before the callback.
pub trait GenServer: Sized + Send + 'static {
    /// What [`init`](Self::init) is given.
    type Args: Send + 'static;
    /// Requests that are answered. Each variant carries its own [`ReplyTo`](crate::ReplyTo).
    type Call: Send + 'static;
    /// Requests that are not answered.
    type Cast: Send + 'static;
    /// Any other message: timers, events, what other processes send.
    type Info: Send + 'static;
    /// What [`handle_continue`](Self::handle_continue) is given.
    type Continue: Send + 'static;

    /// When a supervisor restarts it, unless its child spec says otherwise.
    const RESTART: Restart = Restart::Permanent;
    /// How a supervisor stops it, unless its child spec says otherwise.
    const SHUTDOWN: Shutdown = Shutdown::Timeout(std::time::Duration::from_secs(5));

    /// Whether it is a supervisor itself.
    const CHILD_TYPE: ChildType = ChildType::Worker;

    /// Whether a process or task that calls this server may run it in place while it is idle, instead of waking it: a call
    /// costs about half then. It happens only while the server's recent turns were short, and on the same runtime.
    ///
    /// Until a callback first waits, what belongs to tasks and threads is then the caller's: the task's id, task-locals, a `LocalSet`,
    /// guards that the caller holds across its call, the stack. And while a callback blocks, nothing ends the caller's wait,
    /// neither the call's limit nor an exit signal. `false` turns it off, for callbacks to which any of this matters.
    const POLLED_BY_CALLERS: bool = true;

    /// Makes the state. The starter waits for it.
    ///
    /// # Errors
    ///
    /// [`InitError`]: the server does not start, and nothing of it is left.
    fn init(args: Self::Args, cx: &mut Context<Self>)
    -> impl Future<Output = Result<Self, InitError>> + Send;

    /// Handles a request. The reply may be sent now, or kept and sent later, from here or from anywhere.
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_call(
        &mut self,
        call: Self::Call,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send;

    /// Handles a request that nobody waits for.
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_cast(
        &mut self,
        cast: Self::Cast,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send;

    /// Handles any other message. By default it is reported and dropped.
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_info(
        &mut self,
        info: Self::Info,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        drop(info);
        tracing::error!(target: "otp::genserver", pid = %cx.pid(), "unexpected message in handle_info");
        ready(Ok(()))
    }

    /// Goes on with work that was put off by `cx.continue_with(…)`, before any message is handled. By default it crashes
    /// the server: what was put off would be lost.
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_continue(
        &mut self,
        continuation: Self::Continue,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        let _ = (continuation, cx);
        ready(Err(ExitReason::new("handle_continue is not implemented")))
    }

    /// No message came within the time that the last callback set by `cx.set_timeout(…)`.
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_timeout(
        &mut self,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        tracing::error!(target: "otp::genserver", pid = %cx.pid(), "unexpected timeout");
        ready(Ok(()))
    }

    /// A monitored process ended. By default it is reported and dropped.
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_down(
        &mut self,
        down: Down,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        tracing::error!(target: "otp::genserver", pid = %cx.pid(), ?down, "unexpected DOWN");
        ready(Ok(()))
    }

    /// An exit signal arrived from a process other than the parent, and this one traps exits. By default it is
    /// reported and dropped. One from the parent ends the server, after [`terminate`](Self::terminate).
    ///
    /// # Errors
    ///
    /// Crashes the server with the reason.
    fn handle_exit(
        &mut self,
        from: Pid,
        reason: ExitReason,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        tracing::error!(target: "otp::genserver", pid = %cx.pid(), %from, %reason, "unexpected EXIT");
        ready(Ok(()))
    }

    /// The server is about to end: a callback stopped it, failed or panicked, somebody called `stop`, or its parent
    /// ended and it traps exits. A server that an exit signal ends without trapping gets no such chance.
    fn terminate(&mut self, reason: &ExitReason, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (reason, cx);
        ready(())
    }

    /// Whether messages are formatted before they are handled, so that the report of a crash can show the last one. It costs
    /// one text for each message, so it is off by default.
    const FORMATS_MESSAGES: bool = false;

    /// The state as [`sys`](crate::sys) and crash reports may show it. Nothing by default: what a state holds may be secret.
    ///
    /// # Counterpart
    ///
    /// `format_status/1`, which hides what the default would show.
    fn format_state(&self) -> Option<String> {
        None
    }

    /// A request as debug events and crash reports may show it; nothing but its kind by default.
    fn format_call(call: &Self::Call) -> Option<String> {
        let _ = call;
        None
    }

    /// As [`format_call`](Self::format_call), for casts.
    fn format_cast(cast: &Self::Cast) -> Option<String> {
        let _ = cast;
        None
    }

    /// As [`format_call`](Self::format_call), for infos.
    fn format_info(info: &Self::Info) -> Option<String> {
        let _ = info;
        None
    }

    /// Starts a server without a link. Await it for the address, or a [`StartError`](crate::StartError).
    ///
    /// # Panics
    ///
    /// When awaited outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// `gen_server:start/3,4`.
    fn start(args: Self::Args) -> Start<Self> {
        Start::new(args, false)
    }

    /// Starts a server that is linked to the current process; outside any process it starts without a link.
    ///
    /// # Panics
    ///
    /// When awaited outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// `gen_server:start_link/3,4`.
    fn start_link(args: Self::Args) -> Start<Self> {
        Start::new(args, true)
    }

    /// Starts a server without a link that the current process, the one that calls this, monitors.
    ///
    /// # Panics
    ///
    /// When awaited outside a tokio runtime.
    ///
    /// # Counterpart
    ///
    /// `gen_server:start_monitor/3,4`.
    fn start_monitor(args: Self::Args) -> StartMonitor<Self> {
        StartMonitor::new(args)
    }
}
