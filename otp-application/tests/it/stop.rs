//! Stopping one application, and what its end means to the others.

use std::time::Duration;

use otp_application::{AppSpec, Controller, ExitReason, Halt, RestartType, StopAppError};
use otp_core::{Mailbox, ProcessRef, Received, process};
use otp_supervisor::Supervisor;

use crate::support::{Log, end_with, master_of, running, scripted, settle, single, top_of};

fn not_started(name: &str) -> Result<(), StopAppError> {
    Err(StopAppError::NotStarted(name.to_owned()))
}

async fn up(number: u32, key: &str, value: &str) -> Controller {
    let controller = Controller::new();
    controller.load(scripted("a", number).config(key, value)).expect("it can be done");
    controller.start("a").await.expect("it can be done");
    controller
}

#[otp_core::test(start_paused = true)]
async fn app_009_the_state_of_start_is_given_to_prep_stop() {
    let (log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    log.take();
    controller.stop("a").await.unwrap();
    assert_eq!(log.lines()[0], "prep_stop: from start");
}

#[otp_core::test(start_paused = true)]
async fn app_010_stop_is_prep_stop_then_the_tree_from_its_end_then_stop() {
    let (log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    let before = log.take().len();
    assert_eq!(before, 5);
    assert_eq!(controller.stop("a").await, Ok(()));
    let order = ["prep_stop: from start", "b down: shutdown", "a down: shutdown", "stop: from prep_stop"];
    assert_eq!(log.lines(), order);
    assert_eq!(running(&controller), [""; 0]);
    assert_eq!(controller.start("a").await, Ok(()), "it can be started again");
}

#[otp_core::test(start_paused = true)]
async fn app_010_stop_waits_as_long_as_the_tree_needs() {
    let controller = Controller::new();
    let spec = AppSpec::new("slow", |(): ()| async {
        let top = otp_core::spawn_link(|mut mailbox: Mailbox<()>| async move {
            process::trap_exit(true)?;
            mailbox.receive().await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok::<_, ExitReason>(())
        });
        settle().await;
        Ok(top.pid().into())
    });
    controller.load(spec).unwrap();
    controller.start("slow").await.unwrap();
    let began = tokio::time::Instant::now();
    controller.stop("slow").await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(3600));
}

#[otp_core::test(start_paused = true)]
async fn app_011_what_prep_stop_makes_of_the_state_is_given_to_stop() {
    let (log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    controller.stop("a").await.unwrap();
    assert_eq!(log.lines().last().unwrap(), "stop: from prep_stop");
}

#[otp_core::test(start_paused = true)]
async fn a_panic_in_prep_stop_or_stop_does_not_hinder_the_stop() {
    for key in ["prep_stop", "stop"] {
        let (log, number) = Log::new();
        let controller = up(number, key, "panic").await;
        log.take();
        assert_eq!(controller.stop("a").await, Ok(()), "{key}");
        let order = ["prep_stop: from start", "b down: shutdown", "a down: shutdown", "stop: from prep_stop"];
        assert_eq!(log.lines(), order, "{key}");
    }
}

#[otp_core::test(start_paused = true)]
async fn app_013_what_does_not_run_cannot_be_stopped() {
    let (_log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    assert_eq!(controller.stop("ghost").await, not_started("ghost"));
    assert_eq!(controller.stop("a").await, Ok(()));
    assert_eq!(controller.stop("a").await, not_started("a"));
}

#[otp_core::test(start_paused = true)]
async fn of_two_who_stop_an_application_both_wait_and_one_has_done_it() {
    let (log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    let both = async { tokio::join!(controller.stop("a"), controller.stop("a")) };
    assert_eq!(both.await, (Ok(()), not_started("a")));
    assert_eq!(log.lines().last().unwrap(), "stop: from prep_stop");
}

#[otp_core::test(start_paused = true)]
async fn a_start_during_the_stop_waits_for_it() {
    let (log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    log.take();
    assert_eq!(tokio::join!(controller.stop("a"), controller.start("a")), (Ok(()), Ok(())));
    assert_eq!(log.lines()[3..5], ["stop: from prep_stop", "start"]);
}

#[otp_core::test(start_paused = true)]
async fn processes_that_start_linked_besides_the_tree_end_with_the_application() {
    let (tell, told) = std::sync::mpsc::channel();
    let controller = Controller::new();
    let spec = AppSpec::new("a", move |(): ()| {
        let tell = tell.clone();
        async move {
            let deaf = otp_core::spawn_link(|mut mailbox: Mailbox<()>| async move {
                process::trap_exit(true)?;
                loop {
                    mailbox.receive().await;
                }
                #[expect(unreachable_code, reason = "it says what the body ends with")]
                Ok::<(), ExitReason>(())
            });
            tell.send(deaf.pid()).unwrap();
            Ok(Supervisor::one_for_one().start_link().await?.into())
        }
    });
    controller.load(spec).unwrap();
    controller.start("a").await.unwrap();
    let deaf = told.recv().unwrap();
    controller.stop("a").await.unwrap();
    assert!(!process::is_alive(deaf));
}

#[otp_core::test(start_paused = true)]
async fn app_031_a_callback_of_a_stop_that_starts_its_own_application_is_told_that_this_cannot_be() {
    for key in ["prep_stop", "stop"] {
        let (log, number) = Log::new();
        let controller = up(number, key, "start itself").await;
        assert_eq!(controller.stop("a").await, Ok(()), "{key}");
        let told = format!("{key}: applications wait for each other: a -> a");
        assert!(log.lines().contains(&told), "{:?}", log.lines());
        assert_eq!(controller.start("a").await, Ok(()), "it can be started again");
    }
}

/// An application whose top process cuts itself off its master, takes an hour to shut down, and ends by itself when told.
async fn unlinked() -> (Controller, ProcessRef<ExitReason>) {
    let controller = Controller::new();
    let spec = AppSpec::new("loner", |(): ()| async {
        let master = process::current().expect("a master is a process");
        let top = otp_core::spawn_link(move |mut mailbox: Mailbox<ExitReason>| async move {
            process::trap_exit(true)?;
            // Once it is known to be the top.
            settle().await;
            process::unlink(master)?;
            if let Received::Message(reason) = mailbox.receive().await {
                return Err(reason);
            }
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok::<_, ExitReason>(())
        });
        Ok(top.pid().into())
    });
    controller.load(spec).expect("it can be done");
    controller.start("loner").await.expect("it can be done");
    let top = ProcessRef::of(top_of(&controller, "loner")).expect("it takes reasons");
    settle().await;
    settle().await;
    (controller, top)
}

#[otp_core::test(start_paused = true)]
async fn app_010_a_top_supervisor_that_unlinked_itself_is_shut_down_and_waited_for() {
    let (controller, top) = unlinked().await;
    let began = tokio::time::Instant::now();
    controller.stop("loner").await.unwrap();
    assert!(!process::is_alive(top.pid()));
    assert!(began.elapsed() >= Duration::from_secs(3600), "{:?}", began.elapsed());
}

#[otp_core::test(start_paused = true)]
async fn app_018_the_end_of_a_top_supervisor_that_unlinked_itself_ends_the_application() {
    let (controller, top) = unlinked().await;
    top.send(ExitReason::new("crash"));
    settle().await;
    assert_eq!(running(&controller), [""; 0]);
}

// ---- its end by itself -------------------------------------------------------------------------------------------

const REASONS: [fn() -> ExitReason; 3] =
    [|| ExitReason::Normal, || ExitReason::Shutdown, || ExitReason::new("crash")];

/// Starts two applications, ends the second with this reason, and gives the controller.
async fn end(restart: RestartType, reason: ExitReason) -> Controller {
    let controller = Controller::new();
    controller.load(single("other")).expect("it can be done");
    controller.load(single("mortal")).expect("it can be done");
    controller.start("other").await.expect("it can be done");
    controller.start_as("mortal", restart).await.expect("it can be done");
    end_with(&controller, "mortal", reason);
    settle().await;
    controller
}

async fn is_halted(controller: &Controller) -> Option<Halt> {
    tokio::time::timeout(Duration::from_secs(1), controller.halted()).await.ok()
}

#[otp_core::test(start_paused = true)]
async fn app_018_the_end_of_a_temporary_application_means_nothing_to_the_others() {
    for reason in REASONS {
        let controller = end(RestartType::default(), reason()).await;
        assert_eq!(running(&controller), ["other"]);
        assert_eq!(is_halted(&controller).await, None);
        assert_eq!(controller.start("mortal").await, Ok(()), "it can be started again");
    }
}

#[otp_core::test(start_paused = true)]
async fn app_018_the_callbacks_of_a_stop_run_when_the_tree_ends_by_itself() {
    let (log, number) = Log::new();
    let controller = up(number, "stop", "").await;
    log.take();
    end_with(&controller, "a", ExitReason::Kill);
    while !running(&controller).is_empty() {
        settle().await;
    }
    let lines = log.lines();
    let ours: Vec<_> = lines.iter().filter(|line| line.contains("stop")).collect();
    assert_eq!(ours, ["prep_stop: from start", "stop: from prep_stop"]);
}

#[otp_core::test(start_paused = true)]
async fn app_019_any_end_of_a_permanent_application_stops_all_others() {
    for reason in REASONS {
        let controller = end(RestartType::Permanent, reason()).await;
        let halt = is_halted(&controller).await.expect("it halts");
        let application = "mortal".to_owned();
        assert_eq!(halt, Halt::ApplicationEnded { application, reason: reason() });
        assert_eq!(halt.exit_code(), 1);
        assert_eq!(running(&controller), [""; 0]);
    }
}

#[otp_core::test(start_paused = true)]
async fn app_019_a_permanent_application_whose_master_is_killed_has_ended_too() {
    let controller = Controller::new();
    controller.load(single("mortal")).unwrap();
    controller.start_as("mortal", RestartType::Permanent).await.unwrap();
    process::send_exit(master_of(&controller, "mortal"), ExitReason::Kill);
    let halt = controller.halted().await;
    assert_eq!(halt.to_string(), "application mortal ended: killed");
}

#[otp_core::test(start_paused = true)]
async fn a_transient_application_stops_all_others_unless_it_ends_normally() {
    for reason in REASONS {
        let controller = end(RestartType::Transient, reason()).await;
        let stays: &[&str] = if reason().is_normal() { &["other"] } else { &[] };
        assert_eq!(running(&controller), stays);
        assert_eq!(is_halted(&controller).await.is_none(), reason().is_normal());
    }
}

#[otp_core::test(start_paused = true)]
async fn app_021_stopping_a_permanent_or_transient_application_leaves_the_others() {
    for restart in [RestartType::Permanent, RestartType::Transient] {
        let controller = Controller::new();
        controller.load(single("other")).unwrap();
        controller.load(single("mortal")).unwrap();
        controller.start("other").await.unwrap();
        controller.start_as("mortal", restart).await.unwrap();
        assert_eq!(controller.stop("mortal").await, Ok(()));
        assert_eq!(is_halted(&controller).await, None);
        assert_eq!(running(&controller), ["other"]);
    }
}
