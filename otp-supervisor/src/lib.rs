#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod brood;
mod child_info;
mod dynamic_supervisor;
mod dynamic_supervisor_client;
mod dynamic_supervisor_spec;
mod error;
mod family;
mod intensity;
mod lifecycle;
mod partition_supervisor;
mod report;
mod supervisor;
mod supervisor_client;
mod supervisor_spec;

pub use child_info::{ChildCounts, ChildInfo, ChildStatus};
pub use dynamic_supervisor::{DynamicSupervisor, DynamicSupervisorCall, DynamicSupervisorInfo};
pub use dynamic_supervisor_client::DynamicSupervisorClient;
pub use dynamic_supervisor_spec::DynamicSupervisorSpec;
pub use error::{
    DeleteChildError, FailedToStartChild, GetChildSpecError, InvalidSpec, ResizeError, RestartChildError,
    StartChildError, TerminateChildError,
};
pub use family::{AutoShutdown, Strategy};
pub use otp_core::behaviour::InitError;
pub use otp_core::{
    ChildId, ChildSpec, ChildType, IntoChildSpec, InvalidChildSpec, Restart, Shutdown, StartError,
    StartedChild, StopToken,
};
pub use otp_genserver::{CallError, Name, ServerRef};
pub use partition_supervisor::{Partition, PartitionName, PartitionSupervisor};
pub use supervisor::{Supervisor, SupervisorCall, SupervisorInfo};
pub use supervisor_client::SupervisorClient;
pub use supervisor_spec::{SupervisorSpec, check_child_specs};
