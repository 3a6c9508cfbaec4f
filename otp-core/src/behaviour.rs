//! What behaviours are built from: servers, supervisors, and loops of one's own that want to look like them.
//!
//! Programs rarely need this module; `otp-genserver` and its sisters are written with it.

pub use crate::blocking::block_on;
pub use crate::calling::Calling;
pub use crate::crash::{CrashReport, report};
pub use crate::deadline::Deadline;
pub use crate::driver::end;
pub use crate::exit_hook::is_dying;
pub use crate::inbox::{Item, Signal};
pub use crate::init_error::InitError;
pub use crate::link::{disown, link_embryo};
pub use crate::mailbox::RequestError;
pub use crate::panics::catch;
pub use crate::reply::{Answer, Awaiting, Reply, ReplyTo, Request, await_end, request};
pub use crate::spawn::{Embryo, Spawn};
