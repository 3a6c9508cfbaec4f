//! actix: threads with a loop each (arbiters), to which servers and callers are dealt in turn; so the first server and its
//! caller share one, unless the callers are dealt from the second arbiter on (`actix-apart`). The mailbox is bounded at 16
//! for `send`, which waits, and not for `do_send` (`actix`), or not at all (`actix-unbounded`). Its supervisor runs the same
//! actor again in the same task when it has stopped itself, and dies with that task of a panic. A call has no limit unless
//! one is given; "stopped" is the hook `stopped`.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::prelude::{
    Actor, ActorContext, Addr, Arbiter, ArbiterHandle, Context, Handler, Message, Supervised, Supervisor,
    System,
};
use tokio::sync::oneshot;

use crate::crash::Crash;
use crate::node::{Node, NodeMessage};
use crate::peer::Peer;

static ARBITERS: OnceLock<Vec<ArbiterHandle>> = OnceLock::new();
static NEXT_SERVER: AtomicUsize = AtomicUsize::new(0);
static NEXT_CALLER: AtomicUsize = AtomicUsize::new(0);

fn arbiter(turn: &AtomicUsize) -> &'static ArbiterHandle {
    let arbiters = ARBITERS.get().expect("made before anything runs");
    &arbiters[turn.fetch_add(1, Ordering::Relaxed) % arbiters.len()]
}

pub(crate) struct Counter<const UNBOUNDED: bool> {
    count: u64,
    /// Whoever waits for its beginning, and later for its end.
    waiting: Option<oneshot::Sender<()>>,
}

impl<const UNBOUNDED: bool> Counter<UNBOUNDED> {
    fn tell(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.send(()).ok();
        }
    }
}

impl<const UNBOUNDED: bool> Actor for Counter<UNBOUNDED> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        if UNBOUNDED {
            // More than any workload sends. actix counts the senders in what is left to the largest number.
            context.set_mailbox_capacity(1 << 30);
        }
        self.tell();
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.tell();
    }
}

struct Increment;

impl Message for Increment {
    type Result = ();
}

impl<const UNBOUNDED: bool> Handler<Increment> for Counter<UNBOUNDED> {
    type Result = ();

    fn handle(&mut self, _: Increment, _: &mut Context<Self>) {
        self.count += 1;
    }
}

struct Get;

impl Message for Get {
    type Result = u64;
}

impl<const UNBOUNDED: bool> Handler<Get> for Counter<UNBOUNDED> {
    type Result = u64;

    fn handle(&mut self, _: Get, _: &mut Context<Self>) -> u64 {
        self.count += 1;
        self.count
    }
}

struct Stop(oneshot::Sender<()>);

impl Message for Stop {
    type Result = ();
}

impl<const UNBOUNDED: bool> Handler<Stop> for Counter<UNBOUNDED> {
    type Result = ();

    fn handle(&mut self, Stop(stopped): Stop, context: &mut Context<Self>) {
        self.waiting = Some(stopped);
        context.stop();
    }
}

impl<const UNBOUNDED: bool> Supervised for Counter<UNBOUNDED> {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.count = 0;
    }
}

impl Message for Crash {
    type Result = ();
}

impl<const UNBOUNDED: bool> Handler<Crash> for Counter<UNBOUNDED> {
    type Result = ();

    fn handle(&mut self, crash: Crash, context: &mut Context<Self>) {
        crash.happen();
        context.stop();
    }
}

pub(crate) struct NodeActor(Node<Addr<Self>>);

impl Actor for NodeActor {
    type Context = Context<Self>;
}

impl Message for NodeMessage {
    type Result = ();
}

impl Handler<NodeMessage> for NodeActor {
    type Result = ();

    fn handle(&mut self, message: NodeMessage, _: &mut Context<Self>) {
        if let Some((to, answer)) = self.0.on(message) {
            to.do_send(answer);
        }
    }
}

/// `APART`: the first caller is not on the arbiter of the first server.
pub(crate) struct Actix<const UNBOUNDED: bool, const APART: bool>;

impl<const UNBOUNDED: bool, const APART: bool> Peer for Actix<UNBOUNDED, APART> {
    type Counter = Addr<Counter<UNBOUNDED>>;
    type Node = Addr<NodeActor>;
    type Supervised = Addr<Counter<UNBOUNDED>>;

    async fn start() -> Self::Counter {
        let (up, is_up) = oneshot::channel();
        let counter =
            Counter::start_in_arbiter(arbiter(&NEXT_SERVER), |_| Counter { count: 0, waiting: Some(up) });
        is_up.await.unwrap();
        counter
    }

    async fn call(counter: &Self::Counter) -> u64 {
        counter.send(Get).await.unwrap()
    }

    async fn call5s(counter: &Self::Counter) -> u64 {
        counter.send(Get).timeout(Duration::from_secs(5)).await.unwrap()
    }

    async fn cast(counter: &Self::Counter) {
        counter.do_send(Increment);
    }

    async fn stop(counter: Self::Counter) {
        let (stop, stopped) = oneshot::channel();
        counter.do_send(Stop(stop));
        stopped.await.unwrap();
    }

    async fn start_node(node: Node<Self::Node>) -> Self::Node {
        NodeActor::start_in_arbiter(arbiter(&NEXT_SERVER), |_| NodeActor(node))
    }

    async fn send_node(node: &Self::Node, message: NodeMessage) {
        node.do_send(message);
    }

    async fn supervise(crash: Crash) -> Result<Self::Supervised, &'static str> {
        match crash {
            Crash::Panic => Err("of a panic its supervisor dies as well (restart)"),
            Crash::Error => Ok(Supervisor::start_in_arbiter(arbiter(&NEXT_SERVER), |_| Counter {
                count: 0,
                waiting: None,
            })),
        }
    }

    async fn crash(counter: &Self::Supervised, crash: Crash) {
        counter.do_send(crash);
    }

    async fn try_call(counter: &Self::Supervised) -> Option<u64> {
        counter.send(Get).await.ok()
    }

    fn spawn<F>(caller: F) -> impl Future<Output = F::Output> + Send
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (result, finished) = oneshot::channel();
        arbiter(&NEXT_CALLER).spawn(async move {
            result.send(caller.await).ok();
        });
        async { finished.await.unwrap() }
    }

    fn run<F>(threads: usize, caller: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // The system's own thread only waits.
        System::new().block_on(async move {
            let arbiters = (0..threads).map(|_| Arbiter::new().handle()).collect();
            assert!(ARBITERS.set(arbiters).is_ok(), "one run in a program");
            NEXT_CALLER.store(usize::from(APART), Ordering::Relaxed);
            Self::spawn(caller).await
        })
    }
}
