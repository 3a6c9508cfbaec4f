//! [`Entries`]: all entries of a duplicate key.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use otp_core::Pid;

use crate::owners::Spread;
use crate::storage::{Slot, Taken};

/// A dense list, for those who go through it; and once it is long, where in it each process's entries are, so that one of
/// many thousands leaves without a search.
#[expect(unnameable_types, reason = "it seals `Keys`: what a registry keeps is its own business")]
#[derive(Debug)]
pub struct Entries<V> {
    list: Vec<(Pid, V)>,
    index: Option<Box<Index>>,
}

/// Up to here a list is searched.
const SHORT: usize = 32;

/// Where in the list a process's entries are.
#[derive(Debug, Default)]
struct Index(HashMap<Pid, Places, BuildHasherDefault<Spread>>);

/// Most have one entry under a key.
#[expect(clippy::box_collection, reason = "so that those take 16 bytes")]
#[derive(Debug)]
enum Places {
    One(usize),
    Many(Box<HashSet<usize, ahash::RandomState>>),
}

impl Index {
    fn of<V>(list: &[(Pid, V)]) -> Self {
        let mut index = Self::default();
        for (at, entry) in list.iter().enumerate() {
            index.add(entry.0, at);
        }
        index
    }

    fn add(&mut self, pid: Pid, at: usize) {
        match self.0.entry(pid).or_insert(Places::One(at)) {
            // Also the one that was just put there.
            &mut Places::One(first) if first == at => {}
            places @ &mut Places::One(first) => {
                *places = Places::Many(Box::new([first, at].into_iter().collect()));
            }
            Places::Many(set) => {
                set.insert(at);
            }
        }
    }

    fn remove(&mut self, pid: Pid, at: usize) {
        let none_left = match self.0.get_mut(&pid) {
            None | Some(Places::One(_)) => true,
            Some(Places::Many(set)) => {
                set.remove(&at);
                set.is_empty()
            }
        };
        if none_left {
            self.0.remove(&pid);
        }
    }

    fn has(&self, pid: Pid) -> bool {
        self.0.contains_key(&pid)
    }

    fn places(&self, pid: Pid) -> Vec<usize> {
        match self.0.get(&pid) {
            None => Vec::new(),
            Some(&Places::One(at)) => vec![at],
            Some(Places::Many(set)) => set.iter().copied().collect(),
        }
    }
}

impl<V> Entries<V> {
    /// Where the entries of a process are, in order.
    fn positions(&self, pid: Pid) -> Vec<usize> {
        let Some(index) = &self.index else {
            let list = self.list.iter().enumerate();
            return list.filter(|(_, entry)| entry.0 == pid).map(|(at, _)| at).collect();
        };
        let mut positions = index.places(pid);
        positions.sort_unstable();
        positions
    }

    fn remove(&mut self, gone: usize) -> V {
        let last = self.list.len() - 1;
        if let Some(index) = &mut self.index {
            index.remove(self.list[gone].0, gone);
            // The last one moves to its place.
            if gone != last {
                let moved = self.list[last].0;
                index.remove(moved, last);
                index.add(moved, gone);
            }
        }
        let (_, value) = self.list.swap_remove(gone);
        if self.list.len() <= SHORT / 2 {
            self.index = None;
        }
        value
    }
}

impl<V: Send + Sync + 'static> Slot<V> for Entries<V> {
    fn new(pid: Pid, value: V) -> Self {
        Self { list: vec![(pid, value)], index: None }
    }

    fn admits(&self) -> Result<(), Pid> {
        Ok(())
    }

    fn add(&mut self, pid: Pid, value: V) {
        self.list.push((pid, value));
        match &mut self.index {
            Some(index) => index.add(pid, self.list.len() - 1),
            None if self.list.len() > SHORT => self.index = Some(Box::new(Index::of(&self.list))),
            None => {}
        }
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn has(&self, pid: Pid) -> bool {
        match &self.index {
            Some(index) => index.has(pid),
            None => self.list.iter().any(|entry| entry.0 == pid),
        }
    }

    fn each(&self, mut f: impl FnMut(Pid, &V)) {
        for (pid, value) in &self.list {
            f(*pid, value);
        }
    }

    fn of(&self, pid: Pid, mut f: impl FnMut(&V)) {
        for at in self.positions(pid) {
            f(&self.list[at].1);
        }
    }

    fn take(&mut self, pid: Pid, mut unwanted: impl FnMut(&V) -> bool, taken: &mut Vec<V>) -> Taken {
        // All are asked before the first goes: a panic changes nothing.
        let mut gone = self.positions(pid);
        gone.retain(|&at| unwanted(&self.list[at].1));
        let count = gone.len();
        let emptied = count == self.list.len();
        if emptied {
            self.index = None;
            taken.extend(self.list.drain(1..).map(|(_, value)| value));
        } else {
            // From the end on, so that those that move are not among them.
            taken.extend(gone.into_iter().rev().map(|at| self.remove(at)));
        }
        Taken { count, emptied }
    }
}

#[cfg(test)]
mod tests {
    use otp_core::Pid;

    use super::{Entries, SHORT};
    use crate::storage::{Slot, Taken};

    fn pid(n: u64) -> Pid {
        format!("<0.{n}>").parse().expect("a pid")
    }

    fn values(entries: &Entries<u64>, of: u64) -> Vec<u64> {
        let mut values = Vec::new();
        entries.of(pid(of), |&value| values.push(value));
        values.sort_unstable();
        values
    }

    #[test]
    fn a_long_list_finds_and_loses_the_same_entries_as_a_short_one() {
        for processes in [3, 200] {
            let mut entries = Entries::new(pid(1), 1);
            for n in 2..=processes * 2 {
                entries.add(pid(n % processes + 1), n);
            }
            assert_eq!(entries.index.is_some(), entries.len() > SHORT);
            let mut left = entries.len();
            for n in 1..=processes {
                let before = values(&entries, n);
                assert!(!before.is_empty() && entries.has(pid(n)));
                let mut taken = Vec::new();
                let odd = entries.take(pid(n), |value| value % 2 == 1, &mut taken);
                let rest =
                    if odd.emptied { Taken::default() } else { entries.take(pid(n), |_| true, &mut taken) };
                left -= before.len();
                assert_eq!(odd.count + rest.count, before.len());
                assert_eq!(rest.emptied || odd.emptied, left == 0);
                if left > 0 {
                    assert!(!entries.has(pid(n)));
                    taken.sort_unstable();
                    assert_eq!(taken, before);
                    assert_eq!(entries.len(), left);
                }
            }
            assert_eq!(entries.len(), 1, "the last one stays, and goes with its slot");
            assert!(entries.index.is_none());
        }
    }

    #[test]
    fn a_list_is_indexed_from_33_entries_on_until_16_are_left() {
        let mut entries = Entries::new(pid(1), 1);
        for n in 2..=33 {
            assert!(entries.index.is_none(), "with {} entries", entries.len());
            entries.add(pid(n), n);
        }
        for n in 1..=20 {
            assert_eq!(entries.index.is_some(), entries.len() > 16, "with {} entries", entries.len());
            entries.take(pid(n), |_| true, &mut Vec::new());
        }
    }

    /// With a search for each, this would take minutes.
    #[test]
    fn one_process_with_very_many_entries_gets_and_loses_them_without_a_search() {
        for others in [0, 1] {
            let mut entries = Entries::new(pid(1), 0);
            for n in 1..300_000 {
                entries.add(pid(1), n);
            }
            (0..others).for_each(|n| entries.add(pid(2), n));
            let mut taken = Vec::new();
            let odd = entries.take(pid(1), |value| value % 2 == 1, &mut taken);
            assert_eq!(odd, Taken { count: 150_000, emptied: false });
            let rest = entries.take(pid(1), |_| true, &mut taken);
            assert_eq!(rest, Taken { count: 150_000, emptied: others == 0 });
            assert_eq!(taken.len() as u64, 300_000 - (1 - others));
        }
    }

    #[test]
    fn nothing_is_taken_of_another_process() {
        let mut entries = Entries::new(pid(1), 1);
        assert_eq!(entries.take(pid(2), |_| true, &mut Vec::new()), Taken::default());
        assert_eq!(entries.take(pid(1), |_| false, &mut Vec::new()), Taken::default());
    }
}
