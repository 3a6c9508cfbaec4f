//! Starting processes.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use otp_core::process::Spawn;
use otp_core::{
    ExitReason, Mailbox, ProcessName, ProcessRef, RegisterError, process, spawn, spawn_link, spawn_monitor,
};

use crate::support::{Got, Puppet, assert_silence, because, idle, next, scenario, settle, wait_for_end};

#[test]
fn spawning_outside_a_runtime_panics_and_says_why() {
    let spawners: [fn(); 3] = [
        || drop(spawn(|_: Mailbox<()>| async {})),
        || drop(spawn_link(|_: Mailbox<()>| async {})),
        || drop(Spawn::new().label("x").spawn(|_: Mailbox<()>| async {})),
    ];
    for spawner in spawners {
        let panic = catch_unwind(spawner).expect_err("there is no runtime");
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        let text = text.expect("a text");
        assert!(text.contains("outside a tokio runtime") && text.contains("#[main]"), "{text}");
    }
}

#[tokio::test]
async fn outside_any_process_spawn_link_starts_unlinked() {
    let process = spawn_link(|_: Mailbox<()>| pending::<()>());
    let info = process::info(process.pid()).expect("alive");
    assert_eq!((info.links, info.parent), (vec![], None));
}

#[otp_core::test]
async fn addresses_are_equal_when_their_process_is_the_same() {
    scenario(async |_: Mailbox<()>| {
        let (a, b) = (idle(), idle());
        assert_eq!(a, a.clone());
        assert_eq!(ProcessRef::of(a.pid()), Ok(a.clone()));
        assert_ne!(a, b);
    })
    .await;
}

#[tokio::test]
async fn outside_any_process_spawn_monitor_starts_nothing() {
    let (sent, received) = std::sync::mpsc::channel();
    let refused = spawn_monitor(move |_: Mailbox<()>| async move {
        {
            sent.send(()).ok();
        }
    });
    assert!(refused.is_err());
    settle().await;
    assert!(received.recv().is_err(), "the body ran");
}

#[otp_core::test]
async fn a_process_is_found_before_its_first_poll() {
    scenario(async |mailbox: Mailbox<()>| {
        let (child, monitor) =
            Spawn::new().link().monitor().label("l").spawn(|_: Mailbox<()>| pending::<()>());
        let info = process::info(child.pid()).expect("alive");
        assert_eq!(info.links, [mailbox.pid()]);
        assert_eq!(info.monitored_by, [mailbox.pid()]);
        assert_eq!(info.parent, Some(mailbox.pid()));
        assert_eq!(info.label.as_deref(), Some("l"));
        assert!(monitor.is_some() && child.is_alive() && process::list().contains(&child.pid()));
    })
    .await;
}

#[otp_core::test]
async fn a_message_sent_before_the_first_poll_is_received() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.address();
        let child = spawn(|mut mailbox: Mailbox<u32>| async move {
            let Got::Message(n) = next(&mut mailbox).await else { panic!("a message") };
            me.send(n + 1);
        });
        child.send(1);
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
    })
    .await;
}

#[otp_core::test]
async fn a_mailbox_knows_whose_it_is() {
    scenario(async |mut mailbox: Mailbox<[otp_core::Pid; 3]>| {
        let here = mailbox.pid();
        assert_eq!(process::current(), Some(here));
        let me = mailbox.address();
        let report = |me: otp_core::ProcessRef<_>| {
            move |mailbox: Mailbox<()>| async move {
                me.send([mailbox.pid(), mailbox.address().pid(), mailbox.parent()]);
            }
        };
        let linked = spawn_link(report(me.clone())).pid();
        assert_eq!(next(&mut mailbox).await, Got::Message([linked, linked, here]));
        // Without a link, its parent's end is nothing that it obeys.
        let unlinked = spawn(report(me)).pid();
        assert_eq!(next(&mut mailbox).await, Got::Message([unlinked; 3]));
    })
    .await;
}

#[otp_core::test]
async fn the_parent_is_the_process_in_which_spawn_was_prepared() {
    scenario(async |_: Mailbox<()>| {
        let (parent, other) = (Puppet::new(), Puppet::new());
        let spawn = parent.run(|| Spawn::new().link().monitor()).await.expect("alive");
        let (child, monitor) = other.run(|| Puppet::start(spawn)).await.expect("alive");
        let info = process::info(child.pid()).expect("alive");
        assert_eq!((info.parent, info.links), (Some(parent.pid()), vec![parent.pid()]));
        parent.run(|| process::trap_exit(true)).await;
        child.end(because("r"));
        wait_for_end(child.pid()).await;
        assert_eq!(parent.received().await.len(), 2, "an EXIT and a DOWN");
        assert!(monitor.is_some());
        assert_eq!(other.received().await, []);
    })
    .await;
}

#[otp_core::test]
async fn a_child_whose_parent_died_before_the_link_ends_with_noproc() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let parent = Puppet::new();
        let prepared = parent.run(|| Spawn::new().link()).await.expect("alive");
        parent.end(ExitReason::Normal);
        wait_for_end(parent.pid()).await;
        let (child, _) = prepared.spawn(|_: Mailbox<()>| pending::<()>());
        let monitor = process::monitor(child.pid()).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, child.pid().into(), ExitReason::NoProc));
    })
    .await;
}

#[otp_core::test]
async fn pids_are_new_and_print_as_erlangs() {
    scenario(async |_: Mailbox<()>| {
        let (a, b) = (idle().pid(), idle().pid());
        assert!(a < b);
        assert_eq!(a.to_string(), format!("<0.{}>", a.number()));
        assert_eq!(a.to_string().parse(), Ok(a));
    })
    .await;
}

#[otp_core::test]
async fn an_embryo_has_its_name_and_takes_messages_before_it_lives() {
    const NAME: ProcessName = ProcessName::new("an_embryo_has_its_name");
    scenario(async |mut mailbox: Mailbox<()>| {
        let embryo = Spawn::new().monitor().prepare::<u32>();
        let address = embryo.address();
        embryo.register(NAME).expect("free");
        assert_eq!(process::whereis(&NAME), Some(address.pid()));
        assert_eq!(Spawn::new().prepare::<()>().register(NAME), Err(RegisterError::Taken(address.pid())));
        address.send(3);
        let (process, monitor) = embryo.go(|mut mailbox| async move {
            match next(&mut mailbox).await {
                Got::Message(3) => because("three"),
                _ => because("else"),
            }
        });
        let expected = Got::Down(monitor.expect("asked for"), process.pid().into(), because("three"));
        assert_eq!(next(&mut mailbox).await, expected);
    })
    .await;
}

#[otp_core::test]
async fn a_dropped_embryo_leaves_nothing_behind() {
    const NAME: ProcessName = ProcessName::new("a_dropped_embryo_leaves_nothing_behind");
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let embryo = Spawn::new().link().monitor().prepare::<u32>();
        let address = embryo.address();
        embryo.register(NAME).expect("free");
        drop(embryo);
        assert!(!address.is_alive() && !process::is_alive(address.pid()));
        assert!(!process::list().contains(&address.pid()));
        assert_eq!(process::whereis(&NAME), None);
        assert_eq!(address.try_send(1).expect_err("dead").into_inner(), 1);
        assert_silence(&mut mailbox).await;
        assert_eq!(process::info(mailbox.pid()).expect("alive").links, []);
    })
    .await;
}

#[otp_core::test]
async fn an_embryo_that_is_killed_never_runs() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let embryo = Spawn::new().monitor().prepare::<()>();
        let pid = embryo.address().pid();
        process::send_exit(pid, ExitReason::Kill);
        let (_, monitor) = embryo.go(|_| async { unreachable!("it never runs") });
        let expected = Got::Down(monitor.expect("asked for"), pid.into(), ExitReason::Killed);
        assert_eq!(next(&mut mailbox).await, expected);
    })
    .await;
}

#[otp_core::test]
async fn an_embryo_whose_body_panics_as_it_is_made_leaves_nothing_behind() {
    const NAME: ProcessName = ProcessName::new("an_embryo_whose_body_panics_as_it_is_made");
    scenario(async |mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let embryo = Spawn::new().link().prepare::<()>();
        let pid = embryo.address().pid();
        embryo.register(NAME).expect("free");
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            embryo.go(|_| -> std::future::Ready<ExitReason> { panic!("as it is made") })
        }));
        assert!(outcome.is_err());
        assert!(!process::is_alive(pid), "a process without a task");
        assert_eq!(process::whereis(&NAME), None);
        assert_eq!(process::info(mailbox.pid()).expect("alive").links, []);
    })
    .await;
}
