//! [`Slot`]: what a table keeps under a key, which depends on whether keys are unique.

use otp_core::Pid;

use crate::keys::Value;

/// What the slots of a kind of registry are.
#[expect(unnameable_types, reason = "it seals `Keys`: what a registry keeps is its own business")]
pub trait Storage {
    type Slot<V: Value>: Slot<V>;
}

/// Everything under one key. Never empty in a table.
#[expect(unnameable_types, reason = "it seals `Keys`: what a registry keeps is its own business")]
pub trait Slot<V>: Send + Sync + 'static {
    fn new(pid: Pid, value: V) -> Self;

    /// Whether there is room for another entry, or else who is in the way.
    fn admits(&self) -> Result<(), Pid>;

    /// Adds an entry to a slot that admits it.
    fn add(&mut self, pid: Pid, value: V);

    fn len(&self) -> usize;

    fn has(&self, pid: Pid) -> bool;

    fn each(&self, f: impl FnMut(Pid, &V));

    fn of(&self, pid: Pid, f: impl FnMut(&V));

    /// Takes the entries of a process out that `unwanted` is true for, into `taken`. The last entry of a slot stays where
    /// it is: the slot goes with it. How many there were, and whether the slot is to go.
    fn take(&mut self, pid: Pid, unwanted: impl FnMut(&V) -> bool, taken: &mut Vec<V>) -> Taken;
}

/// What [`Slot::take`] did.
#[expect(unnameable_types, reason = "it seals `Keys`: what a registry keeps is its own business")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    pub count: usize,
    pub emptied: bool,
}
