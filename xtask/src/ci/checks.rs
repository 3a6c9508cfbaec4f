//! Steps that read the code without running it.

use super::StepResult;
use crate::command::{cargo, run};
use crate::tidy;
use crate::workspace::{BENCH, Workspace};

pub(super) fn fmt(_: &Workspace) -> StepResult {
    Ok(run(&mut cargo("fmt --all --check"))?)
}

pub(super) fn tidy(workspace: &Workspace) -> StepResult {
    Ok(tidy::check(workspace)?)
}

pub(super) fn clippy(_: &Workspace) -> StepResult {
    Ok(run(&mut cargo("clippy --workspace --all-targets --all-features -- -D warnings"))?)
}

pub(super) fn doc(_: &Workspace) -> StepResult {
    let mut command = cargo("doc --no-deps --workspace --all-features --exclude");
    Ok(run(command.arg(BENCH).env("RUSTDOCFLAGS", "-D warnings"))?)
}
