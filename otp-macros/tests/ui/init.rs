//! The function `init`.

#![allow(unused_variables)]

#[path = "../support/mod.rs"]
mod otp;

use otp_macros::gen_server;

struct Missing;

#[gen_server(crate = crate::otp)]
impl Missing {}

struct Receiver;

#[gen_server(crate = crate::otp)]
impl Receiver {
    fn init(&self) -> Self {
        Self
    }
}

struct Output;

#[gen_server(crate = crate::otp)]
impl Output {
    fn init() {}
}

struct Generic;

#[gen_server(crate = crate::otp)]
impl Generic {
    fn init<T>(value: T) -> Self {
        Self
    }
}

struct Borrows;

#[gen_server(crate = crate::otp)]
impl Borrows {
    fn init(name: &str, (x, y): (u8, u8)) -> Self {
        Self
    }
}

struct BorrowsNamed;

#[gen_server(crate = crate::otp)]
impl BorrowsNamed {
    fn init(name: &str) -> Self {
        Self
    }
}

struct Marked;

#[gen_server(crate = crate::otp)]
impl Marked {
    #[call]
    fn init() -> Self {
        Self
    }
}

fn main() {}
