//! A worker that takes orders, does each in a task of its own, and goes on taking orders meanwhile. An order that crashes
//! is an order that failed, and nothing more.

use std::error::Error;

use otp::genserver::Overflow;
use otp::task::StartChildError;
use otp::{
    Context, Destination, Name, Supervisor, TaskOutcome, TaskSupervisor, TaskSupervisorClient, gen_server,
};
use tokio::task::yield_now;

const WORKER: Name<Worker> = Name::new("worker");
const TASKS: Name<TaskSupervisor> = Name::new("tasks");

/// What the worker has to show.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Progress {
    done: u32,
    failed: u32,
}

struct Worker(Progress);

#[gen_server]
impl Worker {
    fn init() -> Self {
        Self(Progress::default())
    }

    /// The outcome comes as a message of the worker's own.
    #[cast]
    async fn resize(&mut self, picture: u32, cx: &mut Context<Self>) -> Result<(), StartChildError> {
        TASKS.spawn_task_nolink(resize(picture)).await?.send_to(cx.server_ref());
        Ok(())
    }

    #[info]
    fn resized(&mut self, outcome: TaskOutcome<u32>) {
        match outcome.result {
            Ok(_picture) => self.0.done += 1,
            Err(_reason) => self.0.failed += 1,
        }
    }

    #[call]
    fn progress(&self) -> Progress {
        self.0
    }
}

impl From<TaskOutcome<u32>> for WorkerInfo {
    fn from(outcome: TaskOutcome<u32>) -> Self {
        Self::Resized(outcome)
    }
}

/// The work. It may take its time.
async fn resize(picture: u32) -> u32 {
    yield_now().await;
    assert!(picture != 7, "a crash on purpose: picture {picture} is damaged");
    picture
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // At most 100 orders wait. One more, and whoever sends it waits.
    Supervisor::rest_for_one()
        .child(TaskSupervisor::new().start_link().name(TASKS))
        .child(Worker::start_link().name(WORKER).bound(100, Overflow::Wait))
        .start_link()
        .await?;

    for picture in 0..10 {
        WORKER.resolve()?.cast_wait(WorkerCast::Resize(picture)).await?;
    }
    let mut progress = WORKER.progress().await?;
    while progress.done + progress.failed < 10 {
        yield_now().await;
        progress = WORKER.progress().await?;
    }
    assert_eq!(progress, Progress { done: 9, failed: 1 });
    Ok(())
}
