//! How many restarts a supervisor bears.

use std::time::Duration;

use otp_core::{ExitReason, process};
use otp_supervisor::{IntoChildSpec, Restart, Supervisor, SupervisorClient};

use crate::support::{World, counts, crash, end, ids, pid_of, reason_of, start};

const SECOND: Duration = Duration::from_secs(1);

#[otp_core::test(start_paused = true)]
async fn sup_036_beyond_the_intensity_the_rest_is_stopped_in_reverse_and_the_end_is_shutdown() {
    let world = World::default();
    let spec = Supervisor::one_for_one()
        .intensity(1, SECOND)
        .child(world.child("a"))
        .child(world.child("b"))
        .child(world.child("c"));
    let supervisor = start(spec).await;
    end(pid_of(&supervisor, "b").await, crash()).await;
    let b = pid_of(&supervisor, "b").await;
    world.take_log();
    let reason = tokio::join!(reason_of(supervisor.pid()), end(b, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
    assert_eq!(world.take_log(), ["-c shutdown", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_037_with_intensity_zero_the_first_restartable_death_is_the_last() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().intensity(0, SECOND).child(world.child("a"))).await;
    let a = pid_of(&supervisor, "a").await;
    let reason = tokio::join!(reason_of(supervisor.pid()), end(a, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn sup_039_the_window_is_measured_by_the_runtimes_clock() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().intensity(1, SECOND).child(world.child("a"))).await;
    end(pid_of(&supervisor, "a").await, crash()).await;
    pid_of(&supervisor, "a").await;
    tokio::time::advance(Duration::from_millis(1001)).await;
    end(pid_of(&supervisor, "a").await, crash()).await;
    pid_of(&supervisor, "a").await;
    tokio::time::advance(Duration::from_millis(999)).await;
    let a = pid_of(&supervisor, "a").await;
    let reason = tokio::join!(reason_of(supervisor.pid()), end(a, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn sup_041_deaths_without_a_restart_do_not_count() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().intensity(1, SECOND)).await;
    for _ in 0..5 {
        let temporary = world.child("t").restart(Restart::Temporary);
        let child = supervisor.start_child(temporary).await.expect("the id is free");
        end(child.pid(), crash()).await;
    }
    let child =
        supervisor.start_child(world.child("n").restart(Restart::Transient)).await.expect("it starts");
    end(child.pid(), ExitReason::Normal).await;
    assert_eq!(counts(&supervisor).await, (1, 0, 0, 1));
}

#[otp_core::test(start_paused = true)]
async fn sup_041_an_api_stop_does_not_count() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().intensity(0, SECOND).child(world.child("a"))).await;
    for _ in 0..5 {
        supervisor.terminate_child("a").await.expect("it is known");
        supervisor.restart_child("a").await.expect("it is known");
    }
    assert_eq!(counts(&supervisor).await.1, 1);
}

#[otp_core::test(start_paused = true)]
async fn sup_043_an_exceeded_intensity_ends_with_shutdown_and_the_parent_restarts_the_static_children() {
    let world = World::default();
    let inner = Supervisor::one_for_one().intensity(0, SECOND).child(world.child("a"));
    let outer = start(Supervisor::one_for_one().child(inner.child_spec().id("inner"))).await;
    let pid = pid_of(&outer, "inner").await;
    let inner = otp_supervisor::ServerRef::<Supervisor>::of(pid).expect("a supervisor");
    inner.start_child(world.child("b")).await.expect("it starts");
    let a = pid_of(&inner, "a").await;
    let reason = tokio::join!(reason_of(pid), end(a, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
    let again = pid_of(&outer, "inner").await;
    assert_ne!(again, pid);
    let inner = otp_supervisor::ServerRef::<Supervisor>::of(again).expect("a supervisor");
    assert_eq!(ids(&inner).await, ["a"]);
}

#[otp_core::test(start_paused = true)]
async fn a_transient_supervisor_that_gives_up_is_not_restarted() {
    let world = World::default();
    let inner = Supervisor::one_for_one().intensity(0, SECOND).child(world.child("a"));
    let spec = inner.child_spec().id("inner").restart(Restart::Transient);
    let outer = start(Supervisor::one_for_one().child(spec)).await;
    let pid = pid_of(&outer, "inner").await;
    let inner = otp_supervisor::ServerRef::<Supervisor>::of(pid).expect("a supervisor");
    let a = pid_of(&inner, "a").await;
    tokio::join!(reason_of(pid), end(a, crash()));
    assert_eq!(counts(&outer).await, (1, 0, 1, 0));
    assert!(!process::is_alive(pid));
}
