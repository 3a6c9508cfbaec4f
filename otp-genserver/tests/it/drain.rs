//! Stopping a server after it has finished its work.

use std::future::IntoFuture;

use futures_util::stream;
use otp_genserver::process::send_exit;
use otp_genserver::{CallError, CastErrorKind, Context, ExitReason, ServerRef, StopError, Stopping, sys};
use tokio::sync::oneshot;

use crate::support::{Log, Outcome, Plan, Probe, Stopwatch, Tell, busy, ms, poll_once, run, settle};

fn note(line: &'static str) -> impl FnOnce(&mut Probe, &mut Context<Probe>) -> Outcome + Send + 'static {
    move |probe, _| {
        probe.log.add(line);
        Ok(())
    }
}

#[otp_genserver::test]
async fn everything_that_waits_is_handled_and_nothing_more_is_accepted() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    server.tell(note("before"));
    let mut stopping = server.stop().drain().reason(ExitReason::Shutdown).into_future();
    assert!(poll_once(&mut stopping).is_pending());
    server.inform(note("after"));
    let mut call = server.ask(|probe, reply, _| {
        probe.log.add("call");
        reply.send(1);
        Ok(())
    });
    assert!(poll_once(&mut call).is_pending());
    let in_the_drain = server.clone();
    server.tell_later(move |probe, _| {
        Box::pin(async move {
            probe.log.add("draining");
            in_the_drain.tell(note("too late"));
            assert!(in_the_drain.try_cast(run(note("too late"))).is_err());
            Ok(())
        })
    });
    release.send(()).unwrap();
    assert_eq!(call.await, Ok(1));
    assert_eq!(stopping.await, Ok(()));
    let lines = ["init", "before", "after", "call", "draining", "terminate: shutdown", "state dropped"];
    assert_eq!(log.lines(), lines);
}

#[otp_genserver::test]
async fn without_it_what_came_after_the_request_is_dropped() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    let mut stopping = server.stop().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    server.tell(note("after"));
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    assert_eq!(log.lines(), ["init", "terminate: normal", "state dropped"]);
}

#[otp_genserver::test]
async fn an_idle_server_stops_at_once_and_calls_in_between_find_nobody() {
    let clock = Stopwatch::paused();
    let (plan, terminating, release) = Plan::new().slow_terminate();
    let (server, _) = plan.up().await;
    let mut stopping = server.stop().drain().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    terminating.await.unwrap();
    assert_eq!(server.count().await, Err(CallError::NoProc));
    let mut second = server.stop().into_future();
    assert!(poll_once(&mut second).is_pending());
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    assert_eq!(second.await, Ok(()));
    clock.expect_stood_still("a drain");
}

#[otp_genserver::test]
async fn who_asked_first_decides_the_reason_and_who_asked_as_well_hears_it() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    let mut first = server.stop().drain().reason(ExitReason::Shutdown).into_future();
    let mut second = server.stop().drain().into_future();
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    release.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(second.await, Err(StopError::Exit(ExitReason::Shutdown)));
    assert_eq!(log.terminations(), ["shutdown"]);
}

#[otp_genserver::test]
async fn a_crash_a_stop_or_a_signal_ends_the_drain() {
    for (way, expected) in [("crash", "crash"), ("stop", "normal"), ("kill", "killed")] {
        let (server, log) = Plan::new().up().await;
        let release = busy(&server).await;
        let mut stopping = server.stop().drain().reason(ExitReason::Shutdown).into_future();
        assert!(poll_once(&mut stopping).is_pending());
        server.tell(move |_, cx| {
            match way {
                "crash" => return Err(ExitReason::new("crash")),
                "stop" => cx.stop(ExitReason::Normal),
                _ => send_exit(cx.pid(), ExitReason::Kill),
            }
            Ok(())
        });
        server.tell(note("after"));
        release.send(()).unwrap();
        let outcome = stopping.await;
        let Err(StopError::Exit(reason)) = outcome else { panic!("{way}: {outcome:?}") };
        assert_eq!(reason.to_string(), expected);
        assert_eq!(log.count("after"), 0);
    }
}

#[otp_genserver::test]
async fn a_suspended_server_goes_on_and_cannot_be_suspended_again() {
    let (server, log) = Plan::new().up().await;
    sys::suspend(&server).await.unwrap();
    server.tell(note("waited"));
    let mut stopping = server.stop().drain().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    let mut suspend = sys::suspend(&server);
    assert!(poll_once(&mut suspend).is_pending());
    server.tell(note("after"));
    assert_eq!(stopping.await, Ok(()));
    assert_eq!(suspend.await, Ok(()));
    assert_eq!(log.lines(), ["init", "waited", "after", "terminate: normal", "state dropped"]);
}

#[otp_genserver::test]
async fn signals_and_continuations_are_handled_and_streams_and_timeouts_are_not() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().trapping().up().await;
    let endless = stream::repeat_with(|| run(|_, _| Ok(())));
    server.tell(|_, cx| {
        cx.add_stream(endless);
        Ok(())
    });
    let release = busy(&server).await;
    let mut stopping = server.stop().drain().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    server.tell(|_, cx| {
        cx.continue_with(run(|probe, cx| {
            probe.log.add("continued");
            cx.set_timeout(ms(50));
            cx.add_stream(stream::repeat_with(|| run(|_, _| Ok(()))));
            Ok(())
        }));
        Ok(())
    });
    send_exit(server.pid(), ExitReason::new("a signal"));
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    let lines = ["init", "continued", "exit: a signal", "terminate: normal", "state dropped"];
    assert_eq!(log.lines(), lines);
}

#[otp_genserver::test]
async fn a_request_whose_reply_was_kept_hears_of_the_end() {
    let (server, _) = Plan::new().up().await;
    let mut kept = server.keep();
    assert!(poll_once(&mut kept).is_pending());
    settle().await;
    server.stop().drain().await.unwrap();
    assert_eq!(kept.await, Err(CallError::Exit(ExitReason::Normal)));
}

/// A server that is at work while it drains, and the stop that it drains for.
async fn draining() -> (ServerRef<Probe>, Log, oneshot::Sender<()>, Stopping<Probe>) {
    let (server, log) = Plan::new().up().await;
    let mut stopping = server.stop().drain().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    let release = busy(&server).await;
    assert_eq!(server.try_cast(run(|_, _| Ok(()))).expect_err("it is refused").kind(), CastErrorKind::NoProc);
    (server, log, release, stopping)
}

#[otp_genserver::test]
async fn who_stops_a_server_that_drains_waits_for_its_end() {
    let clock = Stopwatch::paused();
    let (server, log, release, stopping) = draining().await;
    let mut second = server.stop().into_future();
    let mut third = server.stop().reason(ExitReason::Shutdown).into_future();
    assert!(poll_once(&mut second).is_pending());
    assert!(poll_once(&mut third).is_pending());
    release.send(()).unwrap();
    assert_eq!(second.await, Ok(()));
    assert!(!server.is_alive());
    assert_eq!(third.await, Err(StopError::Exit(ExitReason::Normal)));
    assert_eq!(stopping.await, Ok(()));
    assert_eq!(log.terminations(), ["normal"]);
    clock.expect_stood_still("a drain");
}

#[otp_genserver::test]
async fn a_server_that_drains_can_be_looked_into_and_ended() {
    let (server, log, release, stopping) = draining().await;
    let mut look = sys::get_state(&server, |probe| probe.count);
    assert!(poll_once(&mut look).is_pending());
    release.send(()).unwrap();
    assert_eq!(look.await, Ok(0));
    assert_eq!(stopping.await, Ok(()));
    assert_eq!(log.terminations(), ["normal"]);

    let (server, log, release, stopping) = draining().await;
    let mut terminate = sys::terminate(&server, ExitReason::Shutdown);
    assert!(poll_once(&mut terminate).is_pending());
    release.send(()).unwrap();
    assert_eq!(terminate.await, Ok(()));
    assert_eq!(stopping.await, Err(StopError::Exit(ExitReason::Shutdown)));
    assert_eq!(log.terminations(), ["shutdown"]);
}

#[otp_genserver::test]
async fn a_stop_that_does_not_drain_does_not_cut_a_drain_short() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    let mut first = server.stop().drain().into_future();
    let mut second = server.stop().into_future();
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    server.tell(note("after both"));
    release.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(second.await, Ok(()));
    assert_eq!(log.lines(), ["init", "after both", "terminate: normal", "state dropped"]);
}
