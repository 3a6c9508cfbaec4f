//! What has to run before an application starts.

use otp_application::{AppSpec, Controller, Dependency, StartAppError};
use otp_supervisor::Supervisor;

use crate::support::{Log, Scripted, running, scripted, settle, single};

#[otp_core::test(start_paused = true)]
async fn app_003_a_dependency_that_does_not_run_is_named_and_nothing_starts() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(single("base")).unwrap();
    controller.load(scripted("app", number).dependency("base").dependency("more")).unwrap();
    assert_eq!(controller.start("app").await, Err(StartAppError::NotStarted("base".to_owned())));
    controller.start("base").await.unwrap();
    assert_eq!(controller.start("app").await, Err(StartAppError::NotStarted("more".to_owned())));
    assert_eq!(log.lines(), [""; 0]);
    assert_eq!(running(&controller), ["base"]);
}

#[otp_core::test(start_paused = true)]
async fn ensure_all_started_starts_each_after_its_own_dependencies() {
    let controller = Controller::new();
    let base = AppSpec::library("base");
    let left = single("left").dependency(base.clone());
    let right = single("right").dependency(base).dependency("left");
    controller.load(single("app").dependency(left).dependency(right)).unwrap();
    let started = controller.ensure_all_started("app").await;
    assert_eq!(started.unwrap(), ["base", "left", "right", "app"]);
    assert_eq!(running(&controller), ["app", "right", "left", "base"]);
    assert_eq!(controller.ensure_all_started("app").await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn ensure_all_started_gives_only_those_that_did_not_run_before() {
    let controller = Controller::new();
    controller.load(single("base")).unwrap();
    controller.start("base").await.unwrap();
    controller.load(single("app").dependency("base")).unwrap();
    assert_eq!(controller.ensure_all_started("app").await.unwrap(), ["app"]);
}

#[otp_core::test(start_paused = true)]
async fn ensure_all_started_takes_back_what_it_started_when_one_fails() {
    let (_log, number) = Log::new();
    let controller = Controller::new();
    controller.load(single("before")).unwrap();
    controller.start("before").await.unwrap();
    let app = scripted("app", number).config("start", "fail");
    controller.load(app.dependency("before").dependency(single("base"))).unwrap();
    let error = controller.ensure_all_started("app").await.unwrap_err();
    assert_eq!(error.to_string(), "application app did not start: no luck");
    assert_eq!(running(&controller), ["before"]);
}

#[otp_core::test(start_paused = true)]
async fn ensure_all_started_takes_back_what_it_waited_for_and_keeps_it_loaded() {
    let (_log, number) = Log::new();
    let controller = Controller::new();
    let slow = AppSpec::new("slow", |(): ()| async {
        settle().await;
        Ok(Supervisor::one_for_one().start_link().await?.into())
    });
    controller.load(slow).unwrap();
    controller.load(scripted("app", number).config("start", "fail").dependency("slow")).unwrap();
    let both = async { tokio::join!(controller.start("slow"), controller.ensure_all_started("app")) };
    let (slow, app) = both.await;
    assert_eq!(slow, Ok(()));
    assert!(app.is_err());
    assert_eq!(running(&controller), [""; 0]);
    assert_eq!(controller.loaded_applications().len(), 2);
}

#[otp_core::test(start_paused = true)]
async fn a_configuration_that_is_wrong_is_found_before_anything_starts() {
    let controller = Controller::new();
    let (log, number) = Log::new();
    let base = scripted("base", number);
    controller.load(AppSpec::of::<Scripted>().config("log", "many").dependency(base)).unwrap();
    let error = controller.ensure_all_started("scripted").await.unwrap_err();
    assert!(matches!(&error, StartAppError::Config(error) if error.key() == Some("log")), "{error}");
    assert_eq!(log.lines(), [""; 0]);
}

#[otp_core::test(start_paused = true)]
async fn the_configuration_of_a_start_function_is_checked_as_well() {
    let controller = Controller::new();
    let (log, number) = Log::new();
    let app =
        AppSpec::new("app", |_: Number| async { Err(otp_application::ExitReason::new("it never starts")) });
    controller.load(app.config("n", "many").dependency(scripted("base", number))).unwrap();
    let error = controller.ensure_all_started("app").await.unwrap_err();
    assert!(matches!(&error, StartAppError::Config(error) if error.key() == Some("n")), "{error}");
    assert_eq!(log.lines(), [""; 0]);
}

#[derive(serde::Deserialize)]
struct Number {
    #[serde(rename = "n")]
    _n: u8,
}

#[otp_core::test(start_paused = true)]
async fn dependencies_in_a_circle_are_named() {
    let controller = Controller::new();
    controller.load(single("a").dependency("b")).unwrap();
    controller.load(single("b").dependency("a")).unwrap();
    let error = controller.ensure_all_started("a").await.unwrap_err();
    assert_eq!(error.to_string(), "applications wait for each other: a -> b -> a");
}

#[test]
fn a_type_and_a_name_are_dependencies() {
    let names = [Dependency::of::<Scripted>(), "words".into()].map(|it| format!("{it:?}"));
    assert_eq!(names, ["scripted", "words"]);
}
