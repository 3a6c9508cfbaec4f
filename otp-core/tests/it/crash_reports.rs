//! The `tracing` event that says which process crashed, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use otp_core::behaviour::report;
use otp_core::process::Spawn;
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

/// The reports that are made while `body` runs and things settle. For current-thread runtimes.
async fn reports_of<Fut: Future>(body: impl FnOnce() -> Fut) -> Vec<Fields> {
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
        let reports = reports_of(async || report(&because("r"), Some("Increment"))).await;
        let [report] = reports.as_slice() else { panic!("one report: {reports:?}") };
        assert_eq!(report["last_message"], "Increment");
        assert_eq!(report["pid"], mailbox.pid().to_string());
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
