//! Tracing spans travel with a call: what its handler says is said within the span that the caller was in.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use otp_genserver::{Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef, sys};
use tracing::Instrument;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::support::{Plan, Tell, keep, plain_task, settle, subscribe};

/// Says which span its callbacks run in.
struct Witness;

enum WitnessCall {
    Here(ReplyTo<Option<&'static str>>),
    AfterAnAwait(ReplyTo<Option<&'static str>>),
    Later(ReplyTo<Option<&'static str>>),
}

fn here() -> Option<&'static str> {
    tracing::Span::current().metadata().map(tracing::Metadata::name)
}

impl GenServer for Witness {
    type Args = ();
    type Call = WitnessCall;
    type Cast = ReplyTo<Option<&'static str>>;
    type Info = ();
    type Continue = Infallible;

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, call: WitnessCall, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {
            WitnessCall::Here(reply) => reply.send(here()),
            WitnessCall::AfterAnAwait(reply) => {
                tokio::task::yield_now().await;
                reply.send(here());
            }
            WitnessCall::Later(reply) => cx.server_ref().cast(reply),
        }
        Ok(())
    }

    async fn handle_cast(
        &mut self,
        reply: ReplyTo<Option<&'static str>>,
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        reply.send(here());
        Ok(())
    }
}

async fn started() -> (ServerRef<Witness>, tracing::subscriber::DefaultGuard) {
    let guard = subscribe(tracing_subscriber::registry());
    (Witness::start(()).await.expect("it starts"), guard)
}

#[otp_genserver::test]
async fn a_call_is_handled_in_the_span_of_its_caller() {
    let (witness, _subscriber) = started().await;
    let inside = async { (witness.call(WitnessCall::Here).await, here()) };
    let (seen, own) = inside.instrument(tracing::info_span!("checkout")).await;
    assert_eq!(own, Some("checkout"));
    assert_eq!(seen, Ok(Some("checkout")));
}

#[otp_genserver::test]
async fn also_after_an_await_of_the_handler() {
    let (witness, _subscriber) = started().await;
    let call = async { witness.call(WitnessCall::AfterAnAwait).await };
    assert_eq!(call.instrument(tracing::info_span!("checkout")).await, Ok(Some("checkout")));
}

#[otp_genserver::test]
async fn what_comes_next_is_outside_of_it() {
    let (witness, _subscriber) = started().await;
    let call = async { witness.call(WitnessCall::Later).await };
    assert_eq!(call.instrument(tracing::info_span!("checkout")).await, Ok(None), "a cast has no span");
    assert_eq!(witness.call(WitnessCall::Here).await, Ok(None), "nor has a call from outside one");
}

#[otp_genserver::test]
async fn the_span_is_that_in_which_the_call_was_made() {
    let (witness, _subscriber) = started().await;
    let call = tracing::info_span!("made here").in_scope(|| witness.call(WitnessCall::Here));
    assert_eq!(call.instrument(tracing::info_span!("awaited here")).await, Ok(Some("made here")));
}

#[otp_genserver::test]
async fn a_panic_in_the_handler_leaves_the_span() {
    struct Fragile;
    impl GenServer for Fragile {
        type Args = ();
        type Call = ReplyTo<()>;
        type Cast = Infallible;
        type Info = ();
        type Continue = Infallible;
        async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
            Ok(Self)
        }
        async fn handle_call(&mut self, _: ReplyTo<()>, _: &mut Context<Self>) -> Result<(), ExitReason> {
            panic!("as the test wants it")
        }
        async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
            match cast {}
        }
    }
    let _subscriber = subscribe(tracing_subscriber::registry());
    let fragile = Fragile::start(()).await.expect("it starts");
    let call = async { fragile.call(|reply| reply).await };
    call.instrument(tracing::info_span!("checkout")).await.expect_err("it panicked");
    assert_eq!(here(), None);
}

/// How many spans have closed: nothing holds them any more.
#[derive(Clone, Default)]
struct Closed(Arc<AtomicUsize>);

impl Closed {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn capture() -> (Self, tracing::subscriber::DefaultGuard) {
        let closed = Self::default();
        let guard = subscribe(tracing_subscriber::registry().with(closed.clone()));
        (closed, guard)
    }
}

impl<S: tracing::Subscriber> Layer<S> for Closed {
    fn on_close(&self, _: tracing::span::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[otp_genserver::test]
async fn the_span_of_a_call_that_is_answered_later_closes_when_its_caller_leaves_it() {
    let (closed, _subscriber) = Closed::capture();
    let (server, _) = Plan::new().up().await;
    for answered in 1..=3 {
        let caller = server.clone();
        let call = async move { caller.keep().await }.instrument(tracing::info_span!("checkout"));
        let call = plain_task(call);
        settle().await;
        assert_eq!(closed.count(), answered - 1, "the caller waits inside it");
        server.tell(|probe, _| {
            probe.kept.remove(0).send(7);
            Ok(())
        });
        assert_eq!(call.await.unwrap(), Ok(7));
        assert_eq!(closed.count(), answered);
    }
}

#[otp_genserver::test]
async fn the_span_of_a_call_that_nobody_waits_for_closes_though_its_reply_is_kept() {
    let (closed, _subscriber) = Closed::capture();
    let (server, _) = Plan::new().up().await;
    let span = tracing::info_span!("checkout");
    drop(span.in_scope(|| server.send_request(keep)));
    drop(span);
    settle().await;
    assert_eq!(closed.count(), 1);
    assert_eq!(sys::get_state(&server, |probe| probe.kept.len()).await, Ok(1));
}
