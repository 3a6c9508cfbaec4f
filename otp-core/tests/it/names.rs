//! Registered names.

use otp_core::{
    ExitReason, FindError, Mailbox, NotRegistered, Pid, ProcessName, ProcessRef, RegisterError, process,
    spawn,
};
use tokio::sync::oneshot;

use crate::support::{Got, because, dead_pid, idle, mortal, next, scenario, wait_for_end};

#[otp_core::test]
async fn proc_076_a_name_belongs_to_one_process() {
    const NAME: &str = "proc_076_a_name_belongs_to_one_process";
    scenario(async |_: Mailbox<()>| {
        let (first, second) = (idle().pid(), idle().pid());
        assert_eq!(process::register(NAME, first), Ok(()));
        assert_eq!(process::register(NAME, second), Err(RegisterError::Taken(first)));
        assert_eq!(process::register(NAME, first), Err(RegisterError::Taken(first)));
        assert_eq!(process::whereis(NAME), Some(first));
        assert_eq!(process::info(second).expect("alive").name, None);
    })
    .await;
}

#[otp_core::test]
async fn proc_076_a_process_has_one_name_at_most() {
    const NAME: ProcessName = ProcessName::new("proc_076_a_process_has_one_name_at_most");
    const OTHER: &str = "proc_076_another_name";
    scenario(async |_: Mailbox<()>| {
        let process = idle().pid();
        assert_eq!(process::register(NAME, process), Ok(()));
        assert_eq!(process::register(OTHER, process), Err(RegisterError::AlreadyNamed(NAME)));
        assert_eq!(process::whereis(OTHER), None);
        // Refused, the other name is still free.
        assert_eq!(process::register(OTHER, idle().pid()), Ok(()));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_076_of_a_hundred_racing_registrations_one_wins() {
    const NAME: &str = "proc_076_of_a_hundred_racing_registrations_one_wins";
    scenario(async |mut mailbox: Mailbox<(Pid, Result<(), RegisterError>)>| {
        let me = mailbox.address();
        let racers: Vec<_> = (0..100)
            .map(|_| {
                let me = me.clone();
                spawn(move |mailbox: Mailbox<()>| async move {
                    me.send((mailbox.pid(), process::register(NAME, mailbox.pid())));
                    std::future::pending::<()>().await;
                })
            })
            .collect();
        let mut winner = None;
        let mut losers = Vec::new();
        for _ in &racers {
            match next(&mut mailbox).await {
                Got::Message((pid, Ok(()))) => assert_eq!(winner.replace(pid), None, "one winner"),
                Got::Message((_, Err(RegisterError::Taken(holder)))) => losers.push(holder),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(process::whereis(NAME), winner);
        assert!(losers.iter().all(|&holder| Some(holder) == winner));
        assert_eq!(losers.len(), 99);
        for racer in racers {
            process::send_exit(racer.pid(), ExitReason::Kill);
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_077_a_dead_process_cannot_be_registered() {
    const NAME: &str = "proc_077_a_dead_process_cannot_be_registered";
    scenario(async |_: Mailbox<()>| {
        assert_eq!(process::register(NAME, dead_pid().await), Err(RegisterError::NoProc));
        assert_eq!(process::register(NAME, Pid::OUTSIDE), Err(RegisterError::NoProc));
        assert_eq!(process::whereis(NAME), None);
        assert_eq!(process::register(NAME, idle().pid()), Ok(()));
    })
    .await;
}

#[otp_core::test]
async fn proc_077_a_dying_process_cannot_be_registered() {
    const NAME: &str = "proc_077_a_dying_process_cannot_be_registered";
    scenario(async |_: Mailbox<()>| {
        let process = idle().pid();
        let (seen, view) = oneshot::channel();
        process::on_exit(process, move |pid, _| {
            seen.send(process::register(NAME, pid)).ok();
        })
        .expect("alive");
        process::send_exit(process, because("r"));
        assert_eq!(view.await, Ok(Err(RegisterError::NoProc)));
        assert_eq!(process::whereis(NAME), None);
    })
    .await;
}

#[otp_core::test]
async fn proc_078_a_name_that_is_not_registered_cannot_be_unregistered() {
    const NAME: &str = "proc_078_a_name_that_is_not_registered";
    scenario(async |_: Mailbox<()>| {
        assert_eq!(process::unregister(NAME), Err(NotRegistered));
        let process = idle().pid();
        process::register(NAME, process).expect("free");
        assert_eq!(process::unregister(NAME), Ok(()));
        assert_eq!(process::unregister(NAME), Err(NotRegistered));
        assert!(process::is_alive(process));
        assert_eq!(process::whereis(NAME), None);
        assert_eq!(process::info(process).expect("alive").name, None);
        // Both can be used again.
        assert_eq!(process::register(NAME, process), Ok(()));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_079_a_name_is_free_when_the_down_arrives() {
    const NAME: &str = "proc_079_a_name_is_free_when_the_down_arrives";
    scenario(async |mut mailbox: Mailbox<()>| {
        for _ in 0..500 {
            let process = mortal();
            process::register(NAME, process.pid()).expect("free, as the last holder is down");
            process::monitor(process.pid()).expect("in a process");
            process.send(ExitReason::Normal);
            next(&mut mailbox).await;
        }
        assert_eq!(process::whereis(NAME), None);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn proc_079_a_name_is_free_when_the_exit_arrives() {
    const NAME: &str = "proc_079_a_name_is_free_when_the_exit_arrives";
    scenario(async |mut mailbox: Mailbox<()>| {
        process::trap_exit(true).expect("in a process");
        for _ in 0..500 {
            let process = mortal();
            process::register(NAME, process.pid()).expect("free, as the last holder has exited");
            process::link(process.pid()).expect("in a process");
            process.send(because("r"));
            next(&mut mailbox).await;
        }
    })
    .await;
}

#[otp_core::test]
async fn proc_079_a_death_frees_only_the_name_that_the_process_has() {
    const NAME: &str = "proc_079_a_death_frees_only_its_own_name";
    scenario(async |_: Mailbox<()>| {
        let (first, second) = (idle().pid(), idle().pid());
        process::register(NAME, first).expect("free");
        process::unregister(NAME).expect("registered");
        process::register(NAME, second).expect("free");
        process::send_exit(first, ExitReason::Kill);
        wait_for_end(first).await;
        assert_eq!(process::whereis(NAME), Some(second));
    })
    .await;
}

#[otp_core::test]
async fn proc_079_a_name_given_to_another_while_its_holder_dies_stays_with_the_other() {
    const NAME: &str = "proc_079_a_name_given_to_another_while_its_holder_dies";
    scenario(async |_: Mailbox<()>| {
        let (first, second) = (idle().pid(), idle().pid());
        process::register(NAME, first).expect("free");
        process::on_exit(first, move |_, _| {
            process::unregister(NAME).expect("still registered");
            process::register(NAME, second).expect("free");
        })
        .expect("alive");
        process::send_exit(first, ExitReason::Kill);
        wait_for_end(first).await;
        assert_eq!(process::whereis(NAME), Some(second));
        assert_eq!(process::info(second).expect("alive").name, Some(NAME.into()));
    })
    .await;
}

#[otp_core::test]
async fn a_name_leads_to_a_typed_address() {
    const NAME: ProcessName = ProcessName::new("a_name_leads_to_a_typed_address");
    scenario(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.pid();
        process::register(NAME, me).expect("free");
        ProcessRef::<u32>::named(&NAME).expect("registered").send(5);
        assert_eq!(next(&mut mailbox).await, Got::Message(5));
        assert_eq!(ProcessRef::<String>::named(&NAME).map(|_| ()), Err(FindError::WrongType(me)));
    })
    .await;
}

#[otp_core::test]
async fn an_owned_name_equals_a_static_one() {
    const NAME: &str = "an_owned_name_equals_a_static_one";
    scenario(async |mailbox: Mailbox<()>| {
        process::register(NAME.to_owned(), mailbox.pid()).expect("free");
        assert_eq!(process::whereis(NAME), Some(mailbox.pid()));
        assert_eq!(process::info(mailbox.pid()).expect("alive").name, Some(ProcessName::new(NAME)));
        assert_eq!(
            process::register(ProcessName::new(NAME), idle().pid()),
            Err(RegisterError::Taken(mailbox.pid()))
        );
    })
    .await;
}
