//! [`Event`]: what the debug facilities see of a server.

use std::fmt;

use otp_core::Pid;

use crate::message::MessageKind;

/// One step of a server that is being debugged. Its text shows of messages and state what the server's format functions
/// show, see [`GenServer::format_state`](crate::GenServer::format_state).
///
/// # Counterpart
///
/// The system events of `sys`: `{in, Msg}`, `{out, Reply, To, State}`, `{noreply, State}`. Here `Out` is the news that the
/// request is answered; the answer itself is the caller's alone, and not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message was taken out, and its callback is about to run.
    #[non_exhaustive]
    In {
        /// Its kind.
        kind: MessageKind,
        /// Of a call: the process that made it, if it was one.
        from: Option<Pid>,
        /// The message, if the server shows it.
        message: Option<String>,
    },
    /// The callback of a call returned, and has answered it.
    #[non_exhaustive]
    Out {
        /// The process that made it, if it was one.
        to: Option<Pid>,
        /// The state now, if the server shows it.
        state: Option<String>,
    },
    /// A callback returned, and no request was answered by it: a cast, say, or a call whose reply is kept.
    #[non_exhaustive]
    NoReply {
        /// The state now, if the server shows it.
        state: Option<String>,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In { kind, from, message } => {
                write!(f, "got {kind}")?;
                if let Some(message) = message {
                    write!(f, " {message}")?;
                }
                from.map_or(Ok(()), |from| write!(f, " from {from}"))
            }
            Self::Out { to, state } => {
                f.write_str("replied")?;
                if let Some(to) = to {
                    write!(f, " to {to}")?;
                }
                new_state(f, state.as_deref())
            }
            Self::NoReply { state } => {
                f.write_str("no reply")?;
                new_state(f, state.as_deref())
            }
        }
    }
}

fn new_state(f: &mut fmt::Formatter<'_>, state: Option<&str>) -> fmt::Result {
    state.map_or(Ok(()), |state| write!(f, ", new state {state}"))
}
