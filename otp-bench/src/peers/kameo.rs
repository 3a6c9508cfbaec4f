//! kameo: a mailbox bounded at 64, where sending waits (`kameo`), or its unbounded one (`kameo-unbounded`); a call has no
//! limit unless one is given; "stopped" is `stop_gracefully` and `wait_for_shutdown`. Callers are tokio's tasks.

use std::future::Future;
use std::time::Duration;

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox;
use kameo::message::{Context, Message};

use crate::node::{Node, NodeMessage};
use crate::peer::Peer;
use crate::peers::Raw;

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

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Raw::spawn(caller)
    }
}
