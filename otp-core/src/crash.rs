//! Crash reports: the `tracing` event that says which process died, and why.

use crate::ambient;
use crate::cell::AnyCell;
use crate::exit_reason::ExitReason;
use crate::name::ProcessName;

/// Reports that the current process ends by itself with an abnormal reason: an error event of target
/// `otp::process`, with pid, name, label, reason, and what it handled last.
///
/// Orderly ends are not reported, nor are processes that a signal ended: whoever sent it knows.
pub fn report(reason: &ExitReason, last_message: Option<&str>) {
    if reason.is_orderly() {
        return;
    }
    ambient::with(|cell| {
        let Some(cell) = cell else { return };
        let (name, label) = name_and_label(cell);
        let backtrace = if let ExitReason::Panic(panic) = reason { panic.backtrace() } else { None };
        tracing::error!(
            target: "otp::process",
            pid = %cell.head.pid,
            name = name.as_ref().map(tracing::field::display),
            label = label.as_deref(),
            %reason,
            last_message,
            backtrace,
            "process crashed"
        );
    });
}

/// How people know the process.
pub(crate) fn name_and_label(cell: &AnyCell) -> (Option<ProcessName>, Option<Box<str>>) {
    let inner = cell.inner.lock();
    let extra = inner.extra.as_deref();
    (extra.and_then(|extra| extra.name.clone()), extra.and_then(|extra| extra.label.clone()))
}
