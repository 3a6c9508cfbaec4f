//! The slot behind a request: a oneshot with three parties, and one word of state that says who may touch what.
//!
//! * The caller writes the waker; the holder of `ReplyTo` the value; the dying process the reason; the holder of `Request`
//!   ends the span. Each has a cell of its own, so no two ever write the same one.
//! * Whoever sets the first of `VALUE`, `EXIT`, `NO_REPLY` owns the waker cell from then on if `WAKER` was set, and
//!   the caller leaves it alone once it sees any of them.
//! * The upper bits count the references; the last one to go frees the slot.
//!
//! Cost of an answered request: one allocation, and four read-modify-writes (the waker's registration, the
//! announcement, and two of the three references; the last one finds itself alone by a load).

use std::ptr::NonNull;
use std::task::{Poll, Waker};

use tracing::Span;
use tracing::level_filters::LevelFilter;

use crate::ambient;
use crate::exit_reason::ExitReason;
use crate::pid::Pid;
use crate::sync::{AtomicU32, Ordering, UnsafeCell, fence};

/// The caller's waker is stored, and the caller will not touch it before it clears this bit.
const WAKER: u32 = 1;
/// The value is stored. Set by the holder of `ReplyTo`, once.
const VALUE: u32 = 1 << 1;
/// The reason of the process's death is stored. Set by the dying process, once.
const EXIT: u32 = 1 << 2;
/// `ReplyTo` was dropped without an answer. Never set together with `VALUE`.
const NO_REPLY: u32 = 1 << 3;
/// The caller is gone: nobody will look any more.
const CLOSED: u32 = 1 << 4;
/// The value is stored, and counts once `EXIT` is set. Never set together with `VALUE`.
const PARTING: u32 = 1 << 5;
/// Somebody writes the reason of the process's death. Set once, by whoever may.
const EXITING: u32 = 1 << 6;
/// One reference.
const REF: u32 = 1 << 8;

const RESOLVED: u32 = VALUE | EXIT | NO_REPLY;

/// The part of a slot that does not depend on the value's type. It stands first in [`Slot`].
struct Header {
    state: AtomicU32,
    /// The process that the request went to.
    server: Pid,
    /// The process that made it.
    client: Option<Pid>,
    /// The tracing span that it was made in. The `Request`'s alone.
    span: UnsafeCell<Option<Box<Span>>>,
    waker: UnsafeCell<Option<Waker>>,
    exit: UnsafeCell<Option<ExitReason>>,
    /// Frees the whole slot.
    free: unsafe fn(NonNull<Self>),
}

#[repr(C)]
struct Slot<T> {
    header: Header,
    value: UnsafeCell<Option<T>>,
}

/// How a request ended, and where to look for the rest.
pub(crate) enum Outcome {
    Value,
    Exit,
    NoReply,
}

/// One reference to a slot.
pub(crate) struct SlotRef(NonNull<Header>);

// SAFETY: a slot is only made for `T: Send`; its parts pass from thread to thread as the head of this file says, with
// acquire and release on each hand-over.
#[expect(unsafe_code, reason = "the pointer is a counted reference")]
unsafe impl Send for SlotRef {}
// SAFETY: as above; through a shared reference only the state word is used.
#[expect(unsafe_code, reason = "the pointer is a counted reference")]
unsafe impl Sync for SlotRef {}

impl SlotRef {
    /// A new slot for a `T`, and its three references.
    #[inline]
    pub(crate) fn new<T: Send + 'static>(server: Pid) -> [Self; 3] {
        let slot = Box::new(Slot::<T> {
            header: Header {
                state: AtomicU32::new(3 * REF),
                server,
                client: ambient::current(),
                span: UnsafeCell::new(current_span()),
                waker: UnsafeCell::new(None),
                exit: UnsafeCell::new(None),
                free: free::<T>,
            },
            value: UnsafeCell::new(None),
        });
        let header = NonNull::from(Box::leak(slot)).cast::<Header>();
        [Self(header), Self(header), Self(header)]
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the slot lives while a reference to it does.
        #[expect(unsafe_code, reason = "the pointer is a counted reference")]
        unsafe {
            self.0.as_ref()
        }
    }

    /// The process that the request went to.
    pub(crate) fn server(&self) -> Pid {
        self.header().server
    }

    /// The process that made the request, if one did.
    pub(crate) fn client(&self) -> Option<Pid> {
        self.header().client
    }

    /// The tracing span that the request was made in, if it was in one.
    ///
    /// # Safety
    ///
    /// The caller holds the slot's one `Request`, and does not end the span while it looks at it.
    #[expect(unsafe_code, reason = "see the head of this file")]
    #[inline]
    pub(crate) unsafe fn span(&self) -> Option<&Span> {
        // SAFETY: nobody but the holder of the `Request` reaches the cell, and it does not write meanwhile.
        self.header().span.with(|cell| unsafe { (*cell).as_deref() })
    }

    /// Lets go of the span: the slot may live on for long.
    ///
    /// # Safety
    ///
    /// The caller holds the slot's one `Request`.
    #[expect(unsafe_code, reason = "see the head of this file")]
    #[inline]
    pub(crate) unsafe fn end_span(&self) {
        // SAFETY: as in `span`.
        drop(self.header().span.with_mut(|cell| unsafe { (*cell).take() }));
    }

    /// Whether the caller has its answer, or has stopped waiting.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.header().state.load(Ordering::Acquire) & (RESOLVED | CLOSED) != 0
    }

    /// Whether the answer was sent.
    #[inline]
    pub(crate) fn is_answered(&self) -> bool {
        self.header().state.load(Ordering::Acquire) & VALUE != 0
    }

    /// Stores the value.
    ///
    /// # Safety
    ///
    /// The slot was made for `T`, and the caller holds its one `ReplyTo`, which has neither announced nor parted.
    #[expect(unsafe_code, reason = "the slot is erased")]
    #[inline]
    pub(crate) unsafe fn put_value<T>(&self, value: T) {
        // SAFETY: `Slot<T>` starts with its header (`repr(C)`) and was made for `T`, so the cast leads back to it. The
        // cell is the caller's alone until it announces the value.
        unsafe { self.0.cast::<Slot<T>>().as_ref() }.value.with_mut(|cell| unsafe { *cell = Some(value) });
    }

    /// Takes the value out.
    ///
    /// # Safety
    ///
    /// The slot was made for `T`, the caller holds its one `Reply`, and the outcome was [`Outcome::Value`].
    #[expect(unsafe_code, reason = "the slot is erased")]
    #[inline]
    pub(crate) unsafe fn take_value<T>(&self) -> Option<T> {
        // SAFETY: as in `put_value`; the writer was done with the cell when it announced the value.
        unsafe { self.0.cast::<Slot<T>>().as_ref() }.value.with_mut(|cell| unsafe { (*cell).take() })
    }

    /// The value is there. Returns whether the caller, or its end, will take care of it.
    #[inline]
    pub(crate) fn announce_value(&self) -> bool {
        self.announce(VALUE) & CLOSED == 0
    }

    /// The value is there, and counts when the process has ended.
    pub(crate) fn announce_parting(&self) {
        self.header().state.fetch_or(PARTING, Ordering::AcqRel);
    }

    /// There will be no answer.
    pub(crate) fn announce_no_reply(&self) {
        self.announce(NO_REPLY);
    }

    /// The process has ended. The first time counts: one that was declared dead may come home meanwhile, and say so too. With
    /// the value there, nobody asks for the reason.
    pub(crate) fn announce_exit(&self, reason: &ExitReason) {
        let state = &self.header().state;
        if state.load(Ordering::Acquire) & (VALUE | EXITING | CLOSED) == 0
            && state.fetch_or(EXITING, Ordering::AcqRel) & EXITING == 0
        {
            // SAFETY: one alone sets `EXITING`, and `EXIT`, after which the caller reads it, is not set yet.
            #[expect(unsafe_code, reason = "see the head of this file")]
            self.header().exit.with_mut(|cell| unsafe { *cell = Some(reason.clone()) });
            self.announce(EXIT);
        }
    }

    /// Sets a result and wakes the caller if it was the first. Returns the state before.
    #[inline]
    fn announce(&self, bit: u32) -> u32 {
        let before = self.header().state.fetch_or(bit, Ordering::AcqRel);
        if before & (RESOLVED | CLOSED | WAKER) == WAKER {
            // SAFETY: `WAKER` was set and nothing was resolved: the cell is ours, since the caller, finding a result,
            // leaves it alone.
            #[expect(unsafe_code, reason = "see the head of this file")]
            let waker = self.header().waker.with_mut(|cell| unsafe { (*cell).take() });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        before
    }

    /// For the caller: the outcome, if there is one.
    #[inline]
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        outcome(self.header().state.load(Ordering::Acquire))
    }

    /// For the caller: the outcome, or its waker is stored.
    #[inline]
    pub(crate) fn poll_outcome(&self, waker: &Waker) -> Poll<Outcome> {
        let header = self.header();
        let mut state = header.state.load(Ordering::Acquire);
        if state & (RESOLVED | WAKER) == WAKER {
            // Take the waker cell back, unless a result came in between.
            state = header.state.fetch_and(!WAKER, Ordering::AcqRel);
        }
        if state & RESOLVED == 0 {
            // SAFETY: `WAKER` is clear and nothing was resolved as of our last look; whoever resolves now finds
            // `WAKER` clear and leaves the cell alone.
            #[expect(unsafe_code, reason = "see the head of this file")]
            header.waker.with_mut(|cell| unsafe {
                match &mut *cell {
                    Some(old) if old.will_wake(waker) => {}
                    old => *old = Some(waker.clone()),
                }
            });
            state = header.state.fetch_or(WAKER, Ordering::AcqRel);
        }
        outcome(state).map_or(Poll::Pending, Poll::Ready)
    }

    /// For the caller: why the process ended.
    pub(crate) fn exit_reason(&self) -> ExitReason {
        // SAFETY: `EXIT` is set, so its writer is done with the cell, and only the caller reads it.
        #[expect(unsafe_code, reason = "see the head of this file")]
        let reason = self.header().exit.with_mut(|cell| unsafe { (*cell).take() });
        reason.unwrap_or(ExitReason::NoProc)
    }

    /// For the caller: nobody will look any more. Returns whether a value is there that it has to take care of.
    #[inline]
    pub(crate) fn close(&self) -> bool {
        // With the value there, or alone, there is nobody to tell.
        let mut state = self.header().state.load(Ordering::Acquire);
        if state & VALUE == 0 && state >= 2 * REF {
            state = self.header().state.fetch_or(CLOSED, Ordering::AcqRel);
        }
        state & VALUE != 0
    }
}

/// Where nobody listens to tracing at all, this costs one load.
#[inline]
fn current_span() -> Option<Box<Span>> {
    if LevelFilter::current() == LevelFilter::OFF {
        return None;
    }
    Some(Span::current()).filter(|span| !span.is_none()).map(Box::new)
}

fn outcome(state: u32) -> Option<Outcome> {
    if state & VALUE != 0 || state & (EXIT | PARTING) == EXIT | PARTING {
        Some(Outcome::Value)
    } else if state & EXIT != 0 {
        Some(Outcome::Exit)
    } else if state & NO_REPLY != 0 {
        Some(Outcome::NoReply)
    } else {
        None
    }
}

impl Drop for SlotRef {
    #[inline]
    fn drop(&mut self) {
        let state = &self.header().state;
        // Alone, nobody else can make or drop a reference: no need to count down.
        if state.load(Ordering::Acquire) >= 2 * REF {
            if state.fetch_sub(REF, Ordering::Release) >= 2 * REF {
                return;
            }
            fence(Ordering::Acquire);
        }
        let free = self.header().free;
        // SAFETY: this was the last reference, and `free` was made for this slot's type.
        #[expect(unsafe_code, reason = "the last reference frees the slot")]
        unsafe {
            free(self.0);
        }
    }
}

/// Frees a slot.
///
/// # Safety
///
/// `header` heads a `Slot<T>` from `SlotRef::new::<T>`, and no reference to it is left.
#[expect(unsafe_code, reason = "the last reference frees the slot")]
unsafe fn free<T>(header: NonNull<Header>) {
    // SAFETY: as said above; `new` leaked this box.
    drop(unsafe { Box::from_raw(header.cast::<Slot<T>>().as_ptr()) });
}
