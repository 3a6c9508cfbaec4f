//! What the tests share: registries with names of their own, and processes that do what they are told.

use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};

use otp_core::behaviour::{Answer, await_end};
use otp_core::process::{self, ProcessInfo, send_exit};
use otp_core::{ExitReason, Mailbox, Pid, ProcessRef, Received, spawn};
use otp_genserver::{Context, GenServer, InitError, ReplyTo, ServerRef};
use otp_registry::{Duplicate, Key, Keys, Registry, Value};
use otp_supervisor::{Supervisor, SupervisorClient};
use tokio::sync::oneshot;

/// A name that nobody else has.
pub(crate) fn fresh(name: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{name} {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs a registry, linked to the test.
pub(crate) async fn run<K: Key, V: Value, M: Keys>(registry: Registry<K, V, M>) -> Registry<K, V, M> {
    registry.start_link().await.expect("it starts");
    registry
}

/// A running registry with as many partitions.
pub(crate) async fn unique(partitions: usize) -> Registry<String, u32> {
    run(Registry::unique(fresh("unique")).partitions(partitions)).await
}

/// Of each way to divide into partitions.
pub(crate) async fn duplicates(partitions: usize) -> [Registry<String, u32, Duplicate>; 2] {
    let registry = || Registry::duplicate(fresh("duplicate")).partitions(partitions);
    [run(registry()).await, run(registry().partition_by_key()).await]
}

pub(crate) fn me() -> Pid {
    process::current().expect("a test is a process")
}

/// A text as a key.
pub(crate) fn key(text: &str) -> String {
    text.to_owned()
}

pub(crate) fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// Waits until a process is gone.
pub(crate) async fn gone(pid: Pid) -> ExitReason {
    let mut end = await_end(pid);
    match poll_fn(|cx| end.poll_answer(cx)).await {
        Answer::Exit(reason) => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn info(pid: Pid) -> ProcessInfo {
    process::info(pid).expect("it lives")
}

/// The processes of a registry's partitions, in order.
pub(crate) async fn partitions<K: Key, V: Value, M: Keys>(registry: &Registry<K, V, M>) -> Vec<Pid> {
    let supervisor = supervisor(registry);
    let children = supervisor.which_children().await.expect("it answers");
    children.iter().map(|child| child.status.pid().expect("it runs")).collect()
}

pub(crate) fn supervisor<K: Key, V: Value, M: Keys>(registry: &Registry<K, V, M>) -> ServerRef<Supervisor> {
    let pid = process::whereis(registry.name()).expect("it runs under its name");
    ServerRef::of(pid).expect("a supervisor")
}

enum Order {
    Act(Box<dyn FnOnce() + Send>),
    End(ExitReason),
}

/// A process that runs closures when told to.
#[derive(Clone, Debug)]
pub(crate) struct Puppet(ProcessRef<Order>);

impl Puppet {
    pub(crate) fn new() -> Self {
        Self(spawn(|mut mailbox: Mailbox<Order>| async move {
            loop {
                match mailbox.receive().await {
                    Received::Message(Order::Act(act)) => act(),
                    Received::Message(Order::End(reason)) => return reason,
                    _ => {}
                }
            }
        }))
    }

    pub(crate) fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Runs `act` inside.
    pub(crate) async fn run<R: Send + 'static>(&self, act: impl FnOnce() -> R + Send + 'static) -> R {
        let (reply, answer) = oneshot::channel();
        self.0.send(Order::Act(Box::new(move || drop(reply.send(act())))));
        answer.await.expect("it lives")
    }

    pub(crate) async fn register<K: Key + Debug, V: Value, M: Keys>(
        &self,
        registry: &Registry<K, V, M>,
        key: impl Into<K>,
        value: V,
    ) -> Pid {
        let (registry, key) = (registry.clone(), key.into());
        self.run(move || registry.register(key, value)).await.expect("it is free")
    }

    /// Ends it by itself, and waits until it is gone.
    pub(crate) async fn end(&self, reason: ExitReason) {
        let pid = self.pid();
        self.0.send(Order::End(reason));
        gone(pid).await;
    }

    /// Ends it from the outside, and waits until it is gone.
    pub(crate) async fn kill(&self, reason: ExitReason) {
        send_exit(self.pid(), reason);
        gone(self.pid()).await;
    }
}

/// A server with a number.
pub(crate) struct Counter(pub(crate) i64);

impl GenServer for Counter {
    type Args = i64;
    type Call = ReplyTo<i64>;
    type Cast = i64;
    type Info = ();
    type Continue = ();

    async fn init(start: i64, _: &mut Context<Self>) -> Result<Self, InitError> {
        match start {
            -1 => Err(InitError::Ignore),
            -2 => Err(InitError::stop("not today")),
            start => Ok(Self(start)),
        }
    }

    async fn handle_call(&mut self, reply: ReplyTo<i64>, _: &mut Context<Self>) -> Result<(), ExitReason> {
        reply.send(self.0);
        Ok(())
    }

    async fn handle_cast(&mut self, n: i64, _: &mut Context<Self>) -> Result<(), ExitReason> {
        self.0 += n;
        Ok(())
    }
}
