//! What stands in a server's queue.

use std::convert::Infallible;
use std::fmt;

use otp_core::ExitReason;
use otp_core::behaviour::{Item, ReplyTo, Request, Signal};

use crate::context::Context;
use crate::exclusive::Exclusive;
use crate::server::GenServer;

/// One message of a server: the user's own enums, inline.
pub(crate) enum ServerMessage<S: GenServer> {
    /// With the runner's handle on the request.
    Call(S::Call, Request),
    Cast(S::Cast),
    Info(S::Info),
    /// Boxed, so that it never makes the slots larger.
    System(Box<System<S>>),
}

/// What is to run in the server's process.
pub(crate) type Run<S> = Exclusive<Box<dyn FnOnce(&mut S, &mut Context<S>) + Send>>;

/// What the runner itself is asked.
pub(crate) enum System<S: GenServer> {
    /// Stop, see there.
    Stop(StopRequest),
    /// Run this between two messages: what `sys` asks.
    Run(Run<S>),
    /// End with this reason: a stream panicked, or the mailbox is drained.
    End(ExitReason),
}

/// A server is to stop.
pub(crate) struct StopRequest {
    pub(crate) reason: ExitReason,
    /// After the messages that wait, while no more are accepted.
    pub(crate) drain: bool,
    /// Never sent, only held: the caller hears of the death.
    pub(crate) _held: ReplyTo<Infallible>,
}

impl<S: GenServer> fmt::Debug for ServerMessage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl<S: GenServer> ServerMessage<S> {
    /// Whether it is a call that was made in no tracing span.
    #[inline]
    pub(crate) fn is_call_without_span(&self) -> bool {
        matches!(self, Self::Call(_, request) if request.span().is_none())
    }

    const fn kind(&self) -> MessageKind {
        match self {
            Self::Call(..) => MessageKind::Call,
            Self::Cast(_) => MessageKind::Cast,
            Self::Info(_) => MessageKind::Info,
            Self::System(_) => MessageKind::System,
        }
    }
}

/// What a server handles, for debug events and crash reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// The arguments, in `init`.
    Init,
    /// What was put off, in `handle_continue`.
    Continue,
    /// A request, in `handle_call`.
    Call,
    /// A request that nobody waits for, in `handle_cast`.
    Cast,
    /// Any other message, in `handle_info`.
    Info,
    /// A request to the runner: `stop`, or one of [`sys`](crate::sys).
    System,
    /// A trapped exit signal, in `handle_exit`.
    Exit,
    /// The end of a monitored process, in `handle_down`.
    Down,
    /// The end of the time that a callback set, in `handle_timeout`.
    Timeout,
}

impl MessageKind {
    /// The kind of what a mailbox gave out, `None` being the callback timeout.
    pub(crate) fn of<S: GenServer>(next: Option<&Item<ServerMessage<S>>>) -> Self {
        match next {
            Some(Item::Message(message)) => message.kind(),
            Some(Item::Signal(signal)) => match **signal {
                Signal::Exit { .. } => Self::Exit,
                Signal::Down(_) => Self::Down,
            },
            None => Self::Timeout,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Continue => "continue",
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Info => "info",
            Self::System => "system",
            Self::Exit => "exit",
            Self::Down => "down",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
