//! Who gets what.

use otp_core::process;

use crate::support::{Do, bus, heard, listener, subscribe, unstarted};

#[otp_core::test]
async fn ps_003_a_broadcast_reaches_each_subscription_once_the_sender_included() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let twice = listener(&bus, &["topic", "topic"]).await;
        let sender = listener(&bus, &["topic"]).await;
        sender.call(|reply| Do::Broadcast("topic", 7, reply)).await.expect("it runs");
        assert_eq!(heard(&twice).await, [7, 7]);
        assert_eq!(heard(&sender).await, [7]);
    }
}

#[otp_core::test]
async fn ps_003_broadcast_from_leaves_its_sender_out() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let (one, sender) = (listener(&bus, &["topic"]).await, listener(&bus, &["topic", "topic"]).await);
        sender.call(|reply| Do::BroadcastFrom("topic", 7, reply)).await.expect("it runs");
        assert_eq!((heard(&one).await, heard(&sender).await), (vec![7], vec![]));
    }
}

#[otp_core::test]
async fn ps_004_subscribers_of_other_topics_get_nothing() {
    let bus = bus(1).await;
    let one = listener(&bus, &["topi", "topic:1", "Topic", ""]).await;
    bus.broadcast("topic", 1).expect("it runs");
    assert_eq!(heard(&one).await, []);
    bus.broadcast("", 2).expect("it runs");
    assert_eq!(heard(&one).await, [2]);
}

#[otp_core::test]
async fn ps_005_a_broadcast_to_nobody_is_no_error() {
    let bus = bus(8).await;
    assert!(bus.broadcast("topic", 1).is_ok());
    let mut calls = 0;
    bus.broadcast_with("topic", None, 1, |_, _, _| calls += 1).expect("it runs");
    assert_eq!(calls, 0, "a dispatcher is not called for nobody");
}

#[otp_core::test]
async fn ps_011_local_broadcasts_do_the_same_within_the_node() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let (one, other) = (listener(&bus, &["topic"]).await, listener(&bus, &["topic"]).await);
        bus.local_broadcast("topic", 1).expect("it runs");
        bus.local_broadcast_from(one.pid(), "topic", 2).expect("it runs");
        assert_eq!((heard(&one).await, heard(&other).await), (vec![1], vec![1, 2]));
    }
}

#[otp_core::test]
async fn ps_012_a_dispatcher_is_given_everything_and_does_the_delivery() {
    for pool_size in [1, 8] {
        let bus = bus(pool_size).await;
        let (one, other) = (listener(&bus, &["topic"]).await, listener(&bus, &["topic"]).await);
        let me = process::current();
        let mut seen = Vec::new();
        bus.broadcast_with("topic", me, 7, |subscribers, from, message| {
            assert_eq!((from, *message), (me, 7));
            for (pid, subscriber) in subscribers {
                seen.push((*pid, *subscriber.metadata()));
                if *pid == one.pid() {
                    subscriber.send(message + 1);
                }
            }
        })
        .expect("it runs");
        seen.sort();
        let mut expected = [(one.pid(), "listener"), (other.pid(), "listener")];
        expected.sort();
        assert_eq!(seen, expected);
        assert_eq!((heard(&one).await, heard(&other).await), (vec![8], vec![]), "nothing else is sent");
    }
}

#[otp_core::test]
async fn ps_012_a_dispatcher_may_use_the_bus() {
    let bus = bus(1).await;
    let one = listener(&bus, &["topic", "other"]).await;
    bus.broadcast_with("topic", None, 7, |_, _, message| {
        bus.broadcast("other", message + 1).expect("it runs");
        assert_eq!(bus.subscribers("topic").map(|all| all.len()), Ok(1));
    })
    .expect("it runs");
    assert_eq!(heard(&one).await, [8]);
}

#[otp_core::test]
async fn ps_017_the_messages_of_one_broadcaster_keep_their_order() {
    let bus = bus(8).await;
    let one = listener(&bus, &["a", "b"]).await;
    for n in 0..100 {
        bus.broadcast(if n % 2 == 0 { "a" } else { "b" }, n).expect("it runs");
    }
    assert_eq!(heard(&one).await, Vec::from_iter(0..100));
}

#[otp_core::test]
async fn ps_020_partitions_are_as_many_as_the_pool_or_set_apart() {
    for (bus, partitions) in [(unstarted(3), 3), (unstarted(3).partitions(5), 5)] {
        bus.start().await.expect("it starts");
        let mut listeners = Vec::new();
        for _ in 0..100 {
            listeners.push(listener(&bus, &["topic"]).await);
        }
        let (mut calls, mut reached) = (0, 0);
        bus.broadcast_with("topic", None, 1, |subscribers, _, _| {
            calls += 1;
            reached += subscribers.len();
        })
        .expect("it runs");
        assert_eq!((calls, reached), (partitions, 100));
        assert_eq!(bus.get_pool_size(), 3);
    }
}

#[otp_core::test]
async fn subscribing_again_adds_to_what_is_there() {
    let bus = bus(1).await;
    let one = listener(&bus, &["topic"]).await;
    bus.broadcast("topic", 1).expect("it runs");
    subscribe(&one, "topic").await;
    bus.broadcast("topic", 2).expect("it runs");
    assert_eq!(heard(&one).await, [1, 2, 2]);
}
