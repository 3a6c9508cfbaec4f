//! Functions that fail, and agents that are not there.

use otp_agent::{Agent, AgentClient, CallError, Name};
use otp_core::ExitReason;

#[otp_core::test(start_paused = true)]
async fn agent_017_an_agent_that_is_not_there_is_no_proc() {
    const NOBODY: Name<Agent<u8>> = Name::new("agent 017");
    assert_eq!(NOBODY.get(|n| *n).await, Err(CallError::NoProc));
    let agent = Agent::start(|| 1_u8).await.expect("it starts");
    agent.stop().await.expect("it runs");
    assert_eq!(agent.update(|n| *n = 2).await, Err(CallError::NoProc));
    // Nobody hears of a cast.
    agent.cast_update(|n| *n = 3);
}

#[otp_core::test(start_paused = true)]
async fn a_function_that_panics_ends_the_agent_and_its_caller_hears_of_it() {
    let agent = Agent::start(|| 1).await.expect("it starts");
    let Err(CallError::Exit(ExitReason::Panic(panic))) = agent.get::<()>(|_| panic!("no such key")).await
    else {
        panic!("it is to end")
    };
    assert_eq!(panic.message(), "no such key");
    assert!(!agent.is_alive());
    let agent = Agent::start(|| 1).await.expect("it starts");
    agent.cast_update(|_| panic!("cast"));
    let next = agent.get(|n| *n).await;
    assert!(matches!(next, Err(CallError::Exit(ExitReason::Panic(_)) | CallError::NoProc)), "{next:?}");
}
