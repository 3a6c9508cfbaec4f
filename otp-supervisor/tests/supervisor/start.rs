//! Starting: order, ignore, failures, flags.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use otp_core::behaviour::InitError;
use otp_core::{ExitReason, process};
use otp_genserver::{Context, GenServer};
use otp_supervisor::{
    ChildSpec, FailedToStartChild, IntoChildSpec, InvalidSpec, Name, StartChildError, StartError, Supervisor,
    SupervisorClient,
};

use crate::support::{
    Does, Stopped, World, counts, crash, end, ids, noise, pid_of, reason_of, start, status_of, statuses,
    unique_name,
};

#[otp_core::test(start_paused = true)]
async fn sup_001_an_empty_supervisor_has_no_children() {
    let supervisor = start(Supervisor::one_for_one()).await;
    assert_eq!(statuses(&supervisor).await, []);
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test(start_paused = true)]
async fn sup_002_children_start_one_after_the_other_in_order() {
    let world = World::default();
    let supervisor = start(
        Supervisor::one_for_one().child(world.child("a")).child(world.child("b")).child(world.child("c")),
    )
    .await;
    assert_eq!(world.take_log(), ["+a", "+b", "+c"]);
    assert_eq!(ids(&supervisor).await, ["a", "b", "c"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_002_a_child_starts_when_the_start_before_it_is_over() {
    let world = World::default();
    let (proceed, wait) = tokio::sync::oneshot::channel::<()>();
    let first = {
        let world = world.clone();
        ChildSpec::once("a", move || async move {
            world.log("waiting");
            let _ = wait.await;
            world.log("going on");
            world.child("a").start().await
        })
    };
    let spec = Supervisor::one_for_one().child(first).child(world.child("b"));
    let look = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.take_log(), ["waiting"]);
        proceed.send(()).expect("it waits");
    };
    let (started, ()) = tokio::join!(spec.start().into_future(), look);
    started.expect("it starts");
    assert_eq!(world.take_log(), ["going on", "+a", "+b"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_003_an_init_that_ignores_makes_the_start_ignore_and_the_process_end_normally() {
    process::trap_exit(true).expect("a process");
    let name = unique_name("ignoring");
    let outcome =
        Supervisor::init(|| Err(InitError::Ignore)).start_link().name(name.as_str().to_owned()).await;
    assert_eq!(outcome, Err(StartError::Ignored));
    assert_eq!(name.whereis(), None);
}

#[otp_core::test(start_paused = true)]
async fn an_init_is_run_again_when_the_supervisor_is_restarted() {
    let world = World::default();
    let inner = {
        let world = world.clone();
        Supervisor::init(move || {
            world.log("init");
            Ok(Supervisor::one_for_one().child(world.child("a")))
        })
    };
    let outer = start(Supervisor::one_for_one().child(inner)).await;
    let child = outer.which_children().await.expect("it runs")[0].status.pid().expect("it runs");
    crate::support::kill(child).await;
    counts(&outer).await;
    assert_eq!(world.take_log(), ["init", "+a", "-a killed", "init", "+a"]);
}

#[otp_core::test(start_paused = true)]
async fn a_failed_start_undoes_those_before_in_reverse_with_the_nested_reason() {
    let world = World::default();
    world.plan("c", [Does::Fail("no disk")]);
    let spec = Supervisor::one_for_one()
        .child(world.child("a"))
        .child(world.child("b"))
        .child(world.child("c"))
        .child(world.child("d"));
    let Err(StartError::Exit(reason)) = spec.start().await else { panic!("it must not start") };
    assert_eq!(world.take_log(), ["+a", "+b", "!c", "-b shutdown", "-a shutdown"]);
    assert!(matches!(reason, ExitReason::ShutdownWith(_)), "{reason:?}");
    let nested = reason.downcast_ref::<FailedToStartChild>().expect("it says which child");
    assert_eq!(nested.id, "c".into());
    assert_eq!(nested.error, StartError::Exit(ExitReason::new("no disk")));
}

#[otp_core::test(start_paused = true)]
async fn a_child_that_ignores_its_start_is_kept_without_a_pid_unless_it_is_temporary() {
    let world = World::default();
    world.plan("a", [Does::Ignore]);
    world.plan("b", [Does::Ignore]);
    let temporary = world.child("b").restart(otp_supervisor::Restart::Temporary);
    let supervisor =
        start(Supervisor::one_for_one().child(world.child("a")).child(temporary).child(world.child("c")))
            .await;
    assert_eq!(ids(&supervisor).await, ["a", "c"]);
    assert_eq!(status_of(&supervisor, "a").await, Stopped);
}

#[otp_core::test(start_paused = true)]
async fn sup_006_a_start_that_panics_or_exits_fails_with_that_reason_and_the_supervisor_lives() {
    let world = World::default();
    world.plan("a", [Does::Panic, Does::Exit("own wish")]);
    let supervisor = start(Supervisor::one_for_one()).await;
    let Err(StartChildError::Failed(StartError::Exit(ExitReason::Panic(panic)))) =
        supervisor.start_child(world.child("a")).await
    else {
        panic!("the panic is the reason")
    };
    assert_eq!(panic.message(), "start of a");
    let failed = supervisor.start_child(world.child("a")).await.expect_err("it exits");
    assert_eq!(failed, StartChildError::Failed(StartError::Exit(ExitReason::new("own wish"))));
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test(start_paused = true)]
async fn sup_008_info_beside_the_pid_comes_back_from_start_child_and_restart_child() {
    let world = World::default();
    world.plan("a", [Does::Inform(7), Does::Inform(8), Does::Inform(9)]);
    let supervisor = start(Supervisor::one_for_one()).await;
    let child = supervisor.start_child(world.child("a")).await.expect("it starts");
    assert_eq!(child.info::<u32>(), Some(&7));
    supervisor.terminate_child("a").await.expect("it runs");
    let child = supervisor.restart_child("a").await.expect("it starts");
    assert_eq!(child.info::<u32>(), Some(&8));
    assert_eq!(pid_of(&supervisor, "a").await, child.pid());
    end(child.pid(), crash()).await;
    assert_ne!(pid_of(&supervisor, "a").await, child.pid());
}

#[otp_core::test(start_paused = true)]
async fn sup_009_duplicate_ids_fail_the_start_and_nothing_is_started() {
    let world = World::default();
    let spec = Supervisor::one_for_one().child(world.child("a")).child(world.child("a"));
    let Err(StartError::Exit(reason)) = spec.start().await else { panic!("it must not start") };
    assert_eq!(reason.downcast_ref(), Some(&InvalidSpec::DuplicateChildId("a".into())));
    assert!(world.take_log().is_empty());
}

#[otp_core::test(start_paused = true)]
async fn sup_010_a_period_of_zero_fails_the_start() {
    let spec = Supervisor::one_for_one().intensity(3, Duration::ZERO);
    let Err(StartError::Exit(reason)) = spec.start().await else { panic!("it must not start") };
    assert_eq!(reason.downcast_ref(), Some(&InvalidSpec::ZeroPeriod));
}

#[otp_core::test(start_paused = true)]
async fn sup_011_by_default_three_restarts_within_five_seconds_are_borne() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a"))).await;
    for _ in 0..3 {
        end(pid_of(&supervisor, "a").await, crash()).await;
    }
    tokio::time::advance(Duration::from_millis(5001)).await;
    for _ in 0..3 {
        end(pid_of(&supervisor, "a").await, crash()).await;
    }
    let a = pid_of(&supervisor, "a").await;
    let reason = tokio::join!(reason_of(supervisor.pid()), end(a, crash())).0;
    assert_eq!(reason, ExitReason::Shutdown);
}

#[otp_core::test(start_paused = true)]
async fn sup_016_a_supervisor_traps_exits() {
    let supervisor = start(Supervisor::one_for_one()).await;
    assert!(process::info(supervisor.pid()).expect("it runs").trap_exit);
    noise(supervisor.pid()).await;
    assert_eq!(counts(&supervisor).await, (0, 0, 0, 0));
}

#[otp_core::test(start_paused = true)]
async fn sup_063_stop_returns_when_all_children_are_gone_and_its_reason_is_the_supervisors() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one().child(world.child("a")).child(world.child("b"))).await;
    let pids = [pid_of(&supervisor, "a").await, pid_of(&supervisor, "b").await];
    let end = otp_core::behaviour::await_end(supervisor.pid());
    supervisor.stop().reason(ExitReason::new("enough")).await.expect("it runs");
    assert!(pids.iter().all(|&pid| !process::is_alive(pid)));
    let mut end = end;
    let answer = end.try_answer().expect("it is gone");
    assert_eq!(answer, otp_core::behaviour::Answer::Exit(ExitReason::new("enough")));
    assert_eq!(world.take_log(), ["+a", "+b", "-b shutdown", "-a shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn sup_022_a_temporary_childs_arguments_are_not_kept() {
    let world = World::default();
    let supervisor = start(Supervisor::one_for_one()).await;
    let argument = Arc::new(());
    let (kept, given) = (Arc::downgrade(&argument), world.clone());
    let spec = ChildSpec::once("a", move || async move {
        drop(argument);
        given.child("a").start().await
    });
    supervisor.start_child(spec).await.expect("it starts");
    assert!(kept.upgrade().is_none());

    let argument = Arc::new(());
    let kept = Arc::downgrade(&argument);
    let spec = ChildSpec::new("b", move || {
        let _held = &argument;
        world.child("b").start()
    });
    supervisor.start_child(spec.restart(otp_supervisor::Restart::Temporary)).await.expect("it starts");
    assert!(kept.upgrade().is_none());
}

/// Its `init` asks its own supervisor, and gives that up after a while if it is to.
struct Asks;

impl GenServer for Asks {
    type Args = (Name<Supervisor>, Option<Duration>);
    type Call = Infallible;
    type Cast = Infallible;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init((supervisor, limit): Self::Args, _: &mut Context<Self>) -> Result<Self, InitError> {
        let limit = limit.unwrap_or(Duration::MAX);
        let answer = tokio::time::timeout(limit, supervisor.count_children()).await;
        assert!(answer.is_err(), "it is busy with this start");
        Ok(Self)
    }

    async fn handle_call(&mut self, call: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {}
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }
}

#[otp_core::test(start_paused = true)]
async fn a_childs_init_that_asks_its_own_supervisor_waits_until_it_or_its_start_gives_up() {
    let name = unique_name("asks");
    Supervisor::one_for_one().start_link().name(name.clone()).await.expect("it starts");
    let second = Duration::from_secs(1);

    let began = tokio::time::Instant::now();
    name.start_child(Asks::start_link((name.clone(), Some(second)))).await.expect("it starts");
    assert_eq!(began.elapsed(), second);

    let began = tokio::time::Instant::now();
    let outcome =
        name.start_child(Asks::start_link((name.clone(), None)).timeout(second).child_spec().id(2)).await;
    assert!(matches!(outcome, Err(StartChildError::Failed(StartError::Timeout))), "{outcome:?}");
    assert_eq!(began.elapsed(), second);
    assert_eq!(counts(&name).await, (1, 1, 0, 1));
}
