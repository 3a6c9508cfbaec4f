//! The macros at work, against the runtime in `support`.

mod counter;
mod entry;
mod forms;
mod generic;
#[path = "../support/mod.rs"]
mod otp;
mod ui;
