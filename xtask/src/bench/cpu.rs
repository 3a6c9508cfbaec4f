//! How much of the machine others used while something ran: what makes a measurement worth less.

use std::fs;
use std::time::Duration;

use crate::clock::timed;

/// The unit of the times in `/proc`; the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Runs `work`, and says how many cores those used meanwhile who are neither this program nor what it has waited for.
/// `None` where there is no `/proc`.
pub(super) fn foreign_during<T>(work: impl FnOnce() -> T) -> (T, Option<f64>) {
    let before = Ticks::now();
    let (result, time) = timed(work);
    let foreign = before.zip(Ticks::now()).map(|(before, after)| after.foreign_since(&before, time));
    (result, foreign)
}

/// Processor time since the machine was started.
struct Ticks {
    /// Of all, also of other guests of the same host.
    all: u64,
    ours: u64,
}

impl Ticks {
    fn now() -> Option<Self> {
        let all = all(&fs::read_to_string("/proc/stat").ok()?)?;
        let ours = ours(&fs::read_to_string("/proc/self/stat").ok()?)?;
        Some(Self { all, ours })
    }

    fn foreign_since(&self, before: &Self, time: Duration) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let foreign = all.saturating_sub(self.ours.saturating_sub(before.ours));
        #[expect(clippy::cast_precision_loss, reason = "a few seconds, in hundredths")]
        let seconds = foreign as f64 / TICKS_PER_SECOND;
        // A tick is as long as the shortest runs: over less time it says nothing.
        seconds / time.as_secs_f64().max(0.02)
    }
}

/// The busy time of the first line of `/proc/stat`: user, nice, system, irq, softirq and steal, not idle and iowait.
fn all(stat: &str) -> Option<u64> {
    let mut words = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let mut number = || words.next()?.parse::<u64>().ok();
    let (user, nice, system, _idle, _iowait) = (number()?, number()?, number()?, number()?, number()?);
    Some(user + nice + system + number()? + number()? + number()?)
}

/// The time of this program and of the children it has waited for, from `/proc/self/stat`.
fn ours(stat: &str) -> Option<u64> {
    // The second word is the program's name in brackets, which may hold anything.
    let (_, words) = stat.rsplit_once(')')?;
    // utime, stime, cutime, cstime: the words 14 to 17.
    words.split_whitespace().skip(11).take(4).map(|word| word.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_time_of_all_is_read() {
        assert_eq!(all("cpu  1 20 300 9999 9999 4000 50000 600000 7 7\ncpu0 1 1 1\n"), Some(654_321));
        assert_eq!(all("intr 1\n"), None);
    }

    #[test]
    fn our_time_is_read_behind_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 1 20 300 4000 20 0 1 0 1629089";
        assert_eq!(ours(stat), Some(4_321));
    }

    #[test]
    fn what_is_not_ours_is_foreign() {
        let (before, after) = (Ticks { all: 1_000, ours: 100 }, Ticks { all: 1_300, ours: 250 });
        let foreign = after.foreign_since(&before, Duration::from_secs(3));
        assert!((foreign - 0.5).abs() < 1e-9, "{foreign}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells() {
        assert!(foreign_during(|| ()).1.is_some());
    }
}
