//! [`Crash`]: how a counter dies in `restart` and `restart_err`, and a panic hook that says nothing of it.

use std::panic::{panic_any, set_hook, take_hook};

use serde::{Deserialize, Serialize};

const REASON: &str = "a crash on purpose";

// hydra wants messages that could be sent to another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Crash {
    Panic,
    /// It ends itself, for a reason that is none of the orderly ones.
    Error,
}

impl Crash {
    /// In the handler of the counter: panics, or answers with the reason to end with.
    pub(crate) fn happen(self) -> &'static str {
        match self {
            Self::Panic => panic_any(REASON),
            Self::Error => REASON,
        }
    }
}

/// Lets nothing be printed of these panics, and of others as before: the same for every library, before it installs
/// a hook of its own.
pub(crate) fn silence() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        if info.payload().downcast_ref() != Some(&REASON) {
            before(info);
        }
    }));
}
