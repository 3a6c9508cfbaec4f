//! How long something takes, and how long it may.

use std::time::Duration;

#[expect(clippy::disallowed_types, reason = "real time is what is measured, and there is no tokio here")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Says whether `limit` has passed since this call.
#[expect(clippy::disallowed_types, reason = "real time is what is limited, and there is no tokio here")]
pub(crate) fn deadline(limit: Duration) -> impl Fn() -> bool {
    let start = std::time::Instant::now();
    move || start.elapsed() >= limit
}
