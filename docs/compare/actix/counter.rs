//! The counter of otp-kit/examples/counter.rs, on actix 0.13.

use std::error::Error;

use actix::prelude::*;

struct Counter(i64);

impl Actor for Counter {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "i64")]
struct Get;

impl Handler<Get> for Counter {
    type Result = i64;

    fn handle(&mut self, _: Get, _: &mut Context<Self>) -> i64 {
        self.0
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Add(i64);

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) {
        self.0 += n;
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let counter = Counter(0).start();
    counter.try_send(Add(5))?;
    assert_eq!(counter.send(Get).await?, 5);
    Ok(())
}
