//! Calls: replies, limits of time, order, and giving up.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use otp_core::{Mailbox, Received};
use otp_genserver::process::{self, Status};
use otp_genserver::{Call, CallError, Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef};
use tokio::sync::oneshot;

use crate::support::{
    Plan, Probe, Stopwatch, Tell, busy, ms, plain_task, poll_once, reason_of_process, run, settle,
};

#[otp_genserver::test]
async fn gs_022_a_reply_may_be_sent_later_by_the_server() {
    let (server, _) = Plan::new().up().await;
    let mut first = server.keep();
    let mut second = server.keep();
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    assert_eq!(server.count().await, Ok(0), "the server goes on meanwhile");
    server.tell(|probe, _| {
        for (n, reply) in probe.kept.drain(..).rev().enumerate() {
            reply.send(i64::try_from(n)?);
        }
        Ok(())
    });
    assert_eq!(first.await, Ok(1));
    assert_eq!(second.await, Ok(0));
}

#[otp_genserver::test]
async fn gs_022_a_reply_may_be_sent_by_any_process_task_or_thread() {
    let (server, _) = Plan::new().up().await;
    let by_process = server.ask(|_, reply, _| {
        otp_core::spawn(|_: Mailbox<()>| async move { reply.send(1) });
        Ok(())
    });
    assert_eq!(by_process.await, Ok(1));
    let by_task = server.ask(|_, reply, _| {
        plain_task(async move { reply.send(2) });
        Ok(())
    });
    assert_eq!(by_task.await, Ok(2));
    let by_thread = server.ask(|_, reply, _| {
        std::thread::spawn(move || reply.send(3));
        Ok(())
    });
    assert_eq!(by_thread.infinity().await, Ok(3));
}

#[otp_genserver::test]
async fn gs_022_the_caller_itself_may_get_the_right_to_answer() {
    let (server, _) = Plan::new().up().await;
    let (hand_out, handed_out) = oneshot::channel();
    let mut call = server.ask(|_, reply, _| {
        hand_out.send(reply).ok();
        Ok(())
    });
    assert!(poll_once(&mut call).is_pending());
    handed_out.await.unwrap().send(5);
    assert_eq!(call.await, Ok(5));
}

// ---- order -------------------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_038_calls_of_one_caller_are_served_in_the_order_of_their_first_polls() {
    let (server, log) = Plan::new().up().await;
    let note = |n: i64| {
        server.ask(move |probe, reply, _| {
            probe.log.add(n.to_string());
            reply.send(n);
            Ok(())
        })
    };
    let (mut a, mut b, mut c) = (note(1), note(2), note(3));
    for call in [&mut c, &mut a, &mut b] {
        assert!(poll_once(call).is_pending());
    }
    assert_eq!((a.await, b.await, c.await), (Ok(1), Ok(2), Ok(3)));
    assert_eq!(log.lines(), ["init", "3", "1", "2"]);
}

#[otp_genserver::test(flavor = "multi_thread", worker_threads = 2)]
async fn gs_038_many_callers_at_once_each_in_its_order() {
    const CALLERS: i64 = 8;
    const EACH: i64 = 200;
    let (server, log) = Plan::new().up().await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let server = server.clone();
            plain_task(async move {
                let mut calls: Vec<Call<Probe, i64>> = (0..EACH)
                    .map(|n| {
                        let mut call = server.ask(move |probe, reply, _| {
                            probe.log.add(format!("{caller}:{n}"));
                            reply.send(caller * EACH + n);
                            Ok(())
                        });
                        // It may be answered already, on the other thread.
                        match poll_once(&mut call) {
                            std::task::Poll::Pending => call,
                            std::task::Poll::Ready(result) => Call::ready(result),
                        }
                    })
                    .collect();
                for (n, call) in (0..).zip(calls.drain(..)) {
                    assert_eq!(call.await, Ok(caller * EACH + n));
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let lines = log.lines();
    for caller in 0..CALLERS {
        let prefix = format!("{caller}:");
        let seen: Vec<i64> =
            lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(|n| n.parse().unwrap()).collect();
        assert!(seen.into_iter().eq(0..EACH));
    }
}

#[otp_genserver::test]
async fn gs_049_a_call_does_not_look_at_the_callers_mailbox() {
    const WAITING: usize = 500_000;
    let reason = reason_of_process(|_| async {
        let (server, _) = Plan::new().up().await;
        let (done, is_done) = oneshot::channel();
        let caller = otp_core::spawn(move |mut mailbox: Mailbox<usize>| async move {
            let me = mailbox.address();
            (0..WAITING).for_each(|n| me.send(n));
            for _ in 0..100 {
                assert_eq!(server.count().await, Ok(0));
            }
            let info = process::info(mailbox.pid()).unwrap();
            assert_eq!((info.mailbox_len, info.messages_handled), (WAITING, 0));
            for n in 0..WAITING {
                let Received::Message(m) = mailbox.receive().await else { panic!("only messages came") };
                assert_eq!(n, m);
            }
            done.send(()).ok();
        });
        assert_eq!(is_done.await, Ok(()), "{caller:?}");
    })
    .await;
    assert_eq!(reason, ExitReason::Normal);
}

// ---- limits of time ----------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_039_a_call_waits_five_seconds() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    assert_eq!(server.keep().await, Err(CallError::Timeout));
    assert!(clock.elapsed() >= ms(5000) && clock.elapsed() < ms(5005), "{:?}", clock.elapsed());
    assert_eq!(server.count().await, Ok(0), "the server does not notice");
}

#[otp_genserver::test]
async fn gs_039_outside_any_process_too() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    assert_eq!(plain_task(server.keep()).await.unwrap(), Err(CallError::Timeout));
    assert!(clock.elapsed() >= ms(5000) && clock.elapsed() < ms(5005), "{:?}", clock.elapsed());
}

#[otp_genserver::test]
async fn gs_039_infinity_waits_for_ever() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let answer = server.ask_later(|_, reply, _| {
        Box::pin(async {
            tokio::time::sleep(ms(86_400_000)).await;
            reply.send(1);
            Ok(())
        })
    });
    assert_eq!(answer.infinity().await, Ok(1));
    assert!(clock.elapsed() >= ms(86_400_000));
}

#[otp_genserver::test]
async fn gs_039_the_limit_counts_from_the_first_poll() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let call = server.keep().timeout(ms(100));
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(call.await, Err(CallError::Timeout));
    assert!(clock.elapsed() >= ms(1100) && clock.elapsed() < ms(1105), "{:?}", clock.elapsed());
}

#[otp_genserver::test]
async fn several_calls_of_one_process_each_have_their_own_limit() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let mut slow = server.keep().timeout(ms(300));
    assert!(poll_once(&mut slow).is_pending());
    for limit in [50, 10, 100] {
        let before = clock.elapsed();
        assert_eq!(server.keep().timeout(ms(limit)).await, Err(CallError::Timeout));
        let took = clock.elapsed() - before;
        assert!(took >= ms(limit) && took < ms(limit + 5), "{took:?}");
    }
    assert_eq!(slow.await, Err(CallError::Timeout));
    assert!(clock.elapsed() >= ms(300) && clock.elapsed() < ms(305), "{:?}", clock.elapsed());
}

#[otp_genserver::test]
async fn gs_043_zero_to_a_server_that_has_not_answered_is_a_timeout_and_the_request_was_sent() {
    let clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    let call = server.ask(|probe, reply, _| {
        probe.log.add("handled");
        assert!(reply.is_closed());
        reply.send(1);
        Ok(())
    });
    assert_eq!(call.timeout(ms(0)).await, Err(CallError::Timeout));
    assert_eq!(server.count().await, Ok(0));
    assert_eq!(log.count("handled"), 1);
    clock.expect_stood_still("zero");
}

#[otp_genserver::test]
async fn a_reply_after_the_limit_is_dropped_and_not_taken_for_the_next_one() {
    let _clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    assert_eq!(server.keep().timeout(ms(10)).await, Err(CallError::Timeout));
    let mut next = server.keep();
    assert!(poll_once(&mut next).is_pending());
    server.tell(|probe, _| {
        let closed: Vec<bool> = probe.kept.iter().map(ReplyTo::is_closed).collect();
        assert_eq!(closed, [true, false]);
        for (n, reply) in (1..).zip(probe.kept.drain(..)) {
            reply.send(n);
        }
        Ok(())
    });
    assert_eq!(next.await, Ok(2));
}

#[otp_genserver::test]
async fn a_reply_at_the_limit_is_taken_if_it_is_there() {
    let _clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let mut call = server.count().timeout(ms(10));
    assert!(poll_once(&mut call).is_pending());
    settle().await;
    tokio::time::advance(ms(1000)).await;
    assert_eq!(call.await, Ok(0), "it was answered in time, only looked at late");
}

// ---- giving up ---------------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn a_call_dropped_before_its_first_poll_was_never_sent() {
    let (server, log) = Plan::new().up().await;
    drop(server.ask(|probe, reply, _| {
        probe.log.add("handled");
        reply.send(1);
        Ok(())
    }));
    assert_eq!(server.count().await, Ok(0));
    assert_eq!(log.count("handled"), 0);
    assert_eq!(process::info(server.pid()).unwrap().messages_handled, 1);
}

#[otp_genserver::test]
async fn a_call_dropped_later_is_handled_and_its_answer_dropped() {
    let (server, log) = Plan::new().up().await;
    let mut call = server.ask(|probe, reply, _| {
        probe.log.add(format!("closed {}", reply.is_closed()));
        reply.send(1);
        Ok(())
    });
    assert!(poll_once(&mut call).is_pending());
    drop(call);
    assert_eq!(server.count().await, Ok(0));
    assert_eq!(log.count("closed true"), 1, "the server can see that nobody waits");
}

#[otp_genserver::test]
async fn the_caller_dies_and_the_server_does_not_care() {
    let (server, log) = Plan::new().up().await;
    let release = busy(&server).await;
    let calling = server.clone();
    let caller = otp_core::spawn(|_: Mailbox<()>| async move { drop(calling.count().await) });
    settle().await;
    assert_eq!(process::info(caller.pid()).unwrap().status, Status::Calling(server.pid()));
    process::send_exit(caller.pid(), ExitReason::Kill);
    settle().await;
    release.send(()).unwrap();
    assert_eq!(server.count().await, Ok(0));
    assert_eq!(log.lines(), ["init"]);
}

#[otp_genserver::test]
#[should_panic(expected = "a call was polled after it was ready")]
async fn a_call_that_is_over_must_not_be_polled_again() {
    let (server, _) = Plan::new().up().await;
    let mut call = server.count();
    assert_eq!((&mut call).await, Ok(0));
    let _ = (&mut call).await;
}

#[otp_genserver::test]
async fn gs_044_a_call_made_before_its_server_died_and_sent_after_is_no_proc() {
    let (server, _) = Plan::new().up().await;
    let call = server.count();
    server.stop().await.unwrap();
    assert_eq!(call.await, Err(CallError::NoProc));
}

#[otp_genserver::test]
async fn a_ready_call_needs_no_server() {
    assert_eq!(Call::<Probe, _>::ready(Ok(3)).await, Ok(3));
    assert_eq!(Call::<Probe, i64>::ready(Err(CallError::Timeout)).infinity().await, Err(CallError::Timeout));
    assert_eq!(Call::<Probe, _>::ready(Ok("x")).timeout(ms(0)).await, Ok("x"));
}

// ---- what is kept ------------------------------------------------------------------------------------------------

/// Hands out tokens, at once or later.
#[derive(Default)]
struct Tokens {
    waiting: Vec<ReplyTo<Token>>,
}

type Token = Arc<()>;

enum TokensCast {
    /// Answers all who wait.
    Answer(Token),
    /// Forgets all who wait.
    Forget,
}

impl GenServer for Tokens {
    type Args = ();
    type Call = ReplyTo<Token>;
    type Cast = TokensCast;
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self::default())
    }

    async fn handle_call(&mut self, reply: ReplyTo<Token>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.waiting.push(reply);
        Ok(())
    }

    async fn handle_cast(&mut self, cast: TokensCast, _: &mut Context<Self>) -> Result<(), ExitReason> {
        for reply in self.waiting.drain(..) {
            match &cast {
                TokensCast::Answer(token) => reply.send(Arc::clone(token)),
                TokensCast::Forget => drop(reply),
            }
        }
        Ok(())
    }
}

async fn tokens() -> ServerRef<Tokens> {
    Tokens::start(()).await.expect("it starts")
}

fn wait_for_a_token(server: &ServerRef<Tokens>) -> Call<Tokens, Token> {
    let mut call = server.call(|reply| reply);
    assert!(poll_once(&mut call).is_pending());
    call
}

/// A pool answers with what it lends: what nobody takes must come back at once.
#[otp_genserver::test]
async fn a_kept_reply_whose_caller_gave_up_drops_its_late_value_at_once() {
    let server = tokens().await;
    let call = wait_for_a_token(&server);
    settle().await;
    drop(call);
    let token = Token::default();
    server.cast(TokensCast::Answer(Arc::clone(&token)));
    settle().await;
    assert_eq!(Arc::strong_count(&token), 1, "nobody can take it any more");
}

#[otp_genserver::test]
async fn a_kept_reply_whose_caller_gives_up_with_the_value_unread_drops_it_at_once() {
    let server = tokens().await;
    let call = wait_for_a_token(&server);
    settle().await;
    let token = Token::default();
    server.cast(TokensCast::Answer(Arc::clone(&token)));
    settle().await;
    assert_eq!(Arc::strong_count(&token), 2, "it waits for the caller");
    drop(call);
    assert_eq!(Arc::strong_count(&token), 1, "nobody can take it any more");
}

#[otp_genserver::test]
async fn ten_thousand_kept_replies_are_released_as_they_settle() {
    let server = tokens().await;
    let token = Token::default();
    let mut most = 0;
    for n in 0..10_000 {
        let call = wait_for_a_token(&server);
        settle_briefly().await;
        match n % 3 {
            // Answered.
            0 => {
                server.cast(TokensCast::Answer(Arc::clone(&token)));
                drop(call.await);
            }
            // Answered, and never looked at.
            1 => {
                server.cast(TokensCast::Answer(Arc::clone(&token)));
                settle_briefly().await;
                drop(call);
            }
            // Given up, and answered too late.
            _ => {
                drop(call);
                server.cast(TokensCast::Answer(Arc::clone(&token)));
                settle_briefly().await;
            }
        }
        most = most.max(Arc::strong_count(&token));
    }
    assert!(most < 100, "{most} answers were kept at a time");
}

#[otp_genserver::test]
async fn ten_thousand_replies_kept_at_once_are_released_too() {
    let server = tokens().await;
    let token = Token::default();
    let calls: Vec<_> = (0..10_000).map(|_| wait_for_a_token(&server)).collect();
    server.cast(TokensCast::Answer(Arc::clone(&token)));
    for call in calls {
        assert!(call.await.is_ok());
    }
    // As many again settle: by then the first ones are gone.
    for _ in 0..10_000 {
        let call = wait_for_a_token(&server);
        settle_briefly().await;
        drop(call);
        server.cast(TokensCast::Forget);
    }
    settle().await;
    assert!(Arc::strong_count(&token) < 100);
    server.stop().await.unwrap();
    assert_eq!(Arc::strong_count(&token), 1);
}

async fn settle_briefly() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

/// A begins a call to B in a callback, gives it away, and is in another callback when B, busy all the while, calls A.
#[otp_genserver::test]
async fn a_call_that_was_given_away_is_no_wait_of_the_callback_that_began_it() {
    #[derive(Debug, Clone, Copy)]
    enum Then {
        AwaitsIt,
        KeepsIt,
        IsInTheSameCallback,
        ListensToIt,
    }
    for then in [Then::AwaitsIt, Then::KeepsIt, Then::IsInTheSameCallback, Then::ListensToIt] {
        let (a, _) = Plan::new().up().await;
        let (b, _) = Plan::new().up().await;
        let (begin, begun) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let to_a = a.clone();
        b.tell_later(move |_, _| {
            Box::pin(async move {
                begun.await.ok();
                tell.send(to_a.count().await).ok();
                Ok(())
            })
        });
        let to_b = b.clone();
        let (leave, gate) = oneshot::channel::<()>();
        a.tell_later(move |_, cx| {
            Box::pin(async move {
                let mut call = to_b.count();
                if matches!(then, Then::ListensToIt) {
                    // The server itself goes on with it, whenever it is idle.
                    cx.add_stream(stream::once(call).map(|_| run(|_, _| Ok(()))));
                    return Ok(());
                }
                assert!(poll_once(&mut call).is_pending());
                plain_task(async move {
                    if matches!(then, Then::KeepsIt) {
                        std::future::pending::<()>().await;
                    }
                    call.await
                });
                if matches!(then, Then::IsInTheSameCallback) {
                    gate.await.ok();
                }
                Ok(())
            })
        });
        settle().await;
        let leave = if matches!(then, Then::IsInTheSameCallback) { leave } else { busy(&a).await };
        assert_eq!(process::info(a.pid()).unwrap().status, Status::Waiting, "{then:?}");
        begin.send(()).unwrap();
        settle().await;
        leave.send(()).ok();
        assert_eq!(told.await.unwrap(), Ok(0), "{then:?}");
    }
}

#[otp_genserver::test]
async fn a_call_that_is_dropped_elsewhere_is_no_wait_of_its_caller() {
    let (server, _) = Plan::new().up().await;
    let to = server.clone();
    let caller = otp_core::spawn(move |mut mailbox: Mailbox<()>| async move {
        let mut call = to.keep();
        assert!(poll_once(&mut call).is_pending());
        let (hold, held) = oneshot::channel::<()>();
        plain_task(async move {
            held.await.ok();
            drop(call);
        });
        mailbox.receive().await;
        hold.send(()).ok();
        mailbox.receive().await;
    });
    settle().await;
    assert_eq!(process::info(caller.pid()).unwrap().status, Status::Calling(server.pid()));
    caller.send(());
    settle().await;
    assert_eq!(process::info(caller.pid()).unwrap().status, Status::Waiting);
}
