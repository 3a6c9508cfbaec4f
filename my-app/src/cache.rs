//! [`Cache`]: texts that expire. The first of the classic `GenServer` examples, written with `#[gen_server]`.
//!
//! An entry counts as gone the moment its time is up; the clean-up, once a second, only gives its room back.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use otp::{Context, ExitReason, Name, gen_server};
use serde::Serialize;
use tokio::time::Instant;

/// The cache of this application.
pub(crate) const CACHE: Name<Cache> = Name::new("cache");

/// What the cache holds at its start, unless it is given a file.
const BUILT_IN: [(&str, &str); 3] =
    [("greeting", "hello"), ("language", "Rust"), ("motto", "let it crash, and say why")];

/// What a cache is started with.
#[derive(Debug, Clone)]
pub(crate) struct CacheSettings {
    /// A JSON file, `{"key": "value", …}`, to fill the cache from; the built-in list if there is none.
    pub(crate) seed: Option<PathBuf>,
    /// How long an entry of the seed lives.
    pub(crate) seed_ttl: Duration,
    /// How often expired entries are cleaned up.
    pub(crate) clean_up: Duration,
    /// How many entries there may be at a time.
    pub(crate) capacity: usize,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            seed: None,
            seed_ttl: Duration::from_secs(3600),
            clean_up: Duration::from_secs(1),
            capacity: 100_000,
        }
    }
}

/// What the cache has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct CacheStats {
    /// Entries held now; expired ones count until they are asked for or cleaned up.
    pub(crate) entries: usize,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Entries that were dropped because their time was up.
    pub(crate) expired: u64,
}

/// There is no room for another key before an entry is deleted or expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Debug)]
struct Entry {
    value: Arc<str>,
    /// `None` for a time that the clock cannot tell: it never comes.
    expires: Option<Instant>,
}

impl Entry {
    fn new(value: Arc<str>, ttl: Duration) -> Self {
        Self { value, expires: Instant::now().checked_add(ttl) }
    }

    fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The server: its fields are the state of its process.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: CacheSettings,
    entries: HashMap<String, Entry>,
    /// `entries` in it is not kept up to date.
    counted: CacheStats,
}

#[gen_server(vis = pub(crate))]
impl Cache {
    /// Does as little as it can, since its starter waits: the seed is loaded afterwards, before any message.
    fn init(settings: CacheSettings, cx: &mut Context<Self>) -> Self {
        cx.continue_with(CacheContinue::Load);
        cx.send_after(settings.clean_up, CacheInfo::CleanUp);
        Self { settings, entries: HashMap::new(), counted: CacheStats::default() }
    }

    /// The expensive part of the start. A file that cannot be read crashes the server with a reason that names it.
    #[handle_continue]
    async fn load(&mut self) -> Result<(), ExitReason> {
        let ttl = self.settings.seed_ttl;
        let seed = match &self.settings.seed {
            Some(path) => read_seed(path).await?,
            None => BUILT_IN.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        };
        self.entries.extend(seed.into_iter().map(|(key, value)| (key, Entry::new(value.into(), ttl))));
        tracing::info!(entries = self.entries.len(), "the cache has its seed");
        Ok(())
    }

    #[call]
    fn put(&mut self, key: String, value: Arc<str>, ttl: Duration) -> Result<(), Full> {
        if self.entries.len() >= self.settings.capacity && !self.entries.contains_key(&key) {
            return Err(Full);
        }
        self.entries.insert(key, Entry::new(value, ttl));
        Ok(())
    }

    #[call]
    fn get(&mut self, key: String) -> Option<Arc<str>> {
        let value = self.fresh(&key);
        match value {
            Some(_) => self.counted.hits += 1,
            None => self.counted.misses += 1,
        }
        value
    }

    /// Whether there was such an entry.
    #[call]
    fn delete(&mut self, key: String) -> bool {
        let fresh = self.fresh(&key).is_some();
        self.entries.remove(&key);
        fresh
    }

    #[call]
    fn stats(&self) -> CacheStats {
        CacheStats { entries: self.entries.len(), ..self.counted }
    }

    #[info]
    fn clean_up(&mut self, cx: &mut Context<Self>) {
        let (before, now) = (self.entries.len(), Instant::now());
        self.entries.retain(|_, entry| !entry.is_expired(now));
        self.counted.expired += (before - self.entries.len()) as u64;
        cx.send_after(self.settings.clean_up, CacheInfo::CleanUp);
    }

    /// The value under `key`, unless its time is up: then the entry is dropped.
    fn fresh(&mut self, key: &str) -> Option<Arc<str>> {
        let entry = self.entries.get(key)?;
        if !entry.is_expired(Instant::now()) {
            return Some(Arc::clone(&entry.value));
        }
        self.entries.remove(key);
        self.counted.expired += 1;
        None
    }
}

async fn read_seed(path: &PathBuf) -> Result<BTreeMap<String, String>, ExitReason> {
    let failed = |why: &dyn std::fmt::Display| ExitReason::new(format!("seed {}: {why}", path.display()));
    let text = tokio::fs::read(path).await.map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use otp::core::attach_with;
    use otp::{Mailbox, Received, ServerRef};
    use tokio::time::advance;

    use super::*;

    /// Cleans up once an hour: what these tests see expire does so by itself.
    async fn start(capacity: usize) -> ServerRef<Cache> {
        let clean_up = Duration::from_secs(3600);
        Cache::start(CacheSettings { clean_up, capacity, ..CacheSettings::default() }).await.unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[otp::test(start_paused = true)]
    async fn an_entry_lives_until_its_time_is_up() {
        let cache = start(10).await;
        assert_eq!(cache.put("x".into(), "1".into(), SECOND).await, Ok(Ok(())));
        advance(SECOND - Duration::from_millis(1)).await;
        assert_eq!(cache.get("x".into()).await, Ok(Some("1".into())));
        advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get("x".into()).await, Ok(None));
        let stats = cache.stats().await.unwrap();
        assert_eq!((stats.hits, stats.misses, stats.expired), (1, 1, 1));
    }

    #[otp::test(start_paused = true)]
    async fn the_clean_up_drops_what_nobody_asks_for_again_and_again() {
        let settings = CacheSettings { clean_up: 10 * SECOND, ..CacheSettings::default() };
        let cache = Cache::start(settings).await.unwrap();
        for round in 1..=2 {
            cache.put("x".into(), "1".into(), SECOND).await.unwrap().unwrap();
            advance(2 * SECOND).await;
            assert_eq!(cache.stats().await.unwrap().entries, BUILT_IN.len() + 1);
            // Time moves on by itself, up to the clean-up.
            tokio::time::sleep(10 * SECOND).await;
            let stats = cache.stats().await.unwrap();
            assert_eq!((stats.entries, stats.expired, stats.misses), (BUILT_IN.len(), round, 0));
        }
    }

    #[otp::test(start_paused = true)]
    async fn a_full_cache_takes_no_new_key_and_still_replaces() {
        let cache = start(BUILT_IN.len()).await;
        assert_eq!(cache.put("x".into(), "1".into(), SECOND).await, Ok(Err(Full)));
        assert_eq!(cache.put("motto".into(), "new".into(), SECOND).await, Ok(Ok(())));
        assert_eq!(cache.delete("motto".into()).await, Ok(true));
        assert_eq!(cache.delete("motto".into()).await, Ok(false));
        assert_eq!(cache.put("x".into(), "1".into(), SECOND).await, Ok(Ok(())));
    }

    #[otp::test(start_paused = true)]
    async fn the_longest_time_to_live_never_passes() {
        let cache = start(10).await;
        cache.put("x".into(), "1".into(), Duration::MAX).await.unwrap().unwrap();
        assert_eq!(cache.get("x".into()).await, Ok(Some("1".into())));
    }

    #[otp::test]
    async fn a_seed_that_cannot_be_read_is_the_reason_of_the_crash() {
        let seed = Some(PathBuf::from("/no/such/file"));
        let reason = attach_with(|mut mailbox: Mailbox<()>| async move {
            let settings = CacheSettings { seed, ..CacheSettings::default() };
            let (_cache, monitor) = Cache::start_monitor(settings).await.unwrap();
            match mailbox.receive().await {
                Received::Down(down) if down.monitor == monitor => down.reason,
                other => panic!("{other:?}"),
            }
        });
        let reason = reason.await.unwrap().to_string();
        assert!(reason.starts_with("seed /no/such/file: No such file"), "{reason}");
    }
}
