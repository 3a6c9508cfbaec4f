//! Requests whose answers are fetched later, one by one or as a collection.

use otp_genserver::process::{self, send_exit};
use otp_genserver::{
    CallError, Destination, ExitReason, GenServer, Name, RequestCollection, RequestId, ResponseTimeout,
};

use crate::support::{
    Other, Plan, Probe, Reply, Stopwatch, Tell, busy, count_of, keep, ms, plain_task, poll_once,
    reason_of_process, settle, unique_name,
};

/// Has the probe answer the oldest request that it keeps.
fn answer(server: &otp_genserver::ServerRef<Probe>, value: i64) {
    server.tell(move |probe, _| {
        probe.kept.remove(0).send(value);
        Ok(())
    });
}

#[otp_genserver::test]
async fn gs_056_a_request_is_sent_at_once_and_its_answer_fetched_later() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let request = server.send_request(count_of);
    server.tell(|probe, _| {
        probe.count = 5;
        Ok(())
    });
    settle().await;
    assert_eq!(request.receive_response(ms(0)).await, Ok(0), "it went before the cast");
    assert_eq!(server.send_request(count_of).await, Ok(5), "awaited without limit");
    clock.expect_stood_still("answers");
}

#[otp_genserver::test]
async fn gs_056_the_death_of_the_server_is_the_answer() {
    let (server, _) = Plan::new().up().await;
    let release = busy(&server).await;
    let queued = server.send_request(count_of);
    let kept = server.send_request(keep);
    server.tell(|_, _| Err(ExitReason::new("crash")));
    release.send(()).unwrap();
    assert_eq!(kept.receive_response(ms(100)).await, Err(CallError::Exit(ExitReason::new("crash"))));
    assert_eq!(queued.receive_response(ms(100)).await, Ok(0));
    assert_eq!(server.send_request(count_of).receive_response(ms(100)).await, Err(CallError::NoProc));
}

#[otp_genserver::test]
async fn gs_056_receiving_gives_up_at_the_limit_and_waiting_does_not() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let abandoned = server.send_request(keep);
    assert_eq!(abandoned.receive_response(ms(100)).await, Err(CallError::Timeout));
    assert!((ms(100)..ms(105)).contains(&clock.elapsed()));
    let closed = server.ask(|probe, reply, _| {
        reply.send(i64::from(probe.kept[0].is_closed()));
        Ok(())
    });
    assert_eq!(closed.await, Ok(1), "nobody waits for it any more");

    let mut waited = server.send_request(keep);
    assert_eq!(waited.wait_response(ms(100)).await, None);
    answer(&server, 1);
    answer(&server, 2);
    assert_eq!(waited.wait_response(ms(100)).await, Some(Ok(2)));
    assert!((ms(200)..ms(210)).contains(&clock.elapsed()));
}

#[otp_genserver::test]
async fn gs_056_time_limits_work_in_plain_tasks_and_in_processes() {
    let _clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let request = server.send_request(keep);
    let outcome = plain_task(request.receive_response(ms(50))).await.unwrap();
    assert_eq!(outcome, Err(CallError::Timeout));
    let request = server.send_request(keep);
    let reason = reason_of_process(|_| async move {
        assert_eq!(request.receive_response(ms(50)).await, Err(CallError::Timeout));
        process::exit(ExitReason::new("done"));
    });
    assert_eq!(reason.await, ExitReason::new("done"));
    let mut collection = RequestCollection::new();
    collection.send((), &server, keep);
    let outcome = plain_task(async move { collection.receive_response(ms(50)).await }).await.unwrap();
    assert_eq!(outcome, Err(ResponseTimeout));
}

#[otp_genserver::test]
async fn gs_056_dropping_the_request_drops_the_answer_and_a_server_may_ask_itself() {
    let (server, _) = Plan::new().up().await;
    drop(server.send_request(keep));
    let closed = server.ask(|probe, reply, _| {
        reply.send(i64::from(probe.kept[0].is_closed()));
        Ok(())
    });
    assert_eq!(closed.await, Ok(1));

    let (tell, told) = tokio::sync::oneshot::channel();
    server.tell(|_, cx| {
        tell.send(cx.server_ref().send_request(count_of)).ok();
        Ok(())
    });
    assert_eq!(told.await.unwrap().await, Ok(0), "when the callback is over");
}

#[otp_genserver::test]
async fn gs_058_an_unknown_name_fails_when_the_answer_is_awaited() {
    let clock = Stopwatch::paused();
    let nobody = unique_name::<Probe>();
    let request = nobody.send_request(count_of);
    let mut checked = nobody.send_request(count_of);
    let (_server, _) = Plan::new().up().await;
    assert_eq!(request.receive_response(ms(50)).await, Err(CallError::NoProc));
    assert_eq!(checked.check_response(), Some(Err(CallError::NoProc)));

    let name = unique_name::<Other>();
    let other = Other::start(()).name(name.clone()).await.unwrap().pid();
    let wrong = Name::<Probe>::owned(name.as_str()).send_request(count_of);
    assert_eq!(wrong.await, Err(CallError::WrongServer(other)));
    clock.expect_stood_still("nobody");
}

#[otp_genserver::test]
async fn gs_059_checking_gives_the_answer_to_this_request_alone_and_never_waits() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let mut first = server.send_request(keep);
    let mut second = server.send_request(count_of);
    assert_eq!(first.check_response(), None);
    settle().await;
    assert_eq!(first.check_response(), None, "the other's answer is not its own");
    assert_eq!(second.check_response(), Some(Ok(0)));
    answer(&server, 7);
    settle().await;
    assert_eq!(first.check_response(), Some(Ok(7)));

    let mut of_dead = server.send_request(keep);
    settle().await;
    assert_eq!(of_dead.check_response(), None);
    send_exit(server.pid(), ExitReason::Kill);
    settle().await;
    assert_eq!(of_dead.check_response(), Some(Err(CallError::Exit(ExitReason::Killed))));
    clock.expect_stood_still("checks");
}

#[otp_genserver::test]
#[should_panic(expected = "given out already")]
async fn an_answer_is_given_out_once() {
    let (server, _) = Plan::new().up().await;
    let mut request = server.send_request(count_of);
    assert_eq!(request.wait_response(ms(100)).await, Some(Ok(0)));
    request.check_response();
}

#[otp_genserver::test]
async fn gs_060_answers_come_in_the_order_of_their_arrival_with_their_labels() {
    let (server, _) = Plan::new().up().await;
    let mut requests = RequestCollection::new();
    for label in ["a", "b", "c"] {
        requests.send(label, &server, keep);
    }
    assert_eq!(requests.len(), 3);
    assert_eq!(requests.check_response(), None);
    settle().await;
    // The last one first, and nobody looks meanwhile.
    server.tell(|probe, _| {
        while let Some(reply) = probe.kept.pop() {
            reply.send(probe.count);
            probe.count += 1;
        }
        Ok(())
    });
    settle().await;
    assert_eq!(requests.receive_response(ms(100)).await, Ok(Some(("c", Ok(0)))));
    assert_eq!((requests.len(), requests.is_empty()), (2, false));
    assert_eq!(requests.wait_response(ms(100)).await, Ok(Some(("b", Ok(1)))));
    requests.send("d", &server, keep);
    assert_eq!((requests.len(), requests.is_empty()), (2, false), "one that is there and one that is not");
    assert_eq!(requests.check_response(), Some(("a", Ok(2))));
    assert_eq!((requests.len(), requests.is_empty()), (1, false));
    answer(&server, 3);
    assert_eq!(requests.next_response().await, Some(("d", Ok(3))));
    assert_eq!((requests.len(), requests.is_empty()), (0, true));
}

#[otp_genserver::test]
async fn gs_060_an_empty_collection_says_so_at_once() {
    let clock = Stopwatch::paused();
    let mut requests = RequestCollection::<u8, i64>::new();
    assert_eq!(requests.receive_response(ms(100)).await, Ok(None));
    assert_eq!(requests.wait_response(ms(100)).await, Ok(None));
    assert_eq!(requests.check_response(), None);
    assert_eq!(requests.next_response().await, None);
    clock.expect_stood_still("an empty collection");
}

#[otp_genserver::test]
async fn gs_060_at_the_limit_waiting_keeps_the_requests_and_receiving_gives_them_up() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let mut requests = RequestCollection::new();
    requests.send(1, &server, keep);
    requests.send(2, &unique_name::<Probe>(), count_of);
    assert_eq!(requests.wait_response(ms(100)).await, Ok(Some((2, Err(CallError::NoProc)))));
    clock.expect_stood_still("nobody");
    assert_eq!(requests.wait_response(ms(100)).await, Err(ResponseTimeout));
    assert_eq!(requests.len(), 1);
    answer(&server, 4);
    assert_eq!(requests.wait_response(ms(100)).await, Ok(Some((1, Ok(4)))));

    requests.send(3, &server, keep);
    requests.send(4, &server, keep);
    assert_eq!(requests.receive_response(ms(100)).await, Err(ResponseTimeout));
    assert!(requests.is_empty());
    let closed = server.ask(|probe, reply, _| {
        reply.send(probe.kept.iter().filter(|reply| reply.is_closed()).count().try_into().unwrap());
        Ok(())
    });
    assert_eq!(closed.await, Ok(2));
}

#[otp_genserver::test]
async fn gs_060_a_wait_that_was_dropped_loses_nothing_and_many_answers_all_come() {
    let (server, _) = Plan::new().up().await;
    let mut requests = RequestCollection::new();
    for n in 0..500 {
        requests.send(n, &server, |reply: Reply| if n % 2 == 0 { count_of(reply) } else { keep(reply) });
    }
    assert!(poll_once(&mut Box::pin(requests.next_response())).is_pending());
    settle().await;
    server.tell(|probe, _| {
        probe.kept.drain(..).for_each(|reply| reply.send(1));
        Ok(())
    });
    let mut labels = Vec::new();
    while let Some((label, outcome)) = requests.next_response().await {
        assert_eq!(outcome, Ok(label % 2));
        labels.push(label);
    }
    let order = (0..500).step_by(2).chain((1..500).step_by(2));
    assert_eq!(labels, order.collect::<Vec<i64>>());
}

/// Two servers that wait for each other this way: the time limit ends it, and nothing is refused.
#[otp_genserver::test]
async fn a_request_is_no_edge_in_the_search_for_deadlocks() {
    let _clock = Stopwatch::paused();
    let (a, _) = Plan::new().up().await;
    let (b, _) = Plan::new().up().await;
    let to_b = b.clone();
    let call = a.ask_later(move |_, reply, cx| {
        let a = cx.server_ref();
        Box::pin(async move {
            let request: RequestId<i64> = to_b.send_request(|reply| {
                crate::support::ask_of(reply, move |_, reply, _| {
                    Box::pin(async move {
                        reply.send(i64::from(a.count().timeout(ms(50)).await == Err(CallError::Timeout)));
                        Ok(())
                    })
                })
            });
            reply.send(request.receive_response(ms(500)).await.unwrap_or(-1));
            Ok(())
        })
    });
    assert_eq!(call.await, Ok(1));
}
