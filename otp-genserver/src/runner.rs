//! The private loop of a server: one message, one callback, what the callback asked for, and so on to the end.
//!
//! The state lives outside the callbacks' futures, and each callback is guarded on its own, so that a panic leaves
//! the state to `terminate`.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use otp_core::behaviour::{InitError, ReplyTo, Request, catch, end, report};
use otp_core::{ExitReason, Mailbox, Pid, Received};

use crate::context::Context;
use crate::message::{ServerMessage, System};
use crate::server::GenServer;

/// What the starter hears.
pub(crate) enum Started {
    Yes,
    Ignored,
    Failed(ExitReason),
}

/// The body of a server's process.
pub(crate) async fn run<S: GenServer>(
    mailbox: Mailbox<ServerMessage<S>>,
    args: S::Args,
    parent: Option<Pid>,
    started: ReplyTo<Started>,
) -> ExitReason {
    let parent = parent.unwrap_or_else(|| mailbox.pid());
    let mut cx = Context::new(mailbox, parent);
    let mut server = match guard(async { S::init(args, &mut cx).await }).await {
        Ok(Ok(server)) => server,
        Ok(Err(error)) => {
            let (reason, outcome) = match error {
                InitError::Ignore => (ExitReason::Normal, Started::Ignored),
                InitError::Stop(reason) => (reason.clone(), Started::Failed(reason)),
                InitError::Error(reason) => (ExitReason::Normal, Started::Failed(reason)),
            };
            report(&reason, Some("init"));
            started.send_at_exit(outcome);
            return reason;
        }
        Err(reason) => {
            report(&reason, Some("init"));
            started.send_at_exit(Started::Failed(reason.clone()));
            return reason;
        }
    };
    started.send(Started::Yes);
    let (reason, last) = serve(&mut server, &mut cx).await;
    let reason = match guard(async { server.terminate(&reason, &mut cx).await }).await {
        Ok(()) => reason,
        Err(failure) => failure,
    };
    report(&reason, Some(last));
    // Not by returning: the state is to be dropped as part of the death, when no message is accepted any more.
    match end(reason).await {}
}

/// Handles messages until there is a reason to end; also returns what was handled last.
async fn serve<S: GenServer>(server: &mut S, cx: &mut Context<S>) -> (ExitReason, &'static str) {
    let mut last = "init";
    loop {
        if let Some(reason) = cx.take_stop() {
            return (reason, last);
        }
        let outcome = if let Some(continuation) = cx.take_continuation() {
            last = "continue";
            guard(async { server.handle_continue(continuation, cx).await }).await
        } else {
            match poll_fn(|task| cx.poll_next(task)).await {
                Some(Received::Message(message)) => {
                    last = message.kind();
                    match message {
                        ServerMessage::Call(call, request) => {
                            let outcome = guard(async { server.handle_call(call, cx).await }).await;
                            if !request.is_settled() {
                                cx.keep(request);
                            }
                            outcome
                        }
                        ServerMessage::Cast(cast) => {
                            guard(async { server.handle_cast(cast, cx).await }).await
                        }
                        ServerMessage::Info(info) => {
                            guard(async { server.handle_info(info, cx).await }).await
                        }
                        ServerMessage::System(system) => match *system {
                            System::Stop { reason, reply, request } => {
                                return stop(cx, reason, reply, request);
                            }
                        },
                    }
                }
                Some(Received::Exit { from, reason }) if from == cx.parent() => return (reason, "exit"),
                Some(Received::Exit { from, reason }) => {
                    last = "exit";
                    guard(async { server.handle_exit(from, reason, cx).await }).await
                }
                Some(Received::Down(down)) => {
                    last = "down";
                    guard(async { server.handle_down(down, cx).await }).await
                }
                None => {
                    last = "timeout";
                    guard(async { server.handle_timeout(cx).await }).await
                }
            }
        };
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(reason)) | Err(reason) => return (reason, last),
        }
    }
}

/// `stop` was called: its caller waits for the death, so its request is kept until then.
fn stop<S: GenServer>(
    cx: &mut Context<S>,
    reason: ExitReason,
    reply: ReplyTo<Infallible>,
    request: Request,
) -> (ExitReason, &'static str) {
    cx.keep(request);
    cx.hold(reply);
    (reason, "stop")
}

/// Runs a callback; a panic in it, or `exit`, is its reason.
async fn guard<T>(callback: impl Future<Output = T>) -> Result<T, ExitReason> {
    let mut callback = pin!(callback);
    poll_fn(|task| match catch(|| callback.as_mut().poll(task)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(reason) => Poll::Ready(Err(reason)),
    })
    .await
}
