//! [`InFlight`]: the elements of a stream of tasks that were taken from the input and not given on yet.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use otp_core::behaviour::{Deadline, Reply, await_end, disown};
use otp_core::{ExitReason, Pid, process};
use tokio::time::Instant;

use crate::outcome::result_of;

/// A task that somebody else is starting.
pub(crate) type Starting<T> = Pin<Box<dyn Future<Output = Result<(Pid, Reply<T>), ExitReason>> + Send>>;

/// How an element's task begins.
pub(crate) enum Begun<T: Send + 'static> {
    Running(Pid, Reply<T>),
    #[cfg_attr(not(feature = "supervisor"), expect(dead_code, reason = "supervisors start tasks so"))]
    Starting(Starting<T>),
}

/// One element, by the number of its slot. A slot is used again when its element was given on and its task has ended.
struct Slot<K, T> {
    /// What is kept of the input until the outcome is given on.
    kept: Option<K>,
    /// Its task, once it runs.
    pid: Option<Pid>,
    /// Whom that is linked to, if anyone.
    owner: Option<Pid>,
    due: Option<Instant>,
    /// The task has not ended, as far as it is known.
    waiting: bool,
    outcome: Option<Result<T, ExitReason>>,
}

/// Waits for one task.
enum Waiting<T: Send + 'static> {
    Starting(usize, Starting<T>),
    Running(usize, Reply<T>),
}

enum Event<T: Send + 'static> {
    Started(Result<(Pid, Reply<T>), ExitReason>),
    Ended(Result<T, ExitReason>),
}

/// Nothing in it is ever pinned, but for what is boxed.
impl<T: Send + 'static> Unpin for Waiting<T> {}

impl<T: Send + 'static> Future for Waiting<T> {
    type Output = (usize, Event<T>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Starting(at, starting) => {
                starting.as_mut().poll(cx).map(|started| (*at, Event::Started(started)))
            }
            Self::Running(at, reply) => {
                reply.poll_answer(cx).map(|answer| (*at, Event::Ended(result_of(answer))))
            }
        }
    }
}

/// The tasks of a stream. Dropped, it ends those that run, without a word to anyone.
pub(crate) struct InFlight<K, T: Send + 'static> {
    ordered: bool,
    limit: Option<Duration>,
    slots: Vec<Slot<K, T>>,
    free: Vec<usize>,
    /// The slots whose outcome is to be given on, in that order: if ordered, those in the order of the input, whether they have
    /// one yet or not; else those that have one.
    queue: VecDeque<usize>,
    /// How many elements have not been given on.
    pending: usize,
    waiting: FuturesUnordered<Waiting<T>>,
    /// Passes no later than the first task's time is up.
    deadline: Option<Deadline>,
}

impl<K, T: Send + 'static> InFlight<K, T> {
    pub(crate) fn new(ordered: bool, limit: Option<Duration>) -> Self {
        Self {
            ordered,
            limit,
            slots: Vec::new(),
            free: Vec::new(),
            queue: VecDeque::new(),
            pending: 0,
            waiting: FuturesUnordered::new(),
            deadline: None,
        }
    }

    /// How many elements have not been given on.
    pub(crate) const fn pending(&self) -> usize {
        self.pending
    }

    /// Whether one more may begin, of `most` at a time: that many are taken ahead from the input at most, and so many tasks run, those
    /// included whose element was given on before they had ended.
    pub(crate) fn has_room(&self, most: usize) -> bool {
        self.pending < most && self.waiting.len() < most
    }

    /// Whether nothing is left to give on, nor to wait for.
    pub(crate) fn is_done(&self) -> bool {
        self.pending == 0 && self.waiting.is_empty()
    }

    /// Takes an element in. `owner` is whom its task is, or will be, linked to.
    pub(crate) fn add(&mut self, kept: K, owner: Option<Pid>, begun: Begun<T>) {
        let slot = Slot { kept: Some(kept), pid: None, owner, due: None, waiting: true, outcome: None };
        let at = if let Some(at) = self.free.pop() {
            self.slots[at] = slot;
            at
        } else {
            self.slots.push(slot);
            self.slots.len() - 1
        };
        self.pending += 1;
        if self.ordered {
            self.queue.push_back(at);
        }
        match begun {
            Begun::Running(pid, reply) => self.runs(at, pid, reply),
            Begun::Starting(starting) => self.waiting.push(Waiting::Starting(at, starting)),
        }
    }

    fn runs(&mut self, at: usize, pid: Pid, reply: Reply<T>) {
        let slot = &mut self.slots[at];
        slot.pid = Some(pid);
        slot.due = self.limit.and_then(|limit| Instant::now().checked_add(limit));
        self.waiting.push(Waiting::Running(at, reply));
    }

    /// The next outcome to be given on, with what was kept of its input, if it is there.
    pub(crate) fn take_next(&mut self) -> Option<(K, Result<T, ExitReason>)> {
        let &at = self.queue.front()?;
        let slot = &mut self.slots[at];
        let outcome = slot.outcome.take()?;
        let kept = slot.kept.take()?;
        self.queue.pop_front();
        self.pending -= 1;
        if !slot.waiting {
            self.free.push(at);
        }
        Some((kept, outcome))
    }

    /// Waits until something has happened to one of the tasks. `Err` is the reason of one that has just ended without a result.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let Some((at, event)) = ready!(self.waiting.poll_next_unpin(cx)) else { return Poll::Pending };
        let outcome = match event {
            Event::Started(Ok((pid, reply))) => {
                self.runs(at, pid, reply);
                return Poll::Ready(Ok(()));
            }
            Event::Started(Err(reason)) => Err(reason),
            Event::Ended(outcome) => outcome,
        };
        let news = if outcome.is_err() { Err(()) } else { Ok(()) };
        let slot = &mut self.slots[at];
        slot.waiting = false;
        slot.pid = None;
        match (&slot.kept, &slot.outcome) {
            (None, _) => self.free.push(at),
            (Some(_), None) => self.settle(at, outcome),
            // Its time was up before.
            (Some(_), Some(_)) => {}
        }
        Poll::Ready(news)
    }

    fn settle(&mut self, at: usize, outcome: Result<T, ExitReason>) {
        self.slots[at].outcome = Some(outcome);
        if !self.ordered {
            self.queue.push_back(at);
        }
    }

    /// Waits until the time of some task is up: then these are the slots.
    pub(crate) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Vec<usize>> {
        loop {
            if self.deadline.is_none() {
                let dues = self.slots.iter().filter(|slot| slot.runs()).filter_map(|slot| slot.due);
                let Some(first) = dues.min() else { return Poll::Pending };
                self.deadline = Some(Deadline::at(first));
            }
            if let Some(deadline) = &mut self.deadline {
                ready!(deadline.poll_passed(cx));
            }
            self.deadline = None;
            let now = Instant::now();
            let is_late = |slot: &Slot<K, T>| slot.runs() && slot.due.is_some_and(|due| due <= now);
            let late: Vec<_> = (0..self.slots.len()).filter(|&at| is_late(&self.slots[at])).collect();
            if !late.is_empty() {
                return Poll::Ready(late);
            }
        }
    }

    /// Kills a task whose time is up, and has its element end with `reason`.
    pub(crate) fn kill(&mut self, at: usize, reason: ExitReason) {
        self.slots[at].kill();
        self.settle(at, Err(reason));
    }

    /// What was kept of a slot's input.
    pub(crate) fn take_kept(&mut self, at: usize) -> Option<K> {
        self.slots[at].kept.take()
    }

    /// Ends the tasks that run, and forgets about the rest.
    pub(crate) fn close(&mut self) -> Ending<T> {
        let running = self.slots.iter().filter(|slot| slot.waiting).filter_map(Slot::kill).collect();
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let starting = waiting.filter_map(|waiting| match waiting {
            Waiting::Starting(at, starting) => Some((self.slots[at].owner, starting)),
            Waiting::Running(..) => None,
        });
        let ending = Ending { running, starting: starting.collect() };
        self.slots.clear();
        self.free.clear();
        self.queue.clear();
        self.pending = 0;
        self.deadline = None;
        ending
    }
}

/// Tasks that are about to end.
pub(crate) struct Ending<T: Send + 'static> {
    running: Vec<Pid>,
    /// Each with its owner. Dropped, they end when nobody takes them over.
    starting: Vec<(Option<Pid>, Starting<T>)>,
}

impl<T: Send + 'static> Default for Ending<T> {
    fn default() -> Self {
        Self { running: Vec::new(), starting: Vec::new() }
    }
}

impl<T: Send + 'static> Ending<T> {
    /// Waits until they are gone.
    pub(crate) async fn gone(self) {
        let Self { mut running, starting } = self;
        for (owner, starting) in starting {
            if let Ok((pid, _reply)) = starting.await {
                kill(pid, owner);
                running.push(pid);
            }
        }
        for pid in running {
            let mut end = await_end(pid);
            poll_fn(|cx| end.poll_answer(cx).map(drop)).await;
        }
    }
}

impl<K, T> Slot<K, T> {
    /// Whether its task runs and is wanted.
    const fn runs(&self) -> bool {
        self.waiting && self.outcome.is_none() && self.kept.is_some()
    }

    fn kill(&self) -> Option<Pid> {
        let pid = self.pid?;
        kill(pid, self.owner);
        Some(pid)
    }
}

/// Without a word to its owner.
fn kill(task: Pid, owner: Option<Pid>) {
    if let Some(owner) = owner {
        disown(owner, task, None);
    }
    process::send_exit(task, ExitReason::Kill);
}

impl<K, T: Send + 'static> Drop for InFlight<K, T> {
    fn drop(&mut self) {
        self.close();
    }
}
