//! Crash reports: the `tracing` event that says which process died, and why; and their limit in crash storms.

use crate::ambient;
use crate::cell::AnyCell;
use crate::exit_reason::ExitReason;
use crate::name::ProcessName;
use crate::panics::{catch, log_safely};
use crate::pid::Pid;
use parking_lot::Mutex;

/// What a behaviour adds to a crash report. Only text that the server itself has formatted appears in one, besides the reason:
/// the message of a panic, or an error's own text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrashReport<'a> {
    /// The kind of message that it handled last.
    pub last_message: Option<&'a str>,
    /// That message, as the server formats it. In the event it is `message_text`: an event's `message` says what
    /// happened.
    pub message: Option<String>,
    /// The state, as the server formats it.
    pub state: Option<String>,
    /// Who sent the call that failed.
    pub client: Option<Pid>,
}

/// Reports that the current process ends by itself with an abnormal reason: an error event of target
/// `otp::process`, with pid, name, label, reason, and what `details` says of it.
///
/// Orderly ends are not reported, nor are processes that a signal ended: whoever sent it knows. `details` is called
/// only if there will be a report, so that a crash storm formats no more than is shown; if it panics, the report has
/// none. A subscriber that panics, or an error that does when it is formatted, is passed over: the process ends with its
/// own reason.
///
/// # Counterpart
///
/// The reports of `proc_lib` and `gen_server` to the logger, in one.
pub fn report<'a>(reason: &ExitReason, details: impl FnOnce() -> CrashReport<'a>) {
    if reason.is_orderly() || ambient::with(|cell| cell.is_none()) {
        return;
    }
    // A model must not depend on real time.
    let Some(suppressed) = (if cfg!(otp_loom) { Some(0) } else { LIMITER.lock().admit(now()) }) else {
        return;
    };
    let CrashReport { last_message, message, state, client } = catch(details).unwrap_or_default();
    ambient::with(|cell| {
        let Some(cell) = cell else { return };
        let (name, label) = name_and_label(cell);
        let backtrace = if let ExitReason::Panic(panic) = reason { panic.backtrace() } else { None };
        log_safely(|| {
            tracing::error!(
                target: "otp::process",
                pid = %cell.head.pid,
                name = name.as_ref().map(tracing::field::display),
                label = label.as_deref(),
                %reason,
                last_message,
                message_text = message.as_deref(),
                state = state.as_deref(),
                client = client.map(tracing::field::display),
                backtrace,
                suppressed = (suppressed > 0).then_some(suppressed),
                "process crashed"
            );
        });
    });
}

/// How people know the process.
pub(crate) fn name_and_label(cell: &AnyCell) -> (Option<ProcessName>, Option<Box<str>>) {
    let inner = cell.inner.lock();
    let extra = inner.extra.as_deref();
    (extra.and_then(|extra| extra.name.clone()), extra.and_then(|extra| extra.label.clone()))
}

/// How many crash reports the program makes at most: see [`set_crash_report_limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashReportLimit {
    /// So many at once, after a time without crashes.
    pub burst: u32,
    /// So many in each second from then on.
    pub per_second: u32,
}

impl CrashReportLimit {
    const DEFAULT: Self = Self { burst: 100, per_second: 10 };
}

impl Default for CrashReportLimit {
    /// 100 at once, then 10 per second.
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Limits the crash reports of the whole program, so that a crash storm floods no log; `None` reports every crash.
///
/// By default there are 100 at once and then 10 per second, of real time. What is suppressed is counted, and the next
/// report that is let through says how many there were, in the field `suppressed`. With a burst of 0 there are no
/// reports.
///
/// # Examples
///
/// ```
/// use otp_core::process::{CrashReportLimit, set_crash_report_limit};
///
/// set_crash_report_limit(Some(CrashReportLimit { burst: 20, per_second: 1 }));
/// ```
///
/// # Counterpart
///
/// The `logger`'s overload protection: `burst_limit_max_count` and `drop_mode_qlen`. There it is for all events; here
/// it is for crash reports alone, and what the subscriber does with other events is its own matter.
pub fn set_crash_report_limit(limit: Option<CrashReportLimit>) {
    LIMITER.lock().set(limit, now());
}

/// The limit is for what reads the reports, which lives in real time; and it is the program's, while each runtime of
/// a program with paused clocks has a time of its own.
fn now() -> u64 {
    #[expect(clippy::disallowed_types, reason = "the limit is in real time: see above")]
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

static LIMITER: Mutex<Limiter> = Mutex::new(Limiter::new());

/// A token bucket. Time is passed in, in nanoseconds; it may stand still.
struct Limiter {
    limit: Option<CrashReportLimit>,
    /// What is in the bucket: a report takes [`REPORT`].
    credit: u64,
    /// When that was so.
    at: u64,
    suppressed: u64,
}

/// The price of a report: a rate of one per second earns one unit in a nanosecond.
const REPORT: u64 = 1_000_000_000;

impl Limiter {
    const fn new() -> Self {
        let limit = CrashReportLimit::DEFAULT;
        Self { limit: Some(limit), credit: full(limit), at: 0, suppressed: 0 }
    }

    /// Another limit, with a full bucket. What was suppressed stays so, and will be told.
    fn set(&mut self, limit: Option<CrashReportLimit>, now: u64) {
        self.limit = limit;
        self.credit = limit.map_or(0, full);
        self.at = now;
    }

    /// Whether there is to be a report, and if so how many were suppressed since the last one.
    fn admit(&mut self, now: u64) -> Option<u64> {
        if let Some(limit) = self.limit {
            let earned = now.saturating_sub(self.at).saturating_mul(u64::from(limit.per_second));
            self.credit = self.credit.saturating_add(earned).min(full(limit));
            self.at = self.at.max(now);
            if self.credit < REPORT {
                self.suppressed = self.suppressed.saturating_add(1);
                return None;
            }
            self.credit -= REPORT;
        }
        Some(std::mem::take(&mut self.suppressed))
    }
}

const fn full(limit: CrashReportLimit) -> u64 {
    limit.burst as u64 * REPORT
}

#[cfg(all(test, not(otp_loom)))]
mod tests {
    use proptest::prelude::*;

    use super::{CrashReportLimit, Limiter, REPORT};

    const SECOND: u64 = 1_000_000_000;

    fn limiter(burst: u32, per_second: u32) -> Limiter {
        let mut limiter = Limiter::new();
        limiter.set(Some(CrashReportLimit { burst, per_second }), 0);
        limiter
    }

    #[test]
    fn a_burst_goes_through_and_then_a_steady_rate() {
        let mut limiter = limiter(3, 10);
        let storm: Vec<_> = (0..5).map(|_| limiter.admit(SECOND)).collect();
        assert_eq!(storm, [Some(0), Some(0), Some(0), None, None]);
        assert_eq!(limiter.admit(SECOND + SECOND / 10 - 1), None);
        assert_eq!(limiter.admit(SECOND + SECOND / 10), Some(3), "what was suppressed is told once");
        assert_eq!(limiter.admit(SECOND + SECOND / 10), None);
        assert_eq!(limiter.admit(SECOND + SECOND / 5), Some(1));
    }

    #[test]
    fn a_long_quiet_earns_one_burst_and_no_more() {
        let mut limiter = limiter(2, u32::MAX);
        while limiter.admit(0).is_some() {}
        let after: Vec<_> = (0..3).map(|_| limiter.admit(u64::MAX)).collect();
        assert_eq!(after, [Some(1), Some(0), None]);
    }

    #[test]
    fn without_a_limit_everything_is_let_through_and_what_was_suppressed_is_told() {
        let mut limiter = limiter(0, 0);
        assert_eq!((limiter.admit(0), limiter.admit(u64::MAX)), (None, None));
        limiter.set(None, 0);
        assert_eq!((limiter.admit(0), limiter.admit(0)), (Some(2), Some(0)));
    }

    #[test]
    fn by_default_a_hundred_at_once_and_ten_per_second() {
        let mut limiter = Limiter::new();
        assert_eq!((0..1000).filter(|_| limiter.admit(0).is_some()).count(), 100);
        let second = (1..=1000).filter(|n| limiter.admit(n * (SECOND / 1000)).is_some());
        assert_eq!(second.count(), 10);
    }

    proptest! {
        /// Against the plain account in wide numbers: nothing is lost in rounding or at the ends of the range.
        #[test]
        fn it_agrees_with_an_account_kept_in_wide_numbers(
            burst in prop_oneof![0..5_u32, Just(u32::MAX)],
            per_second in prop_oneof![0..5_u32, 1..2_000_000_000_u32, Just(u32::MAX)],
            waits in prop::collection::vec(prop_oneof![Just(0), 0..SECOND, 0..100 * SECOND, Just(1 << 60)], 0..200),
        ) {
            let mut limiter = limiter(burst, per_second);
            let (mut now, mut credit) = (0_u64, u128::from(burst) * u128::from(REPORT));
            let (mut crashes, mut told) = (0_u64, 0_u64);
            for wait in waits {
                now = now.saturating_add(wait);
                let wait = u128::from(now - limiter.at);
                credit = (credit + wait * u128::from(per_second)).min(u128::from(burst) * u128::from(REPORT));
                crashes += 1;
                let admitted = limiter.admit(now);
                prop_assert_eq!(admitted.is_some(), credit >= u128::from(REPORT));
                if let Some(suppressed) = admitted {
                    credit -= u128::from(REPORT);
                    told += 1 + suppressed;
                }
                prop_assert_eq!(told + limiter.suppressed, crashes, "every crash is accounted for");
            }
        }
    }
}
