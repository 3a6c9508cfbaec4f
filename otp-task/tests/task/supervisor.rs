//! Tasks under a supervisor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use otp_core::{ChildId, ExitReason, IntoChildSpec, process};
use otp_genserver::CallError;
use otp_supervisor::{ChildInfo, Supervisor, SupervisorClient, TerminateChildError};
use otp_task::{
    AwaitError, DynamicSupervisorClient, Name, PartitionName, PartitionSupervisor, Restart, ServerRef,
    Shutdown, StartChildError, Task, TaskSupervisor, TaskSupervisorClient, await_many,
};
use tokio::time::Instant;

use crate::support::{
    boom, crash, crashes, in_process, in_words, links_of, mailbox_after, ms, own, reason_of, settle, sleep,
    trap,
};

async fn supervisor() -> ServerRef<TaskSupervisor> {
    TaskSupervisor::new().start_link().await.expect("it starts")
}

#[otp_core::test(start_paused = true)]
async fn tsup_001_it_starts_empty_and_lists_the_tasks_that_run() {
    let tasks = supervisor().await;
    assert_eq!(tasks.task_pids().await, Ok(vec![]));
    let counts = tasks.count_children().await.expect("it runs");
    assert_eq!((counts.specs, counts.active, counts.supervisors, counts.workers), (0, 0, 0, 0));
    let one = tasks.spawn_task(sleep(10)).await.expect("it starts");
    let two = tasks.start_task(sleep(20)).await.expect("it starts");
    let mut pids = tasks.task_pids().await.expect("it runs");
    pids.sort();
    assert_eq!(pids, [one.pid().expect("it has a process"), two]);
    assert_eq!(tasks.count_children().await.expect("it runs").workers, 2);
    assert_eq!(one.await, Ok(()));
    settle().await;
    assert_eq!(tasks.task_pids().await, Ok(vec![two]));
    assert_eq!(reason_of(two).await, ExitReason::Normal);
    assert_eq!(tasks.task_pids().await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn tsup_002_spawn_task_links_to_the_supervisor_and_the_owner() {
    let tasks = supervisor().await;
    let task = tasks.spawn_task(sleep(10)).await.expect("it starts");
    let pid = task.pid().expect("it has a process");
    assert_eq!(task.owner(), Some(own()));
    let mut links = links_of(pid);
    links.sort();
    let mut wanted = [own(), tasks.pid()];
    wanted.sort();
    assert_eq!(links, wanted);
    assert_eq!(links_of(own()), [tasks.pid(), pid]);
    assert_eq!(task.await, Ok(()));
    settle().await;
    assert_eq!(links_of(own()), [tasks.pid()]);
    let supervisor = tasks.clone();
    let ended =
        in_process(async move { supervisor.spawn_task(crashes::<()>()).await.expect("it starts").await });
    assert_eq!(ended.await, Err(boom()));
    assert!(tasks.is_alive());
}

#[otp_core::test(start_paused = true)]
async fn tsup_003_nolink_does_without_the_link_to_the_owner() {
    let tasks = supervisor().await;
    let task = tasks.spawn_task_nolink(sleep(10)).await.expect("it starts");
    assert_eq!(links_of(task.pid().expect("it has a process")), [tasks.pid()]);
    assert_eq!(links_of(own()), [tasks.pid()]);
    assert_eq!(task.await, Ok(()));
    let failing = tasks.spawn_task_nolink(crashes::<()>()).await.expect("it starts");
    assert_eq!(failing.await, Err(AwaitError::Exit(boom())));
    // The owner's end is no concern of the task's.
    let supervisor = tasks.clone();
    let ended = in_process(async move {
        let task = supervisor.spawn_task_nolink(sleep(50)).await.expect("it starts");
        process::on_exit(own(), |_, _| {}).expect("it runs");
        drop(task);
        crash()
    });
    let ended: Result<(), _> = ended.await;
    assert_eq!(ended, Err(boom()));
    let left = tasks.task_pids().await.expect("it runs");
    assert_eq!(left.len(), 1);
    assert_eq!(reason_of(left[0]).await, ExitReason::Normal);
}

#[otp_core::test(start_paused = true)]
async fn tsup_009_start_task_is_fire_and_forget_and_temporary() {
    let (tasks, left) = mailbox_after(async {
        trap();
        let tasks = TaskSupervisor::new().start().await.expect("it starts");
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let pid = tasks.start_task(async move {
            counted.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(boom())
        });
        let pid = pid.await.expect("it starts");
        assert_eq!(links_of(own()), []);
        settle().await;
        assert!(!process::is_alive(pid));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        tasks
    })
    .await;
    assert_eq!(in_words(&left), Vec::<String>::new());
    assert_eq!(tasks.task_pids().await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn tsup_010_restarted_tasks_run_again_by_the_usual_rules() {
    let cases = [
        (Restart::Temporary, false, 1),
        (Restart::Transient, true, 1),
        (Restart::Transient, false, 4),
        (Restart::Permanent, true, 4),
        (Restart::Permanent, false, 4),
    ];
    for (restart, orderly, wanted) in cases {
        let tasks = TaskSupervisor::new().start().await.expect("it starts");
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let function = move || {
            let counted = Arc::clone(&counted);
            async move {
                counted.fetch_add(1, Ordering::Relaxed);
                if orderly { Ok(()) } else { Err(boom()) }
            }
        };
        tasks.start_task_again(restart, function).await.expect("it starts");
        settle().await;
        assert_eq!(runs.load(Ordering::Relaxed), wanted, "{restart:?}, orderly: {orderly}");
        assert_eq!(tasks.is_alive(), wanted == 1, "the fourth start was more than it bears");
    }
}

#[otp_core::test(start_paused = true)]
async fn tsup_011_tasks_with_a_result_are_temporary() {
    let tasks = supervisor().await;
    for _ in 0..10 {
        let task = tasks.spawn_task_nolink(crashes::<()>()).await.expect("it starts");
        assert_eq!(task.await, Err(AwaitError::Exit(boom())));
    }
    trap();
    for _ in 0..10 {
        let task = tasks.spawn_task(crashes::<()>()).await.expect("it starts");
        assert_eq!(task.await, Err(AwaitError::Exit(boom())));
    }
    assert!(tasks.is_alive());
    assert_eq!(tasks.task_pids().await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn tsup_012_the_shutdown_option_says_how_the_supervisor_stops_a_task() {
    /// Ends neither by itself nor when told to.
    async fn stubborn() {
        trap();
        std::future::pending().await
    }
    let tasks = TaskSupervisor::new().start().await.expect("it starts");
    let brutal =
        tasks.spawn_task_nolink(sleep(9000)).shutdown(Shutdown::BrutalKill).await.expect("it starts");
    let orderly = tasks.spawn_task_nolink(sleep(9000)).await.expect("it starts");
    let timed =
        tasks.spawn_task_nolink(stubborn()).shutdown(Shutdown::Timeout(ms(70))).await.expect("it starts");
    let started = tasks.start_task(stubborn()).shutdown(Shutdown::Timeout(ms(40))).await.expect("it starts");
    settle().await;
    let begun = Instant::now();
    let results = async { tokio::join!(brutal, orderly, timed, reason_of(started)) };
    let (results, stopped) = tokio::join!(results, tasks.stop().into_future());
    stopped.expect("it runs");
    assert_eq!(begun.elapsed().as_millis(), 70);
    let gone = |reason| Err(AwaitError::Exit(reason));
    assert_eq!(
        results,
        (gone(ExitReason::Killed), gone(ExitReason::Shutdown), gone(ExitReason::Killed), ExitReason::Killed)
    );
}

#[otp_core::test(start_paused = true)]
async fn tsup_014_a_task_is_terminated_once() {
    let tasks = supervisor().await;
    let pid = tasks.start_task(sleep(9000)).await.expect("it starts");
    let (reason, outcome) = tokio::join!(reason_of(pid), tasks.terminate_task(pid));
    assert_eq!((reason, outcome), (ExitReason::Shutdown, Ok(())));
    assert_eq!(tasks.terminate_task(pid).await, Err(TerminateChildError::NotFound));
    assert_eq!(tasks.terminate_task(own()).await, Err(TerminateChildError::NotFound));
}

#[otp_core::test(start_paused = true)]
async fn tsup_023_callers_begin_with_who_asked_and_ancestors_with_the_supervisor() {
    let tasks = supervisor().await;
    let look = || async {
        let info = process::info(own()).expect("it runs");
        (info.callers, info.ancestors[0])
    };
    let outer = own();
    let supervisor = tasks.clone();
    let nested = Task::spawn(async move {
        let task = supervisor.spawn_task(look()).await.expect("it starts");
        (own(), task.await)
    });
    let (middle, looked) = nested.await.expect("it ends");
    assert_eq!(looked, Ok((vec![middle, outer], tasks.pid())));
    let nolink = tasks.spawn_task_nolink(look()).await.expect("it starts");
    assert_eq!(nolink.await, Ok((vec![outer], tasks.pid())));
    let (say, said) = tokio::sync::oneshot::channel();
    tasks
        .start_task(async move { say.send(look().await).expect("the test listens") })
        .await
        .expect("it starts");
    assert_eq!(said.await, Ok((vec![outer], tasks.pid())));
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    let again = move || {
        let say = say.clone();
        async move { say.send(look().await).expect("the test listens") }
    };
    tasks.start_task_again(Restart::Transient, again).await.expect("it starts");
    assert_eq!(said.recv().await, Some((vec![outer], tasks.pid())));
}

#[otp_core::test(start_paused = true)]
async fn tsup_024_an_await_that_times_out_drops_what_comes_later() {
    let (outcome, left) = mailbox_after(async {
        let tasks = TaskSupervisor::new().start().await.expect("it starts");
        let mut task = tasks.spawn_task_nolink(sleep(10)).await.expect("it starts").timeout(ms(5));
        let outcome = (&mut task).await;
        (outcome, task.yield_for(ms(50)).await)
    })
    .await;
    assert_eq!(outcome, (Err(AwaitError::Timeout), None));
    assert_eq!(in_words(&left), Vec::<String>::new());
}

#[otp_core::test(start_paused = true)]
async fn tsup_025_a_supervisor_that_is_gone_is_no_proc() {
    const NOBODY: Name<TaskSupervisor> = Name::new("tsup 025");
    let tasks = TaskSupervisor::new().start().await.expect("it starts");
    tasks.stop().await.expect("it runs");
    let gone = || Some(StartChildError::Call(CallError::NoProc));
    assert_eq!(tasks.spawn_task(async {}).await.err(), gone());
    assert_eq!(NOBODY.spawn_task_nolink(async {}).await.err(), gone());
    assert_eq!(NOBODY.start_task(async {}).await.err(), gone());
    assert_eq!(tasks.start_task_again(Restart::Permanent, || async {}).await.err(), gone());
    assert_eq!(tasks.task_pids().await, Err(CallError::NoProc));
    assert_eq!(NOBODY.task_pids().await, Err(CallError::NoProc));
    assert_eq!(NOBODY.terminate_task(own()).await, Err(TerminateChildError::Call(CallError::NoProc)));
}

#[otp_core::test(start_paused = true)]
async fn tsup_027_named_ones_live_side_by_side_and_a_second_unnamed_one_clashes() {
    trap();
    let named = TaskSupervisor::new().start_link().name("tsup 027 a").child_spec();
    assert_eq!(*named.get_id(), ChildId::from("tsup 027 a"));
    let parent = Supervisor::one_for_one()
        .child(named)
        .child(TaskSupervisor::new().start_link().name("tsup 027 b"))
        .child(TaskSupervisor::new())
        .start_link()
        .await
        .expect("it starts");
    let children: Vec<ChildInfo> = parent.which_children().await.expect("it runs");
    let unnamed = children.iter().find(|child| child.id == Some(ChildId::of::<TaskSupervisor>()));
    let unnamed = unnamed.and_then(|child| child.status.pid()).expect("it runs");
    let clash = parent.start_child(TaskSupervisor::new()).await.err();
    assert_eq!(clash, Some(StartChildError::AlreadyStarted(unnamed)));
    const A: Name<TaskSupervisor> = Name::new("tsup 027 a");
    assert_eq!(A.spawn_task(async { 1 }).await.expect("it starts").await, Ok(1));
}

#[otp_core::test(start_paused = true)]
async fn it_has_no_more_children_than_it_may() {
    let tasks = TaskSupervisor::new().max_children(1).start_link().await.expect("it starts");
    let first = tasks.spawn_task(sleep(10)).await.expect("it starts");
    assert_eq!(tasks.spawn_task(sleep(10)).await.err(), Some(StartChildError::MaxChildren));
    assert_eq!(tasks.start_task(sleep(10)).await.err(), Some(StartChildError::MaxChildren));
    assert_eq!(first.await, Ok(()));
    settle().await;
    tasks.spawn_task_nolink(sleep(10)).await.expect("there is room again").ignore();
}

#[otp_core::test(start_paused = true)]
async fn partitions_share_the_work_by_key() {
    const TASKS: PartitionName<TaskSupervisor> = PartitionName::new("task partitions");
    PartitionSupervisor::new(TASKS, |_| TaskSupervisor::new().start_link())
        .partitions(3)
        .start_link()
        .await
        .expect("it starts");
    let parent = || process::info(own()).expect("it runs").parent;
    let mut tasks = Vec::new();
    for number in 0..6 {
        tasks.push(TASKS.partition(number).spawn_task(async move { parent() }).await.expect("it starts"));
    }
    let parents = await_many(tasks).await.expect("they end");
    assert_eq!(parents[..3], parents[3..]);
    assert!(parents[0] != parents[1] && parents[1] != parents[2] && parents[0] != parents[2]);
}
