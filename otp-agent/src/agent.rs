//! [`Agent`]: a value in a process of its own.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use otp_core::behaviour::InitError;
use otp_core::{ExitReason, ReplyTo};
use otp_genserver::{Context, GenServer, Start};

/// A value in a process of its own, that functions read and change, one at a time.
///
/// This is the type of the running agent: its address is a `ServerRef<Agent<T>>`, its name a `Name<Agent<T>>`, and what can be
/// asked of it through either is in [`AgentClient`](crate::AgentClient). What else is known of servers holds: `stop`, names,
/// time limits, and as a supervisor's child it is what [`start_link`](Self::start_link) gives, not awaited.
///
/// A function runs inside the agent's process: while it does, everybody else waits. One that panics ends the agent, and whoever
/// waits for it hears of that.
///
/// # Examples
///
/// ```
/// use otp_agent::{Agent, AgentClient};
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let words = Agent::start_link(Vec::<String>::new).await?;
/// words.update(|words| words.push("hello".to_owned())).await?;
/// assert_eq!(words.get(Vec::len).await?, 1);
/// assert_eq!(words.get_and_update(Vec::pop).await?.as_deref(), Some("hello"));
/// words.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// Elixir's `Agent`. Functions change the value in place rather than return a new one.
pub struct Agent<T>(T);

impl<T: Send + 'static> Agent<T> {
    /// Starts an agent that is linked to the current process, with the value that `init` makes inside the agent's process. A
    /// restarted one makes it anew.
    ///
    /// # Errors
    ///
    /// [`StartError::Exit`](crate::StartError::Exit), when awaited, with the panic of `init` or what it gave
    /// [`process::exit`](otp_core::process::exit); [`AlreadyStarted`](crate::StartError::AlreadyStarted) under a name that is
    /// taken.
    ///
    /// # Counterpart
    ///
    /// `Agent.start_link/2`.
    pub fn start_link(init: impl Fn() -> T + Send + Sync + 'static) -> Start<Self> {
        <Self as GenServer>::start_link(AgentInit(Arc::new(init)))
    }

    /// As [`start_link`](Self::start_link), without the link.
    ///
    /// # Counterpart
    ///
    /// `Agent.start/2`.
    pub fn start(init: impl Fn() -> T + Send + Sync + 'static) -> Start<Self> {
        <Self as GenServer>::start(AgentInit(Arc::new(init)))
    }
}

/// What makes an agent's first value.
pub struct AgentInit<T>(Arc<dyn Fn() -> T + Send + Sync>);

impl<T> Clone for AgentInit<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A function that an agent runs, and whose result somebody waits for; made by [`AgentClient`](crate::AgentClient).
pub struct AgentCall<T>(Box<dyn FnOnce(&mut T) + Send>);

impl<T> AgentCall<T> {
    pub(crate) fn new<R: Send + 'static>(
        function: impl FnOnce(&mut T) -> R + Send + 'static,
        reply: ReplyTo<R>,
    ) -> Self {
        Self(Box::new(move |value| reply.send(function(value))))
    }
}

/// A function that an agent runs, and nobody waits for; made by [`AgentClient`](crate::AgentClient).
pub struct AgentCast<T>(pub(crate) Box<dyn FnOnce(&mut T) + Send>);

impl<T: Send + 'static> GenServer for Agent<T> {
    type Args = AgentInit<T>;
    type Call = AgentCall<T>;
    type Cast = AgentCast<T>;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init(init: AgentInit<T>, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(init.0()))
    }

    async fn handle_call(&mut self, call: AgentCall<T>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        call.0(&mut self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, cast: AgentCast<T>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        cast.0(&mut self.0);
        Ok(())
    }
}

impl<T> fmt::Debug for Agent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for AgentInit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentInit").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for AgentCall<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentCall").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for AgentCast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentCast").finish_non_exhaustive()
    }
}
