//! The options of `#[gen_server]`.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use otp_macros::gen_server;

struct Server;

#[gen_server(crate = crate::otp, name = "server")]
impl Server {
    fn init() -> Self {
        Self
    }

    #[call]
    fn get(&self) {}
}

#[gen_server(restart = always)]
impl Server {}

#[gen_server(shutdown = 10)]
impl Server {}

#[gen_server(shutdown = 1.5s)]
impl Server {}

#[gen_server(shutdown = never)]
impl Server {}

#[gen_server(vis = private)]
impl Server {}

#[gen_server(restart = permanent, restart = permanent)]
impl Server {}

#[gen_server(client = "Client")]
impl Server {}

fn main() {}
