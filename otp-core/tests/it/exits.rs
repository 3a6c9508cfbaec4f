//! Exit reasons and exit signals.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use otp_core::{ExitReason, Mailbox, NotAProcess, Pid, Received, process, spawn, spawn_link, spawn_monitor};
use tokio::sync::oneshot;

use crate::support::{
    Got, OnDrop, Puppet, assert_silence, because, dead_pid, idle, mortal, mortal_body, next, reason_of_end,
    scenario, settle, wait_for_end,
};

/// The reason that a monitor hears of when a process with this body ends.
async fn reason_of<Fut>(body: impl FnOnce(Mailbox<()>) -> Fut + Send + 'static) -> ExitReason
where
    Fut: Future<Output: otp_core::IntoExitReason> + Send + 'static,
{
    scenario(async move |mut mailbox: Mailbox<()>| {
        let (process, monitor) = spawn_monitor(body).expect("in a process");
        match next(&mut mailbox).await {
            Got::Down(found, target, reason) => {
                assert_eq!((found, target), (monitor, process.pid().into()));
                reason
            }
            other => panic!("instead of a DOWN: {other:?}"),
        }
    })
    .await
}

#[otp_core::test]
async fn proc_016_the_end_of_the_body_is_a_normal_exit() {
    assert_eq!(reason_of(|_| async {}).await, ExitReason::Normal);
}

#[otp_core::test]
async fn proc_017_exit_gives_exactly_its_reason() {
    assert_eq!(reason_of(|_| async { process::exit(because("r")) as () }).await, because("r"));
}

#[otp_core::test]
async fn proc_017_exit_with_any_reason_is_not_changed() {
    for reason in [
        ExitReason::Normal,
        ExitReason::Shutdown,
        ExitReason::shutdown_with("why"),
        ExitReason::NoProc,
        ExitReason::Killed,
    ] {
        assert_eq!(
            end_of_linked_trapping({
                let r = reason.clone();
                move || process::exit(r)
            })
            .await,
            reason
        );
    }
}

/// The reason of the EXIT from a linked child that runs this.
async fn end_of_linked_trapping(act: impl FnOnce() -> ExitReason + Send + 'static) -> ExitReason {
    otp_core::attach_with(async move |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let child = spawn_link(|_: Mailbox<()>| async move { act() });
        match next(&mut mailbox).await {
            Got::Exit(from, reason) if from == child.pid() => reason,
            other => panic!("instead of an EXIT: {other:?}"),
        }
    })
    .await
    .expect("it traps exits")
}

#[otp_core::test]
async fn proc_017_a_returned_reason_is_not_changed() {
    assert_eq!(reason_of(|_| async { because("returned") }).await, because("returned"));
}

#[otp_core::test]
async fn proc_017_an_error_that_leaves_the_body_is_the_reason() {
    let reason = reason_of(|_| async {
        "x".parse::<u8>()?;
        Ok::<(), ExitReason>(())
    })
    .await;
    assert!(reason.downcast_ref::<std::num::ParseIntError>().is_some(), "{reason:?}");
    assert!(reason.is_abnormal());
}

#[otp_core::test]
async fn proc_017_exit_leaves_from_a_deep_helper_and_runs_destructors() {
    fn helper(depth: u32, dropped: &Arc<AtomicU32>) {
        let dropped_here = Arc::clone(dropped);
        let _guard = OnDrop::new(move || {
            dropped_here.fetch_add(1, Ordering::SeqCst);
        });
        if depth == 0 {
            process::exit(because("deep"));
        }
        helper(depth - 1, dropped);
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&dropped);
    let reason = reason_of(move |_| async move {
        helper(9, &shared);
        because("not reached")
    })
    .await;
    assert_eq!(reason, because("deep"));
    assert_eq!(dropped.load(Ordering::SeqCst), 10);
}

#[otp_core::test]
async fn proc_018_a_panic_is_an_abnormal_reason_with_message_and_place() {
    let reason = reason_of(|_| async { panic!("broken: {}", 7) as () }).await;
    assert!(reason.is_abnormal());
    let ExitReason::Panic(panic) = &reason else { panic!("instead of a panic: {reason:?}") };
    assert_eq!(panic.message(), "broken: 7");
    assert!(panic.location().is_some_and(|place| place.contains("exits.rs")), "{panic:?}");
}

#[otp_core::test]
async fn proc_019_a_panic_whose_value_is_no_text_is_a_panic_too() {
    let reason = reason_of(|_| async { std::panic::panic_any(42_u32) as () }).await;
    let ExitReason::Panic(panic) = &reason else { panic!("instead of a panic: {reason:?}") };
    assert_eq!(panic.message(), "a value that is not text");
}

#[otp_core::test]
async fn proc_024_an_exit_signal_ends_a_process_that_does_not_trap() {
    for reason in [ExitReason::Shutdown, ExitReason::shutdown_with("s"), because("r")] {
        scenario_with_victim(reason.clone(), reason).await;
    }
}

/// A signal with `sent` ends a waiting process with `seen`.
async fn scenario_with_victim(sent: ExitReason, seen: ExitReason) {
    let end = otp_core::attach_with(async |mut mailbox: Mailbox<()>| {
        let victim = idle().pid();
        reason_of_end(&mut mailbox, victim, || process::send_exit(victim, sent)).await
    })
    .await;
    assert_eq!(end, Ok(seen));
}

#[otp_core::test]
async fn proc_024_a_trapping_process_gets_the_exit_signal_as_a_message() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.pid();
        let sender = spawn(move |_: Mailbox<()>| async move { process::send_exit(me, because("r")) });
        assert_eq!(next(&mut mailbox).await, Got::Exit(sender.pid(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn proc_024_a_normal_exit_signal_from_another_process_is_ignored_unless_trapped() {
    scenario(async |_: Mailbox<()>| {
        let process = Puppet::new();
        process::send_exit(process.pid(), ExitReason::Normal);
        assert_eq!(process.received().await, []);
        assert!(process::is_alive(process.pid()));
        process.run(|| process::trap_exit(true)).await;
        process::send_exit(process.pid(), ExitReason::Normal);
        let me = process::current().expect("in a process");
        assert_eq!(process.received().await, [Got::Exit(me, ExitReason::Normal)]);
    })
    .await;
}

#[otp_core::test]
async fn proc_025_kill_ends_a_trapping_process_with_killed() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let (ready, is_ready) = oneshot::channel();
        let victim = spawn_link(|mut mailbox: Mailbox<()>| async move {
            process::trap_exit(true).expect("in a process");
            ready.send(()).ok();
            while let Received::Exit { .. } = mailbox.receive().await {}
        })
        .pid();
        is_ready.await.expect("it starts");
        let monitor = process::monitor(victim).expect("in a process");
        process::send_exit(victim, ExitReason::Kill);
        let mut got = [next(&mut mailbox).await, next(&mut mailbox).await];
        got.sort_by_key(|got| matches!(got, Got::Down(..)));
        let expected =
            [Got::Exit(victim, ExitReason::Killed), Got::Down(monitor, victim.into(), ExitReason::Killed)];
        assert_eq!(got, expected);
    })
    .await;
}

#[otp_core::test]
async fn proc_025_killed_goes_on_along_links_and_can_be_trapped_there() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let (give, given) = oneshot::channel();
        let middle = spawn_link(|_: Mailbox<()>| async move {
            give.send(spawn_link(|_: Mailbox<()>| pending::<()>()).pid()).ok();
            pending::<()>().await;
        });
        let far = given.await.expect("it starts");
        process::send_exit(far, ExitReason::Kill);
        assert_eq!(next(&mut mailbox).await, Got::Exit(middle.pid(), ExitReason::Killed));
    })
    .await;
}

#[otp_core::test]
async fn proc_025_a_process_that_exits_with_kill_by_itself_sends_an_ordinary_reason() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let child = spawn_link(|_: Mailbox<()>| async { process::exit(ExitReason::Kill) as () });
        assert_eq!(next(&mut mailbox).await, Got::Exit(child.pid(), ExitReason::Kill));
        // A process in between that does not trap dies with the same reason: it is `killed` only by `exit/2`.
        let middle = spawn_link(|_: Mailbox<()>| async {
            spawn_link(|_: Mailbox<()>| async { ExitReason::Kill });
            pending::<()>().await;
        });
        assert_eq!(next(&mut mailbox).await, Got::Exit(middle.pid(), ExitReason::Kill));
    })
    .await;
}

#[otp_core::test]
async fn proc_028_a_process_that_kills_itself_dies_killed() {
    let reason = reason_of(|_| async {
        process::trap_exit(true).expect("in a process");
        process::send_exit(process::current().expect("in a process"), ExitReason::Kill);
        pending::<()>().await;
    })
    .await;
    assert_eq!(reason, ExitReason::Killed);
}

#[otp_core::test]
async fn proc_028_a_process_that_kills_itself_and_returns_dies_killed() {
    // BEAM: `spawn_monitor(fun() -> exit(self(), kill), exit(other) end)` gives `killed`.
    let reason = reason_of(|_| async {
        process::send_exit(process::current().expect("in a process"), ExitReason::Kill);
        because("other")
    })
    .await;
    assert_eq!(reason, ExitReason::Killed);
}

#[otp_core::test]
async fn proc_028_a_process_that_sends_itself_an_exit_signal_and_panics_dies_of_the_signal() {
    let reason = reason_of(|_| async {
        process::send_exit(process::current().expect("in a process"), because("first"));
        panic!("second") as ()
    })
    .await;
    assert_eq!(reason, because("first"));
}

#[otp_core::test]
async fn proc_028_normal_sent_to_oneself_ends_the_process_unless_it_traps() {
    let reason = reason_of(|_| async {
        process::send_exit(process::current().expect("in a process"), ExitReason::Normal);
        pending::<()>().await;
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

#[otp_core::test]
async fn proc_028_normal_sent_to_oneself_is_a_message_when_trapping() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        process::send_exit(mailbox.pid(), ExitReason::Normal);
        assert_eq!(next(&mut mailbox).await, Got::Exit(mailbox.pid(), ExitReason::Normal));
    })
    .await;
}

#[otp_core::test]
async fn proc_029_killed_is_an_ordinary_reason_when_sent() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.pid();
        let sender = spawn(move |_: Mailbox<()>| async move { process::send_exit(me, ExitReason::Killed) });
        assert_eq!(next(&mut mailbox).await, Got::Exit(sender.pid(), ExitReason::Killed));
    })
    .await;
}

#[otp_core::test]
async fn proc_030_an_exit_signal_to_a_dead_process_does_nothing() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let dead = dead_pid().await;
        for reason in [ExitReason::Kill, ExitReason::Normal, because("r")] {
            process::send_exit(dead, reason);
        }
        process::send_exit(Pid::OUTSIDE, ExitReason::Kill);
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_032_of_two_exit_signals_the_first_one_counts() {
    // BEAM: a suspended process that is sent `foo`, then `kill`, dies of `foo` when it is resumed.
    scenario(async |mut mailbox: Mailbox<()>| {
        let first = |first: ExitReason, second: ExitReason| {
            move |victim: Pid| {
                process::send_exit(victim, first);
                process::send_exit(victim, second);
            }
        };
        for (sent, seen) in [
            (first(because("a"), because("b")), because("a")),
            (first(ExitReason::Kill, because("b")), ExitReason::Killed),
            (first(because("a"), ExitReason::Kill), because("a")),
        ] {
            let victim = idle().pid();
            settle().await;
            assert_eq!(reason_of_end(&mut mailbox, victim, || sent(victim)).await, seen);
        }
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_032_links_and_monitors_all_hear_the_same_reason() {
    scenario(async |mut mailbox: Mailbox<ExitReason>| {
        process::trap_exit(true).expect("in a process");
        for _ in 0..500 {
            let victim = spawn_link(mortal_body);
            let monitors = [(); 3].map(|()| process::monitor(victim.pid()).expect("in a process"));
            let pid = victim.pid();
            let other = spawn(move |_: Mailbox<()>| async move { process::send_exit(pid, because("other")) });
            victim.send(because("own"));
            let mut reasons = Vec::new();
            for _ in 0..4 {
                reasons.push(match next(&mut mailbox).await {
                    Got::Exit(from, reason) if from == pid => reason,
                    Got::Down(monitor, _, reason) if monitors.contains(&monitor) => reason,
                    unexpected => panic!("{unexpected:?}"),
                });
            }
            assert!([because("own"), because("other")].contains(&reasons[0]), "{reasons:?}");
            assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
            wait_for_end(other.pid()).await;
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_034_trap_exit_returns_the_previous_value() {
    scenario(async |_: Mailbox<()>| {
        assert_eq!(process::trap_exit(true), Ok(false));
        assert_eq!(process::trap_exit(true), Ok(true));
        assert_eq!(process::trap_exit(false), Ok(true));
        assert_eq!(process::trap_exit(false), Ok(false));
    })
    .await;
}

#[otp_core::test]
async fn proc_035_turning_trap_exit_off_leaves_the_exits_that_have_arrived() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.pid();
        let sender = spawn(move |_: Mailbox<()>| async move { process::send_exit(me, because("r")) }).pid();
        settle().await;
        process::trap_exit(false).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Exit(sender, because("r")));
    })
    .await;
}

#[otp_core::test]
async fn proc_036_an_exit_names_the_process_that_ended_or_that_sent_the_signal() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.pid();
        let (link, monitored) = (mortal(), Puppet::new());
        process::link(link.pid()).expect("in a process");
        link.send(because("linked"));
        assert_eq!(next(&mut mailbox).await, Got::Exit(link.pid(), because("linked")));
        monitored.run(move || process::send_exit(me, because("sent"))).await;
        assert_eq!(next(&mut mailbox).await, Got::Exit(monitored.pid(), because("sent")));
        process::send_exit(me, because("own"));
        assert_eq!(next(&mut mailbox).await, Got::Exit(me, because("own")));
        std::thread::spawn(move || process::send_exit(me, because("outside"))).join().expect("no panic");
        assert_eq!(next(&mut mailbox).await, Got::Exit(Pid::OUTSIDE, because("outside")));
    })
    .await;
}

#[test]
fn outside_any_process_there_is_no_trap_exit_and_no_exit() {
    assert_eq!(process::trap_exit(true), Err(NotAProcess));
    assert_eq!(process::set_label("x"), Err(NotAProcess));
    assert_eq!(process::current(), None);
    let panic = std::panic::catch_unwind(|| process::exit(because("r"))).expect_err("it panics");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("outside any process"), "{text}");
}

/// A process with this body, that is killed while it waits there, drops what the body holds.
async fn assert_kill_drops<Fut>(wait: impl FnOnce(Mailbox<()>) -> Fut + Send + 'static)
where
    Fut: Future + Send + 'static,
{
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    otp_core::attach_with(async |mut mailbox: Mailbox<()>| {
        let victim = spawn(|mailbox| async move {
            let _guard = OnDrop::new(move || flag.store(true, Ordering::SeqCst));
            wait(mailbox).await;
        });
        settle().await;
        assert!(!dropped.load(Ordering::SeqCst));
        let pid = victim.pid();
        let reason = reason_of_end(&mut mailbox, pid, || process::send_exit(pid, ExitReason::Kill)).await;
        assert_eq!(reason, ExitReason::Killed);
        assert!(dropped.load(Ordering::SeqCst), "the future is dropped before anyone hears of the end");
    })
    .await
    .expect("only the victim dies");
}

#[otp_core::test]
async fn kill_drops_a_process_that_sleeps() {
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    assert_kill_drops(|_| tokio::time::sleep(Duration::from_secs(3600))).await;
    assert!(before.elapsed() < Duration::from_secs(1), "at once");
}

#[otp_core::test]
async fn kill_drops_a_process_that_waits_for_a_message() {
    assert_kill_drops(|mut mailbox| async move { mailbox.receive().await }).await;
}

#[otp_core::test]
async fn kill_drops_a_process_that_waits_at_a_socket_and_closes_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    assert_kill_drops(|_| async move { listener.accept().await.map(drop) }).await;
    assert!(std::net::TcpStream::connect(address).is_err(), "the socket is closed");
}

#[otp_core::test]
async fn kill_drops_a_process_that_waits_for_a_channel() {
    let (keep, wait) = oneshot::channel::<()>();
    assert_kill_drops(|_| wait).await;
    assert!(keep.is_closed());
}

#[otp_core::test]
async fn a_doomed_process_handles_no_further_message() {
    scenario(async |_: Mailbox<()>| {
        for (sent, trapping) in [(ExitReason::Kill, true), (ExitReason::Kill, false), (because("r"), false)] {
            let handled = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&handled);
            let victim = spawn(move |mut mailbox: Mailbox<u32>| async move {
                process::trap_exit(trapping).expect("in a process");
                while let Received::Message(_) = mailbox.receive().await {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
            victim.send(0);
            settle().await;
            for n in 1..=10 {
                victim.send(n);
            }
            process::send_exit(victim.pid(), sent);
            victim.send(11);
            wait_for_end(victim.pid()).await;
            assert_eq!(handled.load(Ordering::SeqCst), 1);
        }
    })
    .await;
}

#[otp_core::test]
async fn a_process_doomed_while_it_handles_a_message_takes_no_other() {
    scenario(async |_: Mailbox<()>| {
        let handled = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&handled);
        let victim = spawn(move |mut mailbox: Mailbox<u32>| async move {
            while let Received::Message(_) = mailbox.receive().await {
                if count.fetch_add(1, Ordering::SeqCst) == 1 {
                    process::send_exit(mailbox.pid(), because("r"));
                }
            }
        });
        for n in 0..10 {
            victim.send(n);
        }
        wait_for_end(victim.pid()).await;
        assert_eq!(handled.load(Ordering::SeqCst), 2);
    })
    .await;
}

#[otp_core::test]
async fn a_process_that_is_killed_before_its_first_poll_never_runs() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let ran = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ran);
        let victim = spawn(|_: Mailbox<()>| async move { flag.store(true, Ordering::SeqCst) }).pid();
        let reason =
            reason_of_end(&mut mailbox, victim, || process::send_exit(victim, ExitReason::Kill)).await;
        assert_eq!(reason, ExitReason::Killed);
        assert!(!ran.load(Ordering::SeqCst));
    })
    .await;
}

#[otp_core::test]
async fn signals_after_an_exit_signal_find_no_process() {
    // BEAM: `exit(P, kill), monitor(process, P)` gives a DOWN with `noproc`, and `link(P)` an EXIT with `noproc`.
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let victim = idle().pid();
        settle().await;
        process::send_exit(victim, ExitReason::Kill);
        let monitor = process::monitor(victim).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, victim.into(), ExitReason::NoProc));
        let victim = idle().pid();
        settle().await;
        process::send_exit(victim, ExitReason::Kill);
        process::link(victim).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Exit(victim, ExitReason::NoProc));
    })
    .await;
}

#[test]
fn a_reason_is_either_orderly_or_abnormal() {
    let shutdown = ExitReason::shutdown_with("maintenance");
    for reason in [ExitReason::Normal, ExitReason::Shutdown, shutdown] {
        assert!(reason.is_orderly() && !reason.is_abnormal(), "{reason}");
    }
    for reason in [ExitReason::Kill, ExitReason::Killed, ExitReason::NoProc, because("r")] {
        assert!(reason.is_abnormal() && !reason.is_orderly(), "{reason}");
    }
}
