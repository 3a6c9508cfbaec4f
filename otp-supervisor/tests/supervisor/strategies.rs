//! Which children share a restart.

use std::time::Duration;

use otp_core::ExitReason;
use otp_supervisor::{Restart, Supervisor, SupervisorClient, SupervisorSpec};

use crate::support::{Stopped, World, crash, end, ids, pid_of, start, status_of, statuses};

fn three(spec: SupervisorSpec, world: &World) -> SupervisorSpec {
    spec.child(world.child("a")).child(world.child("b")).child(world.child("c"))
}

#[otp_core::test(start_paused = true)]
async fn sup_026_one_for_one_restarts_the_dead_child_alone() {
    let world = World::default();
    let supervisor = start(three(Supervisor::one_for_one(), &world)).await;
    let before = statuses(&supervisor).await;
    world.take_log();
    end(before[1].1.pid().expect("it runs"), crash()).await;
    let after = statuses(&supervisor).await;
    assert_eq!(world.take_log(), ["+b"]);
    assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
    assert_ne!(before[1], after[1]);
}

#[otp_core::test(start_paused = true)]
async fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let world = World::default();
    let supervisor = start(three(Supervisor::one_for_all(), &world)).await;
    world.take_log();
    end(pid_of(&supervisor, "b").await, crash()).await;
    assert_eq!(ids(&supervisor).await, ["a", "b", "c"]);
    assert_eq!(world.take_log(), ["-c shutdown", "-a shutdown", "+a", "+b", "+c"]);
}

#[otp_core::test(start_paused = true)]
async fn rest_for_one_stops_and_starts_those_after_it() {
    let world = World::default();
    let supervisor = start(three(Supervisor::rest_for_one(), &world)).await;
    let first = pid_of(&supervisor, "a").await;
    world.take_log();
    end(pid_of(&supervisor, "b").await, crash()).await;
    assert_eq!(pid_of(&supervisor, "a").await, first);
    assert_eq!(world.take_log(), ["-c shutdown", "+b", "+c"]);
}

#[otp_core::test(start_paused = true)]
async fn temporary_siblings_are_stopped_by_a_group_restart_and_forgotten() {
    let world = World::default();
    let spec = Supervisor::one_for_all()
        .child(world.child("a"))
        .child(world.child("b").restart(Restart::Temporary))
        .child(world.child("c"));
    let supervisor = start(spec).await;
    world.take_log();
    end(pid_of(&supervisor, "a").await, crash()).await;
    assert_eq!(ids(&supervisor).await, ["a", "c"]);
    assert_eq!(world.take_log(), ["-c shutdown", "-b shutdown", "+a", "+c"]);
}

#[otp_core::test(start_paused = true)]
async fn a_group_restart_starts_what_was_stopped_on_purpose_too() {
    let world = World::default();
    let supervisor = start(three(Supervisor::one_for_all(), &world)).await;
    supervisor.terminate_child("c").await.expect("it runs");
    assert_eq!(status_of(&supervisor, "c").await, Stopped);
    end(pid_of(&supervisor, "a").await, crash()).await;
    assert!(status_of(&supervisor, "c").await.pid().is_some());
}

#[otp_core::test(start_paused = true)]
async fn sup_031_what_is_not_restarted_takes_no_group_along() {
    for spec in [Supervisor::one_for_all(), Supervisor::rest_for_one()] {
        let world = World::default();
        let spec = spec
            .intensity(0, Duration::from_secs(1))
            .child(world.child("t").restart(Restart::Temporary))
            .child(world.child("n").restart(Restart::Transient))
            .child(world.child("c"));
        let supervisor = start(spec).await;
        world.take_log();
        end(pid_of(&supervisor, "t").await, crash()).await;
        end(pid_of(&supervisor, "n").await, ExitReason::Normal).await;
        assert_eq!(ids(&supervisor).await, ["n", "c"]);
        assert!(world.take_log().is_empty());
    }
}

#[otp_core::test(start_paused = true)]
async fn sup_034_children_added_later_stand_last() {
    let world = World::default();
    let supervisor = start(Supervisor::rest_for_one().child(world.child("a")).child(world.child("b"))).await;
    supervisor.start_child(world.child("c")).await.expect("it starts");
    world.take_log();
    end(pid_of(&supervisor, "c").await, crash()).await;
    pid_of(&supervisor, "c").await;
    assert_eq!(world.take_log(), ["+c"]);
    end(pid_of(&supervisor, "b").await, crash()).await;
    pid_of(&supervisor, "c").await;
    assert_eq!(world.take_log(), ["-c shutdown", "+b", "+c"]);
}
