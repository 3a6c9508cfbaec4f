//! Children that misbehave when they are stopped, and many children.

use std::time::Duration;

use otp_core::{ExitReason, process};
use otp_genserver::GenServer;
use otp_supervisor::{IntoChildSpec, Restart, Shutdown, Supervisor, SupervisorClient};
use tokio::time::Instant;

use crate::support::{
    Does, Fault, Faulty, World, counts, crash, end, ids, kill, pid_of, reason_of, start, status_of,
};

#[otp_core::test(start_paused = true)]
async fn a_child_that_panics_in_terminate_is_gone_with_its_panic() {
    let supervisor = start(Supervisor::one_for_one()).await;
    let server = supervisor.start_child(Faulty::start_link(Fault::Panics)).await.expect("it starts");
    let (reason, stopped) = tokio::join!(reason_of(server.pid()), supervisor.stop().into_future());
    stopped.expect("it runs");
    assert!(matches!(reason, ExitReason::Panic(_)), "{reason:?}");
}

#[otp_core::test(start_paused = true)]
async fn a_child_whose_terminate_never_returns_is_killed_when_its_time_is_up() {
    let supervisor = start(Supervisor::one_for_one()).await;
    let spec =
        Faulty::start_link(Fault::Waits).child_spec().shutdown(Shutdown::Timeout(Duration::from_millis(70)));
    let server = supervisor.start_child(spec).await.expect("it starts");
    let begun = Instant::now();
    let (reason, stopped) = tokio::join!(reason_of(server.pid()), supervisor.stop().into_future());
    stopped.expect("it runs");
    assert_eq!(reason, ExitReason::Killed);
    assert_eq!(begun.elapsed().as_millis(), 70);
}

#[otp_core::test]
async fn a_child_that_blocks_its_thread_is_declared_dead_and_the_supervisor_goes_on() {
    otp_core::process::set_orphan_grace(Duration::from_millis(20));
    let supervisor = start(Supervisor::one_for_one()).await;
    let spec = Faulty::start_link(Fault::Blocks)
        .on_thread()
        .child_spec()
        .shutdown(Shutdown::Timeout(Duration::from_millis(10)));
    let child = supervisor.start_child(spec).await.expect("it starts");
    let server = otp_supervisor::ServerRef::<Faulty>::of(child.pid()).expect("such a server");
    let (unblock, blocks) = std::sync::mpsc::channel();
    server.cast(blocks);
    let (reason, stopped) = tokio::join!(reason_of(server.pid()), supervisor.stop().into_future());
    stopped.expect("it runs");
    assert_eq!(reason, ExitReason::Killed);
    drop(unblock);
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_is_dead_when_it_is_to_be_stopped_keeps_its_reason() {
    // The death of `b` stands in the supervisor's mailbox when `a`'s makes it stop all of them.
    let world = World::default();
    let spec = Supervisor::one_for_all().child(world.child("a")).child(world.child("b"));
    let supervisor = start(spec).await;
    let (a, b) = (pid_of(&supervisor, "a").await, pid_of(&supervisor, "b").await);
    world.take_log();
    tokio::join!(end(a, crash()), end(b, ExitReason::new("second")));
    assert_eq!(counts(&supervisor).await.1, 2);
    // One restart of both, not two: the second death was heard by the stop.
    assert_eq!(world.take_log(), ["+a", "+b"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_083_many_children_start_and_stop_in_linear_time() {
    const MANY: u32 = 20_000;
    let supervisor = start(Supervisor::one_for_one()).await;
    let child = || {
        let process = otp_core::spawn_link(|mut mailbox: otp_core::Mailbox<()>| async move {
            drop(mailbox.receive().await);
        });
        std::future::ready(Ok(process.pid().into()))
    };
    // Quadratic work on so many would take minutes.
    for id in 0..MANY {
        supervisor.start_child(otp_supervisor::ChildSpec::new(id, child)).await.expect("it starts");
    }
    assert_eq!(counts(&supervisor).await, (MANY as usize, MANY as usize, 0, MANY as usize));
    for id in 0..MANY / 2 {
        supervisor.terminate_child(id).await.expect("it runs");
        supervisor.delete_child(id).await.expect("it is stopped");
    }
    assert_eq!(counts(&supervisor).await.0, MANY as usize / 2);
    supervisor.stop().await.expect("it runs");
}

#[otp_core::test(start_paused = true)]
async fn a_thousand_temporary_children_that_end_leave_nothing_behind() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    for _ in 0..1000 {
        let spec = world.child("a").restart(Restart::Temporary);
        let child = supervisor.start_child(spec).await.expect("the id is free");
        end(child.pid(), ExitReason::Normal).await;
    }
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test(start_paused = true)]
async fn a_bound_does_not_lose_what_a_supervisor_tells_itself() {
    let world = World::default();
    process::trap_exit(true).expect("a test is a process");
    let spec = Supervisor::one_for_one().child(world.child("a"));
    let supervisor = spec.start_link().bound(2, otp_core::Overflow::Reject).await.expect("it starts");
    world.plan("a", [Does::Fail("once")]);
    let child = pid_of(&supervisor, "a").await;
    // Two requests wait while the restart fails.
    let (first, second, ()) =
        tokio::join!(supervisor.which_children(), supervisor.which_children(), end(child, crash()));
    assert!(first.is_ok() && second.is_ok());
    while status_of(&supervisor, "a").await.pid().is_none() {
        tokio::task::yield_now().await;
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[otp_core::test(start_paused = true)]
async fn a_start_function_whose_destructor_panics_harms_nobody() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    let sibling = pid_of(&supervisor, "a").await;
    for restart in [otp_supervisor::Restart::Temporary, otp_supervisor::Restart::Permanent] {
        let (bomb, child) = (Bomb, world.child("inner"));
        let bombed = otp_supervisor::ChildSpec::new("bomb", move || {
            let _held = &bomb;
            child.start()
        });
        let started = supervisor.start_child(bombed.restart(restart)).await.expect("it starts");
        assert!(process::is_alive(started.pid()));
        supervisor.terminate_child("bomb").await.expect("it is known");
        let _ = supervisor.delete_child("bomb").await;
        assert_eq!(ids(&supervisor).await, ["a"]);
    }
    assert_eq!(pid_of(&supervisor, "a").await, sibling);
}

#[otp_core::test(start_paused = true)]
async fn a_function_that_ignores_its_token_goes_with_a_supervisor_that_is_killed() {
    async fn deaf(_stop: otp_supervisor::StopToken) {
        std::future::pending::<()>().await;
    }
    let supervisor = start(Supervisor::one_for_one().child(deaf)).await;
    let children = supervisor.which_children().await.expect("it runs");
    let child = children[0].status.pid().expect("it runs");
    let (reason, ()) = tokio::join!(reason_of(child), kill(supervisor.pid()));
    assert_eq!(reason, ExitReason::Killed);
}
