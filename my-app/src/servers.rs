//! The three servers as one list: starting, stopping and killing them by name.
//!
//! This is the work of a supervisor, which a later version has; until then nobody restarts a server but the user.

use std::fmt;
use std::time::Duration;

use otp::core::attach_with;
use otp::{ExitReason, Mailbox, NotAProcess, Pid, StartError, StopError, process};

use crate::cache::{CACHE, Cache, CacheSettings};
use crate::limiter::{LIMITER, Limits, RateLimiter};
use crate::report::{REPORTER, Reporter, ReporterSettings};

/// How long a server has to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Cache,
    Limiter,
    Reporter,
}

/// Why a server was not killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillError {
    NotRunning,
    /// It is in the middle of something that cannot be interrupted.
    StillDying,
}

impl Server {
    /// In the order of their start: the reporter asks the cache.
    pub(crate) const ALL: [Self; 3] = [Self::Cache, Self::Limiter, Self::Reporter];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Limiter => "limiter",
            Self::Reporter => "reporter",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name() == name)
    }

    /// Its process now, if it runs.
    pub(crate) fn pid(self) -> Option<Pid> {
        match self {
            Self::Cache => CACHE.whereis(),
            Self::Limiter => LIMITER.whereis(),
            Self::Reporter => REPORTER.whereis(),
        }
    }

    /// Not `start_link`: a link would take `main` along when a server is killed, and nobody restarts it anyway.
    pub(crate) async fn start(self, settings: &Settings) -> Result<Pid, StartError> {
        match self {
            Self::Cache => {
                let start = Cache::start(settings.cache.clone());
                start.name(CACHE).timeout(PATIENCE).await.map(|server| server.pid())
            }
            Self::Limiter => {
                use otp::GenServer as _;
                let start = RateLimiter::start(settings.limits.clone());
                start.name(LIMITER).timeout(PATIENCE).await.map(|server| server.pid())
            }
            Self::Reporter => {
                let start =
                    Reporter::start(ReporterSettings { cache: CACHE, effort: settings.report_effort });
                start.name(REPORTER).timeout(PATIENCE).await.map(|server| server.pid())
            }
        }
    }

    /// Stops it in order, after the messages that it has already.
    pub(crate) async fn stop(self) -> Result<(), StopError> {
        let reason = ExitReason::Shutdown;
        match self {
            Self::Cache => CACHE.stop().reason(reason).timeout(PATIENCE).await,
            Self::Limiter => LIMITER.stop().reason(reason).timeout(PATIENCE).await,
            Self::Reporter => REPORTER.stop().reason(reason).timeout(PATIENCE).await,
        }
    }

    /// Kills it as it stands, and returns when it is dead and its name free.
    pub(crate) async fn kill(self) -> Result<Pid, KillError> {
        let pid = self.pid().ok_or(KillError::NotRunning)?;
        // Only a process can monitor, and a request's handler is none: this makes it one for as long as that takes.
        let killing = attach_with(|mut mailbox: Mailbox<()>| async move {
            process::monitor(pid)?;
            process::send_exit(pid, ExitReason::Kill);
            mailbox.receive().await;
            Ok::<(), NotAProcess>(())
        });
        match tokio::time::timeout(PATIENCE, killing).await {
            Ok(_down) => Ok(pid),
            Err(_elapsed) => Err(KillError::StillDying),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
