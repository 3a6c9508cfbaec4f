//! The death of a process, in the one order that every observer may rely on:
//!
//! 1. under the lock: refuse messages, links, monitors, names; take the queue and the signals' bookkeeping;
//! 2. outside it: drop the future (handler, state, batch), then the queue;
//! 3. exit hooks, name, process table: from here on nobody finds the process;
//! 4. tell the others, one by one: links, monitors, callers.

use crate::ambient::Scope;
use crate::cell::Life;
use crate::exit_reason::ExitReason;
use crate::extra::Extra;
use crate::monitor::{self, Watcher};
use crate::orphan;
use crate::panics::{catch, log_safely};
use crate::pid::Pid;
use crate::signal;
use crate::thread_sink::ThreadSink;
use crate::timer;
use crate::{name, table};

/// Ends the process of `scope`. `drop_future` drops its future in place. Whether this was its death: an orphan was
/// declared dead before.
pub(crate) fn die(scope: &Scope<'_>, reason: &ExitReason, drop_future: impl FnOnce()) -> bool {
    let cell = scope.cell;
    let pid = cell.head.pid;

    let taken = {
        let mut inner = cell.inner.lock();
        let first = inner.life < Life::Dead;
        first.then(|| {
            inner.life = Life::Dead;
            cell.head.set_gone();
            (inner.extra.take(), inner.queue.take())
        })
    };
    let Some((mut extra, queue)) = taken else {
        // An orphan that was declared dead: everyone has been told, and this is what was left of it.
        report_drop(pid, catch(drop_future));
        scope.resolve_deferred(Some(&ExitReason::Killed));
        orphan::came_home(pid);
        return false;
    };
    let unreceived = extra
        .as_mut()
        .and_then(|extra| extra.sink.take().map(ThreadSink::close).or_else(|| extra.unreceived.take()));

    // Foreign destructors: a panic in one is reported and goes no further.
    report_drop(pid, catch(drop_future));
    report_drop(pid, catch(|| drop((queue, unreceived))));

    if let Some(extra) = &mut extra {
        for hook in std::mem::take(&mut extra.hooks) {
            report_drop(pid, catch(|| hook(pid, reason)));
        }
        if let Some(name) = &extra.name {
            name::release(name, pid);
        }
    }
    table::remove(pid);
    timer::forget(&cell.head);

    // Whoever asked while it died waited for this.
    let late = {
        let mut inner = cell.inner.lock();
        inner.life = Life::Buried;
        inner.extra.take()
    };
    for extra in extra.into_iter().chain(late) {
        tell(pid, reason, *extra);
    }
    scope.resolve_deferred(Some(reason));
    true
}

/// Signals links, monitors and those who wait for the end, and takes this process's own monitors off their targets.
fn tell(pid: Pid, reason: &ExitReason, extra: Extra) {
    let links = extra.links.to_vec().into_iter().map(|peer| (peer, reason));
    let late = extra.late_links.into_iter().map(|peer| (peer, &ExitReason::NoProc));
    for (peer, reason) in links.chain(late) {
        if let Some(peer) = table::get(peer) {
            let tell =
                if extra.quiet == Some(peer.head.pid) { signal::quiet_link_exit } else { signal::link_exit };
            report_drop(pid, catch(|| tell(&peer, pid, reason.clone())));
        }
    }
    for (reference, Watcher { pid: holder, target, late }) in extra.watchers {
        if let Some(holder) = table::get(holder) {
            let reason = if late { ExitReason::NoProc } else { reason.clone() };
            report_drop(pid, catch(|| monitor::down(&holder, reference, target, reason)));
        }
    }
    for (reference, monitoring) in extra.monitors {
        if let Some(target) = monitoring.target().and_then(table::get) {
            monitor::forget_watcher(&target, reference);
        }
        // Its tag is the user's.
        report_drop(pid, catch(|| drop(monitoring)));
    }
    for sender in extra.bound.map_or_else(Vec::new, |mut bound| bound.take_senders()) {
        report_drop(pid, catch(|| sender.wake_by_ref()));
    }
    for request in extra.unanswered {
        report_drop(pid, catch(|| request.resolve(Some(reason))));
    }
}

fn report_drop(pid: Pid, outcome: Result<(), ExitReason>) {
    if let Err(reason) = outcome {
        log_safely(|| {
            tracing::error!(target: "otp::process", %pid, %reason, "a destructor, exit hook or waker panicked as a process died");
        });
    }
}
