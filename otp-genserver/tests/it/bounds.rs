//! Servers with a bounded mailbox, and aliases of servers.

use std::time::Duration;

use otp_genserver::process::send_exit;
use otp_genserver::{
    AliasMode, CallError, CastErrorKind, Destination, ExitReason, GenServer, MonitorAlias, Name, Overflow,
    ServerRef, process,
};
use tokio::sync::oneshot;

use crate::support::{
    Log, Other, Plan, Probe, Run, Stopwatch, Tell, Watch, busy, count_of, plain_task, run, settle,
    unique_name,
};

const POLICIES: [Overflow; 4] = [Overflow::Reject, Overflow::DropOldest, Overflow::DropNew, Overflow::Wait];

async fn bounded(limit: usize, overflow: Overflow) -> (ServerRef<Probe>, Log) {
    let plan = Plan::new();
    let log = plan.log();
    (plan.start().bound(limit, overflow).await.expect("it starts"), log)
}

/// A server that is busy, and whose mailbox is full of one cast that adds 1.
async fn full(overflow: Overflow) -> (ServerRef<Probe>, Log, oneshot::Sender<()>) {
    let (server, log) = bounded(1, overflow).await;
    let gate = busy(&server).await;
    add(&server, 1);
    (server, log, gate)
}

fn add(server: &ServerRef<Probe>, n: i64) {
    server.tell(move |probe, _| {
        probe.count += n;
        Ok(())
    });
}

fn dropped(server: &ServerRef<Probe>) -> u64 {
    process::info(server.pid()).expect("alive").dropped
}

#[otp_genserver::test]
async fn a_call_to_a_full_mailbox_fails_at_once_where_it_does_not_wait() {
    let clock = Stopwatch::paused();
    for (overflow, counted) in [(Overflow::Reject, 0), (Overflow::DropNew, 1)] {
        let (server, _, gate) = full(overflow).await;
        assert_eq!(server.count().infinity().await, Err(CallError::Full));
        assert_eq!(dropped(&server), counted);
        gate.send(()).unwrap();
        settle().await;
        assert_eq!(server.count().await, Ok(1));
    }
    clock.expect_stood_still("a full mailbox");
}

#[otp_genserver::test]
async fn a_call_that_a_full_mailbox_drops_hears_no_reply_at_once() {
    let clock = Stopwatch::paused();
    let (server, _, gate) = full(Overflow::DropOldest).await;
    let call = plain_task(server.count().infinity());
    settle().await;
    assert_eq!(dropped(&server), 1, "the cast made room for the call");
    add(&server, 2);
    assert_eq!(call.await.unwrap(), Err(CallError::NoReply));
    gate.send(()).unwrap();
    settle().await;
    assert_eq!(server.count().await, Ok(2));
    clock.expect_stood_still("a dropped call");
}

#[otp_genserver::test]
async fn a_call_waits_for_room_and_is_answered() {
    let clock = Stopwatch::paused();
    let (server, _, gate) = full(Overflow::Wait).await;
    let calls = [server.count(), server.count()].map(plain_task);
    settle().await;
    assert_eq!(process::info(server.pid()).unwrap().mailbox_len, 1);
    assert_eq!(server.try_cast(run(|_, _| Ok(()))).unwrap_err().kind(), CastErrorKind::Full);
    gate.send(()).unwrap();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(1));
    }
    assert_eq!(dropped(&server), 0);
    clock.expect_stood_still("waiting for room");
}

#[otp_genserver::test]
async fn the_wait_for_room_counts_for_the_limit_of_a_call() {
    tokio::time::pause();
    let (server, _, gate) = full(Overflow::Wait).await;
    let begun = tokio::time::Instant::now();
    // The clock has ticks of a millisecond.
    let took = |millis: u64| {
        let late = begun.elapsed().checked_sub(Duration::from_millis(millis)).expect("not too early");
        assert!(late < Duration::from_millis(10), "{late:?} late");
    };
    assert_eq!(server.count().timeout(Duration::from_millis(300)).await, Err(CallError::Timeout));
    took(300);
    assert_eq!(server.count().await, Err(CallError::Timeout));
    took(5300);
    // 300 ms for room, and 200 for the answer.
    let call = plain_task(server.keep().timeout(Duration::from_millis(500)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.send(()).unwrap();
    assert_eq!(call.await.unwrap(), Err(CallError::Timeout));
    took(5800);
    assert_eq!(server.count().await, Ok(1), "those who gave up took no room");
}

#[otp_genserver::test]
async fn a_call_that_waits_for_room_hears_of_the_death() {
    let clock = Stopwatch::paused();
    let (server, _, _gate) = full(Overflow::Wait).await;
    let call = plain_task(server.count().infinity());
    settle().await;
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(call.await.unwrap(), Err(CallError::NoProc));
    clock.expect_stood_still("a dead server");
}

#[otp_genserver::test]
async fn casts_to_a_full_mailbox() {
    for overflow in POLICIES {
        let (server, _, gate) = full(overflow).await;
        let tried = server.try_cast(run(|probe, _| {
            probe.count += 10;
            Ok(())
        }));
        let (says, count, drops) = match overflow {
            Overflow::DropNew => (None, 1, 2),
            Overflow::DropOldest => (None, 100, 2),
            _ => (Some(CastErrorKind::Full), 1, 1),
        };
        assert_eq!(tried.err().map(|error| error.kind()), says, "{overflow:?}");
        add(&server, 100);
        assert_eq!(dropped(&server), drops, "{overflow:?}");
        gate.send(()).unwrap();
        settle().await;
        assert_eq!(server.count().await, Ok(count), "{overflow:?}");
    }
}

#[otp_genserver::test]
async fn infos_and_timers_to_a_full_mailbox_are_dropped_and_counted() {
    tokio::time::pause();
    let plan = Plan::new().quick_init(|cx| {
        cx.send_after(
            Duration::from_secs(1),
            run(|probe, _| {
                probe.count += 10;
                Ok(())
            }),
        );
        Ok(())
    });
    let server = plan.start().bound(1, Overflow::Reject).await.unwrap();
    let gate = busy(&server).await;
    add(&server, 1);
    server.inform(|_, _| panic!("it is dropped"));
    assert_eq!(dropped(&server), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(dropped(&server), 2);
    gate.send(()).unwrap();
    settle().await;
    assert_eq!(server.count().await, Ok(1));
}

#[otp_genserver::test]
async fn cast_wait_waits_for_room_and_gives_the_message_back_when_there_is_nobody() {
    let clock = Stopwatch::paused();
    let (server, _, gate) = full(Overflow::Reject).await;
    let name = unique_name::<Probe>();
    assert_eq!(name.cast_wait(run(|_, _| Ok(()))).await.unwrap_err().kind(), CastErrorKind::NoProc);
    process::register(otp_core::ProcessName::from(name.as_str().to_owned()), server.pid()).unwrap();
    let plus = |n| {
        run(move |probe: &mut Probe, _| {
            probe.count = probe.count * 10 + n;
            Ok(())
        })
    };
    let by_name = plain_task(name.cast_wait(plus(2)));
    settle().await;
    let direct = plain_task({
        let server = server.clone();
        async move { server.cast_wait(plus(3)).await }
    });
    settle().await;
    gate.send(()).unwrap();
    assert!(by_name.await.unwrap().is_ok());
    assert!(direct.await.unwrap().is_ok());
    settle().await;
    assert_eq!(server.count().await, Ok(123));

    let gate = busy(&server).await;
    add(&server, 1);
    let waits = plain_task({
        let server = server.clone();
        async move { server.cast_wait(plus(4)).await }
    });
    settle().await;
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(waits.await.unwrap().unwrap_err().kind(), CastErrorKind::NoProc);
    drop(gate);
    let other = Other::start(()).await.unwrap();
    let taken = Name::<Other>::owned(unique_name::<Other>().as_str());
    process::register(otp_core::ProcessName::from(taken.as_str().to_owned()), other.pid()).unwrap();
    let wrong = Name::<Probe>::owned(taken.as_str());
    let refused = wrong.cast_wait(run(|_, _| Ok(()))).await.unwrap_err();
    assert_eq!(refused.kind(), CastErrorKind::WrongServer(other.pid()));
    clock.expect_stood_still("waiting for room");
}

#[otp_genserver::test]
async fn stop_exits_and_downs_get_through_a_full_mailbox() {
    for overflow in POLICIES {
        let plan = Plan::new().trapping();
        let log = plan.log();
        let server = plan.start().bound(1, overflow).await.unwrap();
        let (dead, _) = Plan::new().up().await;
        let pid = dead.pid();
        server.tell(move |_, _| {
            process::monitor(pid).expect("in a process");
            Ok(())
        });
        settle().await;
        let gate = busy(&server).await;
        add(&server, 1);
        dead.stop().await.unwrap();
        send_exit(server.pid(), ExitReason::new("trapped"));
        let stop = plain_task(std::future::IntoFuture::into_future(server.stop()));
        settle().await;
        // With DropOldest, these find none but themselves to push out.
        add(&server, 2);
        add(&server, 3);
        gate.send(()).unwrap();
        assert_eq!(stop.await.unwrap(), Ok(()));
        let lines = log.lines();
        assert!(lines.contains(&"down: normal".to_owned()), "{overflow:?}: {lines:?}");
        assert!(lines.contains(&"exit: trapped".to_owned()), "{overflow:?}: {lines:?}");
        assert_eq!(log.terminations(), ["normal"]);
    }
}

#[otp_genserver::test]
async fn a_cycle_through_the_wait_for_room_is_refused_at_once() {
    let clock = Stopwatch::paused();
    let (b, _) = bounded(1, Overflow::Wait).await;
    let (a, _) = Plan::new().up().await;
    let (release, gate) = oneshot::channel::<()>();
    let (entered, has_entered) = oneshot::channel();
    let (tell, told) = oneshot::channel();
    let to_a = a.clone();
    b.tell_later(move |_, _| {
        Box::pin(async move {
            entered.send(()).ok();
            gate.await.ok();
            tell.send(to_a.count().infinity().await).ok();
            Ok(())
        })
    });
    has_entered.await.unwrap();
    add(&b, 1);
    let (answer, answered) = oneshot::channel();
    let to_b = b.clone();
    a.tell_later(move |_, _| {
        Box::pin(async move {
            answer.send(to_b.count().infinity().await).ok();
            Ok(())
        })
    });
    settle().await;
    assert_eq!(process::info(a.pid()).unwrap().status, process::Status::Calling(b.pid()));
    release.send(()).unwrap();
    assert_eq!(told.await.unwrap(), Err(CallError::Deadlock(vec![b.pid(), a.pid()])));
    assert_eq!(answered.await.unwrap(), Ok(1));
    clock.expect_stood_still("a deadlock");
}

#[otp_genserver::test]
async fn a_cycle_through_a_request_that_has_waited_for_room_is_refused_at_once() {
    let clock = Stopwatch::paused();
    let (b, _) = bounded(1, Overflow::Wait).await;
    let (a, _) = Plan::new().up().await;
    let gate = busy(&b).await;
    let (tell, told) = oneshot::channel();
    let to_a = a.clone();
    b.tell_later(move |_, _| {
        Box::pin(async move {
            // Meanwhile there is room, and the other's request takes it.
            settle().await;
            tell.send(to_a.count().infinity().await).ok();
            Ok(())
        })
    });
    let (answer, answered) = oneshot::channel();
    let to_b = b.clone();
    a.tell_later(move |_, _| {
        Box::pin(async move {
            answer.send(to_b.count().infinity().await).ok();
            Ok(())
        })
    });
    settle().await;
    gate.send(()).unwrap();
    assert_eq!(told.await.unwrap(), Err(CallError::Deadlock(vec![b.pid(), a.pid()])));
    assert_eq!(answered.await.unwrap(), Ok(0));
    clock.expect_stood_still("a deadlock");
}

#[otp_genserver::test]
async fn a_request_that_may_be_dropped_makes_no_deadlock() {
    let clock = Stopwatch::paused();
    let (b, _) = bounded(1, Overflow::DropOldest).await;
    let (a, _) = Plan::new().up().await;
    let (release, gate) = oneshot::channel::<()>();
    let (entered, has_entered) = oneshot::channel();
    let (tell, told) = oneshot::channel();
    let to_a = a.clone();
    b.tell_later(move |_, _| {
        Box::pin(async move {
            entered.send(()).ok();
            gate.await.ok();
            tell.send(to_a.count().infinity().await).ok();
            Ok(())
        })
    });
    has_entered.await.unwrap();
    let (answer, answered) = oneshot::channel();
    let to_b = b.clone();
    a.tell_later(move |_, _| {
        Box::pin(async move {
            answer.send(to_b.count().infinity().await).ok();
            Ok(())
        })
    });
    settle().await;
    release.send(()).unwrap();
    settle().await;
    // Each waits for the other; one message more frees both.
    add(&b, 7);
    assert_eq!(answered.await.unwrap(), Err(CallError::NoReply));
    assert_eq!(told.await.unwrap(), Ok(0));
    assert_eq!(b.count().await, Ok(7));
    clock.expect_stood_still("a dropped request");
}

#[otp_genserver::test]
async fn a_server_that_is_monitored_from_its_start_can_be_bounded() {
    let (server, _) = Plan::new().start_monitor().bound(3, Overflow::DropNew).await.unwrap();
    assert_eq!(process::info(server.pid()).unwrap().bound, Some((3, Overflow::DropNew)));
}

#[otp_genserver::test]
async fn proc_068_what_comes_through_an_alias_of_a_server_is_info() {
    let clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    let (give, given) = oneshot::channel();
    let (peer, _) = Plan::new().up().await;
    let pid = peer.pid();
    server.tell(move |_, cx| {
        let alias = cx.alias::<Run>(AliasMode::Reply);
        let (_, monitored) = cx.monitor_with_alias::<Run>(pid, MonitorAlias::ReplyDemonitor);
        give.send((alias, monitored)).ok();
        Ok(())
    });
    let (alias, monitored) = given.await.unwrap();
    assert_eq!((alias.owner(), monitored.owner()), (server.pid(), server.pid()));
    for alias in [alias, monitored] {
        for _ in 0..2 {
            alias.send(run(|probe, _| {
                probe.count += 1;
                Ok(())
            }));
        }
    }
    assert_eq!(server.count().await, Ok(2));
    peer.stop().await.unwrap();
    settle().await;
    assert_eq!(log.count("down: normal"), 0);
    clock.expect_stood_still("an alias");
    drop(Watch::on(server.pid()).await);
}

#[otp_genserver::test]
async fn a_server_never_waits_for_room_in_its_own_mailbox() {
    let clock = Stopwatch::paused();
    for overflow in [Overflow::Reject, Overflow::Wait] {
        let (server, _) = bounded(1, overflow).await;
        let (tell, told) = oneshot::channel();
        server.tell_later(move |_, cx| {
            let me = cx.server_ref();
            Box::pin(async move {
                let with_room = me.cast_wait(run(|_, _| Ok(()))).await.map_err(|error| error.kind());
                let full = me.cast_wait(run(|_, _| Ok(()))).await.map_err(|error| error.kind());
                tell.send((with_room, full)).ok();
                Ok(())
            })
        });
        let told = tokio::time::timeout(Duration::from_secs(60), told).await;
        assert_eq!(told.expect("it does not wait").unwrap(), (Ok(()), Err(CastErrorKind::Full)));
    }
    clock.expect_stood_still("a full mailbox");
}

#[otp_genserver::test]
async fn a_request_to_a_full_mailbox_is_not_sent_and_says_so_when_its_answer_is_asked_for() {
    let clock = Stopwatch::paused();
    for overflow in [Overflow::Reject, Overflow::DropNew, Overflow::Wait] {
        let (server, _, gate) = full(overflow).await;
        let request = server.send_request(count_of);
        gate.send(()).unwrap();
        settle().await;
        assert_eq!(request.await, Err(CallError::Full), "{overflow:?}");
        assert_eq!(server.count().await, Ok(1));
    }
    clock.expect_stood_still("a full mailbox");
}

#[otp_genserver::test]
async fn a_request_takes_the_place_of_the_oldest_message_and_is_dropped_as_such() {
    let (server, _, gate) = full(Overflow::DropOldest).await;
    let first = server.send_request(count_of);
    let second = server.send_request(count_of);
    assert_eq!(dropped(&server), 2, "the cast and the first request");
    gate.send(()).unwrap();
    assert_eq!(first.await, Err(CallError::NoReply));
    assert_eq!(second.await, Ok(0));
}
