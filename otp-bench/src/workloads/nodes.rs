//! Workloads of servers that send to each other: `ring`, `big`. What a server does stands in [`crate::node`].

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::node::{Node, NodeMessage, Random};
use crate::outcome::Outcome;
use crate::peer::Peer;

/// One message is under way, so this is the time from a send to the next server's handler.
pub(super) async fn ring<P: Peer>(n: u64) -> Outcome {
    let (all, mut done) = start::<P>(1_000, 0).await;
    let start = Instant::now();
    P::send_node(&all[0], NodeMessage::Token(n)).await;
    done.recv().await.expect("the token stops somewhere");
    Outcome::since(start, n)
}

/// Every server has one ping under way. One operation is a ping and its pong.
pub(super) async fn big<P: Peer>(n: u64) -> Outcome {
    const NODES: u32 = 120;
    let each = u32::try_from((n / u64::from(NODES)).max(1)).expect("fewer than 2^32 pings a server");
    let (all, mut done) = start::<P>(NODES, each).await;
    let start = Instant::now();
    for node in &all {
        P::send_node(node, NodeMessage::Start).await;
    }
    for _ in &all {
        done.recv().await.expect("every server ends");
    }
    Outcome::since(start, u64::from(each) * u64::from(NODES))
}

async fn start<P: Peer>(count: u32, left: u32) -> (Vec<P::Node>, mpsc::UnboundedReceiver<()>) {
    let (done, ends) = mpsc::unbounded_channel();
    let all = Arc::new(OnceLock::new());
    let mut nodes = Vec::new();
    for id in 0..count {
        let node = Node { id, all: Arc::clone(&all), left, random: Random::new(id), done: done.clone() };
        nodes.push(P::start_node(node).await);
    }
    assert!(all.set(nodes.clone()).is_ok(), "set once");
    (nodes, ends)
}
