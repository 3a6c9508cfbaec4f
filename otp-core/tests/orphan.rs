//! A process that was declared dead, in a program of its own: the grace is the whole program's.
#![cfg(feature = "macros")]

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use otp_core::process::{monitor, orphans, send_exit, set_orphan_grace};
use otp_core::{ExitReason, Mailbox, Received, attach_with, spawn};
use tokio::sync::oneshot;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(30);

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_of_an_orphan_is_let_go_of_when_its_poll_ends() {
    set_orphan_grace(Duration::ZERO);
    let (started, has_started) = oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let (state, dropped) = oneshot::channel::<()>();
    let stuck = spawn(move |_: Mailbox<()>| async move {
        let _state = state;
        let _ = started.send(());
        let _ = released.recv();
        pending::<()>().await;
    });
    let pid = stuck.pid();
    has_started.await.expect("it starts");

    let reason = attach_with(|mut mailbox: Mailbox<()>| async move {
        monitor(pid).expect("this is a process");
        send_exit(pid, ExitReason::Kill);
        mailbox.receive().await
    });
    let heard = timeout(LONG, reason).await.expect("it is declared dead").expect("nobody ends this one");
    assert!(matches!(heard, Received::Down(_)));
    assert!(orphans().iter().any(|orphan| orphan.pid == pid));

    release.send(()).expect("its code waits");
    timeout(LONG, dropped).await.expect("its state is dropped").expect_err("not sent, but dropped");
    let gone = async {
        while orphans().iter().any(|orphan| orphan.pid == pid) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, gone).await.expect("it is no orphan any more");
}
