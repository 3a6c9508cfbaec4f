//! The contract of applications, seen from outside. Tests of a ledger entry are named after its id.

mod configuration;
mod dependencies;
mod environment;
mod lists;
mod shutdown;
mod start;
mod stop;
mod support;
