//! Orphans: processes that an exit signal has hit and whose code goes on. In a binary of its own: the grace is everybody's.

#![cfg(all(feature = "macros", not(otp_loom)))]

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, request};
use otp_core::process::{self, Orphan, Spawn, orphans, set_orphan_grace};
use otp_core::{
    Down, ExitReason, Mailbox, Pid, ProcessName, ProcessRef, Received, ReplyTo, SendErrorKind, ThreadMailbox,
    attach_with, spawn, spawn_thread,
};
use tokio::sync::{Mutex, MutexGuard, oneshot};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// One test at a time, with this grace.
async fn with_grace(grace: Duration) -> MutexGuard<'static, ()> {
    let guard = ONE_AT_A_TIME.lock().await;
    set_orphan_grace(grace);
    guard
}

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3600);

/// A test that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(30);

fn orphan(pid: Pid) -> Option<Orphan> {
    orphans().into_iter().find(|orphan| orphan.pid == pid)
}

/// Waits until the code of an orphan has ended.
async fn home(pid: Pid) {
    while orphan(pid).is_some() {
        tokio::task::yield_now().await;
    }
}

/// Monitors a process and waits for its end. Nothing else may arrive.
async fn reason_of_end<M: Send + std::fmt::Debug + 'static>(
    mailbox: &mut Mailbox<M>,
    pid: Pid,
    cause: impl FnOnce(),
) -> ExitReason {
    let monitor = process::monitor(pid).expect("in a process");
    cause();
    match mailbox.receive().await {
        Received::Down(Down { monitor: found, reason, .. }) if found == monitor => reason,
        other => panic!("instead of a DOWN: {other:?}"),
    }
}

/// A thread process that does not look at its mailbox until the gate opens, and then runs `body`.
async fn stuck<M: Send + 'static>(
    body: impl FnOnce(ThreadMailbox<M>) + Send + 'static,
) -> (ProcessRef<M>, blocking::Sender<()>) {
    let (ready, is_ready) = oneshot::channel();
    let (open, gate) = blocking::channel();
    let (thread, _) = Spawn::new().label("stuck").spawn_thread(move |mailbox: ThreadMailbox<M>| {
        ready.send(()).ok();
        gate.recv().ok();
        body(mailbox);
    });
    is_ready.await.expect("it runs");
    (thread, open)
}

async fn answer(mut awaiting: Awaiting<u32>) -> Answer<u32> {
    poll_fn(|cx| awaiting.poll(cx)).await.expect("without limit")
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_does_not_obey_is_declared_dead_and_listed_until_it_ends() {
    const NAME: ProcessName = ProcessName::new("a_thread_that_does_not_obey");
    let _guard = with_grace(SHORT).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let (hook, hook_ran) = oneshot::channel();
        let (thread, open) = stuck::<u32>(|_| {}).await;
        let pid = thread.pid();
        process::register(NAME, pid).expect("free");
        process::on_exit(pid, move |_, reason| drop(hook.send(reason.clone()))).expect("alive");
        let cause = || process::send_exit(pid, ExitReason::new("obey"));
        assert_eq!(reason_of_end(&mut mailbox, pid, cause).await, ExitReason::Killed);
        assert_eq!(hook_ran.await, Ok(ExitReason::Killed));
        let listed = orphan(pid).expect("its code still runs");
        assert_eq!((listed.name, listed.label.as_deref()), (Some(NAME), Some("stuck")));
        assert!(process::info(pid).is_none() && !process::is_alive(pid));
        assert_eq!(process::whereis(&NAME), None);
        assert_eq!(thread.try_send(1).map_err(|error| error.kind()), Err(SendErrorKind::NoProc));
        open.send(()).expect("it waits");
        home(pid).await;
    });
    ended.await.expect("it passes");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_orphan_does_afterwards_does_no_harm() {
    let _guard = with_grace(SHORT).await;
    let ended = attach_with(async |mut mailbox: Mailbox<u32>| {
        let me = mailbox.address();
        let bystander = spawn(|_: Mailbox<()>| std::future::pending::<()>()).pid();
        let (done, is_done) = oneshot::channel();
        let to = me.clone();
        let (thread, open) = stuck::<u32>(move |mailbox| {
            let closed = mailbox.recv().is_err() && mailbox.is_doomed();
            process::link(bystander).ok();
            process::monitor(bystander).ok();
            process::trap_exit(true).ok();
            process::set_label("late").ok();
            let registered = process::register(ProcessName::new("a_late_orphan"), mailbox.pid()).is_ok();
            let child = otp_core::spawn_link(|_: Mailbox<()>| std::future::pending::<()>()).pid();
            process::send_exit(mailbox.pid(), ExitReason::new("again"));
            to.send(7);
            done.send((closed, registered, child)).ok();
            panic!("as the test wants");
        })
        .await;
        let pid = thread.pid();
        let cause = || process::send_exit(pid, ExitReason::Kill);
        assert_eq!(reason_of_end(&mut mailbox, pid, cause).await, ExitReason::Killed);
        open.send(()).expect("it waits");
        let (closed, registered, child) = is_done.await.expect("it tells");
        assert!(closed && !registered);
        home(pid).await;
        // Its message arrived; one death, one DOWN.
        assert!(matches!(mailbox.receive().await, Received::Message(7)));
        let info = process::info(bystander).expect("alive");
        assert_eq!((info.links, info.monitored_by), (vec![], vec![]));
        // What a dead process starts with a link ends.
        let monitor = process::monitor(child).expect("in a process");
        assert!(matches!(mailbox.receive().await, Received::Down(down) if down.monitor == monitor));
        me.send(8);
        assert!(matches!(mailbox.receive().await, Received::Message(8)));
    });
    ended.await.expect("it passes");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_an_orphan_hears_of_its_death() {
    let _guard = with_grace(SHORT).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let (has, holds) = oneshot::channel();
        let (open, gate) = blocking::channel::<bool>();
        let thread = spawn_thread(move |mailbox: ThreadMailbox<ReplyTo<u32>>| {
            let Ok(Received::Message(held)) = mailbox.recv() else { panic!("a request") };
            has.send(()).ok();
            if gate.recv() == Ok(true) {
                held.send(5);
            }
        });
        let ask = || {
            let (reply_to, reply, _request) = request::<u32>(thread.pid());
            thread.try_send(reply_to).expect("alive");
            Awaiting::new(reply, None)
        };
        let held = ask();
        holds.await.expect("it runs");
        let queued = ask();
        let pid = thread.pid();
        let cause = || process::send_exit(pid, ExitReason::Kill);
        assert_eq!(reason_of_end(&mut mailbox, pid, cause).await, ExitReason::Killed);
        assert_eq!(answer(queued).await, Answer::Exit(ExitReason::Killed));
        open.send(false).expect("it waits");
        assert_eq!(answer(held).await, Answer::Exit(ExitReason::Killed));
        home(pid).await;
    });
    ended.await.expect("it passes");
}

/// A process that holds its worker until the flag is set, and then waits for ever.
fn spinning(flag: &Arc<AtomicBool>, ready: oneshot::Sender<()>) -> (ProcessRef<()>, oneshot::Receiver<()>) {
    struct Remains(Option<oneshot::Sender<()>>);
    impl Drop for Remains {
        fn drop(&mut self) {
            self.0.take().map(|dropped| dropped.send(()));
        }
    }
    let (dropped, is_dropped) = oneshot::channel();
    let flag = Arc::clone(flag);
    let process = spawn(move |_: Mailbox<()>| async move {
        let _remains = Remains(Some(dropped));
        ready.send(()).ok();
        while !flag.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        std::future::pending::<()>().await;
    });
    (process, is_dropped)
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_process_that_never_yields_is_declared_dead_and_ends_at_its_next_await() {
    let _guard = with_grace(SHORT).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let flag = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = oneshot::channel();
        let (process, is_dropped) = spinning(&flag, ready);
        is_ready.await.expect("it runs");
        let pid = process.pid();
        let cause = || process::send_exit(pid, ExitReason::Kill);
        assert_eq!(reason_of_end(&mut mailbox, pid, cause).await, ExitReason::Killed);
        assert!(orphan(pid).is_some());
        flag.store(true, Ordering::SeqCst);
        is_dropped.await.expect("its remains are dropped");
        home(pid).await;
    });
    ended.await.expect("it passes");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_grace_is_that_of_the_time_of_the_signal() {
    let _guard = with_grace(LONG).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let flag = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = oneshot::channel();
        let (patient, _) = spinning(&flag, ready);
        is_ready.await.expect("it runs");
        process::send_exit(patient.pid(), ExitReason::new("own"));
        set_orphan_grace(SHORT);
        // The watcher sleeps for an hour, and is woken for this one.
        let (thread, open) = stuck::<()>(|_| {}).await;
        let pid = thread.pid();
        let cause = || process::send_exit(pid, ExitReason::Kill);
        assert_eq!(reason_of_end(&mut mailbox, pid, cause).await, ExitReason::Killed);
        assert!(orphan(patient.pid()).is_none() && patient.is_alive());
        // In time it ends as it was told to.
        let hook_heard = {
            let (tell, told) = oneshot::channel();
            spawn(move |_: Mailbox<()>| async move { tell.send(()).expect("heard") });
            told
        };
        hook_heard.await.expect("a worker is free");
        flag.store(true, Ordering::SeqCst);
        while patient.is_alive() {
            tokio::task::yield_now().await;
        }
        assert!(orphan(patient.pid()).is_none());
        open.send(()).expect("it waits");
        home(pid).await;
    });
    ended.await.expect("it passes");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_obeys_or_traps_is_no_orphan() {
    let _guard = with_grace(Duration::ZERO).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let idle = spawn(|_: Mailbox<()>| std::future::pending::<()>()).pid();
        let cause = || process::send_exit(idle, ExitReason::new("r"));
        assert_eq!(reason_of_end(&mut mailbox, idle, cause).await, ExitReason::new("r"));
        assert!(orphan(idle).is_none());

        let (ready, is_ready) = oneshot::channel();
        let (open, gate) = blocking::channel::<()>();
        let thread = spawn_thread(move |mailbox: ThreadMailbox<()>| {
            process::trap_exit(true).expect("in a process");
            ready.send(()).ok();
            gate.recv().ok();
            matches!(mailbox.recv(), Ok(Received::Exit { .. }))
                .then_some(())
                .ok_or_else(|| ExitReason::new("no EXIT"))
        });
        is_ready.await.expect("it runs");
        process::send_exit(thread.pid(), ExitReason::new("r"));
        assert!(thread.is_alive());
        let cause = || open.send(()).expect("it waits");
        assert_eq!(reason_of_end(&mut mailbox, thread.pid(), cause).await, ExitReason::Normal);
    });
    ended.await.expect("it passes");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_process_that_does_not_obey_is_declared_dead() {
    let _guard = with_grace(SHORT).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let (open, gate) = blocking::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(otp_core::attach(async move {
                tell.send(process::current().expect("in a process")).ok();
                gate.recv().ok();
            }))
        });
        let pid = told.await.expect("it runs");
        let cause = || process::send_exit(pid, ExitReason::new("r"));
        assert_eq!(reason_of_end(&mut mailbox, pid, cause).await, ExitReason::Killed);
        assert!(orphan(pid).is_some());
        open.send(()).expect("it waits");
        assert_eq!(thread.join().expect("no panic"), Err(ExitReason::Killed));
        assert!(orphan(pid).is_none());
    });
    ended.await.expect("it passes");
}

/// Its destructor blocks until the gate opens.
struct Blocks(blocking::Receiver<()>);

impl Drop for Blocks {
    fn drop(&mut self) {
        self.0.recv().ok();
    }
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_blocks_in_the_death_of_an_orphan_holds_up_no_other() {
    let _guard = with_grace(SHORT).await;
    let ended = attach_with(async |mut mailbox: Mailbox<()>| {
        let (let_go, gate) = blocking::channel();
        let (first, open_first) = stuck::<Blocks>(|_| {}).await;
        let (second, open_second) = stuck::<()>(|_| {}).await;
        first.send(Blocks(gate));
        process::send_exit(first.pid(), ExitReason::Kill);
        let cause = || process::send_exit(second.pid(), ExitReason::Kill);
        assert_eq!(reason_of_end(&mut mailbox, second.pid(), cause).await, ExitReason::Killed);
        // Who waits for the first one hears of it when what it held is gone.
        let cause = || let_go.send(()).expect("it waits");
        assert_eq!(reason_of_end(&mut mailbox, first.pid(), cause).await, ExitReason::NoProc);
        for (thread, open) in [(first.pid(), open_first), (second.pid(), open_second)] {
            open.send(()).expect("it waits");
            home(thread).await;
        }
    });
    tokio::time::timeout(LIMIT, ended).await.expect("it does not hang").expect("it passes");
}

#[test]
fn a_runtime_that_ends_leaves_no_orphan_of_a_process_that_waits() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let pid = {
        let _entered = runtime.enter();
        spawn(|_: Mailbox<()>| std::future::pending::<()>()).pid()
    };
    drop(runtime);
    assert!(!process::is_alive(pid) && orphan(pid).is_none());
}
