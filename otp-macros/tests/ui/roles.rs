//! The helper attributes.

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
    #[cast]
    fn two_roles(&self) {}

    #[call(timeout = 5)]
    fn with_options(&self) {}
}

fn main() {}
