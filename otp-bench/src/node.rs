//! What a server of `ring` and `big` decides. It is the same for every peer: the library only moves the messages.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

// hydra wants messages that could be sent to another machine; here it never serializes them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum NodeMessage {
    /// `ring`: goes on this many times.
    Token(u64),
    /// `big`: begin to ping.
    Start,
    Ping(u32),
    Pong,
}

/// One server of them, with `R` for a peer's address of another.
pub(crate) struct Node<R> {
    pub(crate) id: u32,
    /// Set once all are started.
    pub(crate) all: Arc<OnceLock<Vec<R>>>,
    /// How many pings it still has to send.
    pub(crate) left: u32,
    pub(crate) random: Random,
    pub(crate) done: UnboundedSender<()>,
}

impl<R> Node<R> {
    /// What to send to whom in answer to `message`.
    pub(crate) fn on(&mut self, message: NodeMessage) -> Option<(&R, NodeMessage)> {
        let all = self.all.get().expect("nothing is sent before all are started");
        let count = u32::try_from(all.len()).expect("a thousand at most");
        let (to, answer) = match message {
            NodeMessage::Token(0) => return self.finish(),
            NodeMessage::Token(left) => ((self.id + 1) % count, NodeMessage::Token(left - 1)),
            NodeMessage::Ping(from) => (from, NodeMessage::Pong),
            NodeMessage::Start | NodeMessage::Pong if self.left == 0 => return self.finish(),
            NodeMessage::Start | NodeMessage::Pong => {
                self.left -= 1;
                // Never itself.
                ((self.id + 1 + self.random.next() % (count - 1)) % count, NodeMessage::Ping(self.id))
            }
        };
        Some((&all[to as usize], answer))
    }

    fn finish(&self) -> Option<(&R, NodeMessage)> {
        self.done.send(()).ok();
        None
    }
}

/// MINSTD: the same numbers here and in Elixir, and no big integers there.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(id: u32) -> Self {
        Self(u64::from(id) * 7_919 + 1)
    }

    fn next(&mut self) -> u32 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        u32::try_from(self.0).expect("below 2^31")
    }
}
