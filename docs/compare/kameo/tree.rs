//! The tree of otp-kit/examples/supervision_tree.rs, on kameo 0.22. An actor that is started again keeps its id, so each
//! counts its starts.

use std::collections::hash_map::{Entry, HashMap};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::{Infallible, SendError};
use kameo::supervision::SupervisionStrategy;
use tokio::task::yield_now;

static STARTS: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

struct Root;

impl Actor for Root {
    type Args = ();
    type Error = Infallible;

    fn supervision_strategy() -> SupervisionStrategy {
        SupervisionStrategy::RestForOne
    }
    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

struct Store;

impl Actor for Store {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        STARTS[0].fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }
}

#[kameo::messages]
impl Store {
    #[message]
    fn read(&self, key: u32) -> u32 {
        key * key
    }
}

struct Cache {
    store: ActorRef<Store>,
    entries: HashMap<u32, u32>,
}

impl Actor for Cache {
    type Args = ActorRef<Store>;
    type Error = Infallible;

    async fn on_start(store: ActorRef<Store>, _: ActorRef<Self>) -> Result<Self, Infallible> {
        STARTS[1].fetch_add(1, Ordering::Relaxed);
        Ok(Self { store, entries: HashMap::new() })
    }
}

#[kameo::messages]
impl Cache {
    #[message]
    async fn get(&mut self, key: u32) -> Result<u32, SendError<Read>> {
        Ok(match self.entries.entry(key) {
            Entry::Occupied(cached) => *cached.get(),
            Entry::Vacant(place) => *place.insert(self.store.ask(Read { key }).await?),
        })
    }
}

struct Web;

impl Actor for Web {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        STARTS[2].fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }
}

fn starts() -> Vec<usize> {
    STARTS.iter().map(|starts| starts.load(Ordering::Relaxed)).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = Root::spawn(());
    let store = Store::supervise(&root, ()).spawn().await;
    let cache = Cache::supervise(&root, store.clone()).spawn().await;
    let _web = Web::supervise(&root, ()).spawn().await;
    assert_eq!(cache.ask(Get { key: 7 }).await?, 49);

    cache.kill();
    while starts()[1..].contains(&1) {
        yield_now().await;
    }
    assert_eq!(starts(), [1, 2, 2]); // the store lives on
    assert_eq!(cache.ask(Get { key: 7 }).await?, 49);

    root.stop_gracefully().await?;
    root.wait_for_shutdown().await;
    assert!(!store.is_alive() && !cache.is_alive());
    Ok(())
}
