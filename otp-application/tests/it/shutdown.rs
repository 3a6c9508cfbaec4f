//! Stopping everything.

use std::time::Duration;

use otp_application::{AppSpec, Controller, ExitReason, Halt, RestartType, StartAppError};
use otp_core::process;
use otp_supervisor::{ChildSpec, Supervisor};

use crate::support::{Log, descendants, end_with, running, scripted, settle, single};

#[otp_core::test(start_paused = true)]
async fn app_015_a_shutdown_stops_the_applications_in_the_reverse_order_of_their_start() {
    let controller = Controller::new();
    let (log, number) = Log::new();
    // The names say the wrong order on purpose.
    for name in ["b", "c", "a"] {
        controller.load(scripted(name, number)).unwrap();
    }
    controller.load(AppSpec::library("words")).unwrap();
    for name in ["b", "words", "c", "a"] {
        controller.start_as(name, RestartType::Permanent).await.unwrap();
    }
    let mut order = Vec::new();
    log.take();
    controller.system_stop(3);
    let mut last = running(&controller);
    loop {
        let now = running(&controller);
        order.extend(last.iter().filter(|name| !now.contains(name)).cloned());
        last = now;
        if tokio::time::timeout(Duration::ZERO, controller.halted()).await.is_ok() {
            break;
        }
    }
    order.extend(last);
    assert_eq!(order, ["a", "c", "words", "b"]);
    assert_eq!(controller.halted().await, Halt::Requested(3));
    let stops = log.lines().iter().filter(|line| line.starts_with("stop:")).count();
    assert_eq!(stops, 3);
    assert_eq!(controller.start("a").await, Err(StartAppError::ShuttingDown));
}

#[otp_core::test(start_paused = true)]
async fn app_015_each_application_is_gone_before_the_next_is_stopped() {
    let controller = Controller::new();
    let (first, a) = Log::new();
    let (second, b) = Log::new();
    controller.load(scripted("first", a)).unwrap();
    controller.load(scripted("second", b).config("stop", "wait")).unwrap();
    controller.start("first").await.unwrap();
    controller.start("second").await.unwrap();
    first.take();
    second.take();
    controller.system_stop(0);
    settle().await;
    assert_eq!(second.lines().last().unwrap(), "stop: from prep_stop");
    assert_eq!(first.lines(), [""; 0], "the second one is still at it");
}

#[otp_core::test(start_paused = true)]
async fn the_first_reason_to_halt_counts() {
    let controller = Controller::new();
    controller.load(single("mortal")).unwrap();
    controller.start_as("mortal", RestartType::Permanent).await.unwrap();
    controller.system_stop(7);
    end_with(&controller, "mortal", ExitReason::new("late"));
    controller.system_stop(8);
    assert_eq!(controller.halted().await.exit_code(), 7);
}

#[otp_core::test(start_paused = true)]
async fn a_start_that_waits_is_given_up_at_a_shutdown() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(single("before")).unwrap();
    controller.load(scripted("a", number).config("start", "wait").dependency("before")).unwrap();
    let (outcome, halt) = tokio::join!(controller.ensure_all_started("a"), async {
        settle().await;
        controller.system_stop(0);
        controller.halted().await
    });
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    assert_eq!(halt, Halt::Requested(0));
    assert_eq!(log.lines(), ["start"]);
    assert_eq!(running(&controller), [""; 0]);
}

#[otp_core::test(start_paused = true)]
async fn what_a_start_has_started_is_shut_down_in_order_at_a_shutdown() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number).config("start", "then wait")).unwrap();
    let before = descendants();
    let (outcome, _) = tokio::join!(controller.start("a"), async {
        settle().await;
        controller.system_stop(0);
        controller.halted().await
    });
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    assert_eq!(log.lines()[1..], ["a up", "b up", "b down: shutdown", "a down: shutdown"]);
    settle().await;
    assert_eq!(descendants(), before);
}

#[otp_core::test(start_paused = true)]
async fn a_half_started_supervisor_finishes_and_is_shut_down_at_a_shutdown() {
    let (log, _) = Log::new();
    let worker = crate::support::Worker::start_link_with("early", &log);
    let slow = ChildSpec::new("slow", || async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Err(otp_core::StartError::Ignored)
    });
    let tree = Supervisor::one_for_one().child(worker).child(slow);
    let controller = Controller::new();
    controller.load(AppSpec::supervisor("a", tree)).unwrap();
    let (outcome, _) = tokio::join!(controller.start("a"), async {
        settle().await;
        controller.system_stop(0);
        controller.halted().await
    });
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    assert_eq!(log.lines(), ["early up", "early down: shutdown"]);
}

#[otp_core::test(start_paused = true)]
async fn a_phase_that_waits_is_given_up_and_the_application_stopped_at_a_shutdown() {
    let (log, number) = Log::new();
    let controller = Controller::new();
    controller.load(scripted("a", number).config("phase", "wait")).unwrap();
    let (outcome, _) = tokio::join!(controller.start("a"), async {
        settle().await;
        controller.system_stop(0);
        controller.halted().await
    });
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    let after = ["prep_stop: from start", "b down: shutdown", "a down: shutdown", "stop: from prep_stop"];
    assert_eq!(log.lines()[4..], after);
}

#[otp_core::test(start_paused = true)]
async fn what_an_application_depends_on_outlives_one_that_starts_to_its_end_during_a_shutdown() {
    let app = AppSpec::new("app", |(): ()| async {
        let top = otp_core::spawn_link(|mut mailbox: otp_core::Mailbox<()>| async move {
            process::trap_exit(true)?;
            mailbox.receive().await;
            tokio::time::sleep(Duration::from_secs(24)).await;
            Ok::<_, ExitReason>(())
        });
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(top.pid().into())
    });
    let controller = Controller::new();
    controller.load(app.dependency(single("base"))).unwrap();
    let began = tokio::time::Instant::now();
    let (outcome, base_was_up, _) = tokio::join!(
        controller.ensure_all_started("app"),
        async {
            tokio::time::sleep(Duration::from_secs(23)).await;
            running(&controller) == ["base"]
        },
        async {
            settle().await;
            controller.system_stop(0);
            controller.halted().await
        }
    );
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    assert!(base_was_up);
    assert!(began.elapsed() >= Duration::from_secs(24));
}

#[otp_core::test(start_paused = true)]
async fn a_start_that_is_given_up_takes_nothing_back_that_others_depend_on() {
    let (_log, number) = Log::new();
    let controller = Controller::new();
    let app = scripted("app", number).config("start", "wait");
    controller.load(app.dependency(single("base"))).unwrap();
    controller.load(scripted("other", number).config("stop", "wait").dependency("base")).unwrap();
    let (outcome, ()) = tokio::join!(controller.ensure_all_started("app"), async {
        settle().await;
        controller.start("other").await.unwrap();
        controller.system_stop(0);
        settle().await;
    });
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    settle().await;
    assert_eq!(running(&controller), ["base"], "the other one is still stopping");
}

#[otp_core::test]
async fn a_thread_outside_any_runtime_can_have_everything_stopped() {
    let controller = Controller::new();
    controller.load(single("from a thread")).unwrap();
    controller.start("from a thread").await.unwrap();
    let its = controller.clone();
    std::thread::scope(|scope| drop(scope.spawn(move || its.system_stop(3)).join()));
    assert_eq!(controller.halted().await.exit_code(), 3);
    assert!(running(&controller).is_empty());
}

#[otp_core::test]
async fn a_controller_that_never_started_anything_halts_at_once() {
    let controller = Controller::new();
    let its = controller.clone();
    std::thread::scope(|scope| drop(scope.spawn(move || its.system_stop(4)).join()));
    assert_eq!(controller.halted().await.exit_code(), 4);
}

#[otp_core::test(start_paused = true)]
async fn a_start_that_left_something_deaf_behind_is_given_up_after_a_while() {
    let app = AppSpec::new("deaf", |(): ()| async {
        otp_core::spawn_link(|mut mailbox: otp_core::Mailbox<()>| async move {
            process::trap_exit(true)?;
            loop {
                mailbox.receive().await;
            }
            #[expect(unreachable_code, reason = "gives the type")]
            Ok::<_, ExitReason>(())
        });
        std::future::pending::<()>().await;
        Err(ExitReason::Normal)
    });
    let controller = Controller::new();
    controller.load(app).unwrap();
    let before = descendants();
    let began = tokio::time::Instant::now();
    let (outcome, _) = tokio::join!(controller.start("deaf"), async {
        settle().await;
        controller.system_stop(0);
        controller.halted().await
    });
    assert_eq!(outcome, Err(StartAppError::ShuttingDown));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    settle().await;
    assert_eq!(descendants(), before);
}
