//! Starting tasks.

use otp_core::{ChildId, ExitReason, process};
use otp_supervisor::Supervisor;
use otp_task::{AwaitError, Restart, Task};
use tokio::sync::oneshot;

use crate::support::{boom, crashes, in_process, in_words, links_of, mailbox_after, own, reason_of, settle};

#[otp_core::test(start_paused = true)]
async fn task_001_spawn_gives_a_handle_on_a_linked_process() {
    let task = Task::spawn(async { 7 });
    let pid = task.pid().expect("it has a process");
    assert_eq!(task.owner(), Some(own()));
    assert_eq!(links_of(own()), [pid]);
    let info = process::info(pid).expect("it has not run yet");
    assert_eq!((info.links, info.parent), (vec![own()], Some(own())));
    assert_eq!(task.await, Ok(7));
    settle().await;
    assert_eq!(links_of(own()), []);
}

#[otp_core::test(start_paused = true)]
async fn task_003_await_gives_the_result_and_leaves_nothing_in_the_mailbox() {
    let (result, left) = mailbox_after(async {
        let task = Task::spawn(async { "done" });
        let monitors = process::info(own()).expect("it runs").monitors;
        (task.await, monitors)
    })
    .await;
    assert_eq!(result, (Ok("done"), vec![]));
    // It traps exits: that of the link is all there is, as in OTP.
    assert_eq!(in_words(&left), ["EXIT normal"]);
}

#[otp_core::test(start_paused = true)]
async fn task_004_start_does_not_link_start_link_does_and_neither_replies() {
    let (pids, left) = mailbox_after(async {
        let (say, said) = oneshot::channel();
        let plain = Task::start(async move { say.send(own()).expect("the test listens") });
        assert_eq!(links_of(own()), []);
        assert_eq!(said.await, Ok(plain));
        let linked = Task::start_link(async {});
        assert_eq!(links_of(own()), [linked]);
        settle().await;
    })
    .await;
    assert_eq!(pids, ());
    assert_eq!(in_words(&left), ["EXIT normal"]);
    let failing = Task::start(async { Err::<(), _>(boom()) });
    assert_eq!(reason_of(failing).await, boom());
    let ended = in_process(async {
        Task::start_link(crashes::<()>());
        std::future::pending::<()>().await;
    });
    assert_eq!(ended.await, Err(boom()));
}

#[otp_core::test(start_paused = true)]
async fn task_005_a_completed_task_gives_its_value_at_once() {
    let task = Task::completed(3);
    assert_eq!((task.pid(), task.owner()), (None, Some(own())));
    assert_eq!(task.await, Ok(3));
    assert_eq!(Task::completed(4).yield_for(std::time::Duration::ZERO).await, Some(Ok(4)));
    let mut task = Task::completed(5);
    assert_eq!(task.ignore(), Some(Ok(5)));
    assert_eq!(task.ignore(), None);
}

#[otp_core::test(start_paused = true)]
async fn task_006_callers_are_the_owner_and_the_owners_callers() {
    let callers = || process::info(own()).expect("it runs").callers;
    let outer = own();
    let task = Task::spawn(async move {
        let middle = own();
        let inner = Task::spawn(async move { callers() });
        let (say, said) = oneshot::channel();
        Task::start_link(async move { say.send(callers()).expect("the test listens") });
        (callers(), middle, inner.await, said.await)
    });
    let (first, middle, second, third) = task.await.expect("it ends");
    assert_eq!(first, [outer]);
    assert_eq!(second, Ok(vec![middle, outer]));
    assert_eq!(third, Ok(vec![middle, outer]));
}

#[otp_core::test(start_paused = true)]
async fn task_007_as_a_child_it_is_temporary_unless_told_otherwise() {
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = tokio::sync::watch::channel(false);
    let function = move || {
        let (say, mut gone) = (say.clone(), gone.clone());
        async move {
            gone.wait_for(|go| *go).await.expect("the test goes on");
            say.send(own()).expect("the test listens");
            Err::<(), _>(boom())
        }
    };
    let spec = Task::child(function.clone());
    assert_eq!(spec.get_restart(), Restart::Temporary);
    fn id_of<F: 'static>(_: &F) -> ChildId {
        ChildId::of::<F>()
    }
    assert_eq!(*spec.get_id(), id_of(&function));
    process::trap_exit(true).expect("a process");
    let supervisor = Supervisor::one_for_one()
        .child(spec)
        .child(Task::child(function).id("again").restart(Restart::Transient))
        .intensity(2, std::time::Duration::from_secs(5))
        .start_link()
        .await
        .expect("it starts");
    let supervisor = supervisor.pid();
    go.send(true).expect("they wait");
    assert_eq!(reason_of(supervisor).await, ExitReason::Shutdown);
    let mut starts = 0;
    while let Ok(pid) = said.try_recv() {
        starts += 1;
        assert!(!process::is_alive(pid));
    }
    assert_eq!(starts, 4, "once the temporary one, and three times the other");
}

#[otp_core::test(start_paused = true)]
async fn a_dropped_handle_detaches_and_leaves_the_link() {
    let (release, released) = oneshot::channel::<()>();
    let task = Task::spawn(async { released.await.is_ok() });
    let pid = task.pid().expect("it has a process");
    drop(task);
    settle().await;
    assert_eq!(links_of(own()), [pid]);
    release.send(()).expect("it waits");
    assert_eq!(reason_of(pid).await, ExitReason::Normal);
}

#[test]
fn plain_code_has_no_owner_and_no_link_and_gets_an_error() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let task = Task::spawn(async { 1 });
        assert_eq!(task.owner(), None);
        assert_eq!(task.await, Ok(1));
        assert_eq!(Task::<()>::spawn(crashes()).await, Err(AwaitError::Exit(boom())));
        let Err(AwaitError::Exit(ExitReason::Panic(panic))) = Task::<()>::spawn(async { panic!("oh") }).await
        else {
            panic!("it panics")
        };
        assert_eq!(panic.message(), "oh");
        let mut task = Task::spawn(std::future::pending::<()>());
        assert_eq!(task.shutdown(otp_task::Shutdown::BrutalKill).await, None);
        // A process may take over what nobody owns.
        let task = Task::spawn(async { 2 });
        assert_eq!(otp_core::attach(task).await, Ok(Ok(2)));
    });
}
