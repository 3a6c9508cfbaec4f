//! The benchmarks still run.

use super::{StepResult, Stop};
use crate::bench;
use crate::command::{cargo, run};
use crate::workspace::{BENCH, Workspace};

/// `otp-bench`'s own tests run here and not in `test` and `alone`: they need all peers to be built.
pub(super) fn bench(workspace: &Workspace) -> StepResult {
    run(cargo("test --package").arg(BENCH))?;
    let absent = bench::smoke(workspace)?;
    if absent.is_empty() { Ok(()) } else { Err(Stop::ToolAbsent(absent.join("\n"))) }
}
