#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod alias;
mod ambient;
mod blocking;
mod bound;
mod calling;
mod cell;
mod child_id;
mod child_spec;
mod clock;
mod crash;
mod deadline;
mod death;
mod driver;
mod error;
mod exit_hook;
mod exit_reason;
mod extra;
mod handoff;
mod inbox;
mod info;
mod init_error;
mod link;
mod mailbox;
mod monitor;
mod name;
mod orphan;
mod panics;
mod pid;
pub mod process;
mod push;
mod recipient;
mod reply;
mod run_token;
mod runtime;
mod signal;
mod slot;
mod spawn;
mod start_error;
mod started_child;
mod stop_token;
mod sync;
mod table;
mod thread;
mod thread_sink;
mod timer;
mod turn;
mod watchdog;

pub mod behaviour;

#[cfg(all(test, otp_loom))]
mod loom_bound;
#[cfg(all(test, otp_loom))]
mod loom_cycle;
#[cfg(all(test, otp_loom))]
mod loom_handoff;
#[cfg(all(test, otp_loom))]
mod loom_mailbox;
#[cfg(all(test, otp_loom))]
mod loom_names;
#[cfg(all(test, otp_loom))]
mod loom_orphan;
#[cfg(all(test, otp_loom))]
mod loom_rig;
#[cfg(all(test, otp_loom))]
mod loom_signals;
#[cfg(all(test, otp_loom))]
mod loom_slot;

pub use alias::{Alias, AliasMode, AliasRef, MonitorAlias};
pub use bound::Overflow;
pub use child_id::ChildId;
pub use child_spec::{ChildSpec, ChildStart, ChildType, IntoChildSpec, InvalidChildSpec, Restart, Shutdown};
pub use error::{FindError, NotAProcess, NotRegistered, RegisterError, SendError, SendErrorKind};
pub use exit_reason::{ExitReason, IntoExitReason, Panic};
pub use inbox::{Received, Waiting};
pub use mailbox::{Mailbox, ProcessRef};
pub use monitor::{Down, MonitorRef, Tag, Target};
pub use name::ProcessName;
#[cfg(feature = "macros")]
pub use otp_macros::{main, test};
pub use pid::{ParsePidError, Pid};
pub use process::{spawn, spawn_link, spawn_monitor, spawn_thread};
pub use push::SendWait;
pub use recipient::Recipient;
pub use reply::ReplyTo;
pub use runtime::{attach, attach_with, run};
pub use start_error::StartError;
pub use started_child::StartedChild;
pub use stop_token::StopToken;
pub use thread::ThreadMailbox;
pub use timer::{TimerRef, exit_after, send_after, send_after_to_name, send_interval, start_timer};

/// For generated code; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::{Flavor, Options, main, test};
}
