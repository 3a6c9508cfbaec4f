//! What errors and handles say of themselves.

use otp_task::{
    AwaitError, ExitReason, Task, TaskSupervisor, TaskSupervisorClient, TimedOut, async_stream, await_many,
    yield_many,
};

#[otp_core::test(start_paused = true)]
async fn errors_and_handles_have_texts() {
    assert_eq!(AwaitError::Timeout.to_string(), "the task did not end in time");
    let ended = AwaitError::Exit(ExitReason::new("no disk"));
    assert_eq!(ended.to_string(), "the task ended without a result: no disk");
    assert_eq!(TimedOut.to_string(), "timeout");
    let mut task = Task::spawn(async {});
    let (pid, owner) = (task.pid().expect("it has a process"), task.owner().expect("a process"));
    assert_eq!(format!("{task:?}"), format!("Task {{ pid: Some({pid:?}), owner: Some({owner:?}), .. }}"));
    assert!(format!("{:?}", yield_many(std::slice::from_mut(&mut task))).contains("on_timeout: Nothing"));
    assert_eq!(format!("{:?}", await_many([task])), "AwaitMany { waiting: 1, .. }");
    let stream = async_stream([1], |n| async move { n }).max_concurrency(3);
    assert!(format!("{stream:?}").starts_with("AsyncStream { max_concurrency: 3, ordered: true"));
    let tasks = TaskSupervisor::new().start_link().await.expect("it starts");
    assert!(format!("{:?}", tasks.spawn_task(async {})).starts_with("SpawnTask"));
    assert!(format!("{:?}", tasks.start_task(async {})).starts_with("StartTask"));
}
