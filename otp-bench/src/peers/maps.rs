//! The floor of `registry`: concurrent maps from texts to numbers, with no process behind them. Both hash with ahash, as this
//! workspace does, since std's hasher would cost them more than the rest of a look-up.

use std::sync::Arc;

use ahash::RandomState;

use crate::options::Options;
use crate::outcome::Outcome;
use crate::peer::{Lookup, runtime};
use crate::peers::Raw;
use crate::workloads::{keys, look_up};

pub(crate) fn dashmap(options: &Options) -> Outcome {
    let map = dashmap::DashMap::with_hasher(RandomState::new());
    for (key, n) in keys().into_iter().zip(1_u64..) {
        map.insert(key, n);
    }
    run(options, Arc::new(move |key| map.get(key).map(|number| *number).is_some_and(|number| number > 0)))
}

pub(crate) fn papaya(options: &Options) -> Outcome {
    let map = papaya::HashMap::with_hasher(RandomState::new());
    for (key, n) in keys().into_iter().zip(1_u64..) {
        map.pin().insert(key, n);
    }
    run(options, Arc::new(move |key| map.pin().get(key).copied().is_some_and(|number| number > 0)))
}

fn run(options: &Options, lookup: Lookup) -> Outcome {
    if options.workload != "registry" {
        return Outcome::Unsupported("it is a map");
    }
    let n = options.n;
    runtime(options.threads).block_on(look_up::<Raw>(lookup, n))
}
