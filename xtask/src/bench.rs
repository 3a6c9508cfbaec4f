//! `cargo xtask bench [WORKLOAD…]`: the same work here and on the peers, in interleaved rounds, as one table.
//!
//! `otp-bench` does one measurement in a fresh process and prints a line of JSON; this runs it many times. All peers take
//! their turn in each round, and the first of a round is the last of the next, so that a machine that gets slower or
//! faster meanwhile treats all alike.

#[path = "../../otp-bench/src/catalogue.rs"]
mod catalogue;
mod cpu;
mod options;
mod sample;
mod schedule;
mod table;

use std::env::consts::EXE_SUFFIX;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::command::{self, cargo};
use crate::workspace::{BENCH, Workspace};
use options::{Options, usage};
use sample::{Outcome, Sample};
use schedule::{Run, schedule};

pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    let options = Options::parse(args)?;
    if options.help {
        print!("{}", usage());
        return Ok(ExitCode::SUCCESS);
    }
    let program = build(&Workspace::load()?, "bench")?;
    let samples = measure(&program, &options)?;
    print!("{}", table::render(&options, &samples));
    let failed = samples.iter().any(|sample| matches!(sample.outcome, Outcome::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs every workload on every peer once, with few operations: for ci, which wants to know that they run, not how fast.
/// Returns which peers are not installed here, each once.
pub(crate) fn smoke(workspace: &Workspace) -> Result<Vec<String>, String> {
    let program = build(workspace, "dev")?;
    let samples = measure(&program, &Options::smoke())?;
    let mut absent = Vec::new();
    for sample in &samples {
        let peer = sample.run.peer;
        match &sample.outcome {
            Outcome::Measured { .. } | Outcome::Unsupported(_) => {}
            Outcome::Absent(reason) => {
                let line = format!("{peer}: {reason}");
                if !absent.contains(&line) {
                    absent.push(line);
                }
            }
            Outcome::Failed(reason) => {
                return Err(format!("{peer} {}: {reason}", sample.run.workload));
            }
        }
    }
    Ok(absent)
}

/// Builds `otp-bench`, and says where it is.
fn build(workspace: &Workspace, profile: &str) -> Result<PathBuf, String> {
    command::run(cargo("build --package").args([BENCH, "--profile", profile]))?;
    // These two profiles have folders of other names.
    let folder = if profile == "dev" { "debug" } else { "release" };
    Ok(workspace.target_dir.join(folder).join(format!("{BENCH}{EXE_SUFFIX}")))
}

fn measure(program: &Path, options: &Options) -> Result<Vec<Sample>, String> {
    let mut file = None;
    if let Some(path) = &options.json {
        file = Some(File::create(path).map_err(|error| format!("{path}: {error}"))?);
    }
    let mut samples = Vec::new();
    let mut shown = None;
    for run in schedule(options) {
        let Run { round, workload, threads, .. } = run;
        if shown.replace((round, workload, threads)) != Some((round, workload, threads)) {
            eprintln!("round {} of {}: {workload}, threads: {threads}", round + 1, options.rounds);
        }
        let sample = once(program, run, options.n);
        // At once, so that a long sweep that is interrupted leaves what it has.
        if let Some(file) = &mut file {
            writeln!(file, "{}", sample.json()).map_err(|error| format!("--json: {error}"))?;
        }
        samples.push(sample);
    }
    Ok(samples)
}

/// One measurement in a process of its own.
fn once(program: &Path, run: Run, n: Option<u64>) -> Sample {
    let mut command = Command::new(program);
    command.args([run.peer, run.workload, "--threads", &run.threads.to_string()]);
    if let Some(n) = n {
        command.args(["--n", &n.to_string()]);
    }
    // Nobody is to spend time on backtraces of the panics that `restart` makes.
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let (output, foreign) = cpu::foreign_during(|| command.output());
    let outcome = match output {
        Ok(output) if output.status.success() => Outcome::parse(&String::from_utf8_lossy(&output.stdout)),
        Ok(output) => Outcome::Failed(output.status.to_string()),
        Err(error) => Outcome::Failed(error.to_string()),
    };
    Sample { run, foreign, outcome }
}
