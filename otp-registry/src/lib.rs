#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod duplicate;
mod entries;
mod error;
mod event;
mod held;
mod keys;
mod locks;
mod meta;
mod owners;
mod partition;
mod registry;
mod shared;
mod storage;
mod table;
mod under_lock;
mod unique;
mod via;

pub use error::{
    DispatchError, MetaError, NotRunning, RegisterError, UnregisterError, UpdateError, WhereisError,
};
pub use event::Event;
pub use keys::{Duplicate, Key, Keys, Unique, Value};
pub use otp_core::{ChildSpec, IntoChildSpec, NotAProcess, Pid, ProcessName};
pub use otp_genserver::{Name, ServerRef, Start};
pub use otp_supervisor::Supervisor;
pub use registry::Registry;
pub use via::{Via, ViaValue};
