//! Return types of messages.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use otp::{ExitReason, ReplyTo};
use otp_macros::gen_server;

struct Server(String);

#[gen_server(crate = crate::otp)]
impl Server {
    fn init() -> Self {
        Self(String::new())
    }

    #[call]
    fn text(&self) -> &str {
        &self.0
    }

    #[call]
    fn chars(&self) -> impl Iterator<Item = char> {
        self.0.chars()
    }

    #[call]
    fn twice(&self, reply: ReplyTo<u8>) -> u8 {
        1
    }

    #[cast]
    fn cast(&self) -> u8 {
        1
    }

    #[cast]
    fn add(&self) -> u8 {
        1
    }

    #[info]
    fn tick(&self) -> Result<u8, ExitReason> {
        Ok(1)
    }

    #[handle_continue]
    fn warm(&self) -> bool {
        true
    }
}

fn main() {}
