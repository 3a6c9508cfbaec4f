//! Casts and infos: sent and forgotten.

use otp_genserver::{CastErrorKind, Destination, ExitReason, GenServer, Name, ServerRef};

use crate::support::{Other, Plan, Probe, Stopwatch, Tell, busy, plain_task, run, settle, unique_name};

#[otp_genserver::test]
async fn gs_052_a_cast_is_handled_and_returns_at_once() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let _never = busy(&server).await;
    server.tell(|_, _| Ok(()));
    clock.expect_stood_still("a busy server");
}

#[otp_genserver::test]
async fn gs_052_a_cast_to_nobody_is_ignored() {
    let (server, _) = Plan::new().up().await;
    server.stop().await.unwrap();
    server.tell(|_, _| Ok(()));
    server.inform(|_, _| Ok(()));
    unique_name::<Probe>().cast(run(|_, _| Ok(())));
    let name = unique_name::<Probe>();
    let other = Other::start(()).name(Name::owned(name.as_str())).await.unwrap();
    name.cast(run(|_, _| Ok(())));
    settle().await;
    assert!(other.is_alive(), "another kind of server is not touched");
}

#[otp_genserver::test]
async fn gs_052_a_cast_that_nobody_takes_is_dropped_where_it_was_sent() {
    let (server, _) = Plan::new().up().await;
    server.stop().await.unwrap();
    let token = std::sync::Arc::new(());
    let held = token.clone();
    server.tell(move |_, _| {
        drop(held);
        Ok(())
    });
    assert_eq!(std::sync::Arc::strong_count(&token), 1);
}

#[otp_genserver::test]
async fn try_cast_gives_the_message_back_and_says_why() {
    let other = Other::start(()).await.unwrap();
    assert_eq!(other.try_cast(()), Ok(()));
    other.stop().await.unwrap();
    let error = other.try_cast(()).unwrap_err();
    assert_eq!(error.kind(), CastErrorKind::NoProc);
    error.into_inner();
    let nobody = unique_name::<Other>();
    assert_eq!(nobody.try_cast(()).unwrap_err().kind(), CastErrorKind::NoProc);
    let probe = Plan::new().start().name(Name::owned(nobody.as_str())).await.unwrap();
    assert_eq!(nobody.try_cast(()).unwrap_err().kind(), CastErrorKind::WrongServer(probe.pid()));
}

#[otp_genserver::test]
async fn gs_054_a_plain_message_goes_to_handle_info() {
    let (server, log) = Plan::new().up().await;
    server.inform(|probe, _| {
        probe.log.add("info");
        Ok(())
    });
    server.count().await.unwrap();
    assert_eq!(log.lines(), ["init", "info"]);
}

#[otp_genserver::test]
async fn messages_of_one_sender_keep_their_order_whatever_their_kind() {
    let (server, log) = Plan::new().up().await;
    let line = |text: String| {
        run(move |probe, _| {
            probe.log.add(text);
            Ok(())
        })
    };
    let recipient = server.recipient();
    let name = unique_name::<Probe>();
    otp_genserver::process::register(otp_core::ProcessName::from(name.as_str().to_owned()), server.pid())
        .unwrap();
    for n in 0..50 {
        server.cast(line(format!("{n} cast")));
        server.send(line(format!("{n} info")));
        recipient.send(line(format!("{n} recipient")));
        name.cast(line(format!("{n} by name")));
    }
    server.count().await.unwrap();
    let expected: Vec<String> = (0..50)
        .flat_map(|n| ["cast", "info", "recipient", "by name"].map(|kind| format!("{n} {kind}")))
        .collect();
    assert_eq!(log.lines()[1..], expected);
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_of_many_senders_all_arrive_each_senders_in_order() {
    const SENDERS: usize = 8;
    const EACH: usize = 500;
    let (server, log) = Plan::new().up().await;
    let tasks: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let server: ServerRef<Probe> = server.clone();
            plain_task(async move {
                for n in 0..EACH {
                    server.tell(move |probe, _| {
                        probe.log.add(format!("{sender}:{n}"));
                        Ok(())
                    });
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    server.count().await.unwrap();
    let lines = log.lines();
    for sender in 0..SENDERS {
        let prefix = format!("{sender}:");
        let seen: Vec<usize> =
            lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(|n| n.parse().unwrap()).collect();
        assert!(seen.into_iter().eq(0..EACH));
    }
}

#[otp_genserver::test]
async fn casts_behind_a_crash_are_dropped() {
    let (server, log) = Plan::new().up().await;
    let token = std::sync::Arc::new(());
    let held = token.clone();
    server.tell(|_, _| Err(ExitReason::new("crash")));
    server.tell(move |probe, _| {
        drop(held);
        probe.log.add("not reached");
        Ok(())
    });
    settle().await;
    assert_eq!(log.lines(), ["init", "terminate: crash", "state dropped"]);
    assert_eq!(std::sync::Arc::strong_count(&token), 1);
}
