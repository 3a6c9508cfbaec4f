#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "agent")]
pub use otp_agent as agent;
#[cfg(feature = "agent")]
pub use otp_agent::{Agent, AgentClient};
#[cfg(feature = "application")]
pub use otp_application as application;
#[cfg(feature = "application")]
pub use otp_application::{AppSpec, Application, Controller, Runner, Started};
pub use otp_core as core;
pub use otp_core::process;
pub use otp_core::{
    ChildId, ChildSpec, ChildType, Down, ExitReason, IntoChildSpec, Mailbox, MonitorRef, NotAProcess, Panic,
    Pid, ProcessName, ProcessRef, Received, Recipient, ReplyTo, Restart, Shutdown, StartedChild, StopToken,
    Target, TimerRef, Waiting, attach, attach_with, exit_after, run, send_after, send_after_to_name,
    send_interval, spawn, spawn_link, spawn_monitor, start_timer,
};
#[cfg(feature = "ets")]
pub use otp_ets as ets;
#[cfg(feature = "ets")]
pub use otp_ets::{Bag, CounterOp, DuplicateBag, OrderedSet, Set, Table, query};
pub use otp_genserver as genserver;
pub use otp_genserver::{
    Call, CallError, CastError, Context, Destination, GenServer, InitError, Name, RequestCollection,
    RequestId, ResolveError, ResponseTimeout, ServerRef, Start, StartError, StartMonitor, StartName, Stop,
    StopError, sys,
};
#[cfg(feature = "macros")]
pub use otp_macros::{gen_server_facade as gen_server, main_facade as main, test_facade as test};
#[cfg(feature = "pubsub")]
pub use otp_pubsub as pubsub;
#[cfg(feature = "pubsub")]
pub use otp_pubsub::{PubSub, Subscription};
#[cfg(feature = "registry")]
pub use otp_registry as registry;
#[cfg(feature = "registry")]
pub use otp_registry::{Duplicate, Registry, Unique, Via};
pub use otp_supervisor as supervisor;
pub use otp_supervisor::{
    AutoShutdown, DynamicSupervisor, DynamicSupervisorClient, DynamicSupervisorSpec, PartitionName,
    PartitionSupervisor, Strategy, Supervisor, SupervisorClient, SupervisorSpec,
};

#[cfg(feature = "task")]
pub use otp_task as task;
#[cfg(feature = "task")]
pub use otp_task::{Task, TaskOutcome, TaskSupervisor, TaskSupervisorClient, async_stream};

#[cfg(doctest)]
mod guide;

/// For generated code; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use otp_core::__private::{Flavor, Options, main, test};
}

/// The README of the workspace, for its code.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct WorkspaceReadme;
