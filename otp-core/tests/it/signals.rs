//! Messages and signals: what arrives, and in what order.

use otp_core::{
    ExitReason, FindError, Mailbox, ProcessRef, Received, process, send_after, spawn, spawn_link,
};
use std::any::Any;
use std::time::Duration;
use tokio::sync::oneshot;

use crate::support::{Got, OnDrop, because, dead_pid, idle, next, scenario, settle, wait_for_end};

const SENDERS: usize = 4;
const EACH: usize = 2_000;

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_002_each_senders_own_sequence_is_kept() {
    scenario(async |mut mailbox: Mailbox<(usize, usize)>| {
        for sender in 0..SENDERS {
            let to = mailbox.address();
            spawn(move |_: Mailbox<()>| async move {
                for n in 0..EACH {
                    to.send((sender, n));
                    if n % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        let mut expected = [0; SENDERS];
        for _ in 0..SENDERS * EACH {
            let Got::Message((sender, n)) = next(&mut mailbox).await else { panic!("only messages") };
            assert_eq!(n, expected[sender], "of sender {sender}");
            expected[sender] += 1;
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_004_messages_arrive_before_the_exit_of_their_sender() {
    scenario(async |mut mailbox: Mailbox<&str>| {
        process::trap_exit(true).expect("in a process");
        let parent = mailbox.address();
        let child = spawn_link(move |_: Mailbox<()>| async move {
            parent.send("a");
            parent.send("b");
            because("r")
        });
        assert_eq!(next(&mut mailbox).await, Got::Message("a"));
        assert_eq!(next(&mut mailbox).await, Got::Message("b"));
        assert_eq!(next(&mut mailbox).await, Got::Exit(child.pid(), because("r")));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_004_messages_arrive_before_the_exit_of_their_sender_on_many_threads() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        process::trap_exit(true).expect("in a process");
        for n in 0..500 {
            let parent = mailbox.address();
            let child = spawn_link(move |_: Mailbox<()>| async move { parent.send(n) });
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
            assert_eq!(next(&mut mailbox).await, Got::Exit(child.pid(), ExitReason::Normal));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_004_messages_arrive_before_the_down_of_their_sender() {
    scenario(async |mut mailbox: Mailbox<&str>| {
        let me = mailbox.address();
        let (child, monitor) =
            otp_core::spawn_monitor(move |_: Mailbox<()>| async move { me.send("a") }).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Message("a"));
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, child.pid().into(), ExitReason::Normal));
    })
    .await;
}

#[otp_core::test]
async fn proc_004_a_trapped_exit_keeps_its_place_among_the_senders_messages() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.address();
        let sender = spawn(move |_: Mailbox<()>| async move {
            me.send(1);
            process::send_exit(me.pid(), because("between"));
            me.send(2);
        });
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(next(&mut mailbox).await, Got::Exit(sender.pid(), because("between")));
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
    })
    .await;
}

#[otp_core::test]
async fn proc_008_sending_to_a_dead_process_does_nothing() {
    scenario(async |_: Mailbox<()>| {
        let process = spawn(|_: Mailbox<String>| async {});
        wait_for_end(process.pid()).await;
        process.send("lost".to_owned());
        process.recipient::<String>().send("lost".to_owned());
        let back = process.try_send("back".to_owned()).expect_err("it is dead");
        assert_eq!(back.into_inner(), "back");
        assert!(!process.is_alive());
    })
    .await;
}

#[otp_core::test]
async fn proc_009_a_name_that_nobody_has_is_refused_when_sending() {
    assert_eq!(
        ProcessRef::<u32>::named("proc_009_a_name_that_nobody_has").map(|_| ()),
        Err(FindError::NoProc)
    );
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_011_a_process_that_is_not_alive_has_no_name() {
    const NAME: &str = "proc_011_a_process_that_is_not_alive_has_no_name";
    scenario(async |_: Mailbox<()>| {
        for _ in 0..300 {
            let process = idle();
            process::register(NAME, process.pid()).expect("free");
            process::send_exit(process.pid(), ExitReason::Kill);
            // It may still have its name here; no longer once it is not alive.
            while process::is_alive(process.pid()) {
                tokio::task::yield_now().await;
            }
            assert_ne!(process::whereis(NAME), Some(process.pid()));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_011_a_process_that_is_not_alive_has_no_name_in_its_exit_hooks_either() {
    const NAME: &str = "proc_011_a_process_that_is_not_alive_has_no_name_in_its_exit_hooks_either";
    scenario(async |_: Mailbox<()>| {
        let process = idle();
        let (seen, view) = oneshot::channel();
        process::register(NAME, process.pid()).expect("free");
        process::on_exit(process.pid(), move |pid, _| {
            seen.send((process::is_alive(pid), process::whereis(NAME) == Some(pid))).ok();
        })
        .expect("alive");
        process::send_exit(process.pid(), ExitReason::Kill);
        let (alive, named) = view.await.expect("the hook runs");
        assert!(alive || !named, "not alive, and yet it has its name");
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_014_no_message_is_lost_or_doubled_or_overtaken() {
    scenario(async |_: Mailbox<()>| {
        let (report, reported) = oneshot::channel();
        let receiver = spawn(move |mut mailbox: Mailbox<usize>| async move {
            let mut expected = 0;
            while expected < 20_000 {
                match mailbox.receive().await {
                    Received::Message(n) if n == expected => expected += 1,
                    other => panic!("instead of {expected}: {other:?}"),
                }
            }
            report.send(expected).ok();
        });
        for n in 0..20_000 {
            receiver.send(n);
        }
        assert_eq!(reported.await, Ok(20_000));
    })
    .await;
}

#[otp_core::test]
async fn proc_014_a_message_is_dropped_once_when_its_receiver_dies_with_it() {
    scenario(async |_: Mailbox<()>| {
        let process = spawn(|_: Mailbox<OnDrop<_>>| std::future::pending::<()>());
        let (dropped, drops) = std::sync::mpsc::channel();
        for n in 0..3 {
            let dropped = dropped.clone();
            process.send(OnDrop::new(move || {
                dropped.send(n).ok();
            }));
        }
        process::send_exit(process.pid(), ExitReason::Kill);
        wait_for_end(process.pid()).await;
        drop(dropped);
        assert_eq!(drops.iter().collect::<Vec<_>>(), [0, 1, 2]);
    })
    .await;
}

#[otp_core::test]
async fn a_dropped_receive_loses_nothing() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        mailbox.address().send(1);
        mailbox.address().send(2);
        for _ in 0..3 {
            drop(mailbox.receive());
        }
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        let cut_short = tokio::time::timeout(Duration::from_millis(1), async {
            mailbox.receive().await;
            std::future::pending::<()>().await;
        });
        assert!(cut_short.await.is_err());
        send_after(Duration::from_millis(5), mailbox.address().recipient(), 3_u32);
        assert!(tokio::time::timeout(Duration::from_millis(1), mailbox.receive()).await.is_err());
        assert_eq!(next(&mut mailbox).await, Got::Message(3));
    })
    .await;
}

#[otp_core::test]
async fn a_message_that_is_kept_does_not_wait_and_is_dropped_as_part_of_the_death() {
    let (tell, mut told) = oneshot::channel();
    let process = spawn(async |mut mailbox: Mailbox<Box<dyn Any + Send>>| {
        let Received::Message(first) = mailbox.receive().await else { panic!("a message") };
        mailbox.keep(first);
        mailbox.receive().await;
        mailbox.give_back_buffers();
        mailbox.receive().await;
    });
    process.send(Box::new(OnDrop::new(move || tell.send(()).expect("somebody waits"))));
    process.send(Box::new(()));
    settle().await;
    assert_eq!(process::info(process.pid()).expect("alive").mailbox_len, 0);
    assert!(told.try_recv().is_err(), "it is kept");
    process.send(Box::new(()));
    told.await.expect("dropped with the process");
}

#[otp_core::test]
async fn a_recipient_wraps_messages_for_its_process() {
    scenario(async |mut mailbox: Mailbox<String>| {
        let recipient = mailbox.address().recipient::<&'static str>();
        recipient.send("from");
        let doubled = mailbox.address().recipient_with(|n: u32| (2 * n).to_string());
        doubled.clone().send(21);
        assert_eq!(recipient.pid(), mailbox.pid());
        assert_eq!(next(&mut mailbox).await, Got::Message("from".to_owned()));
        assert_eq!(next(&mut mailbox).await, Got::Message("42".to_owned()));
    })
    .await;
}

#[otp_core::test]
async fn addresses_are_found_by_pid_and_refuse_another_type() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.pid();
        ProcessRef::<u32>::of(me).expect("alive and of this type").send(7);
        assert_eq!(next(&mut mailbox).await, Got::Message(7));
        assert_eq!(ProcessRef::<i32>::of(me).map(|_| ()), Err(FindError::WrongType(me)));
        assert_eq!(ProcessRef::<i32>::of(dead_pid().await).map(|_| ()), Err(FindError::NoProc));
    })
    .await;
}
