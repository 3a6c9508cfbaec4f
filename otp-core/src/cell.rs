//! The cell: everything that other processes can see or change of a process, in one allocation.
//!
//! `Cell<Inbox<M>>` is the typed cell, behind `ProcessRef<M>`; [`AnyCell`] is the same allocation with the message
//! type erased, behind a pid. ARCHITECTURE.md draws the layout and the state machine.
//!
//! Cost of a push: one lock, no allocation once the queue is warm, and one wake-up when the receiver was parked.

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::task::Waker;

use crate::bound::Bound;
use crate::calling::Calling;
use crate::exit_reason::ExitReason;
use crate::extra::Extra;
use crate::handoff::NOWHERE;
use crate::inbox::{Inbox, Signal, SignalQueue};
use crate::orphan;
use crate::pid::Pid;
use crate::push::Refused;
use crate::run_token::Guarded;
use crate::sync::{Arc, AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering};
use crate::thread_sink::ThreadSink;
use crate::turn::Turn;

/// The body of a process. It lives behind the cell, so that whoever holds the run token may poll it; its output is
/// the reason that the process ends with.
pub(crate) type ProcessFuture = Pin<Box<dyn Future<Output = ExitReason> + Send>>;

/// A cell with its message type erased: what links, monitors, exits and the process table work on.
pub(crate) type AnyCell = Cell<dyn SignalQueue>;

/// One process. `Q` is its queue.
pub(crate) struct Cell<Q: ?Sized> {
    /// What is read without the lock.
    pub(crate) head: Head,
    /// What needs the lock: mailbox, signals, life. Never hold two of these.
    pub(crate) inner: Mutex<Inner<Q>>,
}

/// The part of a cell that needs no lock.
pub(crate) struct Head {
    pub(crate) pid: Pid,
    /// The process that started it.
    pub(crate) parent: Option<Pid>,
    /// The future, for the holder of the run token. A process that is driven from outside (`otp::run`) keeps its future
    /// there and leaves this empty.
    pub(crate) future: Guarded<ProcessFuture>,
    /// Whether the run token is taken; see `run_token.rs`.
    pub(crate) token: AtomicU8,
    /// The waker of the task that drives the process, the same for all its life.
    pub(crate) waker: Guarded<Waker>,
    /// Whether the waker is there; see `run_token.rs`.
    pub(crate) waker_state: AtomicU8,
    pub(crate) origin: Origin,
    /// What the holder of the run token says of it.
    pub(crate) turn: Turn,
    /// The runtime whose tasks may poll it in place, by number; see `handoff.rs`.
    pub(crate) runtime: AtomicU16,
    /// The process is doomed or dead. Written under the lock; read before each poll and each message.
    doomed: AtomicBool,
    /// Something was pushed since the receiver last looked. Written under the lock; lets the receiver of an empty queue
    /// return to sleep without taking it.
    pub(crate) pushed: AtomicBool,
    /// How many messages and trapped signals were taken out to be handled.
    pub(crate) handled: AtomicU64,
    /// The number of the process whose answer this one waits for, or 0; see `calling.rs`.
    pub(crate) calling: AtomicU64,
    /// Which message of that process the request is.
    pub(crate) calling_number: AtomicU32,
    /// When the timer service will wake this process next, in `clock` nanoseconds; `u64::MAX` for never.
    pub(crate) wake_at: AtomicU64,
    /// When it was started, in `clock` ticks.
    pub(crate) started: u32,
    /// Sampled: nanoseconds spent in polls.
    pub(crate) busy: AtomicU64,
}

/// How a process came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Spawned,
    /// Spawned with a link to its parent, or monitored by it.
    Child,
    /// Driven by whoever polls it: `run`, `attach`.
    Attached,
    /// On an operating system thread of its own; `true`: as `Child`.
    Thread(bool),
}

/// How far a process is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    /// From before its first poll.
    Alive,
    /// Its own code has decided to end, and may still be busy with that.
    Ending,
    /// Its exit slot is filled. To everyone else it is dead; its own code runs to the end of the poll at most.
    Doomed,
    /// It dies: its state is dropped, its name and whatever else it holds is given up.
    Dead,
    /// Nothing of it is left to be found; who asks now is told at once.
    Buried,
}

/// The part of a cell behind its lock.
pub(crate) struct Inner<Q: ?Sized> {
    /// See [`Life`]; never goes back.
    pub(crate) life: Life,
    /// The receiver has taken all there was: the next push wakes it.
    pub(crate) parked: bool,
    pub(crate) trap_exit: bool,
    /// A message is not simply queued: `Extra` says that the mailbox is bounded, closed, or that of a thread.
    pub(crate) detour: bool,
    /// How many messages and signals were ever pushed, wrapping: the number of the next one.
    pub(crate) pushes: u32,
    /// What most processes never have; allocated on first use.
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) queue: Q,
}

impl<Q: ?Sized> Inner<Q> {
    /// Whether no message, link, monitor, name or hook is accepted any more.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        self.life >= Life::Doomed
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// The mailbox's bound, if it has one.
    pub(crate) fn bound(&mut self) -> Option<&mut Bound> {
        self.extra.as_mut()?.bound.as_deref_mut()
    }
}

impl<Q: SignalQueue + ?Sized> Inner<Q> {
    /// Queues a signal as a message, in its place among the others.
    pub(crate) fn push_signal(&mut self, signal: Signal) {
        match self.extra.as_ref().and_then(|extra| extra.sink.as_ref()) {
            Some(sink) => sink.signal(signal),
            None => self.queue.push_signal(signal),
        }
    }
}

impl Head {
    /// Wakes the process's task. Before its first poll there is nothing to wake, and the first poll looks itself.
    #[inline]
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.task_waker() {
            waker.wake_by_ref();
        }
    }

    /// From here on it is dead to everyone else. Called under the lock, which holds the whole truth. Sequentially
    /// consistent with the run token; see `orphan.rs`.
    pub(crate) fn set_gone(&self) {
        self.doomed.store(true, Ordering::SeqCst);
    }

    /// Whether an exit signal waits to be obeyed, or the process dies.
    #[inline]
    pub(crate) fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::SeqCst)
    }

    /// One more message was taken out.
    #[inline]
    pub(crate) fn count_handled(&self) {
        // Only the process itself writes it: no read-modify-write needed.
        self.handled.store(self.handled.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// A message that was taken out is kept: who waits for its answer waits as if it were in the queue.
    pub(crate) fn count_kept(&self) {
        self.handled.store(self.handled.load(Ordering::Relaxed).saturating_sub(1), Ordering::Release);
    }

    /// How many messages were taken out, in the 32 bits that number them.
    #[expect(clippy::cast_possible_truncation, reason = "numbers wrap")]
    pub(crate) fn handled_number(&self) -> u32 {
        self.handled.load(Ordering::Acquire) as u32
    }
}

impl<Q: ?Sized> Cell<Q> {
    /// Remembers the task's waker at the first poll.
    ///
    /// Passing through the lock afterwards closes the gap with an exit signal that arrives meanwhile: either it sees
    /// the waker, or this poll sees the signal.
    pub(crate) fn adopt_task(&self, waker: &Waker) {
        if self.head.adopt_waker(waker) {
            drop(self.inner.lock());
        }
    }

    /// Fills the exit slot of a process that is not gone, gives the lock back and has the process see it.
    pub(crate) fn doom(&self, mut inner: MutexGuard<'_, Inner<Q>>, reason: ExitReason) {
        let extra = inner.extra();
        extra.exit = Some(reason);
        // Before the channel closes: the thread that finds it closed knows why.
        self.head.set_gone();
        extra.unreceived = extra.sink.take().map(ThreadSink::close);
        inner.life = Life::Doomed;
        drop(inner);
        self.head.wake();
        orphan::watch(&self.head);
    }

    /// Takes the reason out of the exit slot. The code of an orphan, which was declared dead, comes home with `Killed`.
    pub(crate) fn take_doom(&self) -> Option<ExitReason> {
        if !self.head.is_doomed() {
            return None;
        }
        let mut inner = self.inner.lock();
        if inner.life >= Life::Dead {
            // An orphan, declared dead: nothing else runs after its death.
            return Some(ExitReason::Killed);
        }
        inner.extra.as_mut().and_then(|extra| extra.exit.take())
    }

    /// After a push: gives the lock back and wakes the receiver if it waits.
    #[inline]
    pub(crate) fn wake_receiver(&self, mut inner: MutexGuard<'_, Inner<Q>>) {
        inner.pushes = inner.pushes.wrapping_add(1);
        let wake = std::mem::take(&mut inner.parked);
        if wake {
            // Whoever sleeps has cleared it; a receiver that does not sleep finds it set still.
            self.head.pushed.store(true, Ordering::Release);
        }
        let elsewhere =
            if wake { inner.extra.as_mut().and_then(|extra| extra.receiver.take()) } else { None };
        drop(inner);
        if wake {
            self.head.wake();
        }
        if let Some(receiver) = elsewhere {
            receiver.wake();
        }
    }
}

impl<M: Send + 'static> Cell<Inbox<M>> {
    pub(crate) fn new(parent: Option<Pid>, origin: Origin, extra: Option<Box<Extra>>) -> Arc<Self> {
        Arc::new(Self {
            head: Head {
                pid: Pid::next(),
                parent,
                future: Guarded::empty(),
                token: Head::fresh_state(),
                waker: Guarded::empty(),
                waker_state: Head::fresh_state(),
                origin,
                turn: Turn::new(),
                runtime: AtomicU16::new(NOWHERE),
                doomed: AtomicBool::new(false),
                pushed: AtomicBool::new(false),
                handled: AtomicU64::new(0),
                calling: AtomicU64::new(0),
                calling_number: AtomicU32::new(0),
                wake_at: AtomicU64::new(u64::MAX),
                started: crate::clock::ticks(),
                busy: AtomicU64::new(0),
            },
            inner: Mutex::new(Inner {
                life: Life::Alive,
                // Before its first look the receiver waits for the first push.
                parked: true,
                trap_exit: false,
                detour: false,
                pushes: 0,
                extra,
                queue: Inbox::new(),
            }),
        })
    }

    /// Puts a message at the end of the queue.
    #[inline]
    pub(crate) fn push(&self, message: M) -> Result<(), Refused<M>> {
        self.push_locked(self.inner.lock(), message, None)
    }

    /// As `push`, for who holds the lock already. If it is a request, `calling` is told under the lock which number it
    /// has: once the receiver can take it out, it must not seem to be still on its way.
    #[inline]
    pub(crate) fn push_locked(
        &self,
        mut inner: MutexGuard<'_, Inner<Inbox<M>>>,
        message: M,
        calling: Option<&Calling>,
    ) -> Result<(), Refused<M>> {
        if inner.is_gone() {
            return Err(Refused::NoProc(message));
        }
        if inner.detour {
            return self.push_by_detour(inner, message, calling);
        }
        if let Some(calling) = calling {
            calling.queued_as(inner.pushes);
        }
        inner.queue.push(message);
        self.wake_receiver(inner);
        Ok(())
    }

    /// As `push_locked`, for who polls the receiver in place right after, or else wakes it: `true` if it sleeps and was
    /// not woken.
    #[inline]
    pub(crate) fn push_quietly(
        &self,
        mut inner: MutexGuard<'_, Inner<Inbox<M>>>,
        message: M,
        calling: &Calling,
    ) -> Result<bool, Refused<M>> {
        let sleeps_in_its_task = inner.parked
            && !inner.detour
            && !inner.is_gone()
            && inner.extra.as_ref().is_none_or(|extra| extra.receiver.is_none());
        if !sleeps_in_its_task {
            return self.push_locked(inner, message, Some(calling)).map(|()| false);
        }
        calling.queued_as(inner.pushes);
        inner.queue.push(message);
        inner.pushes = inner.pushes.wrapping_add(1);
        inner.parked = false;
        self.head.pushed.store(true, Ordering::Release);
        Ok(true)
    }
}

/// The typed cell behind an erased one, or the erased one back when its messages are of another type.
pub(crate) fn downcast<M: Send + 'static>(cell: Arc<AnyCell>) -> Result<Arc<Cell<Inbox<M>>>, Arc<AnyCell>> {
    if cell.inner.lock().queue.message_type() == TypeId::of::<M>() {
        // SAFETY: `message_type` is implemented for `Inbox<N>` alone and names `N`; it equals `M`, so the allocation
        // behind the fat pointer is an `ArcInner<Cell<Inbox<M>>>`, and dropping the vtable keeps its address.
        #[expect(unsafe_code, reason = "Arc has no downcast for an unsized tail; see the invariant above")]
        Ok(unsafe { Arc::from_raw(Arc::into_raw(cell).cast::<Cell<Inbox<M>>>()) })
    } else {
        Err(cell)
    }
}
