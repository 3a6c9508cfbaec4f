//! The examples of the facade, each a program that ends in assertions.

use std::process::Command;
use std::time::Duration;

use super::StepResult;
use crate::command::{cargo, run, run_within};
use crate::tidy::rust_files;
use crate::workspace::Workspace;

/// How long each may run. They take a second or two.
const LIMIT: Duration = Duration::from_secs(30);

/// Builds them all first, so that the limit is for running alone.
pub(super) fn examples(workspace: &Workspace) -> StepResult {
    run(&mut cargo("build --package otp-kit --examples"))?;
    let built = workspace.target_dir.join("debug").join("examples");
    let mut failures = Vec::new();
    for source in rust_files(&workspace.root.join("otp-kit/examples"))? {
        let name = source.file_stem().ok_or_else(|| format!("{}: no name", source.display()))?;
        // Some crash on purpose.
        let mut example = Command::new(built.join(name));
        failures.extend(run_within(example.env("RUST_BACKTRACE", "0"), LIMIT).err());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}
