//! How long something takes.

use std::time::Duration;

#[expect(clippy::disallowed_types, reason = "real time is what is measured, and there is no tokio here")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}
