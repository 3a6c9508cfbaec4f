//! What the tests share.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::time::Duration;

use otp_core::behaviour::{Answer, await_end};
use otp_core::{ExitReason, Mailbox, Pid, Received, attach_with, process};

/// The current process.
pub(crate) fn own() -> Pid {
    process::current().expect("a test is a process")
}

pub(crate) fn links_of(pid: Pid) -> Vec<Pid> {
    process::info(pid).expect("it runs").links
}

pub(crate) fn trap() {
    process::trap_exit(true).expect("a test is a process");
}

/// Ends the current process, as `exit(boom)` would.
pub(crate) fn crash() -> ! {
    process::exit(boom())
}

pub(crate) fn boom() -> ExitReason {
    ExitReason::new("boom")
}

/// A task that crashes.
pub(crate) async fn crashes<T>() -> T {
    crash()
}

/// Waits until a process is gone, and says why it ended; `NoProc` if it was gone before.
pub(crate) async fn reason_of(pid: Pid) -> ExitReason {
    let mut end = await_end(pid);
    match poll_fn(|cx| end.poll_answer(cx)).await {
        Answer::Exit(reason) => reason,
        other => panic!("a process ends with a reason, not {other:?}"),
    }
}

/// Runs `body` in a process of its own, and says how it ended. The panics it is made for are not shown.
pub(crate) async fn in_process<Fut>(body: Fut) -> Result<Fut::Output, ExitReason>
where
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    let (say, said) = tokio::sync::oneshot::channel();
    let process = otp_core::spawn(move |_: Mailbox<()>| async move {
        say.send(body.await).ok();
    });
    let reason = reason_of(process.pid()).await;
    said.await.map_err(|_| reason)
}

pub(crate) async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

thread_local! {
    /// The tasks of this test, whose runtime has no thread but its own.
    static TASKS: RefCell<Vec<Pid>> = const { RefCell::new(Vec::new()) };
}

/// Takes as long as it says, and is one of `all_gone`'s tasks.
pub(crate) async fn sleeper(time: u64) -> u64 {
    TASKS.with_borrow_mut(|tasks| tasks.push(own()));
    sleep(time).await;
    time
}

/// The processes that the current one has started, and that are left.
pub(crate) fn children() -> Vec<Pid> {
    let is_own = |pid: &Pid| process::info(*pid).is_some_and(|info| info.parent == Some(own()));
    process::list().into_iter().filter(is_own).collect()
}

/// Whether there were tasks, and none of them is left.
pub(crate) fn gone_now() -> bool {
    TASKS.with_borrow(|tasks| !tasks.is_empty() && !tasks.iter().any(|&task| process::is_alive(task)))
}

/// As `gone_now`, once everything has happened that needs no time.
pub(crate) async fn all_gone() -> bool {
    settle().await;
    gone_now()
}

/// Lets everything happen that needs no time.
pub(crate) async fn settle() {
    sleep(1).await;
}

/// Whether code panics, when polled as the current process, with a message that has this in it.
pub(crate) async fn panics_with<Fut: Future>(text: &str, future: Fut) -> bool {
    let mut future = Box::pin(future);
    let outcome = poll_fn(|cx| match otp_core::behaviour::catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(|_| None),
        Err(reason) => std::task::Poll::Ready(Some(reason)),
    });
    matches!(outcome.await, Some(ExitReason::Panic(panic)) if panic.message().contains(text))
}

/// Runs `body` as a process that traps exits, and says what then is in its mailbox.
pub(crate) async fn mailbox_after<Fut: Future>(body: Fut) -> (Fut::Output, Vec<Received<u32>>) {
    let outcome = attach_with(|mut mailbox: Mailbox<u32>| async move {
        trap();
        let output = body.await;
        let mut left = Vec::new();
        while let Some(received) = mailbox.receive_timeout(Duration::from_millis(20)).await {
            left.push(received);
        }
        (output, left)
    });
    outcome.await.expect("it traps exits")
}

/// A waiting message in few words.
pub(crate) fn in_words(received: &[Received<u32>]) -> Vec<String> {
    received
        .iter()
        .map(|received| match received {
            Received::Message(n) => n.to_string(),
            Received::Exit { reason, .. } => format!("EXIT {reason}"),
            Received::Down(down) => format!("DOWN {}", down.reason),
        })
        .collect()
}
