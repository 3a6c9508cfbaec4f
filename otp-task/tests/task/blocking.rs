//! Work that blocks: the same handle, the same rules.

use std::sync::mpsc;
use std::time::Duration;

use otp_core::behaviour::is_dying;
use otp_core::{ExitReason, process};
use otp_task::{AwaitError, Shutdown, Task, TaskSupervisor, TaskSupervisorClient};

use crate::support::{boom, crash, in_process, links_of, own, reason_of, trap};

type Start<T> = fn(Box<dyn FnOnce() -> T + Send>) -> Task<T>;

/// Both ways to start one.
fn ways<T: Send + 'static>() -> [Start<T>; 2] {
    [|function| Task::spawn_blocking(function), |function| Task::spawn_thread(function)]
}

#[otp_core::test]
async fn blocking_work_is_a_linked_process_with_a_result() {
    for start in ways() {
        let (release, released) = mpsc::channel::<()>();
        let task = start(Box::new(move || {
            released.recv().expect("the test releases it");
            (process::current(), process::info(own()).expect("it runs").callers)
        }));
        let pid = task.pid().expect("it has a process");
        assert_eq!(links_of(own()), [pid]);
        assert_eq!(task.owner(), Some(own()));
        release.send(()).expect("it waits");
        assert_eq!(task.await, Ok((Some(pid), vec![own()])));
        // It is done, and gone in a moment.
        reason_of(pid).await;
        assert!(!process::is_alive(pid));
    }
}

#[otp_core::test]
async fn blocking_work_that_fails_fails_as_other_tasks_do() {
    for start in ways::<()>() {
        let ended = in_process(async move { start(Box::new(|| crash())).await });
        assert_eq!(ended.await, Err(boom()), "its owner ends too");
    }
    trap();
    for start in ways::<()>() {
        assert_eq!(start(Box::new(|| crash())).await, Err(AwaitError::Exit(boom())));
        let Err(AwaitError::Exit(ExitReason::Panic(panic))) = start(Box::new(|| panic!("no disk"))).await
        else {
            panic!("it panics")
        };
        assert_eq!(panic.message(), "no disk");
        assert!(panic.location().is_some_and(|at| at.contains("blocking.rs")));
    }
}

#[otp_core::test]
async fn a_function_that_looks_hears_that_it_is_to_end_and_its_result_is_dropped() {
    for start in ways() {
        let (begun, begins) = tokio::sync::oneshot::channel();
        let mut task = start(Box::new(move || {
            begun.send(()).expect("the test waits");
            while !is_dying() {
                std::thread::yield_now();
            }
            7
        }));
        begins.await.expect("it begins");
        assert_eq!(task.shutdown(Shutdown::Infinity).await, None);
        assert_eq!(links_of(own()), []);
    }
}

#[otp_core::test]
async fn a_function_that_does_not_look_is_declared_dead_and_its_owner_hears_of_that() {
    trap();
    process::set_orphan_grace(Duration::from_millis(20));
    for start in ways() {
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (ended, ends) = tokio::sync::oneshot::channel();
        let task = start(Box::new(move || {
            begun.send(()).expect("the test waits");
            released.recv().ok();
            ended.send(()).ok();
            7
        }));
        begins.await.expect("it begins");
        let pid = task.pid().expect("it has a process");
        process::send_exit(pid, ExitReason::Shutdown);
        // Its code still runs.
        assert_eq!(task.infinity().await, Err(AwaitError::Exit(ExitReason::Killed)));
        assert!(process::orphans().iter().any(|orphan| orphan.pid == pid));
        release.send(()).expect("it waits");
        ends.await.expect("it ends");
    }
}

#[test]
fn work_that_waits_for_a_thread_ends_one_way_or_the_other_when_the_runtime_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let (release, released) = mpsc::channel::<()>();
    let (first, second) = runtime.block_on(async move {
        (
            Task::spawn_blocking(move || released.recv().unwrap_or_default()),
            Task::spawn_blocking(|| unreachable!("no thread is left for it")),
        )
    });
    let waiting = second.pid().expect("it has a process");
    assert!(process::is_alive(waiting));
    // Killed before it has a thread, it is not run when it gets one.
    process::send_exit(waiting, ExitReason::Kill);
    let third = {
        let _entered = runtime.enter();
        Task::<u8>::spawn_blocking(|| 3)
    };
    runtime.shutdown_background();
    drop(release);
    let plain = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    plain.block_on(async {
        let outcome: Result<(), _> = second.infinity().await;
        assert_eq!(outcome, Err(AwaitError::Exit(ExitReason::Killed)));
        // tokio may still run it, or not; its owner hears of it in either case.
        assert!(matches!(third.infinity().await, Ok(3) | Err(AwaitError::Exit(ExitReason::Killed))));
        assert_eq!(first.infinity().await, Ok(()));
    });
}

#[otp_core::test]
async fn a_supervisor_has_blocking_tasks_too() {
    let tasks = TaskSupervisor::new().start_link().await.expect("it starts");
    let task =
        tasks.spawn_blocking_task(|| process::info(own()).expect("it runs").parent).await.expect("it starts");
    assert_eq!(task.await, Ok(Some(tasks.pid())));
    let failing = tasks.spawn_blocking_task_nolink(|| crash()).await.expect("it starts");
    let outcome: Result<(), _> = failing.await;
    assert_eq!(outcome, Err(AwaitError::Exit(boom())));
}

#[test]
#[should_panic(expected = "outside any")]
fn the_pool_is_a_runtimes() {
    drop(Task::spawn_blocking(|| 1));
}
