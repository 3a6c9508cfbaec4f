//! The contract of `Registry`, from the outside. Tests are named after what they assert and the ledger's id of it.

mod dispatch;
mod duplicate;
mod faults;
mod listeners;
mod locks;
mod matching;
mod meta;
mod own_entries;
mod restarts;
mod start;
mod support;
mod texts;
mod unique;
mod via;
