//! What the tests share: being another process, and waiting for one to end.

use std::future::poll_fn;

use otp_core::behaviour::await_end;
use otp_core::{Mailbox, Pid, ProcessRef, spawn};
use tokio::sync::oneshot;

/// Runs `f` as a process of its own, which then ends.
pub(crate) async fn elsewhere<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    let (answer, answered) = oneshot::channel();
    let process = spawn(move |_: Mailbox<()>| async move { answer.send(f()).ok().expect("the test waits") });
    let result = answered.await.expect("it does not crash");
    ended(process.pid()).await;
    result
}

/// A process that runs `f` and stays until it is ended.
pub(crate) async fn staying<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> (ProcessRef<()>, R) {
    let (answer, answered) = oneshot::channel();
    let process = spawn(move |mut mailbox: Mailbox<()>| async move {
        answer.send(f()).ok().expect("the test waits");
        mailbox.receive().await;
    });
    (process, answered.await.expect("it does not crash"))
}

/// Waits until everyone has heard that a process is dead.
pub(crate) async fn ended(pid: Pid) {
    let mut end = await_end(pid);
    poll_fn(|cx| end.poll_answer(cx).map(drop)).await;
}

/// A name that no other test has.
pub(crate) fn unique_name() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("table {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}
