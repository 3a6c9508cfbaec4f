//! `cargo xtask conformance [AREA…]`: the same scenarios here and on a live BEAM, and what happened compared.
//!
//! `otp-conformance` holds the scenarios written by hand, makes others from a seed, and runs them here;
//! `otp-conformance/beam/runner.exs` runs them in Elixir. This gives both the same file and compares what they print.

mod options;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::clock::timed;
use crate::command::{self, cargo, stdout};
use crate::tidy::read;
use crate::workspace::Workspace;
use options::{Options, Which, usage};
use trace::{Comparison, Scenario, compare};

/// The crate that holds the scenarios.
const PACKAGE: &str = "otp-conformance";

pub(crate) fn run(args: &[String]) -> Result<ExitCode, String> {
    let options = Options::parse(args)?;
    if options.help {
        print!("{}", usage());
        return Ok(ExitCode::SUCCESS);
    }
    if !has_elixir() {
        return Err("elixir is not installed".to_owned());
    }
    let mismatches = check(&Workspace::load()?, &options)?;
    Ok(if mismatches == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether there is a BEAM to compare with.
pub(crate) fn has_elixir() -> bool {
    let mut probe = Command::new("elixir");
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// For ci: everything that was written by hand, and so many generated scenarios of each area.
pub(crate) fn gate(workspace: &Workspace, count: u64, seed: Option<u64>) -> Result<(), String> {
    let mut options = Options { count, ..Options::default() };
    options.seed = seed.unwrap_or(options.seed);
    match check(workspace, &options)? {
        0 => Ok(()),
        1 => Err("a scenario went differently, see above".to_owned()),
        mismatches => Err(format!("{mismatches} scenarios went differently, see above")),
    }
}

/// Runs what is asked for, and prints each scenario that went differently. Returns how many did.
fn check(workspace: &Workspace, options: &Options) -> Result<usize, String> {
    let runners = Runners::build(workspace)?;
    let scenarios = runners.scenarios(workspace, options)?;
    println!("{} scenarios, seed {}", scenarios.len(), options.seed);
    let ((here, beam), time) = {
        let (traces, time) = timed(|| runners.both(&scenarios));
        (traces?, time)
    };
    let mut different = compare(&scenarios, &here, &beam)?;
    // On a busy machine the BEAM's runner may have taken a pause for the end of a step.
    if !different.is_empty() {
        let again: Vec<Scenario> = different.iter().map(|found| found.scenario.clone()).collect();
        println!("{} went differently; they run again, with pauses", again.len());
        let (here, beam) = (runners.here(&again)?, runners.beam(&again, true)?);
        different = compare(&again, &here, &beam)?;
    }
    for found in &different {
        print!("\n{found}");
    }
    if let Some(Comparison { scenario, .. }) = different.first() {
        let (count, seed) = (options.count, options.seed);
        println!(
            "\nto repeat: cargo xtask conformance --count {count} --seed {seed} --only {}",
            scenario.name
        );
    }
    println!(
        "{} the same, {} different, {:.1} s",
        scenarios.len() - different.len(),
        different.len(),
        time.as_secs_f64()
    );
    Ok(different.len())
}

/// The two programs that run scenarios, and a folder for what they read.
struct Runners {
    here: PathBuf,
    beam: PathBuf,
    folder: PathBuf,
}

impl Runners {
    fn build(workspace: &Workspace) -> Result<Self, String> {
        command::run(cargo("build --package").arg(PACKAGE))?;
        let program = format!("{PACKAGE}{}", std::env::consts::EXE_SUFFIX);
        let folder = workspace.target_dir.join("conformance");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self {
            here: workspace.target_dir.join("debug").join(program),
            beam: workspace.root.join(PACKAGE).join("beam/runner.exs"),
            folder,
        })
    }

    fn scenarios(&self, workspace: &Workspace, options: &Options) -> Result<Vec<Scenario>, String> {
        let mut scenarios = Vec::new();
        for area in &options.areas {
            let folder = workspace.root.join(PACKAGE).join("scenarios").join(area);
            let folder = if options.which == Which::Open { folder.join("open") } else { folder };
            for path in text_files(&folder)? {
                scenarios.extend(Scenario::split(&read(&path)?));
            }
            if options.which == Which::Closed {
                let (count, seed) = (options.count.to_string(), options.seed.to_string());
                let text = stdout(Command::new(&self.here).args(["generate", area, &count, &seed]))?;
                scenarios.extend(Scenario::split(&text));
            }
        }
        if let Some(part) = &options.only {
            scenarios.retain(|scenario| scenario.name.contains(part.as_str()));
        }
        if scenarios.is_empty() { Err("there is no such scenario".to_owned()) } else { Ok(scenarios) }
    }

    /// Runs the scenarios here and there at the same time.
    fn both(&self, scenarios: &[Scenario]) -> Result<(String, String), String> {
        std::thread::scope(|scope| {
            let beam = scope.spawn(|| self.beam(scenarios, false));
            let here = self.here(scenarios)?;
            let beam =
                beam.join().map_err(|_| "the thread that waits for the BEAM panicked".to_owned())??;
            Ok((here, beam))
        })
    }

    fn here(&self, scenarios: &[Scenario]) -> Result<String, String> {
        stdout(Command::new(&self.here).arg("run").arg(self.write("here", scenarios)?))
    }

    fn beam(&self, scenarios: &[Scenario], pauses: bool) -> Result<String, String> {
        let mut elixir = Command::new("elixir");
        elixir.arg(&self.beam).arg(self.write("beam", scenarios)?);
        stdout(elixir.args(pauses.then_some("slow")))
    }

    fn write(&self, runner: &str, scenarios: &[Scenario]) -> Result<PathBuf, String> {
        let path = self.folder.join(format!("{runner}.txt"));
        let text: String = scenarios.iter().map(|scenario| scenario.text.as_str()).collect();
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

/// The `.txt` files of a folder, sorted; none if there is no such folder.
fn text_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
