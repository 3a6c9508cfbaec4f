//! The signals that tell a program to end.

use std::io;

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
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(windows)]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
        }
    }

    #[cfg(windows)]
    pub(crate) async fn next(&mut self) -> Order {
        self.interrupt.recv().await;
        INTERRUPT
    }
}
