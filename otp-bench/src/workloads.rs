//! The workloads, written once for every [`Peer`]. One file per shape of work.

mod calls;
mod casts;
pub(crate) mod ets;
mod nodes;
mod pubsub;
mod registry;
mod restarts;
mod starts;

use crate::crash::Crash;
use crate::outcome::Outcome;
use crate::peer::Peer;

pub(crate) use pubsub::{Heard, Publish, SUBSCRIBERS};
pub(crate) use registry::{keys, look_up};

/// Runs a workload of the catalogue with `n` operations.
pub(crate) async fn run<P: Peer>(workload: &str, n: u64) -> Outcome {
    match workload {
        "call" => calls::call::<P>(n).await,
        "call5s" => calls::call5s::<P>(n).await,
        "cast" => casts::cast::<P>(n).await,
        "fanin" => calls::fanin::<P>(n).await,
        "many" => calls::many::<P>(n).await,
        "spawn" => starts::spawn::<P>(n).await,
        "spawn_only" => starts::spawn_only::<P>(n).await,
        "restart" => restarts::restart::<P>(Crash::Panic, n).await,
        "restart_err" => restarts::restart::<P>(Crash::Error, n).await,
        "ring" => nodes::ring::<P>(n).await,
        "registry" => registry::registry::<P>(n).await,
        "pubsub" => pubsub::pubsub::<P>(n).await,
        "big" => nodes::big::<P>(n).await,
        _ => Outcome::Unsupported("nobody has written this workload"),
    }
}
