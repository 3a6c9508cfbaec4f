//! ractor: an unbounded mailbox; a call has no limit unless one is given, and hears of the actor's death; "stopped" is
//! `stop_and_wait`. Its supervisor is an actor that starts the counter again when it hears of its failure, and the counter
//! has a name. Callers are tokio's tasks.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, OutputPort, RpcReplyPort, SupervisionEvent};

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::{Lookup, Peer};
use crate::peers::Raw;
use crate::workloads::{Heard, Publish, SUBSCRIBERS};

pub(crate) enum Message {
    Increment,
    Get(RpcReplyPort<u64>),
    Crash(Crash),
}

struct Counter;

impl Actor for Counter {
    type Msg = Message;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        count: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        *count += 1;
        match message {
            Message::Increment => {}
            Message::Get(reply) => {
                reply.send(*count).ok();
            }
            Message::Crash(crash) => return Err(crash.happen().into()),
        }
        Ok(())
    }
}

const NAME: &str = "counter";

struct Supervisor;

impl Supervisor {
    async fn start_counter(myself: &ActorRef<()>) -> Result<(), ActorProcessingErr> {
        Actor::spawn_linked(Some(NAME.to_owned()), Counter, (), myself.get_cell()).await?;
        Ok(())
    }
}

impl Actor for Supervisor {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Self::start_counter(&myself).await
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(..) = event {
            Self::start_counter(&myself).await?;
        }
        Ok(())
    }
}

struct Subscriber;

impl Actor for Subscriber {
    type Msg = u64;
    /// Who counts, and whether it is the one that gets stuck.
    type State = (Arc<Heard>, bool);
    type Arguments = Self::State;

    async fn pre_start(
        &self,
        _: ActorRef<u64>,
        state: Self::State,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<u64>,
        _: u64,
        (heard, sticks): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if *sticks {
            pending::<()>().await;
        }
        heard.one();
        Ok(())
    }
}

struct NodeActor;

impl Actor for NodeActor {
    type Msg = NodeMessage;
    type State = Node<ActorRef<NodeMessage>>;
    type Arguments = Self::State;

    async fn pre_start(
        &self,
        _: ActorRef<NodeMessage>,
        node: Self::State,
    ) -> Result<Self::State, ActorProcessingErr> {
        Ok(node)
    }

    async fn handle(
        &self,
        _: ActorRef<NodeMessage>,
        message: NodeMessage,
        node: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some((to, answer)) = node.on(message) {
            to.cast(answer).ok();
        }
        Ok(())
    }
}

pub(crate) struct Ractor;

impl Ractor {
    async fn call_within(counter: &ActorRef<Message>, limit: Option<Duration>) -> u64 {
        counter.call(Message::Get, limit).await.unwrap().unwrap()
    }
}

impl Peer for Ractor {
    type Counter = ActorRef<Message>;
    type Node = ActorRef<NodeMessage>;
    type Supervised = ();

    async fn start() -> Self::Counter {
        Actor::spawn(None, Counter, ()).await.unwrap().0
    }

    async fn call(counter: &Self::Counter) -> u64 {
        Self::call_within(counter, None).await
    }

    async fn call5s(counter: &Self::Counter) -> u64 {
        Self::call_within(counter, Some(Duration::from_secs(5))).await
    }

    async fn cast(counter: &Self::Counter) {
        counter.cast(Message::Increment).unwrap();
    }

    async fn stop(counter: Self::Counter) {
        counter.stop_and_wait(None, None).await.unwrap();
    }

    async fn start_node(node: Node<Self::Node>) -> Self::Node {
        Actor::spawn(None, NodeActor, node).await.unwrap().0
    }

    async fn send_node(node: &Self::Node, message: NodeMessage) {
        node.cast(message).ok();
    }

    async fn supervise(_: Crash) -> Result<(), &'static str> {
        Actor::spawn(None, Supervisor, ()).await.unwrap();
        Ok(())
    }

    async fn crash((): &(), crash: Crash) {
        let counter = ActorRef::where_is(NAME).unwrap();
        counter.cast(Message::Crash(crash)).unwrap();
    }

    async fn try_call((): &()) -> Option<u64> {
        match ActorRef::where_is(NAME)?.call(Message::Get, None).await {
            Ok(CallResult::Success(count)) => Some(count),
            _ => None,
        }
    }

    async fn registry(keys: Vec<String>) -> Result<Lookup, &'static str> {
        for key in keys {
            Actor::spawn(Some(key), Counter, ()).await.unwrap();
        }
        Ok(Arc::new(|key| ractor::registry::where_is(key).is_some()))
    }

    /// By an output port: each subscription is a task that hands on to the actor.
    async fn bus(heard: Arc<Heard>) -> Result<Publish, &'static str> {
        let port = OutputPort::<u64>::default();
        for number in 0..SUBSCRIBERS {
            let arguments = (Arc::clone(&heard), number == 0);
            let (subscriber, _) = Actor::spawn(None, Subscriber, arguments).await.unwrap();
            port.subscribe(subscriber, Some);
        }
        Ok(Box::new(move || {
            port.send(1);
            Box::pin(async {})
        }))
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Raw::spawn(caller)
    }
}
