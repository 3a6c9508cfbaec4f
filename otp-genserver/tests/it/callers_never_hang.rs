//! No caller ever hangs: whatever dies, at whatever point, the caller gets its error at once.
//!
//! Each test holds one point where the request may be, and goes through every [`Way`] in which a server ends and every
//! kind of [`Caller`]. The clock is paused, and nobody may have waited for it: a caller that was left alone would have
//! moved it to its 5 seconds.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use otp_core::Mailbox;
use otp_genserver::process::{self, send_exit};
use otp_genserver::{
    Call, CallError, Destination, ExitReason, GenServer, InitError, Name, ReplyTo, ServerRef, StartError,
    StopError,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::support::{
    Caller, Later, Other, Plan, Probe, Stopwatch, Tell, Watch, Way, busy, count_of, expect_panic, keep,
    plain_task, poll_once, settle, unique_name,
};

/// Every way to die, for every kind of caller.
fn every_case() -> impl Iterator<Item = (Way, Caller)> {
    Way::ALL.into_iter().flat_map(|way| Caller::ALL.map(|caller| (way, caller)))
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A call whose reply is somewhere outside the server's state once this returns.
async fn moved_out(
    caller: Caller,
    server: &ServerRef<Probe>,
) -> (ReplyTo<i64>, Later<'static, Result<i64, CallError>>) {
    let (hand_out, handed_out) = oneshot::channel();
    let answer = caller.begin(server.ask(|_, reply, _| {
        hand_out.send(reply).ok();
        Ok(())
    }));
    (handed_out.await.expect("the server hands the reply out"), answer)
}

// ---- before the server is there ----------------------------------------------------------------------------------

#[otp_genserver::test]
async fn a_call_to_a_server_that_is_killed_before_its_init_begins() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let plan = Plan::new();
    let log = plan.log();
    let mut starting = plan.start().name(name.clone()).into_future();
    assert!(poll_once(&mut starting).is_pending());
    let answer = Caller::Main.begin(name.call(count_of));
    // Sent from here, so that the server has not run yet, and awaited elsewhere.
    let elsewhere = plain_task(Caller::Main.begin(name.call(count_of)));
    send_exit(name.whereis().unwrap(), ExitReason::Kill);
    // The starter is a caller too.
    assert_eq!(starting.await.unwrap_err(), StartError::Exit(ExitReason::Killed));
    Way::Kill.expect(answer.await);
    Way::Kill.expect(elsewhere.await.unwrap());
    assert!(log.lines().is_empty());
    clock.expect_stood_still("killed before init");
}

#[otp_genserver::test]
async fn a_call_to_a_server_that_is_killed_during_its_init() {
    let clock = Stopwatch::paused();
    for caller in Caller::ALL {
        let name = unique_name::<Probe>();
        let (plan, entered) = Plan::new().hanging_init();
        let mut starting = plan.start().name(name.clone()).into_future();
        assert!(poll_once(&mut starting).is_pending());
        let pid = entered.await.unwrap();
        let answer = caller.begin(name.call(count_of));
        settle().await;
        send_exit(pid, ExitReason::Kill);
        Way::Kill.expect(answer.await);
        assert!(starting.await.is_err());
    }
    clock.expect_stood_still("killed during init");
}

#[otp_genserver::test]
async fn a_call_to_a_server_whose_init_fails() {
    let clock = Stopwatch::paused();
    let failures: [(InitError, ExitReason); 3] = [
        (InitError::Ignore, ExitReason::Normal),
        (InitError::stop("no"), ExitReason::new("no")),
        (InitError::Error(ExitReason::new("no")), ExitReason::Normal),
    ];
    for (error, reason) in failures {
        let name = unique_name::<Probe>();
        let (release, gate) = oneshot::channel::<()>();
        let plan = Plan::new().init(|_| {
            Box::pin(async move {
                gate.await.ok();
                Err(error)
            })
        });
        let mut starting = plan.start().name(name.clone()).into_future();
        assert!(poll_once(&mut starting).is_pending());
        let answers = Caller::ALL.map(|caller| caller.begin(name.call(count_of)));
        settle().await;
        release.send(()).unwrap();
        for answer in answers {
            assert_eq!(answer.await, Err(CallError::Exit(reason.clone())));
        }
        assert!(starting.await.is_err());
    }
    clock.expect_stood_still("init failed");
}

#[otp_genserver::test]
async fn a_call_to_a_server_whose_starter_gives_up() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let (plan, entered) = Plan::new().hanging_init();
    let mut starting = plan.start().name(name.clone()).into_future();
    assert!(poll_once(&mut starting).is_pending());
    entered.await.unwrap();
    let answers = Caller::ALL.map(|caller| caller.begin(name.call(count_of)));
    settle().await;
    drop(starting);
    for answer in answers {
        Way::Kill.expect(answer.await);
    }
    clock.expect_stood_still("starter gave up");
}

// ---- the request waits in the queue ------------------------------------------------------------------------------

#[otp_genserver::test]
async fn a_call_in_the_queue_of_a_server_that_ends() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, log) = Plan::new().up().await;
        let (release, gate) = oneshot::channel::<()>();
        let (entered, has_entered) = oneshot::channel();
        server.tell_later(move |_, cx| {
            Box::pin(async move {
                entered.send(()).ok();
                gate.await.ok();
                way.end(cx)
            })
        });
        has_entered.await.unwrap();
        // More than one, so that the queue is taken in a batch.
        let answers = [(); 3].map(|()| caller.begin(server.count()));
        settle().await;
        release.send(()).unwrap();
        for answer in answers {
            way.expect(answer.await);
        }
        assert_eq!(log.terminations().len(), usize::from(!way.is_signal()), "{way:?}");
    }
    clock.expect_stood_still("queued");
}

#[otp_genserver::test]
async fn a_call_in_the_batch_that_the_server_has_taken_out() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, _) = Plan::new().up().await;
        let release = busy(&server).await;
        server.tell(|_, _| Ok(()));
        server.tell(move |_, cx| way.end(cx));
        let answers = [(); 3].map(|()| caller.begin(server.count()));
        settle().await;
        release.send(()).unwrap();
        for answer in answers {
            way.expect(answer.await);
        }
    }
    clock.expect_stood_still("batch");
}

#[otp_genserver::test]
async fn a_call_in_the_queue_of_a_server_that_is_killed_while_it_waits() {
    let clock = Stopwatch::paused();
    for caller in Caller::ALL {
        for way in [Way::Kill, Way::ExitSignal] {
            let (server, log) = Plan::new().up().await;
            let _never = busy(&server).await;
            let answer = caller.begin(server.count());
            settle().await;
            match way {
                Way::Kill => send_exit(server.pid(), ExitReason::Kill),
                _ => send_exit(server.pid(), ExitReason::new("told to")),
            }
            way.expect(answer.await);
            assert!(log.terminations().is_empty());
        }
    }
    clock.expect_stood_still("killed while busy");
}

#[otp_genserver::test]
async fn gs_067_a_call_behind_a_stop_hears_of_it() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let release = busy(&server).await;
    let mut stopping = server.stop().reason(ExitReason::Shutdown).into_future();
    assert!(poll_once(&mut stopping).is_pending());
    let answer = Caller::Main.begin(server.count());
    release.send(()).unwrap();
    assert_eq!(stopping.await, Ok(()));
    assert_eq!(answer.await, Err(CallError::Exit(ExitReason::Shutdown)));
    clock.expect_stood_still("behind a stop");
}

// ---- the request is being handled --------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_046_a_call_whose_handler_ends_the_server() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, log) = Plan::new().up().await;
        let at_once = caller.begin(server.ask(move |_, _reply, cx| way.end(cx)));
        way.expect(at_once.await);
        assert_eq!(log.terminations().len(), usize::from(!way.is_signal()), "{way:?}");

        let (server, _) = Plan::new().up().await;
        let after_an_await = caller.begin(server.ask_later(move |_, reply, cx| {
            Box::pin(async move {
                settle().await;
                let outcome = way.end(cx);
                drop(reply);
                outcome
            })
        }));
        way.expect(after_an_await.await);
    }
    clock.expect_stood_still("in the handler");
}

#[otp_genserver::test]
async fn a_call_whose_handler_waits_when_the_server_is_killed() {
    let clock = Stopwatch::paused();
    for caller in Caller::ALL {
        let (server, log) = Plan::new().up().await;
        let (entered, has_entered) = oneshot::channel();
        let answer = caller.begin(server.ask_later(|_, reply, _| {
            Box::pin(async move {
                let _reply = reply;
                entered.send(()).ok();
                std::future::pending().await
            })
        }));
        has_entered.await.unwrap();
        send_exit(server.pid(), ExitReason::Kill);
        Way::Kill.expect(answer.await);
        assert!(log.terminations().is_empty());
    }
    clock.expect_stood_still("parked in the handler");
}

#[otp_genserver::test]
async fn a_call_whose_handler_gave_the_reply_away_and_waits_when_the_server_is_killed() {
    let clock = Stopwatch::paused();
    for caller in Caller::ALL {
        let (server, _) = Plan::new().up().await;
        let (hand_out, handed_out) = oneshot::channel();
        let answer = caller.begin(server.ask_later(|_, reply, _| {
            Box::pin(async move {
                hand_out.send(reply).ok();
                std::future::pending().await
            })
        }));
        let reply = handed_out.await.unwrap();
        assert!(!reply.is_closed());
        send_exit(server.pid(), ExitReason::Kill);
        Way::Kill.expect(answer.await);
        assert!(reply.is_closed());
        reply.send(1);
    }
    clock.expect_stood_still("parked, reply elsewhere");
}

#[otp_genserver::test]
async fn gs_028_a_reply_dropped_by_a_failing_callback_is_not_mistaken_for_no_reply() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, _) = Plan::new().up().await;
        let answer = caller.begin(server.ask(move |_, reply, cx| {
            drop(reply);
            way.end(cx)
        }));
        way.expect(answer.await);
    }
    clock.expect_stood_still("dropped in a failing callback");
}

/// While `terminate` waits the server is about to die of `reason`; that, and not `NoReply`, is the caller's error.
#[otp_genserver::test]
async fn gs_028_the_reason_reaches_the_caller_also_when_terminate_takes_its_time() {
    for way in Way::ALL.into_iter().filter(|way| !way.is_signal()) {
        let (plan, terminating, release) = Plan::new().slow_terminate();
        let (server, _) = plan.up().await;
        let mut answer = Caller::Main.begin(server.ask(move |_, _reply, cx| way.end(cx)));
        terminating.await.unwrap();
        settle().await;
        let early = poll_once(&mut answer);
        assert!(early.is_pending(), "{way:?}: the server has not ended yet, but the caller heard {early:?}");
        release.send(()).unwrap();
        way.expect(answer.await);
    }
}

#[otp_genserver::test]
async fn a_kept_reply_dropped_by_a_terminate_that_takes_its_time_hears_the_reason() {
    let (release, gate) = oneshot::channel::<()>();
    let plan = Plan::new().on_terminate(|probe| {
        Box::pin(async move {
            probe.kept.clear();
            gate.await.ok();
        })
    });
    let (server, _) = plan.up().await;
    let answer = Caller::Main.begin(server.keep());
    server.tell(|_, _| Err(ExitReason::new("failed")));
    settle().await;
    release.send(()).unwrap();
    Way::Err.expect(answer.await);
}

// ---- the reply is kept -------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_022_a_call_whose_reply_is_kept_in_the_state_of_a_server_that_ends() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, _) = Plan::new().up().await;
        let answers = [(); 3].map(|()| caller.begin(server.keep()));
        settle().await;
        server.tell(move |_, cx| way.end(cx));
        for answer in answers {
            way.expect(answer.await);
        }
    }
    clock.expect_stood_still("kept in the state");
}

#[otp_genserver::test]
async fn gs_022_a_call_whose_reply_is_kept_in_a_task_when_the_server_ends() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, _) = Plan::new().up().await;
        let (reply, answer) = moved_out(caller, &server).await;
        let (release, gate) = oneshot::channel::<()>();
        let task = plain_task(async move {
            gate.await.ok();
            assert!(reply.is_closed());
            reply.send(42);
        });
        server.tell(move |_, cx| way.end(cx));
        way.expect(answer.await);
        release.send(()).unwrap();
        task.await.unwrap();
    }
    clock.expect_stood_still("kept in a task");
}

#[otp_genserver::test]
async fn gs_022_a_call_whose_reply_is_kept_in_another_process_when_the_server_ends() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, _) = Plan::new().up().await;
        let (reply, answer) = moved_out(caller, &server).await;
        let keeper = otp_core::spawn(|mut mailbox: Mailbox<()>| async move {
            mailbox.receive().await;
            reply.send(42);
        });
        settle().await;
        server.tell(move |_, cx| way.end(cx));
        way.expect(answer.await);
        let watch = Watch::on(keeper.pid()).await;
        keeper.send(());
        assert_eq!(watch.down().await, ExitReason::Normal, "a late answer is dropped");
    }
    clock.expect_stood_still("kept in a process");
}

#[otp_genserver::test]
async fn gs_022_a_call_whose_reply_is_kept_in_a_thread_when_the_server_ends() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let (server, _) = Plan::new().up().await;
        let (reply, answer) = moved_out(caller, &server).await;
        let (release, gate) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            gate.recv().ok();
            assert!(reply.is_closed());
            reply.send(42);
        });
        server.tell(move |_, cx| way.end(cx));
        way.expect(answer.await);
        release.send(()).unwrap();
        thread.join().unwrap();
    }
    clock.expect_stood_still("kept in a thread");
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_and_a_death_at_the_same_time_give_one_of_the_two() {
    for round in 0..200 {
        let (server, _) = Plan::new().up().await;
        let (reply, answer) = moved_out(Caller::Task, &server).await;
        let thread = thread::spawn(move || reply.send(round));
        send_exit(server.pid(), ExitReason::Kill);
        match answer.await {
            Ok(value) => assert_eq!(value, round),
            Err(error) => assert_eq!(error, CallError::Exit(ExitReason::Killed)),
        }
        thread.join().unwrap();
    }
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_on_many_threads_each_hear_of_a_kill() {
    for _ in 0..30 {
        let (server, _) = Plan::new().up().await;
        let callers: Vec<_> = (0..16)
            .map(|n| {
                let server = server.clone();
                plain_task(async move {
                    let call = if n % 2 == 0 { server.keep() } else { server.count() };
                    call.infinity().await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        send_exit(server.pid(), ExitReason::Kill);
        for caller in callers {
            match caller.await.unwrap() {
                Ok(_) | Err(CallError::Exit(ExitReason::Killed) | CallError::NoProc) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

// ---- the reply is dropped, and the server lives ------------------------------------------------------------------

#[otp_genserver::test]
async fn a_reply_dropped_by_its_handler_is_no_reply_at_once() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    for caller in Caller::ALL {
        let answer = caller.begin(server.ask(|_, reply, _| {
            drop(reply);
            Ok(())
        }));
        assert_eq!(answer.await, Err(CallError::NoReply));
        let answer = caller.begin(server.keep());
        settle().await;
        server.tell(|probe, _| {
            probe.kept.clear();
            Ok(())
        });
        assert_eq!(answer.await, Err(CallError::NoReply), "kept, and dropped later");
    }
    assert_eq!(server.count().await, Ok(0), "the server lives");
    clock.expect_stood_still("dropped");
}

#[otp_genserver::test]
async fn a_reply_dropped_by_a_handler_that_goes_on_waiting_is_no_reply_at_once() {
    let clock = Stopwatch::paused();
    for caller in Caller::ALL {
        let (server, _) = Plan::new().up().await;
        let answer = caller.begin(server.ask_later(|_, reply, _| {
            Box::pin(async move {
                drop(reply);
                std::future::pending().await
            })
        }));
        assert_eq!(answer.await, Err(CallError::NoReply));
    }
    clock.expect_stood_still("dropped, then waiting");
}

#[otp_genserver::test]
async fn a_reply_dropped_outside_the_server_is_no_reply_at_once() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    for caller in Caller::ALL {
        let (reply, answer) = moved_out(caller, &server).await;
        drop(reply);
        assert_eq!(answer.await, Err(CallError::NoReply), "by another process");

        let (reply, answer) = moved_out(caller, &server).await;
        thread::spawn(move || drop(reply)).join().unwrap();
        assert_eq!(answer.await, Err(CallError::NoReply), "by a thread");

        let (reply, answer) = moved_out(caller, &server).await;
        let task = plain_task(async move {
            let _reply = reply;
            std::future::pending::<()>().await;
        });
        task.abort();
        assert_eq!(answer.await, Err(CallError::NoReply), "by a task that is aborted");
    }
    assert!(server.is_alive());
    clock.expect_stood_still("dropped outside");
}

// ---- the reply is sent on ----------------------------------------------------------------------------------------

/// A call to `first`, whose reply `second` keeps.
async fn forwarded(
    caller: Caller,
    first: &ServerRef<Probe>,
    second: &ServerRef<Probe>,
) -> Later<'static, Result<i64, CallError>> {
    let to = second.clone();
    let answer = caller.begin(first.ask(move |_, reply, _| {
        to.tell(move |probe, _| {
            probe.kept.push(reply);
            Ok(())
        });
        Ok(())
    }));
    settle().await;
    answer
}

#[otp_genserver::test]
async fn a_forwarded_request_whose_second_server_ends_is_no_reply() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let ((first, _), (second, _)) = (Plan::new().up().await, Plan::new().up().await);
        let answer = forwarded(caller, &first, &second).await;
        second.tell(move |_, cx| way.end(cx));
        assert_eq!(answer.await, Err(CallError::NoReply), "{way:?}");
        assert!(first.is_alive());
    }
    clock.expect_stood_still("second server");
}

#[otp_genserver::test]
async fn a_forwarded_request_that_waits_in_the_queue_of_a_server_that_ends_is_no_reply() {
    let clock = Stopwatch::paused();
    let ((first, _), (second, _)) = (Plan::new().up().await, Plan::new().up().await);
    let _never = busy(&second).await;
    let answer = forwarded(Caller::Main, &first, &second).await;
    send_exit(second.pid(), ExitReason::Kill);
    assert_eq!(answer.await, Err(CallError::NoReply));
    clock.expect_stood_still("queue of the second server");
}

#[otp_genserver::test]
async fn a_forwarded_request_whose_first_server_ends_hears_of_that() {
    let clock = Stopwatch::paused();
    for (way, caller) in every_case() {
        let ((first, _), (second, _)) = (Plan::new().up().await, Plan::new().up().await);
        let answer = forwarded(caller, &first, &second).await;
        first.tell(move |_, cx| way.end(cx));
        way.expect(answer.await);
        second.tell(|probe, _| {
            probe.kept.drain(..).for_each(|reply| reply.send(7));
            Ok(())
        });
        assert_eq!(second.count().await, Ok(0), "a late answer is dropped");
    }
    clock.expect_stood_still("first server");
}

#[otp_genserver::test]
async fn a_forwarded_request_is_answered_by_the_second_server() {
    let ((first, _), (second, _)) = (Plan::new().up().await, Plan::new().up().await);
    let answer = forwarded(Caller::Main, &first, &second).await;
    second.tell(|probe, _| {
        probe.kept.drain(..).for_each(|reply| reply.send(7));
        Ok(())
    });
    assert_eq!(answer.await, Ok(7));
}

// ---- no server at all --------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_044_a_call_to_a_dead_server_is_no_proc_at_once() {
    let clock = Stopwatch::paused();
    for caller in [Caller::Process, Caller::Task] {
        let (server, _) = Plan::new().up().await;
        server.stop().await.unwrap();
        assert_eq!(caller.begin(server.count()).await, Err(CallError::NoProc));
        assert_eq!(server.count().await, Err(CallError::NoProc));
        let name = unique_name::<Probe>();
        assert_eq!(caller.begin(name.call(count_of)).await, Err(CallError::NoProc));
    }
    clock.expect_stood_still("dead");
}

/// From the moment that the process refuses messages, and not only when its name is gone.
#[otp_genserver::test]
async fn a_call_to_a_server_that_is_dropping_its_state_is_no_proc() {
    let clock = Stopwatch::paused();
    let late = Arc::new(Mutex::new(None));
    let (me, seen) = (Arc::new(Mutex::new(None::<ServerRef<Probe>>)), Arc::clone(&late));
    let my_address = Arc::clone(&me);
    let plan = Plan::new().on_drop(move || {
        let server = my_address.lock().unwrap().take().unwrap();
        let thread = thread::spawn(move || {
            let mut call = server.count();
            poll_once(&mut call)
        });
        *seen.lock().unwrap() = Some(thread.join().unwrap());
    });
    let (server, _) = plan.up().await;
    *me.lock().unwrap() = Some(server.clone());
    server.stop().await.unwrap();
    let seen = late.lock().unwrap().take().unwrap();
    assert_eq!(seen, std::task::Poll::Ready(Err(CallError::NoProc)));
    clock.expect_stood_still("dropping its state");
}

#[otp_genserver::test]
async fn a_call_through_the_name_of_another_kind_of_server_is_wrong_server_at_once() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let other = Other::start(()).name(Name::owned(name.as_str())).await.unwrap();
    for caller in [Caller::Process, Caller::Task] {
        let answer = caller.begin(name.call(count_of));
        assert_eq!(answer.await, Err(CallError::WrongServer(other.pid())));
    }
    let plain = otp_core::spawn(|_: Mailbox<u8>| std::future::pending::<()>());
    process::register("a-plain-process", plain.pid()).unwrap();
    let name = Name::<Probe>::new("a-plain-process");
    assert_eq!(
        name.call(count_of).await,
        Err(CallError::WrongServer(plain.pid())),
        "a process that is no server at all"
    );
    clock.expect_stood_still("wrong server");
}

#[otp_genserver::test]
async fn gs_045_a_server_that_calls_itself_hears_so_at_once() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let by_name = name.clone();
    let server = Plan::new().start().name(name).await.unwrap();
    let answer = server.ask_later(move |_, reply, cx| {
        Box::pin(async move {
            assert_eq!(cx.server_ref().count().await, Err(CallError::CallingSelf));
            assert_eq!(by_name.call(count_of).await, Err(CallError::CallingSelf));
            reply.send(1);
            Ok(())
        })
    });
    assert_eq!(answer.await, Ok(1));
    assert_eq!(server.count().await, Ok(0), "it survived");
    clock.expect_stood_still("calling self");
}

#[otp_genserver::test]
async fn gs_045_a_server_that_calls_itself_in_init_by_its_name_hears_so_at_once() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let by_name = name.clone();
    let plan = Plan::new().init(|_| {
        Box::pin(async move {
            assert_eq!(by_name.call(count_of).await, Err(CallError::CallingSelf));
            Ok(())
        })
    });
    plan.start().name(name).await.unwrap();
    clock.expect_stood_still("calling self in init");
}

// ---- names, restarts ---------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn a_call_by_name_dies_with_its_server_also_when_the_name_has_a_new_one() {
    let clock = Stopwatch::paused();
    let name = unique_name::<Probe>();
    let first = Plan::new().start().name(name.clone()).await.unwrap();
    let answer = Caller::Main.begin(name.call(keep));
    settle().await;
    send_exit(first.pid(), ExitReason::Kill);
    let second = loop {
        match Plan::new().start().name(name.clone()).await {
            Ok(server) => break server,
            Err(StartError::AlreadyStarted(pid)) if pid == first.pid() => settle().await,
            Err(error) => panic!("{error}"),
        }
    };
    Way::Kill.expect(answer.await);
    assert_eq!(name.call(count_of).await, Ok(0));
    assert_eq!(name.whereis(), Some(second.pid()));
    assert_eq!(first.count().await, Err(CallError::NoProc), "an address dies with its process");
    clock.expect_stood_still("restarted");
}

#[otp_genserver::test]
async fn the_name_is_free_when_the_caller_hears_of_the_death() {
    for way in Way::ALL {
        let name = unique_name::<Probe>();
        let server = Plan::new().start().name(name.clone()).await.unwrap();
        way.expect(server.ask(move |_, _reply, cx| way.end(cx)).await);
        assert_eq!(name.whereis(), None, "{way:?}");
        assert!(!server.is_alive());
        assert!(!process::is_alive(server.pid()));
    }
}

// ---- the runtime goes away ---------------------------------------------------------------------------------------

/// Starts a probe on a runtime of its own.
fn on_its_own_runtime() -> (Runtime, ServerRef<Probe>) {
    let runtime = current_thread();
    let server = runtime.block_on(async { Plan::new().start().await.expect("it starts") });
    (runtime, server)
}

/// Waits on another runtime, whose clock is paused.
fn on_a_paused_runtime(call: Call<Probe, i64>) -> Result<i64, CallError> {
    current_thread().block_on(async {
        let clock = Stopwatch::paused();
        let answer = call.await;
        clock.expect_stood_still("a runtime of its own");
        answer
    })
}

#[test]
fn a_call_pending_from_another_runtime_when_the_servers_runtime_is_dropped() {
    for point in ["queued", "handled", "kept"] {
        let (runtime, server) = on_its_own_runtime();
        let mut call = match point {
            "queued" => server.count(),
            "handled" => server.ask_later(|_, reply, _| {
                Box::pin(async move {
                    let _reply = reply;
                    std::future::pending().await
                })
            }),
            _ => server.keep(),
        };
        {
            let elsewhere = current_thread();
            let _inside = elsewhere.enter();
            assert!(poll_once(&mut call).is_pending());
        }
        if point != "queued" {
            runtime.block_on(settle());
        }
        drop(runtime);
        assert_eq!(on_a_paused_runtime(call), Err(CallError::Exit(ExitReason::Killed)), "{point}");
        assert!(!server.is_alive());
        assert_eq!(on_a_paused_runtime(server.count()), Err(CallError::NoProc));
    }
}

#[test]
fn a_call_from_another_runtime_is_woken_when_the_servers_runtime_is_dropped() {
    let (runtime, server) = on_its_own_runtime();
    let (sent, is_sent) = mpsc::channel();
    let caller = thread::spawn(move || {
        current_thread().block_on(async {
            let mut call = server.keep().infinity();
            assert!(poll_once(&mut call).is_pending());
            sent.send(()).unwrap();
            call.await
        })
    });
    is_sent.recv().unwrap();
    runtime.block_on(settle());
    drop(runtime);
    assert_eq!(caller.join().unwrap(), Err(CallError::Exit(ExitReason::Killed)));
}

#[test]
fn starting_on_a_runtime_that_is_dropped_meanwhile_is_told() {
    let runtime = current_thread();
    let name = unique_name::<Probe>();
    let (plan, _entered) = Plan::new().hanging_init();
    let mut starting = plan.start().name(name.clone()).into_future();
    {
        let _inside = runtime.enter();
        assert!(poll_once(&mut starting).is_pending());
    }
    runtime.block_on(settle());
    drop(runtime);
    let outcome = current_thread().block_on(starting);
    assert_eq!(outcome.unwrap_err(), StartError::Exit(ExitReason::Killed));
    assert_eq!(name.whereis(), None);
}

#[test]
fn a_call_from_a_thread_without_a_process_hears_of_a_kill() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(async { Plan::new().start().await.unwrap() });
    let (handle, calling) = (runtime.handle().clone(), server.clone());
    let (kept, is_kept) = mpsc::channel();
    let caller = thread::spawn(move || {
        handle.block_on(calling.ask(move |probe, reply, _| {
            probe.kept.push(reply);
            kept.send(()).ok();
            Ok(())
        }))
    });
    is_kept.recv().unwrap();
    send_exit(server.pid(), ExitReason::Kill);
    Way::Kill.expect(caller.join().unwrap());
}

#[test]
fn a_call_from_the_main_process_of_run_hears_of_a_kill() {
    let answer = otp_core::run(async {
        let server = Plan::new().start().await.unwrap();
        server.ask(|_, _reply, cx| Way::Kill.end(cx)).await
    });
    Way::Kill.expect(answer.unwrap());
}

// ---- stop ---------------------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn stop_of_a_server_that_ends_otherwise_tells_the_other_reason() {
    let clock = Stopwatch::paused();
    for way in Way::ALL {
        let (server, _) = Plan::new().up().await;
        let release = busy(&server).await;
        server.tell(move |_, cx| way.end(cx));
        let mut stopping = server.stop().reason(ExitReason::new("asked for")).into_future();
        assert!(poll_once(&mut stopping).is_pending());
        release.send(()).unwrap();
        let Err(StopError::Exit(reason)) = stopping.await else { panic!("{way:?}") };
        way.expect_reason(&reason);
    }
    clock.expect_stood_still("stop, died otherwise");
}

#[otp_genserver::test]
async fn stop_whose_terminate_panics_tells_so() {
    let clock = Stopwatch::paused();
    let plan = Plan::new().on_terminate(|_| Box::pin(async { panic!("in terminate") }));
    let (server, log) = plan.up().await;
    let Err(StopError::Exit(reason)) = server.stop().await else { panic!("it ended by a panic") };
    expect_panic(&reason, "in terminate");
    assert_eq!(log.terminations(), ["normal"]);
    clock.expect_stood_still("terminate panics");
}

#[otp_genserver::test]
async fn stop_whose_terminate_hangs_hears_of_a_kill() {
    let clock = Stopwatch::paused();
    let (plan, terminating, _never) = Plan::new().slow_terminate();
    let (server, log) = plan.up().await;
    let answer = Caller::Main.begin(server.keep());
    settle().await;
    let mut stopping = server.stop().into_future();
    assert!(poll_once(&mut stopping).is_pending());
    terminating.await.unwrap();
    let mut late = server.count();
    assert!(poll_once(&mut late).is_pending(), "it takes messages until it is dead");
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(stopping.await, Err(StopError::Exit(ExitReason::Killed)));
    Way::Kill.expect(answer.await);
    Way::Kill.expect(late.await);
    assert_eq!(log.terminations(), ["normal"]);
    clock.expect_stood_still("terminate hangs");
}

#[otp_genserver::test]
async fn callers_of_a_server_whose_destructor_panics_hear_the_reason() {
    let clock = Stopwatch::paused();
    for way in Way::ALL {
        let name = unique_name::<Probe>();
        let plan = Plan::new().on_drop(|| panic!("in drop"));
        let server = plan.start().name(name.clone()).await.unwrap();
        let watch = Watch::on(server.pid()).await;
        let kept = Caller::Main.begin(server.keep());
        let queued_behind = {
            server.tell(move |_, cx| way.end(cx));
            Caller::Main.begin(server.count())
        };
        way.expect(kept.await);
        way.expect(queued_behind.await);
        way.expect_reason(&watch.down().await);
        assert_eq!(name.whereis(), None);
    }
    clock.expect_stood_still("drop panics");
}

#[otp_genserver::test]
async fn each_of_many_callers_whose_replies_were_given_away_hears_of_the_death() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let away = Arc::new(Mutex::new(Vec::new()));
    // More than the server keeps before it first looks which ones are settled.
    let requests: Vec<_> = (0..100)
        .map(|_| {
            let away = Arc::clone(&away);
            plain_task(
                server
                    .ask(move |_, reply, _| {
                        away.lock().unwrap().push(reply);
                        Ok(())
                    })
                    .infinity(),
            )
        })
        .collect();
    settle().await;
    assert_eq!(away.lock().unwrap().len(), 100);
    send_exit(server.pid(), ExitReason::Kill);
    for request in requests {
        assert_eq!(request.await.unwrap(), Err(CallError::Exit(ExitReason::Killed)));
    }
    clock.expect_stood_still("the death");
}
