//! What stands in a server's queue.

use otp_core::ExitReason;
use otp_core::behaviour::{ReplyTo, Request};

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
    /// Stop with this reason. The reply is never sent: the caller hears of the death.
    Stop { reason: ExitReason, reply: ReplyTo<std::convert::Infallible>, request: Request },
}

impl<S: GenServer> std::fmt::Debug for ServerMessage<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl<S: GenServer> ServerMessage<S> {
    /// For crash reports.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Call(..) => "call",
            Self::Cast(_) => "cast",
            Self::Info(_) => "info",
            Self::System(_) => "system",
        }
    }
}
