//! Stopping the children of a dynamic supervisor, all at the same time.

use std::time::Duration;

use otp_core::{ExitReason, process};
use otp_supervisor::{
    ChildSpec, DynamicSupervisor, DynamicSupervisorClient, Restart, Shutdown, StartedChild,
};
use tokio::time::Instant;

use crate::support::{World, end, kill, reason_of};
use crate::{counts, start_dynamic};

#[otp_core::test(start_paused = true)]
async fn dsup_036_each_child_is_stopped_in_its_own_way_and_all_at_once() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let mut pids = Vec::new();
    for spec in [
        world.child("orderly"),
        world.child("brutal").shutdown(Shutdown::BrutalKill),
        world.stubborn("late").shutdown(Shutdown::Timeout(Duration::from_millis(300))),
        world.stubborn("later").shutdown(Shutdown::Timeout(Duration::from_millis(400))),
    ] {
        pids.push(supervisor.start_child(spec).await.expect("it starts").pid());
    }
    let begun = Instant::now();
    let reasons = async {
        tokio::join!(reason_of(pids[0]), reason_of(pids[1]), reason_of(pids[2]), reason_of(pids[3]))
    };
    let (reasons, stopped) = tokio::join!(reasons, supervisor.stop().into_future());
    stopped.expect("it runs");
    assert_eq!(reasons, (ExitReason::Shutdown, ExitReason::Killed, ExitReason::Killed, ExitReason::Killed));
    // Not one after the other.
    assert_eq!(begun.elapsed().as_millis(), 400);
}

#[otp_core::test(start_paused = true)]
async fn infinity_is_waited_for_while_others_are_killed_in_time() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let patient = world.stubborn("patient").shutdown(Shutdown::Infinity);
    let patient = supervisor.start_child(patient).await.expect("it starts").pid();
    let late = world.stubborn("late").shutdown(Shutdown::Timeout(Duration::from_millis(10)));
    let late = supervisor.start_child(late).await.expect("it starts").pid();
    let during = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!process::is_alive(late));
        assert!(process::is_alive(patient));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        end(patient, ExitReason::Normal).await;
    };
    let (stopped, ()) = tokio::join!(supervisor.stop().into_future(), during);
    stopped.expect("it runs");
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_unlinked_itself_or_died_unheard_is_no_obstacle() {
    let unlinked = || {
        ChildSpec::new("u", || {
            let parent = process::current().expect("a supervisor");
            let process = otp_core::spawn_link(move |mut mailbox: otp_core::Mailbox<()>| async move {
                process::unlink(parent).expect("a process");
                mailbox.receive().await;
            });
            std::future::ready(Ok(StartedChild::new(process.pid())))
        })
    };
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let one = supervisor.start_child(unlinked()).await.expect("it starts").pid();
    let two = supervisor.start_child(unlinked()).await.expect("it starts").pid();
    tokio::task::yield_now().await;
    kill(one).await;
    assert_eq!(counts(&supervisor).await.1, 2, "nobody told the supervisor");
    let (reason, stopped) = tokio::join!(reason_of(two), supervisor.stop().into_future());
    stopped.expect("it runs");
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn dsup_041_many_temporary_children_stop_in_linear_time() {
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let child = || {
        let spec = ChildSpec::new("a", || {
            let process = otp_core::spawn_link(|mut mailbox: otp_core::Mailbox<()>| async move {
                drop(mailbox.receive().await);
            });
            std::future::ready(Ok(StartedChild::new(process.pid())))
        });
        spec.restart(Restart::Temporary)
    };
    // Quadratic work on so many would take minutes.
    for _ in 0..20_000 {
        supervisor.start_child(child()).await.expect("it starts");
    }
    assert_eq!(counts(&supervisor).await, (20_000, 20_000, 0, 20_000));
    supervisor.stop().await.expect("it runs");
}
