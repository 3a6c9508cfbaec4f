//! Starting children, and what is told of them.

use std::sync::Arc;

use otp_core::{ExitReason, StopToken, process};
use otp_supervisor::{
    CallError, ChildSpec, ChildStatus, DynamicSupervisor, DynamicSupervisorClient, IntoChildSpec,
    InvalidChildSpec, Restart, StartChildError, StartError, Supervisor, TerminateChildError,
};

use crate::support::{Does, World, crash, end, kill, stranger};
use crate::{counts, only, start_dynamic, statuses};

#[otp_core::test(start_paused = true)]
async fn dsup_008_start_child_gives_what_the_childs_start_gave() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    world.plan("a", [Does::Start, Does::Inform(5), Does::Ignore, Does::Fail("no")]);
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    assert!(process::is_alive(child.pid()));
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    assert_eq!(child.info::<u32>(), Some(&5));
    assert_eq!(supervisor.start_child(world.child("a")).await.err(), Some(StartChildError::Ignored));
    let failed = supervisor.start_child(world.child("a")).await.err();
    assert_eq!(failed, Some(StartChildError::Failed(StartError::Exit(ExitReason::new("no")))));
    assert_eq!(counts(&supervisor).await, (2, 2, 0, 2));
}

#[otp_core::test(start_paused = true)]
async fn dsup_010_a_start_that_panics_or_exits_fails_and_the_supervisor_lives() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    world.plan("a", [Does::Panic, Does::Exit("own wish")]);
    let failed = supervisor.start_child(world.child("a")).await.err();
    assert!(
        matches!(failed, Some(StartChildError::Failed(StartError::Exit(ExitReason::Panic(_))))),
        "{failed:?}"
    );
    let failed = supervisor.start_child(world.child("a")).await.err();
    assert_eq!(failed, Some(StartChildError::Failed(StartError::Exit(ExitReason::new("own wish")))));
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test(start_paused = true)]
async fn dsup_011_ids_mean_nothing() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    for _ in 0..3 {
        supervisor.start_child(world.child("a")).await.expect("the id is no matter");
    }
    assert_eq!(counts(&supervisor).await, (3, 3, 0, 3));
}

#[otp_core::test(start_paused = true)]
async fn dsup_012_a_bad_spec_is_refused_by_the_caller() {
    let nobody = otp_supervisor::Name::<DynamicSupervisor>::new("dsup 012 nobody");
    let spec = ChildSpec::once("a", || async { Err(StartError::Ignored) }).restart(Restart::Permanent);
    let refused = nobody.start_child(spec).await.err();
    assert_eq!(refused, Some(StartChildError::InvalidSpec(InvalidChildSpec::OnceButRestarted)));
    let noproc = nobody.start_child(World::default().child("a")).await.err();
    assert_eq!(noproc, Some(StartChildError::Call(CallError::NoProc)));
}

#[otp_core::test(start_paused = true)]
async fn dsup_013_significant_children_are_refused() {
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let spec = || World::default().child("a").restart(Restart::Temporary).significant(true);
    let expected = Some(StartChildError::InvalidSpec(InvalidChildSpec::Significant));
    assert_eq!(supervisor.start_child(spec()).await.err(), expected);
    let supervisor = start_dynamic(DynamicSupervisor::new().extra_arguments(())).await;
    assert_eq!(supervisor.start_child_with(move |(): &()| spec()).await.err(), expected);
}

#[otp_core::test(start_paused = true)]
async fn dsup_014_extra_arguments_reach_every_start_of_a_child() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().extra_arguments(String::from("extra"))).await;
    let given = world.clone();
    let make = move |extra: &String| {
        let extra = extra.clone();
        let child = given.child("a");
        ChildSpec::new("a", move || {
            given.log(extra.clone());
            child.start()
        })
    };
    let child = supervisor.start_child_with(make).await.expect("it starts");
    end(child.pid(), crash()).await;
    only(&supervisor).await;
    assert_eq!(world.take_log(), ["extra", "+a", "extra", "+a"]);

    let wrong = supervisor.start_child_with(|_: &u8| World::default().child("b")).await.err();
    assert_eq!(wrong, Some(StartChildError::ExtraArguments));
    let without = start_dynamic(DynamicSupervisor::new()).await;
    let none = without.start_child_with(|_: &String| World::default().child("b")).await.err();
    assert_eq!(none, Some(StartChildError::ExtraArguments));
    let panics = supervisor.start_child_with(|_: &String| -> ChildSpec { panic!("make") }).await.err();
    assert!(matches!(panics, Some(StartChildError::Failed(StartError::Exit(ExitReason::Panic(_))))));
}

#[otp_core::test(start_paused = true)]
async fn dsup_015_one_more_than_max_children_is_refused() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().max_children(2)).await;
    let first = supervisor.start_child(world.child("a")).await.expect("there is room");
    supervisor.start_child(world.child("a")).await.expect("there is room");
    assert_eq!(supervisor.start_child(world.child("a")).await.err(), Some(StartChildError::MaxChildren));
    supervisor.terminate_child(first.pid()).await.expect("it runs");
    supervisor.start_child(world.child("a")).await.expect("there is room again");
    let none = start_dynamic(DynamicSupervisor::new().max_children(0)).await;
    assert_eq!(none.start_child(world.child("a")).await.err(), Some(StartChildError::MaxChildren));
}

#[otp_core::test(start_paused = true)]
async fn dsup_028_children_are_shown_without_ids_with_their_pids_and_types() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    let inner = supervisor.start_child(Supervisor::one_for_one()).await.expect("it starts");
    let mut shown = supervisor.which_children().await.expect("it runs");
    shown.sort_by_key(|child| child.status.pid());
    assert_eq!(shown.iter().map(|child| child.id.clone()).collect::<Vec<_>>(), [None, None]);
    let pids: Vec<_> = shown.iter().filter_map(|child| child.status.pid()).collect();
    assert_eq!(pids, [child.pid(), inner.pid()]);
    assert_eq!(counts(&supervisor).await, (2, 2, 1, 1));
}

#[otp_core::test(start_paused = true)]
async fn dsup_029_a_restarting_child_counts_as_a_spec_and_not_as_active() {
    let world = World::default();
    let spec = DynamicSupervisor::new().intensity(u32::MAX, std::time::Duration::from_secs(1));
    let supervisor = start_dynamic(spec).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.fail_always("a");
    end(child.pid(), crash()).await;
    assert_eq!(counts(&supervisor).await, (1, 0, 0, 1));
    assert_eq!(statuses(&supervisor).await, [ChildStatus::Restarting]);
    world.fail_no_more();
    while statuses(&supervisor).await == [ChildStatus::Restarting] {}
    only(&supervisor).await;
}

#[otp_core::test(start_paused = true)]
async fn dsup_030_terminate_child_stops_and_forgets_also_a_permanent_child() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    assert_eq!(supervisor.terminate_child(child.pid()).await, Ok(()));
    assert!(!process::is_alive(child.pid()));
    assert_eq!(supervisor.terminate_child(child.pid()).await, Err(TerminateChildError::NotFound));
    assert_eq!(counts(&supervisor).await.0, 0);
    assert_eq!(world.take_log(), ["+a", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn a_restarting_child_is_stopped_by_the_pid_that_it_had() {
    let world = World::default();
    let spec = DynamicSupervisor::new().intensity(u32::MAX, std::time::Duration::from_secs(1));
    let supervisor = start_dynamic(spec).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.fail_always("a");
    end(child.pid(), crash()).await;
    assert_eq!(supervisor.terminate_child(child.pid()).await, Ok(()));
    world.take_log();
    assert_eq!(counts(&supervisor).await.0, 0);
    assert!(world.take_log().is_empty(), "nobody tries any more");
}

#[otp_core::test(start_paused = true)]
async fn dsup_039_the_exit_of_a_stranger_is_ignored() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    supervisor.start_child(world.child("a")).await.expect("it starts");
    crate::support::noise(supervisor.pid()).await;
    kill(stranger()).await;
    assert_eq!(supervisor.terminate_child(stranger()).await, Err(TerminateChildError::NotFound));
    assert_eq!(counts(&supervisor).await.1, 1);
}

#[otp_core::test(start_paused = true)]
async fn dsup_042_a_temporary_childs_arguments_are_not_kept() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let argument = Arc::new(());
    let kept = Arc::downgrade(&argument);
    let child = world.child("a");
    let spec = ChildSpec::new("a", move || {
        let _held = &argument;
        child.start()
    });
    supervisor.start_child(spec.restart(Restart::Temporary)).await.expect("it starts");
    assert!(kept.upgrade().is_none());
}

#[otp_core::test(start_paused = true)]
async fn an_async_function_is_a_child_here_too() {
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let pid = supervisor
        .start_child(|stop: StopToken| async move { stop.stopped().await })
        .await
        .expect("it starts");
    let spec = (|_: StopToken| std::future::ready(())).child_spec().restart(Restart::Temporary);
    supervisor.start_child(spec).await.expect("it starts");
    tokio::task::yield_now().await;
    assert_eq!(only(&supervisor).await, pid);
}
