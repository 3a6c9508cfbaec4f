//! What the models share: how far loom looks, and processes that are driven by hand, without tokio.
//!
//! A model runs the real code: cells, mailboxes, signals, death and, where a body runs, the driver's `Root`. Only the
//! locks, atomics, thread-locals and tables are loom's (`sync.rs`). loom reports a lost wake-up as a deadlock, and a value
//! that was lost or dropped twice as a leak of its `Tracked`.
//!
//! ```text
//! RUSTFLAGS="--cfg otp_loom" cargo test -p otp-core --no-default-features --lib loom_ --release
//! ```
//!
//! Seconds, for every change: three preemptions of two threads, two of three. `OTP_LOOM_FULL=1`, which `cargo xtask ci --full`
//! sets, looks at five and three.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::ambient::Scope;
use crate::cell::{AnyCell, Cell, Origin};
use crate::death::die;
use crate::driver::Root;
use crate::exit_reason::ExitReason;
use crate::inbox::{Inbox, Received};
use crate::mailbox::{Mailbox, ProcessRef};
use crate::pid::Pid;
use crate::sync::Arc;
use crate::table;

/// loom finds a leak, or a second drop, of this.
pub(crate) type Tracked = loom::sync::Arc<()>;

/// What the processes of most models receive.
pub(crate) type Message = u32;

/// Whether it may take minutes.
fn full() -> bool {
    std::env::var_os("OTP_LOOM_FULL").is_some()
}

/// Tries every order of events of two threads: with three preemptions at most, or five.
pub(crate) fn two_threads(model: impl Fn() + Sync + Send + 'static) {
    check(if full() { 5 } else { 3 }, model);
}

/// Tries every order of events of three threads with two preemptions at most, or three.
pub(crate) fn three_threads(model: impl Fn() + Sync + Send + 'static) {
    check(if full() { 3 } else { 2 }, model);
}

fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // An endless loop is longer than this.
    builder.max_branches = 50_000;
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// A live process without a body, in the table. Its mailbox is the model's.
pub(crate) fn process<M: Send + 'static>() -> (Arc<AnyCell>, Mailbox<M>) {
    let cell = Cell::<Inbox<M>>::new(None, Origin::Spawned, None);
    let erased: Arc<AnyCell> = Arc::<Cell<Inbox<M>>>::clone(&cell);
    table::insert(Arc::clone(&erased));
    (erased, Mailbox::new(cell))
}

/// As `process`; it traps exits.
pub(crate) fn trapping() -> (Arc<AnyCell>, Mailbox<Message>) {
    let (cell, mailbox) = process();
    cell.inner.lock().trap_exit = true;
    (cell, mailbox)
}

/// A process with a body, as `spawn` makes it; who polls the `Root` is its task.
pub(crate) fn with_body<M, F, Fut>(body: F) -> (Root, ProcessRef<M>)
where
    M: Send + 'static,
    F: FnOnce(Mailbox<M>) -> Fut,
    Fut: Future<Output = ExitReason> + Send + 'static,
{
    let (cell, mailbox) = process();
    let address = mailbox.address();
    let body = Box::pin(body(mailbox));
    if let Some(mut token) = cell.head.try_take() {
        *token = Some(body);
    }
    (Root::new(cell), address)
}

/// Polls a process to its end, as its task.
///
/// loom's own wakers do not recognise their clones, so that a receiver would take the detour through `Extra::receiver`.
pub(crate) fn run(root: Root) {
    let mut root = pin!(root);
    let mut waker = None;
    block_on(poll_fn(|cx| {
        let waker = waker.get_or_insert_with(|| Waker::from(Arc::new(Task(cx.waker().clone()))));
        assert!(waker.clone().will_wake(waker));
        root.as_mut().poll(&mut Context::from_waker(waker))
    }));
}

struct Task(Waker);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// The process dies, here and now.
pub(crate) fn kill(cell: &Arc<AnyCell>) {
    let scope = Scope::enter(cell);
    die(&scope, &ExitReason::Killed, || {});
}

/// The process dies on a thread of its own.
pub(crate) fn kill_elsewhere(cell: &Arc<AnyCell>) -> JoinHandle<()> {
    let cell = Arc::clone(cell);
    thread::spawn(move || kill(&cell))
}

/// What is there to be received right now.
pub(crate) fn drain<M: Send + 'static>(mailbox: &mut Mailbox<M>) -> Vec<Received<M>> {
    let mut received = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(next) = mailbox.poll_receive(&mut cx) {
        received.push(next);
    }
    received
}

/// How many messages and signals wait in the queue.
pub(crate) fn waiting(cell: &AnyCell) -> usize {
    cell.inner.lock().queue.len()
}

thread_local! {
    /// Every run of one model is on one thread of the system's.
    static WATCHED: RefCell<Vec<Pid>> = const { RefCell::new(Vec::new()) };
}

/// In the place of the orphans' watch.
pub(crate) fn note_watched(pid: Pid) {
    WATCHED.with_borrow_mut(|watched| watched.push(pid));
}

/// Whether the watch was told of this process.
pub(crate) fn is_watched(pid: Pid) -> bool {
    WATCHED.with_borrow_mut(|watched| std::mem::take(watched).contains(&pid))
}
