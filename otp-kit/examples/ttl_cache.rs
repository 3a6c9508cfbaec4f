//! A cache whose entries expire, under a supervisor. When it is killed, it comes back empty: what is in it can be
//! computed again.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use otp::{Context, ExitReason, Name, Supervisor, gen_server, process};
use tokio::task::yield_now;
use tokio::time::Instant;

const CACHE: Name<Cache> = Name::new("cache");

struct Cache(HashMap<String, (Instant, String)>);

#[gen_server]
impl Cache {
    fn init(cx: &mut Context<Self>) -> Self {
        cx.send_interval(Duration::from_secs(1), || CacheInfo::Sweep);
        Self(HashMap::new())
    }
    #[cast]
    fn put(&mut self, key: String, value: String, ttl: Duration) {
        self.0.insert(key, (Instant::now() + ttl, value));
    }
    /// An entry counts as gone the moment its time is up, swept or not.
    #[call]
    fn get(&self, key: String) -> Option<String> {
        self.0.get(&key).filter(|(until, _)| *until > Instant::now()).map(|(_, value)| value.clone())
    }
    #[info]
    fn sweep(&mut self) {
        self.0.retain(|_, (until, _)| *until > Instant::now());
    }
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    Supervisor::one_for_one().child(Cache::start_link().name(CACHE)).start_link().await?;
    CACHE.put("color".into(), "blue".into(), Duration::from_secs(60));
    CACHE.put("mood".into(), "good".into(), Duration::ZERO);
    assert_eq!(CACHE.get("color".into()).await?.as_deref(), Some("blue"));
    assert_eq!(CACHE.get("mood".into()).await?, None);

    let killed = CACHE.whereis().ok_or("no cache")?;
    process::send_exit(killed, ExitReason::Kill);
    while CACHE.whereis().is_none_or(|pid| pid == killed) {
        yield_now().await; // the supervisor starts it again
    }
    assert_eq!(CACHE.get("color".into()).await?, None);
    Ok(())
}
