#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod adapter;
mod error;
mod pub_sub;
mod queue;
mod subscriber;
mod subscription;

pub use adapter::{Adapter, AdapterError, Local};
pub use error::{BroadcastError, SubscribeError};
pub use otp_core::{ChildSpec, IntoChildSpec, Pid, ProcessName, Recipient};
pub use otp_genserver::{ServerRef, Start};
pub use otp_registry::{NotRunning, UnregisterError};
pub use otp_supervisor::Supervisor;
pub use pub_sub::{Message, Metadata, PubSub};
pub use subscriber::Subscriber;
pub use subscription::Subscription;
