//! Each re-export of the facade stands: what is missing does not compile, and what is new has to be added here.

use std::collections::BTreeSet;

/// In a module of their own: `test` and `core` would stand in the way of Rust's.
mod names {
    #![allow(unused_imports, reason = "to be named is all they are for")]

    #[cfg(feature = "agent")]
    use otp::{Agent, AgentClient, agent};
    #[cfg(feature = "application")]
    use otp::{AppSpec, Application, Controller, Runner, Started, application};
    use otp::{
        AutoShutdown, DynamicSupervisor, DynamicSupervisorClient, DynamicSupervisorSpec, PartitionName,
        PartitionSupervisor, Strategy, Supervisor, SupervisorClient, SupervisorSpec, supervisor,
    };
    #[cfg(feature = "ets")]
    use otp::{Bag, CounterOp, DuplicateBag, OrderedSet, Set, Table, ets, query};
    use otp::{
        Call, CallError, CastError, Context, Destination, GenServer, InitError, Name, RequestCollection,
        RequestId, ResolveError, ResponseTimeout, ServerRef, Start, StartError, StartMonitor, StartName,
        Stop, StopError, genserver, sys,
    };
    use otp::{
        ChildId, ChildSpec, ChildType, Down, ExitReason, IntoChildSpec, Mailbox, MonitorRef, NotAProcess,
        Panic, Pid, ProcessName, ProcessRef, Received, Recipient, ReplyTo, Restart, Shutdown, StartedChild,
        StopToken, Target, TimerRef, Waiting, attach, attach_with, core, exit_after, process, run,
        send_after, send_after_to_name, send_interval, spawn, spawn_link, spawn_monitor, start_timer,
    };
    #[cfg(feature = "registry")]
    use otp::{Duplicate, Registry, Unique, Via, registry};
    #[cfg(feature = "pubsub")]
    use otp::{PubSub, Subscription, pubsub};
    #[cfg(feature = "task")]
    use otp::{Task, TaskOutcome, TaskSupervisor, TaskSupervisorClient, async_stream, task};
    #[cfg(feature = "macros")]
    use otp::{gen_server, main, test};
}

/// What `lib.rs` exports by name, but for what is hidden.
fn exported(lib: &str) -> BTreeSet<&str> {
    let public = lib.split("/// For generated code").next().unwrap_or_default();
    let statements = public.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let items = statements.flat_map(|statement| match statement.split_once('{') {
        Some((_, list)) => list.trim_end_matches('}').split(',').collect(),
        None => vec![statement.rsplit("::").next().unwrap_or(statement)],
    });
    let names = items.map(|item| item.rsplit(" as ").next().unwrap_or(item).trim());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_name_is_exported_by_name() {
    let lib = "pub use a_b as b;\npub use a::{C, d as e};\npub use a::f;\n/// For generated code\npub use g;";
    assert_eq!(exported(lib).into_iter().collect::<Vec<_>>(), ["C", "b", "e", "f"]);
}

#[test]
fn every_export_is_named_in_this_file() {
    let words: BTreeSet<&str> =
        include_str!("named.rs").split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let exported = exported(include_str!("../../src/lib.rs"));
    assert!(exported.len() > 100, "{exported:?}");
    let missing: Vec<_> = exported.difference(&words).collect();
    assert!(missing.is_empty(), "add to the list of `use` in this file: {missing:?}");
}
