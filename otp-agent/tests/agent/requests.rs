//! Reading and changing the value.

use std::sync::mpsc;
use std::time::Duration;

use otp_agent::{Agent, AgentClient, CallError, Name};
use otp_core::process;
use tokio::time::Instant;

#[otp_core::test(start_paused = true)]
async fn agent_002_get_update_and_get_and_update_do_what_they_say() {
    let agent = Agent::start_link(|| vec![1]).await.expect("it starts");
    assert_eq!(agent.get(Vec::len).await, Ok(1));
    assert_eq!(agent.update(|list| list.push(2)).await, Ok(()));
    assert_eq!(agent.get(Clone::clone).await, Ok(vec![1, 2]));
    assert_eq!(agent.get_and_update(Vec::pop).await, Ok(Some(2)));
    assert_eq!(agent.get(Clone::clone).await, Ok(vec![1]));
    agent.cast_update(|list| list.push(5));
    assert_eq!(agent.get(Clone::clone).await, Ok(vec![1, 5]));
}

#[otp_core::test(start_paused = true)]
async fn agent_004_what_one_process_asks_happens_in_that_order() {
    let agent = Agent::start_link(Vec::new).await.expect("it starts");
    let mut wanted = Vec::new();
    for n in 0..100 {
        wanted.push(n);
        if n % 3 == 0 {
            agent.update(move |list| list.push(n)).await.expect("it runs");
        } else {
            agent.cast_update(move |list| list.push(n));
        }
    }
    assert_eq!(agent.get(Clone::clone).await, Ok(wanted));
}

#[otp_core::test(start_paused = true)]
async fn agent_005_functions_run_inside_the_agent() {
    let agent = Agent::start_link(|| None).await.expect("it starts");
    let own = Some(agent.pid());
    assert_eq!(agent.get(|_| process::current()).await, Ok(own));
    assert_eq!(agent.get_and_update(|_| process::current()).await, Ok(own));
    agent.update(|seen| *seen = process::current()).await.expect("it runs");
    assert_eq!(agent.get(|seen| *seen).await, Ok(own));
    agent.update(|seen| *seen = None).await.expect("it runs");
    agent.cast_update(|seen| *seen = process::current());
    assert_eq!(agent.get(|seen| *seen).await, Ok(own));
}

#[otp_core::test(start_paused = true)]
async fn agent_011_a_request_waits_for_five_seconds_unless_told_otherwise() {
    let agent = Agent::start_link(|| 0).await.expect("it starts");
    // An agent that is suspended answers nobody.
    otp_genserver::sys::suspend(&agent).await.expect("it runs");
    let begun = Instant::now();
    assert_eq!(agent.get(|n| *n).await, Err(CallError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 5000);
    let begun = Instant::now();
    let short = agent.update(|n| *n += 1).timeout(Duration::from_millis(70)).await;
    assert_eq!(short, Err(CallError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 70);
    otp_genserver::sys::resume(&agent).await.expect("it runs");
    assert_eq!(agent.get(|n| *n).infinity().await, Ok(1), "what was asked is carried out all the same");
}

#[test]
fn agent_018_a_long_get_holds_up_everybody_else() {
    let order = otp_core::run(async {
        let agent = Agent::start_link(Vec::new).await.expect("it starts");
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let long = agent.get(move |list: &Vec<u8>| {
            begun.send(()).expect("the test waits");
            released.recv().expect("the test releases it");
            list.len()
        });
        let other = async {
            begins.await.expect("it begins");
            let mut update = std::pin::pin!(agent.update(|list| list.push(1)));
            // A moment in which it could be answered, were it not for the other.
            let early = tokio::time::timeout(Duration::from_millis(20), update.as_mut()).await;
            release.send(()).expect("the function waits");
            (early.is_err(), update.await)
        };
        tokio::join!(long.infinity(), other)
    });
    assert_eq!(order, Ok((Ok(0), (true, Ok(())))));
}

#[otp_core::test(start_paused = true)]
async fn an_agent_is_asked_by_its_name_too() {
    const NAME: Name<Agent<u8>> = Name::new("agent by name");
    Agent::start_link(|| 1).name(NAME).await.expect("it starts");
    NAME.update(|n| *n += 1).await.expect("it runs");
    NAME.cast_update(|n| *n *= 10);
    assert_eq!(NAME.get_and_update(std::mem::take).await, Ok(20));
    assert_eq!(NAME.get(|n| *n).await, Ok(0));
}

#[test]
fn a_thread_asks_an_agent_by_blocking() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let agent = runtime.block_on(async { Agent::start(|| 4).await.expect("it starts") });
    assert_eq!(agent.get(|n| n + 1).blocking(), Ok(5));
}
