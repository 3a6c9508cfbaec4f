//! The workspace's own commands. `cargo xtask help` lists them.
//!
//! A subcommand is a module with a `run` function and one entry in [`SUBCOMMANDS`].

mod bench;
mod ci;
mod clock;
mod command;
mod compare;
mod conformance;
mod ledger;
mod pages;
mod tidy;
mod version;
mod workspace;

use std::env;
use std::process::ExitCode;

/// One word after `cargo xtask`.
struct Subcommand {
    name: &'static str,
    about: &'static str,
    /// Takes the arguments after the name. An `Err` says why it could not do its work.
    run: fn(&[String]) -> Result<ExitCode, String>,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "bench",
        about: "the same work here and on the peers, side by side (bench --help)",
        run: bench::run,
    },
    Subcommand { name: "ci", about: "run the checks that a change must pass (ci --help)", run: ci::run },
    Subcommand {
        name: "compare",
        about: "the same three programs here and elsewhere, by lines (--write puts them into docs/compare.md)",
        run: compare::run,
    },
    Subcommand {
        name: "conformance",
        about: "the same scenarios here and on a live BEAM, compared (conformance --help)",
        run: conformance::run,
    },
    Subcommand {
        name: "ledger",
        about: "which behaviours of docs/ledger/ have a test or a recorded difference",
        run: ledger::run,
    },
    Subcommand { name: "tidy", about: "check the rules that the compiler cannot", run: tidy::run },
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode, String> {
    let (name, rest) = match args.split_first() {
        None => ("help", [].as_slice()),
        Some((name, rest)) => (name.as_str(), rest),
    };
    if matches!(name, "help" | "--help" | "-h") {
        print!("{}", help());
        return Ok(ExitCode::SUCCESS);
    }
    let subcommand = SUBCOMMANDS
        .iter()
        .find(|subcommand| subcommand.name == name)
        .ok_or_else(|| format!("there is no subcommand `{name}`\n\n{}", help()))?;
    (subcommand.run)(rest)
}

fn help() -> String {
    let mut text = String::from("Usage: cargo xtask SUBCOMMAND [ARGUMENT…]\n\n");
    for Subcommand { name, about, .. } in SUBCOMMANDS {
        text += &format!("  {name:<12} {about}\n");
    }
    text + "  help         print this\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_subcommand() {
        assert!(SUBCOMMANDS.iter().all(|subcommand| help().contains(subcommand.about)));
    }

    #[test]
    fn an_unknown_subcommand_is_an_error_that_names_it() {
        let message = dispatch(&["frobnicate".to_owned()]).expect_err("no such subcommand");
        assert!(message.contains("`frobnicate`") && message.contains("  ci "), "{message}");
    }
}
