//! [`PartitionSupervisor`]: the same child several times, each taking the part of the work whose keys lead to it.
//!
//! Who asks for a partition goes through no process: a table, found by the supervisor's name, holds the address of each.
//! Cost of a look-up: one read lock of the tables' map, one of the partition, and the key's hash.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::Duration;

use otp_core::behaviour::InitError;
use otp_core::{ChildSpec, IntoChildSpec, Pid, ProcessName, StartedChild, process};
use otp_genserver::{CallError, Destination, GenServer, Name, ResolveError, ServerRef, Start, Stop};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::child_info::{ChildCounts, ChildInfo};
use crate::error::{InvalidSpec, ResizeError, RestartChildError, TerminateChildError};
use crate::family::Strategy;
use crate::supervisor::Supervisor;
use crate::supervisor_client::SupervisorClient;
use crate::supervisor_spec::SupervisorSpec;

/// The partitions of one supervisor.
struct Table {
    /// How many take part now: see [`PartitionName::resize`].
    active: AtomicUsize,
    children: Vec<RwLock<Option<StartedChild>>>,
    supervisor: Pid,
    /// Held while they are resized.
    resizing: Mutex<()>,
}

static TABLES: LazyLock<RwLock<HashMap<ProcessName, Arc<Table>>>> = LazyLock::new(RwLock::default);

fn table(name: &ProcessName) -> Option<Arc<Table>> {
    TABLES.read().get(name).map(Arc::clone)
}

/// A supervisor that starts the same server several times, so that one mailbox is not everybody's bottleneck.
///
/// It has a name, and through the [`PartitionName`] one reaches the partition that a key leads to, or any by its number.
///
/// # Examples
///
/// ```
/// use otp_supervisor::{DynamicSupervisor, DynamicSupervisorClient, PartitionName, PartitionSupervisor, StopToken};
///
/// const CONNECTIONS: PartitionName<DynamicSupervisor> = PartitionName::new("doc connections");
///
/// async fn connection(stop: StopToken) {
///     stop.stopped().await;
/// }
///
/// # #[otp_core::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// PartitionSupervisor::new(CONNECTIONS, |_| DynamicSupervisor::new().start_link()).partitions(4).start_link().await?;
/// CONNECTIONS.via("user 7").start_child(connection).await?;
/// assert_eq!(CONNECTIONS.via("user 7").count_children().await?.active, 1);
/// assert_eq!(CONNECTIONS.partitions(), Ok(4));
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// Elixir's `PartitionSupervisor`. The child is a function of the partition's number, which stands for `child_spec` and
/// `with_arguments`.
#[must_use = "a supervisor starts when `start_link()` is awaited"]
pub struct PartitionSupervisor<S: GenServer> {
    name: PartitionName<S>,
    make: Arc<dyn Fn(usize) -> ChildSpec + Send + Sync>,
    partitions: usize,
    strategy: Strategy,
    intensity: (u32, Duration),
}

impl<S: GenServer<Args: Clone>> PartitionSupervisor<S> {
    /// As many partitions as there are cores, each started with what `make` says for its number. It is asked once for each
    /// when the supervisor starts.
    pub fn new(
        name: impl Into<PartitionName<S>>,
        make: impl Fn(usize) -> Start<S> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Arc::new(move |partition| make(partition).child_spec()),
            partitions: available_parallelism().map_or(1, NonZeroUsize::get),
            strategy: Strategy::OneForOne,
            intensity: (3, Duration::from_secs(5)),
        }
    }

    /// How many partitions there are.
    ///
    /// # Panics
    ///
    /// For zero.
    pub fn partitions(mut self, partitions: usize) -> Self {
        assert!(partitions > 0, "a partition supervisor needs a partition");
        self.partitions = partitions;
        self
    }

    /// Which partitions share a restart: none by default.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// As [`SupervisorSpec::intensity`].
    #[doc(alias = "max_restarts")]
    #[doc(alias = "max_seconds")]
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Self {
        self.intensity = (restarts, period);
        self
    }

    /// Starts the supervisor and its partitions, linked to the current process. It keeps its name: given another one, it does
    /// not start.
    pub fn start_link(self) -> Start<Supervisor> {
        let name = self.name.supervisor();
        self.into_spec().start_link().name(name)
    }

    /// As [`start_link`](Self::start_link), without the link.
    pub fn start(self) -> Start<Supervisor> {
        let name = self.name.supervisor();
        self.into_spec().start().name(name)
    }

    fn into_spec(self) -> SupervisorSpec {
        Supervisor::init(move || self.open())
    }

    /// Runs inside the supervisor, when it starts.
    fn open(&self) -> Result<SupervisorSpec, InitError> {
        let name = self.name.0.clone();
        // `start_link().name(…)` may have given it another one, under which nobody would find the partitions.
        let supervisor = process::whereis(&name).filter(|&pid| process::current() == Some(pid));
        let supervisor = supervisor.ok_or(InvalidSpec::OtherName)?;
        let table = Arc::new(Table {
            active: AtomicUsize::new(self.partitions),
            children: std::iter::repeat_with(RwLock::default).take(self.partitions).collect(),
            supervisor,
            resizing: Mutex::default(),
        });
        // First the hook: no table stays behind. It runs before the name is free, so the table is this one.
        process::on_exit(supervisor, {
            let name = name.clone();
            move |_, _| drop(TABLES.write().remove(&name))
        })?;
        TABLES.write().insert(name, Arc::clone(&table));
        let child = |partition: usize| partition_spec((self.make)(partition), Arc::clone(&table), partition);
        Ok(SupervisorSpec::new(self.strategy)
            .intensity(self.intensity.0, self.intensity.1)
            .children((0..self.partitions).map(child)))
    }
}

/// The child of a partition, which enters itself into the table whenever it starts.
fn partition_spec(spec: ChildSpec, table: Arc<Table>, partition: usize) -> ChildSpec {
    let inner = spec.clone();
    let start = move || {
        let (starting, table) = (inner.start(), Arc::clone(&table));
        async move {
            let child = starting.await?;
            *table.children[partition].write() = Some(child.clone());
            Ok(child)
        }
    };
    ChildSpec::new(partition, start)
        .restart(spec.get_restart())
        .shutdown(spec.get_shutdown())
        .child_type(spec.get_child_type())
        .significant(spec.is_significant())
}

impl<S: GenServer<Args: Clone>> IntoChildSpec for PartitionSupervisor<S> {
    type Child = ServerRef<Supervisor>;

    /// Its id is its name.
    fn child_spec(self) -> ChildSpec {
        self.start_link().child_spec()
    }

    fn child(started: StartedChild) -> ServerRef<Supervisor> {
        <Start<Supervisor> as IntoChildSpec>::child(started)
    }
}

impl<S: GenServer> fmt::Debug for PartitionSupervisor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionSupervisor")
            .field("name", &self.name)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

/// The name of a [`PartitionSupervisor`] whose partitions are servers of type `S`.
pub struct PartitionName<S>(ProcessName, PhantomData<fn() -> S>);

impl<S> PartitionName<S> {
    /// A name over a text that lives for ever, also as a `const`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(ProcessName::new(name), PhantomData)
    }

    /// A name made at run time.
    #[must_use]
    pub fn owned(name: impl Into<String>) -> Self {
        Self(ProcessName::from(name.into()), PhantomData)
    }

    fn supervisor(&self) -> Name<Supervisor> {
        Name::from(self.0.clone())
    }

    /// The partition that a key leads to: the same one as long as their number is the same. The hash does not change from
    /// one run of the program to the next.
    ///
    /// # Counterpart
    ///
    /// `{:via, PartitionSupervisor, {name, key}}` with a key that is no integer.
    pub fn via(&self, key: impl Hash) -> Partition<S> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.partition(hasher.finish())
    }

    /// The partition of a number, modulo how many there are.
    ///
    /// # Counterpart
    ///
    /// `{:via, PartitionSupervisor, {name, key}}` with an integer.
    #[must_use]
    pub fn partition(&self, number: u64) -> Partition<S> {
        Partition { name: self.0.clone(), number, server: PhantomData }
    }

    /// How many partitions take part now.
    ///
    /// # Errors
    ///
    /// [`CallError::NoProc`] if the supervisor is not there.
    pub fn partitions(&self) -> Result<usize, CallError> {
        table(&self.0).map(|table| table.active.load(Ordering::Relaxed)).ok_or(CallError::NoProc)
    }

    /// All partitions; each one's id is its number.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn which_children(&self) -> Result<Vec<ChildInfo>, CallError> {
        self.supervisor().which_children().await
    }

    /// How many partitions there are, and how many of them run.
    ///
    /// # Errors
    ///
    /// [`CallError`]: the supervisor did not answer.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn count_children(&self) -> Result<ChildCounts, CallError> {
        self.supervisor().count_children().await
    }

    /// Has so many partitions take part from now on, and returns how many did before. Those that are too many are
    /// stopped; there may be none, and every key leads to [`NoProc`](CallError::NoProc) then. Several resizes wait for each
    /// other.
    ///
    /// # Errors
    ///
    /// [`ResizeError`]: there are never more than the supervisor was started with, or it does not answer, or a partition did
    /// not start.
    ///
    /// # Cancel safety
    ///
    /// Dropped, some of the partitions may have been started or stopped; another resize goes on from there.
    ///
    /// # Counterpart
    ///
    /// Elixir's `PartitionSupervisor.resize!/2`. With no partitions left, a key raises there.
    pub async fn resize(&self, partitions: usize) -> Result<usize, ResizeError> {
        let table = table(&self.0).ok_or(ResizeError::Call(CallError::NoProc))?;
        let _alone = table.resizing.lock().await;
        // Not by name: another supervisor may have it by now.
        let supervisor = ServerRef::<Supervisor>::of(table.supervisor)
            .map_err(|error| ResizeError::Call(CallError::from(error)))?;
        if partitions > table.children.len() {
            return Err(ResizeError::TooMany { most: table.children.len() });
        }
        let before = table.active.load(Ordering::Relaxed);
        // From the first on: a resize that was dropped may have left any of them running, or stopped.
        for partition in 0..partitions {
            match supervisor.restart_child(partition).await {
                Ok(_)
                | Err(
                    RestartChildError::Running | RestartChildError::Restarting | RestartChildError::Ignored,
                ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        table.active.store(partitions, Ordering::Relaxed);
        for partition in partitions..table.children.len() {
            match supervisor.terminate_child(partition).await {
                // One that is temporary may have been forgotten.
                Ok(()) | Err(TerminateChildError::NotFound) => {}
                Err(TerminateChildError::Call(error)) => return Err(ResizeError::Call(error)),
            }
        }
        Ok(before)
    }

    /// Stops the supervisor and its partitions.
    pub fn stop(&self) -> Stop<Supervisor> {
        self.supervisor().stop()
    }
}

impl<S> From<&'static str> for PartitionName<S> {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl<S> From<String> for PartitionName<S> {
    fn from(name: String) -> Self {
        Self::owned(name)
    }
}

impl<S> Clone for PartitionName<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<S> fmt::Debug for PartitionName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionName({:?})", self.0.as_str())
    }
}

/// One partition, whichever process it is at the moment.
pub struct Partition<S> {
    name: ProcessName,
    number: u64,
    server: PhantomData<fn() -> S>,
}

impl<S: GenServer> Destination<S> for Partition<S> {
    fn resolve(&self) -> Result<ServerRef<S>, ResolveError> {
        let table = table(&self.name).ok_or(ResolveError::NoProc)?;
        let active = table.active.load(Ordering::Relaxed);
        let partition = self.number.checked_rem(active as u64).ok_or(ResolveError::NoProc)?;
        let child = usize::try_from(partition).ok().and_then(|partition| table.children.get(partition));
        let child = child.map(|child| child.read());
        let child = child.as_ref().and_then(|child| child.as_ref()).ok_or(ResolveError::NoProc)?;
        child.address::<ServerRef<S>>().cloned().ok_or(ResolveError::WrongServer(child.pid()))
    }
}

impl<S> Clone for Partition<S> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), number: self.number, server: PhantomData }
    }
}

impl<S> fmt::Debug for Partition<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({:?}, {})", self.name.as_str(), self.number)
    }
}
