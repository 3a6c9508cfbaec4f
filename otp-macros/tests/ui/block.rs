//! What `#[gen_server]` stands on.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use otp_macros::gen_server;

#[gen_server(crate = crate::otp)]
struct Server;

#[gen_server(crate = crate::otp)]
impl Default for Server {
    fn default() -> Self {
        Self
    }
}

struct Borrowing<'a>(&'a str);

#[gen_server(crate = crate::otp)]
impl<'a> Borrowing<'a> {
    fn init() -> Self {
        Self("")
    }
}

fn main() {}
