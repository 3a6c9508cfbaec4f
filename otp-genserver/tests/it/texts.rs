//! What people read in logs and failed assertions: the texts of errors, and what addresses and futures show.

use std::fmt::Debug;
use std::future::IntoFuture;

use otp_genserver::sys::{self, DebugOptions, SysError};
use otp_genserver::{
    CallError, CastErrorKind, ExitReason, GenServer, Name, Overflow, RequestCollection, ResolveError,
    ResponseTimeout, StartError, StopError, process,
};
use tokio::sync::oneshot;

use crate::support::{Other, Plan, Probe, Tell, busy, count_of, keep, ms, run};

fn shown(it: impl Debug) -> String {
    format!("{it:?}")
}

#[otp_genserver::test]
async fn each_error_of_a_call_a_cast_or_a_name_says_what_is_wrong() {
    let pid = process::current().expect("the test is a process");
    let reason = || ExitReason::new("r");
    let another = format!("{pid} is another kind of server");
    for (text, expected) in [
        (CallError::NoProc.to_string(), "no such server"),
        (CallError::Timeout.to_string(), "the server did not answer in time"),
        (CallError::Exit(reason()).to_string(), "the server ended before it answered: r"),
        (CallError::CallingSelf.to_string(), "a server called itself"),
        (
            CallError::Deadlock(vec![pid, pid]).to_string(),
            &format!("a deadlock: {pid} calls {pid} calls {pid}"),
        ),
        (CallError::NoReply.to_string(), "the server dropped the request without an answer"),
        (CallError::Full.to_string(), "the server's mailbox is full"),
        (CallError::WrongServer(pid).to_string(), &another),
        (CastErrorKind::NoProc.to_string(), "no such server"),
        (CastErrorKind::Full.to_string(), "the server's mailbox is full"),
        (CastErrorKind::WrongServer(pid).to_string(), &another),
        (ResolveError::NoProc.to_string(), "no such process"),
        (ResolveError::WrongServer(pid).to_string(), &another),
        (ResponseTimeout.to_string(), "no answer came in time"),
    ] {
        assert_eq!(text, expected);
    }
}

#[otp_genserver::test]
async fn each_error_of_a_start_a_stop_or_sys_says_what_is_wrong() {
    let pid = process::current().expect("the test is a process");
    let reason = || ExitReason::new("r");
    let another = format!("{pid} is another kind of server");
    for (text, expected) in [
        (StartError::Ignored.to_string(), "init returned ignore"),
        (StartError::AlreadyStarted(pid).to_string(), &*format!("already started as {pid}")),
        (StartError::Timeout.to_string(), "init took too long"),
        (StartError::Exit(reason()).to_string(), "init failed: r"),
        (StartError::NotAProcess.to_string(), "this code does not run inside a process"),
        (StopError::NoProc.to_string(), "no such server"),
        (StopError::Timeout.to_string(), "the server had not ended in time"),
        (StopError::Exit(reason()).to_string(), "the server ended with another reason: r"),
        (StopError::CallingSelf.to_string(), "a server tried to stop itself and wait for it"),
        (StopError::WrongServer(pid).to_string(), &another),
        (SysError::NoProc.to_string(), "no such server"),
        (SysError::Timeout.to_string(), "the server did not come to it in time"),
        (SysError::Exit(reason()).to_string(), "the server ended first: r"),
        (SysError::CallingSelf.to_string(), "a server asked this of itself"),
        (SysError::Deadlock(vec![pid]).to_string(), &format!("a deadlock: {pid} calls {pid}")),
        (SysError::WrongServer(pid).to_string(), &another),
        (SysError::Panic(reason()).to_string(), "the function panicked: r"),
        (
            SysError::File(std::io::ErrorKind::NotFound).to_string(),
            "the log file could not be made: entity not found",
        ),
        (SysError::NoReply.to_string(), "the server dropped the request without an answer"),
    ] {
        assert_eq!(text, expected);
    }
}

#[otp_genserver::test]
async fn a_cast_that_was_not_sent_says_why() {
    let server = Plan::new().start().bound(1, Overflow::Reject).await.unwrap();
    let _gate = busy(&server).await;
    server.cast(run(|_, _| Ok(())));
    let error = server.try_cast(run(|_, _| Ok(()))).unwrap_err();
    assert_eq!(error.to_string(), "the server's mailbox is full");
    // The cast need not be `Debug`.
    assert_eq!(shown(error), "CastError { kind: Full, .. }");
}

#[otp_genserver::test]
async fn addresses_and_requests_show_where_they_lead_and_how_far_they_are() {
    let (server, _) = Plan::new().up().await;
    assert_eq!(shown(&server), format!("ServerRef({})", server.pid()));
    assert_eq!(shown(server.count().timeout(ms(7))), "Call { limit: Some(7ms), .. }");
    let mut request = server.send_request(count_of);
    assert_eq!(shown(&request), "RequestId(sent)");
    assert_eq!(request.wait_response(ms(100)).await, Some(Ok(0)));
    assert_eq!(shown(&request), "RequestId(over)");
    let mut requests = RequestCollection::<u8, i64>::new();
    requests.send(1, &server, keep);
    assert_eq!(shown(&requests), "RequestCollection { len: 1, .. }");
    let sys = shown(sys::get_state(&server, |_: &Probe| 1));
    assert!(sys.starts_with("SysCall(Call {"), "{sys}");
}

#[otp_genserver::test]
async fn a_start_and_a_stop_show_what_was_asked_for() {
    let name = Name::<Other>::new("the-other");
    let start = Other::start(()).name(name).timeout(ms(7));
    assert_eq!(shown(&start), "Start { name: Some(\"the-other\"), timeout: Some(7ms), .. }");
    assert_eq!(shown(start.into_future()), "Starting { .. }");
    let (server, _) = Plan::new().up().await;
    let stop = server.stop().timeout(ms(7));
    assert_eq!(shown(stop), "Stop { reason: Normal, timeout: Some(7ms), drain: false, .. }");
    let options = DebugOptions::<Probe>::new().trace().log_last(3);
    let expected =
        "DebugOptions { trace: true, log: Some(3), statistics: false, log_to_file: None, installed: [] }";
    assert_eq!(shown(options), expected);
}

#[otp_genserver::test]
async fn a_context_shows_whose_it_is() {
    let server = Plan::new().start_link().await.unwrap();
    let (tell, told) = oneshot::channel();
    server.tell(move |_, cx| {
        tell.send(shown(&*cx)).ok();
        Ok(())
    });
    let parent = process::current().expect("the test is a process");
    let expected = format!("Context {{ pid: {}, parent: {parent}, .. }}", server.pid());
    assert_eq!(told.await.unwrap(), expected);
}
