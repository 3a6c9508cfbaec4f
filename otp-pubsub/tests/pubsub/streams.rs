//! Subscriptions as streams.

use futures_util::StreamExt;
use otp_core::process;

use crate::support::{bus, heard, kill, listener, unstarted};

#[otp_core::test]
async fn a_stream_gets_what_is_broadcast_in_order() {
    let bus = bus(1).await;
    let mut stream = bus.subscribe_stream_as("topic", 8, "stream").await.expect("it runs");
    assert_eq!(bus.subscribers("topic"), Ok(vec![(stream.pid(), "stream")]));
    for n in 1..=3 {
        bus.broadcast("topic", n).expect("it runs");
    }
    assert_eq!(stream.waiting(), 3);
    assert_eq!((stream.next().await, stream.recv().await, stream.next().await), (Some(1), Some(2), Some(3)));
    assert_eq!((stream.waiting(), stream.missed()), (0, 0));
}

#[otp_core::test]
async fn a_stream_that_waits_is_woken() {
    let bus = bus(1).await;
    let mut stream = bus.subscribe_stream_as("topic", 1, "").await.expect("it runs");
    let broadcast = async {
        tokio::task::yield_now().await;
        bus.broadcast("topic", 1).expect("it runs");
    };
    assert_eq!(tokio::join!(stream.recv(), broadcast).0, Some(1));
}

#[otp_core::test]
async fn a_full_stream_keeps_the_newest_and_counts_the_rest() {
    let bus = bus(1).await;
    let mut stream = bus.subscribe_stream("topic", 2).await.expect("it runs");
    for n in 1..=2 {
        bus.broadcast("topic", n).expect("it runs");
    }
    assert_eq!(stream.missed(), 0, "it holds as many as it has capacity for");
    for n in 3..=5 {
        bus.broadcast("topic", n).expect("it runs");
    }
    assert_eq!(stream.missed(), 3);
    assert_eq!((stream.recv().await, stream.recv().await), (Some(4), Some(5)));
}

#[otp_core::test]
async fn dropping_a_stream_unsubscribes() {
    let bus = bus(1).await;
    let stream = bus.subscribe_stream("topic", 2).await.expect("it runs");
    let pid = stream.pid();
    drop(stream);
    while process::is_alive(pid) {
        tokio::task::yield_now().await;
    }
    assert_eq!(bus.subscribers("topic"), Ok(vec![]));
}

#[otp_core::test]
async fn a_stream_ends_after_what_it_holds_when_the_bus_does() {
    let bus = unstarted(1);
    let supervisor = bus.start().await.expect("it starts");
    let mut stream = bus.subscribe_stream("topic", 2).await.expect("it runs");
    bus.broadcast("topic", 1).expect("it runs");
    supervisor.stop().await.expect("it runs");
    assert_eq!((stream.recv().await, stream.recv().await), (Some(1), None));
    assert_eq!(stream.recv().await, None, "it stays ended");
}

#[otp_core::test]
async fn a_stream_whose_holder_is_killed_ends() {
    let bus = bus(1).await;
    let mut stream = bus.subscribe_stream("topic", 2).await.expect("it runs");
    kill(stream.pid()).await;
    assert_eq!(stream.recv().await, None);
    bus.broadcast("topic", 1).expect("it runs");
    assert_eq!(stream.waiting(), 0);
}

#[otp_core::test]
#[should_panic(expected = "room for a message")]
async fn a_stream_without_room_is_refused() {
    let bus = bus(1).await;
    drop(bus.subscribe_stream("topic", 0).await);
}

#[otp_core::test]
async fn streams_and_processes_hear_the_same() {
    let bus = bus(8).await;
    let one = listener(&bus, &["topic"]).await;
    let mut stream = bus.subscribe_stream("topic", 2).await.expect("it runs");
    bus.broadcast_from(stream.pid(), "topic", 1).expect("it runs");
    bus.broadcast("topic", 2).expect("it runs");
    assert_eq!(stream.recv().await, Some(2));
    assert_eq!(heard(&one).await, [1, 2]);
}
