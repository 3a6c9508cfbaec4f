//! A process that does what the scenario tells it, and notes what reaches it.

use std::pin::Pin;

use otp_core::process::{self, Spawn};
use otp_core::{
    AliasMode, ExitReason, Mailbox, MonitorAlias, MonitorRef, Pid, ProcessName, ProcessRef, Received, Tag,
    Target, Waiting,
};
use otp_ets::TableId;
use otp_genserver::{GenServer, ServerRef, Start, StartError};
use otp_registry::Event;
use tokio::task::yield_now;

use crate::action::Action;
use crate::partitions;
use crate::reason::{self, CRASH};
use crate::registry;
use crate::server::{self, Server};
use crate::tables::{self, Visits};
use crate::tree;
use crate::world::{Address, World};

/// What an actor receives.
#[derive(Debug)]
pub(crate) enum Order {
    /// From the scenario.
    Do(Vec<Action>),
    /// From another process of it.
    Text { from: String, text: String },
    /// From a registry.
    Event(Event<String, String>),
    /// Of a table that is now this process's.
    Transfer { table: TableId, from: Pid, data: String },
}

impl From<Event<String, String>> for Order {
    fn from(event: Event<String, String>) -> Self {
        Self::Event(event)
    }
}

/// Starts an actor, which first does `first`.
pub(crate) fn spawn(
    world: &World,
    name: &str,
    spawn: Spawn,
    first: Option<Action>,
) -> (ProcessRef<Order>, Option<MonitorRef>) {
    let (shared, own_name) = (world.clone(), name.to_owned());
    let (process, monitor) = spawn.spawn(move |mailbox| {
        let actor =
            Actor { world: shared, name: own_name, mailbox, holding: false, visits: Visits::default() };
        actor.boxed(first)
    });
    world.bind(name, process.pid(), Address::Actor(process.clone()));
    (process, monitor)
}

struct Actor {
    world: World,
    name: String,
    mailbox: Mailbox<Order>,
    /// Takes orders only.
    holding: bool,
    visits: Visits,
}

impl Actor {
    /// Boxed, since an actor starts actors.
    fn boxed(self, first: Option<Action>) -> Pin<Box<dyn Future<Output = ExitReason> + Send>> {
        Box::pin(self.live(first))
    }

    async fn live(mut self, first: Option<Action>) -> ExitReason {
        let mut actions: Vec<Action> = first.into_iter().collect();
        loop {
            for action in actions.drain(..) {
                if action.verb.name == "return" {
                    return ExitReason::Normal;
                }
                self.act(&action).await;
                // A recorded difference: exit signals act at an `.await`, and on the BEAM at any time.
                yield_now().await;
            }
            if let Received::Message(Order::Do(more)) = self.receive().await {
                actions = more;
            }
        }
    }

    /// The next order; anything else is noted.
    async fn receive(&mut self) -> Received<Order> {
        if self.holding {
            let order = |waiting: Waiting<'_, Order>| matches!(waiting, Waiting::Message(Order::Do(_)));
            return self.mailbox.receive_where(order).await;
        }
        let received = self.mailbox.receive().await;
        match &received {
            Received::Message(Order::Do(_)) => {}
            Received::Message(Order::Text { from, text }) => {
                self.world.log_from(&self.name, from, format!("got {text} from {from}"));
            }
            Received::Message(Order::Event(event)) => {
                let (key, text) = registry::show_event(&self.world, event);
                self.world.log_from(&self.name, &key, text);
            }
            Received::Message(Order::Transfer { table, from, data }) => {
                let (table, from) = (tables::name_of(&self.world, *table), self.world.show(*from));
                let text = format!("got table {table} from {from}: {data}");
                self.world.log_from(&self.name, &format!("table {table}"), text);
            }
            Received::Exit { from, reason } => {
                let from = self.world.show(*from);
                let text = format!("exit of {from}: {}", reason::show(reason));
                self.world.log_from(&self.name, &from, text);
            }
            Received::Down(down) => {
                let (key, text) = server::show_down(&self.world, down);
                self.world.log_from(&self.name, &key, text);
            }
        }
        received
    }

    fn log(&self, text: impl Into<String>) {
        self.world.log(&self.name, text);
    }

    async fn act(&mut self, action: &Action) {
        if let Err(problem) = self.try_to(action).await {
            self.log(problem);
        }
    }

    /// `Err` if one of the processes in it never came to be.
    async fn try_to(&mut self, action: &Action) -> Result<(), String> {
        let world = self.world.clone();
        let word = |index: usize| action.words[index].as_str();
        let pid = |index: usize| world.pid(word(index)).ok_or_else(|| format!("no {}", word(index)));
        let text = |text: &str| Order::Text { from: self.name.clone(), text: text.to_owned() };
        match action.verb.name {
            "spawn" => drop(self.spawn(action, Spawn::new())?),
            "spawn_link" => drop(self.spawn(action, Spawn::new().link())?),
            "spawn_monitor" => {
                if let Some(monitor) = self.spawn(action, Spawn::new().monitor())? {
                    world.add_monitor(word(1), monitor);
                }
            }
            "link" => process::link(pid(0)?).map_err(show)?,
            "unlink" => process::unlink(pid(0)?).map_err(show)?,
            "monitor" => world.add_monitor(word(0), process::monitor(pid(1)?).map_err(show)?),
            "monitor_name" => {
                let target = Target::Name(ProcessName::from(world.registered(word(1))));
                world.add_monitor(word(0), process::monitor(target).map_err(show)?);
            }
            "monitor_tag" => {
                let tag = Tag::new(word(2).to_owned());
                world.add_monitor(word(0), process::monitor_tagged(pid(1)?, tag).map_err(show)?);
            }
            "demonitor" => {
                process::demonitor(self.monitor(word(0))?).map_err(show)?;
            }
            "demonitor_flush" => {
                let active = process::demonitor_flush(self.monitor(word(0))?).map_err(show)?;
                self.log(format!("demonitor: {active}"));
            }
            "exit" => process::exit(reason::parse(word(0))),
            "crash" => panic!("{CRASH}"),
            "signal" => process::send_exit(pid(0)?, reason::parse(word(1))),
            "trap" => {
                let before = process::trap_exit(word(0) == "on").map_err(show)?;
                self.log(format!("trapped before: {before}"));
            }
            "send" => match world.address(word(0)) {
                Some(Address::Actor(actor)) => actor.send(text(word(1))),
                _ => return Err(format!("no {}", word(0))),
            },
            "send_name" => match ProcessRef::named(&world.registered(word(0))) {
                Ok(process) => process.send(text(word(1))),
                // A recorded difference: name errors are `badarg` in OTP.
                Err(_) => self.log("badarg"),
            },
            "register" => match process::register(world.registered(word(0)), pid(1)?) {
                Ok(()) => self.log("registered"),
                Err(_) => self.log("badarg"),
            },
            "unregister" => match process::unregister(&world.registered(word(0))) {
                Ok(()) => self.log("unregistered"),
                Err(_) => self.log("badarg"),
            },
            "whereis" => {
                let found = process::whereis(&world.registered(word(0)));
                self.log(format!("whereis: {}", found.map_or("none".to_owned(), |pid| world.show(pid))));
            }
            "alias" => {
                let mode = if word(1) == "reply" { AliasMode::Reply } else { AliasMode::ExplicitUnalias };
                world.add_alias(word(0), self.mailbox.alias(mode));
            }
            "monitor_alias" => {
                let mode = match word(3) {
                    "explicit" => MonitorAlias::ExplicitUnalias,
                    "demonitor" => MonitorAlias::Demonitor,
                    _ => MonitorAlias::ReplyDemonitor,
                };
                let (monitor, alias) = self.mailbox.monitor_with_alias(pid(2)?, mode);
                world.add_monitor(word(0), monitor);
                world.add_alias(word(1), alias);
            }
            "unalias" => {
                let alias = world.alias(word(0)).ok_or_else(|| format!("no {}", word(0)))?;
                let active = process::unalias(alias.id()).map_err(show)?;
                self.log(format!("unalias: {active}"));
            }
            "send_alias" => {
                world.alias(word(0)).ok_or_else(|| format!("no {}", word(0)))?.send(text(word(1)));
            }
            "info" => self.log(info(&world, pid(0)?)),
            "alive" => self.log(format!("alive: {}", process::is_alive(pid(0)?))),
            "hold" => self.holding = true,
            "release" => self.holding = false,
            "await" => self.wait_for(self.monitor(word(0))?).await,
            "server" => self.start(action, Server::start(self.arguments(action))).await?,
            "server_link" => self.start(action, Server::start_link(self.arguments(action))).await?,
            "server_monitor" => self.start_monitored(action).await?,
            "call" => self.call(action).await?,
            "cast" => server::cast(&world, word(0), action.rest())?,
            "tell" => {
                if !server::tell(&world, word(0), action.rest())? {
                    self.log("badarg");
                }
            }
            "stop" => {
                let stopped = server::stop(&world, word(0), action.rest()).await?;
                self.log(format!("stopped {}: {stopped}", word(0)));
            }
            "supervisor_link" => {
                let started = tree::supervisor(&world, word(0), action.rest()).start_link().await;
                self.started(word(0), started.map(drop)).await;
            }
            "dynamic_supervisor_link" => {
                let started = tree::dynamic_supervisor(&world, word(0), action.rest()).start_link().await;
                self.started(word(0), started.map(drop)).await;
            }
            "partition_supervisor_link" => {
                let started = partitions::start_link(&world, word(0), action.rest()).await;
                self.started(word(0), started).await;
            }
            "registry_link" => {
                let started = registry::start_link(&world, word(0), action.rest()).await;
                self.started(word(0), started).await;
            }
            "table" | "load" => self.log(tables::make(&world, action.verb.name, &action.words)?),
            "whereis_table" => self.log(tables::whereis(&world, word(0))),
            "ets" => {
                let result = tables::act(&world, &mut self.visits, word(0), word(1), action.rest())?;
                self.log(format!("{} {}: {result}", word(0), word(1)));
            }
            verb if verb.starts_with("registry_") => {
                if let Some(text) = registry::act(&world, &self.name, verb, &action.words).await? {
                    self.log(text);
                }
            }
            verb => self.log(tree::manage(&world, verb, word(0), &action.words[1..]).await?),
        }
        Ok(())
    }

    /// Notes what arrives until this monitor's DOWN is among it.
    async fn wait_for(&mut self, monitor: MonitorRef) {
        loop {
            match self.receive().await {
                Received::Down(down) if down.monitor == monitor => return,
                Received::Message(Order::Do(_)) => self.log("told to do something while it waits"),
                _ => {}
            }
        }
    }

    fn spawn(&self, action: &Action, how: Spawn) -> Result<Option<MonitorRef>, String> {
        Ok(spawn(&self.world, &action.words[0], how, action.first_action()?).1)
    }

    fn monitor(&self, name: &str) -> Result<MonitorRef, String> {
        self.world.monitor(name).ok_or_else(|| format!("no {name}"))
    }

    fn arguments(&self, action: &Action) -> server::Arguments {
        server::Arguments {
            world: self.world.clone(),
            name: action.words[0].clone(),
            options: action.rest().to_vec(),
        }
    }

    async fn start(&self, action: &Action, mut start: Start<Server>) -> Result<(), String> {
        for option in action.rest() {
            if let Some(name) = option.strip_prefix("name:") {
                start = start.name(self.world.server_name(name));
            } else if let Some(via) = option.strip_prefix("via:") {
                let (via, value) = registry::via(&self.world, via)?;
                start = start.name(via.value(value));
            } else if let Some(limit) = option.strip_prefix("within:") {
                start = start.timeout(server::millis(limit));
            }
        }
        self.started(&action.words[0], start.await.map(drop::<ServerRef<Server>>)).await;
        Ok(())
    }

    async fn start_monitored(&self, action: &Action) -> Result<(), String> {
        let mut start = Server::start_monitor(self.arguments(action));
        for option in action.rest() {
            if let Some(name) = option.strip_prefix("name:") {
                start = start.name(self.world.server_name(name));
            } else if let Some(via) = option.strip_prefix("via:") {
                let (via, value) = registry::via(&self.world, via)?;
                start = start.name(via.value(value));
            } else if let Some(limit) = option.strip_prefix("within:") {
                start = start.timeout(server::millis(limit));
            }
        }
        let started = start.await.map(|(_, monitor)| self.world.add_monitor(&action.words[1], monitor));
        self.started(&action.words[0], started).await;
        Ok(())
    }

    async fn started(&self, name: &str, result: Result<(), StartError>) {
        let text = match result {
            Ok(()) => "ok".to_owned(),
            Err(StartError::Ignored) => "ignore".to_owned(),
            Err(StartError::AlreadyStarted(pid)) => {
                format!("error already_started {}", self.world.show(pid))
            }
            Err(error) => format!("error {}", reason::show_start_error(&error)),
        };
        // Nobody promises that a failed start is heard of before the link breaks: whoever dies of it never says more.
        for _ in 0..20 {
            yield_now().await;
        }
        self.log(format!("start {name}: {text}"));
    }

    async fn call(&self, action: &Action) -> Result<(), String> {
        let server = &action.words[0];
        let called = server::call(&self.world, server, action.rest())?.await;
        let answer = called.unwrap_or_else(|error| format!("exit {}", server::show_error(&error)));
        self.log(format!("answer of {server}: {answer}"));
        Ok(())
    }
}

fn show(error: impl ToString) -> String {
    error.to_string()
}

/// Those of others than the scenario's own are left out.
fn info(world: &World, pid: otp_core::Pid) -> String {
    let Some(info) = process::info(pid) else { return "info: none".to_owned() };
    let names = |pids: &[otp_core::Pid]| {
        let mut names: Vec<String> = pids.iter().filter_map(|pid| world.name_of(*pid)).collect();
        names.sort();
        // All partitions of a registry have one name, and how many of them a process is linked to is up to each language.
        names.dedup();
        names.join(",")
    };
    let name = info.name.as_deref().map_or("none", |name| world.unregistered(name));
    format!(
        "info: links=[{}] monitors=[{}] monitored_by=[{}] trap={} name={name}",
        names(&info.links),
        names(&info.monitors),
        names(&info.monitored_by),
        info.trap_exit,
    )
}
