//! `stop`, `terminate`, and in what order a server goes.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};

use otp_core::{Mailbox, Received};
use otp_genserver::process::{self, send_exit};
use otp_genserver::{CallError, ExitReason, Pid, ServerRef, StopError};
use tokio::sync::oneshot;

use crate::support::{
    Log, Plan, Probe, Reports, Stopwatch, Tell, Watch, Way, busy, expect_panic, ms, poll_once,
    reason_of_process, settle, unique_name,
};

// ---- stop --------------------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_061_stop_is_normal_by_default_and_returns_when_the_process_is_gone() {
    let name = unique_name::<Probe>();
    let (plan, terminating, release) = Plan::new().slow_terminate();
    let log = plan.log();
    let server = plan.start().name(name.clone()).await.unwrap();
    let watch = Watch::on(server.pid()).await;
    let mut stopping = server.stop().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    terminating.await.unwrap();
    settle().await;
    assert!(poll_once(&mut stopping).is_pending(), "it waits for terminate");
    assert_eq!(process::info(server.pid()).unwrap().mailbox_len, 0, "the stop is no longer in the mailbox");
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    assert!(!server.is_alive());
    assert_eq!(name.whereis(), None);
    assert_eq!(log.lines(), ["init", "terminate: normal", "state dropped"]);
    assert_eq!(watch.down().await, ExitReason::Normal);
}

#[otp_genserver::test]
async fn gs_061_stop_has_no_limit_by_default() {
    let clock = Stopwatch::paused();
    let plan = Plan::new().on_terminate(|_| Box::pin(tokio::time::sleep(ms(3_600_000))));
    let (server, _) = plan.up().await;
    assert_eq!(server.stop().await, Ok(()));
    assert!(clock.elapsed() >= ms(3_600_000));
}

#[otp_genserver::test]
async fn gs_061_stop_by_name() {
    let name = unique_name::<Probe>();
    Plan::new().start().name(name.clone()).await.unwrap();
    assert_eq!(name.stop().reason(ExitReason::Shutdown).await, Ok(()));
    assert_eq!(name.stop().await, Err(StopError::NoProc));
}

#[otp_genserver::test]
async fn gs_061_stop_from_a_task_outside_any_process() {
    let (server, log) = Plan::new().up().await;
    let stopping = server.stop();
    assert_eq!(crate::support::plain_task(stopping.into_future()).await.unwrap(), Ok(()));
    assert_eq!(log.terminations(), ["normal"]);
}

#[otp_genserver::test]
async fn gs_062_stop_with_any_reason_is_ok_if_the_server_ends_with_it() {
    let reasons = [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::shutdown_with("moved"),
        ExitReason::new("odd"),
        ExitReason::Killed,
    ];
    for reason in reasons {
        let (server, log) = Plan::new().up().await;
        let watch = Watch::on(server.pid()).await;
        assert_eq!(server.stop().reason(reason.clone()).await, Ok(()));
        assert_eq!(log.terminations(), [reason.to_string()]);
        assert_eq!(watch.down().await, reason);
    }
}

#[otp_genserver::test]
async fn gs_062_stop_is_an_error_if_the_server_ends_with_another_reason() {
    let plan = Plan::new().on_terminate(|_| Box::pin(async { process::exit(ExitReason::new("mine")) }));
    let (server, _) = plan.up().await;
    assert_eq!(server.stop().await, Err(StopError::Exit(ExitReason::new("mine"))));
}

#[otp_genserver::test]
async fn gs_062_of_two_stops_the_first_decides() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    let mut first = server.stop().reason(ExitReason::Shutdown).into_future();
    let mut same = server.stop().reason(ExitReason::Shutdown).into_future();
    let mut other = server.stop().into_future();
    for stop in [&mut first, &mut same, &mut other] {
        assert!(poll_once(stop).is_pending());
    }
    release.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(same.await, Ok(()));
    assert_eq!(other.await, Err(StopError::Exit(ExitReason::Shutdown)));
    assert_eq!(log.terminations(), ["shutdown"]);
}

#[otp_genserver::test]
async fn gs_064_stop_of_a_dead_server_or_an_unknown_name_is_no_proc() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    server.stop().await.unwrap();
    assert_eq!(server.stop().await, Err(StopError::NoProc));
    assert_eq!(unique_name::<Probe>().stop().await, Err(StopError::NoProc));
    clock.expect_stood_still("nobody there");
}

#[otp_genserver::test]
async fn gs_065_stop_from_inside_is_calling_self_and_the_server_survives() {
    let name = unique_name::<Probe>();
    let by_name = name.clone();
    let server = Plan::new().start().name(name).await.unwrap();
    let answer = server.ask_later(move |_, reply, cx| {
        Box::pin(async move {
            assert_eq!(cx.server_ref().stop().await, Err(StopError::CallingSelf));
            assert_eq!(by_name.stop().await, Err(StopError::CallingSelf));
            reply.send(1);
            Ok(())
        })
    });
    assert_eq!(answer.await, Ok(1));
    assert_eq!(server.count().await, Ok(0));
}

#[otp_genserver::test]
async fn gs_067_stop_waits_behind_the_messages_that_are_there_already() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    for n in 0..3 {
        server.tell(move |probe, _| {
            probe.log.add(format!("message {n}"));
            Ok(())
        });
    }
    let mut stopping = server.stop().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    server.tell(|probe, _| {
        probe.log.add("too late");
        Ok(())
    });
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    let expected = ["init", "message 0", "message 1", "message 2", "terminate: normal", "state dropped"];
    assert_eq!(log.lines(), expected);
}

#[otp_genserver::test]
async fn a_stop_whose_time_is_up_is_told_and_the_server_still_stops() {
    let clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    assert_eq!(server.stop().timeout(ms(100)).await, Err(StopError::Timeout));
    assert!(clock.elapsed() >= ms(100) && clock.elapsed() < ms(110));
    assert!(server.is_alive(), "it has not ended");
    release.send(()).unwrap();
    settle().await;
    assert!(!server.is_alive(), "it still may");
    assert_eq!(log.terminations(), ["normal"]);
}

#[otp_genserver::test]
async fn a_stop_that_is_dropped_after_it_was_asked_still_stops_and_before_does_not() {
    let (server, log) = Plan::new().up().await;
    drop(server.stop().into_future());
    assert_eq!(server.count().await, Ok(0));
    let mut stopping = server.stop().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    drop(stopping);
    settle().await;
    assert!(!server.is_alive());
    assert_eq!(log.terminations(), ["normal"]);
}

// ---- terminate ---------------------------------------------------------------------------------------------------

/// Starts a trapping server linked to a process that ends with what the sender says.
async fn with_parent(plan: Plan) -> (ServerRef<Probe>, oneshot::Sender<ExitReason>) {
    let (started, has_started) = oneshot::channel();
    let (end, ends) = oneshot::channel();
    otp_core::spawn(|_: Mailbox<()>| async move {
        started.send(plan.start_link().await.expect("it starts")).ok();
        ends.await.unwrap_or(ExitReason::Normal)
    });
    (has_started.await.expect("the parent starts it"), end)
}

#[otp_genserver::test]
async fn gs_069_the_end_of_its_parent_ends_a_trapping_server_with_terminate() {
    for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::new("odd")] {
        let plan = Plan::new().trapping();
        let log = plan.log();
        let (server, end) = with_parent(plan).await;
        let watch = Watch::on(server.pid()).await;
        end.send(reason.clone()).unwrap();
        assert_eq!(watch.down().await, reason);
        assert_eq!(log.lines(), ["init", &format!("terminate: {reason}"), "state dropped"]);
    }
}

#[otp_genserver::test]
async fn gs_069_an_exit_signal_of_its_parent_does_so_too() {
    let plan = Plan::new().trapping();
    let log = plan.log();
    let server = plan.start_link().await.unwrap();
    let watch = Watch::on(server.pid()).await;
    process::unlink(server.pid()).unwrap();
    send_exit(server.pid(), ExitReason::Shutdown);
    assert_eq!(watch.down().await, ExitReason::Shutdown);
    assert_eq!(log.terminations(), ["shutdown"]);
}

#[otp_genserver::test]
async fn gs_069_the_end_of_its_parent_waits_its_turn_in_the_mailbox() {
    let plan = Plan::new().trapping();
    let log = plan.log();
    let (server, end) = with_parent(plan).await;
    let release = busy(&server).await;
    server.tell(|probe, _| {
        probe.log.add("before");
        Ok(())
    });
    end.send(ExitReason::Shutdown).unwrap();
    settle().await;
    server.tell(|probe, _| {
        probe.log.add("after");
        Ok(())
    });
    release.send(()).unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init", "before", "terminate: shutdown", "state dropped"]);
}

#[otp_genserver::test]
async fn gs_069_an_exit_signal_of_anyone_else_goes_to_handle_exit() {
    let plan = Plan::new().trapping();
    let log = plan.log();
    let server = plan.start_link().await.unwrap();
    let pid = server.pid();
    otp_core::spawn(move |_: Mailbox<()>| async move { send_exit(pid, ExitReason::new("stranger")) });
    settle().await;
    server.tell(|_, _| {
        otp_core::spawn_link(|_: Mailbox<()>| async { ExitReason::new("a link") });
        Ok(())
    });
    settle().await;
    crate::support::plain_task(async move { send_exit(pid, ExitReason::Normal) }).await.unwrap();
    assert_eq!(server.count().await, Ok(0));
    assert_eq!(log.lines(), ["init", "exit: stranger", "exit: a link", "exit: normal"]);
}

#[otp_genserver::test]
async fn gs_069_handle_exit_says_who_it_was() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let in_callback = Arc::clone(&seen);
    let plan = Plan::new().trapping().on_exit(move |_, from, reason, _| {
        in_callback.lock().unwrap().push((from, reason));
        Ok(())
    });
    let (server, _) = plan.up().await;
    let me = process::current().unwrap();
    send_exit(server.pid(), ExitReason::Shutdown);
    let pid = server.pid();
    crate::support::plain_task(async move { send_exit(pid, ExitReason::Shutdown) }).await.unwrap();
    server.count().await.unwrap();
    let expected = vec![(me, ExitReason::Shutdown), (Pid::OUTSIDE, ExitReason::Shutdown)];
    assert_eq!(*seen.lock().unwrap(), expected, "an unlinked server's starter is not its parent");
}

#[otp_genserver::test]
async fn gs_069_a_signal_ends_a_server_that_does_not_trap_without_terminate() {
    for reason in [ExitReason::Shutdown, ExitReason::new("odd"), ExitReason::Kill] {
        let (server, log) = Plan::new().up().await;
        send_exit(server.pid(), reason);
        settle().await;
        assert!(!server.is_alive());
        assert_eq!(log.lines(), ["init", "state dropped"]);
    }
    let plan = Plan::new();
    let log = plan.log();
    let (_, end) = with_parent(plan).await;
    end.send(ExitReason::Shutdown).unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init", "state dropped"], "nor does its parent's end");
}

#[otp_genserver::test]
async fn gs_069_kill_never_runs_terminate_also_when_trapping() {
    let plan = Plan::new().trapping();
    let (server, log) = plan.up().await;
    let watch = Watch::on(server.pid()).await;
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(watch.down().await, ExitReason::Killed);
    assert_eq!(log.lines(), ["init", "state dropped"]);
}

/// On the BEAM nothing of the callback runs after that, let alone `terminate`.
#[otp_genserver::test]
async fn gs_069_a_server_that_was_killed_in_a_callback_runs_no_terminate_whatever_the_callback_asks_for() {
    for stopping in [false, true] {
        let (server, log) = Plan::new().up().await;
        let watch = Watch::on(server.pid()).await;
        server.tell(move |_, cx| {
            send_exit(cx.pid(), ExitReason::Kill);
            if stopping {
                cx.stop(ExitReason::Shutdown);
                return Ok(());
            }
            Err(ExitReason::new("failed"))
        });
        assert_eq!(watch.down().await, ExitReason::Killed);
        assert_eq!(log.lines(), ["init", "state dropped"]);
    }
}

#[otp_genserver::test]
async fn gs_069_a_normal_signal_does_not_end_a_server_that_does_not_trap() {
    let (server, _) = Plan::new().up().await;
    send_exit(server.pid(), ExitReason::Normal);
    assert_eq!(server.count().await, Ok(0));
}

#[otp_genserver::test]
async fn gs_074_a_server_without_a_link_is_its_own_parent() {
    let plan = Plan::new().trapping();
    let (server, log) = plan.up().await;
    let watch = Watch::on(server.pid()).await;
    let seen = Arc::new(Mutex::new(None));
    let in_callback = Arc::clone(&seen);
    server.tell(move |_, cx| {
        *in_callback.lock().unwrap() = Some((cx.parent(), cx.pid()));
        send_exit(cx.pid(), ExitReason::new("myself"));
        Ok(())
    });
    assert_eq!(watch.down().await, ExitReason::new("myself"));
    assert_eq!(*seen.lock().unwrap(), Some((server.pid(), server.pid())));
    assert_eq!(log.terminations(), ["myself"]);
}

#[otp_genserver::test]
async fn gs_074_the_parent_of_a_linked_server_is_its_starter() {
    let server = Plan::new().start_link().await.unwrap();
    let seen = Arc::new(Mutex::new(None));
    let in_callback = Arc::clone(&seen);
    server.tell(move |_, cx| {
        *in_callback.lock().unwrap() = Some(cx.parent());
        Ok(())
    });
    server.count().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), process::current());
}

#[otp_genserver::test]
async fn gs_074_the_parent_of_a_monitored_server_is_its_starter() {
    let plan = Plan::new().trapping();
    let log = plan.log();
    let (server, _) = plan.start_monitor().await.unwrap();
    let watch = Watch::on(server.pid()).await;
    send_exit(server.pid(), ExitReason::new("from my starter"));
    assert_eq!(watch.down().await, ExitReason::new("from my starter"));
    assert_eq!(log.terminations(), ["from my starter"]);
}

#[otp_genserver::test]
async fn gs_076_without_terminate_the_reason_stands() {
    use crate::support::Other;
    use otp_genserver::GenServer;
    let other = Other::start(()).await.unwrap();
    let watch = Watch::on(other.pid()).await;
    assert_eq!(other.stop().reason(ExitReason::new("odd")).await, Ok(()));
    assert_eq!(watch.down().await, ExitReason::new("odd"));
}

#[otp_genserver::test]
async fn a_terminate_that_panics_or_exits_gives_its_own_reason_and_runs_once() {
    for way in Way::ALL.into_iter().filter(|way| !way.is_signal()) {
        let plan = Plan::new().on_terminate(|_| Box::pin(async { panic!("in terminate") }));
        let (server, log) = plan.up().await;
        let watch = Watch::on(server.pid()).await;
        server.tell(move |_, cx| way.end(cx));
        expect_panic(&watch.down().await, "in terminate");
        assert_eq!(log.terminations().len(), 1, "{way:?}");
        assert_eq!(log.count("state dropped"), 1, "{way:?}");
    }
}

#[otp_genserver::test]
async fn a_terminate_that_hangs_is_ended_by_a_kill() {
    let (plan, terminating, _never) = Plan::new().slow_terminate();
    let (server, log) = plan.up().await;
    let watch = Watch::on(server.pid()).await;
    server.tell(|_, _| Err(ExitReason::new("failed")));
    terminating.await.unwrap();
    assert!(server.is_alive());
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(watch.down().await, ExitReason::Killed);
    assert_eq!(log.lines(), ["init", "terminate: failed", "state dropped"]);
}

#[otp_genserver::test]
async fn terminate_can_still_call_other_servers() {
    let (helper, _) = Plan::new().up().await;
    let plan = Plan::new().on_terminate(move |probe| {
        Box::pin(async move {
            let answer = helper.count().await;
            probe.log.add(format!("helper says {answer:?}"));
        })
    });
    let (server, log) = plan.up().await;
    server.stop().await.unwrap();
    assert_eq!(log.count("helper says Ok(0)"), 1);
}

// ---- the order of a death ----------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn the_state_is_dropped_before_down_and_exit_arrive() {
    for way in Way::ALL {
        let log = Log::default();
        let watched = log.clone();
        let plan = Plan::new();
        let of_server = plan.log();
        let reason = reason_of_process(move |mut mailbox| async move {
            process::trap_exit(true).unwrap();
            let server = plan.start_link().await.unwrap();
            process::monitor(server.pid()).unwrap();
            server.tell(move |_, cx| way.end(cx));
            for _ in 0..2 {
                let dropped = match mailbox.receive().await {
                    Received::Exit { from, .. } => from == server.pid(),
                    Received::Down(down) => down.pid() == Some(server.pid()),
                    Received::Message(()) => false,
                };
                assert!(dropped);
                watched.add(format!("{}", of_server.count("state dropped")));
            }
        })
        .await;
        assert_eq!(reason, ExitReason::Normal);
        assert_eq!(log.lines(), ["1", "1"], "{way:?}");
    }
}

#[otp_genserver::test]
async fn a_panic_in_the_drop_of_the_state_changes_nothing_for_others() {
    for way in Way::ALL {
        let name = unique_name::<Probe>();
        let plan = Plan::new().on_drop(|| panic!("in drop"));
        let server = plan.start().name(name.clone()).await.unwrap();
        let watch = Watch::on(server.pid()).await;
        server.tell(move |_, cx| way.end(cx));
        way.expect_reason(&watch.down().await);
        assert_eq!(name.whereis(), None);
        assert!(!process::is_alive(server.pid()));
    }
}

#[otp_genserver::test]
async fn a_dying_server_can_be_reached_until_its_state_is_dropped() {
    let (plan, terminating, release) = Plan::new().slow_terminate();
    let (server, _) = plan.up().await;
    server.tell(|_, cx| {
        cx.stop(ExitReason::Shutdown);
        Ok(())
    });
    terminating.await.unwrap();
    let mut late = server.count();
    assert!(poll_once(&mut late).is_pending());
    release.send(()).unwrap();
    assert_eq!(late.await, Err(CallError::Exit(ExitReason::Shutdown)));
    assert_eq!(server.count().await, Err(CallError::NoProc));
}

// ---- reports -----------------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_078_orderly_ends_are_not_reported_and_others_are_once() {
    let orderly = [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("moved")];
    for reason in orderly {
        let (reports, _guard) = Reports::capture();
        let (server, _) = Plan::new().up().await;
        server.stop().reason(reason).await.unwrap();
        assert!(reports.of("otp::process").is_empty());
    }
    for (way, what) in
        [(Way::Panic, "on purpose"), (Way::Err, "reason=failed"), (Way::ProcessExit, "reason=exited")]
    {
        let (reports, _guard) = Reports::capture();
        let name = unique_name::<Probe>();
        let server = Plan::new().start().name(name.clone()).label("a label").await.unwrap();
        server.tell(move |_, cx| way.end(cx));
        settle().await;
        let [report] = &reports.of("otp::process")[..] else { panic!("{way:?}: not one report") };
        let pid = format!("pid={}", server.pid());
        for part in [&*pid, what, name.as_str(), "a label", "last_message=\"cast\""] {
            assert!(report.contains(part), "{part}: {report}");
        }
    }
}

#[otp_genserver::test]
async fn gs_078_a_signal_is_not_reported_by_whom_it_ends() {
    let (reports, _guard) = Reports::capture();
    let (server, _) = Plan::new().up().await;
    send_exit(server.pid(), ExitReason::Kill);
    settle().await;
    assert!(!server.is_alive());
    assert!(reports.of("otp::process").is_empty());
}

#[otp_genserver::test]
async fn gs_017_only_stop_in_init_is_reported() {
    use otp_genserver::InitError;
    for (error, expected) in [
        (InitError::Ignore, 0),
        (InitError::Error(ExitReason::new("no")), 0),
        (InitError::stop("no"), 1),
        (InitError::Stop(ExitReason::Shutdown), 0),
    ] {
        let (reports, _guard) = Reports::capture();
        let given = error.clone();
        assert!(Plan::new().quick_init(move |_| Err(given)).start().await.is_err());
        settle().await;
        assert_eq!(reports.of("otp::process").len(), expected, "{error:?}");
    }
}

#[otp_genserver::test]
async fn gs_079_the_report_names_the_client_of_the_failing_call() {
    for way in [Way::Panic, Way::Err, Way::ProcessExit] {
        let (reports, _guard) = Reports::capture();
        let (server, _) = Plan::new().up().await;
        let outcome = server.ask(move |_, _reply, cx| way.end(cx)).await;
        assert!(matches!(outcome, Err(CallError::Exit(_))), "{outcome:?}");
        let [report] = &reports.of("otp::process")[..] else { panic!("{way:?}: not one report") };
        let client = format!("client={}", otp_genserver::process::current().expect("a test is a process"));
        assert!(report.contains(&client), "{report}");
        assert!(report.contains("last_message=\"call\""), "{report}");
    }
}

#[otp_genserver::test]
async fn gs_079_a_crash_after_an_answered_call_names_nobody() {
    let (reports, _guard) = Reports::capture();
    let (server, _) = Plan::new().up().await;
    server
        .ask(|_, reply, _| {
            reply.send(1);
            Ok(())
        })
        .await
        .unwrap();
    server.tell(|_, cx| Way::Panic.end(cx));
    settle().await;
    let [report] = &reports.of("otp::process")[..] else { panic!("not one report") };
    assert!(!report.contains("client="), "{report}");
}

#[otp_genserver::test]
async fn gs_079_the_report_names_the_client_also_of_a_call_that_stops_the_server() {
    let (reports, _guard) = Reports::capture();
    let (server, _) = Plan::new().up().await;
    let outcome = server.ask(|_, _reply, cx| {
        cx.stop(ExitReason::new("stopped"));
        Ok(())
    });
    assert_eq!(outcome.await, Err(CallError::Exit(ExitReason::new("stopped"))));
    let [report] = &reports.of("otp::process")[..] else { panic!("not one report") };
    let client = format!("client={}", otp_genserver::process::current().expect("a test is a process"));
    assert!(report.contains(&client), "{report}");
}
