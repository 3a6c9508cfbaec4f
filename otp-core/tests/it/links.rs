//! Links.

use std::future::pending;

use otp_core::{ExitReason, Mailbox, NotAProcess, ProcessRef, process, spawn, spawn_link};

use crate::support::{
    Got, Puppet, assert_silence, because, dead_pid, drain, mortal, mortal_body, next, reason_of_end,
    scenario, settle, wait_for_end,
};

#[otp_core::test]
async fn proc_037_linking_twice_gives_one_exit() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let peer = Puppet::new();
        let (me, pid) = (mailbox.pid(), peer.pid());
        process::link(pid).expect("in a process");
        process::link(pid).expect("in a process");
        peer.run(move || process::link(me)).await;
        peer.end(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Exit(pid, because("r")));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_037_a_link_works_both_ways() {
    scenario(async |_: Mailbox<()>| {
        let (a, b, c) = (Puppet::trapping().await, Puppet::trapping().await, Puppet::trapping().await);
        let (pid_a, pid_b, pid_c) = (a.pid(), b.pid(), c.pid());
        b.run(move || (process::link(pid_a), process::link(pid_c))).await;
        a.end(ExitReason::Normal);
        wait_for_end(pid_a).await;
        assert_eq!(b.received().await, [Got::Exit(pid_a, ExitReason::Normal)]);
        b.end(because("r"));
        wait_for_end(pid_b).await;
        assert_eq!(c.received().await, [Got::Exit(pid_b, because("r"))]);
    })
    .await;
}

#[otp_core::test]
async fn proc_039_either_end_may_remove_the_link() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.pid();
        let (here, there) = (mortal(), Puppet::new());
        process::link(here.pid()).expect("in a process");
        process::link(there.pid()).expect("in a process");
        process::unlink(here.pid()).expect("in a process");
        there.run(move || process::unlink(me)).await;
        here.send(because("r"));
        there.end(because("r"));
        wait_for_end(here.pid()).await;
        wait_for_end(there.pid()).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_039_unlink_without_a_link_does_nothing() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let me = mailbox.pid();
        for pid in [peer.pid(), dead_pid().await, me] {
            assert_eq!(process::unlink(pid), Ok(()));
            assert_eq!(process::unlink(pid), Ok(()));
        }
        process::trap_exit(true).expect("in a process");
        process::link(peer.pid()).expect("in a process");
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Exit(peer.pid(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn proc_039_an_exit_that_has_arrived_survives_unlink() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let child = spawn_link(|_: Mailbox<()>| async {}).pid();
        settle().await;
        process::unlink(child).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Exit(child, ExitReason::Normal));
    })
    .await;
}

#[otp_core::test]
async fn a_link_can_be_made_again_after_unlink() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let peer = mortal();
        for _ in 0..3 {
            process::link(peer.pid()).expect("in a process");
            process::unlink(peer.pid()).expect("in a process");
        }
        process::link(peer.pid()).expect("in a process");
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Exit(peer.pid(), because("r")));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_040_linking_to_oneself_does_nothing() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let me = mailbox.pid();
        assert_eq!(process::link(me), Ok(()));
        assert_eq!(process::info(me).expect("alive").links, []);
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_043_spawn_link_never_misses_the_real_reason() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        for _ in 0..2_000 {
            let child = spawn_link(|_: Mailbox<()>| async { because("real") });
            assert_eq!(next(&mut mailbox).await, Got::Exit(child.pid(), because("real")));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_045_an_abnormal_reason_goes_along_the_chain_unchanged() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (a, b, c) = (Puppet::new(), Puppet::new(), Puppet::new());
        let (pid_a, pid_b, pid_c) = (a.pid(), b.pid(), c.pid());
        b.run(move || process::link(pid_a)).await;
        c.run(move || process::link(pid_b)).await;
        let (b_ends, c_ends) = (process::monitor(pid_b), process::monitor(pid_c));
        a.end(because("r"));
        let mut got = [next(&mut mailbox).await, next(&mut mailbox).await];
        got.sort_by_key(|got| matches!(got, Got::Down(_, pid, _) if *pid == pid_c.into()));
        let down = |monitor: Result<_, _>, pid: otp_core::Pid| {
            Got::Down(monitor.expect("in a process"), pid.into(), because("r"))
        };
        assert_eq!(got, [down(b_ends, pid_b), down(c_ends, pid_c)]);
    })
    .await;
}

#[otp_core::test]
async fn proc_045_a_long_chain_and_a_ring_die_completely() {
    scenario(async |_: Mailbox<()>| {
        let ring: Vec<Puppet> = (0..100).map(|_| Puppet::new()).collect();
        for (at, puppet) in ring.iter().enumerate() {
            let next = ring[(at + 1) % ring.len()].pid();
            puppet.run(move || process::link(next)).await;
        }
        ring[42].end(because("r"));
        for puppet in &ring {
            wait_for_end(puppet.pid()).await;
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_046_a_normal_exit_leaves_a_peer_that_does_not_trap_alone() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = Puppet::new();
        process::link(peer.pid()).expect("in a process");
        peer.end(ExitReason::Normal);
        wait_for_end(peer.pid()).await;
        assert_silence(&mut mailbox).await;
        assert_eq!(process::info(mailbox.pid()).expect("alive").links, []);
    })
    .await;
}

#[otp_core::test]
async fn proc_047_a_normal_exit_reaches_a_trapping_peer() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let child = spawn_link(|_: Mailbox<()>| async {});
        assert_eq!(next(&mut mailbox).await, Got::Exit(child.pid(), ExitReason::Normal));
    })
    .await;
}

#[otp_core::test]
async fn shutdown_takes_linked_processes_along() {
    scenario(async |mut mailbox: Mailbox<()>| {
        for reason in [ExitReason::Shutdown, ExitReason::shutdown_with("done"), ExitReason::NoProc] {
            let (peer, other) = (mortal(), Puppet::new());
            let pid = peer.pid();
            other.run(move || process::link(pid)).await;
            let sent = reason.clone();
            assert_eq!(reason_of_end(&mut mailbox, other.pid(), || peer.send(sent)).await, reason);
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_049_info_shows_exactly_the_present_links() {
    scenario(async |_: Mailbox<()>| {
        let hub = Puppet::trapping().await;
        let hub_pid = hub.pid();
        let links = move || {
            let mut links = process::info(hub_pid).expect("alive").links;
            links.sort_unstable();
            links
        };
        // More than the few that a short list holds.
        let mut peers = Vec::new();
        for _ in 0..40 {
            peers.push(Puppet::new());
            let pid = peers.last().expect("just pushed").pid();
            hub.run(move || process::link(pid)).await;
            assert_eq!(process::info(pid).expect("alive").links, [hub_pid]);
        }
        let pids: Vec<_> = peers.iter().map(Puppet::pid).collect();
        assert_eq!(links(), pids);
        for peer in &peers[..10] {
            peer.end(because("r"));
            wait_for_end(peer.pid()).await;
        }
        assert_eq!(links(), pids[10..]);
        for &pid in &pids[10..20] {
            hub.run(move || process::unlink(pid)).await;
            assert_eq!(process::info(pid).expect("alive").links, []);
        }
        assert_eq!(links(), pids[20..]);
        for peer in &peers[20..30] {
            peer.run(move || process::unlink(hub_pid)).await;
        }
        assert_eq!(links(), pids[30..]);
    })
    .await;
}

#[otp_core::test]
async fn proc_049_both_ends_of_spawn_link_show_the_link() {
    scenario(async |mailbox: Mailbox<()>| {
        let child = spawn_link(mortal_body);
        assert_eq!(process::info(child.pid()).expect("alive").links, [mailbox.pid()]);
        assert_eq!(process::info(mailbox.pid()).expect("alive").links, [child.pid()]);
    })
    .await;
}

#[otp_core::test]
async fn linking_to_a_dead_process_gives_a_noproc_exit() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let dead = dead_pid().await;
        let untrapping = Puppet::new();
        let pid = untrapping.pid();
        let monitor = process::monitor(pid).expect("in a process");
        untrapping.run(move || process::link(dead)).await;
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, pid.into(), ExitReason::NoProc));
        process::trap_exit(true).expect("in a process");
        process::link(dead).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Exit(dead, ExitReason::NoProc));
        assert_eq!(process::info(mailbox.pid()).expect("alive").links, []);
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn a_process_can_link_to_the_one_that_it_hears_is_dying() {
    // From the exit hook of the dying process on, it is gone for everyone: the reason is `noproc`, and there is one
    // EXIT only.
    scenario(async |_: Mailbox<()>| {
        let watcher = Puppet::trapping().await;
        let dying = Puppet::new();
        let pid = dying.pid();
        let (watching, seen) = (watcher.clone(), std::sync::mpsc::channel());
        process::on_exit(pid, move |pid, _| {
            // The watcher acts once the hook has returned and the process's end goes on; what it gets is the same.
            spawn(move |_: Mailbox<()>| async move {
                watching.run(move || process::link(pid)).await;
            });
            seen.0.send(()).ok();
        })
        .expect("alive");
        dying.end(because("r"));
        settle().await;
        seen.1.recv().expect("the hook ran");
        assert_eq!(watcher.received().await, [Got::Exit(pid, ExitReason::NoProc)]);
    })
    .await;
}

#[test]
fn links_need_a_process() {
    let pid = otp_core::Pid::OUTSIDE;
    assert_eq!(process::link(pid), Err(NotAProcess));
    assert_eq!(process::unlink(pid), Err(NotAProcess));
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_links_unlinks_and_deaths_give_one_exit_at_most_and_leave_nothing_behind() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let me = mailbox.pid();
        for round in 0..500 {
            let peer: ProcessRef<()> = spawn(move |_: Mailbox<()>| async move {
                for step in 0..round % 7 {
                    if step % 2 == 0 { process::link(me) } else { process::unlink(me) }
                        .expect("in a process");
                }
            });
            for _ in 0..round % 5 {
                process::link(peer.pid()).expect("in a process");
                process::unlink(peer.pid()).expect("in a process");
            }
            process::link(peer.pid()).expect("in a process");
            wait_for_end(peer.pid()).await;
            // Others may hear of the end before this process does.
            while !process::info(me).expect("alive").links.is_empty() {
                tokio::task::yield_now().await;
            }
            // The link that stood gives one EXIT; each `link` of ours to the dead peer gives one of its own.
            let exits = drain(&mut mailbox).await;
            assert!(exits.len() <= round % 5 + 2, "round {round}: {exits:?}");
        }
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_unlink_no_exit_arrives_however_the_peer_dies() {
    scenario(async |mut mailbox: Mailbox<ExitReason>| {
        process::trap_exit(true).expect("in a process");
        for _ in 0..1_000 {
            let child = spawn_link(mortal_body);
            child.send(because("r"));
            process::unlink(child.pid()).expect("in a process");
            let arrived = drain(&mut mailbox).await.len();
            assert!(arrived <= 1);
            wait_for_end(child.pid()).await;
            assert!(drain(&mut mailbox).await.is_empty(), "an EXIT after unlink");
        }
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_linked_processes_that_die_at_once_both_end() {
    scenario(async |_: Mailbox<()>| {
        for _ in 0..500 {
            let a = Puppet::new();
            let b = Puppet::new();
            let pid = b.pid();
            a.run(move || process::link(pid)).await;
            a.end(because("a"));
            b.end(because("b"));
            wait_for_end(a.pid()).await;
            wait_for_end(b.pid()).await;
        }
    })
    .await;
}

/// An exit signal from elsewhere hits the current process in the middle of its poll.
fn be_hit_by(reason: ExitReason) {
    let me = process::current().expect("in a process");
    std::thread::spawn(move || process::send_exit(me, reason)).join().expect("no panic");
}

#[otp_core::test]
async fn a_link_made_by_a_process_that_a_signal_has_hit_but_not_ended_yet_is_a_link() {
    // Erlang: a signal acts when the process receives it; what the process does before that counts.
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let (peer, me) = (Puppet::new(), mailbox.pid());
        peer.run(move || {
            be_hit_by(because("r"));
            process::link(me)
        })
        .await;
        assert_eq!(next(&mut mailbox).await, Got::Exit(peer.pid(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn proc_043_a_child_of_a_process_that_a_signal_has_hit_hears_the_real_reason() {
    scenario(async |mut mailbox: Mailbox<ExitReason>| {
        let parent = Puppet::new();
        let me = mailbox.address();
        parent
            .run(move || {
                be_hit_by(because("r"));
                let child: ProcessRef<()> = spawn_link(|_: Mailbox<()>| std::future::pending::<()>());
                process::on_exit(child.pid(), move |_, reason| me.send(reason.clone())).expect("alive");
            })
            .await;
        assert_eq!(next(&mut mailbox).await, Got::Message(because("r")));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_039_after_unlink_from_a_process_that_dies_no_exit_arrives() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let peer = Puppet::new();
        let (in_hook, is_in_hook) = tokio::sync::oneshot::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        process::on_exit(peer.pid(), move |_, _| {
            in_hook.send(()).ok();
            may_go_on.recv().ok();
        })
        .expect("alive");
        peer.end(because("r"));
        is_in_hook.await.expect("the hook runs");
        for _ in 0..3 {
            process::link(peer.pid()).expect("in a process");
            process::unlink(peer.pid()).expect("in a process");
        }
        let monitor = process::monitor(peer.pid()).expect("in a process");
        assert_eq!(process::demonitor_flush(monitor), Ok(true));
        drop(go_on);
        wait_for_end(peer.pid()).await;
        assert_eq!(drain(&mut mailbox).await, []);
        assert_eq!(process::info(mailbox.pid()).expect("alive").links, []);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_039_unlink_from_a_process_that_dies_leaves_the_links_of_others_alone() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let (peer, other) = (Puppet::new(), Puppet::trapping().await);
        let (in_hook, is_in_hook) = tokio::sync::oneshot::channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        process::on_exit(peer.pid(), move |_, _| {
            in_hook.send(()).ok();
            may_go_on.recv().ok();
        })
        .expect("alive");
        peer.end(because("r"));
        is_in_hook.await.expect("the hook runs");
        let pid = peer.pid();
        other.run(move || process::link(pid)).await;
        process::link(pid).expect("in a process");
        process::unlink(pid).expect("in a process");
        drop(go_on);
        wait_for_end(pid).await;
        assert_eq!(drain(&mut mailbox).await, []);
        assert_eq!(other.received().await, [Got::Exit(pid, ExitReason::NoProc)]);
    })
    .await;
}

#[otp_core::test]
async fn a_parent_that_dies_takes_a_child_along_that_never_ran() {
    scenario(async |mut mailbox: Mailbox<otp_core::Pid>| {
        let me = mailbox.address();
        spawn(move |_: Mailbox<()>| async move {
            me.send(spawn_link(|_: Mailbox<()>| pending::<()>()).pid());
            because("r")
        });
        let Got::Message(child) = next(&mut mailbox).await else { panic!("the pid comes first") };
        wait_for_end(child).await;
    })
    .await;
}
