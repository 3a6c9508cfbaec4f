//! Significant children and the end of their supervisor.

use otp_core::{ExitReason, process};
use otp_supervisor::{
    AutoShutdown, ChildSpec, IntoChildSpec, InvalidChildSpec, InvalidSpec, Restart, ServerRef,
    StartChildError, StartError, Supervisor, SupervisorClient,
};

use crate::support::{Stopped, World, counts, crash, end, pid_of, reason_of, start, status_of};

fn significant(world: &World, name: &'static str, restart: Restart) -> ChildSpec {
    world.child(name).restart(restart).significant(true)
}

/// A supervisor with a plain child and two significant ones.
async fn family(auto_shutdown: AutoShutdown, restart: Restart, world: &World) -> ServerRef<Supervisor> {
    let spec = Supervisor::one_for_one()
        .auto_shutdown(auto_shutdown)
        .child(world.child("plain"))
        .child(significant(world, "s", restart))
        .child(significant(world, "t", restart));
    let supervisor = start(spec).await;
    world.take_log();
    supervisor
}

async fn ends_by(supervisor: &ServerRef<Supervisor>, child: &str, reason: ExitReason) -> ExitReason {
    let child = pid_of(supervisor, child).await;
    tokio::join!(reason_of(supervisor.pid()), end(child, reason)).0
}

#[otp_core::test(start_paused = true)]
async fn sup_087_any_significant_an_orderly_end_of_a_transient_one_ends_the_supervisor() {
    for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("done")] {
        let world = World::default();
        let supervisor = family(AutoShutdown::AnySignificant, Restart::Transient, &world).await;
        assert_eq!(ends_by(&supervisor, "s", reason).await, ExitReason::Shutdown);
        assert_eq!(world.take_log(), ["-t shutdown", "-plain shutdown"]);
    }
}

#[otp_core::test(start_paused = true)]
async fn sup_087_any_significant_a_crash_of_a_transient_one_restarts_it() {
    let world = World::default();
    let supervisor = family(AutoShutdown::AnySignificant, Restart::Transient, &world).await;
    end(pid_of(&supervisor, "s").await, crash()).await;
    assert_eq!(counts(&supervisor).await.1, 3);
}

#[otp_core::test(start_paused = true)]
async fn sup_087_any_significant_each_end_of_a_temporary_one_ends_the_supervisor() {
    for reason in [ExitReason::Normal, crash()] {
        let world = World::default();
        let supervisor = family(AutoShutdown::AnySignificant, Restart::Temporary, &world).await;
        assert_eq!(ends_by(&supervisor, "t", reason).await, ExitReason::Shutdown);
        assert_eq!(world.take_log(), ["-s shutdown", "-plain shutdown"]);
    }
}

#[otp_core::test(start_paused = true)]
async fn sup_090_all_significant_waits_for_the_last_one() {
    let world = World::default();
    let supervisor = family(AutoShutdown::AllSignificant, Restart::Transient, &world).await;
    end(pid_of(&supervisor, "s").await, ExitReason::Normal).await;
    assert_eq!(counts(&supervisor).await.1, 2);
    assert_eq!(ends_by(&supervisor, "t", ExitReason::Normal).await, ExitReason::Shutdown);
    assert_eq!(world.take_log(), ["-plain shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_090_all_significant_does_not_mind_the_others() {
    let world = World::default();
    let plain = world.child("plain").restart(Restart::Temporary);
    let spec = Supervisor::one_for_one()
        .auto_shutdown(AutoShutdown::AllSignificant)
        .child(significant(&world, "s", Restart::Temporary))
        .child(plain);
    let supervisor = start(spec).await;
    end(pid_of(&supervisor, "plain").await, ExitReason::Normal).await;
    assert_eq!(counts(&supervisor).await.1, 1);
    assert_eq!(ends_by(&supervisor, "s", crash()).await, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn sup_086_without_auto_shutdown_no_child_may_be_significant() {
    let world = World::default();
    let child = || significant(&world, "s", Restart::Transient);
    let spec = Supervisor::one_for_one().child(world.child("plain")).child(child());
    let Err(StartError::Exit(reason)) = spec.start().await else { panic!("it must not start") };
    let expected = InvalidSpec::Child("s".into(), InvalidChildSpec::Significant);
    assert_eq!(reason.downcast_ref(), Some(&expected));
    assert!(world.take_log().is_empty());
    let supervisor = start(Supervisor::one_for_one()).await;
    let outcome = supervisor.start_child(child()).await;
    assert_eq!(outcome.err(), Some(StartChildError::InvalidSpec(InvalidChildSpec::Significant)));
    assert_eq!(counts(&supervisor).await.0, 0);
}

#[otp_core::test(start_paused = true)]
async fn a_significant_child_that_is_stopped_by_request_ends_nobody() {
    let world = World::default();
    let supervisor = family(AutoShutdown::AnySignificant, Restart::Transient, &world).await;
    supervisor.terminate_child("s").await.expect("it runs");
    supervisor.terminate_child("t").await.expect("it runs");
    assert_eq!(status_of(&supervisor, "t").await, Stopped);
    assert!(process::is_alive(supervisor.pid()));
}

#[otp_core::test(start_paused = true)]
async fn sup_093_a_supervisor_that_ends_so_is_restarted_by_its_parent_as_its_type_says() {
    for (restart, running) in [(Restart::Transient, 0), (Restart::Permanent, 1)] {
        let world = World::default();
        let inner = Supervisor::one_for_one().auto_shutdown(AutoShutdown::AnySignificant).child(significant(
            &world,
            "s",
            Restart::Temporary,
        ));
        let outer =
            start(Supervisor::one_for_one().child(inner.child_spec().id("inner").restart(restart))).await;
        let inner = ServerRef::<Supervisor>::of(pid_of(&outer, "inner").await).expect("a supervisor");
        assert_eq!(ends_by(&inner, "s", ExitReason::Normal).await, ExitReason::Shutdown);
        assert_eq!(counts(&outer).await, (1, running, 1, 0));
    }
}

#[otp_core::test(start_paused = true)]
async fn sup_094_children_added_later_may_be_significant_too() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().auto_shutdown(AutoShutdown::AnySignificant)).await;
    supervisor.start_child(significant(&world, "s", Restart::Transient)).await.expect("it starts");
    assert_eq!(ends_by(&supervisor, "s", ExitReason::Normal).await, ExitReason::Shutdown);
}
