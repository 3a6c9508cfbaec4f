//! The contract of `PubSub`, from the outside. Tests are named after what they assert and the ledger's id of it.

mod adapters;
mod broadcasts;
mod faults;
mod streams;
mod subscriptions;
mod support;
mod texts;
