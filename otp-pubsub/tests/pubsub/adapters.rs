//! Adapters: the way to other nodes.

use std::sync::{Arc, Mutex};

use otp_core::{ChildSpec, IntoChildSpec, StopToken, process};
use otp_pubsub::{Adapter, AdapterError, BroadcastError, PubSub};
use otp_supervisor::SupervisorClient;

use crate::support::{Bus, bus, heard, listener, unstarted};

/// Notes what it is asked for, and refuses what is odd.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

impl Noting {
    fn note(&self, what: String, message: u32) -> Result<(), AdapterError> {
        self.0.lock().expect("nobody panicked").push(what);
        if message % 2 == 1 { Err("it is odd".into()) } else { Ok(()) }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panicked"))
    }
}

impl Adapter<u32, &'static str> for Noting {
    fn node_name(&self) -> String {
        "here".to_owned()
    }

    fn broadcast(&self, topic: &str, message: &u32) -> Result<(), AdapterError> {
        self.note(format!("{topic} {message}"), *message)
    }

    fn direct_broadcast(&self, node: &str, topic: &str, message: &u32) -> Result<(), AdapterError> {
        self.note(format!("{node} {topic} {message}"), *message)
    }

    fn child(&self, bus: &Bus) -> Option<ChildSpec> {
        let bus = bus.clone();
        let receive = move |stop: StopToken| {
            let bus = bus.clone();
            async move {
                bus.local_broadcast("from elsewhere", 1).expect("the registry was started before");
                stop.stopped().await;
            }
        };
        Some(receive.child_spec().id("receiver"))
    }
}

#[otp_core::test]
async fn ps_024_the_adapter_is_asked_first_and_what_it_refuses_nobody_gets() {
    let noting = Noting::default();
    let bus = unstarted(1).adapter(noting.clone());
    bus.start().await.expect("it starts");
    let one = listener(&bus, &["topic"]).await;
    bus.broadcast("topic", 2).expect("it is even");
    let error = bus.broadcast("topic", 3).expect_err("it is odd");
    assert!(matches!(error, BroadcastError::Adapter(_)));
    assert_eq!(error.to_string(), "the adapter failed: it is odd");
    assert!(bus.broadcast_from(one.pid(), "topic", 5).is_err());
    let mut dispatched = false;
    assert!(bus.broadcast_with("topic", None, 7, |_, _, _| dispatched = true).is_err());
    assert!(!dispatched);
    assert_eq!(noting.take(), ["topic 2", "topic 3", "topic 5", "topic 7"]);
    assert_eq!(heard(&one).await, [2]);
}

#[otp_core::test]
async fn ps_011_a_local_broadcast_asks_no_adapter() {
    let noting = Noting::default();
    let bus = unstarted(1).adapter(noting.clone());
    bus.start().await.expect("it starts");
    let one = listener(&bus, &["topic"]).await;
    bus.local_broadcast("topic", 1).expect("it runs");
    bus.local_broadcast_from(one.pid(), "topic", 3).expect("it runs");
    assert_eq!(noting.take(), Vec::<String>::new());
    assert_eq!(heard(&one).await, [1]);
}

#[otp_core::test]
async fn ps_025_a_direct_broadcast_goes_to_one_node() {
    let noting = Noting::default();
    let bus = unstarted(1).adapter(noting.clone());
    bus.start().await.expect("it starts");
    let one = listener(&bus, &["topic"]).await;
    assert_eq!(bus.node_name(), "here");
    bus.direct_broadcast("here", "topic", 1).expect("it runs");
    assert_eq!((noting.take(), heard(&one).await), (vec![], vec![1]));
    bus.direct_broadcast("there", "topic", 2).expect("it is even");
    assert!(bus.direct_broadcast("there", "topic", 3).is_err());
    assert_eq!(noting.take(), ["there topic 2", "there topic 3"]);
    assert_eq!(heard(&one).await, []);
}

#[otp_core::test]
async fn ps_025_alone_there_is_no_other_node() {
    let bus = bus(1).await;
    let one = listener(&bus, &["topic"]).await;
    assert_eq!(bus.node_name(), "local");
    bus.direct_broadcast("local", "topic", 1).expect("it runs");
    let error = bus.direct_broadcast("there", "topic", 2).expect_err("there is no such node");
    assert_eq!(error.to_string(), "the adapter failed: there is no node there");
    assert_eq!(heard(&one).await, [1]);
}

#[otp_core::test]
async fn an_adapters_process_is_a_child_of_the_bus_after_the_registry() {
    let bus = unstarted(1).adapter(Noting::default());
    let supervisor = bus.start().await.expect("it starts");
    assert_eq!(process::whereis(&format!("{}.Supervisor", bus.name())), Some(supervisor.pid()));
    let children = supervisor.which_children().await.expect("it runs");
    let ids: Vec<_> =
        children.iter().rev().map(|child| child.id.as_ref().expect("an id").to_string()).collect();
    assert_eq!(ids, [bus.name(), "receiver"]);
}

#[otp_core::test]
#[should_panic(expected = "before its handle is cloned")]
async fn options_come_before_the_handle_is_cloned() {
    let bus: PubSub<u32> = PubSub::new("cloned");
    let _clone = bus.clone();
    drop(bus.partitions(2));
}
