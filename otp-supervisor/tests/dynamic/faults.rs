//! Children that misbehave when they are stopped, and supervisors that are ended while they stop them.

use std::time::Duration;

use otp_core::{ExitReason, Mailbox, process, spawn, spawn_link};
use otp_genserver::GenServer;
use otp_supervisor::{
    ChildSpec, ChildStatus, DynamicSupervisor, DynamicSupervisorClient, IntoChildSpec, Shutdown, StartedChild,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{Fault, Faulty, World, crash, end, kill, reason_of};
use crate::{counts, start_dynamic, statuses};

fn within(milliseconds: u64) -> Shutdown {
    Shutdown::Timeout(Duration::from_millis(milliseconds))
}

#[otp_core::test(start_paused = true)]
async fn children_that_panic_or_hang_in_terminate_end_within_their_own_times() {
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let mut pids = Vec::new();
    for (fault, time) in [(Fault::Panics, 500), (Fault::Waits, 70), (Fault::Waits, 200)] {
        let spec = Faulty::start_link(fault).child_spec().shutdown(within(time));
        pids.push(supervisor.start_child(spec).await.expect("it starts").pid());
    }
    let begun = Instant::now();
    let gone = |pid| async move { (reason_of(pid).await, begun.elapsed().as_millis()) };
    let deaths = async { tokio::join!(gone(pids[0]), gone(pids[1]), gone(pids[2])) };
    let (deaths, stopped) = tokio::join!(deaths, supervisor.stop().into_future());
    stopped.expect("it runs");
    let ((panicked, at_once), second, third) = deaths;
    assert!(matches!(panicked, ExitReason::Panic(_)), "{panicked:?}");
    assert_eq!(at_once, 0);
    assert_eq!((second, third), ((ExitReason::Killed, 70), (ExitReason::Killed, 200)));
    assert_eq!(begun.elapsed().as_millis(), 200);
}

#[otp_core::test(start_paused = true)]
async fn terminate_child_of_a_child_that_hangs_in_terminate_takes_its_time_and_no_more() {
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let spec = Faulty::start_link(Fault::Waits).child_spec().shutdown(within(70));
    let child = supervisor.start_child(spec).await.expect("it starts").pid();
    let begun = Instant::now();
    let (reason, stopped) = tokio::join!(reason_of(child), supervisor.terminate_child(child));
    assert_eq!((reason, stopped), (ExitReason::Killed, Ok(())));
    assert_eq!(begun.elapsed().as_millis(), 70);
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test]
async fn a_child_that_blocks_its_thread_is_declared_dead_and_the_supervisor_goes_on() {
    process::set_orphan_grace(Duration::from_millis(20));
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let spec = Faulty::start_link(Fault::Blocks).on_thread().child_spec().shutdown(within(10));
    let child = supervisor.start_child(spec).await.expect("it starts").pid();
    let (unblock, blocks) = std::sync::mpsc::channel();
    otp_supervisor::ServerRef::<Faulty>::of(child).expect("such a server").cast(blocks);
    let (reason, stopped) = tokio::join!(reason_of(child), supervisor.terminate_child(child));
    assert_eq!((reason, stopped), (ExitReason::Killed, Ok(())));
    supervisor.start_child(World::default().child("a")).await.expect("it is served");
    assert_eq!(counts(&supervisor).await, (1, 1, 0, 1));
    drop(unblock);
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_that_is_killed_while_it_stops_its_children_leaves_none_behind() {
    let world = World::default();
    let supervisor = start_dynamic(DynamicSupervisor::new()).await;
    let mut children = Vec::new();
    for name in ["a", "b"] {
        let spec = world.stubborn(name).shutdown(Shutdown::Infinity);
        children.push(supervisor.start_child(spec).await.expect("it starts").pid());
    }
    let killer = async {
        tokio::task::yield_now().await;
        kill(supervisor.pid()).await;
        tokio::task::yield_now().await;
        for &child in &children {
            let links = process::info(child).map(|info| info.links);
            assert_eq!(links, Some(Vec::new()), "the link carried the death");
            kill(child).await;
        }
    };
    let (stopped, ()) = tokio::join!(supervisor.stop().into_future(), killer);
    assert!(stopped.is_err());
}

#[otp_core::test(start_paused = true)]
async fn the_exit_of_its_parent_stops_its_children() {
    let world = World::default();
    let (send, receive) = oneshot::channel();
    let given = world.clone();
    let parent = spawn(move |_: Mailbox<()>| async move {
        let supervisor = DynamicSupervisor::new().start_link().await.expect("it starts");
        supervisor.start_child(given.child("a")).await.expect("it starts");
        send.send(supervisor.pid()).expect("the test waits");
        std::future::pending::<()>().await;
    });
    let supervisor = receive.await.expect("it starts");
    process::send_exit(parent.pid(), ExitReason::new("parent"));
    assert_eq!(reason_of(supervisor).await, ExitReason::new("parent"));
    assert_eq!(world.take_log(), ["+a", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_in_a_restart_loop_stops_at_once() {
    let world = World::default();
    let supervisor =
        start_dynamic(DynamicSupervisor::new().intensity(u32::MAX, Duration::from_secs(1))).await;
    let failing = supervisor.start_child(world.child("a")).await.expect("it starts");
    supervisor.start_child(world.child("b")).await.expect("it starts");
    world.fail_always("a");
    end(failing.pid(), crash()).await;
    assert!(statuses(&supervisor).await.contains(&ChildStatus::Restarting));
    supervisor.stop().await.expect("it listens");
    assert_eq!(world.take_log().last().map(String::as_str), Some("-b shutdown"));
}

#[otp_core::test(start_paused = true)]
async fn dsup_041_many_children_that_die_at_once_are_no_burden_to_the_end() {
    const MANY: usize = 20_000;
    let supervisor = start_dynamic(DynamicSupervisor::new().intensity(0, Duration::from_secs(1))).await;
    let child = || {
        ChildSpec::new("a", || {
            let process = spawn_link(|mut mailbox: Mailbox<()>| async move { drop(mailbox.receive().await) });
            std::future::ready(Ok(StartedChild::new(process.pid())))
        })
    };
    let mut pids = Vec::new();
    for _ in 0..MANY {
        pids.push(supervisor.start_child(child()).await.expect("it starts").pid());
    }
    // The first death ends the supervisor; the others' stand in its mailbox then. To look for each among all would take
    // minutes.
    for &pid in &pids {
        process::send_exit(pid, ExitReason::Kill);
    }
    assert_eq!(reason_of(supervisor.pid()).await, ExitReason::Shutdown);
    assert!(pids.into_iter().all(|pid| !process::is_alive(pid)));
}
