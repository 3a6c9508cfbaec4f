//! Thread processes. They follow real time, so nothing here waits for any: only for messages.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc as blocking;
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, block_on, request};
use otp_core::process::{Spawn, Status};
use otp_core::{
    ExitReason, FindError, Mailbox, Overflow, ProcessName, ProcessRef, Received, ReplyTo, SendErrorKind,
    ThreadMailbox, process, spawn_link, spawn_thread,
};
use tokio::sync::{mpsc, oneshot};

use crate::support::{
    Got, OnDrop, Puppet, because, drain, idle, mortal, next, reason_of_end, scenario, wait_for_end,
};

/// A thread that tells all that it receives, once it has begun.
async fn listener<M: Send + 'static>(
    begin: impl FnOnce() + Send + 'static,
) -> (ProcessRef<M>, mpsc::UnboundedReceiver<Got<M>>) {
    let (ready, is_ready) = oneshot::channel();
    let (tell, told) = mpsc::unbounded_channel();
    let thread = spawn_thread(move |mailbox: ThreadMailbox<M>| {
        begin();
        ready.send(()).ok();
        while let Ok(received) = mailbox.recv() {
            tell.send(Got::from(received)).ok();
        }
    });
    is_ready.await.expect("it runs");
    (thread, told)
}

/// A thread that is busy until the gate opens, and then runs `body`.
async fn gated<M: Send + 'static>(
    body: impl FnOnce(ThreadMailbox<M>) + Send + 'static,
) -> (ProcessRef<M>, blocking::Sender<()>) {
    let (ready, is_ready) = oneshot::channel();
    let (open, gate) = blocking::channel();
    let thread = spawn_thread(move |mailbox: ThreadMailbox<M>| {
        ready.send(()).ok();
        gate.recv().ok();
        body(mailbox);
    });
    is_ready.await.expect("it runs");
    (thread, open)
}

fn traps() {
    process::trap_exit(true).expect("a thread process is a process");
}

/// A request to a thread that is in its channel when this returns.
fn ask(thread: &ProcessRef<ReplyTo<u32>>) -> Awaiting<u32> {
    let (reply_to, reply, _request) = request::<u32>(thread.pid());
    thread.try_send(reply_to).expect("alive");
    Awaiting::new(reply, None)
}

async fn answer(mut awaiting: Awaiting<u32>) -> Answer<u32> {
    poll_fn(|cx| awaiting.poll(cx)).await.expect("without limit")
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_receives_in_order_and_is_a_process_like_others() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let (begin, may_begin) = blocking::channel::<()>();
        let thread = spawn_thread(move |mailbox: ThreadMailbox<u32>| {
            may_begin.recv().ok();
            let mut got = Vec::new();
            while got.len() < 3 {
                if let Ok(Received::Message(n)) = mailbox.recv() {
                    got.push(n);
                }
            }
            let mine = process::current() == Some(mailbox.pid()) && mailbox.address().pid() == mailbox.pid();
            tell.send((got, mine, std::thread::current().name().map(str::to_owned))).ok();
        });
        let pid = thread.pid();
        for n in 1..=3 {
            thread.send(n);
        }
        let info = process::info(pid).expect("alive");
        assert_eq!((info.mailbox_len, info.parent), (3, process::current()));
        assert!(process::list().contains(&pid) && thread.is_alive());
        let reason = reason_of_end(&mut mailbox, pid, || begin.send(()).expect("it waits")).await;
        assert_eq!(reason, ExitReason::Normal);
        assert_eq!(told.await, Ok((vec![1, 2, 3], true, Some(format!("otp {pid}")))));
        assert_eq!(thread.try_send(4).map_err(|error| error.kind()), Err(SendErrorKind::NoProc));
        assert!(!thread.is_alive());
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_receives_with_a_limit_or_not_at_all() {
    scenario(async |_: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let (thread, open) = gated(move |mailbox: ThreadMailbox<u32>| {
            let long = Duration::from_secs(3600);
            let first = matches!(mailbox.recv_timeout(long), Ok(Received::Message(1)));
            let second = matches!(mailbox.try_recv(), Ok(Received::Message(2)));
            let handled = process::info(mailbox.pid()).map(|info| (info.messages_handled, info.status));
            let empty = mailbox.try_recv().is_err_and(|error| error.is_empty());
            let late = mailbox.recv_timeout(Duration::ZERO).is_err_and(|error| error.is_timeout());
            tell.send(([first, second, empty, late], handled, mailbox.is_doomed())).ok();
        })
        .await;
        thread.send(1);
        thread.send(2);
        open.send(()).expect("it waits");
        assert_eq!(told.await, Ok(([true; 4], Some((2, Status::Running)), false)));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_selects_over_its_mailbox_and_other_channels() {
    scenario(async |_: Mailbox<()>| {
        let (other, others) = crossbeam_channel::unbounded::<&str>();
        let (tell, mut told) = mpsc::unbounded_channel();
        let thread = spawn_thread(move |mailbox: ThreadMailbox<u32>| {
            loop {
                crossbeam_channel::select! {
                    recv(mailbox.receiver()) -> received => match received {
                        Ok(Received::Message(n)) => tell.send(n.to_string()).expect("heard"),
                        Ok(_) => {}
                        Err(_) => {
                            tell.send("closed".to_owned()).expect("heard");
                            return;
                        }
                    },
                    recv(others) -> text => tell.send(text.expect("open").to_owned()).expect("heard"),
                }
            }
        });
        thread.send(1);
        assert_eq!(told.recv().await.as_deref(), Some("1"));
        other.send("two").expect("it selects");
        assert_eq!(told.recv().await.as_deref(), Some("two"));
        thread.send(3);
        assert_eq!(told.recv().await.as_deref(), Some("3"));
        process::send_exit(thread.pid(), because("r"));
        assert_eq!(told.recv().await.as_deref(), Some("closed"));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn exits_and_downs_stand_in_a_threads_mailbox_in_order() {
    scenario(async |inbox: Mailbox<()>| {
        let (peer, watched) = (mortal(), mortal());
        let (linked, monitored) = (peer.pid(), watched.pid());
        let (thread, mut told) = listener::<u32>(move || {
            traps();
            process::link(linked).expect("in a process");
            process::monitor(monitored).expect("in a process");
        })
        .await;
        let me = inbox.pid();
        thread.send(1);
        process::send_exit(thread.pid(), because("explicit"));
        thread.send(2);
        peer.send(because("link"));
        wait_for_end(linked).await;
        thread.send(3);
        watched.send(because("watched"));
        wait_for_end(monitored).await;
        thread.send(4);
        let mut got = Vec::new();
        while got.len() < 7 {
            got.push(told.recv().await.expect("it lives"));
        }
        let Got::Down(_, target, reason) = got.remove(5) else { panic!("a DOWN: {got:?}") };
        assert_eq!((target, reason), (monitored.into(), because("watched")));
        assert_eq!(
            got,
            [
                Got::Message(1),
                Got::Exit(me, because("explicit")),
                Got::Message(2),
                Got::Exit(linked, because("link")),
                Got::Message(3),
                Got::Message(4),
            ]
        );
        let info = process::info(thread.pid()).expect("alive");
        assert_eq!((info.links, info.monitors), (vec![], vec![]));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_a_linked_process_ends_a_thread_and_the_other_way_round() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let peer = mortal();
        let linked = peer.pid();
        let (thread, mut told) = listener::<u32>(move || process::link(linked).expect("in a process")).await;
        let reason = reason_of_end(&mut mailbox, thread.pid(), || peer.send(because("r"))).await;
        assert_eq!(reason, because("r"));
        assert_eq!(told.recv().await, None);

        traps();
        let (open, gate) = blocking::channel::<()>();
        let (thread, monitor) = Spawn::new().link().spawn_thread(move |_: ThreadMailbox<()>| {
            gate.recv().ok();
            because("r")
        });
        assert_eq!(monitor, None);
        assert_eq!(process::info(thread.pid()).expect("alive").links, [mailbox.pid()]);
        open.send(()).expect("it waits");
        assert_eq!(next(&mut mailbox).await, Got::Exit(thread.pid(), because("r")));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawn_thread_with_a_monitor_never_misses_the_real_reason() {
    scenario(async |mut mailbox: Mailbox<()>| {
        for _ in 0..100 {
            let (thread, monitor) =
                Spawn::new().monitor().spawn_thread(|_: ThreadMailbox<()>| Err::<(), _>(because("real")));
            let monitor = monitor.expect("in a process");
            assert_eq!(next(&mut mailbox).await, Got::Down(monitor, thread.pid().into(), because("real")));
        }
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn demonitor_flush_takes_a_down_out_of_a_threads_channel() {
    scenario(async |_: Mailbox<()>| {
        let (peer, kept) = (mortal(), mortal());
        let (ready, is_ready) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let (open, gate) = blocking::channel::<()>();
        let pids = [peer.pid(), kept.pid()];
        let thread = spawn_thread(move |mailbox: ThreadMailbox<u32>| {
            let [flushed, kept] = pids.map(|pid| process::monitor(pid).expect("in a process"));
            ready.send(()).ok();
            gate.recv().ok();
            let said = [(); 2].map(|()| process::demonitor_flush(flushed));
            let rest: Vec<Got<u32>> = mailbox.receiver().try_iter().map(Got::from).collect();
            tell.send((said, rest, kept)).ok();
        });
        is_ready.await.expect("it runs");
        thread.send(1);
        peer.send(because("r"));
        wait_for_end(peer.pid()).await;
        thread.send(2);
        kept.send(because("r"));
        wait_for_end(kept.pid()).await;
        thread.send(3);
        assert_eq!(process::info(thread.pid()).expect("alive").mailbox_len, 5);
        open.send(()).expect("it waits");
        let (said, rest, monitor) = told.await.expect("it tells");
        assert_eq!(said, [Ok(false), Ok(false)]);
        let down = Got::Down(monitor, kept.pid().into(), because("r"));
        assert_eq!(rest, [Got::Message(1), Got::Message(2), down, Got::Message(3)]);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_signal_ends_a_thread_that_waits_for_messages() {
    scenario(async |mut mailbox: Mailbox<()>| {
        for (signal, expected) in [(ExitReason::Kill, ExitReason::Killed), (because("r"), because("r"))] {
            let (thread, mut told) = listener::<u32>(|| {}).await;
            let pid = thread.pid();
            let reason = reason_of_end(&mut mailbox, pid, || process::send_exit(pid, signal)).await;
            assert_eq!(reason, expected);
            assert_eq!(told.recv().await, None);
        }
        // Kill reaches one that traps as well; normal reaches nobody.
        let (thread, mut told) = listener::<u32>(traps).await;
        let pid = thread.pid();
        let kill = || process::send_exit(pid, ExitReason::Kill);
        assert_eq!(reason_of_end(&mut mailbox, pid, kill).await, ExitReason::Killed);
        assert_eq!(told.recv().await, None);
        let (thread, mut told) = listener::<u32>(|| {}).await;
        process::send_exit(thread.pid(), ExitReason::Normal);
        thread.send(1);
        assert_eq!(told.recv().await, Some(Got::Message(1)));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_an_exit_signal_has_hit_finds_its_mailbox_closed_and_empty() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let (thread, open) = gated(move |mailbox: ThreadMailbox<u32>| {
            let closed = mailbox.try_recv().is_err_and(|error| error.is_disconnected());
            tell.send((closed, mailbox.is_doomed(), mailbox.recv().is_err())).ok();
        })
        .await;
        thread.send(1);
        process::send_exit(thread.pid(), because("first"));
        process::send_exit(thread.pid(), because("second"));
        assert_eq!(thread.try_send(2).map_err(|error| error.kind()), Err(SendErrorKind::NoProc));
        let reason = reason_of_end(&mut mailbox, thread.pid(), || open.send(()).expect("it waits")).await;
        assert!(reason == because("first") || reason == ExitReason::NoProc, "{reason}");
        assert_eq!(told.await, Ok((true, true, true)));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_threads_body_is_its_reason() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (thread, open) = gated::<()>(|_| panic!("as the test wants")).await;
        let reason = reason_of_end(&mut mailbox, thread.pid(), || open.send(()).expect("it waits")).await;
        let ExitReason::Panic(panic) = reason else { panic!("instead of a panic: {reason}") };
        assert_eq!(panic.message(), "as the test wants");
        assert!(panic.location().is_some_and(|location| location.contains("threads.rs")));

        let (thread, open) = gated::<()>(|_| process::exit(because("exit"))).await;
        let reason = reason_of_end(&mut mailbox, thread.pid(), || open.send(()).expect("it waits")).await;
        assert_eq!(reason, because("exit"));

        let (thread, open) = gated::<()>(|mailbox| process::send_exit(mailbox.pid(), because("own"))).await;
        let reason = reason_of_end(&mut mailbox, thread.pid(), || open.send(()).expect("it waits")).await;
        assert_eq!(reason, because("own"));

        // `exit(self(), normal)` ends a process in OTP as well.
        let normal = |mailbox: ThreadMailbox<()>| {
            process::send_exit(mailbox.pid(), ExitReason::Normal);
            assert!(mailbox.recv().is_err());
            panic!("too late to matter");
        };
        let (thread, open) = gated::<()>(normal).await;
        let reason = reason_of_end(&mut mailbox, thread.pid(), || open.send(()).expect("it waits")).await;
        assert_eq!(reason, ExitReason::Normal);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_has_a_name_until_it_ends() {
    const NAME: ProcessName = ProcessName::new("a_thread_has_a_name");
    scenario(async |_: Mailbox<()>| {
        let (thread, mut told) = listener::<u32>(|| {
            process::register(NAME, process::current().expect("in a process")).expect("free");
        })
        .await;
        ProcessRef::<u32>::named(NAME.as_str()).expect("registered").send(5);
        assert_eq!(told.recv().await, Some(Got::Message(5)));
        assert_eq!(ProcessRef::<u8>::named(NAME.as_str()).map(drop), Err(FindError::WrongType(thread.pid())));
        process::send_exit(thread.pid(), ExitReason::Kill);
        wait_for_end(thread.pid()).await;
        process::register(NAME, idle().pid()).expect("free again");
    })
    .await;
}

#[test]
fn a_thread_process_needs_no_runtime() {
    let (tell, told) = blocking::channel();
    let thread = spawn_thread(move |mailbox: ThreadMailbox<u32>| {
        let first = mailbox.recv().map(Got::from);
        tell.send((first, process::info(mailbox.pid()).and_then(|info| info.parent))).expect("heard");
        assert!(mailbox.recv().is_err());
        tell.send((Ok(Got::Message(0)), None)).expect("heard");
    });
    thread.send(1);
    assert_eq!(told.recv(), Ok((Ok(Got::Message(1)), None)));
    process::send_exit(thread.pid(), ExitReason::Kill);
    assert!(told.recv().is_ok());
}

#[test]
#[should_panic(expected = "a thread process has no bound")]
fn a_thread_has_no_bound() {
    drop(Spawn::new().bound(1, Overflow::Wait).spawn_thread(|_: ThreadMailbox<()>| {}));
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_is_hit_before_it_begins_runs_nothing() {
    scenario(async |_: Mailbox<()>| {
        let starter = Puppet::new();
        // Its parent is dead when it starts, so it is hit as it is linked.
        let how = starter.run(|| Spawn::new().link()).await.expect("it lives");
        starter.end(ExitReason::Normal);
        wait_for_end(starter.pid()).await;
        let (dropped, is_dropped) = oneshot::channel();
        let (ran, has_run) = oneshot::channel();
        let mark = OnDrop::new(move || dropped.send(()).expect("heard"));
        let (thread, _) = how.spawn_thread(move |_: ThreadMailbox<()>| {
            let _mark = mark;
            ran.send(()).ok();
        });
        wait_for_end(thread.pid()).await;
        assert_eq!(is_dropped.await, Ok(()));
        assert!(has_run.await.is_err());
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_a_living_thread_drops_gets_no_reply_at_once() {
    scenario(async |_: Mailbox<()>| {
        let (thread, mut told) = listener::<ReplyTo<u32>>(|| {}).await;
        let asked = ask(&thread);
        drop(told.recv().await);
        // That was dropped elsewhere; this one on the thread itself.
        assert_eq!(answer(asked).await, Answer::NoReply);
        let (thread, open) = gated(|mailbox: ThreadMailbox<ReplyTo<u32>>| {
            drop(mailbox.recv());
            mailbox.recv().ok();
        })
        .await;
        let asked = ask(&thread);
        open.send(()).expect("it waits");
        assert_eq!(answer(asked).await, Answer::NoReply);
        assert!(thread.is_alive());
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_a_thread_that_dies_hears_its_reason() {
    scenario(async |_: Mailbox<()>| {
        // Killed: one request is in its hands, one in its channel.
        let (thread, open) =
            gated(|mailbox: ThreadMailbox<ReplyTo<u32>>| assert!(mailbox.recv().is_err())).await;
        let queued = ask(&thread);
        process::send_exit(thread.pid(), because("r"));
        open.send(()).expect("it waits");
        assert_eq!(answer(queued).await, Answer::Exit(because("r")));
        assert!(!thread.is_alive(), "its name was free before");

        let (has, holds) = oneshot::channel();
        let thread = spawn_thread(|mailbox: ThreadMailbox<ReplyTo<u32>>| {
            let held = mailbox.recv();
            has.send(()).ok();
            assert!(mailbox.recv().is_err());
            drop(held);
        });
        let held = ask(&thread);
        holds.await.expect("it runs");
        process::send_exit(thread.pid(), because("r"));
        assert_eq!(answer(held).await, Answer::Exit(because("r")));

        // It panics, or leaves by `exit`.
        for how in [|| panic!("as the test wants"), || process::exit(because("r"))] {
            let (thread, open) = gated(move |mailbox: ThreadMailbox<ReplyTo<u32>>| {
                let _held = mailbox.recv();
                how()
            })
            .await;
            let (held, queued) = (ask(&thread), ask(&thread));
            open.send(()).expect("it waits");
            assert!(matches!(answer(held).await, Answer::Exit(ExitReason::Panic(_) | ExitReason::Error(_))));
            assert!(matches!(
                answer(queued).await,
                Answer::Exit(ExitReason::Panic(_) | ExitReason::Error(_))
            ));
        }

        // It returns, and has not received everything.
        let (thread, open) = gated(|_: ThreadMailbox<ReplyTo<u32>>| {}).await;
        let queued = ask(&thread);
        open.send(()).expect("it waits");
        assert_eq!(answer(queued).await, Answer::Exit(ExitReason::Normal));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_lost_in_a_panic_that_the_thread_catches_gets_no_reply() {
    scenario(async |_: Mailbox<()>| {
        let (thread, open) = gated(|mailbox: ThreadMailbox<ReplyTo<u32>>| {
            let lost = catch_unwind(AssertUnwindSafe(|| {
                let _held = mailbox.recv();
                std::panic::resume_unwind(Box::new("caught"));
            }));
            assert!(lost.is_err());
            mailbox.recv().ok();
        })
        .await;
        let asked = ask(&thread);
        open.send(()).expect("it waits");
        assert_eq!(answer(asked).await, Answer::NoReply);
        assert!(thread.is_alive());
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_starts_and_links_others() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let (thread, open) = gated(move |mailbox: ThreadMailbox<()>| {
            let child = spawn_link(|_: Mailbox<()>| std::future::pending::<()>());
            let grandchild = Spawn::new().link().spawn_thread(|mailbox: ThreadMailbox<()>| {
                mailbox.recv().ok();
            });
            tell.send([child.pid(), grandchild.0.pid()]).ok();
            mailbox.recv().ok();
            process::exit(because("r"));
        })
        .await;
        open.send(()).expect("it waits");
        let children = told.await.expect("it tells");
        for child in children {
            assert_eq!(process::info(child).expect("alive").parent, Some(thread.pid()));
        }
        for child in children {
            process::monitor(child).expect("in a process");
        }
        thread.send(());
        for _ in children {
            let Got::Down(_, _, reason) = next(&mut mailbox).await else { panic!("a DOWN") };
            assert_eq!(reason, because("r"));
        }
        assert_eq!(drain(&mut mailbox).await, []);
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn sending_to_a_thread_never_waits() {
    scenario(async |_: Mailbox<()>| {
        let (thread, mut told) = listener::<u32>(|| {}).await;
        assert_eq!(thread.send_wait(1).await, Ok(()));
        assert_eq!(thread.try_send(2), Ok(()));
        thread.recipient().send(3_u32);
        otp_core::send_after(Duration::ZERO, thread.recipient(), 4_u32);
        for n in 1..=4 {
            assert_eq!(told.recv().await, Some(Got::Message(n)));
        }
    })
    .await;
}

#[test]
fn block_on_waits_for_a_future_and_for_a_limit() {
    let (tell, told) = oneshot::channel();
    let (begin, begun) = blocking::channel::<()>();
    let thread = std::thread::spawn(move || {
        begun.recv().ok();
        tell.send(5)
    });
    begin.send(()).expect("it waits");
    assert_eq!(block_on(told, None), Some(Ok(5)));
    thread.join().expect("no panic").expect("heard");
    assert_eq!(block_on(std::future::pending::<()>(), Some(Duration::from_millis(1))), None);
    assert_eq!(block_on(std::future::pending::<()>(), Some(Duration::ZERO)), None);
    assert_eq!(block_on(std::future::ready(6), Some(Duration::ZERO)), Some(6), "what is there comes first");
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_signal_ends_a_thread_in_block_on() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (entered, has_entered) = oneshot::channel();
        let (after, was_after) = oneshot::channel::<()>();
        let thread = spawn_thread(|_: ThreadMailbox<()>| {
            let mut entered = Some(entered);
            block_on(
                poll_fn(|_| {
                    entered.take().map(|entered| entered.send(()));
                    std::task::Poll::<()>::Pending
                }),
                None,
            );
            after.send(()).ok();
        });
        has_entered.await.expect("it runs");
        let pid = thread.pid();
        let reason = reason_of_end(&mut mailbox, pid, || process::send_exit(pid, because("r"))).await;
        assert_eq!(reason, because("r"));
        assert!(was_after.await.is_err());
    })
    .await;
}

#[otp_core::test]
#[should_panic(expected = "use .await")]
async fn block_on_panics_in_an_asynchronous_process() {
    block_on(std::future::ready(()), None);
}

/// An ordinary process on a thread of its own, as a server `on_thread` is.
fn on_own_thread<Fut: Future<Output = ExitReason> + Send + 'static>(
    body: impl FnOnce(Mailbox<u32>) -> Fut + Send + 'static,
) -> ProcessRef<u32> {
    Spawn::new().prepare().go_on_thread(body).0
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_on_a_thread_of_its_own_may_block_it() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (answer, answered) = oneshot::channel();
        let server = on_own_thread(|mut mailbox| async move {
            let Received::Message(n) = mailbox.receive().await else { panic!("a message") };
            let late = async {
                tokio::time::sleep(Duration::from_millis(2)).await;
                n + 1
            };
            answer.send(block_on(late, None)).ok();
            assert_eq!(block_on(std::future::pending::<()>(), Some(Duration::from_millis(1))), None);
            ExitReason::Normal
        });
        let reason = reason_of_end(&mut mailbox, server.pid(), || server.send(1)).await;
        assert_eq!((reason, answered.await), (ExitReason::Normal, Ok(Some(2))));
    })
    .await;
}

#[otp_core::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_signal_reaches_a_process_that_blocks_its_own_thread() {
    scenario(async |mut mailbox: Mailbox<()>| {
        let (tell, told) = oneshot::channel();
        let server = on_own_thread(|mut mailbox| async move {
            mailbox.receive().await;
            tell.send(()).ok();
            block_on(std::future::pending::<()>(), None);
            ExitReason::Normal
        });
        server.send(1);
        told.await.expect("it runs");
        let cause = || process::send_exit(server.pid(), because("r"));
        assert_eq!(reason_of_end(&mut mailbox, server.pid(), cause).await, because("r"));
    })
    .await;
}
