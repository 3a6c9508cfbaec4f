//! A lock per key.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::support::{key, unique};

#[otp_core::test(start_paused = true)]
async fn reg_059_one_at_a_time_for_a_key_and_all_keys_at_once() {
    let registry = unique(2).await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let work = |name: &'static str, lock: &'static str| {
        let (registry, log) = (registry.clone(), Arc::clone(&log));
        async move {
            let inner = Arc::clone(&log);
            let result = registry
                .lock(key(lock), || async move {
                    inner.lock().expect("free").push(format!("{name} begins"));
                    sleep(Duration::from_secs(1)).await;
                    inner.lock().expect("free").push(format!("{name} ends"));
                    name
                })
                .await;
            assert_eq!(result, Ok(name));
        }
    };
    let begin = tokio::time::Instant::now();
    tokio::join!(work("one", "a"), work("two", "a"), work("three", "b"));
    assert_eq!(begin.elapsed().as_secs(), 2, "the third one waited for nobody");
    let log = std::mem::take(&mut *log.lock().expect("free"));
    let of_a: Vec<_> = log.iter().filter(|line| !line.starts_with("three")).collect();
    assert_eq!(of_a, ["one begins", "one ends", "two begins", "two ends"]);
    assert_eq!(log.iter().position(|line| line == "three begins"), Some(1));
}

#[otp_core::test(start_paused = true)]
async fn whoever_gives_up_gives_the_lock_back() {
    let registry = unique(1).await;
    let second = Duration::from_secs(1);
    let hold = || registry.lock(key("a"), || sleep(second * 10));
    let (held, waited) = tokio::join!(timeout(second, hold()), timeout(second / 2, hold()));
    assert!(held.is_err() && waited.is_err());
    assert_eq!(timeout(second, registry.lock(key("a"), || async { 7 })).await, Ok(Ok(7)));
}
