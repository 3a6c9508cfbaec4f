//! [`Held`]: the one entry of a unique key.

use otp_core::Pid;

use crate::storage::{Slot, Taken};

/// Small, and in one piece with its key: a look-up reads one cache line more than the key.
#[expect(unnameable_types, reason = "it seals `Keys`: what a registry keeps is its own business")]
#[derive(Debug)]
pub struct Held<V> {
    pub(crate) pid: Pid,
    pub(crate) value: V,
}

impl<V: Send + Sync + 'static> Slot<V> for Held<V> {
    fn new(pid: Pid, value: V) -> Self {
        Self { pid, value }
    }

    fn admits(&self) -> Result<(), Pid> {
        Err(self.pid)
    }

    fn add(&mut self, _: Pid, _: V) {
        unreachable!("a unique key admits no second entry")
    }

    fn len(&self) -> usize {
        1
    }

    fn has(&self, pid: Pid) -> bool {
        self.pid == pid
    }

    fn each(&self, mut f: impl FnMut(Pid, &V)) {
        f(self.pid, &self.value);
    }

    fn of(&self, pid: Pid, mut f: impl FnMut(&V)) {
        if self.pid == pid {
            f(&self.value);
        }
    }

    fn take(&mut self, pid: Pid, mut unwanted: impl FnMut(&V) -> bool, _: &mut Vec<V>) -> Taken {
        let emptied = self.pid == pid && unwanted(&self.value);
        Taken { count: usize::from(emptied), emptied }
    }
}
