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

struct Shown;

#[gen_server(crate = crate::otp)]
impl Shown {
    fn init() -> Self {
        Self
    }

    #[call]
    fn get(&self) -> u64 {
        1
    }

    fn format_state(&mut self) -> Option<String> {
        None
    }

    fn format_call(&self, call: &ShownCall) -> Option<String> {
        None
    }

    async fn format_cast(cast: &std::convert::Infallible) -> Option<String> {
        None
    }

    fn format_info(info: &std::convert::Infallible) {}
}

fn main() {}
