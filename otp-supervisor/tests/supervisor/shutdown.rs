//! Stopping children.

use std::time::Duration;

use otp_core::{ExitReason, process};
use otp_supervisor::{ChildSpec, Restart, Shutdown, StartedChild, Supervisor, SupervisorClient};
use tokio::time::Instant;

use crate::support::{World, counts, crash, end, kill, pid_of, reason_of, start};

#[otp_core::test(start_paused = true)]
async fn sup_054_children_stop_in_reverse_order_each_when_the_one_before_is_gone() {
    let world = World::default();
    let spec = Supervisor::one_for_one()
        .child(world.child("a"))
        .child(world.stubborn("b").shutdown(Shutdown::Timeout(Duration::from_secs(1))))
        .child(world.child("c"));
    let supervisor = start(spec).await;
    let a = pid_of(&supervisor, "a").await;
    let c = pid_of(&supervisor, "c").await;
    let stop = supervisor.stop();
    let during = async {
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(!process::is_alive(c));
        assert!(process::is_alive(a));
    };
    let (stopped, ()) = tokio::join!(stop.into_future(), during);
    stopped.expect("it runs");
    assert_eq!(world.take_log(), ["+a", "+b", "+c", "-c shutdown", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_055_a_child_has_its_shutdown_time_and_the_request_waits_for_its_death() {
    let world = World::default();
    let spec = world.stubborn("a").shutdown(Shutdown::Timeout(Duration::from_millis(300)));
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    let pid = pid_of(&supervisor, "a").await;
    let begun = Instant::now();
    supervisor.terminate_child("a").await.expect("it is known");
    assert_eq!(begun.elapsed().as_millis(), 300);
    assert!(!process::is_alive(pid));
}

#[otp_core::test(start_paused = true)]
async fn sup_056_a_child_that_does_not_end_in_time_is_killed() {
    let world = World::default();
    let spec = world.stubborn("a").shutdown(Shutdown::Timeout(Duration::from_millis(300)));
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    let pid = pid_of(&supervisor, "a").await;
    let (reason, stopped) = tokio::join!(reason_of(pid), supervisor.terminate_child("a"));
    stopped.expect("it is known");
    assert_eq!(reason, ExitReason::Killed);
}

#[otp_core::test(start_paused = true)]
async fn sup_057_brutal_kill_asks_nobody() {
    let world = World::default();
    let spec = world.child("a").shutdown(Shutdown::BrutalKill);
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    let pid = pid_of(&supervisor, "a").await;
    let (reason, stopped) = tokio::join!(reason_of(pid), supervisor.terminate_child("a"));
    stopped.expect("it is known");
    assert_eq!(reason, ExitReason::Killed);
    assert_eq!(world.take_log(), ["+a"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_058_infinity_waits_as_long_as_it_takes() {
    let world = World::default();
    let spec = world.stubborn("a").shutdown(Shutdown::Infinity);
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    let pid = pid_of(&supervisor, "a").await;
    let begun = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_secs(1_000_000)).await;
        end(pid, ExitReason::Normal).await;
    };
    let (stopped, ()) = tokio::join!(supervisor.terminate_child("a"), later);
    stopped.expect("it is known");
    assert!(begun.elapsed() >= Duration::from_secs(1_000_000));
}

/// A child that answers `Shutdown` with another reason.
fn contrary(world: &World, name: &'static str) -> ChildSpec {
    let world = world.clone();
    ChildSpec::new(name, move || {
        world.log(format!("+{name}"));
        let process = otp_core::spawn_link(move |mut mailbox: otp_core::Mailbox<()>| async move {
            process::trap_exit(true).expect("a process");
            mailbox.receive().await;
            crash()
        });
        std::future::ready(Ok(StartedChild::new(process.pid())))
    })
}

#[otp_core::test(start_paused = true)]
async fn sup_062_an_unexpected_reason_does_not_hold_up_the_shutdown() {
    let world = World::default();
    let spec = Supervisor::one_for_one()
        .child(world.child("a"))
        .child(contrary(&world, "b"))
        .child(world.child("c"));
    let supervisor = start(spec).await;
    supervisor.stop().await.expect("it runs");
    assert_eq!(world.take_log(), ["+a", "+b", "+c", "-c shutdown", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_066_a_killed_supervisor_takes_its_children_along_with_killed() {
    let world = World::default();
    let plain = ChildSpec::new("plain", || {
        let process = otp_core::spawn_link(|mut mailbox: otp_core::Mailbox<()>| async move {
            mailbox.receive().await;
        });
        std::future::ready(Ok(StartedChild::new(process.pid())))
    });
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(plain)).await;
    let plain = pid_of(&supervisor, "plain").await;
    let reason = tokio::join!(reason_of(plain), kill(supervisor.pid())).0;
    assert_eq!(reason, ExitReason::Killed);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.take_log(), ["+a", "-a killed"]);
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_that_is_killed_while_it_stops_a_child_does_not_leave_it_behind() {
    let world = World::default();
    let spec = Supervisor::one_for_one().child(world.stubborn("a").shutdown(Shutdown::Infinity));
    let supervisor = start(spec).await;
    let child = pid_of(&supervisor, "a").await;
    // Dies of an EXIT other than `shutdown`: it is the second that reaches it.
    let request = supervisor.terminate_child("a");
    let killer = async {
        tokio::task::yield_now().await;
        kill(supervisor.pid()).await;
        tokio::task::yield_now().await;
        let links = process::info(child).map(|info| info.links);
        assert_eq!(links, Some(Vec::new()), "the link carried the death");
    };
    let (outcome, ()) = tokio::join!(request, killer);
    assert!(outcome.is_err());
    kill(child).await;
}

#[otp_core::test(start_paused = true)]
async fn the_exit_of_a_supervisors_parent_stops_it_in_order() {
    let world = World::default();
    let (send, receive) = tokio::sync::oneshot::channel();
    let spec = Supervisor::one_for_one().child(world.child("a")).child(world.child("b"));
    let parent = otp_core::spawn(move |_: otp_core::Mailbox<()>| async move {
        let supervisor = spec.start_link().await.expect("it starts");
        send.send(supervisor.pid()).expect("the test waits");
        std::future::pending::<()>().await;
    });
    let supervisor = receive.await.expect("it starts");
    process::send_exit(parent.pid(), ExitReason::new("parent"));
    assert_eq!(reason_of(supervisor).await, ExitReason::new("parent"));
    assert_eq!(world.take_log(), ["+a", "+b", "-b shutdown", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_unlinked_itself_is_stopped_all_the_same() {
    let world = World::default();
    let unlinked = ChildSpec::new("u", || {
        let parent = process::current().expect("a supervisor");
        let process = otp_core::spawn_link(move |mut mailbox: otp_core::Mailbox<()>| async move {
            process::unlink(parent).expect("a process");
            mailbox.receive().await;
        });
        std::future::ready(Ok(StartedChild::new(process.pid())))
    });
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(unlinked)).await;
    let pid = pid_of(&supervisor, "u").await;
    tokio::task::yield_now().await;
    let (reason, stopped) = tokio::join!(reason_of(pid), supervisor.stop().into_future());
    stopped.expect("it runs");
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_died_unheard_is_no_obstacle() {
    let world = World::default();
    let unlinked = ChildSpec::new("u", || {
        let parent = process::current().expect("a supervisor");
        let process = otp_core::spawn_link(move |mut mailbox: otp_core::Mailbox<()>| async move {
            process::unlink(parent).expect("a process");
            mailbox.receive().await;
        });
        std::future::ready(Ok(StartedChild::new(process.pid())))
    });
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(unlinked)).await;
    tokio::task::yield_now().await;
    let pid = pid_of(&supervisor, "u").await;
    kill(pid).await;
    assert_eq!(counts(&supervisor).await.1, 2, "as in OTP, nobody told the supervisor");
    supervisor.terminate_child("u").await.expect("it is known");
    supervisor.restart_child("u").await.expect("it is known");
    supervisor.stop().await.expect("it runs");
}

#[otp_core::test(start_paused = true)]
async fn a_temporary_child_is_forgotten_when_it_is_stopped() {
    let world = World::default();
    let supervisor =
        start(Supervisor::one_for_one().child(world.child("a").restart(Restart::Temporary))).await;
    supervisor.terminate_child("a").await.expect("it is known");
    assert_eq!(counts(&supervisor).await.0, 0);
}
