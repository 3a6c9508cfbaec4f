//! The contract of `gen_server`, from the outside. Tests are named after what they assert and the ledger's id of it.

mod callers_never_hang;
mod start;
mod support;
