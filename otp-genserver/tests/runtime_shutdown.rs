//! A runtime can be dropped whatever its servers are doing at that moment.
//!
//! A deadlock here would hold locks of the whole program, so each scenario runs in a program of its own.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use otp_genserver::{Context, ExitReason, GenServer, InitError, ReplyTo, ServerRef};
use tokio::runtime::{Builder, Runtime};

/// Set in the program that runs a scenario.
const CHILD: &str = "OTP_SHUTDOWN_SCENARIO";

/// Runs `scenario` in a child program, the test of this `name`, and fails if it does not end.
fn in_a_program_of_its_own(name: &str, scenario: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return scenario();
    }
    let this = std::env::current_exe().expect("the test has a path");
    let mut child = Command::new(this)
        .args(["--exact", name])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let mut output = child.stdout.take().expect("it is piped");
    let (ended, has_ended) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).ok();
        ended.send(()).ok();
        text
    });
    let in_time = has_ended.recv_timeout(Duration::from_secs(30)).is_ok();
    if !in_time {
        child.kill().ok();
    }
    let status = child.wait().expect("it can be waited for");
    let text = reader.join().expect("the reader does not panic");
    assert!(in_time, "the program hangs");
    assert!(status.success(), "{text}");
}

struct Waiting;

enum Ask {
    /// Asks for a callback timeout that never comes.
    Timeout(ReplyTo<()>),
    /// Calls this server, which does not answer, and waits for a day.
    Call(ServerRef<Waiting>),
    /// Keeps the caller waiting.
    Nothing(ReplyTo<()>),
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl GenServer for Waiting {
    type Args = ();
    type Call = Ask;
    type Cast = Ask;
    type Info = ();
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self)
    }

    async fn handle_call(&mut self, ask: Ask, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match ask {
            Ask::Timeout(reply) => {
                cx.set_timeout(DAY);
                cx.send_after(DAY, ());
                reply.send(());
            }
            Ask::Call(server) => drop(server.call(Ask::Nothing).timeout(DAY).await),
            Ask::Nothing(_reply) => std::future::pending().await,
        }
        Ok(())
    }

    async fn handle_cast(&mut self, ask: Ask, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        self.handle_call(ask, cx).await
    }
}

/// Many servers, each of which waits for a timer of its own; started before and after the runtime's first timer.
async fn wait_in_every_way() {
    for _ in 0..8 {
        let early = Waiting::start(()).await.expect("it starts");
        let server = Waiting::start(()).await.expect("it starts");
        server.call(Ask::Timeout).await.expect("it answers");
        early.call(Ask::Timeout).await.expect("it answers");
        let (caller, callee) = (Waiting::start(()).await, Waiting::start(()).await);
        caller.expect("it starts").cast(Ask::Call(callee.expect("it starts")));
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
}

fn dropped_and_a_new_one_works(make: impl Fn() -> Runtime) {
    for _ in 0..20 {
        let runtime = make();
        runtime.block_on(wait_in_every_way());
        drop(runtime);
    }
    make().block_on(wait_in_every_way());
}

#[test]
fn a_current_thread_runtime_is_dropped_while_its_servers_wait() {
    in_a_program_of_its_own("a_current_thread_runtime_is_dropped_while_its_servers_wait", || {
        dropped_and_a_new_one_works(|| {
            Builder::new_current_thread().enable_all().build().expect("a runtime")
        });
    });
}

#[test]
fn a_multi_thread_runtime_is_dropped_while_its_servers_wait() {
    in_a_program_of_its_own("a_multi_thread_runtime_is_dropped_while_its_servers_wait", || {
        dropped_and_a_new_one_works(|| {
            Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
        });
    });
}

#[test]
fn run_returns_while_servers_wait() {
    in_a_program_of_its_own("run_returns_while_servers_wait", || {
        for _ in 0..20 {
            assert_eq!(otp_core::run(wait_in_every_way()), Ok(()));
        }
    });
}

#[test]
fn a_call_is_polled_inside_a_runtime_that_is_gone() {
    in_a_program_of_its_own("a_call_is_polled_inside_a_runtime_that_is_gone", || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let elsewhere = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let server = elsewhere.block_on(async { Waiting::start(()).await.expect("it starts") });
        let handle = runtime.handle().clone();
        drop(runtime);
        let _inside = handle.enter();
        let mut call = server.call(Ask::Nothing);
        let waker = std::task::Waker::noop();
        let mut task = std::task::Context::from_waker(waker);
        let first = std::future::Future::poll(std::pin::Pin::new(&mut call), &mut task);
        assert!(first.is_pending());
    });
}
