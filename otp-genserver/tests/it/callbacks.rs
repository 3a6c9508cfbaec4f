//! What the callbacks return and ask for, and what follows from it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use otp_core::Mailbox;
use otp_genserver::process::{self, send_exit};
use otp_genserver::{CallError, Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef};

use crate::support::{
    Log, Plan, Probe, Reports, Stopwatch, Tell, Watch, Way, expect_panic, ms, run, settle, unique_name,
};

#[otp_genserver::test]
async fn gs_018_the_caller_gets_the_reply_and_the_next_message_the_new_state() {
    let (server, _) = Plan::new().up().await;
    let answer = server.ask(|probe, reply, _| {
        reply.send(probe.count);
        probe.count += 5;
        Ok(())
    });
    assert_eq!(answer.await, Ok(0));
    assert_eq!(server.count().await, Ok(5));
}

#[otp_genserver::test]
async fn gs_018_a_callback_may_wait_and_nothing_else_is_handled_meanwhile() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell_later(|probe, _| {
        Box::pin(async {
            tokio::time::sleep(ms(100)).await;
            probe.log.add("slow");
            Ok(())
        })
    });
    server.tell(|probe, _| {
        probe.log.add("next");
        Ok(())
    });
    server.count().await.unwrap();
    assert_eq!(log.lines(), ["init", "slow", "next"]);
}

// ---- handle_continue ---------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_021_continue_from_init_runs_before_any_message() {
    let name = unique_name::<Probe>();
    let by_name = name.clone();
    let plan = Plan::new().quick_init(move |cx| {
        // In the mailbox before init returns.
        cx.server_ref().tell(|probe, _| {
            probe.log.add("message");
            Ok(())
        });
        assert_eq!(by_name.whereis(), Some(cx.pid()));
        cx.continue_with(run(|probe, _| {
            probe.log.add("continue");
            Ok(())
        }));
        Ok(())
    });
    let log = plan.log();
    let server = plan.start().name(name).await.unwrap();
    server.count().await.unwrap();
    assert_eq!(log.lines(), ["init", "continue", "message"]);
}

#[otp_genserver::test]
async fn gs_021_a_continue_may_continue_again_before_any_message() {
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.server_ref().tell(|probe, _| {
            probe.log.add("message");
            Ok(())
        });
        cx.continue_with(run(|probe, cx| {
            probe.log.add("first");
            cx.continue_with(run(|probe, _| {
                probe.log.add("second");
                Ok(())
            }));
            Ok(())
        }));
        Ok(())
    });
    server.count().await.unwrap();
    assert_eq!(log.lines(), ["init", "first", "second", "message"]);
}

#[otp_genserver::test]
async fn gs_021_several_continues_run_in_order() {
    let (server, log) = Plan::new().up().await;
    let answer = server.ask(|_, reply, cx| {
        for n in 1..=3 {
            cx.continue_with(run(move |probe, _| {
                probe.log.add(format!("continue {n}"));
                Ok(())
            }));
        }
        reply.send(0);
        Ok(())
    });
    assert_eq!(answer.await, Ok(0));
    server.count().await.unwrap();
    assert_eq!(log.lines(), ["init", "continue 1", "continue 2", "continue 3"]);
}

#[otp_genserver::test]
async fn gs_021_a_continue_may_stop_and_the_rest_does_not_run() {
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.continue_with(run(|_, cx| {
            cx.stop(ExitReason::Shutdown);
            Ok(())
        }));
        cx.continue_with(run(|probe, _| {
            probe.log.add("not reached");
            Ok(())
        }));
        Ok(())
    });
    assert_eq!(server.count().await, Err(CallError::Exit(ExitReason::Shutdown)));
    assert_eq!(log.lines(), ["init", "terminate: shutdown", "state dropped"]);
}

#[otp_genserver::test]
async fn gs_021_a_continue_may_set_a_timeout() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.continue_with(run(|_, cx| {
            cx.set_timeout(ms(10));
            Ok(())
        }));
        Ok(())
    });
    tokio::time::sleep(ms(20)).await;
    assert_eq!(log.count("timeout"), 1);
}

// ---- replies and stops -------------------------------------------------------------------------------------------

#[otp_genserver::test]
async fn gs_023_an_explicit_reply_arrives_however_the_callback_ends() {
    for way in Way::ALL {
        let (server, _) = Plan::new().up().await;
        let watch = Watch::on(server.pid()).await;
        let answer = server.ask(move |_, reply, cx| {
            reply.send(1);
            way.end(cx)
        });
        assert_eq!(answer.await, Ok(1), "{way:?}");
        way.expect_reason(&watch.down().await);
    }
}

#[otp_genserver::test]
async fn gs_023_a_reply_after_stop_was_asked_for_arrives() {
    let (server, log) = Plan::new().up().await;
    let answer = server.ask(|_, reply, cx| {
        cx.stop(ExitReason::Normal);
        reply.send(2);
        Ok(())
    });
    assert_eq!(answer.await, Ok(2));
    settle().await;
    assert_eq!(log.terminations(), ["normal"]);
}

#[otp_genserver::test]
async fn gs_023_terminate_may_answer_those_who_still_wait() {
    let plan = Plan::new()
        .on_terminate(|probe| Box::pin(async { probe.kept.drain(..).for_each(|reply| reply.send(9)) }));
    let (server, _) = plan.up().await;
    let mut kept = server.keep();
    assert!(crate::support::poll_once(&mut kept).is_pending());
    server.tell(|_, _| panic!("over"));
    assert_eq!(kept.await, Ok(9));
}

#[otp_genserver::test]
async fn gs_025_stop_without_a_reply_is_the_callers_error_also_when_normal() {
    for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::new("odd")] {
        let (server, log) = Plan::new().up().await;
        let given = reason.clone();
        let answer = server.ask(|_, _reply, cx| {
            cx.stop(given);
            Ok(())
        });
        assert_eq!(answer.await, Err(CallError::Exit(reason.clone())));
        assert_eq!(log.terminations(), [reason.to_string()]);
    }
}

#[otp_genserver::test]
async fn the_first_of_several_stops_counts_and_an_error_beats_them() {
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.stop(ExitReason::new("first"));
        cx.stop(ExitReason::new("second"));
        Ok(())
    });
    settle().await;
    assert_eq!(log.terminations(), ["first"]);

    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.stop(ExitReason::new("stop"));
        Err(ExitReason::new("error"))
    });
    settle().await;
    assert_eq!(log.terminations(), ["error"]);
}

#[otp_genserver::test]
async fn stop_beats_what_else_the_callback_asked_for() {
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(0));
        cx.continue_with(run(|probe, _| {
            probe.log.add("not reached");
            Ok(())
        }));
        cx.stop(ExitReason::Normal);
        Ok(())
    });
    settle().await;
    assert_eq!(log.lines(), ["init", "terminate: normal", "state dropped"]);
    assert!(!server.is_alive());
}

// ---- every callback, every end -----------------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq)]
enum Callback {
    Call,
    Cast,
    Info,
    Continue,
    Timeout,
    Down,
    Exit,
}

impl Callback {
    const ALL: [Self; 7] =
        [Self::Call, Self::Cast, Self::Info, Self::Continue, Self::Timeout, Self::Down, Self::Exit];

    /// A server that ends in this `way` in this callback, which is to be run by [`provoke`](Self::provoke).
    async fn server(self, way: Way) -> (ServerRef<Probe>, crate::support::Log) {
        let plan = Plan::new()
            .on_timeout(move |_, cx| way.end(cx))
            .on_down(move |_, _, cx| way.end(cx))
            .on_exit(move |_, _, _, cx| {
                process::trap_exit(false).expect("a callback runs inside a process");
                way.end(cx)
            });
        if self == Self::Exit { plan.trapping().up().await } else { plan.up().await }
    }

    fn provoke(self, server: &ServerRef<Probe>, way: Way) {
        match self {
            Self::Call => {
                let mut call = server.ask(move |_, _reply, cx| way.end(cx));
                assert!(crate::support::poll_once(&mut call).is_pending());
            }
            Self::Cast => server.tell(move |_, cx| way.end(cx)),
            Self::Info => server.inform(move |_, cx| way.end(cx)),
            Self::Continue => server.tell(move |_, cx| {
                cx.continue_with(run(move |_, cx| way.end(cx)));
                Ok(())
            }),
            Self::Timeout => server.tell(|_, cx| {
                cx.set_timeout(ms(0));
                Ok(())
            }),
            Self::Down => server.tell(|_, _| {
                let short = otp_core::spawn(|_: Mailbox<()>| async {});
                process::monitor(short.pid()).expect("a callback runs inside a process");
                Ok(())
            }),
            Self::Exit => send_exit(server.pid(), ExitReason::new("a signal")),
        }
    }
}

#[otp_genserver::test]
async fn gs_028_029_069_a_callback_that_fails_or_stops_runs_terminate_once_with_the_reason() {
    let clock = Stopwatch::paused();
    for callback in Callback::ALL {
        for way in Way::ALL {
            let (server, log) = callback.server(way).await;
            let watch = Watch::on(server.pid()).await;
            callback.provoke(&server, way);
            let reason = watch.down().await;
            way.expect_reason(&reason);
            let expected = if way.is_signal() { vec![] } else { vec![reason.to_string()] };
            assert_eq!(log.terminations(), expected, "{callback:?} {way:?}");
            assert_eq!(log.count("state dropped"), 1, "{callback:?} {way:?}");
        }
    }
    clock.expect_stood_still("callbacks");
}

#[otp_genserver::test]
async fn gs_028_links_see_the_reason_of_a_panic() {
    let reason = crate::support::reason_of_process(|_| async {
        let server = Plan::new().start_link().await.unwrap();
        server.tell(|_, _| panic!("on purpose"));
        std::future::pending().await
    })
    .await;
    Way::Panic.expect_reason(&reason);
    let ExitReason::Panic(panic) = reason else { unreachable!() };
    assert!(panic.location().unwrap().contains("callbacks.rs"));
}

#[otp_genserver::test]
async fn gs_029_exit_works_from_any_depth_and_after_an_await() {
    fn deep(n: u32) -> u32 {
        if n == 0 { process::exit(ExitReason::new("from the depth")) } else { deep(n - 1) + 1 }
    }
    let (server, log) = Plan::new().up().await;
    server.tell_later(|_, _| {
        Box::pin(async {
            tokio::task::yield_now().await;
            deep(20);
            Ok(())
        })
    });
    assert_eq!(server.count().await, Err(CallError::Exit(ExitReason::new("from the depth"))));
    assert_eq!(log.terminations(), ["from the depth"]);
}

/// OTP's state after a raise is the one before the callback; Rust's is as the panic left it (recorded difference).
#[otp_genserver::test]
async fn gs_030_terminate_gets_the_state_as_the_callback_left_it() {
    for way in Way::ALL.into_iter().filter(|way| !way.is_signal()) {
        let plan = Plan::new()
            .on_terminate(|probe| Box::pin(async { probe.log.add(format!("count {}", probe.count)) }));
        let (server, log) = plan.up().await;
        server.tell(move |probe, cx| {
            probe.count = 7;
            way.end(cx)
        });
        settle().await;
        assert_eq!(log.count("count 7"), 1, "{way:?}");
    }
}

// ---- defaults ----------------------------------------------------------------------------------------------------

/// A server with nothing but what the trait asks for.
struct Bare;

impl GenServer for Bare {
    type Args = ();
    type Call = ReplyTo<u8>;
    /// What is to happen that nobody handles.
    type Cast = Unhandled;
    type Info = &'static str;
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        process::trap_exit(true).expect("init runs inside a process");
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: ReplyTo<u8>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(1);
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Unhandled, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {
            Unhandled::Down => {
                let short = otp_core::spawn(|_: Mailbox<()>| async {});
                process::monitor(short.pid()).expect("a callback runs inside a process");
            }
            Unhandled::Timeout => cx.set_timeout(ms(1)),
            Unhandled::Continue => cx.continue_with(()),
        }
        Ok(())
    }
}

enum Unhandled {
    Down,
    Timeout,
    Continue,
}

#[otp_genserver::test]
async fn a_continuation_that_is_not_implemented_crashes_the_server() {
    let server = Bare::start(()).await.unwrap();
    server.cast(Unhandled::Continue);
    let call = |reply: ReplyTo<u8>| reply;
    let reason = ExitReason::new("handle_continue is not implemented");
    assert_eq!(server.call(call).await, Err(CallError::Exit(reason)));
}

#[otp_genserver::test]
async fn gs_054_what_is_not_implemented_is_reported_and_dropped_and_the_server_lives() {
    let _clock = Stopwatch::paused();
    let (reports, _guard) = Reports::capture();
    let server = Bare::start(()).await.unwrap();
    server.send("unexpected");
    send_exit(server.pid(), ExitReason::Shutdown);
    server.cast(Unhandled::Down);
    settle().await;
    server.cast(Unhandled::Timeout);
    tokio::time::sleep(ms(10)).await;
    let call = |reply: ReplyTo<u8>| reply;
    assert_eq!(server.call(call).await, Ok(1), "it lives");
    let reported = reports.of("otp::genserver");
    for what in ["handle_info", "EXIT", "DOWN", "timeout"] {
        let of_it: Vec<_> = reported.iter().filter(|line| line.contains(what)).collect();
        assert!(!of_it.is_empty(), "{what}: {reported:?}");
        assert!(of_it.iter().all(|line| line.contains(&server.pid().to_string())), "{of_it:?}");
    }
    assert!(reports.of("otp::process").is_empty(), "nothing crashed");
}

/// Its casts leave futures whose destructors panic.
struct Fragile(Log);

struct PanicsWhenDropped(bool);

impl Future for PanicsWhenDropped {
    type Output = Result<(), ExitReason>;

    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Self::Output> {
        assert!(!self.0, "in the callback");
        Poll::Ready(Ok(()))
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in the destructor");
    }
}

impl GenServer for Fragile {
    type Args = Log;
    type Call = ReplyTo<()>;
    type Cast = bool;
    type Info = ();
    type Continue = ();

    async fn init(log: Log, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(log))
    }

    async fn handle_call(&mut self, reply: ReplyTo<()>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(());
        Ok(())
    }

    fn handle_cast(
        &mut self,
        panics: bool,
        _: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), ExitReason>> + Send {
        PanicsWhenDropped(panics)
    }

    async fn terminate(&mut self, reason: &ExitReason, _: &mut Context<Self>) {
        self.0.add(format!("terminate: {reason}"));
    }
}

#[otp_genserver::test]
async fn gs_028_a_panic_in_the_destructor_of_a_callbacks_future_runs_terminate_as_well() {
    for (panics, message) in [(false, "in the destructor"), (true, "in the callback")] {
        let log = Log::default();
        let server = Fragile::start(log.clone()).await.unwrap();
        let watch = Watch::on(server.pid()).await;
        server.cast(panics);
        expect_panic(&watch.down().await, message);
        assert_eq!(log.terminations().len(), 1, "{message}");
    }
}
