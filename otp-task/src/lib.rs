#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod async_stream;
mod await_error;
mod in_flight;
mod items;
mod launch;
mod many;
mod on_exit;
mod outcome;
#[cfg(feature = "supervisor")]
mod supervised;
mod task;
#[cfg(feature = "supervisor")]
mod task_supervisor;

pub use async_stream::{AsyncStream, OnTimeout, TimedOut, async_stream, async_stream_of};
pub use await_error::AwaitError;
pub use items::Items;
pub use many::{AwaitMany, YieldMany, YieldTimeout, await_many, yield_many};
pub use on_exit::{OnExit, ReasonAlone, WithInput};
pub use otp_core::{ChildSpec, ExitReason, Pid, Recipient, Restart, Shutdown};
#[cfg(feature = "supervisor")]
pub use otp_supervisor::{
    DynamicSupervisorClient, Name, PartitionName, PartitionSupervisor, ServerRef, StartChildError,
};
pub use outcome::TaskOutcome;
#[cfg(feature = "supervisor")]
pub use supervised::{SpawnTask, StartTask};
pub use task::Task;
#[cfg(feature = "supervisor")]
pub use task_supervisor::{TaskSupervisor, TaskSupervisorClient};
