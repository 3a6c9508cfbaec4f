//! Everything that can be done with a process by its pid, and with the current one.
//!
//! The current process is ambient: these functions find it from any helper, as tokio finds its runtime.

pub use crate::alias::unalias;
pub use crate::crash::{CrashReportLimit, set_crash_report_limit};
pub use crate::exit_hook::{HookError, on_exit};
pub use crate::info::{ProcessInfo, Status, current, info, is_alive, list, set_label, trap_exit};
pub use crate::link::{link, unlink};
pub use crate::monitor::{demonitor, demonitor_flush, monitor, monitor_tagged};
pub use crate::name::{register, unregister, whereis};
pub use crate::orphan::{Orphan, orphans, set_orphan_grace};
pub use crate::panics::exit;
pub use crate::signal::send_exit;
pub use crate::spawn::{Spawn, spawn, spawn_link, spawn_monitor};
pub use crate::thread::spawn_thread;
pub use crate::watchdog::set_long_poll_threshold;
