//! Awaiting one task, and several.

use std::time::Duration;

use otp_core::{ExitReason, Mailbox, Received, attach_with, process};
use otp_task::{AwaitError, Shutdown, Task, YieldTimeout, await_many, yield_many};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{
    boom, crash, crashes, in_process, in_words, mailbox_after, ms, own, panics_with, reason_of, settle,
    sleep, trap,
};

#[otp_core::test(start_paused = true)]
async fn task_008_nobody_but_the_owner_may_ask_and_nothing_is_consumed() {
    let mut task = Task::spawn(async { 7 });
    let (given, sent) = (Task::spawn(async { 1 }), Task::spawn(async { 1 }));
    settle().await;
    let owner = own().to_string();
    // Another process, polled within this one.
    let other = otp_core::attach(async {
        let me = own();
        assert!(panics_with(&owner, &mut task).await);
        assert!(panics_with(&me.to_string(), task.yield_for(ms(1))).await);
        assert!(panics_with(&owner, task.shutdown(Shutdown::BrutalKill)).await);
        assert!(panics_with(&owner, async { task.ignore() }).await);
        assert!(panics_with(&owner, async { yield_many(std::slice::from_mut(&mut task)).await }).await);
        assert!(panics_with(&owner, await_many([given])).await);
        let to = otp_core::spawn(|_: Mailbox<otp_task::TaskOutcome<u8>>| async {});
        assert!(panics_with(&owner, async { sent.send_to(to) }).await);
    });
    other.await.expect("it ends by itself");
    let all = yield_many(std::slice::from_mut(&mut task)).on_timeout(YieldTimeout::KillTask).await;
    assert_eq!(all, [Some(Ok(7))]);

    // Given back to code outside any process.
    let mut task = Task::spawn(async { 8 });
    let outside = std::thread::scope(|scope| {
        let asks = || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            runtime.block_on(panics_with("outside any process", &mut task))
        };
        scope.spawn(asks).join()
    });
    assert!(matches!(outside, Ok(true)), "{outside:?}");
    assert_eq!(task.await, Ok(8));
}

#[otp_core::test(start_paused = true)]
async fn task_008_a_group_that_another_process_has_asked_is_whole() {
    let mut all = await_many((0..3).map(|n| Task::spawn(async move { n })));
    settle().await;
    let other = otp_core::attach(async {
        assert!(panics_with("owner", &mut all).await);
        assert!(panics_with("owner", &mut all).await);
    });
    other.await.expect("it ends by itself");
    assert_eq!((&mut all).await, Ok(vec![0, 1, 2]));
    assert!(panics_with("after it had ended", all).await);
}

#[otp_core::test(start_paused = true)]
async fn task_010_a_panic_is_the_reason_of_the_end() {
    trap();
    let Err(AwaitError::Exit(ExitReason::Panic(panic))) =
        Task::<()>::spawn(async { panic!("no {}", 7) }).await
    else {
        panic!("it panics")
    };
    assert_eq!(panic.message(), "no 7");
    assert!(panic.location().is_some_and(|at| at.contains("awaits.rs")), "{panic:?}");
    assert_eq!(Task::<()>::spawn(crashes()).await, Err(AwaitError::Exit(boom())));
    assert_eq!(Task::spawn(async { Err::<(), _>("a value") }).await, Ok(Err("a value")));
}

#[otp_core::test(start_paused = true)]
async fn task_011_an_await_waits_five_seconds_unless_told_otherwise() {
    let begun = Instant::now();
    assert_eq!(Task::spawn(std::future::pending::<()>()).await, Err(AwaitError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 5000);
    let begun = Instant::now();
    assert_eq!(Task::spawn(sleep(1000)).timeout(ms(70)).await, Err(AwaitError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 70);
    assert_eq!(Task::spawn(sleep(60_000)).infinity().await, Ok(()));
    assert_eq!(Task::spawn(sleep(4999)).await, Ok(()));
}

#[otp_core::test(start_paused = true)]
async fn task_014_a_result_is_given_once() {
    let mut task = Task::spawn(async { 7 });
    assert_eq!((&mut task).await, Ok(7));
    let begun = Instant::now();
    assert_eq!((&mut task).await, Err(AwaitError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 5000);
    // One that took too long is not waited for again either.
    let mut late = Task::spawn(sleep(20)).timeout(ms(10));
    assert_eq!((&mut late).await, Err(AwaitError::Timeout));
    assert_eq!(late.yield_for(ms(100)).await, None);
}

#[otp_core::test(start_paused = true)]
async fn task_015_a_crash_ends_an_owner_that_does_not_trap_before_or_at_the_await() {
    let (passed, not_passed) = oneshot::channel::<()>();
    let during = in_process(async {
        let task = Task::<()>::spawn(async {
            settle().await;
            crash()
        });
        drop(task.await);
        passed.send(()).ok();
    });
    assert_eq!(during.await, Err(boom()));
    assert!(not_passed.await.is_err(), "it must not come past the await");
    let before = in_process(async {
        let _task = Task::<()>::spawn(crashes());
        sleep(100).await;
    });
    assert_eq!(before.await, Err(boom()));
    let many = in_process(async { await_many([Task::<()>::spawn(crashes())]).await });
    assert_eq!(many.await, Err(boom()));
    let yielding = in_process(async { Task::<()>::spawn(crashes()).yield_for(ms(10)).await });
    assert_eq!(yielding.await, Err(boom()));
    let trapping = in_process(async {
        trap();
        Task::<()>::spawn(crashes()).await
    });
    assert_eq!(trapping.await, Ok(Err(AwaitError::Exit(boom()))));
}

#[otp_core::test(start_paused = true)]
async fn task_016_an_owner_that_crashes_takes_its_tasks_along_and_one_that_ends_does_not() {
    let ends = in_process(async { Task::spawn(sleep(100)).pid().expect("it has a process") });
    let survivor = ends.await.expect("it ends by itself");
    assert!(process::is_alive(survivor));
    assert_eq!(reason_of(survivor).await, ExitReason::Normal);

    let (say, said) = oneshot::channel();
    let crashed = in_process(async move {
        let task = Task::spawn(std::future::pending::<()>());
        say.send(task.pid().expect("it has a process")).ok();
        settle().await;
        crash()
    });
    let (crashed, victim) = tokio::join!(crashed, async { reason_of(said.await.expect("it says")).await });
    let crashed: Result<(), _> = crashed;
    assert_eq!(crashed, Err(boom()));
    assert_eq!(victim, boom());
}

#[otp_core::test(start_paused = true)]
async fn task_020_one_limit_covers_the_whole_group() {
    let begun = Instant::now();
    let tasks = [1000, 2000, 6000].map(|time| Task::spawn(sleep(time)));
    assert_eq!(await_many(tasks).await, Err(AwaitError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 5000);
    let begun = Instant::now();
    let tasks = [30, 60].map(|time| Task::spawn(sleep(time)));
    assert_eq!(await_many(tasks).timeout(ms(50)).await, Err(AwaitError::Timeout));
    assert_eq!(begun.elapsed().as_millis(), 50);
    let tasks = [9000, 8000].map(|time| {
        Task::spawn(async move {
            sleep(time).await;
            time
        })
    });
    assert_eq!(await_many(tasks).infinity().await, Ok(vec![9000, 8000]));
    assert_eq!(await_many(Vec::<Task<u8>>::new()).await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn task_021_other_messages_stay_in_the_mailbox_in_their_order() {
    let outcome = attach_with(|mut mailbox: Mailbox<u32>| async move {
        trap();
        let me = mailbox.address();
        let gone = otp_core::spawn(|_: Mailbox<()>| crashes::<()>());
        let tasks = [1, 2].map(|n| {
            let me = me.clone();
            Task::spawn(async move {
                me.send(n);
                process::send_exit(me.pid(), ExitReason::new(n.to_string()));
                sleep(u64::from(n)).await;
                n
            })
        });
        process::monitor(gone.pid()).expect("a process");
        let results = await_many(tasks).await;
        let mut left = Vec::new();
        while let Some(received) = mailbox.receive_timeout(Duration::from_millis(20)).await {
            left.push(received);
        }
        (results, left)
    });
    let (results, left) = outcome.await.expect("it traps exits");
    assert_eq!(results, Ok(vec![1, 2]));
    let left = in_words(&left);
    let place = |text: &str| left.iter().position(|other| other == text).expect("it stands there");
    assert!(place("1") < place("EXIT 1") && place("EXIT 1") < place("2") && place("2") < place("EXIT 2"));
    assert_eq!(left.len(), 7, "and a DOWN, and the two links' EXITs: {left:?}");
}

#[otp_core::test(start_paused = true)]
async fn await_many_fails_with_the_first_that_ends_without_a_result() {
    trap();
    let begun = Instant::now();
    let slow = Task::spawn(sleep(1000));
    let slow_pid = slow.pid().expect("it has a process");
    assert_eq!(await_many([slow, Task::spawn(crashes())]).await, Err(AwaitError::Exit(boom())));
    assert!(begun.elapsed() < ms(100));
    assert!(process::is_alive(slow_pid), "the others go on");
}

#[otp_core::test(start_paused = true)]
async fn an_await_may_be_left_and_taken_up_again() {
    let mut task = Task::spawn(async {
        sleep(100).await;
        1
    });
    let first = tokio::time::timeout(ms(10), &mut task).await;
    assert!(first.is_err());
    assert_eq!(task.await, Ok(1));
    let (both, left) = mailbox_after(async {
        let (one, two) = (Task::spawn(async { 1 }), Task::spawn(async { 2 }));
        tokio::join!(two, one)
    })
    .await;
    assert_eq!(both, (Ok(2), Ok(1)));
    assert!(matches!(left[..], [Received::Exit { .. }, Received::Exit { .. }]));
}
