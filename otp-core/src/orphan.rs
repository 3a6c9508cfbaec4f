//! Orphans: processes that an exit signal has hit and whose code does not let go of its thread.
//!
//! Such code cannot be stopped from outside: a thread, a handler that never reaches an `.await`. After a grace the process
//! is declared dead without it: everyone is told `Killed`, its name is free. What still runs is listed until it ends.
//!
//! The time is real time, watched by a thread of its own that exists only while there is something to watch: a runtime
//! whose worker is stuck, or whose clock is paused, could not tell. Each death that it declares has a thread too, since what
//! a process leaves behind may block when it is dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::ambient::Scope;
use crate::cell::{Head, Life, Origin};
use crate::death::die;
use crate::exit_reason::ExitReason;
use crate::name::ProcessName;
use crate::panics::{catch, log_safely};
use crate::pid::Pid;
use crate::table;

#[expect(clippy::disallowed_types, reason = "real time; see the head of this file")]
type Instant = std::time::Instant;

const DEFAULT_GRACE: Duration = Duration::from_secs(5);

static GRACE_NANOS: AtomicU64 = AtomicU64::new(DEFAULT_GRACE.as_nanos() as u64);

/// A process that was declared dead while its code went on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Orphan {
    /// The pid that it had.
    pub pid: Pid,
    /// The name that it had.
    pub name: Option<ProcessName>,
    /// The label that it had.
    pub label: Option<String>,
}

/// Those whose death is due, in that order, and those that were declared dead.
#[derive(Default)]
struct Watch {
    due: VecDeque<(Instant, Pid)>,
    watching: bool,
    orphans: HashMap<Pid, Orphan>,
}

static WATCH: LazyLock<Mutex<Watch>> = LazyLock::new(Mutex::default);
static SOONER: Condvar = Condvar::new();

/// The processes that were declared dead and whose code still runs: each holds a thread.
#[must_use]
pub fn orphans() -> Vec<Orphan> {
    let mut orphans: Vec<_> = WATCH.lock().orphans.values().cloned().collect();
    orphans.sort_by_key(|orphan| orphan.pid);
    orphans
}

/// How long a process that an exit signal has hit may go on running before it is declared dead without its code. Real
/// time, 5 seconds by default; it counts for signals from now on.
///
/// It is about code that goes on. A process whose code has let go, and whose destructor or exit hook blocks, is dying and not
/// declared dead: it ends when they do.
pub fn set_orphan_grace(grace: Duration) {
    GRACE_NANOS.store(u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// An exit signal has hit a process. If its code is running right now, it has the grace to end.
///
/// A poll that begins after this looks at the exit slot first: the run token is taken, and the slot's flag written, with
/// sequential consistency, so that one of the two sees the other.
pub(crate) fn watch(head: &Head) {
    let runs = match head.origin {
        Origin::Spawned | Origin::Child | Origin::Attached => head.is_taken(),
        Origin::Thread(_) => true,
    };
    if runs {
        // A thread of the system's must not touch what loom models.
        #[cfg(all(test, otp_loom))]
        crate::loom_rig::note_watched(head.pid);
        if !cfg!(otp_loom) {
            watch_slowly(head.pid);
        }
    }
}

#[cold]
fn watch_slowly(pid: Pid) {
    let grace = Duration::from_nanos(GRACE_NANOS.load(Ordering::Relaxed));
    // A century is as good as never.
    let Some(due) = Instant::now().checked_add(grace) else { return };
    let mut watch = WATCH.lock();
    // In order of time, should the grace have been shortened meanwhile.
    let at = watch.due.partition_point(|(other, _)| *other <= due);
    watch.due.insert(at, (due, pid));
    if watch.watching {
        if at == 0 {
            SOONER.notify_one();
        }
        return;
    }
    watch.watching = true;
    drop(watch);
    let started = thread::Builder::new().name("otp-orphans".to_owned()).spawn(declare_when_due);
    if let Err(error) = started {
        WATCH.lock().watching = false;
        log_safely(|| {
            tracing::error!(target: "otp::process", %error, "no thread to watch over processes that do not end");
        });
    }
}

fn declare_when_due() {
    let mut watch = WATCH.lock();
    while let Some(&(due, pid)) = watch.due.front() {
        if Instant::now() < due {
            SOONER.wait_until(&mut watch, due);
        } else {
            watch.due.pop_front();
            parking_lot::MutexGuard::unlocked(&mut watch, || declare_elsewhere(pid));
        }
    }
    watch.watching = false;
}

/// As `declare_dead`, on a thread of its own: destructors and exit hooks that block hold up that one alone.
fn declare_elsewhere(pid: Pid) {
    if table::get(pid).is_none_or(|cell| cell.inner.lock().life != Life::Doomed) {
        // The usual case: it has obeyed.
        return;
    }
    let started = thread::Builder::new().name(format!("otp orphan {pid}")).spawn(move || declare_dead(pid));
    if let Err(error) = started {
        log_safely(|| {
            tracing::error!(target: "otp::process", %error, "no thread to declare a process dead on");
        });
        drop(catch(|| declare_dead(pid)));
    }
}

/// Ends a process without its code, unless that has ended.
pub(crate) fn declare_dead(pid: Pid) {
    let Some(cell) = table::get(pid) else { return };
    let orphan = {
        let inner = cell.inner.lock();
        if inner.life != Life::Doomed {
            // It is busy dying.
            return;
        }
        let extra = inner.extra.as_deref();
        Orphan {
            pid,
            name: extra.and_then(|extra| extra.name.clone()),
            label: extra.and_then(|extra| extra.label.as_deref()).map(str::to_owned),
        }
    };
    log_safely(|| {
        tracing::error!(
            target: "otp::process",
            %pid,
            name = orphan.name.as_ref().map(tracing::field::display),
            label = orphan.label.as_deref(),
            "process does not obey an exit signal: declared dead, its code still runs"
        );
    });
    WATCH.lock().orphans.insert(pid, orphan);
    let scope = Scope::enter(&cell);
    if !die(&scope, &ExitReason::Killed, || {}) {
        // Its code ended meanwhile after all, and did it.
        came_home(pid);
    }
}

/// The code of an orphan has ended.
pub(crate) fn came_home(pid: Pid) {
    WATCH.lock().orphans.remove(&pid);
}
