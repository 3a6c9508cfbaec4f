//! The cache of otp-kit/examples/ttl_cache.rs, on actix 0.13. An actor cannot be killed from outside, so it stops itself on
//! a message; the same value is then started again, and empties itself.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::Instant;

struct Cache(HashMap<String, (Instant, String)>);

impl Actor for Cache {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(Duration::from_secs(1), |cache, _| {
            cache.0.retain(|_, (until, _)| *until > Instant::now());
        });
    }
}

impl Supervised for Cache {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.0.clear();
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Put {
    key: String,
    value: String,
    ttl: Duration,
}

impl Handler<Put> for Cache {
    type Result = ();

    fn handle(&mut self, Put { key, value, ttl }: Put, _: &mut Context<Self>) {
        self.0.insert(key, (Instant::now() + ttl, value));
    }
}

#[derive(Message)]
#[rtype(result = "Option<String>")]
struct Get {
    key: String,
}

impl Handler<Get> for Cache {
    type Result = Option<String>;

    fn handle(&mut self, Get { key }: Get, _: &mut Context<Self>) -> Option<String> {
        self.0.get(&key).filter(|(until, _)| *until > Instant::now()).map(|(_, value)| value.clone())
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Crash;

impl Handler<Crash> for Cache {
    type Result = ();

    fn handle(&mut self, _: Crash, context: &mut Context<Self>) {
        context.stop();
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cache = Supervisor::start(|_| Cache(HashMap::new()));
    cache.try_send(Put { key: "color".into(), value: "blue".into(), ttl: Duration::from_secs(60) })?;
    cache.try_send(Put { key: "mood".into(), value: "good".into(), ttl: Duration::ZERO })?;
    assert_eq!(cache.send(Get { key: "color".into() }).await?.as_deref(), Some("blue"));
    assert_eq!(cache.send(Get { key: "mood".into() }).await?, None);

    cache.try_send(Crash)?;
    assert_eq!(cache.send(Get { key: "color".into() }).await?, None);
    Ok(())
}
