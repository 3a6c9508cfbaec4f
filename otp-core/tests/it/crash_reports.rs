//! The `tracing` event that says which process crashed, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use otp_core::behaviour::{CrashReport, report};
use otp_core::process::{CrashReportLimit, Spawn, set_crash_report_limit};
use otp_core::{ExitReason, Mailbox, process, spawn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{because, idle, scenario, settle, wait_for_end};

type Fields = BTreeMap<String, String>;

/// Keeps the error events of processes.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Fields>>>);

struct Collect<'a>(&'a mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Reports {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "otp::process" && *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Collect(&mut fields));
        self.0.lock().expect("no panic while collecting").push(fields);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Set by each test here: the limit is the program's, and the tests may be threads of one.
async fn with_limit<Fut: Future>(limit: Option<CrashReportLimit>, body: Fut) -> Fut::Output {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = TURN.lock().await;
    set_crash_report_limit(limit);
    let output = body.await;
    set_crash_report_limit(None);
    output
}

/// The reports that are made while `body` runs and things settle. For current-thread runtimes.
async fn reports_of<Fut: Future>(body: impl FnOnce() -> Fut) -> Vec<Fields> {
    with_limit(None, limited_reports_of(body)).await
}

/// As `reports_of`, under the limit that is set.
async fn limited_reports_of<Fut: Future>(body: impl FnOnce() -> Fut) -> Vec<Fields> {
    let reports = Reports::default();
    let guard = tracing::subscriber::set_default(reports.clone());
    body().await;
    settle().await;
    drop(guard);
    let reports = reports.0.lock().expect("no panic while collecting");
    reports.clone()
}

#[otp_core::test]
async fn a_crash_is_reported_once_with_pid_name_label_and_reason() {
    const NAME: &str = "a_crash_is_reported_once";
    scenario(async |_: Mailbox<()>| {
        for body in [|| panic!("broken"), || process::exit(because("broken"))] as [fn() -> ExitReason; 2] {
            let mut pid = None;
            let reports = reports_of(async || {
                let (process, _) = Spawn::new().label("its label").spawn(move |_: Mailbox<()>| async move {
                    tokio::task::yield_now().await;
                    body()
                });
                process::register(NAME, process.pid()).expect("free");
                pid = Some(process.pid());
            })
            .await;
            let [report] = reports.as_slice() else { panic!("one report: {reports:?}") };
            assert_eq!(report["pid"], pid.expect("it started").to_string());
            assert_eq!(report["name"], NAME);
            assert_eq!(report["label"], "its label");
            assert!(report["reason"].contains("broken"), "{report:?}");
        }
    })
    .await;
}

#[otp_core::test]
async fn an_error_that_leaves_the_body_is_reported() {
    scenario(async |_: Mailbox<()>| {
        let reports = reports_of(async || {
            spawn(|_: Mailbox<()>| async { "x".parse::<u8>().map(drop) });
        })
        .await;
        let [report] = reports.as_slice() else { panic!("one report: {reports:?}") };
        assert_eq!(report["reason"], "invalid digit found in string");
        assert!(!report.contains_key("name") && !report.contains_key("label"), "{report:?}");
    })
    .await;
}

#[otp_core::test]
async fn orderly_ends_and_ends_by_signals_are_not_reported() {
    scenario(async |_: Mailbox<()>| {
        let reports = reports_of(async || {
            spawn(|_: Mailbox<()>| async {});
            spawn(|_: Mailbox<()>| async { ExitReason::Shutdown });
            spawn(|_: Mailbox<()>| async { ExitReason::shutdown_with("done") });
            spawn(|_: Mailbox<()>| async { process::exit(ExitReason::Normal) as () });
            for reason in [ExitReason::Kill, because("r")] {
                let victim = idle().pid();
                process::send_exit(victim, reason);
                wait_for_end(victim).await;
            }
        })
        .await;
        assert_eq!(reports, []);
    })
    .await;
}

#[otp_core::test]
async fn a_behaviours_report_tells_what_it_handled_last() {
    scenario(async |mailbox: Mailbox<()>| {
        let client = idle().pid();
        let details = || CrashReport {
            last_message: Some("call"),
            message: Some("Increment by 2".to_owned()),
            state: Some("count 3".to_owned()),
            client: Some(client),
        };
        let reports = reports_of(async || {
            report(&because("r"), details);
            report(&because("r"), CrashReport::default);
        })
        .await;
        let [full, bare] = reports.as_slice() else { panic!("two reports: {reports:?}") };
        let with_pid = |fields: &[(&str, &str)]| -> Fields {
            let all = fields.iter().copied().chain([("reason", "r"), ("message", "process crashed")]);
            let pid = [("pid".to_owned(), mailbox.pid().to_string())];
            all.map(|(name, value)| (name.to_owned(), value.to_owned())).chain(pid).collect()
        };
        let client = client.to_string();
        let told = [
            ("last_message", "call"),
            ("message_text", "Increment by 2"),
            ("state", "count 3"),
            ("client", &*client),
        ];
        assert_eq!(full, &with_pid(&told));
        assert_eq!(bare, &with_pid(&[]), "what it does not say is not there");
    })
    .await;
}

#[otp_core::test]
async fn details_that_panic_are_left_out_of_the_report() {
    scenario(async |_: Mailbox<()>| {
        let reports =
            reports_of(async || report(&because("r"), || panic!("in the server's own format"))).await;
        let [report] = reports.as_slice() else { panic!("one report: {reports:?}") };
        assert_eq!(report["reason"], "r");
        assert!(!report.contains_key("state"), "{report:?}");
    })
    .await;
}

#[otp_core::test]
async fn a_crash_storm_is_cut_short_formats_nothing_more_and_says_later_how_many_there_were() {
    scenario(async |_: Mailbox<()>| {
        let limit = CrashReportLimit { burst: 5, per_second: 0 };
        let formatted = std::cell::Cell::new(0);
        let storm = limited_reports_of(async || {
            for n in 0..50 {
                report(&because(&n.to_string()), || {
                    formatted.set(formatted.get() + 1);
                    CrashReport::default()
                });
            }
            report(&ExitReason::Shutdown, CrashReport::default);
        });
        let after = limited_reports_of(async || {
            set_crash_report_limit(Some(limit));
            for _ in 0..2 {
                spawn(|_: Mailbox<()>| async { because("after") });
            }
        });
        let (storm, after) = with_limit(Some(limit), async { (storm.await, after.await) }).await;
        let reasons: Vec<_> = storm.iter().map(|report| &*report["reason"]).collect();
        assert_eq!(reasons, ["0", "1", "2", "3", "4"]);
        assert_eq!(formatted.get(), 5);
        assert!(storm.iter().all(|report| !report.contains_key("suppressed")), "{storm:?}");
        let [first, second] = after.as_slice() else { panic!("two reports: {after:?}") };
        assert_eq!(first["suppressed"], "45", "an orderly end counts for nothing");
        assert!(!second.contains_key("suppressed"), "{second:?}");
    })
    .await;
}

#[otp_core::test]
async fn a_panicking_destructor_or_hook_of_a_dying_process_is_reported() {
    scenario(async |_: Mailbox<()>| {
        let mut victim = None;
        let reports = reports_of(async || {
            let pid = idle().pid();
            process::on_exit(pid, |_, _| panic!("in a hook")).expect("alive");
            process::send_exit(pid, ExitReason::Kill);
            wait_for_end(pid).await;
            victim = Some(pid);
        })
        .await;
        let [report] = reports.as_slice() else { panic!("one report: {reports:?}") };
        assert_eq!(report["pid"], victim.expect("it started").to_string());
        assert!(report["reason"].contains("in a hook"), "{report:?}");
    })
    .await;
}
