//! Runtimes: their end, several of them at once, and processes at their outermost.

use std::sync::mpsc;
use std::time::Duration;

use otp_core::behaviour::{Awaiting, request};
use otp_core::{
    ExitReason, Mailbox, Pid, Received, attach, attach_with, process, run, send_after, spawn, spawn_link,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::support::{Got, OnDrop, because, idle, next, scenario, settle};

/// How long a hang may take to be noticed.
const HANG: Duration = Duration::from_secs(20);

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

const FLAVORS: [fn() -> Runtime; 2] = [current_thread, multi_thread];

/// Fails, rather than waiting for ever, when `act` hangs.
fn without_hanging<R: Send + 'static>(act: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        done.send(act()).ok();
    });
    result.recv_timeout(HANG).expect("it hangs or panicked")
}

#[test]
fn dropping_a_runtime_ends_its_processes_as_killed() {
    for flavor in FLAVORS {
        let name = format!("dropping_a_runtime_{:?}", std::ptr::from_ref(&flavor));
        let (hooks, ended) = mpsc::channel();
        let (dropped, drops) = mpsc::channel();
        let runtime = flavor();
        let mut pids = runtime.block_on(async {
            let guard = || {
                let dropped = dropped.clone();
                OnDrop::new(move || {
                    dropped.send(()).ok();
                })
            };
            let (sleeping, receiving, new) = (guard(), guard(), guard());
            let pids = [
                spawn(|_: Mailbox<()>| async {
                    let _guard = sleeping;
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }),
                spawn(|mut mailbox: Mailbox<()>| async move {
                    let _guard = receiving;
                    process::trap_exit(true).expect("in a process");
                    while let Received::Exit { .. } = mailbox.receive().await {}
                }),
                // It may not have had its first poll.
                spawn(|_: Mailbox<()>| async {
                    let _guard = new;
                    std::future::pending::<()>().await;
                }),
            ]
            .map(|process| process.pid());
            for pid in pids {
                let hooks = hooks.clone();
                process::on_exit(pid, move |pid, reason| {
                    hooks.send((pid, reason.clone())).ok();
                })
                .expect("alive");
            }
            process::register(name.clone(), pids[0]).expect("free");
            tokio::task::yield_now().await;
            pids
        });
        drop(runtime);
        drop((hooks, dropped));
        let mut reasons: Vec<(Pid, ExitReason)> = ended.iter().collect();
        reasons.sort_by_key(|(pid, _)| *pid);
        pids.sort_unstable();
        assert_eq!(reasons, pids.map(|pid| (pid, ExitReason::Killed)));
        assert_eq!(drops.iter().count(), 3);
        assert_eq!(process::whereis(&name), None);
        assert!(pids.iter().all(|&pid| !process::is_alive(pid) && process::info(pid).is_none()));
    }
}

#[test]
fn another_runtime_hears_of_the_end_of_a_runtime() {
    for flavor in FLAVORS {
        let doomed = flavor();
        let pid = doomed.block_on(async { idle().pid() });
        let (ready, is_ready) = mpsc::channel();
        let observer = std::thread::spawn(move || {
            run(attach_with(async move |mut mailbox: Mailbox<()>| {
                process::trap_exit(true).expect("in a process");
                process::link(pid).expect("in a process");
                let monitor = process::monitor(pid).expect("in a process");
                ready.send(()).expect("the test waits");
                let mut got = [next(&mut mailbox).await, next(&mut mailbox).await];
                got.sort_by_key(|got| matches!(got, Got::Down(..)));
                let down = Got::Down(monitor, pid.into(), ExitReason::Killed);
                assert_eq!(got, [Got::Exit(pid, ExitReason::Killed), down]);
            }))
        });
        is_ready.recv().expect("the observer starts");
        drop(doomed);
        assert_eq!(observer.join().expect("no panic"), Ok(Ok(())));
    }
}

#[test]
fn shutting_a_runtime_down_in_the_background_ends_its_processes_too() {
    let runtime = multi_thread();
    let (hook, ended) = mpsc::channel();
    runtime.block_on(async {
        process::on_exit(idle().pid(), move |_, reason| {
            hook.send(reason.clone()).ok();
        })
        .expect("alive");
    });
    runtime.shutdown_background();
    assert_eq!(ended.recv_timeout(HANG), Ok(ExitReason::Killed));
}

#[test]
fn a_runtime_with_processes_that_wait_for_answers_can_be_dropped() {
    for flavor in FLAVORS {
        without_hanging(move || {
            let runtime = flavor();
            runtime.block_on(async {
                for _ in 0..20 {
                    spawn(|_: Mailbox<()>| async {
                        let (_reply_to, reply, _request) = request::<()>(Pid::OUTSIDE);
                        let mut waiting = Awaiting::new(reply, Some(Duration::from_secs(3600)));
                        std::future::poll_fn(|cx| waiting.poll(cx)).await;
                    });
                }
                for _ in 0..32 {
                    tokio::task::yield_now().await;
                }
            });
            drop(runtime);
        });
    }
}

#[test]
fn a_state_that_sets_a_timer_when_it_is_dropped_does_not_hang_the_end_of_its_runtime() {
    for flavor in FLAVORS {
        without_hanging(move || {
            let runtime = flavor();
            runtime.block_on(async {
                for _ in 0..20 {
                    let process = spawn(|mailbox: Mailbox<()>| async move {
                        let me = mailbox.address();
                        let _state = OnDrop::new(move || {
                            send_after(Duration::from_millis(1), me.recipient(), ());
                        });
                        std::future::pending::<()>().await;
                    });
                    send_after(Duration::from_secs(3600), process.recipient(), ());
                }
                for _ in 0..32 {
                    tokio::task::yield_now().await;
                }
            });
            drop(runtime);
        });
    }
}

#[test]
fn a_state_that_starts_a_process_when_it_is_dropped_does_not_hang_the_end_of_its_runtime() {
    for flavor in FLAVORS {
        let child = without_hanging(move || {
            let (started, child) = mpsc::channel();
            let runtime = flavor();
            runtime.block_on(async {
                spawn(|_: Mailbox<()>| async {
                    let _state = OnDrop::new(move || {
                        started.send(idle().pid()).ok();
                    });
                    std::future::pending::<()>().await;
                });
                for _ in 0..32 {
                    tokio::task::yield_now().await;
                }
            });
            drop(runtime);
            child.recv()
        });
        if let Ok(pid) = child {
            assert!(!process::is_alive(pid), "no process outlives its runtime");
        }
    }
}

#[test]
fn two_runtimes_at_once_have_processes_that_know_each_other() {
    for flavor in FLAVORS {
        let (here, there) = (flavor(), multi_thread());
        let (give, given) = oneshot::channel();
        let echo = there.block_on(async {
            spawn(|mut mailbox: Mailbox<u32>| async move {
                let to: otp_core::ProcessRef<u32> = given.await.expect("the address comes");
                loop {
                    match mailbox.receive().await {
                        Received::Message(0) => return because("told to"),
                        Received::Message(n) => to.send(n + 1),
                        other => panic!("{other:?}"),
                    }
                }
            })
        });
        here.block_on(attach_with(async |mut mailbox: Mailbox<u32>| {
            process::trap_exit(true).expect("in a process");
            give.send(mailbox.address()).expect("it waits");
            process::link(echo.pid()).expect("in a process");
            for n in 1..100 {
                echo.send(n);
                assert_eq!(next(&mut mailbox).await, Got::Message(n + 1));
            }
            echo.send(0);
            assert_eq!(next(&mut mailbox).await, Got::Exit(echo.pid(), because("told to")));
        }))
        .expect("it traps exits");
    }
}

#[test]
fn two_runtimes_at_once_have_timers_of_their_own() {
    let (paused, real) = (current_thread(), multi_thread());
    // The paused one's clock runs ahead; the other one's timer is not moved by it.
    let far = real.block_on(attach(async { send_after(Duration::from_secs(3600), idle().recipient(), ()) }));
    let far = far.expect("it ends by itself");
    paused
        .block_on(attach_with(async |mut mailbox: Mailbox<u32>| {
            tokio::time::pause();
            send_after(Duration::from_secs(24 * 3600), mailbox.address().recipient(), 1_u32);
            assert_eq!(next(&mut mailbox).await, Got::Message(1));
        }))
        .expect("it ends by itself");
    let left = real.block_on(async { far.read() }).expect("it has not fired");
    assert!(left > Duration::from_secs(3500), "{left:?}");
    drop(paused);
    assert!(real.block_on(async { far.cancel() }).is_some());
}

#[test]
fn a_timer_of_a_dropped_runtime_is_gone() {
    for flavor in FLAVORS {
        let (receiving, timer) = {
            let runtime = flavor();
            let real = multi_thread();
            let receiver = real.block_on(async { idle() });
            let timer =
                runtime.block_on(async { send_after(Duration::from_secs(1), receiver.recipient(), ()) });
            (real, timer)
        };
        assert_eq!(timer.read(), None);
        assert_eq!(timer.cancel(), None);
        drop(receiving);
    }
}

#[test]
fn timers_work_in_each_of_many_runtimes_one_after_the_other() {
    for round in 0..20 {
        let runtime = FLAVORS[round % 2]();
        let got = runtime.block_on(attach_with(async |mut mailbox: Mailbox<usize>| {
            send_after(Duration::from_millis(1), mailbox.address().recipient(), round);
            next(&mut mailbox).await
        }));
        assert_eq!(got, Ok(Got::Message(round)));
    }
}

#[test]
fn run_gives_the_output_of_its_future() {
    assert_eq!(run(async { process::current().is_some() }), Ok(true));
}

#[test]
fn run_gives_the_reason_when_its_process_is_ended() {
    let crashed = run(async {
        spawn_link(|_: Mailbox<()>| async { because("linked") });
        std::future::pending::<()>().await;
    });
    assert_eq!(crashed, Err(because("linked")));
    assert_eq!(run(async { process::exit(because("own")) as () }), Err(because("own")));
    let Err(ExitReason::Panic(panic)) = run(async { panic!("broken") as () }) else { panic!("a panic") };
    assert_eq!(panic.message(), "broken");
}

#[test]
fn run_ends_the_processes_that_are_left_when_it_returns() {
    let (hook, ended) = mpsc::channel();
    run(async {
        process::on_exit(idle().pid(), move |_, reason| {
            hook.send(reason.clone()).ok();
        })
        .expect("alive");
    })
    .expect("it ends by itself");
    assert_eq!(ended.recv(), Ok(ExitReason::Killed));
}

#[test]
fn a_linked_child_of_run_hears_of_its_normal_end() {
    let (heard, hears) = mpsc::channel();
    let runtime = multi_thread();
    runtime
        .block_on(attach(async {
            let (ready, is_ready) = oneshot::channel();
            spawn_link(|mut mailbox: Mailbox<()>| async move {
                process::trap_exit(true).expect("in a process");
                ready.send(()).ok();
                heard.send(Got::from(mailbox.receive().await)).ok();
            });
            is_ready.await.expect("it starts");
        }))
        .expect("it ends by itself");
    let got = hears.recv_timeout(HANG).expect("it hears");
    assert!(matches!(got, Got::Exit(_, ExitReason::Normal)), "{got:?}");
}

#[otp_core::test]
async fn attach_makes_a_process_of_its_own_within_a_process() {
    scenario(async |mailbox: Mailbox<()>| {
        let outer = mailbox.pid();
        let inner = attach(async {
            let inner = process::current().expect("in a process");
            assert_eq!(process::info(inner).expect("alive").parent, Some(outer));
            tokio::task::yield_now().await;
            assert_eq!(process::current(), Some(inner));
            inner
        })
        .await
        .expect("it ends by itself");
        assert_ne!(inner, outer);
        assert_eq!(process::current(), Some(outer));
        assert!(!process::is_alive(inner));
    })
    .await;
}

#[otp_core::test]
async fn an_attached_process_that_is_killed_gives_the_reason() {
    scenario(async |_: Mailbox<()>| {
        let ended = attach(async {
            let me = process::current().expect("in a process");
            spawn(move |_: Mailbox<()>| async move { process::send_exit(me, ExitReason::Kill) });
            std::future::pending::<()>().await;
        })
        .await;
        assert_eq!(ended, Err(ExitReason::Killed));
    })
    .await;
}

#[otp_core::test]
async fn an_attached_process_that_ends_itself_by_a_signal_gives_the_reason_and_no_output() {
    scenario(async |_: Mailbox<()>| {
        let ended = attach(async {
            process::send_exit(process::current().expect("in a process"), because("r"));
            5
        })
        .await;
        assert_eq!(ended, Err(because("r")));
    })
    .await;
}

#[otp_core::test]
async fn dropping_an_attached_process_ends_it_as_killed() {
    scenario(async |mut mailbox: Mailbox<Pid>| {
        let me = mailbox.address();
        let watched = tokio::time::timeout(
            Duration::from_millis(1),
            attach(async move {
                me.send(process::current().expect("in a process"));
                std::future::pending::<()>().await;
            }),
        );
        let mut watched = Box::pin(watched);
        assert!(futures_poll(&mut watched).await.is_pending());
        let Got::Message(inner) = next(&mut mailbox).await else { panic!("the pid comes") };
        let monitor = process::monitor(inner).expect("in a process");
        drop(watched);
        assert_eq!(next(&mut mailbox).await, Got::Down(monitor, inner.into(), ExitReason::Killed));
        settle().await;
    })
    .await;
}

/// Polls a future once.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
}

#[otp_core::test]
#[should_panic(expected = "the test's process ended: crash")]
async fn a_test_whose_process_is_ended_fails_with_the_reason() {
    spawn_link(|_: Mailbox<()>| async { because("crash") });
    std::future::pending::<()>().await;
}

#[otp_core::test]
#[should_panic(expected = "its own")]
async fn a_test_that_panics_fails_with_its_own_message() {
    panic!("its own");
}

#[cfg(feature = "test-util")]
#[otp_core::test(start_paused = true)]
async fn a_test_can_start_with_a_paused_clock() {
    let before = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(before.elapsed() >= Duration::from_secs(3600));
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_can_run_on_many_threads() {
    let flavor = tokio::runtime::Handle::current().runtime_flavor();
    assert_eq!(flavor, tokio::runtime::RuntimeFlavor::MultiThread);
    assert!(process::current().is_some());
}
