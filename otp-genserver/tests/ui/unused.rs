//! A call, a start and a stop that nobody awaits do nothing, and say so.
#![deny(unused_must_use)]

use otp_genserver::{Context, ExitReason, GenServer, InitError, ReplyTo};

struct Counter(i64);

enum CounterCall {
    Get(ReplyTo<i64>),
}

impl GenServer for Counter {
    type Args = i64;
    type Call = CounterCall;
    type Cast = i64;
    type Info = ();
    type Continue = ();

    async fn init(start: i64, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(start))
    }

    async fn handle_call(&mut self, call: CounterCall, _: &mut Context<Self>) -> Result<(), ExitReason> {
        let CounterCall::Get(reply) = call;
        reply.send(self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, n: i64, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.0 += n;
        Ok(())
    }
}

fn main() {
    let _ = async {
        Counter::start(0);
        let counter = Counter::start(0).await.unwrap();
        counter.call(CounterCall::Get);
        counter.stop();
    };
}
