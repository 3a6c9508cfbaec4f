//! The contract of `supervisor`, from the outside. Tests are named after what they assert and the ledger's id of it.

mod children;
mod errors;
mod faults;
mod intensity;
mod reports;
mod restarts;
mod retries;
mod shutdown;
mod significant;
mod specs;
mod start;
mod strategies;
mod support;
