//! The requests about single children.

use otp_core::{ExitReason, process};
use otp_supervisor::{
    CallError, ChildId, ChildSpec, DeleteChildError, Restart, RestartChildError, StartChildError, StartError,
    Supervisor, SupervisorClient, TerminateChildError,
};

use crate::support::{Does, Stopped, World, counts, ids, kill, noise, pid_of, start, status_of, unique_name};

#[otp_core::test(start_paused = true)]
async fn sup_067_start_child_starts_a_fresh_id_and_refuses_a_known_one() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    assert_eq!(pid_of(&supervisor, "a").await, child.pid());
    let again = supervisor.start_child(world.child("a")).await.err();
    assert_eq!(again, Some(StartChildError::AlreadyStarted(child.pid())));
    supervisor.terminate_child("a").await.expect("it runs");
    let again = supervisor.start_child(world.child("a")).await.err();
    assert_eq!(again, Some(StartChildError::AlreadyPresent));
}

#[otp_core::test(start_paused = true)]
async fn a_child_whose_start_fails_is_not_kept_and_one_that_ignores_is() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    world.plan("a", [Does::Fail("no"), Does::Ignore]);
    let failed = supervisor.start_child(world.child("a")).await.err();
    assert_eq!(failed, Some(StartChildError::Failed(StartError::Exit(ExitReason::new("no")))));
    assert!(ids(&supervisor).await.is_empty());
    assert_eq!(supervisor.start_child(world.child("a")).await.err(), Some(StartChildError::Ignored));
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    world.plan("t", [Does::Ignore]);
    let temporary = world.child("t").restart(Restart::Temporary);
    assert_eq!(supervisor.start_child(temporary).await.err(), Some(StartChildError::Ignored));
    assert_eq!(ids(&supervisor).await, ["a"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_070_while_a_child_starts_other_requests_wait() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    let (proceed, wait) = tokio::sync::oneshot::channel::<()>();
    let slow = {
        let world = world.clone();
        ChildSpec::once("a", move || async move {
            let _ = wait.await;
            world.child("a").start().await
        })
    };
    let starting = supervisor.start_child(slow);
    let counting = async {
        tokio::task::yield_now().await;
        let counting =
            tokio::time::timeout(std::time::Duration::from_secs(3600), supervisor.count_children());
        assert!(counting.await.is_err(), "nobody answers");
        proceed.send(()).expect("it waits");
        counts(&supervisor).await
    };
    let (started, counts) = tokio::join!(starting, counting);
    started.expect("it starts");
    assert_eq!(counts, (1, 1, 0, 1));
}

#[otp_core::test(start_paused = true)]
async fn sup_071_terminate_child_stops_a_running_one_and_minds_neither_a_stopped_nor_an_unknown_one() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    let pid = pid_of(&supervisor, "a").await;
    assert_eq!(supervisor.terminate_child("b").await, Err(TerminateChildError::NotFound));
    assert_eq!(supervisor.terminate_child("a").await, Ok(()));
    assert!(!process::is_alive(pid));
    assert_eq!(supervisor.terminate_child("a").await, Ok(()));
}

#[otp_core::test(start_paused = true)]
async fn sup_072_terminate_child_causes_no_restart_and_keeps_the_spec() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    supervisor.terminate_child("a").await.expect("it runs");
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    assert_eq!(world.take_log(), ["+a", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_075_a_pid_is_no_id() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    let pid = pid_of(&supervisor, "a").await;
    let refused = supervisor.terminate_child(ChildId::new(pid)).await;
    assert_eq!(refused, Err(TerminateChildError::NotFound));
}

#[otp_core::test(start_paused = true)]
async fn sup_076_restart_child_starts_a_stopped_one_and_refuses_others() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    assert_eq!(supervisor.restart_child("b").await.err(), Some(RestartChildError::NotFound));
    assert_eq!(supervisor.restart_child("a").await.err(), Some(RestartChildError::Running));
    supervisor.terminate_child("a").await.expect("it runs");
    let child = supervisor.restart_child("a").await.expect("it starts");
    assert_eq!(pid_of(&supervisor, "a").await, child.pid());
}

#[otp_core::test(start_paused = true)]
async fn sup_077_a_restart_child_that_fails_or_ignores_keeps_the_spec() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    supervisor.terminate_child("a").await.expect("it runs");
    world.plan("a", [Does::Fail("no"), Does::Ignore]);
    let failed = supervisor.restart_child("a").await.err();
    assert_eq!(failed, Some(RestartChildError::Failed(StartError::Exit(ExitReason::new("no")))));
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    assert_eq!(supervisor.restart_child("a").await.err(), Some(RestartChildError::Ignored));
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    supervisor.restart_child("a").await.expect("it starts");
}

#[otp_core::test(start_paused = true)]
async fn sup_078_delete_child_forgets_a_stopped_one_and_refuses_others() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    assert_eq!(supervisor.delete_child("b").await, Err(DeleteChildError::NotFound));
    assert_eq!(supervisor.delete_child("a").await, Err(DeleteChildError::Running));
    supervisor.terminate_child("a").await.expect("it runs");
    assert_eq!(supervisor.delete_child("a").await, Ok(()));
    assert!(ids(&supervisor).await.is_empty());
    supervisor.start_child(world.child("a")).await.expect("the id is free");
}

#[otp_core::test(start_paused = true)]
async fn sup_079_each_request_to_a_dead_or_unknown_supervisor_says_noproc() {
    let world = World::default();
    let name = unique_name("nobody");
    let supervisor = start(Supervisor::one_for_one()).await;
    kill(supervisor.pid()).await;
    async fn ask(supervisor: &impl SupervisorClient, spec: ChildSpec) {
        let noproc = CallError::NoProc;
        assert_eq!(supervisor.start_child(spec).await.err(), Some(StartChildError::Call(noproc.clone())));
        assert_eq!(supervisor.restart_child("a").await.err(), Some(RestartChildError::Call(noproc.clone())));
        assert_eq!(supervisor.terminate_child("a").await, Err(TerminateChildError::Call(noproc.clone())));
        assert_eq!(supervisor.delete_child("a").await, Err(DeleteChildError::Call(noproc.clone())));
        assert_eq!(supervisor.which_children().await.err(), Some(noproc.clone()));
        assert_eq!(supervisor.count_children().await.err(), Some(noproc));
    }
    ask(&supervisor, world.child("a")).await;
    ask(&name, world.child("a")).await;
}

#[otp_core::test(start_paused = true)]
async fn sup_081_counts_are_of_all_specs_and_types_and_of_those_that_run() {
    let world = World::default();
    let spec = Supervisor::one_for_one()
        .child(world.child("a"))
        .child(world.child("b"))
        .child(Supervisor::one_for_one().child(world.child("c")));
    let supervisor = start(spec).await;
    assert_eq!(counts(&supervisor).await, (3, 3, 1, 2));
    supervisor.terminate_child("a").await.expect("it runs");
    supervisor.terminate_child(ChildId::of::<Supervisor>()).await.expect("it runs");
    assert_eq!(counts(&supervisor).await, (3, 1, 1, 2));
}

#[otp_core::test(start_paused = true)]
async fn sup_084_what_a_supervisor_did_not_ask_for_does_not_stay_in_its_mailbox() {
    let supervisor = start(Supervisor::one_for_one()).await;
    for _ in 0..10 {
        noise(supervisor.pid()).await;
    }
    counts(&supervisor).await;
    assert_eq!(process::info(supervisor.pid()).expect("it runs").mailbox_len, 0);
}

#[otp_core::test(start_paused = true)]
async fn which_children_names_the_last_one_first() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(world.child("b"))).await;
    let children = supervisor.which_children().await.expect("it runs");
    let ids: Vec<_> = children.into_iter().filter_map(|child| child.id).collect();
    assert_eq!(ids, ["b".into(), "a".into()]);
}
