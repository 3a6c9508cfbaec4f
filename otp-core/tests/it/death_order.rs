//! The order in which a process dies: state, hooks, name and table, and only then the others hear of it.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use otp_core::behaviour::end;
use otp_core::process::HookError;
use otp_core::{
    ExitReason, FindError, Mailbox, Pid, ProcessName, ProcessRef, Received, attach, process, spawn,
};
use tokio::sync::oneshot;

use crate::support::{Got, OnDrop, Puppet, because, dead_pid, idle, next, scenario, settle, wait_for_end};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn note(&self, what: &'static str) {
        self.0.lock().expect("no panic while noting").push(what);
    }

    fn on_drop(&self, what: &'static str) -> OnDrop<impl FnOnce() + use<>> {
        let log = self.clone();
        OnDrop::new(move || log.note(what))
    }

    fn entries(&self) -> Vec<&'static str> {
        self.0.lock().expect("no panic while noting").clone()
    }
}

#[otp_core::test]
async fn state_then_queue_then_hooks_in_order_then_the_others() {
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let log = Log::default();
        let state = log.on_drop("state");
        let process = spawn(|_: Mailbox<OnDrop<_>>| async move {
            let _state = state;
            std::future::pending::<()>().await;
        });
        settle().await;
        process.send(log.on_drop("queue"));
        for hook in ["first hook", "second hook"] {
            let log = log.clone();
            process::on_exit(process.pid(), move |_, _| log.note(hook)).expect("alive");
        }
        process::link(process.pid()).expect("in a process");
        process::send_exit(process.pid(), ExitReason::Kill);
        assert_eq!(next(&mut mailbox).await, Got::Exit(process.pid(), ExitReason::Killed));
        assert_eq!(log.entries(), ["state", "queue", "first hook", "second hook"]);
    })
    .await;
}

#[otp_core::test]
async fn a_hook_gets_the_pid_and_the_reason() {
    scenario(async |_: Mailbox<()>| {
        let process = Puppet::new();
        let (seen, view) = oneshot::channel();
        process::on_exit(process.pid(), move |pid, reason| {
            seen.send((pid, reason.clone(), process::current())).ok();
        })
        .expect("alive");
        process.end(because("r"));
        assert_eq!(view.await, Ok((process.pid(), because("r"), Some(process.pid()))));
    })
    .await;
}

#[otp_core::test]
async fn a_hook_for_a_dead_or_dying_process_is_refused_and_does_not_run() {
    scenario(async |_: Mailbox<()>| {
        let refused = process::on_exit(dead_pid().await, |_, _| unreachable!("refused"));
        assert_eq!(refused, Err(HookError));
        let process = idle().pid();
        let (seen, view) = oneshot::channel();
        process::on_exit(process, move |pid, _| {
            seen.send(process::on_exit(pid, |_, _| unreachable!("refused"))).ok();
        })
        .expect("alive");
        process::send_exit(process, ExitReason::Kill);
        assert_eq!(view.await, Ok(Err(HookError)));
    })
    .await;
}

/// All that could still find a process.
fn traces_of(pid: Pid, name: &str) -> Vec<&'static str> {
    let mut traces = Vec::new();
    let mut check = |found: bool, what| {
        if found {
            traces.push(what);
        }
    };
    check(process::whereis(name) == Some(pid), "whereis");
    check(process::list().contains(&pid), "list");
    check(process::is_alive(pid), "is_alive");
    check(process::info(pid).is_some(), "info");
    check(ProcessRef::<()>::of(pid) != Err(FindError::NoProc), "of");
    traces
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_finds_a_process_once_its_end_is_heard_of() {
    const NAME: ProcessName = ProcessName::new("nothing_finds_a_process_once_its_end_is_heard_of");
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        for round in 0..300 {
            let pid = idle().pid();
            process::register(NAME, pid).expect("free");
            process::monitor(pid).expect("in a process");
            process::link(pid).expect("in a process");
            let reason = if round % 2 == 0 { ExitReason::Kill } else { because("r") };
            process::send_exit(pid, reason);
            for _ in ["EXIT", "DOWN"] {
                next(&mut mailbox).await;
                assert_eq!(traces_of(pid, &NAME), [""; 0]);
            }
        }
    })
    .await;
}

/// What a process hears that turns to another one while that one's exit hooks run, and what is left of it then.
async fn traces_when_heard_from_a_hook(turn_to: fn(Pid), name: &'static str) -> Vec<&'static str> {
    scenario(async move |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        let pid = idle().pid();
        process::register(name, pid).expect("free");
        let (in_hook, is_in_hook) = oneshot::channel();
        let (heard, is_heard) = mpsc::channel::<()>();
        process::on_exit(pid, move |_, _| {
            in_hook.send(()).ok();
            // Until the other one has heard; if it hears only when this death is over, then not for long.
            is_heard.recv_timeout(Duration::from_millis(100)).ok();
        })
        .expect("alive");
        process::send_exit(pid, ExitReason::Kill);
        is_in_hook.await.expect("the hook runs");
        turn_to(pid);
        next(&mut mailbox).await;
        let traces = traces_of(pid, name);
        heard.send(()).ok();
        traces
    })
    .await
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_079_a_monitor_made_while_a_process_dies_tells_when_nothing_finds_it_any_more() {
    const NAME: &str = "proc_079_a_monitor_made_while_a_process_dies";
    let monitor = |pid| {
        process::monitor(pid).expect("in a process");
    };
    assert_eq!(traces_when_heard_from_a_hook(monitor, NAME).await, [""; 0]);
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_079_a_link_made_while_a_process_dies_tells_when_nothing_finds_it_any_more() {
    const NAME: &str = "proc_079_a_link_made_while_a_process_dies";
    let link = |pid| process::link(pid).expect("in a process");
    assert_eq!(traces_when_heard_from_a_hook(link, NAME).await, [""; 0]);
}

#[otp_core::test]
async fn a_dying_process_takes_no_messages_links_or_monitors_from_its_hooks_on() {
    scenario(async |mut mailbox: Mailbox<u32>| {
        process::trap_exit(true).expect("in a process");
        let victim = spawn(|_: Mailbox<u32>| std::future::pending::<()>());
        let me = mailbox.pid();
        let (seen, view) = oneshot::channel();
        let address = victim.clone();
        process::on_exit(victim.pid(), move |_, _| {
            let refused = address.try_send(1).is_err();
            // What the dying process does itself has no effect.
            process::link(me).expect("in a process");
            process::monitor(me).expect("in a process");
            process::set_label("late").expect("in a process");
            seen.send((refused, address.is_alive())).ok();
        })
        .expect("alive");
        process::send_exit(victim.pid(), because("r"));
        let (refused, alive) = view.await.expect("the hook runs");
        // Alive, until its name and all that its hooks give up are free.
        assert!(refused && alive);
        settle().await;
        let info = process::info(me).expect("alive");
        assert_eq!((info.links, info.monitored_by), (vec![], vec![]));
        mailbox.address().send(2);
        assert_eq!(next(&mut mailbox).await, Got::Message(2));
    })
    .await;
}

#[otp_core::test]
async fn code_in_the_drop_of_the_state_runs_inside_the_dying_process() {
    scenario(async |_: Mailbox<()>| {
        let (seen, view) = oneshot::channel();
        let process = spawn(|_: Mailbox<()>| async {
            let _state = OnDrop::new(move || {
                let me = process::current();
                seen.send((me, me.map(process::is_alive))).ok();
            });
            std::future::pending::<()>().await;
        });
        settle().await;
        process::send_exit(process.pid(), ExitReason::Kill);
        let (current, _) = view.await.expect("the state is dropped");
        assert_eq!(current, Some(process.pid()));
    })
    .await;
}

#[otp_core::test]
async fn end_drops_the_locals_of_the_body_as_part_of_the_death() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (seen, view) = oneshot::channel();
        let process = spawn(|mailbox: Mailbox<u32>| async move {
            let me = mailbox.address();
            let _state = OnDrop::new(move || {
                seen.send(me.try_send(1).is_err()).ok();
            });
            end(because("r")).await
        });
        let monitor = process::monitor(process.pid()).expect("in a process");
        assert_eq!(view.await, Ok(true), "nothing is accepted any more when the locals are dropped");
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, process.pid().into(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn end_takes_effect_although_the_future_is_polled_once_and_given_up() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let process = spawn(|_: Mailbox<()>| async {
            tokio::select! {
                biased;
                never = end(because("r")) => match never {},
                () = std::future::ready(()) => {}
            }
            std::future::pending::<()>().await;
        });
        let monitor = process::monitor(process.pid()).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, process.pid().into(), because("r")));
    })
    .await;
}

#[otp_core::test]
async fn end_ends_the_process_that_said_it_and_no_other() {
    scenario(async |mut mailbox: Mailbox<()>| {
        // It says `end` and returns in the same poll, so that its death needs no reason from elsewhere.
        let process = spawn(|_: Mailbox<()>| async {
            tokio::select! {
                biased;
                never = end(because("said")) => match never {},
                () = std::future::ready(()) => {}
            }
        });
        let bystander = Puppet::new();
        settle().await;
        assert!(!process::is_alive(process.pid()));
        assert_eq!(bystander.run(|| ()).await, Some(()), "the bystander lives on");
        crate::support::assert_silence(&mut mailbox).await;
    })
    .await;
}

#[otp_core::test]
async fn end_ends_the_process_that_said_it_and_not_one_that_is_attached_within() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (seen, view) = oneshot::channel();
        let process = spawn(|_: Mailbox<()>| async {
            tokio::select! {
                biased;
                never = end(because("outer")) => match never {},
                inner = attach(std::future::pending::<()>()) => seen.send(inner).expect("the test waits"),
            }
            std::future::pending::<()>().await;
        });
        let monitor = process::monitor(process.pid()).expect("in a process");
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, process.pid().into(), because("outer")));
        assert!(view.await.is_err(), "the attached one was killed with it");
    })
    .await;
}

#[otp_core::test]
async fn messages_to_a_process_that_traps_and_ends_by_itself_are_dropped_with_it() {
    scenario(async |_: Mailbox<()>| {
        let log = Log::default();
        let process = spawn(|mut mailbox: Mailbox<OnDrop<_>>| async move {
            match mailbox.receive().await {
                Received::Message(first) => drop(first),
                other => panic!("{:?}", Got::<()>::from(strip(other))),
            }
        });
        for entry in ["handled", "in the batch", "in the batch too"] {
            process.send(log.on_drop(entry));
        }
        wait_for_end(process.pid()).await;
        assert_eq!(log.entries(), ["handled", "in the batch", "in the batch too"]);
    })
    .await;
}

/// A received message or signal without what cannot be printed.
fn strip<M>(received: Received<M>) -> Received<()> {
    match received {
        Received::Message(_) => Received::Message(()),
        Received::Exit { from, reason } => Received::Exit { from, reason },
        Received::Down(down) => Received::Down(down),
    }
}
