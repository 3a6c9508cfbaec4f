//! An application's callbacks without its types, so that one master serves all.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use otp_core::{ExitReason, Pid};
use serde::de::DeserializeOwned;

use crate::application::{Application, Started};
use crate::config_error::ConfigError;
use crate::environment::Environment;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How an application is started.
pub(crate) trait Callbacks: Send + Sync {
    /// Whether the configuration is what it needs.
    fn check(&self, environment: &Environment) -> Result<(), ConfigError>;

    fn start(&self, environment: &Environment) -> Result<BoxFuture<'static, Outcome>, ConfigError>;
}

type Outcome = Result<Live, ExitReason>;

/// An application that has started.
pub(crate) struct Live {
    pub(crate) top: Pid,
    pub(crate) state: Box<dyn LiveState>,
}

/// The state of an application that has started.
pub(crate) trait LiveState: Send {
    fn start_phase(&mut self, phase: &'static str) -> BoxFuture<'_, Result<(), ExitReason>>;
    fn prep_stop(&mut self) -> BoxFuture<'_, ()>;
    fn stop(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// The callbacks of a type.
pub(crate) struct Of<A>(PhantomData<fn() -> A>);

impl<A> Of<A> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<A: Application> Callbacks for Of<A> {
    fn check(&self, environment: &Environment) -> Result<(), ConfigError> {
        environment.all::<A::Config>().map(drop)
    }

    fn start(&self, environment: &Environment) -> Result<BoxFuture<'static, Outcome>, ConfigError> {
        let config = environment.all()?;
        Ok(Box::pin(async {
            let Started { top, state } = A::start(config).await?;
            Ok(Live { top, state: Box::new(State::<A>(state)) })
        }))
    }
}

struct State<A: Application>(A::State);

impl<A: Application> LiveState for State<A> {
    fn start_phase(&mut self, phase: &'static str) -> BoxFuture<'_, Result<(), ExitReason>> {
        Box::pin(A::start_phase(phase, &mut self.0))
    }

    fn prep_stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(A::prep_stop(&mut self.0))
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(A::stop(self.0))
    }
}

/// A start function alone.
pub(crate) struct Function<C, F>(F, PhantomData<fn(C)>);

impl<C, F> Function<C, F> {
    pub(crate) const fn new(start: F) -> Self {
        Self(start, PhantomData)
    }
}

impl<C, F, Fut> Callbacks for Function<C, F>
where
    C: DeserializeOwned + Send + 'static,
    F: Fn(C) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Started, ExitReason>> + Send + 'static,
{
    fn check(&self, environment: &Environment) -> Result<(), ConfigError> {
        environment.all::<C>().map(drop)
    }

    fn start(&self, environment: &Environment) -> Result<BoxFuture<'static, Outcome>, ConfigError> {
        let starting = (self.0)(environment.all()?);
        Ok(Box::pin(async { Ok(Live { top: starting.await?.top, state: Box::new(Stateless) }) }))
    }
}

struct Stateless;

impl LiveState for Stateless {
    fn start_phase(&mut self, _: &'static str) -> BoxFuture<'_, Result<(), ExitReason>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn prep_stop(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}
