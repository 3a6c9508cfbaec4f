//! Subscribers that are slow, full, stuck, dead or broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use otp_core::behaviour::Spawn;
use otp_core::{ExitReason, Mailbox, Overflow, Received, process};
use otp_pubsub::{PubSub, Subscriber};
use otp_supervisor::Supervisor;
use tokio::sync::oneshot;

use crate::support::{bus, heard, kill, listener, unstarted};

#[otp_core::test]
async fn a_full_subscriber_drops_by_its_own_policy_and_counts_it_and_nobody_else_notices() {
    for (overflow, kept) in [
        (Overflow::DropNew, [1, 2]),
        (Overflow::DropOldest, [4, 5]),
        (Overflow::Reject, [1, 2]),
        (Overflow::Wait, [1, 2]),
    ] {
        let bus = bus(1).await;
        let one = listener(&bus, &["topic"]).await;
        let (subscribed, is_subscribed) = oneshot::channel();
        let (go, gone) = oneshot::channel::<()>();
        let (result, kept_by_it) = oneshot::channel();
        let its = bus.clone();
        let stuck = Spawn::new().bound(2, overflow).prepare::<u32>();
        let (stuck, _) = stuck.go(move |mut mailbox: Mailbox<u32>| async move {
            its.subscribe_as("topic", mailbox.address(), "stuck").expect("it runs");
            subscribed.send(()).expect("the test waits");
            gone.await.expect("the test goes on");
            let mut kept = Vec::new();
            for _ in 0..2 {
                if let Received::Message(message) = mailbox.receive().await {
                    kept.push(message);
                }
            }
            result.send(kept).expect("the test waits");
            ExitReason::Normal
        });
        is_subscribed.await.expect("it subscribes");
        for n in 1..=5 {
            bus.broadcast("topic", n).expect("it runs");
        }
        assert_eq!(heard(&one).await, [1, 2, 3, 4, 5], "{overflow:?}");
        let info = process::info(stuck.pid()).expect("it lives");
        assert_eq!((info.dropped, info.mailbox_len), (3, 2), "{overflow:?}");
        go.send(()).expect("it waits");
        assert_eq!(kept_by_it.await.expect("it answers"), kept, "{overflow:?}");
    }
}

/// Counts its clones.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[otp_core::test]
async fn a_message_is_cloned_once_for_each_subscription() {
    let bus: PubSub<Counted> = PubSub::new("counted");
    bus.start().await.expect("it starts");
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(bus.subscribe_stream("topic", 1).await.expect("it runs"));
    }
    let clones = Arc::new(AtomicUsize::new(0));
    bus.broadcast("topic", Counted(Arc::clone(&clones))).expect("it runs");
    for stream in &mut streams {
        assert!(stream.recv().await.is_some());
    }
    assert_eq!(clones.load(Ordering::Relaxed), 3);
}

#[otp_core::test]
async fn metadata_stays_where_it_is_when_something_is_broadcast() {
    let clones = Arc::new(AtomicUsize::new(0));
    let bus: PubSub<u32, Counted> = PubSub::new("counted metadata");
    bus.start().await.expect("it starts");
    let metadata = Counted(Arc::clone(&clones));
    let mut stream = bus.subscribe_stream_as("topic", 1, metadata).await.expect("it runs");
    bus.broadcast("topic", 1).expect("it runs");
    let dispatch = |to: &[(_, Subscriber<u32, Counted>)], _, message: &u32| to[0].1.send(*message);
    bus.broadcast_with("topic", None, 2, dispatch).expect("it runs");
    assert_eq!((stream.recv().await, clones.load(Ordering::Relaxed)), (Some(2), 0));
    assert_eq!(bus.subscribers("topic").map(|subscribers| subscribers.len()), Ok(1));
    assert_eq!(clones.load(Ordering::Relaxed), 1, "who asks for it gets a copy");
}

/// Panics when it is cloned the second time.
struct Fragile(Arc<AtomicUsize>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert_ne!(self.0.fetch_add(1, Ordering::Relaxed), 1, "told to");
        Self(Arc::clone(&self.0))
    }
}

#[otp_core::test]
async fn a_clone_that_panics_keeps_the_message_from_one_subscriber_alone() {
    let bus: PubSub<Fragile> = PubSub::new("fragile");
    bus.start().await.expect("it starts");
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(bus.subscribe_stream("topic", 1).await.expect("it runs"));
    }
    bus.broadcast("topic", Fragile(Arc::default())).expect("it runs");
    let got: usize = streams.iter().map(otp_pubsub::Subscription::waiting).sum();
    assert_eq!(got, 2);
}

#[otp_core::test]
async fn subscribers_are_linked_to_the_bus_and_a_bus_that_is_restarted_begins_empty() {
    let bus = unstarted(1);
    let supervisor = Supervisor::one_for_one().child(bus.clone()).start().await.expect("it starts");
    let one = listener(&bus, &["topic"]).await;
    kill(process::whereis(bus.name()).expect("the registry has the bus's name")).await;
    while process::is_alive(one.pid()) || !bus.is_running() {
        tokio::task::yield_now().await;
    }
    assert_eq!(bus.subscribers("topic"), Ok(vec![]));
    let again = listener(&bus, &["topic"]).await;
    bus.broadcast("topic", 1).expect("it runs");
    assert_eq!(heard(&again).await, [1]);
    supervisor.stop().await.expect("it runs");
    assert!(!bus.is_running());
}
