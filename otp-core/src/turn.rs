//! What the holder of the run token says of the process, in one byte that others read: whether it is inside a callback,
//! whether its runner holds the reply (see `calling.rs`), whether a caller polls it, and its pace.
//!
//! The pace tells whether the recent polls of a process were short, so that a caller may poll it in place (see
//! `handoff.rs`): how many polls are still to be seen before it counts as quick. A young process lives through some untimed, so
//! that one which ends soon pays nothing, then shows a few that are timed. After a long one only the samples
//! that the driver takes anyway count for a while.
//!
//! Cost of a poll of a quick process: two loads; every 64th is timed in any case.

use std::time::Duration;

use crate::sync::{AtomicU8, Ordering};

/// A poll that takes longer is long: about ten times what a trip through the scheduler costs.
const LONG: Duration = Duration::from_micros(50);

/// So many of a young process's polls are timed.
const TIMED: u8 = 4;
/// So many polls until a new process is quick, the last [`TIMED`] of them timed.
const YOUNG: u8 = 8;
/// After a long poll: so many more samples, one poll in 64, before it is as a new one.
const SAMPLES: u8 = 4;

/// The bits of the pace.
const PACE: u8 = 0b0000_1111;
/// A caller polls it in place.
const GUEST: u8 = 1 << 4;
/// And it has taken its message out.
const SERVED: u8 = 1 << 5;
const IN_CALLBACK: u8 = 1 << 6;
const HELD: u8 = 1 << 7;

const _: () = assert!(YOUNG + SAMPLES <= PACE);

/// Written by the holder of the run token alone, always with release: no read-modify-write needed.
pub(crate) struct Turn(AtomicU8);

impl Turn {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(YOUNG))
    }

    #[inline]
    fn pace(&self) -> u8 {
        self.0.load(Ordering::Relaxed) & PACE
    }

    #[inline]
    fn set_pace(&self, pace: u8) {
        self.0.store(self.0.load(Ordering::Relaxed) & !PACE | pace, Ordering::Release);
    }

    #[inline]
    fn set(&self, bit: u8, on: bool) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(if on { before | bit } else { before & !bit }, Ordering::Release);
    }

    /// Whether its recent polls were short, and it is in no callback.
    #[inline]
    pub(crate) fn is_quick_and_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (PACE | IN_CALLBACK) == 0
    }

    /// Whether the poll that begins is to be timed, if it is not sampled anyway.
    #[inline]
    pub(crate) fn wants_time(&self) -> bool {
        (1..=TIMED).contains(&self.pace())
    }

    /// A poll is over, and was not timed.
    #[inline]
    pub(crate) fn untimed(&self) {
        let left = self.pace();
        if (TIMED + 1..=YOUNG).contains(&left) {
            self.set_pace(left - 1);
        }
    }

    /// A poll took this long.
    pub(crate) fn took(&self, time: Duration) {
        self.set_pace(if time > LONG { YOUNG + SAMPLES } else { self.pace().saturating_sub(1) });
    }

    /// A caller begins to poll it in place, or has done so.
    #[inline]
    pub(crate) fn set_guest(&self, guest: bool) {
        let before = self.0.load(Ordering::Relaxed) & !(GUEST | SERVED);
        self.0.store(if guest { before | GUEST } else { before }, Ordering::Release);
    }

    /// Whether it was polled in place and has taken one batch of messages out already: the next, if there is one, is for its own
    /// task, so that the caller can go on.
    #[inline]
    pub(crate) fn is_over_for_guest(&self, is_more: impl FnOnce() -> bool) -> bool {
        self.0.load(Ordering::Relaxed) & GUEST != 0 && is_more() && self.was_served()
    }

    /// Whether this was asked before in this poll.
    fn was_served(&self) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before | SERVED, Ordering::Release);
        before & SERVED != 0
    }

    /// A caller polls it in place, and it has taken its batch.
    #[inline]
    pub(crate) fn is_guest_served(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (GUEST | SERVED) == GUEST | SERVED
    }

    /// It had more to do than fits into one poll: no caller is to take on what is left.
    #[cold]
    pub(crate) fn was_exhausted(&self) {
        self.set_pace(YOUNG);
    }

    /// It is a server inside a callback.
    #[inline]
    pub(crate) fn is_in_callback(&self) -> bool {
        self.0.load(Ordering::Acquire) & IN_CALLBACK != 0
    }

    #[inline]
    pub(crate) fn set_in_callback(&self, in_callback: bool) {
        self.set(IN_CALLBACK, in_callback);
    }

    /// The runner holds the reply to the message it handles.
    #[inline]
    pub(crate) fn is_reply_held(&self) -> bool {
        self.0.load(Ordering::Acquire) & HELD != 0
    }

    #[inline]
    pub(crate) fn set_reply_held(&self, held: bool) {
        self.set(HELD, held);
    }
}

#[cfg(all(test, not(otp_loom)))]
mod tests {
    use super::{LONG, SAMPLES, TIMED, Turn, YOUNG};
    use std::time::Duration;

    /// A poll that is timed if it wants to be, or is sampled.
    fn poll(turn: &Turn, time: Duration, sampled: bool) {
        if sampled || turn.wants_time() { turn.took(time) } else { turn.untimed() }
    }

    /// How many polls, each as long as may be, it takes until it is quick.
    fn quick_after(turn: &Turn) -> Option<u8> {
        (0..100).find(|_| {
            let quick = turn.is_quick_and_idle();
            poll(turn, LONG, false);
            quick
        })
    }

    #[test]
    fn a_new_process_is_quick_after_a_few_short_polls() {
        assert_eq!(quick_after(&Turn::new()), Some(YOUNG));
    }

    #[test]
    fn the_first_polls_are_not_timed() {
        let turn = Turn::new();
        let timed = (0..YOUNG).map(|_| {
            let timed = turn.wants_time();
            poll(&turn, LONG, false);
            timed
        });
        let timed: Vec<_> = timed.collect();
        assert_eq!(timed.iter().filter(|timed| **timed).count(), usize::from(TIMED));
        assert!(!timed[usize::from(YOUNG - TIMED) - 1] && timed[usize::from(YOUNG - TIMED)]);
        assert!(!turn.wants_time(), "a quick one is timed by samples alone");
    }

    #[test]
    fn a_long_poll_ends_it_and_only_samples_bring_it_back() {
        let turn = Turn::new();
        assert_eq!(quick_after(&turn), Some(YOUNG));
        turn.took(LONG + Duration::from_nanos(1));
        assert!(!turn.is_quick_and_idle());
        assert_eq!(quick_after(&turn), None);
        for _ in 0..SAMPLES {
            assert!(!turn.wants_time());
            poll(&turn, LONG, true);
        }
        assert_eq!(quick_after(&turn), Some(YOUNG));
    }

    #[test]
    fn the_flags_and_the_pace_leave_each_other_alone() {
        let turn = Turn::new();
        turn.set_in_callback(true);
        turn.set_reply_held(true);
        turn.took(LONG + Duration::from_nanos(1));
        assert!(turn.is_in_callback() && turn.is_reply_held());
        turn.set_in_callback(false);
        assert!(turn.is_reply_held() && !turn.is_in_callback() && !turn.is_quick_and_idle());
        turn.set_reply_held(false);
        for _ in 0..SAMPLES + YOUNG {
            turn.took(LONG);
        }
        assert!(turn.is_quick_and_idle());
        turn.set_in_callback(true);
        assert!(!turn.is_quick_and_idle());
    }

    #[test]
    fn a_guest_takes_one_batch() {
        let turn = Turn::new();
        assert!(!turn.is_over_for_guest(|| true) && !turn.is_over_for_guest(|| true), "nobody is a guest");
        turn.set_guest(true);
        assert!(!turn.is_over_for_guest(|| false), "there is nothing");
        assert!(!turn.is_over_for_guest(|| true), "the first batch");
        assert!(!turn.is_over_for_guest(|| false), "there is nothing left");
        assert!(turn.is_over_for_guest(|| true), "the second");
        turn.set_guest(false);
        assert!(!turn.is_over_for_guest(|| true));
        turn.set_guest(true);
        assert!(!turn.is_over_for_guest(|| true), "another guest");
    }
}
