//! [`AgentClient`]: what an agent can be asked through its address or its name.

use otp_genserver::{Call, Destination};

use crate::agent::{Agent, AgentCall, AgentCast};

/// What an agent can be asked, through whatever leads to it: its `ServerRef`, its `Name`, a via name.
///
/// The functions run inside the agent, in the order in which one process asks, casts included. What they take along has to be
/// `Send` and their own. Each request is an ordinary [`Call`]: it waits 5 seconds unless `timeout` or `infinity` says
/// otherwise, and one that takes longer is carried out all the same.
///
/// # Errors
///
/// [`CallError`](crate::CallError), when awaited: nobody is there, the time is up, or the function panicked, which ends the agent.
pub trait AgentClient<T: Send + 'static>: Destination<Agent<T>> {
    /// What a function finds in the value.
    ///
    /// Everybody else waits meanwhile: what takes long is better done with what it finds, outside.
    ///
    /// # Counterpart
    ///
    /// `Agent.get/3`.
    fn get<R: Send + 'static>(&self, function: impl FnOnce(&T) -> R + Send + 'static) -> Call<Agent<T>, R> {
        self.call(|reply| AgentCall::new(|value: &mut T| function(value), reply))
    }

    /// Has a function change the value, and waits until it has.
    ///
    /// # Counterpart
    ///
    /// `Agent.update/3`, whose function returns the new value.
    fn update(&self, function: impl FnOnce(&mut T) + Send + 'static) -> Call<Agent<T>, ()> {
        self.call(|reply| AgentCall::new(function, reply))
    }

    /// Has a function change the value, and gives what it returns.
    ///
    /// # Counterpart
    ///
    /// `Agent.get_and_update/3`, whose function returns the pair of both.
    fn get_and_update<R: Send + 'static>(
        &self,
        function: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Call<Agent<T>, R> {
        self.call(|reply| AgentCall::new(function, reply))
    }

    /// Has a function change the value, and does not wait. If nobody is there, it is dropped.
    ///
    /// # Counterpart
    ///
    /// `Agent.cast/2`. `cast` itself is what every server's address has.
    #[doc(alias = "cast")]
    fn cast_update(&self, function: impl FnOnce(&mut T) + Send + 'static) {
        self.cast(AgentCast(Box::new(function)));
    }
}

impl<T: Send + 'static, D: Destination<Agent<T>> + ?Sized> AgentClient<T> for D {}
