//! hydra: GenServers on tokio; an unbounded mailbox; every call monitors the server and has a limit of 5 s; "stopped" is
//! `GenServer::stop`, which waits for the DOWN. Under its `Supervisor` the counter has a name. Callers are hydra's processes, since only they may call.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hydra::{
    ChildSpec, ExitReason, From, GenServer, GenServerOptions, Pid, Process, Supervisor, SupervisorOptions,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::{Lookup, Peer};

#[derive(Debug, Serialize, Deserialize)]
enum Message {
    Increment,
    Get,
    Count(u64),
    Crash(Crash),
}

struct Counter(u64);

impl GenServer for Counter {
    type Message = Message;

    async fn init(&mut self) -> Result<(), ExitReason> {
        Ok(())
    }

    async fn handle_call(&mut self, _: Message, _: From) -> Result<Option<Message>, ExitReason> {
        self.0 += 1;
        Ok(Some(Message::Count(self.0)))
    }

    async fn handle_cast(&mut self, message: Message) -> Result<(), ExitReason> {
        if let Message::Crash(crash) = message {
            return Err(crash.happen().into());
        }
        self.0 += 1;
        Ok(())
    }
}

const NAME: &str = "counter";

struct NodeServer(Node<Pid>);

impl GenServer for NodeServer {
    type Message = NodeMessage;

    async fn init(&mut self) -> Result<(), ExitReason> {
        Ok(())
    }

    async fn handle_cast(&mut self, message: NodeMessage) -> Result<(), ExitReason> {
        if let Some((to, answer)) = self.0.on(message) {
            Self::cast(*to, answer);
        }
        Ok(())
    }
}

pub(crate) struct Hydra;

impl Peer for Hydra {
    type Counter = Pid;
    type Node = Pid;
    type Supervised = ();

    async fn start() -> Pid {
        Counter(0).start(GenServerOptions::new()).await.unwrap()
    }

    async fn call(counter: &Pid) -> u64 {
        match Counter::call(*counter, Message::Get, None).await {
            Ok(Message::Count(count)) => count,
            other => panic!("{other:?}"),
        }
    }

    async fn call5s(counter: &Pid) -> u64 {
        Self::call(counter).await
    }

    async fn cast(counter: &Pid) {
        Counter::cast(*counter, Message::Increment);
    }

    async fn stop(counter: Pid) {
        Counter::stop(counter, ExitReason::from("shutdown"), None).await.unwrap();
    }

    async fn start_node(node: Node<Pid>) -> Pid {
        NodeServer(node).start(GenServerOptions::new()).await.unwrap()
    }

    async fn send_node(node: &Pid, message: NodeMessage) {
        NodeServer::cast(*node, message);
    }

    async fn supervise(_: Crash) -> Result<(), &'static str> {
        let counter = ChildSpec::new("counter")
            .start(|| Counter::start_link(Counter(0), GenServerOptions::new().name(NAME)));
        Supervisor::with_children([counter])
            .max_restarts(usize::MAX)
            .max_duration(Duration::from_secs(1))
            .start(SupervisorOptions::new())
            .await
            .unwrap();
        Ok(())
    }

    async fn crash((): &(), crash: Crash) {
        Counter::cast(NAME, Message::Crash(crash));
    }

    async fn try_call((): &()) -> Option<u64> {
        // Not by the name: hydra looks it up for the monitor and again for the message, and between the two a counter
        // may come that answers nobody.
        match Counter::call(Process::whereis(NAME)?, Message::Get, None).await {
            Ok(Message::Count(count)) => Some(count),
            _ => None,
        }
    }

    async fn registry(keys: Vec<String>) -> Result<Lookup, &'static str> {
        for key in keys {
            Process::register(Self::start().await, key).unwrap();
        }
        Ok(Arc::new(|key| Process::whereis(key).is_some()))
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (result, finished) = oneshot::channel();
        Process::spawn(async move {
            result.send(caller.await).ok();
        });
        async { finished.await.unwrap() }
    }
}
