//! Supervision reports: what a supervisor tells the log of its children, as `tracing` events of the target
//! `otp::supervisor`.

use otp_core::{ChildSpec, ExitReason, Pid, StartError, process};

/// A child was started, for the first time or again.
pub(crate) fn started(spec: &ChildSpec, pid: Pid) {
    tracing::debug!(target: "otp::supervisor", supervisor = %own(), child = %spec.get_id(), %pid, "child started");
}

/// A child ended by itself. `restarts` are those that the supervisor has borne within the period, up
/// to the last one, this death's own included if it leads to one.
pub(crate) fn terminated(spec: &ChildSpec, pid: Pid, reason: &ExitReason, restarts: usize) {
    if reason.is_orderly() {
        tracing::info!(target: "otp::supervisor", supervisor = %own(), child = %spec.get_id(), %pid, %reason, restarts, "child terminated");
    } else {
        tracing::error!(target: "otp::supervisor", supervisor = %own(), child = %spec.get_id(), %pid, %reason, restarts, "child terminated");
    }
}

/// A child did not start.
pub(crate) fn start_failed(spec: &ChildSpec, reason: &StartError) {
    tracing::error!(target: "otp::supervisor", supervisor = %own(), child = %spec.get_id(), %reason, "child did not start");
}

/// A child that was told to end ended otherwise than told.
pub(crate) fn shutdown_failed(spec: &ChildSpec, pid: Pid, reason: &ExitReason) {
    tracing::error!(target: "otp::supervisor", supervisor = %own(), child = %spec.get_id(), %pid, %reason, "child shut down with an error");
}

/// The restart intensity was exceeded: the supervisor gives up.
pub(crate) fn gave_up(spec: &ChildSpec) {
    tracing::error!(target: "otp::supervisor", supervisor = %own(), child = %spec.get_id(), "reached maximum restart intensity");
}

fn own() -> String {
    process::current().map_or_else(|| "none".to_owned(), |pid| pid.to_string())
}
