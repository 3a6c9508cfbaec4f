//! Loading and starting.

use std::future::Future;
use std::sync::{Arc, Mutex};

use otp_application::{AppSpec, Controller, ExitReason, LoadError, RestartType, StartAppError, Started};
use otp_core::{Pid, process};
use otp_supervisor::Supervisor;

use crate::support::{
    Log, Scripted, descendants, end_with, master_of, running, scripted, settle, single, top_of,
};

fn failed(application: &str, reason: ExitReason) -> StartAppError {
    StartAppError::Failed { application: application.to_owned(), reason }
}

#[otp_core::test(start_paused = true)]
async fn app_001_load_starts_nothing_and_a_second_load_is_refused() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    assert_eq!(controller.load(scripted("a", number)), Ok(()));
    assert_eq!(controller.load(scripted("a", number)), Err(LoadError::AlreadyLoaded("a".to_owned())));
    settle().await;
    assert_eq!(log.lines(), [""; 0]);
    assert_eq!(running(&controller), [""; 0]);
    assert_eq!(controller.loaded_applications().len(), 1);
}

#[otp_core::test(start_paused = true)]
async fn app_002_an_unknown_application_does_not_start() {
    let controller = Controller::new();
    let error = StartAppError::NotLoaded("ghost".to_owned());
    assert_eq!(controller.start("ghost").await, Err(error.clone()));
    assert_eq!(controller.ensure_started("ghost").await, Err(error.clone()));
    assert_eq!(controller.ensure_all_started("ghost").await, Err(error));
}

#[otp_core::test(start_paused = true)]
async fn app_004_a_running_application_is_already_started() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number)).unwrap();
    assert_eq!(controller.start("a").await, Ok(()));
    assert_eq!(log.take(), ["start", "a up", "b up", "phase first", "phase second"]);
    assert_eq!(controller.start("a").await, Err(StartAppError::AlreadyStarted("a".to_owned())));
    assert_eq!(controller.ensure_started("a").await, Ok(()));
    assert_eq!(controller.ensure_all_started("a").await, Ok(vec![]));
    assert_eq!(log.lines(), [""; 0]);
}

#[otp_core::test(start_paused = true)]
async fn two_who_start_the_same_application_both_get_its_one_start() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number)).unwrap();
    let (one, other) = tokio::join!(controller.start("a"), controller.start("a"));
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert_eq!(log.lines().iter().filter(|line| *line == "start").count(), 1);
}

#[otp_core::test(start_paused = true)]
async fn app_007_start_runs_in_a_fresh_process_and_gives_the_top_supervisor() {
    let seen = Arc::new(Mutex::new(Vec::<Pid>::new()));
    let pids = Arc::clone(&seen);
    let controller = Controller::new();
    let spec = AppSpec::new("a", move |(): ()| {
        let pids = Arc::clone(&pids);
        async move {
            let top = Supervisor::one_for_one().start_link().await?;
            pids.lock().unwrap().extend([process::current().unwrap(), top.pid()]);
            Ok(top.into())
        }
    });
    controller.load(spec).unwrap();
    controller.start("a").await.unwrap();
    let [master, top] = seen.lock().unwrap()[..] else { panic!("it ran once") };
    assert_ne!(Some(master), process::current());
    assert_eq!(process::info(top).unwrap().parent, Some(master));
    assert_eq!((master_of(&controller, "a"), top_of(&controller, "a")), (master, top));
    assert!(process::info(master).unwrap().links.contains(&top));
    assert_eq!(process::info(master).unwrap().label.as_deref(), Some("application a"));
}

#[otp_core::test(start_paused = true)]
async fn a_top_process_that_start_did_not_link_is_linked_and_ends_with_the_application() {
    let controller = Controller::new();
    let spec = AppSpec::new("a", |(): ()| async { Ok(Supervisor::one_for_one().start().await?.into()) });
    controller.load(spec).unwrap();
    controller.start("a").await.unwrap();
    end_with(&controller, "a", ExitReason::Kill);
    settle().await;
    assert_eq!(running(&controller), [""; 0]);
}

#[otp_core::test(start_paused = true)]
async fn a_top_process_that_is_dead_when_start_returns_is_the_end_of_the_application() {
    let controller = Controller::new();
    let spec = AppSpec::new("a", |(): ()| async {
        let top = otp_core::spawn_link(|_: otp_core::Mailbox<()>| async { ExitReason::new("too early") });
        while process::is_alive(top.pid()) {
            tokio::task::yield_now().await;
        }
        Ok(Started::new(top.pid()))
    });
    controller.load(spec).unwrap();
    controller.start_as("a", RestartType::Permanent).await.unwrap();
    let halt = controller.halted().await;
    assert_eq!(halt.to_string(), "application a ended: too early");
}

#[otp_core::test(start_paused = true)]
async fn a_start_that_fails_or_panics_leaves_nothing_behind() {
    for script in ["fail", "then fail", "panic", "then panic"] {
        let (log, number) = Log::new();
        let controller = Controller::new();
        controller.load(scripted("a", number).config("start", script)).unwrap();
        let before = descendants();
        let error = controller.start("a").await.unwrap_err();
        let StartAppError::Failed { application, reason } = error else { panic!("{error}") };
        assert_eq!(application, "a");
        let expected = if script.ends_with("fail") { "no luck" } else { "panicked: told to" };
        assert!(reason.to_string().starts_with(expected), "{script}: {reason}");
        settle().await;
        assert_eq!(descendants(), before, "{script}");
        let workers = ["a up", "b up", "b down: shutdown", "a down: shutdown"];
        assert_eq!(log.lines()[1..], workers[..if script.contains("then") { 4 } else { 0 }], "{script}");
        // And it can be tried again.
        controller.put_env("a", "start", "").unwrap();
        assert_eq!(controller.start("a").await, Ok(()));
    }
}

#[otp_core::test(start_paused = true)]
async fn what_failed_below_the_top_supervisor_is_told_in_plain_words() {
    let controller = Controller::new();
    let child = otp_core::ChildSpec::new("listener", || async {
        Err(otp_core::StartError::Exit(ExitReason::new("port 80 is taken")))
    });
    controller.load(AppSpec::supervisor("web", Supervisor::one_for_one().child(child))).unwrap();
    let error = controller.start("web").await.unwrap_err().to_string();
    assert!(error.starts_with("application web did not start: failed to start child"), "{error}");
    assert!(error.ends_with("port 80 is taken"), "{error}");
}

#[otp_core::test(start_paused = true)]
async fn app_022_start_phases_run_after_start_in_their_order() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number)).unwrap();
    controller.start("a").await.unwrap();
    assert_eq!(log.lines(), ["start", "a up", "b up", "phase first", "phase second"]);
}

#[otp_core::test(start_paused = true)]
async fn app_022_a_phase_that_fails_fails_the_start_and_stops_the_tree() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number).config("phase", "fail")).unwrap();
    assert_eq!(controller.start("a").await, Err(failed("a", ExitReason::new("no luck"))));
    let after = ["prep_stop: from start", "b down: shutdown", "a down: shutdown", "stop: from prep_stop"];
    assert_eq!(log.lines()[4..], after);
    assert_eq!(running(&controller), [""; 0]);
}

#[otp_core::test(start_paused = true)]
async fn the_death_of_the_tree_during_a_phase_fails_the_start() {
    let (_log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number).config("phase", "wait")).unwrap();
    let (outcome, ()) = tokio::join!(controller.start("a"), async {
        settle().await;
        end_with(&controller, "a", ExitReason::Kill);
    });
    assert_eq!(outcome, Err(failed("a", ExitReason::Killed)));
}

#[otp_core::test(start_paused = true)]
async fn a_master_that_is_killed_while_it_starts_fails_the_start() {
    let (_log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number).config("start", "wait")).unwrap();
    let (outcome, ()) = tokio::join!(controller.start("a"), async {
        settle().await;
        process::send_exit(master_of(&controller, "a"), ExitReason::Kill);
    });
    assert_eq!(outcome, Err(failed("a", ExitReason::Killed)));
}

#[test]
fn an_application_that_is_loaded_already_is_not_said_to_be_started() {
    let error = StartAppError::from(LoadError::AlreadyLoaded("a".to_owned()));
    assert_eq!(error.to_string(), "application a is already loaded");
}

#[otp_core::test(start_paused = true)]
async fn app_024_a_library_starts_and_stops_without_a_process() {
    let controller = Controller::new();
    controller.load(AppSpec::library("words")).unwrap();
    let before = descendants();
    assert_eq!(controller.start("words").await, Ok(()));
    assert_eq!(running(&controller), ["words"]);
    assert_eq!(descendants(), before);
    assert_eq!(controller.start("words").await, Err(StartAppError::AlreadyStarted("words".to_owned())));
    controller.load(single("a")).unwrap();
    controller.start("a").await.unwrap();
    assert_eq!(controller.stop("words").await, Ok(()));
    assert_eq!(running(&controller), ["a"]);
}

#[otp_core::test(start_paused = true)]
async fn app_031_a_start_function_may_use_the_whole_controller() {
    let controller = Controller::new();
    let inner = controller.clone();
    let outer = AppSpec::new("outer", move |(): ()| {
        let controller = inner.clone();
        async move {
            controller.load(AppSpec::library("found").env("n", 1))?;
            assert_eq!(controller.fetch_env::<u8>("found", "n")?, 1);
            controller.put_env("outer", "seen", true)?;
            controller.load(single("inner"))?;
            controller.start("inner").await?;
            assert_eq!(running(&controller), ["inner"]);
            let own = controller.start("outer").await;
            assert_eq!(own, Err(StartAppError::Circular(vec!["outer".to_owned(), "outer".to_owned()])));
            assert!(controller.stop("outer").await.is_err());
            Ok(Supervisor::one_for_one().start_link().await?.into())
        }
    });
    controller.load(outer).unwrap();
    assert_eq!(controller.start("outer").await, Ok(()));
    assert_eq!(running(&controller), ["outer", "inner"]);
    assert_eq!(controller.get_env("outer", "seen"), Ok(Some(true)));
}

#[otp_core::test(start_paused = true)]
async fn a_start_whose_future_is_dropped_goes_on() {
    let (_log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number)).unwrap();
    {
        let mut starting = Box::pin(controller.start("a"));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(starting.as_mut().poll(&mut cx).is_pending());
    }
    settle().await;
    assert_eq!(running(&controller), ["a"]);
}

#[test]
fn a_type_stands_for_its_spec() {
    let controller = Controller::new();
    controller.load(Scripted).unwrap();
    let [info] = &controller.loaded_applications()[..] else { panic!("one is loaded") };
    assert_eq!(
        (&*info.name, &*info.description, &*info.version),
        ("scripted", "does what it is told", "1.2.3")
    );
}
