//! [`Context`]: what a callback can do with its own process.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use otp_core::behaviour::{Deadline, Item, Request, catch};
use otp_core::{
    Alias, AliasMode, ExitReason, Mailbox, MonitorAlias, MonitorRef, Pid, Received, Target, TimerRef,
    Waiting, send_after, send_interval,
};

use crate::feeds::{Exhausted, Feeds};
use crate::message::{ServerMessage, StopRequest, System};
use crate::options::Options;
use crate::server::GenServer;
use crate::server_ref::ServerRef;
use crate::sys::{Debug, Event};

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
    timeout: Option<Timeout>,
    feeds: Option<Feeds<S>>,
    /// To give its buffers back when no message waits.
    hibernate: bool,
    hibernate_after: Option<Timeout>,
    suspended: bool,
    /// To stop when no message waits; the first one's reason counts.
    draining: Vec<StopRequest>,
    debug: Option<Debug<S>>,
    /// The message under way, if the server shows it.
    last_message: Option<String>,
    /// Who sent the call that failed or stops the server, for a crash report.
    client: Option<Pid>,
    /// Whom the callback has answered, for a debug event.
    answered: Option<Option<Pid>>,
    /// Requests whose `ReplyTo` outlived their callback.
    kept: Vec<Request>,
    /// How many there may be before the settled ones are cleared out.
    kept_limit: usize,
}

/// A time without messages.
struct Timeout {
    time: Duration,
    deadline: Deadline,
}

impl Timeout {
    const fn new(time: Duration) -> Self {
        Self { time, deadline: Deadline::after(Some(time)) }
    }

    /// Counts from the next poll on.
    fn restart(&mut self) {
        *self = Self::new(self.time);
    }
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
                feeds: None,
                hibernate: false,
                hibernate_after: None,
                suspended: false,
                draining: Vec::new(),
                debug: None,
                last_message: None,
                client: None,
                answered: None,
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

    /// The process whose end, if this one traps exits, ends it: the one that started it with a link or a
    /// monitor, or itself.
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
        self.orders().timeout = Some(Timeout::new(time));
    }

    /// Has the server give its buffers back after this callback, once no message waits: the queue's and whatever else is
    /// empty. The next message wakes it as ever, for the price of some allocations.
    ///
    /// # Counterpart
    ///
    /// `hibernate` in a callback's result. There the heap is collected as well; here the state stays as it is.
    pub fn hibernate(&mut self) {
        self.orders().hibernate = true;
    }

    /// Has each item of `stream` handled by `handle_info`, as `S::Info`.
    ///
    /// The server's own task polls the stream, by turns with the mailbox, and takes an item only when it handles it: a slow
    /// server slows the stream. A stream that ends is dropped, a panic in it crashes the server, and all of them are
    /// dropped when the server ends. While the server is suspended they wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::stream;
    /// use otp_genserver::{Context, InitError, gen_server};
    ///
    /// struct Sum(u32);
    ///
    /// #[gen_server]
    /// impl Sum {
    ///     async fn init(cx: &mut Context<Self>) -> Result<Self, InitError> {
    ///         cx.add_stream(stream::iter([1, 2, 3]));
    ///         Ok(Self(0))
    ///     }
    ///     #[info] fn number(&mut self, n: u32) { self.0 += n }
    ///     #[call] fn get(&self) -> u32 { self.0 }
    /// }
    ///
    /// impl From<u32> for SumInfo {
    ///     fn from(n: u32) -> Self { Self::Number(n) }
    /// }
    ///
    /// #[otp_genserver::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let sum = Sum::start().await?;
    ///     while sum.get().await? < 6 {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Counterpart
    ///
    /// None: in OTP a process would send the items.
    pub fn add_stream<T: Into<S::Info>>(&mut self, stream: impl Stream<Item = T> + Send + 'static) {
        let orders = self.orders();
        if orders.draining.is_empty() {
            orders.feeds.get_or_insert_default().add(stream);
        }
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

    /// Takes the EXIT of this process out of the mailbox, if it has arrived. After an [`unlink`](otp_core::process::unlink)
    /// it tells whether, and why, the process had ended before.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    ///
    /// # Counterpart
    ///
    /// `receive {'EXIT', From, Reason} -> Reason after 0 -> none end`.
    pub async fn take_exit(&mut self, from: Pid) -> Option<ExitReason> {
        self.take_exit_where(|pid| pid == from).await.map(|(_, reason)| reason)
    }

    /// Takes the first EXIT of such a process out of the mailbox, if one has arrived.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    ///
    /// # Counterpart
    ///
    /// `receive {'EXIT', From, Reason} when … -> {From, Reason} after 0 -> none end`.
    pub async fn take_exit_where(
        &mut self,
        mut of: impl FnMut(Pid) -> bool + Send,
    ) -> Option<(Pid, ExitReason)> {
        let wanted = |item: Waiting<'_, _>| matches!(item, Waiting::Exit { from, .. } if of(from));
        match self.mailbox.receive_where_timeout(wanted, Duration::ZERO).await {
            Some(Received::Exit { from, reason }) => Some((from, reason)),
            _ => None,
        }
    }

    /// Takes all EXITs of such processes out of the mailbox that have arrived, in one pass.
    ///
    /// # Cancel safety
    ///
    /// It is ready at once.
    pub async fn take_exits_where(
        &mut self,
        mut of: impl FnMut(Pid) -> bool + Send,
    ) -> Vec<(Pid, ExitReason)> {
        let (mut seen, mut taken) = (0, Vec::new());
        loop {
            let wanted = |item: Waiting<'_, _>| matches!(item, Waiting::Exit { from, .. } if of(from));
            let next = {
                // Without tokio's share for each poll: what waits is there.
                let mut receiving =
                    pin!(tokio::task::unconstrained(self.mailbox.receive_where_from(&mut seen, wanted)));
                poll_fn(|cx| Poll::Ready(receiving.as_mut().poll(cx))).await
            };
            let Poll::Ready(Received::Exit { from, reason }) = next else { return taken };
            taken.push((from, reason));
        }
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

    /// Takes over what the server was started with.
    pub(crate) fn adopt(&mut self, options: Options<S>) {
        if let Some(debug) = options.debug {
            let debug = debug.switch_on(self.pid());
            self.set_debug(debug);
        }
        if let Some(time) = options.hibernate_after {
            self.orders().hibernate_after = Some(Timeout::new(time));
        }
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.orders.as_ref().is_some_and(|orders| orders.suspended)
    }

    /// One that is to stop when it has finished its work goes on: nobody could resume it.
    pub(crate) fn set_suspended(&mut self, suspended: bool) {
        let orders = self.orders();
        orders.suspended = suspended && orders.draining.is_empty();
    }

    /// Stops when everything that waits has been handled; nothing more is accepted but what the runner itself is asked.
    pub(crate) fn drain(&mut self, stop: StopRequest) {
        self.mailbox.close_but_for(|message| matches!(message, ServerMessage::System(_)));
        let orders = self.orders();
        orders.suspended = false;
        orders.draining.push(stop);
        let feeds = orders.feeds.take();
        // Foreign destructors.
        let _ = catch(|| drop(feeds));
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.orders.as_ref().is_some_and(|orders| !orders.draining.is_empty())
    }

    /// What counts the time without messages begins anew.
    pub(crate) fn restart_timeouts(&mut self) {
        if let Some(orders) = &mut self.orders {
            orders.wake(true);
        }
    }

    /// What of `sys` is on, if any of it is.
    pub(crate) fn debug(&mut self) -> Option<&mut Debug<S>> {
        self.orders.as_mut()?.debug.as_mut()
    }

    fn set_debug(&mut self, debug: Debug<S>) {
        if !debug.is_off() {
            self.orders().debug = Some(debug);
        }
    }

    /// Switches something on or off.
    pub(crate) fn change_debug<R>(&mut self, change: impl FnOnce(&mut Debug<S>, &Self) -> R) -> R {
        let mut debug = self.orders.as_mut().and_then(|orders| orders.debug.take()).unwrap_or_default();
        let result = change(&mut debug, self);
        self.set_debug(debug);
        result
    }

    /// Whether anything of `sys` is on.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.orders.as_ref().is_some_and(|orders| orders.debug.is_some())
    }

    /// Shows an event to the debug facilities.
    pub(crate) fn observe(&mut self, server: &S, event: impl FnOnce() -> Event) {
        let pid = self.pid();
        let Some(debug) = self.debug() else { return };
        // What the functions captured may panic when it is dropped.
        let _ = catch(|| debug.handle(pid, event(), server));
        if debug.is_off() {
            self.orders().debug = None;
        }
    }

    /// Keeps the text of the message under way, for a crash report.
    pub(crate) fn set_last_message(&mut self, text: Option<String>) {
        if text.is_some() || self.orders.is_some() {
            self.orders().last_message = text;
        }
    }

    /// A call has failed, or stops the server: who sent it, for the crash report.
    #[cold]
    pub(crate) fn set_client(&mut self, client: Option<Pid>) {
        self.orders().client = client;
    }

    /// A call has been answered, and somebody watches.
    #[cold]
    pub(crate) fn set_answered(&mut self, client: Option<Pid>) {
        self.orders().answered = Some(client);
    }

    pub(crate) fn take_answered(&mut self) -> Option<Option<Pid>> {
        self.orders.as_mut()?.answered.take()
    }

    pub(crate) fn take_client(&mut self) -> Option<Pid> {
        self.orders.as_mut()?.client.take()
    }

    pub(crate) fn take_last_message(&mut self) -> Option<String> {
        self.orders.as_mut()?.last_message.take()
    }

    /// Whether a callback has asked for the end.
    #[inline]
    pub(crate) fn is_to_stop(&self) -> bool {
        self.orders.as_ref().is_some_and(|orders| orders.stop.is_some())
    }

    pub(crate) fn take_stop(&mut self) -> Option<ExitReason> {
        self.orders.as_mut()?.stop.take()
    }

    pub(crate) fn take_continuation(&mut self) -> Option<S::Continue> {
        self.orders.as_mut()?.continuations.pop_front()
    }

    /// Keeps a request whose reply was not sent by the end of its callback, so that the server's death reaches the
    /// caller. Settled ones are cleared out as often as their number has doubled.
    pub(crate) fn keep(&mut self, mut request: Request) {
        // Its callback is over, and the request may be kept for long after it was answered.
        request.end_span();
        if request.is_settled() {
            // Its caller is gone.
            return;
        }
        let orders = self.orders();
        if orders.kept.len() >= orders.kept_limit {
            orders.kept.retain(|request| !request.is_settled());
            orders.kept_limit = (orders.kept.len() * 2).max(16);
        }
        orders.kept.push(request);
    }

    /// Keeps a message to the end: it is dropped as part of the death.
    pub(crate) fn keep_message(&mut self, message: ServerMessage<S>) {
        self.mailbox.keep(message);
    }

    /// The next message, or `None` when the callback timeout passes first. A system message restarts that timeout, any
    /// other ends it.
    pub(crate) fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Item<ServerMessage<S>>>> {
        match &self.orders {
            None => self.mailbox.poll_item(task).map(Some),
            Some(_) => self.poll_next_by_orders(task),
        }
    }

    #[inline(never)]
    fn poll_next_by_orders(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Item<ServerMessage<S>>>> {
        if self.mailbox.is_doomed() {
            return Poll::Pending;
        }
        let Some(orders) = &mut self.orders else { return Poll::Pending };
        match ready!(orders.poll_next(&mut self.mailbox, task)) {
            Next::Handle(item) => Poll::Ready(Some(item)),
            Next::TimedOut => Poll::Ready(None),
            Next::Rest => {
                self.rest();
                Poll::Pending
            }
        }
    }

    /// The next system message, or the reason to end with: its parent ended. What waits longer than those, and was `seen`, is not
    /// looked at again.
    pub(crate) async fn next_of_suspended(&mut self, seen: &mut usize) -> Result<Box<System<S>>, ExitReason> {
        let parent = self.parent();
        let wanted = |item: Waiting<'_, ServerMessage<S>>| match item {
            Waiting::Message(message) => matches!(message, ServerMessage::System(_)),
            Waiting::Exit { from, .. } => from == parent,
            Waiting::Down(_) => false,
        };
        match self.mailbox.receive_where_from(seen, wanted).await {
            Received::Message(ServerMessage::System(system)) => Ok(system),
            Received::Exit { reason, .. } => Err(reason),
            _ => unreachable!("nothing else is wanted"),
        }
    }

    /// Gives back what an idle server does not need.
    #[cold]
    fn rest(&mut self) {
        self.mailbox.give_back_buffers();
        if let Some(orders) = &mut self.orders {
            orders.rest();
            if orders.is_blank() {
                self.orders = None;
            }
        }
    }
}

/// The mailbox's own, out of line: in place it stands where a server without orders takes its messages.
#[inline(never)]
pub(crate) fn poll_item<S: GenServer>(
    mailbox: &mut Mailbox<ServerMessage<S>>,
    task: &mut TaskContext<'_>,
) -> Poll<Item<ServerMessage<S>>> {
    mailbox.poll_item(task)
}

/// What a server does next.
enum Next<S: GenServer> {
    Handle(Item<ServerMessage<S>>),
    TimedOut,
    /// Nothing, and it is to hibernate.
    Rest,
}

impl<S: GenServer> Orders<S> {
    fn poll_next(
        &mut self,
        mailbox: &mut Mailbox<ServerMessage<S>>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Next<S>> {
        let polled = match &mut self.feeds {
            None => poll_item(mailbox, task),
            Some(feeds) => match feeds.poll_next(mailbox, task) {
                Ok(polled) => polled,
                Err(Exhausted) => return Poll::Pending,
            },
        };
        if let Poll::Ready(item) = polled {
            self.wake(matches!(item, Item::Message(ServerMessage::System(_))));
            return Poll::Ready(Next::Handle(item));
        }
        if self.feeds.as_mut().is_some_and(Feeds::is_empty) {
            self.feeds = None;
        }
        // Messages may be waiting though none came out: then this poll has used up its share, and they go first.
        if mailbox.has_waiting() {
            return Poll::Pending;
        }
        if let Some(stop) = self.draining.first() {
            let end = ServerMessage::System(Box::new(System::End(stop.reason.clone())));
            return Poll::Ready(Next::Handle(Item::Message(end)));
        }
        if let Some(timeout) = &mut self.timeout
            && timeout.deadline.poll_passed(task).is_ready()
        {
            self.wake(false);
            return Poll::Ready(Next::TimedOut);
        }
        let idle = self.hibernate_after.as_mut();
        if idle.is_some_and(|idle| idle.deadline.poll_passed(task).is_ready()) {
            // Until a message restarts it.
            self.hibernate_after.iter_mut().for_each(|idle| idle.deadline = Deadline::after(None));
            self.hibernate = true;
        }
        if std::mem::take(&mut self.hibernate) { Poll::Ready(Next::Rest) } else { Poll::Pending }
    }

    /// There is something to handle.
    fn wake(&mut self, system: bool) {
        if let Some(idle) = &mut self.hibernate_after {
            idle.restart();
        }
        if system {
            if let Some(timeout) = &mut self.timeout {
                timeout.restart();
            }
        } else {
            self.hibernate = false;
            self.timeout = None;
        }
    }

    fn rest(&mut self) {
        self.kept.retain(|request| !request.is_settled());
        self.kept.shrink_to_fit();
        self.continuations.shrink_to_fit();
        self.last_message = None;
    }

    /// Whether nothing would be lost without it.
    fn is_blank(&self) -> bool {
        let Self {
            stop,
            continuations,
            timeout,
            feeds,
            hibernate,
            hibernate_after,
            suspended,
            draining,
            debug,
            ..
        } = self;
        let empty = continuations.is_empty() && self.kept.is_empty() && self.last_message.is_none();
        empty
            && stop.is_none()
            && timeout.is_none()
            && feeds.is_none()
            && !hibernate
            && hibernate_after.is_none()
            && !suspended
            && draining.is_empty()
            && debug.is_none()
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
