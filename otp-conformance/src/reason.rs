//! Exit reasons as a scenario writes them: `normal`, `shutdown`, `shutdown:why`, `kill`, `killed`, `noproc`, `crash` for
//! a run-time error, and any other word for a reason of one's own.

use otp_core::ExitReason;

/// What a scenario's process crashes with.
pub(crate) const CRASH: &str = "crash";

pub(crate) fn parse(word: &str) -> ExitReason {
    match word {
        "normal" => ExitReason::Normal,
        "shutdown" => ExitReason::Shutdown,
        "kill" => ExitReason::Kill,
        "killed" => ExitReason::Killed,
        "noproc" => ExitReason::NoProc,
        _ => match word.strip_prefix("shutdown:") {
            Some(why) => ExitReason::shutdown_with(why),
            None => ExitReason::new(word),
        },
    }
}

pub(crate) fn show(reason: &ExitReason) -> String {
    match reason {
        ExitReason::ShutdownWith(why) => format!("shutdown:{why}"),
        // A recorded difference: OTP's reason is a pair of the error and the stack.
        ExitReason::Panic(panic) if panic.message() == CRASH => CRASH.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn what_is_read_is_shown_the_same() {
        for word in ["normal", "shutdown", "shutdown:late", "kill", "killed", "noproc", "boom"] {
            assert_eq!(show(&parse(word)), word);
        }
    }
}
