//! kameo: a mailbox bounded at 64, where sending waits (`kameo`), or its unbounded one (`kameo-unbounded`); a call has no
//! limit unless one is given; under a supervisor, an actor of its own, the counter keeps address and mailbox when it is
//! started again; "stopped" is `stop_gracefully` and `wait_for_shutdown`. Callers are tokio's tasks.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};
use kameo_actors::DeliveryStrategy;
use kameo_actors::pubsub::{PubSub, Publish, Subscribe};

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::{Lookup, Peer};
use crate::peers::Raw;
use crate::workloads::{Heard, Publish as Broadcast, SUBSCRIBERS};

#[derive(Clone)]
pub(crate) struct Counter(u64);

impl Actor for Counter {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(counter: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(counter)
    }
}

struct Increment;

impl Message<Increment> for Counter {
    type Reply = ();

    async fn handle(&mut self, _: Increment, _: &mut Context<Self, ()>) {
        self.0 += 1;
    }
}

struct Get;

impl Message<Get> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Get, _: &mut Context<Self, u64>) -> u64 {
        self.0 += 1;
        self.0
    }
}

impl Message<Crash> for Counter {
    type Reply = Result<(), &'static str>;

    async fn handle(&mut self, crash: Crash, _: &mut Context<Self, Self::Reply>) -> Self::Reply {
        Err(crash.happen())
    }
}

pub(crate) struct Subscriber {
    heard: Arc<Heard>,
    sticks: bool,
}

impl Actor for Subscriber {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(subscriber: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(subscriber)
    }
}

impl Message<u64> for Subscriber {
    type Reply = ();

    async fn handle(&mut self, _: u64, _: &mut Context<Self, ()>) {
        if self.sticks {
            pending::<()>().await;
        }
        self.heard.one();
    }
}

pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(supervisor: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(supervisor)
    }
}

pub(crate) struct NodeActor(Node<ActorRef<Self>>);

impl Actor for NodeActor {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(node: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(node)
    }
}

impl Message<NodeMessage> for NodeActor {
    type Reply = ();

    async fn handle(&mut self, message: NodeMessage, _: &mut Context<Self, ()>) {
        if let Some((to, answer)) = self.0.on(message) {
            to.tell(answer).send().await.ok();
        }
    }
}

pub(crate) struct Kameo<const UNBOUNDED: bool>;

impl<const UNBOUNDED: bool> Peer for Kameo<UNBOUNDED> {
    type Counter = ActorRef<Counter>;
    type Node = ActorRef<NodeActor>;
    /// The supervisor as well: without its address it would end.
    type Supervised = (ActorRef<Counter>, ActorRef<Supervisor>);

    async fn start() -> Self::Counter {
        let counter = if UNBOUNDED {
            Counter::spawn_with_mailbox(Counter(0), mailbox::unbounded())
        } else {
            Counter::spawn(Counter(0))
        };
        counter.wait_for_startup().await;
        counter
    }

    async fn call(counter: &Self::Counter) -> u64 {
        counter.ask(Get).send().await.unwrap()
    }

    async fn call5s(counter: &Self::Counter) -> u64 {
        counter.ask(Get).reply_timeout(Duration::from_secs(5)).send().await.unwrap()
    }

    async fn cast(counter: &Self::Counter) {
        counter.tell(Increment).send().await.unwrap();
    }

    async fn stop(counter: Self::Counter) {
        counter.stop_gracefully().await.unwrap();
        counter.wait_for_shutdown().await;
    }

    async fn start_node(node: Node<Self::Node>) -> Self::Node {
        if UNBOUNDED {
            NodeActor::spawn_with_mailbox(NodeActor(node), mailbox::unbounded())
        } else {
            NodeActor::spawn(NodeActor(node))
        }
    }

    async fn send_node(node: &Self::Node, message: NodeMessage) {
        node.tell(message).send().await.ok();
    }

    async fn supervise(_: Crash) -> Result<Self::Supervised, &'static str> {
        let supervisor = Supervisor::spawn(Supervisor);
        let counter =
            Counter::supervise(&supervisor, Counter(0)).restart_limit(u32::MAX, Duration::from_secs(1));
        let counter = if UNBOUNDED {
            counter.spawn_with_mailbox(mailbox::unbounded()).await
        } else {
            counter.spawn().await
        };
        Ok((counter, supervisor))
    }

    async fn crash((counter, _): &Self::Supervised, crash: Crash) {
        counter.tell(crash).send().await.unwrap();
    }

    async fn try_call((counter, _): &Self::Supervised) -> Option<u64> {
        counter.ask(Get).send().await.ok()
    }

    async fn registry(keys: Vec<String>) -> Result<Lookup, &'static str> {
        for key in keys {
            Self::start().await.register(key).unwrap();
        }
        Ok(Arc::new(|key| matches!(ActorRef::<Counter>::lookup(key), Ok(Some(_)))))
    }

    /// Its bus is an actor. Of its ways to deliver only the one that drops what is too much is not held up by a stuck one.
    async fn bus(heard: Arc<Heard>) -> Result<Broadcast, &'static str> {
        let bus = PubSub::spawn(PubSub::<u64>::new(DeliveryStrategy::BestEffort));
        for number in 0..SUBSCRIBERS {
            let subscriber = Subscriber { heard: Arc::clone(&heard), sticks: number == 0 };
            let subscriber = if UNBOUNDED {
                Subscriber::spawn_with_mailbox(subscriber, mailbox::unbounded())
            } else {
                Subscriber::spawn(subscriber)
            };
            bus.ask(Subscribe(subscriber)).send().await.unwrap();
        }
        Ok(Box::new(move || {
            let bus = bus.clone();
            Box::pin(async move { bus.tell(Publish(1)).send().await.unwrap() })
        }))
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Raw::spawn(caller)
    }
}
