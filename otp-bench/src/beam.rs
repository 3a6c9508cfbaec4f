//! The BEAM: runs the same measurement in Elixir, `beam/bench.exs`, with as many schedulers as there would be threads.
//! The script prints the line itself.

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::options::Options;
use crate::outcome::Outcome;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/beam/bench.exs");

pub(crate) fn run(options: &Options, limit: Duration) -> Result<Outcome, String> {
    let Options { workload, threads, n, .. } = options;
    // Processes beyond the limit cannot be started, and the default is 262,144.
    let flags = format!("+S {threads}:{threads} +P 4000000");
    let mut elixir = Command::new("elixir");
    elixir.args(["--erl", &flags, SCRIPT, workload, &n.to_string(), &limit.as_millis().to_string()]);
    let output = match elixir.stdin(Stdio::null()).stderr(Stdio::inherit()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Outcome::Absent("elixir is not installed"));
        }
        Err(error) => return Err(format!("elixir: {error}")),
    };
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && line.starts_with('{') && line.ends_with('}') {
        Ok(Outcome::Line(line))
    } else {
        Err(format!("elixir: {}, and it printed `{line}`", output.status))
    }
}
