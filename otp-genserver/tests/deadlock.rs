//! Calls in a circle: a real deadlock fails at once and names itself; a legal program is never refused.

#![cfg(feature = "macros")]

use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;

use otp_core::behaviour::{Answer, Awaiting, request};
use otp_genserver::{
    CallError, Context, ExitReason, GenServer, InitError, Name, ReplyTo, ServerRef, process,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Asks the next server in line, if there is one.
struct Link {
    next: Option<Name<Self>>,
    /// Answers from another process instead of from the callback.
    detached: bool,
}

enum Ask {
    /// Go down the line; the answer says how it went.
    Chain(ReplyTo<Result<u32, CallError>>),
    /// Answer at once.
    Ping(ReplyTo<u32>),
}

impl GenServer for Link {
    type Args = (Option<Name<Self>>, bool);
    type Call = Ask;
    type Cast = Infallible;
    type Info = Infallible;
    type Continue = Infallible;

    async fn init((next, detached): Self::Args, _: &mut Context<Self>) -> Result<Self, InitError> {
        Ok(Self { next, detached })
    }

    async fn handle_call(&mut self, call: Ask, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        match call {
            Ask::Ping(reply) => reply.send(1),
            // As generated code does for a method that returns its reply: until then, the runner holds it.
            Ask::Chain(mut reply) if !self.detached => {
                reply.mark_held();
                let answer = match &self.next {
                    Some(next) => ask(next).await,
                    None => Ok(0),
                };
                reply.send(answer);
            }
            // The reply goes to another process, which may answer whatever this one waits for.
            Ask::Chain(reply) => {
                let me = cx.server_ref();
                otp_core::spawn(move |_: otp_core::Mailbox<()>| async move {
                    reply.send(me.call(Ask::Ping).await);
                });
                if let Some(next) = &self.next {
                    let _ = next_ping(next).await;
                }
            }
        }
        Ok(())
    }

    async fn handle_cast(&mut self, cast: Infallible, _: &mut Context<Self>) -> Result<(), ExitReason> {
        match cast {}
    }
}

async fn ask(next: &Name<Link>) -> Result<u32, CallError> {
    use otp_genserver::Destination;
    next.call(Ask::Chain).await?.map(|n| n + 1)
}

async fn next_ping(next: &Name<Link>) -> Result<u32, CallError> {
    use otp_genserver::Destination;
    next.call(Ask::Ping).await
}

async fn start(name: &'static str, next: &'static str, detached: bool) -> ServerRef<Link> {
    Link::start((Some(Name::new(next)), detached)).name(name).await.expect("it starts")
}

#[otp_genserver::test]
async fn a_cycle_of_two_fails_at_once_and_names_itself() {
    tokio::time::pause();
    let a = start("two-a", "two-b", false).await;
    let b = start("two-b", "two-a", false).await;
    let begun = Instant::now();
    let answer = a.call(Ask::Chain).await.unwrap();
    assert_eq!(answer, Err(CallError::Deadlock(vec![b.pid(), a.pid()])));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    // Nobody is stuck.
    assert_eq!(a.call(Ask::Ping).await, Ok(1));
    assert_eq!(b.call(Ask::Ping).await, Ok(1));
}

#[otp_genserver::test]
async fn a_cycle_of_three_names_all_three() {
    tokio::time::pause();
    let a = start("three-a", "three-b", false).await;
    let b = start("three-b", "three-c", false).await;
    let c = start("three-c", "three-a", false).await;
    let answer = a.call(Ask::Chain).await.unwrap();
    assert_eq!(answer, Err(CallError::Deadlock(vec![c.pid(), a.pid(), b.pid()])));
}

#[otp_genserver::test]
async fn a_request_that_only_waits_in_the_queue_counts_as_well() {
    tokio::time::pause();
    let a = start("queued-a", "queued-b", false).await;
    let b = start("queued-b", "queued-a", false).await;
    // Both set out at the same time, each with its request to the other behind what it handles.
    let (first, second) = tokio::join!(a.call(Ask::Chain), b.call(Ask::Chain));
    let answers = [first.unwrap(), second.unwrap()];
    assert!(answers.iter().any(|answer| matches!(answer, Err(CallError::Deadlock(_)))), "{answers:?}");
}

#[otp_genserver::test]
async fn a_chain_that_is_no_circle_is_answered() {
    tokio::time::pause();
    let a = start("chain-a", "chain-b", false).await;
    let _b = start("chain-b", "chain-c", false).await;
    let _c = Link::start((None, false)).name("chain-c").await.unwrap();
    assert_eq!(a.call(Ask::Chain).await, Ok(Ok(2)));
}

/// B answers A's request later, from a process that itself calls B, while B calls A: only the time limit may end it.
#[otp_genserver::test]
async fn a_reply_that_another_process_holds_is_never_a_deadlock() {
    tokio::time::pause();
    let a = start("soft-a", "soft-b", false).await;
    let b = start("soft-b", "soft-a", true).await;
    let begun = Instant::now();
    // A calls B; B hands the reply to a helper and calls A, which waits for B: soft. B's call runs into its limit, B
    // is free again, answers the helper's ping, and the helper answers A.
    let answer = a.call(Ask::Chain).infinity().await.unwrap();
    assert_eq!(answer.map_err(|error| error.to_string()), Err(CallError::Timeout.to_string()));
    // Timers count in whole milliseconds and never fire early.
    assert!((Duration::from_secs(5)..Duration::from_millis(5002)).contains(&begun.elapsed()));
    assert!(b.is_alive());
}

/// As above, late in the servers' lives: a request is told from the ones handled before it.
#[otp_genserver::test]
async fn a_reply_that_another_process_holds_is_never_a_deadlock_however_many_messages_came_before() {
    tokio::time::pause();
    let a = start("late-a", "late-b", false).await;
    let b = start("late-b", "late-a", true).await;
    for _ in 0..5 {
        assert_eq!((a.call(Ask::Ping).await, b.call(Ask::Ping).await), (Ok(1), Ok(1)));
    }
    let answer = a.call(Ask::Chain).infinity().await.unwrap();
    assert_eq!(answer.map_err(|error| error.to_string()), Err(CallError::Timeout.to_string()));
}

#[otp_genserver::test]
async fn info_shows_whom_a_process_calls() {
    use otp_core::process::Status;
    tokio::time::pause();
    let b = Link::start((None, true)).await.unwrap();
    let (kept, keeper) = tokio::sync::oneshot::channel();
    let target = b.clone();
    let caller = otp_core::spawn(move |_: otp_core::Mailbox<()>| async move {
        // The request's reply is sent here, and never answered; the server gets another one, and answers that.
        let call = target.call(|reply| {
            kept.send(reply).unwrap();
            let (other, _, _) = otp_core::behaviour::request(target.pid());
            Ask::Ping(other)
        });
        let _: Result<u32, _> = call.await;
    });
    let reply: ReplyTo<u32> = keeper.await.unwrap();
    while b.call(Ask::Ping).await != Ok(1) {}
    assert_eq!(process::info(caller.pid()).map(|info| info.status), Some(Status::Calling(b.pid())));
    reply.send(2);
}

/// Calls back whoever called it, once that one has its answer.
struct CallsBack {
    caller: Option<ServerRef<Asker>>,
    heard: Option<Result<u32, CallError>>,
}

#[otp_genserver::gen_server]
impl CallsBack {
    async fn init() -> Result<Self, InitError> {
        Ok(Self { caller: None, heard: None })
    }

    #[call]
    fn greet(&mut self, caller: ServerRef<Asker>, cx: &mut Context<Self>) {
        self.caller = Some(caller);
        cx.continue_with(CallsBackContinue::CallBack);
    }

    #[handle_continue]
    async fn call_back(&mut self) {
        if let Some(caller) = self.caller.take() {
            self.heard = Some(caller.ping().await);
        }
    }

    #[call]
    async fn ask_back(&mut self, caller: ServerRef<Asker>) {
        self.heard = Some(caller.ping().await);
    }

    #[call]
    fn heard(&self) -> Option<Result<u32, CallError>> {
        self.heard.clone()
    }
}

struct Asker;

#[otp_genserver::gen_server]
impl Asker {
    async fn init() -> Result<Self, InitError> {
        Ok(Self)
    }

    #[call]
    fn ping(&self) -> u32 {
        7
    }

    #[call]
    async fn greet_other(
        &mut self,
        other: ServerRef<CallsBack>,
        cx: &mut Context<Self>,
    ) -> Result<(), CallError> {
        other.greet(cx.server_ref()).await
    }

    /// Waits for the other, but not longer than half a second.
    #[call]
    async fn ask_for_a_while(&mut self, other: ServerRef<CallsBack>, cx: &mut Context<Self>) -> bool {
        tokio::select! {
            _ = other.ask_back(cx.server_ref()).allow_cycle() => false,
            () = tokio::time::sleep(Duration::from_millis(500)) => true,
        }
    }
}

#[otp_genserver::test]
async fn a_caller_that_has_its_answer_is_no_part_of_a_cycle() {
    tokio::time::pause();
    let (asker, other) = (Asker::start().await.unwrap(), CallsBack::start().await.unwrap());
    assert_eq!(asker.greet_other(other.clone()).await, Ok(Ok(())));
    assert_eq!(other.heard().await, Ok(Some(Ok(7))));
}

#[otp_genserver::test]
async fn a_call_that_opted_out_makes_no_cycle_for_others() {
    tokio::time::pause();
    let asker = Asker::start().await.unwrap();
    let back = CallsBack::start().await.unwrap();
    assert_eq!(asker.ask_for_a_while(back.clone()).await, Ok(true));
    assert_eq!(back.heard().await, Ok(Some(Ok(7))), "it waited until the asker was free");
}

/// Asks a process that is no server.
struct AsksProcess(otp_core::ProcessRef<ReplyTo<u32>>);

#[otp_genserver::gen_server]
impl AsksProcess {
    async fn init(process: otp_core::ProcessRef<ReplyTo<u32>>) -> Result<Self, InitError> {
        Ok(Self(process))
    }

    #[call]
    async fn ask(&mut self) -> Option<Answer<u32>> {
        let (reply_to, reply, _request) = request(self.0.pid());
        let _calling = self.0.try_request(reply_to, true).expect("no cycle yet");
        let mut answer = Awaiting::new(reply, None);
        poll_fn(|cx| answer.poll(cx)).await
    }

    #[call]
    fn ping(&self) -> u32 {
        7
    }
}

/// It is in no callback, so it may well answer while it waits.
#[otp_genserver::test]
async fn a_process_that_is_no_server_may_call_the_server_that_waits_for_it() {
    tokio::time::pause();
    let (start, may_start) = oneshot::channel::<ServerRef<AsksProcess>>();
    let (tell, told) = oneshot::channel();
    let process = otp_core::spawn(|mut mailbox: otp_core::Mailbox<ReplyTo<u32>>| async move {
        let server = may_start.await.unwrap();
        let answer_request = async {
            if let otp_core::Received::Message(reply) = mailbox.receive().await {
                reply.send(3);
            }
        };
        tell.send(tokio::join!(server.ping(), answer_request).0).unwrap();
    });
    let server = AsksProcess::start(process.clone()).await.unwrap();
    let asking = tokio::join!(server.ask(), async {
        while process::info(process.pid()).unwrap().mailbox_len == 0 {
            tokio::task::yield_now().await;
        }
        start.send(server.clone()).ok();
    });
    assert_eq!(asking.0, Ok(Some(Answer::Value(3))));
    assert_eq!(told.await.unwrap(), Ok(7));
}
