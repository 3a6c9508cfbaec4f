//! The cache of otp-kit/examples/ttl_cache.rs, on kameo 0.22. When an actor is started again its address stays good; a name
//! would be gone.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use tokio::task::yield_now;
use tokio::time::{Instant, interval};

#[derive(Actor)]
struct Root;

struct Cache(HashMap<String, (Instant, String)>);

impl Actor for Cache {
    type Args = ();
    type Error = Infallible;

    async fn on_start((): (), cache: ActorRef<Self>) -> Result<Self, Infallible> {
        let cache = cache.downgrade();
        tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
                match cache.upgrade() {
                    Some(cache) if cache.tell(Sweep).await.is_ok() => {}
                    _ => return,
                }
            }
        });
        Ok(Self(HashMap::new()))
    }
}

#[kameo::messages]
impl Cache {
    #[message]
    fn put(&mut self, key: String, value: String, ttl: Duration) {
        self.0.insert(key, (Instant::now() + ttl, value));
    }
    #[message]
    fn get(&self, key: String) -> Option<String> {
        self.0.get(&key).filter(|(until, _)| *until > Instant::now()).map(|(_, value)| value.clone())
    }
    #[message]
    fn sweep(&mut self) {
        self.0.retain(|_, (until, _)| *until > Instant::now());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = Root::spawn(Root);
    let cache = Cache::supervise(&root, ()).spawn().await;
    let get = |key: &str| cache.ask(Get { key: key.into() }).into_future();
    let ttl = Duration::from_secs(60);
    cache.tell(Put { key: "color".into(), value: "blue".into(), ttl }).await?;
    cache.tell(Put { key: "mood".into(), value: "good".into(), ttl: Duration::ZERO }).await?;
    assert_eq!(get("color").await?.as_deref(), Some("blue"));
    assert_eq!(get("mood").await?, None);

    cache.kill();
    while !matches!(get("color").await, Ok(None)) {
        yield_now().await; // the supervisor starts it again
    }
    Ok(())
}
