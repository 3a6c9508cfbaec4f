//! Monitors.

use otp_core::{
    ExitReason, Mailbox, MonitorRef, NotAProcess, ProcessName, Received, Tag, Target, process, spawn,
    spawn_monitor,
};

use crate::support::{
    Got, Puppet, assert_silence, because, dead_pid, drain, idle, mortal, next, scenario, settle, wait_for_end,
};

fn monitor(target: impl Into<Target>) -> MonitorRef {
    process::monitor(target).expect("in a process")
}

#[otp_core::test]
async fn proc_048_a_linked_and_monitored_peer_gives_one_exit_and_one_down() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let peer = mortal();
        process::link(peer.pid()).expect("in a process");
        let monitor = monitor(peer.pid());
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        settle().await;
        let mut got = drain(&mut mailbox).await;
        got.sort_by_key(|got| matches!(got, Got::Down(..)));
        let pid = peer.pid();
        assert_eq!(got, [Got::Exit(pid, because("r")), Got::Down(monitor, pid.into(), because("r"))]);
    })
    .await;
}

#[otp_core::test]
async fn proc_050_the_target_is_untouched_when_its_watcher_dies_or_demonitors() {
    scenario(async |_: Mailbox<()>| {
        let (target, watcher) = (Puppet::trapping().await, Puppet::new());
        let pid = target.pid();
        let reference = watcher.run(move || monitor(pid)).await.expect("alive");
        watcher.run(move || process::demonitor(reference)).await;
        watcher.run(move || monitor(pid)).await;
        watcher.end(because("r"));
        wait_for_end(watcher.pid()).await;
        assert_eq!(target.received().await, []);
        assert!(process::is_alive(pid));
    })
    .await;
}

#[otp_core::test]
async fn proc_051_each_monitor_gives_a_down_of_its_own() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let mut monitors: Vec<MonitorRef> = (0..8).map(|_| monitor(peer.pid())).collect();
        peer.send(because("r"));
        let mut heard = Vec::new();
        for _ in 0..8 {
            let Got::Down(monitor, target, reason) = next(&mut mailbox).await else { panic!("only DOWNs") };
            assert_eq!((target, reason), (peer.pid().into(), because("r")));
            heard.push(monitor);
        }
        heard.sort_unstable();
        monitors.sort_unstable();
        assert_eq!(heard, monitors);
        monitors.dedup();
        assert_eq!(monitors.len(), 8);
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_052_monitoring_a_dead_pid_gives_a_down_with_noproc() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let dead = dead_pid().await;
        let reference = monitor(dead);
        assert_eq!(next(&mut mailbox).await, Got::Down(reference, dead.into(), ExitReason::NoProc));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_053_spawn_monitor_never_misses_the_real_reason() {
    scenario(async |mut mailbox: Mailbox<()>| {
        for _ in 0..2_000 {
            let (child, monitor) =
                spawn_monitor(|_: Mailbox<()>| async { because("real") }).expect("in a process");
            assert_eq!(next(&mut mailbox).await, Got::Down(monitor, child.pid().into(), because("real")));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_055_a_monitor_by_name_tells_the_name() {
    const NAME: ProcessName = ProcessName::new("proc_055_a_monitor_by_name_tells_the_name");
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        process::register(NAME, peer.pid()).expect("free");
        let reference = monitor(NAME);
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Down(reference, NAME.into(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn proc_055_a_monitor_by_name_follows_the_process_and_not_the_name() {
    const NAME: ProcessName = ProcessName::new("proc_055_a_monitor_by_name_follows_the_process");
    scenario(async |mut mailbox: Mailbox<()>| {
        let (first, second) = (mortal(), mortal());
        process::register(NAME, first.pid()).expect("free");
        let reference = monitor(NAME);
        process::unregister(&NAME).expect("registered");
        process::register(NAME, second.pid()).expect("free");
        second.send(because("second"));
        wait_for_end(second.pid()).await;
        assert_silence(&mut mailbox).await;
        first.send(because("first"));
        assert_eq!(next(&mut mailbox).await, Got::Down(reference, NAME.into(), because("first")));
    })
    .await;
}

#[otp_core::test]
async fn proc_055_monitoring_a_name_that_nobody_has_gives_noproc_with_the_name() {
    const NAME: ProcessName = ProcessName::new("proc_055_a_name_that_nobody_has");
    scenario(async |mut mailbox: Mailbox<()>| {
        let reference = monitor(NAME);
        let got = next(&mut mailbox).await;
        assert_eq!(got, Got::Down(reference, Target::Name(NAME), ExitReason::NoProc));
    })
    .await;
}

#[otp_core::test]
async fn proc_057_monitoring_oneself_never_gives_a_down() {
    const NAME: ProcessName = ProcessName::new("proc_057_monitoring_oneself");
    scenario(async |mut mailbox: Mailbox<()>| {
        let me = mailbox.pid();
        process::register(NAME, me).expect("free");
        let (by_pid, by_name) = (monitor(me), monitor(NAME));
        assert_ne!(by_pid, by_name);
        assert_silence(&mut mailbox).await;
        let info = process::info(me).expect("alive");
        assert_eq!((info.monitors, info.monitored_by), (vec![], vec![]));
        // BEAM: `demonitor(Ref, [flush, info])` of such a monitor is `false`.
        assert_eq!(process::demonitor_flush(by_pid), Ok(false));
        assert_eq!(process::demonitor(by_name), Ok(()));
    })
    .await;
}

#[otp_core::test]
async fn proc_058_after_demonitor_no_down_arrives() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let (ended, kept) = (monitor(peer.pid()), monitor(peer.pid()));
        process::demonitor(ended).expect("in a process");
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Down(kept, peer.pid().into(), because("r")));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_058_after_demonitor_no_down_arrives_while_the_target_dies() {
    scenario(async |mut mailbox: Mailbox<()>| {
        for _ in 0..2_000 {
            let (child, reference) = spawn_monitor(|_: Mailbox<()>| async {}).expect("in a process");
            process::demonitor(reference).expect("in a process");
            let queued_before = drain(&mut mailbox).await.len();
            assert!(queued_before <= 1);
            wait_for_end(child.pid()).await;
            assert!(drain(&mut mailbox).await.is_empty(), "a DOWN after demonitor");
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_058_a_down_that_was_queued_before_demonitor_stays() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (child, reference) = spawn_monitor(|_: Mailbox<()>| async {}).expect("in a process");
        settle().await;
        process::demonitor(reference).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Down(reference, child.pid().into(), ExitReason::Normal));
    })
    .await;
}

#[otp_core::test]
async fn proc_062_demonitor_flush_says_whether_the_monitor_was_active() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let (active, queued) = (monitor(peer.pid()), monitor(peer.pid()));
        assert_eq!(process::demonitor_flush(active), Ok(true));
        mailbox.address().send(1);
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        mailbox.address().send(2);
        assert_eq!(process::demonitor_flush(queued), Ok(false));
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_062_demonitor_flush_removes_a_down_from_a_batch_that_was_taken_out() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let reference = monitor(peer.pid());
        mailbox.address().send(1);
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        mailbox.address().send(2);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(process::demonitor_flush(reference), Ok(false));
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_062_a_flushed_down_no_longer_counts_as_waiting() {
    // BEAM: `message_queue_len` is 1 before `demonitor(Ref, [flush])`, and 0 after it.
    scenario(async |mailbox: Mailbox<()>| {
        let (_, reference) = spawn_monitor(|_: Mailbox<()>| async {}).expect("in a process");
        settle().await;
        let waiting = || process::info(mailbox.pid()).expect("alive").mailbox_len;
        assert_eq!(waiting(), 1);
        process::demonitor_flush(reference).expect("in a process");
        assert_eq!(waiting(), 0);
    })
    .await;
}

#[otp_core::test]
async fn proc_062_what_comes_after_a_flushed_down_counts_as_waiting() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let (_, reference) = spawn_monitor(|_: Mailbox<()>| async {}).expect("in a process");
        settle().await;
        process::demonitor_flush(reference).expect("in a process");
        mailbox.address().send(1);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        mailbox.address().send(2);
        assert_eq!(process::info(mailbox.pid()).expect("alive").mailbox_len, 1);
    })
    .await;
}

#[otp_core::test]
async fn proc_063_demonitor_of_an_unknown_or_removed_monitor_does_nothing() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let reference = monitor(peer.pid());
        for _ in 0..2 {
            assert_eq!(process::demonitor(reference), Ok(()));
        }
        assert_eq!(process::demonitor_flush(reference), Ok(false));
        let delivered = monitor(dead_pid().await);
        next(&mut mailbox).await;
        assert_eq!(process::demonitor(delivered), Ok(()));
        assert_eq!(process::demonitor_flush(delivered), Ok(false));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_064_only_the_owner_can_end_a_monitor() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (peer, stranger) = (mortal(), Puppet::new());
        let reference = monitor(peer.pid());
        let found =
            stranger.run(move || (process::demonitor(reference), process::demonitor_flush(reference))).await;
        assert_eq!(found, Some((Ok(()), Ok(false))));
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Down(reference, peer.pid().into(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn proc_065_the_monitors_of_a_dead_watcher_are_removed_from_the_target() {
    scenario(async |mailbox: Mailbox<()>| {
        let (target, watcher) = (idle(), Puppet::new());
        let pid = target.pid();
        let monitored_by = || {
            let mut by = process::info(pid).expect("alive").monitored_by;
            by.sort_unstable();
            by
        };
        monitor(pid);
        watcher.run(move || (monitor(pid), monitor(pid))).await;
        assert_eq!(monitored_by(), [mailbox.pid(), watcher.pid(), watcher.pid()]);
        watcher.end(ExitReason::Normal);
        wait_for_end(watcher.pid()).await;
        assert_eq!(monitored_by(), [mailbox.pid()]);
    })
    .await;
}

#[otp_core::test]
async fn proc_065_demonitor_shows_at_both_ends() {
    const NAME: ProcessName = ProcessName::new("proc_065_demonitor_shows_at_both_ends");
    scenario(async |mailbox: Mailbox<()>| {
        let (target, me) = (idle().pid(), mailbox.pid());
        process::register(NAME, target).expect("free");
        for reference in [monitor(target), monitor(NAME)] {
            assert!(process::info(me).expect("alive").monitors.contains(&target));
            assert!(process::info(target).expect("alive").monitored_by.contains(&me));
            process::demonitor(reference).expect("in a process");
        }
        assert_eq!(process::info(me).expect("alive").monitors, []);
        assert_eq!(process::info(target).expect("alive").monitored_by, []);
    })
    .await;
}

#[otp_core::test]
async fn proc_067_a_target_that_kills_its_watcher_and_ends_disturbs_nobody() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (a, b) = (Puppet::new(), Puppet::new());
        let (pid_a, pid_b) = (a.pid(), b.pid());
        a.run(move || monitor(pid_b)).await;
        b.run(move || process::send_exit(pid_a, ExitReason::Kill)).await;
        b.end(because("r"));
        wait_for_end(pid_a).await;
        wait_for_end(pid_b).await;
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn two_processes_that_monitor_each_other_both_end() {
    scenario(async |_: Mailbox<()>| {
        let (a, b) = (Puppet::new(), Puppet::new());
        let (pid_a, pid_b) = (a.pid(), b.pid());
        a.run(move || monitor(pid_b)).await;
        let reference = b.run(move || monitor(pid_a)).await.expect("alive");
        a.end(because("r"));
        wait_for_end(pid_a).await;
        assert_eq!(b.received().await, [Got::Down(reference, pid_a.into(), because("r"))]);
        b.end(ExitReason::Normal);
        wait_for_end(pid_b).await;
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_watcher_hears_of_a_death_once_while_others_come_and_go() {
    scenario(async |mut mailbox: Mailbox<ExitReason>| {
        for _ in 0..300 {
            let target = mortal();
            let pid = target.pid();
            let me = mailbox.address();
            let watchers = 4;
            for _ in 0..watchers {
                let me = me.clone();
                spawn(move |mut mailbox: Mailbox<()>| async move {
                    process::demonitor_flush(monitor(pid)).expect("in a process");
                    let reference = monitor(pid);
                    match next(&mut mailbox).await {
                        Got::Down(found, _, reason) if found == reference => me.send(reason),
                        other => panic!("{other:?}"),
                    }
                });
            }
            target.send(because("r"));
            for _ in 0..watchers {
                let Got::Message(reason) = next(&mut mailbox).await else { panic!("only messages") };
                assert!([because("r"), ExitReason::NoProc].contains(&reason), "{reason:?}");
            }
        }
    })
    .await;
}

#[test]
fn monitors_need_a_process() {
    assert_eq!(process::monitor(otp_core::Pid::OUTSIDE), Err(NotAProcess));
    let reference = |_: MonitorRef| ();
    assert_eq!(process::monitor(ProcessName::new("no such name")).map(reference), Err(NotAProcess));
}

#[otp_core::test]
async fn proc_066_the_tag_of_a_monitor_comes_back_in_its_down() {
    const NOBODY: ProcessName = ProcessName::new("proc_066_nobody");
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let tag = Tag::new(String::from("mine"));
        let tagged = process::monitor_tagged(peer.pid(), tag.clone()).expect("in a process");
        let by_name = process::monitor_tagged(NOBODY, Tag::new(7_u32)).expect("in a process");
        let Received::Down(down) = mailbox.receive().await else { panic!("a DOWN") };
        assert_eq!((down.monitor, &down.target), (by_name, &Target::Name(NOBODY)));
        assert_eq!(down.reason, ExitReason::NoProc);
        let found = down.tag.expect("tagged");
        assert_eq!((found.get::<u32>(), found.get::<u64>()), (Some(&7), None));
        peer.send(because("r"));
        let Received::Down(down) = mailbox.receive().await else { panic!("a DOWN") };
        assert_eq!((down.monitor, down.pid(), &down.reason), (tagged, Some(peer.pid()), &because("r")));
        assert_eq!(down.tag.as_ref(), Some(&tag));
        assert_ne!(down.tag, Some(Tag::new(String::from("mine"))), "equal is the same one");
    })
    .await;
}

#[otp_core::test]
async fn proc_066_a_monitor_without_a_tag_has_none_and_tags_do_not_mix() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let plain = monitor(peer.pid());
        let tagged =
            [1_u32, 2].map(|n| process::monitor_tagged(peer.pid(), Tag::new(n)).expect("in a process"));
        peer.send(because("r"));
        for _ in 0..3 {
            let Received::Down(down) = mailbox.receive().await else { panic!("a DOWN") };
            let expected = match down.monitor {
                m if m == plain => None,
                m if m == tagged[0] => Some(1),
                _ => Some(2),
            };
            assert_eq!(down.tag.as_ref().and_then(Tag::get::<u32>).copied(), expected);
        }
    })
    .await;
}

#[otp_core::test]
async fn a_tag_that_panics_as_it_is_dropped_keeps_no_news_from_others() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("from a destructor"));
        }
    }
    scenario(async |mut mailbox: Mailbox<()>| {
        let (holder, target) = (Puppet::new(), idle().pid());
        for _ in 0..3 {
            holder
                .run(move || process::monitor_tagged(target, Tag::new(Bomb)))
                .await
                .expect("nothing is dropped yet")
                .expect("in a process");
        }
        let monitor = monitor(holder.pid());
        holder.end(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, holder.pid().into(), because("r")));
        settle().await;
        assert_eq!(process::info(target).expect("alive").monitored_by, []);
    })
    .await;
}
