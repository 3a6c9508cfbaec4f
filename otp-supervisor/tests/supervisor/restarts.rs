//! Restart types.

use otp_core::ExitReason;
use otp_supervisor::{Restart, Supervisor, SupervisorClient};
use std::time::Duration;

use crate::support::{Stopped, World, crash, end, ids, kill, noise, pid_of, start, status_of, stranger};

fn orderly() -> [ExitReason; 3] {
    [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("moving")]
}

#[otp_core::test(start_paused = true)]
async fn sup_019_permanent_is_restarted_after_any_end() {
    let world = World::default();
    let spec = Supervisor::one_for_one().intensity(10, Duration::from_secs(1)).child(world.child("a"));
    let supervisor = start(spec).await;
    for reason in orderly().into_iter().chain([crash()]) {
        let pid = pid_of(&supervisor, "a").await;
        end(pid, reason.clone()).await;
        assert_ne!(pid_of(&supervisor, "a").await, pid, "after {reason:?}");
    }
    let pid = pid_of(&supervisor, "a").await;
    kill(pid).await;
    assert_ne!(pid_of(&supervisor, "a").await, pid);
}

#[otp_core::test(start_paused = true)]
async fn transient_is_restarted_only_after_an_abnormal_end_and_its_spec_stays() {
    let world = World::default();
    let spec = world.child("a").restart(Restart::Transient);
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    for reason in [crash(), ExitReason::Killed] {
        let pid = pid_of(&supervisor, "a").await;
        end(pid, reason.clone()).await;
        assert_ne!(pid_of(&supervisor, "a").await, pid, "after {reason:?}");
    }
    for reason in orderly() {
        end(pid_of(&supervisor, "a").await, reason.clone()).await;
        assert_eq!(status_of(&supervisor, "a").await, Stopped, "after {reason:?}");
        supervisor.restart_child("a").await.expect("it is known");
    }
}

#[otp_core::test(start_paused = true)]
async fn sup_021_temporary_is_never_restarted_and_its_id_is_free() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    for reason in orderly().into_iter().chain([crash(), ExitReason::Killed]) {
        let spec = world.child("a").restart(Restart::Temporary);
        let child = supervisor.start_child(spec).await.expect("the id is free");
        end(child.pid(), reason.clone()).await;
        assert!(ids(&supervisor).await.is_empty(), "after {reason:?}");
    }
    assert_eq!(world.take_log(), ["+a"; 5]);
}

#[otp_core::test(start_paused = true)]
async fn sup_024_a_restarted_child_gets_its_original_arguments() {
    use otp_genserver::{Context, GenServer, InitError, ReplyTo};
    struct Counter(i64);
    impl GenServer for Counter {
        type Args = i64;
        type Call = ReplyTo<i64>;
        type Cast = i64;
        type Info = ();
        type Continue = ();
        async fn init(start: i64, _: &mut Context<Self>) -> Result<Self, InitError> {
            Ok(Self(start))
        }
        async fn handle_call(
            &mut self,
            reply: ReplyTo<i64>,
            _: &mut Context<Self>,
        ) -> Result<(), ExitReason> {
            reply.send(self.0);
            Ok(())
        }
        async fn handle_cast(&mut self, n: i64, _: &mut Context<Self>) -> Result<(), ExitReason> {
            self.0 += n;
            Ok(())
        }
    }
    let supervisor = start(Supervisor::one_for_one()).await;
    let counter = supervisor.start_child(Counter::start_link(3)).await.expect("it starts");
    counter.cast(4);
    assert_eq!(counter.call(|reply| reply).await, Ok(7));
    kill(counter.pid()).await;
    let pid = supervisor.which_children().await.expect("it runs")[0].status.pid().expect("it runs");
    let counter = otp_supervisor::ServerRef::<Counter>::of(pid).expect("a counter");
    assert_eq!(counter.call(|reply| reply).await, Ok(3));
}

#[otp_core::test(start_paused = true)]
async fn sup_025_deaths_are_handled_in_the_order_of_their_arrival() {
    let world = World::default();
    let spec = Supervisor::one_for_one().child(world.child("a")).child(world.child("b"));
    let supervisor = start(spec).await;
    let (a, b) = (pid_of(&supervisor, "a").await, pid_of(&supervisor, "b").await);
    world.take_log();
    end(b, crash()).await;
    end(a, crash()).await;
    pid_of(&supervisor, "a").await;
    assert_eq!(world.take_log(), ["+b", "+a"]);
}

#[otp_core::test(start_paused = true)]
async fn the_exit_of_a_stranger_is_no_concern_of_a_supervisor() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    let stranger = stranger();
    noise(supervisor.pid()).await;
    kill(stranger).await;
    let child = pid_of(&supervisor, "a").await;
    assert!(otp_core::process::is_alive(child));
    assert_eq!(world.take_log(), ["+a"]);
}
