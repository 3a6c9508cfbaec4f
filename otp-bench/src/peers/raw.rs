//! The floor: bare tokio, a task with an unbounded mpsc channel and a oneshot per call. `call` has no limit and `call5s`
//! has `tokio::time::timeout`; "stopped" is an answer from the loop. No panic is caught but by tokio, and no supervision is
//! there but a task that awaits the counter's `JoinHandle`, and starts the next one with its address in a shared place.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::Peer;
use crate::workloads::{Heard, Publish, SUBSCRIBERS};

pub(crate) enum Message {
    Increment,
    Get(oneshot::Sender<u64>),
    Stop(oneshot::Sender<()>),
    Crash(Crash),
}

type Counter = mpsc::UnboundedSender<Message>;
type Inbox = mpsc::UnboundedReceiver<Message>;

async fn count(mut inbox: Inbox) -> Result<(), &'static str> {
    let mut count = 0_u64;
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Increment => count += 1,
            Message::Get(reply) => {
                count += 1;
                reply.send(count).ok();
            }
            Message::Stop(stopped) => {
                stopped.send(()).ok();
                break;
            }
            Message::Crash(crash) => return Err(crash.happen()),
        }
    }
    Ok(())
}

async fn supervise(current: Arc<Mutex<Counter>>, mut inbox: Inbox) {
    // Until the counter ends in order: neither by a panic nor with an error.
    while !matches!(tokio::spawn(count(inbox)).await, Ok(Ok(()))) {
        let (counter, next) = mpsc::unbounded_channel();
        inbox = next;
        *current.lock().unwrap() = counter;
    }
}

pub(crate) struct Raw;

impl Peer for Raw {
    type Counter = Counter;
    type Node = mpsc::UnboundedSender<NodeMessage>;
    type Supervised = Arc<Mutex<Counter>>;

    async fn start() -> Self::Counter {
        let (counter, inbox) = mpsc::unbounded_channel();
        let (up, is_up) = oneshot::channel();
        tokio::spawn(async {
            up.send(()).ok();
            count(inbox).await.ok();
        });
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

    async fn supervise(_: Crash) -> Result<Self::Supervised, &'static str> {
        let (counter, inbox) = mpsc::unbounded_channel();
        let current = Arc::new(Mutex::new(counter));
        tokio::spawn(supervise(Arc::clone(&current), inbox));
        Ok(current)
    }

    async fn crash(counter: &Self::Supervised, crash: Crash) {
        counter.lock().unwrap().send(Message::Crash(crash)).ok();
    }

    async fn try_call(counter: &Self::Supervised) -> Option<u64> {
        let (reply, answer) = oneshot::channel();
        counter.lock().unwrap().send(Message::Get(reply)).ok()?;
        answer.await.ok()
    }

    /// tokio's broadcast channel, which overwrites what the stuck one does not take.
    async fn bus(heard: Arc<Heard>) -> Result<Publish, &'static str> {
        let (sender, _) = broadcast::channel(16);
        for number in 0..SUBSCRIBERS {
            let (mut receiver, heard) = (sender.subscribe(), Arc::clone(&heard));
            tokio::spawn(async move {
                while let Ok(1_u64) = receiver.recv().await {
                    if number == 0 {
                        pending::<()>().await;
                    }
                    heard.one();
                }
            });
        }
        Ok(Box::new(move || {
            sender.send(1).unwrap();
            Box::pin(async {})
        }))
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
