//! What the workspace depends on: `deny.toml`'s rules, checked by cargo-deny.

use super::{StepResult, Stop};
use crate::command::{cargo, cargo_has, output, run};
use crate::workspace::Workspace;

/// These need no network.
pub(super) fn rules(_: &Workspace) -> StepResult {
    require_cargo_deny()?;
    Ok(run(&mut cargo("deny check bans licenses sources"))?)
}

/// Needs the RustSec database, which cargo-deny fetches; where the network does not allow that, the step is
/// skipped.
pub(super) fn advisories(_: &Workspace) -> StepResult {
    require_cargo_deny()?;
    let output = output(&mut cargo("deny check advisories"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    eprint!("{text}");
    if output.status.success() {
        Ok(())
    } else if text.contains("failed to fetch advisory database") {
        Err(Stop::OutOfReach("the advisory database cannot be fetched from here".to_owned()))
    } else {
        Err(Stop::Failed("`cargo deny check advisories` found something, see above".to_owned()))
    }
}

fn require_cargo_deny() -> StepResult {
    if cargo_has("deny") {
        return Ok(());
    }
    Err(Stop::ToolAbsent("cargo-deny is not installed: cargo install --locked cargo-deny".to_owned()))
}
