//! A pool that lends connections. Whoever has one and dies has given it back: the pool monitors its borrowers.

use std::collections::{HashMap, VecDeque};
use std::error::Error;

use otp::{CallError, Down, ExitReason, MonitorRef, NotAProcess, Pid, ReplyTo, ServerRef};
use otp::{Task, gen_server, process};
use tokio::sync::oneshot;

/// It stands in the place of a real connection.
#[derive(Debug, Clone, PartialEq)]
struct Connection(u32);

/// Somebody who waits for a connection.
struct Waiting {
    borrower: Pid,
    reply: ReplyTo<Connection>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    lent: HashMap<MonitorRef, Connection>,
    waiting: VecDeque<Waiting>,
}

#[gen_server]
impl Pool {
    fn init(size: u32) -> Self {
        Self { idle: (1..=size).map(Connection).collect(), ..Self::default() }
    }

    /// Answered at once, or as soon as there is a connection. Meanwhile the pool serves others.
    #[call]
    fn check_out(&mut self, reply: ReplyTo<Connection>, borrower: Pid) -> Result<(), ExitReason> {
        self.waiting.push_back(Waiting { borrower, reply });
        Ok(self.lend()?)
    }

    #[cast]
    fn check_in(&mut self, connection: Connection) -> Result<(), NotAProcess> {
        let monitor = self.lent.iter().find(|(_, lent)| **lent == connection).map(|(monitor, _)| *monitor);
        if let Some(monitor) = monitor {
            process::demonitor_flush(monitor)?;
            self.take_back(monitor)?;
        }
        Ok(())
    }

    /// A borrower has died.
    fn handle_down(&mut self, down: Down) -> Result<(), NotAProcess> {
        self.take_back(down.monitor)
    }

    fn take_back(&mut self, monitor: MonitorRef) -> Result<(), NotAProcess> {
        self.idle.extend(self.lent.remove(&monitor));
        self.lend()
    }

    fn lend(&mut self) -> Result<(), NotAProcess> {
        self.waiting.retain(|waiting| !waiting.reply.is_closed()); // their time was up
        while !self.waiting.is_empty()
            && let Some(connection) = self.idle.pop()
            && let Some(Waiting { borrower, reply }) = self.waiting.pop_front()
        {
            self.lent.insert(process::monitor(borrower)?, connection.clone());
            reply.send(connection);
        }
        Ok(())
    }
}

/// A connection for the current process.
async fn check_out(pool: &ServerRef<Pool>) -> Result<Connection, CallError> {
    pool.check_out(process::current().expect("only a process can borrow")).await
}

#[otp::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::start_link(1).await?;
    let connection = check_out(&pool).await?;
    pool.check_in(connection.clone());

    // A borrower that crashes with the only connection.
    let borrower = pool.clone();
    let (tell, told) = oneshot::channel();
    Task::start(async move {
        let connection = check_out(&borrower).await?;
        let _ = tell.send(connection);
        Err::<(), _>(ExitReason::new("a crash on purpose"))
    });
    assert_eq!(told.await?, connection);

    // It is lent again all the same.
    assert_eq!(check_out(&pool).await?, connection);
    Ok(())
}
