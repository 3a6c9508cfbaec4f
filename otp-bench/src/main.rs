//! `otp-bench PEER WORKLOAD [--threads T] [--n N]`: one measurement in a fresh process, printed as one line of JSON.
//!
//! A peer is a library ([`peers`]), a workload is what it has to do ([`workloads`]); [`catalogue`] names both.
//! `cargo xtask bench` runs this program many times and makes a table of its lines.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "real time is what is measured, and the peers' callers are tokio's tasks"
)]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a measurement that went wrong has no result")]

mod beam;
mod catalogue;
mod crash;
mod memory;
mod node;
mod options;
mod outcome;
mod peer;
mod peers;
mod workloads;

use std::process::ExitCode;
use std::time::Duration;
use std::{env, process, thread};

use crate::options::{Options, usage};
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::peers::{Actix, Hydra, Kameo, Otp, Ractor, Raw, Spawned};

/// Whoever is not done by then hangs.
const LIMIT: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.iter().any(|arg| matches!(arg.as_str(), "--help" | "-h")) {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let measured = Options::parse(&args).and_then(|options| {
        thread::spawn(watch);
        Ok((measure(&options)?, options))
    });
    match measured {
        Ok((outcome, options)) => println!("{}", outcome.line(&options)),
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::FAILURE;
        }
    }
    // Not by returning: nobody waits for a million tasks to be taken down.
    process::exit(0)
}

fn watch() {
    thread::sleep(LIMIT);
    eprintln!("error: no result after {} s", LIMIT.as_secs());
    process::exit(1);
}

fn measure(options: &Options) -> Result<Outcome, String> {
    if options.workload.starts_with("ets_") && options.peer != "beam" {
        return Ok(peers::rows::run(options));
    }
    Ok(match options.peer {
        "otp" => on::<Otp<true>>(options),
        "otp-task" => on::<Otp<false>>(options),
        "raw" => on::<Raw>(options),
        "dashmap" => peers::maps::dashmap(options),
        "papaya" => peers::maps::papaya(options),
        "scc" | "rwlock" | "parking_lot" => Outcome::Unsupported("it is for tables"),
        "ractor" => on::<Ractor>(options),
        "kameo" => on::<Kameo<false>>(options),
        "kameo-unbounded" => on::<Kameo<true>>(options),
        "actix" => on::<Actix<false, false>>(options),
        "actix-unbounded" => on::<Actix<true, false>>(options),
        "actix-apart" => on::<Actix<false, true>>(options),
        "hydra" => on::<Hydra>(options),
        "spawned" => on::<Spawned>(options),
        "beam" => beam::run(options, LIMIT)?,
        peer => return Err(format!("the catalogue has `{peer}`, and nobody implements it")),
    })
}

fn on<P: Peer>(options: &Options) -> Outcome {
    let (workload, n) = (options.workload, options.n);
    crash::silence();
    P::run(options.threads, async move { workloads::run::<P>(workload, n).await })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::WORKLOADS;

    /// Few operations, but at least one for each caller and node.
    fn every_workload(peer: &str, but_for: &str) {
        for workload in WORKLOADS.iter().filter(|workload| workload.name != but_for) {
            for threads in ["1", "2"] {
                let args = [peer, workload.name, "--n", "200", "--threads", threads].map(str::to_owned);
                let options = Options::parse(&args).expect("valid");
                let outcome = measure(&options).expect("implemented");
                assert!(matches!(outcome, Outcome::Measured { .. }), "{peer} {}: {outcome:?}", workload.name);
            }
        }
    }

    #[test]
    fn every_workload_runs_here() {
        every_workload("otp", "");
        every_workload("otp-task", "");
    }

    #[test]
    fn the_maps_are_looked_up_in() {
        for peer in ["dashmap", "papaya"] {
            let args = [peer, "registry", "--n", "200"].map(str::to_owned);
            let outcome = measure(&Options::parse(&args).expect("valid")).expect("implemented");
            assert!(matches!(outcome, Outcome::Measured { .. }), "{peer}: {outcome:?}");
        }
    }

    #[test]
    fn every_workload_runs_on_bare_tokio() {
        every_workload("raw", "registry");
    }
}
