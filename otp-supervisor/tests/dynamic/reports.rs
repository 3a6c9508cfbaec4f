//! What a dynamic supervisor tells the log.

use std::time::Duration;

use otp_core::{ExitReason, Mailbox, process, spawn_link};
use otp_supervisor::{
    ChildSpec, DynamicSupervisor, DynamicSupervisorClient, Restart, Shutdown, StartChildError, StartedChild,
};
use tokio::sync::oneshot;

use crate::support::{Does, Events, World, crash, end, reason_of};
use crate::{counts, only, start_dynamic};

#[otp_core::test(start_paused = true)]
async fn the_life_of_a_child_is_told() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().intensity(1, Duration::from_secs(1))).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    end(child.pid(), crash()).await;
    let again = only(&supervisor).await;
    assert_eq!(
        events.take(),
        [
            "DEBUG message=child started child=a",
            "ERROR message=child terminated child=a reason=crash restarts=1",
            "DEBUG message=child started child=a",
        ]
    );
    tokio::join!(reason_of(supervisor.pid()), end(again, ExitReason::Normal));
    assert_eq!(
        events.take(),
        [
            "INFO message=child terminated child=a reason=normal restarts=1",
            "ERROR message=reached maximum restart intensity child=a",
        ]
    );
}

#[otp_core::test(start_paused = true)]
async fn a_restart_that_fails_is_told_and_a_start_that_fails_only_to_who_asked_for_it() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    world.plan("a", [Does::Fail("no disk"), Does::Start, Does::Fail("no disk")]);
    assert!(matches!(supervisor.start_child(world.child("a")).await, Err(StartChildError::Failed(_))));
    assert!(events.take().is_empty());
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    events.take();
    end(child.pid(), crash()).await;
    while counts(&supervisor).await.1 == 0 {}
    assert_eq!(
        events.take(),
        [
            "ERROR message=child terminated child=a reason=crash restarts=1",
            "ERROR message=child did not start child=a reason=init failed: no disk",
            "DEBUG message=child started child=a",
        ]
    );
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_ends_otherwise_than_told_is_reported() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    for spec in [
        world.child("a"),
        world.child("killed").shutdown(Shutdown::BrutalKill).restart(Restart::Transient),
        world.stubborn("late").shutdown(Shutdown::Timeout(Duration::from_secs(1))),
    ] {
        supervisor.start_child(spec).await.expect("it starts");
    }
    events.take();
    supervisor.stop().await.expect("it runs");
    assert_eq!(events.take(), ["ERROR message=child shut down with an error child=late reason=killed"]);
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_ends_normally_when_told_to_end_is_reported_if_it_is_permanent() {
    let events = Events::capture();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    for (name, restart, reason) in [
        ("permanent", Restart::Permanent, ExitReason::Normal),
        ("transient", Restart::Transient, ExitReason::Normal),
        ("temporary", Restart::Temporary, crash()),
    ] {
        supervisor.start_child(ends_with(name, reason).restart(restart)).await.expect("it starts");
    }
    events.take();
    supervisor.stop().await.expect("it runs");
    let mut told = events.take();
    told.sort();
    assert_eq!(
        told,
        [
            "ERROR message=child shut down with an error child=permanent reason=normal",
            "ERROR message=child shut down with an error child=temporary reason=crash",
        ]
    );
}

/// A child that ends with this reason, whatever it is told.
fn ends_with(name: &'static str, reason: ExitReason) -> ChildSpec {
    ChildSpec::new(name, move || {
        let reason = reason.clone();
        async move {
            let (ready, up) = oneshot::channel();
            let child = spawn_link(move |mut mailbox: Mailbox<()>| async move {
                process::trap_exit(true).expect("a process");
                ready.send(()).expect("its start waits");
                mailbox.receive().await;
                reason
            });
            up.await.expect("it comes up");
            Ok(StartedChild::new(child.pid()))
        }
    })
}

#[otp_core::test(start_paused = true)]
async fn a_report_of_a_death_counts_the_restarts() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new().intensity(3, Duration::from_secs(1))).await;
    supervisor.start_child(world.child("a")).await.expect("it starts");
    for restarts in 1..=3 {
        events.take();
        end(only(&supervisor).await, crash()).await;
        only(&supervisor).await;
        let expected = format!("ERROR message=child terminated child=a reason=crash restarts={restarts}");
        assert_eq!(events.take()[0], expected);
    }
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_is_dead_when_it_is_to_be_stopped_is_reported_with_its_own_reason() {
    let events = Events::capture();
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let crashes = supervisor.start_child(world.child("crashes")).await.expect("it starts").pid();
    let ends = world.child("ends").restart(Restart::Transient);
    let ends = supervisor.start_child(ends).await.expect("it starts").pid();
    events.take();
    // Both deaths come after the two requests, while the supervisor waits for a start.
    let (proceed, wait) = oneshot::channel::<()>();
    let slow = otp_supervisor::ChildSpec::once("slow", || async {
        let _ = wait.await;
        Err(otp_supervisor::StartError::Ignored)
    });
    let deaths = async {
        tokio::task::yield_now().await;
        end(crashes, crash()).await;
        end(ends, ExitReason::Normal).await;
        proceed.send(()).expect("it waits");
    };
    let (_, first, second, ()) = tokio::join!(
        supervisor.start_child(slow),
        supervisor.terminate_child(crashes),
        supervisor.terminate_child(ends),
        deaths
    );
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert_eq!(events.take(), ["ERROR message=child shut down with an error child=crashes reason=crash"]);
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}
