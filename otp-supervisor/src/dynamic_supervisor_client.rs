//! [`DynamicSupervisorClient`]: what a dynamic supervisor can be asked through its address or its name.

use std::future::Future;

use otp_core::{IntoChildSpec, Pid};
use otp_genserver::{CallError, Destination};

use crate::child_info::{ChildCounts, ChildInfo};
use crate::dynamic_supervisor::{DynamicSupervisor, DynamicSupervisorCall, Request, check};
use crate::error::{StartChildError, TerminateChildError};

/// What a dynamic supervisor can be asked, through whatever leads to it: its `ServerRef`, its `Name`.
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
/// The functions of Elixir's `DynamicSupervisor`, where a dead supervisor exits the caller with `noproc`.
pub trait DynamicSupervisorClient: Destination<DynamicSupervisor> {
    /// Starts a child. Its address comes back: a server's `ServerRef`, or a [`StartedChild`](crate::StartedChild) for a
    /// [`ChildSpec`](crate::ChildSpec). The spec's id means nothing here.
    ///
    /// # Errors
    ///
    /// [`StartChildError`]. A child whose start failed or said ignore is not kept.
    #[must_use = "nothing happens until this is awaited"]
    fn start_child<C: IntoChildSpec>(
        &self,
        child: C,
    ) -> impl Future<Output = Result<C::Child, StartChildError>> + Send {
        let spec = child.child_spec();
        let checked = check(&spec);
        let call = self.call(|reply| DynamicSupervisorCall(Request::Start(Box::new(spec), reply))).infinity();
        async move {
            checked?;
            Ok(C::child(call.await??))
        }
    }

    /// Starts a child that is made of what the supervisor has for its children, its
    /// [`extra_arguments`](crate::DynamicSupervisorSpec::extra_arguments). `make` runs inside the supervisor, once; restarts
    /// start the same child.
    ///
    /// # Errors
    ///
    /// As [`start_child`](Self::start_child); [`StartChildError::ExtraArguments`] if the supervisor has no `X`.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_supervisor::{ChildSpec, DynamicSupervisor, DynamicSupervisorClient, StopToken};
    ///
    /// # #[otp_core::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let supervisor = DynamicSupervisor::new().extra_arguments(String::from("db")).start_link().await?;
    /// let make = |database: &String| {
    ///     let database = database.clone();
    ///     move |stop: StopToken| {
    ///         let database = database.clone();
    ///         async move {
    ///             assert_eq!(database, "db");
    ///             stop.stopped().await;
    ///         }
    ///     }
    /// };
    /// let pid = supervisor.start_child_with(make).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "nothing happens until this is awaited"]
    fn start_child_with<X: 'static, C: IntoChildSpec>(
        &self,
        make: impl FnOnce(&X) -> C + Send + 'static,
    ) -> impl Future<Output = Result<C::Child, StartChildError>> + Send {
        let call = self
            .call(|reply| {
                let make = Box::new(move |extra: Option<&(dyn std::any::Any + Send + Sync)>| {
                    let extra = extra
                        .and_then(|extra| extra.downcast_ref())
                        .ok_or(StartChildError::ExtraArguments)?;
                    Ok(make(extra).child_spec())
                });
                DynamicSupervisorCall(Request::StartWith(make, reply))
            })
            .infinity();
        async move { Ok(C::child(call.await??)) }
    }

    /// Stops a child and forgets it, also if it is permanent. Waits until it is gone.
    ///
    /// # Errors
    ///
    /// [`TerminateChildError`].
    #[must_use = "nothing happens until this is awaited"]
    fn terminate_child(&self, pid: Pid) -> impl Future<Output = Result<(), TerminateChildError>> + Send {
        let call = self.call(|reply| DynamicSupervisorCall(Request::Terminate(pid, reply))).infinity();
        async move { call.await? }
    }

    /// All children, in no order.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    #[must_use = "nothing happens until this is awaited"]
    fn which_children(&self) -> impl Future<Output = Result<Vec<ChildInfo>, CallError>> + Send {
        self.call(|reply| DynamicSupervisorCall(Request::Which(reply))).infinity()
    }

    /// How many children there are.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    #[must_use = "nothing happens until this is awaited"]
    fn count_children(&self) -> impl Future<Output = Result<ChildCounts, CallError>> + Send {
        self.call(|reply| DynamicSupervisorCall(Request::Count(reply))).infinity()
    }
}

impl<D: Destination<DynamicSupervisor> + ?Sized> DynamicSupervisorClient for D {}
