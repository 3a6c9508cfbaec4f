//! The `tracing` event that says which process crashed, and why.

use std::sync::Once;

use otp_core::behaviour::{CrashReport, report};
use otp_core::process::{Spawn, set_crash_report_limit};
use otp_core::{ExitReason, Mailbox, process, spawn};
use tracing::Level;

use crate::capture::{Capture, Fields};
use crate::support::{because, idle, scenario, settle, wait_for_end};

/// Keeps every event and span open to be asked about. Subscribers of single threads come and go, and one that is made while
/// another goes would find some cached as wanted by nobody.
struct Undecided;

impl tracing::Subscriber for Undecided {
    fn register_callsite(&self, _: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

static INSTALLED: Once = Once::new();

/// The reports that are made while `body` runs and things settle. For current-thread runtimes.
async fn reports_of<Fut: Future>(body: impl FnOnce() -> Fut) -> Vec<Fields> {
    // The limit is the program's, and the tests may be threads of one.
    set_crash_report_limit(None);
    let reports = Capture::new(Level::ERROR);
    INSTALLED.call_once(|| tracing::subscriber::set_global_default(Undecided).expect("the only one"));
    let guard = tracing::subscriber::set_default(reports.clone());
    body().await;
    settle().await;
    drop(guard);
    let mut reports = reports.events();
    // What other tests had suppressed before the limit was lifted is told by whichever report comes next.
    reports.iter_mut().for_each(|report| drop(report.remove("suppressed")));
    reports
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
