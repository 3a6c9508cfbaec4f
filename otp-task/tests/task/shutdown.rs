//! Ending a task, and giving it up.

use otp_core::{ExitReason, Mailbox, Received, process};
use otp_task::{AwaitError, Shutdown, Task};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{
    boom, crashes, in_process, in_words, links_of, mailbox_after, ms, own, reason_of, settle, sleep, trap,
};

/// A task that traps exits and does nothing about them.
async fn stubborn() -> u8 {
    trap();
    std::future::pending().await
}

#[otp_core::test(start_paused = true)]
async fn task_033_shutdown_unlinks_asks_and_waits_five_seconds() {
    let (say, said) = oneshot::channel();
    let mut task = Task::spawn(async move {
        let signal = otp_core::attach_with(|mut mailbox: Mailbox<()>| async move {
            trap();
            say.send(own()).expect("the test waits");
            mailbox.receive().await
        });
        signal.await.is_ok()
    });
    drop(said.await);
    let pid = task.pid().expect("it has a process");
    assert_eq!(links_of(own()), [pid]);
    let begun = Instant::now();
    assert_eq!(task.shutdown(Shutdown::default()).await, None);
    assert!(begun.elapsed() < ms(10));
    assert!(!process::is_alive(pid));
    assert_eq!(links_of(own()), []);

    let mut task = Task::spawn(stubborn());
    settle().await;
    let begun = Instant::now();
    assert_eq!(task.shutdown(Shutdown::default()).await, Some(Err(ExitReason::Killed)));
    assert_eq!(begun.elapsed().as_millis(), 5000);
    let mut task = Task::spawn(stubborn());
    settle().await;
    let begun = Instant::now();
    assert_eq!(task.shutdown(Shutdown::Timeout(ms(70))).await, Some(Err(ExitReason::Killed)));
    assert_eq!(begun.elapsed().as_millis(), 70);
    let mut task = Task::spawn(stubborn());
    settle().await;
    assert_eq!(task.shutdown(Shutdown::BrutalKill).await, None);
    let mut task = Task::spawn(stubborn());
    let pid = task.pid().expect("it has a process");
    settle().await;
    let killer = async {
        sleep(3_600_000).await;
        process::send_exit(pid, ExitReason::Kill);
    };
    let (outcome, ()) = tokio::join!(task.shutdown(Shutdown::Infinity), killer);
    assert_eq!(outcome, Some(Err(ExitReason::Killed)));
}

#[otp_core::test(start_paused = true)]
async fn task_035_a_task_that_ends_as_told_gives_nothing() {
    assert_eq!(Task::spawn(sleep(100)).shutdown(Shutdown::default()).await, None);
    let mut ended = Task::<()>::spawn(async { process::exit(ExitReason::Shutdown) });
    trap();
    settle().await;
    assert_eq!(ended.shutdown(Shutdown::default()).await, None);
}

#[otp_core::test(start_paused = true)]
async fn task_036_another_reason_comes_back_and_a_result_too() {
    trap();
    let reasons = [ExitReason::Normal, boom(), ExitReason::Killed];
    for wanted in reasons {
        let reason = wanted.clone();
        let mut task = Task::<()>::spawn(async move { process::exit(reason) });
        settle().await;
        assert_eq!(task.shutdown(Shutdown::default()).await, Some(Err(wanted)));
    }
    let mut killed = Task::spawn(sleep(100));
    process::send_exit(killed.pid().expect("it has a process"), ExitReason::Kill);
    assert_eq!(killed.shutdown(Shutdown::default()).await, Some(Err(ExitReason::Killed)));
    let mut orderly = Task::<()>::spawn(async { process::exit(ExitReason::Shutdown) });
    settle().await;
    let brutal = orderly.shutdown(Shutdown::BrutalKill).await;
    assert_eq!(brutal, Some(Err(ExitReason::Shutdown)));
    for how in [Shutdown::default(), Shutdown::BrutalKill] {
        let mut done = Task::spawn(async { 7 });
        settle().await;
        assert_eq!(done.shutdown(how).await, Some(Ok(7)));
    }
}

#[otp_core::test(start_paused = true)]
async fn task_039_a_task_that_was_asked_before_and_is_gone_gives_no_proc() {
    trap();
    let mut task = Task::spawn(async { 7 });
    assert_eq!(task.yield_for(ms(10)).await, Some(Ok(7)));
    settle().await;
    assert_eq!(task.shutdown(Shutdown::default()).await, Some(Err(ExitReason::NoProc)));
    let mut task = Task::<()>::spawn(crashes());
    assert_eq!(task.yield_for(ms(10)).await, Some(Err(boom())));
    assert_eq!(task.shutdown(Shutdown::BrutalKill).await, Some(Err(ExitReason::NoProc)));
}

#[otp_core::test(start_paused = true)]
async fn task_040_shutdown_leaves_nothing_in_the_mailbox() {
    let (outcomes, left) = mailbox_after(async {
        let (say, said) = oneshot::channel();
        let mut ignorant = Task::spawn(async {
            trap();
            drop(said);
            std::future::pending::<()>().await;
        });
        say.send(()).ok();
        settle().await;
        (
            Task::spawn(sleep(100)).shutdown(Shutdown::default()).await,
            Task::spawn(sleep(100)).shutdown(Shutdown::BrutalKill).await,
            ignorant.shutdown(Shutdown::Timeout(ms(5))).await,
        )
    })
    .await;
    assert_eq!(outcomes, (None, None, Some(Err(ExitReason::Killed))));
    assert_eq!(in_words(&left), Vec::<String>::new());
}

#[otp_core::test(start_paused = true)]
async fn task_042_without_a_process_it_is_as_ignore() {
    let mut task = Task::completed(3);
    assert_eq!(task.shutdown(Shutdown::default()).await, Some(Ok(3)));
    let begun = Instant::now();
    assert_eq!(task.shutdown(Shutdown::default()).await, None);
    assert_eq!(begun.elapsed().as_millis(), 0);
}

#[otp_core::test(start_paused = true)]
async fn task_043_ignore_gives_what_is_there_and_detaches() {
    let ((), left) = mailbox_after(async {
        let mut done = Task::spawn(async { 7 });
        let mut crashed = Task::<()>::spawn(crashes());
        settle().await;
        assert_eq!(done.ignore(), Some(Ok(7)));
        assert_eq!(crashed.ignore(), Some(Err(boom())));
        let mut late = Task::<()>::spawn(async {
            sleep(5).await;
            crashes().await
        });
        let pid = late.pid().expect("it has a process");
        assert_eq!(late.ignore(), None);
        assert_eq!(links_of(own()), []);
        assert!(process::is_alive(pid), "it goes on");
        assert_eq!(reason_of(pid).await, boom());
    })
    .await;
    // Those of the two that had ended before they were asked, as in OTP.
    assert_eq!(in_words(&left), ["EXIT normal", "EXIT boom"]);
    let ended = in_process(async {
        let mut task = Task::<()>::spawn(crashes());
        assert_eq!(task.ignore(), None);
        sleep(10).await;
    });
    assert_eq!(ended.await, Ok(()));
}

#[otp_core::test(start_paused = true)]
async fn task_044_after_ignore_a_result_is_never_seen() {
    let mut task = Task::spawn(async {
        sleep(5).await;
        7
    });
    assert_eq!(task.ignore(), None);
    assert_eq!(task.yield_for(ms(50)).await, None);
    assert_eq!(task.shutdown(Shutdown::default()).await, Some(Err(ExitReason::NoProc)));
    assert_eq!(task.await, Err(AwaitError::Timeout));
}

#[otp_core::test(start_paused = true)]
async fn a_shutdown_that_meets_the_end_of_the_task_gives_one_of_the_two() {
    for time in 0..4 {
        let (outcome, left) = mailbox_after(async move {
            let mut task = Task::spawn(async move {
                sleep(time).await;
                time
            });
            sleep(2).await;
            let pid = task.pid().expect("it has a process");
            let outcome = task.shutdown(Shutdown::default()).await;
            assert!(!process::is_alive(pid));
            outcome
        })
        .await;
        assert!(outcome.is_none() || outcome == Some(Ok(time)), "{outcome:?}");
        let exits = left.iter().filter(|it| matches!(it, Received::Exit { .. })).count();
        assert_eq!(exits, usize::from(time < 2), "{left:?}");
    }
}
