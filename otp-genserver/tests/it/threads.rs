//! Servers on a thread of their own, and calls that block a thread. Real time: nothing here waits for any.

use std::future::poll_fn;
use std::sync::mpsc as blocking;
use std::time::Duration;

use otp_core::behaviour::{Answer, request};
use otp_core::{Received, ThreadMailbox, spawn_thread};
use otp_genserver::process::send_exit;
use otp_genserver::{CallError, ExitReason, GenServer, Overflow, ReplyTo, ServerRef, StopError, process};
use tokio::sync::oneshot;

use crate::support::{
    Log, Other, Plan, Probe, Tell, Watch, busy, count_of, keep, ms, plain_task, run, settle, unique_name,
};

async fn up(plan: Plan) -> (ServerRef<Probe>, Log) {
    let log = plan.log();
    (plan.start().on_thread().await.expect("it starts"), log)
}

/// Has the server block its thread until the gate opens.
async fn block(server: &ServerRef<Probe>) -> blocking::Sender<()> {
    let (entered, has_entered) = oneshot::channel();
    let (open, gate) = blocking::channel();
    server.tell(move |_, _| {
        entered.send(()).ok();
        gate.recv().ok();
        Ok(())
    });
    has_entered.await.expect("it handles the cast");
    open
}

async fn a_callback_that_blocks_holds_up_nobody() {
    let (blocked, _) = up(Plan::new()).await;
    let (free, _) = Plan::new().up().await;
    let open = block(&blocked).await;
    let call = plain_task(blocked.count().infinity());
    for _ in 0..10 {
        assert_eq!(free.count().await, Ok(0));
    }
    open.send(()).expect("it waits");
    assert_eq!(call.await.expect("no panic"), Ok(0));
}

#[otp_genserver::test]
async fn a_callback_that_blocks_holds_up_nobody_on_one_thread() {
    a_callback_that_blocks_holds_up_nobody().await;
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_that_blocks_holds_up_nobody_on_a_worker() {
    a_callback_that_blocks_holds_up_nobody().await;
}

#[otp_genserver::test]
async fn a_server_on_a_thread_runs_every_callback_there() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let on_init = tell.clone();
    let plan = Plan::new()
        .quick_init(move |cx| {
            on_init.send(("init", name_of_thread())).ok();
            let timer = on_init.clone();
            cx.send_after(
                Duration::from_millis(1),
                run(move |_, cx| {
                    timer.send(("timer", name_of_thread())).ok();
                    let continued = timer.clone();
                    cx.continue_with(run(move |_, cx| {
                        continued.send(("continue", name_of_thread())).ok();
                        cx.set_timeout(Duration::from_millis(1));
                        Ok(())
                    }));
                    Ok(())
                }),
            );
            Ok(())
        })
        .on_timeout({
            let tell = tell.clone();
            move |_, _| {
                tell.send(("timeout", name_of_thread())).ok();
                Ok(())
            }
        })
        .on_terminate({
            let tell = tell.clone();
            move |_| {
                Box::pin(async move {
                    tell.send(("terminate", name_of_thread())).ok();
                })
            }
        });
    let (server, log) = up(plan).await;
    let thread = Some(format!("otp {}", server.pid()));
    for expected in ["init", "timer", "continue", "timeout"] {
        assert_eq!(told.recv().await, Some((expected, thread.clone())));
    }
    let asked = tell.clone();
    let answer = server.ask(move |probe, reply, _| {
        asked.send(("call", name_of_thread())).ok();
        reply.send(probe.count);
        Ok(())
    });
    assert_eq!(answer.await, Ok(0));
    assert_eq!(told.recv().await, Some(("call", thread.clone())));
    let informed = tell.clone();
    server.inform(move |_, _| {
        informed.send(("info", name_of_thread())).ok();
        Ok(())
    });
    assert_eq!(told.recv().await, Some(("info", thread.clone())));
    server.stop().await.unwrap();
    assert_eq!(told.recv().await, Some(("terminate", thread)));
    assert_eq!(log.lines().last().map(String::as_str), Some("state dropped"));
    assert!(!server.is_alive());
}

fn name_of_thread() -> Option<String> {
    std::thread::current().name().map(str::to_owned)
}

#[otp_genserver::test]
async fn callbacks_on_a_thread_may_await() {
    let (server, _) = up(Plan::new()).await;
    let (other, _) = up(Plan::new()).await;
    let to = other.clone();
    let answer = server.ask_later(move |_, reply, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let slow = to.keep().timeout(Duration::from_millis(1)).await;
            assert_eq!(slow, Err(CallError::Timeout));
            reply.send(to.count().await? + 1);
            Ok(())
        })
    });
    assert_eq!(answer.await, Ok(1));
}

#[otp_genserver::test]
async fn servers_on_threads_end_like_others() {
    let name = unique_name::<Probe>();
    let server = Plan::new().start().on_thread().name(name.clone()).await.unwrap();
    assert_eq!(name.whereis(), Some(server.pid()));
    let watch = Watch::on(server.pid()).await;
    let kept = plain_task(server.keep().infinity());
    settle().await;
    assert_eq!(server.count().await, Ok(0));
    send_exit(server.pid(), ExitReason::new("r"));
    assert_eq!(watch.down().await, ExitReason::new("r"));
    assert_eq!(name.whereis(), None);
    assert_eq!(kept.await.unwrap(), Err(CallError::Exit(ExitReason::new("r"))));
    assert_eq!(server.count().await, Err(CallError::NoProc));

    let (server, log) = up(Plan::new()).await;
    let watch = Watch::on(server.pid()).await;
    server.tell(|_, _| panic!("as the test wants"));
    assert!(matches!(watch.down().await, ExitReason::Panic(_)));
    assert_eq!(log.terminations().len(), 1);

    let (server, log) = up(Plan::new()).await;
    let (dead, _) = up(Plan::new()).await;
    let pid = dead.pid();
    let (armed, is_armed) = oneshot::channel();
    server.tell(move |_, _| {
        process::monitor(pid).expect("in a process");
        armed.send(()).ok();
        Ok(())
    });
    is_armed.await.unwrap();
    dead.stop().await.unwrap();
    assert_eq!(server.count().await, Ok(0));
    assert_eq!(log.count("down: normal"), 1);

    let (server, monitor) = Plan::new().start_monitor().on_thread().await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(process::demonitor_flush(monitor), Ok(false), "its DOWN was there");
}

#[otp_genserver::test]
async fn a_kill_drops_a_callback_on_a_thread_that_awaits() {
    let (server, _) = up(Plan::new()).await;
    let _gate = busy(&server).await;
    let watch = Watch::on(server.pid()).await;
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(watch.down().await, ExitReason::Killed);
}

#[otp_genserver::test]
async fn a_failing_init_on_a_thread_is_told() {
    let failing = Plan::new().quick_init(|_| Err(otp_genserver::InitError::Stop(ExitReason::new("r"))));
    let error = failing.start().on_thread().await.unwrap_err();
    assert_eq!(error, otp_genserver::StartError::Exit(ExitReason::new("r")));
}

#[test]
fn the_end_of_the_runtime_ends_a_server_on_a_thread() {
    for multi_thread in [false, true] {
        let runtime = if multi_thread {
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
        } else {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        };
        let runtime = runtime.expect("a runtime");
        let (server, log) = runtime.block_on(up(Plan::new()));
        let (tell, told) = blocking::channel();
        process::on_exit(server.pid(), move |_, reason| drop(tell.send(reason.clone()))).expect("alive");
        drop(runtime);
        assert_eq!(told.recv(), Ok(ExitReason::Killed));
        assert_eq!(log.count("state dropped"), 1);
    }
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_thread_calls_without_a_runtime() {
    let (server, _) = Plan::new().up().await;
    let gone = Other::start(()).await.unwrap();
    gone.stop().await.unwrap();
    let (tell, told) = oneshot::channel();
    let to = server.clone();
    std::thread::spawn(move || {
        assert!(tokio::runtime::Handle::try_current().is_err());
        let count = to.count().blocking();
        let late = to.keep().timeout(Duration::from_millis(1)).blocking();
        let forgotten = to
            .ask(|_, reply, _| {
                drop(reply);
                Ok(())
            })
            .infinity()
            .blocking();
        let dead = gone.call(|reply| reply).blocking();
        tell.send((count, late, forgotten, dead)).ok();
    });
    let (count, late, forgotten, dead) = told.await.expect("the thread lives");
    assert_eq!(count, Ok(0));
    assert_eq!(late, Err(CallError::Timeout));
    assert_eq!(forgotten, Err(CallError::NoReply));
    assert_eq!(dead, Err(CallError::NoProc));
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_call_hears_of_the_death_and_waits_for_room() {
    let server = Plan::new().start().bound(1, Overflow::Wait).await.unwrap();
    let gate = busy(&server).await;
    server.tell(|probe, _| {
        probe.count = 1;
        Ok(())
    });
    let (tell, told) = oneshot::channel();
    let (to, late) = (server.clone(), server.clone());
    std::thread::spawn(move || {
        tell.send(late.count().timeout(Duration::from_millis(1)).blocking()).ok();
    });
    assert_eq!(told.await.unwrap(), Err(CallError::Timeout));
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let waited = to.count().infinity().blocking();
        let died = to.ask(|_, _reply, _| Err(ExitReason::new("r"))).infinity().blocking();
        tell.send((waited, died)).ok();
    });
    gate.send(()).unwrap();
    assert_eq!(told.await.unwrap(), (Ok(1), Err(CallError::Exit(ExitReason::new("r")))));
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_process_calls_and_is_killed_while_it_waits() {
    let (server, _) = Plan::new().up().await;
    let (tell, told) = oneshot::channel();
    let (after, was_after) = oneshot::channel::<()>();
    let to = server.clone();
    let thread = spawn_thread(move |_: ThreadMailbox<()>| {
        tell.send(to.count().blocking()).ok();
        let _ = to.keep().infinity().blocking();
        after.send(()).ok();
    });
    assert_eq!(told.await.unwrap(), Ok(0));
    // It waits, and shows it.
    while process::info(thread.pid()).map(|info| info.status) != Some(process::Status::Calling(server.pid()))
    {
        tokio::task::yield_now().await;
    }
    let watch = Watch::on(thread.pid()).await;
    send_exit(thread.pid(), ExitReason::new("r"));
    assert_eq!(watch.down().await, ExitReason::new("r"));
    assert!(was_after.await.is_err());
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_and_a_thread_process_that_call_each_other_are_no_deadlock_of_servers() {
    let (server, _) = Plan::new().up().await;
    let to = server.clone();
    let (tell, told) = oneshot::channel();
    let (tell_thread, told_thread) = oneshot::channel();
    spawn_thread(move |mailbox: ThreadMailbox<ReplyTo<i64>>| {
        let thread = mailbox.address();
        // While the thread waits for the answer, the server calls the thread.
        let call = to.ask_later(move |_, reply, cx| {
            let me = cx.pid();
            Box::pin(async move {
                let caller = process::info(thread.pid()).map(|info| info.status);
                let (reply_to, mut answer, _) = request(thread.pid());
                let calling = thread.try_request(reply_to, true);
                // Only now may the thread go on.
                reply.send(1);
                let refused = calling.as_ref().err().map(ToString::to_string);
                let answer = poll_fn(|task| answer.poll_answer(task)).await;
                tell.send((caller == Some(process::Status::Calling(me)), refused, answer)).ok();
                Ok(())
            })
        });
        let own = call.blocking();
        if let Ok(Received::Message(reply)) = mailbox.recv() {
            reply.send(2);
        }
        tell_thread.send(own).ok();
    });
    assert_eq!(told_thread.await.unwrap(), Ok(1));
    assert_eq!(told.await.unwrap(), (true, None, Answer::Value(2)));
}

/// With its only worker blocked, nobody else could answer.
#[otp_genserver::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_blocking_call_in_a_plain_task_leaves_the_worker_to_others() {
    let (server, _) = Plan::new().up().await;
    let to = server.clone();
    let call = plain_task(async move { to.count().blocking() });
    assert_eq!(call.await.unwrap(), Ok(0));
}

#[otp_genserver::test]
async fn a_plain_thread_sends_requests_and_stops_servers() {
    let (server, log) = Plan::new().up().await;
    let to = server.clone();
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let answered = to.send_request(count_of).receive_response_blocking(ms(5000));
        let late = to.send_request(keep).receive_response_blocking(ms(1));
        let stopped = to.stop().reason(ExitReason::Shutdown).blocking();
        let gone = to.stop().blocking();
        tell.send((answered, late, stopped, gone)).ok();
    });
    let told = told.await.unwrap();
    assert_eq!(told, (Ok(0), Err(CallError::Timeout), Ok(()), Err(StopError::NoProc)));
    assert_eq!(log.terminations(), ["shutdown"]);
    let (server, _) = Plan::new().up().await;
    let _gate = busy(&server).await;
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || tell.send(server.stop().timeout(ms(1)).blocking()));
    assert_eq!(told.await.unwrap(), Err(StopError::Timeout));
}

#[otp_genserver::test]
#[should_panic(expected = "use .await")]
async fn a_blocking_call_in_an_asynchronous_process_panics() {
    let (server, _) = Plan::new().up().await;
    let _ = server.count().blocking();
}
