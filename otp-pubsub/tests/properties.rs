//! A bus with processes that subscribe, unsubscribe, broadcast and die at random agrees with a plain model.

use std::collections::BTreeMap;
use std::convert::Infallible;

use otp_core::{ExitReason, ReplyTo, process};
use otp_genserver::{Context, GenServer, InitError, ServerRef};
use otp_pubsub::PubSub;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

type Bus = PubSub<u32, u8>;

const TOPICS: [&str; 3] = ["a", "b", "ab"];
const PROCESSES: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Subscribe {
        who: usize,
        topic: usize,
        metadata: u8,
    },
    Unsubscribe {
        who: usize,
        topic: usize,
    },
    Broadcast {
        topic: usize,
    },
    /// To all but this one.
    BroadcastFrom {
        who: usize,
        topic: usize,
    },
    /// Killed, and another one takes its place.
    Die {
        who: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, topic) = (0..PROCESSES, 0..TOPICS.len());
    prop_oneof![
        4 => (who.clone(), topic.clone(), any::<u8>())
            .prop_map(|(who, topic, metadata)| Step::Subscribe { who, topic, metadata }),
        2 => (who.clone(), topic.clone()).prop_map(|(who, topic)| Step::Unsubscribe { who, topic }),
        4 => topic.clone().prop_map(|topic| Step::Broadcast { topic }),
        3 => (who.clone(), topic).prop_map(|(who, topic)| Step::BroadcastFrom { who, topic }),
        1 => who.prop_map(|who| Step::Die { who }),
    ]
}

struct Member {
    bus: Bus,
    heard: Vec<u32>,
}

enum Do {
    Subscribe(usize, u8, ReplyTo<()>),
    Unsubscribe(usize, ReplyTo<()>),
    Heard(ReplyTo<Vec<u32>>),
}

impl GenServer for Member {
    type Args = Bus;
    type Call = Do;
    type Cast = Infallible;
    type Info = u32;
    type Continue = Infallible;

    async fn init(bus: Bus, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self { bus, heard: Vec::new() })
    }

    async fn handle_call(&mut self, call: Do, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {
            Do::Subscribe(topic, metadata, reply) => {
                self.bus.subscribe_as(TOPICS[topic], cx.server_ref(), metadata)?;
                reply.send(());
            }
            Do::Unsubscribe(topic, reply) => {
                self.bus.unsubscribe(TOPICS[topic])?;
                reply.send(());
            }
            Do::Heard(reply) => reply.send(std::mem::take(&mut self.heard)),
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }

    async fn handle_info(&mut self, message: u32, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.heard.push(message);
        Ok(())
    }
}

/// What a process is subscribed to, with the metadata, in order, and what it must hear.
#[derive(Default)]
struct Model {
    subscriptions: Vec<(usize, u8)>,
    to_hear: Vec<u32>,
}

async fn run(partitions: usize, steps: &[Step]) {
    let bus: Bus = PubSub::new("properties").partitions(partitions);
    let supervisor = bus.start().await.expect("it starts");
    let mut members: Vec<ServerRef<Member>> = Vec::new();
    for _ in 0..PROCESSES {
        members.push(Member::start(bus.clone()).await.expect("it starts"));
    }
    let mut models: Vec<Model> = std::iter::repeat_with(Model::default).take(PROCESSES).collect();
    for (message, step) in (0..).zip(steps) {
        match *step {
            Step::Subscribe { who, topic, metadata } => {
                members[who].call(|reply| Do::Subscribe(topic, metadata, reply)).await.expect("it runs");
                models[who].subscriptions.push((topic, metadata));
            }
            Step::Unsubscribe { who, topic } => {
                members[who].call(|reply| Do::Unsubscribe(topic, reply)).await.expect("it runs");
                models[who].subscriptions.retain(|(subscribed, _)| *subscribed != topic);
            }
            Step::Broadcast { topic } => {
                bus.broadcast(TOPICS[topic], message).expect("it runs");
                models.iter_mut().for_each(|model| hear(model, topic, message));
            }
            Step::BroadcastFrom { who, topic } => {
                bus.broadcast_from(members[who].pid(), TOPICS[topic], message).expect("it runs");
                let others = models.iter_mut().enumerate().filter(|(at, _)| *at != who);
                others.for_each(|(_, model)| hear(model, topic, message));
            }
            Step::Die { who } => {
                process::send_exit(members[who].pid(), ExitReason::Kill);
                while process::is_alive(members[who].pid()) {
                    tokio::task::yield_now().await;
                }
                members[who] = Member::start(bus.clone()).await.expect("it starts");
                models[who] = Model::default();
            }
        }
        for (topic, name) in TOPICS.iter().enumerate() {
            let mut actual = BTreeMap::<_, Vec<u8>>::new();
            for (pid, metadata) in bus.subscribers(name).expect("it runs") {
                actual.entry(pid).or_default().push(metadata);
            }
            actual.values_mut().for_each(|of_one| of_one.sort_unstable());
            let mut expected = BTreeMap::new();
            for (member, model) in members.iter().zip(&models) {
                let of_topic = model.subscriptions.iter().filter(|(subscribed, _)| *subscribed == topic);
                let mut of_one: Vec<u8> = of_topic.map(|(_, metadata)| *metadata).collect();
                of_one.sort_unstable();
                if !of_one.is_empty() {
                    expected.insert(member.pid(), of_one);
                }
            }
            assert_eq!(actual, expected, "subscribers of {name} after {step:?}");
        }
    }
    for (member, model) in members.iter().zip(&models) {
        assert_eq!(member.call(Do::Heard).await.expect("it runs"), model.to_hear);
    }
    supervisor.stop().await.expect("it runs");
    // The end of the bus takes along whoever is subscribed, and nobody else.
    for (member, model) in members.iter().zip(&models) {
        while !model.subscriptions.is_empty() && process::is_alive(member.pid()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(process::is_alive(member.pid()), model.subscriptions.is_empty());
        process::send_exit(member.pid(), ExitReason::Kill);
    }
}

fn hear(model: &mut Model, topic: usize, message: u32) {
    let times = model.subscriptions.iter().filter(|(subscribed, _)| *subscribed == topic).count();
    model.to_hear.extend(std::iter::repeat_n(message, times));
}

#[test]
fn a_bus_does_what_the_model_says() {
    let cases = Config { cases: 300, ..Config::default() };
    let steps = (prop_oneof![Just(1usize), Just(3), Just(8)], proptest::collection::vec(step(), 1..40));
    TestRunner::new(cases)
        .run(&steps, |(partitions, steps)| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime
                .block_on(otp_core::attach(async move { run(partitions, &steps).await }))
                .expect("no step failed");
            Ok(())
        })
        .unwrap();
}
