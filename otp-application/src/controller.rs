//! [`Controller`]: what is known of the applications, and what starts and stops them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock, Weak};

use otp_core::behaviour::{Spawn, await_end};
use otp_core::{ExitReason, Pid, process};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::app_info::AppInfo;
use crate::app_spec::AppSpec;
use crate::config_error::ConfigError;
use crate::config_sources::ConfigSources;
use crate::environment::{Environment, Given};
use crate::error::{FetchEnvError, LoadError, StartAppError, StopAppError, UnloadError};
use crate::halt::Halt;
use crate::restart_type::RestartType;
use crate::table::{Ended, Entry, Outcome, State, StopOrder, Table};
use crate::{master, report};

/// Loads, starts and stops applications, and knows their configuration. Cheap to clone: all clones are one.
///
/// A program has one, [`global`](Self::global), which [`run`](crate::run) uses. Tests make their own, so that
/// they do not meet.
///
/// It is no process: what it knows stands behind a lock that nobody holds while waiting. An application's own start
/// function may call all of it, except wait for its own start.
///
/// # Counterpart
///
/// The application controller, and the functions of the module `application`.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) table: Mutex<Table>,
    sources: ConfigSources,
    /// Where applications run: also who is outside any runtime can have them stopped.
    runtime: OnceLock<Handle>,
    /// Why all applications were stopped, once they are.
    halted: watch::Sender<Option<Halt>>,
}

/// The masters of all controllers, to find the application of a process.
static MASTERS: Mutex<BTreeMap<Pid, (String, Weak<Shared>)>> = Mutex::new(BTreeMap::new());

impl Controller {
    /// One that reads neither files nor environment variables.
    #[must_use]
    pub fn new() -> Self {
        Self::with_sources(ConfigSources::none())
    }

    /// One that configures its applications from these sources.
    #[must_use]
    pub fn with_sources(sources: ConfigSources) -> Self {
        let table = Mutex::default();
        Self {
            shared: Arc::new(Shared {
                table,
                sources,
                runtime: OnceLock::new(),
                halted: watch::Sender::default(),
            }),
        }
    }

    /// The program's own, with the [standard sources](ConfigSources::standard).
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: OnceLock<Controller> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::with_sources(ConfigSources::standard())).clone()
    }

    /// The one whose application the current process belongs to; outside any application, the [global](Self::global) one.
    #[must_use]
    pub fn current() -> Self {
        process::current()
            .and_then(master_of)
            .and_then(|(_, shared)| shared.upgrade())
            .map_or_else(Self::global, |shared| Self { shared })
    }

    /// Takes note of an application, and reads its configuration: of the spec, of the file, of the environment. Nothing is
    /// started.
    ///
    /// # Errors
    ///
    /// [`LoadError`]: there is one with this name, or the file cannot be read.
    ///
    /// # Counterpart
    ///
    /// `application:load/1`.
    pub fn load(&self, spec: impl Into<AppSpec>) -> Result<(), LoadError> {
        let spec = spec.into();
        let mut environment = Environment::new(&spec.name);
        for given in &spec.defaults {
            environment.put(given)?;
        }
        // Reads a file: without the lock.
        environment.read(&self.shared.sources)?;
        for given in &spec.given {
            environment.put(given)?;
        }
        let mut table = self.shared.table.lock();
        if table.entries.contains_key(&spec.name) {
            return Err(LoadError::AlreadyLoaded(spec.name));
        }
        for given in table.early.remove(&spec.name).into_iter().flatten() {
            environment.put(&given)?;
        }
        table.entries.insert(spec.name.clone(), Entry { spec, environment, state: State::Stopped });
        table.refresh_environments();
        Ok(())
    }

    /// Forgets an application and its environment.
    ///
    /// # Errors
    ///
    /// [`UnloadError`]: it is not loaded, or it runs.
    ///
    /// # Counterpart
    ///
    /// `application:unload/1`.
    pub fn unload(&self, name: &str) -> Result<(), UnloadError> {
        let mut table = self.shared.table.lock();
        match table.entries.get(name).map(|entry| &entry.state) {
            None => return Err(UnloadError::NotLoaded(name.to_owned())),
            Some(State::Stopped) => {}
            Some(_) => return Err(UnloadError::Running(name.to_owned())),
        }
        let forgotten = (table.entries.remove(name), table.early.remove(name));
        table.refresh_environments();
        drop(table);
        // Foreign destructors, unlocked.
        drop(forgotten);
        Ok(())
    }

    /// Starts an application, as [`Temporary`](RestartType::Temporary), and waits until it has started. One that is
    /// starting already is waited for.
    ///
    /// # Errors
    ///
    /// [`StartAppError`]; nothing was started then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the application still starts.
    ///
    /// # Counterpart
    ///
    /// `application:start/1`.
    pub async fn start(&self, name: &str) -> Result<(), StartAppError> {
        self.start_as(name, RestartType::Temporary).await
    }

    /// As [`start`](Self::start), with what its end means to the others.
    ///
    /// # Errors
    ///
    /// [`StartAppError`]; nothing was started then.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the application still starts.
    ///
    /// # Counterpart
    ///
    /// `application:start/2`.
    pub async fn start_as(&self, name: &str, restart: RestartType) -> Result<(), StartAppError> {
        loop {
            match self.begin_start(name, restart)? {
                Begun::Started => return Ok(()),
                Begun::Starting(mut done) => {
                    let outcome =
                        done.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
                    // The sender stands in the table until it has spoken.
                    return outcome.unwrap_or(Err(StartAppError::ShuttingDown));
                }
                Begun::Stopping(master) => ended(master).await,
            }
        }
    }

    /// As [`start`](Self::start); that it runs already is no error.
    ///
    /// # Errors
    ///
    /// [`StartAppError`], but never `AlreadyStarted`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the application still starts.
    ///
    /// # Counterpart
    ///
    /// `application:ensure_started/1`.
    pub async fn ensure_started(&self, name: &str) -> Result<(), StartAppError> {
        match self.start(name).await {
            Err(StartAppError::AlreadyStarted(_)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Starts what an application depends on, and what that depends on, each after its own dependencies, and then the
    /// application; gives the names of those that did not run before. Dependencies that are not loaded are, where
    /// they were named by their specs. All configurations are checked before anything is started.
    ///
    /// # Errors
    ///
    /// [`StartAppError`]: those that this call has started, or has waited for while they were starting, are stopped again, the last
    /// one first. What ran before goes on, and what was loaded stays loaded. After `ShuttingDown` this stops nothing: the shutdown
    /// does.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the one that is being started still starts, and what has been started goes on.
    ///
    /// # Counterpart
    ///
    /// `application:ensure_all_started/1`.
    pub async fn ensure_all_started(&self, name: &str) -> Result<Vec<String>, StartAppError> {
        self.ensure_all_started_as(name, RestartType::Temporary).await
    }

    /// As [`ensure_all_started`](Self::ensure_all_started), with what the end of each means to the others.
    ///
    /// # Errors
    ///
    /// As [`ensure_all_started`](Self::ensure_all_started).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the one that is being started still starts, and what has been started goes on.
    ///
    /// # Counterpart
    ///
    /// `application:ensure_all_started/2`.
    pub async fn ensure_all_started_as(
        &self,
        name: &str,
        restart: RestartType,
    ) -> Result<Vec<String>, StartAppError> {
        let mut order = Vec::new();
        self.resolve(name, &mut Vec::new(), &mut order)?;
        self.check(&order)?;
        let mut started = Vec::new();
        for name in order {
            match self.start_as(&name, restart).await {
                Ok(()) => started.push(name),
                Err(StartAppError::AlreadyStarted(_)) => {}
                // The shutdown stops them, each at its turn.
                Err(StartAppError::ShuttingDown) => return Err(StartAppError::ShuttingDown),
                Err(error) => {
                    for name in started.iter().rev() {
                        // It may have ended by itself.
                        let _ = self.stop(name).await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(started)
    }

    /// Stops an application and waits until it is gone: `prep_stop`, the tree from its top, as long as that takes,
    /// then `stop`. Whatever it was started as, the others go on.
    ///
    /// # Errors
    ///
    /// [`StopAppError`]: it does not run.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the application still stops.
    ///
    /// # Counterpart
    ///
    /// `application:stop/1`.
    pub async fn stop(&self, name: &str) -> Result<(), StopAppError> {
        let not_started = || StopAppError::NotStarted(name.to_owned());
        let (master, ours) = {
            let mut table = self.shared.table.lock();
            let Some(entry) = table.entries.get_mut(name) else { return Err(not_started()) };
            match &entry.state {
                State::Stopped | State::Starting { .. } => return Err(not_started()),
                State::Stopping { master } => (master.clone(), false),
                State::Running { master: Some(master), .. } => {
                    let master = master.clone();
                    entry.state = State::Stopping { master: master.clone() };
                    (master, true)
                }
                State::Running { master: None, .. } => {
                    entry.state = State::Stopped;
                    table.order.retain(|other| other != name);
                    drop(table);
                    report::stopped(name);
                    return Ok(());
                }
            }
        };
        if ours {
            master.send(StopOrder);
        }
        // A callback of the application itself cannot wait for its end.
        if process::current() != Some(master.pid()) {
            ended(master.pid()).await;
        }
        if ours { Ok(()) } else { Err(not_started()) }
    }

    /// The applications that run, the one that was started last first.
    ///
    /// # Counterpart
    ///
    /// `application:which_applications/0`.
    #[must_use]
    pub fn which_applications(&self) -> Vec<AppInfo> {
        let table = self.shared.table.lock();
        let running = table.order.iter().rev().filter(|name| table.is_running(name));
        running.filter_map(|name| table.entries.get(name).map(info)).collect()
    }

    /// The applications that are loaded, by name.
    ///
    /// # Counterpart
    ///
    /// `application:loaded_applications/0`.
    #[must_use]
    pub fn loaded_applications(&self) -> Vec<AppInfo> {
        self.shared.table.lock().entries.values().map(info).collect()
    }

    /// The name of the application that a process belongs to: its master, or one of its ancestors, is the process.
    ///
    /// # Counterpart
    ///
    /// `application:get_application/1`, which goes by group leaders. Here a process whose starter has ended, and which is
    /// not in a tree, belongs to no application.
    #[must_use]
    pub fn get_application(&self, pid: Pid) -> Option<String> {
        let (name, shared) = master_of(pid)?;
        std::ptr::eq(shared.as_ptr(), Arc::as_ptr(&self.shared)).then_some(name)
    }

    /// The value of a key of an application's environment; `None` if there is none, or no such application. A dot leads
    /// into a table: `db.pool`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: there is a value, of another type.
    ///
    /// # Examples
    ///
    /// ```
    /// use otp_application::{AppSpec, Controller};
    ///
    /// let controller = Controller::new();
    /// controller.load(AppSpec::library("words").env("language", "en"))?;
    /// assert_eq!(controller.get_env::<String>("words", "language")?.as_deref(), Some("en"));
    /// controller.put_env("words", "language", "fr")?;
    /// assert_eq!(controller.fetch_env::<String>("words", "language")?, "fr");
    /// assert_eq!(controller.get_env::<u8>("words", "limit")?.unwrap_or(7), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Counterpart
    ///
    /// `Application.get_env/2,3`, `application:get_env/2`.
    pub fn get_env<T: DeserializeOwned>(&self, name: &str, key: &str) -> Result<Option<T>, ConfigError> {
        // The type's own code runs without the lock.
        let environment = self.environment(name);
        environment.map_or(Ok(None), |environment| environment.get(key))
    }

    /// As [`get_env`](Self::get_env); that there is no value is an error.
    ///
    /// # Errors
    ///
    /// [`FetchEnvError`].
    ///
    /// # Counterpart
    ///
    /// `Application.fetch_env!/2`, which raises.
    pub fn fetch_env<T: DeserializeOwned>(&self, name: &str, key: &str) -> Result<T, FetchEnvError> {
        self.get_env(name, key)?
            .ok_or_else(|| FetchEnvError::NotFound { application: name.to_owned(), key: key.to_owned() })
    }

    /// The whole environment of an application, as one value; `None` if there is no such application.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: it is not what the type asks for.
    ///
    /// # Counterpart
    ///
    /// `application:get_all_env/1`.
    pub fn get_all_env<T: DeserializeOwned + 'static>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        self.environment(name).map(|environment| environment.all()).transpose()
    }

    /// Sets the value of a key. An application that runs has been given its configuration already; the next start sees
    /// it. Before the application is loaded, this goes before all else that its environment is made of.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: such a value cannot stand in a configuration.
    ///
    /// # Counterpart
    ///
    /// `Application.put_env/3`, `application:set_env/3`, with `{persistent, true}` where the application is not loaded.
    pub fn put_env<T: Serialize>(&self, name: &str, key: &str, value: T) -> Result<(), ConfigError> {
        let given = Given::new(key, value);
        let mut table = self.shared.table.lock();
        if let Some(entry) = table.entries.get_mut(name) {
            return entry.environment.put(&given);
        }
        Environment::new(name).put(&given)?;
        table.early.entry(name.to_owned()).or_default().push(given);
        Ok(())
    }

    /// Removes a key and its value.
    ///
    /// # Counterpart
    ///
    /// `Application.delete_env/2`, `application:unset_env/2`.
    pub fn delete_env(&self, name: &str, key: &str) {
        let mut table = self.shared.table.lock();
        if let Some(entry) = table.entries.get_mut(name) {
            entry.environment.remove(key);
        }
        if let Some(early) = table.early.get_mut(name) {
            early.retain(|given| !given.is_for(key));
        }
    }

    /// Stops all applications, the one that was started last first, and has the program end with this exit code, if
    /// [`run`](crate::run) runs it. Returns at once; [`halted`](Self::halted) waits. From now on nothing starts any
    /// more; one that is still starting is stopped.
    ///
    /// # Counterpart
    ///
    /// `init:stop/1`, `System.stop/1`.
    pub fn system_stop(&self, exit_code: u8) {
        self.halt(Halt::Requested(exit_code));
    }

    /// Waits until all applications were stopped, by [`system_stop`](Self::system_stop), a signal, or because a permanent
    /// one ended, or a transient one not normally.
    ///
    /// An application has stopped when its master has ended. That waits for its tree, unless somebody kills it: then the tree is
    /// told by its link, and may still be ending when this is ready.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub async fn halted(&self) -> Halt {
        let mut halted = self.shared.halted.subscribe();
        loop {
            if let Some(halt) = &*halted.borrow_and_update() {
                return halt.clone();
            }
            // Cannot fail: the sender is here.
            let _ = halted.changed().await;
        }
    }

    pub(crate) fn is_halting(&self) -> bool {
        self.shared.table.lock().halting
    }

    /// Begins to stop everything, unless that has begun.
    pub(crate) fn halt(&self, halt: Halt) {
        if std::mem::replace(&mut self.shared.table.lock().halting, true) {
            return;
        }
        let (controller, why) = (self.clone(), halt.clone());
        let stop_all = move || async move {
            while let Some(master) = { controller.shared.table.lock().stop_next() } {
                master.send(StopOrder);
                ended(master.pid()).await;
            }
            controller.shared.halted.send_replace(Some(why));
        };
        match self.shared.runtime.get() {
            Some(runtime) => {
                let _inside = runtime.enter();
                // Of no process: whoever asks may be part of what is stopped.
                Spawn::new()
                    .label("shutdown of all applications")
                    .spawn(|_: otp_core::Mailbox<()>| stop_all());
            }
            // Nothing was ever started.
            None => drop(self.shared.halted.send_replace(Some(halt))),
        }
    }

    /// This is the runtime that applications run on.
    pub(crate) fn runs_here(&self) {
        if let Ok(runtime) = Handle::try_current() {
            self.shared.runtime.get_or_init(|| runtime);
        }
    }

    fn environment(&self, name: &str) -> Option<Environment> {
        let table = self.shared.table.lock();
        if let Some(entry) = table.entries.get(name) {
            return Some(entry.environment.clone());
        }
        let mut environment = Environment::new(name);
        for given in table.early.get(name)? {
            // It was tried when it was given.
            let _ = environment.put(given);
        }
        Some(environment)
    }

    /// Puts an application's dependencies, and then itself, into `order`, and loads them where need be.
    fn resolve(
        &self,
        name: &str,
        path: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> Result<(), StartAppError> {
        if order.iter().any(|known| known == name) {
            return Ok(());
        }
        path.push(name.to_owned());
        if path[..path.len() - 1].iter().any(|above| above == name) {
            return Err(StartAppError::Circular(std::mem::take(path)));
        }
        let dependencies = {
            let table = self.shared.table.lock();
            let entry = table.entries.get(name).ok_or_else(|| StartAppError::NotLoaded(name.to_owned()))?;
            entry.spec.dependencies.clone()
        };
        for dependency in dependencies {
            let loaded = self.shared.table.lock().entries.contains_key(&dependency.name);
            if let Some(spec) = dependency.spec
                && !loaded
            {
                match self.load(spec) {
                    Err(LoadError::Config(error)) => return Err(error.into()),
                    // Somebody else was faster.
                    Ok(()) | Err(LoadError::AlreadyLoaded(_)) => {}
                }
            }
            self.resolve(&dependency.name, path, order)?;
        }
        path.pop();
        order.push(name.to_owned());
        Ok(())
    }

    /// Whether those that do not run yet have the configuration that they need.
    fn check(&self, names: &[String]) -> Result<(), ConfigError> {
        for name in names {
            let to_check = {
                let table = self.shared.table.lock();
                let entry = table.entries.get(name).filter(|entry| matches!(entry.state, State::Stopped));
                entry.and_then(|entry| Some((entry.spec.callbacks.clone()?, entry.environment.clone())))
            };
            if let Some((callbacks, environment)) = to_check {
                callbacks.check(&environment)?;
            }
        }
        Ok(())
    }

    /// Brings the start of an application on its way.
    fn begin_start(&self, name: &str, restart: RestartType) -> Result<Begun, StartAppError> {
        self.runs_here();
        let mut table = self.shared.table.lock();
        if table.halting {
            return Err(StartAppError::ShuttingDown);
        }
        let entry = table.entries.get(name).ok_or_else(|| StartAppError::NotLoaded(name.to_owned()))?;
        match &entry.state {
            State::Running { .. } => return Err(StartAppError::AlreadyStarted(name.to_owned())),
            // A callback of the application itself: it waits for what waits for it.
            State::Starting { master, .. } | State::Stopping { master }
                if Some(master.pid()) == process::current() =>
            {
                return Err(StartAppError::Circular(vec![name.to_owned(), name.to_owned()]));
            }
            State::Starting { done, .. } => return Ok(Begun::Starting(done.subscribe())),
            State::Stopping { master } => return Ok(Begun::Stopping(master.pid())),
            State::Stopped => {}
        }
        if let Some(missing) = entry.spec.dependencies.iter().find(|it| !table.is_running(&it.name)) {
            return Err(StartAppError::NotStarted(missing.name.clone()));
        }
        let (spec, environment) = (entry.spec.clone(), entry.environment.clone());
        if spec.callbacks.is_none() {
            table.set_state(name, State::Running { master: None, restart });
            table.order.push(name.to_owned());
            drop(table);
            report::started(name, None);
            return Ok(Begun::Started);
        }
        let embryo = Spawn::new().label(format!("application {name}")).prepare::<StopOrder>();
        let master = embryo.address();
        let (done, outcome) = watch::channel(Outcome::None);
        let starting =
            State::Starting { master: master.clone(), restart, done, failure: None, aborted: false };
        table.set_state(name, starting);
        table.starting.push(name.to_owned());
        drop(table);

        MASTERS.lock().insert(master.pid(), (name.to_owned(), Arc::downgrade(&self.shared)));
        let (controller, of) = (self.clone(), name.to_owned());
        let hook = move |pid, reason: &ExitReason| controller.master_ended(&of, pid, reason);
        if process::on_exit(master.pid(), hook).is_err() {
            // Somebody who reads pids has killed it already.
            self.master_ended(name, master.pid(), &ExitReason::Killed);
        }
        let shared = Arc::clone(&self.shared);
        embryo.go(move |mailbox| master::run(mailbox, shared, spec, environment));
        Ok(Begun::Starting(outcome))
    }

    /// The one place where the end of an application is seen, whatever ended it.
    fn master_ended(&self, name: &str, pid: Pid, reason: &ExitReason) {
        MASTERS.lock().remove(&pid);
        let ended = self.shared.table.lock().master_ended(name, pid, reason);
        match ended {
            Some(Ended::Stopped) => report::stopped(name),
            Some(Ended::Exited(restart)) => {
                report::exited(name, reason, restart);
                let all = match restart {
                    RestartType::Temporary => false,
                    RestartType::Transient => !reason.is_normal(),
                    RestartType::Permanent => true,
                };
                if all {
                    let (application, reason) = (name.to_owned(), reason.clone());
                    self.halt(Halt::ApplicationEnded { application, reason });
                }
            }
            Some(Ended::NotStarted(restart)) => report::exited(name, reason, restart),
            None => {}
        }
    }
}

impl Default for Controller {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running: Vec<_> = self.which_applications().into_iter().map(|info| info.name).collect();
        f.debug_struct("Controller").field("running", &running).finish_non_exhaustive()
    }
}

/// How far a start is.
enum Begun {
    Started,
    Starting(watch::Receiver<Outcome>),
    Stopping(Pid),
}

fn info(entry: &Entry) -> AppInfo {
    let AppSpec { name, description, version, .. } = &entry.spec;
    AppInfo { name: name.clone(), description: description.clone(), version: version.clone() }
}

/// The application that a process belongs to.
fn master_of(pid: Pid) -> Option<(String, Weak<Shared>)> {
    let ancestors = process::info(pid)?.ancestors;
    let masters = MASTERS.lock();
    [pid].into_iter().chain(ancestors).find_map(|pid| masters.get(&pid).cloned())
}

/// Waits until a process is gone.
async fn ended(pid: Pid) {
    let mut end = await_end(pid);
    drop(poll_fn(|cx| end.poll_answer(cx)).await);
}
