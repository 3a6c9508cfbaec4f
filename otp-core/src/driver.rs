//! What drives a process: the tokio task around its cell, or `run` around the outermost code.
//!
//! Cost of a poll besides the process's own work: the run token (one atomic swap), one load of the exit slot's
//! flag before and after, the ambient scope (two thread-local writes), and what it tells the watchdog (a few writes
//! to the thread's own cache line).

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::ambient::{self, Scope};
use crate::cell::{AnyCell, Head};
use crate::crash::{self, CrashReport};
use crate::death::die;
use crate::exit_reason::ExitReason;
use crate::handoff::Deeper;
use crate::panics::{self, catch};
use crate::run_token::Word;
use crate::sync::{Arc, Mutex};
use crate::watchdog;

/// One poll in 2 to the power of this is timed, and counts for all of them.
const SAMPLE_BITS: u32 = 6;

/// One poll in place in 2 to the power of this is timed: as often it takes to notice that a quick process has turned slow.
const IN_PLACE_SAMPLE_BITS: u32 = 3;

/// Whether to time the poll of this number: spread so that no order in which processes take turns comes in step with it.
#[inline]
const fn is_sample(number: u32, bits: u32) -> bool {
    number.wrapping_mul(0x9E37_79B9) >> (u32::BITS - bits) == 0
}

/// Why a process is to die.
struct End {
    reason: ExitReason,
    /// An exit signal came first: what its code did or returned since then does not count.
    by_signal: bool,
}

impl End {
    const fn own(reason: ExitReason) -> Self {
        Self { reason, by_signal: false }
    }

    const fn by_signal(reason: ExitReason) -> Self {
        Self { reason, by_signal: true }
    }
}

/// The tokio task of a process whose future lives behind its cell.
pub(crate) struct Root {
    cell: Arc<AnyCell>,
}

impl Root {
    pub(crate) fn new(cell: Arc<AnyCell>) -> Self {
        Self { cell }
    }
}

impl Future for Root {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let cell = &self.cell;
        cell.adopt_task(cx.waker());
        let Some(mut token) = cell.head.take_or_leave_word() else {
            // A caller polls it in place, and will have this task look again.
            return Poll::Pending;
        };
        let Some(future) = token.as_mut() else { return Poll::Ready(()) };
        let scope = Scope::enter(cell);
        let poll = watchdog::Poll::begin(cell.head.pid);
        match poll_once(&scope, &poll, future.as_mut(), cx, false) {
            Poll::Pending => {
                drop(token);
                scope.resolve_deferred(None);
                Poll::Pending
            }
            Poll::Ready(End { reason, .. }) => {
                let future = token.take();
                drop(token);
                die(&scope, &reason, move || drop(future));
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Root {
    /// The runtime drops the task of a process that has not ended: it dies here, as if killed.
    fn drop(&mut self) {
        let future = self.cell.head.take_or_abandon().and_then(|mut token| token.take());
        if let Some(future) = future {
            let scope = Scope::enter(&self.cell);
            die(&scope, &ExitReason::Killed, move || drop(future));
        }
    }
}

/// Polls a process that was sent a message without being woken, in the place of its own task; if somebody does that
/// already, or it cannot be, it is woken. See `handoff.rs`.
pub(crate) fn poll_in_place(cell: &Arc<AnyCell>) {
    let head = &cell.head;
    // Before its first poll there is none, and that poll looks itself.
    let Some(waker) = head.task_waker() else { return };
    let Some(mut token) = head.try_take() else { return head.wake() };
    let Some(future) = token.as_mut() else {
        // It has ended; its task may have come for that, and found the token taken.
        token.give_up();
        return head.wake();
    };
    let deeper = Deeper::new();
    let scope = Scope::enter(cell);
    let poll = watchdog::Poll::begin(head.pid);
    head.turn.set_guest(true);
    let outcome = poll_once(&scope, &poll, future.as_mut(), &mut Context::from_waker(waker), true);
    head.turn.set_guest(false);
    match outcome {
        Poll::Pending => match token.give_back() {
            Word::None => scope.resolve_deferred(None),
            Word::Abandoned(mut token) => {
                let future = token.take();
                token.give_up();
                die(&scope, &ExitReason::Killed, move || drop(future));
            }
        },
        Poll::Ready(End { reason, .. }) => {
            let future = token.take();
            token.give_up();
            die(&scope, &reason, move || drop(future));
            // The task has nothing left to poll.
            head.wake();
        }
    }
    drop(deeper);
}

/// A process that is driven by whoever polls this, with the future in here: `run`, `#[main]`, `#[test]`.
///
/// The future need not be `Send`. Resolves to its output, or to the reason of the process's death.
pub(crate) struct Driven<F: Future> {
    cell: Arc<AnyCell>,
    /// The waker of this process for all its life, whichever task polls it.
    relay: Arc<Relay>,
    future: Option<Pin<Box<F>>>,
}

/// A waker that leads to the task which polled last: a future may move from one task to another.
#[derive(Default)]
struct Relay(Mutex<Option<Arc<Waker>>>);

impl Relay {
    fn lead_to(&self, waker: &Waker) {
        let current = self.0.lock().clone();
        if !current.is_some_and(|task| task.will_wake(waker)) {
            // Foreign code, cloned and dropped outside the lock.
            let task = Arc::new(waker.clone());
            let before = self.0.lock().replace(task);
            drop(before);
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let task = self.0.lock().clone();
        if let Some(task) = task {
            task.wake_by_ref();
        }
    }
}

impl<F: Future> Driven<F> {
    pub(crate) fn new(cell: Arc<AnyCell>, future: F) -> Self {
        Self { cell, relay: Arc::default(), future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Driven<F> {
    type Output = Result<F::Output, ExitReason>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.relay.lead_to(cx.waker());
        let waker = Waker::from(Arc::clone(&this.relay));
        let cx = &mut Context::from_waker(&waker);
        this.cell.adopt_task(&waker);
        // The future is in here, but whoever dooms the process looks at the token.
        let token = this.cell.head.try_take();
        let scope = Scope::enter(&this.cell);
        let Some(future) = this.future.as_mut() else { return Poll::Ready(Err(ExitReason::NoProc)) };
        let mut output = None;
        let body = std::future::poll_fn(|cx| {
            future.as_mut().poll(cx).map(|value| {
                output = Some(value);
                ExitReason::Normal
            })
        });
        let poll = watchdog::Poll::begin(this.cell.head.pid);
        match poll_once(&scope, &poll, std::pin::pin!(body), cx, false) {
            Poll::Pending => {
                scope.resolve_deferred(None);
                Poll::Pending
            }
            Poll::Ready(End { reason, by_signal }) => {
                let future = this.future.take();
                drop(token);
                let output = output.filter(|_| !by_signal);
                die(&scope, &reason, move || drop(future));
                Poll::Ready(output.ok_or(reason))
            }
        }
    }
}

impl<F: Future> Drop for Driven<F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            let scope = Scope::enter(&self.cell);
            die(&scope, &ExitReason::Killed, move || drop(future));
        }
    }
}

/// Polls once, unless an exit signal is waiting; `Ready` says why to die. `in_place`: for a caller (`handoff.rs`).
fn poll_once(
    scope: &Scope<'_>,
    poll: &watchdog::Poll,
    future: Pin<&mut (impl Future<Output = ExitReason> + ?Sized)>,
    cx: &mut Context<'_>,
    in_place: bool,
) -> Poll<End> {
    let head = &scope.cell.head;
    if let Some(reason) = scope.cell.take_doom() {
        return Poll::Ready(End::by_signal(reason));
    }
    if ambient::take_panicked() {
        panics::forget();
    }
    let sampled = is_sample(poll.number, SAMPLE_BITS);
    let timed = head.turn.wants_time() || in_place && is_sample(poll.number, IN_PLACE_SAMPLE_BITS);
    let start = (sampled || timed).then(Instant::now);
    let outcome = catch(|| future.poll(cx));
    match start {
        None => head.turn.untimed(),
        Some(start) => note_time(head, start.elapsed(), sampled),
    }
    // What nearly every poll comes to.
    match outcome {
        Ok(Poll::Pending) if !head.is_doomed() && !ambient::is_ending() => Poll::Pending,
        outcome => last_poll(scope.cell, outcome),
    }
}

/// A poll took so long.
fn note_time(head: &Head, time: Duration, sampled: bool) {
    head.turn.took(time);
    if sampled {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).saturating_mul(1 << SAMPLE_BITS);
        head.busy.store(head.busy.load(Ordering::Relaxed).saturating_add(nanos), Ordering::Relaxed);
    }
}

/// What came of a poll that did not merely wait.
#[cold]
fn last_poll(cell: &AnyCell, outcome: Result<Poll<ExitReason>, ExitReason>) -> Poll<End> {
    let ending = ambient::take_ending();
    // An exit signal came first, also one that the process sent to itself: what its code did since then is too late.
    if let Some(end) = cell.take_doom().map(End::by_signal).or(ending.map(End::own)) {
        return Poll::Ready(end);
    }
    if let Err(reason) = &outcome {
        crash::report(reason, CrashReport::default);
    }
    outcome.unwrap_or_else(Poll::Ready).map(End::own)
}

/// Ends the current process with `reason`, from the top of its body, and never resolves.
///
/// Unlike a return, it leaves the body's locals where they are: they are dropped as part of the process's death,
/// when nobody can send to it any more.
///
/// # Cancel safety
///
/// The process ends whether or not this future is polled again.
///
/// # Panics
///
/// Outside any process.
pub async fn end(reason: ExitReason) -> std::convert::Infallible {
    assert!(ambient::with(|cell| cell.is_some()), "end({reason}) was called outside any process");
    ambient::set_ending(reason);
    std::future::pending().await
}
