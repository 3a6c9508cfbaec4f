//! [`Peer`]: the one interface that every library is driven through.
//!
//! A new workload that needs more of a library adds a method here, with a default that answers
//! [`Outcome::Unsupported`] where not every library can do it.

use std::future::{Future, ready};
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::workloads::{Heard, Publish};

/// Whether a process is registered under a text.
pub(crate) type Lookup = Arc<dyn Fn(&str) -> bool + Send + Sync>;

pub(crate) trait Peer: Send + Sync + 'static {
    /// The address of a counter: a server with a number.
    type Counter: Clone + Send + Sync + 'static;
    /// The address of a [`Node`].
    type Node: Clone + Send + Sync + 'static;
    /// What leads to the counter of a supervisor, whichever it is at the moment.
    type Supervised: Send + Sync + 'static;

    /// Starts a counter at 0; ready once the counter has run its own beginning.
    fn start() -> impl Future<Output = Self::Counter> + Send;

    /// Adds 1, and answers with the sum; limited by what the library limits a call with unless told otherwise.
    fn call(counter: &Self::Counter) -> impl Future<Output = u64> + Send;

    /// The same with a limit of 5 s.
    fn call5s(counter: &Self::Counter) -> impl Future<Output = u64> + Send;

    /// Adds 1, without an answer.
    fn cast(counter: &Self::Counter) -> impl Future<Output = ()> + Send;

    /// Stops the counter in order, and waits until it is gone.
    fn stop(counter: Self::Counter) -> impl Future<Output = ()> + Send;

    fn start_node(node: Node<Self::Node>) -> impl Future<Output = Self::Node> + Send;

    fn send_node(node: &Self::Node, message: NodeMessage) -> impl Future<Output = ()> + Send;

    /// Starts a supervisor that bears any number of restarts in a second, and a counter at 0 under it. `Err`: why this
    /// library does not start one again after such an end.
    fn supervise(crash: Crash) -> impl Future<Output = Result<Self::Supervised, &'static str>> + Send;

    /// Tells the counter to end so, without waiting.
    fn crash(counter: &Self::Supervised, crash: Crash) -> impl Future<Output = ()> + Send;

    /// As [`call`](Self::call); `None` if nobody has answered.
    fn try_call(counter: &Self::Supervised) -> impl Future<Output = Option<u64>> + Send;

    /// Starts a process for each of these texts, registers it, and gives what finds them. `Err`: why it has no such registry.
    fn registry(keys: Vec<String>) -> impl Future<Output = Result<Lookup, &'static str>> + Send {
        drop(keys);
        ready(Err("it has no registry by text"))
    }

    /// Starts so many subscribers of a topic, the first of which takes one message and is stuck with it, and gives what
    /// broadcasts there. `Err`: why it cannot do that.
    fn bus(heard: Arc<Heard>) -> impl Future<Output = Result<Publish, &'static str>> + Send {
        drop(heard);
        ready(Err("it has no broadcasts"))
    }

    /// Runs a caller where this library's callers live, at once; the result can be awaited.
    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Runs a caller to its end on so many threads.
    fn run<F>(threads: usize, caller: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        runtime(threads).block_on(async { Self::spawn(caller).await })
    }
}

pub(crate) fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().expect("the system has threads")
}
