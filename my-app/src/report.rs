//! [`Reporter`]: a slow report that is answered later, written with `#[gen_server]`.
//!
//! The reporter keeps nobody waiting: it hands each request, with the right to answer it, to a process of its own under a
//! dynamic supervisor, and goes on to its next message. It monitors those processes, which is how it knows how many
//! reports are pending.

use std::time::Duration;

use otp::{
    CallError, ChildSpec, Down, DynamicSupervisor, DynamicSupervisorClient, Mailbox, Name, NotAProcess, Pid,
    ReplyTo, StartedChild, gen_server, process, spawn_link,
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
    /// What starts a process for each report.
    pub(crate) reports: Name<DynamicSupervisor>,
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
    /// Reports whose process has ended, in whatever way.
    pub(crate) done: u64,
}

/// The server: its fields are the state of its process.
#[derive(Debug)]
pub(crate) struct Reporter {
    settings: ReporterSettings,
    stats: ReporterStats,
}

#[gen_server(vis = pub(crate))]
impl Reporter {
    fn init(settings: ReporterSettings) -> Self {
        Self { settings, stats: ReporterStats::default() }
    }

    /// Answered by the process that is started here. If the reporter dies first, the caller hears of that at once.
    #[call]
    async fn report(&mut self, reply: ReplyTo<Report>) -> Result<(), NotAProcess> {
        let settings = self.settings.clone();
        // It is not started again: nobody would be there to be answered.
        let report = ChildSpec::once("report", || async {
            let process = spawn_link(|_: Mailbox<()>| make_report(settings, reply));
            Ok(StartedChild::new(process.pid()))
        });
        match self.settings.reports.start_child(report).await {
            Ok(child) => {
                process::monitor(child.pid())?;
                self.stats.pending += 1;
            }
            Err(error) => tracing::warn!(%error, "a report was not begun"),
        }
        Ok(())
    }

    #[call]
    fn stats(&self) -> ReporterStats {
        self.stats
    }

    /// It monitors nothing but the processes of its reports.
    fn handle_down(&mut self, down: Down) {
        self.stats.pending -= 1;
        self.stats.done += 1;
        if down.reason.is_abnormal() {
            tracing::warn!(reason = %down.reason, "a report was not finished");
        }
    }
}

/// The body of a report's process: the numbers, then the slow part, then the answer.
async fn make_report(settings: ReporterSettings, reply: ReplyTo<Report>) -> Result<(), NotAProcess> {
    process::set_label("report")?;
    let cache = settings.cache.stats().await;
    tokio::time::sleep(settings.effort).await;
    reply.send(Report { made_by: process::current(), cache });
    Ok(())
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
        DynamicSupervisor::new().start().name(reports.clone()).await.unwrap();
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
