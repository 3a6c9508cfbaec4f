//! [`ServerRef`]: the address of one server.

use std::fmt;

use otp_core::{Pid, ProcessRef, Recipient, process};

use crate::call::{Call, CastError};
use crate::destination::{Destination, ResolveError};
use crate::message::ServerMessage;
use crate::request_id::RequestId;
use crate::server::GenServer;
use crate::stop::Stop;
use otp_core::ReplyTo;

/// The address of one server process. Cheap to clone.
///
/// It dies with its process: calls through it then fail with [`NoProc`](crate::CallError::NoProc). A
/// [`Name`](crate::Name) finds the restarted one.
pub struct ServerRef<S: GenServer> {
    process: ProcessRef<ServerMessage<S>>,
}

impl<S: GenServer> ServerRef<S> {
    pub(crate) const fn new(process: ProcessRef<ServerMessage<S>>) -> Self {
        Self { process }
    }

    pub(crate) fn into_process(self) -> ProcessRef<ServerMessage<S>> {
        self.process
    }

    pub(crate) const fn process(&self) -> &ProcessRef<ServerMessage<S>> {
        &self.process
    }

    /// The address of the server with this pid.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: it is dead, or another kind of process.
    pub fn of(pid: Pid) -> Result<Self, ResolveError> {
        Ok(Self::new(ProcessRef::of(pid)?))
    }

    /// The server's pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Whether the server has not ended yet.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Asks the server and waits for its answer: 5 seconds unless [`Call::timeout`] says otherwise.
    ///
    /// `make` puts the [`ReplyTo`] into the request: for a variant with nothing else it is the variant itself.
    ///
    /// # Counterpart
    ///
    /// `gen_server:call/2,3`.
    pub fn call<T: Send + 'static>(&self, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> Call<S, T> {
        Call::new(self.clone(), make)
    }

    /// Sends a request now, and leaves the answer to be fetched later. A server that is not there does not fail it
    /// before the answer is asked for; nor does a full mailbox, which is not waited for.
    ///
    /// # Counterpart
    ///
    /// `gen_server:send_request/2`.
    pub fn send_request<T: Send + 'static>(&self, make: impl FnOnce(ReplyTo<T>) -> S::Call) -> RequestId<T> {
        RequestId::send(self, make)
    }

    /// Tells the server something, without waiting. A dead server ignores it, and a full mailbox drops and counts it.
    ///
    /// # Counterpart
    ///
    /// `gen_server:cast/2`.
    #[inline]
    pub fn cast(&self, cast: S::Cast) {
        self.process.send(ServerMessage::Cast(cast));
    }

    /// As [`cast`](Self::cast), but a dead server or a full mailbox gives the message back. (One that drops what is new
    /// drops it.)
    ///
    /// # Errors
    ///
    /// [`CastError`] with the message.
    pub fn try_cast(&self, cast: S::Cast) -> Result<(), CastError<S::Cast>> {
        self.process.try_send(ServerMessage::Cast(cast)).map_err(CastError::from)
    }

    /// As [`try_cast`](Self::try_cast), but waits until the server's mailbox has room.
    ///
    /// A server whose own mailbox is full does not wait for itself, and gets the message back. Nobody notices that two servers
    /// wait like this for each other, each with a full mailbox: one of them should give up after a while
    /// (`tokio::time::timeout`).
    ///
    /// # Errors
    ///
    /// [`CastError`] with the message: the server is dead, or died meanwhile, or it is the current process and full.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nothing was sent.
    pub async fn cast_wait(&self, cast: S::Cast) -> Result<(), CastError<S::Cast>> {
        if process::current() == Some(self.pid()) {
            return self.try_cast(cast);
        }
        self.process.send_wait(ServerMessage::Cast(cast)).await.map_err(CastError::from)
    }

    /// Sends a message for `handle_info`. A dead server ignores it.
    pub fn send(&self, info: S::Info) {
        self.process.send(ServerMessage::Info(info));
    }

    /// The address of this server for messages `T` alone, which reach `handle_info`.
    #[must_use]
    pub fn recipient<T: Send + 'static>(&self) -> Recipient<T>
    where
        S::Info: From<T>,
    {
        self.process.recipient_with(|message| ServerMessage::Info(S::Info::from(message)))
    }

    /// Stops the server in order, after the messages that it has already, and waits until it is gone.
    pub fn stop(&self) -> Stop<S> {
        Stop::new(Ok(self.clone()))
    }
}

impl<S: GenServer, T: Send + 'static> From<ServerRef<S>> for Recipient<T>
where
    S::Info: From<T>,
{
    fn from(server: ServerRef<S>) -> Self {
        server.recipient()
    }
}

impl<S: GenServer> Destination<S> for ServerRef<S> {
    fn resolve(&self) -> Result<Self, ResolveError> {
        Ok(self.clone())
    }

    #[inline]
    fn cast(&self, cast: S::Cast) {
        self.cast(cast);
    }
}

impl<S: GenServer> Clone for ServerRef<S> {
    fn clone(&self) -> Self {
        Self { process: self.process.clone() }
    }
}

impl<S: GenServer> PartialEq for ServerRef<S> {
    fn eq(&self, other: &Self) -> bool {
        self.pid() == other.pid()
    }
}

impl<S: GenServer> Eq for ServerRef<S> {}

impl<S: GenServer> fmt::Debug for ServerRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerRef({})", self.pid())
    }
}
