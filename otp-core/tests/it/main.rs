//! The contract of processes, seen from outside. Tests of a ledger entry are named after its id.

#![cfg(all(feature = "macros", not(otp_loom)))]

mod aliases;
mod bounds;
mod bounds_model;
#[path = "../capture/mod.rs"]
mod capture;
mod crash_reports;
mod death_order;
mod exits;
mod info;
mod links;
mod monitors;
mod names;
mod panics;
mod puppet;
mod receiving;
mod replies;
mod runtime;
mod signals;
mod spawning;
mod support;
mod texts;
mod threads;
mod timers;
mod timers_more;
mod wakers;
