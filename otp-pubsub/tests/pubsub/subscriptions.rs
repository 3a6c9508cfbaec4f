//! Who is subscribed, and since when.

use std::convert::Infallible;

use otp_core::{Mailbox, Recipient, spawn};
use otp_genserver::GenServer;
use otp_pubsub::{NotRunning, PubSub, SubscribeError, UnregisterError};

use crate::support::{Do, Listener, bus, heard, kill, listener, subscribe, unstarted, unsubscribe};

#[otp_core::test]
async fn ps_001_a_bus_that_does_not_run_says_so() {
    let bus = unstarted(1);
    assert!(!bus.is_running());
    assert_eq!(bus.subscribers("topic"), Err(NotRunning));
    assert_eq!(bus.unsubscribe("topic"), Err(UnregisterError::NotRunning));
    assert!(matches!(bus.subscribe_stream("topic", 1).await, Err(SubscribeError::NotRunning)));
    assert_eq!(bus.broadcast("topic", 1).unwrap_err().to_string(), "the event bus is not running");
    let elsewhere = bus.direct_broadcast("elsewhere", "topic", 1);
    assert_eq!(elsewhere.unwrap_err().to_string(), "the event bus is not running");
    assert_eq!(bus.local_broadcast("topic", 1), Err(NotRunning));
    let listener = Listener::start(bus.clone()).await.expect("it starts");
    let subscribed = listener.call(|reply| Do::Subscribe("topic", reply)).await;
    assert_eq!(subscribed, Ok(Err(SubscribeError::NotRunning)));
    bus.start().await.expect("it starts");
    assert!(bus.is_running());
    subscribe(&listener, "topic").await;
}

#[otp_core::test]
async fn ps_001_two_buses_cannot_have_the_same_name() {
    let bus = bus(1).await;
    let second: PubSub<Infallible> = PubSub::new(bus.name().to_owned());
    assert!(second.start().await.is_err());
    assert!(bus.is_running());
    assert!(!second.is_running());
}

#[otp_core::test]
async fn ps_002_subscribe_registers_the_caller() {
    let bus = bus(1).await;
    let one = listener(&bus, &["topic"]).await;
    assert_eq!(bus.subscribers("topic"), Ok(vec![(one.pid(), "listener")]));
    assert_eq!(bus.subscribers("other"), Ok(vec![]));
}

#[otp_core::test]
async fn ps_009_unsubscribe_without_a_subscription_changes_nothing() {
    let bus = bus(1).await;
    let one = listener(&bus, &["topic"]).await;
    unsubscribe(&one, "other").await;
    assert_eq!(bus.subscribers("topic").map(|all| all.len()), Ok(1));
}

#[otp_core::test]
async fn ps_010_a_dead_subscriber_is_gone_and_broadcasts_go_on() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let (one, other) = (listener(&bus, &["topic", "topic"]).await, listener(&bus, &["topic"]).await);
        kill(one.pid()).await;
        assert_eq!(bus.subscribers("topic"), Ok(vec![(other.pid(), "listener")]));
        bus.broadcast("topic", 1).expect("it runs");
        assert_eq!(heard(&other).await, [1]);
    }
}

#[otp_core::test]
async fn ps_018_one_that_has_subscribed_before_the_broadcast_gets_it() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let one = listener(&bus, &[]).await;
        bus.broadcast("topic", 1).expect("it runs");
        subscribe(&one, "topic").await;
        bus.broadcast("topic", 2).expect("it runs");
        assert_eq!(heard(&one).await, [2]);
    }
}

#[otp_core::test]
async fn ps_019_one_that_has_unsubscribed_before_the_broadcast_gets_nothing() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let one = listener(&bus, &["topic", "topic", "other"]).await;
        unsubscribe(&one, "topic").await;
        bus.broadcast("topic", 1).expect("it runs");
        bus.broadcast("other", 2).expect("it runs");
        assert_eq!(heard(&one).await, [2]);
        assert_eq!(bus.subscribers("topic"), Ok(vec![]));
    }
}

#[otp_core::test]
async fn a_process_subscribes_itself_alone() {
    let bus = bus(1).await;
    let other = spawn(|mut mailbox: Mailbox<u32>| async move { drop(mailbox.receive().await) });
    let to: Recipient<u32> = other.clone().into();
    assert_eq!(bus.subscribe("topic", to), Err(SubscribeError::AnotherProcess(other.pid())));
    assert_eq!(bus.subscribers("topic"), Ok(vec![]));
}

#[test]
fn code_that_is_no_process_has_streams_alone() {
    let bus = unstarted(1);
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
        bus.start().await.expect("it starts");
        let other = spawn(|mut mailbox: Mailbox<u32>| async move { drop(mailbox.receive().await) });
        assert_eq!(bus.subscribe("topic", other), Err(SubscribeError::NotAProcess));
        assert_eq!(bus.unsubscribe("topic"), Err(UnregisterError::NotAProcess));
        let mut stream = bus.subscribe_stream("topic", 1).await.expect("it runs");
        bus.broadcast("topic", 1).expect("it runs");
        assert_eq!(stream.recv().await, Some(1));
    });
}
