//! What errors and handles say to people.

use std::fmt::Debug;

use otp_core::ExitReason;
use otp_genserver::StartName;
use otp_registry::{
    DispatchError, MetaError, NotRunning, RegisterError, Registry, UnregisterError, UpdateError, Via,
    WhereisError,
};

use crate::support::{Counter, me};

#[otp_core::test]
async fn errors_say_what_is_wrong() {
    let pid = me();
    let not_running = "the registry is not running";
    let no_process = "this code does not run inside a process";
    for (text, expected) in [
        (NotRunning.to_string(), not_running),
        (WhereisError::NotRunning.to_string(), not_running),
        (WhereisError::WrongType.to_string(), "the registry has keys or values of other types"),
        (RegisterError::AlreadyRegistered(pid).to_string(), &*format!("the key is registered by {pid}")),
        (RegisterError::NotRunning.to_string(), not_running),
        (RegisterError::NotAProcess.to_string(), no_process),
        (RegisterError::Dying.to_string(), "the process is dying"),
        (UnregisterError::NotRunning.to_string(), not_running),
        (UnregisterError::NotAProcess.to_string(), no_process),
        (UpdateError::NotHeld.to_string(), "the current process does not have the key"),
        (UpdateError::NotRunning.to_string(), not_running),
        (MetaError::NotRunning.to_string(), not_running),
        (MetaError::WrongType.to_string(), "the metadata is of another type"),
        (DispatchError::NotRunning.to_string(), not_running),
        (DispatchError::Exit(ExitReason::new("boom")).to_string(), "a part of the dispatch failed: boom"),
    ] {
        assert_eq!(text, expected);
    }
}

#[test]
fn handles_show_what_they_lead_to() {
    let shown = |it: &dyn Debug| format!("{it:?}");
    let registry: Registry<String, u32> = Registry::unique("texts").partitions(3);
    assert_eq!(shown(&registry), "Registry { name: \"texts\", partitions: 3, running: false, .. }");
    let via: Via<Counter, String, u32> = registry.via("lobby");
    assert_eq!(shown(&via), "Via(\"texts\", \"lobby\")");
    let name: StartName<Counter> = via.clone().value(7).into();
    assert_eq!(shown(&via.value(7)), "Via(\"texts\", \"lobby\")");
    assert_eq!(shown(&name), "a key of the registry \"texts\"");
}
