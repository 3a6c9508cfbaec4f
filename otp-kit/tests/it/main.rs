//! Tests of `otp-kit` from the outside.

mod named;
#[cfg(all(feature = "agent", feature = "ets", feature = "macros", feature = "pubsub", feature = "registry"))]
mod used;
