//! A tree of three. Each stands on those before it, so a crash takes those after it along, and no others
//! (`rest_for_one`). Nothing in the servers knows that they are supervised.

use std::collections::hash_map::{Entry, HashMap};
use std::error::Error;

use otp::{CallError, ExitReason, Name, Pid, StopToken, Supervisor, SupervisorClient, gen_server, process};
use tokio::task::yield_now;

const STORE: Name<Store> = Name::new("store");
const CACHE: Name<Cache> = Name::new("cache");
const ROOT: Name<Supervisor> = Name::new("root");

struct Store;

#[gen_server]
impl Store {
    fn init() -> Self {
        Self
    }
    #[call]
    fn read(&self, key: u32) -> u32 {
        key * key
    }
}

struct Cache(HashMap<u32, u32>);

#[gen_server]
impl Cache {
    fn init() -> Self {
        Self(HashMap::new())
    }
    #[call]
    async fn get(&mut self, key: u32) -> Result<u32, ExitReason> {
        Ok(match self.0.entry(key) {
            Entry::Occupied(cached) => *cached.get(),
            Entry::Vacant(place) => *place.insert(STORE.read(key).await?), // no store, no cache: it crashes
        })
    }
}

/// Any async function that takes a stop token is a child as it stands: a web server, a poller.
async fn web(stop: StopToken) {
    stop.stopped().await;
}

/// The processes of the three, in the order of their start.
async fn pids() -> Result<Vec<Option<Pid>>, CallError> {
    Ok(ROOT.which_children().await?.iter().rev().map(|child| child.status.pid()).collect())
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tree = Supervisor::rest_for_one()
        .child(Store::start_link().name(STORE))
        .child(Cache::start_link().name(CACHE))
        .child(web);
    tree.start_link().name(ROOT).await?;
    assert_eq!(CACHE.get(7).await?, 49);

    let before = pids().await?;
    let killed = CACHE.whereis().ok_or("no cache")?;
    process::send_exit(killed, ExitReason::Kill);
    while CACHE.whereis().is_none_or(|pid| pid == killed) {
        yield_now().await;
    }
    let after = pids().await?;
    assert_eq!(after[0], before[0]); // the store lives on
    assert_ne!(after[2], before[2]); // what stands on the cache was started again, after it
    assert_eq!(CACHE.get(7).await?, 49);

    ROOT.stop().await?; // in reverse order
    assert_eq!((STORE.whereis(), CACHE.whereis()), (None, None));
    Ok(())
}
