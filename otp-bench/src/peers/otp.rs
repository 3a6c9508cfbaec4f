//! This workspace: `otp-genserver`, written by hand. The mailbox is unbounded; a call has its limit of 5 s, and hears of
//! the server's death and of a deadlock, always; a server is stopped with `stop`, which waits until it is gone.
//!
//! Under a `Supervisor` it has a name, through which it is called.
//!
//! Callers are processes (`otp`) or plain tokio tasks (`otp-task`).

use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use otp_core::Mailbox;
use otp_genserver::{Context, Destination, ExitReason, GenServer, InitError, Name, ReplyTo, ServerRef};
use otp_pubsub::PubSub;
use otp_registry::Registry;
use otp_supervisor::Supervisor;
use tokio::sync::oneshot;

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::{Lookup, Peer};
use crate::workloads::{Heard, Publish, SUBSCRIBERS};

pub(crate) struct Counter(u64);

pub(crate) enum Call {
    Get(ReplyTo<u64>),
}

pub(crate) enum Cast {
    Increment,
    Crash(Crash),
}

impl GenServer for Counter {
    type Args = ();
    type Call = Call;
    type Cast = Cast;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(0))
    }

    async fn handle_call(&mut self, Call::Get(reply): Call, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.0 += 1;
        reply.send(self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Cast, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {
            Cast::Increment => self.0 += 1,
            Cast::Crash(crash) => return Err(ExitReason::new(crash.happen())),
        }
        Ok(())
    }
}

pub(crate) struct NodeServer(Node<ServerRef<Self>>);

impl GenServer for NodeServer {
    type Args = Node<ServerRef<Self>>;
    type Call = Infallible;
    type Cast = NodeMessage;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init(node: Self::Args, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(node))
    }

    async fn handle_call(&mut self, call: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {}
    }

    async fn handle_cast(&mut self, message: NodeMessage, _: &mut Context<Self>) -> Result<(), ExitReason> {
        if let Some((to, answer)) = self.0.on(message) {
            to.cast(answer);
        }
        Ok(())
    }
}

pub(crate) struct Subscriber {
    heard: Arc<Heard>,
    sticks: bool,
}

impl GenServer for Subscriber {
    type Args = (PubSub<u64>, Arc<Heard>, bool);
    type Call = Infallible;
    type Cast = Infallible;
    type Info = u64;
    type Continue = Infallible;

    async fn init((bus, heard, sticks): Self::Args, cx: &mut Context<Self>) -> Result<Self, InitError> {
        bus.subscribe("topic", cx.server_ref())?;
        Ok(Self { heard, sticks })
    }

    async fn handle_call(&mut self, call: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {}
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_info(&mut self, _: u64, _: &mut Context<Self>) -> Result<(), ExitReason> {
        if self.sticks {
            pending::<()>().await;
        }
        self.heard.one();
        Ok(())
    }
}

/// With callers that are processes, or tasks.
pub(crate) struct Otp<const PROCESSES: bool>;

impl<const PROCESSES: bool> Peer for Otp<PROCESSES> {
    type Counter = ServerRef<Counter>;
    type Node = ServerRef<NodeServer>;
    type Supervised = Name<Counter>;

    async fn start() -> Self::Counter {
        Counter::start(()).await.unwrap()
    }

    async fn call(counter: &Self::Counter) -> u64 {
        counter.call(Call::Get).await.unwrap()
    }

    async fn call5s(counter: &Self::Counter) -> u64 {
        Self::call(counter).await
    }

    async fn cast(counter: &Self::Counter) {
        counter.cast(Cast::Increment);
    }

    async fn stop(counter: Self::Counter) {
        counter.stop().await.unwrap();
    }

    async fn start_node(node: Node<Self::Node>) -> Self::Node {
        NodeServer::start(node).await.unwrap()
    }

    async fn send_node(node: &Self::Node, message: NodeMessage) {
        node.cast(message);
    }

    async fn supervise(_: Crash) -> Result<Self::Supervised, &'static str> {
        let name = Name::new("counter");
        Supervisor::one_for_one()
            .intensity(u32::MAX, Duration::from_secs(1))
            .child(Counter::start_link(()).name(name.clone()))
            .start()
            .await
            .unwrap();
        Ok(name)
    }

    async fn crash(counter: &Self::Supervised, crash: Crash) {
        counter.cast(Cast::Crash(crash));
    }

    async fn try_call(counter: &Self::Supervised) -> Option<u64> {
        counter.call(Call::Get).await.ok()
    }

    async fn registry(keys: Vec<String>) -> Result<Lookup, &'static str> {
        let rooms: Registry<String> = Registry::unique("rooms");
        rooms.start().await.unwrap();
        for key in keys {
            Counter::start(()).name(rooms.via(key)).await.unwrap();
        }
        Ok(Arc::new(move |key| matches!(rooms.lookup(key), Ok(Some(_)))))
    }

    async fn bus(heard: Arc<Heard>) -> Result<Publish, &'static str> {
        let bus: PubSub<u64> = PubSub::new("bus");
        bus.start().await.unwrap();
        for number in 0..SUBSCRIBERS {
            Subscriber::start((bus.clone(), Arc::clone(&heard), number == 0)).await.unwrap();
        }
        Ok(Box::new(move || {
            let bus = bus.clone();
            Box::pin(async move { bus.broadcast("topic", 1).unwrap() })
        }))
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (result, finished) = oneshot::channel();
        let caller = async move {
            result.send(caller.await).ok();
        };
        if PROCESSES {
            otp_core::spawn(|_: Mailbox<Infallible>| caller);
        } else {
            tokio::spawn(caller);
        }
        async { finished.await.unwrap() }
    }
}
