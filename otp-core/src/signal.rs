//! Exit signals: what they do to the process that receives them. They act at once, under the receiver's lock.

use crate::ambient;
use crate::cell::AnyCell;
use crate::exit_reason::ExitReason;
use crate::inbox::Signal;
use crate::pid::Pid;
use crate::table;

/// Sends an exit signal to `pid`. A dead process ignores it.
///
/// What it does depends on the reason and on the receiver:
///
/// | reason | receiver does not trap exits | receiver traps exits |
/// |---|---|---|
/// | `Kill` | dies with `Killed` | dies with `Killed` |
/// | `Normal` | nothing; a process that sends it to itself dies | gets it as a message |
/// | any other | dies with that reason | gets it as a message |
///
/// A process dies at its next `.await`: a handler that waits there is dropped.
///
/// # Counterpart
///
/// `erlang:exit/2`, `Process.exit/2`. Sent from outside any process, the receiver sees [`Pid::OUTSIDE`] as sender.
#[doc(alias = "exit")]
#[doc(alias = "kill")]
pub fn send_exit(pid: Pid, reason: ExitReason) {
    let from = ambient::with(|cell| cell.map_or(Pid::OUTSIDE, |cell| cell.head.pid));
    if let Some(cell) = table::get(pid) {
        exit_from(&cell, from, reason);
    }
}

/// An explicit exit signal.
pub(crate) fn exit_from(cell: &AnyCell, from: Pid, reason: ExitReason) {
    if matches!(reason, ExitReason::Kill) {
        let inner = cell.inner.lock();
        if !inner.is_gone() {
            cell.doom(inner, ExitReason::Killed);
        }
    } else {
        receive(cell, from, reason, Kind::Sent);
    }
}

/// The exit signal of a link: it counts only while the link stands, and ends it.
pub(crate) fn link_exit(cell: &AnyCell, from: Pid, reason: ExitReason) {
    receive(cell, from, reason, Kind::OfLink);
}

/// As `link_exit`, for a receiver that is not to get it as a message.
pub(crate) fn quiet_link_exit(cell: &AnyCell, from: Pid, reason: ExitReason) {
    receive(cell, from, reason, Kind::OfQuietLink);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sent,
    OfLink,
    OfQuietLink,
}

fn receive(cell: &AnyCell, from: Pid, reason: ExitReason, kind: Kind) {
    let of_link = kind != Kind::Sent;
    let mut inner = cell.inner.lock();
    if inner.is_gone() {
        return;
    }
    if of_link && !inner.extra.as_mut().is_some_and(|extra| extra.links.remove(from)) {
        return;
    }
    if inner.trap_exit && kind == Kind::OfQuietLink {
        return;
    }
    if inner.trap_exit {
        inner.push_signal(Signal::Exit { from, reason });
        cell.wake_receiver(inner);
    } else if !reason.is_normal() || (!of_link && from == cell.head.pid) {
        cell.doom(inner, reason);
    }
}
