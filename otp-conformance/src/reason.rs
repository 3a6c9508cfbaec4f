//! Exit reasons as a scenario writes them: `normal`, `shutdown`, `shutdown:why`, `kill`, `killed`, `noproc`, `crash` for
//! a run-time error, and any other word for a reason of one's own.

use otp_core::ExitReason;
use otp_supervisor::{FailedToStartChild, InvalidSpec, StartError};

/// What a scenario's process crashes with.
pub(crate) const CRASH: &str = "crash";

/// What is wrong with a supervisor's children is told in each language's own words.
pub(crate) const BAD_SPEC: &str = "bad_spec";

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
    if let Some(FailedToStartChild { id, error, .. }) = reason.downcast_ref() {
        return format!("shutdown:child {id} {}", show_start_error(error));
    }
    if reason.downcast_ref::<InvalidSpec>().is_some() {
        return BAD_SPEC.to_owned();
    }
    match reason {
        ExitReason::ShutdownWith(why) => format!("shutdown:{why}"),
        // A recorded difference: OTP's reason is a pair of the error and the stack.
        ExitReason::Panic(panic) if panic.message() == CRASH => CRASH.to_owned(),
        other => other.to_string(),
    }
}

pub(crate) fn show_start_error(error: &StartError) -> String {
    match error {
        StartError::Timeout => "timeout".to_owned(),
        StartError::Exit(reason) => show(reason),
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
