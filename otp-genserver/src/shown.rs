//! What a server lets be seen of its state and messages: its own format functions, guarded against panics.

use otp_core::behaviour::{Item, Signal, catch};

use crate::message::ServerMessage;
use crate::server::GenServer;

fn guarded(format: impl FnOnce() -> Option<String>) -> Option<String> {
    catch(format).unwrap_or_else(|_| Some("(its format function panicked)".to_owned()))
}

/// The state, as the server shows it.
pub(crate) fn state<S: GenServer>(server: &S) -> Option<String> {
    guarded(|| server.format_state())
}

/// What a mailbox gave out, as the server shows it. Signals hold nothing of the server's own, and are shown.
pub(crate) fn message<S: GenServer>(next: Option<&Item<ServerMessage<S>>>) -> Option<String> {
    match next? {
        Item::Message(ServerMessage::Call(call, _)) => guarded(|| S::format_call(call)),
        Item::Message(ServerMessage::Cast(cast)) => guarded(|| S::format_cast(cast)),
        Item::Message(ServerMessage::Info(info)) => guarded(|| S::format_info(info)),
        Item::Message(ServerMessage::System(_)) => None,
        Item::Signal(signal) => Some(match &**signal {
            Signal::Exit { from, reason } => format!("{from}: {reason}"),
            Signal::Down(down) => format!("{:?}: {}", down.target, down.reason),
        }),
    }
}
