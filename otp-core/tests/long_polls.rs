//! Warnings of polls that run long. A program of its own: threshold and subscriber are the whole program's.
//!
//! These tests run in real time, which is what the watchdog watches. They wait for what must come; only that nothing
//! comes is tested by giving it several times the threshold.

#![cfg(all(feature = "macros", not(otp_loom)))]

mod capture;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use otp_core::process::{self, Spawn, set_long_poll_threshold};
use otp_core::{Mailbox, Pid, attach, spawn};
use tokio::runtime::Builder;
use tracing::Level;

use crate::capture::{Capture, Fields};

#[expect(clippy::disallowed_types, reason = "the watchdog watches real time")]
type Time = std::time::Instant;

/// The watchdog's warnings so far.
static WARNINGS: LazyLock<Capture> = LazyLock::new(|| Capture::new(Level::WARN));

fn warnings_of(pid: Pid) -> Vec<Fields> {
    WARNINGS.events().into_iter().filter(|fields| fields["pid"] == pid.to_string()).collect()
}

fn warnings() -> usize {
    WARNINGS.events().len()
}

/// One test at a time, where they are threads of one program: the threshold is for all of them.
fn alone(threshold: Option<Duration>) -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static SUBSCRIBED: OnceLock<()> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    SUBSCRIBED.get_or_init(|| {
        tracing::subscriber::set_global_default(WARNINGS.clone()).expect("nobody else sets one")
    });
    set_long_poll_threshold(threshold);
    turn
}

/// Runs `body` as the outermost process of a runtime with two workers, so that it can watch one that is blocked.
fn on_two_workers<F: Future>(body: F) -> F::Output {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(attach(body)).expect("nobody ends it")
}

/// Keeps the thread until `done`, or for so long that the test has failed.
fn block_until(mut done: impl FnMut() -> bool) -> bool {
    let start = Time::now();
    while start.elapsed() < Duration::from_secs(20) {
        if done() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn block_for(time: Duration) {
    let start = Time::now();
    block_until(|| start.elapsed() >= time);
}

/// Longer than a busy machine keeps a thread that has work from running.
const THRESHOLD: Duration = Duration::from_millis(200);

#[test]
fn a_poll_that_blocks_gives_one_warning_while_it_runs_with_pid_name_label_and_time() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let (process, _) = Spawn::new().label("its label").spawn(|mut mailbox: Mailbox<()>| async move {
            mailbox.receive().await;
            let me = mailbox.pid();
            let warned = block_until(|| !warnings_of(me).is_empty());
            // The same poll goes on: it has been warned of.
            block_for(3 * THRESHOLD);
            done.send(warned).ok();
        });
        process::register("blocks", process.pid()).expect("free");
        process.send(());
        assert_eq!(is_done.await, Ok(true), "no warning within 20 seconds");
        let warnings = warnings_of(process.pid());
        let [warning] = warnings.as_slice() else { panic!("one warning: {warnings:?}") };
        assert_eq!((&*warning["name"], &*warning["label"]), ("blocks", "its label"));
        assert!(warning["millis"].parse::<u64>().expect("a number") >= 200, "{warning:?}");
    });
}

#[test]
fn each_long_poll_gives_a_warning_of_its_own() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let me = process::current().expect("in a process");
        for polls in 1..=3 {
            assert!(block_until(|| warnings_of(me).len() == polls), "poll {polls} gave no warning");
            tokio::task::yield_now().await;
        }
        assert_eq!(warnings_of(me).len(), 3);
    });
}

#[test]
fn a_program_that_was_idle_is_watched_again() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let me = process::current().expect("in a process");
        // Long enough for the watchdog to park.
        tokio::time::sleep(3 * THRESHOLD).await;
        assert!(block_until(|| !warnings_of(me).is_empty()), "no warning after a pause");
    });
}

#[test]
fn a_process_within_another_is_the_one_that_is_named_and_both_give_one_warning() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let outer = process::current().expect("in a process");
        let inner = attach(async {
            let inner = process::current().expect("in a process");
            assert!(block_until(|| !warnings_of(inner).is_empty()), "no warning");
            inner
        })
        .await
        .expect("nobody ends it");
        // Still in the same poll of the outer process.
        block_for(3 * THRESHOLD);
        assert_eq!((warnings_of(inner).len(), warnings_of(outer)), (1, Vec::new()));
        tokio::task::yield_now().await;
        assert!(block_until(|| !warnings_of(outer).is_empty()), "the outer process is watched as well");
    });
}

#[test]
fn a_long_poll_that_polls_others_in_between_gives_a_warning() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let before = warnings();
        let mut inner = std::pin::pin!(attach(std::future::pending::<()>()));
        let warned = block_until(|| {
            let mut task = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(inner.as_mut().poll(&mut task).is_pending());
            // Which of the two is named depends on the moment.
            warnings() > before
        });
        assert!(warned, "no warning");
    });
}

#[test]
fn a_process_that_waits_long_gives_no_warning() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let waiting = spawn(|_: Mailbox<()>| std::future::pending::<()>());
        tokio::time::sleep(3 * THRESHOLD).await;
        assert!(process::is_alive(waiting.pid()));
        assert_eq!(warnings_of(waiting.pid()), []);
        assert_eq!(warnings_of(process::current().expect("in a process")), []);
    });
}

#[test]
fn many_fast_polls_give_no_warning_however_long_they_go_on() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        let me = process::current().expect("in a process");
        let start = Time::now();
        while start.elapsed() < 3 * THRESHOLD {
            tokio::task::yield_now().await;
        }
        assert_eq!(warnings_of(me), []);
    });
}

#[test]
fn turned_off_it_gives_no_warning_and_turned_on_it_sees_the_poll_that_runs() {
    let _turn = alone(Some(THRESHOLD));
    on_two_workers(async {
        static STARTED: AtomicBool = AtomicBool::new(false);
        static OFF: AtomicBool = AtomicBool::new(true);
        let blocks = spawn(|mailbox: Mailbox<()>| async move {
            STARTED.store(true, Ordering::SeqCst);
            assert!(block_until(|| !OFF.load(Ordering::SeqCst)), "the test turns it on");
            block_until(|| !warnings_of(mailbox.pid()).is_empty());
        });
        set_long_poll_threshold(None);
        assert!(block_until(|| STARTED.load(Ordering::SeqCst)), "two threads");
        let before = warnings_of(blocks.pid()).len();
        block_for(3 * THRESHOLD);
        assert_eq!(warnings_of(blocks.pid()).len(), before, "it is off");
        set_long_poll_threshold(Some(THRESHOLD));
        OFF.store(false, Ordering::SeqCst);
        assert!(block_until(|| !warnings_of(blocks.pid()).is_empty()), "it is on again");
    });
}
