//! All processes as `GET /info` shows them.

use otp::process::{self, ProcessInfo, Status};
use serde::Serialize;

/// One process.
#[derive(Debug, Serialize)]
pub(super) struct Process {
    pid: String,
    name: Option<String>,
    label: Option<String>,
    status: String,
    mailbox_len: usize,
    messages_handled: u64,
    links: Vec<String>,
    monitors: Vec<String>,
    monitored_by: Vec<String>,
    trap_exit: bool,
    parent: Option<String>,
    busy_ms: f64,
    uptime_ms: u128,
}

/// Those that live now, in order of their start.
pub(super) fn all() -> Vec<Process> {
    process::list().into_iter().filter_map(process::info).map(Process::from).collect()
}

impl From<ProcessInfo> for Process {
    fn from(info: ProcessInfo) -> Self {
        let texts = |pids: Vec<otp::Pid>| pids.iter().map(ToString::to_string).collect();
        Self {
            pid: info.pid.to_string(),
            name: info.name.map(|name| name.to_string()),
            label: info.label,
            status: status(info.status),
            mailbox_len: info.mailbox_len,
            messages_handled: info.messages_handled,
            links: texts(info.links),
            monitors: texts(info.monitors),
            monitored_by: texts(info.monitored_by),
            trap_exit: info.trap_exit,
            parent: info.parent.map(|pid| pid.to_string()),
            busy_ms: info.busy.as_secs_f64() * 1e3,
            uptime_ms: info.uptime.as_millis(),
        }
    }
}

/// What a process is doing, in words.
pub(super) fn status(status: Status) -> String {
    match status {
        Status::Waiting => "waiting".to_owned(),
        Status::Running => "running".to_owned(),
        Status::Calling(pid) => format!("calling {pid}"),
        other => format!("{other:?}").to_lowercase(),
    }
}
