//! The limit of crash reports. One test, in a program of its own: the limit is the whole program's.

#![cfg(all(feature = "macros", not(otp_loom)))]

mod capture;

use otp_core::behaviour::{CrashReport, report};
use otp_core::process::{CrashReportLimit, set_crash_report_limit};
use otp_core::{ExitReason, Mailbox, spawn};
use tracing::Level;

use crate::capture::{Capture, Fields};

/// Never more than the burst, so that the test does not depend on time.
const LIMIT: CrashReportLimit = CrashReportLimit { burst: 5, per_second: 0 };

async fn reports_of<Fut: Future>(body: impl FnOnce() -> Fut) -> Vec<Fields> {
    let capture = Capture::new(Level::ERROR);
    let guard = tracing::subscriber::set_default(capture.clone());
    body().await;
    drop(guard);
    capture.events()
}

async fn crash(reason: &str) {
    let reason = ExitReason::new(reason);
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    spawn(|_: Mailbox<()>| async {
        let _ended = ended;
        reason
    });
    // Dropped after the report.
    end.await.ok();
}

#[otp_core::test]
async fn a_storm_of_crashes_is_cut_short_and_formats_nothing_more_and_the_next_report_says_how_many_there_were()
 {
    set_crash_report_limit(Some(LIMIT));
    let mut formatted = 0;
    let storm = reports_of(async || {
        for n in 0..40 {
            report(&ExitReason::new(n.to_string()), || {
                formatted += 1;
                CrashReport::default()
            });
        }
        for _ in 0..5 {
            crash("of a process").await;
        }
        report(&ExitReason::Shutdown, CrashReport::default);
    })
    .await;
    let reasons: Vec<_> = storm.iter().map(|report| &*report["reason"]).collect();
    assert_eq!(reasons, ["0", "1", "2", "3", "4"]);
    assert_eq!(formatted, 5);
    assert!(storm.iter().all(|report| !report.contains_key("suppressed")), "{storm:?}");

    let after = reports_of(async || {
        set_crash_report_limit(Some(LIMIT));
        crash("after").await;
        crash("after").await;
    })
    .await;
    let [first, second] = after.as_slice() else { panic!("two reports: {after:?}") };
    assert_eq!(first["suppressed"], "40", "an orderly end counts for nothing");
    assert!(!second.contains_key("suppressed"), "{second:?}");
}
