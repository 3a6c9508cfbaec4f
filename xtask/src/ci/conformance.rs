//! The scenarios go the same way here and on a live BEAM.

use super::{StepResult, Stop};
use crate::conformance;
use crate::workspace::Workspace;

/// The same generated scenarios each time, so that a change is judged by what it changes.
pub(super) fn conformance(workspace: &Workspace) -> StepResult {
    require_elixir()?;
    Ok(conformance::gate(workspace, 100, Some(1))?)
}

/// Many, and others each time.
pub(super) fn full(workspace: &Workspace) -> StepResult {
    require_elixir()?;
    Ok(conformance::gate(workspace, 2_000, None)?)
}

fn require_elixir() -> StepResult {
    if conformance::has_elixir() {
        return Ok(());
    }
    Err(Stop::ToolAbsent("elixir is not installed: apt-get install elixir".to_owned()))
}
