//! The private loop of a server: one message, one callback, what the callback asked for, and so on to the end.
//!
//! The state lives outside the callbacks' futures, and each callback is guarded on its own, so that a panic leaves
//! the state to `terminate`.
//!
//! The size of this future is most of what an idle server costs. So: what it needs is captured and used in place
//! (a parameter that is moved into a local takes its room twice), and a callback's future is pinned where it stands.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll};

use otp_core::behaviour::{CrashReport, InitError, Item, ReplyTo, Signal, catch, end, report};
use otp_core::{ExitReason, Mailbox};

use crate::context::Context;
use crate::message::{Kind, ServerMessage, System};
use crate::server::GenServer;

/// What the starter hears.
pub(crate) enum Started {
    Yes,
    Ignored,
    Failed(ExitReason),
}

/// What a server is started with. Boxed, so that the arguments take no room in its future once `init` has them.
pub(crate) struct Init<S: GenServer> {
    pub(crate) args: S::Args,
    pub(crate) started: ReplyTo<Started>,
}

impl<S: GenServer> Init<S> {
    /// Takes it apart and frees the box, which a move out of it would leave to the end of the server.
    #[expect(clippy::boxed_local, reason = "it is to be freed here")]
    fn open(self: Box<Self>) -> (S::Args, ReplyTo<Started>) {
        let Self { args, started } = *self;
        (args, started)
    }
}

/// Runs a callback; a panic in it, or `exit`, is its reason.
macro_rules! guard {
    ($callback:expr) => {
        'guard: {
            let callback = match catch(|| $callback) {
                Ok(callback) => callback,
                Err(reason) => break 'guard Err(reason),
            };
            Guard(pin!(callback)).await
        }
    };
}

/// The body of a server's process.
pub(crate) fn run<S: GenServer>(
    mailbox: Mailbox<ServerMessage<S>>,
    init: Box<Init<S>>,
) -> impl Future<Output = ExitReason> + Send {
    let mut cx = Context::new(mailbox);
    async move {
        let (mut server, started) = {
            let (args, started) = init.open();
            cx.set_in_callback(true);
            let made = flatten(guard!(S::init(args, &mut cx)));
            match made {
                Ok(server) => (server, started),
                Err(error) => return give_up(error, started),
            }
        };
        started.send(Started::Yes);
        let mut last = Kind::Init;
        let reason = loop {
            if cx.is_doomed() {
                // The driver sees it as soon as this poll ends; no further callback runs.
                std::future::pending::<()>().await;
            }
            if let Some(reason) = cx.take_stop() {
                break reason;
            }
            let outcome = if let Some(continuation) = cx.take_continuation() {
                last = Kind::Continue;
                guard!(server.handle_continue(continuation, &mut cx))
            } else {
                cx.set_in_callback(false);
                let next = poll_fn(|task| cx.poll_next(task)).await;
                cx.set_in_callback(true);
                last = Kind::of(next.as_ref());
                match next {
                    Some(Item::Message(ServerMessage::Call(call, request))) => {
                        let outcome = guard!(server.handle_call(call, &mut cx));
                        cx.end_hold();
                        if !request.is_settled() {
                            cx.keep(request);
                        }
                        outcome
                    }
                    Some(Item::Message(ServerMessage::Cast(cast))) => {
                        guard!(server.handle_cast(cast, &mut cx))
                    }
                    Some(Item::Message(ServerMessage::Info(info))) => {
                        guard!(server.handle_info(info, &mut cx))
                    }
                    Some(Item::Message(ServerMessage::System(system))) => {
                        let System::Stop { reason, .. } = &*system;
                        let reason = reason.clone();
                        // It holds the reply to the one who called `stop`, who waits for the death.
                        cx.keep_message(ServerMessage::System(system));
                        break reason;
                    }
                    Some(Item::Signal(signal)) => match *signal {
                        Signal::Exit { from, reason } if from == cx.parent() => break reason,
                        Signal::Exit { from, reason } => guard!(server.handle_exit(from, reason, &mut cx)),
                        Signal::Down(down) => guard!(server.handle_down(down, &mut cx)),
                    },
                    None => guard!(server.handle_timeout(&mut cx)),
                }
            };
            if let Err(reason) = flatten(outcome)
                && !cx.is_doomed()
            {
                break reason;
            }
        };
        cx.set_ending();
        let failure = guard!(server.terminate(&reason, &mut cx)).err();
        let reason = failure.unwrap_or(reason);
        report(&reason, || CrashReport { last_message: Some(last.as_str()), ..CrashReport::default() });
        // Not by returning: the state is to be dropped as part of the death, when no message is accepted any more.
        match end(reason).await {}
    }
}

/// A callback's own error, or its panic.
fn flatten<T, E: From<ExitReason>>(outcome: Result<Result<T, E>, ExitReason>) -> Result<T, E> {
    outcome.unwrap_or_else(|panic| Err(E::from(panic)))
}

/// `init` did not make a state: the starter hears it when the process has ended.
fn give_up(error: InitError, started: ReplyTo<Started>) -> ExitReason {
    let (reason, outcome) = match error {
        InitError::Ignore => (ExitReason::Normal, Started::Ignored),
        InitError::Stop(reason) => (reason.clone(), Started::Failed(reason)),
        InitError::Error(reason) => (ExitReason::Normal, Started::Failed(reason)),
    };
    report(&reason, || CrashReport { last_message: Some(Kind::Init.as_str()), ..CrashReport::default() });
    started.send_at_exit(outcome);
    reason
}

/// A callback whose panic is an error.
struct Guard<'a, F>(Pin<&'a mut F>);

impl<F: Future> Future for Guard<'_, F> {
    type Output = Result<F::Output, ExitReason>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        match catch(|| self.0.as_mut().poll(task)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(reason) => Poll::Ready(Err(reason)),
        }
    }
}
