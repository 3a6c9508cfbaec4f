//! spawned-concurrency, its variant on tasks: an unbounded mailbox; every request has a limit of 5 s; "stopped" is
//! `Context::stop` and `join`. It has no supervisor. Callers are tokio's tasks.

use std::convert::Infallible;
use std::future::Future;

use spawned_concurrency::message::Message;
use spawned_concurrency::tasks::{Actor, ActorRef, ActorStart, Context, Handler};
use tokio::sync::oneshot;

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::Peer;
use crate::peers::Raw;

pub(crate) struct Counter {
    count: u64,
    /// Whoever waits for its beginning.
    up: Option<oneshot::Sender<()>>,
}

impl Actor for Counter {
    async fn started(&mut self, _: &Context<Self>) {
        if let Some(up) = self.up.take() {
            up.send(()).ok();
        }
    }
}

struct Increment;

impl Message for Increment {
    type Result = ();
}

impl Handler<Increment> for Counter {
    async fn handle(&mut self, _: Increment, _: &Context<Self>) {
        self.count += 1;
    }
}

struct Get;

impl Message for Get {
    type Result = u64;
}

impl Handler<Get> for Counter {
    async fn handle(&mut self, _: Get, _: &Context<Self>) -> u64 {
        self.count += 1;
        self.count
    }
}

pub(crate) struct NodeActor(Node<ActorRef<Self>>);

impl Actor for NodeActor {}

impl Message for NodeMessage {
    type Result = ();
}

impl Handler<NodeMessage> for NodeActor {
    async fn handle(&mut self, message: NodeMessage, _: &Context<Self>) {
        if let Some((to, answer)) = self.0.on(message) {
            to.send(answer).ok();
        }
    }
}

pub(crate) struct Spawned;

impl Peer for Spawned {
    type Counter = ActorRef<Counter>;
    type Node = ActorRef<NodeActor>;
    type Supervised = Infallible;

    async fn start() -> Self::Counter {
        let (up, is_up) = oneshot::channel();
        let counter = Counter { count: 0, up: Some(up) }.start();
        is_up.await.unwrap();
        counter
    }

    async fn call(counter: &Self::Counter) -> u64 {
        counter.request(Get).await.unwrap()
    }

    async fn call5s(counter: &Self::Counter) -> u64 {
        Self::call(counter).await
    }

    async fn cast(counter: &Self::Counter) {
        counter.send(Increment).unwrap();
    }

    async fn stop(counter: Self::Counter) {
        counter.context().stop();
        counter.join().await;
    }

    async fn start_node(node: Node<Self::Node>) -> Self::Node {
        NodeActor(node).start()
    }

    async fn send_node(node: &Self::Node, message: NodeMessage) {
        node.send(message).ok();
    }

    async fn supervise(_: Crash) -> Result<Infallible, &'static str> {
        Err("it has no supervisor")
    }

    async fn crash(counter: &Infallible, _: Crash) {
        match *counter {}
    }

    async fn try_call(counter: &Infallible) -> Option<u64> {
        match *counter {}
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Raw::spawn(caller)
    }
}
