//! Links: the death of one process reaches the other.
//!
//! A link stands in the sets of both ends. Linking and unlinking touch them one after the other, never both locked;
//! a pair lock puts concurrent linking and unlinking of the same two processes in order. A death takes no pair
//! lock: it empties its own set, and an EXIT whose link is no longer in the receiver's set is dropped. So one death
//! gives exactly one EXIT.

use std::collections::HashSet;

use crate::ambient;
use crate::cell::{AnyCell, Life};
use crate::error::NotAProcess;
use crate::exit_reason::ExitReason;
use crate::monitor::{self, MonitorRef};
use crate::pid::Pid;
use crate::signal;
use crate::sync::{Mutex, MutexGuard, shards};
use crate::table;

/// Links the current process with `pid`. Linking twice, or to oneself, changes nothing.
///
/// If there is no such process, the current one gets an exit signal from it with reason
/// [`NoProc`](ExitReason::NoProc): a message if it traps exits, its own end otherwise.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:link/1`. To a dead process, OTP raises `noproc` in a caller that does not trap; here it is a signal in
/// both cases.
pub fn link(pid: Pid) -> Result<(), NotAProcess> {
    ambient::with(|cell| cell.map(|cell| link_to(cell, pid)).ok_or(NotAProcess))
}

/// Removes the link between the current process and `pid`, from either end. Without one, nothing happens.
///
/// After it returns, no EXIT of that link can arrive any more; one that has arrived stays in the mailbox.
///
/// # Errors
///
/// [`NotAProcess`] outside any process.
///
/// # Counterpart
///
/// `erlang:unlink/1`.
pub fn unlink(pid: Pid) -> Result<(), NotAProcess> {
    ambient::with(|cell| cell.map(|cell| unlink_from(cell, pid)).ok_or(NotAProcess))
}

pub(crate) fn link_to(cell: &AnyCell, pid: Pid) {
    let me = cell.head.pid;
    if me == pid {
        return;
    }
    let pair = pair(me, pid);
    {
        let mut inner = cell.inner.lock();
        if inner.life >= Life::Dead || !inner.extra().links.insert(pid) {
            return;
        }
    }
    let peer = table::get(pid);
    let linked = peer.as_ref().is_some_and(|peer| {
        let mut inner = peer.inner.lock();
        match inner.life {
            Life::Alive | Life::Ending => drop(inner.extra().links.insert(me)),
            Life::Doomed | Life::Dead => inner.extra().late_links.push(me),
            Life::Buried => return false,
        }
        true
    });
    drop(pair);
    if !linked {
        signal::link_exit(cell, pid, ExitReason::NoProc);
    } else if let Some(peer) = peer
        && cell.inner.lock().life >= Life::Dead
    {
        // An orphan that was declared dead between the two steps: its EXIT may have come too early.
        signal::link_exit(&peer, me, ExitReason::NoProc);
    }
}

/// Links a process that has not begun to run with `peer`, in its stead. For behaviours.
pub fn link_embryo(embryo: Pid, peer: Pid) {
    if let Some(embryo) = table::get(embryo) {
        link_to(&embryo, peer);
    }
}

/// As `link_to`, with a process that is not to find the other's EXIT in its mailbox: the link counts only while it does not trap
/// exits.
pub(crate) fn link_quietly(embryo: &AnyCell, peer: Pid) {
    embryo.inner.lock().extra().quiet = Some(peer);
    link_to(embryo, peer);
}

/// Cuts a process that failed to start off its starter: link and monitor, as if they had never been.
///
/// For behaviours, before they kill it.
pub fn disown(starter: Pid, child: Pid, monitor: Option<MonitorRef>) {
    if let Some(starter) = table::get(starter) {
        unlink_from(&starter, child);
        if let Some(monitor) = monitor {
            monitor::end(&starter, monitor, true);
        }
    }
}

pub(crate) fn unlink_from(cell: &AnyCell, pid: Pid) {
    let me = cell.head.pid;
    let _pair = pair(me, pid);
    let was_linked = cell.inner.lock().extra.as_mut().is_some_and(|extra| extra.links.remove(pid));
    if was_linked
        && let Some(peer) = table::get(pid)
        && let Some(extra) = &mut peer.inner.lock().extra
    {
        extra.links.remove(me);
        extra.late_links.retain(|&late| late != me);
    }
}

/// Puts linking and unlinking of two processes in order. Taken before any process lock.
fn pair(a: Pid, b: Pid) -> MutexGuard<'static, ()> {
    const LOCKS: usize = shards(64);
    #[cfg(otp_loom)]
    crate::sync::made_once! {
        static PAIRS: [Mutex<()>; LOCKS] = std::array::from_fn(|_| Mutex::default());
    }
    #[cfg(not(otp_loom))]
    static PAIRS: [Mutex<()>; LOCKS] = [const { Mutex::new(()) }; LOCKS];
    let mixed = (a.number() ^ b.number()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    PAIRS[usize::try_from(mixed >> 58).unwrap_or(0) % LOCKS].lock()
}

/// A set of pids: a short list for most processes, a hash set for a supervisor with many children.
#[derive(Debug, Clone)]
pub(crate) enum PidSet {
    Few(Vec<Pid>),
    Many(HashSet<Pid>),
}

impl PidSet {
    const FEW: usize = 16;

    /// Whether it was not there yet.
    pub(crate) fn insert(&mut self, pid: Pid) -> bool {
        match self {
            Self::Few(list) if list.contains(&pid) => false,
            Self::Few(list) if list.len() < Self::FEW => {
                list.push(pid);
                true
            }
            Self::Few(list) => {
                *self = Self::Many(list.drain(..).chain([pid]).collect());
                true
            }
            Self::Many(set) => set.insert(pid),
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, pid: Pid) -> bool {
        match self {
            Self::Few(list) => list.iter().position(|&p| p == pid).map(|at| list.remove(at)).is_some(),
            Self::Many(set) => {
                let was_there = set.remove(&pid);
                // What a crowd needed is given back as it goes.
                if set.len() * 8 < set.capacity() && set.capacity() > 64 {
                    set.shrink_to(set.len() * 2);
                }
                was_there
            }
        }
    }

    /// The pids: in order of insertion while they are few.
    pub(crate) fn to_vec(&self) -> Vec<Pid> {
        match self {
            Self::Few(list) => list.clone(),
            Self::Many(set) => set.iter().copied().collect(),
        }
    }
}

impl Default for PidSet {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::{Pid, PidSet};

    #[test]
    fn a_pid_set_behaves_alike_few_or_many() {
        let mut set = PidSet::default();
        let pids: Vec<Pid> = (0..40).map(|_| Pid::next()).collect();
        for &pid in &pids {
            assert!(set.insert(pid));
            assert!(!set.insert(pid));
        }
        assert_eq!(set.to_vec().len(), 40);
        for &pid in &pids {
            assert!(set.remove(pid));
            assert!(!set.remove(pid));
        }
        assert!(set.to_vec().is_empty());
    }
    #[test]
    fn up_to_sixteen_pids_keep_their_order_and_more_are_hashed() {
        let mut set = PidSet::default();
        let pids: Vec<Pid> = (0..17).map(|_| Pid::next()).collect();
        for &pid in &pids[..16] {
            set.insert(pid);
        }
        assert_eq!(set.to_vec(), pids[..16]);
        assert!(matches!(set, PidSet::Few(_)));
        set.insert(pids[16]);
        assert!(matches!(set, PidSet::Many(_)), "a long list would be slow to search");
    }

    #[test]
    fn a_pid_set_gives_back_what_a_crowd_needed() {
        let mut set = PidSet::default();
        let pids: Vec<Pid> = (0..10_000).map(|_| Pid::next()).collect();
        for &pid in &pids {
            set.insert(pid);
        }
        for &pid in &pids[1..] {
            set.remove(pid);
        }
        assert_eq!(set.to_vec(), pids[..1]);
        assert!(matches!(set, PidSet::Many(set) if set.capacity() < 100));
    }
}
