#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod child_info;
mod error;
mod intensity;
mod lifecycle;
mod report;

pub use child_info::{ChildCounts, ChildInfo, ChildStatus};
pub use error::{
    DeleteChildError, FailedToStartChild, GetChildSpecError, InvalidSpec, RestartChildError, StartChildError,
    TerminateChildError,
};
pub use otp_core::{
    ChildId, ChildSpec, ChildType, IntoChildSpec, InvalidChildSpec, Restart, Shutdown, StartError,
    StartedChild, StopToken,
};
pub use otp_genserver::CallError;
