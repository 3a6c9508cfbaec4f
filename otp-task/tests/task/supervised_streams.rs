//! Streams of tasks under a supervisor.

use futures_util::{StreamExt, stream};
use otp_core::{ExitReason, process};
use otp_genserver::CallError;
use otp_task::{
    OnTimeout, ServerRef, Shutdown, StartChildError, TaskSupervisor, TaskSupervisorClient, TimedOut,
};
use tokio::sync::oneshot;

use crate::support::{
    boom, crash, in_process, in_words, links_of, mailbox_after, ms, own, settle, sleep, trap,
};

async fn supervisor() -> ServerRef<TaskSupervisor> {
    TaskSupervisor::new().start().await.expect("it starts")
}

async fn sleeper(time: u64) -> u64 {
    sleep(time).await;
    time
}

#[otp_core::test(start_paused = true)]
async fn tsup_017_its_tasks_are_the_supervisors_and_linked_to_the_consumer() {
    let tasks = supervisor().await;
    let look = |_: u64| async { process::info(own()).expect("it runs") };
    let mut results = tasks.async_stream([1], look);
    let info = results.next().await.expect("there is one").expect("it ends");
    assert_eq!((info.parent, info.callers), (Some(tasks.pid()), vec![own()]));
    let mut links = info.links;
    links.sort();
    let mut wanted = [own(), tasks.pid()];
    wanted.sort();
    assert_eq!(links, wanted);
    for most in [1, 2, 9] {
        let results =
            tasks.async_stream([30, 10, 20], sleeper).max_concurrency(most).collect::<Vec<_>>().await;
        assert_eq!(results, [Ok(30), Ok(10), Ok(20)]);
    }
    let unordered =
        tasks.async_stream_of(stream::iter([30, 10, 20]), sleeper).max_concurrency(3).ordered(false);
    assert_eq!(unordered.collect::<Vec<_>>().await, [Ok(10), Ok(20), Ok(30)]);
    let failing = |n: u64| async move { if n == 2 { crash() } else { n } };
    let supervisor = tasks.clone();
    let ended = in_process(async move { supervisor.async_stream(1..=3, failing).count().await });
    assert_eq!(ended.await, Err(boom()));
    let supervisor = tasks.clone();
    let trapping =
        mailbox_after(async move { supervisor.async_stream(1..=3, failing).collect::<Vec<_>>().await });
    let (results, left) = trapping.await;
    assert_eq!(results, [Ok(1), Err(boom()), Ok(3)]);
    assert_eq!(in_words(&left), Vec::<String>::new());
}

#[otp_core::test(start_paused = true)]
async fn without_links_a_crash_is_an_err_and_nothing_else() {
    let tasks = supervisor().await;
    let work = |n: u64| async move {
        assert_eq!(links_of(own()).len(), 1, "to the supervisor");
        if n == 2 { crash() } else { n }
    };
    let results = tasks.async_stream_nolink(1..=3, work).max_concurrency(3).collect::<Vec<_>>().await;
    assert_eq!(results, [Ok(1), Err(boom()), Ok(3)]);
    let results = tasks.async_stream_of_nolink(stream::iter(1..=3), work).collect::<Vec<_>>().await;
    assert_eq!(results, [Ok(1), Err(boom()), Ok(3)]);
}

#[otp_core::test(start_paused = true)]
async fn tsup_019_a_stream_that_is_left_leaves_only_the_link_to_the_supervisor() {
    let tasks = TaskSupervisor::new().start_link().await.expect("it starts");
    for close in [false, true] {
        let mut results = tasks.async_stream([1, 9000, 9000, 9000], sleeper).max_concurrency(3);
        assert_eq!(results.next().await, Some(Ok(1)));
        assert_eq!(links_of(own()).len(), 3);
        if close {
            results.close().await;
        } else {
            drop(results);
        }
        assert_eq!(links_of(own()), [tasks.pid()]);
        settle().await;
        assert_eq!(tasks.task_pids().await, Ok(vec![]));
    }
}

#[otp_core::test(start_paused = true)]
async fn tasks_that_are_being_started_when_the_stream_is_left_end_too() {
    let tasks = TaskSupervisor::new().start_link().await.expect("it starts");
    for yields in 0..6 {
        let mut results = tasks.async_stream(vec![9000; 3], sleeper).max_concurrency(3);
        // As far as that gets: requests on their way, tasks that run and are not handed over, tasks that run.
        for _ in 0..yields {
            assert_eq!(futures_util::FutureExt::now_or_never(results.next()), None);
            tokio::task::yield_now().await;
        }
        drop(results);
        sleep(10).await;
        assert_eq!(tasks.task_pids().await, Ok(vec![]), "after {yields}");
        assert_eq!(links_of(own()), [tasks.pid()]);
    }
}

#[otp_core::test(start_paused = true)]
async fn the_shutdown_option_is_the_supervisors() {
    let tasks = supervisor().await;
    let stubborn = |_: u64| async {
        trap();
        std::future::pending::<()>().await
    };
    let mut results = tasks.async_stream_nolink([1], stubborn).shutdown(Shutdown::Timeout(ms(70)));
    let begun = tokio::time::Instant::now();
    let (result, ()) = tokio::join!(results.next(), async {
        sleep(10).await;
        tasks.stop().await.expect("it runs");
    });
    assert_eq!(result, Some(Err(ExitReason::Killed)));
    assert_eq!(begun.elapsed().as_millis(), 80);
}

#[otp_core::test(start_paused = true)]
async fn tsup_021_it_may_be_consumed_in_another_process() {
    let tasks = supervisor().await;
    let callers = |_: u64| async { process::info(own()).expect("it runs").callers };
    let results = tasks.async_stream([1, 2], callers);
    let consumed = in_process(async move { (own(), results.collect::<Vec<_>>().await) });
    let (consumer, results) = consumed.await.expect("it ends by itself");
    assert_eq!(results, [Ok(vec![consumer]), Ok(vec![consumer])]);
}

#[otp_core::test(start_paused = true)]
async fn tsup_022_time_limits_and_inputs_of_errs_are_as_without_a_supervisor() {
    let tasks = supervisor().await;
    let work = |n: u64| async move { if n == 7 { crash() } else { sleeper(n).await } };
    let timeout = ExitReason::from(TimedOut);
    let results = tasks
        .async_stream_nolink([1, 7, 500, 2], work)
        .max_concurrency(2)
        .timeout(ms(100))
        .on_timeout(OnTimeout::KillTask)
        .zip_input_on_exit();
    let results = results.collect::<Vec<_>>().await;
    assert_eq!(results, [Ok(1), Err((7, boom())), Err((500, timeout.clone())), Ok(2)]);
    assert_eq!(tasks.task_pids().await, Ok(vec![]));
    let supervisor = tasks.clone();
    let ended =
        in_process(async move { supervisor.async_stream([500], work).timeout(ms(100)).count().await });
    assert_eq!(ended.await, Err(timeout));
    settle().await;
    assert_eq!(tasks.task_pids().await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn a_task_that_the_supervisor_does_not_start_is_an_err() {
    let tasks = TaskSupervisor::new().max_children(1).start().await.expect("it starts");
    let results = tasks.async_stream([20, 10], sleeper).max_concurrency(2).collect::<Vec<_>>().await;
    assert_eq!(results[0], Ok(20));
    let Err(reason) = &results[1] else { panic!("there is no room for it") };
    assert_eq!(reason.downcast_ref(), Some(&StartChildError::MaxChildren));
    tasks.stop().await.expect("it runs");
    let results = tasks.async_stream_nolink([1], sleeper).collect::<Vec<_>>().await;
    let Err(reason) = &results[0] else { panic!("there is no supervisor") };
    assert_eq!(reason.downcast_ref(), Some(&StartChildError::Call(CallError::NoProc)));
}

#[otp_core::test(start_paused = true)]
async fn a_supervisor_that_stops_ends_the_tasks_of_a_stream() {
    let tasks = supervisor().await;
    let (go, gone) = oneshot::channel::<()>();
    let stopper = tasks.clone();
    let stop = async move {
        drop(gone.await);
        stopper.stop().await.expect("it runs");
    };
    let mut results = tasks.async_stream_nolink([1, 9000], sleeper).max_concurrency(2);
    assert_eq!(results.next().await, Some(Ok(1)));
    go.send(()).expect("it waits");
    let (result, ()) = tokio::join!(results.next(), stop);
    assert_eq!(result, Some(Err(ExitReason::Shutdown)));
}

#[otp_core::test(start_paused = true)]
async fn a_closed_stream_leaves_no_task_that_was_being_started() {
    let tasks = supervisor().await;
    let ((), left) = mailbox_after(async {
        let mut results = tasks.async_stream(0..100, |_| sleeper(9000)).max_concurrency(50);
        assert!(tokio::time::timeout(ms(0), results.next()).await.is_err());
        results.close().await;
        assert_eq!(tasks.task_pids().await, Ok(vec![]));
        let mut results = tasks.async_stream_nolink(0..100, |_| sleeper(9000)).max_concurrency(50);
        assert!(tokio::time::timeout(ms(0), results.next()).await.is_err());
        results.close().await;
        assert_eq!(tasks.task_pids().await, Ok(vec![]));
        assert_eq!(links_of(own()), []);
    })
    .await;
    assert_eq!(in_words(&left), Vec::<String>::new());
}
