//! [`Status`]: how a server stands.

use otp_core::{Pid, ProcessName, process};

use crate::context::Context;
use crate::server::GenServer;
use crate::shown;
use crate::sys::debug::DebugStatus;

/// How a server stood when [`get_status`](crate::sys::get_status) was served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Its pid.
    pub pid: Pid,
    /// The process whose end ends it, if it traps exits: see [`Context::parent`].
    pub parent: Pid,
    /// Its registered name.
    pub name: Option<ProcessName>,
    /// Its label.
    pub label: Option<String>,
    /// Whether it is suspended.
    pub suspended: bool,
    /// What of `sys` is on.
    pub debug: DebugStatus,
    /// The state, if the server shows it.
    pub state: Option<String>,
}

impl Status {
    pub(crate) fn of<S: GenServer>(server: &S, cx: &mut Context<S>) -> Self {
        let info = process::info(cx.pid());
        let (name, label) = info.map(|info| (info.name, info.label)).unwrap_or_default();
        Self {
            pid: cx.pid(),
            parent: cx.parent(),
            name,
            label,
            suspended: cx.is_suspended(),
            debug: cx.debug().map(|debug| debug.status()).unwrap_or_default(),
            state: shown::state(server),
        }
    }
}
