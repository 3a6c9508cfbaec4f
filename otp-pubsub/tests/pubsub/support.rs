//! What the tests share: a bus of their own, and servers that keep what they hear.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use otp_core::{ExitReason, Pid, ReplyTo, process};
use otp_genserver::{Context, GenServer, InitError, ServerRef};
use otp_pubsub::{PubSub, SubscribeError};

pub(crate) type Bus = PubSub<u32, &'static str>;

/// A bus that runs, under a name that no other test has.
pub(crate) async fn bus(pool_size: usize) -> Bus {
    let bus = unstarted(pool_size);
    bus.start().await.expect("it starts");
    bus
}

pub(crate) fn unstarted(pool_size: usize) -> Bus {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    PubSub::new(format!("bus {}", NEXT.fetch_add(1, Ordering::Relaxed))).pool_size(pool_size)
}

/// A server that does what it is told, and keeps what it hears.
pub(crate) struct Listener {
    bus: Bus,
    heard: Vec<u32>,
}

pub(crate) enum Do {
    Subscribe(&'static str, ReplyTo<Result<(), SubscribeError>>),
    Unsubscribe(&'static str, ReplyTo<()>),
    Broadcast(&'static str, u32, ReplyTo<()>),
    /// Not to itself.
    BroadcastFrom(&'static str, u32, ReplyTo<()>),
    Heard(ReplyTo<Vec<u32>>),
}

impl GenServer for Listener {
    type Args = Bus;
    type Call = Do;
    type Cast = Infallible;
    type Info = u32;
    type Continue = Infallible;

    async fn init(bus: Bus, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self { bus, heard: Vec::new() })
    }

    async fn handle_call(&mut self, call: Do, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {
            Do::Subscribe(topic, reply) => {
                reply.send(self.bus.subscribe_as(topic, cx.server_ref(), "listener"))
            }
            Do::Unsubscribe(topic, reply) => {
                self.bus.unsubscribe(topic)?;
                reply.send(());
            }
            Do::Broadcast(topic, message, reply) => {
                self.bus.broadcast(topic, message)?;
                reply.send(());
            }
            Do::BroadcastFrom(topic, message, reply) => {
                self.bus.broadcast_from(cx.pid(), topic, message)?;
                reply.send(());
            }
            Do::Heard(reply) => reply.send(std::mem::take(&mut self.heard)),
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_info(&mut self, message: u32, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.heard.push(message);
        Ok(())
    }
}

/// A listener that is subscribed to these topics.
pub(crate) async fn listener(bus: &Bus, topics: &[&'static str]) -> ServerRef<Listener> {
    let listener = Listener::start(bus.clone()).await.expect("it starts");
    for topic in topics {
        subscribe(&listener, topic).await;
    }
    listener
}

pub(crate) async fn subscribe(listener: &ServerRef<Listener>, topic: &'static str) {
    listener.call(|reply| Do::Subscribe(topic, reply)).await.expect("it runs").expect("the bus runs");
}

pub(crate) async fn unsubscribe(listener: &ServerRef<Listener>, topic: &'static str) {
    listener.call(|reply| Do::Unsubscribe(topic, reply)).await.expect("it runs");
}

/// What it has heard since it was last asked.
pub(crate) async fn heard(listener: &ServerRef<Listener>) -> Vec<u32> {
    listener.call(Do::Heard).await.expect("it runs")
}

/// Kills a process, and waits until everyone has been told.
pub(crate) async fn kill(pid: Pid) {
    process::send_exit(pid, ExitReason::Kill);
    while process::is_alive(pid) {
        tokio::task::yield_now().await;
    }
}
