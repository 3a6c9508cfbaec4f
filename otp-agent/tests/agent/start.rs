//! Starting and stopping an agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use otp_agent::{Agent, AgentClient, Name, StartError};
use otp_core::{ChildId, ExitReason, IntoChildSpec, Received, Restart, process};
use otp_supervisor::{Supervisor, SupervisorClient};

#[otp_core::test(start_paused = true)]
async fn agent_001_start_returns_when_the_initial_function_has_run_in_the_agent() {
    let start = || Agent::start_link(process::current);
    let agent = start().await.expect("it starts");
    assert_eq!(agent.get(|pid| *pid).await, Ok(Some(agent.pid())));
    let ran = Arc::new(AtomicBool::new(false));
    let runs = Arc::clone(&ran);
    Agent::start(move || runs.store(true, Ordering::Relaxed)).await.expect("it starts");
    assert!(ran.load(Ordering::Relaxed));
    let unlinked = Agent::start(|| 7).await.expect("it starts");
    let own = process::current().expect("a process");
    let links = process::info(own).expect("it runs").links;
    assert_eq!(links, [agent.pid()], "the one that start made is not linked");
    assert_eq!(unlinked.get(|n| *n).await, Ok(7));
}

#[otp_core::test(start_paused = true)]
async fn agent_009_an_initial_function_that_fails_fails_the_start() {
    let panicked = Agent::<()>::start(|| panic!("no value")).await;
    let Err(StartError::Exit(ExitReason::Panic(panic))) = panicked else { panic!("it must not start") };
    assert_eq!(panic.message(), "no value");
    let exited = Agent::<()>::start(|| process::exit(ExitReason::new("own reason"))).await;
    assert_eq!(exited.err(), Some(StartError::Exit(ExitReason::new("own reason"))));
}

#[otp_core::test(start_paused = true)]
async fn agent_013_stop_returns_when_the_agent_is_gone_and_its_name_free() {
    const NAME: Name<Agent<u8>> = Name::new("agent 013");
    let agent = Agent::start(|| 1).name(NAME).await.expect("it starts");
    let monitor = process::monitor(agent.pid()).expect("a process");
    agent.stop().await.expect("it runs");
    assert!(!agent.is_alive());
    assert_eq!(NAME.whereis(), None);
    assert!(!process::demonitor_flush(monitor).expect("a process"), "its DOWN was there");
    Agent::start(|| 2).name(NAME).await.expect("the name is free");
    NAME.stop().reason(ExitReason::Shutdown).await.expect("it runs");
}

#[otp_core::test(start_paused = true)]
async fn agent_014_a_name_that_is_taken_says_by_whom() {
    const NAME: Name<Agent<u8>> = Name::new("agent 014");
    let agent = Agent::start(|| 1).name(NAME).await.expect("it starts");
    let second = Agent::start(|| 2).name(NAME).await.err();
    assert_eq!(second, Some(StartError::AlreadyStarted(agent.pid())));
    assert_eq!(NAME.get(|n| *n).await, Ok(1));
}

#[test]
fn agent_015_a_linked_owner_dies_when_the_agent_crashes_and_with_start_it_does_not() {
    let linked = otp_core::run(async {
        let agent = Agent::start_link(|| 0).await.expect("it starts");
        agent.cast_update(|_| process::exit(ExitReason::new("boom")));
        std::future::pending::<()>().await;
    });
    assert_eq!(linked, Err(ExitReason::new("boom")));
    let unlinked = otp_core::run(async {
        let agent = Agent::start(|| 0).await.expect("it starts");
        agent.update(|_| process::exit(ExitReason::new("boom"))).await.expect_err("it crashes");
    });
    assert_eq!(unlinked, Ok(()));
}

#[otp_core::test(start_paused = true)]
async fn agent_016_it_is_a_permanent_child_with_the_id_of_its_type() {
    let spec = Agent::start_link(|| 0_u8).child_spec();
    assert_eq!(*spec.get_id(), ChildId::of::<Agent<u8>>());
    assert_eq!(spec.get_restart(), Restart::Permanent);
    let other = Agent::start_link(|| 0_u8).child_spec().id("other").restart(Restart::Temporary);
    assert_eq!(*other.get_id(), "other".into());
    const NAME: Name<Agent<u8>> = Name::new("agent 016");
    let supervisor = Supervisor::one_for_one()
        .child(Agent::start_link(|| 3_u8).name(NAME))
        .child(other)
        .start_link()
        .await
        .expect("it starts");
    NAME.update(|n| *n = 9).await.expect("it runs");
    let before = NAME.whereis();
    NAME.update(|_| process::exit(ExitReason::new("boom"))).await.expect_err("it crashes");
    while NAME.whereis().is_none() {
        tokio::task::yield_now().await;
    }
    assert_ne!(NAME.whereis(), before);
    assert_eq!(NAME.get(|n| *n).await, Ok(3), "a restarted agent begins anew");
    assert_eq!(supervisor.count_children().await.expect("it runs").active, 2);
}

#[otp_core::test(start_paused = true)]
async fn a_trapping_owner_gets_the_exit_of_its_agent() {
    let outcome = otp_core::attach_with(|mut mailbox: otp_core::Mailbox<()>| async move {
        process::trap_exit(true).expect("a process");
        let agent = Agent::start_link(|| 0).await.expect("it starts");
        agent.cast_update(|_| process::exit(ExitReason::new("boom")));
        let Received::Exit { from, reason } = mailbox.receive().await else { panic!("an EXIT is to come") };
        (from == agent.pid(), reason)
    });
    assert_eq!(outcome.await, Ok((true, ExitReason::new("boom"))));
}
