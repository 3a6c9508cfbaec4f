//! The watchdog: warns of polls that run long, whose worker thread can serve nobody else meanwhile.
//!
//! Each thread that polls processes has a [`Slot`], where it says which process it polls. One OS thread,
//! `otp-watchdog`, started by the first poll, looks at all of them from time to time. When no thread polls anything it
//! parks, and the next poll wakes it.
//!
//! Cost of a poll: three or four stores to the thread's own cache line (a release store is a plain one on x86), and one
//! load of a flag that hardly ever changes. Measured: see ARCHITECTURE.md.

use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::crash;
use crate::panics::log_safely;
use crate::pid::Pid;
use crate::table;
use parking_lot::Mutex;

/// How often the watchdog looks, unless the threshold asks for more.
const TICK: Duration = Duration::from_millis(50);

/// After so many looks that found nothing going on, it parks.
const IDLE_TICKS: u32 = 3;

/// How long a poll may run without a warning, in nanoseconds; 0 turns the warnings off.
static THRESHOLD: AtomicU64 = AtomicU64::new(100_000_000);

/// The watchdog sleeps, or was never started: the next poll is to wake it.
static ASLEEP: AtomicBool = AtomicBool::new(true);

/// An error if the system gave no thread: then there are no warnings.
static WATCHDOG: OnceLock<io::Result<Thread>> = OnceLock::new();

/// Every thread's slot, and those whose thread has ended. Slots are leaked and used again: there are as many as threads
/// ever polled at the same time.
static SLOTS: Mutex<Slots> = Mutex::new(Slots { all: Vec::new(), free: Vec::new() });

struct Slots {
    all: Vec<&'static Slot>,
    free: Vec<&'static Slot>,
}

/// What a thread is polling. On a cache line of its own: only the watchdog reads it from elsewhere.
#[repr(align(128))]
struct Slot {
    /// The number of the innermost pid, or 0. Written after `poll`, so that whoever reads the two in this order sees
    /// no poll's pid with an earlier poll's number.
    pid: AtomicU64,
    /// Which poll it is, counted from the outermost: polls within it keep the thread no longer than it does itself.
    poll: AtomicU32,
}

impl Slot {
    const fn new() -> Self {
        Self { pid: AtomicU64::new(0), poll: AtomicU32::new(0) }
    }
}

/// For polls that come when the thread's locals are gone already. Nobody watches it.
static UNWATCHED: Slot = Slot::new();

/// What each poll touches. Without a destructor, so that reaching it costs no check.
struct Here {
    slot: Cell<Option<&'static Slot>>,
    /// Polls on this thread so far, wrapping.
    polls: Cell<u32>,
}

thread_local! {
    static HERE: Here = const { Here { slot: Cell::new(None), polls: Cell::new(0) } };
    /// Gives the slot back when the thread ends.
    static REGISTRATION: Registration = Registration::new();
}

struct Registration(&'static Slot);

impl Registration {
    fn new() -> Self {
        let mut slots = SLOTS.lock();
        Self(slots.free.pop().unwrap_or_else(|| {
            let slot: &Slot = Box::leak(Box::new(Slot::new()));
            slots.all.push(slot);
            slot
        }))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        HERE.with(|here| here.slot.set(Some(&UNWATCHED)));
        self.0.pid.store(0, Ordering::Relaxed);
        SLOTS.lock().free.push(self.0);
    }
}

#[cold]
fn register(here: &Here) -> &'static Slot {
    let slot = REGISTRATION.try_with(|registration| registration.0).unwrap_or(&UNWATCHED);
    // It goes on from where the slot's last thread ended, so that the watchdog never takes two polls for one.
    here.polls.set(slot.poll.load(Ordering::Relaxed));
    here.slot.set(Some(slot));
    slot
}

/// While it exists, this thread polls a process. They nest; the innermost is the one that is named.
pub(crate) struct Poll {
    slot: &'static Slot,
    /// The pid whose poll this one interrupts, or 0.
    outer: u64,
    /// How many polls this thread has made, wrapping.
    pub(crate) number: u32,
}

impl Poll {
    #[inline]
    pub(crate) fn begin(pid: Pid) -> Self {
        let (slot, number) = HERE.with(|here| {
            let slot = here.slot.get().unwrap_or_else(|| register(here));
            // What a model does must not depend on how often it ran before.
            let number = if cfg!(otp_loom) { 1 } else { here.polls.get().wrapping_add(1) };
            here.polls.set(number);
            (slot, number)
        });
        let outer = slot.pid.load(Ordering::Relaxed);
        if outer == 0 {
            slot.poll.store(number, Ordering::Relaxed);
        }
        slot.pid.store(pid.number(), Ordering::Release);
        // Models have no time, and a thread of the system's would be no thread of theirs.
        if cfg!(not(otp_loom)) && ASLEEP.load(Ordering::Relaxed) {
            wake();
        }
        Self { slot, outer, number }
    }
}

impl Drop for Poll {
    #[inline]
    fn drop(&mut self) {
        self.slot.pid.store(self.outer, Ordering::Release);
    }
}

/// Says how long a poll may run before a warning is given; `None` turns the warnings off. For the whole program.
///
/// A poll is what a process does between two `.await`s that wait: a callback that computes for long or blocks, as with
/// `std::fs` or `std::thread::sleep`, keeps its worker thread from every other process and task. The warning is a
/// `tracing` event of level `WARN` and target `otp::process`, with `pid`, `name`, `label`, and `millis`, how long the
/// poll has run so far. It is given while the poll still runs, and once for each. A poll is seen to be long up to
/// 50 milliseconds, or half the threshold if that is less, after it is.
///
/// By default the threshold is 100 milliseconds. It is real time, even where tokio's clock is paused, and time in which
/// the system ran other programs counts. So does `block_in_place`: it frees the worker thread, but the process's own
/// messages wait.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// otp_core::process::set_long_poll_threshold(Some(Duration::from_millis(20)));
/// ```
///
/// # Counterpart
///
/// `erlang:system_monitor/2` with `long_schedule`. There the scheduler preempts what runs long, and the option is about
/// native code; here it is about all code.
pub fn set_long_poll_threshold(threshold: Option<Duration>) {
    let nanos = threshold.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1));
    THRESHOLD.store(nanos, Ordering::Relaxed);
    if nanos > 0 {
        // It may have parked without asking to be woken.
        ASLEEP.store(true, Ordering::Relaxed);
        wake();
    }
}

/// Wakes or starts the watchdog; one caller of many does it.
#[cold]
fn wake() {
    if !ASLEEP.swap(false, Ordering::AcqRel) {
        return;
    }
    let watchdog = WATCHDOG.get_or_init(|| {
        let started = thread::Builder::new().name("otp-watchdog".to_owned()).spawn(watch);
        started.map(|watchdog| watchdog.thread().clone())
    });
    match watchdog {
        Ok(watchdog) => watchdog.unpark(),
        Err(error) => {
            log_safely(|| {
                tracing::error!(target: "otp::process", %error, "no thread for the watchdog: long polls give no warning");
            });
        }
    }
}

/// The watchdog's thread.
fn watch() {
    let mut seen = Vec::new();
    let mut idle = 0;
    loop {
        let threshold = THRESHOLD.load(Ordering::Relaxed);
        if threshold == 0 {
            // Off: no poll is to wake it, `set_long_poll_threshold` does.
            seen.clear();
            thread::park();
            continue;
        }
        let threshold = Duration::from_nanos(threshold);
        let look = look(&mut seen, threshold);
        for (pid, time) in look.long {
            log_safely(|| warn(pid, time));
        }
        idle = if look.active { 0 } else { idle + 1 };
        if idle > IDLE_TICKS {
            idle = 0;
            thread::park();
            continue;
        }
        if idle == IDLE_TICKS {
            // One more look before it parks: a poll that does not see this yet has begun by then for all to see.
            ASLEEP.store(true, Ordering::Release);
        }
        thread::park_timeout(TICK.min(threshold / 2).max(Duration::from_millis(1)));
    }
}

/// What the watchdog knows of a slot.
struct Seen {
    /// The poll that was under way when it last looked, or the last one before that.
    poll: u32,
    /// When it saw that one first; `None` if it was over.
    since: Option<Time>,
    warned: bool,
}

struct Look {
    /// Something was polled since it looked last.
    active: bool,
    /// Polls that have become long.
    long: Vec<(Pid, Duration)>,
}

fn look(seen: &mut Vec<Seen>, threshold: Duration) -> Look {
    let now = now();
    let mut look = Look { active: false, long: Vec::new() };
    for (index, slot) in SLOTS.lock().all.iter().enumerate() {
        let pid = Pid::from_number(slot.pid.load(Ordering::Acquire));
        let poll = slot.poll.load(Ordering::Acquire);
        let since = pid.map(|_| now);
        if index == seen.len() {
            seen.push(Seen { poll, since, warned: false });
            look.active = true;
            continue;
        }
        let seen = &mut seen[index];
        look.active |= pid.is_some() || poll != seen.poll;
        let (Some(pid), Some(start), true) = (pid, seen.since, poll == seen.poll) else {
            *seen = Seen { poll, since, warned: false };
            continue;
        };
        let time = now.duration_since(start);
        if time >= threshold && !seen.warned {
            seen.warned = true;
            look.long.push((pid, time));
        }
    }
    look
}

fn warn(pid: Pid, time: Duration) {
    let (name, label) = table::get(pid).map_or((None, None), |cell| crash::name_and_label(&cell));
    tracing::warn!(
        target: "otp::process",
        %pid,
        name = name.as_ref().map(tracing::field::display),
        label = label.as_deref(),
        millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        "a process keeps its thread: it has not come to an `.await` that waits"
    );
}

#[expect(
    clippy::disallowed_types,
    reason = "threads are kept for real time, also where tokio's clock is paused"
)]
type Time = std::time::Instant;

fn now() -> Time {
    Time::now()
}

#[cfg(all(test, not(otp_loom)))]
mod tests {
    use super::{Poll, SLOTS};
    use crate::pid::Pid;

    #[test]
    fn a_thread_that_ends_leaves_its_slot_to_the_next() {
        for _ in 0..100 {
            std::thread::spawn(|| drop(Poll::begin(Pid::OUTSIDE))).join().expect("no panic");
        }
        // Other tests' threads may be among them.
        assert!(SLOTS.lock().all.len() < 50);
    }

    #[test]
    fn polls_nest_and_have_numbers_of_their_own() {
        let slot = Poll::begin(Pid::OUTSIDE).slot;
        let pid = || Pid::from_number(slot.pid.load(super::Ordering::Relaxed));
        let (a, b) = (Pid::next(), Pid::next());
        let outer = Poll::begin(a);
        let poll = slot.poll.load(super::Ordering::Relaxed);
        let inner = Poll::begin(b);
        assert_eq!((pid(), slot.poll.load(super::Ordering::Relaxed)), (Some(b), poll));
        assert_eq!((outer.number, inner.number), (poll, poll + 1));
        drop(inner);
        assert_eq!(pid(), Some(a));
        drop(outer);
        assert_eq!(pid(), None);
        assert_eq!(Poll::begin(a).number, poll + 2);
        assert_eq!(slot.poll.load(super::Ordering::Relaxed), poll + 2);
    }
}
