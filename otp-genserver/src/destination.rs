//! [`Destination`]: whatever leads to a server.

use std::fmt;
use std::future::Future;

use otp_core::{FindError, Pid, ReplyTo};

use crate::call::{Call, CastError};
use crate::request_id::RequestId;
use crate::server::GenServer;
use crate::server_ref::ServerRef;
use crate::stop::Stop;

/// Why a destination leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveError {
    /// No such process.
    NoProc,
    /// This process is there, and is not such a server.
    WrongServer(Pid),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProc => f.write_str("no such process"),
            Self::WrongServer(pid) => write!(f, "{pid} is another kind of server"),
        }
    }
}

impl std::error::Error for ResolveError {}

impl From<FindError> for ResolveError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::WrongType(pid) => Self::WrongServer(pid),
            _ => Self::NoProc,
        }
    }
}

/// What a server of type `S` can be reached by: a [`ServerRef`], a [`Name`](crate::Name), a registry's via name.
///
/// A name is resolved at each use, so it finds the server that has it now.
pub trait Destination<S: GenServer> {
    /// The server behind this destination now.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: nobody is there, or another kind of process.
    fn resolve(&self) -> Result<ServerRef<S>, ResolveError>;

    /// As [`ServerRef::call`].
    fn call<T: Send + 'static>(&self, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> Call<S, T> {
        match self.resolve() {
            Ok(server) => Call::new(server, make),
            Err(error) => Call::ready(Err(error.into())),
        }
    }

    /// As [`ServerRef::send_request`].
    fn send_request<T: Send + 'static>(&self, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> RequestId<T> {
        RequestId::send(self, make)
    }

    /// As [`ServerRef::cast`]. If nobody is there, it is ignored.
    fn cast(&self, cast: S::Cast) {
        if let Ok(server) = self.resolve() {
            server.cast(cast);
        }
    }

    /// As [`ServerRef::cast_wait`].
    fn cast_wait(
        &self,
        cast: S::Cast,
    ) -> impl Future<Output = Result<(), CastError<S::Cast>>> + Send + use<S, Self> {
        let server = self.resolve();
        async move {
            match server {
                Ok(server) => server.cast_wait(cast).await,
                Err(error) => Err(CastError::new(cast, error)),
            }
        }
    }

    /// As [`ServerRef::try_cast`].
    ///
    /// # Errors
    ///
    /// [`CastError`] with the message.
    fn try_cast(&self, cast: S::Cast) -> Result<(), CastError<S::Cast>> {
        match self.resolve() {
            Ok(server) => server.try_cast(cast),
            Err(error) => Err(CastError::new(cast, error)),
        }
    }

    /// As [`ServerRef::stop`].
    fn stop(&self) -> Stop<S> {
        Stop::new(self.resolve())
    }
}

impl<S: GenServer, D: Destination<S> + ?Sized> Destination<S> for &D {
    fn resolve(&self) -> Result<ServerRef<S>, ResolveError> {
        (**self).resolve()
    }
}
