//! What is told of applications to the log: `tracing` events of the target `otp::application`.

use otp_core::{ExitReason, Pid};

use crate::restart_type::RestartType;

/// A library has no process.
pub(crate) fn started(application: &str, top: Option<Pid>) {
    let top = top.map(tracing::field::display);
    tracing::info!(target: "otp::application", application, top, "application started");
}

pub(crate) fn stopped(application: &str) {
    tracing::info!(target: "otp::application", application, "application stopped");
}

/// It ended by itself, or its start failed.
pub(crate) fn exited(application: &str, reason: &ExitReason, restart: RestartType) {
    // What ends a program is worth an error, whatever the reason.
    let harmless = match restart {
        RestartType::Temporary => reason.is_orderly(),
        RestartType::Transient => reason.is_normal(),
        RestartType::Permanent => false,
    };
    if harmless {
        tracing::info!(target: "otp::application", application, %reason, ?restart, "application exited");
    } else {
        tracing::error!(target: "otp::application", application, %reason, ?restart, "application exited");
    }
}

/// A callback of a stop panicked.
pub(crate) fn callback_failed(application: &str, callback: &str, reason: &ExitReason) {
    tracing::error!(target: "otp::application", application, callback, %reason, "callback failed");
}
