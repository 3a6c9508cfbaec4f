//! What a message's method begins with.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use otp_macros::gen_server;

struct Server;

#[gen_server(crate = crate::otp)]
impl Server {
    fn init() -> Self {
        Self
    }

    #[call]
    fn by_value(self) {}

    #[call]
    fn boxed(self: Box<Self>) {}

    #[cast]
    fn without_state(n: u8) {}

    #[cast]
    unsafe fn dangerous(&self) {}
}

fn main() {}
