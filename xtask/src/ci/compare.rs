//! The comparison with other libraries says how many lines there are.

use std::process::Command;
use std::time::Duration;

use super::{StepResult, Stop};
use crate::command::run_within;
use crate::compare;
use crate::conformance::has_elixir;
use crate::workspace::Workspace;

/// How long each Elixir program may run.
const LIMIT: Duration = Duration::from_secs(60);

/// The sources in Elixir run as well. Ours are examples, with a step of their own; the other Rust libraries' are not built here.
pub(super) fn compare(workspace: &Workspace) -> StepResult {
    compare::check(workspace)?;
    if !has_elixir() {
        return Err(Stop::ToolAbsent("elixir is not installed: apt-get install elixir".to_owned()));
    }
    for program in compare::elixir_sources(workspace) {
        run_within(Command::new("elixir").arg(program), LIMIT)?;
    }
    Ok(())
}
