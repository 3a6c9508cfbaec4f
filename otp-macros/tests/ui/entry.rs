//! `#[main]` and `#[test]`.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

#[otp_macros::main(crate = crate::otp)]
fn not_async() {}

#[otp_macros::main(crate = crate::otp)]
async fn with_arguments(n: u8) {}

#[otp_macros::main(crate = crate::otp)]
async fn generic<T>() {}

#[otp_macros::main(flavor = "single_thread")]
async fn unknown_flavor() {}

#[otp_macros::main(threads = 4)]
async fn unknown_option() {}

#[otp_macros::main(start_paused = true)]
async fn paused() {}

#[otp_macros::test(worker_threads = 4)]
async fn workers() {}

#[otp_macros::main(worker_threads = 0)]
async fn no_workers() {}

#[otp_macros::main(worker_threads = 1, worker_threads = 2)]
async fn twice() {}

#[otp_macros::main]
struct NotAFunction;

#[otp_macros::main(crate = crate::otp)]
async fn wrong_type() -> Result<u8, String> {
    1
}

#[otp_macros::main(crate = crate::otp)]
async fn main() {}
