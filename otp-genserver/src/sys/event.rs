//! [`Event`]: what the debug facilities see of a server.

use std::fmt;

use crate::message::MessageKind;

/// One step of a server that is being debugged. Its text shows of messages and state what the server's format functions
/// show, see [`GenServer::format_state`](crate::GenServer::format_state).
///
/// # Counterpart
///
/// The system events of `sys`: `{in, Msg}`, `{out, Reply, To, State}`, `{noreply, State}`. Here `Out` is the news that the
/// request is settled; the answer itself is the caller's alone, and not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message was taken out, and its callback is about to run.
    #[non_exhaustive]
    In {
        /// Its kind.
        kind: MessageKind,
        /// The message, if the server shows it.
        message: Option<String>,
    },
    /// The callback of a call returned, and the request is settled: answered, or its caller gone.
    #[non_exhaustive]
    Out {
        /// The state now, if the server shows it.
        state: Option<String>,
    },
    /// A callback returned, and no request was settled by it: a cast, say, or a call whose reply is kept.
    #[non_exhaustive]
    NoReply {
        /// The state now, if the server shows it.
        state: Option<String>,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, separator, shown) = match self {
            Self::In { kind, message } => {
                write!(f, "got {kind}")?;
                ("", " ", message)
            }
            Self::Out { state } => ("replied", ", new state ", state),
            Self::NoReply { state } => ("no reply", ", new state ", state),
        };
        f.write_str(head)?;
        match shown {
            Some(shown) => write!(f, "{separator}{shown}"),
            None => Ok(()),
        }
    }
}
