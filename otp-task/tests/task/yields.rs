//! Asking a task for a while, and several.

use otp_core::{ExitReason, process};
use otp_task::{Task, YieldTimeout, yield_many};
use tokio::time::Instant;

use crate::support::{boom, crashes, links_of, ms, own, reason_of, settle, sleep, trap};

async fn exits_normally() -> u64 {
    process::exit(ExitReason::Normal)
}

fn sleeper(time: u64) -> Task<u64> {
    Task::spawn(async move {
        sleep(time).await;
        time
    })
}

#[otp_core::test(start_paused = true)]
async fn task_023_yield_gives_the_result_the_reason_or_nothing_and_can_be_asked_again() {
    trap();
    assert_eq!(sleeper(0).yield_for(ms(10)).await, Some(Ok(0)));
    assert_eq!(Task::spawn(exits_normally()).yield_for(ms(10)).await, Some(Err(ExitReason::Normal)));
    assert_eq!(Task::<()>::spawn(crashes()).yield_for(ms(10)).await, Some(Err(boom())));
    let mut task = sleeper(100);
    let begun = Instant::now();
    assert_eq!(task.yield_for(ms(30)).await, None);
    assert_eq!(begun.elapsed().as_millis(), 30);
    assert_eq!(task.yield_for(ms(30)).await, None);
    assert_eq!(task.yield_for(ms(50)).await, Some(Ok(100)));
    let mut task = sleeper(100);
    assert_eq!(task.yield_for(ms(30)).await, None);
    assert_eq!(task.await, Ok(100));
}

#[otp_core::test(start_paused = true)]
async fn task_025_after_its_result_was_taken_there_is_nothing() {
    let mut task = sleeper(1);
    assert_eq!(task.yield_for(ms(10)).await, Some(Ok(1)));
    let begun = Instant::now();
    assert_eq!(task.yield_for(ms(40)).await, None);
    assert_eq!(begun.elapsed().as_millis(), 40);
}

#[otp_core::test(start_paused = true)]
async fn task_026_yield_many_gives_results_in_order_within_one_limit() {
    trap();
    let mut tasks = vec![sleeper(30), Task::spawn(crashes()), sleeper(200), sleeper(10)];
    tasks.push(Task::spawn(exits_normally()));
    let begun = Instant::now();
    let results = yield_many(&mut tasks).timeout(ms(100)).await;
    assert_eq!(begun.elapsed().as_millis(), 100);
    assert_eq!(results, [Some(Ok(30)), Some(Err(boom())), None, Some(Ok(10)), Some(Err(ExitReason::Normal))]);
    // It returns as soon as all have ended, and not later.
    let begun = Instant::now();
    assert_eq!(yield_many(&mut [sleeper(5), sleeper(7)]).await, [Some(Ok(5)), Some(Ok(7))]);
    assert_eq!(begun.elapsed().as_millis(), 7);
    let begun = Instant::now();
    assert_eq!(yield_many(&mut [sleeper(50_000)]).await, [None]);
    assert_eq!(begun.elapsed().as_millis(), 5000);
    assert_eq!(yield_many(&mut [sleeper(50_000)]).infinity().await, [Some(Ok(50_000))]);
}

#[otp_core::test(start_paused = true)]
async fn task_027_with_a_limit_it_returns_when_so_many_have_ended() {
    let mut tasks = [40, 10, 20, 30].map(sleeper);
    let begun = Instant::now();
    let results = yield_many(&mut tasks).limit(2).on_timeout(YieldTimeout::KillTask).await;
    assert_eq!(begun.elapsed().as_millis(), 20);
    assert_eq!(results, [None, Some(Ok(10)), Some(Ok(20)), None]);
    let results = yield_many(&mut tasks).limit(2).await;
    assert_eq!(results, [Some(Ok(40)), None, None, Some(Ok(30))]);
    // More than there are is all of them, and none is none.
    assert_eq!(yield_many(&mut [sleeper(1)]).limit(9).await, [Some(Ok(1))]);
    let begun = Instant::now();
    assert_eq!(yield_many(&mut [sleeper(1)]).limit(0).await, [None]);
    assert_eq!(begun.elapsed().as_millis(), 0);
}

#[otp_core::test(start_paused = true)]
async fn task_029_late_tasks_go_on_by_default() {
    let mut tasks = [sleeper(1), sleeper(100)];
    let pid = tasks[1].pid().expect("it has a process");
    assert_eq!(yield_many(&mut tasks).timeout(ms(10)).await, [Some(Ok(1)), None]);
    assert!(process::is_alive(pid));
    assert_eq!(links_of(own()), [pid]);
    let [_, late] = tasks;
    assert_eq!(late.await, Ok(100));
}

#[otp_core::test(start_paused = true)]
async fn task_030_late_tasks_are_killed_if_wanted_before_it_returns() {
    let mut tasks = [sleeper(1), sleeper(100), sleeper(200)];
    let pids = tasks.each_ref().map(|task| task.pid().expect("it has a process"));
    let results = yield_many(&mut tasks).timeout(ms(10)).on_timeout(YieldTimeout::KillTask).await;
    assert_eq!(results, [Some(Ok(1)), None, None]);
    assert_eq!(pids.map(process::is_alive), [false; 3]);
    assert_eq!(links_of(own()), []);
    assert_eq!(tasks[1].yield_for(ms(10)).await, None);
}

#[otp_core::test(start_paused = true)]
async fn task_031_late_tasks_are_ignored_if_wanted() {
    let mut tasks = [sleeper(1), sleeper(100)];
    let pid = tasks[1].pid().expect("it has a process");
    let results = yield_many(&mut tasks).timeout(ms(10)).on_timeout(YieldTimeout::Ignore).await;
    assert_eq!(results, [Some(Ok(1)), None]);
    assert_eq!(links_of(own()), []);
    assert_eq!(reason_of(pid).await, ExitReason::Normal);
    assert_eq!(tasks[1].yield_for(ms(10)).await, None);
}

#[otp_core::test(start_paused = true)]
async fn many_tasks_are_yielded_with_few_polls() {
    // Quadratic work on so many would take minutes.
    let mut tasks: Vec<_> = (0..20_000).map(|n| Task::spawn(async move { n })).collect();
    let results = yield_many(&mut tasks).await;
    assert!(results.iter().enumerate().all(|(at, result)| *result == Some(Ok(at))));
    settle().await;
}
