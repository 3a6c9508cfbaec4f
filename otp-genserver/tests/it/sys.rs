//! `sys`: looking into running servers, suspending them, debugging them.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use otp_core::Mailbox;
use otp_genserver::process::{self, send_exit};
use otp_genserver::sys::{self, DebugOptions, Event, MessageKind, SysError};
use otp_genserver::{
    Context, Destination, ExitReason, GenServer, InitError, Name, ReplyTo, ServerRef, gen_server,
};
use tokio::sync::oneshot;

use crate::support::{
    Log, Other, Outcome, Plan, Probe, Reports, Stopwatch, Tell, Watch, busy, expect_panic, ms, plain_task,
    poll_once, settle, unique_name,
};

/// A sum that shows itself and its messages.
struct Sum(i64);

enum Ask {
    Get(ReplyTo<i64>),
    Keep(ReplyTo<i64>),
}

impl GenServer for Sum {
    type Args = i64;
    type Call = Ask;
    type Cast = i64;
    type Info = &'static str;
    type Continue = ();

    const FORMATS_MESSAGES: bool = true;

    async fn init(start: i64, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self(start))
    }

    async fn handle_call(&mut self, ask: Ask, cx: &mut Context<Self>) -> Outcome {
        match ask {
            Ask::Get(reply) => reply.send(self.0),
            Ask::Keep(reply) => {
                cx.continue_with(());
                otp_core::spawn(|_: Mailbox<()>| async move {
                    let _reply = reply;
                    std::future::pending::<()>().await;
                });
            }
        }
        Ok(())
    }

    async fn handle_cast(&mut self, n: i64, _: &mut Context<Self>) -> Outcome {
        self.0 = self.0.checked_add(n).ok_or_else(|| ExitReason::new("overflow"))?;
        Ok(())
    }

    async fn handle_info(&mut self, _: &'static str, _: &mut Context<Self>) -> Outcome {
        Ok(())
    }

    async fn handle_continue(&mut self, (): (), _: &mut Context<Self>) -> Outcome {
        self.0 += 100;
        Ok(())
    }

    fn format_state(&self) -> Option<String> {
        assert!(self.0 != 13, "bad luck");
        Some(format!("Sum({})", self.0))
    }

    fn format_call(call: &Ask) -> Option<String> {
        Some(if matches!(call, Ask::Get(_)) { "Get" } else { "Keep" }.to_owned())
    }

    fn format_cast(n: &i64) -> Option<String> {
        Some(format!("Add({n})"))
    }

    fn format_info(info: &&'static str) -> Option<String> {
        Some(format!("{info:?}"))
    }
}

async fn count_of<D: Destination<Probe>>(server: &D) -> Result<i64, SysError> {
    sys::get_state(server, |probe: &Probe| probe.count).await
}

fn add(server: &ServerRef<Probe>, n: i64) {
    server.tell(move |probe, _| {
        probe.count += n;
        Ok(())
    });
}

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(ToString::to_string).collect()
}

#[otp_genserver::test]
async fn sys_001_suspend_stops_the_handling_of_messages_until_resume() {
    let (server, log) = Plan::new().up().await;
    sys::suspend(&server).await.unwrap();
    sys::suspend(&server).await.unwrap();
    let note = |line: &'static str| {
        move |probe: &mut Probe, _: &mut Context<Probe>| {
            probe.log.add(line);
            Ok(())
        }
    };
    server.tell(note("cast"));
    server.inform(note("info"));
    let mut call = server.ask(|probe, reply, _| {
        probe.log.add("call");
        reply.send(1);
        Ok(())
    });
    assert!(poll_once(&mut call).is_pending());
    settle().await;
    assert_eq!(log.lines(), ["init"]);
    assert_eq!(count_of(&server).await, Ok(0), "system messages are served");
    assert_eq!(log.lines(), ["init"]);

    sys::resume(&server).await.unwrap();
    assert_eq!(call.await, Ok(1));
    assert_eq!(log.lines(), ["init", "cast", "info", "call"]);
}

#[otp_genserver::test]
async fn sys_001_signals_and_timeouts_wait_while_it_is_suspended() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().trapping().up().await;
    let watched = otp_core::spawn(|mut mailbox: Mailbox<()>| async move { drop(mailbox.receive().await) });
    let pid = watched.pid();
    server.tell(move |_, cx| {
        process::monitor(pid)?;
        cx.set_timeout(ms(50));
        Ok(())
    });
    sys::suspend(&server).await.unwrap();
    watched.send(());
    send_exit(server.pid(), ExitReason::new("trapped"));
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(log.lines(), ["init"]);
    sys::resume(&server).await.unwrap();
    settle().await;
    assert_eq!(log.lines().len(), 3, "DOWN and EXIT arrive, and end the timeout: {:?}", log.lines());
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(log.count("timeout"), 0);
}

#[otp_genserver::test]
async fn sys_001_the_end_of_its_parent_ends_a_suspended_server() {
    let plan = Plan::new().trapping();
    let log = plan.log();
    let (tell, told) = oneshot::channel();
    let parent = otp_core::spawn(|mut mailbox: Mailbox<()>| async move {
        let server = plan.start_link().await.unwrap();
        sys::suspend(&server).await.unwrap();
        tell.send(server).ok();
        mailbox.receive().await;
        ExitReason::new("the parent ends")
    });
    let server = told.await.unwrap();
    server.tell(|probe, _| {
        probe.log.add("cast");
        Ok(())
    });
    send_exit(server.pid(), ExitReason::new("from elsewhere"));
    let watch = Watch::on(server.pid()).await;
    settle().await;
    assert_eq!(log.lines(), ["init"]);
    parent.send(());
    assert_eq!(watch.down().await, ExitReason::new("the parent ends"));
    assert_eq!(log.lines(), ["init", "terminate: the parent ends", "state dropped"]);
}

#[otp_genserver::test]
async fn sys_001_a_suspended_server_can_be_stopped_and_killed() {
    let (server, log) = Plan::new().up().await;
    sys::suspend(&server).await.unwrap();
    server.stop().reason(ExitReason::Shutdown).await.unwrap();
    assert_eq!(log.lines(), ["init", "terminate: shutdown", "state dropped"]);

    let (server, log) = Plan::new().up().await;
    sys::suspend(&server).await.unwrap();
    let watch = Watch::on(server.pid()).await;
    send_exit(server.pid(), ExitReason::Kill);
    assert_eq!(watch.down().await, ExitReason::Killed);
    assert_eq!(log.lines(), ["init", "state dropped"]);
}

#[otp_genserver::test]
async fn sys_004_resume_of_a_running_server_changes_nothing() {
    let (server, _) = Plan::new().up().await;
    sys::resume(&server).await.unwrap();
    add(&server, 1);
    assert_eq!(server.count().await, Ok(1));
    assert!(!sys::get_status(&server).await.unwrap().suspended);
}

#[otp_genserver::test]
async fn sys_007_get_state_looks_at_a_running_and_at_a_suspended_server() {
    let name = unique_name::<Probe>();
    let server = Plan::new().start().name(name.clone()).await.unwrap();
    add(&server, 3);
    assert_eq!(count_of(&server).await, Ok(3));
    assert_eq!(count_of(&name).await, Ok(3), "through a name");
    assert_eq!(count_of(&&server).await, Ok(3), "through a reference");
    sys::suspend(&server).await.unwrap();
    add(&server, 3);
    assert_eq!(count_of(&server).await, Ok(3));
}

#[otp_genserver::test]
async fn sys_008_replace_state_changes_it_and_gives_the_result() {
    let (server, _) = Plan::new().up().await;
    let double = |probe: &mut Probe| {
        probe.count = probe.count * 2 + 1;
        probe.count
    };
    assert_eq!(sys::replace_state(&server, double).await, Ok(1));
    sys::suspend(&server).await.unwrap();
    assert_eq!(sys::replace_state(&server, double).await, Ok(3));
    sys::resume(&server).await.unwrap();
    assert_eq!(server.count().await, Ok(3));
}

#[otp_genserver::test]
async fn sys_008_a_function_that_panics_or_exits_leaves_the_server_alive() {
    let (server, log) = Plan::new().up().await;
    for suspended in [false, true] {
        if suspended {
            sys::suspend(&server).await.unwrap();
        }
        let outcome = sys::replace_state(&server, |_| panic!("on purpose")).await.map(|()| 0);
        let Err(SysError::Panic(reason)) = outcome else { panic!("{outcome:?}") };
        expect_panic(&reason, "on purpose");
        let outcome = sys::get_state(&server, |_| process::exit(ExitReason::new("exited"))).await.map(|()| 0);
        assert_eq!(outcome, Err(SysError::Panic(ExitReason::new("exited"))));
        assert_eq!(count_of(&server).await, Ok(0));
    }
    assert_eq!(log.lines(), ["init"]);
}

#[otp_genserver::test]
async fn sys_010_get_status_says_how_the_server_stands() {
    let name = unique_name::<Sum>();
    let server = Sum::start_link(1).name(name.clone()).label("adds").await.unwrap();
    let status = sys::get_status(&server).await.unwrap();
    assert_eq!(status.pid, server.pid());
    assert_eq!(Some(status.parent), process::current());
    assert_eq!(status.name.as_ref().map(|name| name.as_str()), Some(name.as_str()));
    assert_eq!(status.label.as_deref(), Some("adds"));
    assert!(!status.suspended);
    assert_eq!(status.state.as_deref(), Some("Sum(1)"));
    assert_eq!(status.debug, sys::DebugStatus::default());

    sys::suspend(&server).await.unwrap();
    sys::trace(&server, true).await.unwrap();
    sys::log(&server, true).await.unwrap();
    sys::statistics(&server, true).await.unwrap();
    sys::install(&server, "mine", |_, _| ControlFlow::Continue(())).await.unwrap();
    let status = sys::get_status(&server).await.unwrap();
    assert!(status.suspended);
    assert!(status.debug.trace && status.debug.statistics);
    assert_eq!(status.debug.log, Some(10));
    assert_eq!(status.debug.log_file, None);
    assert_eq!(status.debug.installed, ["mine"]);
}

#[otp_genserver::test]
async fn sys_010_a_server_shows_nothing_of_its_state_by_default_and_survives_its_own_format() {
    let (server, _) = Plan::new().up().await;
    let status = sys::get_status(&server).await.unwrap();
    assert_eq!(status.state, None);
    assert_eq!(status.parent, server.pid(), "without a link it is its own");

    let unlucky = Sum::start(13).await.unwrap();
    let state = sys::get_status(&unlucky).await.unwrap().state;
    assert_eq!(state.as_deref(), Some("(its format function panicked)"));
    assert_eq!(unlucky.call(Ask::Get).await, Ok(13));
}

#[otp_genserver::test]
async fn sys_011_terminate_stops_with_the_reason_after_terminate() {
    for suspended in [false, true] {
        let (server, log) = Plan::new().up().await;
        if suspended {
            sys::suspend(&server).await.unwrap();
        }
        let watch = Watch::on(server.pid()).await;
        assert_eq!(sys::terminate(&server, ExitReason::new("bye")).await, Ok(()));
        assert_eq!(watch.down().await, ExitReason::new("bye"));
        assert_eq!(log.lines(), ["init", "terminate: bye", "state dropped"]);
    }
}

#[otp_genserver::test]
async fn sys_012_requests_to_a_dead_server_and_to_a_busy_one_fail() {
    let clock = Stopwatch::paused();
    let (server, _) = Plan::new().up().await;
    let nobody = unique_name::<Probe>();
    assert_eq!(count_of(&nobody).await, Err(SysError::NoProc));
    let other = unique_name::<Other>();
    let stranger = Other::start(()).name(other.clone()).await.unwrap();
    let wrong = Name::<Probe>::owned(other.as_str());
    assert_eq!(sys::suspend(&wrong).await, Err(SysError::WrongServer(stranger.pid())));
    clock.expect_stood_still("nobody");

    let release = busy(&server).await;
    assert_eq!(count_of(&server).await, Err(SysError::Timeout));
    assert!((ms(5000)..ms(5010)).contains(&clock.elapsed()), "{:?}", clock.elapsed());
    assert_eq!(sys::suspend(&server).timeout(ms(100)).await, Err(SysError::Timeout));
    assert!((ms(5100)..ms(5110)).contains(&clock.elapsed()), "{:?}", clock.elapsed());
    release.send(()).unwrap();
    settle().await;
    assert!(sys::get_status(&server).await.unwrap().suspended, "what was asked is still done");

    send_exit(server.pid(), ExitReason::new("gone"));
    assert_eq!(sys::get_state(&server, |_| ()).infinity().await, Err(SysError::NoProc));
}

#[otp_genserver::test]
async fn sys_012_who_waits_for_a_server_that_ends_hears_of_it() {
    let (server, _) = Plan::new().up().await;
    let release = busy(&server).await;
    server.tell(|_, _| Err(ExitReason::new("crash")));
    let mut state = sys::get_state(&server, |probe| probe.count);
    assert!(poll_once(&mut state).is_pending());
    release.send(()).unwrap();
    assert_eq!(state.await, Err(SysError::Exit(ExitReason::new("crash"))));
}

#[otp_genserver::test]
async fn sys_012_a_server_cannot_ask_itself() {
    let (server, _) = Plan::new().up().await;
    let (tell, told) = oneshot::channel();
    server.tell_later(|_, cx| {
        let itself = cx.server_ref();
        Box::pin(async move {
            tell.send(sys::suspend(&itself).await).ok();
            Ok(())
        })
    });
    assert_eq!(told.await.unwrap(), Err(SysError::CallingSelf));
}

#[otp_genserver::test]
async fn sys_013_system_messages_are_served_in_their_place_among_the_others() {
    let (server, _) = Plan::new().up().await;
    let release = busy(&server).await;
    add(&server, 1);
    let mut state = sys::get_state(&server, |probe| probe.count);
    assert!(poll_once(&mut state).is_pending());
    add(&server, 1);
    release.send(()).unwrap();
    assert_eq!(state.await, Ok(1));
    assert_eq!(server.count().await, Ok(2));
}

#[otp_genserver::test]
async fn sys_014_statistics_count_from_the_moment_they_are_on() {
    let clock = Stopwatch::paused();
    let server = Sum::start(0).await.unwrap();
    assert_eq!(sys::get_statistics(&server).await, Ok(None));
    server.cast(1);
    sys::statistics(&server, true).await.unwrap();
    let counts = async || {
        let counted = sys::get_statistics(&server).await.unwrap().expect("they are on");
        (counted.messages_in, counted.messages_out)
    };
    assert_eq!(counts().await, (0, 0), "not what came before, and no system messages");
    server.cast(1);
    server.send("info");
    assert_eq!(server.call(Ask::Get).await, Ok(2));
    assert_eq!(counts().await, (3, 1));
    assert!(server.call(Ask::Keep).timeout(ms(250)).await.is_err());
    assert_eq!(counts().await, (4, 1), "no answer, and a continuation is no message");
    let elapsed = sys::get_statistics(&server).await.unwrap().map(|counted| counted.elapsed);
    assert_eq!(elapsed, Some(clock.elapsed()));
    sys::statistics(&server, true).await.unwrap();
    assert_eq!(counts().await, (4, 1), "they go on");
    sys::statistics(&server, false).await.unwrap();
    assert_eq!(sys::get_statistics(&server).await, Ok(None));
    sys::statistics(&server, true).await.unwrap();
    assert_eq!(counts().await, (0, 0));
}

#[otp_genserver::test]
async fn sys_014_statistics_say_how_long_the_server_was_busy() {
    let server = Sum::start(0).await.unwrap();
    sys::statistics(&server, true).await.unwrap();
    // One poll in 64 of those of a thread is timed, in real time: so that it is the server's, nobody but it is polled.
    let calls = server.clone();
    plain_task(async move {
        for _ in 0..256 {
            calls.call(Ask::Get).await.unwrap();
        }
    })
    .await
    .unwrap();
    let busy = sys::get_statistics(&server).await.unwrap().map(|counted| counted.busy);
    assert!(busy.is_some_and(|busy| !busy.is_zero()), "{busy:?}");
}

#[otp_genserver::test]
async fn sys_016_the_log_keeps_the_last_events_the_oldest_first() {
    let server = Sum::start(0).await.unwrap();
    let logged = async || lines(&sys::get_log(&server).await.unwrap());
    assert!(logged().await.is_empty());
    sys::log_last(&server, 3).await.unwrap();
    server.cast(1);
    server.cast(2);
    assert_eq!(
        logged().await,
        ["no reply, new state Sum(1)", "got cast Add(2)", "no reply, new state Sum(3)"]
    );
    sys::log_last(&server, 2).await.unwrap();
    assert_eq!(logged().await, ["got cast Add(2)", "no reply, new state Sum(3)"], "what fits stays");
    sys::log(&server, true).await.unwrap();
    assert_eq!(logged().await.len(), 2);
    for n in 0..20 {
        server.cast(n);
    }
    let kept = logged().await;
    assert_eq!(kept.len(), 10, "by default");
    assert_eq!(kept[8], "got cast Add(19)");
    sys::log(&server, false).await.unwrap();
    assert!(logged().await.is_empty());
    server.cast(1);
    assert!(logged().await.is_empty());
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

#[otp_genserver::test]
async fn sys_017_trace_shows_each_event_and_the_file_gets_the_same() {
    let (reports, _guard) = Reports::capture();
    let server = Sum::start(0).await.unwrap();
    let pid = server.pid();
    let path = file("sys_017");
    std::fs::write(&path, "what was there before\n").unwrap();
    sys::trace(&server, true).await.unwrap();
    sys::log_to_file(&server, &path).await.unwrap();
    server.cast(2);
    let status = sys::get_status(&server).await.unwrap();
    assert_eq!(status.debug.log_file.as_ref(), Some(&path));
    let traced = reports.of("otp::sys");
    assert_eq!(traced.len(), 2, "{traced:?}");
    assert!(traced[0].contains(&pid.to_string()) && traced[0].contains("got cast Add(2)"), "{traced:?}");
    let written = format!("{pid} got cast Add(2)\n{pid} no reply, new state Sum(2)\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);

    sys::trace(&server, false).await.unwrap();
    sys::close_log_file(&server).await.unwrap();
    server.cast(2);
    assert_eq!(sys::get_state(&server, |sum| sum.0).await, Ok(4));
    assert_eq!(reports.of("otp::sys").len(), 2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    std::fs::remove_file(&path).unwrap();
}

#[otp_genserver::test]
async fn sys_017_a_file_that_cannot_be_made_is_an_error() {
    let server = Sum::start(0).await.unwrap();
    let nowhere = file("no-such-folder").join("log");
    assert_eq!(sys::log_to_file(&server, nowhere).await, Err(SysError::File(std::io::ErrorKind::NotFound)));
    assert_eq!(sys::get_status(&server).await.unwrap().debug, sys::DebugStatus::default());
}

#[otp_genserver::test]
async fn sys_018_an_installed_function_sees_each_event_until_it_says_that_it_is_done() {
    let server = Sum::start(0).await.unwrap();
    let log = Log::default();
    let seen = log.clone();
    let pid = server.pid();
    let mut left = 4;
    let function = move |event: &Event, sum: &Sum| {
        assert_eq!(process::current(), Some(pid), "it runs in the server's process");
        seen.add(format!("{event} / {}", sum.0));
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    sys::install(&server, "mine", function).await.unwrap();
    for _ in 0..3 {
        server.cast(1);
    }
    let status = sys::get_status(&server).await.unwrap();
    assert!(status.debug.installed.is_empty());
    assert_eq!(
        log.lines(),
        [
            "got cast Add(1) / 0",
            "no reply, new state Sum(1) / 1",
            "got cast Add(1) / 1",
            "no reply, new state Sum(2) / 2"
        ]
    );
}

#[otp_genserver::test]
async fn sys_018_an_installed_function_that_panics_is_removed_and_the_others_stay() {
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }
    let (server, log) = Plan::new().up().await;
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let counting = move |_: &Event, _: &Probe| {
        count.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let captured = PanicsWhenDropped;
    sys::install(&server, "bad", |_, _| panic!("on purpose")).await.unwrap();
    sys::install(&server, "good", counting).await.unwrap();
    add(&server, 1);
    assert_eq!(count_of(&server).await, Ok(1));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(sys::get_status(&server).await.unwrap().debug.installed, ["good"]);

    let worse = move |_: &Event, _: &Probe| {
        let _keeps = &captured;
        ControlFlow::Break(())
    };
    sys::install(&server, "worse", worse).await.unwrap();
    add(&server, 1);
    assert_eq!(count_of(&server).await, Ok(2));
    assert_eq!(log.lines(), ["init"], "the server does not notice");
}

#[otp_genserver::test]
async fn sys_018_of_two_functions_with_one_id_the_first_stays() {
    let server = Sum::start(0).await.unwrap();
    let log = Log::default();
    for line in ["first", "second"] {
        let log = log.clone();
        let function = move |_: &Event, _: &Sum| {
            log.add(line);
            ControlFlow::Break(())
        };
        sys::install(&server, "id", function).await.unwrap();
    }
    assert_eq!(server.call(Ask::Get).await, Ok(0));
    assert_eq!(log.lines(), ["first"]);
}

#[otp_genserver::test]
async fn sys_020_remove_and_no_debug_stop_the_functions() {
    let server = Sum::start(0).await.unwrap();
    let log = Log::default();
    let install = async |id: &'static str| {
        let log = log.clone();
        let function = move |event: &Event, _: &Sum| {
            if matches!(event, Event::In { .. }) {
                log.add(id);
            }
            ControlFlow::Continue(())
        };
        sys::install(&server, id, function).await.unwrap();
    };
    install("a").await;
    install("b").await;
    server.cast(1);
    sys::remove(&server, "a").await.unwrap();
    sys::remove(&server, "unknown").await.unwrap();
    server.cast(1);
    assert_eq!(server.call(Ask::Get).await, Ok(2));
    assert_eq!(log.lines(), ["a", "b", "b", "b"]);

    sys::statistics(&server, true).await.unwrap();
    sys::log(&server, true).await.unwrap();
    sys::trace(&server, true).await.unwrap();
    sys::no_debug(&server).await.unwrap();
    server.cast(1);
    assert_eq!(sys::get_status(&server).await.unwrap().debug, sys::DebugStatus::default());
    assert_eq!(log.lines(), ["a", "b", "b", "b"]);
    assert!(sys::get_log(&server).await.unwrap().is_empty());
}

#[otp_genserver::test]
async fn sys_022_the_events_of_a_server() {
    let server = Sum::start(0).await.unwrap();
    let me = process::current().unwrap();
    sys::log_last(&server, 100).await.unwrap();
    assert_eq!(server.call(Ask::Get).await, Ok(0));
    server.cast(5);
    server.send("hello");
    let mut kept = server.call(Ask::Keep);
    assert!(poll_once(&mut kept).is_pending());
    let events = sys::get_log(&server).await.unwrap();
    assert_eq!(
        lines(&events),
        [
            format!("got call Get from {me}").as_str(),
            &format!("replied to {me}, new state Sum(0)"),
            "got cast Add(5)",
            "no reply, new state Sum(5)",
            "got info \"hello\"",
            "no reply, new state Sum(5)",
            &format!("got call Keep from {me}"),
            "no reply, new state Sum(5)",
            "got continue",
            "no reply, new state Sum(105)",
        ]
    );
    assert!(matches!(&events[0], Event::In { kind: MessageKind::Call, from: Some(_), .. }));
}

#[otp_genserver::test]
async fn sys_022_signals_and_timeouts_are_events_and_nothing_is_shown_by_default() {
    let _clock = Stopwatch::paused();
    let (server, _) = Plan::new().trapping().up().await;
    sys::log_last(&server, 100).await.unwrap();
    let ended = otp_core::spawn(|_: Mailbox<()>| async {});
    let pid = ended.pid();
    settle().await;
    server.tell(move |_, cx| {
        process::monitor(pid)?;
        cx.set_timeout(ms(50));
        Ok(())
    });
    settle().await;
    send_exit(server.pid(), ExitReason::new("trapped"));
    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    tokio::time::sleep(ms(100)).await;
    let me = process::current().unwrap();
    let got = lines(&sys::get_log(&server).await.unwrap());
    let got: Vec<_> = got.iter().filter(|line| line.starts_with("got")).cloned().collect();
    assert_eq!(got.len(), 5, "{got:?}");
    assert_eq!(got[0], "got cast");
    assert!(got[1].starts_with("got down ") && got[1].ends_with("noproc"), "{got:?}");
    assert_eq!(got[2], format!("got exit {me}: trapped"));
    assert_eq!(got[3..], ["got cast", "got timeout"]);
}

/// Wants its messages in crash reports, and does not say how to show them.
struct Secretive;

impl GenServer for Secretive {
    type Args = ();
    type Call = ReplyTo<i64>;
    type Cast = i64;
    type Info = i64;
    type Continue = ();

    const FORMATS_MESSAGES: bool = true;

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, reply: ReplyTo<i64>, _: &mut Context<Self>) -> Outcome {
        reply.send(1);
        Ok(())
    }

    async fn handle_cast(&mut self, _: i64, _: &mut Context<Self>) -> Outcome {
        Ok(())
    }

    async fn handle_info(&mut self, _: i64, _: &mut Context<Self>) -> Outcome {
        Ok(())
    }
}

#[otp_genserver::test]
async fn sys_022_a_server_shows_nothing_of_its_messages_by_default() {
    let server = Secretive::start(()).await.unwrap();
    sys::log_last(&server, 100).await.unwrap();
    server.cast(1);
    server.send(2);
    assert_eq!(server.call(|reply| reply).await, Ok(1));
    let events = sys::get_log(&server).await.unwrap();
    let shown: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::In { kind, message, .. } => Some((*kind, message.clone())),
            _ => None,
        })
        .collect();
    let kinds = [MessageKind::Cast, MessageKind::Info, MessageKind::Call];
    assert_eq!(shown, kinds.map(|kind| (kind, None)));
}

#[otp_genserver::test]
async fn sys_023_debug_options_at_the_start_and_bad_ones_are_ignored() {
    let (reports, _guard) = Reports::capture();
    let log = Log::default();
    let seen = log.clone();
    let options = DebugOptions::new()
        .trace()
        .log()
        .statistics()
        .log_to_file(file("no-such-folder").join("log"))
        .install("mine", move |event, _: &Sum| {
            seen.add(event.to_string());
            ControlFlow::Continue(())
        });
    let server = Sum::start(0).debug(options).await.unwrap();
    assert_eq!(reports.of("otp::sys").len(), 1, "a warning about the file");
    server.cast(1);
    let status = sys::get_status(&server).await.unwrap();
    assert!(status.debug.trace && status.debug.statistics);
    assert_eq!((status.debug.log, status.debug.log_file), (Some(10), None));
    assert_eq!(log.lines(), ["got cast Add(1)", "no reply, new state Sum(1)"]);
    assert_eq!(lines(&sys::get_log(&server).await.unwrap()), log.lines());
    assert_eq!(reports.of("otp::sys").len(), 3);
}

#[otp_genserver::test]
async fn sys_025_a_system_message_restarts_a_pending_timeout() {
    let _clock = Stopwatch::paused();
    let (server, log) = Plan::new().up().await;
    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    tokio::time::sleep(ms(40)).await;
    count_of(&server).await.unwrap();
    tokio::time::sleep(ms(40)).await;
    assert_eq!(log.count("timeout"), 0, "it counts anew");
    tokio::time::sleep(ms(20)).await;
    assert_eq!(log.count("timeout"), 1);

    server.tell(|_, cx| {
        cx.set_timeout(ms(50));
        Ok(())
    });
    sys::suspend(&server).await.unwrap();
    tokio::time::sleep(ms(500)).await;
    sys::resume(&server).await.unwrap();
    tokio::time::sleep(ms(40)).await;
    assert_eq!(log.count("timeout"), 1, "it counts from the end of the suspension");
    tokio::time::sleep(ms(20)).await;
    assert_eq!(log.count("timeout"), 2);
}

struct ByMacro {
    count: i64,
}

#[gen_server]
impl ByMacro {
    async fn init() -> Result<Self, InitError> {
        Ok(Self { count: 7 })
    }

    #[call]
    fn get(&self) -> i64 {
        self.count
    }
}

/// What any server can be asked.
async fn exercise<S: GenServer>(server: ServerRef<S>) {
    assert_eq!(sys::get_state(&server, |_| 1).await, Ok(1));
    sys::suspend(&server).await.expect("it is served");
    assert!(sys::get_status(&server).await.expect("it is served").suspended);
    sys::resume(&server).await.expect("it is served");
    assert!(server.is_alive());
}

#[otp_genserver::test]
async fn sys_026_every_server_can_be_asked_whoever_wrote_it() {
    let by_macro = ByMacro::start().await.unwrap();
    assert_eq!(sys::get_state(&by_macro, |server| server.count).await, Ok(by_macro.get().await.unwrap()));
    exercise(by_macro).await;
    exercise(Sum::start(0).await.unwrap()).await;
    exercise(Plan::new().up().await.0).await;
}

#[otp_genserver::test]
async fn a_crash_report_shows_the_last_message_of_a_server_that_formats_them() {
    let (reports, _guard) = Reports::capture();
    let server = Sum::start(i64::MAX).await.unwrap();
    let watch = Watch::on(server.pid()).await;
    server.cast(1);
    assert_eq!(watch.down().await, ExitReason::new("overflow"));
    let crashes = reports.of("otp::process");
    assert_eq!(crashes.len(), 1);
    for part in ["last_message=\"cast\"", "message_text=\"Add(1)\"", "state=\"Sum("] {
        assert!(crashes[0].contains(part), "{part}: {crashes:?}");
    }
}

#[otp_genserver::test]
async fn the_report_of_a_crash_in_a_continuation_shows_no_older_message() {
    let (reports, _guard) = Reports::capture();
    let server = Sum::start(i64::MAX).await.unwrap();
    let watch = Watch::on(server.pid()).await;
    server.call(Ask::Keep).await.unwrap_err();
    expect_panic(&watch.down().await, "attempt to add with overflow");
    let [crash] = &reports.of("otp::process")[..] else { panic!("not one report") };
    assert!(crash.contains("last_message=\"continue\""), "{crash}");
    assert!(!crash.contains("message_text"), "{crash}");
}

#[otp_genserver::test]
async fn sys_022_a_call_whose_reply_is_kept_and_whose_caller_is_gone_is_not_answered() {
    let server = Sum::start(0).await.unwrap();
    sys::log_last(&server, 2).await.unwrap();
    sys::statistics(&server, true).await.unwrap();
    drop(server.send_request(Ask::Keep));
    let events = sys::get_log(&server).await.unwrap();
    assert_eq!(lines(&events), ["got continue", "no reply, new state Sum(100)"]);
    let statistics = sys::get_statistics(&server).await.unwrap().unwrap();
    assert_eq!((statistics.messages_in, statistics.messages_out), (1, 0));
}

#[otp_genserver::test]
async fn sys_020_the_destructor_of_a_removed_function_may_panic() {
    struct Fragile(Log);
    impl Drop for Fragile {
        fn drop(&mut self) {
            self.0.add("dropped");
            panic!("in the destructor");
        }
    }
    let server = Sum::start(0).await.unwrap();
    let log = Log::default();
    let install = async |id: &'static str| {
        let fragile = Fragile(log.clone());
        let function = move |_: &Event, _: &Sum| {
            let _held = &fragile;
            ControlFlow::Continue(())
        };
        sys::install(&server, id, function).await
    };
    sys::log(&server, true).await.unwrap();
    for id in ["a", "b", "c"] {
        assert_eq!(install(id).await, Ok(()));
    }
    assert_eq!(install("a").await, Ok(()), "the first one stays");
    assert_eq!(log.count("dropped"), 1);
    assert_eq!(sys::remove(&server, "a").await, Ok(()));
    assert_eq!(log.count("dropped"), 2);
    let debug = sys::get_status(&server).await.unwrap().debug;
    assert_eq!((debug.log, debug.installed), (Some(10), vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!(sys::no_debug(&server).await, Ok(()));
    assert_eq!(log.count("dropped"), 4);
    assert_eq!(sys::get_status(&server).await.unwrap().debug, sys::DebugStatus::default());
}
