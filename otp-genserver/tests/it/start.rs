//! Starting: what the starter hears, and what is left when it fails.

use std::future::IntoFuture;
use std::sync::{Arc, OnceLock, mpsc};

use otp_core::{Mailbox, Received};
use otp_genserver::process::{self, send_exit};
use otp_genserver::{ExitReason, InitError, Name, Pid, StartError};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{
    Other, Plan, Probe, Reports, Stopwatch, Tell, Watch, expect_panic, expect_start_error, ms, plain_task,
    poll_once, reason_of_process, settle, unique_name,
};

fn me() -> Pid {
    process::current().expect("the test is a process")
}

fn links_of(pid: Pid) -> Vec<Pid> {
    process::info(pid).expect("it lives").links
}

/// Fails in one of the three ways.
fn failing(error: &InitError) -> Plan {
    let error = error.clone();
    Plan::new().quick_init(move |_| Err(error))
}

#[otp_genserver::test]
async fn gs_001_start_returns_after_init_and_the_next_call_is_served() {
    let (release, gate) = oneshot::channel::<()>();
    let plan = Plan::new().init(|_| {
        Box::pin(async move {
            gate.await.ok();
            Ok(())
        })
    });
    let log = plan.log();
    let mut starting = plan.start().into_future();
    assert!(poll_once(&mut starting).is_pending());
    settle().await;
    assert_eq!(log.lines(), ["init"]);
    assert!(poll_once(&mut starting).is_pending(), "init has not returned");
    release.send(()).unwrap();
    let server = starting.await.unwrap();
    assert!(server.is_alive());
    assert_eq!(server.count().await, Ok(0));
}

#[otp_genserver::test]
async fn gs_001_nothing_starts_before_the_start_is_awaited() {
    let plan = Plan::new();
    let log = plan.log();
    let name = unique_name();
    let mut start = plan.start().name(name.clone()).into_future();
    settle().await;
    assert_eq!((log.lines().len(), name.whereis()), (0, None));
    assert!(poll_once(&mut start).is_pending());
    assert!(name.whereis().is_some(), "the name is there before init runs");
    assert_eq!(log.lines().len(), 0);
    start.await.unwrap();
    assert_eq!(log.lines(), ["init"]);
}

#[otp_genserver::test]
async fn gs_002_start_makes_no_link() {
    let server = Plan::new().start().await.unwrap();
    assert!(links_of(server.pid()).is_empty());
    assert!(links_of(me()).is_empty());
}

#[otp_genserver::test]
async fn gs_002_start_link_links_before_init_runs() {
    let seen = Arc::new(OnceLock::new());
    let (parent, seen_by_init) = (me(), Arc::clone(&seen));
    let plan = Plan::new().quick_init(move |cx| {
        seen_by_init.set((links_of(cx.pid()), links_of(parent).contains(&cx.pid()))).ok();
        Ok(())
    });
    let server = plan.start_link().await.unwrap();
    assert_eq!(*seen.get().unwrap(), (vec![parent], true));
    assert_eq!(links_of(server.pid()), [parent]);
}

#[otp_genserver::test]
async fn gs_002_start_link_takes_the_parent_along_and_start_does_not() {
    let reason = reason_of_process(|_| async {
        let unlinked = Plan::new().start().await.unwrap();
        send_exit(unlinked.pid(), ExitReason::Kill);
        settle().await;
        let linked = Plan::new().start_link().await.unwrap();
        send_exit(linked.pid(), ExitReason::new("boom"));
        std::future::pending().await
    })
    .await;
    assert_eq!(reason, ExitReason::new("boom"));
}

#[otp_genserver::test]
async fn gs_002_the_parent_is_who_asked_for_the_start_not_who_awaits_it() {
    let start = Plan::new().start_link();
    let server = plain_task(start.into_future()).await.unwrap().unwrap();
    assert_eq!(links_of(server.pid()), [me()]);
}

#[otp_genserver::test]
async fn gs_002_start_link_outside_any_process_starts_unlinked() {
    let server = plain_task(async { Plan::new().start_link().await.unwrap() }).await.unwrap();
    assert!(links_of(server.pid()).is_empty());
    assert_eq!(server.count().await, Ok(0));
}

#[otp_genserver::test]
async fn gs_004_ignore_is_told_to_the_starter_and_harms_nobody() {
    let (pid_of, pid) = oneshot::channel();
    let (release, gate) = oneshot::channel::<()>();
    let plan = Plan::new().init(|cx| {
        Box::pin(async move {
            pid_of.send(cx.pid()).ok();
            gate.await.ok();
            Err(InitError::Ignore)
        })
    });
    let name = unique_name::<Probe>();
    let mut starting = plan.start_link().name(name.clone()).into_future();
    assert!(poll_once(&mut starting).is_pending());
    let watch = Watch::on(pid.await.unwrap()).await;
    release.send(()).unwrap();
    assert_eq!(expect_start_error(starting.await), StartError::Ignored);
    assert_eq!(name.whereis(), None);
    assert!(links_of(me()).is_empty());
    assert_eq!(watch.down().await, ExitReason::Normal);
    assert_eq!(expect_start_error(failing(&InitError::Ignore).start().await), StartError::Ignored);
}

#[otp_genserver::test]
async fn stop_in_init_is_the_error_and_the_exit_reason() {
    let stop = InitError::stop("no disk");
    assert_eq!(
        expect_start_error(failing(&stop).start().await),
        StartError::Exit(ExitReason::new("no disk"))
    );
    let parent = reason_of_process(move |_| async move {
        drop(failing(&stop).start_link().await);
        std::future::pending().await
    });
    assert_eq!(parent.await, ExitReason::new("no disk"), "a parent that does not trap goes along");
}

#[otp_genserver::test]
async fn a_crash_report_says_that_it_was_in_init() {
    let (reports, _guard) = Reports::capture();
    let start = Plan::new().quick_init(|_| Err(InitError::stop("no disk"))).start();
    let reason = ExitReason::new("no disk");
    assert_eq!(expect_start_error(start.await), StartError::Exit(reason));
    let crashes = reports.of("otp::process");
    assert_eq!(crashes.len(), 1, "{crashes:?}");
    assert!(crashes[0].contains("last_message=\"init\""), "{crashes:?}");
}

#[otp_genserver::test]
async fn any_error_in_init_stops_it() {
    let plan = Plan::new().quick_init(|_| {
        "x".parse::<u8>()?;
        Ok(())
    });
    let StartError::Exit(reason) = expect_start_error(plan.start().await) else { panic!() };
    assert!(reason.downcast_ref::<std::num::ParseIntError>().is_some());
}

#[otp_genserver::test]
async fn gs_006_a_panic_in_init_is_the_error_and_the_exit_reason() {
    let (pid_of, pid) = oneshot::channel();
    let (release, gate) = oneshot::channel::<()>();
    let plan = Plan::new().init(|cx| {
        Box::pin(async move {
            pid_of.send(cx.pid()).ok();
            gate.await.ok();
            panic!("no luck")
        })
    });
    let mut starting = plan.start().into_future();
    assert!(poll_once(&mut starting).is_pending());
    let watch = Watch::on(pid.await.unwrap()).await;
    release.send(()).unwrap();
    let StartError::Exit(reason) = expect_start_error(starting.await) else { panic!() };
    expect_panic(&reason, "no luck");
    assert_eq!(watch.down().await, reason);
}

#[otp_genserver::test]
async fn gs_006_a_panic_before_the_first_await_of_init_is_told_as_well() {
    let plan = Plan::new().init(|_| panic!("at once"));
    let StartError::Exit(reason) = expect_start_error(plan.start().await) else { panic!() };
    expect_panic(&reason, "at once");
}

#[otp_genserver::test]
async fn gs_007_exit_in_init_is_the_error() {
    for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::new("out")] {
        let given = reason.clone();
        let plan = Plan::new().quick_init(|_| process::exit(given));
        assert_eq!(expect_start_error(plan.start().await), StartError::Exit(reason));
    }
}

#[otp_genserver::test]
async fn gs_011_killed_during_init_is_the_error() {
    process::trap_exit(true).unwrap();
    let (plan, entered) = Plan::new().hanging_init();
    let name = unique_name::<Probe>();
    let mut starting = plan.start_link().name(name.clone()).into_future();
    assert!(poll_once(&mut starting).is_pending());
    send_exit(entered.await.unwrap(), ExitReason::Kill);
    assert_eq!(expect_start_error(starting.await), StartError::Exit(ExitReason::Killed));
    assert_eq!(name.whereis(), None);
}

#[otp_genserver::test]
async fn gs_013_a_taken_name_is_already_started_and_init_never_runs() {
    let name = unique_name::<Probe>();
    let holder = Plan::new().start().name(name.clone()).await.unwrap();
    let expected = StartError::AlreadyStarted(holder.pid());
    for linked in [false, true] {
        let plan = Plan::new();
        let log = plan.log();
        let start = if linked { plan.start_link() } else { plan.start() };
        assert_eq!(expect_start_error(start.name(name.clone()).await), expected);
        settle().await;
        assert!(log.lines().is_empty(), "init never runs");
    }
    assert!(links_of(me()).is_empty());
    assert!(links_of(holder.pid()).is_empty());
    assert_eq!(holder.count().await, Ok(0));

    let other = <Other as otp_genserver::GenServer>::start(()).name(Name::owned(name.as_str())).await;
    assert_eq!(expect_start_error(other), expected, "also when another kind of server has it");
}

#[otp_genserver::test]
async fn gs_013_a_taken_name_leaves_no_monitor() {
    let name = unique_name::<Probe>();
    let holder = Plan::new().start().name(name.clone()).await.unwrap();
    let error = Plan::new().start_monitor().name(name).await.unwrap_err();
    assert_eq!(error, StartError::AlreadyStarted(holder.pid()));
    assert!(process::info(me()).unwrap().monitors.is_empty());
}

#[otp_genserver::test]
async fn gs_015_without_a_name_it_is_not_registered() {
    let server = Plan::new().start().await.unwrap();
    assert_eq!(process::info(server.pid()).unwrap().name, None);
}

#[otp_genserver::test]
async fn gs_016_start_monitor_gives_the_address_and_the_monitor() {
    let reason = reason_of_process(|mut mailbox| async move {
        let (server, monitor) = Plan::new().start_monitor().await.unwrap();
        assert!(links_of(server.pid()).is_empty());
        server.stop().reason(ExitReason::new("over")).await.unwrap();
        let Received::Down(down) = mailbox.receive().await else { panic!("a DOWN was due") };
        assert_eq!((down.monitor, down.pid()), (monitor, Some(server.pid())));
        assert_eq!(down.reason, ExitReason::new("over"));
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

#[otp_genserver::test]
async fn gs_016_a_failing_start_monitor_leaves_no_down_behind() {
    let reason = reason_of_process(|mut mailbox| async move {
        for error in [InitError::Ignore, InitError::stop("a"), InitError::Error(ExitReason::new("b"))] {
            assert!(failing(&error).start_monitor().await.is_err());
        }
        let (plan, _entered) = Plan::new().hanging_init();
        let outcome = plan.start_monitor().timeout(ms(1)).await;
        assert_eq!(outcome.unwrap_err(), StartError::Timeout);
        assert!(process::info(me()).unwrap().monitors.is_empty());
        mailbox.address().send(());
        assert!(matches!(mailbox.receive().await, Received::Message(())), "no DOWN came before");
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

#[otp_genserver::test]
async fn gs_016_start_monitor_outside_any_process_starts_nothing() {
    let plan = Plan::new();
    let log = plan.log();
    let outcome = plain_task(async move { plan.start_monitor().await }).await.unwrap();
    assert_eq!(outcome.unwrap_err(), StartError::NotAProcess);
    settle().await;
    assert!(log.lines().is_empty());
}

/// `NotAProcess` promises that `init` did not run, wherever it is awaited.
#[otp_genserver::test]
async fn gs_016_start_monitor_made_outside_and_awaited_inside_leaves_no_server_behind() {
    let plan = Plan::new();
    let log = plan.log();
    let start = plain_task(async move { plan.start_monitor() }).await.unwrap();
    match start.await {
        Ok((server, _)) => assert_eq!(server.count().await, Ok(0)),
        Err(error) => {
            settle().await;
            assert_eq!(error, StartError::NotAProcess);
            assert!(log.lines().is_empty(), "init did not run, as the error says");
        }
    }
}

#[otp_genserver::test]
async fn gs_017_an_error_of_init_reaches_the_starter_alone() {
    let reason = reason_of_process(|_| async {
        let error = InitError::Error(ExitReason::new("not today"));
        let outcome = failing(&error).start_link().await;
        assert_eq!(outcome.unwrap_err(), StartError::Exit(ExitReason::new("not today")));
        settle().await;
    })
    .await;
    assert_eq!(reason, ExitReason::Normal, "a linked starter lives on");
}

#[otp_genserver::test]
async fn a_failed_start_has_freed_the_name_when_the_starter_hears_of_it() {
    for error in [InitError::Ignore, InitError::stop("x"), InitError::Error(ExitReason::new("x"))] {
        let name = unique_name::<Probe>();
        let dropped = Arc::new(());
        let held = Arc::clone(&dropped);
        let plan = Plan::new().quick_init(move |_| {
            let _held = held;
            Err(error)
        });
        assert!(plan.start().name(name.clone()).await.is_err());
        assert_eq!(name.whereis(), None);
        assert_eq!(Arc::strong_count(&dropped), 1);
        Plan::new().start().name(name).await.unwrap();
    }
}

#[otp_genserver::test]
async fn a_start_in_time_is_not_touched_by_its_limit() {
    let clock = Stopwatch::paused();
    let plan = Plan::new().init(|_| {
        Box::pin(async {
            tokio::time::sleep(ms(50)).await;
            Ok(())
        })
    });
    let server = plan.start().timeout(ms(60)).await.unwrap();
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(server.count().await, Ok(0));
    assert!(clock.elapsed() >= ms(1050));
}

#[otp_genserver::test]
async fn a_start_that_takes_too_long_leaves_nothing_behind() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let (plan, entered) = Plan::new().hanging_init();
    let outcome = plan.start().name(name.clone()).timeout(ms(100)).await;
    assert_eq!(expect_start_error(outcome), StartError::Timeout);
    assert_eq!(name.whereis(), None, "the name is free");
    assert!(!process::is_alive(entered.await.unwrap()), "the process is gone");
    assert!(clock.elapsed() >= ms(100) && clock.elapsed() < ms(110), "{:?}", clock.elapsed());
    Plan::new().start().name(name).await.unwrap();
}

/// `proc_lib` unlinks before it kills: the starter gets `{error, timeout}`, and lives.
#[otp_genserver::test]
async fn a_linked_start_that_takes_too_long_does_not_end_its_starter() {
    let _clock = Stopwatch::paused();
    let reason = reason_of_process(|_| async {
        let (plan, _entered) = Plan::new().hanging_init();
        assert_eq!(expect_start_error(plan.start_link().timeout(ms(10)).await), StartError::Timeout);
        settle().await;
        assert!(links_of(me()).is_empty());
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

#[otp_genserver::test]
async fn a_linked_start_that_takes_too_long_leaves_no_exit_with_a_trapping_starter() {
    let _clock = Stopwatch::paused();
    let reason = reason_of_process(|mut mailbox: Mailbox<()>| async move {
        process::trap_exit(true).unwrap();
        let (plan, _entered) = Plan::new().hanging_init();
        assert_eq!(expect_start_error(plan.start_link().timeout(ms(10)).await), StartError::Timeout);
        mailbox.address().send(());
        let next = mailbox.receive().await;
        assert!(matches!(next, Received::Message(())), "{next:?}");
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

#[otp_genserver::test]
async fn dropping_a_start_ends_the_half_started_process_and_frees_its_name() {
    let name = unique_name::<Probe>();
    let (plan, entered) = Plan::new().hanging_init();
    let log = plan.log();
    let mut starting = plan.start().name(name.clone()).into_future();
    assert!(poll_once(&mut starting).is_pending());
    let pid = entered.await.unwrap();
    let watch = Watch::on(pid).await;
    drop(starting);
    assert_eq!(watch.down().await, ExitReason::Killed);
    assert_eq!(name.whereis(), None);
    assert_eq!(log.lines(), ["init"], "there is no state to terminate");
    Plan::new().start().name(name).await.unwrap();
}

#[otp_genserver::test]
async fn dropping_a_start_before_init_began_ends_the_process_too() {
    let name = unique_name::<Probe>();
    let plan = Plan::new();
    let log = plan.log();
    let mut starting = plan.start().name(name.clone()).into_future();
    assert!(poll_once(&mut starting).is_pending());
    drop(starting);
    settle().await;
    assert_eq!(name.whereis(), None);
    assert!(log.lines().is_empty());
}

/// As with a limit of its own: whoever gives up waiting (`timeout`, `select!`) is not to die of it.
#[otp_genserver::test]
async fn dropping_a_linked_start_does_not_end_its_starter() {
    let reason = reason_of_process(|_| async {
        let (plan, entered) = Plan::new().hanging_init();
        let mut starting = plan.start_link().into_future();
        assert!(poll_once(&mut starting).is_pending());
        let pid = entered.await.unwrap();
        drop(starting);
        settle().await;
        assert!(!process::is_alive(pid));
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

/// Nobody has the monitor's reference, so nobody could tell what that DOWN is.
#[otp_genserver::test]
async fn dropping_a_monitored_start_leaves_no_down_behind() {
    let reason = reason_of_process(|mut mailbox: Mailbox<()>| async move {
        let (plan, entered) = Plan::new().hanging_init();
        let mut starting = plan.start_monitor().into_future();
        assert!(poll_once(&mut starting).is_pending());
        let pid = entered.await.unwrap();
        drop(starting);
        settle().await;
        assert!(!process::is_alive(pid));
        mailbox.address().send(());
        let next = mailbox.receive().await;
        assert!(matches!(next, Received::Message(())), "{next:?}");
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

/// `init` returns between the limit and the kill: the error still means that nothing is left.
#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_takes_too_long_and_then_succeeds_leaves_nothing_behind() {
    let (entered, has_entered) = mpsc::channel();
    let (release_init, init_gate) = mpsc::channel::<()>();
    let (dropping, is_dropping) = mpsc::channel();
    let (release_drop, drop_gate) = mpsc::channel::<()>();
    let name = unique_name::<Probe>();
    let plan = Plan::new()
        .quick_init(move |_| {
            entered.send(()).ok();
            init_gate.recv().ok();
            Ok(())
        })
        .on_drop(move || {
            dropping.send(()).ok();
            drop_gate.recv().ok();
        });
    let mut starting = plan.start().name(name.clone()).timeout(ms(1)).into_future();
    assert!(poll_once(&mut starting).is_pending());
    has_entered.recv().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < ms(5) {
        tokio::task::yield_now().await;
    }
    assert!(poll_once(&mut starting).is_pending(), "the time is up, and the process still there");
    release_init.send(()).unwrap();
    is_dropping.recv().unwrap();
    let early = poll_once(&mut starting);
    let held = name.whereis().is_some();
    release_drop.send(()).unwrap();
    assert!(early.is_pending() || !held, "the starter heard {early:?} while the name was taken");
    assert_eq!(expect_start_error(starting.await), StartError::Timeout);
    assert_eq!(name.whereis(), None);
}

#[otp_genserver::test]
async fn dropping_a_finished_start_leaves_the_server_alone() {
    let mut starting = Box::pin(Plan::new().start().into_future());
    let server = (&mut starting).await.unwrap();
    drop(starting);
    settle().await;
    assert_eq!(server.count().await, Ok(0));
}

#[otp_genserver::test]
async fn the_parent_dies_while_init_runs_and_takes_the_half_started_server_along() {
    let (plan, entered) = Plan::new().hanging_init();
    let log = plan.log();
    let (give_up, gave_up) = oneshot::channel::<()>();
    let parent = otp_core::spawn(|_: Mailbox<()>| async move {
        let mut starting = plan.start_link().into_future();
        assert!(poll_once(&mut starting).is_pending());
        gave_up.await.ok();
        // Not by dropping it: only the link is to reach the server.
        std::mem::forget(starting);
        ExitReason::new("parent")
    });
    let (parent, server) = (Watch::on(parent.pid()).await, Watch::on(entered.await.unwrap()).await);
    give_up.send(()).unwrap();
    assert_eq!(parent.down().await, ExitReason::new("parent"));
    assert_eq!(server.down().await, ExitReason::new("parent"));
    assert_eq!(log.lines(), ["init"]);
}

#[otp_genserver::test]
async fn a_label_shows_in_info() {
    let server = Plan::new().start().label("the probe").await.unwrap();
    assert_eq!(process::info(server.pid()).unwrap().label.as_deref(), Some("the probe"));
}

#[otp_genserver::test]
async fn stop_asked_for_in_init_stops_a_started_server() {
    let plan = Plan::new().quick_init(|cx| {
        cx.stop(ExitReason::Shutdown);
        Ok(())
    });
    let log = plan.log();
    let server = plan.start().await.unwrap();
    settle().await;
    assert!(!server.is_alive());
    assert_eq!(log.lines(), ["init", "terminate: shutdown", "state dropped"]);
}
