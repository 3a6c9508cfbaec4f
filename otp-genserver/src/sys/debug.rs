//! [`Debug`]: what is switched on in a server that is being debugged; [`DebugOptions`]: the same, from its start on.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use otp_core::behaviour::catch;
use otp_core::{Pid, process};
use tokio::time::Instant;

use crate::contained::Contained;
use crate::exclusive::Exclusive;
use crate::message::MessageKind;
use crate::sys::event::Event;

/// How many events a log keeps unless told otherwise.
pub(crate) const DEFAULT_LOG: usize = 10;

/// What a function captured is dropped when it is removed: that must not harm what else is on.
pub(crate) type Function<S> = Exclusive<Contained<Box<dyn FnMut(&Event, &S) -> ControlFlow<()> + Send>>>;

/// One to install.
pub(crate) fn function<S>(
    function: impl FnMut(&Event, &S) -> ControlFlow<()> + Send + 'static,
) -> Function<S> {
    Exclusive::new(Contained::new(Box::new(function)))
}

/// What a server has switched on.
pub(crate) struct Debug<S> {
    trace: bool,
    log: Option<Log>,
    statistics: Option<Counting>,
    file: Option<LogFile>,
    installed: Vec<(String, Function<S>)>,
}

struct Log {
    keep: usize,
    events: VecDeque<Event>,
}

struct LogFile {
    file: File,
    path: PathBuf,
}

struct Counting {
    since: Instant,
    busy_before: Duration,
    messages_in: u64,
    messages_out: u64,
}

/// What a server did since its statistics were switched on.
///
/// # Counterpart
///
/// `sys:statistics(Server, get)`. The time since the start stands for start and current time, the busy time for
/// reductions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// How long they have been on.
    pub elapsed: Duration,
    /// The time that the server spent in its polls meanwhile, estimated: one poll in 64 is timed.
    pub busy: Duration,
    /// How many messages it took out, system messages not counted.
    pub messages_in: u64,
    /// How many calls it answered before their callbacks returned.
    pub messages_out: u64,
}

/// Which debug facilities of a server are on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DebugStatus {
    /// Whether events are traced.
    pub trace: bool,
    /// Whether statistics are kept.
    pub statistics: bool,
    /// How many events the log keeps, if it is on.
    pub log: Option<usize>,
    /// The file that events are written to.
    pub log_file: Option<PathBuf>,
    /// The ids of the installed functions.
    pub installed: Vec<String>,
}

impl<S> Default for Debug<S> {
    fn default() -> Self {
        Self { trace: false, log: None, statistics: None, file: None, installed: Vec::new() }
    }
}

impl<S> Debug<S> {
    /// Whether nothing is on.
    pub(crate) fn is_off(&self) -> bool {
        !self.trace
            && self.log.is_none()
            && self.statistics.is_none()
            && self.file.is_none()
            && self.installed.is_empty()
    }

    pub(crate) fn status(&self) -> DebugStatus {
        DebugStatus {
            trace: self.trace,
            statistics: self.statistics.is_some(),
            log: self.log.as_ref().map(|log| log.keep),
            log_file: self.file.as_ref().map(|file| file.path.clone()),
            installed: self.installed.iter().map(|(id, _)| id.clone()).collect(),
        }
    }

    /// Shows an event to all that is on.
    pub(crate) fn handle(&mut self, pid: Pid, event: Event, server: &S) {
        if self.trace {
            tracing::info!(target: "otp::sys", %pid, "{event}");
        }
        if let Some(statistics) = &mut self.statistics {
            match event {
                Event::In { kind: MessageKind::Continue, .. } | Event::NoReply { .. } => {}
                Event::In { .. } => statistics.messages_in += 1,
                Event::Out { .. } => statistics.messages_out += 1,
            }
        }
        if let Some(LogFile { file, path }) = &mut self.file
            && let Err(error) = file.write_all(format!("{pid} {event}\n").as_bytes())
        {
            tracing::warn!(target: "otp::sys", %pid, %error, path = %path.display(), "the log file is given up");
            self.file = None;
        }
        self.installed.retain_mut(|(_, function)| {
            let Some(function) = function.get_mut().get_mut() else { return false };
            matches!(catch(|| function(&event, server)), Ok(ControlFlow::Continue(())))
        });
        if let Some(log) = &mut self.log {
            log.events.push_back(event);
            log.trim();
        }
    }

    pub(crate) const fn trace(&mut self, on: bool) {
        self.trace = on;
    }

    /// Keeps the last `keep` events from now on; `None` forgets them all.
    pub(crate) fn log(&mut self, keep: Option<usize>) {
        self.log = keep.map(|keep| {
            let events = self.log.take().map(|log| log.events).unwrap_or_default();
            let mut log = Log { keep, events };
            log.trim();
            log
        });
    }

    pub(crate) fn logged(&self) -> Vec<Event> {
        self.log.as_ref().map(|log| log.events.iter().cloned().collect()).unwrap_or_default()
    }

    /// Statistics that are on already go on.
    pub(crate) fn statistics(&mut self, on: bool, pid: Pid) {
        let counting =
            || Counting { since: Instant::now(), busy_before: busy(pid), messages_in: 0, messages_out: 0 };
        self.statistics = on.then(|| self.statistics.take().unwrap_or_else(counting));
    }

    pub(crate) fn counted(&self, pid: Pid) -> Option<Statistics> {
        self.statistics.as_ref().map(|counting| Statistics {
            elapsed: counting.since.elapsed(),
            busy: busy(pid).saturating_sub(counting.busy_before),
            messages_in: counting.messages_in,
            messages_out: counting.messages_out,
        })
    }

    /// A new file takes the place of an old one.
    pub(crate) fn log_to_file(&mut self, path: &Path) -> io::Result<()> {
        self.file = None;
        let file = File::create(path)?;
        self.file = Some(LogFile { file, path: path.to_owned() });
        Ok(())
    }

    pub(crate) fn close_log_file(&mut self) {
        self.file = None;
    }

    /// A function whose id is there already is not installed.
    pub(crate) fn install(&mut self, id: String, function: Function<S>) {
        if self.installed.iter().all(|(installed, _)| *installed != id) {
            self.installed.push((id, function));
        }
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.installed.retain(|(installed, _)| installed != id);
    }
}

impl Log {
    fn trim(&mut self) {
        let surplus = self.events.len().saturating_sub(self.keep);
        self.events.drain(..surplus);
    }
}

fn busy(pid: Pid) -> Duration {
    process::info(pid).map(|info| info.busy).unwrap_or_default()
}

/// What is switched on from the start: see [`Start::debug`](crate::Start::debug).
///
/// # Counterpart
///
/// The option `{debug, Dbgs}` of `gen_server:start`.
pub struct DebugOptions<S> {
    trace: bool,
    log: Option<usize>,
    statistics: bool,
    file: Option<PathBuf>,
    installed: Vec<(String, Function<S>)>,
}

impl<S> DebugOptions<S> {
    /// The same once more, without the functions: each belongs to one server.
    pub(crate) fn again(&self) -> Self {
        let Self { trace, log, statistics, ref file, installed: _ } = *self;
        Self { trace, log, statistics, file: file.clone(), installed: Vec::new() }
    }

    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { trace: false, log: None, statistics: false, file: None, installed: Vec::new() }
    }

    /// As [`sys::trace`](crate::sys::trace).
    #[must_use]
    pub fn trace(mut self) -> Self {
        self.trace = true;
        self
    }

    /// As [`sys::log`](crate::sys::log): the last 10 events are kept.
    #[must_use]
    pub fn log(self) -> Self {
        self.log_last(DEFAULT_LOG)
    }

    /// As [`sys::log_last`](crate::sys::log_last).
    #[must_use]
    pub fn log_last(mut self, keep: usize) -> Self {
        self.log = Some(keep);
        self
    }

    /// As [`sys::statistics`](crate::sys::statistics).
    #[must_use]
    pub fn statistics(mut self) -> Self {
        self.statistics = true;
        self
    }

    /// As [`sys::log_to_file`](crate::sys::log_to_file). If the file cannot be made, the server starts without it, and a
    /// warning says so.
    #[must_use]
    pub fn log_to_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// As [`sys::install`](crate::sys::install).
    #[must_use]
    pub fn install(
        mut self,
        id: impl Into<String>,
        function: impl FnMut(&Event, &S) -> ControlFlow<()> + Send + 'static,
    ) -> Self {
        self.installed.push((id.into(), self::function(function)));
        self
    }

    /// Switches it all on, in the server's process.
    pub(crate) fn switch_on(self, pid: Pid) -> Debug<S> {
        let mut debug = Debug::default();
        debug.trace(self.trace);
        debug.log(self.log);
        debug.statistics(self.statistics, pid);
        if let Some(path) = &self.file
            && let Err(error) = debug.log_to_file(path)
        {
            tracing::warn!(target: "otp::sys", %pid, %error, path = %path.display(), "no log file: it is ignored");
        }
        for (id, function) in self.installed {
            debug.install(id, function);
        }
        debug
    }
}

impl<S> Default for DebugOptions<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for DebugOptions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugOptions")
            .field("trace", &self.trace)
            .field("log", &self.log)
            .field("statistics", &self.statistics)
            .field("log_to_file", &self.file)
            .field("installed", &self.installed.iter().map(|(id, _)| id).collect::<Vec<_>>())
            .finish()
    }
}
