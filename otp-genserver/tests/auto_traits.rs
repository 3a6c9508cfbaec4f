//! Pins of `Send`, `Sync`, `Unpin` and of what errors can do, so that no field takes them away unnoticed.

#![cfg(feature = "macros")]

use std::error::Error;
use std::fmt::{Debug, Display};

use otp_genserver::{
    Alias, AliasRef, Call, CallError, CastError, CastErrorKind, Context, Destination, ExitReason, GenServer,
    InitError, Name, Overflow, ReplyTo, RequestCollection, RequestId, ResolveError, ResponseTimeout,
    ServerRef, Start, StartError, StartMonitor, Starting, StartingMonitored, Stop, StopError, Stopping, Tag,
    TimerRef,
};

/// A server whose state and messages are `Send` and nothing more.
struct Shy(#[expect(dead_code, reason = "it is here for its type")] std::cell::Cell<u8>);

impl GenServer for Shy {
    type Args = std::cell::Cell<u8>;
    type Call = ReplyTo<std::cell::Cell<u8>>;
    type Cast = std::cell::Cell<u8>;
    type Info = std::cell::Cell<u8>;
    type Continue = std::cell::Cell<u8>;

    async fn init(args: Self::Args, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(args))
    }

    async fn handle_call(&mut self, reply: Self::Call, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(std::cell::Cell::new(0));
        Ok(())
    }

    async fn handle_cast(&mut self, _: Self::Cast, _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }
}

type Reply = std::cell::Cell<u8>;

use otp_genserver::sys::{DebugOptions, SysCall, SysError};

const fn send<T: Send>() {}
const fn sync<T: Sync>() {}
const fn unpin<T: Unpin>() {}
const fn clone<T: Clone>() {}
const fn debug<T: Debug>() {}
const fn eq<T: Eq>() {}
const fn is_static<T: 'static>() {}
const fn error<T: Error + Display + Clone + PartialEq + Send + Sync + 'static>() {}

/// A server whose messages are `Sync`.
struct Plain;

impl GenServer for Plain {
    type Args = ();
    type Call = ReplyTo<u8>;
    type Cast = ();
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: Self::Call, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(0);
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }
}

const _: () = {
    // A callback may hold `&cx` across an `.await`.
    sync::<Context<Plain>>();

    // Addresses go anywhere, whatever the server's own types are.
    send::<ServerRef<Shy>>();
    sync::<ServerRef<Shy>>();
    unpin::<ServerRef<Shy>>();
    clone::<ServerRef<Shy>>();
    eq::<ServerRef<Shy>>();
    debug::<ServerRef<Shy>>();
    send::<Name<Shy>>();
    sync::<Name<Shy>>();
    unpin::<Name<Shy>>();
    clone::<Name<Shy>>();
    eq::<Name<Shy>>();
    debug::<Name<Shy>>();
    // A name does not ask that its type is a server.
    sync::<Name<*const ()>>();
    send::<Name<*const ()>>();

    // Futures can be moved between tasks, and polled without pinning.
    send::<Call<Shy, Reply>>();
    unpin::<Call<Shy, Reply>>();
    debug::<Call<Shy, Reply>>();
    send::<Start<Shy>>();
    unpin::<Starting<Shy>>();
    send::<Starting<Shy>>();
    send::<StartMonitor<Shy>>();
    send::<StartingMonitored<Shy>>();
    unpin::<StartingMonitored<Shy>>();
    send::<SysCall<Shy, Reply>>();
    unpin::<SysCall<Shy, Reply>>();
    debug::<SysCall<Shy, Reply>>();
    send::<DebugOptions<Shy>>();
    sync::<DebugOptions<Shy>>();
    send::<RequestId<Reply>>();
    unpin::<RequestId<Reply>>();
    debug::<RequestId<Reply>>();
    send::<RequestCollection<Reply, Reply>>();
    unpin::<RequestCollection<Reply, Reply>>();
    debug::<RequestCollection<Reply, Reply>>();
    send::<Stop<Shy>>();
    send::<Stopping<Shy>>();
    unpin::<Stopping<Shy>>();

    // A reply's right can be kept, moved and shared, also for values that are not `Sync`.
    send::<ReplyTo<Reply>>();
    sync::<ReplyTo<Reply>>();
    unpin::<ReplyTo<Reply>>();
    is_static::<ReplyTo<Reply>>();
    debug::<ReplyTo<Reply>>();

    send::<Context<Shy>>();
    debug::<Context<Shy>>();
    send::<TimerRef>();
    sync::<TimerRef>();
    clone::<TimerRef>();

    error::<CallError>();
    error::<SysError>();
    error::<ResponseTimeout>();
    error::<StartError>();
    error::<StopError>();
    error::<ResolveError>();
    error::<CastError<u8>>();
    debug::<CastErrorKind>();
    eq::<CastErrorKind>();
    send::<CastErrorKind>();
    sync::<CastErrorKind>();

    // What a server hands out to others goes anywhere, for messages that are not `Sync` as well.
    send::<Alias<Reply>>();
    sync::<Alias<Reply>>();
    unpin::<Alias<Reply>>();
    clone::<Alias<Reply>>();
    debug::<Alias<Reply>>();
    send::<AliasRef>();
    sync::<AliasRef>();
    eq::<AliasRef>();
    send::<Tag>();
    sync::<Tag>();
    clone::<Tag>();
    debug::<Overflow>();
    // Reasons are no errors of their own, so that `?` makes one of any error.
    send::<ExitReason>();
    sync::<ExitReason>();
    clone::<ExitReason>();
    send::<InitError>();
    sync::<InitError>();
    clone::<InitError>();
};

/// A `CastError` is an error whatever the message is.
const fn cast_error_of_anything<M>()
where
    CastError<M>: Error + Debug + Display,
{
}
const _: () = cast_error_of_anything::<*const ()>();

#[test]
fn destinations_can_be_trait_objects_of_ones_own() {
    trait Anywhere: Send + Sync {
        fn find(&self) -> Result<ServerRef<Shy>, ResolveError>;
    }
    impl<D: Destination<Shy> + Send + Sync> Anywhere for D {
        fn find(&self) -> Result<ServerRef<Shy>, ResolveError> {
            self.resolve()
        }
    }
    let nobody: Box<dyn Anywhere> = Box::new(Name::<Shy>::new("nobody-has-this-name"));
    assert_eq!(nobody.find(), Err(ResolveError::NoProc));
}

#[otp_genserver::test]
async fn the_future_of_a_server_is_send_with_state_that_is_not_sync() {
    let shy = Shy::start(std::cell::Cell::new(1)).await.unwrap();
    assert_eq!(shy.call(|reply| reply).await.unwrap().get(), 0);
}

#[test]
fn errors_read_as_sentences_without_a_full_stop() {
    let errors: [&dyn Error; 21] = [
        &CallError::NoProc,
        &CallError::Timeout,
        &CallError::Exit(ExitReason::Normal),
        &CallError::CallingSelf,
        &CallError::NoReply,
        &CallError::Full,
        &StartError::Ignored,
        &StartError::Timeout,
        &StartError::NotAProcess,
        &StartError::Exit(ExitReason::Normal),
        &ResponseTimeout,
        &SysError::NoProc,
        &SysError::Timeout,
        &SysError::Exit(ExitReason::Normal),
        &SysError::CallingSelf,
        &SysError::NoReply,
        &SysError::Panic(ExitReason::Normal),
        &SysError::File(std::io::ErrorKind::NotFound),
        &StopError::NoProc,
        &StopError::Timeout,
        &StopError::CallingSelf,
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.chars().next().is_some_and(char::is_lowercase) && !text.ends_with('.'), "{text}");
    }
}
