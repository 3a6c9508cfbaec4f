//! What errors and handles say to people.

use std::error::Error;

use otp_core::process;
use otp_pubsub::{BroadcastError, SubscribeError};

use crate::support::{bus, unstarted};

#[otp_core::test]
async fn errors_say_what_is_wrong() {
    let pid = process::current().expect("a test is a process");
    for (error, expected) in [
        (SubscribeError::NotRunning, "the event bus is not running"),
        (SubscribeError::NotAProcess, "not inside a process"),
        (SubscribeError::AnotherProcess(pid), &*format!("{pid} has to subscribe itself")),
        (SubscribeError::Dying, "the process is dying"),
    ] {
        assert_eq!(error.to_string(), expected);
    }
    assert!(BroadcastError::NotRunning.source().is_none());
    let failed = BroadcastError::Adapter("no route".into());
    assert_eq!(failed.source().map(ToString::to_string).as_deref(), Some("no route"));
}

#[otp_core::test]
async fn handles_show_what_they_are() {
    let bus = bus(1).await;
    assert_eq!(format!("{bus:?}"), format!("PubSub {{ name: {:?}, running: true, .. }}", bus.name()));
    assert!(format!("{:?}", unstarted(1)).contains("running: false"));
    let stream = bus.subscribe_stream_as("topic", 2, "stream").await.expect("it runs");
    for n in 1..=3 {
        bus.broadcast("topic", n).expect("it runs");
    }
    assert_eq!(format!("{stream:?}"), "Subscription { waiting: 2, missed: 1, .. }");
    bus.broadcast_with("topic", None, 1, |subscribers, _, _| {
        assert_eq!(format!("{:?}", subscribers[0].1), "Subscriber { metadata: \"stream\", .. }");
    })
    .expect("it runs");
}
