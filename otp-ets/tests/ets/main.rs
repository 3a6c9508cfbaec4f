//! The behaviours of `docs/ledger/ets.md`, by id.

#![expect(clippy::unwrap_used, reason = "also helpers of tests may fail by panicking")]

mod closures;
mod concurrency;
mod counters;
mod deleting;
mod files;
mod inserting;
mod looking_up;
mod ownership;
mod selecting;
mod support;
mod tables;
mod walking;
