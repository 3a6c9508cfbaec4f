//! The contract of tasks, task supervisors and streams of tasks, from the outside. Tests are named after what they assert and the
//! ledger's id of it.

#![cfg(feature = "supervisor")]

mod awaits;
mod basics;
mod blocking;
mod info;
mod shutdown;
mod stream_faults;
mod streams;
mod supervised_streams;
mod supervisor;
mod support;
mod texts;
mod yields;
