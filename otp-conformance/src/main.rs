//! `otp-conformance generate AREA COUNT SEED` prints scenarios, `otp-conformance run FILE` runs some here and prints
//! what happened.
//!
//! A [`scenario`] is a few lines of text that `beam/runner.exs` runs on a live BEAM in the same way.
//! `cargo xtask conformance` has both do it, and compares.

mod action;
mod actor;
mod draw;
mod generate;
mod reason;
mod run;
mod scenario;
mod server;
mod tree;
mod verbs;
mod world;

use std::process::ExitCode;
use std::{env, fs, panic};

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
    Ok(scenarios.iter().enumerate().map(|(index, scenario)| run::trace(scenario, index)).collect())
}
