//! Timers that carry their reference, go to names, or end processes.

use std::sync::Arc;
use std::time::Duration;

use otp_core::{
    ExitReason, Mailbox, Pid, ProcessRef, Received, TimerRef, exit_after, process, send_after,
    send_after_to_name, spawn, start_timer,
};

use crate::support::{idle, scenario, settle};

const TEN: Duration = Duration::from_millis(10);

#[otp_core::test]
async fn tmr_002_start_timer_delivers_the_reference_it_returned() {
    scenario(async |mut mailbox: Mailbox<(TimerRef, u32)>| {
        let to = mailbox.address().recipient::<(TimerRef, u32)>();
        let timer = start_timer(TEN, to, |timer| (timer, 5));
        match mailbox.receive().await {
            Received::Message((carried, 5)) => assert_eq!(carried, timer),
            other => panic!("{other:?}"),
        }
        assert_eq!(timer.cancel(), None);
    })
    .await;
}

#[otp_core::test]
async fn tmr_021_a_timer_to_a_name_finds_who_has_it_when_it_fires_and_nobody_is_no_harm() {
    const NAME: &str = "tmr_021_a_timer_to_a_name";
    scenario(async |mut mailbox: Mailbox<u32>| {
        let nobody = send_after_to_name(TEN, "tmr_021_nobody", 1_u32);
        let other_messages: ProcessRef<()> = idle();
        process::register("tmr_021_other", other_messages.pid()).expect("free");
        send_after_to_name(TEN, "tmr_021_other", 1_u32);
        send_after_to_name(TEN, NAME, 2_u32);
        // Registered after the timer was set.
        process::register(NAME, mailbox.pid()).expect("free");
        assert!(matches!(mailbox.receive().await, Received::Message(2)));
        assert_eq!(nobody.read(), None);
        assert_eq!(process::info(other_messages.pid()).expect("alive").mailbox_len, 0);
    })
    .await;
}

#[otp_core::test]
async fn tmr_033_exit_after_sends_the_reason_to_a_pid_or_to_who_has_the_name_then() {
    const NAME: &str = "tmr_033_exit_after";
    scenario(async |mut mailbox: Mailbox<()>| {
        let by_pid = idle();
        exit_after(TEN, by_pid.pid(), ExitReason::new("late"));
        let watched = process::monitor(by_pid.pid()).expect("in a process");
        match mailbox.receive().await {
            Received::Down(down) => {
                assert_eq!((down.monitor, down.reason), (watched, ExitReason::new("late")));
            }
            other => panic!("{other:?}"),
        }
        exit_after(TEN, otp_core::ProcessName::new(NAME), ExitReason::new("named"));
        process::trap_exit(true).expect("in a process");
        process::register(NAME, mailbox.pid()).expect("free");
        match mailbox.receive().await {
            Received::Exit { from, reason } => {
                assert_eq!((from, reason), (Pid::OUTSIDE, ExitReason::new("named")));
            }
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[otp_core::test]
async fn tmr_034_with_kill_it_dies_of_killed_and_a_cancelled_one_hurts_nobody() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let spared = idle();
        assert!(exit_after(TEN, spared.pid(), ExitReason::Kill).cancel().is_some());
        let trapping = spawn(|_: Mailbox<()>| async {
            process::trap_exit(true).expect("in a process");
            std::future::pending::<()>().await;
        });
        process::monitor(trapping.pid()).expect("in a process");
        exit_after(TEN, trapping.pid(), ExitReason::Kill);
        match mailbox.receive().await {
            Received::Down(down) => assert_eq!(down.reason, ExitReason::Killed),
            other => panic!("{other:?}"),
        }
        assert!(spared.is_alive());
    })
    .await;
}

#[otp_core::test]
async fn timers_of_dead_processes_are_dropped_with_their_messages_as_others_are_set() {
    scenario(async |mailbox: Mailbox<u32>| {
        let held = Arc::new(());
        let long = Duration::from_secs(3600);
        let dead = spawn(|_: Mailbox<Arc<()>>| std::future::pending::<()>());
        let timers = [0, 1].map(|n| send_after(long + n * long, dead.recipient(), Arc::clone(&held)));
        process::send_exit(dead.pid(), ExitReason::Kill);
        settle().await;
        assert_eq!(Arc::strong_count(&held), 3);

        let live: Vec<_> =
            (0..3000).map(|n| send_after(long, mailbox.address().recipient::<u32>(), n)).collect();
        settle().await;
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(timers.iter().all(|timer| timer.read().is_none() && timer.cancel().is_none()));
        assert!(live.iter().all(|timer| timer.read().is_some()), "the timers of the living stay");
    })
    .await;
}
