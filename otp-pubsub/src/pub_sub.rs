//! [`PubSub`]: the bus, how it is started, and who is told what.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use otp_core::behaviour::{Spawn, catch};
use otp_core::{
    ChildSpec, ExitReason, IntoChildSpec, Mailbox, Pid, ProcessName, Recipient, StartedChild, process,
};
use otp_genserver::{ServerRef, Start};
use otp_registry::{Duplicate, NotRunning, Registry, UnregisterError};
use otp_supervisor::{Supervisor, SupervisorSpec};
use tokio::sync::oneshot;

use crate::adapter::{Adapter, Local};
use crate::error::{BroadcastError, SubscribeError};
use crate::queue::Queue;
use crate::subscriber::Subscriber;
use crate::subscription::Subscription;

/// What can be broadcast. It is cloned once for each subscriber; behind an `Arc` that is a count.
pub trait Message: Clone + Send + Sync + 'static {}

impl<M: Clone + Send + Sync + 'static> Message for M {}

/// What a subscriber can say of itself to dispatchers.
pub trait Metadata: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Metadata for T {}

/// An event bus: messages `M` on topics, to whoever has subscribed.
///
/// This is a handle: cheap to clone, and the same one before the bus is started, while it runs, and after its supervisor has
/// started it again. The bus itself is a child like any other.
///
/// A broadcast sends to each subscriber in turn, in the caller, and waits for none of them. A subscriber that is slow or stuck costs
/// the others nothing; when its mailbox has a bound and is full, its own policy says what is dropped, and counts it. There is no
/// acknowledgement and no history: who is not subscribed misses it. What must not be missed belongs into a database or a job.
///
/// Cost: the subscriptions of the topic are copied under a read lock (a reference count each, whatever their metadata), and sent to
/// without one. Per subscriber that is a clone of the message and what a send to its mailbox costs.
///
/// # Examples
///
/// ```
/// use otp_pubsub::PubSub;
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus: PubSub<&'static str> = PubSub::new("doc bus");
/// bus.start_link().await?;
/// let mut lobby = bus.subscribe_stream("room:lobby", 16).await?;
/// bus.broadcast("room:lobby", "hello")?;
/// assert_eq!(lobby.recv().await, Some("hello"));
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// `Phoenix.PubSub`. Its raising variants are `unwrap` or `?` here.
pub struct PubSub<M: Message, T: Metadata = ()> {
    shared: Arc<Shared<M, T>>,
}

struct Shared<M: Message, T: Metadata> {
    registry: Registry<String, Subscriber<M, T>, Duplicate>,
    pool_size: NonZero<usize>,
    adapter: Box<dyn Adapter<M, T>>,
}

impl<M: Message, T: Metadata> PubSub<M, T> {
    /// A bus of this name. It is there once it is [started](Self::start_link), usually by a supervisor.
    #[must_use]
    pub fn new(name: impl Into<ProcessName>) -> Self {
        let pool_size = default_pool_size(available_parallelism().map_or(1, NonZero::get));
        let registry = Registry::duplicate(name).partitions(pool_size.get());
        Self { shared: Arc::new(Shared { registry, pool_size, adapter: Box::new(Local) }) }
    }

    /// # Panics
    ///
    /// If there is another handle already.
    #[track_caller]
    fn options(self, set: impl FnOnce(Shared<M, T>) -> Shared<M, T>) -> Self {
        let shared = Arc::into_inner(self.shared);
        let shared =
            shared.expect("the options of a bus are set before its handle is cloned or it is started");
        Self { shared: Arc::new(set(shared)) }
    }

    /// For how many processes at a time the bus is made: that many partitions, and that many processes of an adapter that has several.
    /// One for each 4 cores by default, rounded up.
    ///
    /// # Panics
    ///
    /// For zero, or if the handle was cloned or the bus started before.
    #[must_use]
    #[track_caller]
    pub fn pool_size(self, size: usize) -> Self {
        let pool_size = NonZero::new(size).expect("a pool is of one at least");
        let bus = self.partitions(size);
        bus.options(|shared| Shared { pool_size, ..shared })
    }

    /// With so many partitions, whatever the [pool size](Self::pool_size), which is set before.
    ///
    /// # Panics
    ///
    /// For zero, or if the handle was cloned or the bus started before.
    ///
    /// # Counterpart
    ///
    /// The option `registry_size`.
    #[must_use]
    #[track_caller]
    pub fn partitions(self, partitions: usize) -> Self {
        self.options(|Shared { registry, pool_size, adapter }| Shared {
            registry: registry.partitions(partitions),
            pool_size,
            adapter,
        })
    }

    /// With a way to other nodes.
    ///
    /// # Panics
    ///
    /// If the handle was cloned or the bus started before.
    #[must_use]
    #[track_caller]
    pub fn adapter(self, adapter: impl Adapter<M, T>) -> Self {
        self.options(|shared| Shared { adapter: Box::new(adapter), ..shared })
    }

    /// The bus's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shared.registry.name()
    }

    /// What [`pool_size`](Self::pool_size) has set, for adapters.
    #[must_use]
    pub fn get_pool_size(&self) -> usize {
        self.shared.pool_size.get()
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared.registry.is_running()
    }

    /// What this node is called by the adapter.
    #[must_use]
    pub fn node_name(&self) -> String {
        self.shared.adapter.node_name()
    }

    /// Starts the bus, linked to the current process: a supervisor of its registry and of what its adapter needs.
    pub fn start_link(&self) -> Start<Supervisor> {
        self.supervisor().start_link().name(format!("{}.Supervisor", self.name()))
    }

    /// As [`start_link`](Self::start_link), without the link.
    pub fn start(&self) -> Start<Supervisor> {
        self.supervisor().start().name(format!("{}.Supervisor", self.name()))
    }

    fn supervisor(&self) -> SupervisorSpec {
        let children = [self.shared.registry.clone().child_spec()];
        Supervisor::rest_for_one().children(children.into_iter().chain(self.shared.adapter.child(self)))
    }

    /// Subscribes the current process to a topic. Subscribed several times, it gets each message as often.
    ///
    /// The subscription goes with the process, or by [`unsubscribe`](Self::unsubscribe). A process is linked to the bus that it
    /// has subscribed to: if that dies, so does the process, unless it traps exits.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_core::{Mailbox, ProcessRef, Received};
    /// use otp_pubsub::PubSub;
    ///
    /// # #[otp_core::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus: PubSub<u32> = PubSub::new("doc numbers");
    /// bus.start().await?;
    /// let numbers = bus.clone();
    /// let sum = otp_core::attach_with(|mut mailbox: Mailbox<u32>| async move {
    ///     // In a server: `numbers.subscribe("sums", cx.server_ref())`, and its `Info` is made `From` the message.
    ///     numbers.subscribe("sums", mailbox.address()).expect("it runs");
    ///     numbers.broadcast("sums", 3).expect("it runs");
    ///     let Received::Message(three) = mailbox.receive().await else { unreachable!() };
    ///     three
    /// });
    /// assert_eq!(sum.await, Ok(3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.subscribe/3`.
    pub fn subscribe(
        &self,
        topic: impl Into<String>,
        to: impl Into<Recipient<M>>,
    ) -> Result<(), SubscribeError>
    where
        T: Default,
    {
        self.subscribe_as(topic, to, T::default())
    }

    /// As [`subscribe`](Self::subscribe), with metadata for dispatchers.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Counterpart
    ///
    /// The option `metadata` of `Phoenix.PubSub.subscribe/3`.
    pub fn subscribe_as(
        &self,
        topic: impl Into<String>,
        to: impl Into<Recipient<M>>,
        metadata: T,
    ) -> Result<(), SubscribeError> {
        let to = to.into();
        match process::current() {
            None => return Err(SubscribeError::NotAProcess),
            Some(me) if me != to.pid() => return Err(SubscribeError::AnotherProcess(to.pid())),
            Some(_) => {}
        }
        self.shared.registry.register(topic.into(), Subscriber::process(metadata, to))?;
        Ok(())
    }

    /// A topic as a stream, for code that is no process, or that wants its events apart from its mailbox. It holds as many messages
    /// as it has capacity for; then each new one takes the place of the oldest.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`].
    ///
    /// # Panics
    ///
    /// For a capacity of zero, or outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nobody is subscribed.
    pub async fn subscribe_stream(
        &self,
        topic: impl Into<String>,
        capacity: usize,
    ) -> Result<Subscription<M>, SubscribeError>
    where
        T: Default,
    {
        self.subscribe_stream_as(topic, capacity, T::default()).await
    }

    /// As [`subscribe_stream`](Self::subscribe_stream), with metadata for dispatchers.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`].
    ///
    /// # Panics
    ///
    /// As [`subscribe_stream`](Self::subscribe_stream).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, nobody is subscribed.
    pub async fn subscribe_stream_as(
        &self,
        topic: impl Into<String>,
        capacity: usize,
        metadata: T,
    ) -> Result<Subscription<M>, SubscribeError> {
        let queue = Arc::new(Queue::new(capacity));
        let (registry, topic) = (self.shared.registry.clone(), topic.into());
        let (subscribed, outcome) = oneshot::channel();
        let subscriber = Subscriber::stream(metadata, Arc::clone(&queue));
        // Entries belong to processes: this one does nothing but hold the entry.
        let closes = CloseAtEnd(Arc::clone(&queue));
        let holder = Spawn::new().label("a stream's subscription").prepare::<()>();
        let (holder, _) = holder.go(move |mut mailbox: Mailbox<()>| async move {
            let _closes = closes;
            let registered = registry.register(topic, subscriber);
            if subscribed.send(registered.map(drop)).is_ok() {
                mailbox.receive().await;
            }
            ExitReason::Normal
        });
        let subscription = Subscription::new(queue, holder.pid());
        outcome.await.unwrap_or(Err(otp_registry::RegisterError::Dying))?;
        Ok(subscription)
    }

    /// Ends all of the current process's subscriptions to a topic. Without one, nothing happens.
    ///
    /// # Errors
    ///
    /// [`UnregisterError`]: the bus does not run, or this is no process.
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.unsubscribe/2`.
    pub fn unsubscribe(&self, topic: &str) -> Result<(), UnregisterError> {
        self.shared.registry.unregister(topic)
    }

    /// Who is subscribed to a topic, with the metadata, in no order; who has several subscriptions, several times.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    pub fn subscribers(&self, topic: &str) -> Result<Vec<(Pid, T)>, NotRunning> {
        let entries = self.shared.registry.lookup(topic)?;
        Ok(entries.into_iter().map(|(pid, subscriber)| (pid, subscriber.metadata().clone())).collect())
    }

    /// Sends a message to all subscribers of a topic on all nodes, the sender included: first to the adapter, then here.
    ///
    /// # Errors
    ///
    /// [`BroadcastError`]; nobody here got it then.
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.broadcast/4`.
    pub fn broadcast(&self, topic: &str, message: M) -> Result<(), BroadcastError> {
        self.broadcast_with(topic, None, message, Self::send_to_all)
    }

    /// As [`broadcast`](Self::broadcast), to all but the subscriptions of `from` on this node.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.broadcast_from/5`.
    pub fn broadcast_from(&self, from: Pid, topic: &str, message: M) -> Result<(), BroadcastError> {
        self.broadcast_with(topic, Some(from), message, Self::send_to_all)
    }

    /// As [`broadcast`](Self::broadcast), with `dispatch` doing all of the delivery on this node: it is given the subscriptions of
    /// one partition after the other, `from`, and the message. Other nodes deliver as always.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Panics
    ///
    /// As `dispatch` does.
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.broadcast/4` with a dispatcher, which is a module known to all nodes there.
    pub fn broadcast_with(
        &self,
        topic: &str,
        from: Option<Pid>,
        message: M,
        dispatch: impl FnMut(&[(Pid, Subscriber<M, T>)], Option<Pid>, &M),
    ) -> Result<(), BroadcastError> {
        if !self.is_running() {
            return Err(BroadcastError::NotRunning);
        }
        self.shared.adapter.broadcast(topic, &message).map_err(BroadcastError::Adapter)?;
        Ok(self.local_broadcast_with(topic, from, message, dispatch)?)
    }

    /// As [`broadcast`](Self::broadcast), on this node alone.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.local_broadcast/4`.
    pub fn local_broadcast(&self, topic: &str, message: M) -> Result<(), NotRunning> {
        self.local_broadcast_with(topic, None, message, Self::send_to_all)
    }

    /// As [`broadcast_from`](Self::broadcast_from), on this node alone.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.local_broadcast_from/5`.
    pub fn local_broadcast_from(&self, from: Pid, topic: &str, message: M) -> Result<(), NotRunning> {
        self.local_broadcast_with(topic, Some(from), message, Self::send_to_all)
    }

    /// As [`broadcast_with`](Self::broadcast_with), on this node alone.
    ///
    /// # Errors
    ///
    /// [`NotRunning`].
    ///
    /// # Panics
    ///
    /// As `dispatch` does.
    pub fn local_broadcast_with(
        &self,
        topic: &str,
        from: Option<Pid>,
        message: M,
        mut dispatch: impl FnMut(&[(Pid, Subscriber<M, T>)], Option<Pid>, &M),
    ) -> Result<(), NotRunning> {
        self.shared.registry.dispatch(topic, |subscribers| dispatch(subscribers, from, &message))
    }

    /// Sends a message to all subscribers of a topic on one node, which may be this one.
    ///
    /// # Errors
    ///
    /// [`BroadcastError`].
    ///
    /// # Counterpart
    ///
    /// `Phoenix.PubSub.direct_broadcast/5`.
    pub fn direct_broadcast(&self, node: &str, topic: &str, message: M) -> Result<(), BroadcastError> {
        if node == self.node_name() {
            return Ok(self.local_broadcast(topic, message)?);
        }
        if !self.is_running() {
            return Err(BroadcastError::NotRunning);
        }
        self.shared.adapter.direct_broadcast(node, topic, &message).map_err(BroadcastError::Adapter)
    }

    /// What dispatches where nothing else is wanted. What panics on the way to one subscriber, a `Clone` or a `From`, is
    /// reported, and keeps the message from no other.
    fn send_to_all(subscribers: &[(Pid, Subscriber<M, T>)], from: Option<Pid>, message: &M) {
        for (pid, subscriber) in subscribers.iter().filter(|(pid, _)| Some(*pid) != from) {
            if let Err(reason) = catch(|| subscriber.send(message.clone())) {
                tracing::error!(target: "otp::pubsub", %pid, %reason, "a message could not be made for a subscriber");
            }
        }
    }
}

/// One for each 4 cores, rounded up.
fn default_pool_size(cores: usize) -> NonZero<usize> {
    NonZero::new(cores.div_ceil(4)).unwrap_or(NonZero::<usize>::MIN)
}

/// Ends the stream when the process that holds its subscription does.
struct CloseAtEnd<M>(Arc<Queue<M>>);

impl<M> Drop for CloseAtEnd<M> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<M: Message, T: Metadata> IntoChildSpec for PubSub<M, T> {
    type Child = ServerRef<Supervisor>;

    /// A supervisor; its id is its name.
    fn child_spec(self) -> ChildSpec {
        self.start_link().child_spec()
    }

    fn child(started: StartedChild) -> ServerRef<Supervisor> {
        <Start<Supervisor> as IntoChildSpec>::child(started)
    }
}

impl<M: Message, T: Metadata> Clone for PubSub<M, T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M: Message, T: Metadata> fmt::Debug for PubSub<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PubSub")
            .field("name", &self.name())
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::default_pool_size;

    #[test]
    fn ps_021_the_default_pool_is_one_for_each_4_cores_rounded_up() {
        let sizes = [1, 4, 5, 8, 9].map(|cores| default_pool_size(cores).get());
        assert_eq!(sizes, [1, 1, 2, 2, 3]);
    }
}
