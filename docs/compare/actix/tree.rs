//! The tree of otp-kit/examples/supervision_tree.rs, on actix 0.13. Its supervisors stand alone, one for each actor: what
//! stands on the cache is told by the cache to start again, and the three are stopped one by one. An actor keeps its
//! address, so each counts its starts.

use std::collections::HashMap;
use std::error::Error;

use actix::prelude::*;
use tokio::task::yield_now;

#[derive(Message)]
#[rtype(result = "u32")]
struct Read(u32);

#[derive(Message)]
#[rtype(result = "()")]
struct Crash;

#[derive(Message)]
#[rtype(result = "usize")]
struct Starts;

#[derive(Default)]
struct Store {
    starts: usize,
}

impl Actor for Store {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        self.starts += 1;
    }
}

impl Supervised for Store {}

impl Handler<Read> for Store {
    type Result = u32;

    fn handle(&mut self, Read(key): Read, _: &mut Context<Self>) -> u32 {
        key * key
    }
}

impl Handler<Starts> for Store {
    type Result = usize;

    fn handle(&mut self, _: Starts, _: &mut Context<Self>) -> usize {
        self.starts
    }
}

struct Cache {
    store: Addr<Store>,
    web: Addr<Web>,
    entries: HashMap<u32, u32>,
}

impl Actor for Cache {
    type Context = Context<Self>;
}

impl Supervised for Cache {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.entries.clear();
        self.web.do_send(Crash);
    }
}

impl Handler<Read> for Cache {
    type Result = ResponseActFuture<Self, u32>;

    fn handle(&mut self, Read(key): Read, _: &mut Context<Self>) -> Self::Result {
        if let Some(value) = self.entries.get(&key) {
            return Box::pin(fut::ready(*value));
        }
        let answer = self.store.send(Read(key)).into_actor(self);
        Box::pin(answer.map(move |value, cache, context| match value {
            Ok(value) => *cache.entries.entry(key).or_insert(value),
            Err(_no_store) => {
                context.stop();
                0
            }
        }))
    }
}

impl Handler<Crash> for Cache {
    type Result = ();

    fn handle(&mut self, _: Crash, context: &mut Context<Self>) {
        context.stop();
    }
}

#[derive(Default)]
struct Web {
    starts: usize,
}

impl Actor for Web {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        self.starts += 1;
    }
}

impl Supervised for Web {}

impl Handler<Crash> for Web {
    type Result = ();

    fn handle(&mut self, _: Crash, context: &mut Context<Self>) {
        context.stop();
    }
}

impl Handler<Starts> for Web {
    type Result = usize;

    fn handle(&mut self, _: Starts, _: &mut Context<Self>) -> usize {
        self.starts
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Supervisor::start(|_| Store::default());
    let web = Supervisor::start(|_| Web::default());
    let (of_cache, of_web) = (store.clone(), web.clone());
    let cache = Supervisor::start(|_| Cache { store: of_cache, web: of_web, entries: HashMap::new() });
    assert_eq!(cache.send(Read(7)).await?, 49);

    cache.try_send(Crash)?;
    while web.send(Starts).await? == 1 {
        yield_now().await;
    }
    assert_eq!(store.send(Starts).await?, 1); // the store lives on
    assert_eq!(cache.send(Read(7)).await?, 49);

    // An actor under a supervisor ends when nobody has its address any more.
    drop((web, cache, store));
    Ok(())
}
