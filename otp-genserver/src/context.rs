//! [`Context`]: what a callback can do with its own process.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use otp_core::behaviour::{Deadline, Item, Request};
use otp_core::{
    Alias, AliasMode, ExitReason, Mailbox, MonitorAlias, MonitorRef, Pid, Target, TimerRef, send_after,
    send_interval,
};

use crate::message::ServerMessage;
use crate::server::GenServer;
use crate::server_ref::ServerRef;

/// The server's own process, as its callbacks see it.
pub struct Context<S: GenServer> {
    mailbox: Mailbox<ServerMessage<S>>,
    /// What most servers never ask for; allocated on first use and kept.
    orders: Option<Box<Orders<S>>>,
}

/// What a callback asked the runner for, and what the runner keeps for later.
struct Orders<S: GenServer> {
    stop: Option<ExitReason>,
    continuations: VecDeque<S::Continue>,
    timeout: Option<Deadline>,
    /// Requests whose `ReplyTo` outlived their callback.
    kept: Vec<Request>,
    /// How many there may be before the settled ones are cleared out.
    kept_limit: usize,
}

impl<S: GenServer> Context<S> {
    pub(crate) const fn new(mailbox: Mailbox<ServerMessage<S>>) -> Self {
        Self { mailbox, orders: None }
    }

    fn orders(&mut self) -> &mut Orders<S> {
        self.orders.get_or_insert_with(|| {
            Box::new(Orders {
                stop: None,
                continuations: VecDeque::new(),
                timeout: None,
                kept: Vec::new(),
                kept_limit: 16,
            })
        })
    }

    /// This server's pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.mailbox.pid()
    }

    /// This server's address.
    #[must_use]
    pub fn server_ref(&self) -> ServerRef<S> {
        ServerRef::new(self.mailbox.address())
    }

    /// The process whose end, if this one traps exits, ends it: the one that started it with a link, or itself.
    #[must_use]
    pub fn parent(&self) -> Pid {
        self.mailbox.parent()
    }

    /// Stops the server with `reason` when this callback returns `Ok`, after `terminate`. The first reason counts.
    ///
    /// # Counterpart
    ///
    /// `{stop, Reason, State}`.
    pub fn stop(&mut self, reason: ExitReason) {
        self.orders().stop.get_or_insert(reason);
    }

    /// Has `handle_continue` run when this callback returns, before any message. Several run in order.
    ///
    /// # Counterpart
    ///
    /// `{continue, Term}`.
    pub fn continue_with(&mut self, continuation: S::Continue) {
        self.orders().continuations.push_back(continuation);
    }

    /// Has `handle_timeout` run if no message arrives within `time` after this callback. Any message cancels it, and
    /// it runs once.
    ///
    /// # Counterpart
    ///
    /// The timeout in a callback's result.
    pub fn set_timeout(&mut self, time: Duration) {
        self.orders().timeout = Some(Deadline::after(Some(time)));
    }

    /// Sends `info` to this server after `time`.
    ///
    /// # Panics
    ///
    /// For a time above 100 years.
    #[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
    pub fn send_after(&self, time: Duration, info: S::Info) -> TimerRef {
        send_after(time, self.server_ref().recipient(), info)
    }

    /// Sends what `info` makes to this server every `period`, until cancelled or the server ends.
    ///
    /// # Panics
    ///
    /// For a period of zero or above 100 years.
    #[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
    pub fn send_interval(&self, period: Duration, info: impl Fn() -> S::Info + Send + 'static) -> TimerRef {
        send_interval(period, self.server_ref().recipient(), info)
    }

    /// An address of this server that it can turn off; what comes through it reaches `handle_info`.
    ///
    /// # Counterpart
    ///
    /// `erlang:alias/1`.
    #[must_use]
    pub fn alias<T: Send + 'static>(&self, mode: AliasMode) -> Alias<T>
    where
        S::Info: From<T>,
    {
        self.mailbox.alias_with(mode, |message| ServerMessage::Info(S::Info::from(message)))
    }

    /// Monitors a process, with an alias that goes with the monitor.
    ///
    /// # Counterpart
    ///
    /// `erlang:monitor(process, Target, [{alias, Mode}])`.
    #[must_use]
    pub fn monitor_with_alias<T: Send + 'static>(
        &self,
        target: impl Into<Target>,
        mode: MonitorAlias,
    ) -> (MonitorRef, Alias<T>)
    where
        S::Info: From<T>,
    {
        self.mailbox
            .monitor_with_alias_as(target, mode, |message| ServerMessage::Info(S::Info::from(message)))
    }

    /// The callback that may have held its reply is over.
    pub(crate) fn end_hold(&self) {
        self.mailbox.end_hold();
    }

    /// Whether an exit signal has hit this server: then nothing of it runs any more.
    pub(crate) fn is_doomed(&self) -> bool {
        self.mailbox.is_doomed()
    }

    /// The server has decided to end.
    pub(crate) fn set_ending(&self) {
        self.mailbox.set_ending();
    }

    /// Whether a callback runs, as opposed to the wait for messages.
    pub(crate) fn set_in_callback(&self, in_callback: bool) {
        self.mailbox.set_in_callback(in_callback);
    }

    pub(crate) fn take_stop(&mut self) -> Option<ExitReason> {
        self.orders.as_mut()?.stop.take()
    }

    pub(crate) fn take_continuation(&mut self) -> Option<S::Continue> {
        self.orders.as_mut()?.continuations.pop_front()
    }

    /// Keeps a request whose reply was not sent by the end of its callback, so that the server's death reaches the
    /// caller. Settled ones are cleared out as often as their number has doubled.
    pub(crate) fn keep(&mut self, request: Request) {
        let orders = self.orders();
        if orders.kept.len() >= orders.kept_limit {
            orders.kept.retain(|request| !request.is_settled());
            orders.kept_limit = (orders.kept.len() * 2).max(16);
        }
        orders.kept.push(request);
    }

    /// Keeps a message to the end: it is dropped as part of the death.
    pub(crate) fn keep_message(&mut self, message: ServerMessage<S>) {
        self.mailbox.put_back(message);
    }

    /// The next message, or `None` when the callback timeout passes first. Any message ends that timeout.
    pub(crate) fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Item<ServerMessage<S>>>> {
        if self.mailbox.is_doomed() {
            return Poll::Pending;
        }
        let timeout = self.orders.as_mut().map(|orders| &mut orders.timeout);
        if let Poll::Ready(item) = self.mailbox.poll_item(task) {
            if let Some(timeout) = timeout
                && !matches!(item, Item::Message(ServerMessage::System(_)))
            {
                *timeout = None;
            }
            return Poll::Ready(Some(item));
        }
        // Messages may be waiting though none came out: then this poll has used up its share, and they go first.
        if !self.mailbox.has_waiting()
            && let Some(timeout) = timeout
            && let Some(deadline) = timeout
            && deadline.poll_passed(task).is_ready()
        {
            *timeout = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}

impl<S: GenServer> fmt::Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("pid", &self.pid())
            .field("parent", &self.parent())
            .finish_non_exhaustive()
    }
}
