//! A caller may poll an idle, quick server in place: what that changes, which is little, and when it does not happen.
//!
//! A callback that runs in its caller's tokio task runs in its caller's place.

use std::pin::Pin;
use std::sync::mpsc;
use std::time::Duration;

use otp_core::{Mailbox, Received};
use otp_genserver::process::{self, send_exit};
use otp_genserver::{CallError, Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef};
use tokio::sync::oneshot;
use tokio::task;
use tracing::Instrument;

use crate::support::{
    Log, Outcome, Plan, Probe, Tell, ms, plain_task, poll_once, reason_of_process, run, settle,
};

/// Runs a test in a process with a task of its own.
async fn in_a_process(test: impl Future<Output = ()> + Send + 'static) {
    let reason = reason_of_process(|_| test).await;
    assert!(reason.is_orderly(), "{reason}");
}

/// Enough calls for any server to be known as quick.
const WARM: usize = 20;

async fn warm(server: &ServerRef<Probe>) {
    for _ in 0..WARM {
        server.count().await.expect("it answers");
        // It waits again.
        task::yield_now().await;
    }
}

async fn quick() -> (ServerRef<Probe>, Log) {
    let (server, log) = Plan::new().up().await;
    warm(&server).await;
    (server, log)
}

/// Whether a call from here runs in here.
async fn runs_here(server: &ServerRef<Probe>) -> bool {
    let here = task::try_id();
    let (tell, told) = oneshot::channel();
    let answer = server.ask(move |_, reply, _| {
        tell.send(task::try_id()).ok();
        reply.send(1);
        Ok(())
    });
    assert_eq!(answer.await, Ok(1));
    told.await.expect("the callback has run") == here
}

/// Blocks its thread, for much longer than a quick callback takes. Nothing waits for this.
fn dawdle() {
    let (_open, never) = mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(2)).ok();
}

#[otp_genserver::test]
async fn an_idle_quick_server_runs_in_its_callers_place() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = Plan::new().up().await;
        assert!(!runs_here(&server).await, "a new one is not known to be quick");
        warm(&server).await;
        assert!(runs_here(&server).await);
    })
    .await;
}

#[otp_genserver::test]
async fn a_plain_task_polls_in_place_as_well() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let (tell, told) = oneshot::channel();
        plain_task(async move {
            tell.send(runs_here(&server).await).ok();
        });
        assert!(told.await.expect("the task goes on"));
    })
    .await;
}

#[otp_genserver::test]
async fn in_place_it_is_the_server_all_the_same() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let pid = server.pid();
        let caller = process::current().expect("a test is a process");
        let answer = server.ask(move |_, reply, cx| {
            assert_eq!(process::current(), Some(pid));
            assert_eq!(cx.pid(), pid);
            reply.send(1);
            assert_eq!(process::current(), Some(pid), "the answer changed who runs");
            Ok(())
        });
        assert_eq!(answer.await, Ok(1));
        assert_eq!(process::current(), Some(caller));
    })
    .await;
}

/// A server that does not want it.
struct Apart;

impl GenServer for Apart {
    const POLLED_BY_CALLERS: bool = false;
    type Args = ();
    type Call = ReplyTo<Option<task::Id>>;
    type Cast = ();
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: ReplyTo<Option<task::Id>>, _: &mut Context<Self>) -> Outcome {
        reply.send(task::try_id());
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Outcome {
        Ok(())
    }
}

#[otp_genserver::test]
async fn a_server_that_does_not_want_it_runs_in_its_own_task() {
    tokio::time::pause();
    in_a_process(async {
        let server = Apart::start(()).await.expect("it starts");
        for _ in 0..2 * WARM {
            let place = server.call(|reply| reply).await.expect("it answers");
            assert!(place.is_some() && place != task::try_id());
            settle().await;
        }
    })
    .await;
}

#[otp_genserver::test]
async fn a_server_with_slow_callbacks_runs_in_its_own_task() {
    in_a_process(async {
        let (server, _) = quick().await;
        for _ in 0..WARM {
            let slow = server.ask(|_, reply, _| {
                dawdle();
                reply.send(1);
                Ok(())
            });
            assert_eq!(slow.await, Ok(1));
            settle().await;
        }
        for _ in 0..WARM {
            assert!(!runs_here(&server).await, "it was slow a moment ago");
            settle().await;
        }
    })
    .await;
}

#[otp_genserver::test]
async fn what_the_caller_polls_may_turn_slow_and_others_are_served_meanwhile() {
    in_a_process(async {
        let (server, _) = quick().await;
        let (entered, has_entered) = oneshot::channel();
        let (release, gate) = oneshot::channel::<()>();
        let here = task::try_id();
        let mut slow = server.ask_later(move |_, reply, _| {
            Box::pin(async move {
                assert_eq!(task::try_id(), here, "it begins in its caller's place");
                entered.send(()).ok();
                gate.await.ok();
                assert_ne!(task::try_id(), here, "it goes on in its own task");
                reply.send(1);
                Ok(())
            })
        });
        assert!(poll_once(&mut slow).is_pending());
        has_entered.await.expect("it was entered at once");
        let count = server.count();
        release.send(()).expect("it waits");
        assert_eq!(slow.await, Ok(1));
        assert_eq!(count.await, Ok(0));
    })
    .await;
}

#[otp_genserver::test]
async fn gs_024_a_limit_holds_in_place() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let begun = tokio::time::Instant::now();
        let never = server.ask_later(|_, reply, _| {
            Box::pin(async move {
                let _reply = reply;
                std::future::pending().await
            })
        });
        assert_eq!(never.timeout(ms(70)).await, Err(CallError::Timeout));
        // The timer rounds up to the next millisecond.
        assert!((ms(70)..ms(72)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    })
    .await;
}

#[otp_genserver::test]
async fn a_panic_in_place_ends_the_server_and_not_its_caller() {
    tokio::time::pause();
    in_a_process(async {
        let (server, log) = quick().await;
        let answer = server.ask(|_, _reply, _| std::panic::resume_unwind(Box::new("no")));
        assert!(matches!(answer.await, Err(CallError::Exit(ExitReason::Panic(_)))));
        settle().await;
        assert!(!server.is_alive());
        assert_eq!(log.count("state dropped"), 1);
        assert_eq!(log.terminations().len(), 1);
    })
    .await;
}

#[otp_genserver::test]
async fn a_stop_in_place_is_an_orderly_end() {
    tokio::time::pause();
    in_a_process(async {
        let (server, log) = quick().await;
        let answer = server.ask(|_, reply, cx| {
            reply.send(3);
            cx.stop(ExitReason::Shutdown);
            Ok(())
        });
        assert_eq!(answer.await, Ok(3));
        settle().await;
        assert!(!server.is_alive());
        assert_eq!(log.terminations(), ["shutdown"]);
        assert_eq!(server.count().await, Err(CallError::NoProc));
    })
    .await;
}

#[otp_genserver::test]
async fn an_exit_signal_in_place_ends_the_server() {
    tokio::time::pause();
    in_a_process(async {
        let (server, log) = quick().await;
        let pid = server.pid();
        let answer = server.ask_later(move |probe, _reply, _| {
            Box::pin(async move {
                send_exit(pid, ExitReason::Kill);
                task::yield_now().await;
                probe.log.add("went on");
                Ok(())
            })
        });
        assert_eq!(answer.await, Err(CallError::Exit(ExitReason::Killed)));
        settle().await;
        assert_eq!(log.count("went on"), 0);
        assert_eq!(log.count("state dropped"), 1);
    })
    .await;
}

#[otp_genserver::test]
async fn a_linked_caller_dies_of_what_it_polled() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let pid = server.pid();
        let (tell, told) = oneshot::channel();
        let reason = reason_of_process(move |_| async move {
            process::link(pid).expect("both live");
            let answer = server.ask(|_, _reply, _| Err(ExitReason::new("enough"))).await;
            // Not reached: the signal is there before the answer is.
            tell.send(answer).ok();
            std::future::pending::<()>().await;
        });
        assert_eq!(reason.await.to_string(), "enough");
        assert!(told.await.is_err(), "the caller went on after the exit signal");
    })
    .await;
}

#[otp_genserver::test]
async fn an_exit_signal_before_the_answer_comes_before_it() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let (tell, told) = oneshot::channel();
        let reason = reason_of_process(move |_| async move {
            let me = process::current().expect("this is a process");
            let answer = server.ask(move |_, reply, _| {
                send_exit(me, ExitReason::new("no more"));
                reply.send(1);
                Ok(())
            });
            tell.send(answer.await).ok();
            std::future::pending::<()>().await;
        });
        assert_eq!(reason.await.to_string(), "no more");
        assert!(told.await.is_err(), "the caller went on after the exit signal");
    })
    .await;
}

#[otp_genserver::test]
async fn a_circle_is_refused_in_place() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let (other, _) = quick().await;
        let back = server.clone();
        let answer = server.ask_later(move |_, mut reply, _| {
            Box::pin(async move {
                reply.mark_held();
                let answer = other.ask_later(move |_, mut reply, _| {
                    Box::pin(async move {
                        reply.mark_held();
                        let refused = matches!(back.count().await, Err(CallError::Deadlock(_)));
                        reply.send(i64::from(refused));
                        Ok(())
                    })
                });
                reply.send(answer.await.unwrap_or(-1));
                Ok(())
            })
        });
        assert_eq!(answer.await, Ok(1));
    })
    .await;
}

/// Goes down a line of servers, each of which calls the next; tells how many of them ran in that task.
fn down(line: &[ServerRef<Probe>], task: task::Id) -> Pin<Box<dyn Future<Output = i64> + Send>> {
    let Some((first, rest)) = line.split_first() else { return Box::pin(async { 0 }) };
    let (first, rest) = (first.clone(), rest.to_vec());
    Box::pin(async move {
        let answer = first.ask_later(move |_, reply, _| {
            Box::pin(async move {
                let in_place = i64::from(task::id() == task);
                reply.send(in_place + down(&rest, task).await);
                Ok(())
            })
        });
        answer.await.expect("each answers")
    })
}

#[otp_genserver::test]
async fn a_long_line_of_calls_takes_little_of_the_stack() {
    tokio::time::pause();
    in_a_process(async {
        let mut line = Vec::new();
        for _ in 0..50 {
            line.push(quick().await.0);
        }
        let in_place = down(&line, task::id()).await;
        assert!((2..8).contains(&in_place), "{in_place} ran within each other");
    })
    .await;
}

#[otp_genserver::test]
async fn what_comes_meanwhile_is_left_to_the_servers_own_task() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let (tell, told) = oneshot::channel();
        let again = server.clone();
        let here = task::try_id();
        let answer = server.ask(move |_, reply, _| {
            again.tell(move |_, _| {
                tell.send(task::try_id()).ok();
                Ok(())
            });
            assert_eq!(task::try_id(), here, "this is in place");
            reply.send(1);
            Ok(())
        });
        assert_eq!(answer.await, Ok(1));
        assert_ne!(told.await.expect("it is handled"), here);
        settle().await;
        assert!(runs_here(&server).await, "it can be polled in place again");
    })
    .await;
}

#[otp_genserver::test]
async fn a_busy_stream_does_not_hold_up_the_caller() {
    in_a_process(async {
        let (server, _) = quick().await;
        let answer = server.ask(|_, reply, cx| {
            cx.add_stream(futures_util::stream::repeat_with(|| run(|_, _| Ok(()))));
            reply.send(1);
            Ok(())
        });
        // Nothing but the server itself would ever end this poll.
        assert_eq!(task::unconstrained(answer).await, Ok(1));
        let end = server.ask(|_, reply, cx| {
            reply.send(2);
            cx.stop(ExitReason::Normal);
            Ok(())
        });
        assert_eq!(end.await, Ok(2));
    })
    .await;
}

#[otp_genserver::test]
async fn a_caller_that_a_signal_has_hit_is_no_less_answered() {
    in_a_process(async {
        let (server, _) = quick().await;
        let (tell, told) = oneshot::channel();
        let handle = tokio::runtime::Handle::current();
        otp_core::spawn_thread(move |_: otp_core::ThreadMailbox<()>| {
            send_exit(process::current().expect("a process"), ExitReason::new("no more"));
            tell.send(handle.block_on(server.count())).ok();
        });
        assert_eq!(told.await, Ok(Ok(0)), "a thread cannot be ended from outside, nor left waiting");
    })
    .await;
}

#[otp_genserver::test]
async fn the_callers_span_is_not_the_servers() {
    let subscriber = tracing_subscriber::registry();
    let _guard = tracing::subscriber::set_default(subscriber);
    in_a_process(async {
        let (server, _) = quick().await;
        let in_a_span = server.ask(|_, reply, _| {
            reply.send(i64::from(!tracing::Span::current().is_none()));
            Ok(())
        });
        assert_eq!(in_a_span.instrument(tracing::info_span!("request")).await, Ok(0));
    })
    .await;
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_has_entered_another_runtime_polls_nobody() {
    in_a_process(async {
        let (server, _) = quick().await;
        let home = tokio::runtime::Handle::current().id();
        let (tell, told) = oneshot::channel();
        task::block_in_place(|| {
            let other = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let answer = server.ask(move |_, reply, _| {
                tell.send(tokio::runtime::Handle::current().id() == home).ok();
                reply.send(1);
                Ok(())
            });
            assert_eq!(other.block_on(answer.infinity().into_future()), Ok(1));
        });
        assert_eq!(told.await, Ok(true));
    })
    .await;
}

#[otp_genserver::test]
async fn what_the_server_sent_first_arrives_first() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let (tell, told) = oneshot::channel();
        otp_core::spawn(move |mut mailbox: Mailbox<u8>| async move {
            let me = mailbox.address();
            let answer = server.ask(move |_, reply, _| {
                me.send(1);
                reply.send(0);
                me.send(2);
                Ok(())
            });
            assert_eq!(answer.await, Ok(0));
            tell.send([mailbox.receive().await, mailbox.receive().await]).ok();
        });
        let received = told.await.expect("both came");
        assert!(matches!(received, [Received::Message(1), Received::Message(2)]));
    })
    .await;
}

#[otp_genserver::test]
async fn who_calls_for_ever_lets_others_run() {
    tokio::time::pause();
    in_a_process(async {
        let (server, _) = quick().await;
        let (done, mut is_done) = oneshot::channel();
        plain_task(async move {
            for _ in 0..3 {
                // The runtime comes back to this after 61 polls of others, each of at most 128 calls.
                task::yield_now().await;
            }
            done.send(()).ok();
        });
        for calls in 0_u32.. {
            server.count().await.expect("it answers");
            if is_done.try_recv().is_ok() {
                break;
            }
            assert!(calls < 100_000, "the calls of one task starve the others");
        }
    })
    .await;
}

#[otp_genserver::test]
async fn a_server_of_another_runtime_stays_there() {
    in_a_process(async {
        let (hand, handed) = oneshot::channel();
        let (close, closed) = oneshot::channel::<()>();
        let elsewhere = std::thread::spawn(move || {
            otp_core::run(async move {
                hand.send(quick().await.0).ok();
                closed.await.ok();
            })
        });
        let server = handed.await.expect("it starts there");
        for _ in 0..WARM {
            assert!(!runs_here(&server).await);
        }
        close.send(()).expect("it waits");
        elsewhere.join().expect("it ends").expect("and well");
    })
    .await;
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocks_its_thread_polls_nobody() {
    in_a_process(async {
        let (server, _) = quick().await;
        let (tell, told) = oneshot::channel();
        task::spawn_blocking(move || {
            let here = task::try_id();
            let answer = server.ask(move |_, reply, _| {
                tell.send(task::try_id() == here).ok();
                reply.send(1);
                Ok(())
            });
            assert_eq!(answer.blocking(), Ok(1));
        })
        .await
        .expect("it does not panic");
        assert!(!told.await.expect("the callback has run"));
    })
    .await;
}
