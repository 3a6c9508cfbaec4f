//! Requests and their answers: whatever becomes of the `ReplyTo` and its process, the caller hears of it at once.

use std::future::poll_fn;
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, Reply, ReplyTo, Request, await_end, request};
use otp_core::process::Spawn;
use otp_core::{ExitReason, Mailbox, Pid, ProcessName, Received, process, spawn};
use tokio::time::Instant;

use crate::support::{OnDrop, Puppet, because, idle, scenario, settle, wait_for_end};

/// The answer, which must come without any time going by.
async fn at_once(mut reply: Reply<u32>) -> Answer<u32> {
    let before = Instant::now();
    let answer = poll_fn(|cx| reply.poll_answer(cx)).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    answer
}

#[otp_core::test]
async fn an_answer_reaches_the_caller() {
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        let (reply_to, reply, request) = request(server.pid());
        assert!(!reply_to.is_closed());
        server
            .run(move || {
                let _request = request;
                reply_to.send(7);
            })
            .await;
        assert_eq!(at_once(reply).await, Answer::Value(7));
    })
    .await;
}

#[otp_core::test]
async fn a_reply_to_dropped_inside_a_process_that_lives_on_gives_no_reply() {
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        let (reply_to, reply, request) = request::<u32>(server.pid());
        server.run(move || drop((reply_to, request))).await;
        assert_eq!(at_once(reply).await, Answer::NoReply);
        assert!(process::is_alive(server.pid()));
    })
    .await;
}

#[otp_core::test]
async fn a_reply_to_dropped_in_the_poll_in_which_its_process_dies_gives_the_reason() {
    scenario(async |_: Mailbox<()>| {
        for request_too in [true, false] {
            let server = Puppet::new();
            let (reply_to, reply, request) = request::<u32>(server.pid());
            server
                .run(move || {
                    drop(reply_to);
                    if request_too {
                        drop(request);
                    }
                    process::exit(because("r")) as ()
                })
                .await;
            assert_eq!(at_once(reply).await, Answer::Exit(because("r")));
        }
    })
    .await;
}

#[otp_core::test]
async fn a_death_within_a_poll_tells_nothing_to_the_callers_of_the_one_that_lives() {
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        let (first, reply_of_first, _first) = request::<u32>(server.pid());
        let embryo = Spawn::new().prepare::<()>();
        let (second, reply_of_second, _second) = request::<u32>(embryo.address().pid());
        process::on_exit(embryo.address().pid(), move |_, _| drop(second)).expect("alive");
        server
            .run(move || {
                drop(first);
                // It dies here and now, before this poll has ended.
                drop(embryo);
            })
            .await;
        assert_eq!(at_once(reply_of_first).await, Answer::NoReply);
        assert_eq!(at_once(reply_of_second).await, Answer::Exit(ExitReason::Killed));
        assert!(process::is_alive(server.pid()));
    })
    .await;
}

#[otp_core::test]
async fn a_reply_to_in_the_state_of_a_process_that_dies_gives_the_reason() {
    scenario(async |_: Mailbox<()>| {
        for reason in [ExitReason::Kill, because("r")] {
            let server = spawn(|mut mailbox: Mailbox<(ReplyTo<u32>, Request)>| async move {
                let _state = mailbox.receive().await;
                std::future::pending::<()>().await;
            });
            let (reply_to, reply, request) = request(server.pid());
            server.send((reply_to, request));
            settle().await;
            process::send_exit(server.pid(), reason.clone());
            let seen = if reason == ExitReason::Kill { ExitReason::Killed } else { reason };
            assert_eq!(at_once(reply).await, Answer::Exit(seen));
        }
    })
    .await;
}

#[otp_core::test]
async fn a_request_in_the_queue_of_a_process_that_dies_gives_the_reason() {
    scenario(async |_: Mailbox<()>| {
        let server = spawn(|_: Mailbox<(ReplyTo<u32>, Request)>| std::future::pending::<()>());
        let (reply_to, reply, request) = request(server.pid());
        server.send((reply_to, request));
        process::send_exit(server.pid(), because("r"));
        assert_eq!(at_once(reply).await, Answer::Exit(because("r")));
    })
    .await;
}

#[otp_core::test]
async fn a_panic_gives_the_callers_the_panic() {
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        let (reply_to, reply, request) = request::<u32>(server.pid());
        server
            .run(move || {
                let _both = (reply_to, request);
                panic!("broken") as ()
            })
            .await;
        let Answer::Exit(ExitReason::Panic(panic)) = at_once(reply).await else { panic!("a panic") };
        assert_eq!(panic.message(), "broken");
    })
    .await;
}

#[otp_core::test]
async fn a_reply_to_dropped_outside_its_process_gives_no_reply() {
    scenario(async |_: Mailbox<()>| {
        let server = idle();
        let (reply_to, reply, _request) = request::<u32>(server.pid());
        drop(reply_to);
        assert_eq!(at_once(reply).await, Answer::NoReply);
        // In another process than the one asked, too.
        let (reply_to, reply, _request) = request::<u32>(server.pid());
        Puppet::new().run(move || drop(reply_to)).await;
        assert_eq!(at_once(reply).await, Answer::NoReply);
        // And on a thread without any.
        let (reply_to, reply, _request) = request::<u32>(server.pid());
        std::thread::spawn(move || drop(reply_to)).join().expect("no panic");
        assert_eq!(at_once(reply).await, Answer::NoReply);
    })
    .await;
}

#[otp_core::test]
async fn a_reply_to_kept_elsewhere_while_its_process_dies_gives_the_reason_and_a_late_answer_is_dropped() {
    scenario(async |_: Mailbox<()>| {
        let (give, take) = tokio::sync::oneshot::channel();
        let server = spawn(|mut mailbox: Mailbox<(ReplyTo<u32>, Request)>| async move {
            let Received::Message((reply_to, request)) = mailbox.receive().await else { panic!("a request") };
            give.send(reply_to).ok();
            // The runner keeps the request for as long as its reply is out.
            let _runner = request;
            std::future::pending::<()>().await;
        });
        let (reply_to, reply, request) = request(server.pid());
        server.send((reply_to, request));
        let elsewhere: ReplyTo<u32> = take.await.expect("the server gives it away");
        process::send_exit(server.pid(), because("r"));
        assert_eq!(at_once(reply).await, Answer::Exit(because("r")));
        assert!(elsewhere.is_closed());
        elsewhere.send(5);
    })
    .await;
}

#[otp_core::test]
async fn a_reply_to_kept_elsewhere_answers_while_its_process_lives() {
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        let (reply_to, reply, request) = request(server.pid());
        // Nothing is said when the runner lets go of the request and lives on.
        server.run(move || drop(request)).await;
        let answering = spawn(move |_: Mailbox<()>| async move { reply_to.send(9) });
        assert_eq!(at_once(reply).await, Answer::Value(9));
        wait_for_end(answering.pid()).await;
    })
    .await;
}

#[otp_core::test]
async fn the_first_of_answer_and_death_counts() {
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        let (reply_to, reply, request) = request(server.pid());
        server
            .run(move || {
                let _request = request;
                reply_to.send(1);
                process::exit(because("r")) as ()
            })
            .await;
        assert_eq!(at_once(reply).await, Answer::Value(1));
    })
    .await;
}

#[otp_core::test]
async fn the_name_is_free_when_the_caller_hears_of_the_death() {
    const NAME: ProcessName = ProcessName::new("the_name_is_free_when_the_caller_hears_of_the_death");
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        process::register(NAME, server.pid()).expect("free");
        let (reply_to, reply, request) = request::<u32>(server.pid());
        server
            .run(move || {
                let _both = (reply_to, request);
                process::exit(because("r")) as ()
            })
            .await;
        assert_eq!(at_once(reply).await, Answer::Exit(because("r")));
        assert_eq!(process::whereis(&NAME), None);
        assert!(!process::is_alive(server.pid()));
    })
    .await;
}

#[otp_core::test]
async fn a_caller_that_gave_up_is_seen_and_its_answer_dropped() {
    scenario(async |_: Mailbox<()>| {
        let server = idle().pid();
        let (dropped, drops) = std::sync::mpsc::channel();
        let (reply_to, reply, request) = request(server);
        drop(reply);
        assert!(reply_to.is_closed());
        assert!(request.is_settled());
        reply_to.send(OnDrop::new(move || {
            dropped.send(()).ok();
        }));
        drop(request);
        assert_eq!(drops.recv(), Ok(()));
    })
    .await;
}

#[otp_core::test]
async fn an_answer_can_be_looked_for_without_waiting() {
    scenario(async |_: Mailbox<()>| {
        let (reply_to, mut reply, request) = request::<u32>(idle().pid());
        assert_eq!(reply.try_answer(), None);
        assert!(!request.is_settled());
        reply_to.send(4);
        assert!(request.is_settled());
        assert_eq!(reply.try_answer(), Some(Answer::Value(4)));
    })
    .await;
}

#[otp_core::test]
async fn an_answer_left_for_the_end_comes_with_it() {
    const NAME: ProcessName = ProcessName::new("an_answer_left_for_the_end_comes_with_it");
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        process::register(NAME, server.pid()).expect("free");
        let (reply_to, mut reply, request) = request(server.pid());
        server
            .run(move || {
                let _request = request;
                reply_to.send_at_exit(3);
                process::exit(because("r")) as ()
            })
            .await;
        assert_eq!(poll_fn(|cx| reply.poll_answer(cx)).await, Answer::Value(3));
        assert_eq!(process::whereis(&NAME), None);
    })
    .await;
}

#[otp_core::test]
async fn a_wait_ends_at_its_limit_and_not_before() {
    scenario(async |_: Mailbox<()>| {
        let (reply_to, reply, _request) = request::<u32>(idle().pid());
        let limit = Duration::from_secs(5);
        let mut waiting = Awaiting::new(reply, Some(limit));
        let before = Instant::now();
        assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, None);
        assert!(before.elapsed() >= limit && before.elapsed() < limit + Duration::from_millis(5));
        waiting.extend();
        reply_to.send(1);
        assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, Some(Answer::Value(1)));
    })
    .await;
}

#[otp_core::test]
async fn an_answer_within_the_limit_is_given() {
    scenario(async |_: Mailbox<()>| {
        let (reply_to, reply, _request) = request::<u32>(idle().pid());
        let mut waiting = Awaiting::new(reply, Some(Duration::from_secs(5)));
        spawn(|_: Mailbox<()>| async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            reply_to.send(1);
        });
        assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, Some(Answer::Value(1)));
    })
    .await;
}

#[otp_core::test]
async fn a_wait_that_was_extended_has_no_limit() {
    scenario(async |_: Mailbox<()>| {
        let (reply_to, reply, _request) = request(Pid::OUTSIDE);
        let mut waiting = Awaiting::new(reply, Some(Duration::from_secs(1)));
        assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, None::<Answer<u32>>);
        waiting.extend();
        let day = Duration::from_secs(24 * 3600);
        assert!(tokio::time::timeout(day, poll_fn(|cx| waiting.poll(cx))).await.is_err());
        reply_to.send(3);
        assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, Some(Answer::Value(3)));
    })
    .await;
}

#[otp_core::test]
async fn many_waits_of_one_process_each_end_at_their_own_limit() {
    scenario(async |_: Mailbox<()>| {
        let server = idle().pid();
        let wait = |seconds: u64| async move {
            let (_reply_to, reply, _request) = request::<u32>(server);
            let limit = Duration::from_secs(seconds);
            let mut waiting = Awaiting::new(reply, Some(limit));
            let before = Instant::now();
            assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, None);
            let took = before.elapsed();
            assert!(took >= limit && took < limit + Duration::from_millis(5), "{seconds}: {took:?}");
        };
        tokio::join!(wait(5), wait(1), wait(3), wait(2), wait(4));
        // The earlier wake-ups are over; a later limit is not forgotten.
        wait(2).await;
        wait(1).await;
    })
    .await;
}

#[tokio::test]
async fn a_wait_ends_at_its_limit_outside_any_process() {
    tokio::time::pause();
    assert_eq!(process::current(), None);
    let (_reply_to, reply, _request) = request::<u32>(Pid::OUTSIDE);
    let limit = Duration::from_secs(5);
    let mut waiting = Awaiting::new(reply, Some(limit));
    let before = Instant::now();
    assert_eq!(poll_fn(|cx| waiting.poll(cx)).await, None);
    assert!(before.elapsed() >= limit && before.elapsed() < limit + Duration::from_millis(5));
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_answers_deaths_and_drops_always_reach_the_caller() {
    scenario(async |_: Mailbox<()>| {
        for round in 0..2_000_u32 {
            let server = spawn(move |mut mailbox: Mailbox<(ReplyTo<u32>, Request)>| async move {
                let Received::Message((reply_to, request)) = mailbox.receive().await else {
                    panic!("a request")
                };
                match round % 3 {
                    0 => reply_to.send(round),
                    1 => drop(reply_to),
                    _ => {
                        spawn(move |_: Mailbox<()>| async move { reply_to.send(round) });
                    }
                }
                drop(request);
                if round % 2 == 0 { because("r") } else { ExitReason::Normal }
            });
            let (reply_to, mut reply, request) = request(server.pid());
            server.send((reply_to, request));
            if round % 5 == 0 {
                process::send_exit(server.pid(), ExitReason::Kill);
            }
            match poll_fn(|cx| reply.poll_answer(cx)).await {
                Answer::Value(n) => assert_eq!(n, round),
                Answer::Exit(reason) => {
                    assert!(
                        [because("r"), ExitReason::Normal, ExitReason::Killed].contains(&reason),
                        "{reason:?}"
                    );
                }
                Answer::NoReply => panic!("round {round}: the process did not live on"),
            }
        }
    })
    .await;
}

#[otp_core::test]
async fn the_end_of_a_process_can_be_waited_for() {
    const NAME: ProcessName = ProcessName::new("the_end_of_a_process_can_be_waited_for");
    scenario(async |_: Mailbox<()>| {
        let server = Puppet::new();
        process::register(NAME, server.pid()).expect("free");
        let (mut end, mut another) = (await_end(server.pid()), await_end(server.pid()));
        settle().await;
        assert_eq!(end.try_answer(), None);
        server.end(because("r"));
        assert_eq!(poll_fn(|cx| end.poll_answer(cx)).await, Answer::Exit(because("r")));
        assert_eq!(process::whereis(&NAME), None);
        assert_eq!(poll_fn(|cx| another.poll_answer(cx)).await, Answer::Exit(because("r")));
        for pid in [server.pid(), Pid::OUTSIDE] {
            assert_eq!(await_end(pid).try_answer(), Some(Answer::Exit(ExitReason::NoProc)));
        }
    })
    .await;
}
