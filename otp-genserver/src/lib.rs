#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod blocking;
mod call;
mod child;
mod contained;
mod context;
mod destination;
mod exclusive;
mod feeds;
mod message;
mod name;
mod options;
mod request_collection;
mod request_id;
mod runner;
mod server;
mod server_ref;
mod shown;
mod start;
mod start_name;
mod stop;
pub mod sys;

pub use call::{Call, CallError, CastError, CastErrorKind};
pub use context::Context;
pub use destination::{Destination, ResolveError};
pub use name::Name;
pub use otp_core::behaviour::InitError;
pub use otp_core::{
    Alias, AliasMode, AliasRef, ChildType, Down, ExitReason, IntoChildSpec, MonitorAlias, MonitorRef,
    Overflow, Pid, ReplyTo, Restart, Shutdown, StartError, Tag, TimerRef, process,
};
#[cfg(feature = "macros")]
pub use otp_macros::{gen_server, main_genserver as main, test_genserver as test};
pub use request_collection::{RequestCollection, ResponseTimeout};
pub use request_id::RequestId;
pub use server::GenServer;
pub use server_ref::ServerRef;
pub use start::{Start, StartMonitor, Starting, StartingMonitored};
pub use start_name::{NameRegistry, StartName};
pub use stop::{Stop, StopError, Stopping};

/// For generated code; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use otp_core::__private::{Flavor, Options, main, test};
}
