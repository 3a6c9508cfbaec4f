//! Steps that run tests.

use super::StepResult;
use crate::command::{cargo, cargo_has, run};
use crate::workspace::{BENCH, Workspace};

/// cargo-nextest, where it is installed, runs each test in a process of its own; [`alone`] runs them as
/// threads of one process.
pub(super) fn together(_: &Workspace) -> StepResult {
    let runner = if cargo_has("nextest") { "nextest run" } else { "test --lib --bins --tests --examples" };
    Ok(run(cargo(runner).args(["--workspace", "--exclude", BENCH, "--all-features", "--no-fail-fast"]))?)
}

/// Built together, the crates share one set of features for each dependency, and one crate's features hide
/// what another forgot to ask for.
pub(super) fn alone(workspace: &Workspace) -> StepResult {
    let mut failures = Vec::new();
    for member in workspace.tested() {
        let result = run(cargo("test --no-fail-fast --package").arg(&member.name));
        failures.extend(result.err());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// loom stands in for the locks and atomics of `otp-core/src/sync.rs`, so it is a build of its own.
pub(super) fn loom(workspace: &Workspace) -> StepResult {
    run_models(workspace, &[])
}

/// The same models, looked at further: see `otp-core/src/loom_rig.rs`.
pub(super) fn loom_full(workspace: &Workspace) -> StepResult {
    run_models(workspace, &[("OTP_LOOM_FULL", "1")])
}

fn run_models(workspace: &Workspace, env: &[(&str, &str)]) -> StepResult {
    let mut models = cargo("test --release --package otp-core --no-default-features --lib loom_");
    let target = workspace.target_dir.join("loom");
    models.envs(env.iter().copied());
    Ok(run(models.env("RUSTFLAGS", "--cfg otp_loom").env("CARGO_TARGET_DIR", target))?)
}

/// Real time, which on a shared machine proves nothing: printed, not judged.
pub(super) fn figures(_: &Workspace) -> StepResult {
    Ok(run(&mut cargo("test --package otp-genserver --test fairness -- --nocapture"))?)
}

/// Ten million random operations on tables.
pub(super) fn stress(_: &Workspace) -> StepResult {
    Ok(run(&mut cargo("test --release --package otp-ets --test stress"))?)
}

/// What takes minutes, or a quiet machine.
pub(super) fn long(_: &Workspace) -> StepResult {
    let mut leaks = cargo("test --release --package otp-core --test leaks -- --nocapture");
    run(leaks.env("OTP_LEAK_PROCESSES", "1000000"))?;
    let mut leaks = cargo("test --release --package otp-registry --test leaks -- --nocapture");
    run(leaks.env("OTP_LEAK_PROCESSES", "1000000"))?;
    let mut tree = cargo("test --release --package otp-supervisor --test tree -- --nocapture");
    run(tree.env("OTP_TREE_BRANCHES", "10").env("OTP_TREE_KILLS", "100000"))?;
    let mut escalation =
        cargo("test --release --package otp-application --test programs --example scenarios big_tree");
    run(escalation.env("OTP_TREE_BRANCHES", "10"))?;
    let mut stress = cargo("test --release --package otp-ets --test stress");
    run(stress.env("OTP_ETS_STRESS", "1000000000"))?;
    let mut figures = cargo("test --release --package otp-genserver --test fairness -- --nocapture");
    Ok(run(figures.env("OTP_CHECK_FIGURES", "1"))?)
}

pub(super) fn doctest(_: &Workspace) -> StepResult {
    Ok(run(cargo("test --no-fail-fast --doc --workspace --all-features --exclude").arg(BENCH))?)
}
