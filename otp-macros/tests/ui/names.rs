//! Names of messages.

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
    fn stop(&self) {}

    #[cast]
    fn whereis(&self) {}

    #[info]
    fn start_link(&self) {}

    #[info]
    fn handle_timeout(&self) {}

    #[cast]
    fn handle_call(&self) {}

    #[call]
    fn get_1(&self) {}

    #[call]
    fn get1(&self) {}

    #[info]
    fn self_(&self) {}

    fn handle_info(&self) {}
}

fn main() {}
