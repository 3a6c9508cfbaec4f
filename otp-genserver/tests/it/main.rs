//! The contract of `gen_server`, from the outside. Tests are named after what they assert and the ledger's id of it.

#![cfg(feature = "macros")]

mod bounds;
mod by_macro;
mod callbacks;
mod callers_never_hang;
mod calls;
mod casts;
mod drain;
mod in_place;
mod names;
mod requests;
mod spans;
mod start;
mod stop_terminate;
mod streams;
mod support;
mod sys;
mod texts;
mod threads;
mod timeouts;
