//! The contract of agents, from the outside. Tests are named after what they assert and the ledger's id of it.

mod faults;
mod requests;
mod start;
