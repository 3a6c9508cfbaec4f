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
use tracing::Span;

use crate::context::Context;
use crate::message::{MessageKind, ServerMessage, System};
use crate::options::Options;
use crate::server::GenServer;
use crate::shown;
use crate::sys::Event;

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
    pub(crate) options: Options<S>,
}

impl<S: GenServer> Init<S> {
    /// Takes it apart and frees the box, which a move out of it would leave to the end of the server.
    #[expect(clippy::boxed_local, reason = "it is to be freed here")]
    fn open(self: Box<Self>, cx: &mut Context<S>) -> (S::Args, ReplyTo<Started>) {
        let Self { args, started, options } = *self;
        cx.adopt(options);
        (args, started)
    }
}

/// Runs a callback; a panic in it, or `exit`, is its reason. That of a call runs in the caller's tracing span.
macro_rules! guard {
    ($callback:expr) => {
        guard!($callback, None)
    };
    ($callback:expr, $span:expr) => {
        'guard: {
            let callback = match catch(|| $callback) {
                Ok(callback) => callback,
                Err(reason) => break 'guard Err(reason),
            };
            Guard(pin!(Some(callback)), $span).await
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
            let (args, started) = init.open(&mut cx);
            cx.set_in_callback(true);
            let made = flatten(guard!(S::init(args, &mut cx)));
            match made {
                Ok(server) => (server, started),
                Err(error) => return give_up(error, started),
            }
        };
        started.send(Started::Yes);
        let mut last = MessageKind::Init;
        let reason = loop {
            if cx.is_doomed() {
                // The driver sees it as soon as this poll ends; no further callback runs.
                std::future::pending::<()>().await;
            }
            if let Some(reason) = cx.take_stop() {
                break reason;
            }
            let outcome = if let Some(continuation) = cx.take_continuation() {
                last = MessageKind::Continue;
                // It is no message, and has no text.
                cx.set_last_message(None);
                if cx.is_watched() {
                    let event = || Event::In { kind: MessageKind::Continue, from: None, message: None };
                    cx.observe(&server, event);
                }
                guard!(server.handle_continue(continuation, &mut cx))
            } else {
                cx.set_in_callback(false);
                let next = poll_fn(|task| cx.poll_next(task)).await;
                cx.set_in_callback(true);
                last = MessageKind::of(next.as_ref());
                if S::FORMATS_MESSAGES || cx.is_watched() {
                    look_at(&server, next.as_ref(), &mut cx);
                }
                match next {
                    Some(Item::Message(ServerMessage::Call(call, request))) => {
                        let outcome = guard!(server.handle_call(call, &mut cx), request.span());
                        cx.end_hold();
                        if !matches!(outcome, Ok(Ok(()))) || cx.is_to_stop() {
                            cx.set_client(request.client());
                        }
                        if !request.is_answered() {
                            cx.keep(request);
                        } else if cx.is_watched() {
                            cx.set_answered(request.client());
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
                        if let Some(reason) = serve(system, &mut server, &mut cx) {
                            break reason;
                        }
                        if cx.is_suspended()
                            && let Some(reason) = Box::pin(suspended(&mut server, &mut cx)).await
                        {
                            break reason;
                        }
                        continue;
                    }
                    Some(Item::Signal(signal)) => match *signal {
                        Signal::Exit { from, reason } if from == cx.parent() => break reason,
                        Signal::Exit { from, reason } => guard!(server.handle_exit(from, reason, &mut cx)),
                        Signal::Down(down) => guard!(server.handle_down(down, &mut cx)),
                    },
                    None => guard!(server.handle_timeout(&mut cx)),
                }
            };
            match flatten(outcome) {
                Ok(()) if !cx.is_watched() => {}
                Ok(()) => look_back(&server, &mut cx),
                Err(reason) if !cx.is_doomed() => break reason,
                Err(_) => {}
            }
        };
        cx.set_ending();
        let failure = guard!(server.terminate(&reason, &mut cx)).err();
        let reason = failure.unwrap_or(reason);
        report(&reason, || last_words(last, &server, &mut cx));
        // Not by returning: the state is to be dropped as part of the death, when no message is accepted any more.
        match end(reason).await {}
    }
}

/// What is done with a message before it is handled, where somebody watches: debug events, and its text for a crash
/// report.
#[cold]
fn look_at<S: GenServer>(server: &S, next: Option<&Item<ServerMessage<S>>>, cx: &mut Context<S>) {
    let kind = MessageKind::of(next);
    if S::FORMATS_MESSAGES {
        cx.set_last_message(shown::message(next));
    }
    if kind != MessageKind::System {
        cx.observe(server, || {
            let from = match next {
                Some(Item::Message(ServerMessage::Call(_, request))) => request.client(),
                _ => None,
            };
            Event::In { kind, from, message: shown::message(next) }
        });
    }
}

/// The debug event after a callback.
#[cold]
fn look_back<S: GenServer>(server: &S, cx: &mut Context<S>) {
    let answered = cx.take_answered();
    cx.observe(server, || {
        let state = shown::state(server);
        match answered {
            Some(to) => Event::Out { to, state },
            None => Event::NoReply { state },
        }
    });
}

/// What a server's crash report says of it: what it handled last, who sent the call that failed, and what the server
/// shows of the message and of its state.
fn last_words<S: GenServer>(last: MessageKind, server: &S, cx: &mut Context<S>) -> CrashReport<'static> {
    CrashReport {
        last_message: Some(last.as_str()),
        message: cx.take_last_message(),
        state: shown::state(server),
        client: cx.take_client(),
    }
}

/// Does what the runner is asked; a reason is the one to end with.
#[expect(clippy::boxed_local, reason = "it comes in a box, which is to be freed here")]
fn serve<S: GenServer>(system: Box<System<S>>, server: &mut S, cx: &mut Context<S>) -> Option<ExitReason> {
    match *system {
        // Once it drains, whoever stops it as well waits for that.
        System::Stop(stop) if stop.drain || cx.is_draining() => {
            cx.drain(stop);
            None
        }
        System::Stop(stop) => {
            let reason = stop.reason.clone();
            // It holds the reply to the one who called `stop`, who waits for the death.
            cx.keep_message(ServerMessage::System(Box::new(System::Stop(stop))));
            Some(reason)
        }
        System::Run(run) => {
            // It catches the panics that concern its caller.
            let _ = catch(|| run.into_inner()(server, cx));
            None
        }
        System::End(reason) => Some(reason),
    }
}

/// Serves the runner's own messages and leaves all others where they are, until the server is resumed (`None`) or has to
/// end. Boxed by its caller: it is rare, and would make every server larger.
async fn suspended<S: GenServer>(server: &mut S, cx: &mut Context<S>) -> Option<ExitReason> {
    let mut seen = 0;
    while cx.is_suspended() {
        cx.set_in_callback(false);
        let next = cx.next_of_suspended(&mut seen).await;
        cx.set_in_callback(true);
        let ends = match next {
            Ok(system) => serve(system, server, cx),
            Err(reason) => Some(reason),
        };
        if let Some(reason) = ends.or_else(|| cx.take_stop()) {
            return Some(reason);
        }
    }
    cx.restart_timeouts();
    None
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
    report(&reason, || CrashReport {
        last_message: Some(MessageKind::Init.as_str()),
        ..CrashReport::default()
    });
    started.send_at_exit(outcome);
    reason
}

/// A callback whose panic is an error, also that of its destructor: it is dropped here as soon as it is ready.
struct Guard<'a, F>(Pin<&'a mut Option<F>>, Option<&'a Span>);

impl<F: Future> Future for Guard<'_, F> {
    type Output = Result<F::Output, ExitReason>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let _entered = self.1.map(Span::enter);
        let polled = poll_caught(self.0.as_mut(), task);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(reason) => {
                let _ = catch(|| self.0.set(None));
                Poll::Ready(Err(reason))
            }
        }
    }
}

/// Not inlined: unwinding reads the tables of the function that catches, and those of the runner's are long.
#[inline(never)]
fn poll_caught<F: Future>(
    mut slot: Pin<&mut Option<F>>,
    task: &mut TaskContext<'_>,
) -> Result<Poll<F::Output>, ExitReason> {
    catch(|| {
        let callback = slot.as_mut().as_pin_mut();
        let polled = callback.map_or(Poll::Pending, |callback| callback.poll(task));
        if polled.is_ready() {
            slot.set(None);
        }
        polled
    })
}
