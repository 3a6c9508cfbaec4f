//! What the log is told of applications. A program of its own, since a log is the whole program's.

use std::fmt;
use std::sync::{Arc, Mutex};

use otp_application::{AppSpec, Application, Controller, ExitReason, RestartType, Started};
use otp_core::{Mailbox, ProcessRef, Received, process};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps the events of applications, as lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic while logging"))
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "top" => {}
            "message" => self.0 = format!("{value:?}{}", self.0),
            name => self.0 += &format!(" {name}={value:?}"),
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "otp::application"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let line = format!("{} {}", event.metadata().level(), line.0);
        self.0.lock().expect("no panic while logging").push(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct App;

impl Application for App {
    type Config = ();
    type State = ();
    const NAME: &'static str = "app";

    async fn start((): ()) -> Result<Started, ExitReason> {
        let top = otp_core::spawn_link(|mut mailbox: Mailbox<ExitReason>| async move {
            let _ = process::set_label("top");
            match mailbox.receive().await {
                Received::Message(reason) => reason,
                _ => ExitReason::Normal,
            }
        });
        Ok(top.pid().into())
    }

    async fn stop((): ()) {
        panic!("at the end");
    }
}

async fn end_with(reason: ExitReason) {
    let is_top =
        |pid: &otp_core::Pid| process::info(*pid).is_some_and(|it| it.label.as_deref() == Some("top"));
    let top = loop {
        match process::list().into_iter().find(is_top) {
            Some(top) => break top,
            None => tokio::task::yield_now().await,
        }
    };
    ProcessRef::<ExitReason>::of(top).expect("it takes reasons").send(reason);
}

#[otp_core::test(start_paused = true)]
async fn app_018_the_start_and_every_end_of_an_application_are_reported() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("no other log");
    let controller = Controller::new();
    controller.load(App).unwrap();
    controller.load(AppSpec::library("words")).unwrap();
    let failed = r#"ERROR callback failed application="app" callback="stop" reason=panicked: at the end at "#;

    controller.start("app").await.unwrap();
    assert_eq!(log.take(), [r#"INFO application started application="app""#]);
    controller.stop("app").await.unwrap();
    let lines = log.take();
    assert!(lines[0].starts_with(failed), "{lines:?}");
    assert_eq!(lines[1..], [r#"INFO application stopped application="app""#]);

    controller.start("words").await.unwrap();
    controller.stop("words").await.unwrap();
    let words = ["started", "stopped"].map(|it| format!(r#"INFO application {it} application="words""#));
    assert_eq!(log.take(), words);

    let fails = AppSpec::new("ill", |(): ()| async { Err(ExitReason::new("no luck")) });
    controller.load(fails).unwrap();
    controller.start_as("ill", RestartType::Transient).await.unwrap_err();
    let exited = r#"ERROR application exited application="ill" reason=no luck restart=Transient"#;
    assert_eq!(log.take(), [exited]);
    let lacks =
        AppSpec::new("lacks", |_: std::collections::BTreeMap<u8, u8>| async { Err(ExitReason::Normal) });
    controller.load(lacks.config("port", 1)).unwrap();
    controller.start("lacks").await.unwrap_err();
    let lines = log.take();
    let exited = r#"ERROR application exited application="lacks" reason=configuration of lacks: "#;
    assert!(lines.len() == 1 && lines[0].starts_with(exited), "{lines:?}");

    let ends = [
        (RestartType::Temporary, ExitReason::Shutdown, "INFO", "reason=shutdown restart=Temporary"),
        (RestartType::Temporary, ExitReason::new("ill"), "ERROR", "reason=ill restart=Temporary"),
        (RestartType::Transient, ExitReason::Normal, "INFO", "reason=normal restart=Transient"),
        (RestartType::Permanent, ExitReason::Normal, "ERROR", "reason=normal restart=Permanent"),
    ];
    for (restart, reason, level, rest) in ends {
        controller.start_as("app", restart).await.unwrap();
        end_with(reason).await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let lines = log.take();
        let end = format!(r#"{level} application exited application="app" {rest}"#);
        assert_eq!(lines.last(), Some(&end), "{lines:?}");
    }
}
