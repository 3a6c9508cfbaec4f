//! The supervision tree: who is started in which order, and each server known by its name.
//!
//! ```text
//! root (one_for_one)
//! ├── cache
//! ├── config        owns the table of the settings
//! ├── limiter
//! ├── mail          a task supervisor: mails that nobody waits for
//! ├── reports       a task supervisor: each report is a task of its own
//! ├── reporter
//! ├── bus           what is said in rooms, to whoever listens
//! ├── registry      the rooms by name
//! ├── rooms         a dynamic supervisor: a room starts when somebody asks for it
//! └── web           the HTTP endpoint, last to start and first to stop
//! ```

use std::fmt;
use std::time::Duration;

use otp::core::attach_with;
use otp::{
    ChildSpec, DynamicSupervisor, ExitReason, IntoChildSpec, Mailbox, Name, NotAProcess, Pid, Shutdown,
    Supervisor, SupervisorClient, SupervisorSpec, TaskSupervisor, process,
};

use crate::cache::{CACHE, Cache, CacheSettings};
use crate::config_cache::{CONFIG, ConfigCache};
use crate::limiter::{LIMITER, Limits, RateLimiter};
use crate::mail::{MAIL, MAX_MAILS};
use crate::report::{REPORTER, Reporter, ReporterSettings};
use crate::rooms::{ROOMS, Rooms};

/// The top of the tree.
pub(crate) const ROOT: Name<Supervisor> = Name::new("root");

/// Above the reports that are being made.
pub(crate) const REPORTS: Name<TaskSupervisor> = Name::new("reports");

/// How long a server has to start, and a killed one to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many rooms there may be.
const MAX_ROOMS: usize = 1000;

/// How long requests that are being answered may take once the service stops.
const DRAIN: Duration = Duration::from_secs(5);

/// What the servers are started with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) cache: CacheSettings,
    pub(crate) limits: Limits,
    pub(crate) report_effort: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: CacheSettings::default(),
            limits: Limits::default(),
            report_effort: Duration::from_secs(2),
        }
    }
}

/// The tree without its endpoint. The intensity bears somebody who plays with the kill buttons.
pub(crate) fn tree(settings: &Settings, rooms: &Rooms) -> SupervisorSpec {
    use otp::GenServer as _;
    let reporter = ReporterSettings { cache: CACHE, reports: REPORTS, effort: settings.report_effort };
    let spec = |server: Server, child: ChildSpec| child.id(server.name());
    Supervisor::one_for_one()
        .intensity(100, Duration::from_secs(5))
        .child(spec(
            Server::Cache,
            Cache::start_link(settings.cache.clone()).name(CACHE).timeout(PATIENCE).child_spec(),
        ))
        .child(spec(Server::Config, ConfigCache::start_link().name(CONFIG).timeout(PATIENCE).child_spec()))
        .child(spec(
            Server::Limiter,
            RateLimiter::start_link(settings.limits.clone()).name(LIMITER).timeout(PATIENCE).child_spec(),
        ))
        .child(spec(
            Server::Mail,
            TaskSupervisor::new().max_children(MAX_MAILS).start_link().name(MAIL).child_spec(),
        ))
        .child(spec(Server::Reports, TaskSupervisor::new().start_link().name(REPORTS).child_spec()))
        .child(spec(
            Server::Reporter,
            Reporter::start_link(reporter).name(REPORTER).timeout(PATIENCE).child_spec(),
        ))
        .child(spec(Server::Bus, rooms.bus.clone().child_spec()))
        .child(spec(Server::Registry, rooms.registry.clone().child_spec()))
        .child(spec(
            Server::Rooms,
            DynamicSupervisor::new().max_children(MAX_ROOMS).start_link().name(ROOMS).child_spec(),
        ))
}

/// The endpoint as a child: the last one.
pub(crate) fn endpoint(web: impl IntoChildSpec) -> ChildSpec {
    web.child_spec().id(Server::Web.name()).shutdown(Shutdown::Timeout(DRAIN))
}

/// One of the root's children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Cache,
    Config,
    Limiter,
    Mail,
    Reports,
    Reporter,
    Bus,
    Registry,
    Rooms,
    Web,
}

/// Why a server was not killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillError {
    NotRunning,
    /// It is in the middle of something that cannot be interrupted, or does not come back.
    Late,
}

impl Server {
    /// In the order of their start.
    pub(crate) const ALL: [Self; 10] = [
        Self::Cache,
        Self::Config,
        Self::Limiter,
        Self::Mail,
        Self::Reports,
        Self::Reporter,
        Self::Bus,
        Self::Registry,
        Self::Rooms,
        Self::Web,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Config => "config",
            Self::Limiter => "limiter",
            Self::Mail => "mail",
            Self::Reports => "reports",
            Self::Reporter => "reporter",
            Self::Bus => "bus",
            Self::Registry => "registry",
            Self::Rooms => "rooms",
            Self::Web => "web",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name() == name)
    }

    /// Its process now, if it runs.
    pub(crate) async fn pid(self) -> Option<Pid> {
        let children = ROOT.which_children().await.ok()?;
        let id = self.name().into();
        children.into_iter().find(|child| child.id.as_ref() == Some(&id))?.status.pid()
    }

    /// Kills it as it stands, and returns which process it was and which one its supervisor has started in its place.
    pub(crate) async fn kill(self) -> Result<(Pid, Pid), KillError> {
        let before = self.pid().await.ok_or(KillError::NotRunning)?;
        // Only a process can monitor, and a request's handler is none: this makes it one for as long as that takes.
        let killing = attach_with(move |mut mailbox: Mailbox<()>| async move {
            process::monitor(before)?;
            process::send_exit(before, ExitReason::Kill);
            mailbox.receive().await;
            Ok::<(), NotAProcess>(())
        });
        let comes_back = async {
            let _down = killing.await;
            loop {
                match self.pid().await {
                    Some(after) if after != before => return after,
                    _ => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, comes_back).await {
            Ok(after) => Ok((before, after)),
            Err(_elapsed) => Err(KillError::Late),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
