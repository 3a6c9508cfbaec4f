//! The example application of OTP for Rust: an HTTP service over a TTL cache and a rate limiter.

mod cache;
mod limiter;
mod report;

fn main() {}
