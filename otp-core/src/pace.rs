//! How long the recent polls of a process were: whether it is known to be quick, so that a caller may poll it in place
//! (see `handoff.rs`).
//!
//! One byte per process, written by whoever holds the run token: how many polls are still to be seen before it counts
//! as quick. A young process lives through some untimed, so that one which ends soon pays nothing, then shows
//! a few that are timed. After a long one only the samples that the driver takes anyway count for a while.
//!
//! Cost of a poll of a quick process: one load; every 64th is timed in any case.

use std::time::Duration;

use crate::sync::{AtomicU8, Ordering};

/// A poll that takes longer is long: about ten times what a trip through the scheduler costs.
const LONG: Duration = Duration::from_micros(50);

/// So many of a young process's polls are timed.
const TIMED: u8 = 4;
/// So many polls until a new process is quick, the last [`TIMED`] of them timed.
const YOUNG: u8 = 8;
/// After a long poll: so many more samples, one poll in 64, before it is as a new one.
const SAMPLES: u8 = 4;

pub(crate) struct Pace(AtomicU8);

impl Pace {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(YOUNG))
    }

    /// Whether its recent polls were short.
    #[inline]
    pub(crate) fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Whether the poll that begins is to be timed, if it is not sampled anyway.
    #[inline]
    pub(crate) fn wants_time(&self) -> bool {
        (1..=TIMED).contains(&self.0.load(Ordering::Relaxed))
    }

    /// A poll is over, and was not timed.
    #[inline]
    pub(crate) fn untimed(&self) {
        let left = self.0.load(Ordering::Relaxed);
        if (TIMED + 1..=YOUNG).contains(&left) {
            self.0.store(left - 1, Ordering::Relaxed);
        }
    }

    /// A poll took this long.
    pub(crate) fn took(&self, time: Duration) {
        let left = if time > LONG { YOUNG + SAMPLES } else { self.0.load(Ordering::Relaxed).saturating_sub(1) };
        self.0.store(left, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(otp_loom)))]
mod tests {
    use super::{LONG, Pace, SAMPLES, TIMED, YOUNG};
    use std::time::Duration;

    /// A poll that is timed if it wants to be, or is sampled.
    fn poll(pace: &Pace, time: Duration, sampled: bool) {
        if sampled || pace.wants_time() { pace.took(time) } else { pace.untimed() }
    }

    fn quick_after(pace: &Pace, sampled: bool) -> Option<u8> {
        (0..100).find(|_| {
            let quick = pace.is_quick();
            poll(pace, LONG, sampled);
            quick
        })
    }

    #[test]
    fn a_new_process_is_quick_after_a_few_short_polls() {
        assert_eq!(quick_after(&Pace::new(), false), Some(YOUNG));
    }

    #[test]
    fn the_first_polls_are_not_timed() {
        let pace = Pace::new();
        let timed = (0..YOUNG).map(|_| {
            let timed = pace.wants_time();
            poll(&pace, LONG, false);
            timed
        });
        let timed: Vec<_> = timed.collect();
        assert_eq!(timed.iter().filter(|timed| **timed).count(), usize::from(TIMED));
        assert!(!timed[usize::from(YOUNG - TIMED) - 1] && timed[usize::from(YOUNG - TIMED)]);
    }

    #[test]
    fn a_long_poll_ends_it_and_only_samples_bring_it_back() {
        let pace = Pace::new();
        assert_eq!(quick_after(&pace, false), Some(YOUNG));
        pace.took(LONG + Duration::from_nanos(1));
        assert!(!pace.is_quick());
        assert_eq!(quick_after(&pace, false), None);
        for _ in 0..SAMPLES {
            assert!(!pace.wants_time());
            poll(&pace, LONG, true);
        }
        assert_eq!(quick_after(&pace, false), Some(YOUNG));
    }
}
