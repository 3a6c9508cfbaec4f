//! Timers: one service per runtime, not a task per timer.
//!
//! The service is one tokio task over an ordered map of due times; it sleeps until the earliest. It is found by the
//! runtime's id, so each runtime of a test program has its own, and it follows that runtime's clock, paused or not.
//!
//! Setting a timer costs one lock and one insertion into the map, and wakes the service only when it is the new
//! earliest. A deadline of a process (`wake_process_at`) costs nothing while the process has an earlier one.
//!
//! The timers of a process that dies are left where they are, so that dying costs nothing. They never fire; they are
//! swept out once as many timers have been set as the last sweep left, so they stay in proportion to what is in use. The
//! setting of timers drives the sweep: however many are set before the service has its turn, the sweep keeps up.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::ops::Bound::{Excluded, Unbounded};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Weak};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};
use tokio::time::{Sleep, sleep_until};

use crate::cell::{AnyCell, Head};
use crate::clock;
use crate::exit_reason::ExitReason;
use crate::mailbox::ProcessRef;
use crate::monitor::Target;
use crate::name::{self, ProcessName};
use crate::panics::{catch, log_safely};
use crate::pid::Pid;
use crate::recipient::Recipient;
use crate::signal;
use crate::sync::Arc;
use crate::table;

/// The shortest period of an interval: what tokio's timers, and OTP's, count in.
const MIN_PERIOD: Duration = Duration::from_millis(1);

/// The longest time that a timer may be set for.
const MAX_TIME: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// No sweep before so many timers were set.
const SWEEP_AFTER: usize = 1024;

/// How many timers a sweep looks at under one lock.
const SWEEP_CHUNK: usize = 256;

/// While a sweep is under way, each time that so many timers were set it goes on by a chunk: four looks for one timer.
const SWEEP_EVERY: usize = SWEEP_CHUNK / 4;

/// A running timer. Dropping it does not cancel it.
#[derive(Clone)]
pub struct TimerRef {
    service: Weak<Service>,
    id: u64,
}

impl TimerRef {
    /// Cancels the timer: the time that was left, or `None` if it has fired or was cancelled before.
    ///
    /// After this returns, the message of a cancelled timer cannot be sent any more. If another thread is sending it right
    /// now, this waits for that; do not hold a lock that making the message needs.
    ///
    /// # Counterpart
    ///
    /// `erlang:cancel_timer/1`.
    #[allow(clippy::must_use_candidate, reason = "often nobody cares how much time was left")]
    pub fn cancel(&self) -> Option<Duration> {
        let service = self.service.upgrade()?;
        let (due, job) = service.remove(self.id)?;
        let alive = job.is_wanted();
        drop(job);
        alive.then(|| left(due))
    }

    /// The time left, or `None` if it has fired or was cancelled.
    ///
    /// # Counterpart
    ///
    /// `erlang:read_timer/1`.
    #[must_use]
    pub fn read(&self) -> Option<Duration> {
        let service = self.service.upgrade()?;
        let state = service.state.lock();
        let due = *state.due.get(&self.id)?;
        let wanted = state.jobs.get(&(due, self.id)).is_some_and(Job::is_wanted);
        wanted.then(|| left(due))
    }
}

impl PartialEq for TimerRef {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for TimerRef {}

impl fmt::Debug for TimerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimerRef({})", self.id)
    }
}

/// Sends `message` to `to` after `time`, once and not before.
///
/// # Panics
///
/// Outside a tokio runtime, and for a `time` above 100 years.
///
/// # Counterpart
///
/// `erlang:send_after/3`, `Process.send_after/3`.
#[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
pub fn send_after<M: Send + 'static>(time: Duration, to: Recipient<M>, message: M) -> TimerRef {
    let target = to.pid();
    set(time, Some(target), Action::Once(Box::new(move || to.send(message))))
}

/// Sends what `message` makes of the timer's own reference to `to`, after `time`: who set several can tell them apart.
///
/// # Panics
///
/// Outside a tokio runtime, and for a `time` above 100 years.
///
/// # Counterpart
///
/// `erlang:start_timer/3`, which sends `{timeout, Ref, Message}`.
#[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
pub fn start_timer<M: Send + 'static>(
    time: Duration,
    to: Recipient<M>,
    message: impl FnOnce(TimerRef) -> M + Send + 'static,
) -> TimerRef {
    let target = to.pid();
    set_with(time, Some(target), |timer| Action::Once(Box::new(move || to.send(message(timer)))))
}

/// Sends `message` to whoever has the name when `time` has passed. If nobody has it then, or a process that takes other
/// messages, it is dropped.
///
/// # Panics
///
/// Outside a tokio runtime, and for a `time` above 100 years.
///
/// # Counterpart
///
/// `erlang:send_after/3` with a name.
#[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
pub fn send_after_to_name<M: Send + 'static>(
    time: Duration,
    to: impl Into<ProcessName>,
    message: M,
) -> TimerRef {
    let to = to.into();
    let send = move || {
        if let Ok(process) = ProcessRef::<M>::named(&to) {
            process.send(message);
        }
    };
    set(time, None, Action::Once(Box::new(send)))
}

/// Sends an exit signal to a process, or to whoever has a name then, after `time`. Its sender is [`Pid::OUTSIDE`].
///
/// # Panics
///
/// Outside a tokio runtime, and for a `time` above 100 years.
///
/// # Counterpart
///
/// `timer:exit_after/3`; with [`ExitReason::Kill`], `timer:kill_after/2`.
#[doc(alias = "kill_after")]
#[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
pub fn exit_after(time: Duration, target: impl Into<Target>, reason: ExitReason) -> TimerRef {
    let target = target.into();
    let pid = match target {
        Target::Pid(pid) => Some(pid),
        Target::Name(_) => None,
    };
    let send = move || {
        let cell = match &target {
            Target::Pid(pid) => table::get(*pid),
            Target::Name(name) => name::lookup(name),
        };
        if let Some(cell) = cell {
            signal::exit_from(&cell, Pid::OUTSIDE, reason);
        }
    };
    set(time, pid, Action::Once(Box::new(send)))
}

/// Sends what `message` makes to `to`, every `period`, until cancelled or the receiver dies.
///
/// Without drift: each due time is counted from the one before. A period of less than a millisecond is taken as one.
///
/// # Panics
///
/// Outside a tokio runtime, for a `period` of zero, and for one above 100 years.
///
/// # Counterpart
///
/// `timer:send_interval/3`.
#[allow(clippy::must_use_candidate, reason = "a timer runs whether or not somebody keeps its reference")]
pub fn send_interval<M: Send + 'static>(
    period: Duration,
    to: Recipient<M>,
    message: impl Fn() -> M + Send + 'static,
) -> TimerRef {
    assert!(!period.is_zero(), "an interval needs a period above zero");
    let period = period.max(MIN_PERIOD);
    let target = to.pid();
    set(period, Some(target), Action::Every(period, Box::new(move || to.send(message()))))
}

fn set(time: Duration, target: Option<Pid>, action: Action) -> TimerRef {
    set_with(time, target, |_| action)
}

fn set_with(time: Duration, target: Option<Pid>, action: impl FnOnce(TimerRef) -> Action) -> TimerRef {
    assert!(time <= MAX_TIME, "a timer may be set for 100 years at most");
    let service = Service::current();
    let id = next_id();
    let timer = TimerRef { service: Arc::downgrade(&service), id };
    service.insert(after(time), id, Job { target, action: action(timer.clone()) });
    timer
}

/// Makes sure that the process is polled at `due` or before. For futures that wait for a deadline inside a process:
/// they call it each time they are pending.
pub(crate) fn wake_process_at(cell: &AnyCell, due: u64) {
    let head = &cell.head;
    let armed = head.wake_at.load(Ordering::Relaxed);
    if armed <= due {
        return;
    }
    head.wake_at.store(due, Ordering::Relaxed);
    Service::current().insert_wake(due, head.pid);
}

/// Wakes `waker` at `due`. For futures that wait outside any process.
pub(crate) fn wake_task_at(due: u64, waker: Waker) -> TimerRef {
    let service = Service::current();
    let id = next_id();
    service.insert(due, id, Job { target: None, action: Action::WakeTask(waker) });
    TimerRef { service: Arc::downgrade(&service), id }
}

/// At death: drops the process's pending wake-up.
pub(crate) fn forget(head: &Head) {
    let due = head.wake_at.load(Ordering::Relaxed);
    if due == u64::MAX {
        return;
    }
    // On whichever runtime this is: if it is not the process's own, the entry goes when it is due.
    if let Some(service) =
        Handle::try_current().ok().and_then(|handle| SERVICES.lock().get(&handle.id()).cloned())
    {
        service.state.lock().jobs.remove(&(due, wake_id(head.pid)));
    }
}

fn after(time: Duration) -> u64 {
    clock::now().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

fn left(due: u64) -> Duration {
    Duration::from_nanos(due.saturating_sub(clock::now()))
}

/// Timers have even numbers, wake-ups of processes odd ones.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(2);
    NEXT.fetch_add(2, Ordering::Relaxed)
}

const fn wake_id(pid: Pid) -> u64 {
    pid.number() << 1 | 1
}

struct Job {
    /// The process it is for: once that is dead, the timer counts as gone.
    target: Option<Pid>,
    action: Action,
}

enum Action {
    Once(Box<dyn FnOnce() + Send>),
    Every(Duration, Box<dyn FnMut() + Send>),
    /// Wakes the target itself.
    Wake,
    /// Wakes a task. One that comes after its cancellation does no harm, so `cancel` never waits for it.
    WakeTask(Waker),
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.target.is_none_or(table::contains)
    }
}

struct Service {
    runtime: Id,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<(u64, u64), Job>,
    /// When each timer is due; wake-ups of processes are not in here.
    due: HashMap<u64, u64>,
    /// How many jobs were put in since the last sweep began, and how many that one left.
    put: usize,
    kept: usize,
    /// Where the sweep that is under way goes on.
    sweep_from: Option<(u64, u64)>,
    /// What it has swept out, for the driver to drop: who sets a timer may hold a lock that a message's destructor needs.
    swept: Vec<Job>,
    /// What the driver sleeps until.
    sleeping_until: Option<u64>,
    driver: Option<Waker>,
    /// The timer whose message is being sent right now, unlocked, and the thread that does it.
    firing: Option<(u64, ThreadId)>,
    closed: bool,
}

impl State {
    /// If a sweep is under way, looks at some more timers and takes out those whose process is dead.
    fn sweep(&mut self) {
        let Some(from) = self.sweep_from else { return };
        let some = self.jobs.range((Excluded(from), Unbounded)).take(SWEEP_CHUNK);
        let some: Vec<_> = some.map(|(&key, job)| (key, job.is_wanted())).collect();
        self.sweep_from = some.get(SWEEP_CHUNK - 1).map(|&(last, _)| last);
        for (key, _) in some.into_iter().filter(|(_, wanted)| !wanted) {
            self.due.remove(&key.1);
            self.swept.extend(self.jobs.remove(&key));
        }
        self.kept = self.jobs.len();
    }
}

static SERVICES: LazyLock<Mutex<HashMap<Id, Arc<Service>>>> = LazyLock::new(Mutex::default);

thread_local! {
    /// The service that this thread used last.
    static LAST: RefCell<Option<Arc<Service>>> = const { RefCell::new(None) };
}

impl Service {
    /// The service of the current runtime, started on first use.
    fn current() -> Arc<Self> {
        let Ok(handle) = Handle::try_current() else {
            panic!("a timer was set outside a tokio runtime: use #[main], run or #[test]")
        };
        let runtime = handle.id();
        let last = LAST.with_borrow(|last| last.as_ref().filter(|last| last.runtime == runtime).cloned());
        if let Some(last) = last.filter(|last| !last.state.lock().closed) {
            return last;
        }
        let mut new = None;
        let service = {
            let mut services = SERVICES.lock();
            let found = services.get(&runtime).filter(|service| !service.state.lock().closed).cloned();
            found.unwrap_or_else(|| {
                let service = Arc::new(Self { runtime, state: Mutex::default() });
                services.insert(runtime, Arc::clone(&service));
                new = Some(Driver { service: Arc::clone(&service), sleep: None });
                service
            })
        };
        if let Some(driver) = new {
            // Unlocked: a runtime that is going down drops the driver at once, which takes the lock.
            #[expect(clippy::disallowed_methods, reason = "the service is below processes, not one of them")]
            drop(handle.spawn(driver));
        }
        LAST.set(Some(Arc::clone(&service)));
        service
    }

    fn insert(&self, due: u64, id: u64, job: Job) {
        let mut state = self.state.lock();
        if !state.closed {
            state.due.insert(id, due);
        }
        Self::put(state, due, id, job);
    }

    fn insert_wake(&self, due: u64, pid: Pid) {
        Self::put(self.state.lock(), due, wake_id(pid), Job { target: Some(pid), action: Action::Wake });
    }

    fn put(mut state: parking_lot::MutexGuard<'_, State>, due: u64, id: u64, job: Job) {
        if state.closed {
            drop(state);
            return;
        }
        state.jobs.insert((due, id), job);
        state.put += 1;
        let sweep = state.sweep_from.is_none() && state.put > state.kept.max(SWEEP_AFTER);
        if sweep {
            state.put = 0;
            state.sweep_from = Some((0, 0));
        }
        if state.put.is_multiple_of(SWEEP_EVERY) {
            state.sweep();
        }
        if (sweep || state.sleeping_until.is_none_or(|until| due < until))
            && let Some(driver) = state.driver.take()
        {
            drop(state);
            driver.wake();
        }
    }

    /// Takes a timer out. One that is firing on another thread is waited for, so that its message is not sent after
    /// `cancel` has returned; that takes as long as pushing one message.
    fn remove(&self, id: u64) -> Option<(u64, Job)> {
        let mut state = self.state.lock();
        while state.firing.is_some_and(|(firing, thread)| firing == id && thread != thread::current().id()) {
            drop(state);
            thread::yield_now();
            state = self.state.lock();
        }
        let due = state.due.remove(&id)?;
        let job = state.jobs.remove(&(due, id));
        drop(state);
        job.map(|job| (due, job))
    }

    /// Goes on with the sweep, if one is under way, and drops what was swept out.
    fn sweep(&self) {
        let swept = {
            let mut state = self.state.lock();
            state.sweep();
            std::mem::take(&mut state.swept)
        };
        for job in swept {
            guard(|| drop(job));
        }
    }

    /// Does what is due, one job after the other, unlocked.
    fn fire(&self, now: u64) {
        loop {
            let mut state = self.state.lock();
            let Some(entry) = state.jobs.first_entry() else { return };
            let (due, id) = *entry.key();
            if due > now {
                return;
            }
            let Job { target, action } = entry.remove();
            match action {
                Action::Once(action) => {
                    state.due.remove(&id);
                    state.firing = Some((id, thread::current().id()));
                    drop(state);
                    guard(action);
                    self.state.lock().firing = None;
                }
                Action::WakeTask(waker) => {
                    state.due.remove(&id);
                    drop(state);
                    guard(|| waker.wake());
                }
                Action::Wake => {
                    drop(state);
                    if let Some(cell) = target.and_then(table::get) {
                        // Only if this is the wake-up it counts on; a later one may be armed by now.
                        let _ = cell.head.wake_at.compare_exchange(
                            due,
                            u64::MAX,
                            Ordering::Relaxed,
                            Ordering::Relaxed,
                        );
                        cell.head.wake();
                    }
                }
                Action::Every(period, mut action) => {
                    if target.is_some_and(|pid| !table::contains(pid)) {
                        state.due.remove(&id);
                        drop(state);
                        guard(|| drop(action));
                        continue;
                    }
                    let next = due.saturating_add(u64::try_from(period.as_nanos()).unwrap_or(u64::MAX));
                    state.due.insert(id, next);
                    state.firing = Some((id, thread::current().id()));
                    drop(state);
                    guard(&mut action);
                    let mut state = self.state.lock();
                    state.firing = None;
                    // Unless it was cancelled meanwhile, from within its own message.
                    if state.due.contains_key(&id) {
                        state.jobs.insert((next, id), Job { target, action: Action::Every(period, action) });
                    } else {
                        drop(state);
                        guard(|| drop(action));
                    }
                }
            }
        }
    }
}

/// Sending runs foreign code where a `From` makes the message; its panic must not end the service.
fn guard(action: impl FnOnce()) {
    if let Err(reason) = catch(action) {
        log_safely(|| {
            tracing::error!(target: "otp::process", %reason, "making or dropping the message of a timer panicked");
        });
    }
}

/// The task of a service.
struct Driver {
    service: Arc<Service>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let service = Arc::clone(&self.service);
            service.fire(clock::now());
            service.sweep();
            let next = {
                let mut state = service.state.lock();
                if state.sweep_from.is_some() || !state.swept.is_empty() {
                    // The rest after everybody else.
                    cx.waker().wake_by_ref();
                }
                let next = state.jobs.first_key_value().map(|(&(due, _), _)| due);
                state.sleeping_until = next;
                state.driver = Some(cx.waker().clone());
                next
            };
            let Some(next) = next else {
                self.sleep = None;
                return Poll::Pending;
            };
            let deadline = clock::instant(next);
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if sleep.deadline() != deadline {
                sleep.as_mut().reset(deadline);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Driver {
    /// The runtime is going down.
    fn drop(&mut self) {
        let (jobs, swept) = {
            let mut state = self.service.state.lock();
            state.closed = true;
            state.due.clear();
            (std::mem::take(&mut state.jobs), std::mem::take(&mut state.swept))
        };
        for job in jobs.into_values().chain(swept) {
            guard(|| drop(job));
        }
        let mut services = SERVICES.lock();
        let ours = services.get(&self.service.runtime).is_some_and(|found| Arc::ptr_eq(found, &self.service));
        let gone = if ours { services.remove(&self.service.runtime) } else { None };
        drop(services);
        drop(gone);
    }
}
