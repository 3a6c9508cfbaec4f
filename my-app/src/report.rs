//! [`Reporter`]: a slow report that is answered later, written with `#[gen_server]`.
//!
//! The reporter keeps nobody waiting: each report is a task under a supervisor, and the reporter goes on to its next message. A task's
//! outcome comes as a message of the reporter's own, and then its caller is answered.

use std::collections::HashMap;
use std::time::Duration;

use otp::{
    CallError, Context, Name, Pid, ReplyTo, TaskOutcome, TaskSupervisor, TaskSupervisorClient, gen_server,
    process,
};
use serde::Serialize;

use crate::cache::{Cache, CacheClient, CacheStats};

/// The reporter of this application.
pub(crate) const REPORTER: Name<Reporter> = Name::new("reporter");

/// What a reporter is started with.
#[derive(Debug, Clone)]
pub(crate) struct ReporterSettings {
    /// Which cache it reports on.
    pub(crate) cache: Name<Cache>,
    /// What starts a task for each report.
    pub(crate) reports: Name<TaskSupervisor>,
    /// How long a report takes.
    pub(crate) effort: Duration,
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// The process that made it.
    pub(crate) made_by: Option<Pid>,
    /// The cache's numbers, or why there are none.
    pub(crate) cache: Result<CacheStats, CallError>,
}

/// What the reporter has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ReporterStats {
    /// Reports being made now.
    pub(crate) pending: usize,
    /// Reports whose task has ended, in whatever way.
    pub(crate) done: u64,
}

/// The server: its fields are the state of its process.
#[derive(Debug)]
pub(crate) struct Reporter {
    settings: ReporterSettings,
    /// Who is to be answered, by the task that makes the report.
    waiting: HashMap<Pid, ReplyTo<Report>>,
    done: u64,
}

#[gen_server(vis = pub(crate))]
impl Reporter {
    fn init(settings: ReporterSettings) -> Self {
        Self { settings, waiting: HashMap::new(), done: 0 }
    }

    /// Answered when the task is done. If the reporter dies first, the caller hears of that at once.
    #[call]
    async fn report(&mut self, reply: ReplyTo<Report>, cx: &mut Context<Self>) {
        // No link: a report that crashes is not the reporter's end.
        let task = self.settings.reports.spawn_task_nolink(make_report(self.settings.clone())).await;
        match task {
            Ok(task) => {
                self.waiting.extend(task.pid().map(|pid| (pid, reply)));
                task.send_to(cx.server_ref());
            }
            Err(error) => tracing::warn!(%error, "a report was not begun"),
        }
    }

    #[call]
    fn stats(&self) -> ReporterStats {
        ReporterStats { pending: self.waiting.len(), done: self.done }
    }

    /// A reply that is dropped tells its caller so.
    #[info]
    fn made(&mut self, outcome: TaskOutcome<Report>) {
        let reply = outcome.task.and_then(|task| self.waiting.remove(&task));
        self.done += 1;
        match (outcome.result, reply) {
            (Ok(report), Some(reply)) => reply.send(report),
            (Err(reason), _) => tracing::warn!(%reason, "a report was not finished"),
            (Ok(_), None) => {}
        }
    }
}

impl From<TaskOutcome<Report>> for ReporterInfo {
    fn from(outcome: TaskOutcome<Report>) -> Self {
        Self::Made(outcome)
    }
}

/// The numbers, then the slow part.
async fn make_report(settings: ReporterSettings) -> Report {
    let cache = settings.cache.stats().await;
    tokio::time::sleep(settings.effort).await;
    Report { made_by: process::current(), cache }
}

#[cfg(test)]
mod tests {
    use otp::{ExitReason, ServerRef};
    use tokio::time::Instant;

    use super::*;
    use crate::cache::CacheSettings;

    const EFFORT: Duration = Duration::from_secs(2);

    /// Each test has servers of its own: the name of its cache is that of the supervisor too.
    async fn start(cache: &'static str) -> ServerRef<Reporter> {
        let reports = Name::owned(format!("reports of {cache}"));
        TaskSupervisor::new().start().name(reports.clone()).await.unwrap();
        Reporter::start(ReporterSettings { cache: Name::new(cache), reports, effort: EFFORT }).await.unwrap()
    }

    #[otp::test(start_paused = true)]
    async fn the_reporter_serves_others_while_reports_are_made() {
        let cache = Name::new("cache of the reporter's test");
        let cache_ref = Cache::start(CacheSettings::default()).name(cache.clone()).await.unwrap();
        let reporter = start("cache of the reporter's test").await;
        let started = Instant::now();
        let others = async {
            let stats = reporter.stats().await.unwrap();
            assert_eq!(stats, ReporterStats { pending: 2, done: 0 });
            assert_eq!(started.elapsed(), Duration::ZERO);
        };
        let (first, second, ()) = tokio::join!(reporter.report(), reporter.report(), others);
        assert_eq!(started.elapsed(), EFFORT);
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.cache, cache_ref.stats().await);
        assert_ne!(first.made_by, second.made_by);
        assert_eq!(reporter.stats().await.unwrap(), ReporterStats { pending: 0, done: 2 });
    }

    #[otp::test(start_paused = true)]
    async fn a_report_without_a_cache_says_so() {
        let report = start("no such cache 1").await.report().await.unwrap();
        assert_eq!(report.cache, Err(CallError::NoProc));
    }

    #[otp::test(start_paused = true)]
    async fn a_reporter_that_dies_takes_no_caller_with_it() {
        let reporter = start("no such cache 2").await;
        let killing = async {
            assert_eq!(reporter.stats().await.unwrap().pending, 1);
            process::send_exit(reporter.pid(), ExitReason::Kill);
        };
        let started = Instant::now();
        let (report, ()) = tokio::join!(reporter.report(), killing);
        assert_eq!(report, Err(CallError::Exit(ExitReason::Killed)));
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
