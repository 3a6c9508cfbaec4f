//! What a server hears of its tasks.

use std::time::Duration;

use otp_core::{ExitReason, Mailbox, Pid, ReplyTo, process};
use otp_genserver::{Context, GenServer, InitError};
use otp_task::{Task, TaskOutcome, TaskSupervisor, TaskSupervisorClient};
use tokio::sync::oneshot;

use crate::support::{boom, crashes, ms, own, settle, trap};

/// A server that has its reports made by tasks, and answers when they are there.
struct Reports {
    tasks: otp_task::ServerRef<TaskSupervisor>,
    waiting: Vec<(Pid, ReplyTo<Result<u32, String>>)>,
    exits: Vec<String>,
}

enum Ask {
    Report(u32, ReplyTo<Result<u32, String>>),
    Linked(u32, ReplyTo<Result<u32, String>>),
    Exits(ReplyTo<Vec<String>>),
}

enum Info {
    Done(TaskOutcome<u32>),
}

impl From<TaskOutcome<u32>> for Info {
    fn from(outcome: TaskOutcome<u32>) -> Self {
        Self::Done(outcome)
    }
}

/// Zero is no report.
async fn report(n: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(100)).await;
    if n == 0 { crashes().await } else { n * n }
}

impl GenServer for Reports {
    type Args = ();
    type Call = Ask;
    type Cast = ();
    type Info = Info;
    type Continue = ();

    async fn init((): (), _: &mut Context<Self>) -> Result<Self, InitError> {
        let tasks = TaskSupervisor::new().start_link().await?;
        Ok(Self { tasks, waiting: Vec::new(), exits: Vec::new() })
    }

    async fn handle_call(&mut self, call: Ask, cx: &mut Context<Self>) -> Result<(), ExitReason> {
        let (task, reply) = match call {
            Ask::Report(n, reply) => (self.tasks.spawn_task_nolink(report(n)).await?, reply),
            Ask::Linked(n, reply) => {
                process::trap_exit(true)?;
                (Task::spawn(report(n)), reply)
            }
            Ask::Exits(reply) => {
                reply.send(self.exits.clone());
                return Ok(());
            }
        };
        self.waiting.push((task.pid().ok_or(boom())?, reply));
        task.send_to(cx.server_ref());
        Ok(())
    }

    async fn handle_cast(&mut self, (): (), _: &mut Context<Self>) -> Result<(), ExitReason> {
        Ok(())
    }

    async fn handle_info(&mut self, info: Info, _: &mut Context<Self>) -> Result<(), ExitReason> {
        let Info::Done(TaskOutcome { task, result }) = info;
        if let Some(at) = self.waiting.iter().position(|(pid, _)| Some(*pid) == task) {
            self.waiting.remove(at).1.send(result.map_err(|reason| reason.to_string()));
        }
        Ok(())
    }

    async fn handle_exit(
        &mut self,
        _: Pid,
        reason: ExitReason,
        _: &mut Context<Self>,
    ) -> Result<(), ExitReason> {
        self.exits.push(reason.to_string());
        Ok(())
    }
}

#[otp_core::test(start_paused = true)]
async fn tsup_005_a_servers_own_message_says_how_a_task_ended_and_it_goes_on_serving() {
    let server = Reports::start_link(()).await.expect("it starts");
    let begun = tokio::time::Instant::now();
    let (a, b, c) = tokio::join!(
        server.call(|reply| Ask::Report(3, reply)),
        server.call(|reply| Ask::Report(0, reply)),
        server.call(|reply| Ask::Report(5, reply)),
    );
    assert_eq!((a, b, c), (Ok(Ok(9)), Ok(Err("boom".to_owned())), Ok(Ok(25))));
    assert_eq!(begun.elapsed().as_millis(), 100, "all at the same time");
    assert_eq!(server.call(Ask::Exits).await, Ok(vec![]));
}

#[otp_core::test(start_paused = true)]
async fn a_server_that_traps_exits_gets_the_exit_of_a_linked_task_and_its_outcome() {
    let server = Reports::start_link(()).await.expect("it starts");
    assert_eq!(server.call(|reply| Ask::Linked(0, reply)).await, Ok(Err("boom".to_owned())));
    assert_eq!(server.call(|reply| Ask::Linked(2, reply)).await, Ok(Ok(4)));
    settle().await;
    assert_eq!(server.call(Ask::Exits).await, Ok(vec!["boom".to_owned(), "normal".to_owned()]));
}

#[otp_core::test(start_paused = true)]
async fn an_outcome_is_sent_once_whether_it_is_there_already_or_comes_later() {
    trap();
    let (say, said) = oneshot::channel();
    let (hold, held) = oneshot::channel::<()>();
    let done = Task::spawn(async { 1 });
    let failed = Task::<u32>::spawn(crashes());
    let late = Task::spawn(async {
        drop(held.await);
        2
    });
    settle().await;
    let receiver = otp_core::spawn(move |mut mailbox: Mailbox<TaskOutcome<u32>>| async move {
        let mut results = Vec::new();
        while let Some(otp_core::Received::Message(outcome)) = mailbox.receive_timeout(ms(50)).await {
            results.push(outcome.result);
        }
        say.send(results).ok();
    });
    for task in [done, failed, Task::completed(3), late] {
        task.send_to(receiver.clone());
    }
    settle().await;
    hold.send(()).expect("it waits");
    let results = said.await.expect("it says");
    assert_eq!(results, [Ok(1), Err(boom()), Ok(3), Ok(2)]);
    let mut taken = Task::spawn(async { 4 });
    assert_eq!((&mut taken).await, Ok(4));
    // There is nothing to send, and nobody to send it to.
    taken.send_to(receiver);
    assert!(process::is_alive(own()));
}

#[otp_core::test(start_paused = true)]
async fn a_message_that_cannot_be_made_of_an_outcome_is_its_servers_end_and_not_the_tasks() {
    struct Picky;
    impl From<TaskOutcome<u32>> for Picky {
        fn from(_: TaskOutcome<u32>) -> Self {
            panic!("no such message")
        }
    }
    trap();
    let server = otp_core::spawn(|mut mailbox: Mailbox<Picky>| async move {
        mailbox.receive().await;
    });
    let task = Task::spawn(report(3));
    let pid = task.pid().expect("it runs");
    let to = server.clone();
    task.send_to(to);
    let ended = tokio::join!(crate::support::reason_of(server.pid()), crate::support::reason_of(pid));
    assert!(
        matches!(&ended.0, ExitReason::Panic(panic) if panic.message() == "no such message"),
        "{ended:?}"
    );
    assert_eq!(ended.1, ExitReason::Normal);
}
