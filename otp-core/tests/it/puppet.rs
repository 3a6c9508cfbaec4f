//! [`Puppet`]: a process that does what a test tells it, so that a test can play several processes.

use otp_core::process::Spawn;
use otp_core::{Down, ExitReason, Mailbox, MonitorRef, Pid, ProcessRef, Received, Target};
use tokio::sync::{mpsc, oneshot};
use tokio::task::unconstrained;

/// What a process received, in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Got<M> {
    Message(M),
    Exit(Pid, ExitReason),
    Down(MonitorRef, Target, ExitReason),
}

impl<M> From<Received<M>> for Got<M> {
    fn from(received: Received<M>) -> Self {
        match received {
            Received::Message(message) => Self::Message(message),
            Received::Exit { from, reason } => Self::Exit(from, reason),
            Received::Down(Down { monitor, target, reason, .. }) => Self::Down(monitor, target, reason),
        }
    }
}

/// All that stands in a mailbox right now, however much that is.
pub(crate) async fn drain<M: Send + 'static>(mailbox: &mut Mailbox<M>) -> Vec<Got<M>> {
    let mut all = Vec::new();
    loop {
        tokio::select! {
            biased;
            received = unconstrained(mailbox.receive()) => all.push(received.into()),
            () = std::future::ready(()) => return all,
        }
    }
}

type Act = Box<dyn FnOnce() + Send>;

enum Order {
    Act(Act),
    Drain(oneshot::Sender<Vec<Got<u32>>>),
    End(ExitReason),
}

/// The body of a puppet.
async fn obey(mut mailbox: Mailbox<u32>, mut orders: mpsc::UnboundedReceiver<Order>) -> ExitReason {
    loop {
        match orders.recv().await {
            Some(Order::Act(act)) => act(),
            Some(Order::Drain(reply)) => drop(reply.send(drain(&mut mailbox).await)),
            Some(Order::End(reason)) => return reason,
            // Nobody can tell it anything any more, but others may still watch it.
            None => std::future::pending().await,
        }
    }
}

/// A process that runs closures inside itself when told to, and leaves its mailbox alone until asked what is in it.
#[derive(Clone)]
pub(crate) struct Puppet {
    process: ProcessRef<u32>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Puppet {
    /// Unlinked.
    pub(crate) fn new() -> Self {
        Self::start(Spawn::new()).0
    }

    /// Starts a puppet in the given way.
    pub(crate) fn start(how: Spawn) -> (Self, Option<MonitorRef>) {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (process, monitor) = how.spawn(|mailbox| obey(mailbox, inbox));
        (Self { process, orders }, monitor)
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.pid()
    }

    pub(crate) fn send(&self, message: u32) {
        self.process.send(message);
    }

    /// Runs `act` inside the puppet; `None` if it dies of it, or was dead.
    pub(crate) async fn run<R: Send + 'static>(&self, act: impl FnOnce() -> R + Send + 'static) -> Option<R> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Act(Box::new(move || {
            reply.send(act()).ok();
        })));
        answer.await.ok()
    }

    /// What it has received since it was last asked; nothing if it is dead.
    pub(crate) async fn received(&self) -> Vec<Got<u32>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Drain(reply));
        answer.await.unwrap_or_default()
    }

    /// Has its body return this reason.
    pub(crate) fn end(&self, reason: ExitReason) {
        self.order(Order::End(reason));
    }

    fn order(&self, order: Order) {
        self.orders.send(order).ok();
    }
}
