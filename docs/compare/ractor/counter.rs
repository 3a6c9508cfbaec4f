//! The counter of otp-kit/examples/counter.rs, on ractor 0.16.

use std::error::Error;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call_t, cast};

struct Counter;

enum Message {
    Get(RpcReplyPort<i64>),
    Add(i64),
}

impl Actor for Counter {
    type Msg = Message;
    type State = i64;
    type Arguments = i64;

    async fn pre_start(&self, _: ActorRef<Message>, start: i64) -> Result<i64, ActorProcessingErr> {
        Ok(start)
    }
    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        count: &mut i64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Get(reply) => reply.send(*count)?,
            Message::Add(n) => *count += n,
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (counter, _) = Actor::spawn(None, Counter, 0).await?;
    cast!(counter, Message::Add(5))?;
    assert_eq!(call_t!(counter, Message::Get, 5000)?, 5);
    Ok(())
}
