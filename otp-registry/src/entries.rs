//! [`Entries`]: all entries of a duplicate key.

use hashbrown::HashTable;
use otp_core::Pid;

use crate::storage::{Slot, Taken};

/// A dense list, for those who go through it; and once it is long, where in it each process's entries are, so that one of
/// many thousands leaves without a search.
#[expect(unnameable_types, reason = "it seals `Keys`: what a registry keeps is its own business")]
#[derive(Debug)]
pub struct Entries<V> {
    list: Vec<(Pid, V)>,
    index: Option<Box<HashTable<u32>>>,
}

/// Up to here a list is searched.
const SHORT: usize = 32;

fn spread(pid: Pid) -> u64 {
    pid.number().wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn at(position: u32) -> usize {
    position as usize
}

fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a key has fewer than 2^32 entries")
}

impl<V> Entries<V> {
    fn find(&self, pid: Pid) -> Option<usize> {
        match &self.index {
            Some(index) => {
                index.find(spread(pid), |&found| self.list[at(found)].0 == pid).map(|&found| at(found))
            }
            None => self.list.iter().position(|entry| entry.0 == pid),
        }
    }

    /// Where the entries of a process are, in order.
    fn positions(&self, pid: Pid) -> Vec<usize> {
        let mut positions: Vec<usize> = match &self.index {
            Some(index) => index
                .iter_hash(spread(pid))
                .map(|&found| at(found))
                .filter(|&found| self.list[found].0 == pid)
                .collect(),
            None => self
                .list
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.0 == pid)
                .map(|(found, _)| found)
                .collect(),
        };
        positions.sort_unstable();
        positions
    }

    fn build_index(&mut self) {
        let mut index = HashTable::with_capacity(self.list.len() * 2);
        for (at, entry) in self.list.iter().enumerate() {
            index.insert_unique(spread(entry.0), position(at), |&other| spread(self.list[other as usize].0));
        }
        self.index = Some(Box::new(index));
    }

    fn remove(&mut self, gone: usize) -> V {
        let last = self.list.len() - 1;
        if let Some(index) = &mut self.index {
            let of = spread(self.list[gone].0);
            if let Ok(found) = index.find_entry(of, |&other| at(other) == gone) {
                found.remove();
            }
            if gone != last {
                let moved = index.find_mut(spread(self.list[last].0), |&other| at(other) == last);
                if let Some(moved) = moved {
                    *moved = position(gone);
                }
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
        let list = &self.list;
        match &mut self.index {
            Some(index) => {
                let last = position(list.len() - 1);
                index.insert_unique(spread(pid), last, |&other| spread(list[at(other)].0));
            }
            None if list.len() > SHORT => self.build_index(),
            None => {}
        }
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn has(&self, pid: Pid) -> bool {
        self.find(pid).is_some()
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
        // From the end on, so that those that move are not among them.
        for &at in gone.iter().skip(usize::from(emptied)).rev() {
            taken.push(self.remove(at));
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

    #[test]
    fn nothing_is_taken_of_another_process() {
        let mut entries = Entries::new(pid(1), 1);
        assert_eq!(entries.take(pid(2), |_| true, &mut Vec::new()), Taken::default());
        assert_eq!(entries.take(pid(1), |_| false, &mut Vec::new()), Taken::default());
    }
}
