//! [`World`]: what the processes of one scenario share: names, and the record of what happened.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, process};

use otp_core::process::{info, on_exit};
use otp_core::{Alias, ExitReason, MonitorRef, Pid, ProcessRef};
use otp_genserver::{Name, ServerRef};
use otp_supervisor::{DynamicSupervisor, Supervisor};
use parking_lot::Mutex;

use crate::actor::Order;
use crate::reason;
use crate::registry::AnyRegistry;
use crate::server::Server;
use crate::tables::AnyTable;

/// How a process of the scenario is reached.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Actor(ProcessRef<Order>),
    Server(ServerRef<Server>),
    Supervisor(ServerRef<Supervisor>),
    DynamicSupervisor(ServerRef<DynamicSupervisor>),
    /// Of a registry. Nobody talks to it.
    Partition,
}

#[derive(Debug, Clone)]
pub(crate) struct World(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// In front of registered names, so that scenarios that run at the same time never meet.
    prefix: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    step: usize,
    lines: Vec<Line>,
    addresses: HashMap<String, (Pid, Address)>,
    names: HashMap<Pid, String>,
    monitors: HashMap<String, MonitorRef>,
    aliases: HashMap<String, Alias<Order>>,
    /// Each with the number of its partitions.
    registries: HashMap<String, (AnyRegistry, usize)>,
    tables: HashMap<String, AnyTable>,
    files: HashSet<PathBuf>,
    /// The options of children, by their ids.
    specs: HashMap<String, Vec<String>>,
    /// How often children were started, by their ids.
    starts: HashMap<String, usize>,
    /// The ids of children that start and stop one after the other.
    ordered: HashSet<String>,
}

/// One thing that happened, in the order in which lines are compared: those of one process from one sender stay as they
/// came, and nothing else about their order is promised within a step.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    step: usize,
    who: String,
    key: String,
    number: usize,
    text: String,
}

/// Sorts behind every name: nothing comes after a death.
const END: &str = "~";

impl World {
    pub(crate) fn new(index: usize) -> Self {
        Self(Arc::new(Shared { prefix: format!("c{index}_"), state: Mutex::default() }))
    }

    pub(crate) fn set_step(&self, step: usize) {
        self.0.state.lock().step = step;
    }

    /// Notes something that a process did.
    pub(crate) fn log(&self, who: &str, text: impl Into<String>) {
        self.log_from(who, "", text);
    }

    /// Notes something that reached a process from `key`.
    pub(crate) fn log_from(&self, who: &str, key: &str, text: impl Into<String>) {
        let mut state = self.0.state.lock();
        let (step, number) = (state.step, state.lines.len());
        let line = Line { step, who: who.to_owned(), key: key.to_owned(), number, text: text.into() };
        state.lines.push(line);
    }

    /// Notes something that the child of a supervisor did, in one order with what others of them did: their supervisor
    /// makes them follow one another.
    pub(crate) fn log_order(&self, child: &str, text: &str) {
        if self.0.state.lock().ordered.contains(child) {
            self.log("order", format!("{text} {child}"));
        }
    }

    /// Everything so far, in the order of comparison.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut state = self.0.state.lock();
        state.lines.sort();
        state.lines.iter().map(|Line { step, who, text, .. }| format!("{step} {who}: {text}")).collect()
    }

    /// Gives a process its name in the scenario, and notes its end when it comes.
    pub(crate) fn bind(&self, name: &str, pid: Pid, address: Address) {
        {
            let mut state = self.0.state.lock();
            state.addresses.insert(name.to_owned(), (pid, address));
            state.names.insert(pid, name.to_owned());
        }
        let (world, name) = (self.clone(), name.to_owned());
        let ended = move |_, reason: &ExitReason| {
            world.log_from(&name, END, format!("ended {}", reason::show(reason)));
        };
        if on_exit(pid, ended).is_err() {
            self.log("runner", "a process was dead before it had a name");
        }
    }

    /// Whether a server or supervisor has something to do yet that it does not come to: on the BEAM too that is not quiet. A
    /// dynamic supervisor that stops children still has the EXIT of those that are gone, which Elixir's flushes one by one.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.0.state.lock();
        let quick = |address: &Address| matches!(address, Address::Actor(_) | Address::DynamicSupervisor(_));
        let others = state.addresses.values().filter(|(_, address)| !quick(address));
        let pids: Vec<Pid> = others.map(|(pid, _)| *pid).collect();
        drop(state);
        pids.into_iter().any(|pid| info(pid).is_some_and(|info| info.mailbox_len > 0))
    }

    pub(crate) fn pid(&self, name: &str) -> Option<Pid> {
        self.0.state.lock().addresses.get(name).map(|(pid, _)| *pid)
    }

    pub(crate) fn address(&self, name: &str) -> Option<Address> {
        self.0.state.lock().addresses.get(name).map(|(_, address)| address.clone())
    }

    /// The name of a process of this scenario.
    pub(crate) fn name_of(&self, pid: Pid) -> Option<String> {
        self.0.state.lock().names.get(&pid).cloned()
    }

    /// The same, with a word for the others.
    pub(crate) fn show(&self, pid: Pid) -> String {
        self.name_of(pid).unwrap_or_else(|| "outside".to_owned())
    }

    pub(crate) fn add_monitor(&self, name: &str, monitor: MonitorRef) {
        self.0.state.lock().monitors.insert(name.to_owned(), monitor);
    }

    pub(crate) fn monitor(&self, name: &str) -> Option<MonitorRef> {
        self.0.state.lock().monitors.get(name).copied()
    }

    pub(crate) fn monitor_name(&self, monitor: MonitorRef) -> Option<String> {
        let state = self.0.state.lock();
        state.monitors.iter().find(|(_, known)| **known == monitor).map(|(name, _)| name.clone())
    }

    pub(crate) fn add_alias(&self, name: &str, alias: Alias<Order>) {
        self.0.state.lock().aliases.insert(name.to_owned(), alias);
    }

    pub(crate) fn alias(&self, name: &str) -> Option<Alias<Order>> {
        self.0.state.lock().aliases.get(name).cloned()
    }

    pub(crate) fn add_registry(&self, name: &str, registry: AnyRegistry, partitions: usize) {
        self.0.state.lock().registries.insert(name.to_owned(), (registry, partitions));
    }

    pub(crate) fn registry(&self, name: &str) -> Option<(AnyRegistry, usize)> {
        self.0.state.lock().registries.get(name).cloned()
    }

    pub(crate) fn add_table(&self, name: &str, table: AnyTable) {
        self.0.state.lock().tables.insert(name.to_owned(), table);
    }

    pub(crate) fn table(&self, name: &str) -> Option<AnyTable> {
        self.0.state.lock().tables.get(name).cloned()
    }

    pub(crate) fn table_name(&self, is_it: impl Fn(&AnyTable) -> bool) -> Option<String> {
        let state = self.0.state.lock();
        state.tables.iter().find(|(_, table)| is_it(table)).map(|(name, _)| name.clone())
    }

    /// Where a file of the scenario is, until its end.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let file = format!("otp-conformance-{}-{}", process::id(), self.registered(name));
        let path = env::temp_dir().join(file);
        self.0.state.lock().files.insert(path.clone());
        path
    }

    pub(crate) fn remove_files(&self) {
        for path in self.0.state.lock().files.drain() {
            // It may never have been written.
            let _ = fs::remove_file(path);
        }
    }

    pub(crate) fn add_spec(&self, id: &str, options: &[String]) {
        self.0.state.lock().specs.insert(id.to_owned(), options.to_vec());
    }

    pub(crate) fn spec(&self, id: &str) -> Option<Vec<String>> {
        self.0.state.lock().specs.get(id).cloned()
    }

    /// Counts a start of this child, and says how many there were before. One that is `ordered` has its place among
    /// [those](Self::log_order) that follow one another.
    pub(crate) fn count_start(&self, id: &str, ordered: bool) -> usize {
        let mut state = self.0.state.lock();
        if ordered {
            state.ordered.insert(id.to_owned());
        }
        let count = state.starts.entry(id.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    /// A registered name as the process table knows it.
    pub(crate) fn registered(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// A registered name as the scenario knows it.
    pub(crate) fn unregistered<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.0.prefix).unwrap_or(name)
    }

    pub(crate) fn server_name(&self, name: &str) -> Name<Server> {
        Name::owned(self.registered(name))
    }
}
