//! Aliases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use otp_core::process::Spawn;
use otp_core::{
    Alias, AliasMode, ExitReason, Mailbox, MonitorAlias, NotAProcess, Overflow, ProcessName, process, spawn,
};
use tokio::sync::oneshot;

use crate::support::{
    Got, Puppet, assert_silence, because, dead_pid, drain, mortal, next, scenario, settle, wait_for_end,
};

const NO_TARGET: [MonitorAlias; 3] =
    [MonitorAlias::ExplicitUnalias, MonitorAlias::Demonitor, MonitorAlias::ReplyDemonitor];

fn unalias<M>(alias: &Alias<M>) -> bool
where
    M: Send + 'static,
{
    process::unalias(alias.id()).expect("in a process")
}

#[otp_core::test]
async fn proc_068_a_message_to_an_active_alias_arrives_as_if_sent_to_its_owner() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let alias = mailbox.alias::<u32>(AliasMode::ExplicitUnalias);
        assert_eq!(alias.owner(), mailbox.pid());
        mailbox.address().send(1);
        alias.send(2);
        alias.clone().send(3);
        mailbox.address().send(4);
        for n in 1..=4 {
            assert_eq!(next(&mut mailbox).await, Got::Message(n));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_068_an_alias_wakes_its_owner_and_turns_messages_into_its_own() {
    scenario(async |mut mailbox: Mailbox<String>| {
        let alias = mailbox.alias_with(AliasMode::ExplicitUnalias, |n: u32| n.to_string());
        spawn(move |_: Mailbox<()>| async move {
            settle().await;
            alias.send(7);
        });
        assert_eq!(next(&mut mailbox).await, Got::Message("7".to_owned()));
    })
    .await;
}

#[otp_core::test]
async fn proc_069_what_comes_through_an_alias_that_is_off_never_enters_the_queue() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let alias = mailbox.alias::<u32>(AliasMode::ExplicitUnalias);
        alias.send(1);
        assert!(unalias(&alias));
        alias.send(2);
        assert_eq!(process::info(mailbox.pid()).expect("alive").mailbox_len, 1);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_069_the_alias_of_a_dead_process_takes_what_it_gets() {
    scenario(async |mut inbox: Mailbox<Alias<u32>>| {
        let me = inbox.address();
        let owner = spawn(|mailbox: Mailbox<u32>| async move {
            me.send(mailbox.alias(AliasMode::ExplicitUnalias));
        });
        let Got::Message(alias) = Got::from(inbox.receive().await) else { panic!("an alias") };
        wait_for_end(owner.pid()).await;
        alias.send(1);
        assert_eq!(alias.owner(), owner.pid());
    })
    .await;
}

#[otp_core::test]
async fn proc_069_a_message_that_is_refused_is_dropped_outside_the_lock() {
    struct Looks(otp_core::Pid, Arc<AtomicBool>);
    impl Drop for Looks {
        fn drop(&mut self) {
            assert!(process::info(self.0).is_some());
            self.1.store(true, Ordering::SeqCst);
        }
    }
    scenario(async |mailbox: Mailbox<Looks>| {
        let dropped = Arc::new(AtomicBool::new(false));
        let alias = mailbox.alias::<Looks>(AliasMode::ExplicitUnalias);
        unalias(&alias);
        alias.send(Looks(mailbox.pid(), Arc::clone(&dropped)));
        assert!(dropped.load(Ordering::SeqCst));
    })
    .await;
}

#[otp_core::test]
async fn proc_071_a_reply_alias_delivers_the_first_message_alone() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let alias = mailbox.alias::<u32>(AliasMode::Reply);
        alias.send(1);
        alias.send(2);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_silence(&mut mailbox).await;
        assert!(!unalias(&alias));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_071_of_many_that_send_at_once_exactly_one_comes_through() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for _ in 0..300 {
            let alias = mailbox.alias::<u32>(AliasMode::Reply);
            let senders = [0, 1, 2, 3].map(|n| {
                let alias = alias.clone();
                spawn(move |_: Mailbox<()>| async move { alias.send(n) }).pid()
            });
            for sender in senders {
                wait_for_end(sender).await;
            }
            assert_eq!(drain(&mut mailbox).await.len(), 1);
        }
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_069_after_unalias_nothing_arrives_whoever_sends_meanwhile() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for _ in 0..300 {
            let alias = mailbox.alias::<u32>(AliasMode::ExplicitUnalias);
            let sender = {
                let alias = alias.clone();
                spawn(move |_: Mailbox<()>| async move { (0..50).for_each(|n| alias.send(n)) }).pid()
            };
            assert!(unalias(&alias));
            let before = drain(&mut mailbox).await;
            wait_for_end(sender).await;
            let after = drain(&mut mailbox).await;
            assert!(after.is_empty(), "{after:?} came after unalias, {before:?} before");
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_074_with_explicit_unalias_the_alias_outlives_the_down() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::ExplicitUnalias);
        alias.send(1);
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        alias.send(2);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, peer.pid().into(), because("r")));
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
        assert!(unalias(&alias));
        alias.send(3);
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn proc_074_with_explicit_unalias_the_alias_outlives_demonitor() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::ExplicitUnalias);
        assert_eq!(process::demonitor_flush(monitor), Ok(true));
        alias.send(1);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
    })
    .await;
}

#[otp_core::test]
async fn the_other_aliases_of_monitors_go_with_the_down() {
    for mode in [MonitorAlias::Demonitor, MonitorAlias::ReplyDemonitor] {
        let test = async move |mut mailbox: Mailbox<u32>| {
            let peer = mortal();
            let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), mode);
            peer.send(because("r"));
            wait_for_end(peer.pid()).await;
            // The DOWN waits, and the alias is off already.
            alias.send(1);
            assert_eq!(next(&mut mailbox).await, Got::Down(monitor, peer.pid().into(), because("r")));
            assert_silence(&mut mailbox).await;
            assert!(!unalias(&alias));
        };
        otp_core::attach_with(test).await.expect("it passes");
    }
}

#[otp_core::test]
async fn the_other_aliases_of_monitors_go_with_demonitor() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for mode in [MonitorAlias::Demonitor, MonitorAlias::ReplyDemonitor] {
            let peer = mortal();
            let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), mode);
            process::demonitor(monitor).expect("in a process");
            alias.send(1);
            assert_silence(&mut mailbox).await;
            assert!(!unalias(&alias));
        }
    })
    .await;
}

#[otp_core::test]
async fn a_demonitor_alias_takes_any_number_of_messages_and_leaves_the_monitor() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::Demonitor);
        alias.send(1);
        alias.send(2);
        // BEAM: `unalias` leaves the monitor as well.
        assert!(unalias(&alias));
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        assert_eq!(
            drain(&mut mailbox).await,
            [Got::Message(1), Got::Message(2), Got::Down(monitor, peer.pid().into(), because("r"))]
        );
    })
    .await;
}

#[otp_core::test]
async fn the_first_message_through_a_reply_demonitor_alias_ends_the_monitor() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::ReplyDemonitor);
        assert_eq!(process::info(mailbox.pid()).expect("alive").monitors, [peer.pid()]);
        alias.send(1);
        alias.send(2);
        assert_eq!(process::info(mailbox.pid()).expect("alive").monitors, []);
        assert_eq!(process::info(peer.pid()).expect("alive").monitored_by, []);
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        assert_eq!(drain(&mut mailbox).await, [Got::Message(1)]);
        assert_eq!(process::demonitor_flush(monitor), Ok(false));
        // BEAM: `unalias` of one leaves its monitor.
        let peer = mortal();
        let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::ReplyDemonitor);
        assert!(unalias(&alias));
        alias.send(3);
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, peer.pid().into(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn a_reply_that_a_full_mailbox_refuses_leaves_alias_and_monitor() {
    scenario(async |mut inbox: Mailbox<Vec<Got<u32>>>| {
        for overflow in [Overflow::Reject, Overflow::Wait, Overflow::DropNew] {
            let (me, peer) = (inbox.address(), mortal());
            let target = peer.pid();
            let (tell, told) = oneshot::channel();
            let (go_on, may_go_on) = oneshot::channel::<()>();
            let (owner, _) =
                Spawn::new().bound(1, overflow).spawn(move |mut mailbox: Mailbox<u32>| async move {
                    let mode = MonitorAlias::ReplyDemonitor;
                    let aliases = (
                        mailbox.alias::<u32>(AliasMode::Reply),
                        mailbox.monitor_with_alias::<u32>(target, mode),
                    );
                    tell.send(aliases).ok();
                    may_go_on.await.ok();
                    me.send(drain(&mut mailbox).await);
                    me.send(vec![next(&mut mailbox).await, next(&mut mailbox).await]);
                });
            let (reply, (monitor, alias)) = told.await.expect("it lives");
            owner.send(99);
            reply.send(1);
            alias.send(1);
            assert_eq!(process::info(owner.pid()).expect("alive").dropped, 2);
            assert_eq!(process::info(target).expect("alive").monitored_by, [owner.pid()]);
            go_on.send(()).expect("it waits");
            assert_eq!(next(&mut inbox).await, Got::Message(vec![Got::Message(99)]));
            // There is room now: for the first message that comes through, and the monitor stands.
            reply.send(2);
            settle().await;
            reply.send(3);
            peer.send(because("r"));
            let down = Got::Down(monitor, target.into(), because("r"));
            assert_eq!(next(&mut inbox).await, Got::Message(vec![Got::Message(2), down]));
        }
    })
    .await;
}

#[otp_core::test]
async fn a_reply_that_a_closed_mailbox_refuses_leaves_the_monitor() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let peer = mortal();
        let (monitor, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::ReplyDemonitor);
        mailbox.close();
        alias.send(1);
        peer.send(because("r"));
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, peer.pid().into(), because("r")));
        assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_and_a_death_at_the_same_time_give_one_of_the_two() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        for _ in 0..500 {
            let peer = mortal();
            let (_, alias) = mailbox.monitor_with_alias::<u32>(peer.pid(), MonitorAlias::ReplyDemonitor);
            let sender = spawn(move |_: Mailbox<()>| async move { alias.send(1) });
            peer.send(because("r"));
            wait_for_end(sender.pid()).await;
            wait_for_end(peer.pid()).await;
            let got = drain(&mut mailbox).await;
            assert_eq!(got.len(), 1, "{got:?}");
        }
    })
    .await;
}

#[otp_core::test]
async fn an_alias_with_a_monitor_on_a_dead_process_or_an_unknown_name() {
    const NOBODY: ProcessName = ProcessName::new("an_alias_with_a_monitor_on_an_unknown_name");
    scenario(async |mut mailbox: Mailbox<u32>| {
        let dead = dead_pid().await;
        for mode in NO_TARGET {
            for target in [otp_core::Target::Pid(dead), otp_core::Target::Name(NOBODY)] {
                let (monitor, alias) = mailbox.monitor_with_alias::<u32>(target.clone(), mode);
                alias.send(1);
                assert_eq!(next(&mut mailbox).await, Got::Down(monitor, target, ExitReason::NoProc));
                // BEAM: the DOWN turns it off, unless it is explicit.
                let stays = mode == MonitorAlias::ExplicitUnalias;
                let rest = if stays { vec![Got::Message(1)] } else { vec![] };
                assert_eq!(drain(&mut mailbox).await, rest);
                assert_eq!(unalias(&alias), stays);
            }
        }
    })
    .await;
}

#[otp_core::test]
async fn an_alias_with_a_monitor_on_oneself_is_off() {
    // BEAM: the same.
    scenario(async |mut mailbox: Mailbox<u32>| {
        for mode in NO_TARGET {
            let (monitor, alias) = mailbox.monitor_with_alias::<u32>(mailbox.pid(), mode);
            alias.send(1);
            assert_silence(&mut mailbox).await;
            assert!(!unalias(&alias));
            assert_eq!(process::demonitor_flush(monitor), Ok(false));
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_075_unalias_is_true_once_and_for_the_owner_alone() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let alias = mailbox.alias::<u32>(AliasMode::ExplicitUnalias);
        let (id, other) = (alias.id(), Puppet::new());
        assert_eq!(other.run(move || process::unalias(id)).await, Some(Ok(false)));
        alias.send(1);
        assert_eq!(next(&mut mailbox).await, Got::Message(1));
        assert_eq!(process::unalias(id), Ok(true));
        assert_eq!(process::unalias(id), Ok(false));
    })
    .await;
}

#[test]
fn proc_075_unalias_needs_a_process() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let body =
        otp_core::attach_with(async |mailbox: Mailbox<u32>| mailbox.alias::<u32>(AliasMode::Reply).id());
    let alias = runtime.block_on(body).expect("it ends well");
    assert_eq!(process::unalias(alias), Err(NotAProcess));
}

#[otp_core::test]
async fn aliases_are_different_even_of_one_process() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let aliases = [(); 3].map(|()| mailbox.alias::<u32>(AliasMode::Reply));
        assert_ne!(aliases[0].id(), aliases[1].id());
        assert!(unalias(&aliases[1]));
        for (alias, n) in aliases.iter().zip(0..) {
            alias.send(n);
        }
        assert_eq!(drain(&mut mailbox).await, [Got::Message(0), Got::Message(2)]);
    })
    .await;
}
