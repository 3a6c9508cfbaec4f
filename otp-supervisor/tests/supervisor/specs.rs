//! Child specs: defaults, checks, ids, and what can be a child.

use std::time::Duration;

use otp_core::ExitReason;
use otp_genserver::{Context, GenServer, InitError, ReplyTo};
use otp_supervisor::{
    ChildId, ChildSpec, ChildType, GetChildSpecError, IntoChildSpec, InvalidChildSpec, InvalidSpec, Restart,
    Shutdown, StartChildError, StartError, StopToken, Supervisor, SupervisorClient, check_child_specs,
};

use crate::support::{World, counts, end, ids, pid_of, reason_of, start};

#[test]
fn sup_012_a_worker_is_permanent_and_has_five_seconds_and_a_supervisor_all_the_time() {
    let worker = World::default().child("a");
    assert_eq!(worker.get_restart(), Restart::Permanent);
    assert_eq!(worker.get_shutdown(), Shutdown::Timeout(Duration::from_secs(5)));
    assert_eq!(worker.get_child_type(), ChildType::Worker);
    assert!(!worker.is_significant());
    assert_eq!(worker.child_type(ChildType::Supervisor).get_shutdown(), Shutdown::Infinity);
    let supervisor = Supervisor::one_for_one().child_spec();
    assert_eq!(supervisor.get_child_type(), ChildType::Supervisor);
    assert_eq!(supervisor.get_shutdown(), Shutdown::Infinity);
    assert_eq!(supervisor.get_restart(), Restart::Permanent);
}

#[otp_core::test(start_paused = true)]
async fn sup_013_a_child_that_can_be_started_only_once_has_to_be_temporary() {
    let spec = ChildSpec::once("a", || async { Err(StartError::Ignored) }).restart(Restart::Transient);
    assert_eq!(spec.check(), Err(InvalidChildSpec::OnceButRestarted));
    let supervisor = start(Supervisor::one_for_one()).await;
    let refused = supervisor.start_child(spec).await.expect_err("it is refused");
    assert_eq!(refused, StartChildError::InvalidSpec(InvalidChildSpec::OnceButRestarted));
}

#[otp_core::test(start_paused = true)]
async fn sup_014_a_shutdown_time_of_zero_is_legal_and_kills_what_has_not_ended_at_once() {
    let world = World::default();
    let spec = world.stubborn("a").shutdown(Shutdown::Timeout(Duration::ZERO));
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    let pid = pid_of(&supervisor, "a").await;
    let reason = tokio::join!(reason_of(pid), supervisor.terminate_child("a")).0;
    assert_eq!(reason, ExitReason::Killed);
}

#[otp_core::test(start_paused = true)]
async fn sup_015_workers_may_have_all_the_time_and_supervisors_a_limit() {
    let world = World::default();
    let worker = world.child("a").shutdown(Shutdown::Infinity);
    let stuck = Supervisor::one_for_one().child(world.stubborn("b").shutdown(Shutdown::Infinity));
    let limited = stuck.child_spec().id("s").shutdown(Shutdown::Timeout(Duration::from_millis(10)));
    let supervisor = start(Supervisor::one_for_one().child(worker).child(limited)).await;
    let pid = pid_of(&supervisor, "s").await;
    let reason = tokio::join!(reason_of(pid), supervisor.stop()).0;
    assert_eq!(reason, ExitReason::Killed);
}

#[test]
fn sup_017_checking_specs_starts_nothing_and_finds_the_same_errors() {
    let world = World::default();
    assert_eq!(check_child_specs(&[world.child("a"), world.child("b")]), Ok(()));
    let twice = [world.child("a"), world.child("a")];
    assert_eq!(check_child_specs(&twice), Err(InvalidSpec::DuplicateChildId("a".into())));
    let wrong = [world.child("a").significant(true)];
    let error = InvalidSpec::Child("a".into(), InvalidChildSpec::SignificantPermanent);
    assert_eq!(check_child_specs(&wrong), Err(error));
    assert!(world.take_log().is_empty());
}

#[otp_core::test(start_paused = true)]
async fn sup_018_the_spec_of_a_child_comes_back_with_defaults_filled_in() {
    let world = World::default();
    let spec = world.child("a").restart(Restart::Transient);
    let supervisor = start(Supervisor::one_for_one().child(spec)).await;
    let spec = supervisor.get_child_spec("a").await.expect("it is known");
    assert_eq!(*spec.get_id(), "a".into());
    assert_eq!(spec.get_restart(), Restart::Transient);
    assert_eq!(spec.get_shutdown(), Shutdown::Timeout(Duration::from_secs(5)));
    assert_eq!(supervisor.get_child_spec("b").await.err(), Some(GetChildSpecError::NotFound));
}

#[otp_core::test(start_paused = true)]
async fn sup_082_ids_of_several_types_live_in_one_supervisor_and_compare_exactly() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    let given: [ChildId; 5] =
        [1_u32.into(), 1_i64.into(), "1".into(), ChildId::new(("shard", 1)), ChildId::of::<World>()];
    for id in &given {
        supervisor.start_child(world.child("a").id(id)).await.expect("each is another");
    }
    assert_eq!(counts(&supervisor).await.0, 5);
    for id in &given {
        assert!(matches!(
            supervisor.start_child(world.child("a").id(id)).await,
            Err(StartChildError::AlreadyStarted(_))
        ));
    }
    supervisor.terminate_child(1_u32).await.expect("it is known");
    assert_eq!(ids(&supervisor).await.len(), 5);
    assert_eq!(counts(&supervisor).await.1, 4);
}

#[otp_core::test(start_paused = true)]
async fn sup_086_a_permanent_child_cannot_be_significant() {
    let spec = Supervisor::one_for_one().child(World::default().child("a").significant(true));
    let Err(StartError::Exit(reason)) = spec.start().await else { panic!("it must not start") };
    let expected = InvalidSpec::Child("a".into(), InvalidChildSpec::SignificantPermanent);
    assert_eq!(reason.downcast_ref(), Some(&expected));
}

/// A server of which only the defaults of its type matter.
struct Defaults(i64);

impl GenServer for Defaults {
    type Args = i64;
    type Call = ReplyTo<i64>;
    type Cast = std::convert::Infallible;
    type Info = std::convert::Infallible;
    type Continue = std::convert::Infallible;

    const RESTART: Restart = Restart::Transient;
    const SHUTDOWN: Shutdown = Shutdown::BrutalKill;

    async fn init(value: i64, _: &mut Context<Self>) -> Result<Self, InitError> {
        if value < 0 { Err(InitError::stop("negative")) } else { Ok(Self(value)) }
    }

    async fn handle_call(&mut self, call: ReplyTo<i64>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        call.send(self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Self::Cast, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }
}

#[otp_core::test(start_paused = true)]
async fn a_server_about_to_start_is_a_child_with_the_defaults_of_its_type_and_gives_its_address() {
    let supervisor = start(Supervisor::one_for_one()).await;
    let server = supervisor.start_child(Defaults::start_link(5)).await.expect("it starts");
    assert_eq!(server.call(|reply| reply).await, Ok(5));
    let spec = supervisor.get_child_spec(ChildId::of::<Defaults>()).await.expect("its id is its type");
    assert_eq!((spec.get_restart(), spec.get_shutdown()), (Restart::Transient, Shutdown::BrutalKill));
    assert_eq!(otp_core::process::info(server.pid()).expect("it runs").parent, Some(supervisor.pid()));

    let failed = supervisor.start_child(Defaults::start_link(-1).child_spec().id("b")).await;
    let reason = ExitReason::new("negative");
    assert_eq!(failed.err(), Some(StartChildError::Failed(StartError::Exit(reason))));

    let named = || Defaults::start_link(1).name("a server about to start").child_spec();
    let first = supervisor.start_child(named().id("c")).await.expect("it starts");
    let taken = supervisor.start_child(named().id("d")).await.err();
    assert_eq!(taken, Some(StartChildError::AlreadyStarted(first.pid())));
}

#[otp_core::test(start_paused = true)]
async fn a_server_can_give_up_arguments_that_cannot_be_cloned() {
    let supervisor = start(Supervisor::one_for_one()).await;
    let spec = Defaults::start(5).child_spec_once();
    assert_eq!(spec.get_restart(), Restart::Temporary);
    let child = supervisor.start_child(spec).await.expect("it starts");
    let info = otp_core::process::info(child.pid()).expect("it runs");
    assert_eq!(info.links, [supervisor.pid()]);
}

async fn until_told(stop: StopToken) {
    stop.stopped().await;
}

async fn failing(stop: StopToken) -> Result<(), std::io::Error> {
    stop.stopped().await;
    Err(std::io::Error::other("flush failed"))
}

#[otp_core::test(start_paused = true)]
async fn an_async_function_that_takes_a_stop_token_is_a_child() {
    let supervisor = start(Supervisor::one_for_one()).await;
    let pid = supervisor.start_child(until_told).await.expect("it starts");
    let closure = |stop: StopToken| async move { stop.stopped_owned().await };
    supervisor.start_child(closure.child_spec().id("closure")).await.expect("it starts");
    let failing = supervisor.start_child(failing).await.expect("it starts");
    assert_eq!(counts(&supervisor).await, (3, 3, 0, 3));
    let reasons = tokio::join!(reason_of(pid), reason_of(failing), supervisor.stop());
    assert_eq!(reasons.0, ExitReason::Shutdown);
    assert_eq!(reasons.1, ExitReason::new("flush failed"));
}

#[otp_core::test(start_paused = true)]
async fn an_async_function_that_returns_is_restarted_as_its_spec_says() {
    let starts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&starts);
    let short = move |_: StopToken| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::ready(())
    };
    let supervisor = start(Supervisor::one_for_one()).await;
    let over = reason_of(supervisor.pid());
    let (reason, started) = tokio::join!(over, supervisor.start_child(short));
    started.expect("it starts");
    assert_eq!(reason, ExitReason::Shutdown);
    assert_eq!(starts.load(std::sync::atomic::Ordering::Relaxed), 4);
}

#[otp_core::test(start_paused = true)]
async fn an_async_function_is_ended_by_a_link_that_breaks_but_not_by_a_normal_end() {
    let supervisor = start(Supervisor::one_for_one().intensity(0, Duration::from_secs(1))).await;
    let world = World::default();
    let (send, friend) = tokio::sync::oneshot::channel();
    let send = std::sync::Mutex::new(Some(send));
    let linked = move |stop: StopToken| {
        let send = send.lock().expect("no panic").take();
        let world = world.clone();
        async move {
            let friend = world.child("friend").start().await.expect("it starts").pid();
            let other = world.child("other").start().await.expect("it starts").pid();
            if let Some(send) = send {
                send.send((friend, other)).expect("the test waits");
            }
            stop.stopped().await;
        }
    };
    let linked = std::sync::Arc::new(linked);
    let pid = supervisor.start_child(move |stop: StopToken| linked(stop)).await.expect("it starts");
    let (friend, other) = friend.await.expect("it starts");
    end(friend, ExitReason::Normal).await;
    assert_eq!(counts(&supervisor).await.1, 1);
    let reason = tokio::join!(reason_of(pid), end(other, ExitReason::new("broken"))).0;
    assert_eq!(reason, ExitReason::new("broken"));
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_is_a_child_of_another() {
    let world = World::default();
    let inner = Supervisor::one_for_all().child(world.child("a")).child(world.child("b"));
    let outer = start(Supervisor::one_for_one()).await;
    let inner = outer.start_child(inner).await.expect("it starts");
    assert_eq!(counts(&outer).await, (1, 1, 1, 0));
    assert_eq!(ids(&inner).await, ["a", "b"]);
    outer.stop().await.expect("it runs");
    assert_eq!(world.take_log(), ["+a", "+b", "-b shutdown", "-a shutdown"]);
}
