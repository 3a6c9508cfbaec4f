//! `otp-conformance generate AREA COUNT SEED` prints scenarios, `otp-conformance run FILE` runs some here and prints
//! what happened.
//!
//! A [`scenario`] is a few lines of text that `beam/runner.exs` runs on a live BEAM in the same way.
//! `cargo xtask conformance` has both do it, and compares.

mod action;
mod actor;
mod draw;
mod generate;
mod partitions;
mod reason;
mod registry;
mod run;
mod scenario;
mod server;
mod tables;
mod tree;
mod verbs;
mod world;

use std::process::{self, ExitCode};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, panic, thread};

use crate::scenario::Scenario;

const USAGE: &str = "\
Usage: otp-conformance generate AREA COUNT SEED
       otp-conformance run FILE
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let printed = match words.as_slice() {
        ["generate", area, count, seed] => generate(area, count, seed),
        ["run", file] => run(file),
        _ => Err(USAGE.to_owned()),
    };
    match printed {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn generate(area: &str, count: &str, seed: &str) -> Result<String, String> {
    let number = |word: &str| word.parse::<u64>().map_err(|error| format!("`{word}`: {error}"));
    let scenarios = generate::scenarios(area, number(count)?, number(seed)?)?;
    Ok(scenarios.iter().map(ToString::to_string).collect())
}

fn run(file: &str) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let scenarios = Scenario::parse_all(&text)?;
    // Crashes are what the scenarios are about.
    panic::set_hook(Box::new(|_| {}));
    let begun = watch();
    let traces = scenarios.iter().enumerate().map(|(index, scenario)| {
        // Nobody listens any more only if the program is about to end.
        let _ = begun.send(scenario.name.clone());
        run::trace(scenario, index)
    });
    Ok(traces.collect())
}

/// What one scenario may take, which has milliseconds of work: the clock in it is paused.
const LIMIT: Duration = Duration::from_secs(60);

/// Hears of each scenario that begins, and ends the program if one never comes to rest: processes that keep each other busy
/// leave the paused clock no chance to move.
fn watch() -> mpsc::Sender<String> {
    let (begun, scenarios) = mpsc::channel();
    thread::spawn(move || {
        let mut current = String::new();
        loop {
            match scenarios.recv_timeout(LIMIT) {
                Ok(next) => current = next,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("error: {current} does not come to rest");
                    process::exit(1);
                }
            }
        }
    });
    begun
}
