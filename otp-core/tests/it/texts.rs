//! What people read in logs and failed assertions: the texts of errors, and what addresses and references show.

use std::fmt::Debug;
use std::time::Duration;

use otp_core::behaviour::{InitError, RequestError, request};
use otp_core::process::{HookError, Spawn};
use otp_core::{
    AliasMode, ExitReason, FindError, Mailbox, NotAProcess, NotRegistered, Overflow, ParsePidError,
    ProcessName, ProcessRef, RegisterError, SendErrorKind, Tag, ThreadMailbox, process, send_after,
    spawn_thread,
};
use tokio::sync::oneshot;

use crate::support::{because, dead_pid, idle, scenario};

fn shown(it: impl Debug) -> String {
    format!("{it:?}")
}

#[otp_core::test]
async fn each_error_says_what_is_wrong() {
    scenario(async |_: Mailbox<()>| {
        let pid = idle().pid();
        for (text, expected) in [
            (NotAProcess.to_string(), "this code does not run inside a process".to_owned()),
            (NotRegistered.to_string(), "no process has this name".to_owned()),
            (ParsePidError.to_string(), "a pid is written <0.N>, with N a number above 0".to_owned()),
            (HookError.to_string(), "the process is dead".to_owned()),
            (FindError::NoProc.to_string(), "no such process".to_owned()),
            (FindError::WrongType(pid).to_string(), format!("{pid} takes messages of another type")),
            (RegisterError::Taken(pid).to_string(), format!("the name is taken by {pid}")),
            (
                RegisterError::AlreadyNamed(ProcessName::new("it")).to_string(),
                "the process is already named \"it\"".to_owned(),
            ),
            (RegisterError::NoProc.to_string(), "the process is dead".to_owned()),
            (SendErrorKind::NoProc.to_string(), "the process is dead".to_owned()),
            (SendErrorKind::Full.to_string(), "the process's mailbox is full".to_owned()),
        ] {
            assert_eq!(text, expected);
        }
    })
    .await;
}

#[otp_core::test]
async fn a_message_or_request_that_was_not_sent_says_why() {
    scenario(async |_: Mailbox<()>| {
        let (full, _) =
            Spawn::new().bound(1, Overflow::Reject).spawn(|_: Mailbox<u8>| std::future::pending::<()>());
        full.send(1);
        let error = full.try_send(2).expect_err("it is full");
        assert_eq!(error.to_string(), "the process's mailbox is full");
        // The message need not be `Debug`.
        assert_eq!(shown(error), "SendError { kind: Full, .. }");
        let error = full.try_request(2, true).expect_err("it is full");
        assert_eq!(error.to_string(), "the process's mailbox is full");
        assert_eq!(shown(error), "RequestError(the process's mailbox is full)");
        assert_eq!(shown(full.send_wait(3)), format!("SendWait {{ to: {}, .. }}", full.pid()));
        let deadlock = RequestError::<()>::Deadlock(vec![full.pid()]);
        assert_eq!(deadlock.to_string(), format!("a deadlock among [{}]", full.pid()));
        assert_eq!(RequestError::<()>::NoProc.to_string(), "the process is dead");
    })
    .await;
}

#[otp_core::test]
async fn an_exit_reason_shows_its_kind_and_what_it_carries() {
    let shutdown = ExitReason::shutdown_with("maintenance");
    for (reason, expected) in [
        (ExitReason::Normal, "Normal"),
        (ExitReason::Shutdown, "Shutdown"),
        (shutdown.clone(), "ShutdownWith(\"maintenance\")"),
        (ExitReason::Kill, "Kill"),
        (ExitReason::Killed, "Killed"),
        (ExitReason::NoProc, "NoProc"),
        (because("r"), "Error(\"r\")"),
    ] {
        assert_eq!(shown(&reason), expected);
    }
    assert_eq!(shutdown.to_string(), "shutdown: maintenance");
    let panic = otp_core::behaviour::catch(|| panic!("here")).expect_err("it panics");
    assert!(shown(&panic).starts_with("Panic(Panic { message: \"here\""), "{panic:?}");
    assert_eq!(shown(InitError::Ignore), "Ignore");
    assert_eq!(shown(InitError::stop("r")), "Stop(Error(\"r\"))");
    assert_eq!(shown(InitError::Error(ExitReason::Shutdown)), "Error(Shutdown)");
}

#[otp_core::test]
async fn addresses_show_the_pid_of_their_process() {
    scenario(async |mailbox: Mailbox<u8>| {
        let pid = mailbox.pid();
        assert_eq!(shown(pid), pid.to_string());
        assert_eq!(shown(mailbox.address()), format!("ProcessRef({pid})"));
        assert_eq!(shown(mailbox.address().recipient::<u8>()), format!("Recipient({pid})"));
        assert_eq!(shown(&mailbox), format!("Mailbox {{ pid: {pid}, .. }}"));
        let alias = mailbox.alias::<u8>(AliasMode::ExplicitUnalias);
        let id = shown(alias.id());
        assert!(id.starts_with("#Alias<") && id.ends_with('>'), "{id}");
        assert_eq!(shown(&alias), format!("Alias({id} of {pid})"));
        let embryo = Spawn::new().prepare::<u8>();
        assert_eq!(shown(&embryo), format!("Embryo {{ pid: Some({}), .. }}", embryo.address().pid()));
    })
    .await;
}

// A thread runs in real time, which a paused clock would not wait for.
#[otp_core::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_mailbox_of_a_thread_shows_its_pid_too() {
    let (tell, told) = oneshot::channel();
    let thread: ProcessRef<()> = spawn_thread(move |mailbox: ThreadMailbox<()>| {
        tell.send(shown(mailbox)).ok();
    });
    assert_eq!(told.await, Ok(format!("ThreadMailbox {{ pid: {}, .. }}", thread.pid())));
}

#[otp_core::test]
async fn references_show_which_they_are() {
    scenario(async |mailbox: Mailbox<u8>| {
        let pid = dead_pid().await;
        let (a, b) = (process::monitor(pid), process::monitor(pid));
        let (a, b) = (shown(a.expect("in a process")), shown(b.expect("in a process")));
        assert!(a.starts_with("#Ref<") && a.ends_with('>'), "{a}");
        assert_ne!(a, b);
        let timer = |n: u8| shown(send_after(Duration::from_secs(1), mailbox.address().recipient(), n));
        let (a, b) = (timer(1), timer(2));
        assert!(a.starts_with("TimerRef(") && a.ends_with(')'), "{a}");
        assert_ne!(a, b);
        // The value may be anything, so it is not shown.
        assert_eq!(shown(Tag::new(1)), "Tag(..)");
    })
    .await;
}

#[otp_core::test]
async fn a_request_shows_how_far_it_is() {
    scenario(async |mailbox: Mailbox<()>| {
        let (reply_to, reply, request) = request::<u32>(mailbox.pid());
        assert_eq!(shown(&reply), format!("Reply {{ server: {}, .. }}", mailbox.pid()));
        assert_eq!(shown(&reply_to), "ReplyTo { closed: false, .. }");
        assert_eq!(shown(&request), "Request { settled: false, .. }");
        drop(reply);
        assert_eq!(shown(&reply_to), "ReplyTo { closed: true, .. }");
        assert_eq!(shown(&request), "Request { settled: true, .. }");
    })
    .await;
}
