//! Restarts whose start fails.

use std::time::Duration;

use otp_core::{ExitReason, process};
use otp_supervisor::{
    DeleteChildError, RestartChildError, StartChildError, Supervisor, SupervisorClient, SupervisorSpec,
};

use crate::support::{
    Does, Restarting, Stopped, World, counts, crash, end, pid_of, reason_of, start, status_of, statuses,
};

fn patient(spec: SupervisorSpec) -> SupervisorSpec {
    spec.intensity(u32::MAX, Duration::from_secs(1000))
}

#[otp_core::test(start_paused = true)]
async fn sup_046_while_restarting_the_child_has_no_pid_and_counts_as_a_spec() {
    let world = World::default();
    let supervisor = start(patient(Supervisor::one_for_one()).child(world.child("a"))).await;
    world.fail_always("a");
    end(pid_of(&supervisor, "a").await, crash()).await;
    assert_eq!(status_of(&supervisor, "a").await, Restarting);
    assert_eq!(counts(&supervisor).await, (1, 0, 0, 1));
}

#[otp_core::test(start_paused = true)]
async fn sup_047_while_restarting_a_child_can_be_neither_started_nor_restarted_nor_deleted() {
    let world = World::default();
    let supervisor = start(patient(Supervisor::one_for_one()).child(world.child("a"))).await;
    world.fail_always("a");
    end(pid_of(&supervisor, "a").await, crash()).await;
    let started = supervisor.start_child(world.child("a")).await.err();
    assert_eq!(started, Some(StartChildError::AlreadyPresent));
    assert_eq!(supervisor.restart_child("a").await.err(), Some(RestartChildError::Restarting));
    assert_eq!(supervisor.delete_child("a").await.err(), Some(DeleteChildError::Restarting));
    supervisor.terminate_child("a").await.expect("it can be stopped");
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    world.take_log();
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    assert!(world.take_log().is_empty(), "nobody tries any more");
}

#[otp_core::test(start_paused = true)]
async fn a_restart_is_tried_until_it_works_and_each_try_counts() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    world.plan("a", [Does::Fail("not yet"), Does::Panic]);
    end(pid_of(&supervisor, "a").await, crash()).await;
    while status_of(&supervisor, "a").await == Restarting {}
    let a = pid_of(&supervisor, "a").await;
    // The third of three restarts worked; a fourth is too many.
    let reason = tokio::join!(reason_of(supervisor.pid()), end(a, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn a_restart_that_never_works_ends_the_supervisor() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(world.child("b"))).await;
    world.fail_always("a");
    let a = pid_of(&supervisor, "a").await;
    world.take_log();
    let reason = tokio::join!(reason_of(supervisor.pid()), end(a, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
    assert_eq!(world.take_log(), ["!a", "!a", "!a", "-b shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_049_a_supervisor_in_a_restart_loop_stops_at_once() {
    let world = World::default();
    let supervisor =
        start(patient(Supervisor::one_for_one()).child(world.child("a")).child(world.child("b"))).await;
    world.fail_always("a");
    end(pid_of(&supervisor, "a").await, crash()).await;
    assert_eq!(status_of(&supervisor, "a").await, Restarting);
    supervisor.stop().await.expect("it listens");
    assert!(!process::is_alive(supervisor.pid()));
    assert_eq!(world.take_log().last().map(String::as_str), Some("-b shutdown"));
}

#[otp_core::test(start_paused = true)]
async fn sup_050_an_automatic_restart_that_ignores_leaves_the_child_without_a_pid() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    world.plan("a", [Does::Ignore]);
    end(pid_of(&supervisor, "a").await, crash()).await;
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
    assert_eq!(world.take_log(), ["+a", "?a"]);
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
}

#[otp_core::test(start_paused = true)]
async fn sup_053_rest_for_one_while_the_second_of_three_is_restarting() {
    let world = World::default();
    let spec = patient(Supervisor::rest_for_one());
    let supervisor =
        start(spec.child(world.child("a")).child(world.child("b")).child(world.child("c"))).await;
    let a = pid_of(&supervisor, "a").await;
    world.fail_always("b");
    end(pid_of(&supervisor, "b").await, crash()).await;
    let statuses = statuses(&supervisor).await;
    assert_eq!(statuses[0].1.pid(), Some(a));
    assert_eq!((statuses[1].1, statuses[2].1), (Restarting, Stopped));
}

#[otp_core::test(start_paused = true)]
async fn one_for_all_retries_the_child_whose_start_failed_and_all_with_it() {
    let world = World::default();
    let spec = patient(Supervisor::one_for_all());
    let supervisor =
        start(spec.child(world.child("a")).child(world.child("b")).child(world.child("c"))).await;
    world.fail_always("b");
    let c = pid_of(&supervisor, "c").await;
    world.take_log();
    end(c, crash()).await;
    let between = statuses(&supervisor).await;
    assert!(between[0].1.pid().is_some());
    assert_eq!((between[1].1, between[2].1), (Restarting, Stopped));
    let round = ["-a shutdown", "+a", "!b"];
    let log = world.take_log();
    assert_eq!(log[..4], ["-b shutdown", "-a shutdown", "+a", "!b"]);
    assert!(log[4..].chunks(3).all(|lines| round[..lines.len()] == *lines), "{log:?}");
    world.fail_no_more();
    while status_of(&supervisor, "b").await == Restarting {}
    let log = world.take_log();
    assert_eq!(log[log.len() - 3..], ["+a", "+b", "+c"]);
}
