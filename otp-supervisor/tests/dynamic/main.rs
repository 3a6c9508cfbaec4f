//! The contract of `DynamicSupervisor` and `PartitionSupervisor`, from the outside. Tests are named after what they assert
//! and the ledger's id of it.

#[path = "../supervisor/support.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests of the static supervisor")]
mod support;

mod children;
mod faults;
mod partitions;
mod reports;
mod restarts;
mod start;
mod stops;

use otp_core::Pid;
use otp_core::process;
use otp_supervisor::{
    ChildStatus, DynamicSupervisor, DynamicSupervisorClient, DynamicSupervisorSpec, ServerRef,
};

/// Starts a dynamic supervisor whose end is no concern of the test's.
async fn start_dynamic(spec: DynamicSupervisorSpec) -> ServerRef<DynamicSupervisor> {
    process::trap_exit(true).expect("a test is a process");
    spec.start_link().await.expect("it starts")
}

/// `(specs, active, supervisors, workers)`.
async fn counts(supervisor: &impl DynamicSupervisorClient) -> (usize, usize, usize, usize) {
    let counts = supervisor.count_children().await.expect("it runs");
    (counts.specs, counts.active, counts.supervisors, counts.workers)
}

async fn statuses(supervisor: &impl DynamicSupervisorClient) -> Vec<ChildStatus> {
    supervisor.which_children().await.expect("it runs").into_iter().map(|child| child.status).collect()
}

/// The one child.
async fn only(supervisor: &impl DynamicSupervisorClient) -> Pid {
    match statuses(supervisor).await[..] {
        [ChildStatus::Running(pid)] => pid,
        ref other => panic!("one child is to run, not {other:?}"),
    }
}
