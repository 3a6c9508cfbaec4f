//! [`Intensity`]: how many restarts a supervisor bears. Pure: the time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

/// At most `restarts` within any `period`; one more ends the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intensity {
    pub(crate) restarts: u32,
    pub(crate) period: Duration,
}

impl Default for Intensity {
    /// Elixir's: 3 within 5 seconds.
    fn default() -> Self {
        Self { restarts: 3, period: Duration::from_secs(5) }
    }
}

/// The restarts that still count: never more than the intensity allows, so that a crash costs the same after 20,000 others.
#[derive(Debug, Default)]
pub(crate) struct RestartLog {
    /// When each was, as time since any fixed moment; the oldest first.
    times: VecDeque<Duration>,
}

impl RestartLog {
    /// How many counted when the last was asked about.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether one more restart is borne; if so it is counted. `now` must not go backwards.
    pub(crate) fn bears_one_more(&mut self, intensity: Intensity, now: Duration) -> bool {
        // One that is exactly a period old still counts.
        while self.times.front().is_some_and(|&time| now.saturating_sub(time) > intensity.period) {
            self.times.pop_front();
        }
        let borne = (self.times.len() as u64) < u64::from(intensity.restarts);
        if borne {
            self.times.push_back(now);
        }
        borne
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Intensity, RestartLog};

    fn outcomes(restarts: u32, period: u64, times: &[u64]) -> Vec<bool> {
        let intensity = Intensity { restarts, period: Duration::from_millis(period) };
        let mut log = RestartLog::default();
        times.iter().map(|&time| log.bears_one_more(intensity, Duration::from_millis(time))).collect()
    }

    #[test]
    fn sup_035_the_restart_after_the_last_borne_one_is_refused() {
        assert_eq!(outcomes(3, 5000, &[0, 1, 2, 3]), [true, true, true, false]);
    }

    #[test]
    fn sup_035_a_restart_counts_up_to_and_at_the_age_of_the_period() {
        assert_eq!(outcomes(1, 5000, &[0, 5000]), [true, false]);
        assert_eq!(outcomes(1, 5000, &[0, 5001]), [true, true]);
    }

    #[test]
    fn sup_037_intensity_zero_bears_none() {
        assert_eq!(outcomes(0, 5000, &[0]), [false]);
    }

    #[test]
    fn old_restarts_are_forgotten_one_by_one() {
        assert_eq!(outcomes(2, 10, &[0, 8, 11, 12, 19, 22]), [true, true, true, false, true, true]);
    }
}
