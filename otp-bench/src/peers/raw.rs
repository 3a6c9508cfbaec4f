//! The floor: bare tokio, a task with an unbounded mpsc channel and a oneshot per call. `call` has no limit and `call5s`
//! has `tokio::time::timeout`; "stopped" is an answer from the loop. No supervision, no panic is caught.

use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::node::{Node, NodeMessage};
use crate::peer::Peer;

pub(crate) enum Message {
    Increment,
    Get(oneshot::Sender<u64>),
    Stop(oneshot::Sender<()>),
}

async fn count(up: oneshot::Sender<()>, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let mut count = 0_u64;
    up.send(()).ok();
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Increment => count += 1,
            Message::Get(reply) => {
                count += 1;
                reply.send(count).ok();
            }
            Message::Stop(stopped) => {
                stopped.send(()).ok();
                return;
            }
        }
    }
}

pub(crate) struct Raw;

impl Peer for Raw {
    type Counter = mpsc::UnboundedSender<Message>;
    type Node = mpsc::UnboundedSender<NodeMessage>;

    async fn start() -> Self::Counter {
        let (counter, inbox) = mpsc::unbounded_channel();
        let (up, is_up) = oneshot::channel();
        tokio::spawn(count(up, inbox));
        is_up.await.unwrap();
        counter
    }

    async fn call(counter: &Self::Counter) -> u64 {
        let (reply, answer) = oneshot::channel();
        counter.send(Message::Get(reply)).ok();
        answer.await.unwrap()
    }

    async fn call5s(counter: &Self::Counter) -> u64 {
        tokio::time::timeout(Duration::from_secs(5), Self::call(counter)).await.unwrap()
    }

    async fn cast(counter: &Self::Counter) {
        counter.send(Message::Increment).ok();
    }

    async fn stop(counter: Self::Counter) {
        let (stop, stopped) = oneshot::channel();
        counter.send(Message::Stop(stop)).ok();
        stopped.await.unwrap();
    }

    async fn start_node(mut node: Node<Self::Node>) -> Self::Node {
        let (address, mut inbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = inbox.recv().await {
                if let Some((to, answer)) = node.on(message) {
                    to.send(answer).ok();
                }
            }
        });
        address
    }

    async fn send_node(node: &Self::Node, message: NodeMessage) {
        node.send(message).ok();
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let caller = tokio::spawn(caller);
        async { caller.await.unwrap() }
    }
}
