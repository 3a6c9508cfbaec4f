//! Selective receive and receive with a limit.

use std::time::Duration;

use otp_core::{ExitReason, Mailbox, ProcessRef, Received, Waiting, process, spawn, spawn_link};
use tokio::time::Instant;

use crate::support::scenario;

fn message(received: Option<Received<u32>>) -> Option<u32> {
    match received {
        Some(Received::Message(n)) => Some(n),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[otp_core::test]
async fn proc_006_a_selective_receive_leaves_the_others_in_their_order() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for n in 1..=5 {
            mailbox.address().send(n);
        }
        // Once with everything in the queue, once with part of it taken out before.
        let four = mailbox.receive_where(|it| matches!(it, Waiting::Message(4))).await;
        assert_eq!(message(Some(four)), Some(4));
        mailbox.address().send(6);
        let even = mailbox.receive_where(|it| matches!(it, Waiting::Message(n) if n % 2 == 0)).await;
        assert_eq!(message(Some(even)), Some(2));
        for n in [1, 3, 5, 6] {
            assert_eq!(message(Some(mailbox.receive().await)), Some(n));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_006_it_waits_for_what_it_wants_and_keeps_what_came_meanwhile() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.address();
        spawn(move |_: Mailbox<()>| async move {
            for n in 1..=200 {
                me.send(n);
                tokio::task::yield_now().await;
            }
        });
        let last = mailbox.receive_where(|it| matches!(it, Waiting::Message(200))).await;
        assert_eq!(message(Some(last)), Some(200));
        for n in 1..200 {
            assert_eq!(message(Some(mailbox.receive().await)), Some(n));
        }
    })
    .await;
}

#[otp_core::test]
async fn a_search_that_goes_on_looks_at_each_message_once() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for n in 1..=100 {
            mailbox.address().send(n);
        }
        let (mut seen, mut looks) = (0, 0);
        for wanted in [50, 60, 100, 150] {
            mailbox.address().send(wanted + 100);
            let found = mailbox.receive_where_from(&mut seen, |it| {
                looks += 1;
                matches!(it, Waiting::Message(n) if *n >= wanted)
            });
            assert_eq!(message(Some(found.await)), Some(wanted));
        }
        assert_eq!(looks, 101);
        assert_eq!(message(Some(mailbox.receive().await)), Some(1), "the others stay");
    })
    .await;
}

#[otp_core::test]
async fn proc_006_signals_can_be_selected_past_messages() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        process::trap_exit(true).expect("in a process");
        mailbox.address().send(1);
        let child: ProcessRef<()> = spawn_link(|_: Mailbox<()>| async { ExitReason::new("r") });
        let exit = mailbox.receive_where(|it| matches!(it, Waiting::Exit { .. })).await;
        assert!(matches!(exit, Received::Exit { from, .. } if from == child.pid()), "{exit:?}");
        let monitor = process::monitor(child.pid()).expect("in a process");
        let down =
            mailbox.receive_where(|it| matches!(it, Waiting::Down(down) if down.monitor == monitor)).await;
        assert!(matches!(down, Received::Down(_)), "{down:?}");
        assert_eq!(message(Some(mailbox.receive().await)), Some(1));
    })
    .await;
}

#[otp_core::test]
async fn proc_062_a_flushed_down_is_not_selected_either() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let gone = process::monitor(otp_core::Pid::OUTSIDE).expect("in a process");
        mailbox.address().send(7);
        // Taken into the batch by a search that finds nothing of it.
        assert!(mailbox.receive_where_timeout(|_| false, Duration::ZERO).await.is_none());
        assert_eq!(process::demonitor_flush(gone), Ok(false));
        let first = mailbox.receive_where(|_| true).await;
        assert_eq!(message(Some(first)), Some(7));
    })
    .await;
}

#[otp_core::test]
async fn proc_007_with_a_limit_of_zero_what_is_there_comes_first() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        assert_eq!(message(mailbox.receive_timeout(Duration::ZERO).await), None);
        for n in 0..500 {
            mailbox.address().send(n);
        }
        for n in 0..500 {
            assert_eq!(message(mailbox.receive_timeout(Duration::ZERO).await), Some(n));
        }
        assert_eq!(message(mailbox.receive_timeout(Duration::ZERO).await), None);
    })
    .await;
}

#[otp_core::test]
async fn proc_007_a_limit_passes_and_not_before() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        mailbox.address().send(1);
        let begun = Instant::now();
        let limit = Duration::from_millis(50);
        assert_eq!(
            message(mailbox.receive_where_timeout(|it| matches!(it, Waiting::Message(2)), limit).await),
            None
        );
        assert!(
            (limit..limit + Duration::from_millis(3)).contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(message(Some(mailbox.receive().await)), Some(1));
    })
    .await;
}

#[otp_core::test]
async fn proc_007_processes_whose_limits_pass_at_the_same_instant_all_go_on() {
    scenario(async |mut mailbox: Mailbox<usize>| {
        for n in 0..20 {
            let me = mailbox.address();
            spawn(move |mut mailbox: Mailbox<()>| async move {
                assert!(mailbox.receive_timeout(Duration::from_secs(1)).await.is_none());
                me.send(n);
            });
        }
        let mut woken: Vec<usize> = Vec::new();
        while woken.len() < 20 {
            let got = mailbox.receive_timeout(Duration::from_secs(2)).await;
            woken.push(match got {
                Some(Received::Message(n)) => n,
                other => panic!("only {woken:?} went on: {other:?}"),
            });
        }
        woken.sort_unstable();
        assert!(woken.into_iter().eq(0..20));
    })
    .await;
}

#[otp_core::test]
async fn a_panic_of_the_predicate_leaves_the_mailbox_whole() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for n in 1..=3 {
            mailbox.address().send(n);
        }
        let panicking = mailbox.receive_where(|it| match it {
            Waiting::Message(2) => panic!("at two"),
            _ => false,
        });
        let mut panicking = std::pin::pin!(panicking);
        let outcome = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(otp_core::behaviour::catch(|| panicking.as_mut().poll(cx).map(drop)))
        })
        .await;
        assert!(outcome.is_err());
    })
    .await;
}
