//! [`SupervisorClient`]: what a supervisor can be asked through its address or its name.

use std::future::Future;

use otp_core::{ChildId, ChildSpec, IntoChildSpec, StartedChild};
use otp_genserver::{CallError, Destination};

use crate::child_info::{ChildCounts, ChildInfo};
use crate::error::{
    DeleteChildError, GetChildSpecError, RestartChildError, StartChildError, TerminateChildError,
};
use crate::supervisor::{Request, Supervisor, SupervisorCall};

/// What a supervisor can be asked, through whatever leads to it: its `ServerRef`, its `Name`.
///
/// Each waits without a limit, as in OTP, since starting or stopping a child may take its time. A supervisor that is not
/// there is an error of kind `Call`.
///
/// # Cancel safety
///
/// A request that was sent is carried out even if its future is dropped; dropped before its first poll, nothing was sent.
///
/// # Counterpart
///
/// The functions of `supervisor`, where a dead supervisor exits the caller with `noproc`.
pub trait SupervisorClient: Destination<Supervisor> {
    /// Adds a child after all others and starts it. Its address comes back: a server's `ServerRef`, or a
    /// [`StartedChild`] for a [`ChildSpec`].
    ///
    /// # Errors
    ///
    /// [`StartChildError`]. A child whose start failed is not kept.
    #[must_use = "nothing happens until this is awaited"]
    fn start_child<C: IntoChildSpec>(
        &self,
        child: C,
    ) -> impl Future<Output = Result<C::Child, StartChildError>> + Send {
        let spec = child.child_spec();
        let call = self.call(|reply| SupervisorCall(Request::Start(Box::new(spec), reply))).infinity();
        async move { Ok(C::child(call.await??)) }
    }

    /// Starts a child that does not run.
    ///
    /// # Errors
    ///
    /// [`RestartChildError`]. A child whose start failed stays known.
    #[must_use = "nothing happens until this is awaited"]
    fn restart_child(
        &self,
        id: impl Into<ChildId>,
    ) -> impl Future<Output = Result<StartedChild, RestartChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| SupervisorCall(Request::Restart(id, reply))).infinity();
        async move { call.await? }
    }

    /// Stops a child and keeps its spec, unless it is temporary. One that does not run is no error. Waits until it is gone.
    ///
    /// # Errors
    ///
    /// [`TerminateChildError`].
    #[must_use = "nothing happens until this is awaited"]
    fn terminate_child(
        &self,
        id: impl Into<ChildId>,
    ) -> impl Future<Output = Result<(), TerminateChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| SupervisorCall(Request::Terminate(id, reply))).infinity();
        async move { call.await? }
    }

    /// Forgets a child that does not run.
    ///
    /// # Errors
    ///
    /// [`DeleteChildError`].
    #[must_use = "nothing happens until this is awaited"]
    fn delete_child(
        &self,
        id: impl Into<ChildId>,
    ) -> impl Future<Output = Result<(), DeleteChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| SupervisorCall(Request::Delete(id, reply))).infinity();
        async move { call.await? }
    }

    /// The spec of a child, defaults filled in. A temporary one's cannot be started again.
    ///
    /// # Errors
    ///
    /// [`GetChildSpecError`].
    #[doc(alias = "get_childspec")]
    #[must_use = "nothing happens until this is awaited"]
    fn get_child_spec(
        &self,
        id: impl Into<ChildId>,
    ) -> impl Future<Output = Result<ChildSpec, GetChildSpecError>> + Send {
        let id = id.into();
        let call = self.call(|reply| SupervisorCall(Request::Spec(id, reply))).infinity();
        async move { call.await? }
    }

    /// All children, the last one first.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    #[must_use = "nothing happens until this is awaited"]
    fn which_children(&self) -> impl Future<Output = Result<Vec<ChildInfo>, CallError>> + Send {
        self.call(|reply| SupervisorCall(Request::Which(reply))).infinity()
    }

    /// How many children there are.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    #[must_use = "nothing happens until this is awaited"]
    fn count_children(&self) -> impl Future<Output = Result<ChildCounts, CallError>> + Send {
        self.call(|reply| SupervisorCall(Request::Count(reply))).infinity()
    }
}

impl<D: Destination<Supervisor> + ?Sized> SupervisorClient for D {}
