//! What a supervisor tells the log.

use std::time::Duration;

use otp_core::ExitReason;
use otp_supervisor::{Restart, Shutdown, Supervisor, SupervisorClient};

use crate::support::{Does, Events, World, counts, crash, end, pid_of, reason_of, start};

#[otp_core::test(start_paused = true)]
async fn the_life_of_a_child_is_told_with_its_reason_and_the_count_of_restarts() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    assert_eq!(events.take(), ["DEBUG message=child started child=a"]);
    end(pid_of(&supervisor, "a").await, crash()).await;
    counts(&supervisor).await;
    end(pid_of(&supervisor, "a").await, ExitReason::Normal).await;
    counts(&supervisor).await;
    assert_eq!(
        events.take(),
        [
            "ERROR message=child terminated child=a reason=crash restarts=1",
            "DEBUG message=child started child=a",
            "INFO message=child terminated child=a reason=normal restarts=2",
            "DEBUG message=child started child=a",
        ]
    );
}

#[otp_core::test(start_paused = true)]
async fn failed_starts_and_the_end_of_patience_are_told() {
    let events = Events::capture();
    let world = World::default();
    let spec = Supervisor::one_for_one().intensity(1, Duration::from_secs(1)).child(world.child("a"));
    let supervisor = start(spec).await;
    world.plan("a", [Does::Fail("no disk")]);
    let a = pid_of(&supervisor, "a").await;
    events.take();
    tokio::join!(reason_of(supervisor.pid()), end(a, crash()));
    assert_eq!(
        events.take(),
        [
            "ERROR message=child terminated child=a reason=crash restarts=1",
            "ERROR message=child did not start child=a reason=init failed: no disk",
            "ERROR message=reached maximum restart intensity child=a",
        ]
    );
}

#[otp_core::test(start_paused = true)]
async fn sup_062_a_child_that_ends_otherwise_than_told_is_reported() {
    let events = Events::capture();
    let world = World::default();
    let late = world.stubborn("late").shutdown(Shutdown::Timeout(Duration::from_secs(1)));
    let killed = world.child("killed").shutdown(Shutdown::BrutalKill).restart(Restart::Transient);
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(killed).child(late)).await;
    events.take();
    supervisor.stop().await.expect("it runs");
    assert_eq!(events.take(), ["ERROR message=child shut down with an error child=late reason=killed"]);
}

#[otp_core::test(start_paused = true)]
async fn a_start_that_fails_on_request_is_told_only_to_who_asked_for_it() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    world.plan("a", [Does::Fail("no disk"), Does::Start, Does::Fail("no disk")]);
    assert!(supervisor.start_child(world.child("a")).await.is_err());
    supervisor.start_child(world.child("a")).await.expect("it starts");
    supervisor.terminate_child("a").await.expect("it runs");
    assert!(supervisor.restart_child("a").await.is_err());
    assert_eq!(events.take(), ["DEBUG message=child started child=a"]);

    world.plan("a", [Does::Fail("no disk")]);
    let outcome = Supervisor::one_for_one().child(world.child("a")).start().await;
    assert!(outcome.is_err());
    assert_eq!(events.take(), ["ERROR message=child did not start child=a reason=init failed: no disk"]);
}
