//! Restarts under a dynamic supervisor.

use std::time::Duration;

use otp_core::ExitReason;
use otp_supervisor::{ChildStatus, DynamicSupervisor, DynamicSupervisorClient, Restart};

use crate::support::{Does, World, crash, end, kill, reason_of};
use crate::{counts, only, start_dynamic, statuses};

const SECOND: Duration = Duration::from_secs(1);

#[otp_core::test(start_paused = true)]
async fn dsup_018_restart_types_decide_after_which_ends_a_child_is_started_again() {
    let orderly = || [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("moving")];
    for (restart, after_order, after_crash) in
        [(Restart::Permanent, 1, 1), (Restart::Transient, 0, 1), (Restart::Temporary, 0, 0)]
    {
        let cases = orderly().map(|reason| (reason, after_order)).into_iter().chain([(crash(), after_crash)]);
        for (reason, active) in cases {
            let world = World::default();
            let supervisor = start_dynamic(DynamicSupervisor::new()).await;
            let child = supervisor.start_child(world.child("a").restart(restart)).await.expect("it starts");
            end(child.pid(), reason.clone()).await;
            assert_eq!(counts(&supervisor).await.0, active, "{restart:?} after {reason:?}");
            assert_eq!(counts(&supervisor).await.1, active);
        }
    }
}

#[otp_core::test(start_paused = true)]
async fn dsup_021_a_restart_that_fails_keeps_the_child_and_is_tried_again_at_once() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.plan("a", [Does::Fail("not yet"), Does::Panic]);
    end(child.pid(), crash()).await;
    while statuses(&supervisor).await == [ChildStatus::Restarting] {}
    assert_ne!(only(&supervisor).await, child.pid());
    assert_eq!(world.take_log(), ["+a", "!a", "+a"]);
}

#[otp_core::test(start_paused = true)]
async fn a_restart_that_ignores_forgets_the_child() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.plan("a", [Does::Ignore]);
    end(child.pid(), crash()).await;
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test(start_paused = true)]
async fn dsup_022_between_two_tries_other_requests_are_served() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().intensity(u32::MAX, SECOND)).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.fail_always("a");
    end(child.pid(), crash()).await;
    supervisor.start_child(world.child("b")).await.expect("it is served");
    assert_eq!(counts(&supervisor).await, (2, 1, 0, 2));
}

#[otp_core::test(start_paused = true)]
async fn dsup_023_a_try_that_works_makes_the_child_active_again() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.plan("a", [Does::Fail("not yet")]);
    end(child.pid(), crash()).await;
    while statuses(&supervisor).await == [ChildStatus::Restarting] {}
    assert_eq!(counts(&supervisor).await, (1, 1, 0, 1));
    end(only(&supervisor).await, crash()).await;
    assert_eq!(counts(&supervisor).await.1, 1);
}

#[otp_core::test(start_paused = true)]
async fn dsup_024_tries_count_as_restarts() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    world.fail_always("a");
    let reason = tokio::join!(reason_of(supervisor.pid()), end(child.pid(), crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
    assert_eq!(world.take_log(), ["+a", "!a", "!a", "!a"]);
}

#[otp_core::test(start_paused = true)]
async fn dsup_025_the_fourth_restart_within_the_period_ends_the_supervisor() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    supervisor.start_child(world.child("a")).await.expect("it starts");
    for _ in 0..3 {
        end(only(&supervisor).await, crash()).await;
    }
    let child = only(&supervisor).await;
    let reason = tokio::join!(reason_of(supervisor.pid()), end(child, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn dsup_033_terminate_child_does_not_count() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().intensity(0, SECOND)).await;
    for _ in 0..5 {
        let child = supervisor.start_child(world.child("a")).await.expect("it starts");
        supervisor.terminate_child(child.pid()).await.expect("it runs");
    }
    assert_eq!(counts(&supervisor).await.0, 0);
}

#[otp_core::test(start_paused = true)]
async fn dsup_040_beyond_the_intensity_the_others_are_stopped_before_the_end() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().intensity(0, SECOND)).await;
    let failing = supervisor.start_child(world.child("a")).await.expect("it starts");
    supervisor.start_child(world.child("b")).await.expect("it starts");
    let reason = tokio::join!(reason_of(supervisor.pid()), kill(failing.pid())).0;
    assert_eq!(reason, ExitReason::Shutdown);
    assert_eq!(world.take_log(), ["+a", "+b", "-b shutdown"]);
}
