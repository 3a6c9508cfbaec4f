//! What the compiler finds in the expansion is reported at the user's code.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use std::rc::Rc;

use otp_macros::gen_server;

struct Server;

#[gen_server(crate = crate::otp)]
impl Server {
    fn init() -> Self {
        Self
    }

    #[cast]
    fn not_send(&self, n: Rc<u8>) {}

    #[cast]
    fn not_an_error(&self) -> Result<(), u8> {
        Ok(())
    }

    fn handle_down(&mut self, down: u8) {}
}

fn main() {}
