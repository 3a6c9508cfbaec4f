//! Arguments of messages.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use std::borrow::Cow;

use otp::{Context, ReplyTo};
use otp_macros::gen_server;

struct Server;

#[gen_server(crate = crate::otp)]
impl Server {
    fn init() -> Self {
        Self
    }

    #[call]
    fn text(&self, text: &str) {}

    #[cast]
    fn slice(&self, bytes: Option<&[u8]>) {}

    #[cast]
    fn reference(&self, counter: &u64) {}

    #[cast]
    fn anonymous(&self, text: impl Into<String>) {}

    #[info]
    fn lifetime(&self, text: Cow<'_, str>) {}

    #[cast]
    fn generic<T: Send>(&self, value: T) {}

    #[cast]
    fn named_lifetime<'a>(&self, text: &'a str) {}

    #[cast]
    fn pattern(&self, (x, y): (u8, u8)) {}

    #[cast]
    fn unnamed(&self, _: u8) {}

    #[cast]
    fn shared_context(&self, cx: &Context<Self>) {}

    #[cast]
    fn context_first(&self, cx: &mut Context<Self>, n: u8) {}

    #[call]
    fn late_reply(&self, n: u8, reply: ReplyTo<u8>) {}
}

fn main() {}
