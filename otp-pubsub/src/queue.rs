//! [`Queue`]: what a stream has been sent and not taken yet. The newest messages stay when it is full.
//!
//! One lock, held for no foreign code: what is dropped, cloned or woken is so after it.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use parking_lot::Mutex;

pub(crate) struct Queue<M> {
    capacity: usize,
    state: Mutex<State<M>>,
}

struct State<M> {
    messages: VecDeque<M>,
    waker: Option<std::task::Waker>,
    /// How many messages made room for newer ones.
    missed: u64,
    /// Nothing comes any more.
    closed: bool,
}

impl<M> Queue<M> {
    /// # Panics
    ///
    /// For a capacity of zero.
    #[track_caller]
    pub(crate) fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a stream needs room for a message");
        let state = State { messages: VecDeque::new(), waker: None, missed: 0, closed: false };
        Self { capacity, state: Mutex::new(state) }
    }

    pub(crate) fn push(&self, message: M) {
        let mut state = self.state.lock();
        if state.closed {
            // Not dropped under the lock.
            drop(state);
            return drop(message);
        }
        let oldest = if state.messages.len() == self.capacity { state.messages.pop_front() } else { None };
        state.missed += u64::from(oldest.is_some());
        state.messages.push_back(message);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        drop(oldest);
    }

    /// What is there can still be taken.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<M>> {
        // Foreign code, cloned before the lock and dropped after it.
        let mut waker = Some(cx.waker().clone());
        let mut state = self.state.lock();
        if let Some(message) = state.messages.pop_front() {
            return Poll::Ready(Some(message));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        std::mem::swap(&mut state.waker, &mut waker);
        drop(state);
        Poll::Pending
    }

    pub(crate) fn missed(&self) -> u64 {
        self.state.lock().missed
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().messages.len()
    }
}
