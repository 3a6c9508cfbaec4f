//! Timeouts from callbacks, on a paused clock.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use otp_core::Mailbox;
use otp_genserver::ServerRef;
use otp_genserver::process;

use crate::support::{Plan, Probe, Stopwatch, Tell, busy, ms, poll_once, settle};

/// A server that has asked for a callback timeout of 50 ms.
async fn armed() -> (ServerRef<Probe>, crate::support::Log) {
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    settle().await;
    (server, log)
}

#[otp_genserver::test]
async fn gs_031_the_timeout_runs_once_when_no_message_arrives() {
    let _clock = Stopwatch::paused();
    let (server, log) = armed().await;
    tokio::time::sleep(ms(48)).await;
    assert_eq!(log.count("timeout"), 0);
    tokio::time::sleep(ms(4)).await;
    assert_eq!(log.count("timeout"), 1);
    tokio::time::sleep(ms(5000)).await;
    assert_eq!(log.count("timeout"), 1, "it does not repeat by itself");
    assert!(server.is_alive());
}

#[otp_genserver::test]
async fn gs_031_the_timeout_callback_may_ask_again() {
    let _clock = Stopwatch::paused();
    let left = Arc::new(AtomicU32::new(3));
    let plan = Plan::new().on_timeout(move |_, cx| {
        if left.fetch_sub(1, Ordering::Relaxed) > 1 {
            cx.set_timeout(ms(50));
        }
        Ok(())
    });
    let (server, log) = plan.up().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    tokio::time::sleep(ms(125)).await;
    assert_eq!(log.count("timeout"), 2);
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(log.count("timeout"), 3);
}

#[otp_genserver::test]
async fn gs_031_any_message_cancels_it() {
    let _clock = Stopwatch::paused();
    for message in ["call", "cast", "info", "down", "exit"] {
        let plan = if message == "exit" { Plan::new().trapping() } else { Plan::new() };
        let (server, log) = plan.up().await;
        let watched =
            otp_core::spawn(|mut mailbox: Mailbox<()>| async move { drop(mailbox.receive().await) });
        let pid = watched.pid();
        server.tell(move |_, cx| {
            process::monitor(pid)?;
            cx.set_timeout(ms(50));
            Ok(())
        });
        tokio::time::sleep(ms(20)).await;
        match message {
            "call" => assert_eq!(server.count().await, Ok(0)),
            "cast" => server.tell(|_, _| Ok(())),
            "info" => server.inform(|_, _| Ok(())),
            "down" => watched.send(()),
            _ => process::send_exit(server.pid(), otp_genserver::ExitReason::Shutdown),
        }
        tokio::time::sleep(ms(1000)).await;
        assert_eq!(log.count("timeout"), 0, "{message}");
        assert!(server.is_alive());
    }
}

#[otp_genserver::test]
async fn gs_031_a_new_timeout_replaces_the_old_one() {
    let _clock = Stopwatch::paused();
    let (server, log) = armed().await;
    tokio::time::sleep(ms(40)).await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(500));
        cx.set_timeout(ms(100));
        Ok(())
    });
    tokio::time::sleep(ms(90)).await;
    assert_eq!(log.count("timeout"), 0);
    tokio::time::sleep(ms(20)).await;
    assert_eq!(log.count("timeout"), 1, "the last one asked for");
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(log.count("timeout"), 1);
}

#[otp_genserver::test]
async fn gs_031_it_counts_from_the_end_of_the_callback() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell_later(|_, cx| {
        Box::pin(async {
            cx.set_timeout(ms(50));
            tokio::time::sleep(ms(100)).await;
            Ok(())
        })
    });
    tokio::time::sleep(ms(140)).await;
    assert_eq!(log.count("timeout"), 0);
    tokio::time::sleep(ms(20)).await;
    assert_eq!(log.count("timeout"), 1);
}

#[otp_genserver::test]
async fn gs_031_a_down_that_nobody_wants_any_more_does_not_cancel_it() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell_later(|_, cx| {
        Box::pin(async {
            let short = otp_core::spawn(|_: Mailbox<()>| async {});
            let monitor = process::monitor(short.pid())?;
            settle().await;
            process::demonitor_flush(monitor)?;
            cx.set_timeout(ms(50));
            Ok(())
        })
    });
    tokio::time::sleep(ms(60)).await;
    assert_eq!(log.lines(), ["init", "timeout"]);
}

#[otp_genserver::test]
async fn gs_034_zero_with_an_empty_mailbox_runs_at_once() {
    let clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(0));
        Ok(())
    });
    settle().await;
    assert_eq!(log.count("timeout"), 1);
    clock.expect_stood_still("zero");
}

#[otp_genserver::test]
async fn gs_034_zero_lets_the_messages_that_wait_go_first() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    for n in 0..3 {
        server.tell(move |probe, cx| {
            probe.log.add(format!("message {n}"));
            cx.set_timeout(ms(0));
            Ok(())
        });
    }
    release.send(()).unwrap();
    settle().await;
    assert_eq!(log.lines(), ["init", "message 0", "message 1", "message 2", "timeout"]);
}

/// Also where the server has to give way to others in between (tokio's budget).
#[otp_genserver::test]
async fn gs_034_zero_lets_many_messages_that_wait_go_first() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    for _ in 0..1000 {
        server.tell(|probe, cx| {
            probe.count += 1;
            cx.set_timeout(ms(0));
            Ok(())
        });
    }
    server.tell(|probe, _| {
        probe.log.add(format!("{} messages", probe.count));
        Ok(())
    });
    release.send(()).unwrap();
    settle().await;
    settle().await;
    assert_eq!(log.lines(), ["init", "1000 messages"], "no message was missing at any time");
}

#[otp_genserver::test]
async fn gs_036_init_may_set_a_timeout_with_the_same_rules() {
    let _clock = Stopwatch::paused();
    let plan = || {
        Plan::new().quick_init(|cx| {
            cx.set_timeout(ms(50));
            Ok(())
        })
    };
    let (_server, log) = plan().up().await;
    tokio::time::sleep(ms(45)).await;
    assert_eq!(log.count("timeout"), 0);
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(log.count("timeout"), 1);

    let (server, log) = plan().up().await;
    server.tell(|_, _| Ok(()));
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(log.count("timeout"), 0, "a message cancels it");
}

#[otp_genserver::test]
async fn a_server_that_was_killed_runs_no_timeout() {
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(0));
        process::send_exit(cx.pid(), otp_genserver::ExitReason::Kill);
        Ok(())
    });
    settle().await;
    assert!(!server.is_alive());
    assert_eq!(log.count("timeout"), 0, "the exit slot is looked at first");
}

#[otp_genserver::test]
async fn send_after_and_send_interval_reach_handle_info_and_end_with_the_server() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        let line = |text: &'static str| {
            crate::support::run(move |probe, _| {
                probe.log.add(text);
                Ok(())
            })
        };
        cx.send_after(ms(30), line("once"));
        cx.send_after(ms(30), line("cancelled")).cancel();
        cx.send_interval(ms(20), move || line("tick"));
        Ok(())
    });
    tokio::time::sleep(ms(70)).await;
    assert_eq!(log.lines(), ["init", "tick", "once", "tick", "tick"]);
    server.stop().await.unwrap();
    tokio::time::sleep(ms(100)).await;
    assert_eq!(log.count("tick"), 3);
}

/// The type has no invalid limit; OTP refuses one before it touches the server.
#[otp_genserver::test]
async fn gs_068_the_longest_duration_is_a_limit_like_any_other() {
    let clock = Stopwatch::paused();
    let (plan, terminating, release) = Plan::new().slow_terminate();
    let server = plan.start().timeout(Duration::MAX).await.unwrap();
    server.tell(|_, cx| {
        cx.set_timeout(Duration::MAX);
        Ok(())
    });
    assert_eq!(server.count().timeout(Duration::MAX).await, Ok(0));
    let mut stopping = server.stop().timeout(Duration::MAX).into_future();
    assert!(poll_once(&mut stopping).is_pending());
    terminating.await.unwrap();
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    clock.expect_stood_still("the longest duration");
}
