//! What is reported of tasks that crash.

use std::sync::{Arc, Mutex};

use otp_core::ExitReason;
use otp_core::process::{self, exit};
use otp_task::Task;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The error events, each as `target field=value …`.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl Subscriber for Reports {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!(" {field}={value:?}"));
            }
        }
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().expect("nothing panics under this lock").push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn tidy_end() {
    exit(ExitReason::Shutdown)
}

async fn a_crash() {
    exit(ExitReason::new("out of paper"))
}

// One test, since a subscriber for all threads is one for the program.
#[otp_core::test(start_paused = true)]
async fn task_069_a_crash_is_reported_with_its_starter_function_and_reason_and_an_orderly_end_is_not() {
    let reports = Reports::default();
    tracing::subscriber::set_global_default(reports.clone()).expect("the only one");
    process::set_crash_report_limit(None);
    for task in [Task::start(async {}), Task::start(tidy_end())] {
        while process::is_alive(task) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(*reports.0.lock().expect("as above"), [""; 0]);
    let crashed = Task::start(a_crash());
    while process::is_alive(crashed) {
        tokio::task::yield_now().await;
    }
    let me = process::current().expect("a test is a process");
    let reports = reports.0.lock().expect("as above").clone();
    let [report] = reports.as_slice() else { panic!("{reports:?}") };
    for part in [crashed.to_string(), me.to_string(), "a_crash".into(), "out of paper".into()] {
        assert!(report.contains(&part), "{part} is not in {report}");
    }
}
