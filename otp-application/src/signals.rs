//! The signals that tell a program to end.

use std::sync::mpsc;
use std::{io, thread};

use crate::halt::exit_code;

/// A signal that tells the program to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) name: &'static str,
    /// What a program exits with that such a signal ends at once.
    pub(crate) exit_code: u8,
}

const INTERRUPT: Order = Order { name: "SIGINT", exit_code: exit_code::INTERRUPTED };
#[cfg(unix)]
const TERMINATE: Order = Order { name: "SIGTERM", exit_code: exit_code::TERMINATED };

/// ctrl-c and SIGTERM, from the moment this is made.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

/// Hands each signal on, from a thread of its own: whoever blocks the threads of the program's runtime keeps none from being
/// obeyed. It goes on for as long as the program.
pub(crate) fn obey(mut on_order: impl FnMut(Order) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (listening, outcome) = mpsc::channel();
    let listen = async move {
        match Signals::listen() {
            Ok(mut signals) => {
                let _ = listening.send(Ok(()));
                loop {
                    on_order(signals.next().await);
                }
            }
            Err(error) => drop(listening.send(Err(error))),
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
    outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the thread for signals has ended")))
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(windows)]
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
        }
    }

    #[cfg(windows)]
    async fn next(&mut self) -> Order {
        self.interrupt.recv().await;
        INTERRUPT
    }
}
