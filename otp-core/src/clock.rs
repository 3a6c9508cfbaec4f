//! The monotonic clock of the core, as nanoseconds since a day before the program's first use of it.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

static EPOCH: OnceLock<Instant> = OnceLock::new();

/// A day before the first use: a runtime whose clock is paused may be behind the one that came first.
fn epoch() -> Instant {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    *EPOCH.get_or_init(|| {
        #[expect(
            clippy::disallowed_types,
            reason = "the epoch is the program's, not that of a runtime with a paused clock"
        )]
        let now = Instant::from_std(std::time::Instant::now());
        now.checked_sub(DAY).unwrap_or(now)
    })
}

/// Now. Follows tokio's clock, so a paused one stands still here too.
pub(crate) fn now() -> u64 {
    of(Instant::now())
}

/// The clock's value at an instant; 0 for instants before the epoch.
pub(crate) fn of(instant: Instant) -> u64 {
    nanos(instant.saturating_duration_since(epoch()))
}

/// A time in nanoseconds, `u64::MAX` for what does not fit: 584 years. In 64 bits, since each call comes through here.
pub(crate) const fn nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos() as u64)
}

/// The instant that a clock value stands for.
pub(crate) fn instant(nanos: u64) -> Instant {
    epoch() + Duration::from_nanos(nanos)
}

/// One tick of the coarse clock: about 17 milliseconds, so that 32 bits hold two years.
const TICK: u32 = 24;

/// Now, in ticks.
pub(crate) fn ticks() -> u32 {
    u32::try_from(now() >> TICK).unwrap_or(u32::MAX)
}

/// The time since a number of ticks.
pub(crate) fn since_ticks(ticks: u32) -> Duration {
    Duration::from_nanos(now().saturating_sub(u64::from(ticks) << TICK))
}
