//! What can be seen of a process from outside.

use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, request};
use otp_core::process::{Spawn, Status};
use otp_core::{ExitReason, Mailbox, ProcessName, ProcessRef, Received, process, spawn};
use tokio::sync::oneshot;

use crate::support::{Got, Puppet, because, dead_pid, idle, next, scenario, settle, wait_for_end};

#[otp_core::test]
async fn proc_080_info_shows_the_name_of_a_live_process_alone() {
    const NAME: ProcessName = ProcessName::new("proc_080_info_shows_the_name");
    scenario(async |_: Mailbox<()>| {
        let process = idle().pid();
        assert_eq!(process::info(process).expect("alive").name, None);
        process::register(NAME, process).expect("free");
        assert_eq!(process::info(process).expect("alive").name, Some(NAME));
        process::send_exit(process, ExitReason::Kill);
        wait_for_end(process).await;
        assert!(process::info(process).is_none());
    })
    .await;
}

#[otp_core::test]
async fn proc_081_nothing_is_known_of_a_dead_process() {
    scenario(async |_: Mailbox<()>| {
        let dead = dead_pid().await;
        assert!(process::info(dead).is_none());
        assert!(!process::is_alive(dead));
        assert!(!process::list().contains(&dead));
        assert!(process::info(otp_core::Pid::OUTSIDE).is_none());
    })
    .await;
}

#[otp_core::test]
async fn proc_081_nothing_is_known_of_a_dying_process() {
    scenario(async |_: Mailbox<()>| {
        let process = idle().pid();
        let (seen, view) = oneshot::channel();
        process::on_exit(process, move |pid, _| {
            seen.send(process::info(pid).is_none()).ok();
        })
        .expect("alive");
        process::send_exit(process, because("r"));
        assert_eq!(view.await, Ok(true));
    })
    .await;
}

#[otp_core::test]
async fn proc_084_a_label_is_set_by_the_process_and_read_by_all() {
    scenario(async |_: Mailbox<()>| {
        let process = Puppet::new();
        let pid = process.pid();
        let label = move || process::info(pid).expect("alive").label;
        assert_eq!(label(), None);
        assert_eq!(process.run(|| process::set_label("first")).await, Some(Ok(())));
        assert_eq!(label().as_deref(), Some("first"));
        process.run(|| process::set_label(String::from("second"))).await;
        assert_eq!(process.run(label).await, Some(Some("second".to_owned())));
    })
    .await;
}

#[otp_core::test]
async fn proc_084_a_label_can_be_given_at_the_start() {
    scenario(async |_: Mailbox<()>| {
        let (process, monitor) =
            Spawn::new().label("early").spawn(|_: Mailbox<()>| std::future::pending::<()>());
        assert_eq!(process::info(process.pid()).expect("alive").label.as_deref(), Some("early"));
        assert_eq!(monitor, None);
    })
    .await;
}

#[otp_core::test]
async fn the_list_has_each_live_process_in_order_of_start() {
    scenario(async |_: Mailbox<()>| {
        let processes = [(); 5].map(|()| idle().pid());
        let list = process::list();
        let places = processes.map(|pid| list.iter().position(|&p| p == pid).expect("listed"));
        assert!(places.is_sorted());
        assert!(list.contains(&process::current().expect("in a process")));
        for pid in processes {
            process::send_exit(pid, ExitReason::Kill);
            wait_for_end(pid).await;
            assert!(!process::list().contains(&pid));
        }
    })
    .await;
}

#[otp_core::test]
async fn info_shows_trap_exit_and_parent() {
    scenario(async |mailbox: Mailbox<()>| {
        let process = Puppet::new();
        let info = process::info(process.pid()).expect("alive");
        assert!(!info.trap_exit);
        assert_eq!(info.pid, process.pid());
        assert_eq!(info.parent, Some(mailbox.pid()));
        process.run(|| process::trap_exit(true)).await;
        assert!(process::info(process.pid()).expect("alive").trap_exit);
    })
    .await;
}

#[otp_core::test]
async fn info_counts_waiting_and_handled_messages() {
    scenario(async |_: Mailbox<()>| {
        let process = Puppet::new();
        let counts = || {
            let info = process::info(process.pid()).expect("alive");
            (info.mailbox_len, info.messages_handled)
        };
        assert_eq!(counts(), (0, 0));
        for n in 0..5 {
            process.send(n);
        }
        assert_eq!(counts(), (5, 0));
        assert_eq!(process.received().await.len(), 5);
        assert_eq!(counts(), (0, 5));
    })
    .await;
}

#[otp_core::test]
async fn info_counts_what_a_selective_receive_has_looked_at_and_no_down_that_was_taken_back() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let len = |mailbox: &Mailbox<u32>| process::info(mailbox.pid()).expect("alive").mailbox_len;
        let monitor = process::monitor(dead_pid().await).expect("in a process");
        for n in 1..=3 {
            mailbox.address().send(n);
        }
        assert_eq!(len(&mailbox), 4);
        // It looks at all, and takes none.
        assert!(mailbox.receive_where_timeout(|_| false, Duration::ZERO).await.is_none());
        assert_eq!(len(&mailbox), 4);
        assert_eq!(process::demonitor_flush(monitor), Ok(false));
        assert_eq!(len(&mailbox), 3);
        mailbox.address().send(4);
        mailbox.address().send(5);
        assert_eq!(len(&mailbox), 5);
        // As messages are taken out, fewer wait.
        for n in 1..=5 {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
            assert_eq!(len(&mailbox), 5 - usize::try_from(n).expect("small"));
        }
    })
    .await;
}

/// Takes `n` messages to zero with its peer, each in a poll of 50 microseconds of the paused clock.
async fn play(mut mailbox: Mailbox<u32>, peer: ProcessRef<u32>) {
    while let Received::Message(n) = mailbox.receive().await {
        let mut time = std::pin::pin!(tokio::time::advance(Duration::from_micros(50)));
        let work = time.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        assert!(work.is_pending(), "the time has passed, and it is somebody else's turn");
        if n > 0 {
            peer.send(n - 1);
        }
    }
}

#[otp_core::test]
async fn the_busy_time_of_processes_that_run_by_turns_is_that_of_each() {
    scenario(async |_: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let first = spawn(|mailbox| async move { play(mailbox, told.await.expect("told")).await });
        let address = first.clone();
        let second = spawn(|mailbox| play(mailbox, address));
        tell.send(second.clone()).ok();
        let busy = |process: &ProcessRef<u32>| process::info(process.pid()).expect("alive").busy;
        first.send(20_000);
        while process::info(first.pid()).expect("alive").messages_handled <= 10_000 {
            tokio::task::yield_now().await;
        }
        // 10,000 polls of 50 microseconds each.
        for busy in [busy(&first), busy(&second)] {
            assert!(busy > Duration::from_millis(400) && busy < Duration::from_millis(600), "{busy:?}");
        }
    })
    .await;
}

#[otp_core::test]
async fn info_shows_how_long_a_process_lives() {
    scenario(async |_: Mailbox<()>| {
        let process = idle().pid();
        tokio::time::advance(Duration::from_secs(90)).await;
        let uptime = process::info(process).expect("alive").uptime;
        assert!(uptime >= Duration::from_secs(90) && uptime < Duration::from_secs(91), "{uptime:?}");
    })
    .await;
}

#[otp_core::test]
async fn a_process_sees_itself_running_and_others_waiting() {
    scenario(async |mailbox: Mailbox<()>| {
        assert_eq!(process::info(mailbox.pid()).expect("alive").status, Status::Running);
        let process = idle().pid();
        settle().await;
        assert_eq!(process::info(process).expect("alive").status, Status::Waiting);
    })
    .await;
}

#[otp_core::test]
async fn a_process_that_waits_for_an_answer_shows_whose() {
    scenario(async |mut mailbox: Mailbox<Answer<u32>>| {
        let address = idle();
        let server = address.pid();
        let (reply_to, reply, _request) = request::<u32>(server);
        let me = mailbox.address();
        let caller = spawn(move |_: Mailbox<()>| async move {
            let shown = address.try_request((), true).expect("alive");
            let mut waiting = Awaiting::new(reply, None);
            let answer = std::future::poll_fn(|cx| waiting.poll(cx)).await;
            drop((waiting, shown));
            me.send(answer.expect("no limit"));
            std::future::pending::<()>().await;
        })
        .pid();
        settle().await;
        assert_eq!(process::info(caller).expect("alive").status, Status::Calling(server));
        reply_to.send(3);
        assert_eq!(next(&mut mailbox).await, Got::Message(Answer::Value(3)));
        assert_eq!(process::info(caller).expect("alive").status, Status::Waiting);
    })
    .await;
}

#[otp_core::test]
async fn a_wait_that_another_process_drops_is_not_taken_for_its_own() {
    scenario(async |_: Mailbox<()>| {
        let (first, second) = (idle(), idle());
        let (a, b) = (Puppet::new(), Puppet::new());
        let status = |puppet: &Puppet| process::info(puppet.pid()).expect("alive").status;
        let call = |process: &otp_core::ProcessRef<()>| {
            let process = process.clone();
            move || process.try_request((), true).expect("alive")
        };
        let of_a = a.run(call(&first)).await.expect("alive");
        let of_b = b.run(call(&first)).await.expect("alive");
        // Both wait for the same server; who drops the wait of the other goes on waiting.
        b.run(move || drop(of_a)).await;
        assert_eq!(status(&b), Status::Calling(first.pid()));
        // Nor does an old wait end a new one.
        let newer = b.run(call(&second)).await.expect("alive");
        b.run(move || drop(of_b)).await;
        assert_eq!(status(&b), Status::Calling(second.pid()));
        b.run(move || drop(newer)).await;
        assert_ne!(status(&b), Status::Calling(second.pid()));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn info_and_list_can_be_asked_while_processes_start_and_end() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let me = mailbox.address();
        spawn(move |_: Mailbox<()>| async move {
            for _ in 0..2_000 {
                spawn(|mut mailbox: Mailbox<u8>| async move {
                    mailbox.address().send(1);
                    matches!(mailbox.receive().await, Received::Message(1))
                        .then_some(())
                        .ok_or(ExitReason::Kill)
                });
                tokio::task::yield_now().await;
            }
            me.send(());
        });
        let mut seen = 0_usize;
        while crate::support::drain(&mut mailbox).await.is_empty() {
            for pid in process::list() {
                if let Some(info) = process::info(pid) {
                    assert_eq!(info.pid, pid);
                    seen += 1;
                }
            }
            tokio::task::yield_now().await;
        }
        assert!(seen > 0);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_081_info_of_a_process_that_dies_meanwhile_is_whole_or_none() {
    scenario(async |_: Mailbox<()>| {
        for _ in 0..3_000 {
            let (process, _) =
                Spawn::new().label("whole").spawn(|_: Mailbox<()>| std::future::pending::<()>());
            process::send_exit(process.pid(), ExitReason::Kill);
            while let Some(info) = process::info(process.pid()) {
                assert_eq!(info.label.as_deref(), Some("whole"));
            }
        }
    })
    .await;
}

#[otp_core::test]
async fn ancestors_are_the_parents_as_far_as_they_live() {
    scenario(async |mailbox: Mailbox<()>| {
        let me = mailbox.pid();
        let child = Puppet::new();
        let grandchild = child.run(Puppet::new).await.expect("it lives");
        let last = grandchild.run(Puppet::new).await.expect("it lives");
        let ancestors = || process::info(last.pid()).expect("alive").ancestors;
        let above_me = process::info(me).expect("alive").ancestors;
        let mut all = vec![grandchild.pid(), child.pid(), me];
        all.extend(&above_me);
        assert_eq!(ancestors(), all);
        child.end(ExitReason::Normal);
        wait_for_end(child.pid()).await;
        // The parent of the dead is known to nobody.
        assert_eq!(ancestors(), [grandchild.pid(), child.pid()]);
        grandchild.end(ExitReason::Normal);
        wait_for_end(grandchild.pid()).await;
        assert_eq!(ancestors(), [grandchild.pid()]);
    })
    .await;
}

#[otp_core::test]
async fn callers_are_those_it_works_for_the_nearest_first() {
    scenario(async |mailbox: Mailbox<()>| {
        let callers = |of: &Puppet| process::info(of.pid()).expect("alive").callers;
        let task = || Puppet::start(Spawn::new().for_caller()).0;
        let first = task();
        let second = first.run(task).await.expect("it lives");
        assert_eq!(callers(&first), [mailbox.pid()]);
        assert_eq!(callers(&second), [first.pid(), mailbox.pid()]);
        // Who does not work for its parent has no callers, and passes none on.
        let plain = second.run(Puppet::new).await.expect("it lives");
        assert_eq!(callers(&plain), []);
        let third = plain.run(task).await.expect("it lives");
        assert_eq!(callers(&third), [plain.pid()]);
        // They are those of the time when it was started.
        first.end(ExitReason::Normal);
        wait_for_end(first.pid()).await;
        assert_eq!(callers(&second), [first.pid(), mailbox.pid()]);
    })
    .await;
}
