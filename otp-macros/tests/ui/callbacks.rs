//! The callbacks that are recognised by name.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use otp::{Context, ExitReason};
use otp_macros::gen_server;

struct Server;

#[gen_server(crate = crate::otp)]
impl Server {
    fn init() -> Self {
        Self
    }

    fn handle_timeout(&mut self, after: u64) {}

    fn handle_down(&mut self, cx: &mut Context<Self>) {}

    fn handle_exit(&mut self) -> bool {
        true
    }

    fn terminate(&mut self, reason: &ExitReason) -> Result<(), ExitReason> {
        Ok(())
    }
}

struct Other;

#[gen_server(crate = crate::otp)]
impl Other {
    fn init() -> Self {
        Self
    }

    fn handle_timeout() {}

    fn handle_down(&mut self, down: otp::Down) -> bool {
        true
    }
}

fn main() {}
