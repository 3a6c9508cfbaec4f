//! What the errors say to people, and what a spec shows of itself.

use std::time::Duration;

use otp_core::{ChildId, ExitReason, InvalidChildSpec, StartError};
use otp_supervisor::{
    CallError, DeleteChildError, DynamicSupervisor, GetChildSpecError, InvalidSpec, ResizeError,
    RestartChildError, StartChildError, Supervisor, TerminateChildError,
};

use crate::support::{World, stranger};

#[otp_core::test]
async fn the_errors_say_what_is_wrong() {
    let (pid, id) = (stranger(), || ChildId::from("db"));
    let failed = || StartError::Exit(ExitReason::new("no disk"));
    let not_found = "no such child";
    for (text, expected) in [
        (StartChildError::AlreadyStarted(pid).to_string(), &*format!("already started as {pid}")),
        (StartChildError::AlreadyPresent.to_string(), "a child with this id is known and does not run"),
        (StartChildError::MaxChildren.to_string(), "the supervisor has as many children as it may"),
        (StartChildError::Failed(failed()).to_string(), "the child did not start: init failed: no disk"),
        (StartChildError::Call(CallError::NoProc).to_string(), "no such server"),
        (RestartChildError::NotFound.to_string(), not_found),
        (RestartChildError::Running.to_string(), "the child runs"),
        (TerminateChildError::NotFound.to_string(), not_found),
        (DeleteChildError::Restarting.to_string(), "the child is being restarted"),
        (GetChildSpecError::NotFound.to_string(), not_found),
        (ResizeError::TooMany { most: 3 }.to_string(), "there can be 3 partitions at most"),
        (InvalidSpec::ZeroPeriod.to_string(), "the period of the restart intensity is zero"),
        (InvalidSpec::DuplicateChildId(id()).to_string(), "two children have the id \"db\""),
        (
            InvalidSpec::Child(id(), InvalidChildSpec::Significant).to_string(),
            &*format!("child \"db\": {}", InvalidChildSpec::Significant),
        ),
    ] {
        assert_eq!(text, expected);
    }
}

#[otp_core::test]
async fn a_spec_shows_its_children_and_limits() {
    let world = World::default();
    let spec = Supervisor::rest_for_one().intensity(7, Duration::from_secs(9)).child(world.child("a"));
    let shown = format!("{spec:?}");
    for part in ["RestForOne", "7", "9s", "\"a\""] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
    let dynamic = format!("{:?}", DynamicSupervisor::new().max_children(17));
    assert!(dynamic.contains("17"), "{dynamic}");
}
