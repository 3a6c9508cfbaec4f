//! Servers as children of a supervisor: a [`Start`] that is not awaited is a child spec.

use std::sync::{Mutex, PoisonError};

use otp_core::{ChildId, ChildSpec, ChildType, IntoChildSpec, Restart, StartError, StartedChild};

use crate::server::GenServer;
use crate::server_ref::ServerRef;
use crate::start::Start;

/// The server as a supervisor's child, started with clones of its arguments, and always linked. Its id is the type of the
/// server, or the name of a supervisor that has one; when it is restarted and how it is stopped is what the server's type says.
///
/// [Functions for debugging](crate::sys::DebugOptions) belong to one server: they are not taken over.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "macros")] mod doc {
/// use otp_genserver::{GenServer, IntoChildSpec, Restart, gen_server};
///
/// struct Counter(i64);
///
/// #[gen_server]
/// impl Counter {
///     fn init(start: i64) -> Self {
///         Self(start)
///     }
/// }
///
/// # fn spec() {
/// let spec = Counter::start_link(0).name("counter").child_spec().restart(Restart::Transient);
/// # }
/// # }
/// ```
impl<S: GenServer<Args: Clone>> IntoChildSpec for Start<S> {
    type Child = ServerRef<S>;

    fn child_spec(self) -> ChildSpec {
        let id = self.child_id();
        let start = Mutex::new(self);
        let spec = ChildSpec::new(id, move || {
            let again = start.lock().unwrap_or_else(PoisonError::into_inner).again();
            started(again)
        });
        with_defaults::<S>(spec).restart(S::RESTART)
    }

    fn child(started: StartedChild) -> ServerRef<S> {
        match started.address() {
            Some(address) => ServerRef::clone(address),
            None => unreachable!("the spec above gives each child its address"),
        }
    }
}

impl<S: GenServer> Start<S> {
    /// The server as a temporary child, which gives up its arguments when it is started: they need no `Clone`.
    #[must_use]
    pub fn child_spec_once(self) -> ChildSpec {
        let once = ChildSpec::once(self.child_id(), move || started(self.adopted()));
        with_defaults::<S>(once).restart(Restart::Temporary)
    }
}

impl<S: GenServer> Start<S> {
    /// The type of the server, or the name of a supervisor that has one: there may be several of the same type.
    fn child_id(&self) -> ChildId {
        match self.start_name() {
            Some(name) if S::CHILD_TYPE == ChildType::Supervisor => name.child_id(),
            _ => ChildId::of::<S>(),
        }
    }
}

fn with_defaults<S: GenServer>(spec: ChildSpec) -> ChildSpec {
    spec.shutdown(S::SHUTDOWN).child_type(S::CHILD_TYPE)
}

async fn started<S: GenServer>(start: Start<S>) -> Result<StartedChild, StartError> {
    let server = start.await?;
    Ok(StartedChild::new(server.pid()).with_address(server))
}
