//! The behaviours of `docs/ledger/ets.md`, by id.

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
