//! The generated code is clean where everything is denied: this crate root compiles, and `cargo clippy` passes it.

#![deny(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]

#[path = "support/mod.rs"]
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    missing_docs,
    missing_debug_implementations,
    reason = "a mock"
)]
mod otp;

use otp_macros::gen_server;

use crate::otp::{Context, Down, ExitReason, InitError, ReplyTo};

/// A server that a library would export.
#[derive(Debug)]
pub struct Public {
    count: i64,
}

#[gen_server(restart = temporary, shutdown = 500ms, crate = crate::otp)]
impl Public {
    async fn init(start: i64, name: String, _cx: &mut Context<Self>) -> Result<Self, InitError> {
        drop(name);
        Ok(Self { count: start })
    }

    #[call]
    fn len(&self) -> i64 {
        self.count
    }

    /// Documented.
    #[call]
    async fn is_even(&self) -> bool {
        self.count % 2 == 0
    }

    #[call]
    #[allow(clippy::too_many_arguments, reason = "the client has as many, and allows it itself")]
    fn many(&mut self, a1: u8, a2: u8, a3: u8, a4: u8, a5: u8, a6: u8, a7: u8, a8: u8) -> u8 {
        a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8
    }

    #[call]
    fn later(&self, reply: ReplyTo<i64>) {
        reply.send(self.count);
    }

    #[cast]
    fn add(&mut self, n: i64) {
        self.count += n;
    }

    #[cast]
    fn nothing(&self, _text: String) {}

    #[info]
    async fn tick(&mut self) -> Result<(), ExitReason> {
        Ok(())
    }

    #[handle_continue]
    fn warm(&mut self) {}

    async fn handle_down(&mut self, _: Down) {}

    fn terminate(&mut self, _: &ExitReason, _: &mut Context<Self>) {}
}

/// A server without messages, which nobody outside sees.
struct Private<T>(T);

#[gen_server(vis = pub(self), crate = crate::otp)]
impl<T: Send + 'static> Private<T> {
    fn init(value: T) -> Self {
        Self(value)
    }

    #[info]
    fn tick(&self) {
        let _ = &self.0;
    }
}

#[test]
fn they_start() {
    let _ = (Public::start(1, "name".to_owned()), Private::start_link(1));
}
