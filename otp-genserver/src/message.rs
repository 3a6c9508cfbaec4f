//! What stands in a server's queue.

use std::convert::Infallible;

use otp_core::ExitReason;
use otp_core::behaviour::{Item, ReplyTo, Request, Signal};

use crate::server::GenServer;

/// One message of a server: the user's own enums, inline.
pub(crate) enum ServerMessage<S: GenServer> {
    /// With the runner's handle on the request.
    Call(S::Call, Request),
    Cast(S::Cast),
    Info(S::Info),
    /// Boxed, so that it never makes the slots larger.
    System(Box<System>),
}

/// What the runner itself is asked.
pub(crate) enum System {
    /// Stop with this reason. The reply is never sent, only held: the caller hears of the death.
    Stop { reason: ExitReason, _held: ReplyTo<Infallible> },
}

impl<S: GenServer> std::fmt::Debug for ServerMessage<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind().as_str())
    }
}

impl<S: GenServer> ServerMessage<S> {
    const fn kind(&self) -> Kind {
        match self {
            Self::Call(..) => Kind::Call,
            Self::Cast(_) => Kind::Cast,
            Self::Info(_) => Kind::Info,
            Self::System(_) => Kind::System,
        }
    }
}

/// What a server handled last, for crash reports.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Init,
    Continue,
    Call,
    Cast,
    Info,
    System,
    Exit,
    Down,
    Timeout,
}

impl Kind {
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
